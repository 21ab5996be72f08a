"""Subgraphs made from a selection, unpacked, copied and nested (U-190, U-194, U-198, U-199)."""

from __future__ import annotations

import random
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subgraph_tools import DEFINITIONS, inside, kind_flow, prompt_of, prompt_of_workflow, without
from workflow_tools import (
    Desk,
    content,
    flow,
    node,
    out,
    read_sample,
    sample_definitions,
    sample_names,
    slot,
    subgraph,
)

from app.engine.errors import SubgraphError
from app.engine.workflow import edits
from app.engine.workflow.binding import BoundNode
from app.engine.workflow.edits.subgraphs import (
    add_host,
    create_subgraph,
    describe_subgraph,
    make_unique,
    rename_subgraph,
    unpack_subgraph,
)
from app.engine.workflow.model import Mode
from app.engine.workflow.reader import read_workflow

# Text replacement between Primitives depends on the drawing order, which packing changes.
# Two nodes of one id get other names when they are written and read again.
_ORDER_MATTERS = {"adv_primitives", "adv_duplicate_ids"}
_SAMPLES = [name for name in sample_names() if name not in _ORDER_MATTERS]


def _packed(desk: Desk, keys: list[str], groups: list[str] | None = None) -> str:
    patch, host = create_subgraph(*desk.both, keys, groups or ())
    desk.do(patch)
    return host


def _packed_host(desk: Desk, keys: list[str]) -> BoundNode:
    host = _packed(desk, keys)
    return desk.bound.nodes[host]


def _unpacked(desk: Desk, host: str) -> tuple[list[str], list[str]]:
    patch, nodes, groups = unpack_subgraph(*desk.both, host)
    desk.do(patch)
    return nodes, groups


def _selection(desk: Desk, chance: random.Random) -> list[str]:
    """Choose nodes at random, but no host that is off: W-013 lets a nested one run."""
    keys = [
        key
        for key, item in desk.bound.nodes.items()
        if not item.boundary
        and not item.problem
        and not (item.subgraph and item.node.mode in (Mode.MUTED, Mode.BYPASSED))
    ]
    return chance.sample(keys, chance.randint(1, len(keys))) if keys else []


@settings(max_examples=80, deadline=None)
@given(name=st.sampled_from(_SAMPLES), seed=st.integers(0, 10_000))
def test_u194_packing_and_unpacking_any_selection_keeps_the_prompt_and_undoes(name, seed):
    desk = Desk(read_sample(name))
    start = content(desk.workflow)
    chosen = _selection(desk, random.Random(seed))
    if not chosen:
        return
    before = prompt_of(desk)

    host = _packed(desk, chosen)

    assert desk.differences() == []
    assert prompt_of(desk, without(host)) == before
    saved = read_workflow(content(desk.workflow))
    assert prompt_of_workflow(saved, desk.definitions, without(host)) == before

    order = list(desk.workflow.subgraphs[desk.bound.nodes[host].node.type].nodes)
    nodes, _ = _unpacked(desk, host)
    names = dict(zip(nodes, order, strict=True))

    assert desk.differences() == []
    assert prompt_of(desk, lambda x: ":".join(names.get(part, part) for part in x.split(":"))) == (
        before
    )
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start
    assert desk.differences() == []


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(_SAMPLES), seed=st.integers(0, 10_000))
def test_u199_packing_inside_packed_graphs_keeps_the_prompt_and_undoes(name, seed):
    desk = Desk(read_sample(name))
    start = content(desk.workflow)
    chance = random.Random(seed)
    before = prompt_of(desk)
    hosts = []
    patches = []
    for _ in range(3):
        chosen = _selection(desk, chance)
        if not chosen:
            break
        host = _packed(desk, chosen)
        hosts.append(host)
        patches.extend(desk.inverses)
        desk = inside(desk, desk.bound.nodes[host].node.type)

    assert prompt_of(desk, without(*hosts)) == before
    root = Desk(desk.workflow)
    root.inverses = patches
    while root.inverses:
        root.undo()
    assert content(root.workflow) == start


