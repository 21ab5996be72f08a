"""``comfy.ldm.util``: small helpers of networks."""

from __future__ import annotations

from typing import Any

__all__ = ["default", "exists"]


def exists(x: Any) -> bool:
    """Tell whether a value is not None."""
    return x is not None


def default(val: Any, d: Any) -> Any:
    """Return a value, or ``d`` (called, when it is a function) where it is None."""
    if val is not None:
        return val
    return d() if callable(d) and not isinstance(d, type) else d
