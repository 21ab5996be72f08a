"""Questions about subgraphs: where a level lies, who hosts it, what holds what, free names.

Nothing here changes a document; :mod:`app.engine.workflow.edits.subgraphs` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.workflow.binding import BoundGraph, BoundNode, WidgetRole
from app.engine.workflow.group_nodes import is_group_type
from app.engine.workflow.model import ROOT, Graph, Node, Workflow, as_list, as_mapping, id_text


@dataclass(frozen=True, slots=True)
class Level:
    """One step of a breadcrumb.

    Attributes:
        graph_id: The graph that is shown at this level; empty for the root.
        host_key: The node that was entered to come here, a node of the level before; empty for
            the root.
        title: Words to show: the host's own title, else the subgraph's name; empty for the root,
            which goes by the name of the document.
    """

    graph_id: str
    host_key: str
    title: str


@dataclass(frozen=True, slots=True)
class PromotableWidget:
    """One widget inside a subgraph, as the list of promoted widgets shows it.

    Attributes:
        node_key: The interior node.
        node_title: Its title.
        widget: Name of the widget.
        label: Words to show for it.
        input_index: The subgraph input that shows it on hosts, or None while it is hidden.
        reason: Why it cannot be shown on hosts, or empty.
    """

    node_key: str
    node_title: str
    widget: str
    label: str
    input_index: int | None
    reason: str


def breadcrumb(workflow: Workflow, hosts: Sequence[str]) -> tuple[Level, ...]:
    """Return the levels that lead through ``hosts``, which are node keys from the root down.

    The walk ends at the first host that is not there any more, so a path that an undo has cut
    short gives the levels that are left. The first level is always the root.
    """
    levels = [Level(ROOT, "", "")]
    graph = workflow.root
    for key in hosts:
        node = graph.nodes.get(key)
        inner = None if node is None else workflow.subgraphs.get(node.type)
        if node is None or inner is None:
            break
        levels.append(Level(inner.id, key, node.title or subgraph_name(inner)))
        graph = inner
    return tuple(levels)


def host_path(workflow: Workflow, graph_id: str) -> tuple[str, ...] | None:
    """Return host keys from the root down to a definition, the shortest way, or None."""
    paths: dict[str, tuple[str, ...]] = {ROOT: ()}
    waiting = [ROOT]
    for current in waiting:  # grows while it is walked
        if current == graph_id:
            return paths[current]
        for key, node in workflow.graph(current).nodes.items():
            if node.type in workflow.subgraphs and node.type not in paths:
                paths[node.type] = (*paths[current], key)
                waiting.append(node.type)
    return None


def subgraph_name(graph: Graph) -> str:
    """Return the name of a definition as hosts show it."""
    return str(graph.raw.get("name") or "Subgraph")


def hosts_of(workflow: Workflow, subgraph: str) -> Iterator[tuple[Graph, Node]]:
    """Yield every host of a definition with the graph that it lies in."""
    for graph in workflow.graphs():
        for node in graph.nodes.values():
            if node.type == subgraph:
                yield graph, node


def holds(workflow: Workflow, outer: str, inner: str) -> bool:
    """Tell whether a definition is ``inner`` or has a host of it at any depth."""
    seen = {outer}
    waiting = [outer]
    while waiting:
        current = waiting.pop()
        if current == inner:
            return True
        graph = workflow.subgraphs.get(current)
        if graph is None:
            continue
        for node in graph.nodes.values():
            if node.type not in seen:
                seen.add(node.type)
                waiting.append(node.type)
    return False


def recursion_reason(workflow: Workflow, graph_id: str, subgraph: str) -> str:
    """Return why a host of ``subgraph`` cannot be put into a graph, or an empty text."""
    if graph_id == ROOT or not holds(workflow, subgraph, graph_id):
        return ""
    name = _quoted(workflow, subgraph)
    if subgraph == graph_id:
        return f"{name} cannot be placed inside itself."
    return f"{name} contains {_quoted(workflow, graph_id)}, so it cannot be placed inside it."


def inner_first(workflow: Workflow) -> list[str]:
    """Return the ids of all definitions, each after those that it holds hosts of.

    Definitions that contain themselves come last.
    """
    uses = {
        key: {node.type for node in graph.nodes.values()} & workflow.subgraphs.keys()
        for key, graph in workflow.subgraphs.items()
    }
    used_by: dict[str, list[str]] = {key: [] for key in uses}
    for key, inner in uses.items():
        for each in inner:
            used_by[each].append(key)
    open_uses = {key: len(inner) for key, inner in uses.items()}
    ordered = [key for key, count in open_uses.items() if count == 0]
    for key in ordered:  # grows while it is walked
        for user in used_by[key]:
            open_uses[user] -= 1
            if open_uses[user] == 0:
                ordered.append(user)
    done = set(ordered)
    return [*ordered, *(key for key in uses if key not in done)]


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """Return ``wanted``, or with ``_1``, ``_2`` ... behind it when that is taken."""
    names = set(taken)
    name, number = wanted, 0
    while name in names:
        number += 1
        name = f"{wanted}_{number}"
    return name


def free_title(workflow: Workflow, wanted: str) -> str:
    """Return a name that no definition has: ``wanted``, or with `` 2``, `` 3`` ... behind it."""
    taken = {subgraph_name(graph) for graph in workflow.subgraphs.values()}
    title, number = wanted, 1
    while title in taken:
        number += 1
        title = f"{wanted} {number}"
    return title


def slot_names(graph: Graph, side: str) -> list[str]:
    """Return the names of a definition's ``"inputs"`` or ``"outputs"``, in slot order."""
    return [str(as_mapping(slot).get("name") or "") for slot in as_list(graph.raw.get(side))]


