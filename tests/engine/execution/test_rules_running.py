"""Rules of validation, running, caching and events that have no other test (chapters 5 to 12)."""

import threading

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.dynamic_prompt import DynamicPrompt, NodeNotFoundError
from app.engine.execution.graph_builder import GraphBuilder

SUM = graph(
    v=("Value", {"value": 1}),
    a=("Add", {"a": ["v", 0], "b": 2}),
    out=("Show", {"value": ["a", 0]}),
)


def test_e100_an_asynchronous_validator_is_awaited(engine):
    async def check(cls, text):
        return "not this" if text == "bad" else True

    add_class(engine, "Checked", node(
        {"text": ("STRING",)}, OUTPUT_NODE=True, VALIDATE_INPUTS=classmethod(check)
    )(lambda self, text: ()))  # fmt: skip

    assert engine.run(graph(n=("Checked", {"text": "good"}))).status == "success"
    [error] = engine.run(graph(n=("Checked", {"text": "bad"}))).node_errors["n"]["errors"]
    assert error["details"] == "text - not this"


def test_e107_e902_outputs_run_in_the_order_of_the_prompt(engine):
    wanted = {name: ("Show", {"value": name}) for name in "zyxabc"}

    assert engine.run(graph(**wanted)).executed == list("zyxabc")
    engine.free(free_memory=True)
    assert engine.run(graph(**wanted), targets=["b", "z"]).executed == ["b", "z"]


def test_e109_e111_an_error_has_type_message_details_and_more(engine):
    [error] = engine.run(graph(n=("Show", {}))).node_errors["n"]["errors"]

    assert error == {
        "type": "required_input_missing", "message": "Required input is missing",
        "details": "value", "extra_info": {"input_name": "value"},
    }  # fmt: skip


def test_e118a_converted_constants_are_what_runs_and_what_is_stored(engine):
    add_class(engine, "Int", node({"n": ("INT",)}, OUTPUT_NODE=True)(
        lambda self, n: {"ui": {"n": [n]}}
    ))  # fmt: skip
    first = engine.run(graph(n=("Int", {"n": "7"})))
    second = engine.run(graph(n=("Int", {"n": 7})))

    assert first.outputs == {"n": {"n": [7]}}
    assert engine.history.get(first.prompt_id)[first.prompt_id]["prompt"][2]["n"]["inputs"] == {
        "n": 7
    }
    assert second.executed == []


def test_e200_one_prompt_runs_at_a_time_without_gradients(engine):
    torch = pytest.importorskip("torch")
    running, most, modes = [0], [0], []

    def work(self, value):
        running[0] += 1
        most[0] = max(most[0], running[0])
        modes.append(torch.is_inference_mode_enabled())
        running[0] -= 1
        return ()

    add_class(engine, "Work", node({"value": ("*",)}, OUTPUT_NODE=True)(work))
    for value in range(4):
        engine.submit(graph(n=("Work", {"value": value})))
    threads = [threading.Thread(target=lambda: [engine.run_next(0) for _ in range(2)])
               for _ in range(2)]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (most[0], modes) == (1, [True] * 4)


def test_e201_e330_only_links_that_are_not_lazy_are_walked(engine):
    result = engine.run(graph(
        no=("Fail", {"text": "never"}), yes=("Value", {"value": 1}),
        p=("Pick", {"which": True, "yes": ["yes", 0], "no": ["no", 0]}),
        out=("Show", {"value": ["p", 0]}),
    ))  # fmt: skip

    assert result.executed == ["yes", "p", "out"]


def test_e209_e411_e527_a_cached_output_is_told_without_running(run):
    run(SUM)
    result, events = run(SUM)

    assert names(events, "executing")[0].node is None
    [told] = names(events, "executed")
    assert (told.node, told.output, result.executed) == ("out", {"value": [3]}, [])
    states = [(n.node_id, n.state) for e in names(events, "progress_state") for n in e.nodes]
    assert states == [("out", "finished")]


def test_e302_no_inputs_is_one_call(engine):
    calls = []
    add_class(engine, "Plain", node(OUTPUT_NODE=True)(
        lambda self, *args, **named: (calls.append((args, named)), ())[1]
    ))  # fmt: skip
    engine.run(graph(n=("Plain", {})))

    assert calls == [((), {})]


def test_e316_as_many_outputs_as_the_first_call_gave(engine):
    add_class(engine, "Short", node(returns=("*", "*", "*"))(lambda self: (1, 2)))
    add_class(engine, "Long", node(returns=("*",))(lambda self: (1, 2)))
    result = engine.run(
        graph(s=("Short", {}), w=("Long", {})), targets=[("s", 1), ("s", 2), ("w", 0)]
    )

    assert result.results == {("s", 1): [2], ("s", 2): [], ("w", 0): [1]}


def test_e317_ui_values_reach_history_as_sequences(engine):
    add_class(engine, "Ui", node(OUTPUT_NODE=True)(lambda self: {"ui": {"text": ("a", "b")}}))
    result = engine.run(graph(n=("Ui", {})))

    assert list(engine.history.get()[result.prompt_id]["outputs"]["n"]["text"]) == ["a", "b"]


