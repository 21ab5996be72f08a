"""Arithmetic on noise levels that several samplers share; every level is zero-dimensional."""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser


def derivative(x: torch.Tensor, sigma: torch.Tensor, denoised: torch.Tensor) -> torch.Tensor:
    """Return dx/dsigma of the probability flow (Karras et al. 2022, equation 3)."""
    return (x - denoised) / sigma


def ancestral_split(
    sigma: torch.Tensor, sigma_next: torch.Tensor, eta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return how far to step down and how much noise to add again (D-100).

    Args:
        sigma: Level of the step's begin.
        sigma_next: Level of its end.
        eta: Share of the noise that is new; 0 is none.
    """
    if not eta:
        return sigma_next, torch.zeros_like(sigma_next)
    fresh = eta * (sigma_next**2 * (sigma**2 - sigma_next**2) / sigma**2) ** 0.5
    up = torch.minimum(sigma_next, fresh)
    return (sigma_next**2 - up**2) ** 0.5, up


def flow_ancestral_split(
    sigma: torch.Tensor, sigma_next: torch.Tensor, eta: float
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the same for flows: the level to step to, a scale, and the noise (D-101).

    After the step to the first, the latent is multiplied by the second and gets the third
    times noise.
    """
    down = sigma_next * (1 + (sigma_next / sigma - 1) * eta)
    scale = (1 - sigma_next) / (1 - down)
    renoise = (sigma_next**2 - down**2 * scale**2).clamp(min=0) ** 0.5
    return down, scale, renoise


def half_log_snr(sigma: torch.Tensor, is_flow: bool) -> torch.Tensor:
    """Return the logarithm of signal over noise at a level, called lambda in papers."""
    return sigma.logit().neg() if is_flow else sigma.log().neg()


def sigma_of(half_log: torch.Tensor, is_flow: bool) -> torch.Tensor:
    """Undo :func:`half_log_snr`."""
    return half_log.neg().sigmoid() if is_flow else half_log.neg().exp()


def signal_of(sigma: torch.Tensor, half_log: torch.Tensor) -> torch.Tensor:
    """Return the factor of the clean latent at a level, called alpha in papers."""
    return sigma * half_log.exp()


def below_pure_noise(denoiser: Denoiser, sigmas: torch.Tensor) -> torch.Tensor:
    """Return the levels with a first one at which a flow still has a signal (D-102)."""
    if not denoiser.is_flow or len(sigmas) < 2 or float(sigmas[0]) < 1:
        return sigmas
    sigmas = sigmas.clone()
    sigmas[0] = denoiser.model_sampling.percent_to_sigma(1e-4)
    return sigmas


def is_zero(sigma: torch.Tensor) -> bool:
    """Tell whether a level is exactly 0, the end of a full run."""
    return float(sigma) == 0.0
