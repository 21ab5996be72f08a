"""The strips at both ends of a subgraph, with real mouse and key events (U-195, U-196)."""

from __future__ import annotations

import pytest
from canvas_hands import ALT, CTRL, NONE, RIGHT, SHIFT, Canvas, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest

from app.engine.workflow import edits
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.edits.packing import create_subgraph
from app.ui import theme
from app.ui.canvas import strips
from app.ui.canvas.detail import Detail
from app.ui.canvas.hints import hint_for
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions.connect import LooseLink

TWO = raw_workflow(
    [
        raw_node(1, "Loader", (60, 80), values=["a.png"]),
        raw_node(2, "Filter", (400, 80), values=[4]),
        raw_node(4, "Filter", (400, 380), values=[6]),
        raw_node(3, "Viewer", (740, 80), (160, 60)),
    ],
    [(1, 1, 2, 0, "IMAGE"), (2, 0, 3, 0, "IMAGE")],
)


@pytest.fixture
def inside(make_canvas) -> Canvas:
    """The inside of a subgraph: two filters, of which the upper one is linked to both strips."""
    canvas = make_canvas(TWO)
    document = canvas.document
    patch, key = create_subgraph(document.workflow, document.bound, ["2", "4"], name="Inner")
    document.apply(patch, "Convert")
    canvas.host = key
    document.enter(key)
    canvas.view.actions.fit(animate=False)
    canvas.view.set_zoom(1.0)
    return canvas


def slot(canvas, key, index):
    """A pixel on the dot of a strip's slot."""
    item = canvas.item(key)
    is_input = strips.is_input_strip(item.node)
    return canvas.pixel(item.output_place(index) if is_input else item.input_place(index))


def new_slot(canvas, key):
    """A pixel on the dot of the empty slot."""
    return slot(canvas, key, strips.slot_count(canvas.item(key).node))


def labels(canvas, key):
    return strips.labels_of(canvas.bound.nodes[key])


def host(canvas):
    """The host as it is bound one level up."""
    canvas.document.show_level(0)
    node = canvas.bound.nodes[canvas.host]
    canvas.document.enter(canvas.host)
    return node


def test_look_12_a_strip_is_as_the_file_says_and_at_least_a_hundred_wide(inside):
    item = inside.item("-10")
    assert item.local_outline.topLeft() == QPointF(0, 0)
    assert item.size[0] >= 100
    assert item.size[1] == 2 * 10 + 2 * 20
    x, y = item.pos().toTuple()
    # The place that the file stores for a slot, and an empty slot after the last one.
    stored = inside.file()["definitions"]["subgraphs"][0]["inputs"][0]["pos"]
    assert item.output_place(0) == QPointF(*stored)
    assert item.output_place(1) == QPointF(x + item.size[0] - 20, y + 40)
    ends = inside.item("-20")
    assert ends.input_place(0) == ends.pos() + QPointF(20, 20)


def test_look_12_a_long_label_makes_the_strip_wider(inside):
    before = inside.item("-20").size[0]
    document = inside.document
    words = "A label of many more words than fit"
    document.apply(subgraphs.rename_output(document.workflow, document.bound, 0, words), "Rename")
    item = inside.item("-20")
    assert before < item.size[0] <= 260
    assert item.link_end(0, is_output=False) == (item.x(), item.y() + 20)


@pytest.mark.parametrize("name", ["dark", "light"])
def test_look_12_the_line_at_the_inner_side_is_painted(inside, name):
    inside.view.set_style(theme.load_style(name))
    inside.view.actions.select_none()
    inside.qtbot.waitUntil(lambda: not any(item.is_stale for item in inside.scene.nodes.values()))
    picture = inside.view.grab().toImage()
    style = inside.view.theme

    def lightness_at(key, x):
        """The lightness of the pixels around a place half way down a strip."""
        item = inside.item(key)
        place = inside.pixel(item.pos() + QPointF(x, item.size[1] / 2)).toPoint()
        return [QColor(picture.pixel(place.x() + dx, place.y())).lightness() for dx in (-1, 0, 1)]

    wide = inside.item("-10").size[0]
    line, body = (style.color(f"node.{part}").lightness() for part in ("titleText", "body"))
    for found in (lightness_at("-10", wide - 1.0), lightness_at("-20", 1.0)):
        assert min(abs(light - line) for light in found) < 40
    for found in (lightness_at("-10", 5.0), lightness_at("-20", inside.item("-20").size[0] - 5.0)):
        assert max(abs(light - body) for light in found) < 12


