"""Edits of links and the questions a drag asks."""

from __future__ import annotations

import pytest
from workflow_tools import Desk, content, definition, flow, node, out, read_sample, slot

from app.engine.workflow import edits

_ALL = {
    "Source": definition("Source", outputs=("IMAGE", "MASK")),
    "Through": definition(
        "Through", {"image": ["IMAGE"], "mask": ["MASK"]}, outputs=("IMAGE", "MASK")
    ),
    "Sink": definition(
        "Sink", {"first": ["IMAGE"], "second": ["IMAGE"], "any": ["*"], "amount": ["INT"]}
    ),
}


def _desk(*kinds: str, links=()):
    nodes = [node(index + 1, kind) for index, kind in enumerate(kinds)]
    return Desk(flow(nodes, list(links)), _ALL)


def _feeds(desk: Desk) -> set:
    return {
        (link.origin, link.origin_slot, link.target, desk.bound.nodes[link.target].inputs[
            link.target_input].name)
        for link in desk.bound.links.values()
    }  # fmt: skip


def test_connecting_writes_link_slots_and_counter():
    desk = _desk("Source", "Sink")

    change = desk.do(edits.connect(*desk.both, "1", 1, "2", 1))

    raw = desk.workflow.raw
    assert raw["links"] == [[1, 1, 1, 2, 0, "MASK"]]
    assert raw["nodes"][1]["inputs"] == [{"name": "second", "type": "IMAGE", "link": 1}]
    assert raw["nodes"][0]["outputs"] == [
        {"name": "IMAGE", "type": "IMAGE", "links": None},
        {"name": "MASK", "type": "MASK", "links": [1]},
    ]
    assert raw["last_link_id"] == 1
    assert change.links_added == ["1"]
    assert set(change.nodes_changed) == {"1", "2"}


def test_connecting_a_widget_adds_its_slot_to_an_old_file():
    desk = _desk("Source", "Sink")

    desk.do(edits.connect(*desk.both, "1", 0, "2", 3))

    assert desk.workflow.raw["nodes"][1]["inputs"] == [
        {"name": "amount", "type": "INT", "widget": {"name": "amount"}, "link": 1}
    ]
    assert desk.bound.nodes["2"].widget("amount").is_linked


def test_a_link_that_is_there_makes_way():
    desk = _desk("Source", "Source", "Sink", links=[[5, 1, 0, 3, 0, "IMAGE"]])

    change = desk.do(edits.connect(*desk.both, "2", 0, "3", 0))

    assert _feeds(desk) == {("2", 0, "3", "first")}
    assert change.links_removed == ["5"]
    assert edits.connect(*desk.both, "2", 0, "3", 0) == ()


def test_schema_1_gets_object_links_and_its_own_counter():
    desk = Desk(read_sample("adv_version1"))

    desk.do(edits.connect(*desk.both, "2", 0, "5", 2))

    assert desk.workflow.raw["links"][-1] == {
        "id": 10, "origin_id": 2, "origin_slot": 0, "target_id": 5, "target_slot": 2,
        "type": "CONDITIONING",
    }  # fmt: skip
    assert desk.workflow.raw["state"]["lastLinkId"] == 10
    assert "last_link_id" not in desk.workflow.raw


def test_linking_a_duplicate_gives_it_its_new_id_in_the_file():
    desk = Desk(flow([node(1, "Source"), node(2, "Sink"), node(2, "Sink")]), _ALL)

    desk.do(edits.connect(*desk.both, "1", 0, "3", 0))

    assert desk.workflow.raw["nodes"][2]["id"] == 3
    assert desk.workflow.raw["links"] == [[1, 1, 0, 3, 0, "IMAGE"]]


def test_stale_mentions_of_a_removed_link_go_too():
    nodes = [
        node(1, "Source", outputs=[out("IMAGE", "IMAGE", (4, 9))]),
        node(2, "Sink", inputs=[slot("first", "IMAGE", 4), slot("second", "IMAGE", 4)]),
    ]
    desk = Desk(flow(nodes, [[4, 1, 0, 2, 0, "IMAGE"]]), _ALL)

    desk.do(edits.disconnect_input(*desk.both, "2", 0))

    assert desk.workflow.raw["nodes"][0]["outputs"][0]["links"] == [9]
    assert [raw["link"] for raw in desk.workflow.raw["nodes"][1]["inputs"]] == [None, None]


def test_disconnecting_an_output_removes_all_its_links():
    desk = _desk("Source", "Sink", links=[[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 0, 2, 1, "IMAGE"]])

    change = desk.do(edits.disconnect_output(*desk.both, "1", 0))

    assert sorted(change.links_removed) == ["1", "2"]
    assert desk.workflow.raw["links"] == []


def test_u063_links_move_to_another_output():
    desk = _desk(
        "Source", "Source", "Sink", links=[[1, 1, 0, 3, 0, "IMAGE"], [2, 1, 0, 3, 1, "IMAGE"]]
    )

    desk.do(edits.move_links(*desk.both, ["1", "2"], "2", 1))

    assert _feeds(desk) == {("2", 1, "3", "first"), ("2", 1, "3", "second")}


