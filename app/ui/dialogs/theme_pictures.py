"""The theme as pictures to choose from."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QWidget

from app.engine.settings import Setting
from app.ui.theme import load_style
from app.ui.words import tr
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text

PICTURE = 90
GAP = 16


class ThemePictures(Themed, QWidget):
    """One picture for each theme.

    Signals:
        chosen: Value of the theme that was chosen.
    """

    chosen = Signal(str)

    def __init__(
        self, row: Setting, value: str, look: Style, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._row = row
        self._value = value
        self._has_ring = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr(row.title))
        self.apply_style(look)

    @property
    def value(self) -> str:
        """The theme that is marked."""
        return self._value

    def set_value(self, value: str) -> None:
        """Mark another theme."""
        self._value = value
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(PICTURE + 53))

    def sizeHint(self) -> QSize:
        """Return the size of three pictures."""
        return QSize(self.px(600), self.px(PICTURE + 53))

    def picture_box(self, index: int) -> QRectF:
        """Return where a picture lies."""
        count = len(self._row.choices)
        room = self.width() - 2 * self.px(32) - self.px(GAP) * (count - 1)
        width = room / count
        left = self.px(32) + index * (width + self.px(GAP))
        return QRectF(left, self.px(5), width, self.px(PICTURE))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a theme."""
        for index, (value, _) in enumerate(self._row.choices):
            box = self.picture_box(index).adjusted(0, 0, 0, self.px(32))
            if box.contains(event.position()):
                self._choose(value)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with the arrow keys."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        values = [value for value, _ in self._row.choices]
        if step is None:
            super().keyPressEvent(event)
            return
        index = values.index(self._value) + step
        if 0 <= index < len(values):
            self._has_ring = True
            self._choose(values[index])

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only when the focus came by a key."""
        self._has_ring = is_keyboard_focus(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring off."""
        self._has_ring = False
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the pictures and their names."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, (value, words) in enumerate(self._row.choices):
            box = self.picture_box(index)
            self._paint_picture(painter, box, value)
            is_on = value == self._value
            if is_on:
                ring = box.adjusted(-4, -4, 4, 4)
                width = 3 if self._has_ring else 2
                paint_box(painter, ring, self.px(8) + 4, None, self.color("accent.line"), width)
            line = QRectF(box.left(), box.bottom() + self.px(9), box.width(), self.px(24))
            font = self.look.font("bodyStrong" if is_on else "body")
            ink = self.color("text.primary" if is_on else "text.secondary")
            paint_text(painter, line, tr(words), font, ink)

    def _paint_picture(self, painter: QPainter, box: QRectF, value: str) -> None:
        path = QPainterPath()
        path.addRoundedRect(box, self.px(8), self.px(8))
        painter.save()
        painter.setClipPath(path)
        if value == "system":
            left = QRectF(box.left(), box.top(), box.width() / 2, box.height())
            self._paint_window(painter, box, load_style("light"), left)
            right = QRectF(box.center().x(), box.top(), box.width() / 2, box.height())
            self._paint_window(painter, box, load_style("dark"), right)
        else:
            self._paint_window(painter, box, load_style(value), box)
        painter.restore()
        paint_box(painter, box, self.px(8), None, self.color("border.default"))

    def _paint_window(self, painter: QPainter, box: QRectF, look: Style, part: QRectF) -> None:
        painter.save()
        painter.setClipRect(part, Qt.ClipOperation.IntersectClip)
        painter.fillRect(box, look.color("surface.canvas"))
        unit = box.height() / 90
        bar = QRectF(box.left(), box.top(), box.width(), 14 * unit)
        painter.fillRect(bar, look.color("surface.window"))
        side = QRectF(box.left(), box.top(), 18 * unit, box.height())
        painter.fillRect(side, look.color("surface.window"))
        button = QRectF(box.right() - 26 * unit, box.top() + 4 * unit, 20 * unit, 6 * unit)
        paint_box(painter, button, 2 * unit, look.color("accent.fill"))
        first = QRectF(box.left() + box.width() * 0.18, box.top() + 30 * unit, 0, 34 * unit)
        first.setWidth(box.width() * 0.27)
        second = first.translated(box.width() * 0.42, 14 * unit)
        start = QPointF(first.right(), first.center().y())
        end = QPointF(second.left(), second.center().y())
        link = QPainterPath(start)
        bend = (end.x() - start.x()) * 0.6
        link.cubicTo(start + QPointF(bend, 0), end - QPointF(bend, 0), end)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(look.link_color("LATENT"), 1.6 * unit))
        painter.drawPath(link)
        for node in (first, second):
            paint_box(painter, node, 4 * unit, look.color("node.body"), look.color("node.border"))
            title = QRectF(node.left() + 6 * unit, node.top() + 6 * unit, 20 * unit, 3 * unit)
            paint_box(painter, title, 1.5 * unit, look.color("text.secondary"))
            field = QRectF(node.left() + 6 * unit, node.top() + 16 * unit, 0, 8 * unit)
            field.setRight(node.right() - 6 * unit)
            paint_box(painter, field, 3 * unit, look.color("widget.fill"))
        painter.restore()

    def _choose(self, value: str) -> None:
        self._value = value
        self.update()
        self.chosen.emit(value)
