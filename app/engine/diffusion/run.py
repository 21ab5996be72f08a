"""One run of a sampler: from a latent of a node to the sampled latent (D-060 to D-068)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from app.engine.diffusion.conditioning import prepare_conds
from app.engine.diffusion.guidance import CfgGuider, Guider
from app.engine.diffusion.inpainting import InpaintedModel, prepare_noise_mask
from app.engine.diffusion.model import Conditioning, PatchedModel
from app.engine.diffusion.noise import fit_empty_latent, no_noise, start_noise
from app.engine.diffusion.samplers import SAMPLERS, Denoiser, Sampler, StepReport, make_sampler
from app.engine.diffusion.schedules import cut_sigmas, ksampler_sigmas
from app.engine.models.predictions import ModelSampling
from app.engine.models.wrappers import (
    OUTER_SAMPLE,
    SAMPLER_SAMPLE,
    WrapperExecutor,
    all_wrappers,
)

StepCallback = Callable[[int, torch.Tensor, torch.Tensor, int], None]
"""``callback(step, denoised, x, total)`` with latents in the sampler's scale (D-064)."""

Check = Callable[[], None]
"""Called often; raises to stop the run."""


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
        check: Called before each call of the model; raises to stop the run.

    Returns:
        The sampled latent.

    Raises:
        BaseException: What ``check``, ``callback``, hooks and the network raise.
    """
    if sigmas.numel() == 0:
        return Sampled(latent_image, latent_image)
    patcher = guider.model_patcher
    device = torch.device(patcher.load_device)
    mask = None
    if noise_mask is not None:
        mask = prepare_noise_mask(noise_mask, noise.shape, device)
    newest: list[torch.Tensor] = []

    def on_step(step: int, denoised: torch.Tensor, x: torch.Tensor, total: int) -> None:
        newest[:] = [denoised]
        if callback is not None:
            callback(step, denoised, x, total)

    guider.check = check
    options = guider.model_options.get("transformer_options")
    outer = WrapperExecutor.new_class_executor(
        _sample_loaded(guider), guider, all_wrappers(OUTER_SAMPLE, options)
    )
    with torch.no_grad():
        samples: torch.Tensor = outer.execute(
            noise, latent_image, sampler, sigmas, mask, on_step, False, seed
        )
        denoised = samples
        if newest:
            denoised = patcher.model.process_latent_out(newest[0].float()).cpu()
    return Sampled(samples, denoised)


def _sample_loaded(guider: Guider) -> Callable[..., torch.Tensor]:
    """Return the part of a run that wrappers of packs lie around."""

    def sample(
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        sampler: Sampler,
        sigmas: torch.Tensor,
        denoise_mask: torch.Tensor | None = None,
        callback: StepCallback | None = None,
        disable_pbar: bool = False,
        seed: int | None = None,
    ) -> torch.Tensor:
        patcher = guider.model_patcher
        device = torch.device(patcher.load_device)
        conds: dict[str, Any] = {
            role: None if entries is None else [dict(entry) for entry in entries]
            for role, entries in guider.original_conds.items()
        }
        with _loaded(patcher, noise.shape, conds):
            network = patcher.model
            guider.inner_model = network
            try:
                noise = noise.to(device=device, dtype=torch.float32)
                latent = latent_image.to(device=device, dtype=torch.float32)
                # An empty latent stays zero even where the format shifts values (D-061).
                if bool(torch.count_nonzero(latent)):
                    latent = network.process_latent_in(latent)
                guider.conds = prepare_conds(
                    network, noise, conds, device, latent, denoise_mask, seed
                )
                samples = _sample_prepared(
                    guider, noise, latent, sampler, sigmas, denoise_mask, callback, seed
                )
                result: torch.Tensor = network.process_latent_out(samples.float())
                return result.cpu()
            finally:
                for entries in guider.conds.values():
                    for entry in entries:
                        if entry.get("control") is not None:
                            entry["control"].cleanup()
                guider.conds = {}
                guider.inner_model = None

    return sample


def _loaded(
    patcher: PatchedModel, noise_shape: Sequence[int], conds: Mapping[str, Any]
) -> AbstractContextManager[Any]:
    prepare = getattr(patcher, "prepare_sampling", None)
    if prepare is None:
        return contextlib.nullcontext()
    context: AbstractContextManager[Any] = prepare(noise_shape, conds)
    return context


def is_max_denoise(model_sampling: ModelSampling, sigmas: torch.Tensor) -> bool:
    """Tell whether a run starts from pure noise (D-048)."""
    highest, first = float(model_sampling.sigma_max), float(sigmas[0])
    return first > highest or abs(first - highest) <= 1e-5 * max(first, highest)


def _sample_prepared(
    guider: Guider,
    noise: torch.Tensor,
    latent: torch.Tensor,
    sampler: Sampler,
    sigmas: torch.Tensor,
    denoise_mask: torch.Tensor | None,
    callback: StepCallback | None,
    seed: int | None,
) -> torch.Tensor:
    options = dict(guider.model_options)
    transformer_options = dict(options.get("transformer_options", {}))
    transformer_options["sample_sigmas"] = sigmas
    options["transformer_options"] = transformer_options
    extra_args = {"model_options": options, "seed": seed}
    executor = WrapperExecutor.new_class_executor(
        _run_algorithm(guider, sampler),
        sampler,
        all_wrappers(SAMPLER_SAMPLE, transformer_options),
    )
    samples: torch.Tensor = executor.execute(
        guider, sigmas, extra_args, callback, noise, latent, denoise_mask, False
    )
    return samples


def _run_algorithm(guider: Guider, sampler: Sampler) -> Callable[..., torch.Tensor]:
    def sample(
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: dict[str, Any],
        callback: StepCallback | None,
        noise: torch.Tensor,
        latent_image: torch.Tensor,
        denoise_mask: torch.Tensor | None = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        # Levels stay on the CPU, where reading them never waits for a device; some
        # algorithms change their list.
        levels = sigmas.detach().to(device="cpu", dtype=torch.float32).clone()
        model_sampling: ModelSampling = guider.model_patcher.get_model_object("model_sampling")
        seed = extra_args.get("seed")
        kept_noise = noise
        if sampler.fresh_inpaint_noise:
            kept_noise = start_noise(noise, ((seed or 0) + 1) % 2**64).to(noise)
        inpainted = InpaintedModel(model_wrap, sigmas, latent_image, kept_noise)
        x = model_sampling.noise_scaling(
            levels[0], noise, latent_image, is_max_denoise(model_sampling, levels)
        )
        total = len(levels) - 1

        def on_step(report: StepReport) -> None:
            if callback is not None:
                callback(report.step, report.denoised, report.x, total)

        denoiser = Denoiser(
            inpainted,
            model_sampling,
            {**extra_args, "denoise_mask": denoise_mask},
            on_step,
        )
        last = sampler.function(denoiser, x, levels, **sampler.options)
        return model_sampling.inverse_noise_scaling(levels[-1], last)

    return sample


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
