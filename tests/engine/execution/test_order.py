"""Which node runs next (rules E-201 to E-206, E-953)."""

import itertools

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.order import ExecutionOrder


def drain(order):
    """Complete everything in the order it becomes ready."""
    done = []
    while (node_id := order.next_ready()) is not None:
        done.append(node_id)
        order.complete(node_id)
    return done


def build(nodes, blocks, outputs=(), asyncs=()):
    order = ExecutionOrder()
    for node_id in nodes:
        order.add(node_id, is_output=node_id in outputs, is_async=node_id in asyncs)
    for source, target in blocks:
        order.block(source, target)
    return order


def test_e203_sources_come_before_consumers():
    assert drain(build("cba", [("a", "b"), ("b", "c")])) == ["a", "b", "c"]


def test_e202_two_links_between_a_pair_count_once():
    order = build("ab", [("b", "a"), ("b", "a")])

    assert drain(order) == ["b", "a"]


@pytest.mark.parametrize(
    ("blocks", "outputs", "asyncs", "expected"),
    [
        ([], "d", "", "dabc"),
        ([], "", "c", "cabd"),
        ([("c", "d")], "d", "", "cdab"),
        ([("b", "c"), ("c", "d")], "d", "", "bcda"),
        ([], "", "", "abcd"),
    ],
    ids=["output first", "async first", "feeds output", "two before output", "insertion"],
)
def test_e204_ranks(blocks, outputs, asyncs, expected):
    assert drain(build("abcd", blocks, outputs, asyncs)) == list(expected)


def test_e204_a_block_that_comes_later_improves_the_rank():
    order = build("abo", [], outputs="o")
    assert order.next_ready() == "o"
    order.block("b", "o")
    order.put_back("o")

    assert drain(order) == ["b", "o", "a"]


def test_e204_the_rank_reaches_the_node_two_steps_before():
    order = build("abco", [("c", "b")], outputs="o")
    assert order.next_ready() == "o"
    order.block("b", "o")
    order.put_back("o")

    assert drain(order) == ["c", "b", "o", "a"]


def test_e205_an_external_block_holds_a_node_back():
    order = build("ab", [("a", "b")])
    assert order.next_ready() == "a"
    order.block_externally("a")
    order.put_back("a")

    assert order.next_ready() is None
    assert order.has_external_blocks
    order.release_externally("a")
    assert drain(order) == ["a", "b"]


def test_e206_a_ring_is_found():
    order = build("abcd", [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d")])
    order.next_ready()
    order.complete("a")

    assert order.next_ready() is None
    assert sorted(order.find_cycle()) == ["b", "c"]


def test_without_a_ring_none_is_found():
    assert build("ab", [("a", "b")]).find_cycle() == []


def test_a_hundred_thousand_nodes_take_little_time_each():
    nodes = [str(number) for number in range(100_000)]
    order = build(nodes, itertools.pairwise(nodes), outputs=nodes[-1:])

    assert drain(order) == nodes


def test_e207_a_wide_fan_in_of_one_loader_is_linear():
    order = ExecutionOrder()
    order.add("loader")
    for number in range(20_000):
        order.add(str(number), is_output=True)
        order.block("loader", str(number))

    assert len(drain(order)) == 20_001


def test_e204_previews_come_early(run):
    prompt = graph(
        a=("Value", {"value": 1}), b=("Value", {"value": 2}), c=("Value", {"value": 3}),
        late=("Add", {"a": ["a", 0], "b": ["b", 0]}), out=("Show", {"value": ["late", 0]}),
        preview=("Show", {"value": ["c", 0]}),
    )  # fmt: skip

    result, _ = run(prompt)

    assert result.executed.index("preview") < result.executed.index("late")


def test_e206_a_cycle_made_by_an_expansion_ends_the_run(run, engine):
    def expand(self, me):
        inner = {f"{me}.x": {"class_type": "Value", "inputs": {"value": [me, 0]}}}
        return {"result": ([f"{me}.x", 0],), "expand": inner}

    add_class(engine, "Ring", node(hidden={"me": "UNIQUE_ID"}, returns=("*",))(expand))

    result, events = run(graph(r=("Ring", {}), out=("Show", {"value": ["r", 0]})))

    assert result.status == "error"
    assert result.error["exception_type"] == "graph.DependencyCycleError"
    assert result.error["exception_message"] == "Dependency cycle detected"
    assert result.error["node_id"] == "r"
    assert (result.error["traceback"], result.error["current_inputs"]) == ([], [])
    assert len(names(events, "execution_error")) == 1


def test_e901_a_static_cycle_is_refused(run):
    result, _ = run(
        graph(a=("Add", {"a": ["b", 0], "b": 1}), b=("Add", {"a": ["a", 0], "b": 1}),
              out=("Show", {"value": ["a", 0]}))
    )  # fmt: skip

    assert not result.is_valid
    assert result.node_errors["a"]["errors"][0]["type"] == "dependency_cycle"


def test_e902_outputs_run_in_prompt_order(run):
    prompt = graph(**{name: ("Show", {"value": name}) for name in "zyxabc"})

    assert run(prompt)[0].executed == list("zyxabc")


def test_e104_only_the_targets_run(run):
    prompt = graph(a=("Show", {"value": 1}), b=("Show", {"value": 2}))

    assert run(prompt, targets=["b"])[0].executed == ["b"]


def test_e901_a_chain_of_20000_nodes_runs(run):
    prompt = graph(n0=("Value", {"value": 0}))
    for number in range(1, 20_000):
        prompt[f"n{number}"] = {
            "class_type": "Add",
            "inputs": {"a": [f"n{number - 1}", 0], "b": 1},
        }
    prompt["out"] = {"class_type": "Show", "inputs": {"value": ["n19999", 0]}}

    assert run(prompt)[0].outputs == {"out": {"value": [19_999]}}
    assert run(dict(reversed(prompt.items())))[0].executed == []
