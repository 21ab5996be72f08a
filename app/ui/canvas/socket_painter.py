"""Draws the dots of inputs and outputs.

The shape says what the colour alone must not: a ring is optional, a grid of nine squares is a
list, slices are several types (U-071).
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen

from app.widgets.style import Style

RING_WIDTH = 2.2
REFUSED_OPACITY = 0.4
_GRID_STEP = 3.0
_GRID_DOT = 2.2
_MOST_SLICES = 3


def paint_socket(
    painter: QPainter,
    center: QPointF,
    type_name: str,
    style: Style,
    radius: float,
    *,
    is_optional: bool = False,
    is_list: bool = False,
) -> None:
    """Draw one socket.

    Args:
        painter: Painter in node units, antialiased.
        center: Middle of the dot.
        type_name: Its type; a comma list is drawn in slices.
        style: The theme.
        radius: Radius of the dot.
        is_optional: Draw a ring.
        is_list: Draw a grid.
    """
    color = style.link_color(type_name)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    if is_list:
        scale = radius / 4.0
        step, half = _GRID_STEP * scale, _GRID_DOT * scale / 2
        for row in (-1, 0, 1):
            for column in (-1, 0, 1):
                x, y = center.x() + column * step, center.y() + row * step
                painter.drawRect(QRectF(x - half, y - half, 2 * half, 2 * half))
        return
    names = _types(type_name)
    if len(names) > 1:
        box = QRectF(center.x() - radius, center.y() - radius, 2 * radius, 2 * radius)
        part = 360 * 16 // len(names)
        for index, name in enumerate(names):
            painter.setBrush(style.link_color(name))
            painter.drawPie(box, 90 * 16 + index * part, part)
        return
    if is_optional:
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, RING_WIDTH))
        inner = radius - RING_WIDTH / 2
        painter.drawEllipse(center, inner, inner)
        return
    painter.drawEllipse(center, radius, radius)


def paint_problem_ring(painter: QPainter, center: QPointF, style: Style) -> None:
    """Draw the ring around a socket that misses its link (U-091)."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(style.color("danger.line"), 1.5))
    painter.drawEllipse(center, 7.5, 7.5)


def _types(type_name: str) -> list[str]:
    if "," not in type_name:
        return [type_name]
    names = [part.strip() for part in type_name.split(",")]
    return list(dict.fromkeys(name for name in names if name))[:_MOST_SLICES]
