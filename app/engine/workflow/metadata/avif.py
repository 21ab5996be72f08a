"""Texts in the EXIF item of AVIF pictures (and of HEIC ones, which use the same boxes)."""

from __future__ import annotations

from typing import Final

from app.engine.workflow.metadata.boxes import Box, brands, child, walk
from app.engine.workflow.metadata.exif import read_exif
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source

_BRANDS: Final = frozenset({b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix"})
_IN_FILE: Final = 0
_IN_DATA_BOX: Final = 1


def is_mine(head: bytes) -> bool:
    """Tell whether the file is an AVIF or HEIC picture."""
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS and bool(brands(head))


def read(source: Source) -> dict[str, str]:
    """Return the texts of the picture's EXIF items by key.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or a text is too long.
    """
    texts = Texts(source.shown)
    for top in walk(source, 0, source.size):
        if top.name != b"meta":
            continue
        inner = Box(top.name, top.at, top.start + 4, top.end)
        wanted = _exif_items(source, child(source, inner, b"iinf"))
        places = child(source, inner, b"iloc")
        if not wanted or places is None:
            continue
        data_box = child(source, inner, b"idat")
        for extents in _extents(source, places, wanted, data_box):
            check_length(sum(length for _, length in extents), source.shown)
            content = b"".join(source.read(at, length) for at, length in extents)
            # The first four bytes tell how far behind them the TIFF header stands.
            skip = int.from_bytes(content[:4], "big") if len(content) >= 4 else 0
            read_exif(content[4 + skip :], texts)
    return texts.found


def _exif_items(source: Source, iinf: Box | None) -> set[int]:
    if iinf is None:
        return set()
    version = source.read(iinf.start, 1)[0]
    found: set[int] = set()
    start = iinf.start + (6 if version == 0 else 8)
    for box in walk(source, start, iinf.end):
        if box.name != b"infe":
            continue
        kind = source.read(box.start, 1)[0]
        # Version 2 numbers items with 16 bits, version 3 with 32.
        width = 2 if kind == 2 else 4
        if kind not in (2, 3) or box.length < 4 + width + 6:
            continue
        content = source.read(box.start + 4, width + 6)
        if content[width + 2 : width + 6] == b"Exif":
            found.add(int.from_bytes(content[:width], "big"))
    return found


def _extents(
    source: Source, iloc: Box, wanted: set[int], data_box: Box | None
) -> list[list[tuple[int, int]]]:
    """Return the pieces ``(place, length)`` of each wanted item."""
    check_length(iloc.length, source.shown)
    reader = _Numbers(source, source.read(iloc.start, iloc.length))
    version = reader.take(1)
    reader.take(3)
    widths = reader.take(1)
    offset_width, length_width = widths >> 4, widths & 15
    more = reader.take(1)
    base_width, index_width = more >> 4, (more & 15) if version in (1, 2) else 0
    found: list[list[tuple[int, int]]] = []
    left = MAX_PARTS
    for _ in range(reader.take(4 if version == 2 else 2)):
        number = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version in (1, 2) else _IN_FILE
        reader.take(2)
        base = reader.take(base_width)
        pieces: list[tuple[int, int]] = []
        for _ in range(reader.take(2)):
            left -= 1
            if left < 0:
                raise source.too_many_parts()
            reader.take(index_width)
            offset = base + reader.take(offset_width)
            length = reader.take(length_width)
            if method == _IN_DATA_BOX and data_box is not None:
                offset += data_box.start
            pieces.append((offset, length or max(0, source.size - offset)))
        if number in wanted and method in (_IN_FILE, _IN_DATA_BOX):
            found.append(pieces)
    return found


class _Numbers:
    """Takes big-endian numbers of given widths from a block, one after the other."""

    def __init__(self, source: Source, data: bytes) -> None:
        self._source = source
        self._data = data
        self._at = 0

    def take(self, width: int) -> int:
        """Return the next number; a width of 0 gives 0."""
        end = self._at + width
        if end > len(self._data):
            raise self._source.damaged()
        value = int.from_bytes(self._data[self._at : end], "big")
        self._at = end
        return value
