"""Comment extensions of GIF files: ``workflow:{...}``, or a JSON object with both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.limits import Texts, check_length
from app.engine.workflow.metadata.source import Source

_EXTENSION: Final = 0x21
_COMMENT: Final = 0xFE
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_MAX_BLOCKS: Final = 2_000_000


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a GIF."""
    return head.startswith((b"GIF87a", b"GIF89a"))


def read(source: Source) -> dict[str, str]:
    """Return the texts in a GIF's comments by key.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    for comment in _comments(source):
        texts.add_free(comment.decode("utf-8", "replace"))
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the GIF with each text in a comment of its own before the end; others stay.

    Raises:
        WorkflowFileError: ``data`` is no whole GIF.
    """
    source = Source(data, "this picture")
    end = _walk(source, [])
    made = b""
    for key, text in texts.items():
        content = f"{key}:{text}".encode("utf-8", "replace")
        made += bytes([_EXTENSION, _COMMENT])
        for at in range(0, len(content), 255):
            block = content[at : at + 255]
            made += bytes([len(block)]) + block
        made += b"\0"
    return data[:end] + made + data[end:]


def _comments(source: Source) -> list[bytes]:
    found: list[bytes] = []
    _walk(source, found)
    return found


def _walk(source: Source, comments: list[bytes]) -> int:
    """Collect the comments; return where the trailer stands."""
    head = source.read(0, 13)
    if not is_mine(head):
        raise WorkflowFileError(f"Cannot open {source.shown}: it is no GIF.")
    at = 13 + _table_size(head[10])
    left = _MAX_BLOCKS
    total = 0
    while left > 0:
        kind = source.read(at, 1)[0]
        if kind == _TRAILER:
            return at
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
            comments.append(b"".join(parts))
    raise source.too_many_parts()


def _table_size(flags: int) -> int:
    """Return the length of a colour table, 0 when there is none."""
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0
