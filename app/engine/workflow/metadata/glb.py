"""Texts of GLB models: ``asset.extras`` of the JSON chunk."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any, Final

from app.engine.workflow.metadata.limits import (
    WORKFLOW_KEYS,
    Texts,
    check_length,
    check_values,
)
from app.engine.workflow.metadata.source import Source

SIGNATURE: Final = b"glTF"
_JSON: Final = 0x4E4F534A


def is_mine(head: bytes) -> bool:
    """Tell whether the file is a GLB."""
    return head.startswith(SIGNATURE)


def read(source: Source) -> dict[str, str]:
    """Return the texts of a GLB by key.

    Raises:
        WorkflowFileError: The file is cut off or damaged, or its description is too long.
    """
    texts = Texts(source.shown)
    extras: Any = _description(source)
    for name in ("asset", "extras"):
        extras = extras.get(name) if isinstance(extras, dict) else None
    if isinstance(extras, dict):
        for key in WORKFLOW_KEYS:
            texts.add_value(key, extras.get(key))
    return texts.found


def write_texts(data: bytes, texts: Mapping[str, str]) -> bytes:
    """Return the GLB with ``texts`` in ``asset.extras``, in place of those of the same keys.

    Raises:
        WorkflowFileError: ``data`` is no whole GLB.
    """
    source = Source(data, "this model")
    value = _description(source)
    asset = value.get("asset")
    asset = dict(asset) if isinstance(asset, dict) else {"version": "2.0"}
    extras = asset.get("extras")
    asset["extras"] = {**(extras if isinstance(extras, dict) else {}), **texts}
    made = json.dumps({**value, "asset": asset}, separators=(",", ":")).encode("ascii")
    made += b" " * (-len(made) % 4)
    (old,) = struct.unpack_from("<I", data, 12)
    rest = data[20 + old :]
    head = struct.pack("<4sII", SIGNATURE, 2, 20 + len(made) + len(rest))
    return head + struct.pack("<II", len(made), _JSON) + made + rest


def _description(source: Source) -> dict[str, Any]:
    _mark, _version, total = struct.unpack("<4sII", source.read(0, 12))
    if total > source.size:
        raise source.cut_off()
    length, kind = struct.unpack("<II", source.read(12, 8))
    if kind != _JSON:
        raise source.damaged()
    check_length(length, source.shown)
    text = source.read(20, length)
    check_values(text, source.shown)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise source.damaged(details=str(error)) from error
    if not isinstance(value, dict):
        raise source.damaged()
    return value
