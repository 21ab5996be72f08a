"""Differences between workflows: what is told, what is passed over, and in which words."""

from __future__ import annotations

import json

import pytest
from workflow_tools import (
    Desk,
    content,
    definition,
    flow,
    node,
    out,
    read_sample,
    sample_names,
    slot,
    subgraph,
)

from app.engine.workflow import edits
from app.engine.workflow.diff import (
    GraphMention,
    NodeMention,
    ValueChange,
    diff_workflows,
    is_equal,
)
from app.engine.workflow.diff_text import describe_diff
from app.engine.workflow.patch import InsertGraph, apply_patch
from app.engine.workflow.reader import read_workflow

_DEFINITIONS = {
    "Make": definition("Make", {"width": ["INT", {}], "name": ["STRING", {}]}, None, ("IMAGE",)),
    "Show": definition("Show", {"image": ["IMAGE"]}),
}


def _raw(**more):
    return {
        "version": 0.4,
        "nodes": [
            node(1, "Make", outputs=[out("IMAGE", "IMAGE", (1,))], widgets_values=[64, "a"]),
            node(2, "Show", inputs=[slot("image", "IMAGE", 1)], pos=[300, 0]),
        ],
        "links": [[1, 1, 0, 2, 0, "IMAGE"]],
        "groups": [{"title": "G", "bounding": [0, 0, 10, 10]}],
        "extra": {"ds": {"scale": 1}},
        **more,
    }


def _open(raw):
    return read_workflow(json.dumps(raw))


def _diff(before, after):
    return diff_workflows(_open(before), _open(after), _DEFINITIONS)


def _with(change):
    raw = _raw()
    change(raw)
    return raw


@pytest.mark.parametrize("name", sample_names())
def test_every_sample_is_equal_to_itself(name):
    workflow = read_sample(name)

    diff = diff_workflows(workflow, read_workflow(content(workflow)))

    assert diff.is_same
    assert describe_diff(diff) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw["extra"].update(ds={"scale": 2}, frontendVersion="9"),
        lambda raw: raw.update(last_node_id=99, revision=4, id="other"),
        lambda raw: raw["nodes"][0].update(order=7, size={"0": 200, "1": 100}),
        lambda raw: raw["nodes"][0].update(flags={"collapsed": False}),
        lambda raw: raw["nodes"][0].update(widgets_values=[64.0, "a"]),
        lambda raw: (
            raw["links"].__setitem__(0, [5, "1", "0", 2, 0, "*"])
            or raw["nodes"][1]["inputs"][0].update(link=5)
        ),
        lambda raw: raw["nodes"].reverse(),
    ],
    ids=["view", "counters", "order", "flag", "spelling", "link number", "drawing order"],
)
def test_bookkeeping_is_no_difference(change):
    assert _diff(_raw(), _with(change)).is_same


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda raw: raw["nodes"][0].update(widgets_values=[65, "a"]), ["width: 64 -> 65"]),
        (lambda raw: raw["nodes"][0].update(widgets_values=[True, "a"]), ["width: 64 -> true"]),
        (lambda raw: raw["nodes"][0].update(title="T"), ['title: "Make" -> "T"']),
        (lambda raw: raw["nodes"][0].update(mode=4), ['mode: "active" -> "bypassed"']),
        (lambda raw: raw["nodes"][0].update(flags={"pinned": True}),
         ["flag pinned: nothing -> true"]),
        (lambda raw: raw["nodes"][0].update(color="#123"), ['color: nothing -> "#123"']),
        (lambda raw: raw["nodes"][0].update(properties={"p": [1]}), ["property p: nothing -> [1]"]),
        (lambda raw: raw["nodes"][0].update(size=[200, 101.5]),
         ["size: [200, 100] -> [200, 101.5]"]),
        (lambda raw: raw["nodes"][0].update(strange=1), ["strange: nothing -> 1"]),
        (lambda raw: raw["nodes"][0]["outputs"][0].update(label="L"),
         ['label of output IMAGE: "IMAGE" -> "L"']),
    ],
)  # fmt: skip
def test_a_changed_value_is_told_by_name(change, expected):
    lines = describe_diff(_diff(_raw(), _with(change)))

    assert lines[0].startswith("~ Make 1")
    assert [line.strip() for line in lines[1:]] == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda raw: raw["nodes"][1].update(pos=[10, 20.5]),
         ["~ Show 2 moved from (300, 0) to (10, 20.5)"]),
        (lambda raw: raw["links"].clear(), ["- link Make 1 IMAGE -> Show 2 image"]),
        (lambda raw: raw["nodes"].append(node(3, "Show", title="Mine")), ['+ Show 3 "Mine"']),
        (lambda raw: raw.update(groups=[]), ['- group "G"']),
        (lambda raw: raw["groups"][0].update(color="red"), ['~ group G: color: nothing -> "red"']),
        (lambda raw: raw["extra"].update(info="x"), ['~ extra info: nothing -> "x"']),
        (lambda raw: raw.update(config={"links_ontop": True}),
         ["~ config links_ontop: nothing -> true"]),
        (lambda raw: raw["extra"].update(reroutes=[{"id": 4, "pos": [1, 2]}]), ["~ reroutes 4"]),
    ],
)  # fmt: skip
def test_what_came_went_or_moved_is_told(change, expected):
    assert describe_diff(_diff(_raw(), _with(change))) == expected


