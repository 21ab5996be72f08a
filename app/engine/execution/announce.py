"""Telling of a run: its events, its ui outputs, and the messages its history keeps.

Rules E-500 to E-508, E-346, E-350, E-354, E-908 and E-910.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from app.engine.events import (
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionStartEvent,
    ExecutionSuccessEvent,
)
from app.engine.execution.cache import CacheEntry, UiOutput
from app.engine.execution.failure import (
    NOT_ENOUGH_MEMORY,
    OUT_OF_MEMORY_TIP,
    describe_inputs,
    error_frames,
    error_text,
    error_type,
    is_out_of_memory,
)
from app.engine.execution.report import RunResult
from app.engine.execution.run_state import DependencyCycleError, NodeState, Run


def now_ms() -> int:
    """Return the milliseconds since 1970 (E-502)."""
    return int(time.time() * 1000)


class Announcer:
    """Tells of one run and fills its result.

    Attributes:
        result: What has come out so far.
        ui_outputs: Ui outputs by node id, with what is known of their nodes.
        messages: Names and data of the events at the start and the end (E-550).
    """

    def __init__(self, run: Run) -> None:
        self.result = RunResult(run.prompt_id)
        self.ui_outputs: dict[str, UiOutput] = {}
        self.messages: list[tuple[str, dict[str, Any]]] = []
        self._run = run
        self._emit = run.emit

    def _note(self, name: str, **data: Any) -> None:
        self.messages.append((name, {"prompt_id": self._run.prompt_id, **data}))

    def started(self) -> None:
        """The run begins."""
        timestamp = now_ms()
        self._emit(ExecutionStartEvent(self._run.prompt_id, timestamp))
        self._note("execution_start", timestamp=timestamp)

    def cached(self, nodes: list[str]) -> None:
        """These nodes of the prompt have results already."""
        timestamp = now_ms()
        self._emit(ExecutionCachedEvent(self._run.prompt_id, tuple(nodes), timestamp))
        self._note("execution_cached", nodes=nodes, timestamp=timestamp)

    def executing(self, state: NodeState) -> None:
        """A node is about to run."""
        display_id = self._run.dynprompt.get_display_node_id(state.id)
        self._emit(ExecutingEvent(self._run.prompt_id, state.id, display_id))

    def executed(
        self, state: NodeState, ui: dict[str, Any] | None, *, cached: bool = False
    ) -> None:
        """A node gave a ui dictionary, or was served from the cache (E-505, E-910)."""
        if ui:
            self._record(state.parent, self._run.ui_output(state, ui))
        if ui or cached:
            display_id = self._run.dynprompt.get_display_node_id(state.id)
            self._emit(ExecutedEvent(self._run.prompt_id, state.id, display_id, ui, cached))

    def restored(self, state: NodeState, entry: CacheEntry) -> None:
        """A cached node once expanded: show again what was shown inside (E-908)."""
        if self._run.strict:
            return
        for inner in entry.inner_ui:
            self._record(state.parent, inner)
            display_id = inner.meta["display_node"]
            self._emit(
                ExecutedEvent(self._run.prompt_id, inner.node_id, display_id, inner.output, True)
            )

    def _record(self, parent: NodeState | None, output: UiOutput) -> None:
        self.ui_outputs[output.node_id] = output
        self.result.outputs[output.node_id] = output.output
        while parent is not None:
            if parent.inner_ui is not None:
                parent.inner_ui.append(output)
            parent = parent.parent

    def failed(
        self,
        error: BaseException,
        state: NodeState | None,
        arguments: Mapping[str, list[Any]] | None,
    ) -> None:
        """A node failed; :meth:`ended` will say so (E-350)."""
        run = self._run
        real_id, real_type = self._real(None if state is None else state.id)
        is_cycle = isinstance(error, DependencyCycleError)
        text = error_text(error)
        if not is_cycle:
            is_told = text.startswith(NOT_ENOUGH_MEMORY)
            text += "\n" + (OUT_OF_MEMORY_TIP if is_out_of_memory(error) and not is_told else "")
        inputs: Any = describe_inputs(arguments) if arguments is not None else {}
        self.result.status = "error"
        self.result.error = {
            "prompt_id": run.prompt_id,
            "node_id": real_id,
            "node_type": real_type,
            "executed": list(self.result.executed),
            "exception_message": text,
            "exception_type": "graph.DependencyCycleError" if is_cycle else error_type(error),
            "traceback": [] if is_cycle else error_frames(error),
            "current_inputs": [] if is_cycle else inputs,
            "current_outputs": [s.id for s in run.states.values() if s.entry is not None],
            "timestamp": now_ms(),
        }

    def _real(self, node_id: str | None) -> tuple[str | None, str | None]:
        """Return id and class of the node an artist knows for ``node_id`` (E-347)."""
        if node_id is None:
            return None, None
        real_id = self._run.dynprompt.get_real_node_id(node_id)
        state = self._run.states.get(real_id)
        return real_id, None if state is None else state.class_type

    def ended(self, interrupted_id: str | None) -> None:
        """The run is over, as the result says.

        Args:
            interrupted_id: The node that was stopped, if one was.
        """
        timestamp = now_ms()
        if self.result.status == "success":
            self._emit(ExecutionSuccessEvent(self._run.prompt_id, timestamp))
            self._note("execution_success", timestamp=timestamp)
        elif self.result.error is not None:
            self._emit(ExecutionErrorEvent(self._run.prompt_id, self.result.error))
            self.messages.append(("execution_error", self.result.error))
        else:
            self._interrupted(interrupted_id, timestamp)
        self._emit(ExecutingEvent(self._run.prompt_id, None, None))

    def _interrupted(self, interrupted_id: str | None, timestamp: int) -> None:
        real_id, real_type = self._real(interrupted_id)
        executed = list(self.result.executed)
        self._emit(
            ExecutionInterruptedEvent(
                self._run.prompt_id, real_id, real_type, tuple(executed), timestamp
            )
        )
        self._note(
            "execution_interrupted",
            node_id=real_id,
            node_type=real_type,
            executed=executed,
            timestamp=timestamp,
        )
