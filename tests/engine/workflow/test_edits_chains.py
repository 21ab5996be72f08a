"""Links through reroutes, and chains of reroutes that outlive their link (U-076, U-082)."""

from __future__ import annotations

import pytest
from workflow_tools import Desk, chain_problems, content, definition, node, subgraph

from app.engine.workflow import edits
from app.engine.workflow.reader import build_workflow, read_workflow

_TYPES = {
    "Source": definition("Source", outputs=("IMAGE", "MASK")),
    "Through": definition("Through", {"image": ["IMAGE"]}, outputs=("IMAGE",)),
    "Sink": definition("Sink", {"first": ["IMAGE"], "second": ["IMAGE"], "third": ["IMAGE"]}),
}
SCHEMAS = (0.4, 1)


def _link(version, number, origin, target, slot):
    if version == 1:
        return {
            "id": number, "origin_id": origin, "origin_slot": 0, "target_id": target,
            "target_slot": slot, "type": "IMAGE",
        }  # fmt: skip
    return [number, origin, 0, target, slot, "IMAGE"]


def _desk(version=0.4):
    """Source 1 feeds 2 (Through) feeds 3 (Sink); source 4 is free, sink 5 too."""
    kinds = {1: "Source", 2: "Through", 3: "Sink", 4: "Source", 5: "Sink"}
    slots = {
        "Sink": [{"name": n, "type": "IMAGE", "link": None} for n in ("first", "second", "third")],
        "Through": [{"name": "image", "type": "IMAGE", "link": None}],
        "Source": [],
    }
    raw = {
        "version": version,
        "nodes": [node(key, kind, inputs=slots[kind]) for key, kind in kinds.items()],
        "links": [_link(version, 1, 1, 2, 0), _link(version, 2, 2, 3, 0)],
        "extra": {},
    }
    return Desk(build_workflow(raw), _TYPES)


def _route(desk, link, *places):
    """Put reroutes on a link, from its origin to its target; return their keys."""
    keys = []
    for place in places:
        patch, key = edits.add_reroute(*desk.both, link, place)
        desk.do(patch)
        keys.append(key)
    return keys


def _runs(desk):
    """Return the links as ``(origin, target, input)`` with the reroutes they run through."""
    return {
        (link.origin, link.target, link.target_input): link.reroutes
        for link in desk.bound.links.values()
    }


def _loose(desk):
    """Return the floating links as ``(origin, target, slot, last reroute)``."""
    return {
        (link.origin, link.target, max(link.origin_slot, link.target_slot), link.parent_id)
        for link in desk.workflow.graph(desk.graph_id).floating_links.values()
    }


@pytest.fixture(params=SCHEMAS)
def desk(request):
    """The graph of :func:`_desk` in both schemas; checked for whole chains and undo at the end."""
    made = _desk(request.param)
    start = content(made.workflow)
    yield made
    assert chain_problems(made.workflow, made.graph_id) == []
    assert made.differences() == []
    saved = content(made.workflow)
    assert content(read_workflow(saved)) == saved
    while made.inverses:
        made.undo()
    assert content(made.workflow) == start
    assert made.differences() == []


def test_u076_a_link_branched_from_a_reroute_runs_through_it(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))

    desk.do(edits.connect(*desk.both, "1", 0, "3", 1, parent=first))

    assert _runs(desk)[("1", "3", 1)] == (first,)
    assert _runs(desk)[("1", "2", 0)] == (first, second)


def test_u076_the_same_ends_through_another_reroute_is_another_link(desk):
    (first,) = _route(desk, "1", (1, 1))
    desk.do(edits.connect(*desk.both, "1", 0, "3", 1))
    assert edits.connect(*desk.both, "1", 0, "3", 1) == ()

    desk.do(edits.connect(*desk.both, "1", 0, "3", 1, parent=first))

    assert _runs(desk)[("1", "3", 1)] == (first,)
    assert edits.connect(*desk.both, "1", 0, "3", 1, parent=first) == ()


def test_u062_the_end_of_a_link_moves_with_its_reroutes(desk):
    keys = _route(desk, "1", (1, 1), (2, 2))

    desk.do(edits.move_end(*desk.both, "1", "5", 2))

    assert _runs(desk) == {("1", "5", 2): tuple(keys), ("2", "3", 0): ()}
    link = next(key for key, link in desk.bound.links.items() if link.target == "5")
    assert edits.move_end(*desk.both, link, "5", 2) == ()


def test_u062_an_input_that_takes_a_moved_end_leaves_the_chain_of_its_own_link(desk):
    (kept,) = _route(desk, "2", (9, 9))
    (moved,) = _route(desk, "1", (1, 1))

    desk.do(edits.move_end(*desk.both, "1", "3", 0))

    assert _runs(desk) == {("1", "3", 0): (moved,)}
    assert _loose(desk) == {("2", "-1", 0, kept)}


def test_u082_a_link_that_is_pulled_off_leaves_its_chain_at_the_output(desk):
    _, last = _route(desk, "1", (1, 1), (2, 2))

    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    assert _loose(desk) == {("1", "-1", 0, last)}
    assert desk.workflow.root.reroutes[last].get("floating") == {"slotType": "output"}


