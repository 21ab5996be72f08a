"""``node_helpers`` as packs know it: small helpers that many nodes share."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import torch
from PIL import ImageFile, UnidentifiedImageError

Result = TypeVar("Result")


def conditioning_set_values(
    conditioning: Iterable[Any], values: dict[str, Any] | None = None, append: bool = False
) -> list[list[Any]]:
    """Return a copy of ``conditioning`` in which every entry has the given options.

    Args:
        conditioning: A list of ``[tensor, options]``; left as it is.
        values: Options to set.
        append: Add to an option's old value instead of replacing it.
    """
    changed = []
    for entry in conditioning:
        options = dict(entry[1])
        for key, value in (values or {}).items():
            old = options.get(key) if append else None
            options[key] = value if old is None else old + value
        changed.append([entry[0], options])
    return changed


def pillow(fn: Callable[..., Result], arg: Any) -> Result:
    """Call a PIL function, and once more with truncated files allowed when it fails."""
    try:
        return fn(arg)
    except (OSError, UnidentifiedImageError, ValueError):
        before = ImageFile.LOAD_TRUNCATED_IMAGES
        ImageFile.LOAD_TRUNCATED_IMAGES = True
        try:
            return fn(arg)
        finally:
            ImageFile.LOAD_TRUNCATED_IMAGES = before


def hasher() -> Callable[..., Any]:
    """Return the hash function that the host is set to use."""
    import comfy.cli_args

    name = str(comfy.cli_args.args.default_hashing_function)
    found: Callable[..., Any] = getattr(hashlib, name)
    return found


def string_to_torch_dtype(string: str) -> torch.dtype | None:
    """Return the dtype for ``fp32``, ``fp16`` or ``bf16``; None for other words."""
    return {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}.get(string)


def image_alpha_fix(
    destination: torch.Tensor, source: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Make ``source`` fit ``destination`` in its number of channels.

    Args:
        destination: ``(batch, height, width, channels)``; returned as it is.
        source: The same; an opaque alpha is added, or surplus channels are cut.
    """
    wanted = destination.shape[-1]
    if source.shape[-1] < wanted:
        source = torch.nn.functional.pad(source, (0, 1))
        source[..., -1] = 1.0
    return destination, source[..., :wanted]
