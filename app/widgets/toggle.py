"""A control that is on or off."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.base import NodeWidget, WidgetDrag, WidgetHost, WidgetPress, WidgetState
from app.widgets.clicks import ClickDrag
from app.widgets.drawing import paint_row
from app.widgets.ink import ink_of
from app.widgets.style import Style

_TRACK_WIDTH = 20.0
_TRACK_HEIGHT = 11.0
_TRACK_RIGHT = 22.0
_KNOB_GAP = 1.5


class ToggleWidget(NodeWidget):
    """A switch with words for on and off; a click flips it."""

    @property
    def is_on(self) -> bool:
        """Whether the value counts as true."""
        return bool(self.value)

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        words = rect.adjusted(0, 0, -(_TRACK_WIDTH + 4.0), 0)
        paint_row(painter, rect, style, state, label=self.spec.label, value="")
        if state.is_linked:
            return
        ink = ink_of(style)
        painter.setFont(ink.inner.font)
        painter.setPen(ink.value if self.is_on else ink.label)
        room = words.width() - ink.label_x - ink.value_right - ink.inner.width(self.spec.label) - 5
        text = ink.inner.cut(self.text(), max(0.0, room))
        x = words.right() - ink.value_right - ink.inner.width(text)
        painter.drawText(QPointF(x, ink.inner.baseline(rect.center().y())), text)
        track = QRectF(
            rect.right() - _TRACK_RIGHT - _TRACK_WIDTH,
            rect.center().y() - _TRACK_HEIGHT / 2,
            _TRACK_WIDTH,
            _TRACK_HEIGHT,
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.accent if self.is_on else ink.track)
        painter.drawRoundedRect(track, _TRACK_HEIGHT / 2, _TRACK_HEIGHT / 2)
        size = _TRACK_HEIGHT - 2 * _KNOB_GAP
        x = track.right() - _KNOB_GAP - size if self.is_on else track.left() + _KNOB_GAP
        painter.setBrush(ink.knob)
        painter.drawEllipse(QRectF(x, track.top() + _KNOB_GAP, size, size))

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Flip when the button is released."""
        if self.spec.is_read_only:
            return None
        return ClickDrag(press, lambda: self.activate(press.rect, host))

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Flip the switch."""
        if not self.spec.is_read_only:
            host.set_value(not self.is_on)

    def text(self) -> str:
        """Return the word for the present state."""
        return self.spec.label_on if self.is_on else self.spec.label_off
