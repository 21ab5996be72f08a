"""Texts in the EXIF chunk of WebP files."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.exif import read_exif, replace_texts
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


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the WebP with ``texts`` in its EXIF chunk, in place of those of the same keys.

    Raises:
        WorkflowFileError: ``data`` is no whole WebP.
    """
    source = Source(data, "this picture")
    header: bytes | None = None
    old = b""
    rest: list[bytes] = []
    flags = _EXIF_FLAG
    size = (1, 1)
    for kind, start, length in _chunks(source):
        content = data[start : start + length]
        if kind == b"VP8X" and length >= 10:
            header = content
        elif kind == b"EXIF":
            old = old or content
        else:
            if kind == b"VP8L":
                size, has_alpha = _lossless_size(content, source)
                flags |= _ALPHA_FLAG if has_alpha else 0
            elif kind == b"VP8 ":
                size = _lossy_size(content, source)
            rest.append(_chunk(kind, content))
    if header is None:
        header = bytes([flags, 0, 0, 0])
        header += b"".join((side - 1).to_bytes(3, "little") for side in size)
    else:
        header = bytes([header[0] | _EXIF_FLAG]) + header[1:]
    exif = _chunk(b"EXIF", replace_texts(old, texts))
    body = b"WEBP" + _chunk(b"VP8X", header) + b"".join(rest) + exif
    if len(body) >= 1 << 32:
        raise source.no_room()
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _lossless_size(content: bytes, source: Source) -> tuple[tuple[int, int], bool]:
    """Return the size of a lossless picture in pixels, and whether it has alpha."""
    if len(content) < 5:
        raise source.damaged()
    # 14 bits of width, 14 of height, each less 1, and one of alpha.
    bits = int.from_bytes(content[1:5], "little")
    return ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1), bool(bits >> 28 & 1)


def _lossy_size(content: bytes, source: Source) -> tuple[int, int]:
    """Return the size of a lossy picture in pixels; the upper two bits scale it on a screen."""
    if len(content) < 10:
        raise source.damaged()
    width, height = struct.unpack_from("<HH", content, 6)
    return max(1, width & 0x3FFF), max(1, height & 0x3FFF)


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
