"""An always-changed node whose result is the same makes nothing behind it run (a setting)."""

import pytest
from sample_nodes import add_class, graph, node

from app.engine.execution.cutoff import is_equal

NAN = float("nan")


class Clock:
    """What the always-changed node gives, and what its IS_CHANGED says."""

    def __init__(self):
        self.value = 1
        self.mark = NAN


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture(params=["classic", "lru:50"])
def engine(request, make_engine, clock):
    return ready(make_engine(early_cutoff=True, cache=request.param), clock)


def ready(engine, clock):
    add_class(engine, "Now", node(
        {}, returns=("*",), IS_CHANGED=classmethod(lambda cls: clock.mark)
    )(lambda self: (clock.value,)))  # fmt: skip
    add_class(engine, "Read", node(
        {"value": ("*",)}, returns=("*",), IS_CHANGED=classmethod(lambda cls, **_: clock.mark)
    )(lambda self, value: (value * 0 + 7,)))  # fmt: skip
    return engine


CHAIN = graph(
    now=("Now", {}),
    add=("Add", {"a": ["now", 0], "b": 1}),
    out=("Show", {"value": ["add", 0]}),
)


def test_an_equal_result_stops_the_change(engine, clock):
    engine.run(CHAIN)
    for _ in range(3):
        again = engine.run(CHAIN)
        assert (again.executed, again.cached) == (["now"], ["add", "out"])
        assert again.outputs == {"out": {"value": [2]}}


def test_another_result_goes_through(engine, clock):
    engine.run(CHAIN)
    clock.value = 5
    changed = engine.run(CHAIN)
    back = engine.run(CHAIN)

    assert (changed.executed, changed.outputs) == (["now", "add", "out"], {"out": {"value": [6]}})
    assert back.executed == ["now"]


def test_a_change_of_mark_without_a_change_of_result(engine, clock):
    clock.mark = "a"
    engine.run(CHAIN)
    clock.mark = "b"

    assert engine.run(CHAIN).executed == ["now"]
    assert engine.run(CHAIN).executed == []


def test_a_changed_constant_behind_it_runs(engine, clock):
    engine.run(CHAIN)
    other = graph(
        now=("Now", {}),
        add=("Add", {"a": ["now", 0], "b": 2}),
        out=("Show", {"value": ["add", 0]}),
    )

    assert engine.run(other).executed == ["now", "add", "out"]
    assert engine.run(other).executed == ["now"]


def test_two_always_changed_nodes_in_a_row(engine, clock):
    prompt = graph(
        now=("Now", {}),
        read=("Read", {"value": ["now", 0]}),
        add=("Add", {"a": ["read", 0], "b": 1}),
        out=("Show", {"value": ["add", 0]}),
    )
    engine.run(prompt)

    assert engine.run(prompt).executed == ["now", "read"]
    clock.value = 9
    assert engine.run(prompt).executed == ["now", "read", "add", "out"]
    assert engine.run(prompt).executed == ["now", "read"]


def test_a_lazy_branch_that_was_not_looked_at_counts_as_changed(engine, clock):
    prompt = graph(
        now=("Now", {}),
        seven=("Value", {"value": 7}),
        pick=("Pick", {"which": True, "yes": ["seven", 0], "no": ["now", 0]}),
        out=("Show", {"value": ["pick", 0]}),
    )
    engine.run(prompt)
    clock.value = 3

    again = engine.run(prompt)
    assert again.outputs == {"out": {"value": [7]}}
    assert "now" not in again.executed


def test_an_expansion_behind_it_is_served(engine, clock):
    prompt = graph(
        now=("Now", {}),
        loop=("Repeat", {"start": ["now", 0], "steps": 3}),
        out=("Show", {"value": ["loop", 0]}),
    )
    first = engine.run(prompt)
    again = engine.run(prompt)

    assert again.executed == ["now"]
    assert again.outputs == first.outputs


def test_without_the_setting_everything_behind_it_runs(make_engine, clock):
    engine = ready(make_engine(), clock)
    engine.run(CHAIN)

    assert engine.run(CHAIN).executed == ["now", "add", "out"]


def test_equality_is_certain_or_it_is_none():
    torch = pytest.importorskip("torch")
    import numpy

    one = {"samples": torch.arange(4.0), "more": [1, (2.0, "x")], "array": numpy.arange(3)}
    same = {"samples": torch.arange(4.0), "more": [1, (2.0, "x")], "array": numpy.arange(3)}
    assert is_equal([one], [same])
    for key, value in (
        ("samples", torch.arange(4)), ("samples", torch.arange(4.0) + 1e-6),
        ("more", [1, (2, "x")]), ("array", numpy.arange(4)),
        ("array", numpy.arange(3.0)), ("more", [1]),
    ):  # fmt: skip
        assert not is_equal(one, {**same, key: value})
    assert not is_equal([one], [one]), "one object may have been changed in place"
    assert not is_equal({"a": object()}, {"a": object()})
    assert not is_equal([NAN], [float("nan")])
    assert not is_equal({"a": 1}, {"b": 1})
    assert not is_equal([[1]] * 20_000, [[1] for _ in range(20_000)])
