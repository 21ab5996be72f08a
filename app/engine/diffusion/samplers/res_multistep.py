"""Second-order exponential multi-step (RES), and gradient estimation; each also as CFG++."""

from __future__ import annotations

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import ancestral_split, derivative, is_zero


def sample_res_multistep(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 0.0,
    s_noise: float = 1.0,
    cfg_pp: bool = False,
) -> torch.Tensor:
    """Use the estimate of the step before in an exponential integrator (D-132).

    Source: Zhang et al. 2023, "Improved Order Analysis and Design of Exponential Integrator
    for Diffusion Models Sampling" (arXiv:2308.02157).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        eta: Share of the noise that is new.
        s_noise: Factor of the new noise.
        cfg_pp: Whether to renoise with the unguided noise.
    """
    uncond = denoiser.watch_uncond() if cfg_pp else None
    noise = denoiser.step_noise(x)
    old: torch.Tensor | None = None
    old_down = sigmas[:1].sum()
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        base = denoised if uncond is None else uncond.denoised
        down, up = ancestral_split(sigma, following, eta)
        if is_zero(down) or old is None:
            x = denoised + derivative(x, sigma, base) * down
        else:
            time, time_old = sigma.log().neg(), old_down.log().neg()
            h = down.log().neg() - time
            c2 = (sigmas[i - 1].log().neg() - time_old) / h
            phi1 = h.neg().expm1() / -h
            phi2 = (phi1 - 1) / -h
            b1 = torch.nan_to_num(phi1 - phi2 / c2, nan=0.0)
            b2 = torch.nan_to_num(phi2 / c2, nan=0.0)
            if uncond is not None:
                x = x + (denoised - uncond.denoised)
            x = h.neg().exp() * x + h * (b1 * base + b2 * old)
        if not is_zero(following) and eta > 0:
            x = x + noise(sigma, following) * (s_noise * up)
        old, old_down = base, down
    return x


def sample_gradient_estimation(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    ge_gamma: float = 2.0,
    cfg_pp: bool = False,
) -> torch.Tensor:
    """Go beyond each derivative by its change since the last step (D-133).

    Source: Permenter and Yuan 2024, "Interpreting and Improving Diffusion Models from an
    Optimization Perspective" (openreview o2ND9v0CeK).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        ge_gamma: How far to go; 1 is Euler's method.
        cfg_pp: Whether to renoise with the unguided noise.
    """
    uncond = denoiser.watch_uncond() if cfg_pp else None
    old: torch.Tensor | None = None
    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        d = derivative(x, sigma, denoised if uncond is None else uncond.denoised)
        if is_zero(following):
            x = denoised
        else:
            step = following - sigma
            x = x + d * step if uncond is None else denoised + d * following
            if old is not None:
                x = x + (ge_gamma - 1) * (d - old) * step
        old = d
    return x
