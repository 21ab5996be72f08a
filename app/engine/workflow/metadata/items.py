"""The items of AVIF and HEIC pictures: what each is, and where its bytes lie."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.engine.workflow.metadata.boxes import Box, child, make_box, walk
from app.engine.workflow.metadata.limits import MAX_PARTS, check_length
from app.engine.workflow.metadata.source import Source

IN_FILE: Final = 0
IN_DATA_BOX: Final = 1

_LARGEST_SHORT: Final = 0xFFFF
_LARGEST_LONG: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Extent:
    """One piece of an item.

    Attributes:
        index: Number of its source, for items made of other items.
        offset: Where it begins, as the table tells.
        length: Length in bytes.
    """

    index: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Item:
    """Where an item lies.

    Attributes:
        number: Its id.
        method: What its offsets count from: :data:`IN_FILE`, :data:`IN_DATA_BOX`, or others.
        reference: Number of the file that it lies in; 0 is this one.
        extents: Its pieces in order.
    """

    number: int
    method: int
    reference: int
    extents: tuple[Extent, ...]

    def shifted(self, behind: int, by: int) -> Item:
        """Return the item with its pieces at or after ``behind`` moved by that many bytes."""
        if self.method != IN_FILE or self.reference:
            return self
        moved = (
            replace(extent, offset=extent.offset + by) if extent.offset >= behind else extent
            for extent in self.extents
        )
        return replace(self, extents=tuple(moved))

    def pieces(self, data_box: Box | None) -> list[tuple[int, int]]:
        """Return place and length of each piece in the file; none when it lies elsewhere."""
        if self.reference or self.method not in (IN_FILE, IN_DATA_BOX):
            return []
        start = data_box.start if self.method == IN_DATA_BOX and data_box is not None else 0
        return [(start + extent.offset, extent.length) for extent in self.extents]


def items_of_kind(source: Source, iinf: Box | None, kind: bytes) -> list[int]:
    """Return the ids of the items of a kind, from the box that lists all items."""
    found: list[int] = []
    for box in _entries(source, iinf):
        number, name = _entry(source, box)
        if name == kind and number not in found:
            found.append(number)
    return found


def _entries(source: Source, iinf: Box | None) -> list[Box]:
    if iinf is None:
        return []
    start = iinf.start + (6 if source.read(iinf.start, 1)[0] == 0 else 8)
    return [box for box in walk(source, start, iinf.end) if box.name == b"infe"]


def _entry(source: Source, box: Box) -> tuple[int, bytes]:
    """Return the id and the kind of an item; no kind when the entry is of an old version."""
    version = source.read(box.start, 1)[0]
    # Version 2 numbers items with 16 bits, version 3 with 32.
    width = 2 if version == 2 else 4
    if version not in (2, 3) or box.length < 4 + width + 6:
        return 0, b""
    content = source.read(box.start + 4, width + 6)
    return int.from_bytes(content[:width], "big"), content[width + 2 : width + 6]


def changed_list(source: Source, iinf: Box, gone: Collection[int], number: int) -> bytes:
    """Return the list of items without some, and with an EXIF item of this id."""
    kept = [
        source.read(box.at, box.end - box.at)
        for box in _entries(source, iinf)
        if _entry(source, box)[0] not in gone
    ]
    kept.append(make_box(b"infe", b"\2\0\0\0", struct.pack(">HH", number, 0), b"Exif\0"))
    version = source.read(iinf.start, 1)[0]
    if len(kept) > _LARGEST_SHORT:
        version = 1
    count = struct.pack(">H" if version == 0 else ">I", len(kept))
    return make_box(b"iinf", bytes([version, 0, 0, 0]), count, *kept)


def changed_references(
    source: Source, iref: Box | None, gone: Collection[int], number: int, primary: int
) -> bytes:
    """Return the references between items without those from some, and with one more.

    Args:
        source: The file.
        iref: The box as it is, if there is one.
        gone: Ids of items that go.
        number: The item that describes another one.
        primary: The item that it describes.
    """
    version = 1 if primary > _LARGEST_SHORT else 0
    kept: list[bytes] = []
    if iref is not None:
        version = source.read(iref.start, 1)[0]
        width = 4 if version else 2
        for box in walk(source, iref.start + 4, iref.end):
            if int.from_bytes(source.read(box.start, width), "big") not in gone:
                kept.append(source.read(box.at, box.end - box.at))
    pattern = ">IHI" if version else ">HHH"
    if not version and primary > _LARGEST_SHORT:
        raise source.no_room()
    kept.append(make_box(b"cdsc", struct.pack(pattern, number, 1, primary)))
    return make_box(b"iref", bytes([version, 0, 0, 0]), *kept)


def primary_item(source: Source, meta: Box) -> int:
    """Return the id of the picture that a file shows; 0 when it does not say."""
    box = child(source, meta, b"pitm")
    if box is None:
        return 0
    width = 4 if source.read(box.start, 1)[0] else 2
    return int.from_bytes(source.read(box.start + 4, width), "big")


def read_items(source: Source, iloc: Box) -> list[Item]:
    """Return where the items lie, from the box that tells it.

    Raises:
        WorkflowFileError: The box is damaged or too large.
    """
    check_length(iloc.length, source.shown)
    reader = _Numbers(source, source.read(iloc.start, iloc.length))
    version = reader.take(1)
    reader.take(3)
    widths = reader.take(1)
    offset_width, length_width = widths >> 4, widths & 15
    more = reader.take(1)
    base_width, index_width = more >> 4, (more & 15) if version in (1, 2) else 0
    found: list[Item] = []
    left = MAX_PARTS
    for _ in range(reader.take(4 if version == 2 else 2)):
        number = reader.take(4 if version == 2 else 2)
        method = reader.take(2) & 15 if version in (1, 2) else IN_FILE
        reference = reader.take(2)
        base = reader.take(base_width)
        extents: list[Extent] = []
        for _ in range(reader.take(2)):
            left -= 1
            if left < 0:
                raise source.too_many_parts()
            index = reader.take(index_width)
            offset = base + reader.take(offset_width)
            length = reader.take(length_width)
            if length == 0 and method == IN_FILE:
                length = max(0, source.size - offset)
            extents.append(Extent(index, offset, length))
        found.append(Item(number, method, reference, tuple(extents)))
    return found


def make_items(items: Sequence[Item], *, wide: bool) -> bytes:
    """Return the box that tells where items lie.

    Args:
        items: The items in order.
        wide: Whether places and lengths may need more than 32 bits.
    """
    version = 2 if _needs_long(items) else 1
    width = 8 if wide else 4
    number_format = ">I" if version == 2 else ">H"
    index_width = 4 if any(extent.index for item in items for extent in item.extents) else 0
    made = [struct.pack(">BxxxBB", version, width << 4 | width, index_width)]
    made.append(struct.pack(number_format, len(items)))
    for item in items:
        made.append(struct.pack(number_format, item.number))
        made.append(struct.pack(">HHH", item.method, item.reference, len(item.extents)))
        for extent in item.extents:
            made.append(extent.index.to_bytes(index_width, "big"))
            made.append(extent.offset.to_bytes(width, "big"))
            made.append(extent.length.to_bytes(width, "big"))
    return make_box(b"iloc", *made)


def _needs_long(items: Sequence[Item]) -> bool:
    return max((item.number for item in items), default=0) > _LARGEST_SHORT or (
        len(items) > _LARGEST_SHORT
    )


def fits_in_32_bits(items: Iterable[Item], end: int) -> bool:
    """Tell whether all places and lengths up to ``end`` fit into 32 bits."""
    numbers = (extent.offset + extent.length for item in items for extent in item.extents)
    return max(end, *numbers, 0) <= _LARGEST_LONG // 2


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
