import pytest
from canvas_hands import ALT, CTRL, LEFT, RIGHT, TYPES, raw_node, raw_workflow
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDropEvent, QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.ui.canvas.hover import Under


def test_delete_removes_the_selection_and_joins_its_neighbours(canvas):
    canvas.click(canvas.title(2))

    canvas.key(Qt.Key.Key_Delete)

    # U-083: what fed the filter now feeds the viewer.
    assert canvas.links() == [("1", 1, "3", 0)]
    assert canvas.steps() == 1


def test_delete_can_leave_the_links_cut(canvas):
    canvas.view.actions.keeps_links = False
    canvas.click(canvas.title(2))

    canvas.key(Qt.Key.Key_Delete)

    assert canvas.links() == []


def test_undo_of_a_delete_gives_an_equal_file(canvas):
    before = canvas.file()
    canvas.view.actions.select_all()
    canvas.key(Qt.Key.Key_Backspace)
    assert not canvas.bound.nodes

    canvas.undo()

    assert canvas.file() == before


def test_u030_a_double_click_on_empty_canvas_asks_for_the_search(canvas, qtbot):
    with qtbot.waitSignal(canvas.view.search_requested) as asked:
        canvas.double_click(QPointF(500, 600))

    assert asked.args[0] == canvas.view.navigator.to_scene(QPointF(500, 600))


def test_u047_duplicate_keeps_inner_links_and_selects_the_copies(canvas):
    canvas.view.actions.select_all()

    canvas.view.actions.duplicate()

    copies = set(canvas.scene.selection.nodes)
    assert len(copies) == 3
    assert len(canvas.links()) == 4
    assert canvas.steps() == 1


def test_u125_copy_and_paste_into_another_document(canvas, make_canvas):
    other = make_canvas(raw_workflow([]))
    canvas.view.actions.select_all()

    canvas.view.actions.copy()
    other.view.actions.paste(QPointF(10, 20))

    assert sorted(node.node.type for node in other.bound.nodes.values()) == [
        "Filter", "Loader", "Viewer",
    ]  # fmt: skip
    assert len(other.links()) == 2


def test_u127_cut_takes_the_nodes_away(canvas):
    canvas.click(canvas.title(2))

    canvas.view.actions.cut()

    assert set(canvas.bound.nodes) == {"1", "3"}
    assert canvas.view.actions.paste(QPointF(0, 0))
    assert len(canvas.bound.nodes) == 3


def test_u128_pasting_something_else_does_nothing(canvas):
    QGuiApplication.clipboard().setText("a poem")

    assert not canvas.view.actions.paste()
    assert canvas.steps() == 0


@pytest.mark.parametrize(("action", "mode"), [("mute", 2), ("bypass", 4)])
def test_u140_muting_and_bypassing_toggle(canvas, action, mode):
    canvas.click(canvas.title(2))

    getattr(canvas.view.actions, action)()
    assert canvas.bound.nodes["2"].node.mode == mode

    getattr(canvas.view.actions, action)()
    assert canvas.bound.nodes["2"].node.mode == 0


def test_u142_a_click_on_the_chevron_collapses(canvas):
    canvas.click(canvas.title(2, 15))

    assert canvas.bound.nodes["2"].node.is_collapsed
    assert canvas.item(2).local_outline.height() == 30
    end = canvas.scene.links.item.curves("1")[0][6:]
    assert end == (400, 65)


def test_u142_a_click_on_the_chevron_opens_again(canvas):
    canvas.click(canvas.title(2, 15))

    canvas.click(canvas.title(2, 15))

    assert not canvas.bound.nodes["2"].node.is_collapsed


def test_u143_a_pinned_node_cannot_be_resized(canvas):
    canvas.click(canvas.title(2))
    canvas.view.actions.pin()

    corner = canvas.pixel(canvas.item(2).outline.bottomRight() - QPointF(3, 3))

    assert canvas.view.pick(corner).under is not Under.CORNER


