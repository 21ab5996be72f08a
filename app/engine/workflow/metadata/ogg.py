"""The comments of Ogg files: Vorbis, Opus, FLAC in Ogg, and Theora films."""

from __future__ import annotations

from typing import Final

from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, check_length
from app.engine.workflow.metadata.source import Source
from app.engine.workflow.metadata.vorbis import read_comments

SIGNATURE: Final = b"OggS"
_HEAD: Final = 27
_PACKET_MARKS: Final = (b"\x03vorbis", b"OpusTags", b"\x81theora")
_HEAD_PACKETS: Final = 3
"""Comments stand in the second packet of a stream; later ones are sound."""


def is_mine(head: bytes) -> bool:
    """Tell whether the file is an Ogg."""
    return head.startswith(SIGNATURE)


class _Stream:
    """The first packets of one stream in the file."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.packets = 0
        self.is_flac = False

    @property
    def is_done(self) -> bool:
        return self.packets >= _HEAD_PACKETS


def read(source: Source) -> dict[str, str]:
    """Return the comments of all streams by lower-cased key. Only the first pages are read.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its texts are too long.
    """
    texts = Texts(source.shown)
    streams: dict[int, _Stream] = {}
    total = 0
    at = 0
    for _ in range(MAX_PARTS):
        if at >= source.size or (streams and all(s.is_done for s in streams.values())):
            return texts.found
        head = source.read(at, _HEAD)
        if not head.startswith(SIGNATURE):
            raise source.damaged()
        lengths = source.read(at + _HEAD, head[26])
        start, length = at + _HEAD + head[26], sum(lengths)
        if start + length > source.size:
            raise source.cut_off()
        stream = streams.setdefault(int.from_bytes(head[14:18], "little"), _Stream())
        at = start + length
        if stream.is_done:
            continue
        total += length
        check_length(total, source.shown)
        _take_page(stream, source.read(start, length), lengths, source, texts)
    raise source.too_many_parts()


def _take_page(
    stream: _Stream, content: bytes, lengths: bytes, source: Source, texts: Texts
) -> None:
    place = 0
    for length in lengths:
        stream.parts.append(content[place : place + length])
        place += length
        if length == 255 or stream.is_done:
            continue
        packet = b"".join(stream.parts)
        stream.parts.clear()
        stream.packets += 1
        if stream.packets == 1:
            stream.is_flac = packet.startswith(b"\x7fFLAC")
        elif stream.is_flac and packet[:1] and packet[0] & 0x7F == 4:
            read_comments(packet[4:], source, texts)
        else:
            for mark in _PACKET_MARKS:
                if packet.startswith(mark):
                    read_comments(packet[len(mark) :], source, texts)