def test_a_node_with_another_type_is_another_node():
    diff = _diff(_raw(), _with(lambda raw: raw["nodes"][1].update(type="View")))

    root = diff.graph("")
    assert root.nodes_removed == (NodeMention("2", "Show", "Show"),)
    assert root.nodes_added == (NodeMention("2", "View", "View"),)


def test_values_of_unknown_types_are_told_in_order():
    one = flow([node(1, "Nope", widgets_values=["a", 2, {"k": 1}])])
    other = flow([node(1, "Nope", widgets_values=["a", 3])])

    (change,) = diff_workflows(one, other).graph("").nodes_changed

    assert change.changes == (
        ValueChange("value 2", 2, 3),
        ValueChange("value 3", {"k": 1}, None),
    )


def test_long_texts_are_shown_around_the_first_difference():
    text = "word " * 100
    before = _with(lambda raw: raw["nodes"][0].update(widgets_values=[1, text]))
    after = _with(lambda raw: raw["nodes"][0].update(widgets_values=[1, text + "END"]))

    line = describe_diff(_diff(before, after))[1]

    assert "END" in line
    assert len(line) < 160


def test_differences_inside_subgraphs_are_told_under_their_name():
    def raw(value, *more):
        inner = subgraph("s", [node(1, "Make", widgets_values=[value, "a"])], [])
        return _raw(definitions={"subgraphs": [inner, *more]})

    diff = _diff(raw(1), raw(2, subgraph("t", [], [])))

    assert diff.subgraphs_added == (GraphMention("t", "Sub t"),)
    assert describe_diff(diff) == [
        '+ subgraph "Sub t"',
        'In the subgraph "Sub s":',
        "  ~ Make 1",
        "      width: 1 -> 2",
    ]
    assert _diff(raw(2, subgraph("t", [], [])), raw(1)).subgraphs_removed == diff.subgraphs_added


def test_places_can_be_left_out():
    def change(raw):
        raw["nodes"][1].update(pos=[1, 1])
        raw["nodes"][0].update(size=[999, 999], title="T")
        raw["groups"][0].update(bounding=[0, 0, 99, 99])

    diff = _diff(_raw(), _with(change))

    assert describe_diff(diff.without_places()) == ['~ Make 1 "T"', '    title: "Make" -> "T"']
    assert (
        _diff(_raw(), _with(lambda raw: raw["nodes"][1].update(pos=[1, 1])))
        .without_places()
        .is_same
    )


def test_an_edit_and_its_undo_leave_no_difference():
    desk = Desk(_open(_raw()), _DEFINITIONS)
    desk.do(edits.set_widget(*desk.both, "1", "width", 512))
    assert describe_diff(diff_workflows(_open(_raw()), desk.workflow, _DEFINITIONS)) == [
        "~ Make 1",
        "    width: 64 -> 512",
    ]

    desk.undo()

    assert diff_workflows(_open(_raw()), desk.workflow, _DEFINITIONS).is_same


def test_the_difference_of_a_swap_is_the_mirror_image():
    after = _with(lambda raw: raw["nodes"].pop())
    forth, back = _diff(_raw(), after).graph(""), _diff(after, _raw()).graph("")

    assert forth.nodes_removed == back.nodes_added
    assert forth.links_removed == back.links_added
    assert forth.nodes_added == back.nodes_removed == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [(1, 1.0, True), (True, 1, False), (0, False, False), ([1, {"a": 2}], [1, {"a": 2.0}], True),
     ({"a": 1}, {"a": 1, "b": None}, False), ("1", 1, False), (None, False, False)],
)  # fmt: skip
def test_values_are_compared_as_json(one, other, same):
    assert is_equal(one, other) is same


def test_a_definition_added_by_an_edit_is_told():
    from app.engine.workflow.records import build_definition

    workflow = _open(_raw())
    apply_patch(workflow, [InsertGraph(build_definition(subgraph("n", [], [])))])

    assert diff_workflows(_open(_raw()), workflow).subgraphs_added == (GraphMention("n", "Sub n"),)
