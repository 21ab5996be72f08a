"""Numbers as the web editor writes them."""

from __future__ import annotations

import math
from typing import Any

from app.engine.workflow.model import Space


def plain(value: float) -> float:
    """Return whole numbers as int."""
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def stored_pair(space: Space | None, pos: tuple[float, float]) -> list[float]:
    """Return a position as the file stores it."""
    x, y = pos if space is None else space.to_file(pos)
    return [plain(x), plain(y)]


def stored_size(space: Space | None, size: tuple[float, float]) -> list[float]:
    """Return a width and a height as the file stores them."""
    factor = 1.0 if space is None else space.factor
    return [plain(size[0] * factor), plain(size[1] * factor)]


def is_same(old: Any, new: Any) -> bool:
    """Compare values as a file tells them apart: true is not 1, and 1 is not 1.0."""
    return type(old) is type(new) and bool(old == new)
