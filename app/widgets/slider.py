"""A number shown as a bar (U-234)."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.base import WidgetDrag, WidgetHost, WidgetPart, WidgetPress, WidgetState
from app.widgets.drawing import box_of, paint_row, paint_words
from app.widgets.ink import ink_of
from app.widgets.number import NumberWidget, new_gesture
from app.widgets.number_values import Number, as_number, clamped, is_whole, normalized
from app.widgets.style import Style

_FINE_SHARE = 0.2


class SliderWidget(NumberWidget):
    """A bar between the ends of a range: a press jumps, a drag follows, a double-click types."""

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        paint_row(painter, rect, style, state, label="", value="")
        if state.is_linked:
            paint_row(painter, rect, style, state, label=self.spec.label, value="")
            return
        if state.is_editing:
            return
        share = self.share()
        if share is not None:
            self._paint_bar(painter, box_of(rect), style, share)
        paint_words(painter, rect, style, state, self.spec.label, self.text())

    def share(self) -> float | None:
        """Return where the value lies between the ends, 0 to 1; None when nothing can be said."""
        number, low, high = as_number(self.value), self.spec.minimum, self.spec.maximum
        if number is None or low is None or high is None or high <= low:
            return None
        return min(1.0, max(0.0, float(number - low) / float(high - low)))

    def value_at(self, share: float) -> Number:
        """Return the value on a step nearest to ``share`` of the range."""
        low, high = self.spec.minimum or 0, self.spec.maximum or 1
        step = self.spec.step if self.spec.step > 0 else 1
        steps = round((high - low) * share / step)
        number = low + steps * step if share < 1.0 else high
        if is_whole(self.spec):
            return clamped(int(number), self.spec)
        return normalized(float(f"{number:.12g}"), self.spec)

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the body: a slider has no step zones."""
        return WidgetPart.BODY if rect.contains(pos) else WidgetPart.NONE

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Jump and follow, or open the editor on a double-click."""
        if self.spec.is_read_only:
            return None
        if press.is_double or self.spec.minimum is None or self.spec.maximum is None:
            self.activate(press.rect, host)
            return None
        return SlideDrag(self, press, host)

    def _paint_bar(self, painter: QPainter, box: QRectF, style: Style, share: float) -> None:
        ink = ink_of(style)
        x = box.left() + box.width() * share
        painter.save()
        painter.setClipRect(
            QRectF(box.left(), box.top(), x - box.left(), box.height()),
            Qt.ClipOperation.IntersectClip,
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.fill_slider)
        painter.drawRoundedRect(box.adjusted(1.0, 1.0, -1.0, -1.0), ink.radius - 1, ink.radius - 1)
        painter.restore()
        if 0.0 < share < 1.0:
            painter.setPen(ink.marker)
            x = min(max(x, box.left() + ink.radius), box.right() - ink.radius)
            painter.drawLine(QPointF(x, box.top() + 3.0), QPointF(x, box.bottom() - 3.0))


class SlideDrag(WidgetDrag):
    """A press on a slider; with Shift the bar follows at a fifth of the speed."""

    def __init__(self, widget: SliderWidget, press: WidgetPress, host: WidgetHost) -> None:
        self._widget = widget
        self._host = host
        self._box = box_of(press.rect)
        self._before: Any = widget.value
        self._gesture = new_gesture(widget.spec.name)
        self._last_x = press.pos.x()
        self._share = self._share_at(press.pos.x())
        self._give()

    def move(self, pos: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Follow the pointer."""
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            moved = (pos.x() - self._last_x) / self._box.width()
            self._share = min(1.0, max(0.0, self._share + moved * _FINE_SHARE))
        else:
            self._share = self._share_at(pos.x())
        self._last_x = pos.x()
        self._give()

    def cancel(self) -> None:
        """Put the value back that was there before the press."""
        if self._widget.value != self._before:
            self._host.set_value(self._before, gesture=self._gesture)

    def _share_at(self, x: float) -> float:
        return min(1.0, max(0.0, (x - self._box.left()) / self._box.width()))

    def _give(self) -> None:
        self._widget.give(self._widget.value_at(self._share), self._host, self._gesture)