def test_u_195_a_drag_from_the_empty_slot_to_a_socket_makes_an_input(inside):
    count = inside.steps()
    inside.drag(new_slot(inside, "-10"), inside.input("4"))
    assert labels(inside, "-10") == ["image", "image_1"]
    assert ("-10", 1, "4", 0) in inside.links()
    assert [item.type for item in host(inside).inputs] == ["IMAGE", "IMAGE"]
    assert inside.steps() == count + 1
    inside.undo()
    assert labels(inside, "-10") == ["image"]


def test_u_195_a_drag_from_an_output_to_the_empty_slot_makes_an_output(inside):
    inside.drag(inside.output("4"), new_slot(inside, "-20"))
    assert labels(inside, "-20") == ["IMAGE", "IMAGE_1"]
    assert [item.type for item in host(inside).outputs] == ["IMAGE", "IMAGE"]
    inside.undo()
    assert labels(inside, "-20") == ["IMAGE"]


def test_u_195_a_drag_from_a_socket_to_the_empty_slot_makes_an_input(inside):
    inside.drag(inside.input("4"), new_slot(inside, "-10"))
    assert labels(inside, "-10") == ["image", "image_1"]
    assert ("-10", 1, "4", 0) in inside.links()


def test_u_195_the_empty_slot_can_be_dragged_backwards_to_an_output(inside):
    inside.drag(new_slot(inside, "-20"), inside.output("4"))
    assert labels(inside, "-20") == ["IMAGE", "IMAGE_1"]


def test_u_195_anywhere_on_a_strip_but_a_slot_means_the_empty_one(inside):
    item = inside.item("-20")
    edge = inside.pixel(item.pos() + QPointF(item.size[0] - 4, 20))
    inside.drag(inside.output("4"), edge)
    assert labels(inside, "-20") == ["IMAGE", "IMAGE_1"]


def test_u_195_slots_that_are_there_are_linked_like_sockets(inside):
    inside.drag(slot(inside, "-10", 0), inside.input("4"))
    assert ("-10", 0, "4", 0) in inside.links()
    inside.drag(inside.output("4"), slot(inside, "-20", 0))
    assert ("4", 0, "-20", 0) in inside.links()
    assert ("2", 0, "-20", 0) not in inside.links()
    assert labels(inside, "-10") == ["image"]
    assert labels(inside, "-20") == ["IMAGE"]


def test_u_195_an_input_can_be_led_straight_to_an_output(inside):
    inside.drag(slot(inside, "-10", 0), new_slot(inside, "-20"))
    assert ("-10", 0, "-20", 1) in inside.links()
    assert [item.type for item in host(inside).outputs] == ["IMAGE", "IMAGE"]


def test_u_195_two_empty_slots_cannot_be_linked_and_the_reason_is_said(inside):
    said = []
    inside.view.refused.connect(said.append)
    count = inside.steps()
    inside.drag(new_slot(inside, "-10"), new_slot(inside, "-20"))
    assert said == ["One end must be a socket that is there already"]
    assert inside.steps() == count


def test_u_195_the_empty_slot_dropped_on_nothing_leaves_nothing(inside):
    dropped = []
    inside.view.link_dropped_on_empty.connect(lambda *_: dropped.append(1))
    count = inside.steps()
    start = new_slot(inside, "-10")
    inside.drag(start, start + QPointF(40, 300))
    assert not dropped
    assert inside.steps() == count
    assert labels(inside, "-10") == ["image"]


def test_a_slot_dropped_on_nothing_asks_for_a_node(inside):
    dropped = []
    inside.view.link_dropped_on_empty.connect(lambda loose, _: dropped.append(loose))
    start = slot(inside, "-10", 0)
    inside.drag(start, start + QPointF(40, 300))
    assert dropped == [LooseLink("-10", 0, True, "IMAGE")]
    inside.view.clear_loose_link()


