"""What differs between two workflows, as data: for the command line, and to mark on the canvas.

Nodes are matched by id and type, links by what they join, groups by title, subgraphs by id. What
only tells of the view or of bookkeeping (zoom, order of execution, highest ids, link numbers) is
left out, so two files that show and run the same are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph, BoundNode, WidgetRole
from app.engine.workflow.edits.values import plain
from app.engine.workflow.model import ROOT, Graph, Mode, Raw, Reroute, Workflow, as_mapping

_NEAR: Final = 1e-3
"""Places closer than this are one place; scaled files come back with such errors."""

_NODE_BOOKKEEPING: Final = frozenset(
    {
        "id", "type", "pos", "size", "order", "mode", "title", "flags", "properties", "inputs",
        "outputs", "widgets_values", "widgets_values_named", "extensions",
    }
)  # fmt: skip
"""Keys of a node that are compared in a way of their own, or not at all."""

_FILE_BOOKKEEPING: Final = frozenset(
    {
        "nodes", "links", "floatingLinks", "groups", "reroutes", "definitions", "extra", "state",
        "last_node_id", "last_link_id", "revision", "id", "extensions", "version", "config",
        "inputs", "outputs", "inputNode", "outputNode", "widgets",
    }
)  # fmt: skip
_EXTRA_BOOKKEEPING: Final = frozenset(
    {"ds", "frontendVersion", "reroutes", "linkExtensions", "workflowRendererVersion"}
)
_MODE_WORDS: Final = {
    Mode.ALWAYS: "active",
    Mode.ON_EVENT: "active",
    Mode.ON_TRIGGER: "active",
    Mode.MUTED: "muted",
    Mode.BYPASSED: "bypassed",
}


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One value that differs; None stands for "not there".

    Attributes:
        name: What it is, in words: the name of a widget, or ``title``, ``size`` and the like.
        before: The value in the first workflow.
        after: The value in the second one.
    """

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class NodeMention:
    """A node by key, type and title."""

    key: str
    type: str
    title: str


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node that both workflows have, with what differs; its place is no part of it."""

    node: NodeMention
    changes: tuple[ValueChange, ...]


@dataclass(frozen=True, slots=True)
class NodeMove:
    """A node that stands elsewhere."""

    node: NodeMention
    before: tuple[float, float]
    after: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LinkMention:
    """A link by what it joins; ``key`` is its key in the workflow that has it."""

    key: str
    origin: NodeMention
    output: str
    target: NodeMention
    input: str


@dataclass(frozen=True, slots=True)
class GraphDiff:
    """What differs in one graph that both workflows have.

    Attributes:
        graph_id: Id of the graph; empty for the root.
        name: Name of the subgraph; empty for the root.
        nodes_added, nodes_removed: Nodes of only the second, or only the first workflow.
        nodes_changed: Nodes with other values.
        nodes_moved: Nodes at other places; one may be among the changed ones too.
        links_added, links_removed: Links of only the second, or only the first workflow.
        groups_added, groups_removed: Titles of groups.
        groups_changed: Groups with another frame or colour, named by title.
        reroutes_changed: Keys of reroutes that came, went or moved.
        settings: Other values of the graph.
    """

    graph_id: str
    name: str
    nodes_added: tuple[NodeMention, ...] = ()
    nodes_removed: tuple[NodeMention, ...] = ()
    nodes_changed: tuple[NodeChange, ...] = ()
    nodes_moved: tuple[NodeMove, ...] = ()
    links_added: tuple[LinkMention, ...] = ()
    links_removed: tuple[LinkMention, ...] = ()
    groups_added: tuple[str, ...] = ()
    groups_removed: tuple[str, ...] = ()
    groups_changed: tuple[ValueChange, ...] = ()
    reroutes_changed: tuple[str, ...] = ()
    settings: tuple[ValueChange, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self == GraphDiff(self.graph_id, self.name)


@dataclass(frozen=True, slots=True)
class GraphMention:
    """A subgraph by id and name."""

    graph_id: str
    name: str


@dataclass(frozen=True, slots=True)
class WorkflowDiff:
    """What differs between two workflows.

    Attributes:
        graphs: The graphs that both have and that differ, the root first.
        subgraphs_added, subgraphs_removed: Definitions of only one of them.
    """

    graphs: tuple[GraphDiff, ...] = ()
    subgraphs_added: tuple[GraphMention, ...] = ()
    subgraphs_removed: tuple[GraphMention, ...] = ()

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return self == WorkflowDiff()

    def graph(self, graph_id: str) -> GraphDiff:
        """Return what differs in one graph; an empty difference when nothing does."""
        found = (graph for graph in self.graphs if graph.graph_id == graph_id)
        return next(found, GraphDiff(graph_id, ""))

    def without_places(self) -> WorkflowDiff:
        """Return the difference without moved nodes, sizes and reroutes."""
        graphs = [_without_places(graph) for graph in self.graphs]
        return replace(self, graphs=tuple(graph for graph in graphs if not graph.is_same))


def diff_workflows(
    before: Workflow, after: Workflow, definitions: Mapping[str, NodeDefinition] | None = None
) -> WorkflowDiff:
    """Compare two workflows.

    Args:
        before: The first one; only read.
        after: The second one; only read.
        definitions: Node definitions as far as known; they give values their names.
    """
    known = definitions or {}
    pairs = [(before.root, after.root)]
    pairs += [
        (graph, after.subgraphs[key])
        for key, graph in before.subgraphs.items()
        if key in after.subgraphs
    ]
    found = [_diff_graphs(before, old, after, new, known) for old, new in pairs]
    return WorkflowDiff(
        tuple(graph for graph in found if not graph.is_same),
        tuple(_mention_graph(g) for k, g in after.subgraphs.items() if k not in before.subgraphs),
        tuple(_mention_graph(g) for k, g in before.subgraphs.items() if k not in after.subgraphs),
    )


def _without_places(graph: GraphDiff) -> GraphDiff:
    nodes = [
        NodeChange(change.node, tuple(value for value in change.changes if value.name != "size"))
        for change in graph.nodes_changed
    ]
    groups = (change for change in graph.groups_changed if not change.name.endswith(": bounding"))
    return replace(
        graph,
        nodes_changed=tuple(node for node in nodes if node.changes),
        nodes_moved=(),
        groups_changed=tuple(groups),
        reroutes_changed=(),
    )


def _diff_graphs(
    before: Workflow,
    old_graph: Graph,
    after: Workflow,
    new_graph: Graph,
    definitions: Mapping[str, NodeDefinition],
) -> GraphDiff:
    old = bind_graph(before, old_graph, definitions)
    new = bind_graph(after, new_graph, definitions)
    both = [
        (node, new.nodes[key])
        for key, node in old.nodes.items()
        if key in new.nodes and new.nodes[key].node.type == node.node.type
    ]
    matched = {node.key for node, _ in both}
    changed = []
    moved = []
    for one, other in both:
        if changes := tuple(_node_changes(one, other)):
            changed.append(NodeChange(_mention(other), changes))
        if not _is_near(one.node.pos, other.node.pos) and not one.boundary:
            moved.append(NodeMove(_mention(other), one.node.pos, other.node.pos))
    old_links, new_links = _links(old), _links(new)
    groups_added, groups_removed, groups_changed = _diff_groups(old_graph, new_graph)
    return GraphDiff(
        old_graph.id,
        _name(new_graph),
        tuple(_mention(node) for key, node in new.nodes.items() if key not in matched),
        tuple(_mention(node) for key, node in old.nodes.items() if key not in matched),
        tuple(changed),
        tuple(moved),
        tuple(link for place, link in new_links.items() if place not in old_links),
        tuple(link for place, link in old_links.items() if place not in new_links),
        groups_added,
        groups_removed,
        groups_changed,
        tuple(_changed_reroutes(old_graph, new_graph)),
        tuple(_graph_settings(old_graph, new_graph)),
    )


def _node_changes(old: BoundNode, new: BoundNode) -> Iterator[ValueChange]:
    found_value = False
    for change in _widget_changes(old, new):
        found_value = True
        yield change
    raw, other = old.node.raw, new.node.raw
    values, other_values = raw.get("widgets_values"), other.get("widgets_values")
    is_list = isinstance(values, list) and isinstance(other_values, list)
    if not found_value and is_list and not is_equal(values, other_values) and not old.definition:
        yield ValueChange("stored values", values, other_values)
    if old.boundary:
        return
    if old.title != new.title:
        yield ValueChange("title", old.title, new.title)
    if _mode(old) != _mode(new):
        yield ValueChange("mode", _mode(old), _mode(new))
    size, other_size = old.node.size, new.node.size
    is_near = size is not None and other_size is not None and _is_near(size, other_size)
    if size != other_size and not is_near:
        yield ValueChange("size", _plain_list(size), _plain_list(other_size))
    yield from _key_changes(old.node.flags, new.node.flags, "flag ")
    yield from _key_changes(old.node.properties, new.node.properties, "property ")
    rest = {key: raw[key] for key in raw if key not in _NODE_BOOKKEEPING}
    other_rest = {key: other[key] for key in other if key not in _NODE_BOOKKEEPING}
    yield from _key_changes(rest, other_rest)
    yield from _slot_changes(old, new)


def _widget_changes(old: BoundNode, new: BoundNode) -> Iterator[ValueChange]:
    before = {widget.name: widget for widget in old.widgets if widget.slot is not None}
    after = {widget.name: widget for widget in new.widgets if widget.slot is not None}
    for name in {**before, **after}:
        one, other = before.get(name), after.get(name)
        value = None if one is None else one.value
        other_value = None if other is None else other.value
        if is_equal(value, other_value):
            continue
        shown = other or one
        is_unknown = shown is not None and shown.role is WidgetRole.UNKNOWN
        label = shown.label if shown is not None and is_unknown else name
        yield ValueChange(label, value, other_value)


def _slot_changes(old: BoundNode, new: BoundNode) -> Iterator[ValueChange]:
    for word, one, other in (
        ("input", {s.name: s.label for s in old.inputs}, {s.name: s.label for s in new.inputs}),
        ("output", {s.name: s.label for s in old.outputs}, {s.name: s.label for s in new.outputs}),
    ):
        if list(one) != list(other) and old.definition is None:
            yield ValueChange(f"{word}s", ", ".join(one), ", ".join(other))
        for name in one.keys() & other.keys():
            if one[name] != other[name]:
                yield ValueChange(f"label of {word} {name}", one[name], other[name])


def _key_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[ValueChange]:
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        # A flag that is false and one that is not there mean the same.
        if not is_equal(before, after) and not (before in (None, False) and after in (None, False)):
            yield ValueChange(f"{prefix}{key}", before, after)


def _links(bound: BoundGraph) -> dict[tuple[str, int, str, str], LinkMention]:
    """Return the links by what they join: origin, its output, target, name of its input."""
    found: dict[tuple[str, int, str, str], LinkMention] = {}
    for key, link in bound.links.items():
        origin, target = bound.nodes[link.origin], bound.nodes[link.target]
        name = target.inputs[link.target_input].name
        outputs = origin.outputs
        output = outputs[link.origin_slot].name if link.origin_slot < len(outputs) else ""
        place = (link.origin, link.origin_slot, link.target, name)
        mention = LinkMention(
            key, _mention(origin), output or str(link.origin_slot), _mention(target), name
        )
        found.setdefault(place, mention)
    return found


def _diff_groups(
    old: Graph, new: Graph
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[ValueChange, ...]]:
    """Match groups by title and, of several with one title, by order."""
    before, after = _groups_by_name(old), _groups_by_name(new)
    changed: list[ValueChange] = []
    for name in before.keys() & after.keys():
        one, other = before[name], after[name]
        rest = {k: v for k, v in one.items() if k != "id"}
        other_rest = {k: v for k, v in other.items() if k != "id"}
        changed += [
            ValueChange(f"{name[0]}: {change.name}", change.before, change.after)
            for change in _key_changes(rest, other_rest)
        ]
    return (
        tuple(name[0] for name in after if name not in before),
        tuple(name[0] for name in before if name not in after),
        tuple(sorted(changed, key=lambda change: change.name)),
    )


def _groups_by_name(graph: Graph) -> dict[tuple[str, int], Raw]:
    found: dict[tuple[str, int], Raw] = {}
    counts: dict[str, int] = {}
    for group in graph.groups.values():
        number = counts[group.title] = counts.get(group.title, 0) + 1
        found[group.title, number] = {**group.raw, "bounding": _plain_list(group.bounding)}
    return found


def _changed_reroutes(old: Graph, new: Graph) -> Iterator[str]:
    def place(reroute: Reroute | None) -> Any:
        return None if reroute is None else (reroute.pos, reroute.parent_id)

    for key in {**old.reroutes, **new.reroutes}:
        if place(old.reroutes.get(key)) != place(new.reroutes.get(key)):
            yield key


def _graph_settings(old: Graph, new: Graph) -> Iterator[ValueChange]:
    yield from _key_changes(_rest(old.raw, _FILE_BOOKKEEPING), _rest(new.raw, _FILE_BOOKKEEPING))
    yield from _key_changes(
        _rest(old.extra, _EXTRA_BOOKKEEPING), _rest(new.extra, _EXTRA_BOOKKEEPING), "extra "
    )
    old_config, new_config = as_mapping(old.raw.get("config")), as_mapping(new.raw.get("config"))
    yield from _key_changes(old_config, new_config, "config ")


def _rest(values: Mapping[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in left_out}


def is_equal(one: Any, other: Any) -> bool:
    """Compare JSON values: 8 and 8.0 are one number, but true is no 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_equal, one, other))
    return bool(one == other)


def _plain_list(values: tuple[float, ...] | None) -> list[float] | None:
    return None if values is None else [plain(value) for value in values]


def _is_near(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < _NEAR and abs(one[1] - other[1]) < _NEAR


def _mode(node: BoundNode) -> str:
    return _MODE_WORDS[Mode(node.node.mode)]


def _mention(node: BoundNode) -> NodeMention:
    return NodeMention(node.key, node.node.type, node.title)


def _mention_graph(graph: Graph) -> GraphMention:
    return GraphMention(graph.id, _name(graph))


def _name(graph: Graph) -> str:
    return "" if graph.id == ROOT else str(graph.raw.get("name") or graph.id)
