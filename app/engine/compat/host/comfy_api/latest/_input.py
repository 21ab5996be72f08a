"""``Input`` of ``comfy_api.latest``: what the values on links are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TypedDict

import torch

__all__ = ["AudioInput", "ImageInput", "LatentInput", "MaskInput", "VideoInput"]

ImageInput = torch.Tensor
MaskInput = torch.Tensor


class AudioInput(TypedDict):
    """A sound: ``(batch, channels, samples)`` and samples a second."""

    waveform: torch.Tensor
    sample_rate: int


class LatentInput(TypedDict, total=False):
    """A latent."""

    samples: torch.Tensor
    noise_mask: torch.Tensor | None
    batch_index: list[int] | None


class VideoInput(ABC):
    """A video, wherever it comes from."""

    @abstractmethod
    def get_components(self) -> Any:
        """Return the video taken apart."""

    @abstractmethod
    def save_to(self, path: Any, **options: Any) -> None:
        """Write the video into a file."""

    def get_stream_source(self) -> Any:
        """Return a path, or a stream to read from."""
        import io

        buffer = io.BytesIO()
        self.save_to(buffer)
        buffer.seek(0)
        return buffer

    def get_dimensions(self) -> tuple[int, int]:
        """Return width and height in px."""
        images = self.get_components().images
        return int(images.shape[2]), int(images.shape[1])

    def get_duration(self) -> float:
        """Return the length in seconds."""
        parts = self.get_components()
        return float(parts.images.shape[0] / parts.frame_rate)

    def get_frame_count(self) -> int:
        """Return the number of frames."""
        return int(self.get_components().images.shape[0])

    def get_frame_rate(self) -> Any:
        """Return frames a second."""
        return self.get_components().frame_rate