def clash(number):
    def run(self, v):
        inner = {"same": {"class_type": "Add", "inputs": {"a": v, "b": number(self, v)}}}
        return {"result": (["same", 0],), "expand": inner}

    return node({"v": ("INT",)}, returns=("*",))(run)


def test_e340a_e917_equal_definitions_of_one_id_are_shared_and_others_refused(engine):
    add_class(engine, "Equal", clash(lambda self, v: 1))
    prompt = graph(
        a=("Equal", {"v": 5}), b=("Equal", {"v": 5}), oa=("Show", {"value": ["a", 0]}),
        ob=("Show", {"value": ["b", 0]}),
    )  # fmt: skip
    assert engine.run(prompt).outputs == {"oa": {"value": [6]}, "ob": {"value": [6]}}

    prompt["b"]["inputs"]["v"] = 6
    engine.free(free_memory=True)
    result = engine.run(prompt)
    assert "same" in result.error["exception_message"]


def test_e349_the_live_graph_answers_nodes():
    graph_ = DynamicPrompt({"a": {"class_type": "X", "inputs": {}}})
    graph_.add_ephemeral_node("a.1", {"class_type": "Y", "inputs": {}}, "a", "a")

    assert graph_.get_node("a.1")["class_type"] == "Y"
    assert graph_.has_node("a")
    assert not graph_.has_node("b")
    assert set(graph_.all_node_ids()) == {"a", "a.1"}
    assert set(graph_.get_original_prompt()) == {"a"}
    assert (graph_.get_parent_node_id("a.1"), graph_.get_parent_node_id("a")) == ("a", None)
    assert graph_.get_real_node_id("a.1") == graph_.get_display_node_id("a.1") == "a"
    with pytest.raises(NodeNotFoundError):
        graph_.get_node("b")


def test_e351_an_error_before_the_arguments_has_no_inputs(engine):
    def broken(cls):
        raise ValueError("no instance")

    add_class(engine, "Broken", node({"v": ("*",)}, OUTPUT_NODE=True, __init__=broken)(
        lambda self, v: ()
    ))  # fmt: skip

    assert engine.run(graph(n=("Broken", {"v": 1}))).error["current_inputs"] == {}


def test_e405b_undeclared_constants_count_for_the_key_and_absent_inputs_do_not(engine):
    engine.run(graph(v=("Value", {"value": 1}), p=("Pair", {"a": ["v", 0]}),
                     out=("Show", {"value": ["p", 0]})))  # fmt: skip
    more = graph(v=("Value", {"value": 1}), p=("Pair", {"a": ["v", 0], "odd": 1}),
                 out=("Show", {"value": ["p", 0]}))  # fmt: skip

    assert engine.run(more).executed == ["p", "out"]
    more["p"]["inputs"]["$$shown"] = "text"
    assert engine.run(more).executed == []


@pytest.mark.parametrize("answer", ["same", 5, None, ("a", 1)])
def test_e407_an_equal_answer_of_is_changed_is_a_hit(engine, answer):
    add_class(engine, "Asked", node(
        OUTPUT_NODE=True, IS_CHANGED=classmethod(lambda cls: answer)
    )(lambda self: ()))  # fmt: skip
    engine.run(graph(n=("Asked", {})))

    assert engine.run(graph(n=("Asked", {}))).executed == []


def test_e410_every_cached_node_of_the_prompt_is_listed_in_its_order(run):
    run(SUM)
    _, events = run({**SUM, "new": {"class_type": "Value", "inputs": {"value": 9}}})

    assert names(events, "execution_cached")[0].nodes == ("v", "a", "out")


def test_e412_nothing_upstream_of_a_cached_node_runs(make_engine):
    engine = make_engine(cache="lru:1")
    engine.run(SUM)
    entries = engine._cache.entries
    for key in list(entries)[:-1]:
        del entries[key]

    assert engine.run(SUM).executed == []


def test_e413_a_value_that_is_held_survives_eviction(make_engine):
    engine = make_engine(cache="ram:0.001")

    def evict(self, value):
        engine._cache.entries.clear()
        return (value,)

    add_class(engine, "Evict", node({"value": ("*",)}, returns=("*",), OUTPUT_NODE=True)(evict))
    result = engine.run(graph(
        v=("Value", {"value": 4}), e=("Evict", {"value": 1}),
        p=("Pair", {"a": ["v", 0], "b": ["e", 0]}), out=("Show", {"value": ["p", 0]}),
    ))  # fmt: skip

    assert result.outputs == {"out": {"value": [(4, 1)]}}
    assert sorted(result.executed) == ["e", "out", "p", "v"]


def test_e434_inner_nodes_given_values_that_cannot_be_compared_run_again(engine):
    class Thing:
        pass

    def expand(self, v):
        inner = GraphBuilder()
        return {"result": (inner.node("Value", value=Thing()).out(0),), "expand": inner.finalize()}

    add_class(engine, "Outer", node({"v": ("*",)}, returns=("*",))(expand))
    first = engine.run(graph(o=("Outer", {"v": 1}), out=("Show", {"value": ["o", 0]})))
    second = engine.run(graph(o=("Outer", {"v": 2}), out=("Show", {"value": ["o", 0]})))

    assert len(second.executed) == len(first.executed) == 3


