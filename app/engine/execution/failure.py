"""Telling an artist what went wrong in a node (E-350, E-915)."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import Any

MAX_TEXT = 1000
"""Longest description of one value, in characters."""

_MAX_ITEMS = 16
_MAX_FRAMES = 60
_MAX_MEASURED = 1 << 24

OUT_OF_MEMORY_TIP = (
    "There was not enough memory for this. Models were unloaded; try a smaller picture or "
    "batch, a tiled decoder, or close other programs, and run again."
)


NOT_ENOUGH_MEMORY = "There is not enough memory for "
"""How an error begins that says by itself what to do."""


def error_type(error: BaseException) -> str:
    """Return the qualified class name of an error; built-in ones are bare."""
    kind = type(error)
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"


def error_text(error: BaseException) -> str:
    """Return the text of an error, even when its own ``__str__`` fails."""
    try:
        return str(error)
    except BaseException as failure:  # noqa: BLE001 - third-party code; nothing may escape
        return f"(its text cannot be shown: {type(failure).__name__} in __str__)"


def error_frames(error: BaseException) -> list[str]:
    """Return the formatted frames of an error, without the engine's own in front."""
    trace = error.__traceback__
    node = _skip_engine(trace)
    try:
        frames = traceback.format_tb(node if node is not None else trace)
    except BaseException as failure:  # noqa: BLE001 - reading source lines runs loaders of packs
        return [f"(the traceback cannot be shown: {type(failure).__name__})\n"]
    if len(frames) > _MAX_FRAMES:
        left_out = len(frames) - _MAX_FRAMES
        half = _MAX_FRAMES // 2
        frames[half:-half] = [f"  ... {left_out} more frames ...\n"]
    return frames


def _skip_engine(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if not str(module).startswith("app.engine.execution."):
            return trace
        trace = trace.tb_next
    return None


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, on the machine or an accelerator."""
    if isinstance(error, MemoryError):
        return True
    torch = sys.modules.get("torch")
    kind = getattr(torch, "OutOfMemoryError", None)
    if kind is not None and isinstance(error, kind):
        return True
    # torch reports a failed allocation on the CPU as a plain RuntimeError.
    text = error_text(error) if isinstance(error, RuntimeError) else ""
    return "not enough memory" in text or "can't allocate memory" in text


def describe_value(value: Any, _depth: int = 0) -> Any:
    """Return a value in a form that is safe and short enough for a report.

    Numbers, booleans and None stay as they are, texts are cut at 1,000 characters, tensors
    become ``Tensor(shape, dtype, device, min..max)``, containers are shown to a depth of
    three, and anything else by its own text.
    """
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 256 else f"(an integer of {value.bit_length()} bits)"
    if isinstance(value, str):
        return _cut(str.__str__(value))
    try:
        return _cut(_describe_object(value, _depth))
    except BaseException as failure:  # noqa: BLE001 - third-party __str__; nothing may escape
        return f"({type(value).__name__} that cannot be shown: {type(failure).__name__})"


def _describe_object(value: Any, depth: int) -> str:
    if _is_tensor(value):
        return _describe_tensor(value)
    if type(value) in (list, tuple, dict):
        return _describe_container(value, depth)
    return str(value)


def _describe_container(value: Any, depth: int) -> str:
    if depth >= 3:
        return f"{type(value).__name__} of {len(value)}"
    more = ", ..." if len(value) > _MAX_ITEMS else ""
    if isinstance(value, dict):
        shown = list(value.items())[:_MAX_ITEMS]
        pairs = (f"{_inner(key, depth)}: {_inner(item, depth)}" for key, item in shown)
        return "{" + ", ".join(pairs) + more + "}"
    inside = ", ".join(_inner(item, depth) for item in value[:_MAX_ITEMS]) + more
    if isinstance(value, list):
        return f"[{inside}]"
    return f"({inside},)" if len(value) == 1 else f"({inside})"


def _inner(value: Any, depth: int) -> str:
    described = describe_value(value, depth + 1)
    return repr(described) if isinstance(value, str) else str(described)


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def _describe_tensor(tensor: Any) -> str:
    shape = "x".join(str(size) for size in tensor.shape) or "scalar"
    dtype = str(tensor.dtype).removeprefix("torch.")
    text = f"Tensor({shape}, {dtype}, {tensor.device}"
    if 0 < tensor.numel() <= _MAX_MEASURED and tensor.device.type == "cpu":
        low, high = tensor.min().item(), tensor.max().item()
        text += f", {low:.6g}..{high:.6g}"
    return text + ")"


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def describe_inputs(arguments: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the ``current_inputs`` of an error report: descriptions by input name."""
    described = {}
    for name, values in arguments.items():
        shown = [describe_value(value) for value in values[:_MAX_ITEMS]]
        if len(values) > _MAX_ITEMS:
            shown.append(f"... {len(values) - _MAX_ITEMS} more")
        described[name] = shown
    return described
