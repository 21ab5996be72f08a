"""Collects Python's garbage on the GUI thread, and only there.

A collection on the engine's thread would destroy Qt objects there, which crashes or stops
timers from the wrong thread. Young garbage is collected often and takes well under a
millisecond; everything is collected only when nobody touches the window.
"""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtGui import QCursor, QGuiApplication
from PySide6.QtWidgets import QApplication

from app.engine import garbage

INTERVAL_MS = 200
YOUNG = 5_000
MIDDLE = 20
IDLE_S = 2.0
FULL_EVERY_S = 30.0
DEEP_EVERY_S = 600.0


class GarbageCollector(QObject):
    """Takes garbage collection over from Python for as long as it lives.

    Args:
        application: The application.
    """

    _asked = Signal()

    def __init__(self, application: QApplication) -> None:
        super().__init__(application)
        self._was_on = gc.isenabled()
        gc.disable()
        self._wants_full = False
        self._moved = self._last_full = self._last_deep = time.monotonic()
        self._pointer = QCursor.pos()
        self._timer = QTimer(self)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(self._collect_some)
        self._timer.start()
        self._asked.connect(self._on_asked)
        garbage.set_collector(self._asked.emit)

    def close(self) -> None:
        """Hand collection back to Python, if it was Python's."""
        garbage.set_collector(None)
        self._timer.stop()
        if self._was_on:
            gc.enable()

    def _collect_all(self, now: float) -> None:
        """Collect what came since last time, and seldom everything; the rest is then at peace.

        With torch loaded and thousands of nodes a look at everything takes 150 ms, one at what is
        not frozen a fraction of a millisecond.
        """
        is_away = QGuiApplication.applicationState() != Qt.ApplicationState.ApplicationActive
        if is_away or now - self._last_deep > DEEP_EVERY_S:
            self._last_deep = now
            gc.unfreeze()
        gc.collect()
        gc.freeze()

    def _on_asked(self) -> None:
        self._wants_full = True

    def _collect_some(self) -> None:
        now = time.monotonic()
        pointer = QCursor.pos()
        if pointer != self._pointer or QGuiApplication.mouseButtons():
            self._pointer, self._moved = pointer, now
        is_idle = now - self._moved > IDLE_S
        is_due = self._wants_full or now - self._last_full > FULL_EVERY_S
        if is_idle and is_due:
            self._wants_full = False
            self._last_full = now
            self._collect_all(now)
            return
        young, middle, _ = gc.get_count()
        if middle > MIDDLE:
            gc.collect(1)
        elif young > YOUNG:
            gc.collect(0)
