"""Shows a picture: zoom at the pointer, pan, compare with a second one, a checkerboard below."""

from __future__ import annotations

import enum
import math

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box, paint_text, text_width

LEAST_ZOOM = 0.02
MOST_ZOOM = 64.0
PIXEL_GRID_FROM = 16.0

_WHEEL_FACTOR = 1.2
_CHECK = 8
_GRAB_PX = 12.0
_FIT_MARGIN = 16


class CompareMode(enum.Enum):
    """How a second picture is shown (U-259, U-282)."""

    SLIDE = "slide"
    SIDE_BY_SIDE = "side by side"
    DIFFERENCE = "difference"


class ImageView(Themed, QWidget):
    """A viewer for one picture, or two to compare (U-281).

    The wheel zooms at the pointer, a drag pans, a double-click goes between fit and 1:1. Keys: 0
    fits, 1 is one to one, plus and minus zoom.

    Args:
        look: The style.
        parent: Parent widget.

    Signals:
        zoom_changed: Another zoom, in screen pixels per picture pixel.
        pointed: The pixel under the pointer (x, y) and its colour, or None beside the picture.
    """

    zoom_changed = Signal(float)
    pointed = Signal(object)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._image = QImage()
        self._second = QImage()
        self._pixmaps: dict[tuple[int, int], QPixmap] = {}
        self._difference: QPixmap | None = None
        self._mode = CompareMode.SLIDE
        self._divider = 0.5
        self._zoom = 1.0
        self._center = QPointF()
        self._is_fitted = True
        self._drag_from: QPointF | None = None
        self._is_sliding = False
        self._checks: QPixmap | None = None
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._checks = None

    @property
    def zoom(self) -> float:
        """Screen pixels per picture pixel."""
        return self._zoom

    @property
    def divider(self) -> float:
        """Place of the divider of :attr:`CompareMode.SLIDE`, 0 to 1 over the picture's width."""
        return self._divider

    @property
    def image(self) -> QImage:
        """The picture."""
        return self._image

    def set_image(self, image: QImage, *, keep_view: bool = False) -> None:
        """Show a picture.

        Args:
            image: The picture; an empty one clears the view.
            keep_view: Stay at the present zoom and place when the size is the same.
        """
        is_same_size = image.size() == self._image.size()
        self._image = image
        self._forget(0)
        if not (keep_view and is_same_size and not self._is_fitted):
            self.fit()
        self.update()

    def compare_with(self, image: QImage, mode: CompareMode = CompareMode.SLIDE) -> None:
        """Show a second picture for comparing; an empty one ends the comparing."""
        self._second = image
        self._mode = mode
        self._forget(1)
        if self._is_fitted:
            self.fit()
        self.update()

    def set_divider(self, share: float) -> None:
        """Move the divider, 0 to 1 over the picture's width."""
        self._divider = min(1.0, max(0.0, share))
        self.update()

    def fit(self) -> None:
        """Show the whole picture, never larger than it is."""
        self._is_fitted = True
        size = self._shown_size()
        if size.isEmpty():
            return
        room_w = max(1.0, self.width() - 2.0 * _FIT_MARGIN)
        room_h = max(1.0, self.height() - 2.0 * _FIT_MARGIN)
        self._center = QPointF(size.width() / 2, size.height() / 2)
        self._set_zoom(min(1.0, room_w / size.width(), room_h / size.height()))

    def zoom_to(self, zoom: float, anchor: QPointF | None = None) -> None:
        """Zoom so that what lies at ``anchor`` (widget coordinates; the middle) stays there."""
        anchor = anchor if anchor is not None else QPointF(self.rect().center())
        zoom = min(MOST_ZOOM, max(LEAST_ZOOM, zoom))
        held = self._to_picture(anchor)
        self._is_fitted = False
        away = anchor - QPointF(self.width() / 2, self.height() / 2)
        self._center = held - away / zoom
        self._keep_in_view()
        self._set_zoom(zoom)

    def picture_rect(self) -> QRectF:
        """Return where the picture lies in the widget."""
        size = self._shown_size()
        corner = QPointF(self.width() / 2, self.height() / 2) - self._center * self._zoom
        return QRectF(corner.x(), corner.y(), size.width() * self._zoom, size.height() * self._zoom)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer."""
        turns = event.angleDelta().y() / 120.0
        if turns:
            self.zoom_to(self._zoom * _WHEEL_FACTOR**turns, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin to pan, or to move the divider when it is near."""
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._drag_from = event.position()
            near = abs(event.position().x() - self._divider_x()) < _GRAB_PX
            self._is_sliding = (
                near and self._is_slide() and event.button() == Qt.MouseButton.LeftButton
            )

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, move the divider, or tell what is under the pointer."""
        pos = event.position()
        if self._drag_from is None:
            self._point_at(pos)
            near = self._is_slide() and abs(pos.x() - self._divider_x()) < _GRAB_PX
            self.setCursor(Qt.CursorShape.SplitHCursor if near else Qt.CursorShape.ArrowCursor)
            return
        if self._is_sliding:
            box = self.picture_rect()
            self.set_divider((pos.x() - box.left()) / max(1.0, box.width()))
            return
        self._is_fitted = False
        self._center -= (pos - self._drag_from) / self._zoom
        self._drag_from = pos
        self._keep_in_view()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the drag."""
        self._drag_from = None
        self._is_sliding = False

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go between the whole picture and one to one."""
        if self._is_fitted and self._zoom != 1.0:
            self.zoom_to(1.0, event.position())
        else:
            self.fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Zoom with 0, 1, plus and minus."""
        key = event.key()
        if key == Qt.Key.Key_0:
            self.fit()
        elif key == Qt.Key.Key_1:
            self.zoom_to(1.0)
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.zoom_to(self._zoom * _WHEEL_FACTOR)
        elif key == Qt.Key.Key_Minus:
            self.zoom_to(self._zoom / _WHEEL_FACTOR)
        else:
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit anew while the picture is fitted."""
        super().resizeEvent(event)
        if self._is_fitted:
            self.fit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground, the checkerboard, the pictures and what helps to compare them."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.color("surface.sunken"))
        if self._image.isNull():
            return
        box = self.picture_rect()
        seen = box.intersected(QRectF(self.rect()))
        if self._image.hasAlphaChannel() or self._second.hasAlphaChannel():
            painter.drawTiledPixmap(seen.toAlignedRect(), self._checkerboard())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._zoom < 1.0)
        if self._second.isNull():
            self._paint_picture(painter, 0, box)
        elif self._mode is CompareMode.SIDE_BY_SIDE:
            half = box.width() / 2
            self._paint_picture(painter, 0, QRectF(box.left(), box.top(), half, box.height()))
            self._paint_picture(
                painter, 1, QRectF(box.left() + half, box.top(), half, box.height())
            )
        elif self._mode is CompareMode.DIFFERENCE:
            painter.drawPixmap(box, self._difference_pixmap(), QRectF(self._image.rect()))
        else:
            self._paint_slide(painter, box)
        if self._zoom >= PIXEL_GRID_FROM:
            self._paint_pixel_grid(painter, box)

    def _paint_picture(self, painter: QPainter, which: int, box: QRectF) -> None:
        pixmap = self._pixmap(which)
        painter.drawPixmap(box, pixmap, QRectF(pixmap.rect()))

    def _paint_slide(self, painter: QPainter, box: QRectF) -> None:
        x = self._divider_x()
        left = QRectF(box.left(), box.top(), x - box.left(), box.height())
        self._paint_picture(painter, 1, box)
        painter.save()
        painter.setClipRect(left)
        if self._image.hasAlphaChannel():
            painter.drawTiledPixmap(left.toAlignedRect(), self._checkerboard())
        self._paint_picture(painter, 0, box)
        painter.restore()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for width, ink in ((3.0, QColor(0, 0, 0, 110)), (1.5, self.color("text.onAccent"))):
            painter.setPen(QPen(ink, width))
            painter.drawLine(QPointF(x, box.top()), QPointF(x, box.bottom()))
        for words, at_right in (("A", False), ("B", True)):
            self._paint_letter(painter, words, x, box, at_right=at_right)

    def _paint_letter(
        self, painter: QPainter, words: str, x: float, box: QRectF, *, at_right: bool
    ) -> None:
        font = self.font_named("key")
        side = max(self.px(20), round(text_width(font, words)) + self.px(8))
        left = x + self.px(8) if at_right else x - self.px(8) - side
        if left < box.left() or left + side > box.right():
            return
        cap = QRectF(left, box.top() + self.px(8), side, self.px(20))
        paint_box(painter, cap, self.px(4), QColor(0, 0, 0, 140))
        white = self.color("text.onAccent")
        paint_text(painter, cap, words, font, white, Qt.AlignmentFlag.AlignHCenter)

    def _paint_pixel_grid(self, painter: QPainter, box: QRectF) -> None:
        seen = box.intersected(QRectF(self.rect()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(QPen(QColor(128, 128, 128, 70), 1.0))
        first_x = int((seen.left() - box.left()) / self._zoom)
        first_y = int((seen.top() - box.top()) / self._zoom)
        for column in range(first_x, int((seen.right() - box.left()) / self._zoom) + 1):
            x = box.left() + column * self._zoom
            painter.drawLine(QPointF(x, seen.top()), QPointF(x, seen.bottom()))
        for row in range(first_y, int((seen.bottom() - box.top()) / self._zoom) + 1):
            y = box.top() + row * self._zoom
            painter.drawLine(QPointF(seen.left(), y), QPointF(seen.right(), y))

    def _pixmap(self, which: int) -> QPixmap:
        """Return a picture halved as often as it stays above its size on the screen.

        Painting a large picture small from its full size would cost tens of ms a frame.
        """
        level = max(0, int(math.log2(1.0 / self._zoom))) if self._zoom < 1.0 else 0
        pixmap = self._pixmaps.get((which, level))
        if pixmap is None:
            image = self._second if which else self._image
            if level:
                size = QSize(max(1, image.width() >> level), max(1, image.height() >> level))
                image = image.scaled(
                    size,
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
            pixmap = self._pixmaps[which, level] = QPixmap.fromImage(image)
        return pixmap

    def _difference_pixmap(self) -> QPixmap:
        if self._difference is None:
            image = self._image.convertToFormat(QImage.Format.Format_RGB32)
            other = self._second
            if other.size() != image.size():
                smooth = Qt.TransformationMode.SmoothTransformation
                other = other.scaled(image.size(), Qt.AspectRatioMode.IgnoreAspectRatio, smooth)
            painter = QPainter(image)
            painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Difference)
            painter.drawImage(QPoint(0, 0), other)
            painter.end()
            self._difference = QPixmap.fromImage(image)
        return self._difference

    def _checkerboard(self) -> QPixmap:
        if self._checks is None:
            side = self.px(_CHECK)
            tile = QPixmap(2 * side, 2 * side)
            tile.fill(self.color("surface.raised"))
            painter = QPainter(tile)
            for corner in (QPoint(0, 0), QPoint(side, side)):
                painter.fillRect(QRect(corner, QSize(side, side)), self.color("border.default"))
            painter.end()
            self._checks = tile
        return self._checks

    def _shown_size(self) -> QSize:
        size = self._image.size()
        if not self._second.isNull() and self._mode is CompareMode.SIDE_BY_SIDE:
            return QSize(size.width() * 2, size.height())
        return size

    def _divider_x(self) -> float:
        box = self.picture_rect()
        return box.left() + box.width() * self._divider

    def _is_slide(self) -> bool:
        return not self._second.isNull() and self._mode is CompareMode.SLIDE

    def _to_picture(self, point: QPointF) -> QPointF:
        box = self.picture_rect()
        return (point - box.topLeft()) / self._zoom

    def _keep_in_view(self) -> None:
        size = self._shown_size()
        self._center.setX(min(max(self._center.x(), 0.0), float(size.width())))
        self._center.setY(min(max(self._center.y(), 0.0), float(size.height())))

    def _point_at(self, pos: QPointF) -> None:
        point = self._to_picture(pos)
        x, y = int(point.x() // 1), int(point.y() // 1)
        if self._image.valid(x, y):
            self.pointed.emit((x, y, self._image.pixelColor(x, y)))
        else:
            self.pointed.emit(None)

    def _set_zoom(self, zoom: float) -> None:
        is_new = zoom != self._zoom
        self._zoom = zoom
        self.update()
        if is_new:
            self.zoom_changed.emit(zoom)

    def _forget(self, which: int) -> None:
        for key in [key for key in self._pixmaps if key[0] == which]:
            del self._pixmaps[key]
        self._difference = None
