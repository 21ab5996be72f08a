"""The list that opens under a choice in a node: typed into, quick with ten thousand names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.fields import SearchField
from app.widgets.fuzzy import SearchItem, rank
from app.widgets.labels import Words
from app.widgets.popup import SHADOW, Popup
from app.widgets.search_list import ROW_HEIGHT, SearchList
from app.widgets.style import Style
from app.widgets.themed import text_width

FILTER_FROM = 5
"""A list this long has a filter line (U-236)."""

_MOST_ROWS_SEEN = 12
_LEAST_WIDTH = 160
_MOST_WIDTH = 560
_INSET = 6
_MEASURED = 400


class ChoicePopup(Popup):
    """Shows all choices, the current one in view and ticked.

    Typing filters, Up and Down move, Enter takes, Escape leaves everything as it was.

    Args:
        choices: What there is; names with slashes show their folder in a quieter colour.
        current: The choice to begin at.
        on_choose: Called with the choice that was taken.
        look: The style.
        parent: The widget it comes up over.
    """

    def __init__(
        self,
        choices: Sequence[Any],
        current: Any,
        on_choose: Callable[[Any], None],
        look: Style,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(look, parent)
        self._on_choose = on_choose
        self._items = [SearchItem(str(choice), data=choice) for choice in choices]
        self._current = _index_of(current, choices)
        edge = self.px(SHADOW) + self.px(_INSET)
        column = QVBoxLayout(self)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(self.px(_INSET))
        self.filter_field: SearchField | None = None
        if len(self._items) >= FILTER_FROM:
            self.filter_field = SearchField("Filter", look, height=ROW_HEIGHT + 2, parent=self)
            self.filter_field.installEventFilter(self)
            self.filter_field.textChanged.connect(self._filter)
            column.addWidget(self.filter_field)
        self.list = SearchList(look, folders=True, parent=self)
        self.list.chosen.connect(self._take)
        column.addWidget(self.list)
        self._empty = Words("Nothing fits", look, color="text.tertiary", parent=self)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setFixedHeight(self.px(ROW_HEIGHT))
        column.addWidget(self._empty)
        if self._current is not None:
            self.list.set_checked(self._items[self._current].data)
        self._filter("")

    def open_at(self, anchor: QRect) -> None:
        """Come up under ``anchor`` (global screen coordinates) and take the keyboard."""
        font = self.look.font("body")
        longest = sorted((item.name for item in self._items), key=len, reverse=True)[:_MEASURED]
        widest = max((text_width(font, name) for name in longest[:40]), default=0.0)
        room = round(widest) + self.px(64)
        width = min(max(anchor.width(), room, self.px(_LEAST_WIDTH)), self.px(_MOST_WIDTH))
        rows = min(max(1, len(self._items)), _MOST_ROWS_SEEN)
        height = rows * self.list.row_height + 2 * self.px(_INSET)
        if self.filter_field is not None:
            height += self.filter_field.height() + self.px(_INSET)
        self.open_under(anchor, width, height)
        if self._current is not None and self.list.count():
            self.list.go_to(self._current, center=True)
        (self.filter_field or self).setFocus(Qt.FocusReason.PopupFocusReason)

    def finish(self) -> None:
        """Let go of the callback."""
        self._on_choose = _ignore

    def eventFilter(self, watched: object, event: object) -> bool:
        """Hand the keys of the list on from the filter line."""
        if isinstance(event, QKeyEvent) and event.type() is event.Type.KeyPress:
            if event.key() == Qt.Key.Key_Escape:
                self.close()
                return True
            return self.list.take_key(event)
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move and take in a list without a filter line; letters jump to a name."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        elif not self.list.take_key(event):
            self._jump(event.text())

    def _filter(self, text: str) -> None:
        if text.strip():
            matches = rank(text, self._items)
            start = 0
        else:
            matches = rank("", self._items)
            start = self._current or 0
        self.list.show_matches(matches, start)
        self.list.setVisible(bool(matches))
        self._empty.setVisible(not matches)

    def _jump(self, letter: str) -> None:
        if not letter.strip():
            return
        count = len(self._items)
        begin = self.list.currentIndex().row() + 1
        for row in (*range(begin, count), *range(begin)):
            if self._items[row].name.lower().startswith(letter.lower()):
                self.list.go_to(row)
                return

    def _take(self, item: SearchItem) -> None:
        # Closed first: what is chosen may open the next window.
        on_choose = self._on_choose
        self.close()
        on_choose(item.data)


def _ignore(choice: Any) -> None:
    """Stand in for a callback that has been let go."""


def _index_of(value: Any, choices: Sequence[Any]) -> int | None:
    for index, choice in enumerate(choices):
        if choice == value and type(choice) is type(value):
            return index
    return None
