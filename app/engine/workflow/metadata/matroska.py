"""Tags of WebM and Matroska films: ``SimpleTag`` elements named PROMPT and WORKFLOW."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source

_HEAD: Final = 0x1A45DFA3
_SEGMENT: Final = 0x18538067
_SEEK_HEAD: Final = 0x114D9B74
_SEEK: Final = 0x4DBB
_SEEK_ID: Final = 0x53AB
_SEEK_POSITION: Final = 0x53AC
_CLUSTER: Final = 0x1F43B675
_TAGS: Final = 0x1254C367
_TAG: Final = 0x7373
_TARGETS: Final = 0x63C0
_SIMPLE_TAG: Final = 0x67C8
_TAG_NAME: Final = 0x45A3
_TAG_STRING: Final = 0x4487
_COMMENTS: Final = frozenset({"comment", "description"})
_VOID: Final = 0xEC
_CHECKSUM: Final = b"\xbf\x84"
_SMALLEST_VOID: Final = 9
_MAX_DEPTH: Final = 8


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a film of this family."""
    return head.startswith(_HEAD.to_bytes(4, "big"))


@dataclass(frozen=True, slots=True)
class _Element:
    id: int
    at: int
    start: int
    end: int
    is_open: bool = False  # of unknown length: it ends where its parent ends


def read(source: Source) -> dict[str, str]:
    """Return the texts of a film's tags by lower-cased name.

    The list of contents at the beginning leads to the tags; without one the film is walked
    from cluster to cluster, up to a limit.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or a text is too long.
    """
    texts = Texts(source.shown)
    segment = next((e for e in _walk(source, 0, source.size) if e.id == _SEGMENT), None)
    if segment is None:
        raise source.damaged()
    seen: set[int] = set()
    for element in _level_one(source, segment):
        if element.id == _TAGS and element.at not in seen:
            seen.add(element.at)
            _read_tags(source, element, texts, 0)
        elif element.id == _SEEK_HEAD:
            for field in _tag_fields(source, element):
                place = source.read(field.start, field.end - field.start)
                at = segment.start + int.from_bytes(place, "big")
                # A list that leads astray is passed over: the walk finds tags as well.
                if at not in seen and source.peek(at, 4) == _TAGS.to_bytes(4, "big"):
                    seen.add(at)
                    _read_tags(source, _element(source, at, segment.end), texts, 0)
    return texts.found


def _level_one(source: Source, segment: _Element) -> Iterator[_Element]:
    """Yield the elements of the segment. Clusters of unknown length are looked through."""
    at = segment.start
    for _ in range(MAX_PARTS):
        if at + 2 > segment.end:
            return
        element = _element(source, at, segment.end)
        yield element
        is_cluster = element.id == _CLUSTER and element.is_open
        at = element.start if is_cluster else element.end
    # Films of many hours without a list of contents: what was found so far must do.


def _walk(source: Source, start: int, end: int) -> Iterator[_Element]:
    at = start
    for _ in range(MAX_PARTS):
        if at + 2 > end:
            return
        element = _element(source, at, end)
        yield element
        at = element.end
    raise source.too_many_parts()


def _element(source: Source, at: int, limit: int) -> _Element:
    first = source.read(at, 1)[0]
    width = 9 - first.bit_length()
    if width > 4:
        raise source.damaged()
    identifier = int.from_bytes(source.read(at, width), "big")
    length_at = at + width
    first = source.read(length_at, 1)[0]
    length_width = 9 - first.bit_length()
    if length_width > 8:
        raise source.damaged()
    mask = (1 << (7 * length_width)) - 1
    length = int.from_bytes(source.read(length_at, length_width), "big") & mask
    start = length_at + length_width
    if length == mask:
        return _Element(identifier, at, start, limit, is_open=True)
    if start + length > limit:
        raise source.cut_off() if limit == source.size else source.damaged()
    return _Element(identifier, at, start, start + length)


def _tag_fields(source: Source, head: _Element) -> Iterator[_Element]:
    """Yield the fields of a list of contents that hold the places of tags."""
    for seek in _walk(source, head.start, head.end):
        if seek.id != _SEEK:
            continue
        parts = {part.id: part for part in _walk(source, seek.start, seek.end)}
        name, field = parts.get(_SEEK_ID), parts.get(_SEEK_POSITION)
        if name is None or field is None or not 0 < field.end - field.start <= 8:
            continue
        if source.peek(name.start, min(name.end - name.start, 5)) == _TAGS.to_bytes(4, "big"):
            yield field


