"""Makes the control that fits a spec: one row for each kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from app.widgets.base import NodeWidget
from app.widgets.button import ButtonWidget
from app.widgets.color import ColorWidget
from app.widgets.combo import ComboWidget
from app.widgets.fallback import FallbackWidget
from app.widgets.image_upload import ImageUploadWidget
from app.widgets.markdown import MarkdownWidget
from app.widgets.multiline import MultilineWidget
from app.widgets.number import NumberWidget
from app.widgets.slider import SliderWidget
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.text import TextWidget
from app.widgets.toggle import ToggleWidget

_MAKERS: Mapping[WidgetKind, Callable[[WidgetSpec, Any], NodeWidget]] = {
    WidgetKind.INT: NumberWidget,
    WidgetKind.FLOAT: NumberWidget,
    WidgetKind.SLIDER: SliderWidget,
    WidgetKind.COMBO: ComboWidget,
    WidgetKind.TOGGLE: ToggleWidget,
    WidgetKind.TEXT: TextWidget,
    WidgetKind.MULTILINE: MultilineWidget,
    WidgetKind.MARKDOWN: MarkdownWidget,
    WidgetKind.BUTTON: ButtonWidget,
    WidgetKind.IMAGE_UPLOAD: ImageUploadWidget,
    WidgetKind.COLOR: ColorWidget,
    WidgetKind.FALLBACK: FallbackWidget,
}


def make_widget(spec: WidgetSpec, value: Any) -> NodeWidget:
    """Return a control for ``spec`` that holds ``value``, even one that does not fit."""
    return _MAKERS.get(spec.kind, FallbackWidget)(spec, value)
