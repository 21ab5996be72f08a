"""Formulas that change guidance: pure functions of predictions, for hooks of nodes."""

from __future__ import annotations

from typing import Any

import torch

_SAFE = 1e-8


def _flat_dot(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the dot product of each batch item, with axes that broadcast over it."""
    product = (a.flatten(1) * b.flatten(1)).sum(dim=1)
    return product.reshape(-1, *[1] * (a.ndim - 1))


def zero_star(
    guided: torch.Tensor,
    cond: torch.Tensor,
    uncond: torch.Tensor,
    x: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """Guide from the unconditional prediction scaled to fit the conditional one.

    Source: Fan et al. 2025, "CFG-Zero*: Improved Classifier-Free Guidance for Flow Matching
    Models" (arXiv:2503.18886).

    Args:
        guided: The guided latent.
        cond: Denoised latent for the positive prompt.
        uncond: Denoised latent for the negative prompt.
        x: The noisy latent.
        scale: Guidance scale.
    """
    to_cond, to_uncond = x - cond, x - uncond
    share = _flat_dot(to_cond, to_uncond) / (_flat_dot(to_uncond, to_uncond) + _SAFE)
    return guided + uncond * (share - 1.0) + scale * uncond * (1.0 - share)


def tangential_damping(to_cond: torch.Tensor, to_uncond: torch.Tensor) -> torch.Tensor:
    """Return the part of ``to_uncond`` along the main direction of both.

    Source: Kwon et al. 2025, "TCFG: Tangential Damping Classifier-free Guidance"
    (arXiv:2503.18137).

    Args:
        to_cond: Noisy latent minus the prediction for the positive prompt.
        to_uncond: The same for the negative prompt.
    """
    flat = to_uncond.flatten(1).float().unsqueeze(1)
    both = torch.cat([flat, to_cond.flatten(1).float().unsqueeze(1)], dim=1)
    direction = torch.linalg.svd(both, full_matrices=False).Vh[:, :1]
    along: torch.Tensor = (flat @ direction.transpose(1, 2)) * direction
    return along.reshape(to_uncond.shape).to(to_uncond.dtype)


def project(vector: torch.Tensor, onto: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the parts of ``vector`` along ``onto`` and at right angles, item by item."""
    unit = onto.double() / torch.sqrt(_flat_dot(onto.double(), onto.double())).clamp(min=1e-12)
    along = _flat_dot(vector.double(), unit) * unit
    return along.to(vector.dtype), (vector.double() - along).to(vector.dtype)


class ProjectedGuidance:
    """Adaptive projected guidance, with the memory that its momentum needs.

    Source: Sadat et al. 2024, "Eliminating Oversaturation and Artifacts of High Guidance Scales
    in Diffusion Models" (arXiv:2410.02416).

    Args:
        eta: Share of the direction along the conditional prediction that stays.
        longest: Longest step, in units of the latent; 0 sets no limit.
        momentum: Share of the steps before that counts again.
    """

    def __init__(self, eta: float, longest: float, momentum: float) -> None:
        self.eta = eta
        self.longest = longest
        self.momentum = momentum
        self._running: torch.Tensor | None = None
        self._level: float | None = None

    def conditional(
        self, cond: torch.Tensor, uncond: torch.Tensor, level: float, scale: float
    ) -> torch.Tensor:
        """Return what takes the place of the conditional prediction before plain guidance.

        Args:
            cond: Denoised latent for the positive prompt.
            uncond: Denoised latent for the negative prompt.
            level: Noise level of the step; a rise begins a new run.
            scale: Guidance scale that follows.
        """
        if self._level is not None and level > self._level:
            self._running = None
        self._level = level
        step = cond - uncond
        if self.momentum != 0:
            if self._running is not None and self._running.shape == step.shape:
                step = step + self.momentum * self._running.to(step)
            self._running = step
        if self.longest > 0:
            length = torch.sqrt(_flat_dot(step, step))
            step = step * torch.clamp(self.longest / length, max=1.0)
        along, across = project(step, cond)
        return uncond + across + self.eta * along + (cond - uncond) / scale


def scale_frequencies(latent: torch.Tensor, low: float, high: float, cutoff: int) -> torch.Tensor:
    """Multiply slow waves by one factor and fast ones by another.

    Args:
        latent: ``(batch, channels, ...)``.
        low: Factor for waves slower than ``cutoff``.
        high: Factor for all others.
        cutoff: Waves across the latent.
    """
    axes = tuple(range(2, latent.ndim))
    waves = torch.fft.fftshift(torch.fft.fftn(latent.float(), dim=axes), dim=axes)
    factors = torch.full(waves.shape[2:], high, dtype=torch.float32, device=latent.device)
    middle = factors
    for axis, length in enumerate(factors.shape):
        reach = min(cutoff, length // 2)
        middle = middle.narrow(axis, length // 2 - reach, 2 * reach)
    middle.fill_(low)
    back: torch.Tensor = torch.fft.ifftn(torch.fft.ifftshift(waves * factors, dim=axes), dim=axes)
    real: torch.Tensor = back.real.to(latent.dtype)
    return real


def similarity_mix(
    guided: torch.Tensor, cond: torch.Tensor, uncond: torch.Tensor, scale: float
) -> torch.Tensor:
    """Mix the guided latent with the scaled conditional one by how alike the prompts are.

    Args:
        guided: The guided latent.
        cond: Denoised latent for the positive prompt.
        uncond: Denoised latent for the negative prompt.
        scale: Guidance scale.
    """
    leap = cond * scale
    merged = (leap + guided) / 2

    def signed_root(value: torch.Tensor) -> torch.Tensor:
        return value.abs().sqrt() * value.sign()

    likeness = torch.nn.functional.cosine_similarity(
        signed_root(uncond * scale), signed_root(merged)
    ).mean()
    share = 2.0 * (likeness + 1.0)
    return (share * guided + (4.0 - share) * leap) / 4.0


def signal_share(model_sampling: Any, level: float) -> float:
    """Return the factor of the picture in a noisy latent: 1, or 1 - level for flow models.

    Args:
        model_sampling: The model's sampling rules.
        level: Noise level.
    """
    from app.engine.models.predictions import FlowPrediction

    return 1.0 - level if isinstance(model_sampling, FlowPrediction) else 1.0


def rescale_score(
    denoised: torch.Tensor, x: torch.Tensor, alpha: float, level: float, k: float, spread: float
) -> torch.Tensor:
    """Return the denoised latent under a score of another temperature.

    Source: Xu et al. 2025, "Temporal Score Rescaling for Temperature Sampling in Diffusion and
    Flow Models" (arXiv:2510.01184).

    Args:
        denoised: The model's estimate.
        x: The noisy latent.
        alpha: Factor of the picture in ``x``; where it is 0 nothing changes.
        level: Noise level, above 0.
        k: Temperature; 1 changes nothing.
        spread: Spread of the data, which says when the change begins.
    """
    if alpha <= 0:
        return denoised
    ratio = (alpha / level) ** 2 * spread**2
    share = (ratio + 1.0) / (ratio / k + 1.0)
    return torch.lerp(x / alpha, denoised, share)


def fourier_scale(latent: torch.Tensor, reach: int, factor: float) -> torch.Tensor:
    """Multiply the slowest waves of ``(batch, channels, height, width)`` by ``factor``.

    Args:
        latent: Any size.
        reach: Waves to each side of the mean that count.
        factor: Their factor.
    """
    return scale_frequencies(latent, factor, 1.0, reach)
