"""Budgets of CPU time on large files; each is several times what was measured."""

from __future__ import annotations

import json
import time

import pytest
from workflow_tools import Desk, node, out, sample_definitions, sample_path, slot

from app.engine.workflow import edits
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import new_workflow, open_workflow, read_workflow
from app.engine.workflow.to_prompt import convert
from app.engine.workflow.writer import serialize, snapshot


def _best(action, rounds: int = 3) -> float:
    times = []
    for _ in range(rounds):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


@pytest.fixture(scope="module")
def samplers() -> str:
    """Return a file of 5,000 samplers in a chain, all slots stored."""
    desk = Desk(new_workflow())
    patch, key = edits.add_node(*desk.both, sample_definitions()["KSampler"], (0, 0))
    desk.do(patch)
    text = json.dumps(desk.workflow.root.nodes[key].raw)
    nodes = []
    for number in range(1, 5001):
        raw = json.loads(text)
        raw["id"] = number
        raw["inputs"][3]["link"] = number - 1 or None
        nodes.append(raw)
    links = [[n, n, 0, n + 1, 3, "LATENT"] for n in range(1, 5000)]
    return json.dumps({"version": 0.4, "nodes": nodes, "links": links})


def test_binding_5000_nodes_takes_at_most_400_ms():
    workflow = open_workflow(sample_path("adv_5000_nodes").with_suffix(".json.gz"))

    assert _best(lambda: bind_graph(workflow, workflow.root, sample_definitions())) < 0.4


def test_binding_5000_nodes_with_ten_slots_each_takes_at_most_400_ms(samplers):
    workflow = read_workflow(samplers)

    assert _best(lambda: bind_graph(workflow, workflow.root, sample_definitions())) < 0.4


def test_converting_5000_nodes_takes_at_most_800_ms(samplers):
    workflow = read_workflow(samplers)

    assert _best(lambda: convert(workflow, sample_definitions())) < 0.8


def test_one_widget_edit_among_5000_nodes_takes_at_most_200_us(samplers):
    desk = Desk(read_workflow(samplers))
    values = iter(range(1_000_000))

    def edit():
        for _ in range(100):
            desk.do(edits.set_widget(*desk.both, "2500", "seed", next(values)))

    assert _best(edit) / 100 < 0.0002


def test_a_snapshot_of_5000_nodes_keeps_the_window_fluent(samplers):
    workflow = read_workflow(samplers)

    assert _best(lambda: snapshot(workflow)) < 0.016


def test_removing_and_restoring_5000_nodes_is_linear(samplers):
    desk = Desk(read_workflow(samplers))
    before = serialize(snapshot(desk.workflow))

    started = time.process_time()
    desk.do(edits.remove_nodes(*desk.both, list(desk.bound.nodes)))
    assert desk.workflow.raw["nodes"] == []
    desk.undo()

    assert time.process_time() - started < 3.0
    assert serialize(snapshot(desk.workflow)) == before


def test_5000_reroutes_take_their_type_without_recursion():
    nodes = [
        node(n, "Reroute", inputs=[slot("", "*", n - 1 or None)], outputs=[out("")])
        for n in range(5000, 0, -1)
    ]
    nodes.append(node(5001, "VAEDecode", inputs=[slot("samples", "LATENT", 5000)]))
    links = [[n, n, 0, n + 1, 0, "*"] for n in range(1, 5001)]
    workflow = read_workflow(json.dumps({"version": 0.4, "nodes": nodes, "links": links}))

    started = time.process_time()
    bound = bind_graph(workflow, workflow.root, sample_definitions())

    assert {bound.nodes[str(n)].outputs[0].type for n in range(1, 5001)} == {"LATENT"}
    assert time.process_time() - started < 1.0


def test_500_levels_of_subgraphs_open_and_convert():
    subgraphs = [
        {"id": f"s{level}", "nodes": [node(1, f"s{level + 1}" if level < 499 else "VAEDecode")]}
        for level in range(500)
    ]
    raw = {"version": 0.4, "nodes": [node(1, "s0")], "definitions": {"subgraphs": subgraphs}}
    workflow = read_workflow(json.dumps(raw))

    prompt = convert(workflow, sample_definitions()).prompt

    assert list(prompt) == [":".join(["1"] * 501)]
