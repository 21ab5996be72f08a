"""Tell a model how it was trained, and change its guidance."""

from __future__ import annotations

from typing import Any

import torch

from app.engine.models import latent_formats
from app.engine.models.predictions import (
    EpsilonPrediction,
    ModelType,
    combine,
    make_model_sampling,
)
from app.engine.models.sigma_tables import ContinuousEdmTable, flux_shift

from .value_types import MAX_RESOLUTION, InputTypes

_Option = tuple[Any, dict[str, Any]]

_MODEL: _Option = ("MODEL", {"tooltip": "The model to change."})


def _shift(default: float) -> _Option:
    tooltip = "Above 1 more steps go into the rough shapes, below 1 into the details."
    option = {"default": default, "min": 0.0, "max": 100.0, "step": 0.01, "tooltip": tooltip}
    return ("FLOAT", option)


def _level(default: float, tooltip: str) -> _Option:
    option = {"default": default, "min": 0.0, "max": 1000.0, "step": 0.001, "round": False}
    return ("FLOAT", {**option, "tooltip": tooltip})


def _with_sampling(model: Any, sampling: Any) -> tuple[Any]:
    changed = model.clone()
    changed.add_object_patch("model_sampling", sampling)
    return (changed,)


class ModelSamplingDiscrete:
    """Choose what a model with a thousand timesteps predicts."""

    _TYPES = {
        "eps": ModelType.EPS,
        "v_prediction": ModelType.V_PREDICTION,
        "lcm": ModelType.LCM,
        "x0": ModelType.X0,
        "img_to_img": ModelType.IMG_TO_IMG,
    }

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, prediction and last level."""
        return {
            "required": {
                "model": _MODEL,
                "sampling": (list(cls._TYPES), {"tooltip": "What the model was trained to tell."}),
                "zsnr": (
                    "BOOLEAN",
                    {"default": False, "tooltip": "Begin with nearly pure noise."},
                ),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Tells a model how it was trained, where its file does not say so."

    def patch(self, model: Any, sampling: str, zsnr: bool) -> tuple[Any]:
        """Return the model with other sampling rules (rules D-040, D-041, D-050)."""
        return _with_sampling(model, make_model_sampling(self._TYPES[sampling], {"zsnr": zsnr}))


class ModelSamplingContinuousEDM:
    """Choose noise levels without timesteps."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, prediction and levels."""
        kinds = ["v_prediction", "edm", "edm_playground_v2.5", "eps", "cosmos_rflow"]
        return {
            "required": {
                "model": _MODEL,
                "sampling": (kinds, {"tooltip": "What the model was trained to tell."}),
                "sigma_max": _level(120.0, "Noise level to begin with."),
                "sigma_min": _level(0.002, "Last noise level before 0."),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Tells a model that it was trained with continuous noise levels."

    def patch(self, model: Any, sampling: str, sigma_max: float, sigma_min: float) -> tuple[Any]:
        """Return the model with other sampling rules (rule D-043)."""
        is_edm = sampling.startswith("edm")
        settings = {
            "sigma_max": sigma_max,
            "sigma_min": sigma_min,
            "sigma_data": 0.5 if is_edm else 1.0,
        }
        if sampling == "eps":
            made: Any = combine(ContinuousEdmTable, EpsilonPrediction)
            rules = made(settings)
        else:
            kind = ModelType.EDM if is_edm else ModelType.V_PREDICTION_EDM
            kind = ModelType.FLOW_COSMOS if sampling == "cosmos_rflow" else kind
            rules = make_model_sampling(kind, settings)
        (changed,) = _with_sampling(model, rules)
        if sampling == "edm_playground_v2.5":
            changed.add_object_patch("latent_format", latent_formats.SDXL_PLAYGROUND_2_5)
        return (changed,)


class ModelSamplingContinuousV:
    """Choose noise levels along an arc."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and levels."""
        return {
            "required": {
                "model": _MODEL,
                "sampling": (["v_prediction"], {"tooltip": "What the model tells."}),
                "sigma_max": _level(500.0, "Noise level to begin with."),
                "sigma_min": _level(0.03, "Last noise level before 0."),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Tells a model that its noise levels are angles between picture and noise."

    def patch(self, model: Any, sampling: str, sigma_max: float, sigma_min: float) -> tuple[Any]:
        """Return the model with other sampling rules."""
        settings = {"sigma_max": sigma_max, "sigma_min": sigma_min, "sigma_data": 1.0}
        kind = ModelType.V_PREDICTION_CONTINUOUS
        return _with_sampling(model, make_model_sampling(kind, settings))


class ModelSamplingStableCascade:
    """Shift the levels of Stable Cascade."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and shift."""
        return {"required": {"model": _MODEL, "shift": _shift(2.0)}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Gives a model the cosine noise levels of Stable Cascade."

    def patch(self, model: Any, shift: float) -> tuple[Any]:
        """Return the model with other sampling rules (rule D-046)."""
        rules = make_model_sampling(ModelType.STABLE_CASCADE, {"shift": shift})
        return _with_sampling(model, rules)


class ModelSamplingSD3:
    """Shift the levels of a flow model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and shift."""
        return {"required": {"model": _MODEL, "shift": _shift(3.0)}}

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Shifts the noise levels of flow models such as SD3."

    def patch(self, model: Any, shift: float, multiplier: float = 1000) -> tuple[Any]:
        """Return the model with other sampling rules (rule D-044)."""
        settings = {"shift": shift, "multiplier": multiplier}
        return _with_sampling(model, make_model_sampling(ModelType.FLOW, settings))


class ModelSamplingAuraFlow(ModelSamplingSD3):
    """Shift the levels of AuraFlow and its relatives."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and shift."""
        return {"required": {"model": _MODEL, "shift": _shift(1.73)}}

    FUNCTION = "patch_aura"
    DESCRIPTION = "Shifts the noise levels of AuraFlow and of models that count time like it."

    def patch_aura(self, model: Any, shift: float) -> tuple[Any]:
        """Return the model with other sampling rules."""
        return self.patch(model, shift, multiplier=1.0)


class ModelSamplingFlux:
    """Shift the levels of Flux for a size."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, shifts and size."""
        factor = {"min": 0.0, "max": 100.0, "step": 0.01}
        side = {"default": 1024, "min": 16, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "model": _MODEL,
                "max_shift": (
                    "FLOAT",
                    {"default": 1.15, **factor, "tooltip": "Shift at a megapixel."},
                ),
                "base_shift": (
                    "FLOAT",
                    {"default": 0.5, **factor, "tooltip": "Shift at 256 x 256 pixels."},
                ),
                "width": ("INT", {**side, "tooltip": "Width of the picture in pixels."}),
                "height": ("INT", {**side, "tooltip": "Height of the picture in pixels."}),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Shifts the noise levels of Flux as fits the size of the picture."

    def patch(
        self, model: Any, max_shift: float, base_shift: float, width: int, height: int
    ) -> tuple[Any]:
        """Return the model with other sampling rules (rule D-045)."""
        shift = flux_shift(width, height, max_shift, base_shift)
        return _with_sampling(model, make_model_sampling(ModelType.FLUX, {"shift": shift}))


class RescaleCFG:
    """Keep strong guidance from burning colours."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and share."""
        share = {"default": 0.7, "min": 0.0, "max": 1.0, "step": 0.01}
        return {
            "required": {
                "model": _MODEL,
                "multiplier": (
                    "FLOAT",
                    {**share, "tooltip": "How much of the correction is used; 0 is none."},
                ),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/model"
    DESCRIPTION = "Brings the contrast of guided pictures back to that of unguided ones."

    def patch(self, model: Any, multiplier: float) -> tuple[Any]:
        """Return the model with rescaled guidance (Lin et al. 2023, arXiv:2305.08891)."""

        def rescaled(args: dict[str, Any]) -> torch.Tensor:
            x: torch.Tensor = args["input"]
            sigma = args["sigma"].view(-1, *([1] * (x.ndim - 1))).to(x)
            # What the network of a velocity model would have said for each prompt.
            root = (sigma**2 + 1.0).sqrt()
            scaled = x / (sigma**2 + 1.0)
            cond = (scaled - (x - args["cond"])) * root / sigma
            uncond = (scaled - (x - args["uncond"])) * root / sigma
            guided = uncond + args["cond_scale"] * (cond - uncond)
            axes = tuple(range(1, x.ndim))
            contrast = cond.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
            mixed = guided * (multiplier * contrast + 1.0 - multiplier)
            result: torch.Tensor = x - (scaled - mixed * sigma / root)
            return result

        changed = model.clone()
        changed.set_model_sampler_cfg_function(rescaled)
        return (changed,)


class ModelComputeDtype:
    """Choose the numbers a model computes with."""

    _TYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and type."""
        return {
            "required": {
                "model": _MODEL,
                "dtype": (
                    ["default", *cls._TYPES],
                    {
                        "tooltip": "bf16 is fast and coarse, fp32 is slow and exact.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "advanced/debug/model"
    DESCRIPTION = "Chooses the numbers that a model computes with."

    def patch(self, model: Any, dtype: str) -> tuple[Any]:
        """Return the model computing in another type.

        Raises:
            ValueError: fp16 was asked for on a processor, where it is a hundred times slower.
        """
        wanted = self._TYPES.get(dtype)
        if wanted is None:
            return (model,)
        if wanted is torch.float16 and torch.device(model.load_device).type == "cpu":
            raise ValueError(
                "A processor computes fp16 a hundred times slower than fp32: choose bf16 or fp32."
            )
        changed = model.clone()
        changed.set_model_compute_dtype(wanted)
        return (changed,)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        ModelSamplingDiscrete, ModelSamplingContinuousEDM, ModelSamplingContinuousV,
        ModelSamplingStableCascade, ModelSamplingSD3, ModelSamplingAuraFlow, ModelSamplingFlux,
        RescaleCFG, ModelComputeDtype,
    )
}  # fmt: skip
