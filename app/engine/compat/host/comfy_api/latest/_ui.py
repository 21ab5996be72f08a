"""``ui`` of ``comfy_api.latest``: results that the window shows (E-070)."""

from __future__ import annotations

import io as streams
import json
import os
import random
import string
from collections.abc import Mapping, Sequence
from typing import Any

import folder_paths
import torch
from comfy.cli_args import args
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.engine.compat.standins import NotSupportedHereError
from app.engine.files import claim_file
from app.engine.imaging.pixels import to_picture
from app.engine.node_types.v3.widgets import FolderType

__all__ = [
    "AudioSaveHelper",
    "FolderType",
    "ImageSaveHelper",
    "PreviewAudio",
    "PreviewImage",
    "PreviewMask",
    "PreviewText",
    "PreviewUI3D",
    "PreviewVideo",
    "SavedAudios",
    "SavedImages",
    "SavedResult",
]


class SavedResult(dict[str, str]):
    """A saved file: its name, its folder below the named one, and which that is."""

    def __init__(self, filename: str, subfolder: str, type: FolderType | str) -> None:
        kind = FolderType(type).value
        super().__init__(filename=filename, subfolder=subfolder, type=kind)

    @property
    def filename(self) -> str:
        """Name of the file."""
        return self["filename"]

    @property
    def subfolder(self) -> str:
        """Folder below the named one; may be empty."""
        return self["subfolder"]

    @property
    def type(self) -> FolderType:
        """Which folder it is below."""
        return FolderType(self["type"])


class _UIOutput:
    def as_dict(self) -> dict[str, Any]:
        """Return the ``ui`` dict of a node's result."""
        raise NotImplementedError


class SavedImages(_UIOutput):
    """Pictures that were saved."""

    def __init__(self, results: Sequence[SavedResult], is_animated: bool = False) -> None:
        self.results = list(results)
        self.is_animated = is_animated

    def as_dict(self) -> dict[str, Any]:
        """Return ``images``, and ``animated`` for moving ones."""
        shown: dict[str, Any] = {"images": self.results}
        return shown | {"animated": (True,)} if self.is_animated else shown


class SavedAudios(_UIOutput):
    """Sounds that were saved."""

    def __init__(self, results: Sequence[SavedResult]) -> None:
        self.results = list(results)

    def as_dict(self) -> dict[str, Any]:
        """Return ``audio``."""
        return {"audio": self.results}


class ImageSaveHelper:
    """Saves pictures the way the core nodes do."""

    @staticmethod
    def save_images(
        images: torch.Tensor,
        filename_prefix: str,
        folder_type: FolderType,
        cls: Any = None,
        compress_level: int = 4,
    ) -> list[SavedResult]:
        """Save ``(batch, height, width, channels)`` as PNG files, one a picture.

        Args:
            images: The pictures, 0 to 1.
            filename_prefix: Beginning of the names; ``%batch_num%`` becomes the number in
                the batch.
            folder_type: Which folder they go to.
            cls: The running node class, whose prompt and workflow are put into the files.
            compress_level: From 0 (fast) to 9 (small).
        """
        metadata = _png_metadata(cls)

        def encode(index: int) -> bytes:
            stream = streams.BytesIO()
            picture = to_picture(images[index])
            picture.save(stream, "PNG", pnginfo=metadata, compress_level=compress_level)
            return stream.getvalue()

        return [
            _claim(filename_prefix, folder_type, images[0].shape, index, ".png", encode(index))
            for index in range(len(images))
        ]

    @staticmethod
    def get_save_images_ui(
        images: torch.Tensor, filename_prefix: str, cls: Any = None, compress_level: int = 4
    ) -> SavedImages:
        """Save pictures in the output folder and return what the window shows."""
        saved = ImageSaveHelper.save_images(
            images, filename_prefix, FolderType.output, cls, compress_level
        )
        return SavedImages(saved)

    @staticmethod
    def save_animated_png(
        images: torch.Tensor,
        filename_prefix: str,
        folder_type: FolderType,
        cls: Any,
        fps: float,
        compress_level: int,
    ) -> SavedResult:
        """Save pictures as the frames of one moving PNG."""
        frames = [to_picture(image) for image in images]
        data = _encode_frames(
            frames, "PNG", fps, pnginfo=_png_metadata(cls), compress_level=compress_level
        )
        return _claim(filename_prefix, folder_type, images[0].shape, 0, ".png", data)

    @staticmethod
    def get_save_animated_png_ui(
        images: torch.Tensor, filename_prefix: str, cls: Any, fps: float, compress_level: int
    ) -> SavedImages:
        """Save a moving PNG in the output folder and return what the window shows."""
        saved = ImageSaveHelper.save_animated_png(
            images, filename_prefix, FolderType.output, cls, fps, compress_level
        )
        return SavedImages([saved], is_animated=len(images) > 1)

    @staticmethod
    def save_animated_webp(
        images: torch.Tensor,
        filename_prefix: str,
        folder_type: FolderType,
        cls: Any,
        fps: float,
        lossless: bool,
        quality: int,
        method: int,
    ) -> SavedResult:
        """Save pictures as the frames of one moving WebP."""
        frames = [to_picture(image) for image in images]
        data = _encode_frames(
            frames,
            "WEBP",
            fps,
            exif=_exif_metadata(frames[0], cls),
            lossless=lossless,
            quality=quality,
            method=method,
        )
        return _claim(filename_prefix, folder_type, images[0].shape, 0, ".webp", data)

    @staticmethod
    def get_save_animated_webp_ui(
        images: torch.Tensor,
        filename_prefix: str,
        cls: Any,
        fps: float,
        lossless: bool,
        quality: int,
        method: int,
    ) -> SavedImages:
        """Save a moving WebP in the output folder and return what the window shows."""
        saved = ImageSaveHelper.save_animated_webp(
            images, filename_prefix, FolderType.output, cls, fps, lossless, quality, method
        )
        return SavedImages([saved], is_animated=len(images) > 1)


