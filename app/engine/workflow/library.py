"""The subgraph definitions a graph uses, ordered so that inner ones are bound first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.group_nodes import is_group_type, make_group_graph, stored_widgets
from app.engine.workflow.hosts import RECURSIVE, Interface, make_interface
from app.engine.workflow.model import Graph, Workflow
from app.engine.workflow.node_binding import NodeBinder


class Library:
    """Interfaces of subgraph definitions and legacy group nodes, by host type.

    Attributes:
        workflow: The document.
        definitions: Node definitions by type name.
        binder: Binds nodes that are no hosts.
        interfaces: What hosts show, by host type.
        bound: Bound interiors by host type; recursive definitions have none.
    """

    def __init__(self, workflow: Workflow, definitions: Mapping[str, NodeDefinition]) -> None:
        self.workflow = workflow
        self.definitions = definitions
        self.binder = NodeBinder(definitions)
        self.interfaces: dict[str, Interface] = {}
        self.bound: dict[str, BoundGraph] = {}
        self._recursive: set[str] = set()
        self._groups: dict[str, Graph | None] = {}
        self._legacy = workflow.root.extra.get("groupNodes")

    @property
    def is_stale(self) -> bool:
        """Whether the document's legacy group nodes are others than when this was made."""
        return self.workflow.root.extra.get("groupNodes") is not self._legacy

    def is_host_type(self, kind: str) -> bool:
        """Tell whether a node type is a subgraph of this document."""
        return self.graph_of(kind) is not None

    def graph_of(self, kind: str) -> Graph | None:
        """Return the definition that hosts of a type show, or None for an ordinary type."""
        graph = self.workflow.subgraphs.get(kind)
        if graph is None and is_group_type(kind):
            if kind not in self._groups:
                self._groups[kind] = make_group_graph(self.workflow, kind)
            graph = self._groups[kind]
        return graph

    def is_recursive(self, kind: str) -> bool:
        """Tell whether a definition contains itself, directly or through others."""
        return kind in self._recursive

    def missing_for(self, graphs: Iterable[Graph]) -> list[Graph]:
        """Return the definitions that ``graphs`` use, inner ones first, recursive ones last."""
        uses: dict[str, set[str]] = {}
        found: dict[str, Graph] = {}
        waiting = [kind for graph in graphs for kind in self._hosted(graph)]
        while waiting:
            kind = waiting.pop()
            if kind in found:
                continue
            graph = self.graph_of(kind)
            if graph is None:
                continue
            found[kind] = graph
            uses[kind] = self._hosted(graph)
            waiting.extend(uses[kind])
        used_by: dict[str, list[str]] = {kind: [] for kind in found}
        for kind, inner in uses.items():
            for each in inner:
                used_by[each].append(kind)
        open_uses = {kind: len(inner) for kind, inner in uses.items()}
        ready = [kind for kind, count in open_uses.items() if count == 0]
        ordered: list[str] = []
        while ready:
            kind = ready.pop()
            ordered.append(kind)
            for user in used_by[kind]:
                open_uses[user] -= 1
                if open_uses[user] == 0:
                    ready.append(user)
        done = set(ordered)
        rest = [kind for kind in found if kind not in done]
        self._recursive.update(rest)
        return [found[kind] for kind in (*ordered, *rest)]

    def add(self, graph: Graph, bound: BoundGraph | None) -> None:
        """Take in a bound definition; ``bound`` is None for one that contains itself."""
        interface = make_interface(graph, bound, "" if bound is not None else RECURSIVE)
        if bound is not None:
            self.bound[graph.id] = bound
            if is_group_type(graph.id):
                interface.values_by_widget = stored_widgets(bound)
        self.interfaces[graph.id] = interface

    def _hosted(self, graph: Graph) -> set[str]:
        kinds = {node.type for node in graph.nodes.values()}
        return {kind for kind in kinds if self.graph_of(kind) is not None}
