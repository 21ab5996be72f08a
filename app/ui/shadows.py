"""Raised surfaces: a rounded box with a border and a soft shadow made of one small picture."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QMarginsF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPixmap
from PySide6.QtWidgets import QWidget

from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box


@lru_cache(maxsize=16)
def _shadow(blur: int, radius: int, color: str, alpha: int) -> QPixmap:
    """Return a nine-part picture of a blurred box: corners ``blur + radius`` wide."""
    corner = blur + radius + 2
    side = corner * 2 + 1
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    ink = QColor(color)
    steps = max(1, blur)
    for step in range(steps):
        # Boxes that grow smaller, each a little darker, add up to a fall that is smooth to the eye.
        share = (step + 1) / steps
        ink.setAlphaF(alpha / 255 * 2.2 * share / steps)
        painter.setBrush(ink)
        inset = step + 1
        painter.drawRoundedRect(
            QRectF(inset, inset, side - 2 * inset, side - 2 * inset),
            corner - inset,
            corner - inset,
        )
    painter.end()
    return QPixmap.fromImage(image)


def paint_shadow(painter: QPainter, box: QRectF, radius: float, look: Style, level: int) -> None:
    """Draw the shadow of an elevation (tokens, ``elevation``) around ``box``."""
    row = look.tokens["elevation"][str(level)]
    blur = round(row["blur"] * look.scale * 0.6)
    color = look.color(row["color"])
    picture = _shadow(blur, round(radius), color.name(), color.alpha())
    outer = box.adjusted(-blur, -blur, blur, blur).translated(0, row["dy"] * look.scale)
    corner = picture.width() // 2
    _paint_nine(painter, outer, picture, corner)


def _paint_nine(painter: QPainter, box: QRectF, picture: QPixmap, corner: int) -> None:
    middle_width = box.width() - 2 * corner
    middle_height = box.height() - 2 * corner
    columns = (
        (0, corner, box.left(), corner),
        (corner, 1, box.left() + corner, middle_width),
        (corner + 1, corner, box.right() - corner, corner),
    )
    rows = (
        (0, corner, box.top(), corner),
        (corner, 1, box.top() + corner, middle_height),
        (corner + 1, corner, box.bottom() - corner, corner),
    )
    for source_x, source_width, x, width in columns:
        for source_y, source_height, y, height in rows:
            painter.drawPixmap(
                QRectF(x, y, width, height),
                picture,
                QRectF(source_x, source_y, source_width, source_height),
            )


class Floating(Themed, QWidget):
    """A surface that floats over others; the shadow lies inside the widget, around the surface.

    Args:
        look: The style.
        level: Elevation, 2 to 4.
        radius: Radius of its corners.
        fill: Name of the colour of the surface.
    """

    def __init__(
        self,
        look: Style,
        *,
        level: int,
        radius: int,
        fill: str = "surface.popup",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._level = level
        self._radius = radius
        self._fill = fill
        self.look = look

    @property
    def margins(self) -> QMarginsF:
        """Room for the shadow around the surface."""
        row = self.look.tokens["elevation"][str(self._level)]
        blur, below = round(row["blur"] * self.look.scale * 0.6), row["dy"] * self.look.scale
        return QMarginsF(blur, max(0, blur - below), blur, blur + below)

    def inner(self) -> QRectF:
        """Return the surface, in the widget's coordinates."""
        return QRectF(self.rect()).marginsRemoved(self.margins)

    def set_inner_size(self, width: int, height: int) -> None:
        """Fix the size of the surface."""
        room = self.margins
        self.setFixedSize(
            QSize(
                round(width + room.left() + room.right()),
                round(height + room.top() + room.bottom()),
            )
        )

    def move_inner(self, x: float, y: float) -> None:
        """Move so that the surface's corner lies at ``x, y`` of the parent."""
        room = self.margins
        self.move(round(x - room.left()), round(y - room.top()))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint shadow, surface and border."""
        painter = QPainter(self)
        inner = self.inner()
        radius = self.px(self._radius)
        paint_shadow(painter, inner, radius, self.look, self._level)
        paint_box(painter, inner, radius, self.color(self._fill), self.color("border.default"))
