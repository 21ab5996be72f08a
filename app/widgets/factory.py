"""Makes the control that fits a spec: one row for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.widgets.base import NodeWidget
from app.widgets.button import ButtonWidget
from app.widgets.combo import ComboWidget
from app.widgets.fallback import FallbackWidget
from app.widgets.multiline import MultilineWidget
from app.widgets.number import NumberWidget
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.text import TextWidget
from app.widgets.toggle import ToggleWidget

_MAKERS: Mapping[WidgetKind, Callable[[WidgetSpec, Any], NodeWidget]] = {
    WidgetKind.INT: NumberWidget,
    WidgetKind.FLOAT: NumberWidget,
    WidgetKind.SLIDER: NumberWidget,
    WidgetKind.COMBO: ComboWidget,
    WidgetKind.TOGGLE: ToggleWidget,
    WidgetKind.TEXT: TextWidget,
    WidgetKind.MULTILINE: MultilineWidget,
    WidgetKind.MARKDOWN: MultilineWidget,
    WidgetKind.BUTTON: ButtonWidget,
    WidgetKind.IMAGE_UPLOAD: ButtonWidget,
    WidgetKind.COLOR: TextWidget,
    WidgetKind.FALLBACK: FallbackWidget,
}


def make_widget(spec: WidgetSpec, value: Any) -> NodeWidget:
    """Return a control for ``spec`` that holds ``value``, even one that does not fit."""
    return _MAKERS.get(spec.kind, FallbackWidget)(spec, value)
