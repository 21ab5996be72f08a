"""Workflow files to records: JSON of every schema, and pictures that carry a workflow.

Reading is suspicious. Limits on size and depth come first, then parsing, then checking; what
cannot be used as a record (a ``null`` link, a node that is a number) stays in the file unseen.
"""

from __future__ import annotations

import gzip
import io
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from app.engine.errors import WorkflowFileError
from app.engine.workflow import metadata
from app.engine.workflow.ids import Numbering
from app.engine.workflow.model import (
    RECORD_CLASSES,
    ROOT,
    Graph,
    Raw,
    RecordKind,
    Space,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    read_pair,
)

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""Larger files are refused."""

MAX_DEPTH: Final = 200
"""Deepest nesting of lists and objects; real files stay below 20."""

_VUE_FACTOR: Final = 1.2
_GZIP_MAGIC: Final = b"\x1f\x8b"


def new_workflow() -> Workflow:
    """Return an empty workflow of schema 0.4, as the reference writes one."""
    return build_workflow(
        {
            "id": str(uuid.uuid4()),
            "revision": 0,
            "last_node_id": 0,
            "last_link_id": 0,
            "nodes": [],
            "links": [],
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }
    )


def open_workflow(path: str | Path) -> Workflow:
    """Read a workflow file or a picture that carries one.

    Raises:
        WorkflowFileError: The file cannot be read or holds no workflow; the message says why.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WorkflowFileError(
                f'Cannot open "{path.name}": it is larger than {MAX_FILE_BYTES >> 20} MB.'
            )
        data = path.read_bytes()
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise WorkflowFileError(
            f'Cannot open "{path.name}": {reason.lower()}.', details=str(error)
        ) from error
    return read_workflow(data, name=path.name)


def read_workflow(data: bytes | str, *, name: str = "") -> Workflow:
    """Read the content of a workflow file, of a picture that carries one, or an API prompt.

    Args:
        data: The whole file.
        name: File name for messages.

    Raises:
        WorkflowFileError: The content is no workflow; the message says why.
    """
    shown = f'"{name}"' if name else "this text"
    if isinstance(data, bytes):
        if len(data) > MAX_FILE_BYTES:
            raise WorkflowFileError(
                f"Cannot open {shown}: it is larger than {MAX_FILE_BYTES >> 20} MB."
            )
        if data.startswith(_GZIP_MAGIC):
            data = _decompress(data, shown)
        if metadata.is_media(data):
            return _from_media(data, shown)
    return _from_value(parse_json(data, shown), shown)


def parse_json(data: bytes | str, shown: str = "this text") -> Any:
    """Parse JSON within the limits; bare NaN and Infinity read as null.

    Raises:
        WorkflowFileError: It is no JSON, or it is nested too deeply.
    """
    try:
        text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=lambda _: None)
    except RecursionError:
        raise WorkflowFileError(f"Cannot open {shown}: it is nested too deeply.") from None
    except UnicodeDecodeError as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: it is neither text nor a picture with a workflow.",
            details=str(error),
        ) from error
    except ValueError as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: it is not valid JSON ({error}).", details=str(error)
        ) from error
    if _is_too_deep(value):
        raise WorkflowFileError(f"Cannot open {shown}: it is nested too deeply.")
    return value


def build_workflow(raw: Raw) -> Workflow:
    """Make the records over a parsed workflow object. ``raw`` belongs to the result."""
    numbering = Numbering()
    definitions = list(_definitions(raw))
    for graph_raw in (raw, *(definition for _, definition in definitions)):
        numbering.see(graph_raw)
    root_space = _space(raw, None)
    root = _build_graph(ROOT, raw, numbering, root_space)
    subgraphs = {
        key: _build_graph(key, definition, numbering, _space(definition, as_mapping(raw)))
        for key, definition in definitions
    }
    return Workflow(raw, root, subgraphs)


def is_api_prompt(value: Any) -> bool:
    """Tell whether a parsed file is an API prompt (workflow-format 9)."""
    return (
        isinstance(value, dict)
        and bool(value)
        and all(
            isinstance(node, dict)
            and isinstance(node.get("class_type"), str)
            and isinstance(node.get("inputs"), dict)
            for node in value.values()
        )
    )


def _from_value(value: Any, shown: str) -> Workflow:
    if isinstance(value, dict) and isinstance(value.get("nodes"), list):
        return build_workflow(value)
    if isinstance(value, dict):
        for inner in (value.get("workflow"), value.get("prompt")):
            if isinstance(inner, dict) and (
                isinstance(inner.get("nodes"), list) or is_api_prompt(inner)
            ):
                return _from_value(inner, shown)
    raise WorkflowFileError(f"Cannot open {shown}: it is JSON, but it holds no workflow.")


