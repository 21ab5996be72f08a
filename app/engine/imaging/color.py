"""Colour spaces."""

from __future__ import annotations

import torch


def rgb_to_ycbcr(image: torch.Tensor) -> torch.Tensor:
    """Split ``(..., 3)`` colour into brightness and two colour differences around 0.5.

    Source: ITU-R BT.601 with full range.
    """
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, (blue - luma) * 0.564 + 0.5, (red - luma) * 0.713 + 0.5], dim=-1)


def ycbcr_to_rgb(planes: torch.Tensor) -> torch.Tensor:
    """Undo :func:`rgb_to_ycbcr`, up to the three digits of the standard's factors."""
    luma, blue, red = planes[..., 0], planes[..., 1] - 0.5, planes[..., 2] - 0.5
    return torch.stack(
        [luma + 1.403 * red, luma - 0.714 * red - 0.344 * blue, luma + 1.773 * blue], dim=-1
    )


def srgb_to_linear(values: torch.Tensor) -> torch.Tensor:
    """Turn screen values (sRGB, 0..1) into amounts of light."""
    return torch.where(
        values <= 0.04045, values / 12.92, ((values.clamp(min=0) + 0.055) / 1.055) ** 2.4
    )


def linear_to_srgb(values: torch.Tensor) -> torch.Tensor:
    """Turn amounts of light (0..1) into screen values."""
    return torch.where(
        values <= 0.0031308, values * 12.92, 1.055 * values.clamp(min=0) ** (1 / 2.4) - 0.055
    )
