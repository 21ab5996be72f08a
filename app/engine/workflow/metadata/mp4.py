"""Texts of MP4, M4V and MOV films: named values in ``moov/udta/meta`` or ``moov/meta``."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.boxes import Box, brands, child, walk
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source

_PICTURES: Final = frozenset({b"avif", b"avis", b"mif1", b"msf1", b"heic", b"heix"})
_FIRST_BOXES: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip"})
_COMMENTS: Final = frozenset({b"\xa9cmt", b"desc", b"ldes"})
_COMMENT_KEYS: Final = frozenset({"comment", "description", "com.apple.quicktime.comment"})
_UTF8: Final = 1
_HANDLER: Final = struct.pack(">II4s12sB", 0, 0, b"mdta", b"", 0)


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a film of this family."""
    if head[4:8] == b"ftyp":
        # Pictures come in the same boxes; their first brand tells them apart.
        return head[8:12] not in _PICTURES and bool(brands(head))
    # QuickTime files of old have no "ftyp".
    return head[4:8] in _FIRST_BOXES and int.from_bytes(head[:4], "big") in range(8, 1 << 31)


def read(source: Source) -> dict[str, str]:
    """Return the texts of a film by key. Only the boxes around them are read.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or a text is too long.
    """
    texts = Texts(source.shown)
    for top in walk(source, 0, source.size):
        if top.name != b"moov":
            continue
        for box in walk(source, top.start, top.end):
            if box.name == b"meta":
                _read_meta(source, box, texts)
            elif box.name == b"udta":
                _read_user_data(source, box, texts)
    return texts.found


def _read_user_data(source: Source, udta: Box, texts: Texts) -> None:
    # QuickTime may close the list with four zero bytes, which are no box.
    for box in walk(source, udta.start, udta.end):
        if box.name == b"meta":
            _read_meta(source, box, texts)
        elif box.name in _COMMENTS and box.length > 4:
            check_length(box.length, source.shown)
            content = source.read(box.start, box.length)
            # Length and language stand before the text, 16 bits each.
            texts.add_free(content[4:].decode("utf-8", "replace"))


def _read_meta(source: Source, meta: Box, texts: Texts) -> None:
    # ISO files have four bytes of version before the first box; QuickTime files have not.
    head = source.peek(meta.start, 8)
    start = meta.start if head[4:8] == b"hdlr" else meta.start + 4
    inner = list(walk(source, start, meta.end))
    keys: list[str] = []
    for box in inner:
        if box.name == b"keys":
            keys = list(_keys(source, box))
    for box in inner:
        if box.name != b"ilst":
            continue
        for item in walk(source, box.start, box.end):
            _read_item(source, item, keys, texts)


def _keys(source: Source, box: Box) -> Iterator[str]:
    (count,) = struct.unpack(">I", source.read(box.start + 4, 4))
    at = box.start + 8
    for _ in range(min(count, MAX_PARTS)):
        if at + 8 > box.end:
            return
        (length,) = struct.unpack(">I", source.read(at, 4))
        if length < 8 or at + length > box.end:
            raise source.damaged()
        check_length(length, source.shown)
        yield source.read(at + 8, length - 8).decode("utf-8", "replace")
        at += length


def _read_item(source: Source, item: Box, keys: list[str], texts: Texts) -> None:
    number = int.from_bytes(item.name, "big")
    key = keys[number - 1] if 0 < number <= len(keys) else ""
    is_comment = item.name in _COMMENTS or key.lower() in _COMMENT_KEYS
    if not key and not is_comment:
        return
    data = child(source, item, b"data")
    if data is None or data.length < 8:
        return
    check_length(data.length, source.shown)
    text = source.read(data.start + 8, data.length - 8).decode("utf-8", "replace")
    if is_comment:
        texts.add_free(text)
    else:
        texts.add(key.lower(), text)


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the film with ``texts`` in ``moov/udta/meta``, in place of earlier named values.

    The index of the film moves to the end of the file, so that the places in it stay true; the
    space it leaves is marked as free.

    Raises:
        WorkflowFileError: ``data`` is no whole film, has no index, or comes in fragments, whose
            index has to stay at the beginning.
    """
    source = Source(data, "this film")
    tops = list(walk(source, 0, source.size))
    moov = next((box for box in tops if box.name == b"moov"), None)
    if moov is None:
        raise source.damaged()
    if any(box.name == b"moof" for box in tops):
        raise WorkflowFileError(f"Cannot write into {source.shown}: it comes in fragments.")
    kept = b""
    user_data = b""
    for box in walk(source, moov.start, moov.end):
        if box.name == b"udta":
            user_data += _without_meta(source, data, box)
        elif box.name != b"meta":
            kept += data[box.at : box.end]
    made = _box(b"moov", kept + _box(b"udta", user_data + make_meta(texts)))
    if moov.end == source.size:
        return data[: moov.at] + made
    last = tops[-1]
    head = bytearray(data)
    head[moov.at + 4 : moov.at + 8] = b"free"
    if head[last.at : last.at + 4] == b"\0\0\0\0":
        # The last box claimed the rest of the file; now something follows it.
        length = last.end - last.at
        if length >= 1 << 32:
            raise source.damaged()
        head[last.at : last.at + 4] = length.to_bytes(4, "big")
    return bytes(head) + made


def make_meta(texts: Mapping[str, str]) -> bytes:
    """Return a ``meta`` box with named values."""
    keys = b""
    items = b""
    for number, (key, text) in enumerate(texts.items(), 1):
        keys += _box(b"mdta", key.encode("utf-8", "replace"))
        content = struct.pack(">II", _UTF8, 0) + text.encode("utf-8", "replace")
        items += _box(number.to_bytes(4, "big"), _box(b"data", content))
    return _box(
        b"meta",
        b"\0\0\0\0"
        + _box(b"hdlr", _HANDLER)
        + _box(b"keys", struct.pack(">II", 0, len(texts)) + keys)
        + _box(b"ilst", items),
    )


def _without_meta(source: Source, data: bytes, udta: Box) -> bytes:
    boxes = walk(source, udta.start, udta.end)
    return b"".join(data[box.at : box.end] for box in boxes if box.name != b"meta")


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + name + content
