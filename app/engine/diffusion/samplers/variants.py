"""Variants of samplers that nodes offer and the menu does not."""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import derivative, is_zero
from app.engine.imaging.resize import common_upscale


def sample_euler_towards_uncond(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor
) -> torch.Tensor:
    """Take Euler steps whose direction also holds the way to the unconditional estimate.

    The other form of :func:`.euler.sample_euler_cfg_pp`, after "CFG++" (arXiv:2406.08070).
    """
    uncond = denoiser.watch_uncond()
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        direction = derivative(x - denoised + uncond.denoised, sigmas[i], denoised)
        x = x + direction * (sigmas[i + 1] - sigmas[i])
    return x


def sample_lcm_upscale(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    total_upscale: float = 2.0,
    upscale_method: str = "bislerp",
    upscale_steps: int | None = None,
) -> torch.Tensor:
    """Do LCM steps, and make the latent larger on the way.

    Args:
        denoiser: The model.
        x: The noisy latent.
        sigmas: Falling levels.
        total_upscale: How many times wider and higher the result is.
        upscale_method: As menus of latents name it.
        upscale_steps: Steps over which it grows, or None for the first half.
    """
    if upscale_steps is None:
        upscale_steps = max(len(sigmas) // 2, 1)
    growth = min(upscale_steps, len(sigmas))
    height, width = x.shape[-2:]
    for i in range(len(sigmas) - 1):
        following = sigmas[i + 1]
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        x = denoised
        if i < growth:
            factor = 1.0 + (total_upscale - 1.0) * (i + 1) / growth
            size = round(width * factor), round(height * factor)
            x = common_upscale(x, *size, upscale_method, "disabled")
        if not is_zero(following):
            x = x + following * torch.randn_like(x)
    return x