def _pair() -> Desk:
    nodes = [
        node(1, "Load", outputs=[out("IMAGE", "IMAGE", (1, 2)), out("INT", "INT", (4,))]),
        node(2, "Use int", pos=[300, 40], inputs=[slot("source", "IMAGE", 1),
             slot("value", "INT", 4, widget={"name": "value"})],
             outputs=[out("IMAGE", "IMAGE", (3,))], widgets_values=[1]),
        node(3, "Use float", pos=[300, 240], inputs=[slot("source", "IMAGE", 2)],
             outputs=[out("IMAGE", "IMAGE")], widgets_values=[0.5]),
        node(4, "Save", pos=[600, 40], inputs=[slot("images", "IMAGE", 3)]),
    ]  # fmt: skip
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 0, 3, 0, "IMAGE"], [3, 2, 0, 4, 0, "IMAGE"],
             [4, 1, 1, 2, 1, "INT"]]  # fmt: skip
    return Desk(flow(nodes, links), DEFINITIONS)


def test_u190_links_that_cross_become_one_slot_for_each_source():
    desk = _pair()

    host = _packed_host(desk, ["2", "3"])

    assert [(item.name, item.type, item.widget) for item in host.inputs] == [
        ("source", "IMAGE", None),
        ("value", "INT", "value"),
    ]
    assert [(item.name, item.type) for item in host.outputs] == [("IMAGE", "IMAGE")]
    assert [w.name for w in host.widgets] == ["value"]


def test_u190_slots_of_one_name_get_names_of_their_own():
    nodes = [
        node(1, "Load", outputs=[out("IMAGE", "IMAGE", (1,))]),
        node(2, "Load", outputs=[out("IMAGE", "IMAGE", (2,))]),
        node(3, "Use int", inputs=[slot("source", "IMAGE", 1)], outputs=[out("IMAGE", "IMAGE")]),
        node(4, "Use int", inputs=[slot("source", "IMAGE", 2)], outputs=[out("IMAGE", "IMAGE")]),
    ]
    desk = Desk(flow(nodes, [[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 4, 0, "IMAGE"]]), DEFINITIONS)

    host = _packed_host(desk, ["3", "4"])

    assert [item.name for item in host.inputs] == ["source", "source_1"]


def test_u190_the_definition_is_written_as_the_web_editor_writes_it():
    desk = _pair()

    host = _packed(desk, ["2", "3"])

    (raw,) = desk.workflow.raw["definitions"]["subgraphs"]
    assert list(raw) == [
        "id", "version", "state", "revision", "config", "name", "inputNode", "outputNode",
        "inputs", "outputs", "widgets", "nodes", "groups", "links", "extra",
    ]  # fmt: skip
    assert str(uuid.UUID(raw["id"])) == raw["id"] == desk.workflow.root.nodes[host].type
    assert raw["version"] == 1
    assert raw["state"]["lastNodeId"] == 3
    assert (raw["inputNode"]["id"], raw["outputNode"]["id"]) == (-10, -20)
    assert raw["inputNode"]["bounding"][0] < 300 < 500 < raw["outputNode"]["bounding"][0]
    assert list(raw["inputs"][0]) == ["id", "name", "type", "linkIds", "pos"]
    assert len(raw["inputs"][0]["linkIds"]) == 2
    assert [item["id"] for item in raw["nodes"]] == [2, 3]
    assert all(isinstance(link, dict) for link in raw["links"])


def test_u190_the_host_lies_in_the_middle_and_unpacking_puts_nodes_back():
    desk = _pair()
    before = {key: item.node.pos for key, item in desk.bound.nodes.items()}

    host = _packed(desk, ["2", "3"])
    (x, y), (width, height) = desk.bound.nodes[host].node.pos, desk.bound.nodes[host].node.size

    assert (x + width / 2, y + (height - 30) / 2) == pytest.approx((400, 175), abs=1)
    _unpacked(desk, host)
    assert {key: item.node.pos for key, item in desk.bound.nodes.items()} == before


