"""A thread for what runs need from the disk; its answers come back on the GUI thread."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

T = TypeVar("T")


class FilesThread(QObject):
    """Does one piece of work after the other, away from the GUI thread."""

    _done = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-files")
        self._closed = False
        self._done.connect(self._deliver)

    def submit(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do ``work`` on the thread, and call ``then`` with what it returns on the GUI thread.

        ``then`` is not called when ``work`` raises, or once the thread is closed.
        """
        if self._closed:
            return

        def run() -> None:
            answer = work()
            if not self._closed:
                self._done.emit(then, answer)

        self._pool.submit(run)

    def _deliver(self, then: Callable[[object], None], answer: object) -> None:
        then(answer)

    def close(self) -> None:
        """Wait for the work at hand and drop the rest."""
        self._closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)
