"""Combine, limit and mark conditioning, the prepared text that guides a sampler."""

from __future__ import annotations

from typing import Any

import torch
from node_helpers import conditioning_set_values

from .value_types import MAX_RESOLUTION, Conditioning, InputTypes

_CONDITIONING: tuple[str, dict[str, Any]] = (
    "CONDITIONING",
    {"tooltip": "The conditioning to change."},
)
_STRENGTH: tuple[str, dict[str, Any]] = (
    "FLOAT",
    {
        "default": 1.0,
        "min": 0.0,
        "max": 10.0,
        "step": 0.01,
        "tooltip": "Weight against other conditioning in the same place.",
    },
)


class ConditioningAverage:
    """Mix two conditionings."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two conditionings and their ratio."""
        return {
            "required": {
                "conditioning_to": ("CONDITIONING", {"tooltip": "Decides length and extras."}),
                "conditioning_from": (
                    "CONDITIONING",
                    {"tooltip": "What to mix in; only its first entry counts."},
                ),
                "conditioning_to_strength": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "1 is only the first, 0 only the second.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "addWeighted"
    CATEGORY = "conditioning"
    DESCRIPTION = "Mixes the meaning of two prompts in a chosen ratio."
    SEARCH_ALIASES = ["blend prompts", "interpolate conditioning"]

    def addWeighted(
        self,
        conditioning_to: Conditioning,
        conditioning_from: Conditioning,
        conditioning_to_strength: float,
    ) -> tuple[Conditioning]:
        """Return the weighted sum (rule D-162); a shorter second text is filled with zeros."""
        strength = conditioning_to_strength
        other = conditioning_from[0][0]
        other_pooled = conditioning_from[0][1].get("pooled_output")
        result: Conditioning = []
        for tensor, options in conditioning_to:
            fitted = other[:, : tensor.shape[1]]
            missing = tensor.shape[1] - fitted.shape[1]
            if missing > 0:
                filler = fitted.new_zeros((fitted.shape[0], missing, fitted.shape[2]))
                fitted = torch.cat([fitted, filler], dim=1)
            mixed_options = options.copy()
            if other_pooled is not None:
                pooled = options.get("pooled_output", other_pooled)
                mixed_options["pooled_output"] = pooled * strength + other_pooled * (1 - strength)
            result.append([tensor * strength + fitted * (1 - strength), mixed_options])
        return (result,)


class ConditioningCombine:
    """Use two conditionings together."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two conditionings."""
        return {
            "required": {
                "conditioning_1": ("CONDITIONING", {"tooltip": "One of the two."}),
                "conditioning_2": ("CONDITIONING", {"tooltip": "The other one."}),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "combine"
    CATEGORY = "conditioning"
    DESCRIPTION = (
        "Uses two prompts side by side: the model is asked with each, and its answers are averaged."
    )

    def combine(
        self, conditioning_1: Conditioning, conditioning_2: Conditioning
    ) -> tuple[Conditioning]:
        """Return both lists as one."""
        return (conditioning_1 + conditioning_2,)


class ConditioningConcat:
    """Continue one prompt with another."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two conditionings."""
        return {
            "required": {
                "conditioning_to": ("CONDITIONING", {"tooltip": "What comes first."}),
                "conditioning_from": (
                    "CONDITIONING",
                    {"tooltip": "What is appended; only its first entry counts."},
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "concat"
    CATEGORY = "conditioning"
    DESCRIPTION = "Appends one prompt to another, each in chunks of its own."

    def concat(
        self, conditioning_to: Conditioning, conditioning_from: Conditioning
    ) -> tuple[Conditioning]:
        """Return every entry of the first, lengthened along the tokens."""
        other = conditioning_from[0][0]
        return ([[torch.cat((t, other), dim=1), o.copy()] for t, o in conditioning_to],)


class ConditioningSetArea:
    """Limit conditioning to a rectangle in pixels."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning and a rectangle."""
        side = {"default": 64, "min": 64, "max": MAX_RESOLUTION, "step": 8}
        place = {"default": 0, "min": 0, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "conditioning": _CONDITIONING,
                "width": ("INT", {**side, "tooltip": "Width in pixels."}),
                "height": ("INT", {**side, "tooltip": "Height in pixels."}),
                "x": ("INT", {**place, "tooltip": "Left edge in pixels."}),
                "y": ("INT", {**place, "tooltip": "Top edge in pixels."}),
                "strength": _STRENGTH,
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning"
    DESCRIPTION = "Lets a prompt act only inside a rectangle given in pixels."
    SEARCH_ALIASES = ["regional prompt"]

    def append(
        self,
        conditioning: Conditioning,
        width: int,
        height: int,
        x: int,
        y: int,
        strength: float,
    ) -> tuple[Conditioning]:
        """Return conditioning with the area in latent units, height first."""
        area = (height // 8, width // 8, y // 8, x // 8)
        values = {"area": area, "strength": strength, "set_area_to_bounds": False}
        return (conditioning_set_values(conditioning, values),)


class ConditioningSetAreaPercentage:
    """Limit conditioning to a rectangle in fractions of the picture."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning and a rectangle."""
        side = {"default": 1.0, "min": 0, "max": 1.0, "step": 0.01}
        place = {"default": 0, "min": 0, "max": 1.0, "step": 0.01}
        return {
            "required": {
                "conditioning": _CONDITIONING,
                "width": ("FLOAT", {**side, "tooltip": "Width; 1 is the whole picture."}),
                "height": ("FLOAT", {**side, "tooltip": "Height; 1 is the whole picture."}),
                "x": ("FLOAT", {**place, "tooltip": "Left edge; 0.5 is the middle."}),
                "y": ("FLOAT", {**place, "tooltip": "Top edge; 0.5 is the middle."}),
                "strength": _STRENGTH,
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning"
    DESCRIPTION = "Lets a prompt act only inside a rectangle given in parts of the picture."
    SEARCH_ALIASES = ["regional prompt"]

    def append(
        self,
        conditioning: Conditioning,
        width: float,
        height: float,
        x: float,
        y: float,
        strength: float,
    ) -> tuple[Conditioning]:
        """Return conditioning with the area as fractions, height first."""
        values = {
            "area": ("percentage", height, width, y, x),
            "strength": strength,
            "set_area_to_bounds": False,
        }
        return (conditioning_set_values(conditioning, values),)


class ConditioningSetAreaStrength:
    """Weigh conditioning."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning and a weight."""
        return {"required": {"conditioning": _CONDITIONING, "strength": _STRENGTH}}

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning"
    DESCRIPTION = "Sets how strongly a prompt counts against others in the same place."

    def append(self, conditioning: Conditioning, strength: float) -> tuple[Conditioning]:
        """Return conditioning with another strength."""
        return (conditioning_set_values(conditioning, {"strength": strength}),)


class ConditioningSetMask:
    """Limit conditioning to a mask."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning, a mask and how the mask acts."""
        return {
            "required": {
                "conditioning": _CONDITIONING,
                "mask": ("MASK", {"tooltip": "Where the prompt acts; grey acts partly."}),
                "strength": _STRENGTH,
                "set_cond_area": (
                    ["default", "mask bounds"],
                    {
                        "tooltip": (
                            "default lets the model see the whole picture; mask bounds only the "
                            "rectangle around the mask."
                        )
                    },
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "append"
    CATEGORY = "conditioning"
    DESCRIPTION = "Lets a prompt act only where a mask is bright."
    SEARCH_ALIASES = ["regional prompt", "masked prompt"]

    def append(
        self, conditioning: Conditioning, mask: torch.Tensor, set_cond_area: str, strength: float
    ) -> tuple[Conditioning]:
        """Return conditioning with the mask as ``(batch, height, width)``."""
        values = {
            "mask": mask.unsqueeze(0) if mask.ndim < 3 else mask,
            "set_area_to_bounds": set_cond_area != "default",
            "mask_strength": strength,
        }
        return (conditioning_set_values(conditioning, values),)


class ConditioningSetTimestepRange:
    """Limit conditioning to a part of the sampling."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning and a range."""
        point = {"min": 0.0, "max": 1.0, "step": 0.001}
        return {
            "required": {
                "conditioning": _CONDITIONING,
                "start": (
                    "FLOAT",
                    {"default": 0.0, **point, "tooltip": "From here on; 0 is the first step."},
                ),
                "end": (
                    "FLOAT",
                    {"default": 1.0, **point, "tooltip": "Up to here; 1 is the last step."},
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "set_range"
    CATEGORY = "advanced/conditioning"
    DESCRIPTION = "Lets a prompt act only during a part of the sampling."
    SEARCH_ALIASES = ["prompt scheduling"]

    def set_range(
        self, conditioning: Conditioning, start: float, end: float
    ) -> tuple[Conditioning]:
        """Return conditioning with the range as fractions of the sampling."""
        values = {"start_percent": start, "end_percent": end}
        return (conditioning_set_values(conditioning, values),)


class ConditioningZeroOut:
    """Empty conditioning."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning."""
        return {"required": {"conditioning": _CONDITIONING}}

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "zero_out"
    CATEGORY = "advanced/conditioning"
    DESCRIPTION = "Sets a prompt to zero, which some models understand better than an empty prompt."

    def zero_out(self, conditioning: Conditioning) -> tuple[Conditioning]:
        """Return conditioning with zeros for the text and for what was made of it."""
        result: Conditioning = []
        for tensor, options in conditioning:
            emptied = options.copy()
            for key in ("pooled_output", "conditioning_lyrics"):
                if emptied.get(key) is not None:
                    emptied[key] = torch.zeros_like(emptied[key])
            result.append([torch.zeros_like(tensor), emptied])
        return (result,)


class unCLIPConditioning:
    """Guide with a picture's meaning."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare conditioning, an encoded picture and how it acts."""
        return {
            "required": {
                "conditioning": _CONDITIONING,
                "clip_vision_output": (
                    "CLIP_VISION_OUTPUT",
                    {"tooltip": "A picture read by CLIP Vision Encode."},
                ),
                "strength": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": -10.0,
                        "max": 10.0,
                        "step": 0.01,
                        "tooltip": "How strongly the picture guides; 0 switches it off.",
                    },
                ),
                "noise_augmentation": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "0 stays close to the picture, 1 keeps only its idea.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "apply_adm"
    CATEGORY = "conditioning"
    DESCRIPTION = "Adds the meaning of a picture to a prompt, for unCLIP models."

    def apply_adm(
        self,
        conditioning: Conditioning,
        clip_vision_output: Any,
        strength: float,
        noise_augmentation: float,
    ) -> tuple[Conditioning]:
        """Return conditioning with one more picture; strength 0 adds none."""
        if strength == 0:
            return (conditioning,)
        entry = {
            "clip_vision_output": clip_vision_output,
            "strength": strength,
            "noise_augmentation": noise_augmentation,
        }
        values = {"unclip_conditioning": [entry]}
        return (conditioning_set_values(conditioning, values, append=True),)


NODE_CLASS_MAPPINGS = {
    "ConditioningAverage": ConditioningAverage,
    "ConditioningCombine": ConditioningCombine,
    "ConditioningConcat": ConditioningConcat,
    "ConditioningSetArea": ConditioningSetArea,
    "ConditioningSetAreaPercentage": ConditioningSetAreaPercentage,
    "ConditioningSetAreaStrength": ConditioningSetAreaStrength,
    "ConditioningSetMask": ConditioningSetMask,
    "ConditioningSetTimestepRange": ConditioningSetTimestepRange,
    "ConditioningZeroOut": ConditioningZeroOut,
    "unCLIPConditioning": unCLIPConditioning,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "ConditioningCombine": "Conditioning (Combine)",
    "ConditioningConcat": "Conditioning (Concat)",
    "ConditioningSetArea": "Conditioning (Set Area)",
    "ConditioningSetAreaPercentage": "Conditioning (Set Area with Percentage)",
    "ConditioningSetMask": "Conditioning (Set Mask)",
}
