"""Who hears the engine's events."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from app.engine.errors import describe
from app.engine.events import Event, EventCallback

log = logging.getLogger("easel.engine")


class Listeners:
    """A list of callbacks that any thread may add to, take from and call."""

    def __init__(self) -> None:
        # Each in a list of its own, so that one that was added twice can leave once.
        self._callbacks: tuple[list[EventCallback], ...] = ()
        self._lock = threading.Lock()

    def add(self, callback: EventCallback) -> Callable[[], None]:
        """Call ``callback(event)`` for every event from now on; return what ends that."""
        entry = [callback]
        with self._lock:
            self._callbacks = (*self._callbacks, entry)

        def remove() -> None:
            with self._lock:
                self._callbacks = tuple(each for each in self._callbacks if each is not entry)

        return remove

    def tell(self, event: Event) -> None:
        """Call all; one that fails is logged and does not disturb the others."""
        for (callback,) in self._callbacks:
            try:
                callback(event)
            except Exception as error:  # noqa: BLE001 - a listener must not end the run
                log.error("A listener failed at %s: %s", event.NAME, describe(error))
