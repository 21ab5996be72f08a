"""Prompt text to token ids: byte pairs, weights in parentheses, embeddings, rows of 77.

Rules D-150 to D-153. The vocabulary is read when the first prompt is tokenized.
"""

from __future__ import annotations

import functools
import gzip
import itertools
import logging
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

log = logging.getLogger("easel.models")

VOCABULARY_FILE: Final = (
    Path(__file__).resolve().parents[3] / "resources" / "tokenizer" / "clip_merges.txt.gz"
)
START_TOKEN: Final = 49406
END_TOKEN: Final = 49407
ROW_LENGTH: Final = 77
LONG_GROUP: Final = 8
"""A group of at least this many tokens may be split at the end of a row."""

_SPECIAL: Final = {"<|startoftext|>": START_TOKEN, "<|endoftext|>": END_TOKEN}
_CONTRACTIONS: Final = ("'re", "'ve", "'ll", "'s", "'t", "'m", "'d")
_EMBEDDING_MARK: Final = "embedding:"
_ESCAPED: Final = {"\\)": "\ue000", "\\(": "\ue001"}
"""Stand-ins from the private use area for brackets that the artist escaped."""

Token = Any
"""A token id, or one row of an embedding ``(width,)``."""
Row = list[tuple[Any, ...]]
"""``(token, weight)`` or ``(token, weight, word id)`` for each place of one row."""
EmbeddingLoader = Callable[[str], Any]
"""From a name to ``(rows, width)``, or None when there is no such embedding."""


def parse_weights(text: str, weight: float = 1.0) -> list[tuple[str, float]]:
    r"""Split a prompt into segments and their weights (rule D-150).

    Args:
        text: Prompt with ``(...)`` for 1.1 times the weight, ``(...:1.3)`` for a fixed one and
            ``\(``, ``\)`` for plain brackets.
        weight: Weight outside all parentheses.

    Returns:
        ``(segment, weight)`` in order, with escaped brackets made plain.
    """
    for written, stand_in in _ESCAPED.items():
        text = text.replace(written, stand_in)
    segments = []
    for segment, value in _weighted(text, weight):
        for written, stand_in in _ESCAPED.items():
            segment = segment.replace(stand_in, written[1])
        segments.append((segment, value))
    return segments


def _weighted(text: str, weight: float) -> Iterator[tuple[str, float]]:
    for chunk in _top_level_chunks(text):
        if len(chunk) < 2 or chunk[0] != "(" or chunk[-1] != ")":
            yield chunk, weight
            continue
        inner, value = chunk[1:-1], weight * 1.1
        colon = inner.rfind(":")
        if colon > 0:
            try:
                value = float(inner[colon + 1 :])
            except ValueError:
                pass
            else:
                inner = inner[:colon]
        yield from _weighted(inner, value)


def _top_level_chunks(text: str) -> list[str]:
    """Cut before and after every outermost group; what is never closed stays one chunk."""
    chunks: list[str] = []
    begin = depth = 0
    for place, letter in enumerate(text):
        if letter == "(":
            if depth == 0 and place > begin:
                chunks.append(text[begin:place])
                begin = place
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth == 0:
                chunks.append(text[begin : place + 1])
                begin = place + 1
    if begin < len(text):
        chunks.append(text[begin:])
    return chunks


