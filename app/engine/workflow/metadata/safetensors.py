"""Texts in the header of safetensors files and of saved latents (``.latent``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from app.engine.workflow.metadata.limits import Texts, check_length, check_values
from app.engine.workflow.metadata.source import Source

_METADATA: Final = "__metadata__"


def is_mine(head: bytes) -> bool:
    """Tell whether the file is of this kind: the length of a header, and a brace."""
    # A text could not begin so: its letters would make the length astronomical.
    return (
        len(head) >= 10 and head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") < 1 << 40
    )


def read(source: Source) -> dict[str, str]:
    """Return the texts of the header by key. The tensors are not read.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its header is too long.
    """
    texts = Texts(source.shown)
    header, start = _header(source)
    longest = 0
    for key, value in header.items():
        if key == _METADATA:
            continue
        offsets = value.get("data_offsets") if isinstance(value, dict) else None
        if isinstance(offsets, list) and len(offsets) == 2 and isinstance(offsets[1], int):
            longest = max(longest, offsets[1])
    if start + longest > source.size:
        raise source.cut_off()
    metadata = header.get(_METADATA)
    for key, value in metadata.items() if isinstance(metadata, dict) else ():
        if isinstance(value, str):
            texts.add(key, value)
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the file with ``texts`` in its header, in place of those of the same keys.

    Raises:
        WorkflowFileError: ``data`` is no whole file of this kind.
    """
    header, start = _header(Source(data, "this file"))
    old = header.pop(_METADATA, None)
    metadata = {**(old if isinstance(old, dict) else {}), **texts}
    made = json.dumps({_METADATA: metadata, **header}, separators=(",", ":")).encode("ascii")
    made += b" " * (-len(made) % 8)
    return len(made).to_bytes(8, "little") + made + data[start:]


def _header(source: Source) -> tuple[dict[str, Any], int]:
    length = int.from_bytes(source.read(0, 8), "little")
    check_length(length, source.shown)
    text = source.read(8, length)
    check_values(text, source.shown)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise source.damaged(details=str(error)) from error
    if not isinstance(header, dict):
        raise source.damaged()
    return header, 8 + length
