"""Texts in the EXIF item of AVIF pictures (and of HEIC ones, which use the same boxes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.engine.workflow.metadata.boxes import (
    Box,
    brands,
    child,
    make_box,
    tell_length,
    walk,
    whole_file,
)
from app.engine.workflow.metadata.exif import read_exif, replace_texts
from app.engine.workflow.metadata.items import (
    IN_FILE,
    Extent,
    Item,
    changed_list,
    changed_references,
    fits_in_32_bits,
    items_of_kind,
    make_items,
    primary_item,
    read_items,
)
from app.engine.workflow.metadata.limits import Texts, check_length
from app.engine.workflow.metadata.places import shift_places
from app.engine.workflow.metadata.source import Source

_BRANDS: Final = frozenset({b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix"})
_KIND: Final = b"Exif"
_BOX_HEAD: Final = 8


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
        inner = _inner(top)
        wanted = items_of_kind(source, child(source, inner, b"iinf"), _KIND)
        places = child(source, inner, b"iloc")
        if not wanted or places is None:
            continue
        data_box = child(source, inner, b"idat")
        for item in read_items(source, places):
            if item.number in wanted:
                read_exif(_content(source, item, data_box), texts)
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the picture with ``texts`` in its EXIF item, in place of those of the same keys.

    The item moves to the end of the file; the places of all others follow the boxes that grow.

    Raises:
        WorkflowFileError: ``data`` is no whole picture of this kind, or has no room.
    """
    source = Source(data, "this picture")
    tops = whole_file(source)
    meta = next((box for box in tops if box.name == b"meta"), None)
    if meta is None:
        raise source.damaged()
    picture = _Picture(source, meta)
    changed = bytearray(data)
    item = bytes(4) + replace_texts(picture.exif(), texts)
    picture.blank(changed)
    end = picture.end_without_exif(tops[-1])
    tell_length(changed, source, tops[-1])
    grown = len(picture.meta(changed, 0, 0, len(item))) - (meta.end - meta.at)
    shift_places(changed, source, meta.end, grown)
    made = picture.meta(changed, grown, end + grown + _BOX_HEAD, len(item))
    return bytes(changed[: meta.at] + made + changed[meta.end : end] + make_box(b"mdat", item))


def _inner(meta: Box) -> Box:
    return Box(meta.name, meta.at, meta.start + 4, meta.end)


def _content(source: Source, item: Item, data_box: Box | None) -> bytes:
    """Return the EXIF block of an item."""
    pieces = item.pieces(data_box)
    check_length(sum(length for _, length in pieces), source.shown)
    content = b"".join(source.read(at, length) for at, length in pieces)
    # The first four bytes tell how far behind them the TIFF header stands.
    return content[4 + int.from_bytes(content[:4], "big") :]


class _Picture:
    """The boxes of a picture that tell of its EXIF items.

    Raises:
        WorkflowFileError: They are missing or damaged.
    """

    def __init__(self, source: Source, meta: Box) -> None:
        inner = _inner(meta)
        iinf, iloc = child(source, inner, b"iinf"), child(source, inner, b"iloc")
        if iinf is None or iloc is None:
            raise source.damaged()
        self._source = source
        self._meta = meta
        self._iinf = iinf
        self._iref = child(source, inner, b"iref")
        self._data_box = child(source, inner, b"idat")
        self._items = read_items(source, iloc)
        self._gone = items_of_kind(source, iinf, _KIND)
        self._primary = primary_item(source, inner)
        numbers = {self._primary, *(item.number for item in self._items)}
        self._number = self._gone[0] if self._gone else max(numbers) + 1
        if self._number > 0xFFFF:
            raise source.no_room()

    def exif(self) -> bytes:
        """Return the EXIF block that the picture has; empty when it has none."""
        for item in self._items:
            if item.number in self._gone:
                return _content(self._source, item, self._data_box)
        return b""

    def _pieces(self, *, of_exif: bool) -> list[tuple[int, int]]:
        return [
            piece
            for item in self._items
            if (item.number in self._gone) is of_exif
            for piece in item.pieces(self._data_box)
        ]

    def blank(self, changed: bytearray) -> None:
        """Leave nothing of the EXIF items, where no other item uses their bytes."""
        others = self._pieces(of_exif=False)
        for at, length in self._pieces(of_exif=True):
            end = min(at + length, self._source.size)
            if not any(start < end and at < start + each for start, each in others):
                changed[at:end] = bytes(max(0, end - at))

    def end_without_exif(self, last: Box) -> int:
        """Return the end of the file, or where its last box begins if that holds EXIF alone."""
        if last.name == b"mdat" and (last.start, last.length) in self._pieces(of_exif=True):
            return last.at
        return self._source.size

    def meta(self, changed: bytearray, grown: int, place: int, length: int) -> bytes:
        """Return the ``meta`` box with an EXIF item at a place, and others moved.

        Args:
            changed: The file as it is to be.
            grown: How much longer the box becomes.
            place: Where the EXIF item will lie.
            length: Its length.
        """
        source, meta = self._source, self._meta
        fits = fits_in_32_bits(self._items, source.size + length)
        items = [
            item.shifted(meta.end, grown) for item in self._items if item.number not in self._gone
        ]
        items.append(Item(self._number, IN_FILE, 0, (Extent(0, place, length),)))
        inner = _inner(meta)
        made = [bytes(changed[meta.start : inner.start])]
        for box in walk(source, inner.start, inner.end):
            if box.name == b"iloc":
                made.append(make_items(items, wide=not fits))
            elif box.name == b"iinf":
                made.append(changed_list(source, self._iinf, self._gone, self._number))
                if self._primary:
                    made.append(
                        changed_references(
                            source, self._iref, self._gone, self._number, self._primary
                        )
                    )
            elif box.name != b"iref" or not self._primary:
                made.append(bytes(changed[box.at : box.end]))
        return make_box(b"meta", *made)
