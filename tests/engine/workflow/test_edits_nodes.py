"""Edits of nodes and groups, and what they report to the canvas."""

from __future__ import annotations

import pytest
from workflow_tools import (
    Desk,
    content,
    definition,
    flow,
    node,
    read_sample,
    sample_definitions,
    slot,
    subgraph,
)  # fmt: skip

from app.engine.workflow import edits
from app.engine.workflow.model import RecordKind
from app.engine.workflow.patch import ABSENT, InsertRecord, RemoveRecord, SetKey, apply_patch
from app.engine.workflow.reader import new_workflow

_SINK = definition("Sink", {"image": ["IMAGE"], "amount": ["INT", {"default": 3}],
                            "mode": [["a", "b"]]})  # fmt: skip
_ALL = {"Sink": _SINK}


def _raw(desk: Desk, key: str) -> dict:
    return desk.workflow.graph(desk.graph_id).nodes[key].raw


def test_a_new_node_is_written_as_the_reference_writes_it():
    desk = Desk(new_workflow(), _ALL)

    patch, key = edits.add_node(
        *desk.both, _SINK, (1.5, 2.0), values={"amount": 9}, title="Mine", size=(300, 120)
    )
    change = desk.do(patch)

    assert _raw(desk, key) == {
        "id": 1,
        "type": "Sink",
        "pos": [1.5, 2],
        "size": [300, 120],
        "flags": {},
        "order": 0,
        "mode": 0,
        "inputs": [
            {"name": "image", "type": "IMAGE", "link": None},
            {"name": "amount", "type": "INT", "widget": {"name": "amount"}, "link": None},
            {"name": "mode", "type": "COMBO", "widget": {"name": "mode"}, "link": None},
        ],
        "outputs": [],
        "title": "Mine",
        "properties": {"Node name for S&R": "Sink"},
        "widgets_values": [9, "a"],
    }
    assert list(_raw(desk, key))[:7] == ["id", "type", "pos", "size", "flags", "order", "mode"]
    assert change.nodes_added == [key]
    assert not change.nodes_changed


@pytest.mark.parametrize("kind", ["Note", "MarkdownNote", "Reroute", "PrimitiveNode"])
def test_editor_only_nodes_can_be_added(kind):
    desk = Desk(new_workflow(), {})

    patch, key = edits.add_special_node(*desk.both, kind, (0, 0))
    desk.do(patch)

    assert not desk.bound.nodes[key].is_missing
    assert desk.bound.nodes[key].is_virtual


def test_an_unknown_special_type_is_refused():
    desk = Desk(new_workflow(), {})

    with pytest.raises(ValueError, match="Reroute"):
        edits.add_special_node(*desk.both, "Nope", (0, 0))


def test_ids_are_new_in_the_whole_document():
    inner = subgraph("s", [node(40, "Sink")], [])
    desk = Desk(flow([node(1, "Sink")], definitions={"subgraphs": [inner]}), _ALL)

    assert edits.add_node(*desk.both, _SINK, (0, 0))[1] == "41"


def test_moving_reports_only_a_move():
    desk = Desk(flow([node(1, "Sink"), node(2, "Sink")]), _ALL)

    change = desk.do(edits.move_nodes(*desk.both, {"1": (5.0, 6.5), "2": (0.0, 0.0)}))

    assert change.nodes_moved == ["1"]
    assert change.nodes_changed == []
    assert _raw(desk, "1")["pos"] == [5, 6.5]


def test_moving_in_a_file_of_1_2_times_size_stores_its_own_units():
    nodes = [node(1, "Sink", pos=[0, 0]), node(2, "Sink", pos=[120, 120])]
    desk = Desk(flow(nodes, extra={"workflowRendererVersion": "Vue"}), _ALL)

    desk.do(edits.move_nodes(*desk.both, {"2": (200.0, 50.0)}))

    assert _raw(desk, "2")["pos"] == [240, 60]
    assert desk.bound.nodes["2"].node.pos == (200, 50)


def test_a_widget_value_goes_to_its_place_and_missing_ones_before_it_are_filled():
    desk = Desk(flow([node(1, "Sink"), node(2, "Sink", widgets_values=[1, "a", "surplus"])]), _ALL)

    desk.do(edits.set_widget(*desk.both, "1", "mode", "b"))
    change = desk.do(edits.set_widget(*desk.both, "2", "amount", 7))

    assert _raw(desk, "1")["widgets_values"] == [3, "b"]
    assert _raw(desk, "2")["widgets_values"] == [7, "a", "surplus"]
    assert change.nodes_changed == ["2"]
    assert desk.bound.nodes["2"].widget("amount").value == 7


