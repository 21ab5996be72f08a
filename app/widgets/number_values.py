"""Rounding, stepping and writing of numbers, without any drawing.

Whole numbers stay whole all the way, so seeds of 64 bits lose no digit. Decimals step in decimal
arithmetic, so ten steps of 0.1 end at 1.0.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from app.widgets.spec import WidgetKind, WidgetSpec

Number = int | float

_MOST_DECIMALS = 6


def is_whole(spec: WidgetSpec) -> bool:
    """Tell whether the control edits whole numbers."""
    if spec.kind is WidgetKind.INT:
        return True
    return spec.kind is WidgetKind.SLIDER and all(
        isinstance(part, int) and not isinstance(part, bool) for part in (spec.default, spec.step)
    )


def as_number(value: Any) -> Number | None:
    """Return ``value`` when it is a finite number, else None. True and false are no numbers."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if math.isfinite(value) else None


def normalized(number: Number, spec: WidgetSpec) -> Number:
    """Return ``number`` rounded as the control asks and brought into its range.

    Whole numbers are rounded to steps counted from the minimum (U-230), decimals to multiples of
    ``round_to`` (U-231).
    """
    rounded = _rounded_whole(number, spec) if is_whole(spec) else _rounded_decimal(number, spec)
    return clamped(rounded, spec)


def clamped(number: Number, spec: WidgetSpec) -> Number:
    """Return ``number`` brought into the range of the control, in the control's own type."""
    low, high = spec.minimum, spec.maximum
    if low is not None and number < low:
        number = low
    if high is not None and number > high:
        number = high
    return int(number) if is_whole(spec) else float(number)


def stepped(number: Number, count: int, spec: WidgetSpec) -> Number:
    """Return ``number`` after ``count`` steps up, or down when ``count`` is below 0."""
    if is_whole(spec):
        return normalized(int(number) + count * max(1, int(spec.step)), spec)
    return normalized(float(_decimal(number) + count * _decimal(_float_step(spec))), spec)


def decimals_of(spec: WidgetSpec) -> int:
    """Return how many digits after the point a decimal shows: as many as its step needs."""
    if spec.decimals is not None:
        return max(0, spec.decimals)
    return _decimals(_float_step(spec))


def format_number(value: Any, spec: WidgetSpec) -> str:
    """Write a value for the control; a value that is no number is written as it is.

    A decimal that lies between two steps is written with the digits it has, so that the artist
    never reads a value that is not the one that runs.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "" if value is None else str(value)
    if is_whole(spec) and (isinstance(value, int) or (math.isfinite(value) and value % 1 == 0)):
        return str(int(value))
    if not math.isfinite(value):
        return str(value)
    short = f"{value:.{decimals_of(spec)}f}"
    if spec.decimals is None and not math.isclose(
        float(short), value, rel_tol=1e-9, abs_tol=0.5 * 10.0 ** -(_MOST_DECIMALS + 3)
    ):
        return f"{value:.{_MOST_DECIMALS}g}"
    return short


def can_step(value: Any, spec: WidgetSpec) -> tuple[bool, bool]:
    """Tell whether the value can go down and up, for the two step arrows."""
    number = as_number(value)
    if number is None:
        return True, True
    return (
        spec.minimum is None or number > spec.minimum,
        spec.maximum is None or number < spec.maximum,
    )


def _rounded_whole(number: Number, spec: WidgetSpec) -> int:
    whole = number if isinstance(number, int) else math.floor(number + 0.5)
    step = max(1, int(spec.step))
    if step == 1:
        return whole
    base = int(spec.minimum) if spec.minimum is not None else 0
    return base + (2 * (whole - base) + step) // (2 * step) * step


def _rounded_decimal(number: Number, spec: WidgetSpec) -> float:
    if spec.round_to <= 0:
        return float(f"{number:.12g}")
    unit = _decimal(spec.round_to)
    return float((_decimal(number) / unit).to_integral_value(ROUND_HALF_UP) * unit)


def _float_step(spec: WidgetSpec) -> float:
    return float(spec.step) if spec.step > 0 else 1.0


def _decimal(number: Number) -> Decimal:
    return Decimal(repr(number))


@lru_cache(maxsize=256)
def _decimals(step: float) -> int:
    exponent = _decimal(float(f"{step:.{_MOST_DECIMALS}g}")).normalize().as_tuple().exponent
    return min(_MOST_DECIMALS, max(0, -exponent)) if isinstance(exponent, int) else 0
