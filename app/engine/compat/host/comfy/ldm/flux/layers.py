"""``comfy.ldm.flux.layers``: layers of the Flux transformer."""

from __future__ import annotations

import torch

from app.engine.models import unet_blocks

__all__ = ["timestep_embedding"]


def timestep_embedding(
    t: torch.Tensor, dim: int, max_period: float = 10000, time_factor: float = 1000.0
) -> torch.Tensor:
    """Return ``(batch, dim)``: cosines, then sines, of falling frequencies of ``t`` 0..1."""
    waves = unet_blocks.timestep_embedding(t.float() * time_factor, dim, max_period)
    return waves.to(t) if t.is_floating_point() else waves
