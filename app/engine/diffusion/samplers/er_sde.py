"""Extended reverse-time stochastic solvers.

Source: Cui et al. 2023, "Elucidating the Solution Space of Extended Reverse-Time SDE for
Diffusion Models" (arXiv:2309.06169).
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    below_pure_noise,
    half_log_snr,
    is_zero,
    signal_of,
)

NoiseScaler = Callable[[torch.Tensor], torch.Tensor]

_INTEGRAL_POINTS = 200


def default_noise_scaler(ratio: torch.Tensor) -> torch.Tensor:
    """Return how noise falls with the noise-to-signal ratio (the paper's ER-SDE 5)."""
    return ratio * ((ratio**0.3).exp() + 10.0)


def sample_er_sde(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    s_noise: float = 1.0,
    noise_scaler: NoiseScaler | None = None,
    max_stage: int = 3,
) -> torch.Tensor:
    """Use up to three estimates, integrating the noise scale numerically (D-134).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        s_noise: Factor of the new noise.
        noise_scaler: From noise-to-signal ratios to noise scales; None is
            :func:`default_noise_scaler`.
        max_stage: Highest order, 1 to 3.
    """
    scaler = noise_scaler or default_noise_scaler
    noise = denoiser.step_noise(x)
    sigmas = below_pure_noise(denoiser, sigmas)
    half_logs = half_log_snr(sigmas, denoiser.is_flow)
    ratios = half_logs.neg().exp()
    old: torch.Tensor | None = None
    old_slope: torch.Tensor | None = None
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
            continue
        stage = min(max_stage, i + 1)
        ratio, ratio_next = ratios[i], ratios[i + 1]
        alpha_next = signal_of(following, half_logs[i + 1])
        r = scaler(ratio_next) / scaler(ratio)
        x = alpha_next / signal_of(sigma, half_logs[i]) * r * x + alpha_next * (1 - r) * denoised
        if stage >= 2 and old is not None:
            change = ratio_next - ratio
            width = -change / _INTEGRAL_POINTS
            points = ratio_next + torch.arange(_INTEGRAL_POINTS) * width
            scaled = scaler(points)
            area = (1 / scaled).sum() * width
            slope = (denoised - old) / (ratio - ratios[i - 1])
            x = x + alpha_next * (change + area * scaler(ratio_next)) * slope
            if stage >= 3 and old_slope is not None:
                moment = ((points - ratio) / scaled).sum() * width
                bend = (slope - old_slope) / ((ratio - ratios[i - 2]) / 2)
                x = x + alpha_next * (change**2 / 2 + moment * scaler(ratio_next)) * bend
            old_slope = slope
        if s_noise > 0:
            amount = (ratio_next**2 - ratio**2 * r**2).sqrt().nan_to_num(nan=0.0)
            x = x + noise(sigma, following) * (alpha_next * s_noise * amount)
        old = denoised
    return x
