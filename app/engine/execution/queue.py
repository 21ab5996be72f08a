"""Prompts that wait for their turn (E-540 to E-544)."""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, eq=False)
class QueueItem:
    """One prompt on its way.

    Attributes:
        number: Its place: lower runs first, and below zero is in front of the line.
        prompt_id: Its id.
        prompt: The nodes.
        extra_data: What travels with them (E-014), without secrets.
        targets: Output ids, or ``(node id, slot)`` pairs whose values are wanted; None for
            every output.
        sensitive: Secrets, never shown by queue or history (E-704).
        created: Milliseconds since 1970.
    """

    number: float
    prompt_id: str
    prompt: dict[str, Any]
    extra_data: dict[str, Any] = field(default_factory=dict)
    targets: tuple[Any, ...] | None = None
    sensitive: Mapping[str, Any] = field(default_factory=dict)
    created: int = 0

    def __lt__(self, other: QueueItem) -> bool:
        return (self.number, self.prompt_id) < (other.number, other.prompt_id)


class PromptQueue:
    """A priority queue that any thread may use.

    Args:
        on_change: Called, on the thread that made the change, with the number of prompts
            that wait or run.
    """

    def __init__(self, on_change: Callable[[int], None] = lambda remaining: None) -> None:
        self._on_change = on_change
        self._condition = threading.Condition()
        self._items: list[QueueItem] = []
        self._running: QueueItem | None = None
        self._counter = 0
        self._paused = False
        self._closed = False
        self._woken = False

    def next_number(self, number: float | None = None, front: bool = False) -> float:
        """Return the place for a new prompt (E-541).

        Args:
            number: A place of the caller's choice, or None for the next of a counter.
            front: Whether to go before everything that waits.
        """
        with self._condition:
            if number is None:
                number = self._counter
                self._counter += 1
            return -number if front else number

    def put(self, item: QueueItem) -> None:
        """Add a prompt."""
        with self._condition:
            heapq.heappush(self._items, item)
            self._condition.notify()
        self._changed()

    def take(self, timeout_s: float | None = None) -> QueueItem | None:
        """Take the next prompt, which counts as running until :meth:`done`.

        Args:
            timeout_s: How long to wait for one; None waits until there is one, the queue is
                closed, or :meth:`wake` is called.

        Returns:
            The prompt, or None when there was none.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._condition:
            while self._paused or not self._items:
                if self._closed or self._woken:
                    self._woken = False
                    return None
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._condition.wait(left)
            self._woken = False
            self._running = heapq.heappop(self._items)
            return self._running

    def start(self, item: QueueItem) -> None:
        """Note that a prompt runs that never waited."""
        with self._condition:
            self._running = item
        self._changed()

    def done(self) -> None:
        """Note that the running prompt has ended."""
        with self._condition:
            self._running = None
        self._changed()

    @property
    def running(self) -> QueueItem | None:
        """The prompt that runs now, or None."""
        return self._running

    @property
    def pending(self) -> tuple[QueueItem, ...]:
        """The prompts that wait, the next one first."""
        with self._condition:
            return tuple(sorted(self._items))

    @property
    def remaining(self) -> int:
        """How many prompts wait or run (E-544)."""
        with self._condition:
            return len(self._items) + (self._running is not None)

    def __len__(self) -> int:
        return self.remaining

    def delete(self, prompt_id: str) -> bool:
        """Remove a waiting prompt (E-542).

        Returns:
            Whether it was there.
        """
        with self._condition:
            kept = [item for item in self._items if item.prompt_id != prompt_id]
            found = len(kept) < len(self._items)
            heapq.heapify(kept)
            self._items = kept
        if found:
            self._changed()
        return found

    def clear(self) -> None:
        """Remove every waiting prompt; the running one goes on."""
        with self._condition:
            self._items = []
        self._changed()

    @property
    def paused(self) -> bool:
        """Whether waiting prompts are held back."""
        return self._paused

    def pause(self) -> None:
        """Hold waiting prompts back; the running one goes on."""
        with self._condition:
            self._paused = True
        self._changed()

    def resume(self) -> None:
        """Let waiting prompts run again."""
        with self._condition:
            self._paused = False
            self._condition.notify_all()
        self._changed()

    def wake(self) -> None:
        """Let :meth:`take` return without a prompt, once; the worker then looks around."""
        with self._condition:
            self._woken = True
            self._condition.notify_all()

    def close(self) -> None:
        """Let everybody who waits for a prompt go."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _changed(self) -> None:
        self._on_change(self.remaining)
