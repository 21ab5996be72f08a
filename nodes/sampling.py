"""Sample latents: the KSampler nodes."""

from __future__ import annotations

from typing import Any

import comfy.sample
import comfy.samplers
import comfy.utils
import latent_preview

from app.engine.diffusion.noise import no_noise

from .value_types import Conditioning, InputTypes, Latent

SEED_MAX = 0xFFFFFFFFFFFFFFFF

_Option = tuple[Any, dict[str, Any]]

_MODEL: _Option = ("MODEL", {"tooltip": "The model that takes the noise out."})
_POSITIVE: _Option = ("CONDITIONING", {"tooltip": "What the picture shall show."})
_NEGATIVE: _Option = ("CONDITIONING", {"tooltip": "What the picture shall not show."})
_LATENT: _Option = ("LATENT", {"tooltip": "The latent to start from; an empty one for new work."})
_STEPS: _Option = (
    "INT",
    {
        "default": 20,
        "min": 1,
        "max": 10000,
        "tooltip": "Steps from noise to picture; more take longer and can look finer.",
    },
)
_CFG: _Option = (
    "FLOAT",
    {
        "default": 8.0,
        "min": 0.0,
        "max": 100.0,
        "step": 0.1,
        "round": 0.01,
        "tooltip": (
            "How strictly the prompt is followed. Too much gives harsh pictures; at 1 the "
            "negative prompt is left out and sampling is twice as fast."
        ),
    },
)


def _seed(tooltip: str) -> _Option:
    return (
        "INT",
        {
            "default": 0,
            "min": 0,
            "max": SEED_MAX,
            "control_after_generate": True,
            "tooltip": tooltip,
        },
    )


def _menus() -> tuple[_Option, _Option]:
    """Return the menus of samplers and schedulers, with what packs added to them."""
    return (
        (
            comfy.samplers.KSampler.SAMPLERS,
            {"tooltip": "The way the noise is taken out; it decides speed and character."},
        ),
        (
            comfy.samplers.KSampler.SCHEDULERS,
            {"tooltip": "How the noise is spread over the steps."},
        ),
    )


def common_ksampler(
    model: Any,
    seed: int,
    steps: int,
    cfg: float,
    sampler_name: str,
    scheduler: str,
    positive: Conditioning,
    negative: Conditioning,
    latent: Latent,
    denoise: float = 1.0,
    disable_noise: bool = False,
    start_step: int | None = None,
    last_step: int | None = None,
    force_full_denoise: bool = False,
) -> tuple[Latent]:
    """Sample a latent, with progress and previews (rules D-060 to D-064).

    Args:
        model: The model.
        seed: 0 to 2**64 - 1.
        steps: Number of steps.
        cfg: Guidance scale.
        sampler_name: A name of the menu.
        scheduler: A name of the menu.
        positive: What the picture shall show.
        negative: What it shall not show.
        latent: ``samples``, and perhaps ``noise_mask`` and ``batch_index``; not changed.
        denoise: Share of a full run.
        disable_noise: Whether no noise is added at the start.
        start_step: First step to do, or None.
        last_step: Step to stop before, or None.
        force_full_denoise: Whether an early end leaves no noise.

    Returns:
        A copy of ``latent`` with new ``samples``, in a tuple.
    """
    if model is None:
        raise RuntimeError("There is no model here: the file that was loaded holds none.")
    samples = comfy.sample.fix_empty_latent_channels(model, latent["samples"])
    if disable_noise:
        noise = no_noise(samples)
    else:
        noise = comfy.sample.prepare_noise(samples, seed, latent.get("batch_index"))
    # Through the module, because packs put functions of their own in its place.
    sampled = comfy.sample.sample(
        model,
        noise,
        steps,
        cfg,
        sampler_name,
        scheduler,
        positive,
        negative,
        samples,
        denoise=denoise,
        disable_noise=disable_noise,
        start_step=start_step,
        last_step=last_step,
        force_full_denoise=force_full_denoise,
        noise_mask=latent.get("noise_mask"),
        callback=latent_preview.prepare_callback(model, steps),
        disable_pbar=not comfy.utils.PROGRESS_BAR_ENABLED,
        seed=seed,
    )
    return ({**latent, "samples": sampled},)


