"""Stopping a run: the flag that nodes ask, and the exception for nodes that never ask (E-912).

Three things stop a prompt:

* The *flag* is process-wide, as node packs expect (E-530). Progress bars and samplers raise
  :class:`InterruptProcessingException` when it is set.
* Pending *asynchronous* nodes are cancelled by a callback that the executor registers.
* A node that does neither gets :class:`app.engine.errors.Interrupted` raised inside it from
  another thread, again and again until it has left.

The third is only ever sent while a prompt runs on the thread it is sent to, and
:meth:`StopControl.finish` removes one that was sent but not yet raised. What it cannot do is
end a call into C code, or a node that catches ``BaseException`` and goes on; such a node shows
in :meth:`StopControl.stuck`, and its run can only be given up (:meth:`StopControl.abandon`).
"""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.engine.errors import Interrupted

GRACE_S = 0.1
"""How long a node may take to notice the flag by itself before it is interrupted."""

RESEND_S = 0.1
"""How often the exception is sent again to a node that caught it."""

STUCK_AFTER_S = 2.0
"""How long after Stop a node that still runs counts as stuck."""


class InterruptProcessingException(Exception):  # noqa: N818 - the name that node packs catch
    """The running prompt is to stop; raised where node code asks about it."""


@dataclass(frozen=True, slots=True)
class StuckNode:
    """A node that went on after Stop.

    Attributes:
        prompt_id: The prompt that was stopped.
        node_id: The node that does not leave, or None between nodes.
        seconds: How long ago Stop was asked for.
    """

    prompt_id: str
    node_id: str | None
    seconds: float


class RunStop:
    """What can be asked and said about stopping one run.

    Attributes:
        prompt_id: The prompt, or None while nothing runs.
        thread_id: The thread that runs it.
        requested: Whether it was asked to stop. Unlike the process-wide flag this stays set
            until the prompt has ended, so a node that swallows the exception stops nothing but
            itself from noticing.
        in_node: Whether the thread is inside a node now. The executor keeps it; the exception
            is sent only while it is true, so that it hits the engine's own code only when it
            comes in the microseconds around a call, where the executor expects it.
        requested_at: Monotonic time of the request, in seconds.
        ended: Set when the run is over.
        shields: How many steps that must not be torn in half are under way.
        was_sent: Whether the exception was sent at least once.
        node_id: Tells which node is running; called from other threads.
        wake: Called, possibly from another thread, when the prompt is to stop.
    """

    __slots__ = (
        "ended", "in_node", "node_id", "prompt_id", "requested", "requested_at", "shields",
        "thread_id", "wake", "was_sent",
    )  # fmt: skip

    def __init__(self, prompt_id: str | None = None, thread_id: int | None = None) -> None:
        self.prompt_id = prompt_id
        self.thread_id = thread_id
        self.requested = False
        self.in_node = False
        self.requested_at = 0.0
        self.ended = threading.Event()
        self.shields = 0
        self.was_sent = False
        self.node_id: Callable[[], str | None] = lambda: None
        self.wake: Callable[[], None] = lambda: None


