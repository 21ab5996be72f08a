import pytest
from canvas_hands import ALT, CTRL, NONE, SHIFT, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from app.ui.canvas.selection import Selection


def selected(canvas):
    return set(canvas.scene.selection.nodes)


def test_u100_a_click_selects_one_node(canvas):
    canvas.click(canvas.title(1))
    canvas.click(canvas.title(2))

    assert selected(canvas) == {"2"}


def test_u100_a_click_on_empty_canvas_clears(canvas):
    canvas.click(canvas.title(1))

    canvas.click(QPointF(500, 600))

    assert selected(canvas) == set()


def test_u100_selecting_is_no_edit(canvas):
    canvas.click(canvas.title(1))

    assert canvas.steps() == 0
    assert not canvas.document.is_modified


@pytest.mark.parametrize("modifiers", [CTRL, SHIFT])
def test_u101_a_click_with_a_modifier_toggles(canvas, modifiers):
    canvas.click(canvas.title(1))

    canvas.click(canvas.title(2), modifiers=modifiers)
    assert selected(canvas) == {"1", "2"}

    canvas.click(canvas.title(1), modifiers=modifiers)
    assert selected(canvas) == {"2"}


def test_u101_ctrl_click_on_empty_canvas_keeps_the_selection(canvas):
    canvas.click(canvas.title(1))

    canvas.click(QPointF(500, 600), modifiers=CTRL)

    assert selected(canvas) == {"1"}


def test_u102_a_marquee_selects_what_it_touches(canvas):
    canvas.drag(QPointF(20, 20), canvas.title(2), modifiers=CTRL)

    assert selected(canvas) == {"1", "2"}


def test_u102_a_marquee_with_shift_adds(canvas):
    canvas.click(canvas.title(3))

    canvas.drag(QPointF(20, 20), canvas.title(1), modifiers=CTRL | SHIFT)

    assert selected(canvas) == {"1", "3"}


def test_u102_alt_during_a_marquee_takes_away(canvas):
    canvas.view.actions.select_all()
    canvas.drag(QPointF(20, 20), QPointF(80, 60), modifiers=CTRL, release=False)

    canvas.move(canvas.title(1), modifiers=CTRL | ALT)
    canvas.release(canvas.title(1), modifiers=CTRL | ALT)

    assert selected(canvas) == {"2", "3"}


def test_u102_escape_brings_the_old_selection_back(canvas):
    canvas.click(canvas.title(3))
    canvas.drag(QPointF(20, 20), canvas.title(2), modifiers=CTRL, release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert selected(canvas) == {"3"}


def test_u104_select_all(canvas):
    canvas.view.actions.select_all()

    assert selected(canvas) == {"1", "2", "3"}


def test_u107_dragging_a_title_moves_the_node_exactly(canvas):
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(33, -21))

    assert canvas.bound.nodes["2"].node.pos == (433, 59)
    assert canvas.steps() == 1


def test_u107_the_whole_selection_moves(canvas):
    canvas.view.actions.select_all()
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(10, 20))

    assert [canvas.bound.nodes[key].node.pos for key in "123"] == [
        (70, 100),
        (410, 100),
        (750, 100),
    ]
    assert canvas.steps() == 1


def test_u107_dragging_a_node_that_is_not_selected_moves_it_alone(canvas):
    canvas.click(canvas.title(1))
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(50, 0))

    assert canvas.bound.nodes["1"].node.pos == (60, 80)
    assert canvas.bound.nodes["2"].node.pos == (450, 80)


def test_u107_at_a_smaller_scale_the_node_still_follows_the_pointer(canvas):
    canvas.view.navigator.set_state(0.5, QPointF(100, 100))
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(50, 10))

    assert canvas.bound.nodes["2"].node.pos == (500, 100)


def test_u107_a_pinned_node_stays(canvas):
    canvas.click(canvas.title(1))
    canvas.view.actions.pin()
    canvas.view.actions.select_all()
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(50, 0))

    assert canvas.bound.nodes["1"].node.pos == (60, 80)
    assert canvas.bound.nodes["3"].node.pos == (790, 80)


def test_one_undo_reverts_a_whole_drag(canvas):
    before = canvas.file()
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(120, 90), steps=20)

    canvas.undo()

    assert canvas.file() == before
    assert canvas.item(2).pos() == QPointF(400, 80)


