"""Text to ids with a unigram vocabulary, as T5 has: the ``spiece.model`` file format.

The file is a protocol buffer with pieces, their log probabilities and a table that normalises
text. A word becomes the pieces whose probabilities multiply to the most (Kudo 2018,
arXiv:1804.10959).
"""

from __future__ import annotations

import functools
import gzip
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from app.engine.errors import ModelFileError

T5_VOCABULARY_FILE: Final = (
    Path(__file__).resolve().parents[3] / "resources" / "tokenizer" / "t5_spiece.model.gz"
)
_SPACE: Final = "\u2581"
"""How pieces write the space before a word."""
_UNKNOWN_PENALTY: Final = 10.0
_NORMAL, _UNKNOWN, _USER_DEFINED = 1, 2, 4
_EXTRA_IDS: Final = 100
_REMEMBERED_WORDS: Final = 20_000


class UnigramVocabulary:
    """Pieces of words with their ids.

    Args:
        content: The bytes of a ``spiece.model`` file.

    Attributes:
        pieces: Text of each piece by id.
        end_token: Id of the end of a text.
        unknown_token: Id of what no piece covers.

    Raises:
        ModelFileError: The bytes are no unigram vocabulary.
    """

    def __init__(self, content: bytes) -> None:
        self.pieces: list[str] = []
        self.unknown_token = 2
        self.end_token = 1
        self._scores: dict[str, tuple[int, float]] = {}
        self._special: dict[str, int] = {}
        self._charsmap = b""
        try:
            self._read(content)
        except (struct.error, IndexError, UnicodeDecodeError, ValueError) as error:
            raise ModelFileError("The vocabulary of the T5 text encoder is damaged.") from error
        if not self._scores:
            raise ModelFileError("The vocabulary of the T5 text encoder holds no words.")
        self._longest = max(map(len, self._scores))
        self._lowest = min(score for _, score in self._scores.values())
        for index in range(_EXTRA_IDS):
            self._special[f"<extra_id_{index}>"] = len(self.pieces) + _EXTRA_IDS - 1 - index
        marks = sorted(self._special, key=len, reverse=True)
        self._split = re.compile("(" + "|".join(map(re.escape, marks)) + ")")
        self._normalizer = CharacterMap(self._charsmap)
        self._words: dict[str, list[int]] = {}

    def _read(self, content: bytes) -> None:
        for field, value in _fields(content):
            if field == 1 and isinstance(value, bytes):
                self._add_piece(value)
            elif field == 2 and isinstance(value, bytes):
                for inner, number in _fields(value):
                    if inner == 40 and isinstance(number, int):
                        self.unknown_token = number
                    elif inner == 42 and isinstance(number, int):
                        self.end_token = number
            elif field == 3 and isinstance(value, bytes):
                for inner, part in _fields(value):
                    if inner == 2 and isinstance(part, bytes):
                        self._charsmap = part

    def _add_piece(self, record: bytes) -> None:
        text, score, kind = "", 0.0, _NORMAL
        for field, value in _fields(record):
            if field == 1 and isinstance(value, bytes):
                text = value.decode("utf-8")
            elif field == 2 and isinstance(value, bytes):
                (score,) = struct.unpack("<f", value)
            elif field == 3 and isinstance(value, int):
                kind = value
        index = len(self.pieces)
        self.pieces.append(text)
        if kind in (_NORMAL, _USER_DEFINED):
            self._scores[text] = (index, score)
        else:
            self._special[text] = index
            if kind == _UNKNOWN:
                self.unknown_token = index

    def encode(self, text: str) -> list[int]:
        """Return the token ids of ``text``, without an end token."""
        ids: list[int] = []
        for part in self._split.split(text):
            if part in self._special:
                ids.append(self._special[part])
                continue
            for word in self._normalizer.normalize(part).replace(_SPACE, " ").split(" "):
                if word:
                    ids.extend(self._encode_word(_SPACE + word))
        return ids

    def _encode_word(self, word: str) -> list[int]:
        known = self._words.get(word)
        if known is None:
            known = self._best_pieces(word)
            if len(self._words) >= _REMEMBERED_WORDS:
                self._words.clear()
            self._words[word] = known
        return known

    def _best_pieces(self, word: str) -> list[int]:
        """Find the likeliest pieces by dynamic programming over the end of the last piece."""
        unknown_score = self._lowest - _UNKNOWN_PENALTY
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for end in range(1, len(word) + 1):
            candidates = [(best[end - 1][0] + unknown_score, end - 1, self.unknown_token)]
            for start in range(max(0, end - self._longest), end):
                piece = self._scores.get(word[start:end])
                if piece is not None:
                    candidates.append((best[start][0] + piece[1], start, piece[0]))
            best.append(max(candidates, key=lambda candidate: candidate[0]))
        ids: list[int] = []
        end = len(word)
        while end > 0:
            _, start, index = best[end]
            if not (ids and index == self.unknown_token == ids[-1]):
                ids.append(index)
            end = start
        return ids[::-1]