def test_u190_groups_and_reroutes_go_along_and_come_back():
    desk = _pair()
    desk.do(edits.add_group(*desk.both, (280, -20, 260, 180), "Mine")[0])
    desk.do(edits.add_group(*desk.both, (580, -20, 260, 180), "Not mine")[0])
    patch, _ = edits.add_reroute(*desk.both, "1", (250, 20))
    desk.do(patch)
    patch, _ = edits.add_reroute(*desk.both, "3", (550, 20))
    desk.do(patch)

    host = _packed(desk, ["1", "2", "3"])

    inner = desk.workflow.subgraphs[desk.bound.nodes[host].node.type]
    assert [group.title for group in inner.groups.values()] == ["Mine"]
    assert [reroute.pos for reroute in inner.reroutes.values()] == [(250, 20)]
    assert [group.title for group in desk.workflow.root.groups.values()] == ["Not mine"]
    assert [reroute.pos for reroute in desk.workflow.root.reroutes.values()] == [(550, 20)]
    _unpacked(desk, host)
    root = desk.workflow.root
    assert [group.title for group in root.groups.values()] == ["Not mine", "Mine"]
    assert sorted(reroute.pos for reroute in root.reroutes.values()) == [(250, 20), (550, 20)]
    assert sorted(link.reroutes != () for link in desk.bound.links.values()) == [
        False, False, True, True,
    ]  # fmt: skip


def test_u190_reroutes_of_links_that_cross_stay_outside():
    desk = _pair()
    patch, key = edits.add_reroute(*desk.both, "3", (550, 20))
    desk.do(patch)

    host = _packed(desk, ["2"])

    (link,) = [link for link in desk.bound.links.values() if link.origin == host]
    assert link.reroutes == (key,)


def test_u190_nothing_selected_is_refused_in_words():
    desk = _pair()

    with pytest.raises(SubgraphError, match="Select the nodes"):
        create_subgraph(*desk.both, [])


def test_a_definition_that_holds_itself_cannot_be_packed_or_unpacked():
    desk = Desk(read_sample("adv_recursive_subgraph"))
    (host,) = [key for key, item in desk.bound.nodes.items() if item.problem]

    with pytest.raises(SubgraphError, match="contains itself"):
        create_subgraph(*desk.both, [host])
    with pytest.raises(SubgraphError, match="contains itself"):
        unpack_subgraph(*desk.both, host)


def test_unpacking_an_ordinary_node_is_refused_in_words():
    desk = _pair()

    with pytest.raises(SubgraphError, match='"Load" is not a subgraph'):
        unpack_subgraph(*desk.both, "1")


def test_names_of_subgraphs_are_unique():
    desk = _pair()

    hosts = [_packed(desk, [key]) for key in ("2", "3")]

    assert [desk.bound.nodes[host].title for host in hosts] == ["New Subgraph", "New Subgraph 2"]


def test_u198_unpacking_one_of_two_hosts_leaves_the_other():
    desk = Desk(read_sample("adv_subgraph_instances"))
    before = prompt_of(desk)
    hosts = [key for key, item in desk.bound.nodes.items() if item.subgraph]
    kind = desk.bound.nodes[hosts[0]].subgraph
    twins = [key for key in hosts if desk.bound.nodes[key].subgraph == kind]
    inner = list(desk.workflow.subgraphs[kind].nodes)

    nodes, _ = _unpacked(desk, twins[0])

    assert kind in desk.workflow.subgraphs
    names = {new: f"{twins[0]}:{old}" for new, old in zip(nodes, inner, strict=True)}
    assert prompt_of(desk, lambda name: names.get(name, name)) == before


def test_u194_the_last_host_takes_the_definition_with_it():
    desk = _pair()
    host = _packed(desk, ["2", "3"])

    nodes, _ = _unpacked(desk, host)

    assert nodes == ["2", "3"]
    assert desk.workflow.subgraphs == {}


