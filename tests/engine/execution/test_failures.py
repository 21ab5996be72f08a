"""Reports of failed nodes (rules E-350 to E-354, E-915)."""

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.failure import MAX_TEXT, describe_value


def failing(**extra):
    return graph(
        v=("Value", {"value": 1}), f=("Fail", {"text": "boom"}),
        out=("Show", {"value": ["f", 0]}), **extra,
    )  # fmt: skip


def test_e350_the_payload_has_everything(run):
    result, events = run(failing())

    payload = dict(result.error)
    frames = payload.pop("traceback")
    assert payload.pop("timestamp") > 0
    assert payload == {
        "prompt_id": result.prompt_id,
        "node_id": "f",
        "node_type": "Fail",
        "executed": [],
        "exception_message": "boom\n",
        "exception_type": "ValueError",
        "current_inputs": {"text": ["boom"]},
        "current_outputs": [],
    }
    assert "raise ValueError(text)" in frames[-1]
    assert "executor.py" not in frames[0]
    assert names(events, "execution_error")[0].payload == result.error


def test_e350_no_further_node_starts(run):
    result, _ = run(failing(late=("Show", {"value": ["v", 0]})))

    assert result.status == "error"
    assert result.outputs == {}


def test_e353_what_finished_before_is_kept(run):
    prompt = graph(
        v=("Value", {"value": 1}), a=("Show", {"value": ["v", 0]}), f=("Fail", {"text": "boom"}),
        out=("Show", {"value": ["f", 0]}),
    )  # fmt: skip
    first, _ = run(prompt)
    second, _ = run(prompt)

    assert first.executed == ["v", "a"]
    assert second.executed == []


def test_e350_errors_of_packs_have_qualified_names(run, engine):
    class PackError(Exception):
        pass

    def fail(self):
        raise PackError("p")

    add_class(engine, "Pack", node(returns=("*",))(fail))
    result, _ = run(graph(n=("Pack", {}), out=("Show", {"value": ["n", 0]})))

    assert result.error["exception_type"].endswith(".PackError")
    assert "." in result.error["exception_type"].removesuffix(".PackError")


def test_e352_out_of_memory_is_named_and_says_what_to_do(run, engine):
    def fail(self):
        raise MemoryError("too big")

    add_class(engine, "Big", node(returns=("*",))(fail))
    result, _ = run(graph(n=("Big", {}), out=("Show", {"value": ["n", 0]})))

    assert result.error["exception_type"] == "MemoryError"
    assert "not enough memory" in result.error["exception_message"]


def test_e352_out_of_memory_unloads_models(run, engine, monkeypatch):
    import sys
    import types

    unloaded = []
    management = types.ModuleType("comfy.model_management")
    management.unload_all_models = lambda: unloaded.append(True)
    monkeypatch.setitem(sys.modules, "comfy.model_management", management)

    def fail(self):
        raise MemoryError

    add_class(engine, "Big", node(returns=("*",))(fail))
    run(graph(n=("Big", {}), out=("Show", {"value": ["n", 0]})))

    assert unloaded == [True]


@pytest.mark.parametrize("value", [None, True, 3, 2.5, "text"])
def test_e350_plain_values_stay_as_they_are(value):
    assert describe_value(value) == value


def test_e915_long_texts_are_cut():
    assert len(describe_value("x" * 5000)) == MAX_TEXT


def test_e915_tensors_are_summarised():
    torch = pytest.importorskip("torch")
    tensor = torch.linspace(0, 1, 24).reshape(1, 2, 4, 3)

    assert describe_value(tensor) == "Tensor(1x2x4x3, float32, cpu, 0..1)"
    assert "Tensor(1x2x4x3" in describe_value([tensor, {"mask": tensor}])


def test_e915_containers_are_bounded():
    assert len(describe_value([["x" * 900] * 900] * 900)) <= MAX_TEXT


def test_e915_huge_integers_are_not_spelled_out():
    assert describe_value(10**9999).startswith("(an integer of")


def test_e915_a_value_that_cannot_be_shown_is_named():
    class Rude:
        def __str__(self):
            raise SystemExit

    assert describe_value(Rude()) == "(Rude that cannot be shown: SystemExit)"


def test_an_undeclared_link_into_nowhere_is_named(run):
    result, _ = run(
        graph(a=("Add", {"a": 1, "b": 2, "extra": ["gone", 0]}), out=("Show", {"value": ["a", 0]}))
    )

    assert (result.status, result.error["node_id"]) == ("error", "a")
    assert "gone" in result.error["exception_message"]


def test_a_bystander_that_cannot_describe_itself_does_not_matter(run, engine):
    asked = []

    def broken(cls):
        asked.append(1)
        raise RuntimeError("no inputs today")

    cls = node(returns=("*",))(lambda self: (1,))
    cls.INPUT_TYPES = classmethod(broken)
    add_class(engine, "Broken", cls)

    result, _ = run(
        graph(v=("Value", {"value": 1}), x=("Broken", {}), y=("Broken", {}),
              out=("Show", {"value": ["v", 0]}))
    )  # fmt: skip

    assert (result.status, asked) == ("success", [1])
