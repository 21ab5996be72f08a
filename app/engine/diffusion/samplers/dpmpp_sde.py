"""DPM-Solver++ for the stochastic equation: SDE, 2M SDE and 3M SDE.

Source: Lu et al. 2022 (arXiv:2211.01095), with the stochastic form and the third order by
Katherine Crowson. Time is the half log signal-to-noise ratio, called lambda; ``_gpu`` forms make
the noise on the latent's device.
"""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    ancestral_split,
    below_pure_noise,
    half_log_snr,
    is_zero,
    sigma_of,
    signal_of,
)


def sample_dpmpp_sde(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    r: float = 0.5,
    noise_on_cpu: bool = True,
) -> torch.Tensor:
    """Take each step in two stages, with noise in both (D-122).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        r: Where between the ends the first stage stops, 0..1.
        noise_on_cpu: Whether the noise's path is made on the CPU.
    """
    if len(sigmas) <= 1:
        return x
    noise = denoiser.tree_noise(x, sigmas, noise_on_cpu)
    sigmas = below_pure_noise(denoiser, sigmas)
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        if is_zero(following):
            x = denoised
            continue
        lam, lam_next = (half_log_snr(level, denoiser.is_flow) for level in (sigma, following))
        lam_mid = lam + r * (lam_next - lam)
        middle = sigma_of(lam_mid, denoiser.is_flow)

        def stage(
            end: torch.Tensor,
            lam_end: torch.Tensor,
            target: torch.Tensor,
            x: torch.Tensor = x,
            sigma: torch.Tensor = sigma,
            lam: torch.Tensor = lam,
        ) -> torch.Tensor:
            alpha, alpha_end = signal_of(sigma, lam), signal_of(end, lam_end)
            down, up = ancestral_split(lam.neg().exp(), lam_end.neg().exp(), eta)
            h = down.log().neg() - lam
            moved = alpha_end / alpha * h.neg().exp() * x - alpha_end * h.neg().expm1() * target
            if eta > 0 and s_noise > 0:
                moved = moved + noise(sigma, end) * (alpha_end * s_noise * up)
            return moved

        denoised2 = denoiser(stage(middle, lam_mid, denoised), middle)
        share = 1 / (2 * r)
        x = stage(following, lam_next, (1 - share) * denoised + share * denoised2)
    return x


def sample_dpmpp_2m_sde(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    solver_type: str = "midpoint",
    noise_on_cpu: bool = True,
) -> torch.Tensor:
    """Use the estimate of the step before, and add noise (D-125).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        solver_type: How the slope of the estimate counts: "midpoint" or "heun".
        noise_on_cpu: Whether the noise's path is made on the CPU.

    Raises:
        ValueError: ``solver_type`` is unknown.
    """
    if solver_type not in ("midpoint", "heun"):
        raise ValueError(f'Unknown solver_type "{solver_type}"; known are midpoint, heun.')
    if len(sigmas) <= 1:
        return x
    noise = denoiser.tree_noise(x, sigmas, noise_on_cpu)
    sigmas = below_pure_noise(denoiser, sigmas)
    old: torch.Tensor | None = None
    h_last = sigmas.new_zeros(())
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
        alpha = signal_of(following, lam_next)
        drop = h_eta.neg().expm1().neg()
        x = following / sigma * (-h * eta).exp() * x + alpha * drop * denoised
        if old is not None:
            r = h_last / h
            weight = 0.5 * drop if solver_type == "midpoint" else 1 - drop / h_eta
            x = x + alpha * weight / r * (denoised - old)
        if eta > 0 and s_noise > 0:
            amount = following * (-2 * h * eta).expm1().neg().sqrt() * s_noise
            x = x + noise(sigma, following) * amount
        old, h_last = denoised, h
    return x


def sample_dpmpp_3m_sde(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 1.0,
    s_noise: float = 1.0,
    noise_on_cpu: bool = True,
) -> torch.Tensor:
    """Use the estimates of the two steps before, and add noise (D-126).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        noise_on_cpu: Whether the noise's path is made on the CPU.
    """
    if len(sigmas) <= 1:
        return x
    noise = denoiser.tree_noise(x, sigmas, noise_on_cpu)
    sigmas = below_pure_noise(denoiser, sigmas)
    history: list[tuple[torch.Tensor, torch.Tensor]] = []
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
        alpha = signal_of(following, lam_next)
        drop = h_eta.neg().expm1()
        x = following / sigma * (-h * eta).exp() * x - alpha * drop * denoised
        phi2 = drop / h_eta + 1
        if len(history) == 1:
            old, h1 = history[0]
            x = x + alpha * phi2 * (denoised - old) / (h1 / h)
        elif history:
            (older, h2), (old, h1) = history
            r0, r1 = h1 / h, h2 / h
            slope0, slope1 = (denoised - old) / r0, (old - older) / r1
            first = slope0 + (slope0 - slope1) * r0 / (r0 + r1)
            second = (slope0 - slope1) / (r0 + r1)
            phi3 = phi2 / h_eta - 0.5
            x = x + alpha * (phi2 * first - phi3 * second)
        if eta > 0 and s_noise > 0:
            amount = following * (-2 * h * eta).expm1().neg().sqrt() * s_noise
            x = x + noise(sigma, following) * amount
        history = [*history, (denoised, h)][-2:]
    return x