@pytest.mark.parametrize("mode", [Mode.MUTED, Mode.BYPASSED])
def test_u194_nodes_of_a_host_that_is_off_are_off(mode):
    desk = _pair()
    host = _packed(desk, ["2", "3"])
    desk.do(edits.set_mode(*desk.both, [host], mode))
    before = prompt_of(desk)

    nodes, _ = _unpacked(desk, host)

    assert [desk.bound.nodes[key].node.mode for key in nodes] == [mode, mode]
    assert prompt_of(desk) == before


def test_u194_an_input_wired_to_an_output_is_joined():
    desk = Desk(read_sample("adv_passthrough"))
    before = prompt_of(desk)
    hosts = [key for key, item in desk.bound.nodes.items() if item.subgraph]

    for host in hosts:
        _unpacked(desk, host)

    assert prompt_of(desk)["4"] == before["4"]


def test_u198_make_unique_gives_one_host_a_definition_of_its_own():
    desk = Desk(read_sample("adv_subgraph_instances"))
    start = content(desk.workflow)
    before = prompt_of(desk)
    hosts = [key for key, item in desk.bound.nodes.items() if item.subgraph]
    kind = desk.bound.nodes[hosts[0]].subgraph
    twins = [key for key in hosts if desk.bound.nodes[key].subgraph == kind]

    patch, copy = make_unique(*desk.both, twins[0])
    desk.do(patch)

    assert [desk.bound.nodes[key].subgraph for key in twins] == [copy, kind]
    assert desk.workflow.subgraphs[copy].raw["name"] != desk.workflow.subgraphs[kind].raw["name"]
    assert prompt_of(desk) == before
    assert desk.differences() == []
    edit = inside(desk, copy)
    first = next(key for key, item in edit.bound.nodes.items() if not item.boundary)
    edit.do(edits.set_mode(*edit.both, [first], Mode.MUTED))
    assert desk.workflow.subgraphs[kind].nodes[first].mode == Mode.ALWAYS
    edit.undo()
    desk.undo()
    assert content(desk.workflow) == start


def test_redo_of_an_undone_packing_gives_the_same_file_again():
    desk = Desk(kind_flow("text"), DEFINITIONS)
    patch, _ = create_subgraph(*desk.both, ["2"])
    desk.do(patch)
    packed = content(desk.workflow)
    desk.undo()

    desk.do(patch)

    assert content(desk.workflow) == packed


def test_rename_shows_on_hosts_and_undoes():
    desk = _pair()
    host = _packed(desk, ["2"])
    packed = content(desk.workflow)

    desk.do(rename_subgraph(desk.workflow, desk.bound.nodes[host].subgraph, " Sharpen "))

    assert desk.bound.nodes[host].title == "Sharpen"
    desk.undo()
    assert content(desk.workflow) == packed


def test_an_empty_name_is_refused():
    desk = _pair()
    host = _packed(desk, ["2"])

    with pytest.raises(SubgraphError, match="needs a name"):
        rename_subgraph(desk.workflow, desk.bound.nodes[host].subgraph, "  ")


def test_u202_description_and_search_words_are_stored_and_taken_back():
    desk = _pair()
    kind = _packed_host(desk, ["2"]).subgraph
    packed = content(desk.workflow)

    desk.do(
        describe_subgraph(desk.workflow, kind, description="Makes it crisp", aliases=["a", "a", ""])
    )

    graph = desk.workflow.subgraphs[kind]
    assert graph.raw["description"] == graph.extra["BlueprintDescription"] == "Makes it crisp"
    assert graph.extra["BlueprintSearchAliases"] == ["a"]
    desk.undo()
    assert content(desk.workflow) == packed


def test_one_more_host_shows_the_interior_values():
    desk = _pair()
    kind = _packed_host(desk, ["2"]).subgraph

    patch, key = add_host(*desk.both, kind, (900, 0))
    desk.do(patch)

    assert desk.bound.nodes[key].subgraph == kind
    assert [widget.value for widget in desk.bound.nodes[key].widgets] == [1]
    assert desk.differences() == []


