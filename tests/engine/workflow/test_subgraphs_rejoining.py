"""Packing and unpacking where links are easily joined wrongly: growing inputs, shared inputs.

A prompt before and after has to be the same, in the way that the window applies edits.
"""

from __future__ import annotations

import pytest
from subgraph_tools import apply_as_window, inside, last_part, prompt_of, without
from workflow_tools import Desk, content, flow, node, out, read_sample, slot, subgraph

from app.engine.workflow.edits.subgraphs import create_subgraph, unpack_subgraph
from app.engine.workflow.model import Workflow


def _batch(places: list[int]) -> Workflow:
    """Return pictures (10, 11, ...) feeding a growing batch (2), which a view (3) shows."""
    pictures = [
        node(10 + i, "EmptyImage", outputs=[out("IMAGE", "IMAGE", (i + 1,))],
             widgets_values=[100 + i, 64, 1, 0])
        for i in range(len(places))
    ]  # fmt: skip
    inputs = [slot(f"images.image{place}", "IMAGE", i + 1) for i, place in enumerate(places)]
    batch = node(2, "BatchImagesNode", inputs=inputs, outputs=[out("IMAGE", "IMAGE", (90,))])
    view = node(3, "PreviewImage", inputs=[slot("images", "IMAGE", 90)])
    links = [[i + 1, 10 + i, 0, 2, i, "IMAGE"] for i in range(len(places))]
    return flow([*pictures, batch, view], [*links, [90, 2, 0, 3, 0, "IMAGE"]])


@pytest.mark.parametrize("places", [[0, 1, 2], [0, 5], [4, 1, 0], [3, 7]])
@pytest.mark.parametrize("packed", [["2"], ["2", "3"], ["10", "2", "3"], ["10"], ["11", "3"]])
def test_u194_growing_inputs_with_gaps_keep_their_links(places, packed):
    desk = Desk(_batch(places))
    start, before = content(desk.workflow), prompt_of(desk)

    patch, host = create_subgraph(*desk.both, packed)
    apply_as_window(desk, patch)
    assert prompt_of(desk, without(host)) == before
    apply_as_window(desk, unpack_subgraph(*desk.both, host)[0])
    assert prompt_of(desk) == before
    assert desk.differences() == []

    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


def _shared() -> Workflow:
    """Return a host (1) whose one input feeds a widget and then a plain socket inside."""
    inner = [
        node(5, "EmptyLatentImage", inputs=[slot("width", "INT", 1, widget={"name": "width"})],
             outputs=[out("LATENT", "LATENT")], widgets_values=[512, 512, 1]),
        node(6, "PreviewAny", inputs=[slot("source", "*", 2)]),
    ]  # fmt: skip
    definition = subgraph(
        "s", inner, [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)], inputs=(("width", "INT"),)
    )
    inputs = [slot("width", "INT", None, widget={"name": "width"})]
    host = node(1, "s", inputs=inputs, widgets_values=[768])
    return flow([host], definitions={"subgraphs": [definition]})


@pytest.mark.parametrize("packed", [["5"], ["6"], ["5", "6"]])
def test_u196_packing_behind_a_shared_input_keeps_the_widget_and_its_value(packed):
    desk = Desk(_shared())
    start, before = content(desk.workflow), prompt_of(desk, last_part)
    assert before["5"][1]["width"] == before["6"][1]["source"] == 768

    shown = inside(desk, "s")
    patch, host = create_subgraph(*shown.both, packed)
    apply_as_window(desk, patch)
    assert prompt_of(desk, last_part) == before
    assert [widget.value for widget in desk.bound.nodes["1"].widgets] == [768]

    apply_as_window(desk, unpack_subgraph(*inside(desk, "s").both, host)[0])
    assert prompt_of(desk, last_part) == before
    assert [widget.value for widget in desk.bound.nodes["1"].widgets] == [768]

    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


@pytest.mark.parametrize("packed", [["70"], ["71"], ["70", "71"]])
def test_u196_packing_widgets_that_an_older_file_promoted_keeps_the_values_of_hosts(packed):
    desk = Desk(read_sample("adv_proxy_widgets"))
    start, before = content(desk.workflow), prompt_of(desk, last_part)
    (kind,) = desk.workflow.subgraphs

    apply_as_window(desk, create_subgraph(*inside(desk, kind).both, packed)[0])

    assert prompt_of(desk, last_part) == before
    names = [item["name"] for item in desk.bound.nodes["2"].node.raw["inputs"]]
    assert len(names) == len(set(names))
    desk.undo()
    assert content(desk.workflow) == start


@pytest.mark.parametrize(("named", "origin"), [([2, 1], "6"), ([1, 2], "5"), ([2], "6"), ([], "5")])
def test_w047_of_two_links_into_an_output_the_one_it_names_first_counts(named, origin):
    inner = [
        node(5, "EmptyImage", outputs=[out("IMAGE", "IMAGE", (1,))]),
        node(6, "EmptyImage", outputs=[out("IMAGE", "IMAGE", (2,))]),
    ]
    definition = subgraph(
        "s", inner, [(1, 5, 0, -20, 0), (2, 6, 0, -20, 0)], outputs=(("IMAGE", "IMAGE"),)
    )
    definition["outputs"][0]["linkIds"] = named
    host = node(1, "s", outputs=[out("IMAGE", "IMAGE", (9,))])
    view = node(3, "PreviewImage", inputs=[slot("images", "IMAGE", 9)])
    desk = Desk(
        flow([host, view], [[9, 1, 0, 3, 0, "IMAGE"]], definitions={"subgraphs": [definition]})
    )

    assert prompt_of(desk)["3"][1]["images"] == ("link", f"1:{origin}", 0)
