"""What every test relies on: no screen is needed, and garbage is collected on one thread only."""

import gc
import os
import threading
from collections.abc import Generator

import pytest

# Before the first import of Qt. A developer may name another platform to watch the tests.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

MIDDLE_EVERY = 20
FULL_EVERY = 400


class GarbageKeeper:
    """Collects between tests, on the main thread, once there is a Qt application.

    Python collects on whatever thread allocates. A worker of one test that comes upon widgets an
    earlier test left behind destroys them on the wrong thread, and the process dies of it. The
    program guards itself the same way (:mod:`app.ui.garbage`).
    """

    def __init__(self) -> None:
        self._tests = 0
        self._is_wanted = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Take collection over for one test, and tidy up after it."""
        from PySide6.QtCore import QCoreApplication

        from app.engine import garbage

        asks_for_qt = "qapp" in getattr(item, "fixturenames", ())
        has_qt = asks_for_qt or QCoreApplication.instance() is not None
        if has_qt:
            gc.disable()
        garbage.set_collector(self._on_asked if has_qt else None)
        result = yield
        if has_qt:
            self._collect()
        return result

    def _on_asked(self) -> None:
        if threading.current_thread() is threading.main_thread():
            gc.collect()
        else:
            self._is_wanted = True

    def _collect(self) -> None:
        self._tests += 1
        if self._is_wanted or self._tests % FULL_EVERY == 0:
            self._is_wanted = False
            gc.collect()
        else:
            gc.collect(1 if self._tests % MIDDLE_EVERY == 0 else 0)


def pytest_configure(config: pytest.Config) -> None:
    """Let the keeper watch every test."""
    config.pluginmanager.register(GarbageKeeper(), "garbage-keeper")
