"""Short ways to declare the inputs that many nodes have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Option = tuple[Any, dict[str, Any]]
"""Type and options of an input, as ``INPUT_TYPES`` gives them."""

MODEL: Option = ("MODEL", {"tooltip": "The model to change."})
CLIP: Option = ("CLIP", {"tooltip": "The text encoder to change."})


def number(
    default: float,
    minimum: float,
    maximum: float,
    step: float,
    tooltip: str,
    **more: Any,
) -> Option:
    """Return an input for a number with a point."""
    options = {"default": default, "min": minimum, "max": maximum, "step": step, **more}
    return ("FLOAT", {**options, "tooltip": tooltip})


def whole(
    default: int, minimum: int, maximum: int, tooltip: str, step: int | None = None, **more: Any
) -> Option:
    """Return an input for a whole number."""
    options: dict[str, Any] = {"default": default, "min": minimum, "max": maximum, **more}
    if step is not None:
        options["step"] = step
    return ("INT", {**options, "tooltip": tooltip})


def switch(default: bool, tooltip: str) -> Option:
    """Return an input that is on or off."""
    return ("BOOLEAN", {"default": default, "tooltip": tooltip})


def choice(options: Sequence[str], tooltip: str, **more: Any) -> Option:
    """Return an input that offers a menu."""
    return (list(options), {**more, "tooltip": tooltip})


def plug(kind: str, tooltip: str) -> Option:
    """Return an input that only a link can fill."""
    return (kind, {"tooltip": tooltip})
