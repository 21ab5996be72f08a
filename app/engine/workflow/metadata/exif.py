"""EXIF blocks: TIFF directories whose text fields hold ``workflow:{...}`` and ``prompt:{...}``.

JPEG, WebP and AVIF files carry the same block. The first directory's text fields count, and the
comment of the user in the second one, where a JSON object or the settings of other programs may
stand.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow.metadata.limits import Texts, carries

PREFIX: Final = b"Exif\0\0"
_PROMPT_TAG: Final = 0x0110
_FIRST_EXTRA_TAG: Final = 0x010F
_EXIF_DIRECTORY: Final = 0x8769
_USER_COMMENT: Final = 0x9286
_ASCII: Final = 2
_TEXT_TYPES: Final = (1, _ASCII, 7)
"""Bytes, letters, and "undefined": writers disagree on what a comment is made of."""

_WIDTHS: Final = {3: 2, 4: 4, 5: 8, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
"""Bytes of a value by its type, where that is not 1."""

_MARK: Final = b"EaselTxt"
"""Stands before a directory that was added behind a block of another program."""

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
    for field in _entries(tiff, order, first):
        if field.tag == _EXIF_DIRECTORY:
            (inner,) = struct.unpack(f"{order}I", field.value)
        elif field.kind == _ASCII:
            _add_field(field.content.rstrip(b"\0").decode("utf-8", "replace"), texts)
    if inner:
        for field in _entries(tiff, order, inner):
            if field.tag == _USER_COMMENT and field.kind in _TEXT_TYPES:
                texts.add_free(_decode_comment(field.content, order))


def _add_field(text: str, texts: Texts) -> None:
    key, colon, rest = text.partition(":")
    if text.lstrip().startswith("{"):
        texts.add_object(text)
    elif colon:
        texts.add(key.strip().lower(), rest)


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
    return b"II*\0" + struct.pack("<I", 8) + _directory("<", 8, _text_fields(texts, ()), 0)


def replace_texts(exif: bytes, texts: Mapping[str, str], keys: Iterable[str] = ()) -> bytes:
    """Return an EXIF block, without prefix, with ``texts`` in place of those of the same keys.

    The other fields stay where they are, since what they hold may tell places in the block: a
    first directory is added behind it. Keys whose usual tag is taken by another field take the
    next one below. A block that cannot be read is given up.

    Args:
        exif: The block as it is; may be empty.
        texts: Texts by key.
        keys: More keys whose texts go.
    """
    tiff = bytearray(exif.removeprefix(PREFIX))
    order = {b"II": "<", b"MM": ">"}.get(bytes(tiff[:2]))
    if order is None or len(tiff) < 8:
        return make_exif(texts) if texts else b""
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    names = {key.lower() for key in (*texts, *keys)}
    kept: list[_Field] = []
    for field in _entries(bytes(tiff), order, first):
        if field.tag == _EXIF_DIRECTORY:
            _blank_comment(tiff, order, field, names)
        if field.kind == _ASCII and _is_of(field.content, names):
            _blank(tiff, field)
        else:
            kept.append(field)
    following = _following(bytes(tiff), order, first)
    if not kept and not following:
        return make_exif(texts) if texts else b""
    if not texts:
        made = _directory(order, first, kept, following)
        tiff[first : first + len(made)] = made
        return bytes(tiff)
    end = first - len(_MARK) if tiff[max(0, first - len(_MARK)) : first] == _MARK else len(tiff)
    block = bytes(tiff[:end]) + bytes(end % 2) + _MARK
    fields = [field.in_front_of(end) for field in kept]
    fields += _text_fields(texts, {field.tag for field in kept})
    head = block[:4] + struct.pack(f"{order}I", len(block)) + block[8:]
    return head + _directory(order, len(block), fields, following)


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of a directory.

    Attributes:
        tag: What it tells.
        kind: Type of its values.
        count: How many values it has.
        value: Four bytes: the values, or where they are.
        at: Where the values are.
        content: The bytes of the values.
        is_new: Whether the values have yet to be given a place.
    """

    tag: int
    kind: int
    count: int
    value: bytes
    at: int
    content: bytes
    is_new: bool = False

    def in_front_of(self, end: int) -> _Field:
        """Return the field, to be written anew when its values lie at or behind ``end``."""
        return replace(self, is_new=len(self.content) > 4 and self.at >= end)


