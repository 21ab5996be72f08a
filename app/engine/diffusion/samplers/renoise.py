"""Samplers that go to the clean estimate, or to DDPM's posterior, and add noise."""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import derivative, is_zero


def sample_ddpm(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Draw from the posterior of the discrete process (D-127).

    Source: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", algorithm 2
    (arXiv:2006.11239), on latents scaled to unit variance.
    """
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        kept, kept_next = 1 / (sigma**2 + 1), 1 / (following**2 + 1)
        alpha = kept / kept_next
        eps = derivative(x, sigma, denoised)
        mean = x / (1 + sigma**2).sqrt() - (1 - alpha) * eps / (1 - kept).sqrt()
        x = mean / alpha.sqrt()
        if not is_zero(following):
            variance = (1 - alpha) * (1 - kept_next) / (1 - kept)
            x = (x + variance.sqrt() * noise(sigma, following)) * (1 + following**2).sqrt()
    return x


def sample_lcm(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Jump to the clean estimate and add the next level's noise (D-128).

    Source: Luo et al. 2023, "Latent Consistency Models" (arXiv:2310.04378).
    """
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        x = denoised
        if not is_zero(following):
            fresh = noise(sigma, following)
            x = denoiser.model_sampling.noise_scaling(following, fresh, x)
    return x
