"""Rules of the prompt format and the node contracts that have no other test (chapters 1 to 4)."""

import json

import pytest
from sample_nodes import add_class, graph, node

from app.engine.errors import UnknownNodeError
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.node_types.schema import read_schema


def shows(engine, **prompt):
    return engine.run(graph(**prompt)).outputs


def test_e001_ids_may_be_any_text(engine):
    prompt = {"a:b.c ü": ("Value", {"value": 3}), "": ("Show", {"value": ["a:b.c ü", 0]})}

    assert shows(engine, **prompt) == {"": {"value": [3]}}


def test_e004_a_raw_list_in_a_declared_input_is_taken_for_a_link(engine):
    result = engine.run(graph(n=("Show", {"value": [1, 2, 3]})))

    assert result.node_errors["n"]["errors"][0]["type"] == "bad_linked_input"


@pytest.mark.parametrize("value", [1, 1.5, "x", True, None, {"a": [1, {"b": 2}]}])
def test_e010_constants_may_be_any_json_value(engine, value):
    assert shows(engine, n=("Show", {"value": value})) == {"n": {"value": [value]}}


def test_e010_e012_a_list_travels_wrapped(engine):
    assert shows(engine, n=("Show", {"value": {"__value__": [1, 2]}})) == {
        "n": {"value": [[1, 2]]}
    }  # fmt: skip


def test_e013_e541_a_submission_carries_number_front_id_and_targets(engine):
    engine.submit(graph(a=("Show", {"value": 1}), b=("Show", {"value": 2})),
                  prompt_id="mine", number=7.5, front=True, targets=["b"])  # fmt: skip
    [item] = engine.queue.pending
    result = engine.run_next(0)

    assert (item.number, item.prompt_id) == (-7.5, "mine")
    assert result.outputs == {"b": {"value": [2]}}


def test_e014_e040_the_workflow_reaches_nodes_that_ask_for_it(engine):
    seen = []
    add_class(engine, "Ask", node(
        hidden={"info": "EXTRA_PNGINFO"}, OUTPUT_NODE=True
    )(lambda self, info: (seen.append(info), ())[1]))  # fmt: skip
    engine.run(graph(n=("Ask", {})), extra_data={"extra_pnginfo": {"workflow": {"id": "w"}}})

    assert seen == [{"workflow": {"id": "w"}}]


def test_e017_errors_name_the_node_an_artist_knows(engine):
    from app.engine.execution.graph_builder import GraphBuilder

    def expand(self):
        inner = GraphBuilder()
        return {"result": (inner.node("Fail", text="deep").out(0),), "expand": inner.finalize()}

    add_class(engine, "Outer", node(returns=("*",))(expand))
    result = engine.run(graph(o=("Outer", {}), out=("Show", {"value": ["o", 0]})))

    assert (result.error["node_id"], result.error["node_type"]) == ("o", "Outer")


class Unlike(str):
    def __ne__(self, other):
        return False

    __hash__ = str.__hash__


@pytest.mark.parametrize(
    "kind", ["INT", "INT, STRING", ["1", "2"], "COMBO", "*", Unlike("ODD"), object]
)
def test_e022_an_input_type_has_many_forms(kind):
    options = {"options": ["1"]} if kind == "COMBO" else {}
    cls = node({"value": (kind, options)}, returns=("*",))(lambda self, value: (value,))

    assert read_schema("N", cls).inputs["value"].type is kind


def test_e030_bounds_hold_on_any_type_and_other_options_do_not_matter(engine):
    add_class(engine, "Bounded", node(
        {"v": ("INT,FLOAT", {"min": 0, "max": 2, "display": "odd", "tooltip": "x"})},
        OUTPUT_NODE=True,
    )(lambda self, v: {"ui": {"v": [v]}}))  # fmt: skip

    assert shows(engine, n=("Bounded", {"v": 1.5})) == {"n": {"v": [1.5]}}
    result = engine.run(graph(n=("Bounded", {"v": 3})))
    assert result.node_errors["n"]["errors"][0]["type"] == "value_bigger_than_max"


@pytest.mark.parametrize("flag", [1, "yes", True])
def test_e031_any_true_value_makes_an_input_lazy(flag):
    schema = read_schema("N", node({"v": ("*", {"lazy": flag})})(lambda self, v: ()))

    assert schema.inputs["v"].lazy


@pytest.mark.parametrize("option", ["forceInput", "defaultInput"])
def test_e032_e033_a_constant_is_taken_where_the_editor_shows_a_socket(engine, option):
    add_class(engine, "Forced", node(
        {"v": ("INT", {option: True})}, OUTPUT_NODE=True
    )(lambda self, v: {"ui": {"v": [v]}}))  # fmt: skip

    assert shows(engine, n=("Forced", {"v": 4})) == {"n": {"v": [4]}}


CHOOSE = node(
    {"v": ("COMBO", {"options": ["a", "b"], "multiselect": True})}, OUTPUT_NODE=True
)(lambda self, v: {"ui": {"v": v}})  # fmt: skip


