"""One run of a sampler: from a latent of a node to the sampled latent (D-060 to D-068)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from app.engine.diffusion.guidance import CfgGuider, Guider
from app.engine.diffusion.model import Conditioning, PatchedModel
from app.engine.diffusion.noise import fit_empty_latent, no_noise, start_noise
from app.engine.diffusion.samplers import SAMPLERS, Sampler, make_sampler
from app.engine.diffusion.samplers.sampler import StepCallback, is_max_denoise
from app.engine.diffusion.schedules import cut_sigmas, ksampler_sigmas
from app.engine.models.stopping import Check

__all__ = [
    "Check",
    "Sampled",
    "StepCallback",
    "is_max_denoise",
    "run_sampler",
    "sample_latent",
]


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a run gives.

    Attributes:
        samples: The last latent, float32 on the CPU in the scale of nodes.
        denoised: The model's last estimate of the clean latent, in the same form (D-067).
    """

    samples: torch.Tensor
    denoised: torch.Tensor


def run_sampler(
    guider: Guider,
    noise: torch.Tensor,
    sampler: Sampler,
    sigmas: torch.Tensor,
    latent_image: torch.Tensor,
    *,
    noise_mask: torch.Tensor | None = None,
    callback: StepCallback | None = None,
    seed: int | None = None,
    check: Check | None = None,
) -> Sampled:
    """Sample a latent.

    Args:
        guider: The model with its prompts and guidance.
        noise: Standard normal values in the shape of the latent.
        sampler: The algorithm.
        sigmas: Falling levels ``(steps + 1,)``, not changed; an empty list gives the latent
            back (D-062).
        latent_image: ``(batch, channels, ...)`` in the scale of nodes, as many channels as the
            model has (see :func:`app.engine.diffusion.noise.fit_empty_latent`).
        noise_mask: ``(batch, height, width)``, 1 where the latent may change; None is
            everywhere.
        callback: Told once a step.
        seed: Of the steps' noise.
        check: Called before each call of the model and between its blocks; raises to stop the
            run.

    Returns:
        The sampled latent.

    Raises:
        BaseException: What ``check``, ``callback``, hooks and the network raise.
    """
    if sigmas.numel() == 0:
        return Sampled(latent_image, latent_image)
    newest: list[torch.Tensor] = []

    def on_step(step: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        newest[:] = [denoised]
        if callback is not None:
            callback(step, denoised, x, total)

    guider.check = check
    network = guider.model_patcher.model
    samples = guider.sample(noise, latent_image, sampler, sigmas, noise_mask, on_step, False, seed)
    denoised = samples
    if newest:
        with torch.no_grad():
            denoised = network.process_latent_out(newest[0].float()).cpu()
    return Sampled(samples, denoised)


def sample_latent(
    model: PatchedModel,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent: Mapping[str, Any],
    *,
    denoise: float = 1.0,
    add_noise: bool = True,
    start_step: int | None = None,
    last_step: int | None = None,
    leftover_noise: bool = True,
    callback: StepCallback | None = None,
    check: Check | None = None,
) -> dict[str, Any]:
    """Do what the KSampler nodes do (D-060).

    Args:
        model: The patched model.
        seed: 0 to 2**64 - 1.
        steps: Number of steps, at least 1.
        cfg: Guidance scale.
        sampler_name: A name of the menu; an unknown one means the first.
        scheduler: A name of the menu; an unknown one means the first.
        positive: What the picture shall show.
        negative: What it shall not show.
        latent: ``samples``, and perhaps ``noise_mask`` and ``batch_index``; not changed.
        denoise: Share of a full run.
        add_noise: Whether noise is added at the start.
        start_step: First step to do; None is the first.
        last_step: Step to stop before; None is the last.
        leftover_noise: Whether an early end keeps its noise.
        callback: Told once a step.
        check: Raises to stop the run.

    Returns:
        A copy of ``latent`` with new ``samples``.
    """
    network = model.model
    samples = fit_empty_latent(
        latent["samples"],
        network.latent_format.latent_channels,
        network.latent_format.latent_dimensions,
    )
    if sampler_name not in SAMPLERS:
        sampler_name = next(iter(SAMPLERS))
    noise = (
        start_noise(samples, seed, latent.get("batch_index")) if add_noise else no_noise(samples)
    )
    sigmas: torch.Tensor | None = ksampler_sigmas(
        model.get_model_object("model_sampling"), scheduler, steps, sampler_name, denoise
    )
    assert sigmas is not None
    if sigmas.numel():
        sigmas = cut_sigmas(sigmas, start_step, last_step, leftover_noise)
    if sigmas is None:
        return {**latent, "samples": samples}
    guider = CfgGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    done = run_sampler(
        guider,
        noise,
        make_sampler(sampler_name),
        sigmas,
        samples,
        noise_mask=latent.get("noise_mask"),
        callback=callback,
        seed=seed,
        check=check,
    )
    return {**latent, "samples": done.samples}
