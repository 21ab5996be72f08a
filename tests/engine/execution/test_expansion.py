"""Nodes that put a graph in their place (rules E-340 to E-349, E-430 to E-434)."""

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.graph_builder import GraphBuilder, add_graph_prefix


def repeat(start=3, steps=4):
    return graph(
        a=("Value", {"value": start}), r=("Repeat", {"start": ["a", 0], "steps": steps}),
        out=("Show", {"value": ["r", 0]}),
    )  # fmt: skip


def expands(build, **options):
    """Make a node that returns ``build(GraphBuilder())``."""
    options.setdefault("returns", ("*",))
    return node(**options)(lambda self, **inputs: build(GraphBuilder(), **inputs))


def test_e340_a_graph_takes_the_place_of_its_node(run):
    assert run(repeat())[0].outputs["out"] == {"value": [9]}


def test_e340_an_empty_graph_may_link_to_the_outside(run):
    assert run(repeat(steps=0))[0].outputs["out"] == {"value": [3]}


def test_e348_a_node_may_expand_into_itself(run):
    result, _ = run(
        graph(c=("Countdown", {"value": 4, "trail": ""}), out=("Show", {"value": ["c", 0]}))
    )

    assert result.outputs["out"] == {"value": ["4 3 2 1 end"]}


def test_e901_deep_expansion_does_not_recurse(run):
    result, _ = run(
        graph(c=("Countdown", {"value": 1500, "trail": ""}), out=("Show", {"value": ["c", 0]}))
    )

    assert result.status == "success"


def test_e341_ids_are_made_from_node_call_and_graph(run):
    result, _ = run(repeat(steps=2))

    assert [each for each in result.executed if "." in each] == ["r.0.0.1", "r.0.0.2"]


def test_e343_e346_inner_nodes_are_shown_in_place_of_their_expander(run, engine):
    def build(builder):
        inner = builder.node("Show", value=1)
        named = builder.node("Show", id="named", value=2)
        named.set_override_display_id("elsewhere")
        return {"result": (inner.out(0),), "expand": builder.finalize()}

    add_class(engine, "Outs", expands(build))
    result, events = run(graph(e=("Outs", {}), out=("Show", {"value": ["e", 0]})))

    shown = {event.node: event.display_node for event in names(events, "executed")}
    assert shown == {"e.0.0.1": "e", "e.0.0.named": "elsewhere", "out": "out"}
    meta = engine.history.get()[result.prompt_id]["meta"]["e.0.0.1"]
    assert meta == {
        "node_id": "e.0.0.1", "display_node": "e", "parent_node": "e", "real_node_id": "e"
    }  # fmt: skip


def test_e347_an_error_inside_is_reported_on_the_real_node(run, engine):
    def build(builder):
        inner = builder.node("Fail", text="inside")
        return {"result": (inner.out(0),), "expand": builder.finalize()}

    add_class(engine, "Breaks", expands(build))
    result, _ = run(graph(e=("Breaks", {}), out=("Show", {"value": ["e", 0]})))

    assert (result.error["node_id"], result.error["node_type"]) == ("e", "Breaks")
    assert result.error["exception_message"].strip() == "inside"


def test_e344_output_nodes_inside_run_too(run, engine):
    def build(builder, v):
        builder.node("Show", value=v)
        return {"result": (v,), "expand": builder.finalize()}

    add_class(engine, "Tee", expands(build, required={"v": ("*",)}))
    result, _ = run(graph(e=("Tee", {"v": 5}), out=("Show", {"value": ["e", 0]})))

    assert result.outputs == {"e.0.0.1": {"value": [5]}, "out": {"value": [5]}}


def test_e340_some_calls_may_expand_and_others_not(run, engine):
    def build(builder, v):
        if v == 1:
            return (10,)
        return {"result": (builder.node("Value", value=v).out(0),), "expand": builder.finalize()}

    add_class(engine, "Some", expands(build, required={"v": ("*",)}))
    result, _ = run(
        graph(n=("Numbers", {"count": 3}), e=("Some", {"v": ["n", 0]}),
              out=("Show", {"value": ["e", 0]}))
    )  # fmt: skip

    assert result.outputs["out"] == {"value": [0, 10, 2]}


