"""What a run tells its listeners (chapter 9 of the rules)."""

import logging
import sys

import numpy
import pytest
from PIL import Image
from sample_nodes import add_class, graph, names, node

from app.engine.execution.previews import preview_to_rgb
from app.engine.execution.progress import (
    ProgressHandler,
    add_progress_handler,
    get_progress_state,
    report_progress,
)


def simple():
    return graph(a=("Value", {"value": 1}), out=("Show", {"value": ["a", 0]}))


def test_e500_events_come_in_the_order_of_the_protocol(run):
    _, events = run(simple())

    assert [event.NAME for event in events if event.NAME != "status"] == [
        "execution_start", "execution_cached",
        "progress_state", "executing", "progress_state",
        "progress_state", "executing", "executed", "progress_state",
        "execution_success", "executing",
    ]  # fmt: skip


def test_e502_timestamps_are_milliseconds(run):
    _, events = run(simple())

    start, end = names(events, "execution_start")[0], names(events, "execution_success")[0]
    assert 1.7e12 < start.timestamp <= end.timestamp


def test_e503_the_cached_list_comes_even_when_empty(run):
    assert names(run(simple())[1], "execution_cached")[0].nodes == ()


def test_e506_one_progress_event_for_each_update(run):
    _, events = run(graph(s=("Steps", {"steps": 3}), out=("Show", {"value": ["s", 0]})))

    assert [(e.node, e.value, e.max) for e in names(events, "progress")] == [
        ("s", 1, 3), ("s", 2, 3), ("s", 3, 3)
    ]  # fmt: skip


def test_e525_states_go_from_running_to_finished(run):
    _, events = run(graph(s=("Steps", {"steps": 3}), out=("Show", {"value": ["s", 0]})))

    deltas = [d for e in names(events, "progress_state") for d in e.nodes if d.node_id == "s"]
    assert (deltas[0].state, deltas[0].value, deltas[0].max) == ("running", 0.0, 1.0)
    assert (deltas[-1].state, deltas[-1].value, deltas[-1].max) == ("finished", 3, 3)


def test_e911_deltas_of_a_fast_node_are_coalesced(run):
    _, events = run(graph(s=("Steps", {"steps": 2000}), out=("Show", {"value": ["s", 0]})))

    deltas = [d for e in names(events, "progress_state") for d in e.nodes if d.node_id == "s"]
    assert len(names(events, "progress")) == 2000
    assert len(deltas) < 40


def test_e525_a_failed_node_ends_in_error(run):
    _, events = run(graph(f=("Fail", {"text": "x"}), out=("Show", {"value": ["f", 0]})))

    assert names(events, "progress_state")[-1].nodes[0].state == "error"


def test_e507_the_snapshot_has_the_shape_of_the_protocol(run):
    result, _ = run(simple())

    assert get_progress_state().snapshot()["a"] == {
        "value": 1.0, "max": 1.0, "state": "finished", "node_id": "a",
        "prompt_id": result.prompt_id, "display_node_id": "a", "parent_node_id": None,
        "real_node_id": "a",
    }  # fmt: skip


def test_e526_progress_can_name_another_node(run, engine):
    def tell(self):
        report_progress(1, 4, node_id="out")
        return (1,)

    add_class(engine, "Tell", node(returns=("*",))(tell))
    _, events = run(graph(t=("Tell", {}), out=("Show", {"value": ["t", 0]})))

    assert names(events, "progress")[0].node == "out"


def test_progress_outside_a_run_is_harmless():
    report_progress(1, 2)


class Recorder(ProgressHandler):
    def __init__(self, fails=False):
        super().__init__("recorder")
        self.seen = []
        self.fails = fails

    def start_handler(self, node_id, state, prompt_id):
        self.seen.append(("start", node_id))
        if self.fails:
            raise ValueError("handler")

    def update_handler(self, node_id, value, max_value, state, prompt_id, image=None):
        self.seen.append(("update", node_id, value))

    def finish_handler(self, node_id, state, prompt_id):
        self.seen.append(("finish", node_id))


@pytest.fixture
def recorder():
    recorder = Recorder()
    add_progress_handler(recorder)
    yield recorder
    get_progress_state().unregister_handler("recorder")


def test_e525_handlers_are_told(run, recorder):
    run(graph(s=("Steps", {"steps": 1}), out=("Show", {"value": ["s", 0]})))

    assert recorder.seen[:3] == [("start", "s"), ("update", "s", 1), ("finish", "s")]


