"""The soft shadow under nodes: one small picture, drawn in nine parts around any rectangle."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from app.widgets.style import Style

MARGIN = 22.0
"""How far a shadow reaches beyond the rectangle, and how far a part reaches into it."""


class Shadow:
    """A blurred rectangle of one colour.

    Args:
        color: Colour with its alpha.
        blur: Width of the soft edge, as in CSS: twice the standard deviation.
        drop: How far it is moved down.
    """

    def __init__(self, color: QColor, blur: float, drop: float) -> None:
        self._drop = drop
        part = int(2 * MARGIN)
        self._part = part
        size = 2 * part + 1
        sigma = blur / 2
        # A blurred rectangle is the product of two blurred edges.
        far_edge = size - MARGIN
        ramp = [
            _step((place + 0.5 - MARGIN) / sigma) - _step((place + 0.5 - far_edge) / sigma)
            for place in range(size)
        ]
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        for y in range(size):
            for x in range(size):
                shade = QColor(color)
                shade.setAlphaF(color.alphaF() * ramp[x] * ramp[y])
                image.setPixelColor(x, y, shade)
        self._pixmap = QPixmap.fromImage(image)

    def paint(self, painter: QPainter, rect: QRectF) -> None:
        """Draw the shadow of ``rect``; what lies under it is left out."""
        part = float(self._part)
        outer = rect.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN).translated(0.0, self._drop)
        inner = min(part, outer.width() / 2), min(part, outer.height() / 2)
        xs = (outer.left(), outer.left() + inner[0], outer.right() - inner[0], outer.right())
        ys = (outer.top(), outer.top() + inner[1], outer.bottom() - inner[1], outer.bottom())
        us = ((0.0, inner[0]), (part, part + 1.0), (2 * part + 1.0 - inner[0], 2 * part + 1.0))
        vs = ((0.0, inner[1]), (part, part + 1.0), (2 * part + 1.0 - inner[1], 2 * part + 1.0))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, True)
        for row in range(3):
            for column in range(3):
                if row == column == 1:
                    continue
                target = QRectF(
                    xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row]
                )
                if target.width() <= 0 or target.height() <= 0:
                    continue
                source = QRectF(
                    us[column][0],
                    vs[row][0],
                    us[column][1] - us[column][0],
                    vs[row][1] - vs[row][0],
                )
                painter.drawPixmap(target, self._pixmap, source)


@lru_cache(maxsize=8)
def node_shadow(style: Style) -> Shadow:
    """Return the shadow of nodes in one style."""
    return Shadow(
        style.color("node.shadow"), style.px("elevation.1.blur"), style.px("elevation.1.dy")
    )


def _step(value: float) -> float:
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
