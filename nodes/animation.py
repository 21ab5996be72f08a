"""Save batches as animations."""

from __future__ import annotations

import io as bytes_io
from collections.abc import Callable
from typing import Any

import folder_paths
import torch
from comfy_api.latest import io
from PIL import Image

from app.engine.imaging.pixels import to_picture

from .saving import exif_info, metadata_texts, numbered, png_info, save_claimed


def _common_inputs() -> list[Any]:
    return [
        io.Image.Input("images", tooltip="The frames, in their order."),
        io.String.Input(
            "filename_prefix",
            default="ComfyUI",
            multiline=False,
            tooltip="Beginning of the file name; a slash makes a folder.",
        ),
        io.Float.Input(
            "fps", default=6.0, min=0.01, max=1000.0, step=0.01, tooltip="Frames a second."
        ),
    ]


def _save(
    images: torch.Tensor,
    filename_prefix: str,
    ending: str,
    encode: Callable[[list[Image.Image]], bytes],
) -> io.NodeOutput:
    if len(images) == 0:
        raise ValueError("There is no picture to save: the batch is empty.")
    height, width = images[0].shape[:2]
    folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
        filename_prefix, folder_paths.get_output_directory(), width, height
    )
    data = encode([to_picture(image) for image in images])
    file_name, _ = save_claimed(folder, counter, numbered(stem, ending), data)
    saved = {"filename": file_name, "subfolder": subfolder, "type": "output"}
    return io.NodeOutput(ui={"images": [saved], "animated": (len(images) > 1,)})


def _texts(cls: type[io.ComfyNode]) -> dict[str, str]:
    hidden = cls.hidden
    return metadata_texts(hidden.prompt, hidden.extra_pnginfo) if hidden else {}


class SaveAnimatedWEBP(io.ComfyNode):
    """Save an animated WebP."""

    METHODS = {"default": 4, "fastest": 0, "slowest": 6}

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare frames, a name, speed and quality."""
        return io.Schema(
            node_id="SaveAnimatedWEBP",
            category="image/animation",
            description="Saves pictures as one animated WebP file that carries its workflow.",
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                *_common_inputs(),
                io.Boolean.Input(
                    "lossless", default=True, tooltip="Keep every pixel exactly; larger files."
                ),
                io.Int.Input(
                    "quality",
                    default=80,
                    min=0,
                    max=100,
                    tooltip="Quality when not lossless; effort when lossless.",
                ),
                io.Combo.Input(
                    "method",
                    options=list(cls.METHODS),
                    tooltip="How long to search for a smaller file.",
                ),
            ],
            search_aliases=["gif", "animation", "video"],
        )

    @classmethod
    def execute(
        cls,
        images: torch.Tensor,
        filename_prefix: str,
        fps: float,
        lossless: bool,
        quality: int,
        method: str,
    ) -> io.NodeOutput:
        """Write one file, under a name that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        exif = exif_info(_texts(cls))

        def encode(frames: list[Image.Image]) -> bytes:
            stream = bytes_io.BytesIO()
            frames[0].save(
                stream,
                format="WEBP",
                save_all=True,
                duration=int(1000.0 / fps),
                append_images=frames[1:],
                exif=exif,
                lossless=lossless,
                quality=quality,
                method=cls.METHODS.get(method, 4),
            )
            return stream.getvalue()

        return _save(images, filename_prefix, "webp", encode)


class SaveAnimatedPNG(io.ComfyNode):
    """Save an animated PNG."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Declare frames, a name, speed and compression."""
        return io.Schema(
            node_id="SaveAnimatedPNG",
            category="image/animation",
            description="Saves pictures as one animated PNG file that carries its workflow.",
            is_output_node=True,
            hidden=[io.Hidden.prompt, io.Hidden.extra_pnginfo],
            inputs=[
                *_common_inputs(),
                io.Int.Input(
                    "compress_level",
                    default=4,
                    min=0,
                    max=9,
                    tooltip="9 makes the smallest file and takes longest; the picture is equal.",
                ),
            ],
            search_aliases=["apng", "animation"],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, filename_prefix: str, fps: float, compress_level: int
    ) -> io.NodeOutput:
        """Write one file, under a name that nobody has yet.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        info = png_info(_texts(cls))

        def encode(frames: list[Image.Image]) -> bytes:
            stream = bytes_io.BytesIO()
            frames[0].save(
                stream,
                format="PNG",
                save_all=True,
                append_images=frames[1:],
                duration=int(1000.0 / fps),
                pnginfo=info,
                compress_level=compress_level,
            )
            return stream.getvalue()

        return _save(images, filename_prefix, "png", encode)


NODE_CLASS_MAPPINGS = {"SaveAnimatedWEBP": SaveAnimatedWEBP, "SaveAnimatedPNG": SaveAnimatedPNG}