def test_e525_a_disabled_handler_is_not_told(run, recorder):
    recorder.disable()
    run(simple())

    assert recorder.seen == []


def test_a_failing_handler_does_not_end_the_run(run, recorder, caplog):
    recorder.fails = True

    assert run(simple())[0].status == "success"
    assert "recorder" in caplog.text


def test_a_failing_listener_does_not_end_the_run(engine, caplog):
    def listen(event):
        raise ValueError("listener")

    assert engine.run(simple(), on_event=listen).status == "success"
    assert "listener" in caplog.text


def test_a_listener_of_one_run_that_listens_always_goes_on_listening(engine):
    heard = []
    listen = heard.append
    end = engine.subscribe(listen)

    engine.run(simple(), on_event=listen)
    twice = len(heard)
    engine.run(simple())

    assert len(heard) > twice
    end()
    count = len(heard)
    engine.run(simple())
    assert len(heard) == count


def picture(width=4, height=3):
    return numpy.arange(height * width * 3, dtype=numpy.uint8).reshape(height, width, 3)


@pytest.mark.parametrize(
    ("make", "shape"),
    [
        (lambda: ("JPEG", Image.fromarray(picture()), 512), (3, 4, 3)),
        (lambda: ("PNG", Image.fromarray(picture()), 2), (2, 2, 3)),
        (lambda: ("PNG", Image.new("RGBA", (40, 20)), None), (20, 40, 3)),
        (lambda: Image.new("L", (5, 6)), (6, 5, 3)),
        (picture, (3, 4, 3)),
        (lambda: numpy.zeros((2, 6, 5, 3), numpy.float32), (6, 5, 3)),
        (lambda: numpy.ones((6, 5, 1), numpy.float32), (6, 5, 3)),
    ],
)
def test_e521_previews_of_every_kind_become_rgb(make, shape):
    rgb, _ = preview_to_rgb(make())

    assert rgb.dtype == numpy.uint8
    assert rgb.shape[2] == shape[2]
    assert max(rgb.shape[:2]) == max(shape[:2])


def test_e521_float_pictures_are_scaled_and_clipped():
    rgb, owned = preview_to_rgb(numpy.array([[[-1.0, 0.5, 2.0]]]))

    assert (rgb.tolist(), owned) == ([[[0, 127, 255]]], True)


@pytest.mark.parametrize("value", ["text", 5, numpy.zeros((3, 3)), object()])
def test_what_is_no_picture_gives_no_preview(value):
    assert preview_to_rgb(value) is None


def test_e522_a_preview_names_its_node(run, engine):
    def work(self):
        report_progress(1, 2, picture())
        return (1,)

    add_class(engine, "Draw", node(returns=("*",))(work))
    _, events = run(graph(d=("Draw", {}), out=("Show", {"value": ["d", 0]})))

    preview = names(events, "b_preview")[0]
    assert (preview.node_id, preview.display_node, preview.rgb.shape) == ("d", "d", (3, 4, 3))


def test_a_broken_preview_does_not_end_the_run(run, engine, caplog):
    class Broken:
        size = (1, 1)

        def convert(self, mode):
            raise ValueError("broken picture")

    def work(self):
        report_progress(1, 2, Broken())
        return (1,)

    add_class(engine, "Draw", node(returns=("*",))(work))
    result, _ = run(graph(d=("Draw", {}), out=("Show", {"value": ["d", 0]})))

    assert result.status == "success"
    assert "broken picture" in caplog.text


def test_e511_what_a_node_prints_is_told(run, engine):
    def talk(self):
        sys.stdout.write("one\ntwo")
        logging.getLogger("pack").debug("not printed")
        return (1,)

    add_class(engine, "Talk", node(returns=("*",))(talk))
    _, events = run(graph(t=("Talk", {}), out=("Show", {"value": ["t", 0]})))

    assert [(e.node, e.text) for e in names(events, "logs")] == [("t", "one"), ("t", "two")]


def test_e511_a_progress_display_is_told_once(run, engine):
    def talk(self):
        for step in range(5):
            sys.stdout.write(f"\rstep {step}")
        sys.stdout.write("\n")
        return (1,)

    add_class(engine, "Talk", node(returns=("*",))(talk))
    _, events = run(graph(t=("Talk", {}), out=("Show", {"value": ["t", 0]})))

    assert [event.text for event in names(events, "logs")] == ["step 4"]
