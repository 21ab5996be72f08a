"""The basic picture nodes: resize, invert, batch, pad, fill."""

from __future__ import annotations

import torch
from torch.nn import functional

from app.engine.imaging.resize import common_upscale

from .value_types import (
    CROP_METHODS,
    CROP_TOOLTIP,
    MAX_RESOLUTION,
    METHOD_TOOLTIP,
    UPSCALE_METHODS,
    InputTypes,
)


def resize_image(
    image: torch.Tensor, width: int, height: int, method: str, crop: str
) -> torch.Tensor:
    """Resize ``(batch, height, width, channels)``; see ``common_upscale``."""
    return common_upscale(image.movedim(-1, 1), width, height, method, crop).movedim(1, -1)


def match_channels(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give two pictures the same number of channels by adding opaque alpha to the shorter one."""
    channels = max(first.shape[-1], second.shape[-1])
    return _widen(first, channels), _widen(second, channels)


def _widen(image: torch.Tensor, channels: int) -> torch.Tensor:
    missing = channels - image.shape[-1]
    return functional.pad(image, (0, missing), value=1.0) if missing else image


class ImageScale:
    """Resize to a width and a height."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare a picture and the size it shall have."""
        side = {"default": 512, "min": 0, "max": MAX_RESOLUTION, "step": 1}
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The pictures to resize."}),
                "upscale_method": (UPSCALE_METHODS, {"tooltip": METHOD_TOOLTIP}),
                "width": (
                    "INT",
                    {**side, "tooltip": "New width in pixels; 0 follows the height."},
                ),
                "height": (
                    "INT",
                    {**side, "tooltip": "New height in pixels; 0 follows the width."},
                ),
                "crop": (CROP_METHODS, {"tooltip": CROP_TOOLTIP}),
            }
        }

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "upscale"
    CATEGORY = "image/upscaling"
    DESCRIPTION = "Resizes pictures to an exact width and height, larger or smaller."
    SEARCH_ALIASES = ["resize", "scale image", "shrink", "enlarge"]

    def upscale(
        self, image: torch.Tensor, upscale_method: str, width: int, height: int, crop: str
    ) -> tuple[torch.Tensor]:
        """Return the pictures in the new size; two zeros change nothing."""
        if width == 0 and height == 0:
            return (image,)
        old_height, old_width = image.shape[1:3]
        if width == 0:
            width = max(1, round(old_width * height / old_height))
        elif height == 0:
            height = max(1, round(old_height * width / old_width))
        return (resize_image(image, width, height, upscale_method, crop),)


class ImageScaleBy:
    """Resize by a factor."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare a picture and a factor."""
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The pictures to resize."}),
                "upscale_method": (UPSCALE_METHODS, {"tooltip": METHOD_TOOLTIP}),
                "scale_by": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.01,
                        "max": 8.0,
                        "step": 0.01,
                        "tooltip": "2 doubles both sides, 0.5 halves them.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "upscale"
    CATEGORY = "image/upscaling"
    DESCRIPTION = "Resizes pictures by a factor and keeps their shape."
    SEARCH_ALIASES = ["resize", "scale image"]

    def upscale(
        self, image: torch.Tensor, upscale_method: str, scale_by: float
    ) -> tuple[torch.Tensor]:
        """Return the pictures with both sides multiplied and rounded."""
        width = max(1, round(image.shape[2] * scale_by))
        height = max(1, round(image.shape[1] * scale_by))
        return (resize_image(image, width, height, upscale_method, "disabled"),)


class ImageInvert:
    """Turn a picture into its negative."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare one picture."""
        return {"required": {"image": ("IMAGE", {"tooltip": "The pictures to invert."})}}

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "invert"
    CATEGORY = "image"
    DESCRIPTION = "Swaps light and dark and turns each colour into its opposite."
    SEARCH_ALIASES = ["negative", "reverse colors"]

    def invert(self, image: torch.Tensor) -> tuple[torch.Tensor]:
        """Return one minus the picture."""
        return (1.0 - image,)


class ImageBatch:
    """Join two pictures into one batch."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two pictures."""
        return {
            "required": {
                "image1": ("IMAGE", {"tooltip": "Comes first and decides the size."}),
                "image2": ("IMAGE", {"tooltip": "Comes last; resized and cut when needed."}),
            }
        }

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "batch"
    CATEGORY = "image"
    DEPRECATED = True
    DESCRIPTION = "Joins two pictures into one batch. Batch Images does it for any number."

    def batch(self, image1: torch.Tensor, image2: torch.Tensor) -> tuple[torch.Tensor]:
        """Return both, the second fitted to the first."""
        image1, image2 = match_channels(image1, image2)
        if image1.shape[1:] != image2.shape[1:]:
            height, width = image1.shape[1:3]
            image2 = resize_image(image2, width, height, "bilinear", "center")
        return (torch.cat((image1, image2), dim=0),)


