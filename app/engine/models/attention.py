"""The one attention function that every network calls."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name

from app.engine.models.replaceable import replaceable


@replaceable("attention")
def optimized_attention(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    heads: int,
    mask: torch.Tensor | None = None,
    attn_precision: torch.dtype | None = None,
    skip_reshape: bool = False,
    skip_output_reshape: bool = False,
    **kwargs: Any,
) -> torch.Tensor:
    """Scaled dot-product attention.

    Args:
        q: Queries ``(batch, tokens, heads * size)``, or ``(batch, heads, tokens, size)`` with
            ``skip_reshape``.
        k: Keys, as many batch items as ``q``.
        v: Values, as many tokens as ``k``.
        heads: Number of heads.
        mask: Added to the scores, or False where a key is hidden; ``(tokens, keys)`` with any
            leading axes that broadcast.
        attn_precision: Type to compute the scores in, or None for that of ``q``.
        skip_reshape: Whether the heads are an axis of their own already.
        skip_output_reshape: Whether the result keeps them so.
        kwargs: ``transformer_options`` may hold ``optimized_attention_override``, which is
            called with this function and all arguments.

    Returns:
        ``(batch, tokens, heads * size)``, or ``(batch, heads, tokens, size)``.
    """
    options = kwargs.get("transformer_options") or {}
    override = options.get("optimized_attention_override")
    if override is not None and not kwargs.get("_inside_override"):
        return override(  # type: ignore[no-any-return]  # a pack's own function
            optimized_attention, q, k, v, heads, mask=mask, attn_precision=attn_precision,
            skip_reshape=skip_reshape, skip_output_reshape=skip_output_reshape,
            _inside_override=True, **kwargs,
        )  # fmt: skip
    if not skip_reshape:
        q, k, v = (part.reshape(*part.shape[:2], heads, -1).transpose(1, 2) for part in (q, k, v))
    kind = v.dtype
    if attn_precision is not None and attn_precision != q.dtype:
        q, k, v = (part.to(attn_precision) for part in (q, k, v))
    if mask is not None:
        while mask.ndim < 4:
            mask = mask.unsqueeze(0 if mask.ndim == 2 else 1)
        if mask.dtype != torch.bool:
            mask = mask.to(q.dtype)
    result = F.scaled_dot_product_attention(q, k, v, attn_mask=mask).to(kind)
    if skip_output_reshape:
        return result
    return result.transpose(1, 2).flatten(2)
