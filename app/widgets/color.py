"""A colour: a swatch and its name, with the picker behind it."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter

from app.widgets.base import NodeWidget, WidgetDrag, WidgetHost, WidgetPress, WidgetState
from app.widgets.clicks import ClickDrag
from app.widgets.drawing import box_of, paint_row
from app.widgets.ink import ink_of
from app.widgets.style import Style, parse_color

_SWATCH_WIDTH = 22.0
_SWATCH_HEIGHT = 12.0
_SWATCH_RIGHT = 21.0
_LARGEST = 0xFFFFFF


class ColorWidget(NodeWidget):
    """A colour as ``#rrggbb`` or as a whole number; it stays what it was in the file (U-249)."""

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        if state.is_linked:
            paint_row(painter, rect, style, state, label=self.spec.label, value="")
            return
        ink = ink_of(style)
        words = self.text()
        paint_row(painter, rect, style, state, label=self.spec.label, value="")
        painter.setFont(ink.inner.font)
        painter.setPen(ink.problem if state.problem else ink.value)
        right = rect.right() - _SWATCH_RIGHT - _SWATCH_WIDTH - 6.0
        left = rect.left() + ink.label_x + ink.inner.width(self.spec.label) + 5.0
        cut = ink.inner.cut(words, max(0.0, right - left))
        x = right - ink.inner.width(cut)
        painter.drawText(QPointF(x, ink.inner.baseline(rect.center().y())), cut)
        swatch = QRectF(
            rect.right() - _SWATCH_RIGHT - _SWATCH_WIDTH,
            rect.center().y() - _SWATCH_HEIGHT / 2,
            _SWATCH_WIDTH,
            _SWATCH_HEIGHT,
        )
        color = self.color()
        painter.setPen(ink.border_hover)
        painter.setBrush(color if color.isValid() else Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(swatch.adjusted(0.5, 0.5, -0.5, -0.5), 3.0, 3.0)

    def color(self) -> QColor:
        """Return the value as a colour, which is invalid when it is none."""
        if isinstance(self.value, bool):
            return QColor()
        if isinstance(self.value, int):
            in_range = 0 <= self.value <= _LARGEST
            return QColor(f"#{self.value:06x}") if in_range else QColor()
        return parse_color(self.value) if isinstance(self.value, str) else QColor()

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Open the picker when the button is released."""
        if self.spec.is_read_only:
            return None
        return ClickDrag(press, lambda: self.activate(press.rect, host))

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the picker."""
        if self.spec.is_read_only:
            return
        color = self.color()
        shown = color.name() if color.isValid() else "#000000"
        host.choose_color(box_of(rect), shown, lambda chosen: self._give(chosen, host))

    def text(self) -> str:
        """Return the colour as ``#rrggbb``; a value that is no colour as it is."""
        color = self.color()
        if color.isValid():
            return self.value if isinstance(self.value, str) else color.name()
        return super().text()

    def _give(self, chosen: str, host: WidgetHost) -> None:
        color = parse_color(chosen)
        if not color.isValid():
            return
        is_number = isinstance(self.value, int) and not isinstance(self.value, bool)
        value: str | int = int(color.name()[1:], 16) if is_number else color.name()
        if value != self.value:
            host.set_value(value)
