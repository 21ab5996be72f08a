"""Texts of MP4, M4V and MOV films: named values in ``moov/udta/meta`` or ``moov/meta``."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from app.engine.workflow.metadata.boxes import (
    Box,
    brands,
    child,
    make_box,
    tell_length,
    walk,
    whole_file,
)
from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, carries, check_length
from app.engine.workflow.metadata.places import shift_places
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
    inner = list(_parts(source, meta))
    keys = _key_entries(source, inner)
    for item in _items(source, inner):
        _read_item(source, item, keys, texts)


def _items(source: Source, inner: list[Box]) -> Iterator[Box]:
    for box in inner:
        if box.name == b"ilst":
            yield from walk(source, box.start, box.end)


def _parts(source: Source, meta: Box) -> Iterator[Box]:
    # ISO files have four bytes of version before the first box; QuickTime files have not.
    head = source.peek(meta.start, 8)
    start = meta.start if head[4:8] == b"hdlr" else meta.start + 4
    return walk(source, start, meta.end)


def _key_entries(source: Source, inner: list[Box]) -> list[bytes]:
    return next((list(_keys(source, box)) for box in inner if box.name == b"keys"), [])


def _keys(source: Source, box: Box) -> Iterator[bytes]:
    """Yield the names of values, each with its length and its kind before it."""
    (count,) = struct.unpack(">I", source.read(box.start + 4, 4))
    at = box.start + 8
    for _ in range(min(count, MAX_PARTS)):
        if at + 8 > box.end:
            return
        (length,) = struct.unpack(">I", source.read(at, 4))
        if length < 8 or at + length > box.end:
            raise source.damaged()
        check_length(length, source.shown)
        yield source.read(at, length)
        at += length


def _read_item(source: Source, item: Box, keys: list[bytes], texts: Texts) -> None:
    number = int.from_bytes(item.name, "big")
    key = keys[number - 1][8:].decode("utf-8", "replace") if 0 < number <= len(keys) else ""
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
    """Return the film with ``texts`` in ``moov/udta/meta``, in place of those of the same names.

    The index of the film moves to the end of the file, so that the places in it stay true; the
    room it leaves is empty. In a film of fragments the index has to come first: it grows where
    it is, and all places behind it are told anew.

    Raises:
        WorkflowFileError: ``data`` is no whole film, or has no index or no room.
    """
    source = Source(data, "this film")
    tops = whole_file(source)
    moov = next((box for box in tops if box.name == b"moov"), None)
    if moov is None:
        raise source.damaged()
    changed = bytearray(data)
    if any(box.name == b"moof" for box in tops):
        grown = len(_index(source, changed, moov, texts)) - (moov.end - moov.at)
        shift_places(changed, source, moov.end, grown)
        made = _index(source, changed, moov, texts)
        return bytes(changed[: moov.at] + made + changed[moov.end :])
    made = _index(source, changed, moov, texts)
    if moov.end == source.size:
        return data[: moov.at] + made
    changed[moov.at + 4 : moov.at + 8] = b"free"
    changed[moov.start : moov.end] = bytes(moov.length)
    tell_length(changed, source, tops[-1])
    return bytes(changed) + made


def _index(source: Source, data: bytearray, moov: Box, texts: Mapping[str, str]) -> bytes:
    """Return the ``moov`` box with ``texts`` in place of those of the same names."""
    names = {key.lower() for key in texts}
    kept: list[bytes] = []
    user_data: list[bytes] = []
    is_written = False
    for box in walk(source, moov.start, moov.end):
        if box.name == b"meta":
            kept.append(_changed_meta(source, data, box, names, {}))
        elif box.name != b"udta":
            kept.append(bytes(data[box.at : box.end]))
        else:
            for part in walk(source, box.start, box.end):
                if part.name == b"meta":
                    is_ours = not is_written and _has_named_values(source, part)
                    is_written |= is_ours
                    added = texts if is_ours else {}
                    user_data.append(_changed_meta(source, data, part, names, added))
                elif part.name not in _COMMENTS or not carries(_comment(data, part), names):
                    user_data.append(bytes(data[part.at : part.end]))
    if not is_written:
        user_data.append(make_meta(texts))
    return make_box(b"moov", *kept, make_box(b"udta", *user_data))


def _has_named_values(source: Source, meta: Box) -> bool:
    """Tell whether the values of a ``meta`` have names, and not fixed letters."""
    return {b"keys", b"ilst"} <= {box.name for box in _parts(source, meta)}


def _comment(data: bytearray, box: Box) -> str:
    return data[box.start + 4 : box.end].decode("utf-8", "replace")


def _changed_meta(
    source: Source, data: bytearray, meta: Box, names: set[str], texts: Mapping[str, str]
) -> bytes:
    """Return a ``meta`` box without the values of these names, and with ``texts`` behind."""
    inner = list(_parts(source, meta))
    old_keys = _key_entries(source, inner)
    keys: list[bytes] = []
    items: list[bytes] = []
    for item in _items(source, inner):
        found = Texts(source.shown)
        _read_item(source, item, old_keys, found)
        if not names.isdisjoint(found.found):
            continue
        number = int.from_bytes(item.name, "big")
        name = item.name
        if 0 < number <= len(old_keys):
            keys.append(old_keys[number - 1])
            name = len(keys).to_bytes(4, "big")
        items.append(make_box(name, bytes(data[item.start : item.end])))
    for key, text in texts.items():
        keys.append(_key(key))
        items.append(make_box(len(keys).to_bytes(4, "big"), _value(text)))
    made = [bytes(data[meta.start : inner[0].at if inner else meta.end])]
    for box in inner:
        if box.name == b"keys":
            made.append(_key_list(keys))
        elif box.name == b"ilst":
            made.append(make_box(b"ilst", *items))
            items.clear()
        else:
            made.append(bytes(data[box.at : box.end]))
    return make_box(b"meta", *made)


def make_meta(texts: Mapping[str, str]) -> bytes:
    """Return a ``meta`` box with named values."""
    items = [
        make_box(number.to_bytes(4, "big"), _value(text))
        for number, text in enumerate(texts.values(), 1)
    ]
    return make_box(
        b"meta",
        b"\0\0\0\0",
        make_box(b"hdlr", _HANDLER),
        _key_list([_key(key) for key in texts]),
        make_box(b"ilst", *items),
    )


def _key(name: str) -> bytes:
    return make_box(b"mdta", name.encode("utf-8", "replace"))


def _key_list(keys: list[bytes]) -> bytes:
    return make_box(b"keys", struct.pack(">II", 0, len(keys)), *keys)


def _value(text: str) -> bytes:
    return make_box(b"data", struct.pack(">II", _UTF8, 0), text.encode("utf-8", "replace"))
