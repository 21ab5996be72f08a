"""Copy and paste within and between documents."""

from __future__ import annotations

import pytest
from workflow_tools import Desk, content, flow, node, out, read_sample, sample_names, slot

from app.engine.workflow import clipboard
from app.engine.workflow.reader import new_workflow

_SMALL = [name for name in sample_names() if name.startswith("adv_")]


def _paste(desk: Desk, clip, **more):
    patch, nodes, groups = clipboard.paste(*desk.both, desk.definitions, clip, (500, 600), **more)
    desk.do(patch)
    return nodes, groups


@pytest.mark.parametrize("name", _SMALL)
def test_all_of_a_file_is_copied_into_an_empty_document(name):
    source = Desk(read_sample(name))
    clip = clipboard.copy(*source.both, list(source.bound.nodes), list(source.workflow.root.groups))
    text = clipboard.to_text(clip)
    target = Desk(new_workflow())
    before = content(target.workflow)

    nodes, groups = _paste(target, clipboard.from_text(text))

    assert [target.bound.nodes[key].node.type for key in nodes] == [
        item.node.type for item in source.bound.nodes.values()
    ]
    assert len(target.bound.links) == len(source.bound.links)
    assert len(groups) == len(source.workflow.root.groups)
    shown = [[w.value for w in target.bound.nodes[key].widgets] for key in nodes]
    assert shown == [[w.value for w in item.widgets] for item in source.bound.nodes.values()]
    target.undo()
    assert content(target.workflow) == before


@pytest.mark.parametrize("name", _SMALL)
def test_duplicating_in_place_gives_fresh_ids_and_undoes(name):
    desk = Desk(read_sample(name))
    before = content(desk.workflow)
    old = set(desk.bound.nodes)
    count = len(desk.bound.links)

    nodes, _ = _paste(desk, clipboard.copy(*desk.both, list(desk.bound.nodes)))

    assert not old & set(nodes)
    assert len(desk.bound.links) == 2 * count
    assert desk.differences() == []
    desk.undo()
    assert content(desk.workflow) == before


def test_the_top_left_corner_lands_where_it_is_put():
    nodes = [node(1, "Note", pos=[100, 50]), node(2, "Note", pos=[80, 90])]
    desk = Desk(flow(nodes), {})

    made, _ = _paste(desk, clipboard.copy(*desk.both, ["1", "2"]))

    assert [desk.bound.nodes[key].node.pos for key in made] == [(520, 600), (500, 640)]


def test_inputs_from_outside_are_kept_on_request():
    nodes = [
        node(1, "Reroute", inputs=[slot("")], outputs=[out("")]),
        node(2, "Reroute", inputs=[slot("", "*", 1)], outputs=[out("")]),
    ]
    desk = Desk(flow(nodes, [[1, 1, 0, 2, 0, "*"]]), {})
    clip = clipboard.copy(*desk.both, ["2"])

    (plain,), _ = _paste(desk, clip)
    (kept,), _ = _paste(desk, clip, keep_inputs=True)

    assert desk.bound.nodes[plain].inputs[0].link is None
    assert desk.bound.links[desk.bound.nodes[kept].inputs[0].link].origin == "1"


def test_a_definition_that_differs_here_comes_under_a_new_id():
    source = Desk(read_sample("adv_host_null"))
    hosts = [key for key, item in source.bound.nodes.items() if item.subgraph]
    clip = clipboard.from_text(clipboard.to_text(clipboard.copy(*source.both, hosts)))
    clip["subgraphs"][0]["name"] = "Changed"

    made, _ = _paste(source, clip)

    kinds = {source.bound.nodes[key].node.type for key in (*hosts, *made)}
    assert len(kinds) > len({source.bound.nodes[key].node.type for key in hosts})
    assert all(kind in source.workflow.subgraphs for kind in kinds)


def test_pasting_what_is_here_adds_no_definition():
    desk = Desk(read_sample("adv_host_null"))
    count = len(desk.workflow.subgraphs)

    _paste(desk, clipboard.copy(*desk.both, list(desk.bound.nodes)))

    assert len(desk.workflow.subgraphs) == count


def test_a_group_node_brings_its_definition_even_after_it_was_missed():
    source = Desk(read_sample("adv_group_node"))
    clip = clipboard.copy(*source.both, ["10"])
    target = Desk(new_workflow())
    bare, _ = _paste(target, {**clip, "groupNodes": {}})
    assert target.bound.nodes[bare[0]].is_missing

    made, _ = _paste(target, clip)

    assert [target.bound.nodes[key].subgraph for key in (*bare, *made)] == ["workflow/enc"] * 2
    target.undo()
    assert target.bound.nodes[bare[0]].is_missing


@pytest.mark.parametrize(
    "text", ["", "words", "[1]", '{"kind": "other"}', "easel/nodes", '{"a": "easel/nodes"}',
             '["easel/nodes"', '{"kind": "easel/nodes"' + "[" * 5000],
)  # fmt: skip
def test_other_text_is_no_clip(text):
    assert clipboard.from_text(text) is None


@pytest.mark.parametrize(
    "damage",
    [
        {"nodes": None},
        {"nodes": [None, 3, {}]},
        {"links": [{"from": 0, "to": 99, "slot": 0, "input": ""}, None, {"from": True}]},
        {"links": [{"from": 0, "to": 0, "slot": 5, "input": "x"}]},
        {"reroutes": "x", "groups": [None, {}], "subgraphs": [None, {"id": 1}]},
    ],
)
def test_a_damaged_clip_pastes_what_is_left(damage):
    desk = Desk(flow([node(1, "Reroute", inputs=[slot("")], outputs=[out("")])]), {})
    clip = {**clipboard.copy(*desk.both, ["1"]), **damage}

    _paste(desk, clip)

    assert desk.differences() == []
