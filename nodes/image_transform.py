"""Crop, turn, join and fit pictures."""

from __future__ import annotations

import math

import torch
from comfy_api.latest import io
from torch.nn import functional

from .image import match_channels, resize_image
from .value_types import MAX_RESOLUTION, METHOD_TOOLTIP, UPSCALE_METHODS


class ImageCrop(io.ComfyNode):
    """Cut a rectangle out of a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and a rectangle."""
        return io.Schema(
            node_id="ImageCrop",
            display_name="Image Crop",
            category="image/transform",
            description="Cuts a rectangle out of a picture.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to cut."),
                io.Int.Input(
                    "width",
                    default=512,
                    min=1,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Width to keep.",
                ),
                io.Int.Input(
                    "height",
                    default=512,
                    min=1,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Height to keep.",
                ),
                io.Int.Input(
                    "x", default=0, min=0, max=MAX_RESOLUTION, step=1, tooltip="Left edge."
                ),
                io.Int.Input(
                    "y", default=0, min=0, max=MAX_RESOLUTION, step=1, tooltip="Top edge."
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["cut", "trim"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, width: int, height: int, x: int, y: int) -> io.NodeOutput:
        """Return the part of the rectangle inside the picture, at least one pixel."""
        x = min(x, image.shape[2] - 1)
        y = min(y, image.shape[1] - 1)
        return io.NodeOutput(image[:, y : y + height, x : x + width])

    crop = execute


class ImageFlip(io.ComfyNode):
    """Mirror a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and an axis."""
        return io.Schema(
            node_id="ImageFlip",
            category="image/transform",
            description="Mirrors a picture top to bottom or left to right.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to mirror."),
                io.Combo.Input(
                    "flip_method",
                    options=["x-axis: vertically", "y-axis: horizontally"],
                    tooltip="x-axis swaps top and bottom, y-axis left and right.",
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["mirror"],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, flip_method: str) -> io.NodeOutput:
        """Return the mirrored picture."""
        return io.NodeOutput(torch.flip(image, dims=[1 if flip_method.startswith("x") else 2]))


class ImageRotate(io.ComfyNode):
    """Turn a picture by quarter turns."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and an angle."""
        return io.Schema(
            node_id="ImageRotate",
            category="image/transform",
            description="Turns a picture clockwise in steps of 90 degrees.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to turn."),
                io.Combo.Input(
                    "rotation",
                    options=["none", "90 degrees", "180 degrees", "270 degrees"],
                    tooltip="Clockwise angle.",
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, rotation: str) -> io.NodeOutput:
        """Return the turned picture; 90 and 270 degrees swap width and height."""
        turns = ("none", "90 degrees", "180 degrees", "270 degrees").index(rotation)
        return io.NodeOutput(torch.rot90(image, k=turns, dims=[2, 1]))


_GAP_COLORS = {
    "white": (1.0, 1.0, 1.0),
    "black": (0.0, 0.0, 0.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}


class ImageStitch(io.ComfyNode):
    """Join two pictures side by side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare two pictures and how they stand to each other."""
        return io.Schema(
            node_id="ImageStitch",
            display_name="Image Stitch",
            category="image/transform",
            description="Joins two pictures into a larger one, with a coloured gap if you like.",
            inputs=[
                io.Image.Input("image1", tooltip="The picture that stays where it is."),
                io.Combo.Input(
                    "direction",
                    options=["right", "down", "left", "up"],
                    default="right",
                    tooltip="Where the second picture goes.",
                ),
                io.Boolean.Input(
                    "match_image_size",
                    default=True,
                    tooltip="Resize the second picture so that the touching sides are equal.",
                ),
                io.Int.Input(
                    "spacing_width",
                    default=0,
                    min=0,
                    max=1024,
                    step=2,
                    tooltip="Width of the gap in pixels.",
                ),
                io.Combo.Input(
                    "spacing_color",
                    options=list(_GAP_COLORS),
                    default="white",
                    tooltip="Colour of the gap.",
                ),
                io.Image.Input("image2", optional=True, tooltip="The picture to add."),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["side by side", "concatenate images", "join", "grid"],
        )

    @classmethod
    def execute(
        cls,
        image1: torch.Tensor,
        direction: str,
        match_image_size: bool,
        spacing_width: int,
        spacing_color: str,
        image2: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        """Return one picture of both (rule D-249); without a second one, the first."""
        if image2 is None:
            return io.NodeOutput(image1)
        sideways = direction in ("left", "right")
        image1, image2 = _equally_long(image1, image2)
        if match_image_size:
            image2 = _match_side(image1, image2, sideways)
        image1, image2 = match_channels(image1, image2)
        side = 1 if sideways else 2
        length = max(image1.shape[side], image2.shape[side])
        # Only white fills as it separates; coloured gaps come with black filling.
        fill = 1.0 if spacing_color == "white" else 0.0
        parts = [_centered(image, side, length, fill) for image in (image1, image2)]
        if direction in ("left", "up"):
            parts.reverse()
        if spacing_width > 0:
            parts.insert(1, _gap(parts[0], 3 - side, spacing_width, spacing_color))
        return io.NodeOutput(torch.cat(parts, dim=3 - side))

    stitch = execute


def _equally_long(first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Repeat the last picture of the shorter batch."""
    count = max(first.shape[0], second.shape[0])

    def filled(image: torch.Tensor) -> torch.Tensor:
        missing = count - image.shape[0]
        return torch.cat([image, image[-1:].repeat(missing, 1, 1, 1)]) if missing else image

    return filled(first), filled(second)


def _match_side(first: torch.Tensor, second: torch.Tensor, sideways: bool) -> torch.Tensor:
    height, width = first.shape[1:3]
    aspect = second.shape[2] / second.shape[1]
    if sideways:
        size = (max(1, int(height * aspect)), height)
    else:
        size = (width, max(1, int(width / aspect)))
    return resize_image(second, *size, "lanczos", "disabled")


def _centered(image: torch.Tensor, side: int, length: int, fill: float) -> torch.Tensor:
    missing = length - image.shape[side]
    before, after = missing // 2, missing - missing // 2
    # Pads are listed from the last axis (channels) backwards.
    pads = (0, 0, 0, 0, before, after) if side == 1 else (0, 0, before, after)
    return functional.pad(image, pads, value=fill)


def _gap(image: torch.Tensor, axis: int, width: int, color: str) -> torch.Tensor:
    """Return a strip as long as ``image`` and an even number of pixels wide."""
    shape = list(image.shape)
    shape[axis] = width + width % 2
    pixel = torch.ones(shape[-1], dtype=image.dtype)
    channels = min(3, shape[-1])
    pixel[:channels] = torch.tensor(_GAP_COLORS[color][:channels], dtype=image.dtype)
    return pixel.expand(shape).to(image.device)


class ResizeAndPadImage(io.ComfyNode):
    """Fit a picture into a frame."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, a frame and its colour."""
        side = {"default": 512, "min": 1, "max": MAX_RESOLUTION, "step": 1}
        return io.Schema(
            node_id="ResizeAndPadImage",
            category="image/transform",
            description="Fits a whole picture into a frame and fills the rest with a colour.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to fit."),
                io.Int.Input("target_width", **side, tooltip="Width of the frame in pixels."),
                io.Int.Input("target_height", **side, tooltip="Height of the frame in pixels."),
                io.Combo.Input(
                    "padding_color",
                    options=["white", "black"],
                    tooltip="Colour of what the picture leaves free.",
                ),
                io.Combo.Input(
                    "interpolation",
                    options=["area", "bicubic", "nearest-exact", "bilinear", "lanczos"],
                    tooltip=METHOD_TOOLTIP,
                ),
            ],
            outputs=[io.Image.Output()],
            search_aliases=["letterbox", "fit", "pad"],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        target_width: int,
        target_height: int,
        padding_color: str,
        interpolation: str,
    ) -> io.NodeOutput:
        """Return pictures of exactly the frame's size."""
        batch, height, width, channels = image.shape
        scale = min(target_width / width, target_height / height)
        new_width = max(1, int(width * scale))
        new_height = max(1, int(height * scale))
        resized = resize_image(image, new_width, new_height, interpolation, "disabled")
        fill = 0.0 if padding_color == "black" else 1.0
        framed = torch.full(
            (batch, target_height, target_width, channels), fill, dtype=image.dtype
        ).to(image.device)
        x, y = (target_width - new_width) // 2, (target_height - new_height) // 2
        framed[:, y : y + new_height, x : x + new_width] = resized
        return io.NodeOutput(framed)

    resize_and_pad = execute


class ImageScaleToMaxDimension(io.ComfyNode):
    """Resize by the longer side."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and the length of its longer side."""
        return io.Schema(
            node_id="ImageScaleToMaxDimension",
            category="image/upscaling",
            description="Resizes a picture so that its longer side has a chosen length.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to resize."),
                io.Combo.Input(
                    "upscale_method",
                    # One name stands twice in the menu of the reference; files count on it.
                    options=["area", "lanczos", "bilinear", "nearest-exact", "bilinear", "bicubic"],
                    tooltip=METHOD_TOOLTIP,
                ),
                io.Int.Input(
                    "largest_size",
                    default=512,
                    min=0,
                    max=MAX_RESOLUTION,
                    step=1,
                    tooltip="Length of the longer side in pixels.",
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor, upscale_method: str, largest_size: int) -> io.NodeOutput:
        """Return the resized picture; the shorter side is rounded."""
        height, width = image.shape[1:3]
        if height > width:
            new_width, new_height = round(width / height * largest_size), largest_size
        else:
            new_width, new_height = largest_size, round(height / width * largest_size)
        size = (max(1, new_width), max(1, new_height))
        return io.NodeOutput(resize_image(image, *size, upscale_method, "disabled"))

    upscale = execute


class ImageScaleToTotalPixels(io.ComfyNode):
    """Resize by the number of pixels."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture and a number of pixels."""
        return io.Schema(
            node_id="ImageScaleToTotalPixels",
            category="image/upscaling",
            description=(
                "Resizes a picture to a number of pixels and keeps its shape; models work best "
                "near the size they were trained with."
            ),
            inputs=[
                io.Image.Input("image", tooltip="The pictures to resize."),
                io.Combo.Input("upscale_method", options=UPSCALE_METHODS, tooltip=METHOD_TOOLTIP),
                io.Float.Input(
                    "megapixels",
                    default=1.0,
                    min=0.01,
                    max=16.0,
                    step=0.01,
                    tooltip="Millions of pixels; 1 is 1024 x 1024.",
                ),
                io.Int.Input(
                    "resolution_steps",
                    default=1,
                    min=1,
                    max=256,
                    tooltip="Both sides become multiples of this.",
                ),
            ],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        upscale_method: str,
        megapixels: float,
        resolution_steps: int = 1,
    ) -> io.NodeOutput:
        """Return the resized picture (rule D-250)."""
        height, width = image.shape[1:3]
        scale = math.sqrt(megapixels * 1024 * 1024 / (width * height))
        new_width = max(1, round(width * scale / resolution_steps)) * resolution_steps
        new_height = max(1, round(height * scale / resolution_steps)) * resolution_steps
        return io.NodeOutput(resize_image(image, new_width, new_height, upscale_method, "disabled"))

    upscale = execute


_KONTEXT_SIZES = (
    (672, 1568), (688, 1504), (720, 1456), (752, 1392), (800, 1328), (832, 1248), (880, 1184),
    (944, 1104), (1024, 1024), (1104, 944), (1184, 880), (1248, 832), (1328, 800), (1392, 752),
    (1456, 720), (1504, 688), (1568, 672),
)  # fmt: skip
"""Width and height of the pictures that Flux Kontext was trained with."""


class FluxKontextImageScale(io.ComfyNode):
    """Resize to a size that Flux Kontext knows."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture."""
        return io.Schema(
            node_id="FluxKontextImageScale",
            category="advanced/conditioning/flux",
            description=(
                "Resizes a picture to the nearest of the shapes that Flux Kontext was trained with."
            ),
            inputs=[io.Image.Input("image", tooltip="The pictures to resize.")],
            outputs=[io.Image.Output()],
        )

    @classmethod
    def execute(cls, image: torch.Tensor) -> io.NodeOutput:
        """Return the picture, cut to the nearest shape."""
        aspect = image.shape[2] / image.shape[1]
        width, height = min(_KONTEXT_SIZES, key=lambda size: abs(aspect - size[0] / size[1]))
        return io.NodeOutput(resize_image(image, width, height, "lanczos", "center"))

    scale = execute


NODE_CLASS_MAPPINGS = {
    "ImageCrop": ImageCrop,
    "ImageFlip": ImageFlip,
    "ImageRotate": ImageRotate,
    "ImageStitch": ImageStitch,
    "ResizeAndPadImage": ResizeAndPadImage,
    "ImageScaleToMaxDimension": ImageScaleToMaxDimension,
    "ImageScaleToTotalPixels": ImageScaleToTotalPixels,
    "FluxKontextImageScale": FluxKontextImageScale,
}
