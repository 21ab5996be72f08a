"""Running the coroutines of asynchronous nodes beside synchronous ones (E-310 to E-314).

The executor is a plain loop. An event loop of its own exists for each prompt, and is stepped
only while a coroutine is pending: once after each node, and until something ends when nothing
else can run. Synchronous nodes never see a task.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextvars import Token
from typing import Any

from app.engine.execution.context import ExecutionContext, current_context
from app.engine.execution.interrupts import InterruptProcessingException, stop_control

_CANCEL_PATIENCE_S = 0.5
"""How long a cancelled coroutine may take to clean up before it is left behind."""


class Outcome:
    """How one call ended.

    Attributes:
        value: What it returned.
        error: What it raised, or None.
    """

    __slots__ = ("error", "value")

    def __init__(self, value: Any = None, error: BaseException | None = None) -> None:
        self.value = value
        self.error = error


class PendingCalls:
    """The calls of one asynchronous node.

    Attributes:
        node_id: The node.
        tasks: One task for each call, in call order.
        waiting: How many have not ended.
    """

    def __init__(self, node_id: str, tasks: Sequence[asyncio.Task[Outcome]]) -> None:
        self.node_id = node_id
        self.tasks = tasks
        self.waiting = sum(not task.done() for task in tasks)

    def outcomes(self) -> list[Outcome]:
        """Return how the calls ended, in call order."""
        return [task.result() for task in self.tasks]


class AsyncCalls:
    """The coroutines of one run.

    Args:
        on_done: Called with a node's id when the last of its calls has ended.
    """

    def __init__(self, on_done: Callable[[str], None]) -> None:
        self._on_done = on_done
        self._stop = stop_control.run
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: dict[str, PendingCalls] = {}

    @property
    def first_pending(self) -> str | None:
        """The pending node that was started first, or None."""
        return next(iter(self._pending), None)

    def __len__(self) -> int:
        return len(self._pending)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        return self._loop

    def complete(self, awaitable: Awaitable[Any], context: ExecutionContext | None = None) -> Any:
        """Run one awaitable to its end, as part of the call ``context``, and return its value.

        Nothing else of the prompt starts meanwhile (E-313).

        Raises:
            BaseException: Whatever it raises.
            InterruptProcessingException: The prompt is to stop.
        """
        loop = self._running_loop()
        task = loop.create_task(_guarded(awaitable, context))
        # Not run_until_complete: the end of another node's calls stops the loop as well.
        task.add_done_callback(lambda _task: loop.stop())
        while not task.done():
            self._run(loop.run_forever)
            if self._stop.requested and not task.done():
                raise InterruptProcessingException
        outcome = task.result()
        if outcome.error is not None:
            raise outcome.error
        return outcome.value

    def start(
        self,
        node_id: str,
        calls: Sequence[tuple[ExecutionContext, Callable[[], Awaitable[Any]] | Outcome]],
    ) -> PendingCalls:
        """Start the calls of a node side by side, and give each one chance to end at once.

        Args:
            node_id: The node.
            calls: For each call its context, and what makes its coroutine; or how it ended,
                for a call that was blocked.
        """
        loop = self._running_loop()
        tasks = [loop.create_task(_start(make, context)) for context, make in calls]
        self.step()
        pending = PendingCalls(node_id, tasks)
        if pending.waiting:
            self._pending[node_id] = pending
            for task in tasks:
                if not task.done():
                    task.add_done_callback(lambda _task: self._ended(pending))
        return pending

    def _ended(self, pending: PendingCalls) -> None:
        pending.waiting -= 1
        if not pending.waiting and self._pending.pop(pending.node_id, None) is not None:
            self._on_done(pending.node_id)
            if self._loop is not None:
                self._loop.stop()

    def step(self) -> None:
        """Let every coroutine that can go on do one step."""
        loop = self._running_loop()
        loop.call_soon(loop.stop)
        self._run(loop.run_forever)

    def wait(self) -> None:
        """Wait until the calls of some node have ended, or :meth:`wake` is called."""
        self._run(self._running_loop().run_forever)

    def wake(self) -> None:
        """End :meth:`wait`; may be called from any thread."""
        loop = self._loop
        if loop is not None:
            # The run may end, and close its loop, at this very moment.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)

    def _run(self, function: Callable[[], Any]) -> None:
        self._stop.in_node = True
        try:
            function()
        finally:
            self._stop.in_node = False

    def close(self) -> None:
        """Cancel what is pending, let it clean up for half a second, and close the loop."""
        loop, self._loop = self._loop, None
        self._pending.clear()
        if loop is None:
            return
        try:
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            deadline = time.monotonic() + _CANCEL_PATIENCE_S
            while not all(task.done() for task in tasks) and time.monotonic() < deadline:
                loop.call_later(0.01, loop.stop)
                loop.run_forever()
            for task in tasks:
                # A node that ignores being cancelled is left behind; asyncio need not say so.
                task._log_destroy_pending = False  # type: ignore[attr-defined]
        finally:
            loop.close()


def _start(
    make: Callable[[], Awaitable[Any]] | Outcome, context: ExecutionContext
) -> Coroutine[Any, Any, Outcome]:
    return _known(make) if isinstance(make, Outcome) else _guarded(make, context)


async def _known(outcome: Outcome) -> Outcome:
    return outcome


async def _guarded(
    work: Awaitable[Any] | Callable[[], Awaitable[Any]], context: ExecutionContext | None
) -> Outcome:
    """Await node code; whatever it raises is an outcome, so nothing tears the loop down."""
    token: Token[ExecutionContext | None] | None = None
    if context is not None:
        token = current_context.set(context)
    try:
        return Outcome(await (work() if callable(work) else work))
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - third-party code; it may even call sys.exit
        return Outcome(error=error)
    finally:
        if token is not None:
            current_context.reset(token)
