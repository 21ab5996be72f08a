"""EXIF blocks: TIFF directories whose text fields hold ``workflow:{...}`` and ``prompt:{...}``.

JPEG, WebP and AVIF files carry the same block. The first directory's text fields count, and the
comment of the user in the second one, where a JSON object or the settings of other programs may
stand.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.workflow.metadata.limits import Texts

PREFIX: Final = b"Exif\0\0"
_PROMPT_TAG: Final = 0x0110
_FIRST_EXTRA_TAG: Final = 0x010F
_EXIF_DIRECTORY: Final = 0x8769
_USER_COMMENT: Final = 0x9286
_ASCII: Final = 2
_TEXT_TYPES: Final = (1, _ASCII, 7)
"""Bytes, letters, and "undefined": writers disagree on what a comment is made of."""

_MAX_TAGS: Final = 1_000


def read_exif(exif: bytes, texts: Texts) -> None:
    """Add the texts of an EXIF block to ``texts``; a damaged block holds what can be read.

    Keys are lower-cased, as some writers capitalise them.

    Raises:
        WorkflowFileError: The texts are too long.
    """
    tiff = exif.removeprefix(PREFIX)
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None or len(tiff) < 8:
        return
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    inner = 0
    for tag, kind, content in _fields(tiff, order, first):
        if tag == _EXIF_DIRECTORY and len(content) == 4:
            (inner,) = struct.unpack(f"{order}I", content)
        elif kind == _ASCII:
            _add_field(content.rstrip(b"\0").decode("utf-8", "replace"), texts)
    if inner:
        for tag, _kind, content in _fields(tiff, order, inner):
            if tag == _USER_COMMENT:
                texts.add_free(_decode_comment(content, order))


def _add_field(text: str, texts: Texts) -> None:
    key, colon, rest = text.partition(":")
    if text.lstrip().startswith("{"):
        texts.add_object(text)
    elif colon:
        texts.add(key.strip().lower(), rest)


def _fields(tiff: bytes, order: str, at: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield ``(tag, type, content)`` of a directory's text fields and references."""
    if at + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for index in range(min(count, _MAX_TAGS)):
        entry = at + 2 + 12 * index
        if entry + 12 > len(tiff):
            return
        tag, kind, length, offset = struct.unpack_from(f"{order}HHII", tiff, entry)
        if tag == _EXIF_DIRECTORY:
            yield tag, kind, tiff[entry + 8 : entry + 12]
        elif kind in _TEXT_TYPES:
            start = entry + 8 if length <= 4 else offset
            yield tag, kind, tiff[start : start + length]


def _decode_comment(content: bytes, order: str) -> str:
    code, text = content[:8], content[8:]
    if code.startswith(b"UNICODE"):
        if text[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return text.decode("utf-16", "replace")
        # The order ought to be the block's, but many writers use big-endian regardless.
        is_little = text[1:2] == b"\0" or (order == "<" and text[:1] != b"\0")
        return text.decode("utf-16-le" if is_little else "utf-16-be", "replace")
    if code.startswith((b"ASCII", b"\0\0\0\0")):
        return text.decode("utf-8", "replace")
    return content.decode("utf-8", "replace")


def make_exif(texts: Mapping[str, str]) -> bytes:
    """Return an EXIF block, without prefix, that holds ``texts`` as :func:`read_exif` finds them.

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
