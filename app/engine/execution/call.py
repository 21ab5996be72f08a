"""Calling into a node: its instance, lazy check and function (E-300, E-307, E-320 to E-334)."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable
from types import CoroutineType
from typing import Any

from app.engine.events import ExecutionErrorEvent
from app.engine.execution.arguments import (
    Arguments,
    NodeArguments,
    find_blocker,
)
from app.engine.execution.async_calls import AsyncCalls, Outcome, PendingCalls
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.context import ExecutionContext, current_context
from app.engine.execution.finishing import Finishing
from app.engine.execution.interrupts import stop_control
from app.engine.execution.memory_watch import MemoryWatch
from app.engine.execution.pure_pool import PurePool
from app.engine.execution.results import CallResult, blocked_result, read_result
from app.engine.execution.run_state import NodeInputError, NodeState, Run
from app.engine.node_types import v3
from app.engine.node_types.schema import NodeSchema

WORTH_MEASURING_S = 0.001
"""Shorter calls are not asked for the memory they took."""


class NodeCaller:
    """Calls the nodes of one run.

    Args:
        run: The run.
        tasks: Runs coroutines.
        finishing: Takes work that nodes leave behind.
    """

    def __init__(self, run: Run, tasks: AsyncCalls, finishing: Finishing) -> None:
        self._run = run
        self._tasks = tasks
        self._finishing = finishing
        self._memory = MemoryWatch()
        workers = run.options.pure_workers
        self._pool = PurePool(workers) if workers > 0 else None
        self._stop = stop_control.run

    def close(self) -> None:
        """End calls of pure nodes that are under way."""
        if self._pool is not None:
            self._pool.close()

    def runs_beside(self, schema: NodeSchema) -> bool:
        """Tell whether other nodes go on while a node of this class runs."""
        return schema.is_async or (schema.is_pure and self._pool is not None)

    def target(self, state: NodeState) -> Any:
        """Return what a node's methods are called on: an instance (E-300) or a V3 clone (E-061)."""
        schema = state.schema
        assert schema is not None
        if schema.is_v3:
            return v3.locked_clone(schema.cls, self._run.hidden_values(state))
        if not self._run.cache.keeps_instances:
            return self._new_instance(state, schema)
        kept = state.store.objects.get(state.name)
        if kept is not None and kept[0] is schema.cls:
            return kept[1]
        instance = self._new_instance(state, schema)
        state.store.objects[state.name] = (schema.cls, instance)
        return instance

    def _new_instance(self, state: NodeState, schema: NodeSchema) -> Any:
        return self._inside(ExecutionContext(self._run.prompt_id, state.id), schema.cls, {})

    def _inside(
        self, context: ExecutionContext, function: Callable[..., Any], arguments: Arguments
    ) -> Any:
        """Call node code with its context set, where a stop may reach it."""
        token = current_context.set(context)
        self._stop.in_node = True
        try:
            return function(**arguments)
        finally:
            self._stop.in_node = False
            current_context.reset(token)

    def lazy_wishes(self, state: NodeState, target: Any, arguments: NodeArguments) -> list[str]:
        """Ask a node which lazy inputs it needs that it does not have (E-330 to E-333).

        Raises:
            NodeInputError: It asks for an input that it cannot get.
        """
        schema = state.schema
        assert schema is not None
        function = target.check_lazy_status
        wishes: list[str] = []
        calls = arguments.calls(schema.input_is_list, function, self._run.strict)
        for index, call in enumerate(calls):
            stop_control.check()
            if arguments.may_block and find_blocker(call.values(), schema.input_is_list):
                continue
            if schema.is_v3:
                call = v3.nest_inputs(schema.cls, call, with_names=True)
            context = ExecutionContext(self._run.prompt_id, state.id, index)
            answer = self._inside(context, function, call)
            if inspect.isawaitable(answer):
                answer = self._tasks.complete(answer, context)
            if isinstance(answer, list):
                wishes.extend(name for name in answer if isinstance(name, str))
        lists, missing = arguments.lists, arguments.missing
        wanted = [name for name in dict.fromkeys(wishes) if name not in lists or name in missing]
        for name in wanted:
            _check_wish(state, name)
        return [name for name in wanted if self._can_be_linked(state, name)]

    def _can_be_linked(self, state: NodeState, name: str) -> bool:
        """Tell whether asking for a link is news; its source may have ended without a value."""
        return any(
            link.name == name and link.lazy and link.source_id not in state.requested
            for link in state.links
        )

    def call(
        self, state: NodeState, target: Any, arguments: NodeArguments
    ) -> list[CallResult] | PendingCalls:
        """Call a node's function, once for each element of its lists.

        Returns:
            What the calls gave, or the calls under way when the node is asynchronous and not
            all of them ended in their first step.
        """
        schema = state.schema
        assert schema is not None
        function: Callable[..., Any] = (
            target.execute if schema.is_v3 else getattr(target, schema.function)
        )
        calls = arguments.calls(schema.input_is_list, function, self._run.strict)
        if schema.is_async:
            return self._call_async(state, function, calls, arguments.may_block)
        if schema.is_pure and self._pool is not None:
            pooled = self._pool.wrap(function)
            return self._call_async(state, pooled, calls, arguments.may_block)
        if schema.finishes_later:
            with self._finishing.collecting(state.id):
                return self._call_here(state, function, calls, arguments.may_block)
        return self._call_here(state, function, calls, arguments.may_block)

    def _call_here(
        self,
        state: NodeState,
        function: Callable[..., Any],
        calls: list[Arguments],
        may_block: bool,
    ) -> list[CallResult]:
        schema = state.schema
        assert schema is not None
        results = []
        stop, memory = self._stop, self._memory
        for index, call in enumerate(calls):
            if stop_control.flag or stop.requested:
                stop_control.check()
            if may_block:
                blocker = find_blocker(call.values(), schema.input_is_list)
                if blocker is not None:
                    results.append(self._blocked(state, schema, blocker))
                    continue
            if schema.is_v3:
                call = v3.nest_inputs(schema.cls, call)
            context = ExecutionContext(self._run.prompt_id, state.id, index)
            # The hot path of every run, written out instead of using _inside.
            token = current_context.set(context)
            memory.before()
            started = time.perf_counter()
            stop.in_node = True
            try:
                value = function(**call)
            finally:
                stop.in_node = False
                seconds = time.perf_counter() - started
                state.seconds += seconds
                current_context.reset(token)
            if seconds > WORTH_MEASURING_S:
                state.peak_bytes = _larger(state.peak_bytes, memory.after())
            if type(value) is CoroutineType:
                # A decorator can hide that a method is asynchronous.
                value = self._tasks.complete(value, context)
            results.append(read_result(schema, value, self._run.strict))
        return results

    def _call_async(
        self,
        state: NodeState,
        function: Callable[..., Awaitable[Any]],
        calls: list[Arguments],
        may_block: bool,
    ) -> list[CallResult] | PendingCalls:
        schema = state.schema
        assert schema is not None
        started: list[tuple[ExecutionContext, Callable[[], Awaitable[Any]] | Outcome]] = []
        for index, call in enumerate(calls):
            stop_control.check()
            context = ExecutionContext(self._run.prompt_id, state.id, index)
            blocker = find_blocker(call.values(), schema.input_is_list) if may_block else None
            if blocker is not None:
                started.append((context, Outcome(self._blocked(state, schema, blocker))))
                continue
            if schema.is_v3:
                call = v3.nest_inputs(schema.cls, call)
            started.append((context, _bound(function, call)))
        pending = self._tasks.start(state.id, started)
        return pending if pending.waiting else self.collect(state, pending)

    def collect(self, state: NodeState, pending: PendingCalls) -> list[CallResult]:
        """Return what asynchronous calls gave, now that all have ended.

        Raises:
            BaseException: What the first call that failed raised.
        """
        schema = state.schema
        assert schema is not None
        results = []
        for outcome in pending.outcomes():
            if outcome.error is not None:
                raise outcome.error
            if isinstance(outcome.value, CallResult):
                results.append(outcome.value)
            else:
                results.append(read_result(schema, outcome.value, self._run.strict))
        return results

    def _blocked(
        self, state: NodeState, schema: NodeSchema, blocker: ExecutionBlocker
    ) -> CallResult:
        """Skip a call; a blocker with a message says it now, and is silent from here on (E-322)."""
        if blocker.message is None:
            return blocked_result(schema, blocker)
        payload = {
            "prompt_id": self._run.prompt_id,
            "node_id": state.id,
            "node_type": state.class_type,
            "executed": [],
            "exception_message": f"Execution Blocked: {blocker.message}",
            "exception_type": "ExecutionBlocked",
            "traceback": [],
            "current_inputs": [],
            "current_outputs": [],
        }
        self._run.emit(ExecutionErrorEvent(self._run.prompt_id, payload))
        return blocked_result(schema, ExecutionBlocker(None))


def _larger(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return max(one[0], other[0]), max(one[1], other[1])


def _bound(
    function: Callable[..., Awaitable[Any]], call: Arguments
) -> Callable[[], Awaitable[Any]]:
    return lambda: function(**call)


def _check_wish(state: NodeState, name: str) -> None:
    if name not in state.inputs:
        raise NodeInputError(
            f"Node {state.id} says it needs input {name}, but there is no input to that node at all"
        )
    if not any(link.name == name for link in state.links):
        raise NodeInputError(
            f"Node {state.id} says it needs input {name}, but that value is a constant"
        )
