import pytest
from canvas_hands import ALT, CTRL, SHIFT, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt

EMPTY = QPointF(500, 600)


@pytest.fixture
def loose(make_canvas):
    """A loader, two filters and a sampler without links."""
    return make_canvas(
        raw_workflow(
            [
                raw_node(1, "Loader", (60, 80), values=["a.png"]),
                raw_node(2, "Filter", (400, 80), values=[4]),
                raw_node(3, "Filter", (400, 300), values=[4]),
                raw_node(4, "Sampler", (760, 80), values=[20]),
            ]
        )
    )


def test_u060_dragging_from_an_output_to_an_input_links(loose):
    loose.drag(loose.output(1, 1), loose.input(2))

    assert loose.links() == [("1", 1, "2", 0)]
    assert loose.steps() == 1


def test_u060_the_label_of_an_output_is_part_of_it(loose):
    loose.drag(loose.output(1, 1) - QPointF(35, 0), loose.input(2) + QPointF(25, 0))

    assert loose.links() == [("1", 1, "2", 0)]


def test_u061_dragging_from_an_input_to_an_output_links(loose):
    loose.drag(loose.input(4, 1), loose.output(2))

    assert loose.links() == [("2", 0, "4", 1)]


def test_u062_taking_a_link_off_and_dropping_it_on_nothing_removes_it(canvas):
    canvas.drag(canvas.input(2), EMPTY)

    assert canvas.links() == [("2", 0, "3", 0)]
    assert canvas.steps() == 1


def test_u062_a_click_on_a_connected_input_leaves_the_link(canvas):
    before = canvas.links()

    canvas.click(canvas.input(2))

    assert canvas.links() == before
    assert canvas.steps() == 0


def test_u062_moving_the_end_of_a_link_is_one_step(canvas):
    before = canvas.file()

    canvas.drag(canvas.input(3), canvas.input(2))
    canvas.undo()

    assert canvas.file() == before


def test_u062_the_end_of_a_link_can_be_put_on_another_input(loose):
    loose.drag(loose.output(1, 1), loose.input(2))

    loose.drag(loose.input(2), loose.input(3))

    assert loose.links() == [("1", 1, "3", 0)]
    assert loose.steps() == 2


def test_u062_putting_a_link_back_where_it_was_is_no_edit(canvas):
    start = canvas.input(2)

    canvas.drag(start, start + QPointF(60, 40), release=False)
    canvas.move(start)
    canvas.release(start)

    assert canvas.steps() == 0


def test_u062_shift_starts_a_second_link_from_the_same_source(loose):
    loose.drag(loose.output(1, 1), loose.input(2))

    loose.drag(loose.input(2), loose.input(3), modifiers=SHIFT)

    assert loose.links() == [("1", 1, "2", 0), ("1", 1, "3", 0)]


def test_u063_shift_moves_all_links_of_an_output(loose):
    loose.drag(loose.output(1, 1), loose.input(2))
    loose.drag(loose.output(1, 1), loose.input(4, 1))

    loose.drag(loose.output(1, 1), loose.output(3), modifiers=SHIFT)

    assert loose.links() == [("3", 0, "2", 0), ("3", 0, "4", 1)]


def test_u064_ctrl_alt_click_cuts_all_links_of_a_socket(canvas):
    canvas.click(canvas.output(1, 1), modifiers=CTRL | ALT)

    assert canvas.links() == [("2", 0, "3", 0)]


def test_u067_a_drop_on_a_node_takes_the_first_socket_that_fits(loose):
    body = loose.pixel(loose.item(4).pos() + QPointF(200, 100))

    loose.drag(loose.output(1, 1), body)

    assert loose.links() == [("1", 1, "4", 1)]


def test_u068_a_drop_on_a_widget_links_its_input(make_canvas):
    from app.ui.canvas.hover import Under

    canvas = make_canvas(
        raw_workflow(
            [raw_node(1, "Prompt", (60, 80), (240, 120)), raw_node(2, "Prompt", (460, 80))]
        )
    )
    canvas.bound.nodes["1"].outputs[0].type = "STRING"
    assert canvas.view.pick(canvas.row(2, "text")).under is Under.WIDGET

    canvas.drag(canvas.output(1), canvas.row(2, "text"))

    target = canvas.bound.nodes["2"]
    assert canvas.links() == [("1", 0, "2", target.input_index("text"))]
    assert target.widget("text").is_linked


