"""One prompt at a time: what has to hold in the whole process while it runs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from app.engine.errors import EngineStateError
from app.engine.execution.interrupts import stop_control
from app.engine.execution.node_output import NodeOutput
from app.engine.execution.process_state import collecting_less, process_state_kept
from app.engine.execution.prompt_runner import PromptRunner
from app.engine.execution.queue import PromptQueue, QueueItem
from app.engine.execution.report import RunResult


class ExclusiveRuns:
    """Runs prompts so that no two run at once, and puts back what their nodes changed.

    Args:
        runner: Runs a prompt.
        queue: Hears which prompt runs and that it has ended.
        node_output: Takes what nodes print.
        lock: Held while a prompt runs.
        prepare: Called before each, with the lock held.
    """

    def __init__(
        self,
        runner: PromptRunner,
        queue: PromptQueue,
        node_output: NodeOutput,
        lock: threading.Lock,
        prepare: Callable[[], Any],
    ) -> None:
        self._runner = runner
        self._queue = queue
        self._node_output = node_output
        self._lock = lock
        self._prepare = prepare
        self._thread: int | None = None

    @property
    def is_on_this_thread(self) -> bool:
        """Whether a node of the running prompt asks."""
        return self._thread == threading.get_ident()

    def run_now(self, item: QueueItem) -> RunResult:
        """Run a prompt that was never in the queue.

        Raises:
            EngineStateError: Another prompt is running.
        """
        if _is_inside_event_loop():
            return self._run_beside_loop(item)
        return self._run(item, waited=False)

    def run_taken(self, item: QueueItem) -> RunResult:
        """Run a prompt that was taken out of the queue; a running one is waited for."""
        return self._run(item, waited=True)

    def _run_beside_loop(self, item: QueueItem) -> RunResult:
        """Run on a thread of its own, as an event loop runs on this one (as in notebooks)."""
        answers: list[RunResult] = []
        errors: list[BaseException] = []

        def work() -> None:
            try:
                answers.append(self._run(item, waited=False))
            except BaseException as error:  # noqa: BLE001 - raised again on the caller's thread
                errors.append(error)

        thread = threading.Thread(target=work, name="easel-run")
        thread.start()
        thread.join()
        if errors:
            raise errors[0]
        return answers[0]

    def _run(self, item: QueueItem, *, waited: bool) -> RunResult:
        # A prompt from the queue has been taken out of it, so it waits rather than be lost.
        if not self._lock.acquire(blocking=waited):
            raise EngineStateError("A prompt is running; only one can run at a time.")
        try:
            self._thread = threading.get_ident()
            self._prepare()
            if not waited:
                self._queue.start(item)
            stop = stop_control.begin(item.prompt_id)
            self._node_output.install()
            try:
                with process_state_kept(), collecting_less(_size_of(item.prompt)):
                    return self._runner.run(item)
            finally:
                stop_control.finish(stop)
                self._node_output.uninstall()
        finally:
            self._thread = None
            self._lock.release()
            self._queue.done()


def _is_inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _size_of(prompt: Any) -> int:
    return len(prompt) if isinstance(prompt, dict) else 0