def test_values_by_name_stay_by_name_and_named_copies_follow():
    raw = node(1, "Sink", widgets_values={"mode": "b"}, widgets_values_named={"amount": 3})
    desk = Desk(flow([raw]), _ALL)

    desk.do(edits.set_widget(*desk.both, "1", "amount", 4))

    assert _raw(desk, "1")["widgets_values"] == {"mode": "b", "amount": 4}
    assert _raw(desk, "1")["widgets_values_named"] == {"amount": 4}


def test_setting_the_same_value_is_no_edit_but_another_class_is():
    desk = Desk(flow([node(1, "Sink", widgets_values=[1, "a"])]), _ALL)

    assert edits.set_widget(*desk.both, "1", "amount", 1) == ()
    assert edits.set_widget(*desk.both, "1", "amount", 1.0) != ()
    assert edits.set_widget(*desk.both, "1", "amount", True) != ()
    with pytest.raises(KeyError):
        edits.set_widget(*desk.both, "1", "nope", 1)


def test_a_dynamic_combo_takes_its_children_along():
    kind = sample_definitions()["ResizeImageMaskNode"]
    desk = Desk(new_workflow())
    patch, key = edits.add_node(*desk.both, kind, (0, 0))
    desk.do(patch)
    desk.do(edits.set_widget(*desk.both, key, "scale_method", "bicubic"))

    desk.do(edits.set_widget(*desk.both, key, "resize_type", "scale dimensions"))

    assert _raw(desk, key)["widgets_values"] == [
        "scale dimensions", 512, 512, "center", "bicubic",
    ]  # fmt: skip
    assert [slot["name"] for slot in _raw(desk, key)["inputs"]] == [
        "input", "resize_type", "scale_method",
    ]  # fmt: skip
    assert desk.differences() == []


def test_a_host_value_is_stored_on_the_host():
    inner = subgraph(
        "s",
        [node(5, "Sink", inputs=[slot("amount", "INT", 1, widget={"name": "amount"})])],
        [(1, -10, 0, 5, 0)],
        (("n", "INT"),),
    )
    desk = Desk(flow([node(1, "s"), node(2, "s")], definitions={"subgraphs": [inner]}), _ALL)

    desk.do(edits.set_widget(*desk.both, "1", "n", 50))

    assert desk.bound.nodes["1"].widget("n").value == 50
    assert desk.bound.nodes["2"].widget("n").value == 3
    assert "widgets_values" not in inner["nodes"][0]


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (lambda both: edits.set_title(*both, "1", "T"), "title", "T"),
        (lambda both: edits.set_mode(*both, ["1"], 4), "mode", 4),
        (lambda both: edits.set_collapsed(*both, ["1"], True), "flags", {"collapsed": True}),
        (lambda both: edits.set_pinned(*both, ["1"], True), "flags", {"pinned": True}),
        (lambda both: edits.set_colors(*both, ["1"], "#1", "#2"), "bgcolor", "#2"),
        (lambda both: edits.set_property(*both, "1", "p", 1), "properties", {"p": 1}),
        (lambda both: edits.resize_node(*both, "1", (10, 20)), "size", [10, 20]),
    ],
)
def test_properties_are_written_reported_and_taken_back(make, name, value):
    desk = Desk(flow([node(1, "Sink")]), _ALL)
    before = content(desk.workflow)

    change = desk.do(make(desk.both))

    assert _raw(desk, "1")[name] == value
    assert change.nodes_changed == ["1"]
    desk.undo()
    assert content(desk.workflow) == before


def test_taking_a_title_or_a_flag_away_removes_the_key():
    desk = Desk(flow([node(1, "Sink", title="T", flags={"collapsed": True, "x": 1})]), _ALL)

    desk.do(edits.set_title(*desk.both, "1", None))
    desk.do(edits.set_collapsed(*desk.both, ["1"], False))

    assert "title" not in _raw(desk, "1")
    assert _raw(desk, "1")["flags"] == {"x": 1}
    assert desk.bound.nodes["1"].title == "Sink"


def test_a_slot_is_renamed_and_keeps_its_unknown_keys():
    raw = node(1, "Sink", inputs=[{**slot("image", "IMAGE"), "future": 1}])
    desk = Desk(flow([raw]), _ALL)

    desk.do(edits.rename_slot(*desk.both, "1", 0, "Picture"))

    assert desk.bound.nodes["1"].inputs[0].label == "Picture"
    assert _raw(desk, "1")["inputs"][0]["future"] == 1
    desk.do(edits.rename_slot(*desk.both, "1", 0, ""))
    assert desk.bound.nodes["1"].inputs[0].label == "image"


