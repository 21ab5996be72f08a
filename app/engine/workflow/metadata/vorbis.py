"""Lists of comments ``key=text`` as FLAC, Ogg Vorbis and Opus files carry them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from app.engine.workflow.metadata.limits import MAX_PARTS, Texts
from app.engine.workflow.metadata.source import Source


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
        if key.lower() in ("comment", "description"):
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
    made = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(texts))
    for key, text in texts.items():
        content = f"{key}={text}".encode("utf-8", "replace")
        made += struct.pack("<I", len(content)) + content
    return made


def split_comments(block: bytes, source: Source) -> tuple[bytes, list[bytes]]:
    """Return the vendor and the comments of a block as they are.

    Raises:
        WorkflowFileError: The block is damaged.
    """
    at = _skip(block, 0, source)
    vendor = block[4:at]
    count = _number(block, at, source)
    at += 4
    comments: list[bytes] = []
    for _ in range(min(count, MAX_PARTS)):
        end = _skip(block, at, source)
        comments.append(block[at + 4 : end])
        at = end
    return vendor, comments


def replace_comments(block: bytes, texts: Mapping[str, str], source: Source) -> bytes:
    """Return a block of comments with ``texts`` in place of earlier ones of the same keys.

    Raises:
        WorkflowFileError: ``block`` is damaged.
    """
    vendor, old = split_comments(block, source)
    names = {key.lower().encode("utf-8", "replace") for key in texts}
    kept = [item for item in old if item.partition(b"=")[0].lower() not in names]
    made = [f"{key}={text}".encode("utf-8", "replace") for key, text in texts.items()]
    head = struct.pack("<I", len(vendor)) + vendor + struct.pack("<I", len(kept) + len(made))
    return head + b"".join(struct.pack("<I", len(item)) + item for item in (*kept, *made))


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
