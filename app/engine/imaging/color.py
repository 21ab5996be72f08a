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


def grade(
    image: torch.Tensor,
    exposure: float = 0.0,
    contrast: float = 1.0,
    saturation: float = 1.0,
    warmth: float = 0.0,
) -> torch.Tensor:
    """Correct the light and colour of ``(..., 3)`` screen values.

    Exposure and warmth act on amounts of light, as in a camera; contrast turns around middle
    grey and saturation around the brightness of each pixel.

    Args:
        image: Values 0..1.
        exposure: In stops; 1 doubles the light.
        contrast: 1 changes nothing, 0 leaves middle grey.
        saturation: 1 changes nothing, 0 leaves grey.
        warmth: -1 (blue) to 1 (orange); brightness stays about the same.

    Returns:
        Values cut to 0..1.
    """
    gains = torch.tensor([1.0 + 0.22 * warmth, 1.0, 1.0 - 0.3 * warmth]).to(image)
    light = srgb_to_linear(image) * (gains * 2.0**exposure)
    screen = linear_to_srgb(light)
    screen = (screen - 0.5) * contrast + 0.5
    weights = torch.tensor([0.299, 0.587, 0.114]).to(image)
    luma = (screen * weights).sum(dim=-1, keepdim=True)
    return (luma + (screen - luma) * saturation).clamp(0, 1)
