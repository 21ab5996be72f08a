"""Asking nodes whether they changed, and giving every node of a graph its key (E-406 to E-410)."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from app.engine.errors import Interrupted, describe, is_ctrl_c
from app.engine.execution.arguments import find_blocker, idle_arguments, split_calls
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.cache_key import SourceWithoutKey, topological
from app.engine.execution.context import CurrentNodeContext
from app.engine.execution.run_state import NodeState, Run
from app.engine.node_types import v3
from app.engine.node_types.schema import NodeSchema

log = logging.getLogger("easel.engine")

NAN = float("nan")


class KeyMaker:
    """Makes the cache keys of one run, each once and sources first.

    Attributes:
        keys: Key of each node.
        marks: What each node answered that was asked whether it changed.

    Args:
        run: The run.
        complete: Runs an awaitable to its end.
    """

    def __init__(self, run: Run, complete: Callable[[Awaitable[Any]], Any]) -> None:
        self._run = run
        self._complete = complete
        self._table = run.cache.keys
        self.keys: dict[str, int] = {}
        self.marks: dict[str, Any] = {}

    def add(self, states: Iterable[NodeState]) -> None:
        """Give keys to these nodes; their sources are among them or have keys."""
        waiting: dict[str, NodeState] = {}
        for state in states:
            # Prompts are mostly written sources first; then one pass is all it takes.
            try:
                self._make(state)
            except SourceWithoutKey:
                waiting[state.id] = state
        if not waiting:
            return
        links = {state.id: [link.source_id for link in state.links] for state in waiting.values()}
        for node_id in topological(links, self.keys):
            try:
                self._make(waiting[node_id])
            except SourceWithoutKey:
                # Nobody can tell what a link to a missing node, or a ring, stands for.
                self._set(waiting[node_id], self._table.fresh())

    def _set(self, state: NodeState, key: int) -> None:
        state.key = self.keys[state.id] = key

    def _make(self, state: NodeState) -> None:
        schema = state.schema
        if schema is None:
            self._set(state, self._table.fresh())
            return
        needs_id = schema.uses_unique_id or schema.not_idempotent
        state.key = self.keys[state.id] = self._table.key(
            state.class_type,
            state.inputs,
            self.keys,
            is_changed=self._is_changed(state, schema),
            node_id=state.id if needs_id else None,
        )

    def _is_changed(self, state: NodeState, schema: NodeSchema) -> Any:
        """Return a node's change mark, False when it has none; it is asked once a run."""
        node = self._run.dynprompt.get_node(state.id)
        if "is_changed" in node:
            self.marks[state.id] = node["is_changed"]
            return node["is_changed"]
        if not schema.has_is_changed:
            return False
        if state.id not in self.marks:
            self.marks[state.id] = self._ask(state)
            if self._run.strict:
                node["is_changed"] = self.marks[state.id]
        return self.marks[state.id]

    def _ask(self, state: NodeState) -> Any:
        """Return what ``IS_CHANGED`` says, one answer for each call; NaN when it raises."""
        try:
            with CurrentNodeContext(self._run.prompt_id, state.id):
                return self._ask_class(state)
        except Interrupted:
            raise
        except BaseException as error:  # third-party code; it may even call sys.exit
            if is_ctrl_c(error):
                raise
            log.warning(
                "Node %s (%s) could not say whether it changed, so it runs: %s",
                state.id, state.class_type, describe(error),
            )  # fmt: skip
            return NAN

    def _ask_class(self, state: NodeState) -> list[Any]:
        schema = state.schema
        assert schema is not None
        cls: Any = schema.cls
        if schema.is_v3:
            cls = v3.locked_clone(schema.cls, self._run.hidden_values(state, idle=True))
        function = cls.fingerprint_inputs if schema.is_v3 else cls.IS_CHANGED
        answers: list[Any] = []
        lists = idle_arguments(self._run, state)
        for arguments in split_calls(lists, schema.input_is_list, function, self._run.strict):
            if find_blocker(arguments.values(), schema.input_is_list) is not None:
                answers.append(None)
                continue
            if schema.is_v3:
                arguments = v3.nest_inputs(schema.cls, arguments)
            answer = function(**arguments)
            if inspect.isawaitable(answer):
                answer = self._complete(answer)
            answers.append(None if isinstance(answer, ExecutionBlocker) else answer)
        return answers
