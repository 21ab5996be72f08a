"""Keep a part of the latent while the rest is sampled (D-085 to D-087)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from app.engine.imaging.masks import reshape_mask
from app.engine.models.sigma_tables import SigmaTable

MaskFunction = Callable[..., torch.Tensor]
"""``function(sigma, denoise_mask, extra_options={"model", "sigmas"})`` gives the mask of a call."""


def prepare_noise_mask(
    noise_mask: torch.Tensor, shape: torch.Size, device: torch.device
) -> torch.Tensor:
    """Return a mask in the shape of the latent, 1 where it may change (D-085).

    Args:
        noise_mask: ``(batch, height, width)`` or ``(batch, 1, height, width)``, any size.
        shape: Shape of the latent.
        device: Where the mask goes.
    """
    return reshape_mask(noise_mask, shape).to(device)


class InpaintedModel:
    """A guided model that sees the kept part of the latent as if it had been sampled (D-086).

    Args:
        guided: The guided model; its ``inner_model`` is the network.
        sigmas: Levels of the run.
        latent_image: The latent that is kept, in the sampler's scale.
        noise: Standard normal noise for the kept part.
    """

    def __init__(
        self,
        guided: Any,
        sigmas: torch.Tensor,
        latent_image: torch.Tensor,
        noise: torch.Tensor,
    ) -> None:
        self.inner_model = guided
        self.sigmas = sigmas
        self.latent_image = latent_image
        self.noise = noise

    def __call__(
        self,
        x: torch.Tensor,
        sigma: torch.Tensor,
        denoise_mask: torch.Tensor | None = None,
        model_options: dict[str, Any] | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Return the denoised latent, with the kept part unchanged.

        Args:
            x: The noisy latent.
            sigma: Noise level of each item ``(batch,)``.
            denoise_mask: 1 where the latent may change; None is everywhere.
            model_options: Hooks.
            seed: The run's seed.
        """
        options = {} if model_options is None else model_options
        if denoise_mask is None:
            plain: torch.Tensor = self.inner_model(x, sigma, model_options=options, seed=seed)
            return plain
        change = options.get("denoise_mask_function")
        if change is not None:
            extra = {"model": self.inner_model, "sigmas": self.sigmas}
            denoise_mask = change(sigma, denoise_mask, extra_options=extra)
            assert denoise_mask is not None
        kept = 1.0 - denoise_mask
        x = x * denoise_mask + self._noised_latent(x, sigma) * kept
        result: torch.Tensor = self.inner_model(x, sigma, model_options=options, seed=seed)
        return result * denoise_mask + self.latent_image * kept

    def _noised_latent(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        network = self.inner_model.inner_model
        scale = getattr(network, "scale_latent_inpaint", None)
        if scale is None:
            scaled: torch.Tensor = network.model_sampling.noise_scaling(
                sigma, self.noise, self.latent_image
            )
        else:
            scaled = scale(x=x, sigma=sigma, noise=self.noise, latent_image=self.latent_image)
        return scaled


def differential_mask(
    sigma: torch.Tensor,
    denoise_mask: torch.Tensor,
    table: SigmaTable,
    sigmas: torch.Tensor,
    strength: float = 1.0,
) -> torch.Tensor:
    """Let each place change from its own moment of the run on (D-087).

    Source: Levin and Fried 2023, "Differential Diffusion: Giving Each Pixel Its Strength"
    (arXiv:2306.00950).

    Args:
        sigma: Noise level of each item ``(batch,)``.
        denoise_mask: The soft mask; higher values change earlier.
        table: The model's noise levels.
        sigmas: Levels of the run.
        strength: Above 0 and below 1: how much of the hard mask is mixed with the soft one.
    """
    end = torch.maximum(table.sigma_min.to(sigmas), sigmas[-1])
    first, last = float(table.timestep(sigmas[0])), float(table.timestep(end))
    threshold = (float(table.timestep(sigma[0])) - last) / (first - last)
    hard = (denoise_mask >= threshold).to(denoise_mask)
    if 0.0 < strength < 1.0:
        return strength * hard + (1.0 - strength) * denoise_mask
    return hard