class KSampler:
    """Sample a latent."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, run, prompts and latent."""
        samplers, schedulers = _menus()
        return {
            "required": {
                "model": _MODEL,
                "seed": _seed("Number that the noise follows from; the same gives the same."),
                "steps": _STEPS,
                "cfg": _CFG,
                "sampler_name": samplers,
                "scheduler": schedulers,
                "positive": _POSITIVE,
                "negative": _NEGATIVE,
                "latent_image": _LATENT,
                "denoise": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "How much of the latent is made anew; lower keeps more of it.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    OUTPUT_TOOLTIPS = ("The latent without its noise.",)
    FUNCTION = "sample"
    CATEGORY = "sampling"
    DESCRIPTION = "Makes a picture: takes noise out of a latent, step by step, as the prompts ask."
    SEARCH_ALIASES = ["sampler", "generate", "denoise", "txt2img", "img2img"]

    def sample(
        self,
        model: Any,
        seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Latent,
        denoise: float = 1.0,
    ) -> tuple[Latent]:
        """Return the sampled latent."""
        return common_ksampler(
            model, seed, steps, cfg, sampler_name, scheduler, positive, negative, latent_image,
            denoise=denoise,
        )  # fmt: skip


class KSamplerAdvanced:
    """Sample a part of the steps."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, run, prompts, latent and the part."""
        samplers, schedulers = _menus()
        step = {"min": 0, "max": 10000}
        return {
            "required": {
                "model": _MODEL,
                "add_noise": (
                    ["enable", "disable"],
                    {"tooltip": "Whether noise is added first; not where it is in there already."},
                ),
                "noise_seed": _seed("Number that the noise follows from."),
                "steps": _STEPS,
                "cfg": _CFG,
                "sampler_name": samplers,
                "scheduler": schedulers,
                "positive": _POSITIVE,
                "negative": _NEGATIVE,
                "latent_image": _LATENT,
                "start_at_step": (
                    "INT",
                    {"default": 0, **step, "tooltip": "First step to do; 0 is the beginning."},
                ),
                "end_at_step": (
                    "INT",
                    {"default": 10000, **step, "tooltip": "Step to stop before."},
                ),
                "return_with_leftover_noise": (
                    ["disable", "enable"],
                    {"tooltip": "Whether an early end keeps its noise, for another sampler."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "sample"
    CATEGORY = "sampling"
    DESCRIPTION = (
        "Samples only some of the steps, so that several samplers can share the work, such as "
        "a base model and its refiner."
    )
    SEARCH_ALIASES = ["refiner", "partial sampling"]

    def sample(
        self,
        model: Any,
        add_noise: str,
        noise_seed: int,
        steps: int,
        cfg: float,
        sampler_name: str,
        scheduler: str,
        positive: Conditioning,
        negative: Conditioning,
        latent_image: Latent,
        start_at_step: int,
        end_at_step: int,
        return_with_leftover_noise: str,
        denoise: float = 1.0,
    ) -> tuple[Latent]:
        """Return the sampled latent."""
        return common_ksampler(
            model, noise_seed, steps, cfg, sampler_name, scheduler, positive, negative,
            latent_image, denoise=denoise, disable_noise=add_noise == "disable",
            start_step=start_at_step, last_step=end_at_step,
            force_full_denoise=return_with_leftover_noise != "enable",
        )  # fmt: skip


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "KSampler": KSampler,
    "KSamplerAdvanced": KSamplerAdvanced,
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "KSampler": "KSampler",
    "KSamplerAdvanced": "KSampler (Advanced)",
}
