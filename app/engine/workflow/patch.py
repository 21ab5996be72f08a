"""Edits as data: a patch is a list of small operations, and applying one gives its inverse.

Everything that an artist can undo is a patch. Operations replace whole values and put records
and keys back where they were, so a patch followed by its inverse leaves a file that is equal in
content *and* in key order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from app.engine.workflow.model import (
    RECORD_CLASSES,
    ROOT,
    Graph,
    Raw,
    Record,
    RecordKind,
    Workflow,
    as_mapping,
)


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""Stands for "the key is not there" in :class:`SetKey`."""


@dataclass(frozen=True, slots=True)
class SetKey:
    """Give one key of one object a new value, or remove it (:data:`ABSENT`).

    Attributes:
        graph: Id of the graph.
        kind: Kind of the record, or None for the graph's own object.
        key: Key of the record; ignored when ``kind`` is None.
        name: Key inside the object.
        value: New value. It belongs to the document from now on and is never changed.
        position: Where among the object's keys a key that was absent goes; None is the end.
    """

    graph: str
    kind: RecordKind | None
    key: str
    name: str
    value: Any
    position: int | None = None


@dataclass(frozen=True, slots=True)
class InsertRecord:
    """Add a record at a place in its list; ``index`` None is the end."""

    graph: str
    kind: RecordKind
    key: str
    raw: Any
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RemoveRecord:
    """Take a record out of its list."""

    graph: str
    kind: RecordKind
    key: str


@dataclass(frozen=True, slots=True)
class MoveRecord:
    """Give a record another place in its list (drawing order)."""

    graph: str
    kind: RecordKind
    key: str
    index: int


@dataclass(frozen=True, slots=True)
class InsertGraph:
    """Add a subgraph definition to the document; ``index`` None is the end of the list.

    ``graph`` (an id) is always the root's, because definitions belong to the document.
    """

    definition: Graph
    index: int | None = None
    graph: str = ROOT
    kind: None = None


@dataclass(frozen=True, slots=True)
class RemoveGraph:
    """Take a subgraph definition out of the document's list."""

    key: str
    graph: str = ROOT
    kind: None = None


Operation = SetKey | InsertRecord | RemoveRecord | MoveRecord | InsertGraph | RemoveGraph
Patch = tuple[Operation, ...]


def apply_patch(workflow: Workflow, patch: Iterable[Operation]) -> Patch:
    """Apply ``patch`` and return the patch that takes it back.

    Raises:
        KeyError: A record or graph named by the patch does not exist. Operations before it
            have been taken back, so the workflow is as it was.
    """
    inverse: list[Operation] = []
    disordered: set[tuple[str, RecordKind]] = set()
    try:
        for operation in patch:
            for step in _with_list(workflow, operation):
                inverse.append(_apply(workflow, step, disordered))
    except BaseException:
        for operation in reversed(inverse):
            _apply(workflow, operation, disordered)
        _restore_order(workflow, disordered)
        raise
    _restore_order(workflow, disordered)
    inverse.reverse()
    return tuple(inverse)


def _with_list(workflow: Workflow, operation: Operation) -> Iterator[Operation]:
    """Yield the step before ``operation`` that makes a missing list, if any, and then it.

    The list is made by an operation of its own, so that its inverse removes it again.
    """
    if isinstance(operation, InsertRecord):
        graph = workflow.graph(operation.graph)
        kind = operation.kind
        if graph.stored_list(kind) is None:
            if kind is RecordKind.REROUTE and not graph.has_object_links:
                extra = {**graph.extra, kind.value: []}
                yield SetKey(operation.graph, None, "", "extra", extra)
            else:
                yield SetKey(operation.graph, None, "", kind.value, [])
    elif isinstance(operation, InsertGraph) and _definition_list(workflow) is None:
        holder = as_mapping(workflow.raw.get("definitions"))
        yield SetKey(ROOT, None, "", "definitions", {**holder, "subgraphs": []})
    yield operation


def _apply(
    workflow: Workflow, operation: Operation, disordered: set[tuple[str, RecordKind]]
) -> Operation:
    if isinstance(operation, InsertGraph):
        return _insert_graph(workflow, operation)
    if isinstance(operation, RemoveGraph):
        return _remove_graph(workflow, operation)
    graph = workflow.graph(operation.graph)
    if isinstance(operation, SetKey):
        return _set_key(graph, operation)
    if isinstance(operation, InsertRecord):
        return _insert(graph, operation, disordered)
    if isinstance(operation, RemoveRecord):
        return _remove(graph, operation)
    return _move(graph, operation, disordered)


