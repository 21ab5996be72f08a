"""Legacy group nodes, shown and run as subgraphs that exist in memory only (workflow-format 5)."""

from __future__ import annotations

from typing import Any, Final

from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.model import (
    Graph,
    Link,
    Node,
    Raw,
    Workflow,
    as_list,
    as_mapping,
    read_slot,
)

_PREFIXES: Final = ("workflow>", "workflow/")


def is_group_type(kind: str) -> bool:
    """Tell whether a node type names a legacy group node."""
    return kind.startswith(_PREFIXES)


def make_group_graph(workflow: Workflow, kind: str) -> Graph | None:
    """Return the subgraph definition that a group node stands for, or None if it has none."""
    name = kind[len(_PREFIXES[0]) :]
    definition = as_mapping(as_mapping(workflow.root.extra.get("groupNodes")).get(name))
    stored = [node for node in as_list(definition.get("nodes")) if isinstance(node, dict)]
    if not stored:
        return None
    # Ids inside count from 0, as older releases of the web editor named these nodes.
    nodes = [_inner_node(raw, index) for index, raw in enumerate(stored)]
    graph = Graph(kind, {"name": name})
    for raw in nodes:
        key = str(raw["id"])
        graph.nodes[key] = Node(key, raw)
    _add_links(graph, nodes, as_list(definition.get("links")))
    _add_ports(graph, nodes, definition)
    return graph


def stored_widgets(bound: BoundGraph) -> list[tuple[str, str]]:
    """Return ``(node key, widget name)`` for each value an instance stores, in order."""
    return [
        (node.key, widget.name)
        for node in bound.nodes.values()
        if not node.boundary
        for widget in node.widgets
        if widget.slot is not None
    ]


def _inner_node(raw: Raw, number: int) -> Raw:
    inputs = [
        {**slot, "link": None} for slot in as_list(raw.get("inputs")) if isinstance(slot, dict)
    ]
    return {**raw, "id": number, "inputs": inputs}


def _add_links(graph: Graph, nodes: list[Raw], stored: list[Any]) -> None:
    for entry in stored:
        if not isinstance(entry, list) or len(entry) < 4:
            continue
        source, target = read_slot(entry[0]), read_slot(entry[2])
        if not (0 <= source < len(nodes) and 0 <= target < len(nodes)):
            continue
        kind = entry[5] if len(entry) > 5 else "*"
        _link(graph, nodes[source]["id"], entry[1], nodes[target], read_slot(entry[3]), kind)


def _link(
    graph: Graph, origin: int, origin_slot: Any, target: Raw | int, target_slot: int, kind: Any
) -> None:
    number = len(graph.links) + 1
    target_id = target if isinstance(target, int) else target["id"]
    raw = [number, origin, origin_slot, target_id, target_slot, kind]
    graph.links[str(number)] = Link(str(number), raw)
    if isinstance(target, dict) and 0 <= target_slot < len(target["inputs"]):
        target["inputs"][target_slot]["link"] = number


def _add_ports(graph: Graph, nodes: list[Raw], definition: Any) -> None:
    """Give the graph the inputs and outputs that its instances show."""
    config = as_mapping(definition.get("config"))
    external = {
        (read_slot(entry[0]), read_slot(entry[1]))
        for entry in as_list(definition.get("external"))
        if isinstance(entry, list) and len(entry) >= 2
    }
    consumed = {(link.origin, link.origin_slot) for link in graph.links.values()}
    inputs: list[Raw] = []
    outputs: list[Raw] = []
    for index, node in enumerate(nodes):
        own = as_mapping(config.get(str(index)))
        title = str(node.get("title") or node.get("type") or "")
        for place, slot in enumerate(node["inputs"]):
            if slot["link"] is not None:
                continue
            chosen = as_mapping(as_mapping(own.get("input")).get(str(slot.get("name"))))
            if chosen.get("visible") is False:
                continue
            name = _port_name(chosen, slot, title, inputs)
            _link(graph, -10, len(inputs), node, place, slot.get("type"))
            inputs.append({"name": name, "type": slot.get("type")})
        for place, slot in enumerate(as_list(node.get("outputs"))):
            chosen = as_mapping(as_mapping(own.get("output")).get(str(place)))
            is_inside = (str(node["id"]), place) in consumed and (index, place) not in external
            if not isinstance(slot, dict) or chosen.get("visible", not is_inside) is False:
                continue
            name = _port_name(chosen, slot, title, outputs)
            _link(graph, node["id"], place, -20, len(outputs), slot.get("type"))
            outputs.append({"name": name, "type": slot.get("type")})
    graph.raw["inputs"], graph.raw["outputs"] = inputs, outputs


def _port_name(chosen: Any, slot: Raw, title: str, ports: list[Raw]) -> str:
    """Return a port's name; a repeated one gets the inner node's title in front."""
    name = str(chosen.get("name") or slot.get("label") or slot.get("name") or "")
    taken = {str(port["name"]) for port in ports}
    if name in taken:
        name = f"{title} {name}"
    number, base = 1, name
    while name in taken:
        number += 1
        name = f"{base} {number}"
    return name
