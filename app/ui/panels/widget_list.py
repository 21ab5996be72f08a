"""The list of a subgraph's widgets: two parts, an eye to show or hide each, rows to be dragged."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem, QWidget

from app.ui.panels.row_list import AnyIndex, Row, RowDelegate, RowKind, RowList
from app.widgets.icons import paint_icon
from app.widgets.labels import paint_dot
from app.widgets.style import Style
from app.widgets.themed import paint_text, text_width

ROW_HEIGHT = 40
EYE_ROOM = 40
"""Width at the right end of a row that belongs to the eye."""


class WidgetRowDelegate(RowDelegate):
    """Paints a widget in two lines, its name and its node, with an eye at the right end."""

    def __init__(self, view: WidgetList) -> None:
        super().__init__(view)
        self._list = view

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Return the height of a row."""
        if self._list.rows[index.row()].kind is RowKind.ITEM:
            return QSize(0, self._list.px(ROW_HEIGHT))
        return super().sizeHint(option, index)

    def _paint_heading(self, painter: QPainter, rect: QRectF, row: Row) -> None:
        view = self._list
        super()._paint_heading(painter, rect, row)
        if row.action:
            font = view.look.font("small")
            box = rect.adjusted(view.px(16), view.px(10), -view.px(16), 0)
            ink = view.color("text.primary" if view.hovered_action == row.key else "accent.text")
            right = Qt.AlignmentFlag.AlignRight
            paint_text(painter, box, row.action, font, ink, right)

    def _paint_row(
        self, painter: QPainter, rect: QRectF, row: Row, selected: bool, hovered: bool
    ) -> None:
        view = self._list
        is_shown, is_fixed = bool(row.is_open), bool(row.data.reason)
        left, right = rect.left() + view.px(16), rect.right() - view.px(16)
        upper = rect.top() + view.px(13)
        paint_dot(
            painter, QPointF(left + view.px(4), upper), view.px(4), view.look.link_color(row.dot)
        )
        eye = QPointF(right - view.px(8), rect.center().y())
        tone = "text.secondary" if is_shown or hovered or selected else "text.tertiary"
        if not is_fixed:
            paint_icon(
                painter, "eye" if is_shown else "eye-off", eye, view.px(16), view.color(tone)
            )
        left += view.px(18)
        width = right - view.px(24) - left
        ink = view.color("text.primary" if is_shown or selected or hovered else "text.secondary")
        if is_fixed:
            ink = view.color("text.disabled")
        name = QRectF(left, rect.top() + view.px(4), width, view.px(18))
        paint_text(painter, name, row.text, view.look.font("body"), ink)
        node = QRectF(left, rect.top() + view.px(20), width, view.px(16))
        lifted = selected or hovered
        quiet = view.color("text.secondary" if lifted else "text.tertiary")
        paint_text(painter, node, row.count, view.look.font("small"), quiet)


