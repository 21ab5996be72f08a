"""ID3 tags of MP3 files: text frames named ``prompt`` and ``workflow``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from app.engine.workflow.metadata.limits import (
    MAX_PARTS,
    MAX_TEXT_BYTES,
    Texts,
    check_length,
    inflate,
)
from app.engine.workflow.metadata.source import Source

_ENCODINGS: Final = {0: "latin-1", 1: "utf-16", 2: "utf-16-be", 3: "utf-8"}
_UTF8: Final = 3
_UTF16: Final = 1
_USER_TEXT: Final = frozenset({b"TXXX", b"TXX"})
_COMMENTS: Final = frozenset({b"COMM", b"COM"})
_HEAD: Final = 10


def is_mine(head: bytes) -> bool:
    """Tell whether the file begins with an ID3 tag or with MP3 sound."""
    if head.startswith(b"ID3"):
        return True
    # Eleven set bits, a version, and layer 3.
    return len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[1] & 0x18 != 0x08


def tag_length(head: bytes) -> int:
    """Return how many bytes the ID3 tag at the beginning takes; 0 when there is none."""
    if not head.startswith(b"ID3") or len(head) < _HEAD:
        return 0
    footer = _HEAD if head[5] & 0x10 else 0
    return _HEAD + _safe_number(head[6:10]) + footer


@dataclass(frozen=True, slots=True)
class _Frame:
    name: bytes
    content: bytes
    at: int
    end: int


def read(source: Source) -> dict[str, str]:
    """Return the texts of an ID3 tag by lower-cased description.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    tag, version = _tag(source)
    for frame in _frames(tag, version, source):
        _read_frame(frame, texts)
    return texts.found


def _read_frame(frame: _Frame, texts: Texts) -> None:
    content = frame.content
    if frame.name in _USER_TEXT:
        key, text = _split(content[:1], content[1:])
        texts.add(key.lower(), text)
    elif frame.name in _COMMENTS:
        _key, text = _split(content[:1], content[4:])
        texts.add_free(text)
    elif frame.name.startswith(b"T"):
        # Some writers put key and text into one plain frame.
        key, text = _split(content[:1], content[1:])
        if text:
            texts.add(key.lower(), text)
        else:
            texts.add_free(key)


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the file with ``texts`` in its tag, in place of those of the same keys.

    The tag keeps its version and its other frames; a file without one gets one of version 2.4.

    Raises:
        WorkflowFileError: ``data`` has a damaged tag, or the texts are longer than 64 MB.
    """
    source = Source(data, "this file")
    end = tag_length(data[:_HEAD])
    tag, version = _tag(source) if end else (b"", 4)
    if version not in (2, 3, 4):
        tag, version = b"", 4
    names = {key.lower() for key in texts}
    kept: list[bytes] = []
    for frame in _frames(tag, version, source):
        found = Texts(source.shown)
        _read_frame(frame, found)
        if names.isdisjoint(found.found):
            kept.append(tag[frame.at : frame.end])
    made = [_make_content(key, text, version) for key, text in texts.items()]
    longest = 1 << 24 if version == 2 else MAX_TEXT_BYTES
    if sum(map(len, made + kept)) > longest - len(made) * _HEAD:
        raise source.no_room()
    frames = b"".join([_make_frame(content, version) for content in made] + kept)
    return b"ID3" + bytes([version, 0, 0]) + _safe_bytes(len(frames)) + frames + data[end:]


def _make_content(key: str, text: str, version: int) -> bytes:
    # Letters of one byte and more came with version 2.4.
    codec, code, end = ("utf-8", _UTF8, b"\0") if version == 4 else ("utf-16", _UTF16, b"\0\0")
    key_bytes, text_bytes = (part.encode(codec, "replace") for part in (key, text))
    return bytes([code]) + key_bytes + end + text_bytes + end


def _make_frame(content: bytes, version: int) -> bytes:
    if version == 2:
        return b"TXX" + len(content).to_bytes(3, "big") + content
    length = _safe_bytes(len(content)) if version == 4 else len(content).to_bytes(4, "big")
    return b"TXXX" + length + b"\0\0" + content


def _tag(source: Source) -> tuple[bytes, int]:
    """Return the frames of the tag in one piece, and its version; nothing when there is none."""
    head = source.peek(0, _HEAD)
    if not head.startswith(b"ID3"):
        return b"", 0
    head = source.read(0, _HEAD)
    version, flags, length = head[3], head[5], _safe_number(head[6:10])
    check_length(length, source.shown)
    tag = source.read(_HEAD, length)
    if flags & 0x80 and version < 4:
        tag = tag.replace(b"\xff\0", b"\xff")
    if flags & 0x40 and version >= 3 and len(tag) >= 4:
        extended = _safe_number(tag[:4]) if version == 4 else int.from_bytes(tag[:4], "big") + 4
        tag = tag[extended:]
    return tag, version


def _frames(tag: bytes, version: int, source: Source) -> Iterator[_Frame]:
    width, head = (3, 6) if version == 2 else (4, 10)
    at = 0
    for _ in range(MAX_PARTS):
        name = tag[at : at + width]
        if len(tag) < at + head or not name.strip(b"\0"):
            return
        size = tag[at + width : at + 2 * width]
        length = _safe_number(size) if version == 4 else int.from_bytes(size, "big")
        start, end = at + head, at + head + length
        if end > len(tag):
            raise source.damaged()
        content = tag[start:end]
        if version >= 3:
            content = _plain(content, tag[at + 9], version, source)
        yield _Frame(name, content, at, end)
        at = end
    raise source.too_many_parts()


def _plain(content: bytes, flags: int, version: int, source: Source) -> bytes:
    """Undo what the flags of a frame say: grouping, lengths, escapes and compression."""
    if version == 4:
        is_grouped, is_compressed, is_locked = flags & 0x40, flags & 0x08, flags & 0x04
        is_escaped, has_length = flags & 0x02, flags & 0x01
    else:
        is_compressed, is_locked, is_grouped = flags & 0x80, flags & 0x40, flags & 0x20
        is_escaped, has_length = 0, is_compressed
    if is_locked:
        return b""
    content = content[(1 if is_grouped else 0) + (4 if has_length else 0) :]
    if is_escaped:
        content = content.replace(b"\xff\0", b"\xff")
    return inflate(content, source.shown) if is_compressed else content


def _split(code: bytes, content: bytes) -> tuple[str, str]:
    """Decode a frame into its description and its text."""
    encoding = _ENCODINGS.get(code[0] if code else 0, "utf-8")
    if encoding == "latin-1":
        try:
            decoded = content.decode("utf-8")
        except UnicodeDecodeError:
            decoded = content.decode("latin-1")
    else:
        if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16-le"
        decoded = content.decode(encoding, "replace")
    key, _, text = decoded.partition("\0")
    return key.lstrip("\ufeff"), text.strip("\0").lstrip("\ufeff")


def _safe_number(data: bytes) -> int:
    """Read a number of seven bits a byte."""
    value = 0
    for byte in data:
        value = value << 7 | byte & 0x7F
    return value


def _safe_bytes(value: int) -> bytes:
    return bytes([value >> 21 & 127, value >> 14 & 127, value >> 7 & 127, value & 127])
