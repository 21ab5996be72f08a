"""Icons at their final pixel size, with the stroke that size asks for."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from PySide6.QtCore import QByteArray, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QIconEngine, QImage, QPainter, QPixmap

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "icons"

_STROKES = {14: 1.6, 16: 1.6, 18: 1.6, 20: 1.5}
_BOX = 24.0


@cache
def _source(name: str) -> str:
    return (FOLDER / f"{name}.svg").read_text("utf-8")


@cache
def _draw(name: str, px: int, color: str, ratio: float) -> QPixmap:
    # Here, because QtSvg is a library of its own and the first paint does without it.
    from PySide6.QtSvg import QSvgRenderer

    stroke = _STROKES.get(px, 1.6) * _BOX / px
    text = _source(name).replace("currentColor", color)
    text = text.replace('stroke-width="2"', f'stroke-width="{stroke:.3f}"')
    side = max(1, round(px * ratio))
    image = QImage(side, side, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    QSvgRenderer(QByteArray(text.encode())).render(painter, QRectF(0, 0, side, side))
    painter.end()
    pixmap = QPixmap.fromImage(image)
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def icon_pixmap(name: str, px: int, color: QColor, ratio: float = 1.0) -> QPixmap:
    """Return an icon, drawn once for each size, colour and pixel ratio.

    Raises:
        FileNotFoundError: There is no such icon in ``resources/icons``.
    """
    return _draw(name, px, color.name(), round(ratio, 3))


def paint_icon(painter: QPainter, name: str, center: QPointF, px: int, color: QColor) -> None:
    """Draw an icon so that its middle lies at ``center``, on whole pixels."""
    ratio = painter.device().devicePixelRatioF()
    pixmap = icon_pixmap(name, px, color, ratio)
    opacity = painter.opacity()
    if color.alpha() < 255:
        painter.setOpacity(opacity * color.alphaF())
    painter.drawPixmap(QPointF(round(center.x() - px / 2), round(center.y() - px / 2)), pixmap)
    painter.setOpacity(opacity)


class _IconEngine(QIconEngine):
    """Draws an icon at whatever size and screen ratio a menu asks for."""

    def __init__(self, name: str, color: QColor) -> None:
        super().__init__()
        self._name = name
        self._color = color

    def paint(self, painter: QPainter, rect: object, mode: object, state: object) -> None:
        box = QRectF(rect)  # type: ignore[call-overload]
        px = round(min(box.width(), box.height()))
        paint_icon(painter, self._name, box.center(), px, self._color)

    def pixmap(self, size: QSize, mode: object, state: object) -> QPixmap:
        return icon_pixmap(self._name, min(size.width(), size.height()), self._color)

    def clone(self) -> QIconEngine:
        return _IconEngine(self._name, self._color)


def icon(name: str, color: QColor) -> QIcon:
    """Return an icon for menus and line edits."""
    return QIcon(_IconEngine(name, color))