@pytest.mark.parametrize(("count", "expected"), [(3, [0, 1, 2]), (0, []), (1, [0])])
def test_e918_a_list_stays_in_its_slot(run, engine, count, expected):
    def build(builder):
        numbers = builder.node("Numbers", count=count)
        result = (numbers.out(0), "second")
        return {"result": result, "expand": builder.finalize()}

    add_class(engine, "Lists", expands(build, returns=("*", "*")))
    result, _ = run(
        graph(e=("Lists", {}), a=("Show", {"value": ["e", 0]}), b=("Show", {"value": ["e", 1]}))
    )

    assert result.outputs["a"] == {"value": expected}
    assert result.outputs["b"] == {"value": ["second"]}


def test_e918_a_list_slot_takes_the_place_of_the_list_node(run, engine):
    def build(builder):
        return {
            "result": (builder.node("Numbers", count=2).out(0),),
            "expand": builder.finalize(),
        }

    add_class(engine, "Listed", expands(build, OUTPUT_IS_LIST=(True,)))
    result, _ = run(graph(e=("Listed", {}), out=("Show", {"value": ["e", 0]})))

    assert result.outputs["out"] == {"value": [0, 1]}


def test_e344_the_reference_splices_lists_into_the_result(make_engine, run_on):
    engine = make_engine(strict_reference=True)

    def build(builder):
        numbers = builder.node("Numbers", count=3)
        return {"result": (numbers.out(0), "second"), "expand": builder.finalize()}

    add_class(engine, "Lists", expands(build, returns=("*", "*")))
    result, _ = run_on(
        engine,
        graph(e=("Lists", {}), a=("Show", {"value": ["e", 0]}), b=("Show", {"value": ["e", 1]})),
    )

    assert (result.outputs["a"], result.outputs["b"]) == ({"value": [0]}, {"value": [1]})


def test_e325_blockers_come_out_of_expansions(run, engine):
    def build(builder):
        gate = builder.node("Gate", value=1, message="")
        return {"result": (gate.out(0),), "expand": builder.finalize()}

    add_class(engine, "Shut", expands(build))
    result, _ = run(graph(e=("Shut", {}), out=("Show", {"value": ["e", 0]})))

    assert (result.status, result.outputs) == ("success", {})


def test_e325_a_blocker_passed_in_by_value_blocks(run, engine):
    def build(builder, v):
        from app.engine.execution.blocker import ExecutionBlocker

        inner = builder.node("Value", value=ExecutionBlocker(None))
        return {"result": (inner.out(0),), "expand": builder.finalize()}

    add_class(engine, "Pass", expands(build, required={"v": ("*",)}))
    result, _ = run(graph(e=("Pass", {"v": 1}), out=("Show", {"value": ["e", 0]})))

    assert (result.status, result.outputs) == ("success", {})


def fixed_id(value, inner_id="same"):
    return {
        "result": ([inner_id, 0],),
        "expand": {inner_id: {"class_type": "Value", "inputs": {"value": value}}},
    }


def test_e917_an_id_that_is_taken_fails_on_the_expander(run, engine):
    add_class(engine, "Fixed", node({"v": ("*",)}, returns=("*",))(lambda self, v: fixed_id(v)))

    result, _ = run(
        graph(x=("Fixed", {"v": 5}), y=("Fixed", {"v": 6}), a=("Show", {"value": ["x", 0]}),
              b=("Show", {"value": ["y", 0]}))
    )  # fmt: skip

    assert (result.status, result.error["node_id"]) == ("error", "y")
    assert "same" in result.error["exception_message"]


