"""Cards with a picture, in columns: recent files and templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QFocusEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from app.ui.panels.queue import paint_picture
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text, text_width

CARD_WIDTH, PICTURE_HEIGHT, CARD_HEIGHT, GAP = 252, 148, 196, 16


@dataclass(frozen=True, slots=True)
class GridCard:
    """One card.

    Attributes:
        key: Names it.
        title: First line under the picture.
        note: Second line.
        right: Words at the right end of the second line.
        icon: Icon before the second line, or empty.
        tone: Colour of that icon.
        picture: The picture, or None while it is not there.
        tip: Tooltip.
    """

    key: str
    title: str
    note: str = ""
    right: str = ""
    icon: str = ""
    tone: str = "text.secondary"
    picture: QImage | None = None
    tip: str = ""


class CardGrid(Themed, QWidget):
    """The grid; as many columns as fit, at most four.

    Signals:
        chosen: Key of the card that was clicked.
        menu_requested: Key of a card and the place on the screen.
    """

    chosen = Signal(str)
    menu_requested = Signal(str, QPoint)

    def __init__(self, look: Style, columns: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cards: list[GridCard] = []
        self._most_columns = columns
        self._hovered = -1
        self._current = -1
        self._pressed = -1
        self._has_ring = False
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.apply_style(look)

    @property
    def cards(self) -> list[GridCard]:
        """The cards."""
        return list(self._cards)

    def set_cards(self, cards: Sequence[GridCard]) -> None:
        """Show other cards."""
        self._cards = list(cards)
        self._current = min(self._current, len(self._cards) - 1)
        self._refit()

    def card_box(self, index: int) -> QRectF:
        """Return where a card lies, without the shape around it."""
        columns = self._columns()
        room = self.width() - 2 * self.px(8)
        width = (room - self.px(GAP) * (columns - 1)) / columns
        row, column = divmod(index, columns)
        left = self.px(8) + column * (width + self.px(GAP))
        top = self.px(8) + row * self.px(CARD_HEIGHT + GAP)
        return QRectF(left, top, width, self.px(CARD_HEIGHT))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._refit()

    def sizeHint(self) -> QSize:
        """Return the height of all rows."""
        rows = -(-len(self._cards) // self._columns()) if self._cards else 0
        height = self.px(16) + rows * self.px(CARD_HEIGHT) + max(0, rows - 1) * self.px(GAP)
        return QSize(self.px(CARD_WIDTH * 2), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Follow the width."""
        super().resizeEvent(event)
        self._refit()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cards in sight."""
        painter = QPainter(self)
        area = QRectF(event.rect())
        for index, card in enumerate(self._cards):
            box = self.card_box(index)
            if box.adjusted(-8, -8, 8, 8).intersects(area):
                self._paint_card(painter, card, box, index)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        hovered = self._index_at(event.position())
        if hovered != self._hovered:
            self._hovered = hovered
            self.setToolTip(self._cards[hovered].tip if hovered >= 0 else "")
            self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Remember the card that is pressed."""
        self._has_ring = False
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._index_at(event.position())
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Choose the card that was pressed."""
        pressed, self._pressed = self._pressed, -1
        self.update()
        if pressed >= 0 and pressed == self._index_at(event.position()):
            self.chosen.emit(self._cards[pressed].key)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of a card."""
        index = self._index_at(QPointF(event.pos()))
        if index >= 0:
            self.menu_requested.emit(self._cards[index].key, event.globalPos())

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Mark a card when the keyboard comes here."""
        self._has_ring = is_keyboard_focus(event)
        if self._current < 0 and self._cards:
            self._current = 0
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring off."""
        self._has_ring = False
        self.update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go from card to card and choose one."""
        columns = self._columns()
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -columns, Qt.Key.Key_Down: columns,
        }  # fmt: skip
        step = steps.get(Qt.Key(event.key()))
        keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)
        if step is not None and self._cards:
            self._current = min(max(0, self._current + step), len(self._cards) - 1)
            self._has_ring = True
            self.update()
        elif event.key() in keys and 0 <= self._current < len(self._cards):
            self.chosen.emit(self._cards[self._current].key)
        else:
            super().keyPressEvent(event)

    def _paint_card(self, painter: QPainter, card: GridCard, box: QRectF, index: int) -> None:
        shape = box.adjusted(-self.px(8), -self.px(8), self.px(8), self.px(8))
        if index in (self._hovered, self._pressed):
            name = "state.pressed" if index == self._pressed else "state.hover"
            paint_box(painter, shape, self.px(10), self.color(name))
        if index == self._current and self._has_ring:
            paint_box(painter, shape, self.px(10), None, self.color("focus.ring"), 2)
        picture = QRectF(box.left(), box.top(), box.width(), self.px(PICTURE_HEIGHT))
        paint_picture(painter, self, picture, card.picture, 8)
        title = QRectF(box.left(), picture.bottom() + self.px(8), box.width(), self.px(20))
        ink = self.color("text.primary")
        paint_text(painter, title, card.title, self.look.font("bodyStrong"), ink)
        small = self.look.font("small")
        note = QRectF(box.left(), title.bottom() - self.px(2), box.width(), self.px(20))
        if card.right:
            tone = self.color("text.tertiary" if index != self._hovered else "text.secondary")
            paint_text(painter, note, card.right, small, tone, Qt.AlignmentFlag.AlignRight)
            note.setRight(note.right() - text_width(small, card.right) - self.px(8))
        if card.icon:
            center = QPointF(note.left() + self.px(7), note.center().y())
            paint_icon(painter, card.icon, center, self.px(14), self.color(card.tone))
            note.setLeft(note.left() + self.px(20))
        paint_text(painter, note, card.note, small, self.color("text.secondary"))

    def _columns(self) -> int:
        room = self.width() - 2 * self.px(8) + self.px(GAP)
        return max(1, min(self._most_columns, room // self.px(CARD_WIDTH + GAP - 4)))

    def _index_at(self, position: QPointF) -> int:
        for index in range(len(self._cards)):
            if self.card_box(index).adjusted(-8, -8, 8, 8).contains(position):
                return index
        return -1

    def _refit(self) -> None:
        height = self.sizeHint().height()
        if height != self.height():
            self.setFixedHeight(height)
        self.update()
