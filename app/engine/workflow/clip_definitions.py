"""Subgraph definitions that travel with copied nodes, and how they settle in a document."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.group_nodes import is_group_type
from app.engine.workflow.model import (
    ROOT,
    Graph,
    Node,
    Raw,
    Workflow,
    as_list,
    as_mapping,
    id_text,
)
from app.engine.workflow.patch import InsertGraph, SetKey
from app.engine.workflow.records import build_definition
from app.engine.workflow.writer import dump_json


def needed_definitions(
    workflow: Workflow, nodes: Iterable[Node]
) -> tuple[list[Raw], dict[str, Any]]:
    """Return the subgraph definitions and legacy group nodes that nodes need."""
    found: dict[str, Raw] = {}
    groups: dict[str, Any] = {}
    legacy = as_mapping(workflow.root.extra.get("groupNodes"))
    waiting = [node.type for node in nodes]
    while waiting:
        kind = waiting.pop()
        if is_group_type(kind) and kind[9:] in legacy and kind[9:] not in groups:
            definition = groups[kind[9:]] = legacy[kind[9:]]
            inner = as_list(as_mapping(definition).get("nodes"))
            waiting.extend(str(as_mapping(node).get("type") or "") for node in inner)
        graph = workflow.subgraphs.get(kind)
        if graph is not None and kind not in found:
            found[kind] = _portable(graph)
            waiting.extend(node.type for node in graph.nodes.values())
    return list(found.values()), groups


def _portable(graph: Graph) -> Raw:
    """Return a definition as it means the same in any document."""
    # What later edits of this document replace must not change the clip.
    raw: Raw = json.loads(dump_json(graph.raw))
    raw.pop("definitions", None)  # inner ones travel on their own
    if graph.space is not None:
        # It took the mark from the root, which the other document may not have.
        raw["extra"] = {**as_mapping(raw.get("extra")), "workflowRendererVersion": "Vue"}
    return raw


def add_definitions(
    draft: Draft, clip: Mapping[str, Any], *, is_independent: bool = False
) -> dict[str, str]:
    """Add missing subgraph definitions; return the ids here of those that have another one.

    Args:
        draft: The changes to the graph that gets the nodes.
        clip: The clip.
        is_independent: Share nothing with definitions that are here, even equal ones.
    """
    workflow = draft.workflow
    wanted = {
        id_text(raw["id"]): raw
        for raw in as_list(clip.get("subgraphs"))
        if isinstance(raw, dict) and isinstance(raw.get("nodes"), list) and raw.get("id")
    }
    here = {key: _portable(graph) for key, graph in workflow.subgraphs.items()} if wanted else {}
    renamed: dict[str, str] = {}
    for key in _inner_first(wanted):
        raw = _with_types({**wanted[key], "id": ""}, renamed)
        raw.pop("definitions", None)
        same = [
            known
            for known in (key, *here)
            if known in here and not is_independent and {**here[known], "id": ""} == raw
        ]
        if same:
            if same[0] != key:
                renamed[key] = same[0]
            continue
        own = key
        if key in here or is_independent:
            own = renamed[key] = str(uuid.uuid4())
        raw = {**raw, "id": own}
        here[own] = raw
        if workflow.root.space is not None and _mark(raw) is None:
            # Without a mark of its own it would be read scaled, as this document is.
            extra = {**as_mapping(raw.get("extra")), "workflowRendererVersion": "Vue-corrected"}
            raw = {**raw, "extra": extra}
        draft.before([InsertGraph(build_definition(json.loads(dump_json(raw))))])
    legacy = as_mapping(clip.get("groupNodes"))
    present = as_mapping(workflow.root.extra.get("groupNodes"))
    if any(name not in present for name in legacy):
        value = {**workflow.root.extra, "groupNodes": {**legacy, **present}}
        draft.before([SetKey(ROOT, None, "", "extra", value)])
    return renamed


def _with_types(raw: Raw, renamed: Mapping[str, str]) -> Raw:
    """Return a definition with the hosts in it turned to the ids that definitions have here."""
    nodes = [
        {**node, "type": renamed[str(node.get("type"))]}
        if isinstance(node, dict) and str(node.get("type")) in renamed
        else node
        for node in raw["nodes"]
    ]
    return {**raw, "nodes": nodes}


def _inner_first(wanted: Mapping[str, Raw]) -> list[str]:
    """Return the ids of a clip's definitions, each after those that it holds hosts of."""
    uses = {key: _types(raw) & wanted.keys() - {key} for key, raw in wanted.items()}
    ordered: list[str] = []
    while uses:
        ready = [key for key, inner in uses.items() if not inner & uses.keys()]
        # Definitions that hold each other have no order; any will do, as they never run.
        for key in ready or list(uses):
            ordered.append(key)
            del uses[key]
    return ordered


