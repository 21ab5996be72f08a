"""Suggestions while a prompt is typed: embeddings, LoRA names, tags, snippets (U-244).

What there is to suggest comes from the window as :class:`~app.widgets.fuzzy.SearchItem`; here is
only how the word at the caret is found, ranked, shown and replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Protocol

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.compositor import cut_out, make_see_through
from app.widgets.fuzzy import IN_ORDER, STARTS, Match, SearchItem, rank
from app.widgets.popup import SHADOW, paint_panel
from app.widgets.search_list import SearchList
from app.widgets.style import Style
from app.widgets.themed import Themed, text_width

LEAST_LETTERS = 2
MOST_SUGGESTIONS = 50

_WORD_ENDS = ",\n\r()[]{}|<>;\u2028\u2029"
_LAST_WORD = re.compile(r"[^\W_]+$")
_LEAST_MISSPELT = 4
_MOST_NEAR = 3
_LIKENESS = 0.75
_MOST_ROWS_SEEN = 8
_INSET = 5


@dataclass(frozen=True, slots=True)
class Completion:
    """What can be put in place of the word at the caret.

    Attributes:
        start: Where the word begins in the text.
        matches: What fits, best first; an item's ``data`` is the text to insert, or None for its
            name.
    """

    start: int
    matches: Sequence[Match]


class CompletionSource(Protocol):
    """Anything that knows how prompts go on."""

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return what fits at ``caret``, or None; called at each key, so it must be quick."""


class WordSource:
    """Suggests from one list of names.

    Args:
        items: What there is; the ``data`` of an item is what is inserted, None for its name.
    """

    def __init__(self, items: Sequence[SearchItem]) -> None:
        self.items = items

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return the names that fit the word before ``caret``."""
        start = word_start(text, caret)
        word = text[start:caret]
        if len(word) < LEAST_LETTERS:
            return None
        # Letters that merely stand in order fit almost any word of a prompt.
        ranked = rank(word, self.items, most=MOST_SUGGESTIONS)
        matches = [match for match in ranked if match.kind < IN_ORDER]
        if not matches or (len(matches) == 1 and inserted_text(matches[0].item) == word):
            return None
        return Completion(start, matches)


class VocabularySource:
    """Suggests single words out of a small vocabulary, and the nearest ones for a misspelt word.

    Args:
        words: All words, in small letters.
        knows: Tells whether a word is understood as it is, such as the plural of one of them.
        near_note: What is said of a word that only looks like the one that was typed.
    """

    def __init__(
        self, words: Sequence[str], knows: Callable[[str], bool], near_note: str = ""
    ) -> None:
        self._items = [SearchItem(word) for word in words]
        self._near = {word: SearchItem(word, note=near_note) for word in words}
        self._knows = knows

    def complete(self, text: str, caret: int) -> Completion | None:
        """Return the words that the one before ``caret`` may become."""
        typed = _LAST_WORD.search(text[:caret])
        if typed is None or len(typed[0]) < LEAST_LETTERS:
            return None
        word = typed[0].lower()
        matches = [
            match
            for match in rank(word, self._items, most=MOST_SUGGESTIONS)
            if match.kind <= STARTS
        ]
        if len(matches) == 1 and matches[0].item.name == word:
            return None
        if not matches and len(word) >= _LEAST_MISSPELT and not self._knows(word):
            near = get_close_matches(word, self._near, _MOST_NEAR, _LIKENESS)
            matches = [Match(self._near[name], STARTS, ()) for name in near]
        return Completion(typed.start(), matches) if matches else None


def word_start(text: str, caret: int) -> int:
    """Return where the word before ``caret`` begins; tags may hold single spaces.

    Words end at the signs of prompts (commas, brackets, line ends). A blank after which nothing
    has been typed ends them too, so that a finished tag is not suggested again.
    """
    start = caret
    while start > 0 and text[start - 1] not in _WORD_ENDS:
        start -= 1
    while start < caret and text[start].isspace():
        start += 1
    return caret if caret and text[caret - 1].isspace() else start


def inserted_text(item: SearchItem) -> str:
    """Return what taking a suggestion puts into the prompt."""
    return item.name if item.data is None else str(item.data)


class CompletionList(Themed, QWidget):
    """The list under the caret. It never takes the keyboard; the editor hands keys on.

    Args:
        look: The style.

    Signals:
        taken: The suggestion that was taken, as a :class:`~app.widgets.fuzzy.SearchItem`.
    """

    taken = Signal(object)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.ToolTip | Qt.WindowType.FramelessWindowHint)
        self.setWindowFlag(Qt.WindowType.NoDropShadowWindowHint)
        self._is_blended = make_see_through(self)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.look = look
        edge = self.px(SHADOW) + self.px(_INSET)
        column = QVBoxLayout(self)
        column.setContentsMargins(edge, edge, edge, edge)
        self.list = SearchList(look, folders=True, parent=self)
        self.list.chosen.connect(self.taken)
        column.addWidget(self.list)

    def offer(self, matches: Sequence[Match], anchor: QRect) -> None:
        """Show suggestions under ``anchor`` (the caret, global screen coordinates)."""
        self.list.show_matches(matches)
        font = self.look.font("body")
        widest = max(text_width(font, match.item.name + match.item.note) for match in matches)
        width = min(max(round(widest) + self.px(60), self.px(200)), self.px(460))
        rows = min(len(matches), _MOST_ROWS_SEEN)
        height = rows * self.list.row_height + 2 * self.px(_INSET)
        edge = self.px(SHADOW)
        screen = QGuiApplication.screenAt(anchor.center()) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        x = min(anchor.left(), room.right() - width)
        y = anchor.bottom() + 4
        if y + height > room.bottom():
            y = anchor.top() - 4 - height
        self.setFixedSize(width + 2 * edge, height + 2 * edge)
        self.move(QPoint(x - edge, y - edge))
        self.show()

    def take_key(self, event: QKeyEvent) -> bool:
        """Act on a key of the editor while the list is shown; True when it was the list's."""
        if not self.isVisible():
            return False
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.hide()
            return True
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        if key == Qt.Key.Key_Tab:
            current = self.list.current()
            if current is not None:
                self.taken.emit(current.item)
            return True
        return self.list.take_key(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shadow, the ground and the border."""
        paint_panel(self, QRectF(self._body_rect), self.look, is_blended=self._is_blended)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the list out where windows cannot be see-through."""
        super().resizeEvent(event)
        if not self._is_blended:
            cut_out(self, self._body_rect, self.px(8))

    @property
    def _body_rect(self) -> QRect:
        edge = self.px(SHADOW)
        return self.rect().adjusted(edge, edge, -edge, -edge)
