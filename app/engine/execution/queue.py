"""Prompts that wait for their turn (E-540 to E-544); they can be held back and reordered."""

from __future__ import annotations

import heapq
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
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
        on_flag: Called with the name of each wish that a pack leaves (E-543).
    """

    def __init__(
        self,
        on_change: Callable[[int], None] = lambda remaining: None,
        on_flag: Callable[[str], None] = lambda name: None,
    ) -> None:
        self._on_change = on_change
        self._on_flag = on_flag
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

    def restore(self, items: Iterable[QueueItem]) -> None:
        """Add prompts of an earlier queue at their old places; new ones come after them."""
        with self._condition:
            for item in items:
                heapq.heappush(self._items, item)
                self._counter = max(self._counter, math.floor(abs(item.number)) + 1)
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

    def snapshot(self) -> list[QueueItem]:
        """Return the running prompt and those that wait."""
        with self._condition:
            running = [] if self._running is None else [self._running]
            return [*running, *sorted(self._items)]

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

    def move(self, prompt_id: str, before: str | None = None) -> bool:
        """Let a waiting prompt run right before another one, or last.

        Args:
            prompt_id: The prompt to move.
            before: The prompt to stand in front of; None puts it at the end.

        Returns:
            Whether both are waiting.
        """
        with self._condition:
            items = {item.prompt_id: item for item in sorted(self._items)}
            moved = items.pop(prompt_id, None)
            if moved is None or (before is not None and before not in items):
                return False
            order = list(items.values())
            at = len(order) if before is None else list(items).index(before)
            low = order[at - 1].number if at > 0 else None
            high = order[at].number if at < len(order) else None
            order.insert(at, moved)
            number = _between(low, high)
            if number is not None:
                moved.number = number
            else:
                # No room between neighbours; prompts of equal number go by their ids.
                for place, item in enumerate(order, 1 - len(order)):
                    item.number = place
            heapq.heapify(self._items)
        self._changed()
        return True

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

    def set_flag(self, name: str) -> None:
        """Leave the wish ``unload_models`` or ``free_memory`` for the worker (E-543)."""
        self._on_flag(name)

    def close(self) -> None:
        """Let everybody who waits for a prompt go."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _changed(self) -> None:
        self._on_change(self.remaining)


def _between(low: float | None, high: float | None) -> float | None:
    """Return a number between two others, or None when there is none; None is no bound."""
    if low is None and high is None:
        return 0
    if low is None or high is None:
        return high - 1 if high is not None else (low or 0) + 1
    middle = (low + high) / 2
    return middle if low < middle < high else None