class BytePairs:
    """The CLIP vocabulary: text to ids.

    Args:
        file: Gzipped list of merges, one ``left right`` a line.

    Raises:
        OSError: The file cannot be read.
    """

    def __init__(self, file: Path = VOCABULARY_FILE) -> None:
        merges = gzip.decompress(file.read_bytes()).decode("utf-8").splitlines()
        self._letters = _byte_letters()
        letters = [self._letters[byte] for byte in _printable_first()]
        vocabulary = [*letters, *(letter + "</w>" for letter in letters)]
        self._ranks: dict[tuple[str, str], int] = {}
        for rank, line in enumerate(merges):
            left, right = line.split()
            self._ranks[left, right] = rank
            vocabulary.append(left + right)
        self._ids = {piece: index for index, piece in enumerate(vocabulary)}
        self._words: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        """Return the token ids of ``text``, without start and end."""
        ids: list[int] = []
        for part in _split_special(text):
            if part in _SPECIAL:
                ids.append(_SPECIAL[part])
                continue
            for word in _words(unicodedata.normalize("NFC", part).lower()):
                known = self._words.get(word)
                if known is None:
                    known = self._encode_word(word)
                    self._words[word] = known
                ids.extend(known)
        return ids

    def _encode_word(self, word: str) -> list[int]:
        pieces = [self._letters[byte] for byte in word.encode("utf-8")]
        pieces[-1] += "</w>"
        unknown = len(self._ranks)
        while len(pieces) > 1:
            pairs = list(itertools.pairwise(pieces))
            best = min(pairs, key=lambda pair: self._ranks.get(pair, unknown))
            if best not in self._ranks:
                break
            merged: list[str] = []
            index = 0
            while index < len(pieces):
                if index + 1 < len(pieces) and (pieces[index], pieces[index + 1]) == best:
                    merged.append(best[0] + best[1])
                    index += 2
                else:
                    merged.append(pieces[index])
                    index += 1
            pieces = merged
        return [self._ids[piece] for piece in pieces]


@functools.cache
def clip_vocabulary() -> BytePairs:
    """Return the shipped CLIP vocabulary, read once."""
    return BytePairs()


def _printable_first() -> list[int]:
    """Return all byte values in the order of the vocabulary: printable ones, then the rest."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return printable + [byte for byte in range(256) if byte not in set(printable)]


def _byte_letters() -> dict[int, str]:
    """Return a visible letter for each byte: itself, or one from 256 on."""
    visible = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = (byte for byte in range(256) if byte not in visible)
    letters = {byte: chr(byte) for byte in visible}
    letters.update({byte: chr(256 + place) for place, byte in enumerate(hidden)})
    return letters


def _split_special(text: str) -> list[str]:
    """Split at the two special tokens, which are recognised when written out."""
    parts = [text]
    for special in _SPECIAL:
        parts = [
            piece
            for part in parts
            for index, rest in enumerate(part.split(special) if part not in _SPECIAL else [part])
            for piece in ((special, rest) if index else (rest,))
        ]
    return [part for part in parts if part]


def _words(text: str) -> Iterator[str]:
    """Yield runs of letters, single digits, contractions and runs of other signs."""
    place = 0
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        contraction = next((end for end in _CONTRACTIONS if text.startswith(end, place)), None)
        if contraction is not None:
            yield contraction
            place += len(contraction)
            continue
        kind = _kind(text[place])
        end = place + 1
        if kind != "N":
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
        yield text[place:end]
        place = end


def _kind(letter: str) -> str:
    if letter.isspace():
        return " "
    category = unicodedata.category(letter)[0]
    return category if category in "LN" else "S"


@dataclass(frozen=True, slots=True)
class RowRules:
    """What differs between the text encoders.

    Attributes:
        pad_token: Fills a row after its end token.
        row_length: Places in a row, start and end included.
    """

    pad_token: int = END_TOKEN
    row_length: int = ROW_LENGTH


class PromptTokenizer:
    """Makes the rows of one text encoder out of a prompt.

    Args:
        rules: Padding and length of a row.
        load_embedding: Finds embeddings by name; None finds none.
    """

    def __init__(
        self, rules: RowRules | None = None, load_embedding: EmbeddingLoader | None = None
    ) -> None:
        self.rules = rules or RowRules()
        self.load_embedding = load_embedding

    def tokenize(
        self,
        text: str,
        return_word_ids: bool = False,
        tokenizer_options: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """Return the rows of a prompt; an empty prompt is one row of padding.

        Args:
            text: The prompt with weights and ``embedding:name``.
            return_word_ids: Whether each place carries, as third, the number of its group,
                counted from 1; 0 for start, end and padding.
            tokenizer_options: What nodes set for tokenizers of other kinds.
        """
        rows = self._fill_rows(self.groups(text))
        if return_word_ids:
            return rows
        return [[place[:2] for place in row] for row in rows]

    def count(self, text: str) -> tuple[int, int]:
        """Return how many tokens a prompt has, without padding, and how many rows it fills."""
        groups = self.groups(text)
        return sum(len(tokens) for tokens, _ in groups), len(self._fill_rows(groups))

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a piece of plain text."""
        return clip_vocabulary().encode(text)

    def untokenize(self, rows: Sequence[Row]) -> list[list[tuple[tuple[Any, ...], str]]]:
        """Return every place of ``rows`` together with its piece of text, for packs."""
        pieces = {index: piece for piece, index in clip_vocabulary()._ids.items()}
        named = {START_TOKEN: "<|startoftext|>", END_TOKEN: "<|endoftext|>"}
        return [
            [
                (place, named.get(place[0], pieces.get(place[0], "")))
                for place in row
                if isinstance(place[0], int)
            ]
            for row in rows
        ]

    def groups(self, text: str) -> list[tuple[list[Token], float]]:
        """Return the tokens of each segment with its weight; only long ones may be split."""
        groups: list[tuple[list[Token], float]] = []
        for segment, weight in parse_weights(text):
            for part in _embedding_parts(segment):
                if part.startswith(_EMBEDDING_MARK):
                    rows, part = self._embedding(part[len(_EMBEDDING_MARK) :].strip("\n"))
                    if rows is not None:
                        groups.append((list(rows), weight))
                        if not part:
                            continue
                groups.append((list(self.encode(part)), weight))
        return groups

    def _embedding(self, text: str) -> tuple[Any, str]:
        """Return the embedding that ``text`` begins with, or None, and what is left of it."""
        words = text.split()
        if not words:
            return None, ""
        name, rest = words[0], " ".join(words[1:])
        load = self.load_embedding or (lambda _: None)
        found, bare = load(name), name.strip(",")
        commas = ""
        if found is None and len(bare) < len(name):
            found, commas = load(bare), name[len(bare) :]
        if found is None:
            log.warning('The embedding "%s" was not found; it is left out of the prompt.', name)
        leftover = " ".join(part for part in (commas, rest) if part)
        return found, leftover

    def _fill_rows(self, groups: Sequence[tuple[list[Token], float]]) -> list[Row]:
        room = self.rules.row_length - 1
        row: Row = [(START_TOKEN, 1.0, 0)]
        rows = [row]
        for number, (tokens, weight) in enumerate(groups, start=1):
            splits = len(tokens) >= LONG_GROUP
            left = list(tokens)
            while left:
                if len(row) + len(left) <= room:
                    row.extend((token, weight, number) for token in left)
                    break
                if splits:
                    fits = room - len(row)
                    row.extend((token, weight, number) for token in left[:fits])
                    left = left[fits:]
                self._close(row)
                row = [(START_TOKEN, 1.0, 0)]
                rows.append(row)
        self._close(row)
        return rows

    def _close(self, row: Row) -> None:
        row.append((END_TOKEN, 1.0, 0))
        missing = self.rules.row_length - len(row)
        row.extend([(self.rules.pad_token, 1.0, 0)] * missing)


