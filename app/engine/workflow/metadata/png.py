"""Text chunks of PNG and animated PNG files (``tEXt``, ``iTXt``, ``zTXt``, ``comf``)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length, inflate
from app.engine.workflow.metadata.source import Source

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_TEXT_CHUNKS: Final = frozenset({b"tEXt", b"iTXt", b"zTXt", b"comf"})


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a PNG."""
    return head.startswith(SIGNATURE)


def read(source: Source) -> dict[str, str]:
    """Return the texts of a PNG by keyword; of two with one keyword the first counts.

    Raises:
        WorkflowFileError: The file is cut off, or a text is damaged or too long.
    """
    texts = Texts(source.shown)
    for kind, start, length in _chunks(source):
        if kind in _TEXT_CHUNKS:
            check_length(length, source.shown)
            texts.add(*_read_chunk(kind, source.read(start, length), source.shown))
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the PNG with ``texts`` before its image data, in place of earlier ones.

    Plain ASCII goes into ``tEXt``, other text into ``iTXt``.

    Raises:
        WorkflowFileError: ``data`` is no whole PNG.
        ValueError: A keyword is empty, longer than 79 letters or not Latin-1.
    """
    made = b"".join(_make_chunk(keyword, text) for keyword, text in texts.items())
    parts = [SIGNATURE]
    is_written = False
    for kind, start, length in _chunks(Source(data, "this picture")):
        if kind in _TEXT_CHUNKS and _keyword(data[start : start + length]) in texts:
            continue
        if kind in (b"IDAT", b"IEND") and not is_written:
            parts.append(made)
            is_written = True
        parts.append(data[start - 8 : start + length + 4])
    return b"".join(parts)


def _chunks(source: Source) -> Iterator[tuple[bytes, int, int]]:
    """Yield ``(kind, start of content, length)`` up to and with IEND."""
    if not is_mine(source.peek(0, 8)):
        raise WorkflowFileError(f"Cannot open {source.shown}: it is no PNG.")
    at = len(SIGNATURE)
    for _ in range(MAX_PARTS):
        length, kind = struct.unpack(">I4s", source.read(at, 8))
        if at + 12 + length > source.size:
            raise source.cut_off()
        yield kind, at + 8, length
        if kind == b"IEND":
            return
        at += 12 + length
    raise source.too_many_parts()


def _keyword(content: bytes) -> str:
    return content.partition(b"\0")[0].decode("latin-1")


def _read_chunk(kind: bytes, content: bytes, shown: str) -> tuple[str, str]:
    keyword, _, rest = content.partition(b"\0")
    name = keyword.decode("latin-1")
    if kind == b"zTXt":
        return name, _decode(inflate(rest[1:], shown))
    if kind == b"iTXt":
        is_compressed, rest = rest[:1] == b"\x01", rest[2:]
        _language, _, rest = rest.partition(b"\0")
        _translated, _, rest = rest.partition(b"\0")
        return name, _decode(inflate(rest, shown) if is_compressed else rest)
    return name, _decode(rest)


def _decode(text: bytes) -> str:
    # tEXt is Latin-1 by its standard, but the web editor writes and reads UTF-8 in it.
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _make_chunk(keyword: str, text: str) -> bytes:
    name = keyword.encode("latin-1")
    if not 0 < len(name) < 80 or b"\0" in name:
        raise ValueError(f"a PNG keyword has 1 to 79 letters, got {keyword!r}")
    if text.isascii() and "\0" not in text:
        kind, content = b"tEXt", name + b"\0" + text.encode("ascii")
    else:
        encoded = text.replace("\0", "").encode("utf-8", "replace")
        kind, content = b"iTXt", name + b"\0\0\0\0\0" + encoded
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
