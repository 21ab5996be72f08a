import pytest
from canvas_hands import ALT, CHAIN, CTRL, LEFT, MIDDLE, raw_workflow
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication


def turn_wheel(canvas, pixel, notches, modifiers=Qt.KeyboardModifier.NoModifier):
    view = canvas.view.viewport()
    event = QWheelEvent(
        pixel,
        QPointF(view.mapToGlobal(QPoint(0, 0))) + pixel,
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(view, event)


def test_u001_dragging_empty_canvas_pans_one_to_one(canvas):
    before = canvas.view.navigator.offset

    canvas.drag(QPointF(300, 600), QPointF(340, 570))

    assert canvas.view.navigator.offset - before == QPointF(40, -30)
    assert canvas.steps() == 0


@pytest.mark.parametrize("place", ["title", "row"])
def test_u002_the_middle_button_pans_over_anything(canvas, place):
    before = canvas.file()
    start = canvas.title(2) if place == "title" else canvas.row(2, "radius")
    offset = canvas.view.navigator.offset

    canvas.drag(start, start + QPointF(30, 20), MIDDLE)

    assert canvas.view.navigator.offset - offset == QPointF(30, 20)
    assert canvas.file() == before


def test_u003_space_pans_over_a_node(canvas):
    offset = canvas.view.navigator.offset
    start = canvas.title(2)

    QTest.keyPress(canvas.view.viewport(), Qt.Key.Key_Space)
    canvas.drag(start, start + QPointF(50, 0))
    QTest.keyRelease(canvas.view.viewport(), Qt.Key.Key_Space)

    assert canvas.view.navigator.offset - offset == QPointF(50, 0)
    assert canvas.steps() == 0


def test_u003_a_node_drag_goes_on_after_panning_with_the_middle_button(canvas):
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(40, 0), release=False)

    canvas.press(start + QPointF(40, 0), MIDDLE)
    canvas.move(start + QPointF(40, 50), MIDDLE)
    canvas.release(start + QPointF(40, 50), MIDDLE)
    canvas.move(start + QPointF(40, 50), LEFT)
    canvas.release(start + QPointF(40, 50), LEFT)

    # The canvas went down by 50 under the pointer, so the node itself only went right.
    assert canvas.bound.nodes["2"].node.pos == (440, 80)


def test_u005_a_notch_zooms_by_a_tenth_at_the_pointer(canvas):
    pixel = QPointF(500, 300)
    place = canvas.view.navigator.to_scene(pixel)

    turn_wheel(canvas, pixel, 1)

    assert canvas.view.zoom == pytest.approx(1.1)
    away = canvas.view.navigator.to_scene(pixel) - place
    assert away.manhattanLength() < 2


def test_u005_zoom_stays_between_a_tenth_and_ten(canvas):
    turn_wheel(canvas, QPointF(500, 300), 60)
    assert canvas.view.zoom == 10.0

    turn_wheel(canvas, QPointF(500, 300), -90)
    assert canvas.view.zoom == pytest.approx(0.1)


def test_u005_zoom_snaps_to_one(canvas):
    canvas.view.set_zoom(0.908)

    turn_wheel(canvas, QPointF(500, 300), 1)

    assert canvas.view.zoom == 1.0


def test_u233_the_wheel_over_a_number_zooms_and_leaves_the_value(canvas):
    turn_wheel(canvas, canvas.row(2, "radius"), 1)

    assert canvas.bound.nodes["2"].widget("radius").value == 4
    assert canvas.view.zoom == pytest.approx(1.1)


def test_u010_the_full_stop_shows_everything(canvas):
    canvas.view.navigator.set_state(2.0, QPointF(-5000, -5000))

    canvas.key(Qt.Key.Key_Period)

    assert canvas.view.navigator.visible.contains(canvas.view.actions.bounds())
    assert canvas.view.zoom <= 1.0


def test_u010_fit_shows_the_selection(canvas):
    canvas.click(canvas.title(3))

    canvas.view.actions.fit()

    away = canvas.view.navigator.visible.center() - canvas.item(3).outline.center()
    assert away.manhattanLength() < 2


def test_u011_reset_view_goes_to_scale_one(canvas):
    canvas.view.navigator.set_state(0.3, QPointF(77, 33))

    canvas.view.actions.reset_view()

    assert (canvas.view.zoom, canvas.view.navigator.offset) == (1.0, QPointF(0, 0))


def test_u017_nothing_can_be_moved_in_hand_mode(canvas):
    canvas.view.set_hand_mode(True)
    start = canvas.title(2)

    canvas.drag(start, start + QPointF(60, 0))
    canvas.key(Qt.Key.Key_Escape)

    assert canvas.bound.nodes["2"].node.pos == (400, 80)
    assert not canvas.view.is_hand_mode


def test_u021_a_stored_view_comes_back_exactly(canvas):
    canvas.view.navigator.set_state(0.5, QPointF(120, -40))

    assert canvas.view.zoom == 0.5
    assert canvas.view.navigator.offset == QPointF(120, -40)


def test_escape_takes_a_pan_back(canvas):
    offset = canvas.view.navigator.offset
    canvas.drag(QPointF(300, 600), QPointF(380, 640), release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert canvas.view.navigator.offset == offset


def test_u013_pressing_the_map_moves_the_view(canvas, qtbot):
    from app.ui.canvas.minimap import Minimap

    minimap = Minimap(canvas.view, canvas.view.theme)
    qtbot.addWidget(minimap)
    minimap.show()
    minimap.grab()

    qtbot.mouseClick(minimap, LEFT, pos=QPoint(10, 10))

    assert canvas.view.navigator.visible.center().x() < 100


@pytest.mark.parametrize("modifiers", [CTRL, CTRL | ALT])
def test_ctrl_and_the_wheel_zoom_over_a_text_box(make_canvas, modifiers):
    from canvas_hands import raw_node

    canvas = make_canvas(
        raw_workflow([raw_node(1, "Prompt", (100, 100), (300, 160), ["word " * 400])])
    )

    turn_wheel(canvas, canvas.row(1, "text"), 1, modifiers)

    assert canvas.view.zoom == pytest.approx(1.1)


def test_u242_the_wheel_scrolls_a_text_that_is_longer_than_its_box(make_canvas):
    from canvas_hands import raw_node

    canvas = make_canvas(
        raw_workflow([raw_node(1, "Prompt", (100, 100), (300, 160), ["word " * 400])])
    )
    canvas.view.grab()

    turn_wheel(canvas, canvas.row(1, "text"), -1)

    assert canvas.view.zoom == 1.0
    assert canvas.item(1).scrolls["text"] > 0


def test_the_view_of_a_document_is_no_edit(canvas):
    canvas.view.set_zoom(0.4)

    assert not canvas.document.is_modified
    assert canvas.file() == canvas.file() | {"nodes": CHAIN["nodes"]}
