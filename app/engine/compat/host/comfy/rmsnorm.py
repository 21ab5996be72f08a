"""``comfy.rmsnorm``: normalising by the root of the mean square."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["RMSNorm", "rms_norm"]

RMSNorm = nn.RMSNorm


def rms_norm(
    x: torch.Tensor, weight: torch.Tensor | None = None, eps: float | None = 1e-6
) -> torch.Tensor:
    """Divide the last axis by the root of its mean square, and scale it by ``weight``."""
    own = None if weight is None else weight.to(x)
    return F.rms_norm(x, (x.shape[-1],), own, eps)
