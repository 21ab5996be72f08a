"""The comment block of FLAC sound files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.workflow.metadata.id3 import tag_length
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts
from app.engine.workflow.metadata.source import Source
from app.engine.workflow.metadata.vorbis import make_comments, read_comments, replace_comments

SIGNATURE: Final = b"fLaC"
_COMMENTS: Final = 4
_LARGEST_BLOCK: Final = (1 << 24) - 1


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a FLAC. One behind an ID3 tag is found by :mod:`id3`."""
    return head.startswith(SIGNATURE)


def read(source: Source) -> dict[str, str]:
    """Return the comments of a FLAC by lower-cased key.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    for kind, start, length in _blocks(source):
        if kind == _COMMENTS:
            read_comments(source.read(start, length), source, texts)
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the FLAC with ``texts`` among its comments, in place of those of the same keys.

    Raises:
        WorkflowFileError: ``data`` is no whole FLAC, or the texts are longer than 16 MB, which
            is all that a block can hold.
    """
    source = Source(data, "this file")
    blocks = list(_blocks(source))
    kept = [(kind, data[start : start + length]) for kind, start, length in blocks]
    place = next((i for i, (kind, _) in enumerate(kept) if kind == _COMMENTS), None)
    if place is None:
        kept.insert(1, (_COMMENTS, make_comments(texts)))
        place = 1
    else:
        kept[place] = (_COMMENTS, replace_comments(kept[place][1], texts, source))
    if len(kept[place][1]) > _LARGEST_BLOCK:
        raise source.no_room()
    parts = [data[: blocks[0][1] - 4]]
    for index, (kind, content) in enumerate(kept):
        last = 0x80 if index == len(kept) - 1 else 0
        parts.append(bytes([kind | last]) + len(content).to_bytes(3, "big") + content)
    _kind, start, length = blocks[-1]
    return b"".join(parts) + data[start + length :]


def _blocks(source: Source) -> Iterator[tuple[int, int, int]]:
    """Yield ``(kind, start of content, length)`` of each block before the sound."""
    at = tag_length(source.peek(0, 10))
    if source.read(at, 4) != SIGNATURE:
        raise source.damaged()
    at += 4
    for _ in range(MAX_PARTS):
        head = source.read(at, 4)
        length = int.from_bytes(head[1:], "big")
        if at + 4 + length > source.size:
            raise source.cut_off()
        yield head[0] & 0x7F, at + 4, length
        at += 4 + length
        if head[0] & 0x80:
            return
    raise source.too_many_parts()
