"""``comfy.ldm.common_dit``: what transformer networks share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from comfy.rmsnorm import rms_norm

__all__ = ["pad_to_patch_size", "rms_norm"]


def pad_to_patch_size(
    img: torch.Tensor, patch_size: Sequence[int] = (2, 2), padding_mode: str = "circular"
) -> torch.Tensor:
    """Extend the last axes of ``(batch, channels, ...)`` to multiples of a patch's sides."""
    padding: list[int] = []
    for side, patch in zip(reversed(img.shape[2:]), reversed(patch_size), strict=True):
        padding += [0, (patch - side % patch) % patch]
    return F.pad(img, padding, mode=padding_mode) if any(padding) else img
