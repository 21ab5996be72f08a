"""SEEDS: exponential solvers of the stochastic equation with several stages a step.

Source: Gonzalez et al. 2023, "SEEDS: Exponential SDE Solvers for Fast High-Quality Sampling from
Diffusion Models" (arXiv:2305.14267).
"""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    below_pure_noise,
    half_log_snr,
    is_zero,
    sigma_of,
    signal_of,
)


def _phi1(h: torch.Tensor) -> torch.Tensor:
    return h.expm1()


def _phi2(h: torch.Tensor) -> torch.Tensor:
    return (h.expm1() - h) / h


def sample_seeds_2(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
    solver_type: str = "phi_1",
) -> torch.Tensor:
    """Take two stages a step (D-135).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        r: Where between the ends the first stage stops, above 0 to 1.
        solver_type: How the stages are weighed: "phi_1" or "phi_2".

    Raises:
        ValueError: ``solver_type`` is unknown.
    """
    if solver_type not in ("phi_1", "phi_2"):
        raise ValueError(f'Unknown solver_type "{solver_type}"; known are phi_1, phi_2.')
    noise = denoiser.step_noise(x)
    adds_noise = eta > 0 and s_noise > 0
    sigmas = below_pure_noise(denoiser, sigmas)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
            continue
        lam, lam_next = (half_log_snr(level, denoiser.is_flow) for level in (sigma, following))
        h = lam_next - lam
        h_eta = h * (eta + 1)
        lam_mid = torch.lerp(lam, lam_next, r)
        middle = sigma_of(lam_mid, denoiser.is_flow)
        alpha_mid, alpha_next = signal_of(middle, lam_mid), signal_of(following, lam_next)

        x2 = middle / sigma * (-r * h * eta).exp() * x
        x2 = x2 - alpha_mid * _phi1(-r * h_eta) * denoised
        fresh = torch.zeros_like(x)
        if adds_noise:
            fresh = (-2 * r * h * eta).expm1().neg().sqrt() * noise(sigma, middle)
            x2 = x2 + fresh * (middle * s_noise)
        denoised2 = denoiser(x2, middle)

        x = following / sigma * (-h * eta).exp() * x
        if solver_type == "phi_1":
            target = torch.lerp(denoised, denoised2, 1 / (2 * r))
            x = x - alpha_next * _phi1(-h_eta) * target
        else:
            second = _phi2(-h_eta) / r
            first = _phi1(-h_eta) - second
            x = x - alpha_next * (first * denoised + second * denoised2)
        if adds_noise:
            rest = (r - 1) * h * eta
            fresh = fresh * rest.exp()
            fresh = fresh + (2 * rest).expm1().neg().sqrt() * noise(middle, following)
            x = x + fresh * (following * s_noise)
    return x


def sample_exp_heun_2_x0(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    solver_type: str = "phi_2",
) -> torch.Tensor:
    """Do :func:`sample_seeds_2` with the whole step as first stage, without noise (D-136)."""
    return sample_seeds_2(denoiser, x, sigmas, 0.0, 0.0, 1.0, solver_type)


def sample_exp_heun_2_x0_sde(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: str = "phi_2",
) -> torch.Tensor:
    """Do :func:`sample_seeds_2` with the whole step as first stage (D-136)."""
    return sample_seeds_2(denoiser, x, sigmas, eta, s_noise, 1.0, solver_type)


def sample_seeds_3(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r_1: float = 1 / 3,
    r_2: float = 2 / 3,
) -> torch.Tensor:
    """Take three stages a step (D-137).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        r_1: Where between the ends the first stage stops.
        r_2: Where the second stage stops.
    """
    noise = denoiser.step_noise(x)
    adds_noise = eta > 0 and s_noise > 0
    sigmas = below_pure_noise(denoiser, sigmas)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
            continue
        lam, lam_next = (half_log_snr(level, denoiser.is_flow) for level in (sigma, following))
        h = lam_next - lam
        h_eta = h * (eta + 1)
        lam1, lam2 = torch.lerp(lam, lam_next, r_1), torch.lerp(lam, lam_next, r_2)
        level1, level2 = sigma_of(lam1, denoiser.is_flow), sigma_of(lam2, denoiser.is_flow)
        fresh = torch.zeros_like(x)

        x2 = level1 / sigma * (-r_1 * h * eta).exp() * x
        x2 = x2 - signal_of(level1, lam1) * _phi1(-r_1 * h_eta) * denoised
        if adds_noise:
            fresh = (-2 * r_1 * h * eta).expm1().neg().sqrt() * noise(sigma, level1)
            x2 = x2 + fresh * (level1 * s_noise)
        denoised2 = denoiser(x2, level1)

        a32 = r_2 / r_1 * _phi2(-r_2 * h_eta)
        a31 = _phi1(-r_2 * h_eta) - a32
        x3 = level2 / sigma * (-r_2 * h * eta).exp() * x
        x3 = x3 - signal_of(level2, lam2) * (a31 * denoised + a32 * denoised2)
        if adds_noise:
            rest = (r_1 - r_2) * h * eta
            fresh = fresh * rest.exp()
            fresh = fresh + (2 * rest).expm1().neg().sqrt() * noise(level1, level2)
            x3 = x3 + fresh * (level2 * s_noise)
        denoised3 = denoiser(x3, level2)

        b3 = _phi2(-h_eta) / r_2
        b1 = _phi1(-h_eta) - b3
        x = following / sigma * (-h * eta).exp() * x
        x = x - signal_of(following, lam_next) * (b1 * denoised + b3 * denoised3)
        if adds_noise:
            rest = (r_2 - 1) * h * eta
            fresh = fresh * rest.exp()
            fresh = fresh + (2 * rest).expm1().neg().sqrt() * noise(level2, following)
            x = x + fresh * (following * s_noise)
    return x
