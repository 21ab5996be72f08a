"""Files of node templates open as one workflow."""

from __future__ import annotations

import json

import pytest
from workflow_tools import definition, node, out, slot, subgraph

from app.engine.errors import WorkflowFileError
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import read_workflow

_KNOWN = {
    "Make": definition("Make", None, None, ("IMAGE",)),
    "Show": definition("Show", {"image": ["IMAGE"]}),
}


def _piece(links):
    return {
        "nodes": [
            node(41, "Make", outputs=[out("IMAGE", "IMAGE", (9,))], pos=[500, 900]),
            node(42, "Show", inputs=[slot("image", "IMAGE", 9)], pos=[800, 950]),
        ],
        "links": links,
    }


def _open(*templates):
    return read_workflow(json.dumps({"templates": list(templates)}), name="t.json")


@pytest.mark.parametrize(
    "link",
    [
        [0, 0, 1, 0, 41],
        {"id": 9, "origin_id": 41, "origin_slot": 0, "target_id": 42, "target_slot": 0},
    ],
    ids=["old", "new"],
)
def test_links_of_every_editor_are_joined_again(link):
    workflow = _open({"name": "A", "data": json.dumps(_piece([link]))})

    (joint,) = bind_graph(workflow, workflow.root, _KNOWN).links.values()
    assert (joint.origin, joint.target) == ("1", "2")


def test_each_template_is_a_group_below_the_one_before():
    data = json.dumps(_piece([[0, 0, 1, 0, 41]]))

    workflow = _open({"name": "A", "data": data}, {"name": "B", "data": data})

    groups = list(workflow.root.groups.values())
    assert [group.title for group in groups] == ["A", "B"]
    assert groups[1].bounding[1] > groups[0].bounding[1] + groups[0].bounding[3]
    assert list(workflow.root.nodes) == ["1", "2", "3", "4"]
    assert len(workflow.root.links) == 2
    for group, keys in zip(groups, (["1", "2"], ["3", "4"]), strict=True):
        x, y, width, height = group.bounding
        for key in keys:
            item = workflow.root.nodes[key]
            assert x < item.pos[0]
            assert y < item.pos[1] - 30
            assert item.pos[0] + item.size[0] < x + width
            assert item.pos[1] + item.size[1] < y + height


def test_subgraphs_and_legacy_group_nodes_come_along():
    piece = {
        "nodes": [node(1, "s"), node(2, "workflow>G")],
        "subgraphs": [subgraph("s", [], [])],
        "groupNodes": {"G": {"nodes": [{"type": "Make", "index": 0}], "links": []}},
    }

    workflow = _open({"name": "A", "data": piece})

    bound = bind_graph(workflow, workflow.root, _KNOWN)
    assert bound.nodes["1"].subgraph == "s"
    assert not bound.nodes["2"].is_missing


@pytest.mark.parametrize(
    "data", ["{", "[]", 5, {"nodes": 3}, {"nodes": [None]}, '{"nodes": []}', None]
)
def test_a_template_that_cannot_be_read_does_not_hide_the_others(data):
    good = {"name": "A", "data": json.dumps(_piece([None, 4, [1], [0, 9, 1, 0], [7, 0, 1, 0]]))}

    assert len(_open({"data": data}, good, None).root.nodes) == 2
    with pytest.raises(WorkflowFileError, match="holds no workflow"):
        _open({"data": data})
