"""Texts of JPEG files: the EXIF block, and comments for what does not fit into it.

A segment holds at most 65,533 bytes, so a long workflow cannot stand in the EXIF block. It goes
into comment segments as ``workflow:{...}``; a comment that fills its segment to the last byte is
continued by the next one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.exif import PREFIX, read_exif, replace_texts
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, carries, check_length
from app.engine.workflow.metadata.source import Source

SIGNATURE: Final = b"\xff\xd8\xff"
MAX_SEGMENT: Final = 65533
"""Most bytes that one segment can hold beside its length."""

_APP1: Final = 0xE1
_APP0: Final = 0xE0
_COMMENT: Final = 0xFE
_START_OF_SCAN: Final = 0xDA
_END: Final = 0xD9
_BARE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_BLOCK: Final = 1024 * 1024

_Segments = Sequence[tuple[int, int, int]]


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a JPEG."""
    return head.startswith(SIGNATURE)


def read(source: Source) -> dict[str, str]:
    """Return the texts of a JPEG by key; those of the EXIF block come first.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    segments = list(_segments(source))
    for marker, start, length in segments:
        if marker == _APP1:
            content = source.read(start, length)
            if content.startswith(PREFIX):
                read_exif(content, texts)
    for comment, _ in _comments(source, segments):
        texts.add_free(comment)
    return texts.found


def _comments(source: Source, segments: _Segments) -> list[tuple[str, list[int]]]:
    """Return the comments, each with the places of its segments."""
    parts: list[tuple[list[bytes], list[int]]] = []
    total = 0
    is_continued = False
    for marker, start, length in segments:
        if marker != _COMMENT:
            continue
        total += length
        check_length(total, source.shown)
        if not is_continued:
            parts.append(([], []))
        parts[-1][0].append(source.read(start, length))
        parts[-1][1].append(start)
        is_continued = length == MAX_SEGMENT
    return [(b"".join(found).decode("utf-8", "replace"), places) for found, places in parts]


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the JPEG with ``texts``, in place of those of the same keys.

    What fits goes into the EXIF block beside what is there, the workflow first; the rest into
    comments.

    Raises:
        WorkflowFileError: ``data`` is no whole JPEG.
    """
    source = Source(data, "this picture")
    segments = list(_segments(source))
    gone = {
        place
        for comment, places in _comments(source, segments)
        if carries(comment, texts)
        for place in places
    }
    exif = b""
    for marker, start, length in segments:
        if marker == _APP1 and data.startswith(PREFIX, start):
            exif = exif or data[start : start + length]
            gone.add(start)
    fitting, rest = split_texts(texts, exif)
    block = replace_texts(exif, fitting, texts)
    made = _segment(_APP1, PREFIX + block) if block else b""
    for key, text in rest.items():
        content = f"{key}:{text}".encode("utf-8", "replace")
        if len(content) % MAX_SEGMENT == 0:
            # A last segment that is full would seem to go on.
            content += b" "
        for at in range(0, len(content), MAX_SEGMENT):
            made += _segment(_COMMENT, content[at : at + MAX_SEGMENT])
    parts = [data[:2]]
    is_written = False
    end = 2
    for marker, start, length in segments:
        if marker != _APP0 and not is_written:
            parts.append(made)
            is_written = True
        content = data[start : start + length]
        end = start + length
        if marker != _END and start not in gone:
            parts.append(_segment(marker, content))
    parts.append(data[end:])
    return b"".join(parts)


def split_texts(
    texts: Mapping[str, str], exif: bytes = b""
) -> tuple[dict[str, str], dict[str, str]]:
    """Return the texts that fit into one EXIF block together, and the others.

    The workflow has the first claim, since the prompt can be made from it.

    Args:
        texts: Texts by key.
        exif: What stands in the block already.
    """
    order = sorted(texts, key=lambda key: key != "workflow")
    fitting: dict[str, str] = {}
    for key in order:
        tried = {**fitting, key: texts[key]}
        if len(PREFIX) + len(replace_texts(exif, tried, texts)) <= MAX_SEGMENT:
            fitting = tried
    ordered = {key: text for key, text in texts.items() if key in fitting}
    return ordered, {key: text for key, text in texts.items() if key not in fitting}


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _segments(source: Source) -> Iterator[tuple[int, int, int]]:
    """Yield ``(marker, start of content, length)`` up to the image data, whose end is checked."""
    if not is_mine(source.peek(0, 3)):
        raise WorkflowFileError(f"Cannot open {source.shown}: it is no JPEG.")
    at = 2
    for _ in range(MAX_PARTS):
        mark, marker = source.read(at, 2)
        if mark != 0xFF:
            raise source.damaged()
        at += 2
        if marker == 0xFF:  # filling
            at -= 1
            continue
        if marker in _BARE:
            continue
        if marker == _END:
            yield marker, at - 2, 0
            return
        (length,) = struct.unpack(">H", source.read(at, 2))
        if length < 2:
            raise source.damaged()
        if at + length > source.size:
            raise source.cut_off()
        yield marker, at + 2, length - 2
        at += length
        if marker == _START_OF_SCAN:
            _find_end(source, at)
            return
    raise source.too_many_parts()


def _find_end(source: Source, at: int) -> None:
    # In image data 0xFF is always followed by 0x00 or a restart mark, so this is the end.
    while at < source.size:
        block = source.peek(at, _BLOCK)
        if b"\xff\xd9" in block:
            return
        at += max(1, len(block) - 1)
        if len(block) < _BLOCK:
            break
    raise source.cut_off()
