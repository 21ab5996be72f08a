"""Node definitions read from object_info, as the window and the file reader see them."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from app.engine.node_types.definition import NodeDefinition, read_input

INFO: dict[str, Any] = {
    "input": {
        "required": {
            "image": ["IMAGE", {"tooltip": "A picture."}],
            "steps": ["INT", {"default": 20, "min": 1}],
            "mode": [["slow", "fast"], {}],
        },
        "optional": {"mask": ["MASK"], "name": ["STRING", {"forceInput": True}]},
        "hidden": {"id": "UNIQUE_ID"},
    },
    "input_order": {"required": ["steps", "image", "gone"], "optional": ["name"]},
    "output": ["IMAGE", ["a", "b"], "COMFY_MATCHTYPE_V3"],
    "output_name": ["picture"],
    "output_is_list": [False, True],
    "output_tooltips": [None, "All of them."],
    "output_matchtypes": [None, None, "kind"],
    "name": "Paint",
    "display_name": "Paint It",
    "description": "Paints.",
    "python_module": "custom_nodes.my.pack",
    "category": "image/paint",
    "output_node": True,
    "deprecated": True,
    "search_aliases": ["brush"],
}


@pytest.fixture
def paint() -> NodeDefinition:
    return NodeDefinition.from_object_info("Paint", INFO)


def test_inputs_come_in_the_order_given_then_in_the_order_declared(paint):
    assert [item.name for item in paint.inputs] == ["steps", "image", "name", "mode", "mask"]
    assert [item.required for item in paint.inputs] == [True, True, False, True, False]


def test_inputs_are_found_by_name(paint):
    assert paint.input_by_name["image"].tooltip == "A picture."
    assert "id" not in paint.input_by_name


def test_a_list_of_choices_is_a_combo(paint):
    mode = paint.input_by_name["mode"]

    assert (mode.type, mode.choices, mode.default) == ("COMBO", ("slow", "fast"), "slow")


def test_outputs_have_names_types_and_flags(paint):
    assert [dataclasses.astuple(output) for output in paint.outputs] == [
        ("picture", "IMAGE", False, "", None),
        ("COMBO", "COMBO", True, "All of them.", None),
        ("COMFY_MATCHTYPE_V3", "COMFY_MATCHTYPE_V3", False, "", "kind"),
    ]


def test_the_rest_is_taken_over(paint):
    assert (paint.display_name, paint.category, paint.description) == (
        "Paint It",
        "image/paint",
        "Paints.",
    )
    assert (paint.output_node, paint.deprecated, paint.experimental, paint.api_node) == (
        True,
        True,
        False,
        False,
    )
    assert paint.search_aliases == ("brush",)
    assert paint.raw is INFO


@pytest.mark.parametrize(
    ("module", "pack"),
    [("nodes", ""), ("comfy_extras.nodes_mask", ""), ("custom_nodes.my.pack", "my.pack")],
)
def test_the_pack_is_read_from_the_module(module, pack):
    assert NodeDefinition.from_object_info("A", {"python_module": module}).pack == pack


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"input": None, "input_order": None, "output": None},
        {"input": {"required": None}, "input_order": {"required": None}},
        {"display_name": None, "category": None, "description": None},
    ],
)
def test_missing_and_odd_parts_read_as_empty(info):
    definition = NodeDefinition.from_object_info("Bare", info)

    assert definition == NodeDefinition("Bare", "Bare", "", "", (), ())


def test_a_definition_does_not_change(paint):
    with pytest.raises(dataclasses.FrozenInstanceError):
        paint.name = "Other"


@pytest.mark.parametrize(
    ("declared", "kind", "default"),
    [
        (["INT", {}], "INT", 0),
        (["INT", {"default": 0}], "INT", 0),
        (["FLOAT", {"default": 0.5}], "FLOAT", 0.5),
        (["BOOLEAN", {}], "BOOLEAN", False),
        (["STRING", {}], "STRING", ""),
        (["COMBO", {"options": ["a", "b"], "default": "b"}], "COMBO", "b"),
        (["COMBO", {"options": ["a", "b"]}], "COMBO", "a"),
        (["COMBO", {"remote": {"route": "/x"}}], "COMBO", "Loading..."),
        ([[]], "COMBO", None),
        (["INT,FLOAT", {"widgetType": "INT"}], "INT,FLOAT", 0),
        ("IMAGE", "IMAGE", ""),
        ([], "*", ""),
        (["IMAGE", None], "IMAGE", ""),
    ],
)
def test_types_and_defaults_of_fresh_widgets(declared, kind, default):
    item = read_input("x", declared, required=True)

    assert (item.type, item.default) == (kind, default)


@pytest.mark.parametrize(
    ("declared", "is_widget"),
    [
        (["INT"], True),
        ([["a"]], True),
        (["COLOR"], True),
        (["COMFY_DYNAMICCOMBO_V3", {}], True),
        (["MODEL"], False),
        (["BOOL"], False),
        (["INT", {"forceInput": True}], False),
        (["INT", {"forceInput": 1}], True),
        (["INT,FLOAT"], False),
        (["INT,FLOAT", {"widgetType": "FLOAT"}], True),
    ],
)
def test_e025_which_inputs_make_a_widget(declared, is_widget):
    assert read_input("x", declared, required=True).is_widget is is_widget


def test_the_label_is_the_display_name_or_the_name():
    assert read_input("x", ["INT"], required=True).label == "x"
    assert read_input("x", ["INT", {"display_name": "Width"}], required=True).label == "Width"
