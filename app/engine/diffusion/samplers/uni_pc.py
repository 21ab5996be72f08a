"""UniPC: a predictor and corrector of one form.

Source: Zhao et al. 2023, "UniPC: A Unified Predictor-Corrector Framework for Fast Sampling of
Diffusion Models" (arXiv:2302.04867), data prediction in the variance-preserving form.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser


def _kernel(variant: str, h: float) -> float:
    return -h if variant == "bh1" else math.expm1(-h)


def _solve_weights(ratios: Sequence[float], h: float, kernel: float, predicts: bool) -> list[float]:
    """Return the paper's rho for the differences at ``ratios`` of the step, the last being 1."""
    order = len(ratios)
    if predicts:
        if order == 1:
            return []
        if order == 2:
            return [0.5]
    elif order == 1:
        return [0.5]
    rows, right = [], []
    phi, factorial = math.expm1(-h) / -h - 1, 1.0
    for power in range(order):
        rows.append([ratio**power for ratio in ratios])
        right.append(phi * factorial / kernel)
        factorial *= power + 2
        phi = phi / -h - 1 / factorial
    size = order - 1 if predicts else order
    matrix = torch.tensor(rows, dtype=torch.float64)[:size, :size]
    solved: list[float] = torch.linalg.solve(
        matrix, torch.tensor(right, dtype=torch.float64)[:size]
    ).tolist()
    return solved


def sample_uni_pc(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, variant: str = "bh1"
) -> torch.Tensor:
    """Predict each point from up to three estimates and correct it with its own (D-142).

    A last level of 0 becomes 0.001 in ``sigmas``. A list of one step only gives the first
    latent back.

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        variant: The paper's B(h): "bh1" or "bh2".
    """
    if float(sigmas[-1]) == 0:
        sigmas[-1] = 0.001
    alphas = 1 / (sigmas**2 + 1).sqrt()
    lambdas = sigmas.log().neg().tolist()
    points = len(sigmas) - 1
    order_limit = min(3, points - 1)
    x = x * alphas[0]

    def estimate(x: torch.Tensor, index: int) -> torch.Tensor:
        return denoiser(x / alphas[index], sigmas[index])

    estimates = [estimate(x, 0)]
    denoiser.report(0, x / alphas[0], estimates[-1], sigmas[0])
    for index in range(1, points + 1):
        if order_limit < 1:
            break
        order = min(order_limit, index, points + 1 - index)
        h = lambdas[index] - lambdas[index - 1]
        kernel = _kernel(variant, h)
        newest = estimates[-1]
        earlier = [(lambdas[index - 1 - k] - lambdas[index - 1]) / h for k in range(1, order)]
        ratios = [*earlier, 1.0]
        slopes = [(estimates[-1 - k] - newest) / ratio for k, ratio in enumerate(earlier, start=1)]
        spread = sigmas[index] * alphas[index] / (sigmas[index - 1] * alphas[index - 1])
        base = spread * x - alphas[index] * math.expm1(-h) * newest
        scale = alphas[index] * kernel
        x = base
        for rho, slope in zip(_solve_weights(ratios, h, kernel, True), slopes, strict=True):
            x = x - scale * rho * slope
        if index == points:
            break
        denoised = estimate(x, index)
        weights = _solve_weights(ratios, h, kernel, False)
        x = base - scale * weights[-1] * (denoised - newest)
        for rho, slope in zip(weights, slopes, strict=False):
            x = x - scale * rho * slope
        estimates = [*estimates, denoised][-3:]
        denoiser.report(index, x / alphas[index], denoised, sigmas[index])
    return x / alphas[-1]


def sample_uni_pc_bh2(denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor) -> torch.Tensor:
    """Do :func:`sample_uni_pc` with the other B(h) (D-142)."""
    return sample_uni_pc(denoiser, x, sigmas, "bh2")
