"""``comfy.ldm.modules.diffusionmodules.openaimodel``: the UNet and its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from app.engine.models.unet import UNetModel
from app.engine.models.unet import add_control as apply_control
from app.engine.models.unet_blocks import (
    Downsample,
    ResBlock,
    SpatialTransformer,
    TimestepEmbedSequential,
    Upsample,
    timestep_embedding,
)

__all__ = [
    "Downsample",
    "ResBlock",
    "SpatialTransformer",
    "TimestepBlock",
    "TimestepEmbedSequential",
    "UNetModel",
    "Upsample",
    "apply_control",
    "forward_timestep_embed",
    "timestep_embedding",
]

TimestepBlock = ResBlock
"""Layers that take the time's vector; there is one kind here."""


def forward_timestep_embed(
    ts: nn.Sequential,
    x: torch.Tensor,
    emb: torch.Tensor,
    context: Any = None,
    transformer_options: dict[str, Any] | None = None,
    output_shape: Sequence[int] | None = None,
    time_context: Any = None,
    num_video_frames: int | None = None,
    image_only_indicator: Any = None,
) -> torch.Tensor:
    """Run layers in a row, each given what its kind needs."""
    layers = ts if isinstance(ts, TimestepEmbedSequential) else TimestepEmbedSequential(*ts)
    result: torch.Tensor = layers(x, emb, context, transformer_options, output_shape)
    return result
