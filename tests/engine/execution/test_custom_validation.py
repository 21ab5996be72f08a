"""A class's own validator: what it is given and what its answer does (E-118, E-119)."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.validation import Validation, validate_prompt
from app.engine.node_types.registry import Registry
from app.engine.node_types.schema import RunSchemas
from app.engine.node_types.v3 import io


class Source:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("INT", "MASK")


class Checked:
    """Base of the sample nodes; ``calls`` keeps what the validator was given."""

    calls: list[dict[str, Any]]

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"amount": ("INT", {"max": 10}), "mode": (["a", "b"],)},
            "optional": {"image": ("IMAGE",), "raw": ("INT", {"rawLink": True})},
            "hidden": {"id": "UNIQUE_ID", "prompt": "PROMPT", "png": "EXTRA_PNGINFO"},
        }

    RETURN_TYPES = ()
    OUTPUT_NODE = True

    def __init_subclass__(cls) -> None:
        cls.calls = []


def check(cls: type, inputs: dict[str, Any], strict: bool = False) -> Validation:
    registry = Registry({"Checked": cls, "Source": Source})
    prompt = {
        "1": {"class_type": "Checked", "inputs": inputs},
        "2": {"class_type": "Source", "inputs": {}},
    }
    schemas = RunSchemas(registry, strict_reference=strict)
    return asyncio.run(validate_prompt(prompt, schemas, strict_reference=strict))


def errors(result: Validation) -> list[tuple[str, str]]:
    entry = result.node_errors.get("1", {"errors": []})
    return [(error["type"], error["details"]) for error in entry["errors"]]


def test_e119_only_named_inputs_are_passed():
    class Named(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount, image, id):
            cls.calls.append({"amount": amount, "image": image, "id": id})
            return True

    result = check(Named, {"amount": "3", "mode": "a", "image": ["2", 1]})

    # The link's type does not fit, and the validator is asked all the same.
    assert errors(result) == [
        ("return_type_mismatch", "image, received_type(MASK) mismatch input_type(IMAGE)")
    ]
    assert Named.calls == [{"amount": 3, "image": None, "id": "1"}]


def test_e119_kwargs_take_everything_known_and_no_unknown_constants():
    class Greedy(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, **kwargs):
            cls.calls.append(kwargs)
            return True

    inputs = {"amount": 1, "mode": "z", "raw": ["2", 0], "odd": 5, "odd_link": ["2", 0]}
    result = check(Greedy, {**inputs, "$$text": "shown", "$$link": ["2", 0]})

    assert result.valid is True
    assert Greedy.calls == [
        {
            "amount": 1,
            "mode": "z",
            "raw": ["2", 0],
            "odd_link": None,
            "id": "1",
            "prompt": {},
            "png": None,
        }
    ]


def test_e118_bounds_and_choices_of_named_inputs_are_the_validators_business():
    class Named(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            return True

    result = check(Named, {"amount": 99, "mode": "z"})

    assert errors(result) == [("value_not_in_list", "mode: 'z' not in ['a', 'b']")]


def test_e118_conversion_happens_even_for_named_inputs():
    class Named(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            return True

    assert errors(check(Named, {"amount": "many", "mode": "a"}))[0][0] == "invalid_input_type"


def test_e113_a_validator_that_takes_input_types_replaces_the_link_check():
    class Typed(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, input_types):
            cls.calls.append(input_types)
            return True

    result = check(Typed, {"amount": ["2", 0], "mode": "a", "image": ["2", 1]})

    assert result.valid is True
    assert Typed.calls == [{"amount": "INT", "image": "MASK"}]


@pytest.mark.parametrize(
    ("answer", "details"),
    [
        (False, ["amount", "mode"]),
        ("too much", ["amount - too much", "mode - too much"]),
        (None, ["amount - None", "mode - None"]),
        (1, ["amount - 1", "mode - 1"]),
    ],
)
def test_e119_any_answer_but_true_is_an_objection_to_every_passed_input(answer, details):
    class Refusing(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount, mode):
            return answer

    result = check(Refusing, {"amount": 1, "mode": "a"})

    assert errors(result) == [("custom_validation_failed", text) for text in details]
    [first, _] = result.node_errors["1"]["errors"]
    assert first["message"] == "Custom validation failed for node"
    assert first["extra_info"] == {"input_name": "amount"}


@pytest.mark.parametrize("answer", [True, ExecutionBlocker(None), ExecutionBlocker("later")])
def test_e119_true_and_blockers_are_good(answer):
    class Agreeing(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            return answer

    assert check(Agreeing, {"amount": 1, "mode": "a"}).valid is True


def test_e119a_a_validator_that_is_passed_nothing_is_called_and_cannot_object():
    class Bare(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls):
            cls.calls.append({})
            return "never seen"

    assert check(Bare, {"amount": 1, "mode": "a"}).valid is True
    assert Bare.calls == [{}]


def test_e057_a_validator_may_be_a_static_method_or_a_plain_function():
    class Static(Checked):
        @staticmethod
        def VALIDATE_INPUTS(amount):
            return f"got {amount}"

    class Plain(Checked):
        def VALIDATE_INPUTS(amount):  # noqa: N805 - called on the class, so there is no self
            return f"got {amount}"

    for cls in (Static, Plain):
        assert errors(check(cls, {"amount": 4, "mode": "a"})) == [
            ("custom_validation_failed", "amount - got 4")
        ]


def test_e057_a_validator_may_be_a_coroutine():
    class Slow(Checked):
        @classmethod
        async def VALIDATE_INPUTS(cls, mode):
            await asyncio.sleep(0)
            return f"no {mode}"

    assert errors(check(Slow, {"amount": 1, "mode": "q"})) == [
        ("custom_validation_failed", "mode - no q")
    ]


def test_e119_objections_stand_beside_other_errors():
    class Refusing(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            return False

    assert errors(check(Refusing, {"amount": 1, "mode": "z"})) == [
        ("value_not_in_list", "mode: 'z' not in ['a', 'b']"),
        ("custom_validation_failed", "amount"),
    ]


def test_e119_an_input_may_be_called_like_the_class_parameter():
    class Named(Checked):
        @classmethod
        def INPUT_TYPES(cls):
            return {"required": {"cls": ("INT", {"max": 5}), "size": ("INT",)}}

        @classmethod
        def VALIDATE_INPUTS(cls, size):
            return True

    assert errors(check(Named, {"cls": 9, "size": 1}))[0][0] == "value_bigger_than_max"


def test_e119_sources_are_asked_before_their_consumers():
    asked: list[str] = []

    class Link(Checked):
        @classmethod
        def INPUT_TYPES(cls):
            return {
                "optional": {"value": ("INT",)},
                "hidden": {"id": "UNIQUE_ID"},
            }

        RETURN_TYPES = ("INT",)

        @classmethod
        def VALIDATE_INPUTS(cls, id):
            asked.append(id)
            return True

    prompt = {
        "1": {"class_type": "Link", "inputs": {"value": ["2", 0]}},
        "2": {"class_type": "Link", "inputs": {"value": ["3", 0]}},
        "3": {"class_type": "Link", "inputs": {}},
    }
    asyncio.run(validate_prompt(prompt, RunSchemas(Registry({"Link": Link}))))

    assert asked == ["3", "2", "1"]


def test_e119a_list_classes_get_lists_of_one():
    class Lists(Checked):
        INPUT_IS_LIST = True

        @classmethod
        def VALIDATE_INPUTS(cls, amount, image, id):
            cls.calls.append({"amount": amount, "image": list(image), "id": id})
            return True

    check(Lists, {"amount": 1, "mode": "a", "image": ["2", 0]})

    assert Lists.calls == [{"amount": [1], "image": [None], "id": ["1"]}]


class _WordlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("error", "name", "text"),
    [
        (ValueError("boom"), "ValueError", "boom"),
        (SystemExit(2), "SystemExit", "2"),
        (_WordlessError(), f"{__name__}._WordlessError", "_WordlessError"),
    ],
)
def test_e122_an_exception_in_a_validator_is_reported_and_never_escapes(error, name, text):
    class Raising(Checked):
        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            raise error

    result = check(Raising, {"amount": 1})

    [found] = result.node_errors["1"]["errors"]
    assert found["type"] == "exception_during_validation"
    assert found["details"] == text
    assert found["extra_info"]["exception_type"] == name
    assert "VALIDATE_INPUTS" in "".join(found["extra_info"]["traceback"])


def test_e110_a_shared_node_is_asked_once():
    class Shared(Checked):
        RETURN_TYPES = ("INT",)
        OUTPUT_NODE = False

        @classmethod
        def VALIDATE_INPUTS(cls, amount):
            cls.calls.append({"amount": amount})
            return True

    class Show:
        INPUT_TYPES = classmethod(lambda cls: {"required": {"value": ("INT",)}})
        RETURN_TYPES = ()
        OUTPUT_NODE = True

    prompt = {
        "1": {"class_type": "Shared", "inputs": {"amount": 1, "mode": "a"}},
        "2": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
        "3": {"class_type": "Show", "inputs": {"value": ["1", 0]}},
    }
    schemas = RunSchemas(Registry({"Shared": Shared, "Show": Show}))

    assert asyncio.run(validate_prompt(prompt, schemas)).outputs == ("2", "3")
    assert len(Shared.calls) == 1


class GrowingNode(io.ComfyNode):
    """A V3 node with inputs of every varying kind."""

    seen: ClassVar[list[Any]] = []

    @classmethod
    def define_schema(cls):
        slots = io.Autogrow.TemplatePrefix(io.Int.Input("item", max=9), prefix="item", min=2)
        choices = [
            io.DynamicCombo.Option("plain", []),
            io.DynamicCombo.Option("sized", [io.Int.Input("size", min=1)]),
        ]
        return io.Schema(
            node_id="Checked",
            inputs=[
                io.Autogrow.Input("items", slots),
                io.DynamicCombo.Input("method", choices),
            ],
            is_output_node=True,
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, items):
        cls.seen.append((items, cls.hidden.unique_id, cls.hidden.prompt))
        return True

    @classmethod
    def execute(cls, items, method):
        return io.NodeOutput()


class UncheckedGrowingNode(GrowingNode):
    """The same without a validator, so that all built-in checks apply."""

    validate_inputs = io.ComfyNode.validate_inputs


class GreedyGrowingNode(GrowingNode):
    """The same with a validator that takes everything."""

    @classmethod
    def validate_inputs(cls, **kwargs):
        cls.seen.append(kwargs)
        return True


GOOD = {"items.item0": 1, "items.item1": 2, "method": "sized", "method.size": 4}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


def test_e084_v3_inputs_are_checked_by_flat_name_and_passed_nested():
    GrowingNode.seen.clear()

    assert check(GrowingNode, dict(GOOD)).valid is True
    assert GrowingNode.seen == [({"item0": 1, "item1": 2}, "1", {})]


def test_e043_v3_validators_do_not_get_hidden_values_as_arguments():
    GrowingNode.seen.clear()

    assert check(GreedyGrowingNode, dict(GOOD)).valid is True
    assert GrowingNode.seen == [
        {"items": {"item0": 1, "item1": 2}, "method": {"method": "sized", "size": 4}}
    ]


def test_e080_each_node_is_checked_against_its_own_live_inputs():
    registry = Registry({"Grow": UncheckedGrowingNode})
    plain = {"items.item0": 1, "items.item1": 2, "method": "plain", "method.size": -5}
    prompt = {
        "1": {"class_type": "Grow", "inputs": dict(GOOD)},
        "2": {"class_type": "Grow", "inputs": plain},
        "3": {"class_type": "Grow", "inputs": {**GOOD, "method.size": -5}},
    }

    result = asyncio.run(validate_prompt(prompt, RunSchemas(registry)))

    assert result.outputs == ("1", "2")
    assert list(result.node_errors) == ["3"]


def test_e086_a_missing_inner_input_shows_the_last_name_and_keeps_the_full_one():
    result = check(UncheckedGrowingNode, without("method.size"))

    [error] = result.node_errors["1"]["errors"]
    assert error["details"] == "size"
    assert error["extra_info"] == {"input_name": "method.size"}


@pytest.mark.parametrize("name", ["items.item1", "method"])
def test_e905_a_missing_slot_or_choice_is_reported_unless_the_reference_is_wanted(name):
    result = check(UncheckedGrowingNode, without(name))

    [error] = result.node_errors["1"]["errors"]
    assert error["type"] == "required_input_missing"
    assert error["extra_info"] == {"input_name": name}
    assert check(UncheckedGrowingNode, without(name), strict=True).valid is True


def test_e905_an_unknown_choice_is_not_in_the_list():
    result = check(UncheckedGrowingNode, {**GOOD, "method": "fancy"})

    assert errors(result) == [
        ("value_not_in_list", "method: 'fancy' not in ['plain', 'sized']"),
    ]


def test_e080_bounds_hold_for_growing_slots_and_names_outside_the_template_are_ignored():
    result = check(UncheckedGrowingNode, {**GOOD, "items.item1": 10, "items.item99": "text"})

    assert errors(result) == [("value_bigger_than_max", "items.item1")]
