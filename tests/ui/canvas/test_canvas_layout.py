import json
from pathlib import Path

import pytest
from canvas_hands import TYPES, raw_node, raw_workflow
from PySide6.QtCore import QPointF, QRectF

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import read_workflow
from app.ui import theme
from app.ui.canvas import node_layout
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_item import new_node_size
from app.ui.canvas.node_layout import RowHeight

SIZES = json.loads(
    (Path(__file__).parents[2] / "data" / "look" / "node_sizes.json").read_text("utf-8")
)


@pytest.fixture
def widths(fonts):
    return node_fonts(theme.load_style("dark"))


@pytest.mark.parametrize("name", SIZES)
def test_least_height_is_that_of_the_reference(name):
    _, height, _, _, sockets, outputs, widgets, tall = SIZES[name]
    heights = [*tall, *[20.0] * (widgets - len(tall))]

    assert node_layout.body_height(sockets, outputs, heights) == height


@pytest.mark.parametrize(("text", "width"), [("KSampler", 63.9), ("Load Checkpoint", 112.2)])
def test_titles_are_measured_as_the_reference_measures_them(widths, text, width):
    assert widths.title_measure.width(text) == pytest.approx(width, rel=0.015)


def test_width_of_a_title_counts_its_margins(widths):
    title = widths.title_measure.width("CLIP Text Encode (Prompt)")

    width = node_layout.least_width(title, 20.0, 90.0, 20.0, has_widgets=True)

    assert width == pytest.approx(218.7, abs=1.5)


def bound(kind, **more):
    raw = raw_workflow([raw_node(1, kind, (0, 0), **more)])
    workflow = read_workflow(json.dumps(raw))
    return bind_graph(workflow, workflow.root, TYPES).nodes["1"]


def arrange(node, size, heights, names, **more):
    return node_layout.arrange_node(node, size, heights, names, **more)


def test_a_text_box_takes_all_the_free_height():
    node = bound("Prompt")

    layout = arrange(node, (400, 200), [RowHeight(50, None)], ["text"])

    assert layout.widgets == (QRectF(0, 26, 400, 174),)


def test_two_growing_rows_share_the_free_height_equally():
    node = bound("Prompt")
    heights = [RowHeight(50, None), RowHeight(20, 20), RowHeight(50, None)]

    layout = arrange(node, (400, 300), heights, ["a", "b", "c"])

    # 300 - 26 above - 24 for the fixed row = 250 for the two.
    assert [rect.height() for rect in layout.widgets] == [125, 20, 125]
    assert layout.widgets[-1].bottom() == 300


def test_a_row_stops_growing_at_its_greatest_height():
    heights = [RowHeight(20, 40), RowHeight(50, None)]

    layout = arrange(bound("Prompt"), (400, 300), heights, ["a", "b"])

    assert [rect.height() for rect in layout.widgets] == [40, 234]


def test_sockets_lie_in_rows_of_twenty():
    layout = arrange(bound("Sampler"), (240, 120), [RowHeight(20, 20)], ["steps"])

    assert layout.inputs[:2] == (QPointF(10, 14), QPointF(10, 34))
    assert layout.outputs == (QPointF(231, 14),)


def test_the_socket_of_a_widget_lies_beside_it():
    node = bound("Sampler")

    layout = arrange(node, (240, 120), [RowHeight(20, 20)], ["steps"])

    place = layout.inputs[node.input_index("steps")]
    assert place == QPointF(10, layout.widgets[0].top() + 10)


def test_all_links_of_a_collapsed_node_meet_at_its_ends():
    layout = arrange(bound("Sampler"), (240, 120), [], [], is_collapsed=True, title_width=54.66)

    assert layout.width == pytest.approx(114.66)
    assert set(map(QPointF.toTuple, layout.inputs)) == {(0.0, -15.0)}
    assert set(map(QPointF.toTuple, layout.outputs)) == {(layout.width, -15.0)}


def test_a_picture_takes_the_room_below_the_widgets():
    least = node_layout.least_height(bound("Filter"), [RowHeight(20, 20)], output_row=220.0)

    # Load Image of the reference: 70 without, 70 + 24 + 220 with a picture.
    assert least == 20 + 6 + 24 + 8 + 224


def test_new_nodes_with_widgets_start_wider(widths):
    assert new_node_size(TYPES["Filter"], widths) == (270.0, 58.0)


def test_new_nodes_with_a_text_box_start_large(widths):
    assert new_node_size(TYPES["Prompt"], widths) == (400.0, 200.0)


def test_new_nodes_without_widgets_start_at_their_least_size(widths):
    assert new_node_size(TYPES["Viewer"], widths) == (140.0, 26.0)