def _types(raw: Raw) -> set[str]:
    return {str(as_mapping(node).get("type") or "") for node in raw["nodes"]}


def _mark(raw: Raw) -> Any:
    return as_mapping(raw.get("extra")).get("workflowRendererVersion")


def _holders(
    workflow: Workflow, clip: Mapping[str, Any], graph_id: str, *, is_independent: bool = False
) -> set[str]:
    """Return the node types of a clip that are, or hold, the graph that it is pasted into.

    Independent definitions of the clip are never those of the document, whatever their ids say.
    """
    uses = {
        key: {node.type for node in graph.nodes.values()}
        for key, graph in workflow.subgraphs.items()
    }
    for raw in as_list(clip.get("subgraphs")):
        if isinstance(raw, dict) and isinstance(raw.get("nodes"), list):
            key, types = id_text(raw.get("id")), _types(raw)
            if is_independent:
                uses[key] = types
            else:
                uses.setdefault(key, types)
    own = {id_text(as_mapping(raw).get("id")) for raw in as_list(clip.get("subgraphs"))}
    if is_independent and graph_id in own:
        # The document's graph of that id is another one than the clip's.
        return set()
    found = {graph_id}
    waiting = [graph_id]
    while waiting:
        inner = waiting.pop()
        for key, types in uses.items():
            if inner in types and key not in found:
                found.add(key)
                waiting.append(key)
    return found


def without_holders(
    workflow: Workflow, graph_id: str, clip: Mapping[str, Any], *, is_independent: bool = False
) -> Mapping[str, Any]:
    """Return a clip without the nodes that would put a subgraph into itself."""
    refused = _holders(workflow, clip, graph_id, is_independent=is_independent)
    nodes = as_list(clip.get("nodes"))
    kept = [None if str(as_mapping(node).get("type") or "") in refused else node for node in nodes]
    if kept.count(None) == nodes.count(None):
        return clip
    # Definitions that only those nodes needed stay out as well.
    stored = [raw for raw in as_list(clip.get("subgraphs")) if isinstance(raw, dict)]
    usable = [raw for raw in stored if isinstance(raw.get("nodes"), list) and raw.get("id")]
    by_id = {id_text(raw["id"]): raw for raw in usable}
    needed: dict[str, Raw] = {}
    waiting = [str(as_mapping(node).get("type") or "") for node in kept]
    while waiting:
        kind = waiting.pop()
        if kind in by_id and kind not in needed:
            needed[kind] = by_id[kind]
            waiting.extend(_types(by_id[kind]))
    return {**clip, "nodes": kept, "subgraphs": list(needed.values())}


def paste_problem(workflow: Workflow, bound: BoundGraph, clip: Mapping[str, Any]) -> str:
    """Return why some nodes of a clip cannot be pasted into a graph, or an empty text.

    :func:`app.engine.workflow.clipboard.paste` leaves those nodes out.
    """
    if bound.graph_id == ROOT:
        return ""
    refused = _holders(workflow, clip, bound.graph_id)
    for node in as_list(clip.get("nodes")):
        kind = str(as_mapping(node).get("type") or "")
        if kind in refused:
            graph = workflow.subgraphs.get(kind)
            name = str((graph.raw.get("name") if graph is not None else None) or "This subgraph")
            reason = "itself" if kind == bound.graph_id else "a subgraph that it contains"
            return f'"{name}" cannot be pasted into {reason}.'
    return ""
