"""V3 nodes in a run (chapter 3 of the rules, as far as the executor is concerned)."""

import asyncio

import pytest
from sample_nodes import add_class, graph, names

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.node_types.v3 import io


def v3(name, execute, inputs=(), outputs=None, **options):
    """Make a V3 class whose ``execute`` is ``execute(cls, **inputs)``."""
    schema_options = {
        key: options.pop(key)
        for key in ("hidden", "enable_expand", "is_output_node", "not_idempotent", "is_input_list")
        if key in options
    }

    def define_schema(cls):
        return io.Schema(
            node_id=name,
            inputs=list(inputs),
            outputs=[io.AnyType.Output()] if outputs is None else list(outputs),
            **schema_options,
        )

    body = {"define_schema": classmethod(define_schema), "execute": classmethod(execute)}
    body |= {key: classmethod(value) for key, value in options.items()}
    return type(name, (io.ComfyNode,), body)


def use(engine, name, execute, inputs=(), **options):
    add_class(engine, name, v3(name, execute, inputs, **options))


def test_e066_values_come_out(run, engine):
    use(engine, "Twice", lambda cls, a: io.NodeOutput(a * 2), [io.Int.Input("a")])

    result, _ = run(graph(t=("Twice", {"a": 4}), out=("Show", {"value": ["t", 0]})))

    assert result.outputs["out"] == {"value": [8]}


def test_e061_the_class_is_locked_and_fresh(run, engine):
    def execute(cls):
        cls.count = 1
        return io.NodeOutput(1)

    use(engine, "Stateful", execute)
    result, _ = run(graph(s=("Stateful", {}), out=("Show", {"value": ["s", 0]})))

    assert result.error["exception_type"] == "AttributeError"
    assert "locked class 'StatefulClone'" in result.error["exception_message"]


def test_e043_hidden_values_are_on_the_class(run, engine):
    def execute(cls):
        return io.NodeOutput((cls.hidden.unique_id, cls.hidden.prompt["h"]["class_type"]))

    use(engine, "Look", execute, hidden=[io.Hidden.unique_id, io.Hidden.prompt])
    result, _ = run(graph(h=("Look", {}), out=("Show", {"value": ["h", 0]})))

    assert result.outputs["out"] == {"value": [("h", "Look")]}


def two_that_ask_for_their_id(engine):
    use(engine, "Me", lambda cls: io.NodeOutput(cls.hidden.unique_id), hidden=[io.Hidden.unique_id])
    return graph(
        a=("Me", {}), b=("Me", {}), x=("Show", {"value": ["a", 0]}), y=("Show", {"value": ["b", 0]})
    )


def test_e904_a_v3_node_that_knows_its_id_is_not_shared(run, engine):
    result, _ = run(two_that_ask_for_their_id(engine))

    assert (result.outputs["x"], result.outputs["y"]) == ({"value": ["a"]}, {"value": ["b"]})


def test_e403_the_reference_shares_it(make_engine, run_on):
    engine = make_engine(strict_reference=True)

    result, _ = run_on(engine, two_that_ask_for_their_id(engine))

    assert (result.outputs["x"], result.outputs["y"]) == ({"value": ["a"]}, {"value": ["a"]})


@pytest.mark.parametrize(
    "answer", [lambda: io.NodeOutput(block_execution="no"), lambda: ExecutionBlocker("no")]
)
def test_e906_a_block_without_outputs_blocks_all(run, engine, answer):
    use(engine, "Stop", lambda cls: answer())
    result, events = run(graph(s=("Stop", {}), out=("Show", {"value": ["s", 0]})))

    assert (result.status, result.outputs) == ("success", {})
    assert names(events, "execution_error")[0].payload["node_id"] == "out"


def test_e069_the_reference_lets_it_through(make_engine, run_on):
    engine = make_engine(strict_reference=True)
    use(engine, "Stop", lambda cls: io.NodeOutput(block_execution="no"))

    result, _ = run_on(engine, graph(s=("Stop", {}), out=("Show", {"value": ["s", 0]})))

    assert result.outputs["out"] == {"value": [None]}


