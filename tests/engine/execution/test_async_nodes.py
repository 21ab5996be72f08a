"""Asynchronous nodes (rules E-310 to E-314)."""

import asyncio
import time

from sample_nodes import add_class, graph, names, node

from app.engine.execution.context import get_executing_context
from app.engine.execution.graph_builder import GraphBuilder


def test_e310_async_nodes_wait_side_by_side(run):
    prompt = graph(**{f"w{i}": ("Wait", {"seconds": 0.2, "value": i}) for i in range(5)})
    prompt |= graph(**{f"o{i}": ("Show", {"value": [f"w{i}", 0]}) for i in range(5)})

    started = time.monotonic()
    result, _ = run(prompt)

    assert time.monotonic() - started < 0.7
    assert [result.outputs[f"o{i}"]["value"] for i in range(5)] == [[i] for i in range(5)]


def test_e310_sync_nodes_run_while_async_ones_wait(run):
    result, _ = run(
        graph(w=("Wait", {"seconds": 0.1, "value": 1}), a=("Show", {"value": ["w", 0]}),
              v=("Value", {"value": 2}), b=("Show", {"value": ["v", 0]}))
    )  # fmt: skip

    assert result.executed == ["v", "b", "w", "a"]


def test_e310_list_elements_of_one_node_run_together_and_keep_their_order(run):
    started = time.monotonic()
    result, _ = run(
        graph(n=("Numbers", {"count": 5}), w=("Wait", {"seconds": 0.15, "value": ["n", 0]}),
              out=("Show", {"value": ["w", 0]}))
    )  # fmt: skip

    assert time.monotonic() - started < 0.6
    assert result.outputs["out"] == {"value": [0, 1, 2, 3, 4]}


def test_e310_a_node_that_never_waits_ends_at_once(run):
    _, events = run(
        graph(w=("Wait", {"seconds": 0.0, "value": 1}), out=("Show", {"value": ["w", 0]}))
    )

    assert [event.node for event in names(events, "executing")].count("w") == 1


def test_e311_an_exception_in_a_task_fails_its_node(run, engine):
    async def fail(self):
        await asyncio.sleep(0.01)
        raise ValueError("later")

    add_class(engine, "Late", node(returns=("*",))(fail))
    result, _ = run(graph(n=("Late", {}), out=("Show", {"value": ["n", 0]})))

    assert (result.error["node_id"], result.error["exception_type"]) == ("n", "ValueError")
    assert result.error["current_inputs"] == {}


def test_e311_other_tasks_are_cancelled_at_the_end(run, engine):
    ends = []

    async def endless(self):
        try:
            await asyncio.sleep(60)
        finally:
            ends.append("cancelled")

    add_class(engine, "Endless", node(returns=("*",))(endless))
    started = time.monotonic()
    result, _ = run(
        graph(e=("Endless", {}), f=("Fail", {"text": "now"}), a=("Show", {"value": ["e", 0]}),
              b=("Show", {"value": ["f", 0]}))
    )  # fmt: skip

    assert (result.error["node_id"], ends) == ("f", ["cancelled"])
    assert time.monotonic() - started < 5


def test_e312_the_context_follows_awaits(run, engine):
    async def who(self, v):
        await asyncio.sleep(0.01 * (3 - v))
        context = get_executing_context()
        return ((context.node_id, context.list_index),)

    add_class(engine, "Who", node({"v": ("*",)}, returns=("*",))(who))
    result, _ = run(
        graph(n=("Numbers", {"count": 3}), w=("Who", {"v": ["n", 0]}),
              out=("Show", {"value": ["w", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [("w", 0), ("w", 1), ("w", 2)]}


def test_e342_async_expansions_do_not_mix_up_their_ids(run, engine):
    async def build(self, v):
        await asyncio.sleep(0.01 * (3 - v))
        builder = GraphBuilder()
        return {"result": (builder.node("Value", value=v).out(0),), "expand": builder.finalize()}

    add_class(engine, "Build", node({"v": ("*",)}, returns=("*",))(build))
    result, _ = run(
        graph(n=("Numbers", {"count": 3}), b=("Build", {"v": ["n", 0]}),
              out=("Show", {"value": ["b", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [0, 1, 2]}
    assert [each for each in result.executed if each.startswith("b.")] == [
        "b.0.0.1", "b.1.0.1", "b.2.0.1"
    ]  # fmt: skip


def test_e310_a_hidden_coroutine_is_awaited(run, engine):
    async def work():
        await asyncio.sleep(0)
        return (5,)

    add_class(engine, "Wrapped", node(returns=("*",))(lambda self: work()))
    result, _ = run(graph(n=("Wrapped", {}), out=("Show", {"value": ["n", 0]})))

    assert result.outputs["out"] == {"value": [5]}


def test_e314_a_run_works_inside_a_running_loop(engine):
    async def main():
        return engine.run(
            graph(w=("Wait", {"seconds": 0.01, "value": 1}), out=("Show", {"value": ["w", 0]}))
        )

    assert asyncio.run(main()).outputs["out"] == {"value": [1]}


def test_e321_a_blocked_async_call_is_skipped(run):
    result, _ = run(
        graph(g=("Gate", {"value": 1, "message": ""}),
              w=("Wait", {"seconds": 5.0, "value": ["g", 0]}), out=("Show", {"value": ["w", 0]}))
    )  # fmt: skip

    assert (result.status, result.outputs) == ("success", {})


def test_an_async_node_may_call_sys_exit(run, engine):
    async def leave(self):
        await asyncio.sleep(0.01)
        raise SystemExit(3)

    add_class(engine, "Leave", node(returns=("*",))(leave))
    result, _ = run(graph(n=("Leave", {}), out=("Show", {"value": ["n", 0]})))

    assert result.error["exception_type"] == "SystemExit"


def test_e313_an_async_check_is_awaited_while_other_nodes_end(run, engine):
    async def check(self, x=None):
        await asyncio.sleep(0.1)
        return []

    cls = node({"x": ("*", {"lazy": True})}, returns=("*",), check_lazy_status=check)
    add_class(engine, "Slow", cls(lambda self, x: ("checked",)))
    result, _ = run(
        graph(w=("Wait", {"seconds": 0.02, "value": 1}), a=("Show", {"value": ["w", 0]}),
              s=("Slow", {"x": ["w", 0]}), b=("Show", {"value": ["s", 0]}))
    )  # fmt: skip

    assert result.outputs == {"a": {"value": [1]}, "b": {"value": ["checked"]}}
