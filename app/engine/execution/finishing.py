"""Work that a node leaves behind while the next nodes run: compressing and writing its files.

A class that says ``FINISHES_LATER = True`` for itself may hand work to :func:`finish_later`
while it is called. The node counts as finished, and its ``executed`` event is sent, when that
work is done; meanwhile other nodes run. An error in it is an error of the node, and no run is a
success before everything is done. For any other class the work is done at once: a pack that
derives from a saving node, or calls one, finds its files written when the call returns.
"""

from __future__ import annotations

import contextvars
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

MAX_PENDING = 4
"""Pieces of work that may wait or run; each may hold a picture."""

_WORKERS = 2

_collector: contextvars.ContextVar[Callable[[Callable[[], None]], None] | None] = (
    contextvars.ContextVar("easel_finish_later", default=None)
)


def finish_later(work: Callable[[], None]) -> None:
    """Do ``work`` while the next nodes run, if the node that is running may finish later.

    Args:
        work: Touches nothing that a later node may change. What it raises is the node's error.

    Raises:
        BaseException: What the work raises, where it is done at once.
    """
    add = _collector.get()
    if add is None:
        work()
    else:
        add(work)


class Finishing:
    """The work that the nodes of one run left behind.

    Args:
        on_done: Called, on another thread, when a piece of work has ended.
    """

    def __init__(self, on_done: Callable[[], None]) -> None:
        self._on_done = on_done
        self._pool: ThreadPoolExecutor | None = None
        self._pending: dict[str, list[Future[None]]] = {}
        self._ended: deque[str] = deque()
        self._lock = threading.Lock()

    def __contains__(self, node_id: str) -> bool:
        return node_id in self._pending

    def __len__(self) -> int:
        return len(self._pending)

    @property
    def has_news(self) -> bool:
        """Whether :meth:`take_ended` would return something."""
        return bool(self._ended)

    @contextmanager
    def collecting(self, node_id: str) -> Iterator[None]:
        """Take what the code inside hands to :func:`finish_later` as work of a node."""
        token = _collector.set(lambda work: self._add(node_id, work))
        try:
            yield
        finally:
            _collector.reset(token)

    def _add(self, node_id: str, work: Callable[[], None]) -> None:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(_WORKERS, "easel-finish")
        unfinished = [f for each in self._pending.values() for f in each if not f.done()]
        if len(unfinished) >= MAX_PENDING:
            wait(unfinished, return_when=FIRST_COMPLETED)
        # The work belongs to the node, but must not hand out work of its own.
        context = contextvars.copy_context()
        context.run(_collector.set, None)
        future = self._pool.submit(context.run, work)
        self._pending.setdefault(node_id, []).append(future)
        future.add_done_callback(lambda _: self._note_end(node_id))

    def _note_end(self, node_id: str) -> None:
        self._ended.append(node_id)
        self._on_done()

    def take_ended(self) -> Iterator[tuple[str, BaseException | None]]:
        """Yield the nodes whose work has all ended, with what went wrong first."""
        while self._ended:
            node_id = self._ended.popleft()
            futures = self._pending.get(node_id)
            if futures is not None and all(future.done() for future in futures):
                yield node_id, self._take(node_id)

    def wait_for(self, node_id: str) -> BaseException | None:
        """Wait for the work of one node, and return what went wrong."""
        wait(self._pending.get(node_id, ()))
        return self._take(node_id)

    def take_all(self) -> Iterator[tuple[str, BaseException | None]]:
        """Wait for everything; yield every node that is left, with what went wrong first."""
        self.close()
        for node_id in list(self._pending):
            yield node_id, self._take(node_id)

    def wait_for_any(self, timeout_s: float) -> None:
        """Wait until some work has ended, or the time is over."""
        unfinished = [f for each in self._pending.values() for f in each if not f.done()]
        if unfinished and not self._ended:
            wait(unfinished, timeout_s, FIRST_COMPLETED)

    def _take(self, node_id: str) -> BaseException | None:
        futures = self._pending.pop(node_id, [])
        errors: Iterator[Any] = (future.exception() for future in futures)
        return next((error for error in errors if error is not None), None)

    def close(self) -> None:
        """Wait for everything, and let the threads go."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
