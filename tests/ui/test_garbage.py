"""Garbage is collected on the GUI thread only, so that Qt objects die where they live."""

import gc
import threading
import weakref

import pytest
from PySide6.QtWidgets import QApplication

from app.engine import garbage
from app.ui import garbage as window_garbage
from app.ui.garbage import GarbageCollector


class Cycle:
    """Something that only a collection removes; it notes on which thread."""

    def __init__(self, seen):
        self.me = self
        weakref.finalize(self, lambda: seen.append(threading.current_thread()))


@pytest.fixture
def collector(qapp, monkeypatch):
    monkeypatch.setattr(window_garbage, "IDLE_S", 0.0)
    monkeypatch.setattr(window_garbage, "INTERVAL_MS", 10)
    was_on = gc.isenabled()
    collector = GarbageCollector(QApplication.instance())
    assert not gc.isenabled()
    yield collector
    collector.close()
    assert gc.isenabled() is was_on


def test_what_the_engine_asks_for_is_collected_on_the_gui_thread(qtbot, collector):
    seen = []
    Cycle(seen)

    thread = threading.Thread(target=garbage.collect)
    thread.start()
    thread.join()
    assert not seen
    qtbot.waitUntil(lambda: bool(seen), timeout=3000)

    assert seen == [threading.main_thread()]


def test_much_young_garbage_of_another_thread_is_collected_on_the_gui_thread(qtbot, collector):
    seen = []

    def litter():
        for _ in range(20_000):
            Cycle(seen)

    thread = threading.Thread(target=litter)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(seen) > 1000, timeout=5000)

    assert set(seen) == {threading.main_thread()}


def test_without_a_window_collecting_is_pythons_own():
    garbage.set_collector(None)
    seen = []
    Cycle(seen)

    garbage.collect()

    assert seen
