"""Building the graph that a node expands into (E-341)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.engine.execution.context import current_context
from app.engine.execution.dynamic_prompt import is_link

Graph = dict[str, dict[str, Any]]


class Node:
    """One node of a graph being built.

    Attributes:
        id: Id inside the run, prefix included.
        class_type: Name of the node type.
        inputs: Constants and links by input name.
        override_display_id: Node in whose place this one is shown, or None.
    """

    def __init__(self, node_id: str, class_type: str, inputs: dict[str, Any]) -> None:
        self.id = node_id
        self.class_type = class_type
        self.inputs = inputs
        self.override_display_id: str | None = None

    def out(self, index: int) -> list[Any]:
        """Return a link to output slot ``index``."""
        return [self.id, index]

    def set_input(self, key: str, value: Any) -> None:
        """Set an input, or remove it when ``value`` is None."""
        if value is None:
            self.inputs.pop(key, None)
        else:
            self.inputs[key] = value

    def get_input(self, key: str) -> Any:
        """Return the value of an input, or None when it is not set."""
        return self.inputs.get(key)

    def set_override_display_id(self, override_display_id: str) -> None:
        """Show this node's progress in the place of another node."""
        self.override_display_id = override_display_id

    def serialize(self) -> dict[str, Any]:
        """Return the node object as it stands in a prompt."""
        serialized: dict[str, Any] = {"class_type": self.class_type, "inputs": self.inputs}
        if self.override_display_id is not None:
            serialized["override_display_id"] = self.override_display_id
        return serialized


class GraphBuilder:
    """Collects nodes under ids that are the same in every run, so that results are found again.

    Args:
        prefix: Put before every id. Without one it is ``<node>.<call>.<graph>.`` of the call
            that is running. That is found by context, so asynchronous nodes that run side by
            side do not disturb each other (E-342).
    """

    _default_root = ""
    _default_call = 0
    _default_graph = 0

    def __init__(self, prefix: str | None = None) -> None:
        self.prefix = GraphBuilder.alloc_prefix() if prefix is None else prefix
        self.nodes: dict[str, Node] = {}
        self.id_gen = 1

    @classmethod
    def set_default_prefix(cls, prefix_root: str, call_index: int, graph_index: int = 0) -> None:
        """Say what ids start with in builders made outside any node."""
        GraphBuilder._default_root = prefix_root
        GraphBuilder._default_call = call_index
        GraphBuilder._default_graph = graph_index

    @classmethod
    def alloc_prefix(
        cls,
        root: str | None = None,
        call_index: int | None = None,
        graph_index: int | None = None,
    ) -> str:
        """Return the prefix of a new builder; parts left out come from the running call."""
        context = current_context.get()
        if context is not None:
            own = (context.node_id, context.list_index or 0, context.graph_index)
            context.graph_index += 1
        else:
            own = (cls._default_root, cls._default_call, cls._default_graph)
            GraphBuilder._default_graph += 1
        given = (root, call_index, graph_index)
        return "".join(f"{own[i] if given[i] is None else given[i]}." for i in range(3))

    def node(self, class_type: str, id: str | None = None, **kwargs: Any) -> Node:
        """Add a node, or return the one that already has this id.

        Args:
            class_type: Name of the node type.
            id: Id below the prefix; a running number when left out.
            kwargs: Constants and links by input name.
        """
        if id is None:
            id = str(self.id_gen)
            self.id_gen += 1
        full_id = self.prefix + id
        existing = self.nodes.get(full_id)
        if existing is not None:
            return existing
        node = Node(full_id, class_type, kwargs)
        self.nodes[full_id] = node
        return node

    def lookup_node(self, id: str) -> Node | None:
        """Return the node with this id (without the prefix), or None."""
        return self.nodes.get(self.prefix + id)

    def finalize(self) -> Graph:
        """Return the graph as node objects by id, as ``expand`` wants it."""
        return {node_id: node.serialize() for node_id, node in self.nodes.items()}

    def replace_node_output(self, node_id: str, index: int, new_value: Any) -> None:
        """Put ``new_value`` wherever output ``index`` of ``node_id`` was used.

        Args:
            node_id: Id below the prefix.
            index: Output slot.
            new_value: A link or a constant; None removes the inputs instead.
        """
        full_id = self.prefix + node_id
        for node in self.nodes.values():
            for name, value in list(node.inputs.items()):
                if is_link(value) and value[0] == full_id and value[1] == index:
                    node.set_input(name, new_value)

    def remove_node(self, id: str) -> None:
        """Remove a node; links to it stay.

        Raises:
            KeyError: There is no node with this id.
        """
        del self.nodes[self.prefix + id]


def add_graph_prefix(graph: Graph, outputs: Iterable[Any], prefix: str) -> tuple[Graph, Any]:
    """Return a copy of ``graph`` and ``outputs`` whose node ids start with ``prefix``.

    Args:
        graph: Node objects by id.
        outputs: Values that may link into the graph.
        prefix: Put before every id, and before the ids in links.
    """

    def moved(value: Any) -> Any:
        return [prefix + value[0], value[1]] if is_link(value) else value

    new_graph: Graph = {}
    for node_id, node in graph.items():
        inputs = {name: moved(value) for name, value in node.get("inputs", {}).items()}
        new_graph[prefix + node_id] = {**node, "inputs": inputs}
    return new_graph, tuple(moved(value) for value in outputs)
