"""Make pictures larger with networks that invent the missing detail."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import comfy.utils
import folder_paths
import torch

from app.engine.models import upscale

from .loaders import model_path
from .value_types import InputTypes


class UpscaleModelLoader:
    """Load an upscale model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        files = folder_paths.get_filename_list("upscale_models")
        return {"required": {"model_name": (files, {"tooltip": "The upscale model to load."})}}

    RETURN_TYPES = ("UPSCALE_MODEL",)
    OUTPUT_TOOLTIPS = ("The model, for Upscale Image (using Model).",)
    FUNCTION = "load_model"
    CATEGORY = "loaders"
    DESCRIPTION = (
        "Loads a network that makes pictures larger or better, such as ESRGAN, SwinIR, DAT or HAT."
    )
    SEARCH_ALIASES = ["esrgan", "super resolution", "restore"]

    def load_model(self, model_name: str) -> tuple[Any]:
        """Return the model."""
        return (upscale.load_upscale_model(model_path("upscale_models", model_name)),)


class ImageUpscaleWithModel:
    """Enlarge pictures with an upscale model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model and picture."""
        return {
            "required": {
                "upscale_model": ("UPSCALE_MODEL", {"tooltip": "The upscale model."}),
                "image": ("IMAGE", {"tooltip": "The picture to enlarge."}),
            }
        }

    RETURN_TYPES = ("IMAGE",)
    OUTPUT_TOOLTIPS = ("The picture, as many times larger as the model says.",)
    FUNCTION = "upscale"
    CATEGORY = "image/upscaling"
    DESCRIPTION = (
        "Makes a picture larger with an upscale model, tile by tile. The model decides by how "
        "much; scale the result afterwards for another size."
    )
    SEARCH_ALIASES = ["super resolution", "esrgan", "enlarge"]

    def upscale(self, upscale_model: Any, image: torch.Tensor) -> tuple[torch.Tensor]:
        """Return the enlarged pictures."""
        return (
            upscale.upscale(
                upscale_model,
                image,
                comfy.utils.ProgressBar,
                comfy.model_management.throw_exception_if_processing_interrupted,
            ),
        )


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "UpscaleModelLoader": UpscaleModelLoader,
    "ImageUpscaleWithModel": ImageUpscaleWithModel,
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "UpscaleModelLoader": "Load Upscale Model",
    "ImageUpscaleWithModel": "Upscale Image (using Model)",
}