def slot_ids(graph: Graph, side: str) -> list[str]:
    """Return what tells a definition's slots apart over edits: their ids, else their names."""
    slots = [as_mapping(slot) for slot in as_list(graph.raw.get(side))]
    given = [slot.get("id") for slot in slots]
    return [
        f"id {id_text(own)}"
        if own is not None and given.count(own) == 1
        else f"name {slot.get('name')}"
        for slot, own in zip(slots, given, strict=True)
    ]


def promotable_widgets(bound: BoundGraph) -> list[PromotableWidget]:
    """Return all widgets inside a subgraph: those that hosts show first, in slot order.

    Args:
        bound: The bound definition.
    """
    shown: list[PromotableWidget] = []
    hidden: list[PromotableWidget] = []
    for node in bound.nodes.values():
        if node.boundary:
            continue
        for widget in node.widgets:
            if widget.role in (WidgetRole.UNKNOWN, WidgetRole.TEXT):
                continue
            index = promoting_input(bound, node, widget.name)
            reason = "" if index is not None else promotion_reason(bound, node, widget.name)
            row = PromotableWidget(node.key, node.title, widget.name, widget.label, index, reason)
            (hidden if index is None else shown).append(row)
    shown.sort(key=lambda row: row.input_index or 0)
    return [*shown, *hidden]


def promoting_input(bound: BoundGraph, node: BoundNode, widget: str) -> int | None:
    """Return the subgraph input that feeds a widget's socket, or None."""
    place = _socket_of(node, widget)
    link = None if place is None else node.inputs[place].link
    if link is None:
        return None
    ends = bound.links[link]
    return ends.origin_slot if bound.nodes[ends.origin].boundary else None


def promotion_reason(bound: BoundGraph, node: BoundNode, widget: str) -> str:
    """Return why a widget cannot be shown on hosts, or an empty text."""
    place = _socket_of(node, widget)
    if place is None:
        return "It has no input socket, so nothing outside can set it."
    link = node.inputs[place].link
    if link is not None and not bound.nodes[bound.links[link].origin].boundary:
        return "A link inside the subgraph sets it already."
    return ""


def is_host(workflow: Workflow, node: Node) -> bool:
    """Tell whether a node stands for a subgraph or a legacy group node."""
    return node.type in workflow.subgraphs or is_group_type(node.type)


def renderer_mark(root: Graph) -> Any:
    """Return the ``workflowRendererVersion`` for a new definition, whose sizes are graph units.

    Without a mark of its own a definition takes the root's, which may say that positions are
    scaled (workflow-format 1.2).
    """
    mark = root.extra.get("workflowRendererVersion")
    return "Vue-corrected" if mark == "Vue" else mark


def _socket_of(node: BoundNode, widget: str) -> int | None:
    return next((i for i, item in enumerate(node.inputs) if item.widget == widget), None)


def _quoted(workflow: Workflow, subgraph: str) -> str:
    graph = workflow.subgraphs.get(subgraph)
    return f'"{subgraph if graph is None else subgraph_name(graph)}"'
