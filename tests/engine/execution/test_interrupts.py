"""Stopping a run (rules E-530 to E-532, E-912)."""

import asyncio
import threading
import time

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.errors import Interrupted
from app.engine.execution import interrupts
from app.engine.execution.interrupts import (
    InterruptProcessingException,
    interrupt_current_processing,
    processing_interrupted,
    shielded,
    stop_control,
    throw_exception_if_processing_interrupted,
)


@pytest.fixture
def stop_soon(engine):
    """Stop the run a moment after a node began; returns how long the run then took."""
    timers = []

    def stop_soon(prompt, *, delay=0.1, by=None):
        events = []
        stopped_at = []

        def stop():
            stopped_at.append(time.monotonic())
            (by or engine.interrupt)()

        def on_event(event):
            events.append(event)
            if event.NAME == "executing" and event.node is not None and not timers:
                timers.append(threading.Timer(delay, stop))
                timers[0].start()

        result = engine.run(prompt, on_event=on_event)
        ended = time.monotonic()
        timers[0].join()
        return result, events, ended - stopped_at[0]

    yield stop_soon
    for timer in timers:
        timer.cancel()
        timer.join()


def loop_of(body, **options):
    return node(returns=("*",), OUTPUT_NODE=True, **options)(body)


def spin(self):
    while True:
        pass


def swallow_exceptions(self):
    while True:
        try:
            while True:
                pass
        except Exception:  # noqa: BLE001 - what hostile nodes do
            continue


def swallow_progress(self):
    from app.engine.execution.progress import report_progress

    while True:
        try:
            report_progress(1, 2)
        except Exception:  # noqa: BLE001 - what hostile nodes do
            continue


@pytest.mark.parametrize("body", [spin, swallow_exceptions, swallow_progress])
def test_e912_a_busy_python_loop_ends_within_two_seconds(engine, stop_soon, body):
    add_class(engine, "Busy", loop_of(body))

    result, events, seconds = stop_soon(graph(n=("Busy", {})))

    assert result.status == "interrupted"
    assert seconds < 2
    assert (names(events, "execution_interrupted")[0].node_id) == "n"
    assert events[-2].node is None


def test_e531_a_progress_bar_stops_a_node(engine, stop_soon):
    kinds = []

    def work(self):
        from app.engine.execution.progress import report_progress

        try:
            while True:
                time.sleep(0.01)
                report_progress(1, 2)
        except BaseException as error:
            kinds.append(type(error))
            raise

    add_class(engine, "Bar", loop_of(work))
    result, _, _ = stop_soon(graph(n=("Bar", {})))

    assert result.status == "interrupted"
    assert kinds == [InterruptProcessingException]


def test_e912_async_nodes_are_cancelled_and_the_first_is_named(engine, stop_soon):
    cancelled = []

    async def wait(self, n):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(n)
            raise

    add_class(engine, "Sleep", loop_of(wait, required={"n": ("INT",)}))
    result, events, seconds = stop_soon(graph(a=("Sleep", {"n": 1}), b=("Sleep", {"n": 2})))

    assert (result.status, sorted(cancelled)) == ("interrupted", [1, 2])
    assert seconds < 1
    assert names(events, "execution_interrupted")[0].node_id == "a"


def test_e912_a_busy_coroutine_ends(engine, stop_soon):
    async def busy(self):
        await asyncio.sleep(0)
        while True:
            pass

    add_class(engine, "Busy", loop_of(busy))

    assert stop_soon(graph(n=("Busy", {})))[2] < 2


def test_e912_a_waiting_check_is_stopped(engine, stop_soon):
    async def check(self, x=None):
        await asyncio.sleep(60)

    slow = {"x": ("*", {"lazy": True})}
    add_class(engine, "Slow", node(
        slow, returns=(), OUTPUT_NODE=True, check_lazy_status=check
    )(lambda self, x: ()))  # fmt: skip
    result, _, seconds = stop_soon(graph(n=("Slow", {"x": 1})))

    assert (result.status, seconds < 1) == ("interrupted", True)


def test_e912_nothing_starts_after_a_stop(engine, stop_soon):
    def quick(self):
        time.sleep(0.3)
        return (1,)

    add_class(engine, "Quick", node(returns=("*",))(quick))
    result, _, _ = stop_soon(
        graph(n=("Quick", {}), out=("Show", {"value": ["n", 0]}), o2=("Show", {"value": 1}))
    )

    assert result.status == "interrupted"
    assert "out" not in result.executed


def test_e354_an_interrupted_run_is_not_complete(engine, stop_soon):
    add_class(engine, "Busy", loop_of(spin))
    result, _, _ = stop_soon(graph(n=("Busy", {})))

    status = engine.history.get()[result.prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)
    name, data = status["messages"][-1]
    assert name == "execution_interrupted"
    assert (data["node_id"], data["node_type"], data["executed"]) == ("n", "Busy", [])


