"""Fresh ids that no other record has and that every program can hold."""

from __future__ import annotations

from typing import Any, Final

from app.engine.workflow.model import (
    Graph,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
    id_value,
)

MAX_ID: Final = 2**53 - 2
"""Ids above this are no exact numbers in a browser; they are kept but never counted on."""

_COUNTERS: Final = {
    RecordKind.NODE: ("last_node_id", "lastNodeId"),
    RecordKind.LINK: ("last_link_id", "lastLinkId"),
    RecordKind.FLOATING_LINK: ("last_link_id", "lastLinkId"),
    RecordKind.GROUP: ("", "lastGroupId"),
    RecordKind.REROUTE: ("", "lastRerouteId"),
}


class Numbering:
    """Counts ids while a file is read, for records that came without a usable one."""

    def __init__(self) -> None:
        self._highest: dict[RecordKind, int] = {}

    def see(self, raw: Raw) -> None:
        """Take note of the ids and counters of one graph."""
        state = as_mapping(raw.get("state"))
        for kind in (RecordKind.NODE, RecordKind.LINK):
            flat, nested = _COUNTERS[kind]
            ids = [raw.get(flat), state.get(nested)]
            for item in as_list(raw.get(kind.value)):
                if isinstance(item, dict):
                    ids.append(item.get("id"))
                elif isinstance(item, list) and item:
                    ids.append(item[0])
            self._highest[kind] = max(
                self._highest.get(kind, 0), max(map(usable_number, ids), default=0)
            )

    def next_for(self, kind: RecordKind) -> int:
        """Return a number above all seen ones."""
        number = self._highest.get(kind, MAX_ID // 2) + 1
        self._highest[kind] = number
        return number


def usable_number(value: Any) -> int:
    """Return ``value`` as an id to count on from, or 0 when it is none."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, str):
        value = id_value(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and 0 < value <= MAX_ID else 0


def next_id(workflow: Workflow, graph: Graph, kind: RecordKind) -> int:
    """Return an id that is free for a new record of ``graph``.

    Node ids are free in the whole document, because the web editor requires it.
    """
    graphs = list(workflow.graphs()) if kind is RecordKind.NODE else [graph]
    flat, nested = _COUNTERS[kind]
    highest = 0
    taken: set[str] = set()
    for each in graphs:
        ids = _ids(each, kind)
        counters = (each.raw.get(flat), as_mapping(each.raw.get("state")).get(nested))
        highest = max(highest, max(map(usable_number, (*counters, *ids)), default=0))
        taken.update(map(str, ids))
    if highest < MAX_ID:
        return highest + 1
    return next(number for number in range(1, MAX_ID) if str(number) not in taken)


def _ids(graph: Graph, kind: RecordKind) -> list[Any]:
    if kind is RecordKind.GROUP:
        return [group.get("id") for group in graph.groups.values()]
    if kind in (RecordKind.LINK, RecordKind.FLOATING_LINK):
        return [*graph.links, *graph.floating_links]
    return list(graph.records(kind))


def counter_place(graph: Graph, kind: RecordKind) -> tuple[str, str | None]:
    """Return where a graph counts ids: a key, and the key inside it for schema 1."""
    flat, nested = _COUNTERS[kind]
    if graph.has_object_links or not flat:
        return "state", nested
    return flat, None
