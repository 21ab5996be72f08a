"""The queue outlives the program, and can be paused and reordered."""

import json
import time

import pytest
from sample_nodes import add_class, graph, node

from app.engine import Engine
from app.engine.execution.queue import PromptQueue, QueueItem
from app.engine.execution.queue_keeper import QueueKeeper


def shows(value):
    return graph(out=("Show", {"value": value}))


@pytest.fixture
def keeping(make_engine):
    return lambda: make_engine(keep_queue=True)


def waiting(engine):
    return [item.prompt_id for item in engine.queue.pending]


def test_the_queue_survives_a_restart_and_is_paused(keeping):
    engine = keeping()
    engine.submit(shows(1), prompt_id="first", extra_data={"a": [1]}, targets=["out", ("out", 0)])
    engine.submit(shows(2), prompt_id="odd / name")
    engine.submit(shows(3), front=True, prompt_id="front")

    again = keeping()

    assert again.queue.paused
    assert again.run_next(0) is None
    assert waiting(again) == ["front", "first", "odd / name"]
    restored = again.queue.pending[1]
    assert restored.targets == ("out", ("out", 0))
    assert restored.extra_data["a"] == [1]
    again.queue.resume()
    assert [again.run_next(0).prompt_id for _ in range(3)] == ["front", "first", "odd / name"]


def test_an_empty_queue_is_not_paused(keeping):
    keeping()

    assert not keeping().queue.paused


def test_new_prompts_come_after_restored_ones(keeping):
    engine = keeping()
    for name in "abc":
        engine.submit(shows(1), prompt_id=name)
    again = keeping()
    again.submit(shows(1), prompt_id="d")

    assert waiting(again) == list("abcd")


def test_prompts_that_ran_or_were_deleted_do_not_come_back(keeping):
    engine = keeping()
    for name in "abc":
        engine.submit(shows(1), prompt_id=name)
    engine.run_next(0)
    engine.queue.delete("c")

    assert waiting(keeping()) == ["b"]


def test_a_prompt_that_ran_when_the_program_died_comes_back(make_engine, tmp_path):
    engine = make_engine(keep_queue=True)
    files = tmp_path / "user" / "queue"
    kept = {}

    def die(self):
        deadline = time.monotonic() + 5
        while len(list(files.glob("*.json"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        kept.update({file.name: file.read_bytes() for file in files.glob("*.json")})
        return ()

    add_class(engine, "Die", node(returns=(), OUTPUT_NODE=True)(die))
    engine.submit(graph(n=("Die", {})), prompt_id="running")
    engine.run_next(0)
    engine.close()
    kept.pop("owner.json")
    for name, data in kept.items():
        (files / name).write_bytes(data)

    assert waiting(make_engine(keep_queue=True)) == ["running"]


def test_e704_secrets_are_not_written(keeping, tmp_path):
    engine = keeping()
    engine.submit(shows(1), extra_data={"api_key_comfy_org": "s3cret"})
    engine.close()

    files = list((tmp_path / "user" / "queue").glob("*.json"))
    assert len(files) == 1
    assert "s3cret" not in files[0].read_text()


def test_a_damaged_file_is_put_aside(keeping, tmp_path):
    engine = keeping()
    engine.submit(shows(1), prompt_id="good")
    engine.close()
    folder = tmp_path / "user" / "queue"
    (folder / "aaaaaaaa.json").write_text("{half")
    (folder / "bbbbbbbb.json").write_text(json.dumps({"version": 1, "prompt": []}))

    assert waiting(keeping()) == ["good"]
    assert sorted(file.name for file in folder.glob("*.broken")) == [
        "aaaaaaaa.broken", "bbbbbbbb.broken"
    ]  # fmt: skip


def test_a_prompt_that_is_no_json_is_left_out(keeping, caplog):
    engine = keeping()
    engine.submit(shows(object()))
    engine.submit(shows(1), prompt_id="plain")

    assert waiting(keeping()) == ["plain"]


def test_a_second_program_does_not_take_the_queue(tmp_path):
    import subprocess
    import sys

    code = "import psutil, time; print(psutil.Process().create_time(), flush=True); time.sleep(60)"
    other = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        folder = tmp_path / "user" / "queue"
        folder.mkdir(parents=True)
        owner = [other.pid, float(other.stdout.readline())]
        (folder / "owner.json").write_text(json.dumps(owner))
        item = {"version": 1, "number": 0, "prompt_id": "x", "prompt": {}, "extra_data": {},
                "targets": None, "created": 0}  # fmt: skip
        (folder / "cccccccc.json").write_text(json.dumps(item))

        with Engine(tmp_path, keep_queue=True) as engine:
            assert waiting(engine) == []
        assert (folder / "cccccccc.json").exists()
    finally:
        other.kill()
        other.wait()
        other.stdout.close()


def test_a_disk_that_refuses_does_not_stop_the_queue(tmp_path, monkeypatch, caplog):
    from app.engine.execution import queue_keeper
    from app.engine.files import FileSaveError

    keeper = QueueKeeper(tmp_path)
    queue = PromptQueue(lambda remaining: keeper.note_change())
    keeper.load()
    keeper.start(queue)

    def refuse(path, data):
        raise FileSaveError("the disk is full")

    monkeypatch.setattr(queue_keeper, "write_atomic", refuse)
    queue.put(QueueItem(0, "a", {}))
    keeper.close()

    assert queue.take(0).prompt_id == "a"
    assert "the disk is full" in caplog.text


def queue_of(*numbers):
    queue = PromptQueue()
    for name, number in zip("abcdefgh", numbers, strict=False):
        queue.put(QueueItem(number, name, {}))
    return queue


@pytest.mark.parametrize("numbers", [(0, 1, 2, 3), (0, 0, 0, 0), (-1, 0, 0, 5e-324)])
@pytest.mark.parametrize(
    ("moved", "before", "order"),
    [
        ("c", "a", "cabd"), ("a", None, "bcda"), ("d", "b", "adbc"), ("b", "c", "abcd"),
        ("a", "d", "bcad"), ("d", "a", "dabc"),
    ],
)  # fmt: skip
def test_a_waiting_prompt_can_be_moved(numbers, moved, before, order):
    queue = queue_of(*numbers)

    assert queue.move(moved, before)
    assert "".join(item.prompt_id for item in queue.pending) == order
    assert queue.take(0).prompt_id == order[0]


@pytest.mark.parametrize(("moved", "before"), [("x", None), ("a", "x"), ("a", "a")])
def test_what_does_not_wait_is_not_moved(moved, before):
    queue = queue_of(0, 1)

    assert not queue.move(moved, before)
    assert [item.prompt_id for item in queue.pending] == ["a", "b"]


def test_a_new_order_survives_a_restart(keeping):
    engine = keeping()
    for name in "abc":
        engine.submit(shows(1), prompt_id=name)
    engine.queue.move("c", "a")

    assert waiting(keeping()) == list("cab")