def _entries(tiff: bytes, order: str, at: int) -> Iterator[_Field]:
    """Yield the fields of a directory."""
    if at + 2 > len(tiff):
        return
    (count,) = struct.unpack_from(f"{order}H", tiff, at)
    for index in range(min(count, _MAX_TAGS)):
        entry = at + 2 + 12 * index
        if entry + 12 > len(tiff):
            return
        tag, kind, number, place = struct.unpack_from(f"{order}HHII", tiff, entry)
        length = number * _WIDTHS.get(kind, 1)
        start = entry + 8 if length <= 4 else place
        content = tiff[start : start + length]
        yield _Field(tag, kind, number, tiff[entry + 8 : entry + 12], start, content)


def _following(tiff: bytes, order: str, at: int) -> int:
    """Return where the directory behind this one is, which holds a small picture; 0 for none."""
    count = int.from_bytes(tiff[at : at + 2], "little" if order == "<" else "big")
    place = tiff[at + 2 + 12 * count : at + 6 + 12 * count]
    return int.from_bytes(place, "little" if order == "<" else "big") if len(place) == 4 else 0


def _is_of(content: bytes, names: set[str]) -> bool:
    """Tell whether a text field would be read under one of these names."""
    texts = Texts("this block")
    try:
        _add_field(content.rstrip(b"\0").decode("utf-8", "replace"), texts)
    except WorkflowFileError:
        return True
    return not names.isdisjoint(texts.found)


def _blank_comment(tiff: bytearray, order: str, holder: _Field, names: set[str]) -> None:
    """Leave nothing of a comment of the user that would be read under one of these names."""
    (inner,) = struct.unpack(f"{order}I", holder.value)
    for field in _entries(bytes(tiff), order, inner):
        if field.tag == _USER_COMMENT and carries(_decode_comment(field.content, order), names):
            _blank(tiff, field)


def _blank(tiff: bytearray, field: _Field) -> None:
    tiff[field.at : field.at + len(field.content)] = bytes(len(field.content))


def _text_fields(texts: Mapping[str, str], taken: Collection[int]) -> list[_Field]:
    """Return the fields that hold ``texts``, without the tags that are taken."""
    used = set(taken)
    fields: list[_Field] = []
    following = _FIRST_EXTRA_TAG
    for key, text in texts.items():
        tag = _PROMPT_TAG
        if key != "prompt" or tag in used:
            while following in used or following == _PROMPT_TAG:
                following -= 1
            tag = following
        used.add(tag)
        content = f"{key}:{text}".encode("utf-8", "replace") + b"\0"
        fields.append(_Field(tag, _ASCII, len(content), b"", 0, content, is_new=True))
    return fields


def _directory(order: str, at: int, fields: Sequence[_Field], following: int) -> bytes:
    """Return a directory that stands at ``at``, and behind it the values of new fields."""
    entries = bytearray(struct.pack(f"{order}H", len(fields)))
    heap = bytearray()
    heap_start = at + 2 + 12 * len(fields) + 4
    for field in sorted(fields, key=lambda field: field.tag):
        entries += struct.pack(f"{order}HHI", field.tag, field.kind, field.count)
        if not field.is_new:
            entries += field.value
        elif len(field.content) <= 4:
            entries += field.content.ljust(4, b"\0")
        else:
            entries += struct.pack(f"{order}I", heap_start + len(heap))
            heap += field.content + bytes(len(field.content) % 2)
    return bytes(entries + struct.pack(f"{order}I", following) + heap)
