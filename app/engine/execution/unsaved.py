"""Nodes that have run, but left work behind that is not done yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from app.engine.execution.cache import CacheEntry
from app.engine.execution.finishing import Finishing
from app.engine.execution.run_state import NodeState, Run

Ui = dict[str, Any] | None
Failure = tuple[str, BaseException]
"""Id of a node, and what went wrong in its work."""


class UnsavedNodes:
    """Tells of nodes when their work is done; when it fails, their results are forgotten.

    Args:
        run: The run.
        finishing: Their work.
        tell_end: Tells that a node has ended, with its ui.
    """

    def __init__(
        self, run: Run, finishing: Finishing, tell_end: Callable[[NodeState, Ui], None]
    ) -> None:
        self._run = run
        self._finishing = finishing
        self._tell_end = tell_end
        self._nodes: dict[str, tuple[NodeState, Ui]] = {}

    def __bool__(self) -> bool:
        return bool(self._nodes)

    def add(self, state: NodeState, ui: Ui) -> None:
        """Note a node that has run."""
        self._nodes[state.id] = (state, ui)

    def take_finished(self) -> Iterator[Failure]:
        """Tell of every node whose work is done by now; yield those whose work failed."""
        for node_id, error in self._finishing.take_ended():
            yield from self._end(node_id, error)

    def take_all(self) -> Iterator[Failure]:
        """Wait for all work, and tell of every node; yield those whose work failed."""
        for node_id, error in self._finishing.take_all():
            yield from self._end(node_id, error)

    def wait_for_maker(self, entry: CacheEntry) -> Iterator[Failure]:
        """Let the node that made a result be done, before another one shows the same."""
        for state, _ in list(self._nodes.values()):
            if state.entry is entry:
                yield from self._end(state.id, self._finishing.wait_for(state.id))

    def _end(self, node_id: str, error: BaseException | None) -> Iterator[Failure]:
        state, ui = self._nodes.pop(node_id, (None, None))
        if error is None:
            if state is not None:
                self._tell_end(state, ui)
            return
        while state is not None:
            self._run.cache.forget(state.store, state.key)
            state = state.parent
        yield node_id, error