def _embedding_parts(segment: str) -> list[str]:
    """Split before each embedding that follows a space or a line break."""
    parts = segment.replace("\n" + _EMBEDDING_MARK, " " + _EMBEDDING_MARK).split(
        " " + _EMBEDDING_MARK
    )
    parts = [parts[0], *(_EMBEDDING_MARK + part for part in parts[1:])]
    return [part for part in parts if part]


class MultiTokenizer:
    """The tokenizers of all text encoders of a model.

    Args:
        tokenizers: By the key under which the encoder finds its rows: ``l``, ``h``, ``g``.
    """

    def __init__(self, tokenizers: Mapping[str, PromptTokenizer]) -> None:
        self.tokenizers = dict(tokenizers)

    def tokenize_with_weights(
        self, text: str, return_word_ids: bool = False, **kwargs: Any
    ) -> dict[str, list[Row]]:
        """Return the rows for each encoder; ``kwargs`` of packs are let through."""
        return {
            key: tokenizer.tokenize(text, return_word_ids, kwargs.get("tokenizer_options"))
            for key, tokenizer in self.tokenizers.items()
        }

    def count(self, text: str) -> tuple[int, int]:
        """Return tokens and rows of a prompt, as the first encoder counts them."""
        return next(iter(self.tokenizers.values())).count(text)
