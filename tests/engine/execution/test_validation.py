"""Whole prompts: what is refused, with which words, and what may run all the same."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from app.engine.execution.validation import Validation, validate_prompt
from app.engine.node_types.registry import Registry
from app.engine.node_types.schema import RunSchemas

INT_OPTIONS = {"default": 1, "min": 0, "max": 10}


def node_class(
    required: dict[str, Any] | None = None,
    optional: dict[str, Any] | None = None,
    returns: tuple[Any, ...] = (),
    **members: Any,
) -> type:
    """Make a V1 class with the given inputs and outputs."""
    sections = {"required": required or {}, "optional": optional or {}}
    body = {
        "INPUT_TYPES": classmethod(lambda cls: sections),
        "RETURN_TYPES": returns,
        "FUNCTION": "run",
        "run": lambda self, **kwargs: (),
        **members,
    }
    return type("Sample", (), body)


class Unreadable:
    @classmethod
    def INPUT_TYPES(cls):
        raise RuntimeError("no such folder")

    RETURN_TYPES = ("INT",)


CLASSES: dict[str, type] = {
    "Number": node_class(
        {"value": ("INT", INT_OPTIONS)}, {"bonus": ("FLOAT", {"max": 2.5})}, ("INT", "STRING")
    ),
    "Add": node_class({"a": ("INT",), "b": ("INT", {})}, None, ("INT",)),
    "Text": node_class({"text": ("STRING", {})}, {"flag": ("BOOLEAN",)}, ("STRING",)),
    "Pick": node_class(
        {"mode": (["slow", "fast"],)},
        {"kind": ("COMBO", {"options": [1, 2]}), "size": ([f"s{i}" for i in range(21)],)},
        ("INT",),
    ),
    "Loop": node_class(None, {"x": ("*",), "y": ("*",)}, ("INT",)),
    "Show": node_class({"value": ("*",)}, OUTPUT_NODE=True),
    "ShowInt": node_class({"value": ("INT",)}, OUTPUT_NODE=True),
    "Limited": node_class({"value": ("STRING,INT", {"max": 5})}, OUTPUT_NODE=True),
    "Unreadable": Unreadable,
}


def check(
    prompt: dict[str, Any],
    *,
    classes: dict[str, type] | None = None,
    targets: list[str] | None = None,
    strict: bool = False,
) -> Validation:
    """Validate ``prompt`` with the sample classes and ``classes``."""
    schemas = RunSchemas(Registry({**CLASSES, **(classes or {})}), strict_reference=strict)
    return asyncio.run(validate_prompt(prompt, schemas, targets=targets, strict_reference=strict))


def node(class_type: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": class_type, "inputs": inputs}


def show(source: str, slot: int = 0) -> dict[str, Any]:
    return node("Show", value=[source, slot])


def only_error(result: Validation, node_id: str) -> dict[str, Any]:
    """Return the one error of the one faulty node."""
    assert list(result.node_errors) == [node_id]
    [error] = result.node_errors[node_id]["errors"]
    return error


def error_of_output(class_type: str, **inputs: Any) -> dict[str, Any]:
    """Return the one error of a node behind an output."""
    return only_error(check({"1": node(class_type, **inputs), "2": show("1")}), "1")


def test_a_good_prompt_is_valid_and_names_its_outputs():
    result = check({"1": node("Number", value=3), "2": show("1"), "3": show("1")})

    assert result == Validation(True, None, ("2", "3"), {})


def test_e101_a_missing_class_type_is_named():
    result = check({"1": {"inputs": {}}, "2": show("1")})

    assert result.valid is False
    assert result.node_errors == {}
    assert result.error == {
        "type": "invalid_prompt",
        "message": "Cannot execute because a node is missing the class_type property.",
        "details": "Node ID '#1'",
        "extra_info": {},
    }


def test_e102_the_first_unknown_class_is_named_even_when_nothing_needs_it():
    result = check({"1": node("Number", value=1), "2": show("1"), "7": node("Nope"), "8": {}})

    assert result.error == {
        "type": "invalid_prompt",
        "message": "Cannot execute because node Nope does not exist.",
        "details": "Node ID '#7'",
        "extra_info": {},
    }


@pytest.mark.parametrize("prompt", [None, [], "1", {"1": 5}, {"1": node(["Number"])}])
def test_e101_what_is_no_prompt_is_refused_and_never_raises(prompt):
    result = check(prompt)

    assert result.error is not None
    assert result.error["type"] == "invalid_prompt"


@pytest.mark.parametrize("prompt", [{}, {"1": node("Number", value=1)}])
def test_e103_a_prompt_without_outputs_is_refused(prompt):
    assert check(prompt).error == {
        "type": "prompt_no_outputs",
        "message": "Prompt has no outputs",
        "details": "",
        "extra_info": {},
    }


def test_e104_targets_choose_outputs_and_other_ids_are_passed_over():
    prompt = {"1": node("Number", value=1), "2": show("1"), "3": show("1")}

    assert check(prompt, targets=["1", "9", "3"]).outputs == ("3",)


@pytest.mark.parametrize("targets", [[], ["1"], ["9"]])
def test_e104_no_output_among_the_targets_is_like_no_output(targets):
    prompt = {"1": node("Number", value=1), "2": show("1")}

    error = check(prompt, targets=targets).error

    assert error is not None
    assert error["type"] == "prompt_no_outputs"


def test_e902_outputs_come_in_the_order_of_the_prompt_or_of_the_targets():
    prompt = {"9": show("1"), "2": show("1"), "1": node("Number", value=1), "5": show("1")}

    assert check(prompt).outputs == ("9", "2", "5")
    assert check(prompt, targets=["5", "9", "5"]).outputs == ("5", "9")


def test_e105_good_outputs_run_although_others_fail():
    prompt = {"1": node("Number", value=1), "2": show("1"), "3": node("Number"), "4": show("3")}

    result = check(prompt)

    assert result.valid is True
    assert result.error is None
    assert result.outputs == ("2",)
    assert list(result.node_errors) == ["3"]


def test_e104_an_output_that_was_not_asked_for_is_not_checked():
    prompt = {"1": node("Number", value=1), "2": show("1"), "3": node("Number"), "4": show("3")}

    assert check(prompt, targets=["2"]) == Validation(True, None, ("2",), {})


def test_e106_the_details_are_the_errors_of_the_outputs_themselves():
    prompt = {
        "1": node("Number", value=11),
        "2": show("1"),
        "3": node("Show"),
        "4": node("ShowInt", value="x"),
    }

    result = check(prompt)

    assert result.error == {
        "type": "prompt_outputs_failed_validation",
        "message": "Prompt outputs failed validation",
        "details": "Required input is missing: value\n"
        "Failed to convert an input value to a INT value: "
        "value, x, invalid literal for int() with base 10: 'x'",
        "extra_info": {},
    }


def test_e108_a_shared_faulty_ancestor_lists_every_output_and_healthy_nodes_do_not_appear():
    prompt = {
        "1": node("Number"),
        "2": node("Add", a=["1", 0], b=1),
        "3": show("2"),
        "4": show("1"),
        "5": node("Number", value=1),
        "6": show("5"),
    }

    result = check(prompt)

    assert result.node_errors == {
        "1": {
            "errors": [
                {
                    "type": "required_input_missing",
                    "message": "Required input is missing",
                    "details": "value",
                    "extra_info": {"input_name": "value"},
                }
            ],
            "dependent_outputs": ["3", "4"],
            "class_type": "Number",
        }
    }
    assert result.outputs == ("6",)


def test_e108_an_unrelated_failed_output_does_not_depend_on_anothers_error():
    prompt = {"1": node("Number"), "2": show("1"), "3": node("Number", value=99), "4": show("3")}

    errors = check(prompt).node_errors

    assert errors["1"]["dependent_outputs"] == ["2"]
    assert errors["3"]["dependent_outputs"] == ["4"]


def test_e054_output_node_means_equal_to_true_and_strictly_is_true():
    classes = {"One": node_class(OUTPUT_NODE=1), "Word": node_class(OUTPUT_NODE="yes")}
    prompt = {"1": node("One"), "2": node("Word")}

    assert check(prompt, classes=classes).outputs == ("1",)
    assert check(prompt, classes=classes, strict=True).valid is False


def test_e110_every_input_is_checked_and_each_has_at_most_one_error():
    result = check({"1": node("Number", value="no", bonus=9), "2": show("1")})

    kinds = [error["type"] for error in result.node_errors["1"]["errors"]]
    assert kinds == ["invalid_input_type", "value_bigger_than_max"]


def test_e110_undeclared_inputs_are_not_looked_at():
    prompt = {
        "1": node("Number", value=1, extra=["4", 0], other=[1, 2, 3]),
        "2": show("1"),
        "4": node("Number"),
    }

    assert check(prompt).valid is True


def test_e916_display_inputs_are_not_validated_even_when_declared():
    classes = {"Odd": node_class({"$$text": ("INT", {"max": 1})}, OUTPUT_NODE=True)}

    assert check({"1": node("Odd", **{"$$text": ["9", 0]})}, classes=classes).valid is True
    assert check({"1": node("Odd")}, classes=classes).valid is True


@pytest.mark.parametrize("value", [[], ["1"], ["1", 0, 0], [[1, 2], [3], 4]])
def test_e112_a_list_that_is_no_pair_is_a_bad_link(value):
    error = error_of_output("Text", text=value)

    assert error == {
        "type": "bad_linked_input",
        "message": "Bad linked input, must be a length-2 list of [node_id, slot_index]",
        "details": "text",
        "extra_info": {
            "input_name": "text",
            "input_config": ["STRING", {}],
            "received_value": value,
        },
    }


def test_e113_a_type_clash_names_both_types_and_leaves_the_source_alone():
    prompt = {"1": node("Number"), "2": node("Text", text=["1", 0]), "3": show("2")}

    assert only_error(check(prompt), "2") == {
        "type": "return_type_mismatch",
        "message": "Return type mismatch between linked nodes",
        "details": "text, received_type(INT) mismatch input_type(STRING)",
        "extra_info": {
            "input_name": "text",
            "input_config": ["STRING", {}],
            "received_type": "INT",
            "linked_node": ["1", 0],
        },
    }


@pytest.mark.parametrize(
    ("class_type", "name", "given", "stored"),
    [
        ("Number", "value", "7", 7),
        ("Number", "value", 3.9, 3),
        ("Number", "value", True, 1),
        ("Number", "bonus", 2, 2.0),
        ("Text", "text", 5, "5"),
        ("Text", "text", None, "None"),
        ("Text", "flag", "false", True),
        ("Text", "flag", None, False),
        ("Text", "flag", 0, False),
    ],
)
def test_e114_constants_are_converted_in_place(class_type, name, given, stored):
    inputs = {"value": 1} if class_type == "Number" else {"text": ""}
    prompt = {"1": node(class_type, **{**inputs, name: given}), "2": show("1")}

    assert check(prompt).valid is True

    kept = prompt["1"]["inputs"][name]
    assert (kept, type(kept)) == (stored, type(stored))


def test_e114_a_failed_conversion_tells_value_and_reason():
    assert error_of_output("Number", value="abc") == {
        "type": "invalid_input_type",
        "message": "Failed to convert an input value to a INT value",
        "details": "value, abc, invalid literal for int() with base 10: 'abc'",
        "extra_info": {
            "input_name": "value",
            "input_config": ["INT", INT_OPTIONS],
            "received_value": "abc",
            "exception_message": "invalid literal for int() with base 10: 'abc'",
        },
    }


@pytest.mark.parametrize(("name", "kind"), [("value", "INT"), ("bonus", "FLOAT")])
def test_e011_null_is_no_number(name, kind):
    error = error_of_output("Number", **{"value": 1, name: None})

    assert error["type"] == "invalid_input_type"
    assert f"to a {kind} value" in error["message"]


def test_e114_union_types_are_not_converted():
    prompt = {"1": node("Limited", value=2.5)}

    assert check(prompt).valid is True
    assert prompt["1"]["inputs"]["value"] == 2.5


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (-1, "value_smaller_than_min", "Value -1 smaller than min of 0"),
        (11, "value_bigger_than_max", "Value 11 bigger than max of 10"),
    ],
)
def test_e115_e116_bounds_are_inclusive(value, kind, message):
    assert error_of_output("Number", value=value) == {
        "type": kind,
        "message": message,
        "details": "value",
        "extra_info": {
            "input_name": "value",
            "input_config": ["INT", INT_OPTIONS],
            "received_value": value,
        },
    }
    for edge in (0, 10):
        assert check({"1": node("Number", value=edge), "2": show("1")}).valid is True


def test_e116_a_value_that_cannot_be_compared_is_an_exception_on_the_node():
    error = only_error(check({"1": node("Limited", value="long")}), "1")

    assert error["type"] == "exception_during_validation"
    assert error["extra_info"]["exception_type"] == "TypeError"


def test_e117_a_value_outside_a_short_list_shows_the_list():
    assert error_of_output("Pick", mode="medium") == {
        "type": "value_not_in_list",
        "message": "Value not in list",
        "details": "mode: 'medium' not in ['slow', 'fast']",
        "extra_info": {
            "input_name": "mode",
            "input_config": [["slow", "fast"], {}],
            "received_value": "medium",
        },
    }


def test_e117_a_value_outside_a_long_list_shows_its_length():
    error = error_of_output("Pick", mode="slow", size="s99")

    assert error["details"] == "size: 's99' not in (list of length 21)"
    assert error["extra_info"] == {
        "input_name": "size",
        "input_config": None,
        "received_value": "s99",
    }


def test_e117_a_combo_takes_its_choices_from_the_options():
    assert check({"1": node("Pick", mode="slow", kind=2), "2": show("1")}).valid is True
    assert error_of_output("Pick", mode="slow", kind=3)["details"] == "kind: '3' not in [1, 2]"


def test_e117_a_list_of_twenty_is_still_shown():
    choices = [f"c{index}" for index in range(20)]
    classes = {"Twenty": node_class({"file": (choices,)}, OUTPUT_NODE=True)}

    error = only_error(check({"1": node("Twenty", file="no")}, classes=classes), "1")

    assert error["details"] == f"file: 'no' not in {choices}"


def test_e034_a_combo_without_options_refuses_every_value():
    classes = {"Remote": node_class({"file": ("COMBO", {"remote": {}})}, OUTPUT_NODE=True)}

    error = only_error(check({"1": node("Remote", file="a")}, classes=classes), "1")

    assert error["details"] == "file: 'a' not in []"


@pytest.mark.parametrize("count", [3, 500])
@pytest.mark.parametrize("value", [{"a": 1}, 1.5, "choice 9999"])
def test_e117_any_value_may_be_looked_up_in_any_list(count, value):
    choices = [f"choice {index}" for index in range(count)]
    classes = {"Files": node_class({"file": (choices,)}, OUTPUT_NODE=True)}

    error = only_error(check({"1": node("Files", file=value)}, classes=classes), "1")

    assert error["type"] == "value_not_in_list"


def test_e012_a_wrapped_list_is_unwrapped_in_place_before_the_checks():
    classes = {"Json": node_class({"data": ("JSON",)}, OUTPUT_NODE=True)}
    prompt = {
        "1": node("Json", data={"__value__": [1, [2]]}),
        "2": node("ShowInt", value={"__value__": "5"}),
    }

    assert check(prompt, classes=classes).valid is True
    assert prompt["1"]["inputs"]["data"] == [1, [2]]
    assert prompt["2"]["inputs"]["value"] == 5


def test_e012_undeclared_inputs_keep_their_wrapping():
    prompt = {"1": node("ShowInt", value=1, more={"__value__": [1]})}

    check(prompt)

    assert prompt["1"]["inputs"]["more"] == {"__value__": [1]}


@pytest.mark.parametrize("option", ["multiselect", "multi_select"])
def test_e903_each_element_of_a_multiple_choice_must_be_a_choice(option):
    kind = ("COMBO", {"options": ["a", "b"], option: True})
    classes = {"Many": node_class({"which": kind}, OUTPUT_NODE=True)}
    good = {"1": node("Many", which={"__value__": ["b", "a"]})}
    bad = {"1": node("Many", which={"__value__": ["b", "c"]})}

    assert check(good, classes=classes).valid is True
    assert only_error(check(bad, classes=classes), "1")["type"] == "value_not_in_list"
    assert check(good, classes=classes, strict=True).valid is False


def test_e117_a_list_of_choices_is_no_choice_where_only_one_may_be_made():
    error = error_of_output("Pick", mode={"__value__": ["slow", "fast"]})

    assert error["type"] == "value_not_in_list"


def test_e024_an_open_section_is_not_iterated_for_required_inputs():
    class Anything(dict):
        def __contains__(self, key: object) -> bool:
            return True

        def __getitem__(self, key: str) -> tuple[str]:
            return ("INT",)

    cls = node_class(optional=Anything(), OUTPUT_NODE=True)

    assert check({"1": node("Open", anything="text")}, classes={"Open": cls}).valid is True


def test_e121_a_link_to_a_missing_node_is_an_exception_on_the_node_that_holds_it():
    prompt = {"1": node("Add", a=["9", 0], b="x"), "2": show("1")}

    error = only_error(check(prompt), "1")

    assert error["type"] == "exception_during_inner_validation"
    assert error["message"] == "Exception when validating inner node"
    assert error["details"] == "'9'"
    about = error["extra_info"]
    assert about.pop("traceback")
    assert about == {
        "input_name": "value",
        "input_config": ["*", {}],
        "exception_message": "'9'",
        "exception_type": "KeyError",
        "linked_node": ["1", 0],
    }


def test_e121_a_slot_that_does_not_exist_is_an_index_error():
    result = check({"1": node("Number", value=1), "2": show("1", 2)})

    assert only_error(result, "2")["details"] == "tuple index out of range"


@pytest.mark.parametrize("link", [["1", 0.0], [0, 0], [["1"], 0], ["1", "0"], ["1", None]])
def test_e005_e006_what_only_looks_like_a_link_is_an_exception(link):
    prompt = {"1": node("Number", value=1), "2": show("1"), "3": node("Show", value=link)}

    result = check(prompt)

    assert result.outputs == ("2",)
    assert only_error(result, "3")["type"] == "exception_during_validation"


@pytest.mark.parametrize("order", [("2", "3"), ("3", "2")])
def test_e005_a_float_slot_is_refused_although_the_same_whole_slot_fits(order):
    nodes = {"2": show("1"), "3": node("Show", value=["1", 0.0])}
    prompt = {"1": node("Number", value=1)} | {key: nodes[key] for key in order}

    result = check(prompt)

    assert result.outputs == ("2",)
    assert "indices must be integers" in only_error(result, "3")["details"]


def test_e122_an_exception_on_an_output_names_its_type_and_place():
    error = only_error(check({"1": {"class_type": "Show"}}), "1")

    assert error["type"] == "exception_during_validation"
    assert error["message"] == "Exception when validating node"
    assert error["details"] == "'inputs'"
    assert set(error["extra_info"]) == {"exception_type", "traceback"}


def test_e122_an_output_that_feeds_another_is_still_an_output():
    classes = {"Both": node_class({"x": ("INT",)}, returns=("INT",), OUTPUT_NODE=True)}
    prompt = {"1": node("Both", x=["9", 0]), "2": node("Both", x=["1", 0])}

    result = check(prompt, classes=classes)

    assert only_error(result, "1")["type"] == "exception_during_validation"
    assert result.node_errors["1"]["dependent_outputs"] == ["1", "2"]


@pytest.mark.parametrize("inputs", [None, [], 5])
def test_e002_inputs_that_are_no_object_are_an_exception(inputs):
    result = check({"1": {"class_type": "Number", "inputs": inputs}, "2": show("1")})

    assert only_error(result, "1")["type"] == "exception_during_inner_validation"


def test_e123_an_exception_replaces_the_other_errors_of_its_node():
    result = check({"1": node("Add", a="x", b=["9", 0]), "2": show("1")})

    assert only_error(result, "1")["details"] == "'9'"


def test_e123_input_types_that_raise_are_reported_on_their_node_and_others_run():
    prompt = {"1": node("Unreadable"), "2": show("1"), "3": node("ShowInt", value=1)}

    result = check(prompt)

    assert result.outputs == ("3",)
    error = only_error(result, "1")
    assert error["details"] == "no such folder"
    assert error["extra_info"]["exception_type"] == "RuntimeError"


def test_e123_input_types_that_raise_do_not_matter_where_nothing_needs_the_node():
    assert check({"1": node("Unreadable"), "2": node("ShowInt", value=1)}).valid is True


def test_e123_a_pack_that_exits_while_it_is_read_is_one_more_exception():
    def leave(cls):
        raise SystemExit(3)

    classes = {"Leave": type("Leave", (), {"INPUT_TYPES": classmethod(leave)})}
    classes["Leave"].RETURN_TYPES = ("INT",)  # type: ignore[attr-defined]

    error = only_error(check({"1": node("Leave"), "2": show("1")}, classes=classes), "1")

    assert error["extra_info"]["exception_type"] == "SystemExit"


def test_e901_a_cycle_is_an_error_on_each_of_its_nodes():
    prompt = {
        "1": node("Loop", x=["3", 0]),
        "2": node("Loop", x=["1", 0]),
        "3": node("Loop", x=["2", 0]),
        "4": show("3"),
    }

    result = check(prompt)

    assert result.valid is False
    assert result.error is not None
    assert result.error["type"] == "prompt_outputs_failed_validation"
    assert list(result.node_errors) == ["1", "2", "3"]
    for entry in result.node_errors.values():
        assert entry["dependent_outputs"] == ["4"]
        [error] = entry["errors"]
        assert error["type"] == "dependency_cycle"
        assert error["message"] == "Dependency cycle detected"
        assert error["details"] == "1, 2, 3"


def test_e901_an_output_beside_the_cycle_runs():
    prompt = {
        "1": node("Loop", x=["2", 0]),
        "2": node("Loop", x=["1", 0]),
        "3": show("1"),
        "4": node("ShowInt", value=1),
    }

    result = check(prompt)

    assert result.outputs == ("4",)
    assert set(result.node_errors) == {"1", "2"}


def test_e901_a_cycle_that_nothing_asks_for_does_not_matter():
    prompt = {"1": node("Loop", x=["1", 0]), "4": node("ShowInt", value=1)}

    assert check(prompt) == Validation(True, None, ("4",), {})


def test_e901_an_output_that_feeds_itself_is_a_cycle():
    classes = {"Self": node_class({"x": ("*",)}, returns=("INT",), OUTPUT_NODE=True)}

    result = check({"7": node("Self", x=["7", 0])}, classes=classes)

    assert only_error(result, "7")["details"] == "7"
    assert result.error is not None
    assert result.error["details"] == "Dependency cycle detected: 7"


def test_e901_two_cycles_are_both_reported():
    prompt = {
        "1": node("Loop", x=["1", 0]),
        "2": node("Loop", x=["2", 0], y=["1", 0]),
        "3": show("2"),
    }

    assert set(check(prompt).node_errors) == {"1", "2"}


def test_e120_strict_mode_reports_a_cycle_without_naming_it():
    prompt = {"1": node("Loop", x=["1", 0]), "2": show("1")}

    result = check(prompt, strict=True)

    assert result.valid is False
    assert result.node_errors == {}


def chain(length: int) -> dict[str, Any]:
    prompt = {"0": node("Add", a=1, b=2)}
    for index in range(1, length):
        prompt[str(index)] = node("Add", a=[str(index - 1), 0], b=2)
    prompt["end"] = show(str(length - 1))
    return prompt


def test_e124_e901_a_chain_of_100000_nodes_is_valid():
    assert check(chain(100_000)).outputs == ("end",)


def test_e901_the_first_of_20000_nodes_may_be_the_faulty_one():
    prompt = chain(20_000)
    prompt["0"]["inputs"].pop("a")

    result = check(prompt)

    assert result.valid is False
    assert result.node_errors["0"]["dependent_outputs"] == ["end"]


def test_e954_a_thousand_nodes_take_at_most_10_ms_of_cpu():
    prompt = chain(1000)
    schemas = RunSchemas(Registry(CLASSES))
    best = min(_cpu_seconds(prompt, schemas) for _ in range(7))

    assert best <= 0.010


def _cpu_seconds(prompt: dict[str, Any], schemas: RunSchemas) -> float:
    started = time.process_time()
    asyncio.run(validate_prompt(prompt, schemas))
    return time.process_time() - started
