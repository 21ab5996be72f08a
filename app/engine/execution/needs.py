"""Which nodes have to run: outputs, what stands upstream of them, and what lazy inputs ask for."""

from __future__ import annotations

from collections.abc import Callable, Collection

from app.engine.execution.order import ExecutionOrder
from app.engine.execution.run_state import NodeInputError, NodeState, Run
from app.engine.node_types.schema import NodeSchema


class Needs:
    """Puts into the order what is needed and not there yet.

    Attributes:
        blamed: The node that was looked at last; at fault when nothing runs yet.

    Args:
        run: What is shared during the prompt.
        order: Where needed nodes go.
        runs_beside: Tells whether nodes of a schema run beside others.
    """

    def __init__(
        self, run: Run, order: ExecutionOrder, runs_beside: Callable[[NodeSchema], bool]
    ) -> None:
        self.blamed: NodeState | None = None
        self._run = run
        self._order = order
        self._runs_beside = runs_beside

    def add_root(self, state: NodeState) -> None:
        """Add an output node; when it is cached, nothing upstream of it is needed (E-209)."""
        if self.is_available(state):
            self._order.add(state.id, is_output=True)
        else:
            self.add(state)

    def add(self, state: NodeState) -> None:
        """Make a node pending, and everything upstream that is not there yet (E-201).

        Raises:
            NodeInputError: A needed node's type cannot say what inputs it has.
        """
        order, run = self._order, self._run
        stack = [state]
        blocks: list[tuple[str, str]] = []
        while stack:
            node = stack.pop()
            if node.id in order:
                continue
            schema = node.schema
            self.blamed = node
            if schema is None:
                raise NodeInputError(
                    f"Node {node.id} is needed, but its type {node.class_type} cannot say what "
                    "inputs it has."
                )
            is_async = self._runs_beside(schema)
            order.add(node.id, is_output=schema.is_output, is_async=is_async)
            for link in node.links:
                if link.lazy and link.source_id not in node.requested:
                    continue
                source = run.state(link.source_id, node.id)
                if not self.is_available(source):
                    stack.append(source)
                    blocks.append((source.id, node.id))
        for source_id, target_id in blocks:
            order.block(source_id, target_id)

    def request(self, state: NodeState, wishes: Collection[str]) -> None:
        """Turn lazy links that a node asked for into dependencies (E-331)."""
        assert isinstance(state.requested, set)
        for link in state.links:
            if link.name in wishes:
                state.requested.add(link.source_id)
                self.depend(state, link.source_id)

    def depend(self, state: NodeState, source_id: str) -> None:
        """Let a node wait for another, which is made pending unless its result is there."""
        source = self._run.state(source_id, state.id)
        if not self.is_available(source):
            self.add(source)
            self._order.block(source.id, state.id)

    def is_available(self, state: NodeState) -> bool:
        """Tell whether a result is there, and hold it for this run if so (E-413)."""
        if state.entry is not None:
            return True
        if state.id in self._order:
            return False
        state.entry = self._run.cache.find(state.store, state.key)
        return state.entry is not None