def _set_key(graph: Graph, operation: SetKey) -> SetKey:
    raw: Raw
    raw = graph.raw if operation.kind is None else graph.records(operation.kind)[operation.key].raw
    if not isinstance(raw, dict):
        raise KeyError(f"{operation.kind} {operation.key} is no object")
    name, value = operation.name, operation.value
    old = raw.get(name, ABSENT)
    if operation.kind is None and name == "extra":
        value = _with_live_reroutes(graph, old, value)
    position: int | None = None
    if value is ABSENT:
        if old is not ABSENT:
            position = list(raw).index(name)
            del raw[name]
    elif old is ABSENT and operation.position is not None:
        tail = list(raw.items())[operation.position :]
        for key, _ in tail:
            del raw[key]
        raw[name] = value
        raw.update(tail)
    else:
        raw[name] = value
    return SetKey(operation.graph, operation.kind, operation.key, name, old, position)


def _with_live_reroutes(graph: Graph, old: Any, new: Any) -> Any:
    """Return an ``extra`` to set, with the list in which the graph's reroutes are now.

    Schema 0.4 keeps reroutes inside ``extra``, and their list is the one part of it that is
    changed in place. An ``extra`` that an undo step holds may have the list of another time.
    """
    name = RecordKind.REROUTE.value
    if graph.has_object_links or not isinstance(old, dict) or not isinstance(new, dict):
        return new
    live = old.get(name)
    if not isinstance(live, list) or not isinstance(new.get(name), list) or new[name] is live:
        return new
    return {**new, name: live}


def _insert(
    graph: Graph, operation: InsertRecord, disordered: set[tuple[str, RecordKind]]
) -> RemoveRecord:
    table = graph.records(operation.kind)
    if operation.key in table:
        raise KeyError(f"{operation.kind.value} {operation.key} exists already")
    records = graph.stored_list(operation.kind)
    if records is None:
        raise KeyError(operation.kind.value)
    index = len(records) if operation.index is None else operation.index
    if index < len(records):
        disordered.add((operation.graph, operation.kind))
    records.insert(index, operation.raw)
    record_class = RECORD_CLASSES[operation.kind]
    table[operation.key] = record_class(operation.key, operation.raw, graph.space)
    return RemoveRecord(operation.graph, operation.kind, operation.key)


def _remove(graph: Graph, operation: RemoveRecord) -> InsertRecord:
    record = graph.records(operation.kind)[operation.key]
    records = graph.stored_list(operation.kind) or []
    index = _index_of(records, record)
    del records[index]
    del graph.records(operation.kind)[operation.key]
    return InsertRecord(operation.graph, operation.kind, operation.key, record.raw, index)


def _move(
    graph: Graph, operation: MoveRecord, disordered: set[tuple[str, RecordKind]]
) -> MoveRecord:
    record = graph.records(operation.kind)[operation.key]
    records = graph.stored_list(operation.kind) or []
    old = _index_of(records, record)
    del records[old]
    records.insert(operation.index, record.raw)
    disordered.add((operation.graph, operation.kind))
    return MoveRecord(operation.graph, operation.kind, operation.key, old)


def _definition_list(workflow: Workflow) -> list[Any] | None:
    records = as_mapping(workflow.raw.get("definitions")).get("subgraphs")
    return records if isinstance(records, list) else None


def _insert_graph(workflow: Workflow, operation: InsertGraph) -> RemoveGraph:
    key = operation.definition.id
    records = _definition_list(workflow)
    if key in workflow.subgraphs or records is None:
        raise KeyError(f"subgraph {key} exists already")
    index = len(records) if operation.index is None else operation.index
    records.insert(index, operation.definition.raw)
    workflow.subgraphs[key] = operation.definition
    place = {id(raw): position for position, raw in enumerate(records)}
    ordered = sorted(
        workflow.subgraphs.items(), key=lambda item: place.get(id(item[1].raw), len(place))
    )
    workflow.subgraphs.clear()
    workflow.subgraphs.update(ordered)
    return RemoveGraph(key)


def _remove_graph(workflow: Workflow, operation: RemoveGraph) -> InsertGraph:
    graph = workflow.subgraphs[operation.key]
    records = _definition_list(workflow) or []
    index = _index_of(records, Record(graph.id, graph.raw))
    del records[index]
    del workflow.subgraphs[operation.key]
    return InsertGraph(graph, index)


def _index_of(records: list[Any], record: Record) -> int:
    raw = record.raw
    for index in range(len(records) - 1, -1, -1):
        if records[index] is raw:
            return index
    raise KeyError(record.key)


def _restore_order(workflow: Workflow, disordered: set[tuple[str, RecordKind]]) -> None:
    """Bring tables into the order of their lists, once for a whole patch."""
    for graph_id, kind in disordered:
        graph = workflow.graph(graph_id)
        table = graph.records(kind)
        place = {id(raw): index for index, raw in enumerate(graph.stored_list(kind) or [])}
        ordered = sorted(table.items(), key=lambda item: place.get(id(item[1].raw), -1))
        table.clear()
        table.update(ordered)
