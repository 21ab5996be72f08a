"""The three names of torchvision that spandrel imports, for machines without torchvision.

torchvision is left out on purpose: it would pull another build of torch. The stand-in is in
``sys.modules`` only while spandrel is imported, so nobody takes it for the real package.
"""

from __future__ import annotations

import contextlib
import enum
import importlib.util
import math
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name

_NAMES = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


class InterpolationMode(enum.Enum):
    """How pixels between pixels are found."""

    NEAREST = "nearest"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"


def normalize(
    tensor: torch.Tensor, mean: Sequence[float], std: Sequence[float], inplace: bool = False
) -> torch.Tensor:
    """Return ``(tensor - mean) / std`` of ``(..., channels, height, width)``."""
    shape = (-1, 1, 1)
    means = torch.as_tensor(mean, dtype=tensor.dtype, device=tensor.device).reshape(shape)
    spreads = torch.as_tensor(std, dtype=tensor.dtype, device=tensor.device).reshape(shape)
    if inplace:
        return tensor.sub_(means).div_(spreads)
    return (tensor - means) / spreads


def rotate(
    img: torch.Tensor,
    angle: float | torch.Tensor,
    interpolation: InterpolationMode = InterpolationMode.NEAREST,
    fill: float = 0,
) -> torch.Tensor:
    """Turn ``(batch, channels, height, width)`` about its middle, in the same size.

    Args:
        img: The pictures.
        angle: Degrees against the clock.
        interpolation: How pixels between pixels are found.
        fill: Value of what was outside.
    """
    height, width = img.shape[-2:]
    turn = math.radians(float(angle))
    rows = torch.arange(height, dtype=img.dtype, device=img.device) - (height - 1) / 2
    columns = torch.arange(width, dtype=img.dtype, device=img.device) - (width - 1) / 2
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    source_x = math.cos(turn) * x - math.sin(turn) * y
    source_y = math.sin(turn) * x + math.cos(turn) * y
    halves = (max(width - 1, 1) / 2, max(height - 1, 1) / 2)
    grid = torch.stack([source_x / halves[0], source_y / halves[1]], dim=-1)
    grid = grid.expand(img.shape[0], -1, -1, -1)
    turned = F.grid_sample(img - fill, grid, mode=interpolation.value, align_corners=True)
    return turned + fill


@contextlib.contextmanager
def torchvision_stand_in() -> Iterator[None]:
    """Put the stand-in where ``import torchvision`` looks, unless torchvision is installed."""
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision") is not None:
        yield
        return
    package, transforms, functional = (ModuleType(name) for name in _NAMES)
    functional.__dict__.update(
        InterpolationMode=InterpolationMode, normalize=normalize, rotate=rotate
    )
    transforms.__dict__.update(functional=functional, InterpolationMode=InterpolationMode)
    package.__dict__.update(transforms=transforms)
    sys.modules.update(zip(_NAMES, (package, transforms, functional), strict=True))
    try:
        yield
    finally:
        for name in _NAMES:
            sys.modules.pop(name, None)