def test_e505_executed_comes_for_nodes_that_show_something(run):
    _, events = run(SUM)

    assert [event.node for event in names(events, "executed")] == ["out"]


@pytest.mark.parametrize(
    ("prompt", "end"),
    [
        (SUM, "execution_success"),
        (graph(f=("Fail", {"text": "x"}), out=("Show", {"value": ["f", 0]})), "execution_error"),
    ],
)
def test_e508_a_run_ends_with_one_word_and_no_node(run, prompt, end):
    _, events = run(prompt)
    kinds = [event.NAME for event in events if event.NAME != "status"]

    assert kinds[-2:] == [end, "executing"]
    assert [event for event in events if event.NAME == "executing"][-1].node is None


def test_e553_history_has_what_ran_and_what_was_served(engine):
    engine.run(SUM)
    both = {**SUM, "more": {"class_type": "Show", "inputs": {"value": 8}}}
    result = engine.run(both)

    assert engine.history.get()[result.prompt_id]["outputs"] == {
        "out": {"value": [3]}, "more": {"value": [8]}
    }  # fmt: skip


def test_e554_e914_a_ring_found_while_running_is_an_error_in_the_history(engine):
    def ring(self):
        inner = {
            "x": {"class_type": "Value", "inputs": {"value": ["y", 0]}},
            "y": {"class_type": "Value", "inputs": {"value": ["x", 0]}},
        }
        return {"result": (["x", 0],), "expand": inner}

    add_class(engine, "Ring", node(returns=("*",))(ring))
    result = engine.run(graph(r=("Ring", {}), out=("Show", {"value": ["r", 0]})))

    assert result.error["exception_message"] == "Dependency cycle detected"
    status = engine.history.get()[result.prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("error", False)


def test_e950_equal_branches_run_once(engine):
    prompt = {}
    for name in "abc":
        prompt |= graph(**{
            f"v{name}": ("Value", {"value": 1}),
            f"s{name}": ("Add", {"a": [f"v{name}", 0], "b": 2}),
            f"o{name}": ("Show", {"value": [f"s{name}", 0]}),
        })  # fmt: skip
    result = engine.run(prompt)

    assert len(result.executed) == 3
    assert [result.outputs[f"o{name}"] for name in "abc"] == [{"value": [3]}] * 3


def test_e953_the_order_of_a_wide_graph_costs_no_look_at_all_that_waits(engine):
    import time

    def seconds(count):
        prompt = {f"{number}": {"class_type": "Show", "inputs": {"value": number}}
                  for number in range(count)}  # fmt: skip
        started = time.process_time()
        assert engine.run(prompt).status == "success"
        return time.process_time() - started

    seconds(10)
    assert seconds(8000) < 40 * seconds(800)


def test_e956_the_cheapest_bytes_go_first():
    import numpy

    from app.engine.execution.cache import CacheEntry, RamCache

    free = [100]
    cache = RamCache(1_000, lambda: free[0])
    cache.begin_keys()
    for key, (size, seconds) in enumerate([(1_000, 10.0), (1_000, 0.01), (10, 0.01), (0, 0.0)]):
        outputs = [[numpy.zeros(size, numpy.uint8)]] if size else [[7]]
        cache.keep(cache.root, key, CacheEntry(outputs, seconds=seconds))
    dropped = []

    class Entries(dict):
        def __delitem__(self, key):
            dropped.append(key)
            free[0] += 400
            super().__delitem__(key)

    cache.entries = Entries(cache.entries)
    cache.after_node(set)

    assert dropped == [1, 2, 0]
    assert 3 in cache.entries


def test_e957_events_come_on_the_thread_that_runs_nodes(engine):
    threads = set()
    engine.run(SUM, on_event=lambda event: threads.add(threading.current_thread()))

    assert threads == {threading.current_thread()}


def test_e501_everybody_who_listens_hears_everything(engine):
    heard = [[], []]
    for each in heard:
        engine.subscribe(each.append)
    engine.run(SUM)

    assert heard[0] == heard[1] != []


def test_a_report_tells_time_memory_and_what_was_cached(engine):
    numpy = pytest.importorskip("numpy")
    import time

    def work(self):
        block = numpy.ones(64 << 20, numpy.uint8)
        time.sleep(0.01)
        return (int(block[0]),)

    add_class(engine, "Big", node(returns=("INT",))(work))
    prompt = graph(b=("Big", {}), out=("Show", {"value": ["b", 0]}))
    first, again = engine.run(prompt), engine.run(prompt)

    big, shown = first.report.nodes
    assert big.peak_bytes >= 64 << 20
    assert big.seconds >= 0.01
    assert (big.cached, shown.cached) == (False, False)
    assert [(each.node_id, each.cached) for each in again.report.nodes] == [("out", True)]
    assert engine.history.report(first.prompt_id) is first.report
