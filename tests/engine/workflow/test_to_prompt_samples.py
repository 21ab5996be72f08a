"""Prompts of the sample files against what the web editor made of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from workflow_tools import (
    DATA,
    read_sample,
    sample_definitions,
    sample_names,
    sample_path,
)

from app.engine.workflow.reader import open_workflow
from app.engine.workflow.to_prompt import convert

_DIFFERENT_ON_PURPOSE = {
    # A lone backslash at the end gets no "undefined" behind it (W-060).
    "adv_dynamic_prompts",
    # Interior nodes keep the names that older releases gave them.
    "adv_group_node",
    # A Primitive that feeds a host reaches the widget inside (W-004).
    "adv_primitive_to_host",
    # A host's null keeps the interior value (workflow-format 2.2).
    "adv_host_null",
}
_RECORDED = [
    name
    for name in sample_names()
    if (DATA / "open" / f"{name}.prompt.json").exists() and name not in _DIFFERENT_ON_PURPOSE
]


def _recorded(name: str) -> dict[str, Any]:
    return json.loads((DATA / "open" / f"{name}.prompt.json").read_text("utf-8"))


def _converted(name: str, *, exact_ids: bool = True) -> dict[str, Any]:
    workflow = read_sample(name)
    return convert(workflow, sample_definitions(), first_choice=True, exact_ids=exact_ids).prompt


def _strict(value: Any) -> Any:
    """Make true differ from 1; 8 and 8.0 stay equal."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, dict):
        return {key: _strict(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strict(item) for item in value]
    return value


def _comparable(prompt: dict[str, Any]) -> dict[str, Any]:
    made = {}
    for key, entry in prompt.items():
        inputs = dict(entry["inputs"])
        if entry.get("class_type") == "Load3D":
            inputs.pop("image", None)
        made[key] = (entry.get("class_type"), _strict(inputs))
    return made


@pytest.mark.parametrize("name", _RECORDED)
def test_w_all_a_sample_converts_to_the_recorded_prompt(name):
    assert _comparable(_converted(name)) == _comparable(_recorded(name))


def test_79_samples_are_compared():
    assert len(_RECORDED) == 79


@pytest.mark.parametrize("name", _RECORDED)
def test_w090_titles_of_the_artist_reach_the_prompt(name):
    workflow = read_sample(name)
    prompt = convert(workflow, sample_definitions(), first_choice=True).prompt

    own = {
        key: node.title
        for key, node in workflow.root.nodes.items()
        if node.title is not None and key in prompt
    }

    assert {key: prompt[key]["_meta"]["title"] for key in own} == own


def test_w060_a_lone_backslash_at_the_end_stays_alone():
    ours, theirs = _converted("adv_dynamic_prompts"), _recorded("adv_dynamic_prompts")

    assert theirs["3"]["inputs"]["text"] == ours["3"]["inputs"]["text"] + "undefined"
    ours["3"]["inputs"]["text"] += "undefined"
    assert _comparable(ours) == _comparable(theirs)


def test_legacy_group_node_runs_as_its_nodes():
    ours, theirs = _converted("adv_group_node"), _recorded("adv_group_node")

    renamed = json.loads(json.dumps(theirs).replace("13:11", "10:0").replace("13:12", "10:1"))

    assert _comparable(ours) == _comparable(renamed)


def test_a_null_of_a_host_keeps_the_interior_value():
    ours, theirs = _converted("adv_host_null"), _recorded("adv_host_null")

    assert theirs["2:9"]["inputs"]["text"] is None
    theirs["2:9"]["inputs"]["text"] = "inner 1"
    assert _comparable(ours) == _comparable(theirs)


def test_w015_without_exact_ids_interior_nodes_keep_their_own():
    conversion = convert(
        read_sample("adv_subgraph_instances"), sample_definitions(), first_choice=True
    )

    for key, path in conversion.sources.items():
        assert key == ":".join(path)


def test_w016_missing_types_are_named_as_problems():
    conversion = convert(read_sample("adv_missing_fields"), sample_definitions())

    assert len(conversion.prompt) == 5
    assert [problem.message for problem in conversion.problems] == [
        'The node type "Nope" is not installed.'
    ]
    wanted = _comparable(_recorded("adv_missing_fields_b"))
    assert _comparable(conversion.prompt) == wanted


def test_w048_a_wire_straight_through_a_subgraph_is_followed():
    prompt = _converted("adv_passthrough")

    assert prompt["4"]["inputs"]["clip"] == ["1", 0]


def test_w049_a_loop_of_bypassed_nodes_is_reported_on_the_node_it_feeds():
    conversion = convert(read_sample("adv_bypass_cycle"), sample_definitions())

    assert [problem.node_id for problem in conversion.problems] == ["3"]


def test_a_subgraph_in_itself_is_reported_and_not_expanded():
    conversion = convert(read_sample("adv_recursive_subgraph"), sample_definitions())

    assert [problem.message for problem in conversion.problems] == [
        "This subgraph contains itself, so it cannot run."
    ]


def test_w041_a_chain_of_5000_nodes_converts():
    workflow = open_workflow(sample_path("adv_5000_nodes").with_suffix(".json.gz"))

    prompt = convert(workflow, sample_definitions()).prompt

    assert len(prompt) == 5000
    assert all(prompt[str(k)]["inputs"]["samples"] == [str(k - 1), 0] for k in range(2, 5001))