def test_u_195_a_link_taken_off_a_strip_is_moved_to_its_empty_slot(inside):
    inside.drag(slot(inside, "-20", 0), new_slot(inside, "-20"))
    assert inside.links() == [("-10", 0, "2", 0), ("2", 0, "-20", 1)]
    assert labels(inside, "-20") == ["IMAGE", "IMAGE_1"]
    inside.undo()
    assert ("2", 0, "-20", 0) in inside.links()
    assert labels(inside, "-20") == ["IMAGE"]


def test_u_063_shift_drags_all_links_of_an_input_to_the_empty_slot(inside):
    inside.drag(slot(inside, "-10", 0), inside.input("4"))
    count = inside.steps()
    inside.drag(slot(inside, "-10", 0), new_slot(inside, "-10"), modifiers=SHIFT)
    moved = [link for link in inside.links() if link[0] == "-10"]
    assert moved == [("-10", 1, "2", 0), ("-10", 1, "4", 0)]
    assert inside.steps() == count + 1
    inside.undo()
    assert labels(inside, "-10") == ["image"]


def test_u_196_a_widget_dragged_to_the_input_strip_is_promoted(inside):
    item = inside.item("2")
    index = item.node.input_index("radius")
    inside.drag(inside.pixel(item.input_place(index)), new_slot(inside, "-10"))
    assert labels(inside, "-10") == ["image", "radius"]
    widget = host(inside).widget("radius")
    assert (widget.value, widget.type) == (4, "INT")


def test_u_196_moving_the_link_of_a_promoted_widget_keeps_the_value_of_the_host(inside):
    document = inside.document
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")]), "Promote"
    )
    document.show_level(0)
    document.apply(
        edits.set_widget(document.workflow, document.bound, inside.host, "radius", 9), "Set"
    )
    document.enter(inside.host)
    item = inside.item("2")
    start = inside.pixel(item.input_place(item.node.input_index("radius")))
    # A widget that is linked takes the drag at its dot alone.
    inside.drag(start, inside.row("4", "radius"))
    assert ("-10", 1, "4", 1) in inside.links()
    assert host(inside).widget("radius").value == 9
    inside.undo()
    assert host(inside).widget("radius").value == 9


def test_u_195_a_double_click_on_a_slot_opens_its_name(inside):
    for key, start in (("-10", "Picture"), ("-20", "Result")):
        inside.double_click(slot(inside, key, 0))
        editor = inside.view.editors.editor
        assert editor is not None
        QTest.keyClicks(inside.view.viewport(), start)
        inside.key(Qt.Key.Key_Return)
        assert labels(inside, key) == [start]
    # The link of the output stays, though a double-click takes off those of other inputs.
    assert ("2", 0, "-20", 0) in inside.links()
    assert [item.label for item in host(inside).inputs] == ["Picture"]


def test_a_name_that_undo_took_away_is_not_given_to_another_slot(inside):
    inside.drag(inside.output("4"), new_slot(inside, "-20"))
    inside.double_click(slot(inside, "-20", 1))
    QTest.keyClicks(inside.view.viewport(), "Lost")
    inside.undo()
    inside.view.editors.commit()
    assert labels(inside, "-20") == ["IMAGE"]


def test_u_195_the_keyboard_walks_renames_moves_and_removes_slots(inside):
    inside.drag(inside.input("4"), new_slot(inside, "-10"))
    inside.click(slot(inside, "-10", 0))
    assert inside.view.slots.focused == ("-10", 0)
    inside.key(Qt.Key.Key_Down)
    assert inside.view.slots.focused == ("-10", 1)
    inside.key(Qt.Key.Key_Up, ALT)
    assert labels(inside, "-10") == ["image_1", "image"]
    assert inside.view.slots.focused == ("-10", 0)
    inside.key(Qt.Key.Key_Return)
    QTest.keyClicks(inside.view.viewport(), "Second")
    inside.key(Qt.Key.Key_Return)
    assert labels(inside, "-10") == ["Second", "image"]
    inside.view.slots._focus("-10", 0)
    inside.key(Qt.Key.Key_Delete)
    assert labels(inside, "-10") == ["image"]
    inside.key(Qt.Key.Key_Escape)
    assert inside.view.slots.focused is None
    for _ in range(3):
        inside.undo()
    assert labels(inside, "-10") == ["image", "image_1"]