def test_u083_neighbours_of_a_removed_node_are_joined_where_types_allow():
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 1, 2, 1, "MASK"], [3, 2, 0, 3, 0, "IMAGE"],
             [4, 3, 0, 4, 1, "IMAGE"]]  # fmt: skip
    desk = _desk("Source", "Through", "Through", "Sink", links=links)

    desk.do(edits.remove_nodes(*desk.both, ["2", "3"], keep_links=True))

    assert _feeds(desk) == {("1", 0, "4", "second")}


def test_removing_without_keeping_links_joins_nothing():
    links = [[1, 1, 0, 2, 0, "IMAGE"], [3, 2, 0, 3, 0, "IMAGE"]]
    desk = _desk("Source", "Through", "Sink", links=links)

    desk.do(edits.remove_nodes(*desk.both, ["2"]))

    assert desk.workflow.raw["links"] == []
    assert list(desk.workflow.root.nodes) == ["1", "3"]


@pytest.mark.parametrize(
    ("origin", "output", "target", "place", "reason"),
    [
        ("1", 0, "2", 0, ""),
        ("1", 1, "2", 0, "types differ: MASK to IMAGE"),
        ("3", 0, "2", 0, "would create a cycle"),
        ("2", 0, "2", 0, "a node cannot feed itself"),
        ("2", 1, "4", 2, ""),
    ],
)
def test_u069_u070_what_may_be_linked_and_why_not(origin, output, target, place, reason):
    desk = _desk("Source", "Through", "Through", "Sink", links=[[1, 2, 0, 3, 0, "IMAGE"]])

    assert edits.can_connect(desk.bound, origin, output, target, place) == reason


@pytest.mark.parametrize(
    ("taken", "kind", "expected"),
    [
        ((), "IMAGE", "first"),
        ((0,), "IMAGE", "second"),
        ((0, 1), "IMAGE", "any"),
        ((0, 1, 2), "IMAGE", "first"),
        ((), "MASK", "any"),
        ((), "INT", "amount"),
        ((2,), "MASK", "any"),
    ],
)
def test_u067_a_drop_on_a_node_takes_the_first_free_fitting_input(taken, kind, expected):
    links = [[i + 1, 1, 0, 2, i, "IMAGE"] for i in taken]
    desk = _desk("Source", "Sink", links=links)

    place = edits.first_fitting_input(desk.bound, kind, "2", origin="1")

    assert desk.bound.nodes["2"].inputs[place].name == expected


def test_u067_nothing_fits_or_the_node_is_its_own():
    desk = _desk("Source", "Through")

    assert edits.first_fitting_input(desk.bound, "LATENT", "2") is None
    assert edits.first_fitting_input(desk.bound, "IMAGE", "2", origin="2") is None
    assert edits.first_fitting_output(desk.bound, "MASK", "1") == 1
    assert edits.first_fitting_output(desk.bound, "LATENT", "1") is None


@pytest.mark.parametrize("name", ["adv_version1", "video_wan_vace_14B_ref2v"])
def test_u075_reroutes_are_put_on_links_moved_and_removed(name):
    desk = Desk(read_sample(name))
    start = content(desk.workflow)
    link = next(iter(desk.bound.links))

    patch, far = edits.add_reroute(*desk.both, link, (10, 20))
    desk.do(patch)
    patch, near = edits.add_reroute(*desk.both, link, (1, 2), index=0)
    desk.do(patch)
    assert desk.bound.links[link].reroutes == (near, far)
    change = desk.do(edits.move_reroutes(*desk.both, {near: (3.5, 4)}))
    assert change.reroutes == [near]
    assert desk.workflow.root.reroutes[near].pos == (3.5, 4)
    desk.do(edits.remove_reroutes(*desk.both, [far]))

    assert desk.bound.links[link].reroutes == (near,)
    assert desk.differences() == []
    desk.do(edits.remove_links(*desk.both, [link]))
    assert near not in desk.workflow.root.reroutes
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


def test_inside_a_subgraph_links_to_its_boxes_keep_their_lists():
    desk = Desk(read_sample("adv_passthrough"), graph_id=next(iter(
        read_sample("adv_passthrough").subgraphs)))  # fmt: skip
    before = content(desk.workflow)
    box = desk.bound.nodes["-10"]
    link = box.outputs[0].links[0]
    target = desk.bound.links[link]

    desk.do(edits.remove_links(*desk.both, [link]))
    slots = desk.workflow.graph(desk.graph_id).raw["inputs"]
    assert int(link) not in slots[0]["linkIds"]

    desk.do(edits.connect(*desk.both, "-10", 0, target.target, target.target_input))
    slots = desk.workflow.graph(desk.graph_id).raw["inputs"]
    made = desk.bound.nodes[target.target].inputs[target.target_input].link
    assert slots[0]["linkIds"][-1] == int(made)
    assert desk.differences() == []
    desk.undo()
    desk.undo()
    assert content(desk.workflow) == before
