"""DPM-Solver++ without a stochastic equation: 2S ancestral and 2M, and their CFG++ forms.

Source: Lu et al. 2022, "DPM-Solver++: Fast Solver for Guided Sampling of Diffusion
Probabilistic Models" (arXiv:2211.01095); CFG++ from Chung et al. 2024 (arXiv:2406.08070).
"""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    ancestral_split,
    derivative,
    flow_ancestral_split,
    half_log_snr,
    is_zero,
    sigma_of,
)


def sample_dpmpp_2s_ancestral(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Use the estimate in the middle of each step, and add noise (D-120)."""
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if denoiser.is_flow:
            down, scale, added = flow_ancestral_split(sigma, following, eta)
        else:
            down, added = ancestral_split(sigma, following, eta)
            scale = torch.ones_like(down)
        if is_zero(down):
            x = x + derivative(x, sigma, denoised) * (down - sigma)
        else:
            middle = _middle(sigma, down, denoiser.is_flow)
            x2 = middle / sigma * x + (1 - middle / sigma) * denoised
            denoised2 = denoiser(x2, middle)
            x = down / sigma * x + (1 - down / sigma) * denoised2
        if not is_zero(following) and eta > 0:
            x = scale * x + noise(sigma, following) * (s_noise * added)
    return x


def _middle(sigma: torch.Tensor, down: torch.Tensor, is_flow: bool) -> torch.Tensor:
    """Return the level halfway in half log SNR; a flow's pure noise has none."""
    if is_flow and float(sigma) == 1.0:
        return torch.full_like(sigma, 0.9999)
    start, end = half_log_snr(sigma, is_flow), half_log_snr(down, is_flow)
    return sigma_of(start + 0.5 * (end - start), is_flow)


def sample_dpmpp_2s_ancestral_cfg_pp(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Do :func:`sample_dpmpp_2s_ancestral` with the unguided noise (D-121)."""
    uncond = denoiser.watch_uncond()
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        down, up = ancestral_split(sigma, following, eta)
        if is_zero(down):
            x = denoised + derivative(x, sigma, uncond.denoised) * down
        else:
            middle = _middle(sigma, down, is_flow=False)
            x2 = middle / sigma * (x + (denoised - uncond.denoised))
            x2 = x2 + (1 - middle / sigma) * denoised
            denoised2 = denoiser(x2, middle)
            x = down / sigma * (x + (denoised - uncond.denoised))
            x = x + (1 - down / sigma) * denoised2
        if not is_zero(following):
            x = x + noise(sigma, following) * (s_noise * up)
    return x


def sample_dpmpp_2m(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Use the estimate of the step before (D-123)."""
    times = sigmas.log().neg()
    old: torch.Tensor | None = None
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        h = times[i + 1] - times[i]
        target = denoised
        if old is not None and not is_zero(following):
            r = (times[i] - times[i - 1]) / h
            target = (1 + 1 / (2 * r)) * denoised - 1 / (2 * r) * old
        x = following / sigma * x - h.neg().expm1() * target
        old = denoised
    return x


def sample_dpmpp_2m_cfg_pp(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor
) -> torch.Tensor:
    """Do :func:`sample_dpmpp_2m` with the unguided noise (D-124)."""
    uncond = denoiser.watch_uncond()
    times = sigmas.log().neg()
    old_uncond: torch.Tensor | None = None
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        h = times[i + 1] - times[i]
        mix = -h.neg().exp() * uncond.denoised
        if old_uncond is not None and not is_zero(following):
            r = (times[i] - times[i - 1]) / h
            mix = mix - h.neg().expm1() / (2 * r) * (denoised - old_uncond)
        x = denoised + mix + h.neg().exp() * x
        old_uncond = uncond.denoised
    return x
