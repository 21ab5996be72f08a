"""The soft shadow under nodes: one small picture, drawn in parts around any rectangle."""

from __future__ import annotations

import math
from functools import lru_cache

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap

from app.widgets.style import Style

MARGIN = 22.0
"""How far a shadow reaches beyond the rectangle, and how far a part reaches into it."""
_UNDER = 4.0
"""How far it is drawn under the rectangle, whose corners are round."""


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
        """Draw the shadow around ``rect``; nearly all that lies under it is left out.

        The picture is stretched without smoothing: it has no edges that could show it, and
        smoothing took as long as all the rest of a node.
        """
        part, size = float(self._part), 2.0 * self._part + 1.0
        outer = rect.adjusted(-MARGIN, -MARGIN, MARGIN, MARGIN).translated(0.0, self._drop)
        wide, high = min(part, outer.width() / 2), min(part, outer.height() / 2)
        band = min(MARGIN + self._drop + _UNDER, high)
        columns = (
            (outer.left(), wide, 0.0, wide),
            (outer.left() + wide, outer.width() - 2 * wide, part, 1.0),
            (outer.right() - wide, wide, size - wide, wide),
        )
        rows = (
            (outer.top() + band, high - band, band, high - band),
            (outer.top() + high, outer.height() - 2 * high, part, 1.0),
            (outer.bottom() - high, high - band, size - high, high - band),
        )
        side = MARGIN + _UNDER
        draw, pixmap = painter.drawPixmap, self._pixmap
        for x, width, u, source_width in columns:
            if width > 0.0:
                top, bottom = outer.top(), outer.bottom() - band
                draw(QRectF(x, top, width, band), pixmap, QRectF(u, 0.0, source_width, band))
                draw(
                    QRectF(x, bottom, width, band),
                    pixmap,
                    QRectF(u, size - band, source_width, band),
                )
        for y, height, v, source_height in rows:
            if height > 0.0:
                left, right = outer.left(), outer.right() - side
                draw(QRectF(left, y, side, height), pixmap, QRectF(0.0, v, side, source_height))
                draw(
                    QRectF(right, y, side, height),
                    pixmap,
                    QRectF(size - side, v, side, source_height),
                )


@lru_cache(maxsize=8)
def node_shadow(style: Style) -> Shadow:
    """Return the shadow of nodes in one style."""
    return Shadow(
        style.color("node.shadow"), style.px("elevation.1.blur"), style.px("elevation.1.dy")
    )


def _step(value: float) -> float:
    return 0.5 * (1.0 + math.erf(value / math.sqrt(2.0)))
