"""The vector conditions of SDXL: sizes and crops as waves (D-158)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from app.engine.models.unet_blocks import timestep_embedding

WAVE_WIDTH: Final = 256


def size_vector(pooled: torch.Tensor, numbers: Sequence[float]) -> torch.Tensor:
    """Return ``(batch, pooled width + 256 * numbers)``."""
    waves = timestep_embedding(torch.tensor([float(number) for number in numbers]), WAVE_WIDTH)
    flat = waves.flatten()[None].to(pooled.device)
    return torch.cat([pooled, flat.expand(pooled.shape[0], -1)], dim=1)


def pooled_vector(values: Mapping[str, Any]) -> torch.Tensor | None:
    """Return the pooled text as it is, or None without one."""
    pooled: torch.Tensor | None = values.get("pooled_output")
    return pooled


def sdxl_vector(values: Mapping[str, Any]) -> torch.Tensor | None:
    """Return the vector condition of SDXL, or None without a pooled text."""
    pooled = values.get("pooled_output")
    if pooled is None:
        return None
    width, height = values.get("width", 768), values.get("height", 768)
    return size_vector(
        pooled,
        (
            height,
            width,
            values.get("crop_h", 0),
            values.get("crop_w", 0),
            values.get("target_height", height),
            values.get("target_width", width),
        ),
    )


def refiner_vector(values: Mapping[str, Any]) -> torch.Tensor | None:
    """Return the vector condition of the SDXL refiner, or None without a pooled text."""
    pooled = values.get("pooled_output")
    if pooled is None:
        return None
    negative = values.get("prompt_type", "") == "negative"
    return size_vector(
        pooled,
        (
            values.get("height", 768),
            values.get("width", 768),
            values.get("crop_h", 0),
            values.get("crop_w", 0),
            values.get("aesthetic_score", 2.5 if negative else 6),
        ),
    )
