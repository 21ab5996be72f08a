"""The vocabulary of the starter model: words to numbers, and which words it does not know.

Quick and without torch, so that the prompt editor can count with the very rules of the encoder.
"""

from __future__ import annotations

import difflib
import functools
import json
import os
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from app.engine.models.tokenizer import parse_weights

WORDS: Final = 12
"""Words of a prompt that one row holds; the rest of a row is filled with the empty word 0."""
PREFIX: Final = "cond_stage_model.starter."
VOCABULARY: Final = "vocabulary"
"""Tensor of bytes: the words in UTF-8, one a line; the first, empty one means no word."""

_WORD: Final = re.compile(r"[a-z0-9]+")
_LAST_WORD: Final = re.compile(r"[a-z0-9]+$")
_HALF_WEIGHT: Final = re.compile(r":\s*[-+]?\d*\.?\d*$")
_LIKENESS: Final = 0.75
_MOST_REMEMBERED: Final = 1000
_MOST_COMPARED: Final = 100
_LARGEST_HEADER: Final = 1_000_000
_LARGEST_VOCABULARY: Final = 1_000_000
_FILLERS: Final = frozenset(
    {"a", "an", "the", "of", "with", "and", "in", "on", "at", "to", "picture", "photo", "image",
     "drawing", "painting", "style", "very", "really", "nice", "beautiful", "cute"}
)  # fmt: skip
"""Words that are left out without a warning, unless the model knows them."""


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that the model was not taught.

    Attributes:
        word: The word in small letters.
        near: The known word that looks most like it, or empty.
    """

    word: str
    near: str = ""


class StarterWords:
    """A vocabulary.

    Args:
        words: All words in order; the first is the empty one.

    Attributes:
        words: The same.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._numbers = {word: number for number, word in enumerate(words) if word}
        self._nearest: dict[str, str] = {}

    def knows(self, word: str) -> bool:
        """Tell whether a word in small letters is understood."""
        return word in _FILLERS or self._number(word) is not None

    def numbers(self, text: str) -> list[int]:
        """Return the numbers of the known words of a piece of text without weights."""
        found = map(self._number, _WORD.findall(text.lower()))
        return [number for number in found if number is not None]

    def unknown(self, text: str) -> list[UnknownWord]:
        """Return the words of a piece of text without weights that are left out, each once.

        Finding the nearest word takes a fifth of a millisecond, so it is done for the first
        hundred only.
        """
        words = dict.fromkeys(_WORD.findall(text.lower()))
        left_out = [word for word in words if not self.knows(word)]
        return [
            UnknownWord(word, self._near(word) if place < _MOST_COMPARED else "")
            for place, word in enumerate(left_out)
        ]

    def count(self, prompt: str) -> tuple[int, int]:
        """Return how many known words a prompt has, and how many rows it fills."""
        count = sum(len(self.numbers(part)) for part, _ in parse_weights(prompt))
        return count, max(1, -(-count // WORDS))

    def unknown_of(self, prompt: str, caret: int | None = None) -> list[UnknownWord]:
        """Return the words of a prompt that are left out, each once.

        Args:
            prompt: With weights.
            caret: Where the artist is typing, or None. A word or weight that ends there and may
                still become one is not complained about.
        """
        typed = ""
        if caret is not None:
            before, after = prompt[:caret], prompt[caret:]
            if not _WORD.match(after.lower()):
                typed = self._begun(before.lower())
                if "(" in before:
                    prompt = _HALF_WEIGHT.sub("", before) + after
        found: dict[str, UnknownWord] = {}
        for part, _ in parse_weights(prompt):
            found.update((item.word, item) for item in self.unknown(part))
        found.pop(typed, None)
        return list(found.values())

    def _begun(self, text: str) -> str:
        """Return the word at the end of ``text`` if a known word begins like it, else empty."""
        match = _LAST_WORD.search(text)
        word = match[0] if match is not None else ""
        return word if any(known.startswith(word) for known in self._numbers) else ""

    def _number(self, word: str) -> int | None:
        """Return the number of a word, or of its singular."""
        for form in (word, word.removesuffix("s"), word.removesuffix("es")):
            if form in self._numbers:
                return self._numbers[form]
        return None

    def _near(self, word: str) -> str:
        near = self._nearest.get(word)
        if near is None:
            matches = difflib.get_close_matches(word, self._numbers, 1, _LIKENESS)
            if len(self._nearest) >= _MOST_REMEMBERED:
                self._nearest.clear()
            near = self._nearest[word] = matches[0] if matches else ""
        return near


def unpack_words(content: bytes) -> tuple[str, ...]:
    """Return the words that the tensor :data:`VOCABULARY` holds.

    Raises:
        UnicodeDecodeError: The bytes are no UTF-8.
    """
    return tuple(content.decode("utf-8").split("\n"))


def read_words(path: str) -> StarterWords | None:
    """Return the vocabulary inside a checkpoint, or None when it is another model's or damaged.

    Reads the header and the few bytes of the vocabulary; what was read is kept until the file
    changes. Any thread may ask, but not the one that paints.
    """
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return _read_words(path, facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=32)
def _read_words(path: str, _changed_ns: int, size: int) -> StarterWords | None:
    try:
        with open(path, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > min(_LARGEST_HEADER, size - 8):
                return None
            start, end = _place_of_vocabulary(json.loads(stream.read(length)))
            if not 0 <= start < end <= size - 8 - length or end - start > _LARGEST_VOCABULARY:
                return None
            stream.seek(8 + length + start)
            return StarterWords(unpack_words(stream.read(end - start)))
    except (OSError, ValueError, ArithmeticError, struct.error, LookupError, TypeError,
            AttributeError, RecursionError):  # fmt: skip
        return None


def _place_of_vocabulary(header: Any) -> tuple[int, int]:
    """Return where the vocabulary begins and ends behind a file's header.

    Raises:
        KeyError: There is none.
        ValueError: The header is damaged; so for ``TypeError``.
    """
    start, end = header[PREFIX + VOCABULARY]["data_offsets"]
    return int(start), int(end)
