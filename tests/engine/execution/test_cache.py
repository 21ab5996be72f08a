"""What is kept between runs (chapter 8 of the rules)."""

import gc
import weakref

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.errors import SettingsError
from app.engine.execution.cache import (
    CacheEntry,
    LruCache,
    NoCache,
    RamCache,
    ResultCache,
    make_cache,
)


def chain(seed=1):
    return graph(
        a=("Value", {"value": seed}), b=("Add", {"a": ["a", 0], "b": 1}),
        out=("Show", {"value": ["b", 0]}),
    )  # fmt: skip


def test_e400_a_second_run_executes_nothing(run):
    run(chain())

    result, events = run(chain())

    assert result.executed == []
    assert result.cached == ["out"]
    assert result.outputs == {"out": {"value": [2]}}
    assert names(events, "execution_cached")[0].nodes == ("a", "b", "out")


def test_e411_a_cached_output_sends_executed_without_executing(run):
    run(chain())

    _, events = run(chain())

    assert [event.node for event in names(events, "executing")] == [None]
    assert [(e.node, e.output, e.cached) for e in names(events, "executed")] == [
        ("out", {"value": [2]}, True)
    ]


def test_e401_ids_do_not_matter(run):
    run(chain())
    renamed = graph(
        x=("Value", {"value": 1}), y=("Add", {"b": 1, "a": ["x", 0]}),
        z=("Show", {"value": ["y", 0]}),
    )  # fmt: skip

    assert run(renamed)[0].executed == []


def test_e401_one_constant_reruns_only_what_is_below_it(run):
    prompt = chain()
    run(prompt)
    prompt["b"]["inputs"]["b"] = 5

    assert run(prompt)[0].executed == ["b", "out"]


def test_e402_equal_nodes_of_one_prompt_run_once(run):
    prompt = graph(
        a=("Value", {"value": 1}), b=("Value", {"value": 1}),
        x=("Show", {"value": ["a", 0]}), y=("Show", {"value": ["b", 0]}),
    )  # fmt: skip

    result, events = run(prompt)

    assert result.executed == ["a", "x"]
    assert {e.node: e.cached for e in names(events, "executed")} == {
        "x": False,
        "b": True,
        "y": True,
    }
    assert result.outputs["y"] == {"value": [1]}


def test_e403_a_node_that_knows_its_id_is_not_shared(run):
    prompt = graph(
        a=("WhoAmI", {}), b=("WhoAmI", {}),
        x=("Show", {"value": ["a", 0]}), y=("Show", {"value": ["b", 0]}),
    )  # fmt: skip

    result, _ = run(prompt)

    assert (result.outputs["x"], result.outputs["y"]) == ({"value": ["a"]}, {"value": ["b"]})


def test_e404_a_node_that_is_not_idempotent_is_not_shared(run, engine):
    add_class(engine, "Dice", node(returns=("*",), NOT_IDEMPOTENT=True)(lambda self: (object(),)))
    prompt = graph(
        a=("Dice", {}), b=("Dice", {}), x=("Show", {"value": ["a", 0]}),
        y=("Show", {"value": ["b", 0]}),
    )  # fmt: skip

    assert run(prompt)[0].executed == ["a", "x", "b", "y"]


def test_e406_nan_runs_always_and_everything_below_it(run):
    prompt = graph(a=("Always", {"value": 1}), out=("Show", {"value": ["a", 0]}))
    run(prompt)

    assert run(prompt)[0].executed == ["a", "out"]


def test_e406_is_changed_gets_constants_and_none_for_links(run, engine):
    seen = []

    def changed(cls, **kwargs):
        seen.append(kwargs)
        return 1

    cls = node({"a": ("*",), "b": ("*",)}, returns=("*",), IS_CHANGED=classmethod(changed))
    add_class(engine, "Watch", cls(lambda self, a, b: (a,)))

    run(
        graph(v=("Value", {"value": 1}), w=("Watch", {"a": ["v", 0], "b": 3}),
              out=("Show", {"value": ["w", 0]}))
    )  # fmt: skip

    assert seen == [{"a": None, "b": 3}]