def test_tab_walks_the_slots_of_a_selected_strip(inside):
    inside.view.actions.select_pressed("-10")
    assert inside.view.editors.walk(True)
    assert inside.view.slots.focused == ("-10", 0)
    assert inside.view.editors.walk(True)
    assert inside.view.slots.focused == ("-10", 1)
    assert not inside.view.editors.walk(True)
    assert inside.view.slots.focused is None


def test_arrows_move_a_strip_while_no_slot_has_the_keyboard(inside):
    inside.view.actions.select_pressed("-10")
    start = inside.item("-10").x()
    inside.key(Qt.Key.Key_Right)
    assert inside.item("-10").x() == start + 10


def test_a_strip_is_moved_by_its_body_and_has_no_corner_to_resize(inside):
    item = inside.item("-10")
    start = item.pos()
    body = inside.pixel(start + QPointF(8, 4))
    inside.drag(body, body + QPointF(-50, 30))
    assert inside.item("-10").pos() == start + QPointF(-50, 30)
    corner = inside.pixel(inside.item("-20").pos() + QPointF(*inside.item("-20").size))
    assert inside.view.pick(corner - QPointF(3, 3)).under is Under.BODY


def test_hover_tells_what_the_empty_slot_is_for_and_lights_the_side(inside):
    inside.move(new_slot(inside, "-10"), Qt.MouseButton.NoButton)
    hit = inside.scene.pointer.hover
    assert (hit.under, hit.key, hit.index) == (Under.NEW_SLOT, "-10", 1)
    assert "Drag from here" in hint_for(inside.scene, hit)
    assert "rename" in hint_for(inside.scene, Hit(Under.INPUT, "-20", 0))
    inside.qtbot.waitUntil(lambda: inside.scene.pointer.rested == "-10")
    assert inside.scene._view_of(inside.item("-10"), Detail.FULL, 1.0).is_hovered
    assert not inside.scene._view_of(inside.item("-20"), Detail.FULL, 1.0).is_hovered
    assert inside.view.viewport().cursor().shape() == Qt.CursorShape.CrossCursor


def test_a_dragged_link_shows_which_slots_would_take_it(inside):
    document = inside.document
    document.apply(
        subgraphs.promote(document.workflow, document.bound, [("2", "radius")]), "Promote"
    )
    start = inside.output("4")
    inside.drag(start, start + QPointF(60, 0), release=False)
    assert inside.scene.offer_of(inside.item("-20")).inputs == {0, 1}
    assert inside.scene.offer_of(inside.item("-10")).outputs == frozenset()
    inside.key(Qt.Key.Key_Escape)
    start = inside.input("4")
    inside.drag(start, start - QPointF(60, 0), release=False)
    # The image and the empty slot, but not the radius.
    assert inside.scene.offer_of(inside.item("-10")).outputs == {0, 2}
    inside.release(start)


def test_ctrl_alt_click_cuts_the_links_of_a_slot(inside):
    inside.click(slot(inside, "-20", 0), modifiers=CTRL | ALT)
    assert ("2", 0, "-20", 0) not in inside.links()


def test_hand_mode_leaves_slots_alone(inside):
    inside.view.set_hand_mode(True)
    count = inside.steps()
    inside.drag(new_slot(inside, "-10"), inside.input("4"))
    inside.double_click(slot(inside, "-20", 0))
    assert inside.steps() == count
    assert inside.view.editors.editor is None


def test_the_menu_of_a_slot_is_asked_for(inside):
    asked = []
    inside.view.context_menu_requested.connect(lambda hit, *_: asked.append(hit))
    for place in (slot(inside, "-20", 0), new_slot(inside, "-20")):
        QTest.mouseClick(inside.view.viewport(), RIGHT, NONE, place.toPoint())
        hit = inside.view.pick(place)
        inside.view.context_menu_requested.emit(hit, QPointF(), place.toPoint())
    assert [(hit.under, hit.index) for hit in asked] == [(Under.INPUT, 0), (Under.NEW_SLOT, 1)]
