"""Tabs of the open documents, over the canvas (U-388)."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QToolTip, QWidget

from app.ui.words import tr
from app.widgets.icons import paint_icon
from app.widgets.labels import paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text, text_width

_LONGEST = 220
_SHORTEST = 96
_TICK_MS = 40


@dataclass(slots=True)
class Tab:
    """What one tab shows.

    Attributes:
        key: The document it stands for.
        title: Name of the document.
        tip: Its path, or empty.
        is_modified: There are unsaved changes.
        is_running: A job of it runs.
        has_failed: Its last run failed.
    """

    key: object
    title: str
    tip: str = ""
    is_modified: bool = False
    is_running: bool = False
    has_failed: bool = False


class TabStrip(Themed, QWidget):
    """The strip of tabs.

    Signals:
        chosen: Key of the tab that shall be shown.
        close_requested: Key of the tab that shall be closed.
        moved: A tab was dragged: from index, to index.
        new_requested: The plus was pressed.
        menu_requested: Key of a tab and the place on the screen, after a right click.
    """

    chosen = Signal(object)
    close_requested = Signal(object)
    moved = Signal(int, int)
    new_requested = Signal()
    menu_requested = Signal(object, QPoint)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tabs: list[Tab] = []
        self._current: object = None
        self._hovered = QPointF(-1, -1)
        self._press: tuple[int, QPointF] | None = None
        self._pressed_close = -1
        self._is_dragging = False
        self._scroll = 0.0
        self._angle = 0.0
        self._has_ring = False
        self.reduced_motion = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr("Open workflows"))
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._turn)
        self.apply_style(look)

    @property
    def tabs(self) -> list[Tab]:
        """The tabs, from left to right."""
        return list(self._tabs)

    @property
    def current(self) -> object:
        """Key of the tab that is shown."""
        return self._current

    def set_tabs(self, tabs: list[Tab], current: object) -> None:
        """Show other tabs, or the same ones in another state."""
        changed = current is not self._current
        self._tabs = list(tabs)
        self._current = current
        runs = any(tab.is_running for tab in tabs) and not self.reduced_motion
        if runs and not self._timer.isActive():
            self._timer.start()
        elif not runs:
            self._timer.stop()
        if changed:
            self._show_current()
        self.update()

    def tab_box(self, index: int) -> QRectF:
        """Return where a tab lies; for tests and for the menu."""
        return self._boxes()[index]

    def close_box(self, index: int) -> QRectF:
        """Return where a tab's cross lies."""
        box = self._boxes()[index]
        side = self.px(18)
        return QRectF(box.right() - self.px(17) - side / 2, box.center().y() - side / 2, side, side)

    def plus_box(self) -> QRectF:
        """Return where the plus lies."""
        boxes = self._boxes()
        left = boxes[-1].right() + self.px(6) if boxes else self.px(8)
        side = self.px(28)
        left = min(left, self.width() - side - self.px(8))
        return QRectF(left, self.px(4), side, side)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(36))

    def event(self, event: QEvent) -> bool:
        """Show the path of the tab under the pointer as a tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self._index_at(QPointF(event.pos()))
            tip = self._tabs[index].tip if index >= 0 else ""
            if self.plus_box().contains(QPointF(event.pos())):
                tip = tr("New workflow")
            QToolTip.showText(event.globalPos(), tip, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground, the tabs and the plus."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        painter.fillRect(rect, self.color("surface.window"))
        painter.fillRect(QRectF(0, rect.height() - 1, rect.width(), 1), self.color("border.subtle"))
        plus = self.plus_box()
        painter.save()
        painter.setClipRect(QRectF(0, 0, plus.left() - self.px(2), rect.height()))
        for index, box in enumerate(self._boxes()):
            self._paint_tab(painter, index, box)
        painter.restore()
        hovered = plus.contains(self._hovered)
        if hovered:
            paint_box(painter, plus, self.px(6), self.color("state.hover"))
        ink = self.color("text.primary" if hovered else "text.secondary")
        paint_icon(painter, "plus", plus.center(), self.px(16), ink)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose a tab, close one, or make a new document."""
        position = event.position()
        index = self._index_at(position)
        if event.button() == Qt.MouseButton.MiddleButton:
            self._pressed_close = index
        elif event.button() == Qt.MouseButton.LeftButton:
            if self.plus_box().contains(position):
                self.new_requested.emit()
            elif index >= 0 and self.close_box(index).contains(position):
                self._pressed_close = index
            elif index >= 0:
                self._press = (index, position)
                self.chosen.emit(self._tabs[index].key)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer, and reorder while a tab is dragged."""
        self._hovered = event.position()
        if self._press is not None:
            index, start = self._press
            moved = abs(event.position().x() - start.x())
            if self._is_dragging or moved >= QApplication.startDragDistance():
                self._is_dragging = True
                self._drag_to(index, event.position())
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Close the tab whose cross was pressed, or end a drag."""
        self._press = None
        self._is_dragging = False
        index, self._pressed_close = self._pressed_close, -1
        if index < 0 or index >= len(self._tabs):
            return
        is_middle = event.button() == Qt.MouseButton.MiddleButton
        box = self._boxes()[index] if is_middle else self.close_box(index)
        if box.contains(event.position()):
            self.close_requested.emit(self._tabs[index].key)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Make a new document by a double click on the empty strip."""
        if self._index_at(event.position()) < 0 and not self.plus_box().contains(event.position()):
            self.new_requested.emit()
        else:
            self.mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the tab under the pointer."""
        index = self._index_at(QPointF(event.pos()))
        if index >= 0:
            self.menu_requested.emit(self._tabs[index].key, event.globalPos())

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll when there are more tabs than room."""
        self._scroll_to(self._scroll - event.angleDelta().y() / 2)
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self._hovered = QPointF(-1, -1)
        self.update()
        super().leaveEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only when the focus came by a key."""
        self._has_ring = is_keyboard_focus(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring off."""
        self._has_ring = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go to the tab on the left or right."""
        step = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}.get(Qt.Key(event.key()))
        index = self._current_index()
        if step is None or index < 0:
            super().keyPressEvent(event)
            return
        self.chosen.emit(self._tabs[(index + step) % len(self._tabs)].key)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the current tab in sight."""
        super().resizeEvent(event)
        self._show_current()

    def _paint_tab(self, painter: QPainter, index: int, box: QRectF) -> None:
        tab = self._tabs[index]
        is_current = tab.key is self._current
        hovered = box.contains(self._hovered)
        if is_current or hovered:
            fill = self.color("state.selected" if is_current else "state.hover")
            paint_box(painter, box, self.px(6), fill)
        if is_current and self._has_ring:
            paint_box(painter, box, self.px(6), None, self.color("focus.ring"), 2)
        left = box.left() + self.px(12)
        center = QPointF(left + self.px(6.5), box.center().y())
        if tab.is_running:
            paint_run_ring(painter, center, self._angle, self)
            left += self.px(20)
        elif tab.has_failed:
            paint_icon(painter, "circle-alert", center, self.px(16), self.color("danger.line"))
            left += self.px(20)
        font = self.look.font("bodyStrong" if is_current else "body")
        ink = self.color("text.primary" if is_current or hovered else "text.secondary")
        text = QRectF(left, box.top(), box.right() - self.px(31) - left + 1, box.height())
        paint_text(painter, text, tab.title, font, ink)
        close = self.close_box(index)
        if hovered and (not tab.is_modified or close.contains(self._hovered)):
            if close.contains(self._hovered):
                paint_box(painter, close, self.px(4), self.color("state.pressed"))
            paint_icon(painter, "x", close.center(), self.px(14), self.color("text.secondary"))
        elif tab.is_modified:
            dot = QPointF(close.center())
            paint_dot(painter, dot, self.px(3), self.color("text.tertiary"))

    def _boxes(self) -> list[QRectF]:
        strong, body = self.look.font("bodyStrong"), self.look.font("body")
        boxes = []
        left = self.px(8) - self._scroll
        for tab in self._tabs:
            font = strong if tab.key is self._current else body
            extra = self.px(20) if tab.is_running or tab.has_failed else 0
            width = self.px(12) + extra + text_width(font, tab.title) + self.px(31)
            width = min(max(width, self.px(_SHORTEST)), self.px(_LONGEST))
            boxes.append(QRectF(round(left), self.px(4), round(width), self.px(28)))
            left += round(width) + self.px(4)
        return boxes

    def _index_at(self, position: QPointF) -> int:
        if position.x() >= self.plus_box().left():
            return -1
        found = (i for i, box in enumerate(self._boxes()) if box.contains(position))
        return next(found, -1)

    def _current_index(self) -> int:
        found = (i for i, tab in enumerate(self._tabs) if tab.key is self._current)
        return next(found, -1)

    def _drag_to(self, index: int, position: QPointF) -> None:
        boxes = self._boxes()
        target = index
        for other, box in enumerate(boxes):
            if other < index and position.x() < box.center().x():
                target = other
                break
            if other > index and position.x() > box.center().x():
                target = other
        if target != index:
            self._press = (target, position)
            self.moved.emit(index, target)

    def _show_current(self) -> None:
        index = self._current_index()
        if index < 0:
            return
        box = self._boxes()[index]
        room = self.width() - self.px(44)
        if box.right() > room:
            self._scroll_to(self._scroll + box.right() - room)
        elif box.left() < self.px(8):
            self._scroll_to(self._scroll + box.left() - self.px(8))
        else:
            self._scroll_to(self._scroll)

    def _scroll_to(self, scroll: float) -> None:
        boxes = self._boxes()
        if not boxes:
            return
        total = boxes[-1].right() + self._scroll
        most = max(0.0, total - (self.width() - self.px(44)))
        self._scroll = min(max(0.0, scroll), most)
        self.update()

    def _turn(self) -> None:
        if not self.isVisible():
            return
        self._angle = (self._angle + 360 * _TICK_MS / 1200) % 360
        self.update()


def paint_run_ring(painter: QPainter, center: QPointF, angle: float, part: Themed) -> None:
    """Draw the ring that turns while a document runs; ``angle`` in degrees."""
    radius = part.px(5.5)
    box = QRectF(center.x() - radius, center.y() - radius, radius * 2, radius * 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(part.look.color("accent.track"), 1.8))
    painter.drawEllipse(box)
    pen = QPen(part.look.color("accent.line"), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(box, round((90 - angle) * 16), -(240 * 16))
