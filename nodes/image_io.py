"""Load, save and preview pictures."""

from __future__ import annotations

import hashlib
import io as bytes_io
import os
import random
from functools import partial
from typing import Any

import folder_paths
import numpy as np
import torch
from PIL import Image, ImageOps, ImageSequence
from PIL.PngImagePlugin import PngInfo

from app.engine.imaging.pixels import to_picture

from .saving import SavedFile, metadata_texts, numbered, png_info, save_later
from .value_types import InputTypes

_FORMATS_WITH_EXTRA_PICTURES = ("MPO",)
"""Files whose further frames are previews of the first, not a sequence."""


class SaveImage:
    """Save pictures as PNG files that carry their workflow."""

    def __init__(self) -> None:
        self.output_dir = folder_paths.get_output_directory()
        self.type = "output"
        self.prefix_append = ""
        self.compress_level = 4

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare pictures and the beginning of their names."""
        return {
            "required": {
                "images": ("IMAGE", {"tooltip": "The pictures to save."}),
                "filename_prefix": (
                    "STRING",
                    {
                        "default": "ComfyUI",
                        "tooltip": (
                            "Beginning of the file name; a slash makes a folder. Known words: "
                            "%date:yyyy-MM-dd%, %width%, %height%, %year%, %month%, %day%, and "
                            "%Node.widget% for a value of another node."
                        ),
                    },
                ),
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    RETURN_TYPES = ()
    FUNCTION = "save_images"
    OUTPUT_NODE = True
    FINISHES_LATER = True
    CATEGORY = "image"
    DESCRIPTION = (
        "Saves pictures as PNG files in the output folder. Each file carries the workflow: "
        "drop it on the canvas to get the workflow back."
    )
    SEARCH_ALIASES = ["export", "write image", "png"]

    def save_images(
        self,
        images: torch.Tensor,
        filename_prefix: str = "ComfyUI",
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write one file a picture, under names that nobody has yet (rule D-178).

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        return {"ui": {"images": self._save(images, filename_prefix, prompt, extra_pnginfo)}}

    def _save(
        self,
        images: torch.Tensor,
        filename_prefix: str,
        prompt: Any,
        extra_pnginfo: dict[str, Any] | None,
    ) -> list[SavedFile]:
        if len(images) == 0:
            raise ValueError("There is no picture to save: the batch is empty.")
        height, width = images[0].shape[:2]
        folder, stem, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix + self.prefix_append, self.output_dir, width, height
        )
        info = png_info(metadata_texts(prompt, extra_pnginfo))
        saved: list[SavedFile] = []
        for number, image in enumerate(images):
            # The pixels are taken now: a later node may change the tensor in place.
            encode = partial(_to_png, to_picture(image), info, self.compress_level)
            file_name, used = save_later(folder, counter, numbered(stem, "png", number), encode)
            counter = used + 1
            saved.append({"filename": file_name, "subfolder": subfolder, "type": self.type})
        return saved


def _to_png(picture: Image.Image, info: PngInfo | None, compress_level: int) -> bytes:
    stream = bytes_io.BytesIO()
    picture.save(stream, format="PNG", pnginfo=info, compress_level=compress_level)
    return stream.getvalue()


class PreviewImage(SaveImage):
    """Show pictures without keeping them."""

    def __init__(self) -> None:
        self.output_dir = folder_paths.get_temp_directory()
        self.type = "temp"
        letters = "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(5))
        self.prefix_append = f"_temp_{letters}"
        self.compress_level = 1

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare pictures."""
        return {
            "required": {"images": ("IMAGE", {"tooltip": "The pictures to look at."})},
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    DESCRIPTION = "Shows pictures in the node. They are kept only while Easel is open."
    SEARCH_ALIASES = ["show image", "view"]


class ImageCompare(PreviewImage):
    """Show two pictures over each other."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare two pictures, both optional."""
        return {
            "required": {},
            "optional": {
                "image_a": ("IMAGE", {"tooltip": "The picture left of the slider."}),
                "image_b": ("IMAGE", {"tooltip": "The picture right of the slider."}),
            },
            "hidden": {"prompt": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
        }

    FUNCTION = "compare"
    DESCRIPTION = "Shows two pictures over each other, with a slider to see before and after."
    SEARCH_ALIASES = ["before after", "difference", "slider"]

    def compare(
        self,
        image_a: torch.Tensor | None = None,
        image_b: torch.Tensor | None = None,
        prompt: Any = None,
        extra_pnginfo: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Write both to the temp folder as ``a_images`` and ``b_images``."""
        shown: dict[str, list[SavedFile]] = {"a_images": [], "b_images": []}
        for key, images in (("a_images", image_a), ("b_images", image_b)):
            if images is not None:
                shown[key] = self._save(images, "compare", prompt, extra_pnginfo)
        return {"ui": shown}


def _input_pictures() -> list[str]:
    folder = folder_paths.get_input_directory()
    files = [name for name in os.listdir(folder) if os.path.isfile(os.path.join(folder, name))]
    return sorted(folder_paths.filter_files_content_types(files, ["image"]))


class LoadImage:
    """Read a picture file."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the pictures of the input folder."""
        return {
            "required": {
                "image": (
                    _input_pictures(),
                    {
                        "image_upload": True,
                        "tooltip": "A picture of the input folder. Drop or paste one to add it.",
                    },
                )
            }
        }

    RETURN_TYPES = ("IMAGE", "MASK")
    FUNCTION = "load_image"
    CATEGORY = "image"
    DESCRIPTION = (
        "Reads a picture file. The mask is 1 where the file is transparent. Animations become a "
        "batch with one picture a frame."
    )
    SEARCH_ALIASES = ["open image", "import", "input image"]

    def load_image(self, image: str) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the frames and their masks (rule D-179).

        Raises:
            ValueError: The file is damaged or not a picture.
        """
        frames: list[torch.Tensor] = []
        masks: list[torch.Tensor] = []
        size: tuple[int, int] | None = None
        with _open_picture(image) as file:
            for frame in ImageSequence.Iterator(file):
                turned = ImageOps.exif_transpose(frame)
                size = size or turned.size
                # A file may hold thumbnails or pages of other sizes; they fit in no batch.
                if turned.size == size:
                    frames.append(_colors(turned))
                    masks.append(_transparency(turned))
                if file.format in _FORMATS_WITH_EXTRA_PICTURES:
                    break
        return torch.stack(frames), torch.stack(masks)

    @classmethod
    def IS_CHANGED(cls, image: str) -> str:
        """Return the file's SHA-256, so that an edited file is read again."""
        return _file_hash(image)

    @classmethod
    def VALIDATE_INPUTS(cls, image: str) -> bool | str:
        """Check that the file exists."""
        if not isinstance(image, str) or not image:
            return "Choose a picture: drop a file on the node or press upload."
        if folder_paths.exists_annotated_filepath(image):
            return True
        return f'The picture "{image}" is not in the input folder.'


class LoadImageMask:
    """Read one channel of a picture file as a mask."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the pictures of the input folder and a channel."""
        return {
            "required": {
                "image": (
                    _input_pictures(),
                    {
                        "image_upload": True,
                        "tooltip": "A picture of the input folder. Drop or paste one to add it.",
                    },
                ),
                "channel": (
                    ["alpha", "red", "green", "blue"],
                    {"tooltip": "Which channel becomes the mask; transparent alpha becomes 1."},
                ),
            }
        }

    RETURN_TYPES = ("MASK",)
    FUNCTION = "load_image"
    CATEGORY = "mask"
    DESCRIPTION = "Reads one channel of a picture file as a mask."
    SEARCH_ALIASES = ["open mask", "import mask"]

    def load_image(self, image: str, channel: str) -> tuple[torch.Tensor]:
        """Return ``(1, height, width)``; a file without that channel gives 64 x 64 zeros."""
        with _open_picture(image) as file:
            turned = ImageOps.exif_transpose(file)
            if channel == "alpha":
                return (_transparency(turned).unsqueeze(0),)
            plane = _colors(turned)[..., ("red", "green", "blue").index(channel)]
        return (plane.unsqueeze(0).contiguous(),)

    @classmethod
    def IS_CHANGED(cls, image: str, channel: str) -> str:
        """Return the file's SHA-256, so that an edited file is read again."""
        return _file_hash(image)

    @classmethod
    def VALIDATE_INPUTS(cls, image: str) -> bool | str:
        """Check that the file exists."""
        return LoadImage.VALIDATE_INPUTS(image)


class LoadImageOutput(LoadImage):
    """Read a picture that a workflow has saved."""

    @classmethod
    def INPUT_TYPES(cls) -> InputTypes:
        """Declare the pictures of the output folder, newest first."""
        return {
            "required": {
                "image": (
                    "COMBO",
                    {
                        "image_upload": True,
                        "image_folder": "output",
                        "options": _output_pictures(),
                        "remote": {
                            "route": "/internal/files/output",
                            "refresh_button": True,
                            "control_after_refresh": "first",
                        },
                        "tooltip": "A picture of the output folder, newest first.",
                    },
                )
            }
        }

    EXPERIMENTAL = True
    DESCRIPTION = (
        "Reads a picture from the output folder, so that a result can be worked on further."
    )
    SEARCH_ALIASES = ["load result", "output image"]


def _output_pictures() -> list[str]:
    folder = folder_paths.get_output_directory()
    if not os.path.isdir(folder):
        return []
    with os.scandir(folder) as entries:
        found = [(entry.stat().st_mtime, entry.name) for entry in entries if entry.is_file()]
    names = [name for _, name in sorted(found, reverse=True)]
    return [f"{n} [output]" for n in folder_paths.filter_files_content_types(names, ["image"])]


def _open_picture(name: str) -> Image.Image:
    path = folder_paths.get_annotated_filepath(name)
    try:
        picture = Image.open(path)
        picture.load()
    except FileNotFoundError as error:
        raise ValueError(f'The picture "{name}" is not in the input folder.') from error
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f'Cannot read "{name}" as a picture: the file is damaged, too large or of an '
            f"unknown kind ({error})."
        ) from error
    return picture


def _file_hash(name: str) -> str:
    path = folder_paths.get_annotated_filepath(name)
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _colors(picture: Image.Image) -> torch.Tensor:
    """Return ``(height, width, 3)`` from 0 to 1."""
    if picture.mode.startswith("I;16"):
        gray = np.asarray(picture, dtype=np.float32) / 65535.0
        return torch.from_numpy(gray).unsqueeze(-1).repeat(1, 1, 3)
    if picture.mode == "I":
        picture = picture.point(lambda value: value * (1 / 255))
    pixels = np.asarray(picture.convert("RGB")).astype(np.float32) / 255.0
    return torch.from_numpy(pixels)


def _transparency(picture: Image.Image) -> torch.Tensor:
    """Return ``(height, width)``, 1 where transparent; 64 x 64 zeros for an opaque file."""
    if "A" not in picture.getbands():
        if "transparency" not in picture.info:
            return torch.zeros((64, 64), dtype=torch.float32)
        picture = picture.convert("RGBA")
    alpha = np.asarray(picture.getchannel("A")).astype(np.float32) / 255.0
    return 1.0 - torch.from_numpy(alpha)


NODE_CLASS_MAPPINGS = {
    "SaveImage": SaveImage,
    "PreviewImage": PreviewImage,
    "ImageCompare": ImageCompare,
    "LoadImage": LoadImage,
    "LoadImageMask": LoadImageMask,
    "LoadImageOutput": LoadImageOutput,
}

NODE_DISPLAY_NAME_MAPPINGS = {
    "SaveImage": "Save Image",
    "PreviewImage": "Preview Image",
    "ImageCompare": "Image Compare",
    "LoadImage": "Load Image",
    "LoadImageMask": "Load Image (as Mask)",
    "LoadImageOutput": "Load Image (from Outputs)",
}
