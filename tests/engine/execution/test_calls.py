"""Calling nodes: arguments, lists, results, blockers (chapter 7 of the rules)."""

import pytest
from sample_nodes import add_class, graph, names, node

from app.engine.execution.blocker import ExecutionBlocker


def shown(result, node_id="out"):
    return result.outputs[node_id]["value"]


def test_values_flow_along_links(run):
    result, _ = run(
        graph(a=("Value", {"value": 4}), b=("Add", {"a": ["a", 0], "b": 5}),
              out=("Show", {"value": ["b", 0]}))
    )  # fmt: skip

    assert result.status == "success"
    assert shown(result) == [9]


def test_e300_an_instance_lives_as_long_as_its_node(run):
    prompt = graph(n=("Counter", {}), out=("Show", {"value": ["n", 0]}))

    assert [shown(run(prompt)[0]) for _ in range(3)] == [[1], [2], [3]]


def test_e300_an_instance_goes_with_its_node(run):
    prompt = graph(n=("Counter", {}), out=("Show", {"value": ["n", 0]}))
    other = graph(m=("Counter", {}), out=("Show", {"value": ["m", 0]}))

    values = [shown(run(each)[0]) for each in (prompt, other, prompt)]

    assert values == [[1], [1], [1]]


def test_e300_without_a_cache_every_run_has_new_instances(make_engine, run_on):
    engine = make_engine(cache="none")
    prompt = graph(n=("Counter", {}), out=("Show", {"value": ["n", 0]}))

    assert [shown(run_on(engine, prompt)[0]) for _ in range(2)] == [[1], [1]]


def test_e301_shorter_lists_repeat_their_last_element(run):
    result, _ = run(
        graph(n=("Numbers", {"count": 4}), short=("Numbers", {"count": 2}),
              sum=("Add", {"a": ["n", 0], "b": ["short", 0]}),
              out=("Show", {"value": ["sum", 0]}))
    )  # fmt: skip

    assert shown(result) == [0, 2, 3, 4]


def test_e303_a_list_node_gets_whole_lists(run):
    result, _ = run(
        graph(n=("Numbers", {"count": 3}), j=("Join", {"values": ["n", 0]}),
              out=("Show", {"value": ["j", 0]}))
    )  # fmt: skip

    assert shown(result) == ["0-1-2"]


def test_e304_only_flagged_slots_are_spread(run):
    result, _ = run(
        graph(n=("Numbers", {"count": 3}), a=("Show", {"value": ["n", 0]}),
              b=("Show", {"value": ["n", 1]}))
    )  # fmt: skip

    assert (shown(result, "a"), shown(result, "b")) == ([0, 1, 2], ["n=3"])


def test_e015_undeclared_constants_are_dropped(run):
    result, _ = run(
        graph(a=("Add", {"a": 1, "b": 2, "extra": 7}), out=("Show", {"value": ["a", 0]}))
    )

    assert shown(result) == [3]


def test_e015_undeclared_links_are_passed(run):
    result, _ = run(
        graph(v=("Value", {"value": 1}), a=("Add", {"a": 1, "b": 2, "extra": ["v", 0]}),
              out=("Show", {"value": ["a", 0]}))
    )  # fmt: skip

    assert result.status == "error"
    assert result.error["exception_type"] == "TypeError"
    assert "extra" in result.error["exception_message"]


def test_e016_an_omitted_optional_input_is_not_passed(run):
    result, _ = run(graph(p=("Pair", {"a": 1}), out=("Show", {"value": ["p", 0]})))

    assert shown(result) == [(1, "absent")]


def test_e305_a_slot_that_was_not_returned_is_none(run, engine):
    add_class(engine, "Short", node(returns=("INT", "INT"))(lambda self: (1,)))

    result, _ = run(graph(s=("Short", {}), out=("Show", {"value": ["s", 1]})))

    assert shown(result) == [None]


