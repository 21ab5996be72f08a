"""Tags of WebM and Matroska films: ``SimpleTag`` elements named PROMPT and WORKFLOW."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.engine.errors import WorkflowFileError
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
_SIMPLE_TAG: Final = 0x67C8
_TAG_NAME: Final = 0x45A3
_TAG_STRING: Final = 0x4487
_COMMENTS: Final = frozenset({"comment", "description"})
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
            for place in _tag_places(source, element):
                at = segment.start + place
                found = _element(source, at, segment.end) if at < segment.end else None
                if found is not None and found.id == _TAGS and at not in seen:
                    seen.add(at)
                    _read_tags(source, found, texts, 0)
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


def _tag_places(source: Source, head: _Element) -> Iterator[int]:
    for seek in _walk(source, head.start, head.end):
        if seek.id != _SEEK:
            continue
        identifier = place = 0
        for part in _walk(source, seek.start, seek.end):
            if part.id in (_SEEK_ID, _SEEK_POSITION) and part.end - part.start <= 8:
                value = int.from_bytes(source.read(part.start, part.end - part.start), "big")
                if part.id == _SEEK_ID:
                    identifier = value
                else:
                    place = value
        if identifier == _TAGS:
            yield place


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
    """Return the film with ``texts`` as tags at its end.

    Raises:
        WorkflowFileError: ``data`` is no whole film, or its segment cannot grow.
    """
    source = Source(data, "this film")
    segment = next((e for e in _walk(source, 0, source.size) if e.id == _SEGMENT), None)
    if segment is None or segment.end != source.size:
        raise source.damaged()
    made = make_tags(texts)
    if segment.is_open:
        return data + made
    width = segment.start - segment.at - 4
    length = segment.end - segment.start + len(made)
    if length >= (1 << (7 * width)) - 1:
        raise WorkflowFileError(f"Cannot write into {source.shown}: it has no room for more.")
    field = (length | 1 << (7 * width)).to_bytes(width, "big")
    return data[: segment.at + 4] + field + data[segment.start :] + made


def make_tags(texts: Mapping[str, str]) -> bytes:
    """Return a ``Tags`` element; names are upper-cased, as usual in these files."""
    simple = b"".join(
        _made(
            _SIMPLE_TAG,
            _made(_TAG_NAME, key.upper().encode("utf-8", "replace"))
            + _made(_TAG_STRING, text.encode("utf-8", "replace")),
        )
        for key, text in texts.items()
    )
    targets = _made(0x63C0, b"")
    return _made(_TAGS, _made(_TAG, targets + simple))


def _made(identifier: int, content: bytes) -> bytes:
    name = identifier.to_bytes((identifier.bit_length() + 7) // 8, "big")
    return name + (len(content) | 1 << 56).to_bytes(8, "big") + content
