"""A choice from a list, from two entries to ten thousand model files."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.base import (
    NodeWidget,
    WidgetDrag,
    WidgetHost,
    WidgetPart,
    WidgetPress,
    WidgetState,
)
from app.widgets.clicks import ClickDrag
from app.widgets.drawing import Glyph, arrow_part, box_of, paint_row
from app.widgets.style import Style

_MODEL_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pt2", ".pth", ".bin", ".gguf", ".onnx")
_REMEMBERED_LISTS = 256
_places: dict[int, tuple[Sequence[Any], dict[Any, int]]] = {}


def choice_name(choice: Any) -> str:
    """Return a choice as people say it: model files lose their folder and their ending."""
    text = str(choice)
    if text.lower().endswith(_MODEL_ENDINGS):
        stem = text[: text.rfind(".")].replace("\\", "/")
        return stem[stem.rfind("/") + 1 :] or text
    return text


def nearest_choice(value: Any, choices: Sequence[Any]) -> Any | None:
    """Return the choice whose name is most like ``value``, or None when none is alike.

    Files of the same name in another folder, or with another ending, come before similar names.
    """
    text = str(value)
    name = choice_name(text.replace("\\", "/")).lower()
    for choice in choices:
        if choice_name(choice).lower() == name:
            return choice
    by_text = {str(choice): choice for choice in choices}
    close = difflib.get_close_matches(text, by_text, n=1, cutoff=0.5)
    return by_text[close[0]] if close else None


def _place_of(value: Any, choices: Sequence[Any]) -> int | None:
    """Return the index of ``value``; the table of a list is made once and shared by its nodes."""
    known = _places.get(id(choices))
    if known is None or known[0] is not choices:
        if len(_places) >= _REMEMBERED_LISTS:
            _places.clear()
        table: dict[Any, int] = {}
        for place, choice in enumerate(choices):
            if isinstance(choice, (str, int, float)):
                table.setdefault((type(choice), choice), place)
        known = _places[id(choices)] = (choices, table)
    if isinstance(value, (str, int, float)):
        found = known[1].get((type(value), value))
        if found is not None or isinstance(value, str):
            return found
    return next((place for place, choice in enumerate(choices) if choice == value), None)


class ComboWidget(NodeWidget):
    """One of the choices: press near an edge for the one before or after, in the middle for all.

    A value that is not among the choices stays as it is and is drawn with a red line (U-236).
    """

    @property
    def place(self) -> int | None:
        """Index of the value among the choices; None when it is not one of them."""
        return _place_of(self.value, self.spec.choices)

    def problem(self) -> str:
        """Return what is wrong with the value, with the nearest choice, or nothing."""
        if self.value is None or self.place is not None:
            return ""
        near = nearest_choice(self.value, self.spec.choices)
        hint = f" The nearest is “{near}”." if near is not None else ""
        return f"“{self.value}” is not in the list.{hint}"

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        place = self.place
        if place is None and self.value is not None and not state.problem:
            state = replace(state, problem="not in the list")
        last = len(self.spec.choices) - 1
        arrows = (place is None or place > 0, place is None or place < last)
        paint_row(
            painter,
            rect,
            style,
            state,
            label=self.spec.label,
            value="" if self.value is None else choice_name(self.value),
            glyph=Glyph.CHOICES,
            arrows=None if self.spec.is_read_only else arrows,
            elide=Qt.TextElideMode.ElideMiddle,
        )

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the part under ``pos``."""
        return arrow_part(pos, rect)

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Step or open the list when the button is released."""
        if self.spec.is_read_only:
            return None
        part = self.part_at(press.pos, press.rect)
        if part is WidgetPart.DECREASE:
            return ClickDrag(press, lambda: self.step(-1, host))
        if part is WidgetPart.INCREASE:
            return ClickDrag(press, lambda: self.step(1, host))
        return ClickDrag(press, lambda: self.activate(press.rect, host))

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the list."""
        if not self.spec.is_read_only:
            current = self.value
            if self.place is None and current is not None:
                current = nearest_choice(current, self.spec.choices)
            host.choose(box_of(rect), self.spec.choices, current, lambda it: self._give(it, host))

    def step(self, count: int, host: WidgetHost) -> None:
        """Take the choice ``count`` places further; the ends of the list hold."""
        choices = self.spec.choices
        if not choices:
            return
        place = self.place
        if place is None:
            place = -1 if count > 0 else len(choices)
        self._give(choices[min(max(place + count, 0), len(choices) - 1)], host)

    def _give(self, value: Any, host: WidgetHost) -> None:
        if value != self.value or type(value) is not type(self.value):
            host.set_value(value)
