"""One node that resizes pictures and masks in eight ways."""

from __future__ import annotations

import math
from typing import Any

import torch
from comfy_api.latest import io

from app.engine.imaging.resize import common_upscale

from .value_types import CROP_METHODS, CROP_TOOLTIP, MAX_RESOLUTION, METHOD_TOOLTIP, UPSCALE_METHODS


def _side(name: str, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=512, min=0, max=MAX_RESOLUTION, step=1, tooltip=tooltip)


def _crop() -> io.Combo.Input:
    return io.Combo.Input("crop", options=CROP_METHODS, default="center", tooltip=CROP_TOOLTIP)


def _ways() -> list[io.DynamicCombo.Option]:
    return [
        io.DynamicCombo.Option(
            "scale by multiplier",
            [
                io.Float.Input(
                    "multiplier",
                    default=1.0,
                    min=0.01,
                    max=8.0,
                    step=0.01,
                    tooltip="2 doubles both sides, 0.5 halves them.",
                )
            ],
        ),
        io.DynamicCombo.Option(
            "scale dimensions",
            [
                _side("width", "New width in pixels; 0 follows the height."),
                _side("height", "New height in pixels; 0 follows the width."),
                _crop(),
            ],
        ),
        io.DynamicCombo.Option(
            "scale longer dimension",
            [_side("longer_size", "Length of the longer side in pixels.")],
        ),
        io.DynamicCombo.Option(
            "scale shorter dimension",
            [_side("shorter_size", "Length of the shorter side in pixels.")],
        ),
        io.DynamicCombo.Option("scale width", [_side("width", "New width in pixels.")]),
        io.DynamicCombo.Option("scale height", [_side("height", "New height in pixels.")]),
        io.DynamicCombo.Option(
            "scale total pixels",
            [
                io.Float.Input(
                    "megapixels",
                    default=1.0,
                    min=0.01,
                    max=16.0,
                    step=0.01,
                    tooltip="Millions of pixels; 1 is 1024 x 1024.",
                )
            ],
        ),
        io.DynamicCombo.Option(
            "match size",
            [
                io.MultiType.Input(
                    "match", [io.Image, io.Mask], tooltip="Picture or mask whose size to take."
                ),
                _crop(),
            ],
        ),
    ]


class ResizeImageMaskNode(io.ComfyNode):
    """Resize a picture or a mask."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture or mask and a way to resize it."""
        template = io.MatchType.Template("input_type", [io.Image, io.Mask])
        return io.Schema(
            node_id="ResizeImageMaskNode",
            display_name="Resize Image/Mask",
            category="transform",
            description=(
                "Resizes pictures or masks: by a factor, to a size, by one side, to a number of "
                "pixels, or to the size of another picture."
            ),
            inputs=[
                io.MatchType.Input(
                    "input", template=template, tooltip="The pictures or masks to resize."
                ),
                io.DynamicCombo.Input(
                    "resize_type", options=_ways(), tooltip="What decides the new size."
                ),
                io.Combo.Input(
                    "scale_method", options=UPSCALE_METHODS, default="area", tooltip=METHOD_TOOLTIP
                ),
            ],
            outputs=[io.MatchType.Output(template=template, display_name="resized")],
            search_aliases=["scale", "upscale", "downscale", "resize mask"],
        )

    @classmethod
    def execute(
        cls, input: torch.Tensor, resize_type: dict[str, Any], scale_method: str
    ) -> io.NodeOutput:
        """Return the input in its new size and its own shape."""
        is_mask = input.ndim == 3
        samples = input.unsqueeze(1) if is_mask else input.movedim(-1, 1)
        width, height = new_size(samples.shape[-1], samples.shape[-2], resize_type)
        crop = resize_type.get("crop", "disabled")
        resized = common_upscale(samples, width, height, scale_method, crop)
        return io.NodeOutput(resized.squeeze(1) if is_mask else resized.movedim(1, -1))


def new_size(width: int, height: int, wish: dict[str, Any]) -> tuple[int, int]:
    """Return width and height that the artist's choice makes of a size (rule D-250).

    Args:
        width: Old width.
        height: Old height.
        wish: ``resize_type`` and the inputs that belong to it.

    Raises:
        ValueError: The choice is unknown.
    """
    way = wish["resize_type"]
    if way == "scale by multiplier":
        return _whole(width * wish["multiplier"], height * wish["multiplier"])
    if way == "scale dimensions":
        return _by_sides(width, height, wish["width"], wish["height"])
    if way == "scale longer dimension":
        wide = width >= height
        size = wish["longer_size"]
        return _by_sides(width, height, size if wide else 0, 0 if wide else size)
    if way == "scale shorter dimension":
        wide = width < height
        size = wish["shorter_size"]
        return _by_sides(width, height, size if wide else 0, 0 if wide else size)
    if way == "scale width":
        return _by_sides(width, height, wish["width"], 0)
    if way == "scale height":
        return _by_sides(width, height, 0, wish["height"])
    if way == "scale total pixels":
        total = int(wish["megapixels"] * 1024 * 1024)
        scale = math.sqrt(total / (width * height))
        return _whole(width * scale, height * scale)
    if way == "match size":
        other = wish["match"]
        sides = other.shape[-2:] if other.ndim == 3 else other.shape[1:3]
        return int(sides[1]), int(sides[0])
    raise ValueError(f'Unknown way to resize: "{way}".')


def _by_sides(width: int, height: int, new_width: int, new_height: int) -> tuple[int, int]:
    if new_width == 0 and new_height == 0:
        return width, height
    if new_width == 0:
        return max(1, round(width * new_height / height)), new_height
    if new_height == 0:
        return new_width, max(1, round(height * new_width / width))
    return new_width, new_height


def _whole(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))


NODE_CLASS_MAPPINGS = {"ResizeImageMaskNode": ResizeImageMaskNode}
