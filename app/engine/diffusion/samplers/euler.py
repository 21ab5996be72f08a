"""Euler's method, with and without new noise at each step."""

from __future__ import annotations

import math

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    ancestral_split,
    below_pure_noise,
    derivative,
    flow_ancestral_split,
    half_log_snr,
    is_zero,
    signal_of,
)


def churn(
    x: torch.Tensor,
    sigma: torch.Tensor,
    steps: int,
    s_churn: float,
    s_tmin: float,
    s_tmax: float,
    s_noise: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add noise before a step and return the noisier latent and its level.

    Source: Karras et al. 2022, algorithm 2 (arXiv:2206.00364). Noise comes from the global
    generator.
    """
    if s_churn <= 0 or not s_tmin <= float(sigma) <= s_tmax:
        return x, sigma
    sigma_hat = sigma * (1 + min(s_churn / steps, math.sqrt(2) - 1))
    noise = torch.randn_like(x) * s_noise
    return x + noise * (sigma_hat**2 - sigma**2) ** 0.5, sigma_hat


def sample_euler(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Follow the derivative in straight lines (D-110).

    Source: Karras et al. 2022, algorithm 2 without the correction (arXiv:2206.00364).
    """
    steps = len(sigmas) - 1
    for i in range(steps):
        x, sigma_hat = churn(x, sigmas[i], steps, s_churn, s_tmin, s_tmax, s_noise)
        denoised = denoiser(x, sigma_hat)
        denoiser.report(i, x, denoised, sigmas[i], sigma_hat)
        x = x + derivative(x, sigma_hat, denoised) * (sigmas[i + 1] - sigma_hat)
    return x


def sample_euler_ancestral(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Step below the next level and add noise up to it (D-111; flows D-101)."""
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
        elif denoiser.is_flow:
            down, scale, renoise = flow_ancestral_split(sigma, following, eta)
            x = down / sigma * x + (1 - down / sigma) * denoised
            if eta > 0:
                x = scale * x + noise(sigma, following) * (s_noise * renoise)
        else:
            down, up = ancestral_split(sigma, following, eta)
            if is_zero(down):
                x = denoised
            else:
                x = x + derivative(x, sigma, denoised) * (down - sigma)
                x = x + noise(sigma, following) * (s_noise * up)
    return x


def sample_euler_ancestral_cfg_pp(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Denoise with guidance and renoise with the unguided noise (D-112).

    Source: Chung et al. 2024, "CFG++" (arXiv:2406.08070).
    """
    uncond = denoiser.watch_uncond()
    noise = denoiser.step_noise(x)
    sigmas = below_pure_noise(denoiser, sigmas)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
            continue
        alpha = signal_of(sigma, half_log_snr(sigma, denoiser.is_flow))
        alpha_next = signal_of(following, half_log_snr(following, denoiser.is_flow))
        direction = derivative(x, sigma, alpha * uncond.denoised)
        down, up = ancestral_split(sigma / alpha, following / alpha_next, eta)
        x = alpha_next * denoised + alpha_next * down * direction
        if eta > 0 and s_noise > 0:
            x = x + noise(sigma, following) * (alpha_next * s_noise * up)
    return x


def sample_euler_cfg_pp(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Do :func:`sample_euler_ancestral_cfg_pp` without new noise (D-112)."""
    return sample_euler_ancestral_cfg_pp(denoiser, x, sigmas, eta=0.0, s_noise=0.0)
