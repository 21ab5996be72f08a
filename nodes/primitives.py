"""Values that stand on the canvas by themselves."""

from __future__ import annotations

import math
import re
import sys
from typing import Any

from comfy_api.latest import io

_MAX_SEED = 0xFFFFFFFFFFFFFFFF


class PrimitiveString(io.ComfyNode):
    """A line of text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text."""
        return io.Schema(
            node_id="PrimitiveString",
            display_name="String",
            category="utils/primitive",
            description="A line of text to use in several places.",
            inputs=[io.String.Input("value", tooltip="The text.")],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, value: str) -> io.NodeOutput:
        """Return the text."""
        return io.NodeOutput(value)


class PrimitiveStringMultiline(io.ComfyNode):
    """A longer text."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a text."""
        return io.Schema(
            node_id="PrimitiveStringMultiline",
            display_name="String (Multiline)",
            category="utils/primitive",
            description="A longer text to use in several places.",
            inputs=[io.String.Input("value", multiline=True, tooltip="The text.")],
            outputs=[io.String.Output()],
        )

    @classmethod
    def execute(cls, value: str) -> io.NodeOutput:
        """Return the text."""
        return io.NodeOutput(value)


class PrimitiveInt(io.ComfyNode):
    """A whole number."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a whole number."""
        return io.Schema(
            node_id="PrimitiveInt",
            display_name="Int",
            category="utils/primitive",
            description="A whole number to use in several places.",
            inputs=[
                io.Int.Input(
                    "value",
                    min=-sys.maxsize,
                    max=sys.maxsize,
                    control_after_generate=True,
                    tooltip="The number.",
                )
            ],
            outputs=[io.Int.Output()],
        )

    @classmethod
    def execute(cls, value: int) -> io.NodeOutput:
        """Return the number."""
        return io.NodeOutput(value)


class PrimitiveFloat(io.ComfyNode):
    """A number with a fraction."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a number."""
        return io.Schema(
            node_id="PrimitiveFloat",
            display_name="Float",
            category="utils/primitive",
            description="A number with a fraction to use in several places.",
            inputs=[
                io.Float.Input(
                    "value", min=-sys.maxsize, max=sys.maxsize, step=0.1, tooltip="The number."
                )
            ],
            outputs=[io.Float.Output()],
        )

    @classmethod
    def execute(cls, value: float) -> io.NodeOutput:
        """Return the number."""
        return io.NodeOutput(value)


class PrimitiveBoolean(io.ComfyNode):
    """A switch."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a switch."""
        return io.Schema(
            node_id="PrimitiveBoolean",
            display_name="Boolean",
            category="utils/primitive",
            description="A switch to use in several places.",
            inputs=[io.Boolean.Input("value", tooltip="On or off.")],
            outputs=[io.Boolean.Output()],
        )

    @classmethod
    def execute(cls, value: bool) -> io.NodeOutput:
        """Return the value."""
        return io.NodeOutput(value)


class SeedNode(io.ComfyNode):
    """One seed for many nodes."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a seed."""
        return io.Schema(
            node_id="SeedNode",
            display_name="Seed",
            category="utils/primitive",
            description="One seed for several nodes, so that they change together.",
            inputs=[
                io.Int.Input(
                    "seed",
                    default=0,
                    min=0,
                    max=_MAX_SEED,
                    control_after_generate=True,
                    tooltip="The same seed makes the same picture.",
                )
            ],
            outputs=[io.Int.Output(display_name="seed")],
            search_aliases=["random", "noise seed"],
        )

    @classmethod
    def execute(cls, seed: int) -> io.NodeOutput:
        """Return the seed."""
        return io.NodeOutput(seed)


_ASPECT_RATIOS = [
    "1:1 (Square)",
    "3:2 (Photo)",
    "4:3 (Standard)",
    "16:9 (Widescreen)",
    "21:9 (Ultrawide)",
    "2:3 (Portrait Photo)",
    "3:4 (Portrait Standard)",
    "9:16 (Portrait Widescreen)",
]


class ResolutionSelector(io.ComfyNode):
    """Choose a size by its shape."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a shape and a number of pixels."""
        return io.Schema(
            node_id="ResolutionSelector",
            display_name="Resolution Selector",
            category="utils",
            description="Gives width and height for a shape and a number of pixels.",
            inputs=[
                io.Combo.Input(
                    "aspect_ratio",
                    options=_ASPECT_RATIOS,
                    default=_ASPECT_RATIOS[0],
                    tooltip="Width to height.",
                ),
                io.Float.Input(
                    "megapixels",
                    default=1.0,
                    min=0.1,
                    max=16.0,
                    step=0.1,
                    tooltip="Millions of pixels; 1 is 1024 x 1024.",
                ),
                io.Int.Input(
                    "multiple",
                    default=8,
                    min=1,
                    max=256,
                    step=1,
                    tooltip="Both sides become multiples of this; most models need 8 or 16.",
                ),
            ],
            outputs=[io.Int.Output(display_name="width"), io.Int.Output(display_name="height")],
            search_aliases=["aspect ratio", "size", "dimensions"],
        )

    @classmethod
    def validate_inputs(cls, aspect_ratio: Any) -> bool | str:
        """Accept every text that begins with a ratio, so that other programs' labels work."""
        if not isinstance(aspect_ratio, str) or _ratio(aspect_ratio) is not None:
            return True
        return f'"{aspect_ratio}" does not begin with a ratio such as 16:9.'

    @classmethod
    def execute(cls, aspect_ratio: str, megapixels: float, multiple: int = 8) -> io.NodeOutput:
        """Return the sides, rounded to the multiple.

        Raises:
            ValueError: The text does not begin with a ratio.
        """
        ratio = _ratio(aspect_ratio)
        if ratio is None:
            raise ValueError(f'"{aspect_ratio}" does not begin with a ratio such as 16:9.')
        pixels = megapixels * 1024 * 1024
        width = math.sqrt(pixels * ratio)
        sides = (max(1, round(side / multiple)) * multiple for side in (width, width / ratio))
        return io.NodeOutput(*sides)


def _ratio(label: str) -> float | None:
    found = re.match(r"\s*(\d+(?:\.\d+)?)\s*:\s*(\d+(?:\.\d+)?)", label)
    if found is None or float(found[1]) == 0 or float(found[2]) == 0:
        return None
    return float(found[1]) / float(found[2])


NODE_CLASS_MAPPINGS = {
    "PrimitiveString": PrimitiveString,
    "PrimitiveStringMultiline": PrimitiveStringMultiline,
    "PrimitiveInt": PrimitiveInt,
    "PrimitiveFloat": PrimitiveFloat,
    "PrimitiveBoolean": PrimitiveBoolean,
    "SeedNode": SeedNode,
    "ResolutionSelector": ResolutionSelector,
}