class WidgetList(RowList):
    """The list.

    Rows are :class:`Row` with ``data`` a :class:`~app.ui.subgraph_widgets.WidgetRow`, ``count``
    the words of its second line, and ``is_open`` when it is shown; of a heading, ``action`` is
    what can be done with the whole part.

    Signals:
        toggled: The row whose eye was pressed, or that was entered.
        moved: A shown row and its new number among the shown ones.
        heading_pressed: Key of a heading whose words at the right were pressed.
    """

    toggled = Signal(object)
    moved = Signal(object, int)
    heading_pressed = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(look, "", parent)
        self.can_move = True
        self.hovered_action = ""
        self._press: tuple[Row, QPointF] | None = None
        self._target: int | None = None
        self.setItemDelegate(WidgetRowDelegate(self))

    def shown_keys(self) -> list[str]:
        """Return the keys of the rows of the upper part."""
        return [row.key for row in self.rows if row.kind is RowKind.ITEM and row.is_open]

    @property
    def is_dragging(self) -> bool:
        """Whether a row hangs from the pointer."""
        return self._target is not None

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Press an eye or the words of a heading, or take hold of a row."""
        place = event.position()
        row = self._row_at(place)
        if row is None or event.button() != Qt.MouseButton.LeftButton:
            super().mousePressEvent(event)
            return
        if row.kind is RowKind.HEADING:
            if self._is_on_action(row, place):
                self.heading_pressed.emit(row.key)
            return
        if row.kind is RowKind.ITEM and place.x() >= self.viewport().width() - self.px(EYE_ROOM):
            self.choose(row.key)
            self.toggled.emit(row)
            return
        super().mousePressEvent(event)
        if row.kind is RowKind.ITEM and row.is_open and self.can_move:
            self._press = (row, place)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show where the row would go."""
        place = event.position()
        if self._press is None:
            row = self._row_at(place)
            is_on = row is not None and row.kind is RowKind.HEADING
            hovered = (
                row.key if row is not None and is_on and self._is_on_action(row, place) else ""
            )
            if hovered != self.hovered_action:
                self.hovered_action = hovered
                self.viewport().update()
            super().mouseMoveEvent(event)
            return
        away = place - self._press[1]
        if self._target is None and abs(away.y()) < QApplication.startDragDistance():
            return
        self._target = self._gap_at(place)
        self._scroll_at(place)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Put the row where it was let go."""
        press, target = self._press, self._target
        self._drop_drag()
        if press is None or target is None:
            super().mouseReleaseEvent(event)
            return
        keys = self.shown_keys()
        if press[0].key in keys:
            old = keys.index(press[0].key)
            # The gap below a row is one further while the row is still above it.
            new = target - 1 if target > old else target
            if new != old:
                self.moved.emit(press[0], new)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Be two presses for the eye, and an activation elsewhere."""
        if event.position().x() >= self.viewport().width() - self.px(EYE_ROOM):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Show, hide and move the chosen row; Escape drops what is dragged."""
        key, row = event.key(), self.chosen_row()
        if key == Qt.Key.Key_Escape and self._press is not None:
            self._drop_drag()
            return
        if row is not None and row.kind is RowKind.ITEM:
            if key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.toggled.emit(row)
                return
            if event.modifiers() & Qt.KeyboardModifier.AltModifier:
                step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(key))
                keys = self.shown_keys()
                if step is not None and row.key in keys and self.can_move:
                    place = keys.index(row.key) + step
                    if 0 <= place < len(keys):
                        self.moved.emit(row, place)
                    return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows, and the line where a dragged one would go."""
        super().paintEvent(event)
        if self._target is None:
            return
        painter = QPainter(self.viewport())
        y = self._gap_y(self._target)
        box = QRectF(self.px(8), y - 1.0, self.viewport().width() - self.px(16), 2.0)
        painter.fillRect(box, self.color("accent.line"))

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self.hovered_action = ""
        super().leaveEvent(event)

    def set_rows(self, rows: Any) -> None:
        """Show other rows; what was being dragged is dropped."""
        self._drop_drag()
        super().set_rows(rows)

    def _drop_drag(self) -> None:
        self._press = self._target = None
        self.viewport().update()

    def _is_on_action(self, row: Row, place: QPointF) -> bool:
        width = text_width(self.look.font("small"), row.action) + self.px(24)
        return bool(row.action) and place.x() >= self.viewport().width() - width

    def _shown_rects(self) -> list[QRectF]:
        return [
            QRectF(self.visualRect(self.rows_model.index(number)))
            for number, row in enumerate(self.rows)
            if row.kind is RowKind.ITEM and row.is_open
        ]

    def _gap_at(self, place: QPointF) -> int:
        """Return before which shown row a drop at ``place`` goes."""
        return sum(place.y() > rect.center().y() for rect in self._shown_rects())

    def _gap_y(self, gap: int) -> float:
        rects = self._shown_rects()
        if gap < len(rects):
            return rects[gap].top()
        return rects[-1].bottom() if rects else 0.0

    def _scroll_at(self, place: QPointF) -> None:
        """Bring more rows into view while one is dragged past the edge."""
        bar, edge = self.verticalScrollBar(), self.px(16)
        if place.y() < edge:
            bar.setValue(bar.value() - self.px(8))
        elif place.y() > self.viewport().height() - edge:
            bar.setValue(bar.value() + self.px(8))
