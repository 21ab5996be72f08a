"""Small helpers for design work: gradients, mask shapes, text, colour, contact sheets."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from comfy_api.latest import io
from PIL import Image, ImageDraw, ImageFont

from app.engine.imaging.color import grade
from app.engine.imaging.resize import common_upscale

from .value_types import MAX_RESOLUTION

_FONTS = Path(__file__).resolve().parents[1] / "resources" / "fonts"


def _side(name: str, tooltip: str) -> io.Int.Input:
    return io.Int.Input(name, default=768, min=1, max=MAX_RESOLUTION, step=8, tooltip=tooltip)


def _color(name: str, default: int, tooltip: str) -> io.Int.Input:
    return io.Int.Input(
        name,
        default=default,
        min=0,
        max=0xFFFFFF,
        step=1,
        extra_dict={"display": "color"},
        tooltip=tooltip,
    )


def unpack_color(packed: int) -> tuple[int, int, int]:
    """Split 65536 x red + 256 x green + blue."""
    return packed >> 16 & 0xFF, packed >> 8 & 0xFF, packed & 0xFF


def _pixel(packed: int) -> torch.Tensor:
    return torch.tensor(unpack_color(packed), dtype=torch.float32) / 255


class EaselGradient(io.ComfyNode):
    """Make a gradient."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a size, two colours and a direction."""
        return io.Schema(
            node_id="EaselGradient",
            display_name="Gradient",
            category="image/generate",
            description="Makes a gradient of two colours, as a picture and as a mask.",
            inputs=[
                _side("width", "Width in pixels."),
                _side("height", "Height in pixels."),
                _color("start_color", 0x2B2C55, "Where the mask is 0."),
                _color("end_color", 0xF2B48C, "Where the mask is 1."),
                io.Combo.Input(
                    "shape",
                    options=["linear", "radial"],
                    default="linear",
                    tooltip="linear runs across the picture, radial out from its middle.",
                ),
                io.Float.Input(
                    "angle",
                    default=90.0,
                    min=-360.0,
                    max=360.0,
                    step=1.0,
                    tooltip="Direction in degrees; 0 runs to the right, 90 down.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="image"),
                io.Mask.Output(display_name="mask"),
            ],
            search_aliases=["ramp", "fade", "background"],
        )

    @classmethod
    def execute(
        cls,
        width: int,
        height: int,
        start_color: int,
        end_color: int,
        shape: str,
        angle: float,
    ) -> io.NodeOutput:
        """Return the picture and the ramp it was mixed with."""
        x = (torch.arange(width) + 0.5 - width / 2)[None, :]
        y = (torch.arange(height) + 0.5 - height / 2)[:, None]
        if shape == "radial":
            ramp = torch.sqrt(x * x + y * y) / (math.hypot(width, height) / 2)
        else:
            across, down = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            length = abs(across) * width + abs(down) * height
            ramp = (x * across + y * down) / length + 0.5
        ramp = ramp.clamp(0, 1).unsqueeze(0)
        start, end = _pixel(start_color), _pixel(end_color)
        return io.NodeOutput(start + (end - start) * ramp.unsqueeze(-1), ramp)


class EaselMaskShape(io.ComfyNode):
    """Make a mask of a simple shape."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a shape, its place and its softness."""
        part = {"min": -1.0, "max": 2.0, "step": 0.01}
        size = {"min": 0.0, "max": 2.0, "step": 0.01}
        return io.Schema(
            node_id="EaselMaskShape",
            display_name="Mask Shape",
            category="mask",
            description="Makes a mask of an ellipse or a rectangle, with a soft edge if you like.",
            inputs=[
                _side("width", "Width of the mask in pixels."),
                _side("height", "Height of the mask in pixels."),
                io.Combo.Input(
                    "shape",
                    options=["ellipse", "rectangle"],
                    default="ellipse",
                    tooltip="Which shape is selected.",
                ),
                io.Float.Input(
                    "center_x", default=0.5, **part, tooltip="Middle; 0 is left and 1 is right."
                ),
                io.Float.Input(
                    "center_y", default=0.5, **part, tooltip="Middle; 0 is the top, 1 the bottom."
                ),
                io.Float.Input(
                    "shape_width", default=0.7, **size, tooltip="Part of the mask's width."
                ),
                io.Float.Input(
                    "shape_height", default=0.7, **size, tooltip="Part of the mask's height."
                ),
                io.Float.Input(
                    "feather",
                    default=0.1,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Width of the soft edge, as part of the shorter side.",
                ),
            ],
            outputs=[io.Mask.Output(display_name="mask")],
            search_aliases=["circle", "vignette", "rectangle", "spotlight"],
        )

    @classmethod
    def execute(
        cls,
        width: int,
        height: int,
        shape: str,
        center_x: float,
        center_y: float,
        shape_width: float,
        shape_height: float,
        feather: float,
    ) -> io.NodeOutput:
        """Return ``(1, height, width)``; the edge of the shape lies in the middle of the fade."""
        x = (torch.arange(width) + 0.5 - center_x * width)[None, :].abs()
        y = (torch.arange(height) + 0.5 - center_y * height)[:, None].abs()
        half_width = max(shape_width * width / 2, 1e-3)
        half_height = max(shape_height * height / 2, 1e-3)
        if shape == "ellipse":
            radius = torch.sqrt((x / half_width) ** 2 + (y / half_height) ** 2)
            inside = (1 - radius) * min(half_width, half_height)
        else:
            inside = torch.minimum(half_width - x, half_height - y)
        fade = max(feather * min(width, height), 1.0)
        mask = (inside / fade + 0.5).clamp(0, 1)
        return io.NodeOutput((mask * mask * (3 - 2 * mask)).unsqueeze(0))


class EaselColorGrade(io.ComfyNode):
    """Correct light and colour."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, four corrections and where they act."""
        return io.Schema(
            node_id="EaselColorGrade",
            display_name="Colour Grade",
            category="image/postprocessing",
            description=(
                "Corrects exposure, contrast, saturation and warmth, everywhere or inside a mask."
            ),
            inputs=[
                io.Image.Input("image", tooltip="The pictures to correct."),
                io.Float.Input(
                    "exposure",
                    default=0.0,
                    min=-4.0,
                    max=4.0,
                    step=0.05,
                    tooltip="In stops; 1 doubles the light, -1 halves it.",
                ),
                io.Float.Input(
                    "contrast",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.01,
                    tooltip="1 changes nothing, more sets light and dark apart.",
                ),
                io.Float.Input(
                    "saturation",
                    default=1.0,
                    min=0.0,
                    max=3.0,
                    step=0.01,
                    tooltip="1 changes nothing, 0 is black and white.",
                ),
                io.Float.Input(
                    "warmth",
                    default=0.0,
                    min=-1.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Above 0 towards orange, below 0 towards blue.",
                ),
                io.Mask.Input(
                    "mask", optional=True, tooltip="Where the correction acts; without, everywhere."
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
            search_aliases=["brightness", "levels", "saturation", "temperature", "color correct"],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        exposure: float,
        contrast: float,
        saturation: float,
        warmth: float,
        mask: torch.Tensor | None = None,
    ) -> io.NodeOutput:
        """Return the corrected pictures; alpha stays as it is."""
        colors = image[..., :3]
        graded = grade(colors, exposure, contrast, saturation, warmth)
        if mask is not None:
            height, width = image.shape[1:3]
            plane = mask.reshape(-1, 1, *mask.shape[-2:]).to(image)
            plane = common_upscale(plane, width, height, "bilinear", "disabled").movedim(1, -1)
            graded = colors + (graded - colors) * plane
        alpha = image[..., 3:].expand(graded.shape[0], -1, -1, -1)
        return io.NodeOutput(torch.cat([graded, alpha], dim=-1))


_PLACES = {
    "top left": (0.0, 0.0),
    "top": (0.5, 0.0),
    "top right": (1.0, 0.0),
    "left": (0.0, 0.5),
    "center": (0.5, 0.5),
    "right": (1.0, 0.5),
    "bottom left": (0.0, 1.0),
    "bottom": (0.5, 1.0),
    "bottom right": (1.0, 1.0),
}


class EaselDrawText(io.ComfyNode):
    """Write on a picture."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare a picture, a text and how it looks."""
        return io.Schema(
            node_id="EaselDrawText",
            display_name="Draw Text",
            category="image",
            description="Writes a text on pictures, for titles, captions and signatures.",
            inputs=[
                io.Image.Input("image", tooltip="The pictures to write on."),
                io.String.Input(
                    "text", multiline=True, default="Easel", tooltip="What to write; lines stay."
                ),
                io.Combo.Input(
                    "place",
                    options=list(_PLACES),
                    default="bottom left",
                    tooltip="Where it stands.",
                ),
                io.Float.Input(
                    "size",
                    default=0.05,
                    min=0.005,
                    max=1.0,
                    step=0.005,
                    tooltip="Height of a line, as part of the picture's height.",
                ),
                io.Float.Input(
                    "margin",
                    default=0.04,
                    min=0.0,
                    max=0.5,
                    step=0.005,
                    tooltip="Distance to the edge, as part of the picture's height.",
                ),
                _color("color", 0xFFFFFF, "Colour of the letters."),
                io.Float.Input(
                    "opacity",
                    default=0.9,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="1 covers the picture, 0 is invisible.",
                ),
            ],
            outputs=[io.Image.Output(display_name="image")],
            search_aliases=["caption", "title", "watermark", "label", "type"],
        )

    @classmethod
    def execute(
        cls,
        image: torch.Tensor,
        text: str,
        place: str,
        size: float,
        margin: float,
        color: int,
        opacity: float,
    ) -> io.NodeOutput:
        """Return the pictures with the text on each of them."""
        height, width = image.shape[1:3]
        letters = draw_text(text, width, height, size * height, margin * height, _PLACES[place])
        cover = torch.from_numpy(letters).to(image)[None, :, :, None] * opacity
        ink = torch.ones(image.shape[-1]).to(image)
        ink[:3] = _pixel(color).to(image)[: image.shape[-1]]
        return io.NodeOutput(image + (ink - image) * cover)


@lru_cache(maxsize=8)
def _font(size: float) -> ImageFont.FreeTypeFont:
    # The bundled family comes as .otf or .ttf.
    file = next(_FONTS.glob("Inter-SemiBold.[ot]tf"))
    return ImageFont.truetype(str(file), max(size, 1.0))


def draw_text(
    text: str, width: int, height: int, line: float, margin: float, place: tuple[float, float]
) -> np.ndarray:
    """Return how much of each pixel letters cover.

    Args:
        text: One or more lines.
        width: Width of the sheet in pixels.
        height: Height of the sheet in pixels.
        line: Height of a line in pixels.
        margin: Free space at the edges in pixels.
        place: Where the block stands in what the margins leave, 0..1 from the top left.

    Returns:
        ``(height, width)`` float32, 0..1.
    """
    sheet = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(sheet)
    font = _font(line / 1.25)
    align = {0.0: "left", 0.5: "center", 1.0: "right"}[place[0]]
    left, top, right, bottom = pen.multiline_textbbox((0, 0), text, font=font, align=align)
    x = margin + (width - 2 * margin - (right - left)) * place[0] - left
    y = margin + (height - 2 * margin - (bottom - top)) * place[1] - top
    pen.multiline_text((x, y), text, fill=255, font=font, align=align)
    return np.asarray(sheet, dtype=np.float32) / 255


class EaselContactSheet(io.ComfyNode):
    """Lay a batch out on one sheet."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare pictures and the grid."""
        return io.Schema(
            node_id="EaselContactSheet",
            display_name="Contact Sheet",
            category="image",
            description="Lays all pictures of a batch out on one sheet, to compare and to choose.",
            inputs=[
                io.Image.Input("images", tooltip="The batch."),
                io.Int.Input(
                    "columns",
                    default=0,
                    min=0,
                    max=64,
                    step=1,
                    tooltip="Pictures in a row; 0 makes the sheet about square.",
                ),
                io.Int.Input(
                    "gap", default=16, min=0, max=512, step=1, tooltip="Space between pictures."
                ),
                _color("background", 0x17181C, "Colour of the sheet."),
                io.Boolean.Input(
                    "numbers", default=True, tooltip="Write each picture's number in its corner."
                ),
            ],
            outputs=[io.Image.Output(display_name="sheet")],
            search_aliases=["grid", "montage", "gallery", "overview"],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, columns: int, gap: int, background: int, numbers: bool
    ) -> io.NodeOutput:
        """Return one picture, row by row from the top left.

        Raises:
            ValueError: There are no pictures, or the sheet would be too large.
        """
        count, height, width = images.shape[:3]
        if count == 0:
            raise ValueError("There is no picture for the sheet: the batch is empty.")
        columns = min(columns or math.ceil(math.sqrt(count)), count)
        rows = math.ceil(count / columns)
        size = (rows * (height + gap) + gap, columns * (width + gap) + gap)
        if max(size) > MAX_RESOLUTION:
            raise ValueError(
                f"The sheet would have {size[1]} x {size[0]} pixels; make the pictures smaller "
                "first."
            )
        sheet = _pixel(background).expand(*size, 3).clone()
        for index in range(count):
            row, column = divmod(index, columns)
            y, x = gap + row * (height + gap), gap + column * (width + gap)
            cell = images[index, ..., :3].float()
            sheet[y : y + height, x : x + width] = _numbered(cell, index + 1) if numbers else cell
        return io.NodeOutput(sheet.unsqueeze(0))


def _numbered(image: torch.Tensor, number: int) -> torch.Tensor:
    """Write a number into the lower left corner, with a soft shadow behind it."""
    height, width = image.shape[:2]
    line = max(height * 0.06, 12)
    letters = torch.from_numpy(
        draw_text(str(number), width, height, line, line * 0.6, _PLACES["bottom left"])
    )
    wide = torch.nn.functional.max_pool2d(letters[None, None], 5, stride=1, padding=2)
    shadow = torch.nn.functional.avg_pool2d(wide, 5, stride=1, padding=2)[0, 0] * 0.6
    shaded = image * (1 - shadow.unsqueeze(-1))
    return shaded + (1 - shaded) * letters.unsqueeze(-1)


NODE_CLASS_MAPPINGS = {
    "EaselGradient": EaselGradient,
    "EaselMaskShape": EaselMaskShape,
    "EaselColorGrade": EaselColorGrade,
    "EaselDrawText": EaselDrawText,
    "EaselContactSheet": EaselContactSheet,
}
