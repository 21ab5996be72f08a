"""Edits as data: a patch is a list of small operations, and applying one gives its inverse.

Everything that an artist can undo is a patch. Operations replace whole values and put records
and keys back where they were, so a patch followed by its inverse leaves a file that is equal in
content *and* in key order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from app.engine.workflow.model import (
    RECORD_CLASSES,
    Graph,
    Raw,
    Record,
    RecordKind,
    Workflow,
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


Operation = SetKey | InsertRecord | RemoveRecord | MoveRecord
Patch = tuple[Operation, ...]


def apply_patch(workflow: Workflow, patch: Iterable[Operation]) -> Patch:
    """Apply ``patch`` and return the patch that takes it back.

    Raises:
        KeyError: A record or graph named by the patch does not exist. Operations before it
            have been taken back, so the workflow is as it was.
    """
    inverse: list[Operation] = []
    try:
        for operation in patch:
            inverse.append(_apply(workflow, operation))
    except BaseException:
        for operation in reversed(inverse):
            _apply(workflow, operation)
        raise
    inverse.reverse()
    return tuple(inverse)


def record_list(graph: Graph, kind: RecordKind) -> list[Any]:
    """Return the list in the file that holds one kind of record, made if it is missing.

    Reroutes of schema 0.4 live in ``extra.reroutes``.
    """
    holder = graph.raw
    if kind is RecordKind.REROUTE and not graph.has_object_links:
        extra = holder.get("extra")
        if not isinstance(extra, dict):
            extra = {}
            holder["extra"] = extra
        holder = extra
    records = holder.get(kind.value)
    if not isinstance(records, list):
        records = []
        holder[kind.value] = records
    return records


def _apply(workflow: Workflow, operation: Operation) -> Operation:
    graph = workflow.graph(operation.graph)
    if isinstance(operation, SetKey):
        return _set_key(graph, operation)
    if isinstance(operation, InsertRecord):
        return _insert(graph, operation)
    if isinstance(operation, RemoveRecord):
        return _remove(graph, operation)
    return _move(graph, operation)


def _set_key(graph: Graph, operation: SetKey) -> SetKey:
    raw: Raw
    raw = graph.raw if operation.kind is None else graph.records(operation.kind)[operation.key].raw
    name = operation.name
    old = raw.get(name, ABSENT)
    position: int | None = None
    if operation.value is ABSENT:
        if old is not ABSENT:
            position = list(raw).index(name)
            del raw[name]
    elif old is ABSENT and operation.position is not None:
        tail = list(raw.items())[operation.position :]
        for key, _ in tail:
            del raw[key]
        raw[name] = operation.value
        raw.update(tail)
    else:
        raw[name] = operation.value
    return SetKey(operation.graph, operation.kind, operation.key, name, old, position)


def _insert(graph: Graph, operation: InsertRecord) -> RemoveRecord:
    table = graph.records(operation.kind)
    if operation.key in table:
        raise KeyError(f"{operation.kind.value} {operation.key} exists already")
    records = record_list(graph, operation.kind)
    index = len(records) if operation.index is None else operation.index
    at_end = index >= len(records)
    records.insert(index, operation.raw)
    table[operation.key] = RECORD_CLASSES[operation.kind](operation.key, operation.raw)
    if not at_end:
        _restore_order(table, records)
    return RemoveRecord(operation.graph, operation.kind, operation.key)


def _remove(graph: Graph, operation: RemoveRecord) -> InsertRecord:
    record = graph.records(operation.kind).pop(operation.key)
    records = record_list(graph, operation.kind)
    index = _index_of(records, record)
    del records[index]
    return InsertRecord(operation.graph, operation.kind, operation.key, record.raw, index)


def _move(graph: Graph, operation: MoveRecord) -> MoveRecord:
    table = graph.records(operation.kind)
    record = table[operation.key]
    records = record_list(graph, operation.kind)
    old = _index_of(records, record)
    del records[old]
    records.insert(operation.index, record.raw)
    _restore_order(table, records)
    return MoveRecord(operation.graph, operation.kind, operation.key, old)


def _index_of(records: list[Any], record: Record) -> int:
    raw = record.raw
    for index in range(len(records) - 1, -1, -1):
        if records[index] is raw:
            return index
    raise KeyError(record.key)


def _restore_order(table: dict[str, Any], records: list[Any]) -> None:
    place = {id(raw): index for index, raw in enumerate(records)}
    ordered = sorted(table.items(), key=lambda item: place[id(item[1].raw)])
    table.clear()
    table.update(ordered)
