"""``comfy.ldm.modules.attention``: attention, and the blocks around it.

There is one function for attention here; the names of others lead to it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch

from app.engine.models import attention as _attention
from app.engine.models.unet_blocks import (
    BasicTransformerBlock,
    CrossAttention,
    FeedForward,
    SpatialTransformer,
)
from app.engine.models.unet_blocks import GatedGelu as GEGLU

__all__ = [
    "GEGLU",
    "BasicTransformerBlock",
    "CrossAttention",
    "FeedForward",
    "SpatialTransformer",
    "attention_basic",
    "attention_flash",
    "attention_pytorch",
    "attention_sage",
    "attention_split",
    "attention_sub_quad",
    "attention_xformers",
    "default",
    "exists",
    "optimized_attention",
    "optimized_attention_for_device",
    "optimized_attention_masked",
    "wrap_attn",
]

_ATTN_PRECISION = "fp32"

# What networks call looks here first; what packs get never looks back.
optimized_attention: Any = _attention.optimized_attention.__wrapped__  # type: ignore[attr-defined]

optimized_attention_masked = optimized_attention
attention_basic = optimized_attention
attention_flash = optimized_attention
attention_pytorch = optimized_attention
attention_sage = optimized_attention
attention_split = optimized_attention
attention_sub_quad = optimized_attention
attention_xformers = optimized_attention


def optimized_attention_for_device(
    device: torch.device, mask: bool = False, small_input: bool = False
) -> Callable[..., torch.Tensor]:
    """Return the function for attention on a device."""
    attend: Callable[..., torch.Tensor] = optimized_attention
    return attend


def wrap_attn(func: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``optimized_attention_override`` of transformer options replace a function."""

    @functools.wraps(func)
    def attend(*args: Any, **kwargs: Any) -> Any:
        options = kwargs.get("transformer_options") or {}
        override = options.get("optimized_attention_override")
        if override is None or kwargs.pop("_inside_attn_wrapper", False):
            return func(*args, **kwargs)
        return override(func, *args, **{**kwargs, "_inside_attn_wrapper": True})

    return attend


def exists(val: Any) -> bool:
    """Tell whether a value is not None."""
    return val is not None


def default(val: Any, d: Any) -> Any:
    """Return a value, or ``d`` where it is None."""
    return d if val is None else val
