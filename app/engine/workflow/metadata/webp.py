"""Texts in the EXIF chunk of WebP files: TIFF tags that hold ``workflow:{...}``."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.limits import MAX_TEXT_BYTES, too_long

_PROMPT_TAG: Final = 0x0110
_FIRST_EXTRA_TAG: Final = 0x010F
_ASCII: Final = 2
_MAX_CHUNKS: Final = 100_000
_MAX_TAGS: Final = 1_000
_EXIF_FLAG: Final = 0x08


def is_webp(data: bytes) -> bool:
    """Tell whether the file is a WebP."""
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def read_texts(data: bytes, shown: str = "this file") -> dict[str, str]:
    """Return the texts of a WebP by key; keys are lower-cased, as some writers capitalise them.

    Raises:
        WorkflowFileError: The file is cut off, or a text is too long.
    """
    texts: dict[str, str] = {}
    for kind, start, length in _chunks(data, shown):
        if kind == b"EXIF":
            if length > MAX_TEXT_BYTES:
                raise too_long(shown)
            texts.update(read_exif(data[start : start + length]))
    return texts


def read_exif(exif: bytes) -> dict[str, str]:
    """Return the ``key:text`` pairs in the ASCII tags of an EXIF block's first directory."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return {}
    texts: dict[str, str] = {}
    (at,) = struct.unpack_from(f"{order}I", tiff, 4)
    if at + 2 > len(tiff):
        return {}
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for index in range(min(count, _MAX_TAGS)):
        entry = at + 2 + 12 * index
        if entry + 12 > len(tiff):
            break
        _tag, kind, length, offset = struct.unpack_from(f"{order}HHII", tiff, entry)
        if kind != _ASCII:
            continue
        start = entry + 8 if length <= 4 else offset
        content = tiff[start : start + length].rstrip(b"\0").decode("utf-8", "replace")
        key, colon, text = content.partition(":")
        if colon:
            texts.setdefault(key.strip().lower(), text)
    return texts


def make_exif(texts: Mapping[str, str]) -> bytes:
    """Return an EXIF block that holds ``texts`` as :func:`read_exif` finds them.

    ``prompt`` takes the tag 0x0110; other keys take 0x010F and the tags below it, in order.
    """
    tags: dict[int, bytes] = {}
    following = _FIRST_EXTRA_TAG
    for key, text in texts.items():
        if key == "prompt":
            tag = _PROMPT_TAG
        else:
            tag, following = following, following - 1
        tags[tag] = f"{key}:{text}".encode("utf-8", "replace") + b"\0"
    directory = bytearray(struct.pack("<H", len(tags)))
    heap = bytearray()
    heap_start = 8 + 2 + 12 * len(tags) + 4
    for tag, content in sorted(tags.items()):
        if len(content) <= 4:
            directory += struct.pack("<HHI", tag, _ASCII, len(content)) + content.ljust(4, b"\0")
            continue
        place = heap_start + len(heap)
        directory += struct.pack("<HHII", tag, _ASCII, len(content), place)
        heap += content + b"\0" * (len(content) % 2)
    directory += struct.pack("<I", 0)
    return b"II*\0" + struct.pack("<I", 8) + bytes(directory) + bytes(heap)


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
    for kind, start, length in _chunks(data, "this picture"):
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
        flags = _EXIF_FLAG | (0x10 if has_alpha else 0)
        header = bytes([flags, 0, 0, 0])
        header += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + _chunk(b"VP8X", header) + b"".join(rest) + _chunk(b"EXIF", exif)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _chunks(data: bytes, shown: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield ``(kind, start of content, length)`` of each chunk."""
    if not is_webp(data):
        raise WorkflowFileError(f"Cannot open {shown}: it is no WebP.")
    at = 12
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        kind, length = struct.unpack_from("<4sI", data, at)
        if at + 8 + length > len(data):
            raise WorkflowFileError(f"Cannot open {shown}: the picture is cut off.")
        yield kind, at + 8, length
        at += 8 + length + length % 2
    raise WorkflowFileError(f"Cannot open {shown}: it has too many chunks.")
