"""Random numbers of a run: the noise at its start and the noise of its steps.

Everything is drawn so that a seed gives the numbers it gives elsewhere (D-001 to D-008). Start
noise always comes from the CPU; step noise of the default kind from the latent's device.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

SEED_MAX = 2**64 - 1

StepNoise = Callable[[Any, Any], torch.Tensor]
"""From the sigma where a step begins and where it ends to noise in the latent's shape."""


def start_noise(
    latent: torch.Tensor, seed: int, batch_index: Sequence[int] | None = None
) -> torch.Tensor:
    """Draw the noise at the start of a run (D-001, D-003).

    The global generator of the CPU is seeded and used, so that what is drawn without a
    generator later in the run follows the same seed (D-002).

    Args:
        latent: ``(batch, channels, ...)``; its shape and dtype count.
        seed: 0 to 2**64 - 1.
        batch_index: For each item, its place in the batch it was first made in; the item gets
            the noise of that place. None draws the whole batch at once.

    Returns:
        Standard normal values in the shape and dtype of ``latent``, on the CPU. With
        ``batch_index`` there is one item an index.
    """
    generator = torch.manual_seed(seed)
    if batch_index is None:
        return _draw(latent.shape, latent.dtype, generator)
    wanted = set(batch_index)
    item_shape = (1, *latent.shape[1:])
    drawn: dict[int, torch.Tensor] = {}
    for place in range(max(wanted, default=-1) + 1):
        noise = _draw(item_shape, latent.dtype, generator)
        if place in wanted:
            drawn[place] = noise
    return torch.cat([drawn[place] for place in batch_index])


def start_noise_of_parts(parts: Sequence[torch.Tensor], seed: int) -> list[torch.Tensor]:
    """Draw the noise of a latent with several parts, one after the other (D-005)."""
    generator = torch.manual_seed(seed)
    return [_draw(part.shape, part.dtype, generator) for part in parts]


def no_noise(latent: torch.Tensor) -> torch.Tensor:
    """Return zeros in the shape and dtype of ``latent``, on the CPU (D-004)."""
    return torch.zeros(latent.shape, dtype=latent.dtype, device="cpu")


def _draw(shape: Sequence[int], dtype: torch.dtype, generator: torch.Generator) -> torch.Tensor:
    return torch.randn(shape, dtype=dtype, layout=torch.strided, generator=generator, device="cpu")


def fit_empty_latent(latent: torch.Tensor, channels: int, dimensions: int = 2) -> torch.Tensor:
    """Give a latent of zeros the channels and axes that a model wants (D-006).

    Args:
        latent: ``(batch, channels, ...)``.
        channels: Channels of the model's latents.
        dimensions: Axes after the channels: 3 for models of video.

    Returns:
        ``latent`` itself where it fits or is not all zero, save that a picture gets a frame
        axis for a model of video.
    """
    if latent.shape[1] != channels and not bool(torch.count_nonzero(latent)):
        repeats = -(-channels // latent.shape[1])
        latent = latent.repeat(1, repeats, *([1] * (latent.ndim - 2)))[:, :channels]
    if dimensions == 3 and latent.ndim == 4:
        latent = latent.unsqueeze(2)
    return latent


def default_step_noise(x: torch.Tensor, seed: int | None = None) -> StepNoise:
    """Return a source that draws new values at each call, whatever the sigmas (D-007).

    Args:
        x: The latent; its shape, dtype and device count.
        seed: The run's seed; None continues the device's global generator.
    """
    if seed is None:
        return lambda _sigma, _next: torch.randn_like(x)
    if x.device.type == "cpu":
        # One further than the start noise, which would otherwise be drawn again. The other
        # program fails at the highest seed; wrapping around hurts nobody.
        seed = (seed + 1) & SEED_MAX
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)

    def draw(_sigma: Any, _next: Any) -> torch.Tensor:
        return torch.randn(
            x.size(), dtype=x.dtype, layout=x.layout, device=x.device, generator=generator
        )

    return draw


class BrownianTreeNoise:
    """Noise of the steps as increments of one Brownian motion over sigma (D-008).

    A smaller step sees a finer part of the same path, so that runs with more steps stay close
    to runs with fewer. Source of the tree: torchsde 0.2.6 (Li et al. 2020, arXiv:2001.01328).

    Args:
        x: The latent; its shape, dtype and device count.
        sigma_min: Lowest sigma that is asked for, above 0.
        sigma_max: Highest sigma that is asked for.
        seed: The run's seed; None takes one from the global generator.
        on_cpu: Whether the path is made on the CPU and moved, which gives the same numbers on
            each machine.
    """

    def __init__(
        self,
        x: torch.Tensor,
        sigma_min: Any,
        sigma_max: Any,
        seed: int | None = None,
        on_cpu: bool = True,
    ) -> None:
        # torchsde brings scipy; only runs that need the tree pay for importing it.
        import torchsde

        low, high, self._sign = _ordered(sigma_min, sigma_max)
        self._device = x.device
        if seed is None:
            seed = int(torch.randint(0, 2**63 - 1, ()))
        origin = torch.zeros_like(x, device="cpu" if on_cpu else x.device)
        self._tree = torchsde.BrownianTree(low, origin, high, entropy=seed)
        # The tree rounds its ends like this, and warns of queries that lie outside by a digit.
        self._start, self._end = round(float(low), 6), round(float(high), 6)

    def __call__(self, sigma: Any, sigma_next: Any) -> torch.Tensor:
        """Return the noise between two sigmas, standard normal, in the shape of the latent."""
        low, high, sign = _ordered(sigma, sigma_next)
        start, end = (min(max(float(s), self._start), self._end) for s in (low, high))
        increment: torch.Tensor = self._tree(start, end)
        scaled = increment * (self._sign * sign) / (high - low).abs().sqrt()
        return scaled.to(self._device)


def _ordered(start: Any, end: Any) -> tuple[torch.Tensor, torch.Tensor, int]:
    low = torch.as_tensor(start, dtype=torch.float32).cpu()
    high = torch.as_tensor(end, dtype=torch.float32).cpu()
    return (low, high, 1) if low < high else (high, low, -1)
