"""Fresh nodes have the widgets and slots that the web editor gives them."""

from __future__ import annotations

import pytest
from workflow_tools import Desk, content, fresh_nodes, sample_definitions

from app.engine.workflow import edits
from app.engine.workflow.reader import new_workflow

# Players and text previews are drawn by the node itself; they are neither saved nor sent.
_DISPLAY_ONLY = {"audioUI", "preview_text", "preview_mode"}
_TYPES = sorted(sample_definitions())


@pytest.mark.parametrize("kind", _TYPES)
def test_a_fresh_node_has_the_widgets_of_the_reference(kind):
    desk = Desk(new_workflow())

    patch, key = edits.add_node(*desk.both, sample_definitions()[kind], (0, 0))
    desk.do(patch)

    shown = [
        (widget.name, widget.slot is not None, widget.is_sent, widget.value)
        for widget in desk.bound.nodes[key].widgets
    ]
    assert shown == [
        (widget["name"], widget["saved"], widget["in_prompt"], widget["value"])
        for widget in fresh_nodes()[kind]["widgets"]
        if widget["name"] not in _DISPLAY_ONLY
    ]


@pytest.mark.parametrize("kind", _TYPES)
def test_a_fresh_node_has_the_slots_of_the_reference(kind):
    desk = Desk(new_workflow())

    patch, key = edits.add_node(*desk.both, sample_definitions()[kind], (0, 0))
    desk.do(patch)

    bound = desk.bound.nodes[key]
    wanted = fresh_nodes()[kind]
    inputs = [slot for slot in wanted["inputs"] if slot["name"] not in _DISPLAY_ONLY]
    assert [(slot.name, slot.type, slot.widget) for slot in bound.inputs] == [
        (slot["name"], slot["type"], slot.get("widget")) for slot in inputs
    ]
    assert [slot.is_optional for slot in bound.inputs] == [
        slot.get("shape") == 7 for slot in inputs
    ]
    assert [(slot.name, slot.type) for slot in bound.outputs] == [
        (slot["name"], slot["type"]) for slot in wanted["outputs"]
    ]


@pytest.mark.parametrize("kind", _TYPES)
def test_a_fresh_node_is_written_with_all_its_slots_and_goes_with_one_undo(kind):
    desk = Desk(new_workflow())
    before = content(desk.workflow)

    patch, key = edits.add_node(*desk.both, sample_definitions()[kind], (10, 20))
    desk.do(patch)

    raw = desk.workflow.root.nodes[key].raw
    assert [slot["name"] for slot in raw["inputs"]] == [
        slot.name for slot in desk.bound.nodes[key].inputs
    ]
    assert raw["properties"] == {"Node name for S&R": kind}
    assert raw["pos"] == [10, 20]
    assert desk.workflow.raw["last_node_id"] == int(key)
    assert desk.differences() == []
    desk.undo()
    assert content(desk.workflow) == before
