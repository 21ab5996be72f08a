"""The part of ``comfy.samplers`` that needs torch; packs find its names there.

Everything that packs replace is called through :mod:`comfy.samplers`.
"""

from __future__ import annotations

import contextlib
from abc import ABC
from collections.abc import Iterator, Sequence
from typing import Any

import comfy.k_diffusion.sampling as k_diffusion_sampling
import comfy.model_management as model_management
import comfy.sampler_helpers
import comfy.samplers
import torch
from comfy._run_parts import (
    beta_scheduler,
    calculate_start_end_timesteps,
    can_concat_cond,
    cast_to_load_options,
    cast_transformer_options,
    cond_cat,
    create_cond_with_same_area_if_none,
    ddim_scheduler,
    encode_model_conds,
    get_area_and_mult,
    kl_optimal_scheduler,
    linear_quadratic_schedule,
    normal_scheduler,
    pre_run_control,
    process_conds,
    resolve_areas_and_cond_masks,
    resolve_areas_and_cond_masks_multidim,
    simple_scheduler,
)
from comfy.extra_samplers import uni_pc

from app.engine.diffusion import cond_batch, guidance
from app.engine.diffusion.inpainting import InpaintedModel as KSamplerX0Inpaint
from app.engine.diffusion.samplers import SAMPLERS
from app.engine.diffusion.samplers import make_sampler as make_engine_sampler
from app.engine.diffusion.samplers.exchange import from_pack_sampler
from app.engine.diffusion.samplers.sampler import Sampler as Algorithm
from app.engine.diffusion.samplers.sampler import is_max_denoise

__all__ = [
    "KSAMPLER",
    "CFGGuider",
    "KSamplerX0Inpaint",
    "Sampler",
    "beta_scheduler",
    "calc_cond_batch",
    "calculate_start_end_timesteps",
    "can_concat_cond",
    "cast_to_load_options",
    "cast_transformer_options",
    "cfg_function",
    "comfy",
    "cond_cat",
    "create_cond_with_same_area_if_none",
    "ddim_scheduler",
    "encode_model_conds",
    "get_area_and_mult",
    "k_diffusion_sampling",
    "kl_optimal_scheduler",
    "ksampler",
    "linear_quadratic_schedule",
    "model_management",
    "normal_scheduler",
    "pre_run_control",
    "process_conds",
    "resolve_areas_and_cond_masks",
    "resolve_areas_and_cond_masks_multidim",
    "sample",
    "sampler_object",
    "sampling_function",
    "simple_scheduler",
    "torch",
    "uni_pc",
]

Options = dict[str, Any]


def sigmas_for_denoise(
    model_sampling: Any, scheduler: str, steps: int, denoise: float = 1.0
) -> torch.Tensor:
    """Return the last part of a longer list, as BasicScheduler does (D-030).

    Schedulers that packs added are known too.
    """
    if denoise <= 0.0:
        return torch.zeros(0)
    total = steps if denoise >= 1.0 else int(steps / denoise)
    sigmas: torch.Tensor = comfy.samplers.calculate_sigmas(model_sampling, scheduler, total).cpu()
    return sigmas if denoise >= 1.0 else sigmas[-(steps + 1) :]


# Guidance


def calc_cond_batch(
    model: Any,
    conds: Sequence[Any],
    x_in: torch.Tensor,
    timestep: torch.Tensor,
    model_options: Options,
) -> list[torch.Tensor]:
    """Return the prediction of each list of entries; see :mod:`~.diffusion.cond_batch`."""
    return cond_batch.calc_cond_batch(model, conds, x_in, timestep, model_options)


def cfg_function(
    model: Any,
    cond_pred: torch.Tensor,
    uncond_pred: torch.Tensor,
    cond_scale: float,
    x: torch.Tensor,
    timestep: torch.Tensor,
    model_options: Options | None = None,
    cond: Any = None,
    uncond: Any = None,
) -> torch.Tensor:
    """Join two predictions by guidance, with the hooks for that (D-065)."""
    return guidance.cfg_function(
        model, cond_pred, uncond_pred, cond_scale, x, timestep, model_options or {}, cond, uncond
    )


