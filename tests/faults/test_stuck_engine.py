"""A node that never lets go is left behind; queue, history and listeners go on (E-912)."""

import threading
import time

import pytest

from app.engine import Engine
from app.engine.errors import EngineStateError
from app.engine.execution.progress import report_progress


class Show:
    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"value": ("INT", {})}}

    def run(self, value):
        return {"ui": {"value": [value]}}


class Hang(Show):
    let_go = threading.Event()
    tries = 0

    def run(self, value):
        print("stuck and printing")  # noqa: T201 - what nodes do
        while not self.let_go.is_set():
            try:
                time.sleep(0.01)
                report_progress(1, 2)
            except BaseException:  # noqa: BLE001 - what hostile nodes do
                Hang.tries += 1
        return {"ui": {"value": ["too late"]}}


def prompt(class_type, value=1):
    return {"n": {"class_type": class_type, "inputs": {"value": value}}}


@pytest.fixture
def stuck(tmp_path):
    """An engine whose worker thread hangs in a node, with two prompts waiting."""
    Hang.let_go = threading.Event()
    Hang.tries = 0
    engine = Engine(tmp_path, keep_queue=True)
    engine.registry.classes.update(Show=Show, Hang=Hang)
    engine.run(prompt("Show", 0))
    events = []
    engine.subscribe(events.append)
    engine.submit(prompt("Hang"), prompt_id="hangs")
    engine.submit(prompt("Show", 7), prompt_id="next")
    engine.submit(prompt("Show", 8), prompt_id="last")
    results = []
    thread = threading.Thread(target=lambda: results.append(engine.run_next()))
    thread.start()
    while engine.queue.running is None or not any(e.NAME == "executing" for e in events):
        time.sleep(0.005)
    engine.interrupt()
    while Hang.tries < 3:
        time.sleep(0.005)
    yield engine, events, thread, results
    Hang.let_go.set()
    thread.join(10)
    assert not thread.is_alive()


def test_a_successor_takes_queue_history_and_listeners_over(stuck):
    engine, events, thread, _ = stuck
    fresh = engine.successor()
    try:
        fresh.registry.classes.update(Show=Show, Hang=Hang)
        before = Hang.tries

        assert (engine.closed, fresh.closed, thread.is_alive()) == (True, False, True)
        assert [item.prompt_id for item in fresh.queue.pending] == ["next", "last"]
        assert len(fresh.history) == 1
        stopped = next(event for event in events if event.NAME == "execution_interrupted")
        assert (stopped.prompt_id, stopped.node_id) == ("hangs", "n")

        results = [fresh.run_next(0) for _ in range(2)]
        assert [result.outputs for result in results] == [
            {"n": {"value": [7]}}, {"n": {"value": [8]}}
        ]  # fmt: skip
        assert fresh.stuck is None
        deadline = time.monotonic() + 5
        while Hang.tries <= before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert Hang.tries > before, "the thread left behind is still told to stop"
    finally:
        fresh.close()


def test_the_thread_left_behind_disturbs_nobody_when_it_ends(stuck):
    engine, events, thread, results = stuck
    fresh = engine.successor()
    try:
        fresh.registry.classes.update(Show=Show)
        count = len(events)
        Hang.let_go.set()
        thread.join(10)

        assert results[0].status == "interrupted"
        assert not any(getattr(event, "prompt_id", "") == "hangs" for event in events[count:])
        assert fresh.run(prompt("Show", 3)).outputs == {"n": {"value": [3]}}
        with pytest.raises(EngineStateError, match="closed"):
            engine.run_next(0)
    finally:
        fresh.close()


def test_a_listener_of_the_engine_left_behind_can_still_leave(stuck):
    heard = []
    leave = stuck[0].subscribe(heard.append)
    fresh = stuck[0].successor()
    try:
        leave()
        count = len(heard)
        fresh.registry.classes.update(Show=Show)
        fresh.run(prompt("Show", 3))

        assert len(heard) == count
    finally:
        fresh.close()


def test_the_successor_keeps_the_queue_on_disk(stuck, tmp_path):
    fresh = stuck[0].successor()
    fresh.close()

    with Engine(tmp_path, keep_queue=True) as later:
        assert [item.prompt_id for item in later.queue.pending] == ["next", "last"]


def test_an_idle_engine_has_no_successor(tmp_path):
    with Engine(tmp_path) as engine:
        with pytest.raises(EngineStateError, match="nothing to give up"):
            engine.successor()
        assert not engine.closed
