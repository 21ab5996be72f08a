"""Prompts that wait, and what became of them (chapter 10 of the rules)."""

import threading

import pytest

from app.engine.execution.cache import UiOutput
from app.engine.execution.history import History
from app.engine.execution.queue import PromptQueue, QueueItem
from app.engine.execution.report import RunReport, RunResult


def item(number, prompt_id=None):
    return QueueItem(number, prompt_id or f"p{number}", {})


@pytest.fixture
def queue():
    return PromptQueue()


def drain(queue):
    taken = []
    while (each := queue.take(0)) is not None:
        taken.append(each.prompt_id)
        queue.done()
    return taken


def test_e540_lower_numbers_come_first(queue):
    for number in (3, 1, 2):
        queue.put(item(number))

    assert drain(queue) == ["p1", "p2", "p3"]


def test_e540_equal_numbers_go_by_id(queue):
    for prompt_id in ("b", "a"):
        queue.put(item(1, prompt_id))

    assert drain(queue) == ["a", "b"]


def test_e541_later_fronts_go_first(queue):
    assert [queue.next_number() for _ in range(2)] == [0, 1]
    assert [queue.next_number(front=True) for _ in range(2)] == [-2, -3]
    assert queue.next_number(7.5) == 7.5
    assert queue.next_number() == 4


def test_e542_a_waiting_prompt_can_be_deleted(queue):
    queue.put(item(1))
    queue.put(item(2))

    assert queue.delete("p1")
    assert not queue.delete("p1")
    assert drain(queue) == ["p2"]


def test_e542_clearing_leaves_the_running_one(queue):
    queue.put(item(1))
    queue.put(item(2))
    running = queue.take(0)
    queue.clear()

    assert (queue.running, queue.pending, queue.remaining) == (running, (), 1)


def test_e544_pending_and_running_count():
    counts = []
    queue = PromptQueue(counts.append)
    queue.put(item(1))
    queue.put(item(2))
    queue.take(0)
    queue.done()

    assert counts == [1, 2, 1]


def test_a_paused_queue_holds_prompts_back(queue):
    queue.put(item(1))
    queue.pause()

    assert (queue.paused, queue.take(0)) == (True, None)
    queue.resume()
    assert drain(queue) == ["p1"]


def test_taking_waits_for_a_prompt(queue):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take(5)))
    thread.start()
    queue.put(item(1))
    thread.join()

    assert taken[0].prompt_id == "p1"


@pytest.mark.parametrize("end", ["wake", "close"])
def test_taking_can_be_ended(queue, end):
    taken = []
    thread = threading.Thread(target=lambda: taken.append(queue.take()))
    thread.start()
    getattr(queue, end)()
    thread.join()

    assert taken == [None]


def add(history, prompt_id, status="success"):
    result = RunResult(prompt_id, status=status)
    result.report = RunReport()
    ui = UiOutput("9", {"images": []}, {"node_id": "9"})
    history.add(
        item(1, prompt_id), {"9": {}}, ["9"], result, {"9": ui},
        [("execution_start", {"prompt_id": prompt_id})],
    )  # fmt: skip


def test_e550_an_entry_has_the_shape_of_the_protocol():
    history = History()
    add(history, "a")

    assert history.get("a") == {
        "a": {
            "prompt": [1, "a", {"9": {}}, {}, ["9"]],
            "outputs": {"9": {"images": []}},
            "meta": {"9": {"node_id": "9"}},
            "status": {
                "status_str": "success",
                "completed": True,
                "messages": [["execution_start", {"prompt_id": "a"}]],
            },
        }
    }


def test_e551_the_oldest_goes():
    history = History(max_entries=2)
    for prompt_id in "abc":
        add(history, prompt_id)

    assert list(history.get()) == ["b", "c"]
    assert (len(history), "a" in history) == (2, False)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "abcde"), ({"max_items": 2}, "de"), ({"max_items": 2, "offset": -1}, "de"),
        ({"max_items": 2, "offset": 1}, "bc"), ({"offset": 0}, "abcde"), ({"offset": 3}, "de"),
        ({"max_items": 2, "offset": 9}, ""), ({"max_items": 9}, "abcde"),
    ],
)  # fmt: skip
def test_e552_a_part_of_the_history(options, expected):
    history = History()
    for prompt_id in "abcde":
        add(history, prompt_id)

    assert "".join(history.get(**options)) == expected


def test_an_entry_that_was_read_can_be_changed():
    history = History()
    add(history, "a")
    history.get("a")["a"]["outputs"].clear()

    assert history.get("a")["a"]["outputs"]


def test_entries_can_be_deleted():
    history = History()
    add(history, "a", "error")

    assert history.get("a")["a"]["status"]["status_str"] == "error"
    assert history.report("a") is not None
    assert history.delete("a")
    assert not history.delete("a")
    assert history.get("a") == {}
    add(history, "b")
    history.clear()
    assert len(history) == 0
