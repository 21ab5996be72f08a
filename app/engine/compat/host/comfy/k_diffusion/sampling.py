"""``comfy.k_diffusion.sampling``: samplers as functions, and what they are made of.

Packs call them, put functions of their own in their place, and add samplers by setting
``sample_<name>`` here, so they are looked up in this module when a run begins. The form of the
functions is that of Katherine Crowson's k-diffusion library; the algorithms are those of
:mod:`app.engine.diffusion.samplers`.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from comfy.k_diffusion import utils
from comfy.k_diffusion.utils import append_dims

from app.engine.diffusion import sigmas as _sigma_lists
from app.engine.diffusion.noise import BrownianTreeNoise, StepNoise
from app.engine.diffusion.samplers import SAMPLERS, Denoiser
from app.engine.diffusion.samplers.exchange import PackSampler, to_pack_sampler
from app.engine.diffusion.samplers.levels import ancestral_split

__all__ = [
    "BatchedBrownianTree",
    "BrownianTreeNoiseSampler",
    "append_dims",
    "append_zero",
    "default_noise_sampler",
    "get_ancestral_step",
    "get_sigmas_exponential",
    "get_sigmas_karras",
    "get_sigmas_polyexponential",
    "to_d",
    "torch",
    "utils",
]

_SEEDS = 2**64


def append_zero(x: torch.Tensor) -> torch.Tensor:
    """Return a list with a 0 at its end."""
    return torch.cat([x, x.new_zeros([1])])


def get_sigmas_karras(
    n: int, sigma_min: float, sigma_max: float, rho: float = 7.0, device: Any = "cpu"
) -> torch.Tensor:
    """Space ``n`` noise levels evenly in ``sigma ** (1 / rho)`` and end in 0 (D-024)."""
    return _sigma_lists.karras_sigmas(n, sigma_min, sigma_max, rho).to(device)


def get_sigmas_exponential(
    n: int, sigma_min: float, sigma_max: float, device: Any = "cpu"
) -> torch.Tensor:
    """Space ``n`` noise levels evenly in their logarithm and end in 0 (D-025)."""
    return _sigma_lists.exponential_sigmas(n, sigma_min, sigma_max).to(device)


def get_sigmas_polyexponential(
    n: int, sigma_min: float, sigma_max: float, rho: float = 1.0, device: Any = "cpu"
) -> torch.Tensor:
    """Space logarithms along a power curve and end in 0 (D-032)."""
    return _sigma_lists.polyexponential_sigmas(n, sigma_min, sigma_max, rho).to(device)


def get_sigmas_vp(
    n: int,
    beta_d: float = 19.9,
    beta_min: float = 0.1,
    eps_s: float = 1e-3,
    device: Any = "cpu",
) -> torch.Tensor:
    """Follow the variance-preserving process and end in 0 (D-032)."""
    return _sigma_lists.vp_sigmas(n, beta_d, beta_min, eps_s).to(device)


def to_d(x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> torch.Tensor:
    """Return dx/dsigma of the probability flow (Karras et al. 2022, equation 3)."""
    slope: torch.Tensor = (x - denoised) / append_dims(sigma, x.ndim)
    return slope


def get_ancestral_step(sigma_from: Any, sigma_to: Any, eta: float = 1.0) -> tuple[Any, Any]:
    """Return how far to step down and how much noise to add again (D-100)."""
    if not eta:
        return sigma_to, 0.0
    down, up = ancestral_split(torch.as_tensor(sigma_from), torch.as_tensor(sigma_to), eta)
    if isinstance(sigma_to, torch.Tensor) or isinstance(sigma_from, torch.Tensor):
        return down, up
    return float(down), float(up)


def default_noise_sampler(x: torch.Tensor, seed: int | None = None) -> StepNoise:
    """Return a source that draws new values at each call, whatever the sigmas (D-007)."""
    if seed is None:
        return lambda sigma, sigma_next: torch.randn_like(x)
    if x.device.type == "cpu":
        seed = (seed + 1) % _SEEDS
    generator = torch.Generator(device=x.device)
    generator.manual_seed(seed)
    return lambda sigma, sigma_next: torch.randn(
        x.size(), dtype=x.dtype, layout=x.layout, device=x.device, generator=generator
    )


def _paths(
    x: torch.Tensor, start: Any, end: Any, seed: int | Sequence[int] | None, cpu: bool
) -> list[BrownianTreeNoise]:
    """Return one path for the batch, or one for each item where each has a seed."""
    if not isinstance(seed, Sequence):
        return [BrownianTreeNoise(x, start, end, seed, cpu)]
    return [
        BrownianTreeNoise(x[place : place + 1], start, end, own, cpu)
        for place, own in enumerate(seed)
    ]


class BatchedBrownianTree:
    """Brownian paths over sigma, with one seed or one for each item of a batch.

    Args:
        x: The latent; its shape, dtype and device count.
        t0: One end.
        t1: The other end.
        seed: One seed, one for each item, or None.
        cpu: Whether the paths are made on the CPU.
    """

    def __init__(
        self,
        x: torch.Tensor,
        t0: Any,
        t1: Any,
        seed: int | Sequence[int] | None = None,
        cpu: bool = True,
        **options: Any,
    ) -> None:
        self._paths = _paths(x, t0, t1, seed, cpu)

    def __call__(self, t0: Any, t1: Any) -> torch.Tensor:
        """Return the increment between two times, in the shape of the latent."""
        noise = torch.cat([path(t0, t1) for path in self._paths])
        length = (torch.as_tensor(t1) - torch.as_tensor(t0)).abs().sqrt()
        return noise * length.to(noise.device)


class BrownianTreeNoiseSampler:
    """Noise of the steps as increments of one Brownian motion over sigma (D-008).

    Args:
        x: The latent.
        sigma_min: Lowest sigma that is asked for, above 0.
        sigma_max: Highest sigma that is asked for.
        seed: One seed, one for each item, or None.
        transform: From sigma to the time of the motion.
        cpu: Whether the path is made on the CPU.
    """

    def __init__(
        self,
        x: torch.Tensor,
        sigma_min: Any,
        sigma_max: Any,
        seed: int | Sequence[int] | None = None,
        transform: Callable[[Any], Any] = lambda sigma: sigma,
        cpu: bool = False,
    ) -> None:
        self.transform = transform
        low = transform(torch.as_tensor(sigma_min))
        high = transform(torch.as_tensor(sigma_max))
        self._paths = _paths(x, low, high, seed, cpu)

    def __call__(self, sigma: Any, sigma_next: Any) -> torch.Tensor:
        """Return the noise between two sigmas, standard normal, in the shape of the latent."""
        start = self.transform(torch.as_tensor(sigma))
        end = self.transform(torch.as_tensor(sigma_next))
        return torch.cat([path(start, end) for path in self._paths])


class _PackDenoiser(Denoiser):
    """Takes the noise of the steps from this module, where packs may have replaced it."""

    def step_noise(self, x: torch.Tensor) -> StepNoise:
        """See :meth:`Denoiser.step_noise`."""
        if self.noise_source is not None:
            return self.noise_source
        made: StepNoise = sys.modules[__name__].default_noise_sampler(x, seed=self.seed)
        return made

    def tree_noise(self, x: torch.Tensor, sigmas: torch.Tensor, on_cpu: bool = True) -> StepNoise:
        """See :meth:`Denoiser.tree_noise`."""
        if self.noise_source is not None:
            return self.noise_source
        low, high = sigmas[sigmas > 0].min(), sigmas.max()
        made: StepNoise = sys.modules[__name__].BrownianTreeNoiseSampler(
            x, low, high, seed=self.seed, cpu=on_cpu
        )
        return made


_LEADING = {"extra_args": None, "callback": None, "disable": None}
_OURS_ALONE = ("noise_on_cpu", "cfg_pp")
"""Options that tell the samplers of a menu apart, and that packs do not know."""


def pack_form(name: str, function: Any, preset: Mapping[str, Any] | None = None) -> PackSampler:
    """Return one of our algorithms in the form that packs call.

    Args:
        name: Name of the function that is made.
        function: The algorithm.
        preset: Options that differ from the algorithm's defaults.
    """
    chosen = dict(preset or {})
    own = list(inspect.signature(function).parameters.values())[3:]
    options = {
        option.name: chosen.get(option.name, option.default)
        for option in own
        if option.name not in _OURS_ALONE
    }
    call = to_pack_sampler(function, _PackDenoiser)
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    names = [inspect.Parameter(part, kind) for part in ("model", "x", "sigmas")]
    names += [
        inspect.Parameter(part, kind, default=value)
        for part, value in (_LEADING | _with_noise_sampler(options)).items()
    ]
    signature = inspect.Signature(names)

    @functools.wraps(function)
    def sample(*args: Any, **kwargs: Any) -> torch.Tensor:
        return call(**{**chosen, **signature.bind(*args, **kwargs).arguments})

    sample.__name__ = sample.__qualname__ = name
    sample.__module__ = __name__
    sample.__signature__ = signature  # type: ignore[attr-defined]  # what inspect looks for
    return sample


def _with_noise_sampler(options: dict[str, Any]) -> dict[str, Any]:
    """Put the source of noise where packs that count parameters expect it."""
    ordered: dict[str, Any] = {}
    for name, value in options.items():
        ordered[name] = value
        if name == "s_noise":
            ordered["noise_sampler"] = None
    ordered.setdefault("noise_sampler", None)
    return ordered


for _name, _sampler in SAMPLERS.items():
    if not _name.startswith(("ddim", "uni_pc")):
        globals()[f"sample_{_name}"] = pack_form(
            f"sample_{_name}", _sampler.function, _sampler.options
        )
