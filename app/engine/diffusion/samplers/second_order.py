"""Heun's and midpoint methods: several model calls a step, no memory between steps."""

from __future__ import annotations

import math

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.euler import churn
from app.engine.diffusion.samplers.levels import (
    ancestral_split,
    derivative,
    flow_ancestral_split,
    is_zero,
)


def sample_heun(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Average the derivatives of both ends of a step (D-113).

    Source: Karras et al. 2022, algorithm 2 (arXiv:2206.00364).
    """
    steps = len(sigmas) - 1
    for i in range(steps):
        following = sigmas[i + 1]
        x, sigma_hat = churn(x, sigmas[i], steps, s_churn, s_tmin, s_tmax, s_noise)
        denoised = denoiser(x, sigma_hat)
        denoiser.report(i, x, denoised, sigmas[i], sigma_hat)
        d = derivative(x, sigma_hat, denoised)
        if not is_zero(following):
            predicted = x + d * (following - sigma_hat)
            d = (d + derivative(predicted, following, denoiser(predicted, following))) / 2
        x = x + d * (following - sigma_hat)
    return x


def sample_heunpp2(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Look up to two steps ahead and weigh the derivatives by their levels (D-114).

    There is no paper; the weights are those of the method known as Heun++ 2.
    """
    steps = len(sigmas) - 1
    first, last = sigmas[0], sigmas[-1]
    for i in range(steps):
        following = sigmas[i + 1]
        before = x
        x, sigma_hat = churn(x, sigmas[i], steps, s_churn, s_tmin, s_tmax, s_noise)
        if x is before:
            # The other program draws even where it adds nothing; the stream must not differ.
            torch.randn_like(x)
        denoised = denoiser(x, sigma_hat)
        denoiser.report(i, x, denoised, sigmas[i], sigma_hat)
        d = derivative(x, sigma_hat, denoised)
        if following != last:
            x2 = x + d * (following - sigma_hat)
            d2 = derivative(x2, following, denoiser(x2, following))
            after = sigmas[i + 2]
            if after == last:
                weight = following / (2 * first)
                d = d * (1 - weight) + d2 * weight
            else:
                x3 = x2 + d2 * (after - following)
                d3 = derivative(x3, after, denoiser(x3, after))
                weight2, weight3 = following / (3 * first), after / (3 * first)
                d = d * (1 - weight2 - weight3) + d2 * weight2 + d3 * weight3
        x = x + d * (following - sigma_hat)
    return x


def _between(sigma: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return (sigma.log().lerp(other.log(), 0.5)).exp()


def sample_dpm_2(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    s_churn: float = 0.0,
    s_tmin: float = 0.0,
    s_tmax: float = math.inf,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Use the derivative in the middle of a step (D-115).

    Source: Karras et al. 2022, algorithm 2 with the middle in log sigma, as in DPM-Solver-2
    (Lu et al. 2022, arXiv:2206.00927).
    """
    steps = len(sigmas) - 1
    for i in range(steps):
        following = sigmas[i + 1]
        x, sigma_hat = churn(x, sigmas[i], steps, s_churn, s_tmin, s_tmax, s_noise)
        denoised = denoiser(x, sigma_hat)
        denoiser.report(i, x, denoised, sigmas[i], sigma_hat)
        d = derivative(x, sigma_hat, denoised)
        if not is_zero(following):
            middle = _between(sigma_hat, following)
            x2 = x + d * (middle - sigma_hat)
            d = derivative(x2, middle, denoiser(x2, middle))
        x = x + d * (following - sigma_hat)
    return x


def sample_dpm_2_ancestral(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Do :func:`sample_dpm_2` to below the next level and add noise (D-116; flows D-101)."""
    noise = denoiser.step_noise(x)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        d = derivative(x, sigma, denoised)
        if denoiser.is_flow:
            down, scale, added = flow_ancestral_split(sigma, following, eta)
        else:
            down, added = ancestral_split(sigma, following, eta)
            scale = torch.ones_like(down)
        if not is_zero(down):
            middle = _between(sigma, down)
            x2 = x + d * (middle - sigma)
            d = derivative(x2, middle, denoiser(x2, middle))
        x = x + d * (down - sigma)
        if not is_zero(following):
            x = scale * x + noise(sigma, following) * (s_noise * added)
    return x
