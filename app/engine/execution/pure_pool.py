"""Nodes declared pure, side by side on a few threads (a setting, off by default).

A class says ``PURE_CPU = True`` for itself when equal inputs give equal results, and its
function changes nothing outside: no files, no models, no random state, no attributes. Results
are the same as one after the other; only the order in which such nodes end may differ.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any

from app.engine.errors import Interrupted
from app.engine.execution.interrupts import RESEND_S, send_interrupt

log = logging.getLogger("easel.engine")

PATIENCE_S = 5.0
"""How long the end of a run waits for calls that are told to stop."""


class PurePool:
    """Threads for the pure nodes of one run.

    Args:
        workers: How many run at once.
    """

    def __init__(self, workers: int) -> None:
        self._pool = ThreadPoolExecutor(workers, "easel-pure")
        self._inside: set[int] = set()
        self._lock = threading.Lock()
        self._closing = False

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
        """Return a coroutine function that runs ``function`` on one of the threads."""

        async def call(**arguments: Any) -> Any:
            context = contextvars.copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._pool, lambda: context.run(self._call, function, arguments)
            )

        return call

    def _call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        me = threading.get_ident()
        try:
            with self._lock:
                if self._closing:
                    raise Interrupted("The run has ended.")
                self._inside.add(me)
            with _inference_mode():
                return function(**arguments)
        except Interrupted as error:
            # The thread's own code must not see it, and asyncio reports no such exceptions.
            raise asyncio.CancelledError from error
        finally:
            with self._lock:
                self._inside.discard(me)

    def close(self) -> None:
        """Start nothing more, end what runs, and let the threads go.

        A call that does not end in five seconds is left behind.
        """
        self._closing = True
        self._pool.shutdown(wait=False, cancel_futures=True)
        deadline = time.monotonic() + PATIENCE_S
        while self._inside and time.monotonic() < deadline:
            with self._lock:
                for thread_id in self._inside:
                    send_interrupt(thread_id)
            time.sleep(RESEND_S / 10)
        if self._inside:
            log.warning("A node that counts as pure does not stop; its thread is left behind.")
        else:
            self._pool.shutdown()


def _inference_mode() -> Any:
    torch = sys.modules.get("torch")
    mode = getattr(torch, "inference_mode", None)
    return mode() if mode is not None else nullcontext()