def test_raised_nodes_are_drawn_last_in_their_own_order():
    desk = Desk(flow([node(i, "Sink") for i in (1, 2, 3, 4)]), _ALL)

    change = desk.do(edits.raise_nodes(*desk.both, ["3", "1"]))

    assert [raw["id"] for raw in desk.workflow.raw["nodes"]] == [2, 4, 1, 3]
    assert list(desk.bound.nodes) == ["2", "4", "1", "3"]
    assert change.is_reordered
    assert edits.raise_nodes(*desk.both, ["3", "1"]) == ()
    desk.undo()
    assert list(desk.bound.nodes) == ["1", "2", "3", "4"]


def test_groups_are_added_changed_and_removed_without_a_trace():
    workflow = flow([node(1, "Sink")])
    desk = Desk(workflow, _ALL)
    before = content(workflow)
    assert "groups" not in workflow.raw

    patch, key = edits.add_group(*desk.both, (0, 0, 100, 50), "G")
    change = desk.do(patch)
    desk.do(edits.set_group(*desk.both, key, title="H", bounding=(1, 2, 3.5, 4), is_pinned=True))

    assert change.groups == [key]
    assert workflow.raw["groups"] == [
        {"id": 1, "title": "H", "bounding": [1, 2, 3.5, 4], "color": "#3f789e",
         "font_size": 24, "flags": {"pinned": True}}
    ]  # fmt: skip
    desk.do(edits.remove_groups(*desk.both, [key]))
    while desk.inverses:
        desk.undo()
    assert content(workflow) == before


def test_members_of_a_group_are_the_nodes_whose_centre_is_inside():
    desk = Desk(flow([], groups=[{"title": "g", "bounding": [0, 0, 100, 100]}]), _ALL)

    members = edits.group_members(
        desk.workflow.root, "0", {"in": (50, 50), "edge": (0, 99), "out": (100, 50)}
    )

    assert members == ["in", "edge"]


def test_a_group_around_nodes_has_room_for_its_title():
    desk = Desk(new_workflow(), {})

    box = edits.group_around(*desk.both, [(0, 0, 100, 50), (200, 20, 50, 100)], 10)

    assert box == pytest.approx((-10, -43.6, 270, 173.6))
    with pytest.raises(ValueError, match="at least one"):
        edits.group_around(*desk.both, [])


def test_editing_another_graph_that_is_shown_through_a_host_resets():
    desk = Desk(read_sample("adv_subgraph_instances"))
    graph_id = next(iter(desk.workflow.subgraphs))
    key = next(iter(desk.workflow.subgraphs[graph_id].nodes))

    change = desk.do((SetKey(graph_id, RecordKind.NODE, key, "title", "T"),))

    assert change.is_reset


def test_a_patch_that_fails_half_way_leaves_nothing_behind():
    workflow = flow([node(1, "Sink")])
    before = content(workflow)
    patch = (
        SetKey("", RecordKind.NODE, "1", "title", "T"),
        InsertRecord("", RecordKind.GROUP, "0", {"title": "g"}),
        RemoveRecord("", RecordKind.NODE, "1"),
        SetKey("", RecordKind.NODE, "99", "title", "T"),
    )

    with pytest.raises(KeyError):
        apply_patch(workflow, patch)

    assert content(workflow) == before
    assert list(workflow.root.nodes) == ["1"]


@pytest.mark.parametrize("holder", [{}, {"groups": None}, {"groups": "x"}, {"groups": []}])
def test_a_list_that_was_missing_is_missing_again_after_undo(holder):
    workflow = flow([], **holder)
    before = content(workflow)

    inverse = apply_patch(workflow, [InsertRecord("", RecordKind.GROUP, "0", {"title": "g"})])
    assert workflow.raw["groups"] == [{"title": "g"}]
    redo = apply_patch(workflow, inverse)
    assert content(workflow) == before
    apply_patch(workflow, redo)

    assert workflow.raw["groups"] == [{"title": "g"}]


def test_an_absent_key_goes_back_to_its_place():
    workflow = flow([{"id": 1, "type": "Sink", "title": "T", "mode": 0}])

    inverse = apply_patch(workflow, [SetKey("", RecordKind.NODE, "1", "title", ABSENT)])
    apply_patch(workflow, inverse)

    assert list(workflow.root.nodes["1"].raw) == ["id", "type", "title", "mode"]
