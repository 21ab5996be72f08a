"""Grow and shrink bright areas with a square brush."""

from __future__ import annotations

import torch
from torch.nn import functional

MORPHOLOGY_OPERATIONS = ("erode", "dilate", "open", "close", "gradient", "bottom_hat", "top_hat")
"""Operations of :func:`morph`."""


def dilate(samples: torch.Tensor, size: int) -> torch.Tensor:
    """Give each pixel the brightest value under a square of ``size`` px around it.

    Args:
        samples: ``(batch, channels, height, width)``; what lies outside is left out.
        size: Side of the square. An even square reaches one pixel farther up and left.
    """
    before, after = size // 2, size - 1 - size // 2
    wide = functional.pad(samples, (before, after, 0, 0), value=-torch.inf)
    wide = functional.max_pool2d(wide, (1, size), stride=1)
    tall = functional.pad(wide, (0, 0, before, after), value=-torch.inf)
    return functional.max_pool2d(tall, (size, 1), stride=1)


def erode(samples: torch.Tensor, size: int) -> torch.Tensor:
    """Give each pixel the darkest value under the square; see :func:`dilate`."""
    return -dilate(-samples, size)


def morph(samples: torch.Tensor, operation: str, size: int) -> torch.Tensor:
    """Apply one of :data:`MORPHOLOGY_OPERATIONS` with a square of ``size`` px.

    Raises:
        ValueError: The operation is unknown or ``size`` is below 1.
    """
    if size < 1:
        raise ValueError(f"The kernel size must be at least 1, got {size}.")
    if operation == "erode":
        return erode(samples, size)
    if operation == "dilate":
        return dilate(samples, size)
    if operation == "open":
        return dilate(erode(samples, size), size)
    if operation == "close":
        return erode(dilate(samples, size), size)
    if operation == "gradient":
        return dilate(samples, size) - erode(samples, size)
    if operation == "top_hat":
        return samples - dilate(erode(samples, size), size)
    if operation == "bottom_hat":
        return erode(dilate(samples, size), size) - samples
    raise ValueError(
        f'Unknown operation "{operation}"; known are {", ".join(MORPHOLOGY_OPERATIONS)}.'
    )