def test_e036_a_raw_link_is_passed_as_it_is(run, engine):
    raw = node({"x": ("*", {"rawLink": True})}, returns=("*",))(lambda self, x: (x,))
    add_class(engine, "Raw", raw)

    result, _ = run(
        graph(v=("Value", {"value": 5}), r=("Raw", {"x": ["v", 0]}),
              out=("Show", {"value": ["r", 0]}))
    )  # fmt: skip

    assert shown(result) == [["v", 0]]
    assert "v" in result.executed


def test_e040_hidden_inputs_are_filled(run, engine):
    def look(self, me, prompt, graph, png):
        return ((me, prompt[me]["class_type"], graph.has_node("out"), png),)

    hidden = {"me": "UNIQUE_ID", "prompt": "PROMPT", "graph": "DYNPROMPT", "png": "EXTRA_PNGINFO"}
    add_class(engine, "Look", node(hidden=hidden, returns=("*",))(look))

    result, _ = run(
        graph(n=("Look", {}), out=("Show", {"value": ["n", 0]})),
        extra_data={"extra_pnginfo": {"workflow": 1}},
    )

    assert shown(result) == [("n", "Look", True, {"workflow": 1})]


def test_e040_secrets_reach_only_the_node_that_asks(run, engine):
    secret = node(hidden={"key": "API_KEY_COMFY_ORG"}, returns=("*",))(lambda self, key: (key,))
    add_class(engine, "Secret", secret)

    result, _ = run(
        graph(n=("Secret", {}), out=("Show", {"value": ["n", 0]})),
        extra_data={"api_key_comfy_org": "s3cret"},
    )

    assert shown(result) == ["s3cret"]
    assert "s3cret" not in str(engine.history.get()[result.prompt_id]["prompt"])


def test_e306_ui_of_several_calls_is_concatenated(run, engine):
    tell = node({"v": ("*",)}, OUTPUT_NODE=True)(lambda self, v: {"ui": {"text": [v]}})
    add_class(engine, "Tell", tell)

    result, _ = run(graph(n=("Numbers", {"count": 3}), out=("Tell", {"v": ["n", 0]})))

    assert result.outputs["out"] == {"text": [0, 1, 2]}


def test_e306_a_ui_value_that_is_no_list_counts_as_one(run, engine):
    tell = node(OUTPUT_NODE=True)(lambda self: {"ui": {"text": "hello"}})
    add_class(engine, "Tell", tell)

    result, _ = run(graph(out=("Tell", {})))

    assert result.outputs["out"] == {"text": ["hello"]}


@pytest.mark.parametrize(
    ("returned", "message"),
    [(None, "object of type 'NoneType' has no len()"), (7, "object of type 'int' has no len()")],
)
def test_e315_a_result_without_length_fails_the_node(run, engine, returned, message):
    add_class(engine, "Odd", node(returns=("INT",))(lambda self: returned))

    result, _ = run(graph(n=("Odd", {}), out=("Show", {"value": ["n", 0]})))

    assert result.error["exception_message"].strip() == message


def test_e315_a_node_without_outputs_may_return_nothing(run, engine):
    add_class(engine, "Nothing", node(OUTPUT_NODE=True)(lambda self: None))

    assert run(graph(out=("Nothing", {})))[0].status == "success"


def test_e907_an_empty_list_calls_nothing(run):
    result, _ = run(
        graph(n=("Numbers", {"count": 0}), a=("Add", {"a": ["n", 0], "b": 5}),
              j=("Join", {"values": ["a", 0]}), out=("Show", {"value": ["j", 0]}))
    )  # fmt: skip

    assert shown(result) == [""]


def test_e907_the_reference_fails_on_an_empty_list(make_engine, run_on):
    engine = make_engine(strict_reference=True)

    result, _ = run_on(
        engine,
        graph(n=("Numbers", {"count": 0}), a=("Add", {"a": ["n", 0], "b": 5}),
              out=("Show", {"value": ["a", 0]})),
    )  # fmt: skip

    assert result.error["exception_type"] == "IndexError"
    assert result.error["node_type"] == "Add"