class AudioSaveHelper:
    """Saves sounds; not supported here yet."""

    @staticmethod
    def save_audio(*arguments: Any, **options: Any) -> list[SavedResult]:
        """Say that sounds cannot be saved here yet."""
        raise NotSupportedHereError("comfy_api.latest.ui.AudioSaveHelper.save_audio")

    @staticmethod
    def get_save_audio_ui(*arguments: Any, **options: Any) -> SavedAudios:
        """Say that sounds cannot be saved here yet."""
        raise NotSupportedHereError("comfy_api.latest.ui.AudioSaveHelper.get_save_audio_ui")


class PreviewImage(_UIOutput):
    """Pictures ``(batch, height, width, channels)`` that are saved in the temp folder."""

    def __init__(
        self, image: torch.Tensor, animated: bool = False, cls: Any = None, **options: Any
    ) -> None:
        letters = "".join(random.choice(string.ascii_lowercase) for _ in range(5))
        self.values = ImageSaveHelper.save_images(
            image, f"ComfyUI_temp_{letters}", FolderType.temp, cls, compress_level=1
        )
        self.animated = animated

    def as_dict(self) -> dict[str, Any]:
        """Return ``images`` and ``animated``."""
        return {"images": self.values, "animated": (self.animated,)}


class PreviewMask(PreviewImage):
    """Masks ``(batch, height, width)`` that are saved in the temp folder as grey pictures."""

    def __init__(
        self, mask: torch.Tensor, animated: bool = False, cls: Any = None, **options: Any
    ) -> None:
        height, width = mask.shape[-2:]
        planes = mask.reshape(-1, height, width, 1)
        super().__init__(planes.expand(-1, -1, -1, 3), animated, cls, **options)


class PreviewAudio(_UIOutput):
    """A sound to listen to; not supported here yet."""

    def __init__(self, audio: Mapping[str, Any], cls: Any = None, **options: Any) -> None:
        raise NotSupportedHereError("comfy_api.latest.ui.PreviewAudio")


class PreviewVideo(_UIOutput):
    """Videos that were saved."""

    def __init__(self, values: Sequence[SavedResult], **options: Any) -> None:
        self.values = list(values)

    def as_dict(self) -> dict[str, Any]:
        """Return ``images`` and ``animated``."""
        return {"images": self.values, "animated": (True,)}


class PreviewUI3D(_UIOutput):
    """A 3D model to look at."""

    def __init__(self, model_file: Any, camera_info: Any, **options: Any) -> None:
        self.model_file = model_file
        self.camera_info = camera_info
        background = options.get("bg_image")
        self.bg_image_path: str | None = None
        if background is not None:
            shown = PreviewImage(background).values[0]
            self.bg_image_path = f"temp/{shown.filename}"

    def as_dict(self) -> dict[str, Any]:
        """Return ``result``."""
        return {"result": [self.model_file, self.camera_info, self.bg_image_path]}


class PreviewText(_UIOutput):
    """A text to read."""

    def __init__(self, value: str, **options: Any) -> None:
        self.value = value

    def as_dict(self) -> dict[str, Any]:
        """Return ``text``."""
        return {"text": (self.value,)}


def _texts(cls: Any) -> dict[str, str]:
    """Return the texts that go into a saved file: the prompt, and what came with it."""
    hidden = getattr(cls, "hidden", None)
    if hidden is None or args.disable_metadata:
        return {}
    found = {} if hidden.prompt is None else {"prompt": json.dumps(hidden.prompt)}
    extra = hidden.extra_pnginfo or {}
    return found | {key: json.dumps(value) for key, value in extra.items()}


def _png_metadata(cls: Any) -> PngInfo | None:
    texts = _texts(cls)
    if not texts:
        return None
    info = PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    return info


def _exif_metadata(picture: Image.Image, cls: Any) -> Image.Exif:
    exif = picture.getexif()
    # 0x0110 is Model and 0x010F is Make; the reference counts down from Make for the rest.
    for offset, (key, text) in enumerate(_texts(cls).items()):
        exif[0x0110 - offset] = f"{key}:{text}"
    return exif


def _encode_frames(frames: Sequence[Image.Image], kind: str, fps: float, **options: Any) -> bytes:
    stream = streams.BytesIO()
    frames[0].save(
        stream,
        kind,
        save_all=True,
        append_images=list(frames[1:]),
        duration=int(1000.0 / fps),
        **options,
    )
    return stream.getvalue()


def _claim(
    prefix: str,
    folder_type: FolderType,
    shape: Sequence[int],
    batch_number: int,
    ending: str,
    data: bytes,
) -> SavedResult:
    root = folder_paths.get_directory_by_type(FolderType(folder_type).value)
    folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
        prefix, root, shape[1], shape[0]
    )
    name = name.replace("%batch_num%", str(batch_number))
    while True:
        file = f"{name}_{counter:05}_{ending}"
        try:
            stream = claim_file(folder, file)
        except FileExistsError:
            counter += 1
            continue
        try:
            with stream:
                stream.write(data)
        except OSError:
            os.unlink(os.path.join(folder, file))
            raise
        return SavedResult(file, subfolder, folder_type)
