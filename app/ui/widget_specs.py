"""Turns the widgets of a bound node into the specs that :mod:`app.widgets` understands.

The controls know nothing of nodes; this is the one place where a declared input becomes a
control (decision 9).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

from app.engine.workflow.binding import BoundNode, BoundWidget, WidgetRole
from app.widgets.spec import WidgetKind, WidgetSpec

_NUMBER_DEFAULTS = {"INT": (0, 2048, 1), "FLOAT": (0.0, 2048.0, 0.5)}
"""Least, greatest and step of a number that declares none (U-230, U-231)."""

_TEXT_TYPES = frozenset({"STRING", "TEXTAREA"})


def visible_widgets(node: BoundNode) -> list[BoundWidget]:
    """Return the widgets that get a row: neither hidden nor folded away as advanced."""
    show_advanced = bool(node.node.get("showAdvanced"))
    return [
        widget
        for widget in node.widgets
        if not widget.options.get("hidden")
        and (show_advanced or not widget.options.get("advanced") or widget.is_linked)
    ]


def specs_of(widgets: Sequence[BoundWidget]) -> list[WidgetSpec]:
    """Return one spec for each of the visible widgets of a node, in order."""
    controlled = {
        before.name
        for before, after in itertools.pairwise(widgets)
        if after.role is WidgetRole.CONTROL
    }
    return [spec_for(widget, has_control=widget.name in controlled) for widget in widgets]


def spec_for(widget: BoundWidget, *, has_control: bool = False) -> WidgetSpec:
    """Return the spec of one widget.

    Args:
        widget: The widget of a bound node.
        has_control: A control-after-generate widget follows, so it shows the seed sign.
    """
    options = widget.options
    kind = widget_kind(widget)
    minimum, maximum, step = _bounds(widget)
    return WidgetSpec(
        name=widget.name,
        kind=kind,
        label=widget.label,
        default=widget.default,
        minimum=minimum,
        maximum=maximum,
        step=step,
        decimals=_decimals(widget),
        round_to=_round_to(options.get("round")),
        choices=tuple(widget.choices or ()),
        placeholder=str(options.get("placeholder") or widget.label),
        label_on=str(options.get("label_on") or "on"),
        label_off=str(options.get("label_off") or "off"),
        tooltip=str(options.get("tooltip") or ""),
        has_glyph=kind is WidgetKind.COMBO or has_control,
        is_read_only=widget.role is WidgetRole.UNKNOWN,
        is_advanced=bool(options.get("advanced")),
        options=options,
    )


def widget_kind(widget: BoundWidget) -> WidgetKind:
    """Return which control a widget gets."""
    if widget.role is WidgetRole.UPLOAD:
        return WidgetKind.IMAGE_UPLOAD
    if widget.role is WidgetRole.UNKNOWN:
        return WidgetKind.FALLBACK
    kind = widget.type
    if kind in _NUMBER_DEFAULTS:
        if widget.options.get("display") == "slider":
            return WidgetKind.SLIDER
        return WidgetKind.INT if kind == "INT" else WidgetKind.FLOAT
    if kind in _TEXT_TYPES:
        is_long = kind == "TEXTAREA" or widget.options.get("multiline")
        is_note = widget.role is WidgetRole.TEXT
        return WidgetKind.MULTILINE if is_long or is_note else WidgetKind.TEXT
    if kind == "COMBO" or widget.choices is not None:
        return WidgetKind.COMBO
    return {
        "BOOLEAN": WidgetKind.TOGGLE,
        "MARKDOWN": WidgetKind.MARKDOWN,
        "BUTTON": WidgetKind.BUTTON,
        "COLOR": WidgetKind.COLOR,
    }.get(kind, WidgetKind.FALLBACK)


def _bounds(
    widget: BoundWidget,
) -> tuple[float | int | None, float | int | None, float | int]:
    if widget.type not in _NUMBER_DEFAULTS:
        return None, None, 1
    least, greatest, default_step = _NUMBER_DEFAULTS[widget.type]
    options = widget.options
    step = _number(options.get("step"), default_step)
    return (
        _number(options.get("min"), least),
        _number(options.get("max"), greatest),
        step if step > 0 else default_step,
    )


def _number(value: Any, default: float | int) -> float | int:
    """Read a declared number; packs give text, infinities and worse."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return default
    if isinstance(value, float) and not math.isfinite(value):
        return default
    return value


def _decimals(widget: BoundWidget) -> int | None:
    given = widget.options.get("precision")
    if isinstance(given, int) and not isinstance(given, bool) and 0 <= given <= 12:
        return given
    return None


def _round_to(value: Any) -> float:
    number = _number(value, 0.0)
    return float(number) if number > 0 else 0.0