def test_u082_a_link_that_is_removed_takes_its_chain_along(desk):
    _route(desk, "1", (1, 1), (2, 2))

    desk.do(edits.remove_links(*desk.both, ["1"]))

    assert not desk.workflow.root.reroutes
    assert not desk.workflow.root.floating_links


def test_u082_a_chain_that_another_link_uses_does_not_float(desk):
    first, _ = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.connect(*desk.both, "1", 0, "3", 1, parent=first))

    desk.do(edits.remove_links(*desk.both, ["3"], keep="output"))

    assert not desk.workflow.root.floating_links
    assert len(_runs(desk)[("1", "2", 0)]) == 2


def test_u082_a_loose_end_goes_on_to_an_input(desk):
    keys = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    desk.do(edits.connect(*desk.both, "1", 0, "5", 0, parent=keys[1]))

    assert _runs(desk)[("1", "5", 0)] == tuple(keys)
    assert not desk.workflow.root.floating_links
    assert "floating" not in desk.workflow.root.reroutes[keys[1]].raw


def test_u082_a_branch_from_the_middle_of_a_loose_chain_leaves_its_end_loose(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    desk.do(edits.connect(*desk.both, "1", 0, "5", 0, parent=first))

    assert _runs(desk)[("1", "5", 0)] == (first,)
    assert _loose(desk) == {("1", "-1", 0, second)}


def test_u082_removing_a_node_leaves_the_chains_at_its_neighbours(desk):
    (before,) = _route(desk, "1", (1, 1))
    (after,) = _route(desk, "2", (2, 2))

    desk.do(edits.remove_nodes(*desk.both, ["2"]))

    assert _loose(desk) == {("1", "-1", 0, before), ("-1", "3", 0, after)}
    assert desk.workflow.root.reroutes[after].get("floating") == {"slotType": "input"}


def test_u082_a_chain_between_removed_nodes_goes_and_so_do_loose_ones_at_them(desk):
    _route(desk, "1", (1, 1))
    (after,) = _route(desk, "2", (2, 2))
    desk.do(edits.remove_links(*desk.both, ["2"], keep="output"))
    assert _loose(desk) == {("2", "-1", 0, after)}

    desk.do(edits.remove_nodes(*desk.both, ["1", "2"]))

    assert not desk.workflow.root.reroutes
    assert not desk.workflow.root.floating_links


def test_u083_neighbours_are_joined_through_the_reroutes_of_both_links(desk):
    (before,) = _route(desk, "1", (1, 1))
    (after,) = _route(desk, "2", (2, 2))
    desk.do(edits.connect(*desk.both, "2", 0, "5", 1, parent=after))

    desk.do(edits.remove_nodes(*desk.both, ["2"], keep_links=True))

    assert _runs(desk) == {("1", "3", 0): (before, after), ("1", "5", 1): (before, after)}
    assert not desk.workflow.root.floating_links


def test_u082_an_output_fed_to_a_loose_chain_links_all_its_inputs(desk):
    (after,) = _route(desk, "2", (2, 2))
    desk.do(edits.connect(*desk.both, "2", 0, "5", 1, parent=after))
    desk.do(edits.remove_nodes(*desk.both, ["2"]))
    fed = edits.fed_by_reroute(*desk.both, after)
    assert {(item.node, item.input) for item in fed} == {("3", 0), ("5", 1)}
    assert edits.source_of_reroute(*desk.both, after) is None

    desk.do(edits.feed_reroute(*desk.both, after, "4", 0))

    assert _runs(desk) == {("4", "3", 0): (after,), ("4", "5", 1): (after,)}
    assert not desk.workflow.root.floating_links
    assert edits.source_of_reroute(*desk.both, after) == ("4", 0)


def test_u082_a_link_to_an_input_uses_the_chain_that_hangs_there(desk):
    (after,) = _route(desk, "2", (2, 2))
    desk.do(edits.remove_nodes(*desk.both, ["2"]))

    desk.do(edits.connect(*desk.both, "4", 0, "3", 0))

    assert _runs(desk) == {("4", "3", 0): (after,)}
    assert not desk.workflow.root.floating_links


def test_u082_an_input_takes_only_its_own_part_of_a_shared_loose_chain(desk):
    shared, own = _route(desk, "2", (2, 2), (3, 3))
    desk.do(edits.connect(*desk.both, "2", 0, "5", 1, parent=shared))
    desk.do(edits.remove_nodes(*desk.both, ["2"]))

    desk.do(edits.connect(*desk.both, "4", 0, "3", 0))

    assert _runs(desk) == {("4", "3", 0): (own,)}
    assert _loose(desk) == {("-1", "5", 1, shared)}


def test_u076_an_output_dropped_on_a_reroute_takes_over_what_follows(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.connect(*desk.both, "1", 0, "3", 1, parent=first))

    desk.do(edits.feed_reroute(*desk.both, second, "4", 0))

    assert _runs(desk) == {
        ("4", "2", 0): (second,), ("1", "3", 1): (first,), ("2", "3", 0): (),
    }  # fmt: skip


def test_u076_what_came_before_that_reroute_stays_loose(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))

    desk.do(edits.feed_reroute(*desk.both, second, "4", 0))

    assert _loose(desk) == {("1", "-1", 0, first)}


