"""Change models with LoRA files."""

from __future__ import annotations

from typing import Any

import folder_paths

from app.engine.models import loading

from .loaders import model_path
from .value_types import InputTypes

_Option = tuple[Any, dict[str, Any]]


def _strength(what: str) -> _Option:
    return (
        "FLOAT",
        {
            "default": 1.0,
            "min": -100.0,
            "max": 100.0,
            "step": 0.01,
            "tooltip": f"How strongly {what} is changed; below 0 turns the change around.",
        },
    )


def _lora_menu() -> _Option:
    return (folder_paths.get_filename_list("loras"), {"tooltip": "The LoRA file."})


class LoraLoader:
    """Put a LoRA on a model and its text encoder."""

    loaded_lora: tuple[str, Any] | None = None

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, encoder, file and strengths."""
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model to change."}),
                "clip": ("CLIP", {"tooltip": "The text encoder to change."}),
                "lora_name": _lora_menu(),
                "strength_model": _strength("the model"),
                "strength_clip": _strength("the text encoder"),
            }
        }

    RETURN_TYPES: tuple[str, ...] = ("MODEL", "CLIP")
    OUTPUT_TOOLTIPS: tuple[str, ...] = ("The changed model.", "The changed text encoder.")
    FUNCTION = "load_lora"
    CATEGORY = "loaders"
    DESCRIPTION = (
        "Changes a model and its text encoder with a LoRA, such as a style or a character. "
        "Several can follow each other."
    )
    SEARCH_ALIASES = ["lora", "lycoris"]

    def load_lora(
        self, model: Any, clip: Any, lora_name: str, strength_model: float, strength_clip: float
    ) -> tuple[Any, Any]:
        """Return changed views of model and text encoder; the file is kept for the next run."""
        if strength_model == 0 and strength_clip == 0:
            return (model, clip)
        path = model_path("loras", lora_name)
        if self.loaded_lora is None or self.loaded_lora[0] != path:
            self.loaded_lora = (path, loading.load_lora_file(path))
        lora = self.loaded_lora[1]
        return loading.apply_lora(model, clip, lora, strength_model, strength_clip)


class LoraLoaderModelOnly(LoraLoader):
    """Put a LoRA on a model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare model, file and strength."""
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model to change."}),
                "lora_name": _lora_menu(),
                "strength_model": _strength("the model"),
            }
        }

    RETURN_TYPES = ("MODEL",)
    OUTPUT_TOOLTIPS = ("The changed model.",)
    FUNCTION = "load_lora_model_only"
    DESCRIPTION = "Changes a model with a LoRA and leaves the text encoder as it is."

    def load_lora_model_only(self, model: Any, lora_name: str, strength_model: float) -> tuple[Any]:
        """Return a changed view of the model."""
        return (self.load_lora(model, None, lora_name, strength_model, 0)[0],)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    "LoraLoader": LoraLoader,
    "LoraLoaderModelOnly": LoraLoaderModelOnly,
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "LoraLoader": "Load LoRA",
    "LoraLoaderModelOnly": "LoraLoaderModelOnly",
}
