"""Files are encoded while the next node runs, and are there before anything says so."""

import os
import threading
import time

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.finishing import MAX_PENDING, finish_later


@pytest.fixture
def gate():
    event = threading.Event()
    yield event
    event.set()


def saver(work, **options):
    """A node that leaves ``work(value)`` behind."""

    def save(self, value):
        finish_later(lambda: work(value))
        return {"ui": {"files": [value]}, "result": (value,)}

    declared = {"FINISHES_LATER": True, "OUTPUT_NODE": True, **options}
    return node({"value": ("*",)}, returns=("*",), **declared)(save)


def follower(act):
    def run(self, value):
        act()
        return {"ui": {"after": [value]}}

    return node({"value": ("*",)}, returns=(), OUTPUT_NODE=True)(run)


def test_the_next_node_runs_while_the_file_is_written(engine, run_on, gate):
    written = []

    def write(value):
        assert gate.wait(10)
        written.append(value)

    add_class(engine, "Save", saver(write))
    add_class(engine, "After", follower(gate.set))
    result, events = run_on(
        engine, graph(a=("Save", {"value": "x"}), b=("After", {"value": ["a", 0]}))
    )

    assert (result.status, written) == ("success", ["x"])
    assert result.executed == ["b", "a"]
    assert result.outputs["a"] == {"files": ["x"]}
    told = names(events, "executed")
    assert [event.node for event in told] == ["b", "a"]
    assert names(events, "execution_success")


def test_the_node_is_told_of_when_its_file_is_there(engine, gate):
    order = []
    add_class(engine, "Save", saver(lambda value: (time.sleep(0.05), order.append("file"))))

    def on_event(event):
        if event.NAME in ("executed", "execution_success"):
            order.append(event.NAME)

    engine.run(graph(a=("Save", {"value": 1})), on_event=on_event)

    assert order == ["file", "executed", "execution_success"]


def test_an_error_while_writing_is_an_error_of_the_node(engine, gate):
    def fail(value):
        raise OSError("the disk is full")

    add_class(engine, "Save", saver(fail))
    result = engine.run(graph(a=("Save", {"value": 1}), b=("Show", {"value": 2})))

    assert result.status == "error"
    assert (result.error["node_id"], result.error["exception_type"]) == ("a", "OSError")
    assert "a" not in result.outputs
    again = engine.run(graph(a=("Save", {"value": 1})))
    assert again.status == "error", "a node whose file is missing is not cached"


def test_a_written_file_is_cached(engine, gate):
    written = []
    add_class(engine, "Save", saver(written.append))
    engine.run(graph(a=("Save", {"value": 1})))
    again = engine.run(graph(a=("Save", {"value": 1})))

    assert (written, again.cached, again.outputs) == ([1], ["a"], {"a": {"files": [1]}})


def test_an_equal_node_waits_for_the_one_that_writes(engine, run_on, gate):
    done = []
    add_class(engine, "Save", saver(lambda value: (time.sleep(0.05), done.append(value))))
    told = []

    def on_event(event):
        if event.NAME == "executed":
            told.append((event.node, list(done)))

    engine.run(graph(a=("Save", {"value": 1}), b=("Save", {"value": 1})), on_event=on_event)

    assert told == [("a", [1]), ("b", [1])]


def test_an_interrupted_run_still_finishes_what_was_begun(engine, gate):
    written = []
    add_class(engine, "Save", saver(lambda value: (time.sleep(0.2), written.append(value))))
    add_class(engine, "Stop", follower(lambda: engine.interrupt()))
    result = engine.run(graph(a=("Save", {"value": 1}), b=("Stop", {"value": ["a", 0]})))

    assert (result.status, written) == ("interrupted", [1])
    assert result.executed[-1] == "a"


def test_a_failing_node_does_not_lose_files_that_were_begun(engine, gate):
    written = []

    def fail():
        raise ValueError("broken")

    add_class(engine, "Save", saver(lambda value: (time.sleep(0.1), written.append(value))))
    add_class(engine, "Fail", follower(fail))
    result = engine.run(graph(a=("Save", {"value": 1}), b=("Fail", {"value": ["a", 0]})))

    assert (result.error["node_id"], written) == ("b", [1])


def test_only_a_few_pictures_wait_at_once(engine, gate):
    waiting, most = [0], [0]
    lock = threading.Lock()

    def save(self):
        for _ in range(12):
            with lock:
                waiting[0] += 1
                most[0] = max(most[0], waiting[0])
            finish_later(work)
        return {}

    def work():
        time.sleep(0.01)
        with lock:
            waiting[0] -= 1

    add_class(engine, "Many", node(returns=(), OUTPUT_NODE=True, FINISHES_LATER=True)(save))

    assert engine.run(graph(n=("Many", {}))).status == "success"
    assert (waiting[0], most[0] <= MAX_PENDING + 1) == (0, True)


def test_a_class_derived_from_a_saving_one_has_its_files_at_once(engine, gate):
    seen = []
    base = saver(lambda value: seen.append("written"))

    class Derived(base):
        def run(self, value):
            result = super().run(value)
            seen.append("after")
            return result

    add_class(engine, "Derived", Derived)
    engine.run(graph(n=("Derived", {"value": 1})))

    assert seen == ["written", "after"]


def test_outside_a_run_work_is_done_at_once():
    done = []
    finish_later(lambda: done.append(1))

    assert done == [1]


def test_no_thread_is_left_behind(engine, gate):
    add_class(engine, "Save", saver(lambda value: None))
    engine.run(graph(a=("Save", {"value": 1})))

    assert not [t for t in threading.enumerate() if t.name.startswith("easel-finish")]


def test_saved_pictures_are_encoded_beside_the_next_node(tmp_path):
    torch = pytest.importorskip("torch")
    from PIL import Image

    from app.engine import Engine

    with Engine(tmp_path) as engine:
        engine.load_packs()
        from PIL.Image import Image as Picture

        threads = []
        original = Picture.save

        def save(self, *args, **options):
            threads.append(threading.current_thread().name)
            return original(self, *args, **options)

        prompt = {
            "1": {"class_type": "EmptyImage",
                  "inputs": {"width": 32, "height": 16, "batch_size": 3, "color": 0x102030}},
            "2": {"class_type": "SaveImage",
                  "inputs": {"images": ["1", 0], "filename_prefix": "p"}},
        }  # fmt: skip
        Picture.save = save
        try:
            result = engine.run(prompt)
        finally:
            Picture.save = original
        files = [each["filename"] for each in result.outputs["2"]["images"]]
        assert files == ["p_00001_.png", "p_00002_.png", "p_00003_.png"]
        for file in files:
            with Image.open(os.path.join(tmp_path, "output", file)) as picture:
                assert (picture.size, picture.getpixel((0, 0))) == ((32, 16), (16, 32, 48))
        assert len(threads) == 3
        assert all(name.startswith("easel-finish") for name in threads)
        assert torch.is_grad_enabled()


def test_two_saves_that_fail_end_the_run_once(engine, gate):
    def fail(value):
        time.sleep(0.02)
        raise OSError(f"cannot write {value}")

    add_class(engine, "Save", saver(fail))
    result = engine.run(graph(a=("Save", {"value": 1}), b=("Save", {"value": 2})))

    assert (result.status, result.error["node_id"]) == ("error", "a")
    assert result.executed == []
    assert engine.run(graph(out=("Show", {"value": 1}))).status == "success"