def test_e917_an_equal_definition_is_shared(run, engine):
    add_class(engine, "Fixed", node({"v": ("*",)}, {"w": ("*",)}, returns=("*",))(
        lambda self, v, w=0: fixed_id(v)
    ))  # fmt: skip

    result, _ = run(
        graph(x=("Fixed", {"v": 5, "w": 1}), y=("Fixed", {"v": 5, "w": 2}),
              a=("Show", {"value": ["x", 0]}), b=("Show", {"value": ["y", 0]}))
    )  # fmt: skip

    assert result.outputs == {"a": {"value": [5]}, "b": {"value": [5]}}
    assert result.executed.count("same") == 1


def test_e914_a_missing_class_fails_on_the_expander(run, engine):
    def build(builder):
        return {"result": (builder.node("Nowhere").out(0),), "expand": builder.finalize()}

    add_class(engine, "Lost", expands(build))
    result, _ = run(graph(e=("Lost", {}), out=("Show", {"value": ["e", 0]})))

    assert result.error["node_id"] == "e"
    assert "Nowhere" in result.error["exception_message"]


def test_a_link_into_nowhere_fails_on_the_expander(run, engine):
    add_class(engine, "Lost", node(returns=("*",))(
        lambda self: {"result": (["gone", 0],), "expand": {}}
    ))  # fmt: skip

    result, _ = run(graph(e=("Lost", {}), out=("Show", {"value": ["e", 0]})))

    assert result.error["node_id"] == "e"
    assert "gone" in result.error["exception_message"]


def test_e345_inner_constants_are_not_converted(run, engine):
    def build(builder):
        inner = builder.node("Steps", steps="2")
        return {"result": (inner.out(0),), "expand": builder.finalize()}

    add_class(engine, "Raw", expands(build))
    result, _ = run(graph(e=("Raw", {}), out=("Show", {"value": ["e", 0]})))

    assert result.error["exception_type"] == "TypeError"


def test_e430_inner_results_survive_a_change_of_the_expander(run):
    run(repeat(steps=3))

    result, _ = run(repeat(steps=4))

    assert [each for each in result.executed if "." in each] == ["r.0.0.4"]


def test_e431_a_cached_expander_keeps_its_inner_results(run):
    run(repeat(steps=3))
    run(repeat(steps=3))

    result, _ = run(repeat(steps=4))

    assert [each for each in result.executed if "." in each] == ["r.0.0.4"]


def test_e431_inner_results_go_with_their_expander(run):
    run(repeat(steps=3))
    run(graph(v=("Value", {"value": 1}), out=("Show", {"value": ["v", 0]})))

    result, _ = run(repeat(steps=3))

    assert len([each for each in result.executed if "." in each]) == 3


def test_e432_lru_finds_inner_results_again(make_engine, run_on):
    engine = make_engine(cache="lru:50")
    run_on(engine, repeat(steps=3))
    run_on(engine, graph(v=("Value", {"value": 1}), out=("Show", {"value": ["v", 0]})))

    result, _ = run_on(engine, repeat(steps=4))

    assert [each for each in result.executed if "." in each] == ["r.0.0.4"]


@pytest.mark.parametrize("cache", ["none", "ram:0.001"])
def test_e423_expansion_works_in_every_mode(make_engine, run_on, cache):
    engine = make_engine(cache=cache)

    for _ in range(2):
        assert run_on(engine, repeat())[0].outputs["out"] == {"value": [9]}


def test_e433_cached_inner_nodes_are_not_listed(run):
    run(repeat(steps=3))

    _, events = run(repeat(steps=4))

    assert all("." not in each for each in names(events, "execution_cached")[0].nodes)


def ui_outside_and_inside(engine):
    def build(builder):
        builder.node("Show", value=7)
        return {"ui": {"note": ["own"]}, "result": (1,), "expand": builder.finalize()}

    add_class(engine, "Both", expands(build))
    return graph(e=("Both", {}), out=("Show", {"value": ["e", 0]}))


def test_e349a_ui_beside_expand_is_sent_at_once(run, engine):
    _, events = run(ui_outside_and_inside(engine))

    first = names(events, "executed")[0]
    assert (first.node, first.output) == ("e", {"note": ["own"]})