def test_u069_types_that_differ_are_refused_with_a_reason(loose, qtbot):
    with qtbot.waitSignal(loose.view.refused) as told:
        loose.drag(loose.output(1, 0), loose.input(2))

    assert "MODEL" in told.args[0]
    assert "IMAGE" in told.args[0]
    assert loose.links() == []
    assert loose.steps() == 0


def test_u070_a_link_that_would_close_a_loop_is_refused(loose, qtbot):
    loose.drag(loose.output(2), loose.input(3))

    with qtbot.waitSignal(loose.view.refused) as told:
        loose.drag(loose.output(3), loose.input(2))

    assert "cycle" in told.args[0]
    assert loose.links() == [("2", 0, "3", 0)]


def test_u069_a_node_cannot_feed_itself(loose, qtbot):
    with qtbot.waitSignal(loose.view.refused):
        loose.drag(loose.output(2), loose.input(2))

    assert loose.links() == []


def test_u069_only_sockets_that_fit_are_offered_while_dragging(loose):
    offered = {}
    loose.drag(loose.output(1, 1), EMPTY, release=False)
    for key, item in loose.scene.nodes.items():
        offered[key] = loose.scene.offer_of(item).inputs
    loose.key(Qt.Key.Key_Escape)

    image = {"2": 0, "3": 0, "4": 1}
    assert all(index in offered[key] for key, index in image.items())
    assert 0 not in offered["4"]
    assert offered["1"] == frozenset()


def test_escape_puts_a_lifted_link_back(canvas):
    before = canvas.file()
    canvas.drag(canvas.input(2), EMPTY, release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert canvas.file() == before
    assert canvas.steps() == 0
    assert canvas.scene.links.item.has_link("1")


def test_u035_a_link_dropped_on_empty_canvas_asks_for_a_node(loose, qtbot):
    with qtbot.waitSignal(loose.view.link_dropped_on_empty) as asked:
        loose.drag(loose.output(1, 1), EMPTY)

    link, place = asked.args
    assert (link.node, link.slot, link.is_output, link.type) == ("1", 1, True, "IMAGE")
    assert place == loose.view.navigator.to_scene(EMPTY)
    assert loose.steps() == 0


def test_u035_the_added_node_is_linked_in_the_same_step(loose, qtbot):
    from canvas_hands import TYPES

    with qtbot.waitSignal(loose.view.link_dropped_on_empty) as asked:
        loose.drag(loose.output(1, 1), EMPTY)
    before = loose.file()

    key = loose.view.actions.add_node(TYPES["Viewer"], asked.args[1], asked.args[0])

    assert loose.links() == [("1", 1, key, 0)]
    loose.undo()
    assert loose.file() == before


def test_u075_alt_click_on_a_link_puts_a_reroute_there(canvas):
    start = canvas.scene.links.item.curves("1")[0][:2]
    end = canvas.scene.links.item.curves("1")[0][6:]
    middle = QPointF((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)

    canvas.drag(canvas.pixel(middle), canvas.pixel(middle + QPointF(0, 80)), modifiers=ALT)

    (key,) = canvas.document.graph.reroutes
    assert canvas.document.graph.reroutes[key].pos == pytest.approx(
        (middle + QPointF(0, 80)).toTuple()
    )
    assert canvas.bound.links["1"].reroutes == (key,)
    assert canvas.steps() == 1


def test_u076_a_reroute_can_be_dragged(canvas):
    from app.engine.workflow import edits

    document = canvas.document
    patch, key = edits.add_reroute(document.workflow, document.bound, "1", (350.0, 300.0))
    document.apply(patch, "Add reroute")

    canvas.drag(canvas.pixel((350, 300)), canvas.pixel((360, 340)))

    assert document.graph.reroutes[key].pos == (360, 340)


def test_links_follow_a_node_that_moves(canvas):
    canvas.drag(canvas.title(2), canvas.title(2) + QPointF(0, 100))

    end = canvas.scene.links.item.curves("1")[0][6:]
    assert end == canvas.item(2).link_end(0, is_output=False)
    assert end[1] == 80 + 100 + 14
