"""Records over a parsed file: which objects become nodes, links and groups, and their keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

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

_VUE_FACTOR: Final = 1.2
_BOX_IDS: Final = ("-10", "-20")
"""Ids inside a definition that stand for its inputs and outputs; a node cannot have them."""


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
            is_node_inside = kind is RecordKind.NODE and graph_id != ROOT
            if is_node_inside and key in _BOX_IDS:
                key = ""
            if key in table or not key:
                if is_node_inside and key:
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
