"""The comments of Ogg files: Vorbis, Opus, FLAC in Ogg, and Theora films.

An Ogg is a row of pages; each carries pieces of up to 255 bytes of one stream. A piece that is
not full ends a packet, so a long packet goes on over many pages.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source
from app.engine.workflow.metadata.vorbis import read_comments, replace_comments

SIGNATURE: Final = b"OggS"
_HEAD: Final = 27
_FULL: Final = 255
"""Length of a piece behind which its packet goes on, and most pieces of a page."""

_PACKET_MARKS: Final = (b"\x03vorbis", b"OpusTags", b"\x81theora")
_FLAC_MARK: Final = b"\x7fFLAC"
_THEORA_MARK: Final = b"\x80theora"
_LARGEST_THEORA_HEAD: Final = 0xFFFF
_FLAC_HEAD: Final = 4
_FLAC_COMMENTS: Final = 4
_LARGEST_FLAC_BLOCK: Final = (1 << 24) - 1
_HEAD_PACKETS: Final = 3
"""Comments stand in the second packet of a stream; later ones are sound."""

_CONTINUED: Final = 1
_FIRST_PAGE: Final = 2
_NO_PACKET_ENDS: Final = -1
_MIRRORED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def is_mine(head: bytes) -> bool:
    """Tell whether the file is an Ogg."""
    return head.startswith(SIGNATURE)


@dataclass(frozen=True, slots=True)
class _Page:
    """One page.

    Attributes:
        at: Where it begins.
        flags: Whether it continues a packet, and whether its stream begins or ends with it.
        granule: Time of the last packet that ends on it; -1 when none does.
        serial: Number of its stream.
        number: Its place in the stream.
        lengths: Length of each piece.
        start: Where the pieces begin.
        end: Where they end.
    """

    at: int
    flags: int
    granule: int
    serial: int
    number: int
    lengths: bytes
    start: int
    end: int


class _Stream:
    """The first packets of one stream in the file."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.packets = 0
        self.is_flac = False

    @property
    def is_done(self) -> bool:
        return self.packets >= _HEAD_PACKETS

    def take(self, lengths: bytes, content: bytes) -> Iterator[bytes]:
        """Yield the packets that end on a page, as long as they may hold comments."""
        place = 0
        for length in lengths:
            self.parts.append(content[place : place + length])
            place += length
            if length == _FULL or self.is_done:
                continue
            packet = b"".join(self.parts)
            self.parts.clear()
            self.packets += 1
            if self.packets == 1:
                self.is_flac = packet.startswith(_FLAC_MARK)
            else:
                yield packet


def _mark(packet: bytes, is_flac: bool) -> int:
    """Return how many bytes stand before the comments of a packet; 0 when it has none."""
    if is_flac:
        return _FLAC_HEAD if packet[:1] and packet[0] & 0x7F == _FLAC_COMMENTS else 0
    return next((len(mark) for mark in _PACKET_MARKS if packet.startswith(mark)), 0)


def read(source: Source) -> dict[str, str]:
    """Return the comments of all streams by lower-cased key. Only the first pages are read.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    streams: dict[int, _Stream] = {}
    total = 0
    for count, page in enumerate(_pages(source)):
        if count == MAX_PARTS:
            raise source.too_many_parts()
        stream = streams.setdefault(page.serial, _Stream())
        if not stream.is_done:
            total += page.end - page.start
            check_length(total, source.shown)
            content = source.read(page.start, page.end - page.start)
            for packet in stream.take(page.lengths, content):
                if mark := _mark(packet, stream.is_flac):
                    read_comments(packet[mark:], source, texts)
        if all(each.is_done for each in streams.values()):
            break
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the Ogg with ``texts`` among the comments of one of its streams, sound first.

    Comments of the same keys are taken out of all streams. Pages behind the comments get new
    numbers and checksums where needed; the sound on them stays as it is.

    Raises:
        WorkflowFileError: ``data`` is no whole Ogg or has no comments, or the texts are longer
            than 16 MB in an Ogg with FLAC, or than 64 KB in one with nothing but Theora.
    """
    source = Source(data, "this file")
    pages = list(_pages(source))
    own: dict[int, list[_Page]] = {}
    for page in pages:
        own.setdefault(page.serial, []).append(page)
    made: dict[int, list[bytes]] = {}
    gone: set[int] = set()
    shifts: dict[int, int] = {}
    heads = {serial: _comment_pages(data, each) for serial, each in own.items()}
    # Sound before pictures: players keep the heads of Theora in 64 KB.
    order = sorted(
        (serial for serial, head in heads.items() if head),
        key=lambda serial: data.startswith(_THEORA_MARK, own[serial][0].start),
    )
    for serial in order:
        head = heads[serial]
        added = texts if serial == order[0] else {}
        new = _with_comments(data, own[serial][0], head, added, list(texts), source)
        if not new:
            continue
        made[head[0].at] = new
        gone.update(page.at for page in head)
        shifts[serial] = len(new) - len(head)
    if not order:
        raise source.damaged()
    parts: list[bytes] = []
    shift: dict[int, int] = {}
    for page in pages:
        if page.flags & _FIRST_PAGE:
            # A stream that begins once more under its number counts from 0 again.
            shift[page.serial] = 0
        if page.at in made:
            parts += made[page.at]
            shift[page.serial] = shifts[page.serial]
        if page.at not in gone:
            number = page.number + shift.get(page.serial, 0)
            parts.append(_renumbered(data[page.at : page.end], page, number))
    return b"".join(parts)