def test_e406_a_failing_is_changed_counts_as_changed(run, engine):
    def changed(cls):
        raise RuntimeError("no")

    cls = node(returns=("*",), IS_CHANGED=classmethod(changed))(lambda self: (1,))
    add_class(engine, "Broken", cls)
    prompt = graph(n=("Broken", {}), out=("Show", {"value": ["n", 0]}))
    run(prompt)

    assert run(prompt)[0].executed == ["n", "out"]


def test_e313_an_async_is_changed_is_awaited(run, engine):
    async def changed(cls):
        return "same"

    cls = node(returns=("*",), IS_CHANGED=classmethod(changed))(lambda self: (1,))
    add_class(engine, "Later", cls)
    prompt = graph(n=("Later", {}), out=("Show", {"value": ["n", 0]}))
    run(prompt)

    assert run(prompt)[0].executed == []


def test_e408_e909_is_changed_does_not_leak_into_the_prompt(run, engine):
    def peek(self, prompt):
        return (dict(prompt["a"]),)

    add_class(engine, "Peek", node(hidden={"prompt": "PROMPT"}, returns=("*",))(peek))
    prompt = graph(
        a=("Always", {"value": 1}), p=("Peek", {}),
        out=("Show", {"value": ["p", 0]}), o2=("Show", {"value": ["a", 0]}),
    )  # fmt: skip

    result, _ = run(prompt)

    assert result.outputs["out"]["value"] == [{"class_type": "Always", "inputs": {"value": 1}}]


def test_e408_an_is_changed_that_came_with_the_prompt_is_used(run):
    prompt = graph(a=("Always", {"value": 1}), out=("Show", {"value": ["a", 0]}))
    prompt["a"]["is_changed"] = ["v1"]
    run(prompt)

    assert run(prompt)[0].executed == []


def test_e414_only_what_succeeded_is_kept(run, engine):
    fails = [True]

    def maybe(self, v):
        if fails[0]:
            raise ValueError("not yet")
        return (v,)

    add_class(engine, "Maybe", node({"v": ("*",)}, returns=("*",))(maybe))
    prompt = graph(
        a=("Value", {"value": 1}), m=("Maybe", {"v": ["a", 0]}), out=("Show", {"value": ["m", 0]})
    )
    run(prompt)
    fails[0] = False

    assert run(prompt)[0].executed == ["m", "out"]


def test_e420_classic_keeps_one_prompt(run):
    run(chain(1))
    run(chain(2))

    assert run(chain(1))[0].executed == ["a", "b", "out"]


def test_e420_classic_keeps_what_is_there_but_not_needed(run):
    both = chain(1) | graph(c=("Value", {"value": 9}), o2=("Show", {"value": ["c", 0]}))
    run(both)
    run(both, targets=["o2"])

    assert run(both)[0].executed == []


def test_e421_lru_keeps_several_prompts(make_engine, run_on):
    engine = make_engine(cache="lru:10")
    for seed in (1, 2):
        run_on(engine, chain(seed))

    assert run_on(engine, chain(1))[0].executed == []


def test_e421_lru_drops_the_oldest_generation_as_a_whole(make_engine, run_on):
    engine = make_engine(cache="lru:6")
    for seed in (1, 2, 3, 4):
        run_on(engine, chain(seed))

    assert run_on(engine, chain(3))[0].executed == []
    assert run_on(engine, chain(1))[0].executed == ["a", "b", "out"]


def test_e421_lru_lets_one_prompt_exceed_its_size(make_engine, run_on):
    engine = make_engine(cache="lru:1")
    run_on(engine, chain(1))

    assert run_on(engine, chain(1))[0].executed == []


def test_e423_none_keeps_nothing(make_engine, run_on):
    engine = make_engine(cache="none")
    run_on(engine, chain())

    result, events = run_on(engine, chain())

    assert result.executed == ["a", "b", "out"]
    assert names(events, "execution_cached")[0].nodes == ()


