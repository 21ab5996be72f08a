"""Pictures inside nodes: how a batch is laid out, and copies scaled to what the screen needs."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSizeF, Qt
from PySide6.QtGui import QBrush, QImage, QPainter, QPixmap, QTransform

GRID_GAP = 3.0
_CACHE_BYTES = 48 * 1024 * 1024


def grid_cells(count: int, picture: QSizeF, room: QRectF) -> list[QRectF]:
    """Divide ``room`` into cells for ``count`` pictures of one size.

    The number of columns is the one that gives the pictures the largest total area.

    Args:
        count: Number of pictures, at least 1.
        picture: Size of one of them; only its proportion matters.
        room: Where they go.
    """
    best_columns, best_scale = 1, -1.0
    for columns in range(1, count + 1):
        width, height = _cell(room, columns, math.ceil(count / columns))
        if width <= 0 or height <= 0:
            continue
        scale = min(width / picture.width(), height / picture.height())
        if scale > best_scale + 1e-9:
            best_columns, best_scale = columns, scale
    rows = math.ceil(count / best_columns)
    width, height = _cell(room, best_columns, rows)
    return [
        QRectF(
            room.left() + (index % best_columns) * (width + GRID_GAP),
            room.top() + (index // best_columns) * (height + GRID_GAP),
            width,
            height,
        )
        for index in range(count)
    ]


def _cell(room: QRectF, columns: int, rows: int) -> tuple[float, float]:
    return (
        (room.width() - GRID_GAP * (columns - 1)) / columns,
        (room.height() - GRID_GAP * (rows - 1)) / rows,
    )


def fitted(size: QSizeF, cell: QRectF, *, enlarge: bool, top: bool = False) -> QRectF:
    """Return where a picture of ``size`` lies in ``cell``: whole, centred, in its proportion.

    Args:
        size: Size of the picture in pixels.
        cell: Where it goes.
        enlarge: Whether a small picture may be scaled up.
        top: Put it at the top of the cell rather than in its middle.
    """
    scale = min(cell.width() / size.width(), cell.height() / size.height())
    if not enlarge:
        scale = min(scale, 1.0)
    width, height = size.width() * scale, size.height() * scale
    y = cell.top() if top else cell.center().y() - height / 2
    return QRectF(cell.center().x() - width / 2, y, width, height)


class PictureCache:
    """Pictures scaled to the pixels they take on screen; the oldest go first."""

    def __init__(self, limit_bytes: int = _CACHE_BYTES) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._pixmaps: OrderedDict[tuple[int, int, int], QPixmap] = OrderedDict()

    def paint(
        self, painter: QPainter, image: QImage, rect: QRectF, radius: float, zoom: float
    ) -> None:
        """Draw ``image`` into ``rect`` with round corners.

        Args:
            painter: Painter in node units, antialiased.
            image: The picture.
            rect: Where, in node units.
            radius: Of the corners, in units.
            zoom: Device pixels per unit.
        """
        pixmap = self._scaled(
            image, max(1, round(rect.width() * zoom)), max(1, round(rect.height() * zoom))
        )
        if pixmap.isNull():
            return
        brush = QBrush(pixmap)
        scale_x, scale_y = rect.width() / pixmap.width(), rect.height() / pixmap.height()
        brush.setTransform(QTransform(scale_x, 0, 0, scale_y, rect.left(), rect.top()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(brush)
        painter.drawRoundedRect(rect, radius, radius)

    def _scaled(self, image: QImage, width: int, height: int) -> QPixmap:
        key = (image.cacheKey(), width, height)
        pixmap = self._pixmaps.get(key)
        if pixmap is not None:
            self._pixmaps.move_to_end(key)
            return pixmap
        pixmap = QPixmap.fromImage(
            image.scaled(
                width,
                height,
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
        )
        self._pixmaps[key] = pixmap
        self._used += width * height * 4
        while self._used > self._limit and len(self._pixmaps) > 1:
            (_, old_width, old_height), _ = self._pixmaps.popitem(last=False)
            self._used -= old_width * old_height * 4
        return pixmap


def size_of(image: QImage, sizes: Sequence[tuple[int, int]], index: int) -> QSizeF:
    """Return the size of the full picture that ``image`` is a small copy of."""
    if index < len(sizes) and sizes[index][0] > 0 and sizes[index][1] > 0:
        return QSizeF(*sizes[index])
    return QSizeF(max(1, image.width()), max(1, image.height()))
