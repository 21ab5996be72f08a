"""Records to workflow files: a cheap snapshot on the GUI thread, bytes and disk on another."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.engine.files import write_atomic
from app.engine.workflow.bulk import collector_paused
from app.engine.workflow.model import Raw, RecordKind, Workflow, as_mapping

_AT_ONCE: Final = 48
"""So many items of a long list are encoded by one call: about 0.3 ms of nodes."""

_DEPTH: Final = 5
"""So deep the encoding is cut in parts: a definition's nodes lie three levels down."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The content of a workflow at one moment. Nothing changes it, so any thread may read it."""

    data: Raw


def snapshot(workflow: Workflow) -> Snapshot:
    """Copy what edits change in place: the objects of records, and the lists that hold them.

    Values inside records are shared, because edits replace values and never change them.
    """
    with collector_paused():
        return Snapshot(_copy(workflow.raw))


def _copy(raw: Raw) -> Raw:
    copied: Raw = {}
    waiting: list[tuple[Raw, Raw]] = [(raw, copied)]
    while waiting:
        source, target = waiting.pop()
        target.update(source)
        for kind in RecordKind:
            if isinstance(source.get(kind.value), list):
                target[kind.value] = _copy_records(source[kind.value])
        extra = source.get("extra")
        if isinstance(extra, dict) and isinstance(extra.get("reroutes"), list):
            target["extra"] = {**extra, "reroutes": _copy_records(extra["reroutes"])}
        definitions = source.get("definitions")
        subgraphs = as_mapping(definitions).get("subgraphs")
        if isinstance(definitions, dict) and isinstance(subgraphs, list):
            copies: list[Any] = []
            for item in subgraphs:
                if isinstance(item, dict):
                    inner: Raw = {}
                    waiting.append((item, inner))
                    copies.append(inner)
                else:
                    copies.append(item)
            target["definitions"] = {**definitions, "subgraphs": copies}
    return copied


def serialize(content: Snapshot, *, indent: int | None = None) -> bytes:
    """Return the bytes of a workflow file: UTF-8 JSON, compact unless ``indent`` is given."""
    return dump_json(content.data, indent=indent)


def save_workflow(path: str | Path, content: Snapshot, *, indent: int | None = None) -> None:
    """Write a workflow file in one step; a failure leaves the old file as it was.

    Raises:
        FileSaveError: The disk is full, or the folder may not be written.
    """
    write_atomic(path, serialize(content, indent=indent))


def dump_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return JSON as strict parsers take it: no NaN, and valid UTF-8 whatever the texts hold.

    Compact JSON is made in pieces of a fraction of a millisecond each, because the encoder keeps
    every other thread waiting for as long as one call to it takes.
    """
    try:
        return _dump(value, indent)
    except ValueError:
        # Numbers beyond a double (1e400) read as infinity; JSON has no word for that.
        value = _without_infinities(value)
    try:
        return _dump(value, indent)
    except ValueError:
        # Half of a surrogate pair stands only as an escape.
        return _dump(value, indent, ensure_ascii=True)


def _dump(value: Any, indent: int | None, *, ensure_ascii: bool = False) -> bytes:
    separators = (",", ":") if indent is None else (",", ": ")
    encode = json.JSONEncoder(
        ensure_ascii=ensure_ascii, allow_nan=False, indent=indent, separators=separators
    ).encode
    if indent is not None:
        return encode(value).encode()
    return b"".join(_pieces(value, encode, _DEPTH))


def _pieces(value: Any, encode: Callable[[Any], str], depth: int) -> Iterator[bytes]:
    """Yield the JSON of a value in small parts; what lies deeper than ``depth`` is one part."""
    if depth and type(value) is dict and all(type(key) is str for key in value):
        start = b"{"
        for key, item in value.items():
            yield start + encode(key).encode() + b":"
            yield from _pieces(item, encode, depth - 1)
            start = b","
        yield b"{}" if start == b"{" else b"}"
    elif depth and type(value) is list and len(value) > _AT_ONCE:
        for index in range(0, len(value), _AT_ONCE):
            text = encode(value[index : index + _AT_ONCE])
            # Without its brackets: the parts make one list.
            yield (b"[" if index == 0 else b",") + text[1:-1].encode()
        yield b"]"
    elif depth and type(value) is list and any(type(item) is dict for item in value):
        for index, item in enumerate(value):
            yield b"[" if index == 0 else b","
            yield from _pieces(item, encode, depth - 1)
        yield b"]"
    else:
        yield encode(value).encode()


def _copy_records(records: list[Any]) -> list[Any]:
    return [dict(item) if type(item) is dict else item for item in records]


def _without_infinities(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_infinities(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_infinities(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
