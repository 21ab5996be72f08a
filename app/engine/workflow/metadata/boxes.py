"""Boxes of ISO media files (MP4, MOV, M4V, AVIF): ``length, name, content``, one in another."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from app.engine.workflow.metadata.limits import MAX_PARTS
from app.engine.workflow.metadata.source import Source


@dataclass(frozen=True, slots=True)
class Box:
    """One box.

    Attributes:
        name: Four bytes.
        at: Where the box begins.
        start: Where its content begins.
        end: Where it ends.
    """

    name: bytes
    at: int
    start: int
    end: int

    @property
    def length(self) -> int:
        """Length of the content in bytes."""
        return self.end - self.start


def walk(source: Source, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes from ``start`` to ``end``, without those inside of them.

    Raises:
        WorkflowFileError: A box is longer than its place, or there are too many.
    """
    at = start
    for _ in range(MAX_PARTS):
        if at + 8 > end:
            return
        length, name = struct.unpack(">I4s", source.read(at, 8))
        head = 8
        if length == 1:
            (length,) = struct.unpack(">Q", source.read(at + 8, 8))
            head = 16
        elif length == 0:
            length = end - at
        if length < head:
            # QuickTime closes some lists with four zero bytes; anything else is damage.
            raise source.damaged()
        if at + length > end:
            raise source.cut_off() if end == source.size else source.damaged()
        yield Box(name, at, at + head, at + length)
        at += length
    raise source.too_many_parts()


def whole_file(source: Source) -> list[Box]:
    """Return the boxes of a file that fill it to the last byte.

    Raises:
        WorkflowFileError: They do not, or there are none.
    """
    boxes = list(walk(source, 0, source.size))
    if not boxes or boxes[-1].end != source.size:
        raise source.cut_off()
    return boxes


def child(source: Source, parent: Box | None, *path: bytes) -> Box | None:
    """Return the first box found by following ``path`` from ``parent``, or None."""
    found = parent
    for name in path:
        if found is None:
            return None
        found = next(
            (box for box in walk(source, found.start, found.end) if box.name == name), None
        )
    return found


def make_box(name: bytes, *parts: bytes) -> bytes:
    """Return a box that holds ``parts`` one behind the other."""
    content = b"".join(parts)
    if len(content) + 8 < 1 << 32:
        return struct.pack(">I4s", len(content) + 8, name) + content
    return struct.pack(">I4sQ", 1, name, len(content) + 16) + content


def tell_length(changed: bytearray, source: Source, last: Box) -> None:
    """Give the last box of a file its length where it claims "the rest": something will follow.

    Raises:
        WorkflowFileError: It is too long for that.
    """
    if changed[last.at : last.at + 4] == b"\0\0\0\0":
        length = last.end - last.at
        if length >= 1 << 32:
            raise source.no_room()
        changed[last.at : last.at + 4] = length.to_bytes(4, "big")


def brands(head: bytes) -> set[bytes]:
    """Return the kinds of file that the first box claims; empty when it is no such file."""
    if head[4:8] != b"ftyp" or len(head) < 16:
        return set()
    length = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, length - 3, 4))}
