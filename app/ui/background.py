"""Work that must not hold up the window: coroutines on the event loop, files in threads.

The GUI thread never touches the disk. A coroutine does ``await asyncio.to_thread(...)`` for that
and comes back to the GUI thread by itself. No dialog may be run with ``exec()`` inside one: it
breaks every other task of the loop (``open()`` and a signal do the same without harm).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.engine.errors import EaselError, describe

log = logging.getLogger("easel.ui")


class Background(QObject):
    """Keeps the window's tasks alive and reports those that fail.

    Args:
        report: Called with a sentence and its details when a task fails.
    """

    def __init__(self, report: Callable[[str, str], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._report = report
        self._tasks: set[asyncio.Task[Any]] = set()
        self._waiting: list[Coroutine[Any, Any, Any]] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._start_waiting)

    @property
    def count(self) -> int:
        """Number of tasks that are under way."""
        return len(self._tasks) + len(self._waiting)

    def run(self, work: Coroutine[Any, Any, Any]) -> None:
        """Start ``work`` on the event loop; before the loop runs it waits for it."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._waiting.append(work)
            self._timer.start()
            return
        task = loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finish)

    async def finish(self) -> None:
        """Wait until every task has ended; for the end of the program."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def close(self) -> None:
        """Drop what has not begun and cancel the rest."""
        self._timer.stop()
        for work in self._waiting:
            work.close()
        self._waiting.clear()
        for task in tuple(self._tasks):
            task.cancel()

    def _start_waiting(self) -> None:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._timer.start(20)
            return
        waiting, self._waiting = self._waiting, []
        for work in waiting:
            self.run(work)

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        if isinstance(error, EaselError):
            self._report(str(error), error.details)
            return
        log.error("A task of the window failed", exc_info=error)
        self._report(describe(error), "")