class CharacterMap:
    """A table of texts and what stands for them, compiled into a double-array trie.

    Source: Aoe 1989, "An Efficient Digital Search Algorithm by Using a Double-Array Structure".

    Args:
        content: Size of the trie in bytes, its 32-bit units, then texts that end with a zero
            byte. Empty bytes change nothing.
    """

    def __init__(self, content: bytes) -> None:
        self._units: tuple[int, ...] = ()
        self._texts = b""
        if content:
            (size,) = struct.unpack_from("<I", content)
            self._units = struct.unpack_from(f"<{size // 4}I", content, 4)
            self._texts = content[4 + size :]

    def normalize(self, text: str) -> str:
        """Replace, from left to right, the longest text that the table knows."""
        if not self._units:
            return text
        raw = text.encode("utf-8", errors="replace")
        result: list[bytes] = []
        place = 0
        while place < len(raw):
            length, offset = self._longest_match(raw, place)
            if length:
                result.append(self._texts[offset : self._texts.index(b"\0", offset)])
            else:
                length = _character_length(raw[place])
                result.append(raw[place : place + length])
            place += length
        return b"".join(result).decode("utf-8", errors="replace")

    def _longest_match(self, raw: bytes, start: int) -> tuple[int, int]:
        """Return the length of the longest known text at ``start`` and where its value lies."""
        units = self._units
        node = _child_offset(units[0])
        found = (0, 0)
        for place in range(start, len(raw)):
            byte = raw[place]
            node ^= byte
            if node >= len(units) or units[node] & 0x800000FF != byte:
                break
            unit = units[node]
            node ^= _child_offset(unit)
            if unit >> 8 & 1 and node < len(units):
                found = (place - start + 1, units[node] & 0x7FFFFFFF)
        return found


def _child_offset(unit: int) -> int:
    return (unit >> 10) << ((unit & (1 << 9)) >> 6)


def _character_length(first_byte: int) -> int:
    """Return how many bytes a UTF-8 character has."""
    if first_byte < 0xC0:
        return 1
    return 2 if first_byte < 0xE0 else 3 if first_byte < 0xF0 else 4


def _fields(content: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field of a protocol buffer message.

    Raises:
        ValueError: The bytes are no such message.
    """
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        kind = key & 7
        if kind == 0:
            number, place = _varint(content, place)
            yield key >> 3, number
            continue
        if kind == 2:
            length, place = _varint(content, place)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise ValueError(f"field of kind {kind}")
        if place + length > len(content):
            raise ValueError("field beyond the end")
        yield key >> 3, content[place : place + length]
        place += length


def _varint(content: bytes, place: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = content[place]
        place += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, place
        shift += 7
        if shift > 63:
            raise ValueError("number too long")


@functools.cache
def t5_vocabulary() -> UnigramVocabulary:
    """Return the shipped vocabulary of T5, read once."""
    return UnigramVocabulary(gzip.decompress(T5_VOCABULARY_FILE.read_bytes()))