def test_e530_the_next_run_is_not_stopped(engine, stop_soon):
    add_class(engine, "Busy", loop_of(spin))
    stop_soon(graph(n=("Busy", {})))
    engine.interrupt()

    assert engine.run(graph(out=("Show", {"value": 1}))).status == "success"


def test_e532_another_prompts_id_stops_nothing(engine, stop_soon):
    result, _, _ = stop_soon(
        graph(n=("Spin", {"seconds": 0.4}), out=("Show", {"value": ["n", 0]})),
        by=lambda: engine.interrupt("some-other-prompt"),
    )

    assert result.status == "success"


def test_e532_the_running_prompts_id_stops_it(engine, stop_soon):
    result, _, _ = stop_soon(
        graph(n=("Spin", {"seconds": 5.0}), out=("Show", {"value": ["n", 0]})),
        by=lambda: engine.interrupt(engine.queue.running.prompt_id),
    )

    assert result.status == "interrupted"


def test_e741_a_pack_may_stop_the_run_from_inside(engine):
    def stop(self):
        interrupt_current_processing()
        return (1,)

    add_class(engine, "Stop", node(returns=("*",))(stop))
    result = engine.run(graph(n=("Stop", {}), out=("Show", {"value": ["n", 0]})))

    assert result.status == "interrupted"


def test_e531_node_code_may_ask(engine, stop_soon):
    def ask(self):
        while not processing_interrupted():
            time.sleep(0.005)
        throw_exception_if_processing_interrupted()

    add_class(engine, "Ask", loop_of(ask))

    assert stop_soon(graph(n=("Ask", {})))[0].status == "interrupted"


def test_what_a_stopped_run_finished_stays_cached(engine, stop_soon):
    add_class(engine, "Busy", node({"v": ("*",)}, returns=("*",), OUTPUT_NODE=True)(
        lambda self, v: spin(self)
    ))  # fmt: skip
    stop_soon(graph(a=("Value", {"value": 1}), n=("Busy", {"v": ["a", 0]})))

    result = engine.run(graph(a=("Value", {"value": 1}), out=("Show", {"value": ["a", 0]})))

    assert result.executed == ["out"]


def test_a_node_that_catches_everything_shows_as_stuck(engine, stop_soon, monkeypatch):
    monkeypatch.setattr(interrupts, "STUCK_AFTER_S", 0.3)
    let_go = threading.Event()
    seen = []

    def hold(self):
        while not let_go.is_set():
            try:
                let_go.wait(0.01)
            except BaseException:  # noqa: BLE001 - what hostile nodes do
                continue

    def watch():
        engine.interrupt()
        while not seen:
            if engine.stuck is not None:
                seen.append(engine.stuck)
            time.sleep(0.02)
        let_go.set()

    add_class(engine, "Hold", loop_of(hold))
    result, _, _ = stop_soon(graph(n=("Hold", {})), by=watch)

    assert (result.status, seen[0].node_id) == ("interrupted", "n")
    assert engine.stuck is None


def test_a_shielded_step_is_not_torn_in_half(engine, stop_soon):
    steps = []

    def careful(self):
        with shielded():
            end = time.monotonic() + 0.6
            while time.monotonic() < end:
                pass
            steps.append("whole")
        while True:
            pass

    add_class(engine, "Careful", loop_of(careful))
    result, _, _ = stop_soon(graph(n=("Careful", {})))

    assert (result.status, steps) == ("interrupted", ["whole"])


def test_no_exception_reaches_code_after_the_run(engine):
    """Stop at every moment around the end of short runs; nothing may leak out of them."""
    add_class(engine, "Tick", loop_of(lambda self: [time.sleep(0.001)]))
    stop = threading.Event()

    def pester():
        while not stop.is_set():
            engine.interrupt()
            time.sleep(0.0003)

    thread = threading.Thread(target=pester)
    thread.start()
    statuses = set()
    try:
        for _ in range(150):
            statuses.add(engine.run(graph(n=("Tick", {}))).status)
            sum(range(200))
    finally:
        stop.set()
        thread.join()

    assert statuses <= {"success", "interrupted"}
    assert not stop_control.requested
    assert engine.run(graph(out=("Show", {"value": 1}))).status == "success"


def test_finishing_swallows_an_exception_that_was_sent_late():
    stop_control.begin("late").in_node = True
    stop_control.request()
    deadline = time.monotonic() + 5
    raised = False
    try:
        while time.monotonic() < deadline:
            pass
    except Interrupted:
        raised = True
    stop_control.finish()

    for _ in range(1000):
        pass
    assert raised


def test_the_stop_thread_ends_with_the_run(engine, stop_soon):
    add_class(engine, "Busy", loop_of(spin))
    stop_soon(graph(n=("Busy", {})))

    deadline = time.monotonic() + 2
    while time.monotonic() < deadline and any(
        thread.name == "easel-stop" for thread in threading.enumerate()
    ):
        time.sleep(0.01)
    assert not any(thread.name == "easel-stop" for thread in threading.enumerate())
