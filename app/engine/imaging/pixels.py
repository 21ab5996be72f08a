"""Between float pictures and eight-bit pixels."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image


def to_uint8(values: torch.Tensor) -> np.ndarray:
    """Return ``255 * values``, cut to 0..255 and without rounding (rule D-178)."""
    scaled = 255.0 * values.detach().float().cpu().numpy()
    return np.clip(scaled, 0, 255).astype(np.uint8)


def to_picture(image: torch.Tensor) -> Image.Image:
    """Turn one ``(height, width, channels)`` picture into a Pillow image.

    Raises:
        ValueError: The picture has neither 1, 3 nor 4 channels.
    """
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4):
        raise ValueError(
            f"A picture needs 1, 3 or 4 channels, but this one has the shape {tuple(image.shape)}."
        )
    pixels = to_uint8(image)
    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def from_picture(picture: Image.Image) -> torch.Tensor:
    """Turn a Pillow image of mode L, RGB or RGBA into ``(height, width, channels)`` float32."""
    pixels = np.asarray(picture).astype(np.float32) / 255.0
    return torch.from_numpy(pixels[..., None] if pixels.ndim == 2 else pixels)