class EmptyImage:
    """Fill a picture with one colour."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare size, number and colour."""
        side = {"default": 512, "min": 1, "max": MAX_RESOLUTION, "step": 1}
        return {
            "required": {
                "width": ("INT", {**side, "tooltip": "Width in pixels."}),
                "height": ("INT", {**side, "tooltip": "Height in pixels."}),
                "batch_size": (
                    "INT",
                    {"default": 1, "min": 1, "max": 4096, "tooltip": "How many equal pictures."},
                ),
                "color": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 0xFFFFFF,
                        "step": 1,
                        "display": "color",
                        "tooltip": "The colour as one number: 65536 x red + 256 x green + blue.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("IMAGE",)
    FUNCTION = "generate"
    CATEGORY = "image"
    DESCRIPTION = "Makes a picture of one plain colour."
    SEARCH_ALIASES = ["blank image", "solid color", "background"]

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def generate(
        self, width: int, height: int, batch_size: int = 1, color: int = 0
    ) -> tuple[torch.Tensor]:
        """Return ``(batch_size, height, width, 3)`` of the packed RGB ``color``."""
        channels = [(color >> shift & 0xFF) / 255 for shift in (16, 8, 0)]
        pixel = torch.tensor(channels, dtype=torch.float32, device=self.device)
        return (pixel.expand(batch_size, height, width, 3).clone(),)


class ImagePadForOutpaint:
    """Add a border and the mask to repaint it."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare a picture, four borders and a feather."""
        border = {"default": 0, "min": 0, "max": MAX_RESOLUTION, "step": 8}
        return {
            "required": {
                "image": ("IMAGE", {"tooltip": "The pictures to enlarge."}),
                "left": ("INT", {**border, "tooltip": "Pixels to add on the left."}),
                "top": ("INT", {**border, "tooltip": "Pixels to add at the top."}),
                "right": ("INT", {**border, "tooltip": "Pixels to add on the right."}),
                "bottom": ("INT", {**border, "tooltip": "Pixels to add at the bottom."}),
                "feathering": (
                    "INT",
                    {
                        "default": 40,
                        "min": 0,
                        "max": MAX_RESOLUTION,
                        "step": 1,
                        "tooltip": "How far the mask fades into the old picture, in pixels.",
                    },
                ),
            }
        }

    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "expand_image"
    CATEGORY = "image"
    DESCRIPTION = (
        "Adds a grey border around a picture and gives the mask with which a model can paint on "
        "beyond its old edges."
    )
    SEARCH_ALIASES = ["outpaint", "extend canvas", "border"]

    def expand_image(
        self, image: torch.Tensor, left: int, top: int, right: int, bottom: int, feathering: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the padded pictures and a ``(1, height, width)`` mask (rule D-248)."""
        batch, height, width, channels = image.shape
        padded = torch.full(
            (batch, top + height + bottom, left + width + right, channels), 0.5, dtype=image.dtype
        )
        padded[:, top : top + height, left : left + width] = image
        mask = torch.ones((top + height + bottom, left + width + right), dtype=torch.float32)
        inside = torch.zeros((height, width), dtype=torch.float32)
        if feathering > 0 and 2 * feathering < height and 2 * feathering < width:
            rows = _side_distance(height, padded_start=top > 0, padded_end=bottom > 0)
            columns = _side_distance(width, padded_start=left > 0, padded_end=right > 0)
            distance = torch.minimum(rows[:, None], columns[None, :])
            inside = ((feathering - distance) / feathering).clamp(min=0) ** 2
        mask[top : top + height, left : left + width] = inside
        return padded, mask.unsqueeze(0)


def _side_distance(size: int, *, padded_start: bool, padded_end: bool) -> torch.Tensor:
    """Return for each line how far the nearest padded side is; infinite when there is none."""
    index = torch.arange(size, dtype=torch.float32)
    far = torch.full_like(index, torch.inf)
    return torch.minimum(index if padded_start else far, size - index if padded_end else far)


NODE_CLASS_MAPPINGS = {
    "ImageScale": ImageScale,
    "ImageScaleBy": ImageScaleBy,
    "ImageInvert": ImageInvert,
    "ImageBatch": ImageBatch,
    "EmptyImage": EmptyImage,
    "ImagePadForOutpaint": ImagePadForOutpaint,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "ImageScale": "Upscale Image",
    "ImageScaleBy": "Upscale Image By",
    "ImageInvert": "Invert Image",
    "ImageBatch": "Batch Images",
    "ImagePadForOutpaint": "Pad Image for Outpainting",
}