def _from_media(data: bytes, shown: str) -> Workflow:
    texts = metadata.read_texts(data, shown)
    for key in ("workflow", "prompt"):
        if key in texts:
            return _from_value(parse_json(texts[key], shown), shown)
    raise WorkflowFileError(f"Cannot open {shown}: the picture carries no workflow.")


def _decompress(data: bytes, shown: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            result = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, EOFError, ValueError) as error:
        raise WorkflowFileError(
            f"Cannot open {shown}: the compressed file is damaged.", details=str(error)
        ) from error
    except Exception as error:
        # zlib.error does not derive from ValueError or OSError.
        if type(error).__module__ != "zlib":
            raise
        raise WorkflowFileError(
            f"Cannot open {shown}: the compressed file is damaged.", details=str(error)
        ) from error
    if len(result) > MAX_FILE_BYTES:
        raise WorkflowFileError(
            f"Cannot open {shown}: its content is larger than {MAX_FILE_BYTES >> 20} MB."
        )
    return result


def _is_too_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for holder in level
            for child in (holder.values() if type(holder) is dict else holder)
            if type(child) is dict or type(child) is list
        ]
    return bool(level)


def _definitions(raw: Raw) -> Iterator[tuple[str, Raw]]:
    """Yield all subgraph definitions, nested ones after their holder; the first of an id wins."""
    seen: set[str] = set()
    waiting: list[Raw] = [raw]
    while waiting:
        holder = waiting.pop(0)
        for definition in as_list(as_mapping(holder.get("definitions")).get("subgraphs")):
            if not isinstance(definition, dict) or not isinstance(definition.get("nodes"), list):
                continue
            key = id_text(definition.get("id"))
            if definition.get("id") is None or not key or key in seen:
                continue
            seen.add(key)
            yield key, definition
            waiting.append(definition)


def build_definition(raw: Raw) -> Graph:
    """Make the records over one subgraph definition that is not part of a document yet."""
    numbering = Numbering()
    numbering.see(raw)
    return _build_graph(id_text(raw.get("id")), raw, numbering, _space(raw, None))


def _build_graph(graph_id: str, raw: Raw, numbering: Numbering, space: Space | None) -> Graph:
    graph = Graph(graph_id, raw)
    graph.space = space
    for kind in RecordKind:
        stored = graph.stored_list(kind)
        if not stored:
            continue
        table = graph.records(kind)
        record_class = RECORD_CLASSES[kind]
        for index, item in enumerate(stored):
            key = _record_key(kind, item, index)
            if key is None:
                continue
            if key in table or not key:
                if kind is RecordKind.NODE and graph_id != ROOT:
                    continue  # workflow-format 3, rule 5: dropped inside a definition
                key = str(numbering.next_for(kind))
            table[key] = record_class(key, item, space)
    return graph


def _record_key(kind: RecordKind, item: Any, index: int) -> str | None:
    """Return the key of a stored record, empty when it needs a fresh one, None if unusable."""
    if kind is RecordKind.GROUP:
        return str(index) if isinstance(item, dict) else None
    if isinstance(item, dict):
        given = item.get("id")
    elif isinstance(item, list) and item and kind is RecordKind.LINK:
        given = item[0]
    else:
        return None
    return "" if given is None or isinstance(given, (dict, list)) else id_text(given)


def _space(raw: Raw, root: Any) -> Space | None:
    """Return the scale of a graph's coordinates (workflow-format 1.2)."""
    mark = as_mapping(raw.get("extra")).get("workflowRendererVersion")
    if mark is None and root is not None:
        mark = as_mapping(root.get("extra")).get("workflowRendererVersion")
    if mark != "Vue":
        return None
    corners = [
        read_pair(node.get("pos"), (0.0, 0.0))
        for node in as_list(raw.get("nodes"))
        if isinstance(node, dict)
    ]
    if not corners:
        return None
    anchor = (min(x for x, _ in corners), min(y for _, y in corners))
    return Space(anchor, _VUE_FACTOR)


__all__ = [
    "MAX_DEPTH",
    "MAX_FILE_BYTES",
    "build_definition",
    "build_workflow",
    "is_api_prompt",
    "new_workflow",
    "open_workflow",
    "parse_json",
    "read_workflow",
]