class StopControl:
    """Knows what runs, and stops it from any thread.

    The thread that runs prompts calls :meth:`begin` and :meth:`finish` around each of them;
    everything else may be called from anywhere.

    Attributes:
        flag: The process-wide interrupt flag.
        run: The running prompt; an idle one, without an id, between prompts.
    """

    def __init__(self) -> None:
        self.flag = False
        self.run = RunStop()
        # Re-entrant, since a signal handler may ask for a stop while this thread holds it.
        self._lock = threading.RLock()
        self._abandoned: dict[int, RunStop] = {}

    @property
    def prompt_id(self) -> str | None:
        """Id of the running prompt, or None."""
        return self.run.prompt_id

    @property
    def requested(self) -> bool:
        """Whether the running prompt was asked to stop."""
        return self.run.requested

    @property
    def is_wanted(self) -> bool:
        """Whether the code that asks is to stop: this run, or one that was given up."""
        return (
            self.flag
            or self.run.requested
            or (bool(self._abandoned) and threading.get_ident() in self._abandoned)
        )

    def begin(self, prompt_id: str) -> RunStop:
        """Say that the calling thread now runs a prompt; clears the flag (E-530)."""
        with self._lock:
            self.flag = False
            self.run = RunStop(prompt_id, threading.get_ident())
            return self.run

    def attach(self, node_id: Callable[[], str | None], wake: Callable[[], None]) -> None:
        """Learn how to find out which node runs, and how to end a wait.

        Args:
            node_id: Tells which node is running; called from other threads.
            wake: Called, possibly from another thread, when the prompt is to stop.
        """
        with self._lock:
            self.run.node_id = node_id
            self.run.wake = wake

    def finish(self, run: RunStop | None = None) -> None:
        """Say that a prompt has ended; afterwards no exception can reach this thread.

        Args:
            run: What :meth:`begin` returned; the running prompt when None.
        """
        ending = self.run if run is None else run
        while True:
            try:
                self._end(ending)
                return
            except Interrupted:
                continue

    def _end(self, run: RunStop) -> None:
        with self._lock:
            run.in_node = False
            run.ended.set()
            if self._abandoned.get(run.thread_id or 0) is run:
                del self._abandoned[run.thread_id or 0]
            if self.run is run:
                self.flag = False
                self.run = RunStop()
            was_sent, run.was_sent = run.was_sent, False
        if was_sent:
            _flush_async_exception()

    def abandon(self) -> None:
        """Give the running prompt up: its thread may go on, but no longer counts.

        It is told to stop for as long as it lives; a new prompt can begin on another thread.
        """
        with self._lock:
            run = self.run
            if run.prompt_id is None:
                return
            self.request(run.prompt_id)
            self._abandoned[run.thread_id or 0] = run
            self.flag = False
            self.run = RunStop()

    def request(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt, or only if it is ``prompt_id`` (E-532).

        Returns:
            Whether a prompt was running that this concerned.
        """
        with self._lock:
            run = self.run
            if run.prompt_id is None or prompt_id not in (None, run.prompt_id):
                return False
            self.flag = True
            if run.requested:
                return True
            run.requested = True
            run.requested_at = time.monotonic()
        run.wake()
        threading.Thread(
            target=self._send_until_ended, args=(run,), name="easel-stop", daemon=True
        ).start()
        return True

    def _send_until_ended(self, run: RunStop) -> None:
        pause = GRACE_S
        while not run.ended.wait(pause):
            pause = RESEND_S
            with self._lock:
                if run.ended.is_set() or run.thread_id is None:
                    return
                if run.in_node and not run.shields:
                    run.was_sent = True
                    send_interrupt(run.thread_id)

    def stuck(self) -> StuckNode | None:
        """Return the node that ignores a stop for longer than :data:`STUCK_AFTER_S`, or None."""
        with self._lock:
            run = self.run
            if not run.requested or run.prompt_id is None:
                return None
            seconds = time.monotonic() - run.requested_at
            if seconds < STUCK_AFTER_S:
                return None
            return StuckNode(run.prompt_id, run.node_id(), seconds)

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold the asynchronous exception back while a step must not be torn in half."""
        with self._lock:
            run = self.run
            run.shields += 1
        try:
            yield
        finally:
            with self._lock:
                run.shields -= 1

    @contextlib.contextmanager
    def outside_node(self) -> Iterator[None]:
        """Mark a call from a node into the engine, which no exception may tear in half."""
        run = self.run
        if run.thread_id != threading.get_ident():
            yield
            return
        before, run.in_node = run.in_node, False
        try:
            yield
        finally:
            run.in_node = before

    def check(self) -> None:
        """Raise when a stop was asked for, and clear the flag.

        Raises:
            InterruptProcessingException: The flag was set, the running prompt is stopping, or
                this thread's prompt was given up.
        """
        me = threading.get_ident()
        if me in self._abandoned:
            raise InterruptProcessingException
        if self.flag or (self.run.requested and self.run.thread_id == me):
            self.flag = False
            raise InterruptProcessingException


def send_interrupt(thread_id: int) -> None:
    """Let :class:`~app.engine.errors.Interrupted` be raised in a thread, at its next step."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread_id), ctypes.py_object(Interrupted)
    )


def _flush_async_exception() -> None:
    """Raise and swallow what may have been sent to this thread and not raised yet.

    A thread has room for one such exception, so the one sent here takes the place of any
    other. Taking it back with NULL instead would leave Python's signal set without a cause:
    every instruction then takes the slow path, and under a profiler it never ends.
    """
    try:
        send_interrupt(threading.get_ident())
        for _ in range(1000):
            pass
    except Interrupted:
        pass


stop_control = StopControl()
"""The one of this process; node packs reach its flag by the functions below."""


def interrupt_current_processing(value: bool = True) -> None:
    """Set or clear the interrupt flag; setting it stops the running prompt."""
    stop_control.flag = value
    if value:
        stop_control.request()


def processing_interrupted() -> bool:
    """Tell whether a stop was asked for."""
    return stop_control.is_wanted


def throw_exception_if_processing_interrupted() -> None:
    """Raise :class:`InterruptProcessingException` when a stop was asked for (E-531)."""
    if stop_control.is_wanted:
        stop_control.check()


shielded = stop_control.shielded
"""``with shielded():`` keeps a step that must not be torn in half from being interrupted."""
