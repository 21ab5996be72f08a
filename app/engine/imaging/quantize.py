"""Reduce the number of colours (rule D-242)."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

DITHER_METHODS = ("none", "floyd-steinberg", "bayer-2", "bayer-4", "bayer-8", "bayer-16")
"""Ways of :func:`quantize` to hide the steps between colours."""


def quantize(image: torch.Tensor, colors: int, dither: str) -> torch.Tensor:
    """Paint each picture with its own best palette.

    Args:
        image: ``(batch, height, width, 3)``; further channels are left out.
        colors: Size of the palette, 1 to 256.
        dither: One of :data:`DITHER_METHODS`.

    Returns:
        ``(batch, height, width, 3)`` float32 on the CPU.

    Raises:
        ValueError: The palette size or the way of dithering is not possible.
    """
    if not 1 <= colors <= 256:
        raise ValueError(f"The number of colors must be from 1 to 256, got {colors}.")
    if dither not in DITHER_METHODS:
        raise ValueError(f'Unknown dithering "{dither}"; known are {", ".join(DITHER_METHODS)}.')
    pixels = (image[..., :3].float().cpu().clamp(0, 1) * 255).to(torch.uint8).numpy()
    done = [_quantize_one(item, colors, dither) for item in pixels]
    return torch.from_numpy(np.stack(done).astype(np.float32) / 255.0)


def _quantize_one(pixels: np.ndarray, colors: int, dither: str) -> np.ndarray:
    picture = Image.fromarray(pixels)
    palette = picture.quantize(colors=colors)
    if dither.startswith("bayer-"):
        order = int(dither.removeprefix("bayer-"))
        picture = _add_bayer(pixels, len(palette.getpalette() or ()) // 3, order)
    way = Image.Dither.FLOYDSTEINBERG if dither == "floyd-steinberg" else Image.Dither.NONE
    return np.asarray(picture.quantize(palette=palette, dither=way).convert("RGB"))


def _add_bayer(pixels: np.ndarray, colors: int, order: int) -> Image.Image:
    """Add the threshold matrix of side ``order``, scaled to the distance of two colours."""
    height, width = pixels.shape[:2]
    matrix = 2 * 256 / max(colors, 1) * bayer_matrix(order) + 0.5
    tiled = np.tile(matrix, (-(-height // order), -(-width // order)))[:height, :width, None]
    return Image.fromarray((pixels.astype(np.float32) + tiled).clip(0, 255).astype(np.uint8))


def bayer_matrix(order: int) -> np.ndarray:
    """Return the ordered-dithering matrix of side ``order`` (a power of two), around 0.

    Source: Bayer 1973, in the recursive form of rule D-242.
    """
    matrix = np.zeros((1, 1), dtype=np.float32)
    cells = 1
    while matrix.shape[0] < order:
        cells *= 4
        scaled = cells * matrix
        matrix = (
            np.block([[scaled - 1.5, scaled + 0.5], [scaled + 1.5, scaled - 0.5]]) / cells
        ).astype(np.float32)
    return matrix