def _comment_pages(data: bytes, pages: Sequence[_Page]) -> list[_Page]:
    """Return the pages with the second packet of a stream if that holds comments."""
    first = pages[0]
    if sum(length < _FULL for length in first.lengths) != 1 or first.lengths[-1] == _FULL:
        return []
    found: list[_Page] = []
    for page in pages[1:]:
        if page.flags & _FIRST_PAGE:
            return []
        found.append(page)
        if any(length < _FULL for length in page.lengths):
            packet, _ = _second_packet(data, found)
            return found if _mark(packet, _is_flac(data, first)) else []
    return []


def _is_flac(data: bytes, first: _Page) -> bool:
    return data.startswith(_FLAC_MARK, first.start)


def _second_packet(data: bytes, pages: Sequence[_Page]) -> tuple[bytes, int]:
    """Return the packet that begins on the first of these pages, and its number of pieces."""
    lengths = b"".join(page.lengths for page in pages)
    pieces = next(index for index, length in enumerate(lengths) if length < _FULL) + 1
    content = b"".join(data[page.start : page.end] for page in pages)
    return content[: sum(lengths[:pieces])], pieces


def _with_comments(
    data: bytes,
    first: _Page,
    pages: Sequence[_Page],
    texts: Mapping[str, str],
    keys: Sequence[str],
    source: Source,
) -> list[bytes]:
    """Return the pages with the comments anew: ``texts`` in place of those of these keys.

    Nothing when that changes nothing.
    """
    packet, pieces = _second_packet(data, pages)
    is_flac = _is_flac(data, first)
    mark = _mark(packet, is_flac)
    block = replace_comments(packet[mark:], texts, source, keys)
    head = packet[:mark]
    if is_flac:
        if len(block) > _LARGEST_FLAC_BLOCK:
            raise source.no_room()
        head = packet[:1] + len(block).to_bytes(3, "big")
    changed = head + block
    if changed == packet:
        return []
    if data.startswith(_THEORA_MARK, first.start) and len(changed) > _LARGEST_THEORA_HEAD:
        raise source.no_room()
    lengths = b"".join(page.lengths for page in pages)[pieces:]
    lengths = bytes([_FULL]) * (len(changed) // _FULL) + bytes([len(changed) % _FULL]) + lengths
    content = changed + b"".join(data[page.start : page.end] for page in pages)[len(packet) :]
    ends = max(at for at, length in enumerate(lengths) if length < _FULL) // _FULL
    made: list[bytes] = []
    place = 0
    for number, at in enumerate(range(0, len(lengths), _FULL)):
        own = lengths[at : at + _FULL]
        is_continued = at > 0 and lengths[at - 1] == _FULL
        flags = (_CONTINUED if is_continued else 0) | (
            pages[-1].flags & ~_CONTINUED if at + _FULL >= len(lengths) else 0
        )
        granule = pages[-1].granule if number == ends else 0
        if all(length == _FULL for length in own):
            granule = _NO_PACKET_ENDS
        end = place + sum(own)
        made.append(
            _page(flags, granule, pages[0], pages[0].number + number, own, content[place:end])
        )
        place = end
    return made


def _page(
    flags: int, granule: int, like: _Page, number: int, lengths: bytes, content: bytes
) -> bytes:
    head = struct.pack("<4sBBqII", SIGNATURE, 0, flags, granule, like.serial, number)
    return _sealed(head, bytes([len(lengths)]) + lengths + content)


def _renumbered(data: bytes, page: _Page, number: int) -> bytes:
    """Return a page with another number, or as it is when that is its own."""
    if number == page.number:
        return data
    return _sealed(data[:18] + struct.pack("<I", number & 0xFFFFFFFF), data[26:])


def _sealed(head: bytes, rest: bytes) -> bytes:
    """Return a page with its checksum between the two parts."""
    # This checksum is that of zlib with all bits mirrored and without its start and end value.
    mirrored = zlib.crc32((head + bytes(4) + rest).translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return head + mirrored.to_bytes(4, "little").translate(_MIRRORED)[::-1] + rest


def _pages(source: Source) -> Iterator[_Page]:
    at = 0
    while at < source.size:
        head = source.read(at, _HEAD)
        if not head.startswith(SIGNATURE):
            raise source.damaged()
        flags, granule, serial, number = struct.unpack_from("<BqII", head, 5)
        lengths = source.read(at + _HEAD, head[26])
        start = at + _HEAD + head[26]
        end = start + sum(lengths)
        if end > source.size:
            raise source.cut_off()
        yield _Page(at, flags, granule, serial, number, lengths, start, end)
        at = end
