"""A list of what was found: matched letters stand out, rows are painted only when seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.widgets.fuzzy import Match
from app.widgets.icons import paint_icon
from app.widgets.labels import paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, elided, paint_box, paint_text, text_width

ROW_HEIGHT = 28
TWO_LINE_ROW_HEIGHT = 44
MATCH_ROLE = Qt.ItemDataRole.UserRole

_Index = QModelIndex | QPersistentModelIndex
_MOVES = {
    Qt.Key.Key_Up: -1,
    Qt.Key.Key_Down: 1,
}


class MatchModel(QAbstractListModel):
    """The matches of one query, best first."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._matches: Sequence[Match] = ()

    def set_matches(self, matches: Sequence[Match]) -> None:
        """Show other matches."""
        self.beginResetModel()
        self._matches = matches
        self.endResetModel()

    def match_at(self, row: int) -> Match | None:
        """Return the match in a row, or None beyond the ends."""
        return self._matches[row] if 0 <= row < len(self._matches) else None

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return how many matches there are."""
        return 0 if parent.isValid() else len(self._matches)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return the name of a row, for screen readers, or its match for the painter."""
        match = self.match_at(index.row())
        if match is None:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return match.item.name
        return match if role == MATCH_ROLE else None


class MatchDelegate(QStyledItemDelegate):
    """Paints a match: a dot in its type's colour, the name, a quieter line, a note at the right.

    Args:
        look: The style.
        two_lines: Rows are 44 high and show the detail below the name.
        folders: A path before the name is drawn in the quietest text colour.
        checked: The item whose row carries a tick, if any.
    """

    def __init__(
        self,
        look: Style,
        *,
        two_lines: bool = False,
        folders: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.look = look
        self.checked: object = None
        self._two_lines = two_lines
        self._folders = folders
        self._strong = QFont(look.font("body"))
        self._strong.setWeight(QFont.Weight.DemiBold)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        """Return the height of a row; its width is the list's."""
        height = TWO_LINE_ROW_HEIGHT if self._two_lines else ROW_HEIGHT
        return QSize(0, round(height * self.look.scale))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one row."""
        match = index.data(MATCH_ROLE)
        if match is None:
            return
        box = QRectF(_rect(option))
        scale = self.look.scale
        chosen = bool(_state(option) & QStyle.StateFlag.State_Selected)
        hovered = bool(_state(option) & QStyle.StateFlag.State_MouseOver)
        painter.save()
        if chosen or hovered:
            ground = self.look.color("state.selected" if chosen else "state.hover")
            paint_box(painter, box, 6 * scale, ground)
        left = box.left() + 10 * scale
        item = match.item
        if item.tone:
            paint_dot_at = box.left() + 14 * scale
            color = self.look.link_color(item.tone)
            center = box.center()
            center.setX(paint_dot_at)
            paint_dot(painter, center, 4 * scale, color)
            left += 18 * scale
        right = box.right() - 10 * scale
        if self.checked is not None and item.data is self.checked:
            center = box.center()
            center.setX(right - 7 * scale)
            px = round(14 * scale)
            paint_icon(painter, "check", center, px, self.look.color("text.primary"))
            right -= 22 * scale
        quiet = self.look.color("text.secondary" if chosen or hovered else "text.tertiary")
        if item.note:
            font = self.look.font("small")
            width = min(text_width(font, item.note), box.width() / 3)
            note = QRectF(right - width, box.top(), width, box.height())
            paint_text(painter, note, item.note, font, quiet, Qt.AlignmentFlag.AlignRight)
            right -= width + 10 * scale
        line = QRectF(left, box.top(), right - left, box.height())
        if self._two_lines and item.detail:
            detail = line.adjusted(0, line.height() / 2 - 1, 0, -3 * scale)
            paint_text(painter, detail, item.detail, self.look.font("small"), quiet)
            line.setBottom(line.center().y() + 2 * scale)
            line.setTop(line.top() + 2 * scale)
        ink = self.look.color("text.primary")
        self._paint_name(painter, line, match, ink, quiet)
        painter.restore()

    def _paint_name(
        self, painter: QPainter, line: QRectF, match: Match, ink: QColor, quiet: QColor
    ) -> None:
        """Draw the name in runs of plain and matched letters; a folder before it is quieter."""
        font = self.look.font("body")
        name = match.item.name
        accent = self.look.color("accent.text")
        folder_end = folder_length(name) if self._folders else 0
        hit = set(match.letters)
        full = text_width(font, name)
        if full > line.width():
            cut_font = self._strong if hit else font
            name = elided(cut_font, name, line.width())
            if name.endswith("…"):
                hit.discard(len(name) - 1)
        x = line.left()
        metrics = QFontMetricsF(font)
        baseline = line.center().y() + (metrics.ascent() - metrics.descent()) / 2
        for begin, end in _runs(name, hit, folder_end):
            is_hit = begin in hit
            run_font = self._strong if is_hit else font
            painter.setFont(run_font)
            painter.setPen(accent if is_hit else quiet if begin < folder_end else ink)
            painter.drawText(QPointF(x, baseline), name[begin:end])
            x += text_width(run_font, name[begin:end])


class SearchList(Themed, QListView):
    """The list under a search field. The field keeps the keyboard and hands keys on.

    Args:
        look: The style.
        two_lines: Rows show a second, quieter line.
        folders: Paths before names are drawn quieter.

    Signals:
        chosen: A row was clicked or taken with Enter; carries the :class:`SearchItem`.
        current_changed: Another row is the current one; carries its item, or None.
    """

    chosen = Signal(object)
    current_changed = Signal(object)

    def __init__(
        self,
        look: Style,
        *,
        two_lines: bool = False,
        folders: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._two_lines = two_lines
        self._folders = folders
        self._matches = MatchModel(self)
        self.setModel(self._matches)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.selectionModel().currentChanged.connect(self._tell_current)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._delegate = MatchDelegate(
            look, two_lines=self._two_lines, folders=self._folders, parent=self
        )
        self.setItemDelegate(self._delegate)
        self.setStyleSheet(list_sheet(look))
        self.verticalScrollBar().setSingleStep(self.row_height)

    @property
    def row_height(self) -> int:
        """Height of a row in pixels."""
        return self.px(TWO_LINE_ROW_HEIGHT if self._two_lines else ROW_HEIGHT)

    def set_checked(self, data: object) -> None:
        """Put a tick in the row whose item carries ``data``."""
        self._delegate.checked = data
        self.viewport().update()

    def show_matches(self, matches: Sequence[Match], current: int = 0) -> None:
        """Show other matches and make the row ``current`` the current one."""
        self._matches.set_matches(matches)
        if matches:
            self.go_to(min(max(current, 0), len(matches) - 1), center=current > 0)
        else:
            self.current_changed.emit(None)

    def go_to(self, row: int, *, center: bool = False) -> None:
        """Make a row the current one and bring it into view."""
        index = self._matches.index(row)
        self.setCurrentIndex(index)
        hint = QAbstractItemView.ScrollHint
        self.scrollTo(index, hint.PositionAtCenter if center else hint.EnsureVisible)

    def current(self) -> Match | None:
        """Return the match in the current row."""
        return self._matches.match_at(self.currentIndex().row())

    def count(self) -> int:
        """Return how many rows there are."""
        return self._matches.rowCount()

    def take_key(self, event: QKeyEvent) -> bool:
        """Act on a key that was pressed in the search field; True when it was one of the list's.

        Up and Down go round at the ends; PageUp and PageDown go a page; Enter takes the row.
        """
        key = Qt.Key(event.key())
        count = self.count()
        row = self.currentIndex().row()
        page = max(1, self.viewport().height() // self.row_height - 1)
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            match = self.current()
            if match is not None:
                self.chosen.emit(match.item)
            return True
        if key in _MOVES:
            if count:
                self.go_to((row + _MOVES[key]) % count)
            return True
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            if count:
                moved = row + (page if key == Qt.Key.Key_PageDown else -page)
                self.go_to(min(max(moved, 0), count - 1))
            return True
        return False

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Repaint the row under the pointer."""
        super().mouseMoveEvent(event)
        self.viewport().update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Take the row under the pointer."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            match = self._matches.match_at(self.indexAt(event.position().toPoint()).row())
            if match is not None:
                self.chosen.emit(match.item)

    def _tell_current(self, current: QModelIndex, _before: QModelIndex) -> None:
        match = self._matches.match_at(current.row())
        self.current_changed.emit(match.item if match is not None else None)


def list_sheet(look: Style) -> str:
    """Return the style sheet of a list without a ground, with a thin scroll bar."""
    strong = look.color("border.strong").name()
    quiet = look.color("text.tertiary").name()
    width, radius = round(10 * look.scale), round(3 * look.scale)
    return f"""
    QListView, QTreeView, QScrollArea {{ background: transparent; border: none; outline: none; }}
    QScrollBar:vertical {{ background: transparent; width: {width}px; margin: 0; }}
    QScrollBar::handle:vertical {{ background: {strong}; border-radius: {radius}px;
        margin: 2px; min-height: {3 * width}px; }}
    QScrollBar::handle:vertical:hover {{ background: {quiet}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ height: 0; width: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    """


def folder_length(name: str) -> int:
    """Return how many letters at the beginning of a file's name are its folder, slash included."""
    return max(name.rfind("/"), name.rfind("\\")) + 1


def _runs(name: str, hit: set[int], folder_end: int) -> list[tuple[int, int]]:
    """Cut a name into runs of letters that are painted alike."""
    runs = []
    begin = 0
    for place in range(1, len(name) + 1):
        if (
            place == len(name)
            or (place in hit) != (begin in hit)
            or (place < folder_end) != (begin < folder_end)
        ):
            runs.append((begin, place))
            begin = place
    return runs


def _rect(option: QStyleOptionViewItem) -> QRect:
    # PySide's stubs do not know the fields of style options.
    rect: QRect = option.rect  # type: ignore[attr-defined]
    return rect


def _state(option: QStyleOptionViewItem) -> QStyle.StateFlag:
    state: QStyle.StateFlag = option.state  # type: ignore[attr-defined]
    return state
