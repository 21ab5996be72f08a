"""A button in a node."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
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
from app.widgets.drawing import (
    Glyph,
    box_of,
    paint_box,
    paint_centered,
    paint_glyph,
)
from app.widgets.ink import faded_ink_of, ink_of
from app.widgets.style import Style


class ButtonWidget(NodeWidget):
    """Tells the window that it was pressed (U-258)."""

    glyph: Glyph | None = None

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        ink = ink_of(style)
        box = box_of(rect)
        if state.is_linked or self.spec.is_read_only:
            ink = faded_ink_of(style)
            state = WidgetState()
        paint_box(painter, box, ink, state)
        if state.pressed is not WidgetPart.NONE:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ink.fill_pressed)
            painter.drawRoundedRect(box, ink.radius, ink.radius)
        label_room = 0.0
        if self.glyph is not None:
            label_room = ink.glyph_size + 4.0
            words = ink.inner.width(ink.inner.cut(self.spec.label, box.width() - 12.0 - label_room))
            corner = box.center()
            corner.setX(corner.x() - (words + label_room) / 2)
            corner.setY(corner.y() - ink.glyph_size / 2)
            paint_glyph(painter, corner, self.glyph, ink.glyph_hover)
        paint_centered(painter, box, ink.inner, ink.value, self.spec.label, label_room)

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Act when the button is released over it."""
        if self.spec.is_read_only:
            return None
        return ClickDrag(press, lambda: self.activate(press.rect, host))

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Act as if it had been clicked."""
        if not self.spec.is_read_only:
            host.trigger(self.spec.name)

    def text(self) -> str:
        """Return the words on the button."""
        return self.spec.label
