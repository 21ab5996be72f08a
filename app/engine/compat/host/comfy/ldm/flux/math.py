"""``comfy.ldm.flux.math``: places of tokens as rotations of pairs of channels."""

from __future__ import annotations

from typing import Any

import torch
from comfy.ldm.modules import attention as _attention

__all__ = ["apply_rope", "attention", "rope"]


def rope(pos: torch.Tensor, dim: int, theta: int) -> torch.Tensor:
    """Return the rotations of places.

    Args:
        pos: Places ``(..., tokens)``.
        dim: Channels, even.
        theta: Base of the falling frequencies (Su et al. 2021, arXiv:2104.09864).

    Returns:
        Matrices ``(..., tokens, dim / 2, 2, 2)``, float32.
    """
    exponents = torch.arange(0, dim, 2, dtype=torch.float64, device=pos.device) / dim
    angles = pos.double()[..., None] / theta**exponents
    rows = torch.stack([angles.cos(), -angles.sin(), angles.sin(), angles.cos()], dim=-1)
    return rows.reshape(*rows.shape[:-1], 2, 2).float()


def _turned(x: torch.Tensor, freqs_cis: torch.Tensor) -> torch.Tensor:
    pairs = x.to(freqs_cis.dtype).reshape(*x.shape[:-1], -1, 1, 2)
    turned = freqs_cis[..., 0] * pairs[..., 0] + freqs_cis[..., 1] * pairs[..., 1]
    return turned.reshape(x.shape).type_as(x)


def apply_rope(
    xq: torch.Tensor, xk: torch.Tensor, freqs_cis: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn queries and keys ``(batch, heads, tokens, channels)`` by their places."""
    return _turned(xq, freqs_cis), _turned(xk, freqs_cis)


def attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    pe: torch.Tensor | None,
    mask: torch.Tensor | None = None,
    transformer_options: dict[str, Any] | None = None,
) -> torch.Tensor:
    """Attend with places; heads are an axis of their own, and joined in the result."""
    if pe is not None:
        q, k = apply_rope(q, k, pe)
    result: torch.Tensor = _attention.optimized_attention(
        q, k, v, q.shape[1], mask=mask, skip_reshape=True,
        transformer_options=transformer_options or {},
    )  # fmt: skip
    return result