def test_escape_during_a_drag_leaves_no_trace(canvas):
    before = canvas.file()
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(120, 90), release=False)

    canvas.key(Qt.Key.Key_Escape)
    canvas.release(start + QPointF(120, 90))

    assert canvas.item(2).pos() == QPointF(400, 80)
    assert canvas.steps() == 0
    assert canvas.file() == before


@pytest.mark.parametrize(
    ("key", "modifiers", "expected"),
    [
        (Qt.Key.Key_Right, NONE, (410, 80)),
        (Qt.Key.Key_Up, SHIFT, (400, 30)),
        (Qt.Key.Key_Left, ALT, (399, 80)),
    ],
)
def test_u108_arrow_keys_nudge(canvas, key, modifiers, expected):
    canvas.click(canvas.title(2))

    canvas.key(key, modifiers)

    assert canvas.bound.nodes["2"].node.pos == expected


def test_u108_nudges_in_a_row_are_one_step(canvas):
    canvas.click(canvas.title(2))

    for _ in range(5):
        canvas.key(Qt.Key.Key_Right)

    assert canvas.bound.nodes["2"].node.pos == (450, 80)
    assert canvas.steps() == 1


def test_u108_a_nudge_there_and_back_leaves_no_step(canvas):
    canvas.click(canvas.title(2))

    canvas.key(Qt.Key.Key_Right)
    canvas.key(Qt.Key.Key_Left)

    assert canvas.steps() == 0


def test_u109_moving_less_than_six_pixels_is_a_click(canvas):
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(5, 3))

    assert canvas.bound.nodes["2"].node.pos == (400, 80)
    assert selected(canvas) == {"2"}
    assert canvas.steps() == 0


def test_u110_shift_snaps_while_moving(canvas):
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(33, 18), modifiers=NONE, release=False)

    canvas.move(start + QPointF(33, 18), modifiers=SHIFT)

    assert canvas.item(2).pos() == QPointF(430, 100)


def test_u110_snapping_can_be_always_on(canvas):
    canvas.view.is_snapping = True
    canvas.view.snap_size = 50
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(33, 18))

    assert canvas.bound.nodes["2"].node.pos == (450, 100)


def test_u117_undo_keeps_the_selection(canvas):
    canvas.click(canvas.title(2))
    canvas.key(Qt.Key.Key_Right)

    canvas.undo()

    assert selected(canvas) == {"2"}


def test_u117_undo_keeps_what_is_still_there(canvas):
    canvas.view.actions.select_all()
    canvas.view.actions.duplicate()
    copies = selected(canvas)
    canvas.scene.select(Selection.of([*copies, "1"]))

    canvas.undo()

    assert selected(canvas) == {"1"}


def test_the_selection_is_told(canvas, qtbot):
    with qtbot.waitSignal(canvas.scene.selection_changed):
        canvas.click(canvas.title(1))


def test_u016_a_drag_to_the_edge_moves_the_view(canvas, qtbot):
    offset = canvas.view.navigator.offset
    start = canvas.title(1)
    canvas.drag(start, QPointF(2, 400), release=False)

    qtbot.waitUntil(lambda: canvas.view.navigator.offset.x() > offset.x() + 20, timeout=2000)
    canvas.key(Qt.Key.Key_Escape)

    assert canvas.steps() == 0


def test_u147_dragging_a_corner_resizes(canvas):
    corner = canvas.pixel(canvas.item(2).outline.bottomRight() - QPointF(3, 3))

    canvas.drag(corner, corner + QPointF(60, 40))

    assert canvas.bound.nodes["2"].node.size == (300, 160)
    assert canvas.steps() == 1


def test_u147_a_node_never_gets_smaller_than_its_content(canvas):
    corner = canvas.pixel(canvas.item(2).outline.bottomRight() - QPointF(3, 3))

    canvas.drag(corner, corner - QPointF(400, 400))

    assert canvas.bound.nodes["2"].node.size == canvas.view.actions.least_size("2")


def test_u147_the_lower_left_corner_keeps_the_right_edge(canvas):
    corner = canvas.pixel(canvas.item(2).outline.bottomLeft() + QPointF(3, -3))

    canvas.drag(corner, corner - QPointF(40, 0))

    assert canvas.bound.nodes["2"].node.pos == (360, 80)
    assert canvas.bound.nodes["2"].node.size[0] == 280