def _read_tags(source: Source, holder: _Element, texts: Texts, depth: int) -> None:
    if depth > _MAX_DEPTH:
        return
    name = text = ""
    for part in _walk(source, holder.start, holder.end):
        if part.id in (_TAG, _SIMPLE_TAG):
            _read_tags(source, part, texts, depth + 1)
        elif part.id in (_TAG_NAME, _TAG_STRING):
            check_length(part.end - part.start, source.shown)
            content = source.read(part.start, part.end - part.start)
            found = content.rstrip(b"\0").decode("utf-8", "replace")
            if part.id == _TAG_NAME:
                name = found.lower()
            else:
                text = found
    if name in _COMMENTS:
        texts.add_free(text)
    elif name:
        texts.add(name, text)


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the film with ``texts`` as tags at its end, in place of those of the same names.

    Other tags move there too; the space they leave is marked as empty.

    Raises:
        WorkflowFileError: ``data`` is no whole film, or its segment cannot grow.
    """
    source = Source(data, "this film")
    segment = next((e for e in _walk(source, 0, source.size) if e.id == _SEGMENT), None)
    if segment is None or segment.end != source.size:
        raise source.damaged()
    names = {key.lower() for key in texts}
    changed = bytearray(data)
    kept = b""
    elements = list(_level_one(source, segment))
    end = _end_of_film(elements, source)
    for element, following in zip(elements, [*elements[1:], None], strict=True):
        if element.id == _TAGS:
            kept += _without(source, data, element, names)
            changed[element.at : element.end] = _void(element.end - element.at)
        elif element.id == _SEEK_HEAD:
            room = following if following is not None and following.id == _VOID else element
            listed = _listed(source, data, element, min(room.end, end), end - segment.start)
            changed[element.at : element.at + len(listed)] = listed
    made = _made(_TAGS, kept + _tag(texts))
    del changed[end:]
    if segment.is_open:
        return bytes(changed) + made
    width = segment.start - segment.at - 4
    length = end - segment.start + len(made)
    if length >= (1 << (7 * width)) - 1:
        raise source.no_room()
    changed[segment.at + 4 : segment.start] = (length | 1 << (7 * width)).to_bytes(width, "big")
    return bytes(changed) + made


def _end_of_film(elements: list[_Element], source: Source) -> int:
    """Return where the tags and empty elements at the end of the file begin."""
    end = source.size
    for element in reversed(elements):
        if element.id not in (_TAGS, _VOID) or element.end != end:
            break
        end = element.at
    return end


def _listed(source: Source, data: bytes, head: _Element, end: int, place: int) -> bytes:
    """Return the list of contents, and the room up to ``end``, with tags at another place.

    Players look for tags behind the pictures only where this list says so. Without room for a
    longer number it stays as it is.
    """
    found = list(_tag_fields(source, head))
    if found and place < 1 << 8 * (found[0].end - found[0].start):
        field = found[0]
        number = place.to_bytes(field.end - field.start, "big")
        content = data[head.start : field.start] + number + data[field.end : head.end]
        return data[head.at : head.start] + _with_checksum(content)
    taken = {field.start for field in found}
    kept = b"".join(
        data[seek.at : seek.end]
        for seek in _walk(source, head.start, head.end)
        if not any(seek.start <= at < seek.end for at in taken)
    )
    entry = _made(_SEEK_ID, _TAGS.to_bytes(4, "big")) + _made(
        _SEEK_POSITION, place.to_bytes(8, "big")
    )
    made = _made(_SEEK_HEAD, _with_checksum(kept + _made(_SEEK, entry)))
    rest = end - head.at - len(made)
    if rest == 0:
        return made
    return made + _void(rest) if rest >= _SMALLEST_VOID else data[head.at : head.end]


def _with_checksum(content: bytes) -> bytes:
    """Return the content of an element with its checksum anew, if it begins with one."""
    if not content.startswith(_CHECKSUM) or len(content) < len(_CHECKSUM) + 4:
        return content
    rest = content[len(_CHECKSUM) + 4 :]
    return _CHECKSUM + zlib.crc32(rest).to_bytes(4, "little") + rest


def _without(source: Source, data: bytes, tags: _Element, names: set[str]) -> bytes:
    """Return the content of a ``Tags`` element without the simple tags of these names."""
    kept = b""
    for tag in _walk(source, tags.start, tags.end):
        if tag.id != _TAG:
            continue
        parts = [
            (part.id, data[part.at : part.end])
            for part in _walk(source, tag.start, tag.end)
            if part.id != _SIMPLE_TAG or not _is_of(source, part, names)
        ]
        if any(identifier == _SIMPLE_TAG for identifier, _ in parts):
            kept += _made(_TAG, b"".join(content for _, content in parts))
    return kept


def _is_of(source: Source, simple: _Element, names: set[str]) -> bool:
    """Tell whether a simple tag, or one inside of it, would be read under one of these names."""
    found = Texts(source.shown)
    _read_tags(source, simple, found, 0)
    return not names.isdisjoint(found.found)


def _void(length: int) -> bytes:
    """Return an empty element that takes exactly this many bytes, at least 9."""
    return bytes([_VOID]) + (length - 9 | 1 << 56).to_bytes(8, "big") + bytes(length - 9)


def _tag(texts: Mapping[str, str]) -> bytes:
    """Return a tag for the whole film; names are upper-cased, as usual in these files."""
    simple = b"".join(
        _made(
            _SIMPLE_TAG,
            _made(_TAG_NAME, key.upper().encode("utf-8", "replace"))
            + _made(_TAG_STRING, text.encode("utf-8", "replace")),
        )
        for key, text in texts.items()
    )
    return _made(_TAG, _made(_TARGETS, b"") + simple)


def _made(identifier: int, content: bytes) -> bytes:
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content
