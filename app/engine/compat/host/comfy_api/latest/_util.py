"""``Types`` of ``comfy_api.latest``: small values that video and 3D nodes pass around."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import torch

__all__ = ["MESH", "VOXEL", "VideoCodec", "VideoComponents", "VideoContainer"]


class VideoCodec(StrEnum):
    """How a video is compressed."""

    AUTO = "auto"
    H264 = "h264"

    @classmethod
    def as_input(cls) -> list[str]:
        """Return the names for a combo."""
        return [member.value for member in cls]


class VideoContainer(StrEnum):
    """The kind of file a video is put in."""

    AUTO = "auto"
    MP4 = "mp4"

    @classmethod
    def as_input(cls) -> list[str]:
        """Return the names for a combo."""
        return [member.value for member in cls]

    @classmethod
    def get_extension(cls, value: str) -> str:
        """Return the file ending, without the dot."""
        return "mp4" if cls(value) in (cls.MP4, cls.AUTO) else ""


@dataclass
class VideoComponents:
    """A video taken apart.

    Attributes:
        images: ``(frames, height, width, 3)``, 0 to 1.
        frame_rate: Frames a second.
        audio: ``{"waveform", "sample_rate"}``, or None.
        metadata: Texts of the file, or None.
    """

    images: torch.Tensor
    frame_rate: Fraction
    audio: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class VOXEL:
    """A voxel grid: ``data`` of ``(batch, depth, height, width)``."""

    def __init__(self, data: torch.Tensor) -> None:
        self.data = data


class MESH:
    """A mesh: ``vertices`` of ``(batch, points, 3)``, ``faces`` of ``(batch, faces, 3)``."""

    def __init__(self, vertices: torch.Tensor, faces: torch.Tensor) -> None:
        self.vertices = vertices
        self.faces = faces
