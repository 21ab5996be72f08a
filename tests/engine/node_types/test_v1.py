"""The object_info entry of V1 classes (E-601, E-604, E-913)."""

from __future__ import annotations

import enum
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.engine.node_types.v1 import describe, to_json


class Rich:
    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"b": ("INT", {"default": 1}), "a": (("x", "y"),)},
            "optional": {"c": ["IMAGE"]},
            "hidden": {"prompt": "PROMPT"},
        }

    RETURN_TYPES = ("IMAGE", ["x", "y"])
    RETURN_NAMES = ("picture", "choice")
    OUTPUT_IS_LIST = (False, True)
    OUTPUT_TOOLTIPS = ("what you see", None)
    CATEGORY = "mine/own"
    DESCRIPTION = "Does a thing."
    OUTPUT_NODE = True
    DEPRECATED = True
    EXPERIMENTAL = True
    API_NODE = True
    SEARCH_ALIASES = ("thing", "stuff")
    RELATIVE_PYTHON_MODULE = "custom_nodes.mine"


class Poor:
    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {}}

    RETURN_TYPES = ("INT", "FLOAT")


def with_options(options: dict[str, Any]) -> Any:
    """Return the options of one input as object_info shows them."""
    declare = classmethod(lambda cls: {"required": {"x": ("ODD", options)}})
    cls = type("Odd", (Poor,), {"INPUT_TYPES": declare})
    return describe("Odd", cls)["input"]["required"]["x"][1]


def test_e601_all_fields_in_order():
    assert list(describe("Rich", Rich, "Rich Node").items()) == list(
        {
            "input": {
                "required": {"b": ["INT", {"default": 1}], "a": [["x", "y"]]},
                "optional": {"c": ["IMAGE"]},
                "hidden": {"prompt": "PROMPT"},
            },
            "input_order": {"required": ["b", "a"], "optional": ["c"], "hidden": ["prompt"]},
            "output": ["IMAGE", ["x", "y"]],
            "output_is_list": [False, True],
            "output_name": ["picture", "choice"],
            "name": "Rich",
            "display_name": "Rich Node",
            "description": "Does a thing.",
            "python_module": "custom_nodes.mine",
            "category": "mine/own",
            "output_node": True,
            "output_tooltips": ["what you see", None],
            "deprecated": True,
            "experimental": True,
            "api_node": True,
            "search_aliases": ["thing", "stuff"],
        }.items()
    )


def test_e601_defaults_of_a_class_that_says_little():
    assert describe("Poor", Poor) == {
        "input": {"required": {}},
        "input_order": {"required": []},
        "output": ["INT", "FLOAT"],
        "output_is_list": [False, False],
        "output_name": ["INT", "FLOAT"],
        "name": "Poor",
        "display_name": "Poor",
        "description": "",
        "python_module": "nodes",
        "category": "sd",
        "output_node": False,
    }


def test_e601_deprecated_and_experimental_appear_only_when_true():
    cls = type("Plain", (Poor,), {"DEPRECATED": False, "EXPERIMENTAL": False})

    entry = describe("Plain", cls)

    assert "deprecated" not in entry
    assert "experimental" not in entry


def test_a_return_type_that_is_a_string_by_mistake_is_one_output():
    cls = type("Text", (Poor,), {"RETURN_TYPES": "IMAGE", "RETURN_NAMES": "picture"})

    entry = describe("Text", cls)

    assert entry["output"] == ["IMAGE"]
    assert entry["output_name"] == ["picture"]
    assert entry["output_is_list"] == [False]


class Colour(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    TWO = 2


class Text(str):
    def __str__(self) -> str:
        return "not this"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, None),
        (math.inf, 1.7976931348623157e308),
        (-math.inf, -1.7976931348623157e308),
        ({"b", "a"}, ["a", "b"]),
        (frozenset({2}), [2]),
        (Colour.RED, "red"),
        (Number.TWO, 2),
        (Colour, "Colour"),
        (Text("text"), "text"),
        ((1, (2,)), [1, [2]]),
        (Path("a/b"), "a/b"),
        (range(3), [0, 1, 2]),
        ({"k": 1}.keys(), ["k"]),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        ({1: "a", None: "b", Colour.RED: "d"}, {"1": "a", "null": "b", "red": "d"}),
        (True, True),
        (None, None),
    ],
)
def test_e913_any_option_becomes_a_json_value(value, shown):
    options = with_options({"default": value})

    assert options == {"default": shown}
    assert json.loads(json.dumps(options, allow_nan=False)) == options


def test_e913_a_key_may_be_a_boolean():
    assert to_json({True: 1, False: 0}) == {"true": 1, "false": 0}


def test_e913_options_that_contain_themselves_are_an_error():
    options: dict[str, Any] = {}
    options["self"] = options

    with pytest.raises(ValueError, match="contains itself"):
        with_options(options)


def test_an_object_without_a_json_form_becomes_its_text():
    assert to_json(complex(1, 2)) == "(1+2j)"
    assert to_json(b"ab") == "b'ab'"
