"""Legacy group nodes turned into subgraphs on request (U-182, workflow-format 5)."""

from __future__ import annotations

import pytest
from subgraph_tools import DEFINITIONS, last_part, prompt_of
from workflow_tools import Desk, content, flow, node, out, read_sample, slot

from app.engine.workflow import edits
from app.engine.workflow.edits.subgraphs import convert_group_nodes, unpack_subgraph
from app.engine.workflow.reader import read_workflow


def _kinds_and_values(desk: Desk) -> list[tuple[object, list[tuple[str, object]]]]:
    """Return what runs, without ids and links."""
    return sorted(
        (kind, sorted((n, str(v)) for n, v in inputs.items() if not isinstance(v, tuple)))
        for kind, inputs in prompt_of(desk).values()
    )


def _links(desk: Desk) -> int:
    return sum(isinstance(v, tuple) for _, inputs in prompt_of(desk).values()
               for v in inputs.values())  # fmt: skip


def test_u182_the_sample_runs_the_same_and_opens_again():
    desk = Desk(read_sample("adv_group_node"))
    start = content(desk.workflow)
    before, links = _kinds_and_values(desk), _links(desk)

    desk.do(convert_group_nodes(*desk.both))

    assert _kinds_and_values(desk) == before
    assert _links(desk) == links
    assert "groupNodes" not in desk.workflow.root.extra
    assert desk.bound.nodes["10"].subgraph in desk.workflow.subgraphs
    assert [(w.name, w.value) for w in desk.bound.nodes["10"].widgets] == [("text", "from group")]
    assert desk.differences() == []
    again = Desk(read_workflow(content(desk.workflow)))
    assert prompt_of(again) == prompt_of(desk)
    desk.undo()
    assert content(desk.workflow) == start
    assert desk.differences() == []


def _flow(values: list[list[object]], kind: str = "Use seed"):
    inner = {
        "nodes": [
            {"type": kind, "index": 0, "pos": [0, 0], "size": [200, 80],
             "inputs": [slot("source", "IMAGE")], "outputs": [out("IMAGE", "IMAGE")],
             "widgets_values": [1, "fixed"]},
            {"type": "Use int", "index": 1, "pos": [300, 0], "size": [200, 80],
             "inputs": [slot("source", "IMAGE")], "outputs": [out("IMAGE", "IMAGE")],
             "widgets_values": [2]},
        ],
        "links": [[0, 0, 1, 0, 1, "IMAGE"]],
        "external": [],
    }  # fmt: skip
    nodes = [node(1, "Load", outputs=[out("IMAGE", "IMAGE", (1,)), out("INT", "INT")])]
    links = []
    for index, stored in enumerate(values):
        number = 10 + index
        nodes.append(
            node(number, "workflow>G", inputs=[slot("source", "IMAGE", number)],
                 outputs=[out("IMAGE", "IMAGE")], widgets_values=stored)
        )  # fmt: skip
        links.append([number, 1, 0, number, 0, "IMAGE"])
    return flow(nodes, links, extra={"groupNodes": {"G": inner, "Unused": inner}, "more": 1})


def test_u182_instances_share_a_definition_and_keep_their_values():
    desk = Desk(_flow([[7, "fixed", 8], [17, "fixed", 18]]), DEFINITIONS)
    before = _kinds_and_values(desk)

    desk.do(convert_group_nodes(*desk.both))

    assert len(desk.workflow.subgraphs) == 1
    assert [[w.value for w in desk.bound.nodes[key].widgets] for key in ("10", "11")] == [
        [7, 8], [17, 18],
    ]  # fmt: skip
    assert _kinds_and_values(desk) == before
    assert list(desk.workflow.root.extra["groupNodes"]) == ["Unused"]
    ids = [key for graph in desk.workflow.graphs() for key in graph.nodes]
    assert len(ids) == len(set(ids))


def test_u182_instances_with_other_seed_controls_get_definitions_of_their_own():
    desk = Desk(_flow([[7, "fixed", 8], [17, "randomize", 18]]), DEFINITIONS)

    desk.do(convert_group_nodes(*desk.both))

    assert len(desk.workflow.subgraphs) == 2
    controls = {
        graph.nodes[next(iter(graph.nodes))].raw["widgets_values"][1]
        for graph in desk.workflow.subgraphs.values()
    }
    assert controls == {"fixed", "randomize"}


def test_u182_a_group_inside_a_group_is_converted_too():
    workflow = _flow([[7, "fixed", 8]])
    extra = workflow.raw["extra"]
    extra["groupNodes"]["Outer"] = {
        "nodes": [{"type": "workflow>G", "index": 0, "inputs": [slot("source", "IMAGE")],
                   "outputs": [out("IMAGE", "IMAGE")], "widgets_values": [70, "fixed", 80]}],
        "links": [],
        "external": [],
    }  # fmt: skip
    workflow.raw["nodes"].append(node(30, "workflow>Outer", inputs=[slot("source", "IMAGE")]))
    desk = Desk(read_workflow(content(workflow)), DEFINITIONS)
    before = _kinds_and_values(desk)

    desk.do(convert_group_nodes(*desk.both))

    assert _kinds_and_values(desk) == before
    assert not any(
        n.type.startswith("workflow") for g in desk.workflow.graphs() for n in g.nodes.values()
    )


def test_u182_unpacking_an_instance_gives_plain_nodes():
    desk = Desk(_flow([[7, "fixed", 8], [17, "fixed", 18]]), DEFINITIONS)
    before = _kinds_and_values(desk)
    start = content(desk.workflow)

    patch, nodes, _ = unpack_subgraph(*desk.both, "10")
    desk.do(patch)

    assert [desk.bound.nodes[key].node.type for key in nodes] == ["Use seed", "Use int"]
    assert _kinds_and_values(desk) == before
    desk.undo()
    assert content(desk.workflow) == start


def test_a_document_without_group_nodes_is_left_alone():
    desk = Desk(flow([node(1, "Load")]), DEFINITIONS)

    assert convert_group_nodes(*desk.both) == ()


@pytest.mark.parametrize("value", [None, 5, {"G": None}, {"G": {"nodes": "x"}}])
def test_damaged_group_nodes_are_left_alone(value):
    desk = Desk(flow([node(1, "workflow>G")], extra={"groupNodes": value}), DEFINITIONS)

    assert convert_group_nodes(*desk.both) == ()


def test_values_set_before_the_conversion_come_along():
    desk = Desk(_flow([[7, "fixed", 8]]), DEFINITIONS)
    desk.do(edits.set_widget(*desk.both, "10", desk.bound.nodes["10"].widgets[0].name, 99))

    desk.do(convert_group_nodes(*desk.both))

    assert 99 in [i.get("value") for _, i in prompt_of(desk, last_part).values()]