def test_u147_escape_gives_the_old_size_back(canvas):
    corner = canvas.pixel(canvas.item(2).outline.bottomRight() - QPointF(3, 3))
    canvas.drag(corner, corner + QPointF(60, 40), release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert canvas.item(2).size == (240, 120)
    assert canvas.steps() == 0


def test_u050_alt_drag_makes_a_copy_in_one_step(canvas):
    before = canvas.file()
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(80, 200), modifiers=ALT)

    (key,) = selected(canvas)
    assert key not in "123"
    assert canvas.bound.nodes[key].node.pos == (480, 280)
    assert canvas.links() == [("1", 1, "2", 0), ("2", 0, "3", 0)]
    canvas.undo()
    assert canvas.file() == before


def test_u050_escape_during_a_clone_makes_none(canvas):
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(80, 200), modifiers=ALT, release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert set(canvas.bound.nodes) == {"1", "2", "3"}
    assert canvas.steps() == 0


GROUPED = raw_workflow(
    [raw_node(1, "Viewer", (100, 100), (160, 60)), raw_node(2, "Viewer", (700, 100), (160, 60))],
    groups=[
        {"title": "Outer", "bounding": [40, 20, 400, 400], "color": "#3f789e"},
        {"title": "Inner", "bounding": [80, 240, 200, 120], "color": "#A88"},
    ],
)


@pytest.fixture
def grouped(make_canvas):
    return make_canvas(GROUPED)


def group_box(canvas, key):
    return canvas.document.graph.groups[key].bounding


def test_u171_a_group_moves_with_what_is_inside(grouped):
    start = grouped.pixel((300, 30))

    grouped.drag(start, start + QPointF(50, 10))

    assert group_box(grouped, "0")[:2] == (90, 30)
    assert group_box(grouped, "1")[:2] == (130, 250)
    assert grouped.bound.nodes["1"].node.pos == (150, 110)
    assert grouped.bound.nodes["2"].node.pos == (700, 100)
    assert grouped.steps() == 1


def test_u171_ctrl_moves_the_frame_alone(grouped):
    start = grouped.pixel((300, 30))

    grouped.drag(start, start + QPointF(50, 10), modifiers=CTRL)

    assert group_box(grouped, "0")[:2] == (90, 30)
    assert grouped.bound.nodes["1"].node.pos == (100, 100)


def test_u172_a_group_has_a_least_size(grouped):
    corner = grouped.pixel((437, 417))

    grouped.drag(corner, corner - QPointF(900, 900))

    assert group_box(grouped, "0") == (40, 20, 140, 80)


def test_u170_grouping_leaves_ten_units_around(canvas):
    canvas.view.actions.select_all()

    key = canvas.view.actions.group_selection()

    x, y, width, height = group_box(canvas, key)
    bounds = canvas.scene.nodes_bounds(["1", "2", "3"])
    assert x == bounds.left() - 10
    assert x + width == bounds.right() + 10
    assert y + height == bounds.bottom() + 10
    assert y <= bounds.top() - 10 - 30


def test_u176_muting_a_group_mutes_its_nodes(grouped):
    grouped.click(grouped.pixel((300, 30)))

    grouped.view.actions.mute()

    assert grouped.bound.nodes["1"].node.mode == 2
    assert grouped.bound.nodes["2"].node.mode == 0


def test_a_hovered_row_is_not_drawn_over_a_node_that_covers_it(make_canvas):
    canvas = make_canvas(
        raw_workflow(
            [
                raw_node(1, "Filter", (60, 80), (300, 120), [4]),
                raw_node(2, "Viewer", (220, 60), (200, 200)),
            ]
        )
    )
    covered = canvas.row(1, "radius", 0.9)
    QTest.qWait(60)
    canvas.move(QPointF(5, 5), Qt.MouseButton.NoButton)
    QTest.qWait(150)
    before = canvas.view.grab().toImage().pixelColor(covered.toPoint())
    visible = canvas.row(1, "radius", 0.3)

    canvas.move(visible, Qt.MouseButton.NoButton)

    assert canvas.scene.pointer.hover.widget == "radius"
    QTest.qWait(150)
    assert canvas.view.grab().toImage().pixelColor(covered.toPoint()) == before
