"""Levels of detail: what of a node is drawn at which zoom (decision 13)."""

from __future__ import annotations

import enum
import math

FULL_ZOOM = 0.571
TITLE_ZOOM = 0.35
BOX_ZOOM = 0.15
_STEPS_PER_OCTAVE = 4


class Detail(enum.IntEnum):
    """How much of a node is drawn; more is greater."""

    FLAT = 0
    BOXES = 1
    TITLES = 2
    FULL = 3


def detail_at(zoom: float, pixel_ratio: float = 1.0) -> Detail:
    """Return the level for a zoom; a finer screen keeps the text readable for longer."""
    if zoom >= FULL_ZOOM / math.sqrt(max(1.0, pixel_ratio)):
        return Detail.FULL
    if zoom >= TITLE_ZOOM:
        return Detail.TITLES
    return Detail.BOXES if zoom >= BOX_ZOOM else Detail.FLAT


def ladder_zoom(zoom: float) -> float:
    """Return the nearest step of a fixed ladder, so that pictures can be used again."""
    step = round(math.log2(zoom) * _STEPS_PER_OCTAVE) / _STEPS_PER_OCTAVE
    return float(2.0**step)