def test_e068_expanding_must_be_announced(run, engine):
    use(engine, "Sly", lambda cls: io.NodeOutput(1, expand={}))
    result, _ = run(graph(s=("Sly", {}), out=("Show", {"value": ["s", 0]})))

    assert "not expandable" in result.error["exception_message"]


def test_e068_an_announced_expansion_runs(run, engine):
    def execute(cls):
        inner = {"s.x": {"class_type": "Value", "inputs": {"value": 5}}}
        return io.NodeOutput(["s.x", 0], expand=inner)

    use(engine, "Open", execute, enable_expand=True)
    result, _ = run(graph(s=("Open", {}), out=("Show", {"value": ["s", 0]})))

    assert result.outputs["out"] == {"value": [5]}


def test_e310_an_async_execute_waits_beside_others(run, engine):
    async def execute(cls):
        await asyncio.sleep(0.05)
        return io.NodeOutput("late")

    use(engine, "Late", execute)
    result, _ = run(
        graph(l=("Late", {}), out=("Show", {"value": ["l", 0]}), o2=("Show", {"value": 1}))
    )

    assert result.outputs["out"] == {"value": ["late"]}
    assert result.executed == ["o2", "l", "out"]


def test_e330_lazy_inputs_of_v3_nodes(run, engine):
    def check(cls, want, x=None):
        return ["x"] if want and x is None else []

    inputs = [io.Boolean.Input("want"), io.AnyType.Input("x", lazy=True)]
    use(engine, "Lazy", lambda cls, want, x=None: io.NodeOutput(x), inputs, check_lazy_status=check)
    prompt = graph(
        v=("Value", {"value": 3}), bad=("Fail", {"text": "never"}),
        yes=("Lazy", {"want": True, "x": ["v", 0]}), no=("Lazy", {"want": False, "x": ["bad", 0]}),
        a=("Show", {"value": ["yes", 0]}), b=("Show", {"value": ["no", 0]}),
    )  # fmt: skip

    result, _ = run(prompt)

    assert (result.outputs["a"], result.outputs["b"]) == ({"value": [3]}, {"value": [None]})


def test_e406_fingerprints_decide_about_the_cache(run, engine):
    mark = ["one"]
    use(
        engine, "Marked", lambda cls: io.NodeOutput(1),
        fingerprint_inputs=lambda cls: mark[0],
    )  # fmt: skip
    prompt = graph(m=("Marked", {}), out=("Show", {"value": ["m", 0]}))
    run(prompt)
    same, _ = run(prompt)
    mark[0] = "two"
    other, _ = run(prompt)

    assert (same.executed, other.executed) == ([], ["m", "out"])


def test_e084_dynamic_inputs_arrive_nested(run, engine):
    template = io.Autogrow.TemplatePrefix(io.Int.Input("n"), prefix="n", min=1, max=4)
    use(engine, "Sum", lambda cls, ns: io.NodeOutput(dict(ns)), [io.Autogrow.Input("ns", template)])
    result, _ = run(
        graph(v=("Value", {"value": 2}), s=("Sum", {"ns.n0": ["v", 0], "ns.n1": 5}),
              out=("Show", {"value": ["s", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [{"n0": 2, "n1": 5}]}


def test_e303_input_lists_of_v3_nodes(run, engine):
    use(
        engine, "All", lambda cls, n: io.NodeOutput(sum(n)), [io.Int.Input("n")], is_input_list=True
    )
    result, _ = run(
        graph(n=("Numbers", {"count": 4}), s=("All", {"n": ["n", 0]}),
              out=("Show", {"value": ["s", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [6]}


def test_e070_ui_of_v3_nodes(run, engine):
    use(
        engine, "Ui", lambda cls: io.NodeOutput(ui={"text": ["hi"]}), outputs=[],
        is_output_node=True,
    )  # fmt: skip

    assert run(graph(u=("Ui", {})))[0].outputs == {"u": {"text": ["hi"]}}