def test_u076_two_loose_chains_are_joined(desk):
    (before,) = _route(desk, "1", (1, 1))
    (after,) = _route(desk, "2", (2, 2))
    desk.do(edits.remove_nodes(*desk.both, ["2"]))

    desk.do(edits.feed_reroute(*desk.both, after, "1", 0, parent=before))

    assert _runs(desk) == {("1", "3", 0): (before, after)}
    assert not desk.workflow.root.floating_links
    assert edits.reroutes_before(*desk.both, after) == [after, before]


def test_u076_a_chain_never_becomes_a_circle(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))

    assert edits.feed_reroute(*desk.both, first, "1", 0, parent=second) == ()
    assert edits.feed_reroute(*desk.both, second, "1", 0, parent=first) == ()


def test_u082_a_loose_chain_gets_another_source(desk):
    (before,) = _route(desk, "1", (1, 1))
    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    change = desk.do(edits.feed_reroute(*desk.both, before, "4", 0))

    assert _loose(desk) == {("4", "-1", 0, before)}
    assert before in change.reroutes


def test_u063_loose_chains_move_with_all_links_of_an_output(desk):
    (before,) = _route(desk, "1", (1, 1))
    desk.do(edits.connect(*desk.both, "1", 0, "5", 0))
    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    desk.do(edits.move_links(*desk.both, ["3"], "4", 0))

    assert _loose(desk) == {("4", "-1", 0, before)}
    assert ("4", "5", 0) in _runs(desk)


def test_u063_a_link_that_moves_alone_leaves_the_reroutes_it_shared(desk):
    shared, own = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.connect(*desk.both, "1", 0, "3", 1, parent=shared))

    desk.do(edits.move_links(*desk.both, ["1"], "4", 0))

    assert _runs(desk)[("4", "2", 0)] == (own,)
    assert _runs(desk)[("1", "3", 1)] == (shared,)


def test_u082_the_end_of_a_loose_chain_can_be_removed(desk):
    first, second = _route(desk, "1", (1, 1), (2, 2))
    desk.do(edits.remove_links(*desk.both, ["1"], keep="output"))

    desk.do(edits.remove_reroutes(*desk.both, [second]))
    assert _loose(desk) == {("1", "-1", 0, first)}
    assert desk.workflow.root.reroutes[first].get("floating") == {"slotType": "output"}
    desk.do(edits.remove_reroutes(*desk.both, [first]))

    assert not desk.workflow.root.floating_links


def test_u082_inside_a_subgraph_chains_hang_from_its_boxes():
    inner = subgraph(
        "s", [node(1, "Through", inputs=[{"name": "image", "type": "IMAGE", "link": 1}])],
        [(1, -10, 0, 1, 0), (2, 1, 0, -20, 0)], (("image", "IMAGE"),), (("IMAGE", "IMAGE"),),
    )  # fmt: skip
    raw = {"version": 0.4, "nodes": [node(9, "s")], "links": [],
           "definitions": {"subgraphs": [inner]}}  # fmt: skip
    desk = Desk(build_workflow(raw), _TYPES, graph_id="s")
    start = content(desk.workflow)
    (before,) = _route(desk, "1", (1, 1))
    (after,) = _route(desk, "2", (2, 2))

    desk.do(edits.remove_nodes(*desk.both, ["1"]))

    assert _loose(desk) == {("-10", "-1", 0, before), ("-1", "-20", 0, after)}
    desk.do(edits.feed_reroute(*desk.both, after, "-10", 0, parent=before))
    assert _runs(desk) == {("-10", "-20", 0): (before, after)}
    assert chain_problems(desk.workflow, "s") == []
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


def test_many_links_through_reroutes_are_removed_in_linear_time():
    import time

    def seconds(count):
        nodes = [node(1, "Source")] + [node(key, "Sink") for key in range(2, count + 2)]
        raw = {
            "version": 0.4, "nodes": nodes,
            "links": [[key, 1, 0, key, 0, "IMAGE"] for key in range(2, count + 2)],
            "extra": {
                "reroutes": [{"id": k, "pos": [0, 0], "linkIds": [k]} for k in range(2, count + 2)],
                "linkExtensions": [{"id": k, "parentId": k} for k in range(2, count + 2)],
            },
        }  # fmt: skip
        desk = Desk(build_workflow(raw), _TYPES)
        keys = [str(key) for key in range(2, count + 2)]
        before = time.process_time()
        edits.remove_nodes(*desk.both, keys)
        return time.process_time() - before

    seconds(50)
    few, many = min(seconds(300) for _ in range(3)), min(seconds(2400) for _ in range(3))
    assert many < 20 * max(few, 0.002), (few, many)
