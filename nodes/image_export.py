"""Save pictures in other formats than plain PNG."""

from __future__ import annotations

import io as bytes_io
from typing import Any

import folder_paths
import numpy as np
import torch
from comfy_api.latest import io

from app.engine.imaging.color import linear_to_srgb, srgb_to_linear
from app.engine.imaging.deep_files import encode_exr, encode_png16
from app.engine.imaging.pixels import to_picture
from app.engine.workflow.metadata import jpeg
from app.engine.workflow.metadata import svg as svg_file

from .saving import exif_info, metadata_texts, numbered, png_info, save_claimed

_DEPTHS = {
    "png": ["8-bit", "16-bit"],
    "jpg": ["8-bit"],
    "webp": ["8-bit"],
    "exr": ["32-bit float"],
}


def _format_option(name: str) -> io.DynamicCombo.Option:
    return io.DynamicCombo.Option(
        name,
        [
            io.Combo.Input(
                "bit_depth",
                options=_DEPTHS[name],
                default=_DEPTHS[name][0],
                tooltip="Steps of brightness a channel; more for work in other programs.",
            ),
            io.Combo.Input(
                "input_color_space",
                options=["sRGB", "linear"],
                default="sRGB",
                tooltip="What the numbers of the picture mean; sRGB is usual.",
            ),
        ],
    )


class SaveImageAdvanced(io.ComfyNode):
    """Save pictures in a chosen format."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare pictures, a name and a format."""
        return io.Schema(
            node_id="SaveImageAdvanced",
            display_name="Save Image (Advanced)",
            category="image",
            description=(
                "Saves pictures as PNG (8 or 16 bit), JPEG, WebP or OpenEXR and passes them on. "
                "The files carry the workflow. OpenEXR holds linear light."
            ),
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                io.Image.Input("images", tooltip="The pictures to save."),
                io.String.Input(
                    "filename_prefix",
                    default="ComfyUI",
                    tooltip="Beginning of the file name; a slash makes a folder.",
                ),
                io.DynamicCombo.Input(
                    "format",
                    options=[_format_option(name) for name in _DEPTHS],
                    tooltip="File format.",
                ),
            ],
            outputs=[io.Image.Output(display_name="images")],
            search_aliases=["export", "jpg", "jpeg", "webp", "exr", "16 bit"],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, filename_prefix: str, format: dict[str, Any]
    ) -> io.NodeOutput:
        """Write one file a picture, under names that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
            ValueError: The batch is empty or the format is unknown.
        """
        if len(images) == 0:
            raise ValueError("There is no picture to save: the batch is empty.")
        hidden = cls.hidden
        texts = metadata_texts(hidden.prompt, hidden.extra_pnginfo) if hidden else {}
        kind, depth = format["format"], format.get("bit_depth", "8-bit")
        linear = format.get("input_color_space", "sRGB") == "linear"
        height, width = images[0].shape[:2]
        folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory(), width, height
        )
        saved = []
        for number, image in enumerate(images):
            data = encode_image(image, kind, depth, linear=linear, texts=texts)
            name = numbered(stem, kind, number)
            file_name, used = save_claimed(folder, counter, name, data)
            counter = used + 1
            saved.append({"filename": file_name, "subfolder": subfolder, "type": "output"})
        return io.NodeOutput(images, ui={"images": saved})


def encode_image(
    image: torch.Tensor, kind: str, depth: str, *, linear: bool, texts: dict[str, str]
) -> bytes:
    """Return one ``(height, width, channels)`` picture as a file.

    Args:
        image: The picture.
        kind: ``png``, ``jpg``, ``webp`` or ``exr``.
        depth: One of the bit depths of that kind.
        linear: Whether the picture holds amounts of light instead of screen values.
        texts: What the file tells about its making.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind == "exr":
        return encode_exr(_pixels(image if linear else _convert(image, srgb_to_linear)), texts)
    if linear:
        image = _convert(image, linear_to_srgb)
    if kind == "png" and depth == "16-bit":
        return encode_png16(_pixels(image), texts)
    stream = bytes_io.BytesIO()
    if kind == "png":
        to_picture(image).save(stream, "PNG", pnginfo=png_info(texts), compress_level=4)
    elif kind == "webp":
        to_picture(image).save(stream, "WEBP", quality=95, exif=exif_info(texts))
    elif kind == "jpg":
        _save_jpeg(image, stream, texts)
    else:
        raise ValueError(f'"{kind}" is not one of {", ".join(_DEPTHS)}.')
    return stream.getvalue()


def _save_jpeg(image: torch.Tensor, stream: bytes_io.BytesIO, texts: dict[str, str]) -> None:
    plain = bytes_io.BytesIO()
    to_picture(image[..., :3]).save(plain, "JPEG", quality=95, subsampling=0)
    stream.write(jpeg.write_texts(plain.getvalue(), texts) if texts else plain.getvalue())


def _convert(image: torch.Tensor, convert: Any) -> torch.Tensor:
    """Change the colours and leave alpha alone."""
    return torch.cat([convert(image[..., :3]), image[..., 3:]], dim=-1)


def _pixels(image: torch.Tensor) -> np.ndarray:
    return image.detach().float().cpu().numpy()


class SaveSVGNode(io.ComfyNode):
    """Save vector graphics."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare graphics and a name."""
        return io.Schema(
            node_id="SaveSVGNode",
            category="image/save",
            description="Saves vector graphics as SVG files that carry their workflow.",
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                io.SVG.Input("svg", tooltip="The graphics to save."),
                io.String.Input(
                    "filename_prefix",
                    default="svg/ComfyUI",
                    tooltip="Beginning of the file name; a slash makes a folder.",
                ),
            ],
        )

    @classmethod
    def execute(cls, svg: Any, filename_prefix: str = "svg/ComfyUI") -> io.NodeOutput:
        """Write one file a graphic, under names that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        hidden = cls.hidden
        texts = metadata_texts(hidden.prompt, hidden.extra_pnginfo) if hidden else {}
        folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        saved = []
        for number, graphic in enumerate(svg.data):
            plain = graphic.getvalue()
            data = svg_file.write_texts(plain, texts) if texts else plain
            name = numbered(stem, "svg", number)
            file_name, used = save_claimed(folder, counter, name, data)
            counter = used + 1
            saved.append({"filename": file_name, "subfolder": subfolder, "type": "output"})
        return io.NodeOutput(ui={"images": saved})


NODE_CLASS_MAPPINGS = {"SaveImageAdvanced": SaveImageAdvanced, "SaveSVGNode": SaveSVGNode}
