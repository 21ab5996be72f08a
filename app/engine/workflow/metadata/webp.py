"""Texts in the EXIF chunk of WebP files."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.exif import make_exif, read_exif
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source

_EXIF_FLAG: Final = 0x08
_ALPHA_FLAG: Final = 0x10


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a WebP."""
    return head[:4] == b"RIFF" and head[8:12] == b"WEBP"


def read(source: Source) -> dict[str, str]:
    """Return the texts of a WebP by key.

    Raises:
        WorkflowFileError: The file is cut off, or a text is too long.
    """
    texts = Texts(source.shown)
    for kind, start, length in _chunks(source):
        if kind == b"EXIF":
            check_length(length, source.shown)
            read_exif(source.read(start, length), texts)
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str], size: tuple[int, int]) -> bytes:
    """Return the WebP with ``texts`` in its EXIF chunk, in place of an earlier one.

    Args:
        data: A whole WebP file.
        texts: Texts by key.
        size: Width and height in pixels; the extended header needs them when there is none yet.

    Raises:
        WorkflowFileError: ``data`` is no whole WebP.
    """
    exif = make_exif(texts)
    header: bytes | None = None
    rest: list[bytes] = []
    has_alpha = False
    for kind, start, length in _chunks(Source(data, "this picture")):
        content = data[start : start + length]
        if kind == b"VP8X" and length >= 10:
            header = bytes([content[0] | _EXIF_FLAG]) + content[1:]
        elif kind != b"EXIF":
            # Byte 4 of a lossless stream holds the alpha mark in bit 4.
            if kind == b"VP8L" and length > 4 and content[4] & 0x10:
                has_alpha = True
            rest.append(_chunk(kind, content))
    if header is None:
        width, height = size
        flags = _EXIF_FLAG | (_ALPHA_FLAG if has_alpha else 0)
        header = bytes([flags, 0, 0, 0])
        header += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + _chunk(b"VP8X", header) + b"".join(rest) + _chunk(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Yield ``(kind, start of content, length)`` of each chunk."""
    head = source.peek(0, 12)
    if not is_mine(head):
        raise WorkflowFileError(f"Cannot open {source.shown}: it is no WebP.")
    (declared,) = struct.unpack_from("<I", head, 4)
    if 8 + declared > source.size + 1:  # some writers forget to pad the last chunk
        raise source.cut_off()
    at = 12
    for _ in range(MAX_PARTS):
        if at + 8 > source.size:
            return
        kind, length = struct.unpack("<4sI", source.read(at, 8))
        if at + 8 + length > source.size:
            raise source.cut_off()
        yield kind, at + 8, length
        at += 8 + length + length % 2
    raise source.too_many_parts()
