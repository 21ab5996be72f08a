"""Pictures that were made, two by two, newest first (U-332)."""

from __future__ import annotations

import datetime

from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRectF, QSize, Qt, QUrl, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDesktopServices,
    QDrag,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
)
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.menu import Menu
from app.ui.panels.queue import covering, paint_picture
from app.ui.run_port import Result
from app.ui.words import tr
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text

_MOST = 256


def day_words(time_s: float, now: datetime.datetime | None = None) -> str:
    """Return the day of a time as people say it: "Today", "Yesterday", "18 November"."""
    moment = datetime.datetime.fromtimestamp(time_s)
    today = (now or datetime.datetime.now()).date()
    days = (today - moment.date()).days
    if days <= 0:
        return tr("Today")
    if days == 1:
        return tr("Yesterday")
    months = [
        tr("January"), tr("February"), tr("March"), tr("April"), tr("May"), tr("June"),
        tr("July"), tr("August"), tr("September"), tr("October"), tr("November"), tr("December"),
    ]  # fmt: skip
    words = f"{moment.day} {months[moment.month - 1]}"
    return words if moment.year == today.year else f"{words} {moment.year}"


class ResultsGrid(Themed, QWidget):
    """The grid; it lies in a scroll area and is as high as its rows.

    Signals:
        opened: A :class:`Result` to show large.
        workflow_requested: Path of a picture whose workflow shall be opened.
        compare_requested: A :class:`Result` to compare the shown document with.
    """

    opened = Signal(object)
    workflow_requested = Signal(str)
    compare_requested = Signal(object)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._results: list[Result] = []
        self._query = ""
        self._is_large = False
        self._limit = _MOST
        self._room = 0
        self._empty_words = tr("Pictures you make appear here")
        self._current = -1
        self._hovered = -1
        self._has_ring = False
        self._press: tuple[int, QPointF] | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Results"))
        self.apply_style(look)

    @property
    def results(self) -> list[Result]:
        """The pictures that are shown, newest first."""
        query = self._query.casefold()
        if not query:
            return self._results
        return [item for item in self._results if query in f"{item.title} {item.path}".casefold()]

    def add(self, result: Result) -> None:
        """Put a new picture in front; one of the same file is replaced."""
        self._results = [item for item in self._results if item.path != result.path]
        self._results.insert(0, result)
        self._results.sort(key=lambda item: -item.time)
        del self._results[self._limit :]
        self._refit()

    def set_results(self, results: list[Result]) -> None:
        """Show other pictures."""
        self._results = sorted(results, key=lambda item: -item.time)[: self._limit]
        self._refit()

    def set_limit(self, limit: int) -> None:
        """Keep at most this many."""
        self._limit = limit
        self.set_results(self._results)

    def set_query(self, query: str) -> None:
        """Show only pictures whose title or file holds these words."""
        self._query = query.strip()
        self._current = -1
        self._refit()

    def set_empty_words(self, words: str) -> None:
        """Say something else while there is nothing to show."""
        self._empty_words = words

    def set_room(self, width: int) -> None:
        """Lay the pictures for this width, whether a scroll bar takes some of it or not."""
        self._room = width
        self._refit()

    def set_large(self, is_large: bool) -> None:
        """Show one picture in a row instead of two."""
        self._is_large = is_large
        self._refit()

    def clear(self) -> None:
        """Empty the list; the files stay."""
        self.set_results([])

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._refit()

    def sizeHint(self) -> QSize:
        """Return the height of all rows at the present width."""
        return QSize(self.px(200), self._height())

    def picture_box(self, index: int) -> QRectF:
        """Return where the picture of that number lies."""
        return self._lay()[1][index]

    def resizeEvent(self, event: QEvent) -> None:
        """Follow the width."""
        self._refit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the days and the pictures in sight."""
        painter = QPainter(self)
        days, boxes = self._lay()
        area = QRectF(event.rect())
        if not boxes:
            words = self._empty_words
            if self._results:
                words = tr("No result has this name")
            box = QRectF(self.px(16), 0, self.width() - self.px(32), self.px(28))
            ink = self.color("text.tertiary")
            paint_text(painter, box, words, self.look.font("body"), ink)
            return
        for words, box in days:
            if box.intersects(area):
                ink = self.color("text.tertiary")
                paint_text(painter, box, words, self.look.font("small"), ink)
        results = self.results
        for index, box in enumerate(boxes):
            if not box.intersects(area):
                continue
            paint_picture(painter, self, box, results[index].picture)
            if index == self._hovered:
                paint_box(painter, box, self.px(6), None, self.color("border.strong"))
            if index == self._current and self._has_ring:
                paint_box(painter, box, self.px(6), None, self.color("focus.ring"), 2)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember where a click or a drag began."""
        index = self._index_at(event.position())
        self._has_ring = False
        self._current = index
        if event.button() == Qt.MouseButton.LeftButton and index >= 0:
            self._press = (index, event.position())
        self.update()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer, or begin to drag the file out (U-521)."""
        if self._press is not None:
            index, start = self._press
            if (event.position() - start).manhattanLength() >= QApplication.startDragDistance():
                self._press = None
                self._drag(self.results[index])
            return
        hovered = self._index_at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            result = self.results[hovered] if hovered >= 0 else None
            self.setToolTip(_tip(result) if result is not None else "")
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Open the picture that was clicked."""
        press, self._press = self._press, None
        if press is not None and self._index_at(event.position()) == press[0]:
            self.opened.emit(self.results[press[0]])

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self._hovered = -1
        self.update()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Choose the first picture when the keyboard comes here."""
        self._has_ring = is_keyboard_focus(event)
        if self._current < 0 and self.results:
            self._current = 0
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring off."""
        self._has_ring = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from picture to picture and open one."""
        columns = 1 if self._is_large else 2
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1,
                 Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns}  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        count = len(self.results)
        if step is not None and count:
            self._has_ring = True
            self._current = min(max(0, self._current + step), count - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and 0 <= self._current < count:
            self.opened.emit(self.results[self._current])
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer what can be done with a picture (U-331)."""
        index = self._index_at(QPointF(event.pos()))
        if index < 0:
            return
        result = self.results[index]
        menu = Menu(self)
        menu.addAction(tr("Open"), lambda: self.opened.emit(result))
        menu.addAction(tr("Open its workflow"), lambda: self.workflow_requested.emit(result.path))
        menu.addAction(tr("Compare with this run"), lambda: self.compare_requested.emit(result))
        menu.addAction(tr("Show in folder"), lambda: show_in_folder(result.path))
        menu.addSeparator()
        menu.addAction(tr("Copy picture"), lambda: self._copy(result))
        menu.addAction(tr("Copy path"), lambda: QApplication.clipboard().setText(result.path))
        menu.addAction(tr("Remove from the list"), lambda: self._forget(result))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def _refit(self) -> None:
        self.setMinimumHeight(self._height())
        self.update()

    def _height(self) -> int:
        boxes = self._lay()[1]
        return round(boxes[-1].bottom()) + self.px(16) if boxes else self.px(40)

    def _lay(self) -> tuple[list[tuple[str, QRectF]], list[QRectF]]:
        gap, left = self.px(8), self.px(16)
        room = max(self.px(40), (self._room or self.width()) - 2 * left)
        columns = 1 if self._is_large else 2
        side = (room - gap * (columns - 1)) / columns
        days: list[tuple[str, QRectF]] = []
        boxes: list[QRectF] = []
        day, column, top = "", 0, 0.0
        for result in self.results:
            words = day_words(result.time)
            if words != day:
                if boxes:
                    top = boxes[-1].bottom() + self.px(10)
                days.append((words, QRectF(left, top, room, self.px(28))))
                day, column, top = words, 0, top + self.px(30)
            elif column == columns:
                column, top = 0, top + side + gap
            boxes.append(QRectF(left + column * (side + gap), top, side, side))
            column += 1
        return days, boxes

    def _index_at(self, position: QPointF) -> int:
        found = (i for i, box in enumerate(self._lay()[1]) if box.contains(position))
        return next(found, -1)

    def _drag(self, result: Result) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(result.path)])
        drag = QDrag(self)
        drag.setMimeData(data)
        side = self.px(72)
        small = QPixmap(side, side)
        small.fill(Qt.GlobalColor.transparent)
        painter = QPainter(small)
        box = QRectF(0, 0, side, side)
        painter.drawImage(box, result.picture, covering(result.picture, box))
        painter.end()
        drag.setPixmap(small)
        drag.setHotSpot(QPoint(side // 2, side // 2))
        drag.exec(Qt.DropAction.CopyAction)

    def _copy(self, result: Result) -> None:
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(result.path)])
        data.setImageData(result.picture)
        QApplication.clipboard().setMimeData(data)

    def _forget(self, result: Result) -> None:
        self.set_results([item for item in self._results if item is not result])


def _tip(result: Result) -> str:
    width, height = result.size
    size = f"{width} × {height}" if width else ""
    name = result.path.replace("\\", "/").rsplit("/", 1)[-1]
    return "\n".join(part for part in (name, size) if part)


def show_in_folder(path: str) -> None:
    """Open the folder of a file in the system's file browser."""
    from pathlib import Path

    QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(path).parent)))