def test_e423_none_runs_equal_nodes_each(make_engine, run_on):
    engine = make_engine(cache="none")
    prompt = graph(
        a=("Value", {"value": 1}), b=("Value", {"value": 1}),
        x=("Show", {"value": ["a", 0]}), y=("Show", {"value": ["b", 0]}),
    )  # fmt: skip

    assert sorted(run_on(engine, prompt)[0].executed) == ["a", "b", "x", "y"]


class Blob:
    """A value whose life can be watched."""


def watched_chain(engine, alive):
    born = []

    def make(self):
        blob = Blob()
        born.append(weakref.ref(blob))
        return (blob,)

    def count(self, v):
        gc.collect()
        alive.append(sum(ref() is not None for ref in born))
        blob = Blob()
        born.append(weakref.ref(blob))
        return (blob,)

    add_class(engine, "Make", node(returns=("*",))(make))
    add_class(engine, "Count", node({"v": ("*",)}, returns=("*",), NOT_IDEMPOTENT=True)(count))
    add_class(engine, "End", node({"v": ("*",)}, OUTPUT_NODE=True)(lambda self, v: ()))
    return graph(
        m=("Make", {}), c1=("Count", {"v": ["m", 0]}), c2=("Count", {"v": ["c1", 0]}),
        c3=("Count", {"v": ["c2", 0]}), out=("End", {"v": ["c3", 0]}),
    )  # fmt: skip


def test_e955_none_lets_go_of_what_nobody_can_ask_for(make_engine, run_on):
    alive = []
    engine = make_engine(cache="none")

    run_on(engine, watched_chain(engine, alive))

    assert alive == [1, 1, 1]


def test_e955_classic_keeps_all_of_a_prompt(make_engine, run_on):
    alive = []
    engine = make_engine()

    run_on(engine, watched_chain(engine, alive))

    assert alive == [1, 2, 3]


def test_e422_ram_evicts_the_cheapest_bytes_first():
    numpy = pytest.importorskip("numpy")
    free = [100]
    cache = RamCache(1000, lambda: free[0])
    cache.CHECK_INTERVAL_S = 0.0
    big, dear, text = (
        CacheEntry([[numpy.zeros(10_000)]], seconds=0.1),
        CacheEntry([[numpy.zeros(10_000)]], seconds=100.0),
        CacheEntry([["loader"]], seconds=0.0),
    )
    for key, entry in enumerate((dear, big, text)):
        cache.keep(cache.root, key, entry)

    class Frees(dict):
        def __delitem__(self, key):
            super().__delitem__(key)
            free[0] = 5000

    cache.entries = Frees(cache.entries)
    cache.after_node(set)

    assert list(cache.entries.values()) == [dear, text]


def test_e422_ram_leaves_what_the_run_holds():
    numpy = pytest.importorskip("numpy")
    cache = RamCache(1000, lambda: 0)
    cache.CHECK_INTERVAL_S = 0.0
    entry = CacheEntry([[numpy.zeros(1000)]])
    cache.keep(cache.root, 1, entry)

    cache.after_node(lambda: {id(entry)})

    assert len(cache) == 1


def test_e422_ram_keeps_everything_while_there_is_room(make_engine, run_on):
    engine = make_engine(cache="ram:0.001")
    for seed in range(5):
        run_on(engine, chain(seed))

    assert run_on(engine, chain(0))[0].executed == []


@pytest.mark.parametrize(
    ("spec", "kind"),
    [
        ("classic", ResultCache), ("lru:0", ResultCache), ("lru:5", LruCache), ("none", NoCache),
        ("ram", RamCache), ("ram:2.5", RamCache),
    ],
)  # fmt: skip
def test_e424_settings_name_caches(spec, kind):
    assert type(make_cache(spec)) is kind


@pytest.mark.parametrize("spec", ["", "lru", "lru:x", "lru:-1", "ram:0", "ram:nan", "classic:1"])
def test_e424_other_settings_are_refused(spec):
    with pytest.raises(SettingsError, match="cache setting"):
        make_cache(spec)