def test_u144_a_double_click_on_the_title_renames(canvas):
    canvas.double_click(canvas.title(2))
    QTest.keyClicks(canvas.view.viewport(), "Soft light")
    canvas.key(Qt.Key.Key_Return)
    QTest.qWait(5)

    assert canvas.bound.nodes["2"].title == "Soft light"
    assert canvas.steps() == 1


def test_u144_an_empty_title_goes_back_to_the_default(canvas):
    canvas.view.actions.rename("2")
    canvas.view.editors.editor.select_all()
    canvas.key(Qt.Key.Key_Delete)
    canvas.key(Qt.Key.Key_Return)
    QTest.qWait(5)

    assert canvas.bound.nodes["2"].title == "Filter"


def test_u145_a_colour_is_stored_as_the_reference_stores_it(canvas):
    canvas.view.actions.select_all()

    canvas.view.actions.set_color("green")

    record = canvas.bound.nodes["1"].node
    assert (record.color, record.bgcolor) == ("#232", "#353")
    assert canvas.steps() == 1


def test_u114_arrange_puts_sources_left_of_their_targets(make_canvas):
    canvas = make_canvas(
        raw_workflow(
            [
                raw_node(1, "Loader", (900, 80), values=["a.png"]),
                raw_node(2, "Filter", (400, 500), values=[4]),
                raw_node(3, "Viewer", (0, 80), (160, 60)),
            ],
            [(1, 1, 2, 0, "IMAGE"), (2, 0, 3, 0, "IMAGE")],
        )
    )

    canvas.view.actions.arrange()

    places = [canvas.bound.nodes[key].node.pos[0] for key in "123"]
    assert places == sorted(places)
    assert canvas.steps() == 1


def test_u230_a_click_on_the_right_of_a_number_makes_one_step(canvas):
    canvas.click(canvas.row(2, "radius", 0.95))

    assert canvas.bound.nodes["2"].widget("radius").value == 5
    assert canvas.steps() == 1


def test_u222_scrubbing_a_number_is_one_step(canvas):
    start = canvas.row(2, "radius")

    canvas.drag(start, start + QPointF(40, 0), steps=20)

    assert canvas.bound.nodes["2"].widget("radius").value > 4
    assert canvas.steps() == 1


def test_escape_while_scrubbing_brings_the_value_back(canvas):
    start = canvas.row(2, "radius")
    canvas.drag(start, start + QPointF(40, 0), steps=20, release=False)

    canvas.key(Qt.Key.Key_Escape)

    assert canvas.bound.nodes["2"].widget("radius").value == 4
    assert canvas.steps() == 0


def test_u230_typing_a_number(canvas):
    canvas.click(canvas.row(2, "radius"))
    QTest.keyClicks(canvas.view.viewport(), "7*4")
    canvas.key(Qt.Key.Key_Return)
    QTest.qWait(5)

    assert canvas.bound.nodes["2"].widget("radius").value == 28


def test_u236_a_click_on_the_right_of_a_choice_takes_the_next(canvas):
    canvas.click(canvas.row(1, "file", 0.95))

    assert canvas.bound.nodes["1"].widget("file").value == "b.png"


def test_u236_the_middle_of_a_choice_opens_a_list(canvas):
    canvas.click(canvas.row(1, "file"))

    popup = QApplication.activePopupWidget()
    assert popup is not None
    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)

    assert canvas.bound.nodes["1"].widget("file").value == "b.png"


@pytest.fixture
def prompt(make_canvas):
    return make_canvas(
        raw_workflow([raw_node(1, "Prompt", (100, 100), (400, 200), ["a quiet harbour"])])
    )


def test_u242_text_is_typed_in_the_node(prompt):
    prompt.click(prompt.row(1, "text"))
    QTest.keyClicks(prompt.view.viewport(), " at dusk")
    prompt.click(QPointF(900, 600))
    QTest.qWait(5)

    assert prompt.bound.nodes["1"].widget("text").value == "a quiet harbour at dusk"
    assert prompt.steps() == 1


