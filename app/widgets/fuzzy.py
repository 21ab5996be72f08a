"""Ranks names by what was typed (U-031), quickly and without Qt.

Classes, best first: exact, starts with, whole word, contains, all words as whole words, all words
contained, letters in order. Ties: more used first, then the earlier match, then the shorter name.
Camel case, signs and spaces split words; words may come in any order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

EXACT, STARTS, WORD, CONTAINS, ALL_WORDS, ALL_CONTAINED, IN_ORDER, NONE = range(8)

_WORDS = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+")


def split_words(text: str) -> list[str]:
    """Split at spaces, signs, digits and camel case; all in small letters."""
    return [word.lower() for word in _WORDS.findall(text)]


class SearchItem:
    """A thing that can be found, with what a query is compared with prepared once.

    Args:
        name: The name that is shown and highlighted.
        aliases: Other names it is found by.
        detail: A second, quieter line.
        uses: How often the artist has taken it.
        is_last: It goes behind all others, such as deprecated nodes.
        data: Whatever the owner wants to find again.
        tone: Name of a type, for the coloured dot before it, or empty.
        note: Words at the right end of its row.
    """

    __slots__ = (
        "_words",
        "aliases",
        "data",
        "detail",
        "fields",
        "is_last",
        "joined",
        "name",
        "note",
        "tone",
        "uses",
    )

    def __init__(
        self,
        name: str,
        *,
        aliases: Sequence[str] = (),
        detail: str = "",
        uses: int = 0,
        is_last: bool = False,
        data: Any = None,
        tone: str = "",
        note: str = "",
    ) -> None:
        self.name = name
        self.aliases = tuple(aliases)
        self.detail = detail
        self.uses = uses
        self.is_last = is_last
        self.data = data
        self.tone = tone
        self.note = note
        self.fields = tuple(dict.fromkeys([name.lower(), *(a.lower() for a in aliases)]))
        self.joined = "\n".join(self.fields)
        self._words: frozenset[str] | None = None

    @property
    def words(self) -> frozenset[str]:
        """All words of the name and the aliases, in small letters."""
        if self._words is None:
            names = (self.name, *self.aliases)
            self._words = frozenset(word for name in names for word in split_words(name))
        return self._words


@dataclass(frozen=True, slots=True)
class Match:
    """An item that fits.

    Attributes:
        item: The item.
        kind: The class of the match; smaller is better.
        letters: Places in the item's name that the query matched.
    """

    item: SearchItem
    kind: int
    letters: tuple[int, ...]


def rank(
    query: str,
    items: Iterable[SearchItem],
    *,
    most: int | None = None,
    accept: Callable[[SearchItem], bool] | None = None,
) -> list[Match]:
    """Return the items that fit ``query``, best first; an empty query fits all, most used first.

    Args:
        query: What was typed.
        items: What there is.
        most: Return no more than these.
        accept: Leaves out items before anything is compared.
    """
    text = query.strip().lower()
    if accept is not None:
        items = [item for item in items if accept(item)]
    if not text:
        order = sorted(items, key=lambda item: (item.is_last, -item.uses))
        return [Match(item, EXACT, ()) for item in order[:most]]
    words = split_words(query) or [text]
    is_in_order = _in_order(text)
    found: list[tuple[tuple[bool, int, int, int, int, str], SearchItem]] = []
    for item in items:
        kind, place = _match(item, text, words, is_in_order)
        if kind != NONE:
            key = (item.is_last, kind, -item.uses, place, len(item.name), item.name)
            found.append((key, item))
    found.sort(key=lambda pair: pair[0])
    return [
        Match(item, key[1], matched_letters(item.name, text, words)) for key, item in found[:most]
    ]


def _in_order(text: str) -> Callable[[str], Any] | None:
    letters = [letter for letter in text if not letter.isspace()]
    if len(letters) < 2:
        return None
    return re.compile("[^\n]*?".join(re.escape(letter) for letter in letters)).search


def _match(
    item: SearchItem, text: str, words: list[str], is_in_order: Callable[[str], Any] | None
) -> tuple[int, int]:
    joined = item.joined
    if text in joined:
        return _match_whole(item, text)
    if len(words) > 1 and all(word in joined for word in words):
        if all(word in item.words for word in words):
            return ALL_WORDS, 0
        return ALL_CONTAINED, 0
    if is_in_order is not None and is_in_order(joined):
        return IN_ORDER, 0
    return NONE, 0


def _match_whole(item: SearchItem, text: str) -> tuple[int, int]:
    best, best_place = CONTAINS, len(item.joined)
    for field in item.fields:
        place = field.find(text)
        if place < 0:
            continue
        if field == text:
            return EXACT, 0
        if place == 0:
            kind = STARTS
        elif text in item.words:
            kind = WORD
        else:
            kind = CONTAINS
        if (kind, place) < (best, best_place):
            best, best_place = kind, place
    return best, best_place


def matched_letters(name: str, text: str, words: Sequence[str]) -> tuple[int, ...]:
    """Return the places in ``name`` that a query matched, for highlighting.

    Args:
        name: The name that is shown.
        text: The query, stripped and in small letters.
        words: The query's words, in small letters.
    """
    lower = name.lower()
    if len(lower) != len(name):
        return ()
    place = lower.find(text)
    if place >= 0:
        return tuple(range(place, place + len(text)))
    found: set[int] = set()
    for word in words:
        place = lower.find(word)
        if place >= 0:
            found.update(range(place, place + len(word)))
    if found:
        return tuple(sorted(found))
    places: list[int] = []
    place = 0
    for letter in text:
        if letter.isspace():
            continue
        place = lower.find(letter, place)
        if place < 0:
            return ()
        places.append(place)
        place += 1
    return tuple(places)
