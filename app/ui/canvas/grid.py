"""The dots behind everything."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygon

from app.widgets.style import Style, mix

FADE_FROM = 0.5
FADE_TO = 0.25


def paint_grid(painter: QPainter, rect: QRectF, style: Style) -> None:
    """Fill ``rect`` with the ground of the canvas and its dots.

    The dots stand on whole device pixels, counted from the scene's origin, so that the strips
    that scrolling uncovers meet what is on screen already.

    Args:
        painter: Painter of the view, in scene coordinates.
        rect: What has to be painted, in scene coordinates.
        style: The theme.
    """
    painter.fillRect(rect, style.color("surface.canvas"))
    transform = painter.worldTransform()
    zoom = transform.m11()
    strength = min(1.0, (zoom - FADE_TO) / (FADE_FROM - FADE_TO))
    if strength <= 0.0:
        return
    step = style.px("node.gridDots.pitch") * zoom
    area = transform.mapRect(rect)
    left, top = transform.dx(), transform.dy()
    first, last = math.floor((area.left() - left) / step), math.ceil((area.right() - left) / step)
    row = QPolygon([QPoint(round(number * step), 0) for number in range(first, last + 1)])
    size = max(1, round(style.px("node.gridDots.size") * zoom))
    painter.save()
    painter.resetTransform()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    painter.setPen(QPen(_dot_color(style, strength), size, c=Qt.PenCapStyle.SquareCap))
    x = round(left)
    for number in range(
        math.floor((area.top() - top) / step), math.ceil((area.bottom() - top) / step) + 1
    ):
        y = round(top) + round(number * step)
        painter.translate(x, y)
        painter.drawPoints(row)
        painter.translate(-x, -y)
    painter.restore()


def _dot_color(style: Style, strength: float) -> QColor:
    return mix(style.color("surface.canvas"), style.color("surface.canvasDot"), strength)
