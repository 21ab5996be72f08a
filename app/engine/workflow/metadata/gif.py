"""Comment extensions of GIF files: ``workflow:{...}``, or a JSON object with both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.limits import Texts, carries, check_length
from app.engine.workflow.metadata.source import Source

_EXTENSION: Final = 0x21
_COMMENT: Final = 0xFE
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_MAX_BLOCKS: Final = 2_000_000


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a GIF."""
    return head.startswith((b"GIF87a", b"GIF89a"))


@dataclass(frozen=True, slots=True)
class _Comment:
    """One comment, and where it stands in the file."""

    at: int
    end: int
    text: str


def read(source: Source) -> dict[str, str]:
    """Return the texts in a GIF's comments by key.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    for comment in _walk(source)[0]:
        texts.add_free(comment.text)
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the GIF with each text in a comment before the end, in place of earlier ones.

    Raises:
        WorkflowFileError: ``data`` is no whole GIF.
    """
    comments, end = _walk(Source(data, "this picture"))
    parts: list[bytes] = []
    at = 0
    for comment in comments:
        if carries(comment.text, texts):
            parts.append(data[at : comment.at])
            at = comment.end
    parts.append(data[at:end])
    for key, text in texts.items():
        content = f"{key}:{text}".encode("utf-8", "replace")
        parts.append(bytes([_EXTENSION, _COMMENT]))
        for place in range(0, len(content), 255):
            block = content[place : place + 255]
            parts += (bytes([len(block)]), block)
        parts.append(b"\0")
    # Comments came with the second version of the format.
    return b"GIF89a" + b"".join([*parts, data[end:]])[6:]


def _walk(source: Source) -> tuple[list[_Comment], int]:
    """Return the comments, and where the trailer stands."""
    comments: list[_Comment] = []
    head = source.read(0, 13)
    if not is_mine(head):
        raise WorkflowFileError(f"Cannot open {source.shown}: it is no GIF.")
    at = 13 + _table_size(head[10])
    left = _MAX_BLOCKS
    total = 0
    while left > 0:
        kind = source.read(at, 1)[0]
        if kind == _TRAILER:
            return comments, at
        begin = at
        if kind == _IMAGE:
            at += 10 + _table_size(source.read(at + 9, 1)[0]) + 1
            is_comment = False
        elif kind == _EXTENSION:
            is_comment = source.read(at + 1, 1)[0] == _COMMENT
            at += 2
        else:
            raise source.damaged()
        parts: list[bytes] = []
        while left > 0:
            left -= 1
            length = source.read(at, 1)[0]
            if length == 0:
                at += 1
                break
            if is_comment:
                total += length
                check_length(total, source.shown)
                parts.append(source.read(at + 1, length))
            at += 1 + length
        if is_comment:
            text = b"".join(parts).decode("utf-8", "replace")
            comments.append(_Comment(begin, at, text))
    raise source.too_many_parts()


def _table_size(flags: int) -> int:
    """Return the length of a colour table, 0 when there is none."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