def sampling_function(
    model: Any,
    x: torch.Tensor,
    timestep: torch.Tensor,
    uncond: Any,
    cond: Any,
    cond_scale: float,
    model_options: Options | None = None,
    seed: int | None = None,
) -> torch.Tensor:
    """Return the denoised latent under classifier-free guidance (D-065)."""
    return guidance.guided_prediction(
        model,
        x,
        timestep,
        uncond,
        cond,
        cond_scale,
        model_options or {},
        comfy.samplers.calc_cond_batch,
        comfy.samplers.cfg_function,
    )


# Samplers


class Sampler(ABC):  # noqa: B024 - for register(); packs override what they like
    """Base of what goes from noise to a latent; packs derive from it."""

    def sample(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; see :meth:`KSAMPLER.sample`."""
        raise NotImplementedError

    def max_denoise(self, model_wrap: Any, sigmas: torch.Tensor) -> bool:
        """Tell whether a run starts from pure noise (D-048)."""
        return is_max_denoise(model_wrap.inner_model.model_sampling, sigmas)


class KSAMPLER(Sampler):
    """A sampler that is a function in the form of ``comfy.k_diffusion.sampling``.

    Attributes:
        sampler_function: Called as ``function(model, x, sigmas, extra_args=, callback=,
            disable=, **extra_options)``.
        extra_options: Its options.
        inpaint_options: ``random``: whether the kept part of a latent gets noise of its own.
    """

    def __init__(
        self,
        sampler_function: Any,
        extra_options: Options | None = None,
        inpaint_options: Options | None = None,
    ) -> None:
        self.sampler_function = sampler_function
        self.extra_options: Options = {} if extra_options is None else extra_options
        self.inpaint_options: Options = {} if inpaint_options is None else inpaint_options

    @property
    def name(self) -> str:
        """Return the name in the menu."""
        return str(getattr(self.sampler_function, "__name__", "")).removeprefix("sample_")

    @property
    def options(self) -> Options:
        """Return the options, under the name of our own samplers."""
        return self.extra_options

    def sample(
        self,
        model_wrap: Any,
        sigmas: torch.Tensor,
        extra_args: Options,
        callback: Any,
        noise: torch.Tensor,
        latent_image: torch.Tensor | None = None,
        denoise_mask: torch.Tensor | None = None,
        disable_pbar: bool = False,
    ) -> torch.Tensor:
        """Run it; see :meth:`app.engine.diffusion.samplers.sampler.Sampler.sample`."""
        algorithm = Algorithm(
            self.name,
            from_pack_sampler(self.sampler_function),
            self.extra_options,
            bool(self.inpaint_options.get("random", False)),
        )
        return algorithm.sample(
            model_wrap, sigmas, extra_args, callback, noise, latent_image, denoise_mask,
            disable_pbar,
        )  # fmt: skip


# Some built-in nodes give samplers of the engine, which have all that packs ask of one.
KSAMPLER.register(Algorithm)


def ksampler(
    sampler_name: str,
    extra_options: Options | None = None,
    inpaint_options: Options | None = None,
) -> KSAMPLER:
    """Return the sampler whose function ``comfy.k_diffusion.sampling`` has by that name.

    Raises:
        ValueError: There is no such function.
    """
    function = getattr(k_diffusion_sampling, f"sample_{sampler_name}", None)
    if function is None:
        raise ValueError(
            f'There is no sampler "{sampler_name}": comfy.k_diffusion.sampling has no '
            f"sample_{sampler_name}."
        )
    return comfy.samplers.KSAMPLER(function, extra_options, inpaint_options)  # type: ignore[no-any-return]  # a live name


def sampler_object(name: str) -> Any:
    """Return the sampler of a name in the menu.

    Raises:
        ValueError: There is no such sampler.
    """
    if name == "uni_pc":
        return comfy.samplers.KSAMPLER(uni_pc.sample_unipc)
    if name == "uni_pc_bh2":
        return comfy.samplers.KSAMPLER(uni_pc.sample_unipc_bh2)
    if name == "ddim":
        return comfy.samplers.ksampler("euler", inpaint_options={"random": True})
    return comfy.samplers.ksampler(name)


def make_sampler(name: str, **options: Any) -> Any:
    """Return the sampler of a name with options, for the built-in nodes.

    Raises:
        ValueError: It is unknown, or has no such option.
    """
    sampler = comfy.samplers.sampler_object(name)
    if options and name in SAMPLERS:
        make_engine_sampler(name, **options)
    sampler.extra_options.update(options)
    return sampler


def _stop_when_asked() -> None:
    comfy.model_management.throw_exception_if_processing_interrupted()


class CFGGuider(guidance.CfgGuider):
    """A model with a positive and a negative prompt; packs derive from it.

    :meth:`sample` calls :meth:`outer_sample`, that :meth:`inner_sample`, that the sampler, and
    the sampler calls :meth:`predict_noise`.
    """

    def __init__(self, model_patcher: Any) -> None:
        super().__init__(model_patcher)
        self.check = _stop_when_asked
        self.loaded_models: list[Any] = []

    def set_conds(self, positive: Any, negative: Any) -> None:
        """Set the prompts."""
        self.inner_set_conds({"positive": positive, "negative": negative})

    def inner_set_conds(self, conds: dict[str, Any]) -> None:
        """Set prompts by role."""
        for role, conditioning in conds.items():
            self.original_conds[role] = comfy.sampler_helpers.convert_cond(conditioning)

    def predict_noise(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        model_options: Options | None = None,
        seed: int | None = None,
    ) -> torch.Tensor:
        """Return the denoised latent."""
        predicted: torch.Tensor = comfy.samplers.sampling_function(
            self.inner_model,
            x,
            timestep,
            self.conds.get("negative"),
            self.conds.get("positive"),
            self.cfg,
            model_options=model_options or {},
            seed=seed,
        )
        return predicted

    @contextlib.contextmanager
    def loaded(self, noise_shape: Sequence[int]) -> Iterator[None]:
        """Load the model and what its prompts need, through ``comfy.sampler_helpers``."""
        helpers = comfy.sampler_helpers
        patcher: Any = self.model_patcher
        self.inner_model, self.conds, self.loaded_models = helpers.prepare_sampling(
            patcher, noise_shape, self.conds, self.model_options
        )
        comfy.samplers.cast_to_load_options(self.model_options, patcher.load_device)
        patcher.pre_run()
        try:
            yield
        finally:
            patcher.cleanup()
            helpers.cleanup_models(self.conds, self.loaded_models)
            self.loaded_models = []

    def prepare_conds(
        self,
        noise: torch.Tensor,
        device: torch.device,
        latent_image: torch.Tensor,
        denoise_mask: torch.Tensor | None,
        seed: int | None,
    ) -> dict[str, Any]:
        """Return the prompts of this run, ready to be evaluated."""
        ready: dict[str, Any] = comfy.samplers.process_conds(
            self.inner_model, noise, dict(self.conds), device, latent_image, denoise_mask, seed
        )
        return ready


def sample(
    model: Any,
    noise: torch.Tensor,
    positive: Any,
    negative: Any,
    cfg: float,
    device: Any,
    sampler: Any,
    sigmas: torch.Tensor,
    model_options: Options | None = None,
    latent_image: torch.Tensor | None = None,
    denoise_mask: torch.Tensor | None = None,
    callback: Any = None,
    disable_pbar: bool = False,
    seed: int | None = None,
) -> torch.Tensor:
    """Sample a latent with classifier-free guidance; see :meth:`Guider.sample`."""
    guider = comfy.samplers.CFGGuider(model)
    guider.set_conds(positive, negative)
    guider.set_cfg(cfg)
    latent = torch.zeros_like(noise) if latent_image is None else latent_image
    sampled: torch.Tensor = guider.sample(
        noise, latent, sampler, sigmas, denoise_mask, callback, disable_pbar, seed
    )
    return sampled
