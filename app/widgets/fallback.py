"""What stands in for a control that this program does not know: it keeps the value (U-269)."""

from __future__ import annotations

import json

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.widgets.base import NodeWidget, WidgetState
from app.widgets.drawing import one_line, paint_row
from app.widgets.style import Style

_LONGEST = 4000


class FallbackWidget(NodeWidget):
    """Shows the stored value in words and never changes it."""

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        value = one_line(self.text())
        paint_row(painter, rect, style, state, label=self.spec.label, value=value, is_disabled=True)

    def text(self) -> str:
        """Return the value as it stands in the file."""
        if self.value is None:
            return ""
        if isinstance(self.value, str):
            return self.value
        try:
            return json.dumps(self.value, ensure_ascii=False)[:_LONGEST]
        except (TypeError, ValueError, RecursionError):
            return type(self.value).__name__
