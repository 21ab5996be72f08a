"""Rescale what a model predicts, and guide the frames of films apart."""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io

from app.engine.diffusion import guidance_math

from .guidance_nodes import HookValues, model_input, patched_model, with_post_guidance
from .input_options import MODEL, number
from .value_types import InputTypes


class EpsilonScaling(io.ComfyNode):
    """Make the predicted noise smaller."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model and factor."""
        return io.Schema(
            node_id="Epsilon Scaling",
            category="model_patches/unet",
            description=(
                "Divides the predicted noise by a factor a little above 1, which makes up for "
                "errors that add up over the steps."
            ),
            inputs=[
                model_input(),
                io.Float.Input(
                    "scaling_factor",
                    default=1.005,
                    min=0.5,
                    max=1.5,
                    step=0.001,
                    tooltip="What the noise is divided by; 1 changes nothing.",
                ),
            ],
            outputs=[io.Model.Output()],
        )

    @classmethod
    def execute(cls, model: Any, scaling_factor: float) -> io.NodeOutput:
        """Return the model with scaled noise (arXiv:2308.15321).

        Raises:
            ValueError: The factor is 0.
        """
        if scaling_factor == 0:
            raise ValueError("The scaling factor cannot be 0.")

        def scaled(args: HookValues) -> torch.Tensor:
            x: torch.Tensor = args["input"]
            denoised: torch.Tensor = args["denoised"]
            return x - (x - denoised) / scaling_factor

        return io.NodeOutput(with_post_guidance(model, scaled))


class TemporalScoreRescaling(io.ComfyNode):
    """Choose between variety and quality."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare model, factor and spread."""
        return io.Schema(
            node_id="TemporalScoreRescaling",
            display_name="TSR - Temporal Score Rescaling",
            category="model_patches/unet",
            description=(
                "Makes results more alike and cleaner, or more different, as if a sampler's "
                "temperature were turned."
            ),
            inputs=[
                model_input(),
                io.Float.Input(
                    "tsr_k",
                    default=0.95,
                    min=0.01,
                    max=100.0,
                    step=0.001,
                    tooltip="Below 1 gives variety and detail, above 1 smooth and safe pictures.",
                ),
                io.Float.Input(
                    "tsr_sigma",
                    default=1.0,
                    min=0.01,
                    max=100.0,
                    step=0.001,
                    tooltip="How early in the run it begins; larger is earlier.",
                ),
            ],
            outputs=[patched_model()],
        )

    @classmethod
    def execute(cls, model: Any, tsr_k: float, tsr_sigma: float) -> io.NodeOutput:
        """Return the model with rescaled scores (arXiv:2510.01184)."""

        def rescaled(args: HookValues) -> torch.Tensor:
            denoised: torch.Tensor = args["denoised"]
            level = float(args["sigma"].max())
            if tsr_k == 1 or level == 0:
                return denoised
            alpha = guidance_math.signal_share(changed.get_model_object("model_sampling"), level)
            return guidance_math.rescale_score(
                denoised, args["input"], alpha, level, tsr_k, tsr_sigma
            )

        changed = with_post_guidance(model, rescaled)
        return io.NodeOutput(changed)


class VideoLinearCFGGuidance:
    """Guide the last frame more than the first."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and the first frame's scale."""
        return {
            "required": {
                "model": MODEL,
                "min_cfg": number(1.0, 0.0, 100.0, 0.5, "Guidance of the first frame.", round=0.01),
            }
        }

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "sampling/video_models"
    DESCRIPTION = "Lets guidance grow from the first frame of a film to the last."

    def patch(self, model: Any, min_cfg: float) -> tuple[Any]:
        """Return the model with guidance by frame."""

        def by_frame(args: HookValues) -> torch.Tensor:
            cond, uncond = args["cond"], args["uncond"]
            scale = torch.linspace(min_cfg, args["cond_scale"], cond.shape[0])
            scale = scale.to(cond).reshape(-1, *[1] * (cond.ndim - 1))
            result: torch.Tensor = uncond + scale * (cond - uncond)
            return result

        changed = model.clone()
        changed.set_model_sampler_cfg_function(by_frame)
        return (changed,)


class VideoTriangleCFGGuidance:
    """Guide the middle of a film more than its ends."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and the ends' scale."""
        return VideoLinearCFGGuidance.INPUT_TYPES()

    RETURN_TYPES = ("MODEL",)
    FUNCTION = "patch"
    CATEGORY = "sampling/video_models"
    DESCRIPTION = "Lets guidance grow up to the middle of a film and fall again."

    def patch(self, model: Any, min_cfg: float) -> tuple[Any]:
        """Return the model with guidance by frame."""

        def by_frame(args: HookValues) -> torch.Tensor:
            cond, uncond = args["cond"], args["uncond"]
            place = torch.linspace(0, 1, cond.shape[0])
            height = 2 * (place - torch.floor(place + 0.5)).abs()
            scale = height * (args["cond_scale"] - min_cfg) + min_cfg
            scale = scale.to(cond).reshape(-1, *[1] * (cond.ndim - 1))
            result: torch.Tensor = uncond + scale * (cond - uncond)
            return result

        changed = model.clone()
        changed.set_model_sampler_cfg_function(by_frame)
        return (changed,)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "Epsilon Scaling": EpsilonScaling,
    "TemporalScoreRescaling": TemporalScoreRescaling,
    "VideoLinearCFGGuidance": VideoLinearCFGGuidance,
    "VideoTriangleCFGGuidance": VideoTriangleCFGGuidance,
}
