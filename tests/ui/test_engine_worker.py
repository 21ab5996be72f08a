"""The engine's thread and its mailbox: nothing is lost, little is delivered twice."""

import threading
import time

import numpy as np
import pytest
from PySide6.QtCore import QThread

from app.engine.events import (
    ExecutedEvent,
    ExecutingEvent,
    PreviewEvent,
    ProgressEvent,
    StatusEvent,
)
from app.ui.engine_worker import EngineSignals, EngineWorker, EventMailbox


def progress(value, node="1"):
    return ProgressEvent("p", node, value, 10)


def take_all(mailbox):
    taken = []
    while (item := mailbox.take()) is not None:
        taken.append(item[0])
    return taken


def test_only_the_latest_progress_of_a_node_is_kept():
    mailbox = EventMailbox(lambda: None)

    for value in range(1000):
        mailbox.put(progress(value, "1"))
        mailbox.put(progress(value, "2"))

    assert take_all(mailbox) == [progress(999, "1"), progress(999, "2")]


def test_later_progress_never_slips_in_front_of_another_event():
    mailbox = EventMailbox(lambda: None)
    done = ExecutedEvent("p", "1", "1", None)

    for event in (progress(1), done, progress(2), progress(3)):
        mailbox.put(event)

    assert take_all(mailbox) == [progress(1), done, progress(3)]


def test_the_window_is_woken_once_for_many_events():
    woken = []
    mailbox = EventMailbox(lambda: woken.append(1))

    for value in range(50):
        mailbox.put(progress(value))
    mailbox.put(StatusEvent(1))
    take_all(mailbox)
    mailbox.put(StatusEvent(0))

    assert len(woken) == 2


def test_events_of_another_thread_arrive_in_order_on_the_gui_thread(qtbot):
    signals = EngineSignals()
    seen = []
    threads = set()
    signals.executing.connect(lambda event: seen.append(event.node))
    signals.executing.connect(lambda event: threads.add(QThread.currentThread()))

    def work():
        for index in range(300):
            signals.put(ExecutingEvent("p", str(index), str(index)))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    qtbot.waitUntil(lambda: len(seen) == 300, timeout=3000)

    assert seen == [str(index) for index in range(300)]
    assert threads == {QThread.currentThread()}


def test_a_preview_arrives_as_an_rgb32_image_with_the_same_colours(qtbot):
    signals = EngineSignals()
    rgb = np.zeros((4, 6, 3), np.uint8)
    rgb[..., 0], rgb[..., 1], rgb[..., 2] = 10, 120, 250

    with qtbot.waitSignal(signals.b_preview) as caught:
        signals.put(PreviewEvent("p", "1", "1", rgb, True))

    image = caught.args[1]
    assert image.format() == image.Format.Format_RGB32
    assert (image.width(), image.height()) == (6, 4)
    assert image.pixelColor(5, 3).getRgb()[:3] == (10, 120, 250)


PROMPT = {
    "1": {
        "class_type": "EmptyImage",
        "inputs": {"width": 32, "height": 24, "batch_size": 1, "color": 0},
    },
    "2": {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": "w"}},
}


@pytest.fixture
def worker(qtbot, tmp_path):
    worker = EngineWorker(tmp_path)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()
    yield worker
    assert worker.close()


def test_a_prompt_runs_on_the_thread_and_its_news_comes_by_signals(qtbot, worker, tmp_path):
    names = []
    signals = worker.signals
    for name in ("execution_start", "executing", "executed", "execution_success"):
        getattr(signals, name).connect(lambda event: names.append(event.NAME))

    with qtbot.waitSignal(signals.run_finished, timeout=20_000) as caught:
        worker.engine.submit(PROMPT)

    assert caught.args[0].result.status == "success"
    assert names[0] == "execution_start"
    assert "executed" in names
    assert (tmp_path / "output" / "w_00001_.png").exists()


def test_the_thread_keeps_definitions_for_the_next_start(qtbot, worker, tmp_path):
    path = tmp_path / "user" / "cache" / "object_info.json"

    qtbot.waitUntil(path.exists, timeout=10_000)

    assert '"SaveImage"' in path.read_text("utf-8")


def test_a_call_runs_between_prompts_on_the_engines_thread(qtbot, worker):
    seen = []

    worker.call(lambda engine: seen.append(threading.current_thread()))
    qtbot.waitUntil(lambda: bool(seen), timeout=5000)

    assert seen[0] is not threading.main_thread()


def test_closing_ends_the_thread_at_once(qtbot, tmp_path):
    worker = EngineWorker(tmp_path, load_packs=False)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()

    started = time.monotonic()
    assert worker.close()

    assert worker.isFinished()
    assert time.monotonic() - started < 5


def test_models_of_another_folder_are_offered(qtbot, tmp_path):
    other = tmp_path / "ComfyUI" / "models"
    (other / "loras").mkdir(parents=True)
    (other / "loras" / "ink.safetensors").write_bytes(b"")
    worker = EngineWorker(tmp_path / "home", model_dirs=(other,), load_packs=False)
    with qtbot.waitSignal(worker.ready, timeout=60_000):
        worker.start()

    found = worker.engine.folders.get_filename_list("loras")
    assert worker.close()

    assert found == ["ink.safetensors"]


def test_pictures_carry_their_workflow_only_when_that_is_wanted(qtbot, worker, tmp_path):
    extra = {"extra_pnginfo": {"workflow": {"nodes": []}}}
    for saves, name in ((True, "with"), (False, "without")):
        worker.set_metadata(saves)
        save = {"class_type": "SaveImage", "inputs": {"images": ["1", 0], "filename_prefix": name}}
        with qtbot.waitSignal(worker.signals.run_finished, timeout=20_000):
            worker.engine.submit({"1": PROMPT["1"], "2": save}, extra_data=extra)

    assert b"workflow" in (tmp_path / "output" / "with_00001_.png").read_bytes()
    assert b"workflow" not in (tmp_path / "output" / "without_00001_.png").read_bytes()
