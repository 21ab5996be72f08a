"""Nodes declared pure run side by side; nothing else changes."""

import threading
import time

import pytest
from sample_nodes import add_class, graph, node

from app.engine.execution.context import get_executing_context
from app.engine.execution.progress import report_progress


@pytest.fixture
def engine(make_engine):
    return make_engine(pure_workers=3)


def pure(body, **options):
    options = {"PURE_CPU": True, "OUTPUT_NODE": True, **options}
    return node({"value": ("*",)}, returns=("*",), **options)(body)


def test_pure_nodes_run_at_the_same_time(engine):
    meeting = threading.Barrier(3, timeout=10)

    def run(self, value):
        meeting.wait()
        return {"ui": {"value": [value]}, "result": (value,)}

    add_class(engine, "Meet", pure(run))
    result = engine.run(graph(**{name: ("Meet", {"value": name}) for name in "abc"}))

    assert result.outputs == {name: {"value": [name]} for name in "abc"}


def test_they_are_off_by_default(make_engine):
    engine = make_engine()
    names = []
    add_class(engine, "Name", pure(
        lambda self, value: (names.append(threading.current_thread()),)
    ))  # fmt: skip
    engine.run(graph(n=("Name", {"value": 1})))

    assert names == [threading.current_thread()]


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_results_are_the_same_with_any_number_of_threads(make_engine, workers):
    engine = make_engine(pure_workers=workers)

    def run(self, value):
        time.sleep(0.001 * ((value * 7) % 3))
        return (value + 1,)

    add_class(engine, "Grow", pure(run, OUTPUT_NODE=False))
    prompt = graph(many=("Many", {"count": 5}))
    for row in range(6):
        source = ["many", 0] if row == 0 else [f"g{row - 1}", 0]
        prompt[f"g{row}"] = {"class_type": "Grow", "inputs": {"value": source}}
        prompt[f"o{row}"] = {"class_type": "Show", "inputs": {"value": [f"g{row}", 0]}}
    add_class(engine, "Many", node(
        {"count": ("INT", {})}, returns=("*",), OUTPUT_IS_LIST=(True,)
    )(lambda self, count: (list(range(count)),)))  # fmt: skip
    result = engine.run(prompt)

    assert result.status == "success"
    assert result.outputs["o5"] == {"value": [6, 7, 8, 9, 10]}
    assert set(result.executed) == set(prompt)


def test_a_pure_node_knows_where_it_runs(engine):
    seen = []

    def run(self, value):
        seen.append(get_executing_context().node_id)
        report_progress(1, 2)
        return (value,)

    add_class(engine, "Where", pure(run))
    result = engine.run(graph(n=("Where", {"value": 1})))

    assert (result.status, seen) == ("success", ["n"])


def test_gradients_are_off_on_the_threads(engine):
    torch = pytest.importorskip("torch")
    seen = []
    add_class(engine, "Mode", pure(
        lambda self, value: (seen.append(torch.is_inference_mode_enabled()),)
    ))  # fmt: skip
    engine.run(graph(n=("Mode", {"value": 1})))

    assert seen == [True]


def test_an_error_is_the_nodes(engine):
    def fail(self, value):
        raise ValueError("broken")

    add_class(engine, "Fail", pure(fail))
    result = engine.run(graph(n=("Fail", {"value": 1})))

    assert (result.error["node_id"], result.error["exception_type"]) == ("n", "ValueError")


def test_e912_a_stop_ends_them_and_starts_no_more(engine):
    started = []

    def spin(self, value):
        started.append(value)
        while True:
            pass

    add_class(engine, "Spin", pure(spin))
    timer = threading.Timer(0.3, engine.interrupt)
    timer.start()
    begun = time.monotonic()
    result = engine.run(graph(**{f"n{i}": ("Spin", {"value": i}) for i in range(8)}))
    timer.join()

    assert result.status == "interrupted"
    assert time.monotonic() - begun < 4
    assert len(started) == 3
    assert not [t for t in threading.enumerate() if t.name.startswith("easel-pure")]
    assert engine.run(graph(out=("Show", {"value": 1}))).status == "success"


def test_a_class_derived_from_a_pure_one_is_not_pure_by_itself(engine):
    threads = []

    class Derived(pure(lambda self, value: (value,))):
        def run(self, value):
            threads.append(threading.current_thread())
            return (value,)

    add_class(engine, "Derived", Derived)
    engine.run(graph(n=("Derived", {"value": 1})))

    assert threads == [threading.current_thread()]
