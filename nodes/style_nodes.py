"""Let pictures and boxes speak beside the prompt: style models and GLIGEN."""

from __future__ import annotations

import math
from typing import Any

import folder_paths
import torch

from app.engine.models import gligen, style_model

from .input_options import choice, number, plug, whole
from .loaders import model_path
from .value_types import MAX_RESOLUTION, Conditioning, InputTypes


class StyleModelLoader:
    """Load a style model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        files = folder_paths.get_filename_list("style_models")
        return {"required": {"style_model_name": (files, {"tooltip": "The file to load."})}}

    RETURN_TYPES = ("STYLE_MODEL",)
    FUNCTION = "load_style_model"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a style model, which turns a picture into words of a prompt."
    SEARCH_ALIASES = ["redux", "style adapter"]

    def load_style_model(self, style_model_name: str) -> tuple[Any]:
        """Return the style model."""
        return (style_model.load_style_model(model_path("style_models", style_model_name)),)


def _with_bias(
    values: dict[str, Any], text: torch.Tensor, words: int, bias: float
) -> dict[str, Any]:
    """Return values whose attention mask makes the last ``words`` louder or quieter.

    Args:
        values: Of an entry; ``attention_mask`` and ``attention_mask_img_shape`` are renewed.
        text: The entry's words ``(batch, tokens, width)`` so far.
        words: Number of words that follow.
        bias: Added to the scores of those words.
    """
    size = values.get("attention_mask_img_shape", (1, 1))
    cells, before = size[0] * size[1], text.shape[1]
    mask = values.get("attention_mask")
    if mask is None:
        mask = torch.zeros(text.shape[0], before + cells, before + cells, dtype=torch.float16)
    if mask.dtype == torch.bool:
        mask = torch.log(mask.to(torch.float16))
    whole_size = before + words + cells
    wider = torch.zeros(text.shape[0], whole_size, whole_size, dtype=torch.float16)
    wider[:, :before, :before] = mask[:, :before, :before]
    wider[:, :before, before + words :] = mask[:, :before, before:]
    wider[:, before + words :, :before] = mask[:, before:, :before]
    wider[:, before + words :, before + words :] = mask[:, before:, before:]
    wider[:, :before, before : before + words] = bias
    wider[:, before + words :, before : before + words] = bias
    return {**values, "attention_mask": wider, "attention_mask_img_shape": size}


class StyleModelApply:
    """Add a picture's style to a prompt."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompt, style model, picture and strength."""
        return {
            "required": {
                "conditioning": plug("CONDITIONING", "The prompt to add it to."),
                "style_model": plug("STYLE_MODEL", "The style model."),
                "clip_vision_output": plug(
                    "CLIP_VISION_OUTPUT", "A picture read by CLIP Vision Encode."
                ),
                "strength": number(1.0, 0.0, 10.0, 0.001, "How strongly the picture counts."),
                "strength_type": choice(
                    ["multiply", "attn_bias"],
                    "multiply scales the words; attn_bias says how much they are looked at.",
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "apply_stylemodel"
    CATEGORY = "conditioning/style_model"
    DESCRIPTION = "Adds what a style model reads out of a picture to a prompt."

    def apply_stylemodel(
        self,
        conditioning: Conditioning,
        style_model: Any,
        clip_vision_output: Any,
        strength: float,
        strength_type: str,
    ) -> tuple[Conditioning]:
        """Return the prompt with the picture's words behind its own."""
        words = style_model.get_cond(clip_vision_output).flatten(0, 1).unsqueeze(0)
        biased = strength_type == "attn_bias"
        if not biased:
            words = words * strength
        result: Conditioning = []
        for text, values in conditioning:
            if "attention_mask" in values or (biased and strength != 1.0):
                bias = 0.0
                if biased:
                    bias = math.log(strength) if strength > 0 else float("-inf")
                values = _with_bias(values, text, words.shape[1], bias)
            result.append([torch.cat([text, words.to(text)], dim=1), dict(values)])
        return (result,)


class GLIGENLoader:
    """Load a GLIGEN model."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the file."""
        files = folder_paths.get_filename_list("gligen")
        return {"required": {"gligen_name": (files, {"tooltip": "The file to load."})}}

    RETURN_TYPES = ("GLIGEN",)
    FUNCTION = "load_gligen"
    CATEGORY = "loaders"
    DESCRIPTION = "Loads a GLIGEN model, which places things in boxes of the picture."

    def load_gligen(self, gligen_name: str) -> tuple[Any]:
        """Return the model."""
        return (gligen.load_gligen(model_path("gligen", gligen_name)),)


class GLIGENTextBoxApply:
    """Place a thing in a box."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare prompt, encoder, model, text and box."""
        return {
            "required": {
                "conditioning_to": plug("CONDITIONING", "The prompt of the whole picture."),
                "clip": plug("CLIP", "The text encoder of the model."),
                "gligen_textbox_model": plug("GLIGEN", "The GLIGEN model."),
                "text": (
                    "STRING",
                    {
                        "multiline": True,
                        "dynamicPrompts": True,
                        "tooltip": "What shall be in the box.",
                    },
                ),
                "width": whole(64, 8, MAX_RESOLUTION, "Width of the box in pixels.", 8),
                "height": whole(64, 8, MAX_RESOLUTION, "Height of the box in pixels.", 8),
                "x": whole(0, 0, MAX_RESOLUTION, "Left edge of the box in pixels.", 8),
                "y": whole(0, 0, MAX_RESOLUTION, "Top edge of the box in pixels.", 8),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning/gligen"
    DESCRIPTION = "Places a thing in a box of the picture. Chain several nodes for several boxes."

    def append(
        self,
        conditioning_to: Conditioning,
        clip: Any,
        gligen_textbox_model: Any,
        text: str,
        width: int,
        height: int,
        x: int,
        y: int,
    ) -> tuple[Conditioning]:
        """Return the prompt with one more box."""
        _, pooled = clip.encode_from_tokens(clip.tokenize(text), return_pooled="unprojected")
        box = (pooled, height // 8, width // 8, y // 8, x // 8)
        result: Conditioning = []
        for tensor, values in conditioning_to:
            before = values["gligen"][2] if "gligen" in values else []
            boxes = ("position", gligen_textbox_model, [*before, box])
            result.append([tensor, {**values, "gligen": boxes}])
        return (result,)


NODE_CLASS_MAPPINGS: dict[str, type] = {
    cls.__name__: cls
    for cls in (StyleModelLoader, StyleModelApply, GLIGENLoader, GLIGENTextBoxApply)
}

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {
    "StyleModelLoader": "Load Style Model",
    "StyleModelApply": "Apply Style Model",
}