def test_e908_a_cached_expander_brings_all_its_ui_back(run, engine):
    prompt = ui_outside_and_inside(engine)
    first, _ = run(prompt)

    again, events = run(prompt)

    assert again.executed == []
    assert again.outputs == first.outputs
    assert {e.node: e.cached for e in names(events, "executed")} == {
        "e": True,
        "e.0.0.1": True,
        "out": True,
    }


def test_e908_a_cached_expander_that_is_not_needed_stays_silent(run, engine):
    prompt = ui_outside_and_inside(engine) | graph(other=("Show", {"value": 1}))
    run(prompt)

    assert list(run(prompt, targets=["other"])[0].outputs) == ["other"]


def test_e908_a_served_expander_shows_what_it_showed(run, engine):
    def build(builder):
        builder.node("Show", value=7)
        return {"ui": {"note": ["own"]}, "expand": builder.finalize()}

    add_class(engine, "Final", expands(build, returns=(), OUTPUT_NODE=True))
    prompt = graph(e=("Final", {}))
    first, _ = run(prompt)

    again, events = run(prompt)

    assert again.executed == []
    assert again.outputs == first.outputs == {"e": {"note": ["own"]}, "e.0.0.1": {"value": [7]}}
    assert [event.node for event in names(events, "executed")] == ["e", "e", "e.0.0.1"]


def test_an_expander_whose_inner_output_failed_runs_again(run, engine):
    fails = [True]

    def maybe(self):
        if fails[0]:
            raise ValueError("not yet")
        return {"ui": {"done": [1]}}

    def build(builder):
        builder.node("Maybe")
        return {"result": (1,), "expand": builder.finalize()}

    add_class(engine, "Maybe", node(OUTPUT_NODE=True)(maybe))
    add_class(engine, "Outer", expands(build))
    prompt = graph(e=("Outer", {}), out=("Show", {"value": ["e", 0]}))
    run(prompt)
    fails[0] = False

    result, _ = run(prompt)

    assert result.outputs["e.0.0.1"] == {"done": [1]}


class TestGraphBuilder:
    def test_e341_an_id_names_one_node(self):
        builder = GraphBuilder("p.")

        assert builder.node("A", id="x", v=1) is builder.node("B", id="x")
        assert builder.lookup_node("x").class_type == "A"
        assert builder.node("A").id == "p.1"

    def test_e341_inputs_can_be_set_and_removed(self):
        one = GraphBuilder("p.").node("A", v=1)
        one.set_input("w", 2)
        one.set_input("v", None)

        assert (one.get_input("v"), one.get_input("w")) == (None, 2)
        assert one.serialize() == {"class_type": "A", "inputs": {"w": 2}}

    @pytest.mark.parametrize(("value", "expected"), [([1, 2], {"v": [1, 2]}), (None, {})])
    def test_e341_an_output_can_be_replaced(self, value, expected):
        builder = GraphBuilder("p.")
        first = builder.node("A")
        second = builder.node("B", v=first.out(0))

        builder.replace_node_output("1", 0, value)

        assert second.inputs == expected

    def test_e341_a_node_can_be_removed(self):
        builder = GraphBuilder("p.")
        builder.node("A")
        builder.remove_node("1")

        assert builder.finalize() == {}

    def test_e341_the_default_prefix_counts_graphs(self):
        GraphBuilder.set_default_prefix("root", 3, 0)

        assert [GraphBuilder().prefix for _ in range(2)] == ["root.3.0.", "root.3.1."]
        assert GraphBuilder.alloc_prefix("r", 1, 9) == "r.1.9."

    def test_e341_a_prefix_moves_a_whole_graph(self):
        inner = {"1": {"class_type": "A", "inputs": {"v": 2}},
                 "2": {"class_type": "B", "inputs": {"v": ["1", 0]}}}  # fmt: skip

        moved, outputs = add_graph_prefix(inner, (["2", 0], 5), "p.")

        assert moved["p.2"]["inputs"] == {"v": ["p.1", 0]}
        assert outputs == (["p.2", 0], 5)
        assert inner["2"]["inputs"] == {"v": ["1", 0]}
