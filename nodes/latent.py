"""The basic latent nodes: create, resize, turn, cut, paste, and work with batches."""

from __future__ import annotations

from typing import Any

import comfy.model_management
import torch

from app.engine.imaging.batches import repeat_to_batch_size
from app.engine.imaging.resize import common_upscale

from .value_types import (
    CROP_METHODS,
    CROP_TOOLTIP,
    LATENT_METHOD_TOOLTIP,
    LATENT_UPSCALE_METHODS,
    MAX_RESOLUTION,
    InputTypes,
    Latent,
)

_SAMPLES: tuple[str, dict[str, Any]] = ("LATENT", {"tooltip": "The latents to work on."})


def with_samples(latent: Latent, samples: torch.Tensor, **changes: Any) -> Latent:
    """Return a copy of ``latent`` with other samples and, as given, other keys."""
    return {**latent, "samples": samples, **changes}


class EmptyLatentImage:
    """Start from nothing."""

    def __init__(self) -> None:
        self.device = comfy.model_management.intermediate_device()

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the size of the picture to come and the number of pictures."""
        side = {"default": 512, "min": 16, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "width": ("INT", {**side, "tooltip": "Width of the picture in pixels."}),
                "height": ("INT", {**side, "tooltip": "Height of the picture in pixels."}),
                "batch_size": (
                    "INT",
                    {"default": 1, "min": 1, "max": 4096, "tooltip": "How many pictures to make."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    OUTPUT_TOOLTIPS = ("Empty latents, ready for a sampler.",)
    FUNCTION = "generate"
    CATEGORY = "latent"
    DESCRIPTION = "Makes empty latents, the canvas on which a sampler paints a new picture."
    SEARCH_ALIASES = ["new latent", "canvas size", "resolution"]

    def generate(self, width: int, height: int, batch_size: int = 1) -> tuple[Latent]:
        """Return zeros ``(batch_size, 4, height // 8, width // 8)``."""
        samples = torch.zeros([batch_size, 4, height // 8, width // 8], device=self.device)
        return ({"samples": samples},)


class LatentUpscale:
    """Resize latents to a size given in pixels."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and the size their picture shall have."""
        side = {"default": 512, "min": 0, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "samples": _SAMPLES,
                "upscale_method": (LATENT_UPSCALE_METHODS, {"tooltip": LATENT_METHOD_TOOLTIP}),
                "width": (
                    "INT",
                    {**side, "tooltip": "New picture width in pixels; 0 follows the height."},
                ),
                "height": (
                    "INT",
                    {**side, "tooltip": "New picture height in pixels; 0 follows the width."},
                ),
                "crop": (CROP_METHODS, {"tooltip": CROP_TOOLTIP}),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "upscale"
    CATEGORY = "latent"
    DESCRIPTION = "Resizes latents to the size that a picture of this width and height needs."
    SEARCH_ALIASES = ["resize latent", "hires fix"]

    def upscale(
        self, samples: Latent, upscale_method: str, width: int, height: int, crop: str
    ) -> tuple[Latent]:
        """Return resized latents, at least 8 wide and high unless both sides are given."""
        if width == 0 and height == 0:
            return (samples,)
        old_height, old_width = samples["samples"].shape[-2:]
        if width == 0:
            height = max(64, height)
            width = max(64, round(old_width * height / old_height))
        elif height == 0:
            width = max(64, width)
            height = max(64, round(old_height * width / old_width))
        else:
            width, height = max(64, width), max(64, height)
        resized = common_upscale(samples["samples"], width // 8, height // 8, upscale_method, crop)
        return (with_samples(samples, resized),)


class LatentUpscaleBy:
    """Resize latents by a factor."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and a factor."""
        return {
            "required": {
                "samples": _SAMPLES,
                "upscale_method": (LATENT_UPSCALE_METHODS, {"tooltip": LATENT_METHOD_TOOLTIP}),
                "scale_by": (
                    "FLOAT",
                    {
                        "default": 1.5,
                        "min": 0.01,
                        "max": 8.0,
                        "step": 0.01,
                        "tooltip": "2 doubles both sides of the picture, 0.5 halves them.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "upscale"
    CATEGORY = "latent"
    DESCRIPTION = "Resizes latents by a factor and keeps their shape."
    SEARCH_ALIASES = ["resize latent", "hires fix"]

    def upscale(self, samples: Latent, upscale_method: str, scale_by: float) -> tuple[Latent]:
        """Return latents with both sides multiplied and rounded."""
        old = samples["samples"]
        width = max(1, round(old.shape[-1] * scale_by))
        height = max(1, round(old.shape[-2] * scale_by))
        resized = common_upscale(old, width, height, upscale_method, "disabled")
        return (with_samples(samples, resized),)


class LatentRotate:
    """Turn latents by quarter turns."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and an angle."""
        return {
            "required": {
                "samples": _SAMPLES,
                "rotation": (
                    ["none", "90 degrees", "180 degrees", "270 degrees"],
                    {"tooltip": "Clockwise angle."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "rotate"
    CATEGORY = "latent/transform"
    DESCRIPTION = "Turns latents clockwise in steps of 90 degrees."

    def rotate(self, samples: Latent, rotation: str) -> tuple[Latent]:
        """Return turned latents; 90 and 270 degrees swap width and height."""
        turns = ("none", "90 degrees", "180 degrees", "270 degrees").index(rotation)
        return (with_samples(samples, torch.rot90(samples["samples"], k=turns, dims=[-1, -2])),)


class LatentFlip:
    """Mirror latents."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and an axis."""
        return {
            "required": {
                "samples": _SAMPLES,
                "flip_method": (
                    ["x-axis: vertically", "y-axis: horizontally"],
                    {"tooltip": "x-axis swaps top and bottom, y-axis left and right."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "flip"
    CATEGORY = "latent/transform"
    DESCRIPTION = "Mirrors latents top to bottom or left to right."

    def flip(self, samples: Latent, flip_method: str) -> tuple[Latent]:
        """Return mirrored latents."""
        axis = -2 if flip_method.startswith("x") else -1
        return (with_samples(samples, torch.flip(samples["samples"], dims=[axis])),)


class LatentComposite:
    """Paste latents with soft edges."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two latents, a place and a feather."""
        place = {"default": 0, "min": 0, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "samples_to": ("LATENT", {"tooltip": "The latents to paste onto."}),
                "samples_from": ("LATENT", {"tooltip": "The latents to paste."}),
                "x": ("INT", {**place, "tooltip": "Left edge in picture pixels."}),
                "y": ("INT", {**place, "tooltip": "Top edge in picture pixels."}),
                "feather": (
                    "INT",
                    {**place, "tooltip": "Width of the soft edge in picture pixels."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "composite"
    CATEGORY = "latent"
    DESCRIPTION = "Pastes one latent onto another, with soft edges inside the picture."

    def composite(
        self,
        samples_to: Latent,
        samples_from: Latent,
        x: int,
        y: int,
        composite_method: str = "normal",
        feather: int = 0,
    ) -> tuple[Latent]:
        """Return the pasted latents (rule D-247); ``composite_method`` has no effect."""
        x, y, feather = x // 8, y // 8, feather // 8
        result = samples_to["samples"].clone()
        height, width = result.shape[-2:]
        source = samples_from["samples"][..., : max(height - y, 0), : max(width - x, 0)]
        source_height, source_width = source.shape[-2:]
        if source_height == 0 or source_width == 0:
            return (with_samples(samples_to, result),)
        rows = _edge_ramp(source_height, feather, y > 0, y + source_height < height)
        columns = _edge_ramp(source_width, feather, x > 0, x + source_width < width)
        weight = (rows[:, None] * columns[None, :]).to(result)
        area = result[..., y : y + source_height, x : x + source_width]
        result[..., y : y + source_height, x : x + source_width] = source.to(
            result
        ) * weight + area * (1 - weight)
        return (with_samples(samples_to, result),)


def _edge_ramp(size: int, feather: int, at_start: bool, at_end: bool) -> torch.Tensor:
    """Return weights along one side that rise over ``feather`` steps from the chosen ends."""
    line = torch.ones(size)
    for step in range(min(feather, size)):
        if at_start:
            line[step] *= (step + 1) / feather
        if at_end:
            line[size - 1 - step] *= (step + 1) / feather
    return line


class LatentBlend:
    """Mix two latents."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two latents and their ratio."""
        return {
            "required": {
                "samples1": ("LATENT", {"tooltip": "Decides the size."}),
                "samples2": ("LATENT", {"tooltip": "Resized and cut when needed."}),
                "blend_factor": (
                    "FLOAT",
                    {
                        "default": 0.5,
                        "min": 0,
                        "max": 1,
                        "step": 0.01,
                        "tooltip": "Share of the first latents: 1 is only the first, 0 the second.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "blend"
    CATEGORY = "_for_testing"
    DESCRIPTION = "Mixes two latents in a fixed ratio."

    def blend(
        self, samples1: Latent, samples2: Latent, blend_factor: float, blend_mode: str = "normal"
    ) -> tuple[Latent]:
        """Return the weighted sum; ``blend_mode`` knows only ``"normal"``.

        Raises:
            ValueError: The blend mode is not known.
        """
        if blend_mode != "normal":
            raise ValueError(f'Latents can only be blended with "normal", not "{blend_mode}".')
        first, second = samples1["samples"], samples2["samples"]
        if first.shape[-2:] != second.shape[-2:]:
            second = common_upscale(second, first.shape[-1], first.shape[-2], "bicubic", "center")
        return (with_samples(samples1, first * blend_factor + second * (1 - blend_factor)),)


class LatentCrop:
    """Cut a rectangle out of latents."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and a rectangle in picture pixels."""
        side = {"default": 512, "min": 64, "max": MAX_RESOLUTION, "step": 8}
        place = {"default": 0, "min": 0, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "samples": _SAMPLES,
                "width": ("INT", {**side, "tooltip": "Width to keep, in picture pixels."}),
                "height": ("INT", {**side, "tooltip": "Height to keep, in picture pixels."}),
                "x": ("INT", {**place, "tooltip": "Left edge in picture pixels."}),
                "y": ("INT", {**place, "tooltip": "Top edge in picture pixels."}),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "crop"
    CATEGORY = "latent/transform"
    DESCRIPTION = "Cuts a rectangle out of latents; sizes are in pixels of the picture."

    def crop(self, samples: Latent, width: int, height: int, x: int, y: int) -> tuple[Latent]:
        """Return the rectangle, moved so that at least 64 pixels stay inside."""
        old = samples["samples"]
        left = max(min(x // 8, old.shape[-1] - 8), 0)
        top = max(min(y // 8, old.shape[-2] - 8), 0)
        cut = old[..., top : top + height // 8, left : left + width // 8]
        return (with_samples(samples, cut),)


class SetLatentNoiseMask:
    """Choose what a sampler may repaint."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and a mask."""
        return {
            "required": {
                "samples": _SAMPLES,
                "mask": ("MASK", {"tooltip": "1 is repainted, 0 is kept."}),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "set_mask"
    CATEGORY = "latent/inpaint"
    DESCRIPTION = "Tells the sampler which part of the picture to repaint and which to keep."
    SEARCH_ALIASES = ["inpaint", "mask latent"]

    def set_mask(self, samples: Latent, mask: torch.Tensor) -> tuple[Latent]:
        """Return the latents with the mask as ``(batch, 1, height, width)``."""
        shaped = mask.reshape((-1, 1, mask.shape[-2], mask.shape[-1]))
        return (with_samples(samples, samples["samples"], noise_mask=shaped),)


class LatentFromBatch:
    """Pick latents out of a batch."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and a range."""
        return {
            "required": {
                "samples": _SAMPLES,
                "batch_index": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 63,
                        "tooltip": "The first one, counted from 0.",
                    },
                ),
                "length": ("INT", {"default": 1, "min": 1, "max": 64, "tooltip": "How many."}),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "frombatch"
    CATEGORY = "latent/batch"
    DESCRIPTION = (
        "Picks some latents out of a batch. They remember their place, so the same seed makes "
        "the same pictures again."
    )

    def frombatch(self, samples: Latent, batch_index: int, length: int) -> tuple[Latent]:
        """Return the range, limited to the batch, with its part of the mask."""
        old = samples["samples"]
        start = min(old.shape[0] - 1, batch_index)
        count = min(old.shape[0] - start, length)
        kept = slice(start, start + count)
        numbers = samples.get("batch_index", list(range(old.shape[0])))[kept]
        result = with_samples(samples, old[kept].clone(), batch_index=numbers)
        if "noise_mask" in samples:
            mask = samples["noise_mask"]
            if mask.shape[0] > 1:
                mask = repeat_to_batch_size(mask, old.shape[0])[kept]
            result["noise_mask"] = mask.clone()
        return (result,)


class RepeatLatentBatch:
    """Repeat latents."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare latents and a number."""
        return {
            "required": {
                "samples": _SAMPLES,
                "amount": (
                    "INT",
                    {"default": 1, "min": 1, "max": 64, "tooltip": "How often the batch is there."},
                ),
            }
        }

    RETURN_TYPES = ("LATENT",)
    FUNCTION = "repeat"
    CATEGORY = "latent/batch"
    DESCRIPTION = "Repeats a batch of latents, to make several pictures from the same start."

    def repeat(self, samples: Latent, amount: int) -> tuple[Latent]:
        """Return ``amount`` copies in a row; each copy gets batch numbers of its own."""
        old = samples["samples"]
        result = with_samples(samples, old.repeat((amount,) + (1,) * (old.ndim - 1)))
        if "noise_mask" in samples and samples["noise_mask"].shape[0] > 1:
            mask = repeat_to_batch_size(samples["noise_mask"], old.shape[0])
            result["noise_mask"] = mask.repeat((amount,) + (1,) * (mask.ndim - 1))
        if "batch_index" in samples:
            numbers = samples["batch_index"]
            offset = max(numbers) - min(numbers) + 1
            result["batch_index"] = [n + i * offset for i in range(amount) for n in numbers]
        return (result,)


NODE_CLASS_MAPPINGS = {
    "EmptyLatentImage": EmptyLatentImage,
    "LatentUpscale": LatentUpscale,
    "LatentUpscaleBy": LatentUpscaleBy,
    "LatentRotate": LatentRotate,
    "LatentFlip": LatentFlip,
    "LatentComposite": LatentComposite,
    "LatentBlend": LatentBlend,
    "LatentCrop": LatentCrop,
    "SetLatentNoiseMask": SetLatentNoiseMask,
    "LatentFromBatch": LatentFromBatch,
    "RepeatLatentBatch": RepeatLatentBatch,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "EmptyLatentImage": "Empty Latent Image",
    "LatentUpscale": "Upscale Latent",
    "LatentUpscaleBy": "Upscale Latent By",
    "LatentRotate": "Rotate Latent",
    "LatentFlip": "Flip Latent",
    "LatentBlend": "Latent Blend",
    "LatentComposite": "Latent Composite",
    "LatentCrop": "Crop Latent",
    "SetLatentNoiseMask": "Set Latent Noise Mask",
    "LatentFromBatch": "Latent From Batch",
    "RepeatLatentBatch": "Repeat Latent Batch",
}
