"""``comfy.sample``: noise and sampling as packs call it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from app.engine.diffusion.guidance import CfgGuider
from app.engine.diffusion.noise import fit_empty_latent, start_noise
from app.engine.diffusion.run import run_sampler
from app.engine.diffusion.samplers import Sampler, make_sampler
from app.engine.diffusion.schedules import cut_sigmas, ksampler_sigmas
from app.engine.execution.interrupts import throw_exception_if_processing_interrupted

__all__ = ["fix_empty_latent_channels", "prepare_noise", "sample", "sample_custom"]


def prepare_noise(
    latent_image: torch.Tensor, seed: int, noise_inds: Sequence[int] | None = None
) -> torch.Tensor:
    """Return the noise of a latent (rules D-001, D-003)."""
    return start_noise(latent_image, seed, noise_inds)


def fix_empty_latent_channels(
    model: Any, latent_image: torch.Tensor, downscale_ratio_spacial: Any = None
) -> torch.Tensor:
    """Return a latent of zeros with the channels that a model wants (rule D-006)."""
    form = model.get_model_object("latent_format")
    return fit_empty_latent(latent_image, form.latent_channels, form.latent_dimensions)


def sample_custom(
    model: Any,
    noise: torch.Tensor,
    cfg: float,
    sampler: Sampler,
    sigmas: torch.Tensor,
    positive: Any,
    negative: Any,
    latent_image: torch.Tensor,
    noise_mask: torch.Tensor | None = None,
    callback: Any = None,
    disable_pbar: bool = False,
    seed: int | None = None,
) -> torch.Tensor:
    """Sample with a sampler and noise levels; see :func:`run_sampler`."""
    guider = CfgGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    done = run_sampler(
        guider,
        noise,
        sampler,
        sigmas,
        latent_image,
        noise_mask=noise_mask,
        callback=callback,
        seed=seed,
        check=throw_exception_if_processing_interrupted,
    )
    return done.samples


def sample(
    model: Any,
    noise: torch.Tensor,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Any,
    negative: Any,
    latent_image: torch.Tensor,
    denoise: float = 1.0,
    disable_noise: bool = False,
    start_step: int | None = None,
    last_step: int | None = None,
    force_full_denoise: bool = False,
    noise_mask: torch.Tensor | None = None,
    sigmas: torch.Tensor | None = None,
    callback: Any = None,
    disable_pbar: bool = False,
    seed: int | None = None,
) -> torch.Tensor:
    """Do what KSampler does, with noise that the caller made (rule D-060)."""
    if sigmas is None:
        table = model.get_model_object("model_sampling")
        sigmas = ksampler_sigmas(table, scheduler, steps, sampler_name, denoise)
    levels: torch.Tensor | None = sigmas
    if sigmas.numel():
        levels = cut_sigmas(sigmas, start_step, last_step, not force_full_denoise)
    if levels is None:
        return latent_image
    return sample_custom(
        model, noise, cfg, make_sampler(sampler_name), levels, positive, negative, latent_image,
        noise_mask, callback, disable_pbar, seed,
    )  # fmt: skip