def test_e907_all_lists_empty_call_a_function_that_needs_nothing(run, engine):
    count = node(optional={"v": ("*",)}, returns=("INT",))(lambda self, v=3: (v,))
    add_class(engine, "Maybe", count)

    result, _ = run(
        graph(n=("Numbers", {"count": 0}), m=("Maybe", {"v": ["n", 0]}),
              out=("Show", {"value": ["m", 0]}))
    )  # fmt: skip

    assert shown(result) == [3]


def test_e321_a_silent_blocker_keeps_consumers_from_running(run):
    result, events = run(
        graph(g=("Gate", {"value": 5, "message": ""}), a=("Add", {"a": ["g", 0], "b": 1}),
              closed=("Show", {"value": ["a", 0]}), open=("Show", {"value": ["g", 1]}))
    )  # fmt: skip

    assert result.status == "success"
    assert result.outputs == {"open": {"value": [5]}}
    assert "a" in result.executed
    assert not names(events, "execution_error")


def test_e322_a_blocker_with_a_message_speaks_once_per_path(run):
    result, events = run(
        graph(g=("Gate", {"value": 5, "message": "closed"}), a=("Add", {"a": ["g", 0], "b": 1}),
              b=("Add", {"a": ["a", 0], "b": 1}), out=("Show", {"value": ["b", 0]}))
    )  # fmt: skip

    errors = names(events, "execution_error")
    assert result.status == "success"
    assert [error.payload["node_id"] for error in errors] == ["a"]
    assert errors[0].payload["exception_type"] == "ExecutionBlocked"
    assert errors[0].payload["exception_message"] == "Execution Blocked: closed"
    assert "timestamp" not in errors[0].payload


def test_e323_other_list_elements_run(run, engine):
    def some(self):
        return ([1, ExecutionBlocker(None), 3],)

    add_class(engine, "Some", node(returns=("INT",), OUTPUT_IS_LIST=(True,))(some))
    add_class(engine, "Tell", node({"v": ("*",)}, OUTPUT_NODE=True)(
        lambda self, v: {"ui": {"v": [v]}}
    ))  # fmt: skip

    result, _ = run(graph(s=("Some", {}), out=("Tell", {"v": ["s", 0]})))

    assert result.outputs["out"] == {"v": [1, 3]}


def test_e320_a_list_node_looks_inside_its_lists(run, engine):
    add_class(
        engine,
        "Some",
        node(returns=("INT",), OUTPUT_IS_LIST=(True,))(lambda self: ([1, ExecutionBlocker(None)],)),
    )

    result, _ = run(graph(s=("Some", {}), out=("Show", {"value": ["s", 0]})))

    assert result.outputs == {}


def test_e916_display_inputs_are_never_passed(run):
    result, _ = run(
        graph(a=("Add", {"a": 1, "b": 2, "$$preview": "x"}), out=("Show", {"value": ["a", 0]}))
    )

    assert shown(result) == [3]


def test_slots_asked_for_come_back_as_python_values(run):
    marker = object()
    prompt = graph(v=("Value", {"value": 1}), n=("Numbers", {"count": 3}))
    prompt["v"]["inputs"]["value"] = marker

    result, _ = run(prompt, targets=[("v", 0), ("n", 0)])

    assert result.results == {("v", 0): [marker], ("n", 0): [0, 1, 2]}
    assert result.executed == ["v", "n"]


def test_a_slot_that_does_not_exist_is_refused(run):
    result, _ = run(graph(v=("Value", {"value": 1})), targets=[("v", 3)])

    assert (result.status, result.is_valid) == ("error", False)
    assert list(result.node_errors) == ["v"]


def test_the_prompt_given_is_not_changed(run):
    prompt = graph(a=("Steps", {"steps": "3"}), out=("Show", {"value": ["a", 0]}))

    result, _ = run(prompt)

    assert shown(result) == [3]
    assert prompt["a"]["inputs"] == {"steps": "3"}
