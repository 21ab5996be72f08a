"""``comfy.sample``: noise and sampling as packs call it, and put their own in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import comfy.model_management
import comfy.sampler_helpers
import comfy.samplers
import numpy as np
import torch
from comfy.sampler_helpers import cleanup_additional_models, prepare_mask, prepare_sampling

from app.engine.diffusion.noise import fit_empty_latent, start_noise

__all__ = [
    "cleanup_additional_models",
    "fix_empty_latent_channels",
    "np",
    "prepare_mask",
    "prepare_noise",
    "prepare_sampling",
    "sample",
    "sample_custom",
]


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
    sampler: Any,
    sigmas: torch.Tensor,
    positive: Any,
    negative: Any,
    latent_image: torch.Tensor,
    noise_mask: torch.Tensor | None = None,
    callback: Any = None,
    disable_pbar: bool = False,
    seed: int | None = None,
) -> torch.Tensor:
    """Sample with a sampler and noise levels; see ``comfy.samplers.sample``."""
    samples: torch.Tensor = comfy.samplers.sample(
        model,
        noise,
        positive,
        negative,
        cfg,
        model.load_device,
        sampler,
        sigmas,
        model_options=model.model_options,
        latent_image=latent_image,
        denoise_mask=noise_mask,
        callback=callback,
        disable_pbar=disable_pbar,
        seed=seed,
    )
    return samples.to(comfy.model_management.intermediate_device())


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
    run = comfy.samplers.KSampler(
        model,
        steps=steps,
        device=model.load_device,
        sampler=sampler_name,
        scheduler=scheduler,
        denoise=denoise,
        model_options=model.model_options,
    )
    samples: torch.Tensor = run.sample(
        noise,
        positive,
        negative,
        cfg=cfg,
        latent_image=latent_image,
        start_step=start_step,
        last_step=last_step,
        force_full_denoise=force_full_denoise,
        denoise_mask=noise_mask,
        sigmas=sigmas,
        callback=callback,
        disable_pbar=disable_pbar,
        seed=seed,
    )
    return samples.to(comfy.model_management.intermediate_device())
