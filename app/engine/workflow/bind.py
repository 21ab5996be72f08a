"""Joins a graph with node definitions, and keeps the result up to date edit by edit.

Binding is linear in the size of the graph and never recurses. :func:`update_binding` looks at
the patch and touches only the nodes and links that it names, and their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundGraph, BoundNode
from app.engine.workflow.bulk import collector_paused
from app.engine.workflow.flow_types import follow_types, is_follower
from app.engine.workflow.hosts import (
    INPUT_BOX,
    OUTPUT_BOX,
    bind_host,
    boundary_nodes,
)
from app.engine.workflow.library import Library
from app.engine.workflow.link_binding import LinkTable
from app.engine.workflow.model import (
    ROOT,
    Graph,
    Node,
    RecordKind,
    Workflow,
)
from app.engine.workflow.node_binding import PRIMITIVE
from app.engine.workflow.patch import (
    InsertGraph,
    InsertRecord,
    MoveRecord,
    Operation,
    RemoveGraph,
    RemoveRecord,
    SetKey,
)
from app.engine.workflow.primitives import bind_primitive

_PLAIN_NODE_KEYS: Final = frozenset(
    {"size", "flags", "order", "mode", "color", "bgcolor", "boxcolor", "shape", "locked"}
)
"""Keys whose change needs no new binding: the record reads them from the file."""

_LINK_KEYS_OF_EXTRA: Final = ("linkExtensions", "reroutes")
_RESETTING_GRAPH_KEYS: Final = frozenset({"definitions", "inputs", "outputs", "nodes", "links"})
_BOX_KEYS: Final = {"inputNode": INPUT_BOX, "outputNode": OUTPUT_BOX}


@dataclass(slots=True)
class BindingChange:
    """What an edit changed on the shown graph.

    Attributes:
        nodes_added, nodes_removed: Keys of nodes.
        nodes_changed: Keys of nodes of which anything but the position changed.
        nodes_restyled: Those of the changed nodes of which only mode, flags, colours or the stored
            size changed: their slots and widgets are as they were.
        nodes_moved: Keys of nodes of which only the position changed.
        links_added: Keys of links that are new or run differently now.
        links_removed: Keys of links that are gone.
        groups, reroutes: Keys that were added, removed or changed; all reroutes when a link with a
            loose end was.
        is_reordered: The drawing order of nodes changed.
        is_reset: Everything may have changed; the binding was left alone: bind anew.
    """

    nodes_added: list[str] = field(default_factory=list)
    nodes_removed: list[str] = field(default_factory=list)
    nodes_changed: list[str] = field(default_factory=list)
    nodes_restyled: frozenset[str] = frozenset()
    nodes_moved: list[str] = field(default_factory=list)
    links_added: list[str] = field(default_factory=list)
    links_removed: list[str] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    reroutes: list[str] = field(default_factory=list)
    is_reordered: bool = False
    is_reset: bool = False


@dataclass(slots=True)
class _State:
    """What :func:`update_binding` needs to know between calls."""

    library: Library
    links: LinkTable
    followers: set[str]


def bind_graph(
    workflow: Workflow, graph: Graph, definitions: Mapping[str, NodeDefinition]
) -> BoundGraph:
    """Bind one graph of a workflow, with the definitions of all subgraphs it uses."""
    library = Library(workflow, definitions)
    with collector_paused():
        for inner in library.missing_for([graph]):
            library.add(inner, None if library.is_recursive(inner.id) else _bind(inner, library))
        return _bind(graph, library)


def bind_document(
    workflow: Workflow, definitions: Mapping[str, NodeDefinition]
) -> tuple[BoundGraph, dict[str, BoundGraph]]:
    """Bind the root graph; return it and the bound interior of each host type it uses."""
    root = bind_graph(workflow, workflow.root, definitions)
    library: Library = root.state.library
    return root, library.bound


def bind_single(bound: BoundGraph, node: Node) -> BoundNode:
    """Bind one node that is not part of the graph yet, without links."""
    state: _State = bound.state
    return _bind_node(node, state.library)


def update_binding(
    workflow: Workflow,
    bound: BoundGraph,
    definitions: Mapping[str, NodeDefinition],
    patch: Iterable[Operation],
) -> BindingChange:
    """Bring ``bound`` up to date with a patch that has just been applied to ``workflow``.

    Returns:
        What changed. With ``is_reset`` the caller binds the graph anew, or another one when the
        graph has gone from the document.
    """
    state: _State = bound.state
    if state.library.definitions is not definitions or state.library.workflow is not workflow:
        return BindingChange(is_reset=True)
    if state.library.is_stale:
        return BindingChange(is_reset=True)
    if bound.graph_id != ROOT and bound.graph_id not in workflow.subgraphs:
        return BindingChange(is_reset=True)  # the shown definition is gone
    update = _Update(workflow, bound, state)
    for operation in patch:
        update.note(operation)
        if update.change.is_reset:
            return update.change
    update.finish()
    return update.change


def _bind(graph: Graph, library: Library) -> BoundGraph:
    nodes: dict[str, BoundNode] = {}
    if graph.id != ROOT:
        for box in boundary_nodes(graph):
            nodes[box.key] = box
    followers: set[str] = set()
    for key, node in graph.nodes.items():
        made = _bind_node(node, library)
        nodes[key] = made
        if is_follower(made):
            followers.add(key)
    bound = BoundGraph(graph.id, nodes, {})
    table = LinkTable(graph, bound)
    table.attach_all()
    bound.state = _State(library, table, followers)
    for key in [key for key in followers if nodes[key].node.type == PRIMITIVE]:
        bind_primitive(bound, nodes[key])
    follow_types(bound, followers)
    return bound


def _bind_node(node: Node, library: Library) -> BoundNode:
    interface = library.interfaces.get(node.type)
    return library.binder.bind(node) if interface is None else bind_host(node, interface)


class _Update:
    """Collects what a patch touches, then binds that much anew."""

    def __init__(self, workflow: Workflow, bound: BoundGraph, state: _State) -> None:
        self.change = BindingChange()
        self._bound = bound
        self._graph = workflow.graph(bound.graph_id)
        self._state = state
        self._changed: dict[str, None] = {}
        self._restyled: set[str] = set()
        self._moved: dict[str, None] = {}
        self._rebound: dict[str, None] = {}
        self._came: dict[str, None] = {}
        self._went: dict[str, None] = {}
        self._links: dict[str, None] = {}
        self._groups: dict[str, None] = {}
        self._reroutes: dict[str, None] = {}
        self._paths_changed = False
        self._loose_changed = False

    def note(self, operation: Operation) -> None:
        """Take note of one operation."""
        if isinstance(operation, (InsertGraph, RemoveGraph)):
            self.change.is_reset = True
            return
        if operation.graph != self._bound.graph_id:
            if operation.graph in self._state.library.interfaces or (
                isinstance(operation, SetKey)
                and operation.kind is None
                and operation.name == "definitions"
            ):
                self.change.is_reset = True
            return
        kind = operation.kind
        if kind is None:
            # A definition that holds itself shows its own name and slots on the host inside.
            self.change.is_reset |= self._bound.graph_id in self._state.library.interfaces
            self._note_graph_key(operation)
        elif kind is RecordKind.NODE:
            self._note_node(operation)
        elif kind is RecordKind.LINK:
            self._links[operation.key] = None
        elif kind is RecordKind.GROUP:
            self._groups[operation.key] = None
        elif kind is RecordKind.REROUTE:
            self._reroutes[operation.key] = None
            self._paths_changed = True
        elif kind is RecordKind.FLOATING_LINK:
            self._loose_changed = True

    def finish(self) -> None:
        """Bind anew what was noted and fill in :attr:`change`."""
        bound, state, change = self._bound, self._state, self.change
        nodes = bound.nodes
        for key in (*self._came, *self._rebound):
            node = self._graph.nodes.get(key)
            if (
                node is not None
                and node.type not in state.library.interfaces
                and state.library.is_host_type(node.type)
            ):
                change.is_reset = True
                return
        for key in self._went:
            if nodes.pop(key, None) is not None:
                change.nodes_removed.append(key)
                state.followers.discard(key)
        for key in (*self._came, *self._rebound):
            node = self._graph.nodes.get(key)
            if node is None:
                continue
            made = _bind_node(node, state.library)
            if key in nodes:
                _take_over(nodes[key], made)
                self._changed[key] = None
            else:
                nodes[key] = made
                change.nodes_added.append(key)
            (state.followers.add if is_follower(made) else state.followers.discard)(key)
        if change.is_reordered:
            self._reorder()
        self._update_links()
        change.nodes_restyled = frozenset(self._restyled - self._changed.keys())
        self._changed.update(dict.fromkeys(self._restyled))
        added = set(change.nodes_added)
        change.nodes_changed = [key for key in self._changed if key in nodes and key not in added]
        change.nodes_moved = [
            key
            for key in self._moved
            if key in nodes and key not in added and key not in self._changed
        ]
        change.groups = list(self._groups)
        if self._loose_changed:
            self._reroutes.update(dict.fromkeys(self._graph.reroutes))
        change.reroutes = list(self._reroutes)

    def _note_graph_key(self, operation: Operation) -> None:
        if not isinstance(operation, SetKey):
            return
        name = operation.name
        if name in _RESETTING_GRAPH_KEYS:
            self.change.is_reset = True
        elif name == "extra":
            self._paths_changed = True
        elif name in _BOX_KEYS:
            self._move_box(_BOX_KEYS[name])

    def _note_node(self, operation: SetKey | InsertRecord | RemoveRecord | MoveRecord) -> None:
        key = operation.key
        if isinstance(operation, InsertRecord):
            self._came[key] = None
            # Whether it came last is seen from the order of the record table.
            self.change.is_reordered |= operation.index is not None
            if key in self._bound.nodes:
                self._went[key] = None
        elif isinstance(operation, RemoveRecord):
            if key in self._came:
                del self._came[key]
            if key in self._bound.nodes:
                self._went[key] = None
        elif isinstance(operation, MoveRecord):
            self.change.is_reordered = True
        elif operation.name == "pos":
            self._moved[key] = None
        elif operation.name in _PLAIN_NODE_KEYS:
            self._restyled.add(key)
        else:
            self._rebound[key] = None

    def _followers_before(self, keys: Iterable[str]) -> list[str]:
        """Return followers that feed nodes, as they take type and widgets from them."""
        nodes, links = self._bound.nodes, self._bound.links
        origins = (
            links[item.link].origin
            for key in keys
            for item in nodes[key].inputs
            if item.link is not None
        )
        return [key for key in origins if key in self._state.followers]

    def _move_box(self, key: str) -> None:
        for box in boundary_nodes(self._graph):
            if box.key == key and key in self._bound.nodes:
                self._bound.nodes[key].node = box.node
                self._changed[key] = None

    def _reorder(self) -> None:
        nodes = self._bound.nodes
        boxes: tuple[str, ...] = (INPUT_BOX, OUTPUT_BOX)
        ordered = {key: nodes[key] for key in boxes if key in nodes}
        ordered.update((key, nodes[key]) for key in self._graph.nodes if key in nodes)
        nodes.clear()
        nodes.update(ordered)

    def _update_links(self) -> None:
        bound, state, change = self._bound, self._state, self.change
        touched = (*self._came, *self._rebound, *self._went)
        if touched or self._links or self._paths_changed:
            result = state.links.update(touched, self._links, paths=self._paths_changed)
            change.links_added, change.links_removed = result.added, result.removed
            for key in result.nodes:
                self._changed[key] = None
            near = {*result.nodes, *self._rebound, *self._came}
            near = {key for key in near if key in bound.nodes}
            near.update(self._followers_before(near))
            driven: list[str] = []
            for key in near & state.followers:
                if bound.nodes[key].node.type == PRIMITIVE:
                    driven.extend(bind_primitive(bound, bound.nodes[key]))
            retyped, recoloured = follow_types(bound, state.followers, near)
            recoloured.update(driven)
            for key in retyped:
                self._changed[key] = None
            known = set(change.links_added)
            change.links_added.extend(key for key in recoloured if key not in known)
        if self._reroutes:
            known = set(change.links_added)
            change.links_added.extend(
                key
                for key, link in bound.links.items()
                if key not in known and any(item in self._reroutes for item in link.reroutes)
            )


def _take_over(old: BoundNode, new: BoundNode) -> None:
    """Give a bound node, which views may hold, the content of a newer one."""
    old.node = new.node
    old.definition = new.definition
    old.title = new.title
    old.inputs = new.inputs
    old.outputs = new.outputs
    old.widgets = new.widgets
    old.is_virtual = new.is_virtual
    old.is_missing = new.is_missing
    old.subgraph = new.subgraph
    old.problem = new.problem
