"""Blur what a model looks at most, to guide away from it.

Source: Hong et al. 2022, "Improving Sample Quality of Diffusion Models Using Self-Attention
Guidance" (arXiv:2210.00939).
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name

from app.engine.models.attention import optimized_attention

SMALLEST_SIDE: Final = 4
"""Latents with a side of so many cells or fewer are left alone."""

_BLUR_SIZE: Final = 9
_NEGATIVE: Final = 1
"""Number of the negative prompt among the lists of a step."""


class AttentionRecorder:
    """Stands for a self-attention and keeps how the negative prompt's cells look at each other.

    Attributes:
        scores: ``(items, heads, cells, cells)`` of the last call, or None.
        grid: Rows and columns of the cells.
    """

    def __init__(self) -> None:
        self.scores: torch.Tensor | None = None
        self.grid = (0, 0)

    def __call__(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, extra: dict[str, Any]
    ) -> torch.Tensor:
        """Return what the attention gives; the name and order are those of hooks."""
        heads = extra["n_heads"]
        roles = extra["cond_or_uncond"]
        if _NEGATIVE not in roles:
            return optimized_attention(q, k, v, heads, attn_precision=extra["attn_precision"])
        items = q.shape[0] // len(roles)
        q, k, v = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (q, k, v))
        scores = torch.softmax(
            q.float() @ k.float().transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1
        )
        first = roles.index(_NEGATIVE) * items
        self.scores = scores[first : first + items]
        height, width = extra["activations_shape"][-2:]
        self.grid = (height, width)
        return (scores.to(v.dtype) @ v).transpose(1, 2).flatten(2)


def blur_attended(
    latent: torch.Tensor,
    scores: torch.Tensor,
    grid: tuple[int, int],
    blur: float,
    threshold: float = 1.0,
) -> torch.Tensor:
    """Return a latent that is blurred where the model looks more than on average.

    Args:
        latent: ``(items, channels, height, width)``.
        scores: From :class:`AttentionRecorder`.
        grid: Rows and columns of the scores' cells.
        blur: Radius in latent cells; 0 changes nothing.
        threshold: Looks that a cell must get, in units of the average.
    """
    looked_at = scores.mean(dim=1).sum(dim=1) > threshold
    mask = looked_at.reshape(-1, 1, *grid).to(latent.dtype)
    mask = F.interpolate(mask, size=latent.shape[2:], mode="nearest")
    return gaussian_blur(latent, blur) * mask + latent * (1.0 - mask)


def gaussian_blur(latent: torch.Tensor, sigma: float, size: int = _BLUR_SIZE) -> torch.Tensor:
    """Return ``(batch, channels, height, width)`` blurred, with mirrored borders.

    Args:
        latent: Each side longer than half of ``size``.
        sigma: Radius in cells; 0 changes nothing.
        size: Side of the kernel, odd.
    """
    if sigma <= 0:
        return latent
    place = torch.arange(size, dtype=torch.float32) - (size - 1) / 2
    line = torch.exp(-0.5 * (place / sigma) ** 2)
    line = (line / line.sum()).to(latent)
    channels = latent.shape[1]
    kernel = torch.outer(line, line).expand(channels, 1, size, size)
    half = size // 2
    padded = F.pad(latent, (half, half, half, half), mode="reflect")
    return F.conv2d(padded, kernel, groups=channels)