@pytest.mark.parametrize(("strict", "status"), [(False, "success"), (True, "error")])
def test_e035_e903_a_choice_of_several(make_engine, strict, status):
    engine = make_engine(strict_reference=strict)
    add_class(engine, "Choose", CHOOSE)

    assert engine.run(graph(n=("Choose", {"v": {"__value__": ["a", "b"]}}))).status == status


def test_e041_a_hidden_input_of_another_kind_is_filled_by_the_prompt_alone(engine):
    add_class(engine, "Odd", node(
        hidden={"x": "ODD_KIND"}, OUTPUT_NODE=True
    )(lambda self, x="absent": {"ui": {"x": [x]}}))  # fmt: skip

    assert shows(engine, n=("Odd", {})) == {"n": {"x": ["absent"]}}
    assert shows(engine, n=("Odd", {"x": 5})) == {"n": {"x": [5]}}


def test_e042_e406_is_changed_sees_an_idle_engine(engine):
    seen = []
    hidden = {"p": "PROMPT", "d": "DYNPROMPT", "e": "EXTRA_PNGINFO", "u": "UNIQUE_ID"}
    add_class(engine, "Idle", node(
        {"a": ("*",), "b": ("*",)}, hidden=hidden, OUTPUT_NODE=True,
        IS_CHANGED=classmethod(lambda cls, **given: seen.append(given)),
    )(lambda self, **given: ()))  # fmt: skip
    engine.run(
        graph(v=("Value", {"value": 1}), n=("Idle", {"a": 2, "b": ["v", 0]})),
        extra_data={"extra_pnginfo": {"x": 1}},
    )

    assert seen == [{"a": 2, "b": None, "p": {}, "d": None, "e": None, "u": "n"}]


@pytest.mark.parametrize("flag", [True, 1, (True,), "yes"])
def test_e052_any_true_value_makes_inputs_lists(flag):
    cls = node({"v": ("*",)}, INPUT_IS_LIST=flag)(lambda self, v: ())

    assert read_schema("N", cls).input_is_list


def test_e053_the_method_may_have_any_name_and_be_asynchronous(engine):
    async def work(self):
        return {"ui": {"v": ["worked"]}}

    cls = type("N", (), {
        "INPUT_TYPES": classmethod(lambda cls: {}), "RETURN_TYPES": (), "FUNCTION": "go_on",
        "OUTPUT_NODE": True, "go_on": work,
    })  # fmt: skip
    add_class(engine, "Named", cls)

    assert shows(engine, n=("Named", {})) == {"n": {"v": ["worked"]}}


def test_e055_a_class_that_says_little_is_described_with_defaults(engine):
    add_class(engine, "Bare", node()(lambda self: ()))
    info = engine.object_info("Bare")["Bare"]

    assert (info["category"], info["description"], info["output_node"]) == ("sd", "", False)
    assert "deprecated" not in info


def test_e056_e404_an_unequal_twin_runs_itself(engine):
    made = []
    add_class(engine, "Twin", node(
        OUTPUT_NODE=True, NOT_IDEMPOTENT=True
    )(lambda self: (made.append(1), ())[1]))  # fmt: skip
    engine.run(graph(a=("Twin", {}), b=("Twin", {})))

    assert len(made) == 2


def test_e058_the_module_of_a_class_is_in_its_description(engine):
    cls = node(RELATIVE_PYTHON_MODULE="custom_nodes.mine")(lambda self: ())
    add_class(engine, "Mine", cls)

    assert engine.object_info("Mine")["Mine"]["python_module"] == "custom_nodes.mine"


def test_e307_e320_before_every_call_a_blocker_is_looked_for(engine):
    calls = []
    add_class(engine, "Some", node(returns=("*",), OUTPUT_IS_LIST=(True,))(
        lambda self: ([1, ExecutionBlocker(None), 3],)
    ))  # fmt: skip
    add_class(engine, "Take", node({"v": ("*",)}, returns=("*",))(
        lambda self, v: (calls.append(v), (v,))[1]
    ))  # fmt: skip
    engine.run(
        graph(s=("Some", {}), t=("Take", {"v": ["s", 0]}), out=("Show", {"value": ["t", 0]}))
    )

    assert calls == [1, 3]


def test_e604_e913_a_definition_that_json_cannot_hold_breaks_no_other(engine):
    add_class(engine, "Odd", node({"v": ("FLOAT", {"max": float("inf"), "x": {1}, "y": object})})(
        lambda self, v: ()
    ))  # fmt: skip
    info = engine.object_info()

    assert {"Odd", "Show"} <= info.keys()
    json.dumps(info, allow_nan=False)


def test_e603_an_unknown_name_is_an_empty_answer_and_a_named_error_inside(engine):
    assert engine.object_info("Nothing") == {}
    with pytest.raises(UnknownNodeError):
        engine.registry.get("Nothing")


def test_e900_the_reference_quirks_come_back_together(make_engine):
    engine = make_engine(strict_reference=True)
    add_class(engine, "Empty", node(returns=("*",), OUTPUT_IS_LIST=(True,))(lambda self: ([],)))
    strict = engine.run(graph(
        e=("Empty", {}), n=("Pair", {"a": ["e", 0], "b": 1}), out=("Show", {"value": ["n", 0]})
    ))  # fmt: skip

    assert strict.error["exception_type"] == "IndexError"