def test_a_subgraph_cannot_be_put_into_itself_or_what_it_holds():
    desk = _pair()
    inner = _packed_host(desk, ["2"]).subgraph
    host = next(key for key, item in desk.bound.nodes.items() if item.subgraph)
    outer = _packed_host(desk, [host]).subgraph

    with pytest.raises(SubgraphError, match='"New Subgraph" cannot be placed inside itself'):
        add_host(*inside(desk, inner).both, inner, (0, 0))
    with pytest.raises(SubgraphError, match='"New Subgraph 2" contains "New Subgraph"'):
        add_host(*inside(desk, inner).both, outer, (0, 0))
    patch, _ = add_host(*inside(desk, outer).both, inner, (0, 0))
    assert patch


def test_w004_a_primitive_reaches_widgets_through_the_edge_of_a_subgraph():
    desk = Desk(read_sample("adv_primitives"), sample_definitions())
    primitives = [
        key
        for key, item in desk.bound.nodes.items()
        if item.node.type == "PrimitiveNode" and item.outputs[0].links
    ]
    plain = [
        key
        for key in primitives
        if not desk.bound.nodes[key].node.properties.get("Run widget replace on values")
    ]
    before = prompt_of(desk)
    targets = [
        desk.bound.links[link].target
        for key in plain
        for link in desk.bound.nodes[key].outputs[0].links
    ]

    host = _packed(desk, plain)

    after = prompt_of(desk)
    assert targets
    assert [after[key] for key in targets if key in after] == [
        before[key] for key in targets if key in before
    ]
    assert host not in after


def test_a_scaled_root_gives_a_definition_that_is_read_unscaled():
    desk = _pair()
    desk.workflow.raw["extra"] = {"workflowRendererVersion": "Vue"}
    desk = Desk(read_workflow(content(desk.workflow)), DEFINITIONS)
    before = {key: desk.bound.nodes[key].node.pos for key in ("2", "3")}

    host = _packed(desk, ["2", "3"])
    again = Desk(read_workflow(content(desk.workflow)), DEFINITIONS)
    kind = again.bound.nodes[host].subgraph

    inner = again.workflow.subgraphs[kind].nodes
    assert all(inner[key].pos == pytest.approx(before[key]) for key in before)
    nodes, _ = _unpacked(again, host)
    back = {key: again.bound.nodes[key].node.pos for key in nodes}
    assert all(back[key] == pytest.approx(before[key], abs=1) for key in before)


def test_unused_nested_definition_lists_stay_in_the_file():
    inner = subgraph("inner", [], [])
    outer = {**subgraph("outer", [node(5, "Load")], []), "definitions": {"subgraphs": [inner]}}
    workflow = flow([node(1, "outer")], definitions={"subgraphs": [outer]})
    desk = Desk(workflow, DEFINITIONS)

    _unpacked(desk, "1")

    assert set(desk.workflow.subgraphs) == {"outer", "inner"}
    assert content(read_workflow(content(desk.workflow))) == content(desk.workflow)


def test_u190_links_with_a_loose_end_go_along_and_come_back():
    reroutes = [{"id": 7, "pos": [500, 50], "linkIds": [], "floating": {"slotType": "output"}}]
    loose = {"id": 9, "origin_id": 1, "origin_slot": 0, "target_id": -1, "target_slot": -1,
             "type": "IMAGE", "parentId": 7}  # fmt: skip
    workflow = flow(
        [node(1, "Load", outputs=[out("IMAGE", "IMAGE")])],
        floatingLinks=[loose],
        extra={"reroutes": reroutes},
    )
    desk = Desk(workflow, DEFINITIONS)
    start = content(workflow)

    host = _packed(desk, ["1"])

    inner = desk.workflow.subgraphs[desk.bound.nodes[host].node.type]
    assert desk.workflow.root.floating_links == desk.workflow.root.reroutes == {}
    (link,) = inner.floating_links.values()
    assert (link.origin, link.target) == ("1", "-1")
    assert inner.reroutes[link.parent_id].raw["floating"] == {"slotType": "output"}
    _unpacked(desk, host)
    (link,) = desk.workflow.root.floating_links.values()
    assert desk.workflow.root.reroutes[link.parent_id].pos == (500, 50)
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start
