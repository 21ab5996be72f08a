"""The small signs in title bars, as paths around (0, 0) in units."""

from __future__ import annotations

from functools import cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

STROKE = 1.5


@cache
def chevron_down() -> QPainterPath:
    """An open node: fold it."""
    return _lines(((-4.2, -2.1), (0.0, 2.1), (4.2, -2.1)))


@cache
def chevron_right() -> QPainterPath:
    """A collapsed node: unfold it."""
    return _lines(((-2.1, -4.2), (2.1, 0.0), (-2.1, 4.2)))


@cache
def tick() -> QPainterPath:
    """The node has run, or its result was kept."""
    return _lines(((-5.0, 0.2), (-1.6, 3.4), (5.0, -3.4)))


@cache
def bypass() -> QPainterPath:
    """The node is skipped: an arrow over a dot."""
    path = QPainterPath()
    path.moveTo(-5.0, 2.5)
    path.cubicTo(-4.4, -4.4, 2.2, -4.8, 4.4, 0.4)
    path.moveTo(4.9, -3.2)
    path.lineTo(4.6, 0.7)
    path.lineTo(0.9, 0.0)
    path.addEllipse(QPointF(0.0, 3.2), 0.6, 0.6)
    return path


@cache
def mute() -> QPainterPath:
    """The node never runs: a struck-out circle."""
    path = QPainterPath()
    path.addEllipse(QPointF(0.0, 0.0), 5.2, 5.2)
    path.moveTo(-3.6, -3.6)
    path.lineTo(3.6, 3.6)
    return path


@cache
def error() -> QPainterPath:
    """The node has failed: a circle with an exclamation mark."""
    path = QPainterPath()
    path.addEllipse(QPointF(0.0, 0.0), 5.6, 5.6)
    path.moveTo(0.0, -2.6)
    path.lineTo(0.0, 0.4)
    path.addEllipse(QPointF(0.0, 2.7), 0.25, 0.25)
    return path


@cache
def waiting() -> QPainterPath:
    """The node waits for its turn: a circle with a dot."""
    path = QPainterPath()
    path.addEllipse(QPointF(0.0, 0.0), 5.2, 5.2)
    path.addEllipse(QPointF(0.0, 0.0), 0.9, 0.9)
    return path


@cache
def pin() -> QPainterPath:
    """The node cannot be moved."""
    path = QPainterPath()
    path.addEllipse(QPointF(0.0, -2.4), 2.6, 2.6)
    path.moveTo(0.0, 0.2)
    path.lineTo(0.0, 5.0)
    return path


@cache
def enter() -> QPainterPath:
    """The node holds a subgraph: a window that opens."""
    path = QPainterPath()
    path.addRoundedRect(QRectF(-5.2, -5.2, 10.4, 10.4), 2.0, 2.0)
    path.moveTo(-1.6, 1.6)
    path.lineTo(2.2, -2.2)
    path.moveTo(-1.0, -2.2)
    path.lineTo(2.2, -2.2)
    path.lineTo(2.2, 1.0)
    return path


def paint_glyph(
    painter: QPainter, path: QPainterPath, center: QPointF, color: QColor, width: float = STROKE
) -> None:
    """Draw a sign around ``center``."""
    painter.setPen(
        QPen(
            QBrush(color),
            width,
            Qt.PenStyle.SolidLine,
            Qt.PenCapStyle.RoundCap,
            Qt.PenJoinStyle.RoundJoin,
        )
    )
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.translate(center)
    painter.drawPath(path)
    painter.translate(-center)


def _lines(points: tuple[tuple[float, float], ...]) -> QPainterPath:
    path = QPainterPath(QPointF(*points[0]))
    for point in points[1:]:
        path.lineTo(*point)
    return path
