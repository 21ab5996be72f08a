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
in :meth:`StopControl.stuck`, and only a restart of the program ends it.
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


class StopControl:
    """Knows what runs, and stops it from any thread.

    The thread that runs prompts calls :meth:`begin` and :meth:`finish` around each of them;
    everything else may be called from anywhere.

    Attributes:
        flag: The process-wide interrupt flag.
        requested: Whether the running prompt was asked to stop. Unlike the flag it stays set
            until the prompt has ended, so a node that swallows the exception stops nothing but
            itself from noticing.
        in_node: Whether the thread is inside a node now. The executor keeps it; the exception
            is sent only while it is true, so that it hits the engine's own code only when it
            comes in the microseconds around a call, where the executor expects it.
    """

    def __init__(self) -> None:
        self.flag = False
        self.requested = False
        self.in_node = False
        # Re-entrant, since a signal handler may ask for a stop while this thread holds it.
        self._lock = threading.RLock()
        self._thread_id: int | None = None
        self._prompt_id: str | None = None
        self._node_id: Callable[[], str | None] = lambda: None
        self._wake: Callable[[], None] = lambda: None
        self._requested_at = 0.0
        self._ended = threading.Event()
        self._shields = 0
        self._sent = False

    @property
    def prompt_id(self) -> str | None:
        """Id of the running prompt, or None."""
        return self._prompt_id

    def begin(self, prompt_id: str) -> None:
        """Say that the calling thread now runs a prompt; clears the flag (E-530)."""
        with self._lock:
            self.flag = False
            self.requested = False
            self.in_node = False
            self._shields = 0
            self._node_id = lambda: None
            self._wake = lambda: None
            self._ended = threading.Event()
            self._prompt_id = prompt_id
            self._thread_id = threading.get_ident()

    def attach(self, node_id: Callable[[], str | None], wake: Callable[[], None]) -> None:
        """Learn how to find out which node runs, and how to end a wait.

        Args:
            node_id: Tells which node is running; called from other threads.
            wake: Called, possibly from another thread, when the prompt is to stop.
        """
        with self._lock:
            self._node_id = node_id
            self._wake = wake

    def finish(self) -> None:
        """Say that the prompt has ended; afterwards no exception can reach this thread."""
        while True:
            try:
                self._end()
                return
            except Interrupted:
                continue

    def _end(self) -> None:
        with self._lock:
            self._prompt_id = None
            self._node_id = lambda: None
            self._wake = lambda: None
            self.flag = False
            self.requested = False
            self.in_node = False
            self._ended.set()
            was_sent, self._sent = self._sent, False
            self._thread_id = None
        if was_sent:
            _flush_async_exception()

    def request(self, prompt_id: str | None = None) -> bool:
        """Stop the running prompt, or only if it is ``prompt_id`` (E-532).

        Returns:
            Whether a prompt was running that this concerned.
        """
        with self._lock:
            running = self._prompt_id
            if prompt_id is not None and running != prompt_id:
                return False
            if running is None:
                return False
            self.flag = True
            if self.requested:
                return True
            self.requested = True
            self._requested_at = time.monotonic()
            ended, wake = self._ended, self._wake
        wake()
        threading.Thread(
            target=self._send_until_ended, args=(ended,), name="easel-stop", daemon=True
        ).start()
        return True

    def _send_until_ended(self, ended: threading.Event) -> None:
        pause = GRACE_S
        while not ended.wait(pause):
            pause = RESEND_S
            with self._lock:
                if ended.is_set() or self._thread_id is None:
                    return
                if self.in_node and not self._shields:
                    self._sent = True
                    _send_interrupt(self._thread_id)

    def stuck(self) -> StuckNode | None:
        """Return the node that ignores a stop for longer than :data:`STUCK_AFTER_S`, or None."""
        with self._lock:
            if not self.requested or self._prompt_id is None:
                return None
            seconds = time.monotonic() - self._requested_at
            if seconds < STUCK_AFTER_S:
                return None
            return StuckNode(self._prompt_id, self._node_id(), seconds)

    @contextlib.contextmanager
    def shielded(self) -> Iterator[None]:
        """Hold the asynchronous exception back while a step must not be torn in half."""
        with self._lock:
            self._shields += 1
        try:
            yield
        finally:
            with self._lock:
                self._shields -= 1

    def check(self) -> None:
        """Raise when a stop was asked for, and clear the flag.

        Raises:
            InterruptProcessingException: The flag was set, or the running prompt is stopping.
        """
        if self.flag or (self.requested and self._thread_id == threading.get_ident()):
            self.flag = False
            raise InterruptProcessingException


def _send_interrupt(thread_id: int) -> None:
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
        _send_interrupt(threading.get_ident())
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
    return stop_control.flag or stop_control.requested


def throw_exception_if_processing_interrupted() -> None:
    """Raise :class:`InterruptProcessingException` when a stop was asked for (E-531)."""
    if stop_control.flag or stop_control.requested:
        stop_control.check()


shielded = stop_control.shielded
"""``with shielded():`` keeps a step that must not be torn in half from being interrupted."""
