"""What several parts of the window paint; fields and labels live with the controls."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPen

from app.widgets.fields import SearchField
from app.widgets.labels import Line, Words, paint_dot, paint_key
from app.widgets.themed import Themed

__all__ = [
    "Line",
    "SearchField",
    "Words",
    "is_left_click",
    "paint_dot",
    "paint_key",
    "paint_run_ring",
]


def paint_run_ring(painter: QPainter, center: QPointF, angle: float, part: Themed) -> None:
    """Draw the ring that turns while a document runs; ``angle`` in degrees."""
    radius = part.px(5.5)
    box = QRectF(center.x() - radius, center.y() - radius, radius * 2, radius * 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(part.look.color("accent.track"), 1.8))
    painter.drawEllipse(box)
    pen = QPen(part.look.color("accent.line"), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(box, round((90 - angle) * 16), -(240 * 16))


def is_left_click(event: QMouseEvent) -> bool:
    """Tell whether the left button alone was used."""
    return event.button() == Qt.MouseButton.LeftButton
