"""Places that ISO media files tell, counted from the beginning of the file.

A box that grows pushes everything behind it on; these numbers have to follow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from app.engine.workflow.metadata.boxes import Box, walk
from app.engine.workflow.metadata.source import Source

_TABLES: Final = (b"trak", b"mdia", b"minf", b"stbl")


def shift_places(changed: bytearray, source: Source, behind: int, by: int) -> None:
    """Add ``by`` to every place at or after ``behind``.

    Args:
        changed: The file as it was read, changed in place.
        source: The same file.
        behind: First byte that moves.
        by: How far it moves; may be negative.

    Raises:
        WorkflowFileError: A box is damaged, or a place becomes too large for its number.
    """
    for top in walk(source, 0, source.size):
        if top.name == b"sidx":
            _shift_segment_index(_Numbers(changed, source, top), behind, by)
            continue
        for number in _places(changed, source, top):
            if number.value >= behind:
                number.put(number.value + by)


@dataclass(frozen=True, slots=True)
class _Number:
    """A number in the file: where, how wide, and of what value."""

    numbers: _Numbers
    at: int
    width: int
    value: int

    def put(self, value: int) -> None:
        """Write another value.

        Raises:
            WorkflowFileError: It is too large.
        """
        if not 0 <= value < 1 << 8 * self.width:
            raise self.numbers.source.no_room()
        self.numbers.changed[self.at : self.at + self.width] = value.to_bytes(self.width, "big")


class _Numbers:
    """Takes the numbers of a box one after the other; version and flags come first."""

    def __init__(self, changed: bytearray, source: Source, box: Box) -> None:
        self.changed = changed
        self.source = source
        self.box = box
        self._at = box.start
        head = self.take(4).value
        self.version = head >> 24
        self.flags = head & 0xFFFFFF

    @property
    def wide(self) -> int:
        """Width of numbers that have 64 bits in the second version of a box."""
        return 8 if self.version else 4

    def take(self, width: int) -> _Number:
        """Return the next number.

        Raises:
            WorkflowFileError: The box ends before.
        """
        at = self._at
        if at + width > self.box.end:
            raise self.source.damaged()
        self._at += width
        return _Number(self, at, width, int.from_bytes(self.changed[at : at + width], "big"))

    def list(self, width: int) -> Iterator[_Number]:
        """Yield as many numbers as the next one says."""
        for _ in range(self.take(4).value):
            yield self.take(width)


def _places(changed: bytearray, source: Source, top: Box) -> Iterator[_Number]:
    if top.name == b"moov":
        for box in _inside(source, top, _TABLES):
            if box.name in (b"stco", b"co64"):
                width = 4 if box.name == b"stco" else 8
                yield from _Numbers(changed, source, box).list(width)
            elif box.name == b"saio":
                numbers = _Numbers(changed, source, box)
                if numbers.flags & 1:
                    numbers.take(8)
                yield from numbers.list(numbers.wide)
    elif top.name == b"moof":
        for box in _inside(source, top, (b"traf",)):
            if box.name == b"tfhd":
                numbers = _Numbers(changed, source, box)
                numbers.take(4)
                if numbers.flags & 1:
                    yield numbers.take(8)
    elif top.name == b"mfra":
        for box in walk(source, top.start, top.end):
            if box.name == b"tfra":
                yield from _fragment_places(_Numbers(changed, source, box))


def _inside(source: Source, holder: Box, path: tuple[bytes, ...]) -> Iterator[Box]:
    """Yield the boxes at the end of a path of names, whose every step may stand many times."""
    for box in walk(source, holder.start, holder.end):
        if not path:
            yield box
        elif box.name == path[0]:
            yield from _inside(source, box, path[1:])


def _fragment_places(numbers: _Numbers) -> Iterator[_Number]:
    numbers.take(4)
    widths = numbers.take(4).value
    rest = sum((widths >> shift & 3) + 1 for shift in (4, 2, 0))
    for _ in range(numbers.take(4).value):
        numbers.take(numbers.wide)
        yield numbers.take(numbers.wide)
        numbers.take(rest)


def _shift_segment_index(numbers: _Numbers, behind: int, by: int) -> None:
    """Keep the distance from an index to the first fragment that it lists."""
    numbers.take(8)
    numbers.take(numbers.wide)
    first = numbers.take(numbers.wide)
    if numbers.box.at < behind <= numbers.box.end + first.value:
        first.put(first.value + by)