def test_u135_keys_act_on_the_text_while_it_is_edited(prompt):
    prompt.click(prompt.row(1, "text"))

    prompt.key(Qt.Key.Key_A, CTRL)
    prompt.key(Qt.Key.Key_Backspace)
    prompt.key(Qt.Key.Key_Space)
    prompt.key(Qt.Key.Key_Escape)
    QTest.qWait(5)

    assert set(prompt.bound.nodes) == {"1"}
    assert prompt.bound.nodes["1"].widget("text").value == " "


def test_a_running_edit_is_taken_before_a_run(prompt):
    prompt.click(prompt.row(1, "text"))
    QTest.keyClicks(prompt.view.viewport(), "!")

    prompt.view.editors.flush()

    assert prompt.bound.nodes["1"].widget("text").value.endswith("!")
    assert prompt.view.editors.is_open


def test_tab_walks_the_controls_and_enter_edits(make_canvas):
    canvas = make_canvas(raw_workflow([raw_node(1, "Sampler", (100, 100), values=[20])]))
    canvas.click(canvas.title(1))

    canvas.key(Qt.Key.Key_Tab)
    assert canvas.scene.pointer.focused == ("1", "steps")
    canvas.key(Qt.Key.Key_Return)
    QTest.keyClicks(canvas.view.viewport(), "31")
    canvas.key(Qt.Key.Key_Return)
    QTest.qWait(5)

    assert canvas.bound.nodes["1"].widget("steps").value == 31


def test_u256_a_linked_widget_moves_its_node_instead_of_changing(make_canvas):
    canvas = make_canvas(
        raw_workflow([raw_node(1, "Prompt", (60, 80)), raw_node(2, "Prompt", (460, 80))])
    )
    canvas.bound.nodes["1"].outputs[0].type = "STRING"
    canvas.drag(canvas.output(1), canvas.row(2, "text"))

    start = canvas.row(2, "text")
    canvas.drag(start, start + QPointF(30, 30))

    assert canvas.bound.nodes["2"].node.pos == (490, 110)


def test_u162_the_right_button_asks_for_a_menu_and_selects(canvas, qtbot):
    pixel = canvas.title(2).toPoint()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, pixel, QPoint(5, 5))

    with qtbot.waitSignal(canvas.view.context_menu_requested) as asked:
        QApplication.sendEvent(canvas.view.viewport(), event)

    assert (asked.args[0].under, asked.args[0].key) == (Under.TITLE, "2")
    assert set(canvas.scene.selection.nodes) == {"2"}


def test_the_right_button_cancels_a_drag(canvas):
    start = canvas.title(2)
    canvas.drag(start, start + QPointF(50, 0), release=False)

    canvas.press(start + QPointF(50, 0), RIGHT)

    assert canvas.item(2).pos() == QPointF(400, 80)
    assert canvas.view.mouse.gesture is None


def test_u041_dropped_files_are_told_with_their_place(canvas, qtbot, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    event = QDropEvent(
        QPointF(500, 600), Qt.DropAction.CopyAction, data, LEFT, Qt.KeyboardModifier.NoModifier
    )

    with qtbot.waitSignal(canvas.view.files_dropped) as told:
        canvas.view.dropEvent(event)

    assert told.args == [[str(path)], canvas.view.navigator.to_scene(QPointF(500, 600)), None]


def test_a_new_node_gets_the_size_of_the_reference(canvas):
    key = canvas.view.actions.add_node(TYPES["Prompt"], QPointF(0, 300))

    assert canvas.bound.nodes[key].node.size == (400, 200)
    assert set(canvas.scene.selection.nodes) == {key}


def test_alt_drag_over_a_control_clones_instead_of_changing(canvas):
    start = canvas.row(2, "radius")

    canvas.drag(start, start + QPointF(0, 150), modifiers=ALT)

    assert len(canvas.bound.nodes) == 4
    assert canvas.bound.nodes["2"].widget("radius").value == 4
