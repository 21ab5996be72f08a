"""The list of the search popup: two lines a row, matched letters lit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.widgets.icons import paint_icon
from app.widgets.labels import paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, elided, paint_box, paint_text, text_width

ROW_HEIGHT = 44
_STEPS = {
    Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -7, Qt.Key.Key_PageDown: 7,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SearchRow:
    """One row.

    Attributes:
        title: First line.
        note: Second line.
        right: Words at the right end.
        letters: Positions of the matched letters in the title.
        dot: Type whose colour the dot has, or empty.
        icon: Icon instead of the dot.
        is_enabled: Whether it can be taken.
        payload: What it stands for.
    """

    title: str
    note: str = ""
    right: str = ""
    letters: tuple[int, ...] = ()
    dot: str = ""
    icon: str = ""
    is_enabled: bool = True
    payload: Any = None


class SearchList(Themed, QWidget):
    """The list; it paints only what is in sight, so its length costs nothing.

    Signals:
        activated: The :class:`SearchRow` that was clicked.
        current_changed: Another row is marked.
    """

    activated = Signal(object)
    current_changed = Signal()

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: list[SearchRow] = []
        self._current = 0
        self._offset = 0.0
        self.setMouseTracking(True)
        self.apply_style(look)

    @property
    def rows(self) -> list[SearchRow]:
        """All rows."""
        return self._rows

    @property
    def current(self) -> int:
        """Number of the marked row."""
        return self._current

    @property
    def current_row(self) -> SearchRow | None:
        """The marked row."""
        return self._rows[self._current] if self._rows else None

    def set_rows(self, rows: Sequence[SearchRow]) -> None:
        """Show other rows and mark the first."""
        self._rows = list(rows)
        self._offset = 0.0
        self._current = 0
        self.update()
        self.current_changed.emit()

    def step(self, offset: int) -> None:
        """Mark another row; one step goes round at the ends."""
        if not self._rows:
            return
        count = len(self._rows)
        target = self._current + offset
        target = target % count if abs(offset) == 1 else min(max(0, target), count - 1)
        self._mark(target)
        self._show_current()

    def row_box(self, index: int) -> QRectF:
        """Return where a row lies."""
        height = self.px(ROW_HEIGHT)
        return QRectF(0, index * height - self._offset, self.width(), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows in sight."""
        painter = QPainter(self)
        height = self.px(ROW_HEIGHT)
        first = int(self._offset // height)
        last = min(len(self._rows), int((self._offset + self.height()) // height) + 1)
        for index in range(first, last):
            self._paint_row(painter, self._rows[index], self.row_box(index), index)
        total = len(self._rows) * height
        if total > self.height():
            share = self.height() / total
            bar = max(self.px(24), self.height() * share)
            top = (self.height() - bar) * self._offset / (total - self.height())
            box = QRectF(self.width() - self.px(5), top, self.px(3), bar)
            paint_box(painter, box, self.px(1.5), self.color("border.strong"))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Mark the row under the pointer."""
        index = self._index_at(event.position())
        if index >= 0:
            self._mark(index)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the row that is clicked."""
        index = self._index_at(event.position())
        if index >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._mark(index)
            self.activated.emit(self._rows[index])

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Scroll."""
        step = event.pixelDelta().y() or event.angleDelta().y() / 120 * self.px(ROW_HEIGHT)
        self._scroll_to(self._offset - step)
        event.accept()

    def _paint_row(self, painter: QPainter, row: SearchRow, rect: QRectF, index: int) -> None:
        shape = rect.adjusted(self.px(8), 0, -self.px(8), 0)
        marked = index == self._current
        if marked:
            paint_box(painter, shape, self.px(6), self.color("state.pressed"))
        middle = rect.center().y()
        left = rect.left() + self.px(40)
        center = QPointF(rect.left() + self.px(24), middle)
        if row.icon:
            paint_icon(painter, row.icon, center, self.px(14), self.color("text.secondary"))
        elif row.dot:
            paint_dot(painter, center, self.px(4), self.look.link_color(row.dot))
        quiet = self.color("text.secondary" if marked else "text.tertiary")
        body, small = self.look.font("body"), self.look.font("small")
        right = shape.right() - self.px(16)
        font = body if len(row.right) < 28 else small
        width = min(text_width(font, row.right), rect.width() * 0.4)
        box = QRectF(right - width - 1, rect.top(), width + 1, rect.height())
        paint_text(painter, box, row.right, font, quiet, Qt.AlignmentFlag.AlignRight)
        room = box.left() - self.px(12) - left
        if row.note:
            note = QRectF(left, middle, room, self.px(18))
            paint_text(painter, note, row.note, small, quiet)
            line = QRectF(left, middle - self.px(18), room, self.px(20))
        else:
            line = QRectF(left, rect.top(), room, rect.height())
        self._paint_title(painter, line, row, marked)

    def _paint_title(self, painter: QPainter, box: QRectF, row: SearchRow, marked: bool) -> None:
        plain, strong = self.look.font("body"), self.look.font("panelTitle")
        name = "text.primary" if marked else "text.secondary"
        ink = self.color(name if row.is_enabled else "text.disabled")
        lit = self.color("accent.text")
        if not row.letters or not row.is_enabled:
            paint_text(painter, box, row.title, plain, ink)
            return
        title = elided(plain, row.title, box.width() - self.px(8))
        letters = set(row.letters)
        metrics = QFontMetricsF(plain)
        base = box.center().y() + (metrics.ascent() - metrics.descent()) / 2
        x = box.left()
        for start, end, is_lit in _runs(title, letters):
            part = title[start:end]
            painter.setFont(strong if is_lit else plain)
            painter.setPen(lit if is_lit else ink)
            painter.drawText(QPointF(x, base), part)
            x += text_width(painter.font(), part)

    def _mark(self, index: int) -> None:
        if index != self._current:
            self._current = index
            self.update()
            self.current_changed.emit()

    def _show_current(self) -> None:
        box = self.row_box(self._current)
        if box.top() < 0:
            self._scroll_to(self._offset + box.top())
        elif box.bottom() > self.height():
            self._scroll_to(self._offset + box.bottom() - self.height())

    def _scroll_to(self, offset: float) -> None:
        most = max(0.0, len(self._rows) * self.px(ROW_HEIGHT) - self.height())
        self._offset = min(max(0.0, offset), most)
        self.update()

    def _index_at(self, position: QPointF) -> int:
        index = int((position.y() + self._offset) // self.px(ROW_HEIGHT))
        return index if 0 <= index < len(self._rows) else -1


def _runs(text: str, letters: set[int]) -> list[tuple[int, int, bool]]:
    """Split a text into stretches of letters that are all lit or all plain."""
    runs: list[tuple[int, int, bool]] = []
    start = 0
    for index in range(1, len(text) + 1):
        if index == len(text) or (index in letters) != (start in letters):
            runs.append((start, index, start in letters))
            start = index
    return runs


class QueryField(QLineEdit):
    """The query: arrows walk the list, Tab goes to the filters.

    Signals:
        moved: Rows to go down, or up when negative.
        accepted, refused: Enter or Escape was pressed.
        filters_requested: Tab was pressed.
        removed_last: Backspace was pressed in the empty field.
    """

    moved = Signal(int)
    accepted = Signal()
    refused = Signal()
    filters_requested = Signal()
    removed_last = Signal()

    def event(self, event: QEvent) -> bool:
        """Take Tab before the focus moves away."""
        is_key = event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
        if is_key and event.key() == Qt.Key.Key_Tab:
            self.filters_requested.emit()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Walk, accept, refuse, or type."""
        key = Qt.Key(event.key())
        if key in _STEPS:
            self.moved.emit(_STEPS[key])
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        elif key == Qt.Key.Key_Escape:
            self.refused.emit()
        elif key == Qt.Key.Key_Backspace and not self.text():
            self.removed_last.emit()
        else:
            super().keyPressEvent(event)
