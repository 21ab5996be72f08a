"""One line of text."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.base import (
    LineEdit,
    NodeWidget,
    WidgetDrag,
    WidgetHost,
    WidgetPart,
    WidgetPress,
    WidgetState,
)
from app.widgets.clicks import ClickDrag
from app.widgets.drawing import box_of, paint_row
from app.widgets.style import Style


class TextWidget(NodeWidget):
    """A line of text, edited in place by a click (U-241)."""

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        paint_row(painter, rect, style, state, label=self.spec.label, value=self.text())

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the text pointer where a click would type."""
        return Qt.CursorShape.ArrowCursor if self.spec.is_read_only else Qt.CursorShape.IBeamCursor

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Open the editor when the button is released."""
        if self.spec.is_read_only:
            return None
        return ClickDrag(press, lambda: self.activate(press.rect, host))

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the editor with the text selected."""
        if self.spec.is_read_only:
            return

        def commit(text: str) -> None:
            if text != self.text():
                host.set_value(text)

        host.edit_line(box_of(rect), self.text(), LineEdit(commit, right=True))
