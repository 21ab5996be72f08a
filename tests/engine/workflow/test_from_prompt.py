"""A bare API prompt opens as a workflow that makes the same prompt."""

from __future__ import annotations

import json

import pytest
from workflow_tools import DATA, definition, sample_definitions, sample_names

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.from_prompt import workflow_from_prompt
from app.engine.workflow.reader import is_api_prompt, read_workflow
from app.engine.workflow.to_prompt import convert


def _prompt(name: str):
    path = DATA / "open" / f"{name}.prompt.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


_NAMES = [
    name
    for name in sample_names()
    # Two slashes in a text are a comment in a workflow, and cannot be escaped.
    if is_api_prompt(_prompt(name)) and name != "adv_dynamic_prompts"
]


@pytest.mark.parametrize("has_definitions", [True, False])
@pytest.mark.parametrize("name", _NAMES)
def test_a_recorded_prompt_comes_back(name, has_definitions):
    prompt = _prompt(name)
    renamed = {key: key.replace(":", "_") for key in prompt}
    known = sample_definitions() if has_definitions else None

    workflow = read_workflow(json.dumps(prompt), definitions=known)
    made = convert(workflow, sample_definitions(), first_choice=True).prompt

    def moved(value):
        is_link = isinstance(value, list) and len(value) == 2 and value[0] in renamed
        return [renamed[value[0]], value[1]] if is_link else value

    assert {key: (entry["class_type"], entry["inputs"]) for key, entry in made.items()} == {
        renamed[key]: (
            entry["class_type"],
            {input_name: moved(value) for input_name, value in entry["inputs"].items()},
        )
        for key, entry in prompt.items()
    }


def test_nodes_lie_in_columns_and_do_not_overlap():
    workflow = workflow_from_prompt(_prompt("sdxl_simple_example"), sample_definitions())
    boxes = [(*node.pos, *node.size) for node in workflow.root.nodes.values()]

    for index, (x, y, width, height) in enumerate(boxes):
        for other_x, other_y, other_width, other_height in boxes[index + 1 :]:
            assert (
                x + width <= other_x or other_x + other_width <= x
                or y + height <= other_y or other_y + other_height <= y
            )  # fmt: skip


def test_ids_with_colons_get_names_of_their_own():
    entry = {"class_type": "A", "inputs": {}}

    workflow = workflow_from_prompt({"1:2": entry, "1_2": entry, "5": entry})

    assert list(workflow.root.nodes) == ["1_2_", "1_2", "5"]
    assert [node.raw["id"] for node in workflow.root.nodes.values()] == ["1_2_", "1_2", 5]


def test_titles_and_wrapped_lists_come_over():
    kind = definition("A", {"points": ["STRING"]})
    prompt = {
        "1": {"class_type": "A", "inputs": {"points": {"__value__": [1, 2]}},
              "_meta": {"title": "Mine"}},
        "2": {"class_type": "A", "inputs": {}, "_meta": {"title": "A"}},
    }  # fmt: skip

    workflow = workflow_from_prompt(prompt, {"A": kind})

    nodes = bind_graph(workflow, workflow.root, {"A": kind}).nodes
    assert nodes["1"].title == "Mine"
    assert workflow.root.nodes["2"].title is None
    assert nodes["1"].widget("points").value == [1, 2]


def test_braces_that_are_left_in_a_text_stand_for_themselves():
    kind = definition("A", {"text": ["STRING", {"dynamicPrompts": True}]})
    prompt = {"1": {"class_type": "A", "inputs": {"text": "a {b|c}"}}}

    workflow = workflow_from_prompt(prompt, {"A": kind})

    assert convert(workflow, {"A": kind}).prompt["1"]["inputs"] == {"text": "a {b|c}"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, False), ([], False), ({"1": {}}, False),
        ({"1": {"class_type": 3, "inputs": {}}}, False),
        ({"1": {"class_type": "A", "inputs": []}}, False),
        ({"1": {"class_type": "A", "inputs": {}}}, True),
        ({"1": {"class_type": "A", "inputs": {}}, "2": None}, False),
    ],
)  # fmt: skip
def test_what_counts_as_a_prompt(value, expected):
    assert is_api_prompt(value) is expected


@pytest.mark.parametrize(
    "value", [["1", 0, 1], ["9", 0], ["1", -1], ["1", True], [None, 0], ["1", 10**9], ["1", "0"]]
)
def test_what_is_no_link_stays_a_value(value):
    workflow = workflow_from_prompt({"1": {"class_type": "A", "inputs": {"x": value}}})

    assert workflow.root.links == {}
