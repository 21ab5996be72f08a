"""Lists of comments ``key=text`` as FLAC, Ogg Vorbis and Opus files carry them."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from typing import Final

from app.engine.workflow.metadata.limits import MAX_PARTS, Texts, carries
from app.engine.workflow.metadata.source import Source

_FREE: Final = ("comment", "description")
"""Keys of comments in which anything may stand."""


def read_comments(block: bytes, source: Source, texts: Texts) -> None:
    """Add the comments of a block to ``texts``, keys lower-cased.

    Raises:
        WorkflowFileError: The block is damaged, or its texts are too long.
    """
    at = _skip(block, 0, source)
    count = _number(block, at, source)
    at += 4
    for _ in range(min(count, MAX_PARTS)):
        end = _skip(block, at, source)
        comment = block[at + 4 : end].decode("utf-8", "replace")
        key, _, text = comment.partition("=")
        if key.lower() in _FREE:
            texts.add_free(text)
        else:
            texts.add(key.lower(), text)
        at = end


def make_comments(texts: Mapping[str, str], vendor: bytes = b"Easel") -> bytes:
    """Return a block of comments.

    Args:
        texts: Texts by key.
        vendor: Name of the program that encoded the sound.
    """
    head = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(texts))
    return head + b"".join(_made(texts))


def replace_comments(
    block: bytes, texts: Mapping[str, str], source: Source, keys: Iterable[str] = ()
) -> bytes:
    """Return a block of comments with ``texts`` in place of earlier ones of the same keys.

    What stands behind the comments stays behind them.

    Args:
        block: The block as it is.
        texts: Texts by key.
        source: The file, for errors.
        keys: More keys whose comments go.

    Raises:
        WorkflowFileError: ``block`` is damaged or has too many comments.
    """
    at = _skip(block, 0, source)
    vendor = block[:at]
    count = _number(block, at, source)
    if count > MAX_PARTS:
        raise source.too_many_parts()
    at += 4
    gone = {key.lower() for key in (*texts, *keys)}
    comments: list[bytes] = []
    for _ in range(count):
        end = _skip(block, at, source)
        if not _is_of(block[at + 4 : end], gone):
            comments.append(block[at:end])
        at = end
    comments += _made(texts)
    return vendor + struct.pack("<I", len(comments)) + b"".join(comments) + block[at:]


def _made(texts: Mapping[str, str]) -> list[bytes]:
    lines = [f"{key}={text}".encode("utf-8", "replace") for key, text in texts.items()]
    return [struct.pack("<I", len(line)) + line for line in lines]


def _is_of(comment: bytes, keys: set[str]) -> bool:
    """Tell whether a comment has one of the keys, or is a free text that would be read so."""
    key, _, text = comment.partition(b"=")
    name = key.decode("utf-8", "replace").lower()
    return name in keys or (name in _FREE and carries(text.decode("utf-8", "replace"), keys))


def _number(block: bytes, at: int, source: Source) -> int:
    if at + 4 > len(block):
        raise source.damaged()
    return int.from_bytes(block[at : at + 4], "little")


def _skip(block: bytes, at: int, source: Source) -> int:
    """Return where the text ends whose length stands at ``at``."""
    end = at + 4 + _number(block, at, source)
    if end > len(block):
        raise source.damaged()
    return end
