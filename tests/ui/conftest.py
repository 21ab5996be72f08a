"""Fixtures: an event loop for coroutines, and a whole window on the offscreen platform."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest
import qasync
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication
from window_hands import CHAIN, DEFINITIONS, FakePort, settle, top_levels

from app.engine.settings import Settings
from app.ui import theme


@pytest.fixture(scope="session")
def window_fonts(qapp):
    theme.load_fonts()


@pytest.fixture
def loop(qapp):
    """An event loop that counts as running while the test spins Qt's events."""
    loop = qasync.QEventLoop(qapp)
    asyncio.set_event_loop(loop)
    # Not run_forever: that ends with QApplication.exit, after which no test could spin events.
    asyncio.events._set_running_loop(loop)
    yield loop
    asyncio.events._set_running_loop(None)
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture
def style(window_fonts):
    return theme.load_style("dark")


@pytest.fixture
def make_window(qtbot, loop, window_fonts, tmp_path):
    """Make windows that are closed at the end and leave nothing behind."""
    from app.ui.main_window import MainWindow

    windows = []
    before = threading.active_count()

    def make(settings=None, definitions=DEFINITIONS, home=None, port=None, files=()):
        """Make and show a window; its panels are on whatever the size of the screen."""
        QApplication.setQuitOnLastWindowClosed(False)
        window = MainWindow(
            settings or Settings(), definitions, port or FakePort(), home or tmp_path / "home"
        )
        windows.append(window)
        window.resize(1400, 900)
        for side in ("left", "right"):
            window.frame.show_side(side, bool(window.state.get(f"shows_{side}", True)))
        window.session.open_at_start(list(files))
        window.show()
        qtbot.waitExposed(window)
        qtbot.waitUntil(lambda: window.session.is_begun)
        settle(window)
        return window

    yield make
    for window in windows:
        if shiboken6.isValid(window):
            window.close_for_good()
            window.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    gc.collect()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    assert not [window for window in windows if shiboken6.isValid(window)]
    assert not top_levels(), "a test left a window behind"
    # The loop keeps one pool of threads; it ends with the loop.
    assert threading.active_count() <= before + 8


@pytest.fixture
def window(make_window):
    """A window without a document."""
    return make_window()


@pytest.fixture
def chain(window):
    """A window that shows a loader, a blur and a saver in a row; the tab."""
    import json

    from app.engine.workflow.reader import read_workflow

    item = window.files.add(read_workflow(json.dumps(CHAIN)), name="Chain")
    QApplication.processEvents()
    return item
