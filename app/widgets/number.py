"""Whole numbers and decimals: drag, step, type, and a seed's new-number sign."""

from __future__ import annotations

import itertools
import random
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets import arithmetic
from app.widgets.base import (
    LineEdit,
    NodeWidget,
    WidgetDrag,
    WidgetHost,
    WidgetPart,
    WidgetPress,
    WidgetState,
)
from app.widgets.drawing import ARROW_ZONE, Glyph, arrow_part, box_of, paint_row
from app.widgets.number_values import (
    Number,
    as_number,
    can_step,
    format_number,
    is_whole,
    normalized,
    stepped,
)
from app.widgets.style import Style

DRAG_THRESHOLD_PX = 4.0
PX_PER_STEP = 4.0
"""One step each pixel runs away from the pointer (U-230)."""
FINE_PX_PER_STEP = 20.0
COARSE_PX_PER_STEP = 0.4
LARGEST_RANDOM_SEED = 2**50

_GLYPH_ZONE = (32.0, 50.0)
_gestures = itertools.count(1)


def new_gesture(name: str) -> str:
    """Return a name that no other gesture has, for merging the steps of one drag."""
    return f"{name}#{next(_gestures)}"


def px_per_step(modifiers: Qt.KeyboardModifier) -> float:
    """Return how far the pointer travels for one step: Shift is fine, Ctrl is coarse."""
    if modifiers & Qt.KeyboardModifier.ShiftModifier:
        return FINE_PX_PER_STEP
    if modifiers & Qt.KeyboardModifier.ControlModifier:
        return COARSE_PX_PER_STEP
    return PX_PER_STEP


class NumberEdit(LineEdit):
    """Typing into a number control: arithmetic on commit, steps with the arrow keys."""

    def __init__(self, widget: NumberWidget, host: WidgetHost) -> None:
        super().__init__(self._commit, right=True)
        self._widget = widget
        self._host = host

    def step(self, text: str, count: int) -> str | None:
        """Step the number that ``text`` amounts to; text that is no number stays."""
        number = self._widget.read(text)
        if number is None:
            return None
        return format_number(stepped(number, count, self._widget.spec), self._widget.spec)

    def _commit(self, text: str) -> None:
        number = self._widget.read(text)
        if number is not None and text != format_number(self._widget.value, self._widget.spec):
            self._widget.give(number, self._host)


class NumberWidget(NodeWidget):
    """A whole number or a decimal.

    Drag the middle to scrub, press near an edge for one step, click the middle to type.
    """

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        paint_row(
            painter,
            rect,
            style,
            state,
            label=self.spec.label,
            value=self.text(),
            glyph=Glyph.SHUFFLE if self.spec.has_glyph else None,
            arrows=None if self.spec.is_read_only else can_step(self.value, self.spec),
        )

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the part under ``pos``; a seed's sign lies left of its right arrow."""
        if self.spec.has_glyph and rect.contains(pos):
            from_right = rect.right() - pos.x()
            if _GLYPH_ZONE[0] <= from_right < _GLYPH_ZONE[1]:
                return WidgetPart.GLYPH
            if _GLYPH_ZONE[0] > from_right:
                return WidgetPart.INCREASE
            if from_right < ARROW_ZONE + _GLYPH_ZONE[1] - _GLYPH_ZONE[0]:
                return WidgetPart.BODY
        return arrow_part(pos, rect)

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the sideways pointer over the part that can be dragged."""
        if part is WidgetPart.BODY and not self.spec.is_read_only:
            return Qt.CursorShape.SizeHorCursor
        return Qt.CursorShape.ArrowCursor

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Begin a drag, which is a click until the pointer has moved far enough."""
        if self.spec.is_read_only:
            return None
        return ScrubDrag(self, press, host)

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the editor with the number selected."""
        if not self.spec.is_read_only:
            host.edit_line(box_of(rect), self.text(), NumberEdit(self, host))

    def step(self, count: int, host: WidgetHost, gesture: str = "") -> None:
        """Change the value by ``count`` steps; a value that is no number becomes the default."""
        number = as_number(self.value)
        if number is None:
            number = as_number(self.spec.default) or 0
            count = 0
        self.give(stepped(number, count, self.spec), host, gesture)

    def read(self, text: str) -> Number | None:
        """Return the value that typed ``text`` stands for, or None when it is no arithmetic."""
        try:
            number = arithmetic.evaluate(
                text, as_number(self.value) or 0, is_whole=is_whole(self.spec)
            )
        except ValueError:
            return None
        return normalized(number, self.spec)

    def give(self, value: Any, host: WidgetHost, gesture: str = "") -> None:
        """Hand a new value to the host, unless nothing changes."""
        if value != self.value or type(value) is not type(self.value):
            host.set_value(value, gesture=gesture)

    def randomize(self, host: WidgetHost) -> None:
        """Choose another number from the range, at most 2 ** 50 for seeds (U-255)."""
        low = int(self.spec.minimum) if self.spec.minimum is not None else 0
        high = int(self.spec.maximum) if self.spec.maximum is not None else LARGEST_RANDOM_SEED
        high = max(low, min(high, LARGEST_RANDOM_SEED))
        number: Number = random.randint(low, high)
        self.give(number if is_whole(self.spec) else float(number), host)

    def text(self) -> str:
        """Return the number as it is shown."""
        return format_number(self.value, self.spec)


class ScrubDrag(WidgetDrag):
    """A press on a number: scrubs when the pointer moves, else steps or opens the editor."""

    def __init__(self, widget: NumberWidget, press: WidgetPress, host: WidgetHost) -> None:
        self._widget = widget
        self._press = press
        self._host = host
        self._before = widget.value
        self._start = as_number(widget.value)
        self._gesture = new_gesture(widget.spec.name)
        self._last_x = press.pos.x()
        self._steps = 0.0
        self._is_scrubbing = False

    def move(self, pos: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Scrub once the pointer has left the spot where it was pressed."""
        if self._start is None:
            return
        if not self._is_scrubbing:
            moved_px = abs(pos.x() - self._press.pos.x()) * self._press.zoom
            if moved_px < DRAG_THRESHOLD_PX:
                return
            self._is_scrubbing = True
            self._last_x = pos.x()
            return
        self._steps += (pos.x() - self._last_x) * self._press.zoom / px_per_step(modifiers)
        self._last_x = pos.x()
        value = stepped(self._start, int(self._steps), self._widget.spec)
        self._widget.give(value, self._host, self._gesture)

    def release(self, pos: QPointF) -> None:
        """End the scrub; a press that never moved is a click."""
        if self._is_scrubbing:
            return
        part = self._widget.part_at(self._press.pos, self._press.rect)
        if part is WidgetPart.DECREASE:
            self._widget.step(-1, self._host)
        elif part is WidgetPart.INCREASE:
            self._widget.step(1, self._host)
        elif part is WidgetPart.GLYPH:
            self._widget.randomize(self._host)
        elif part is WidgetPart.BODY:
            self._widget.activate(self._press.rect, self._host)

    def cancel(self) -> None:
        """Put the value back that was there before the press."""
        if self._is_scrubbing and self._widget.value != self._before:
            self._host.set_value(self._before, gesture=self._gesture)
