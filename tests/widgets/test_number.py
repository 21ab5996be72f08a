"""U-230 to U-234, U-255: numbers in nodes under a real mouse and keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt

from app.widgets.spec import WidgetKind, WidgetSpec

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier

STEPS = WidgetSpec("steps", WidgetKind.INT, "steps", default=20, minimum=1, maximum=10000)
WIDTH = WidgetSpec("width", WidgetKind.INT, "width", minimum=16, maximum=16384, step=8)
CFG = WidgetSpec(
    "cfg", WidgetKind.FLOAT, "cfg", minimum=0.0, maximum=100.0, step=0.1, round_to=0.01
)
SEED = WidgetSpec("seed", WidgetKind.INT, "seed", minimum=0, maximum=2**64 - 1, has_glyph=True)


def scrub(board, dx, modifiers=Qt.KeyboardModifier.NoModifier, *, release=True):
    start = board.at(130)
    board.hold(130)
    board.drag_by(start, dx, modifiers)
    if release:
        board.let_go(start + QPoint(dx, 0))


def edit(board, qtbot, node, text, end=Qt.Key.Key_Return):
    board.click(130)
    board.key(Qt.Key.Key_A, CONTROL)
    board.type(text)
    board.key(end)
    qtbot.waitUntil(lambda: node.editor is None)


@pytest.mark.parametrize(("x", "expected"), [(5, 19), (39, 19), (221, 21), (258, 21)])
def test_u230_a_click_near_an_edge_makes_one_step(put, board, x, expected):
    node = put(STEPS, 20)

    board.click(x)

    assert node.values == [expected]


@pytest.mark.parametrize("x", [41, 130, 218])
def test_u230_a_click_in_the_middle_types(put, board, x):
    node = put(STEPS, 20)

    board.click(x)

    assert node.editor.text() == "20"
    assert node.editor.textCursor().selectedText() == "20"


def test_u230_a_drag_scrubs_in_whole_steps_as_one_gesture(put, board):
    node = put(STEPS, 20)

    scrub(board, 44)

    assert node.values[-1] == 30
    assert node.editor is None
    assert len(set(node.gestures)) == 1
    assert node.gestures[0]


def test_u230_two_drags_are_two_gestures(put, board):
    node = put(STEPS, 20)

    scrub(board, 20)
    scrub(board, 20)

    assert len(set(node.gestures)) == 2


@pytest.mark.parametrize(("modifiers", "expected"), [(SHIFT, 22), (CONTROL, 120)])
def test_u230_shift_is_fine_and_control_is_coarse(put, board, modifiers, expected):
    node = put(STEPS, 20)

    scrub(board, 44, modifiers)

    assert node.values[-1] == expected


def test_u230_a_drag_counts_screen_pixels_at_any_zoom(put, board):
    node = put(STEPS, 20, zoom=2.0)

    scrub(board, 44)

    assert node.values[-1] == 30


def test_u230_a_short_jerk_is_still_a_click(put, board):
    node = put(STEPS, 20)

    scrub(board, 3)

    assert node.values == []
    assert node.editor is not None


def test_u230_a_drag_stays_in_range_and_on_steps(put, board):
    node = put(WIDTH, 24)

    scrub(board, -60)

    assert node.values[-1] == 16
    assert all((value - 16) % 8 == 0 for value in node.values)


def test_u230_escape_during_a_drag_restores_the_value(put, board):
    node = put(STEPS, 20)
    scrub(board, 60, release=False)
    assert node.widget.value == 34

    board.key(Qt.Key.Key_Escape)
    board.let_go(board.at(190))

    assert node.widget.value == 20
    assert len(set(node.gestures)) == 1
    assert node.editor is None


def test_u230_seeds_of_64_bits_lose_no_digit(put, board, qtbot):
    node = put(SEED, 18446744073709551610)

    edit(board, qtbot, node, "+=5")

    assert node.values == [18446744073709551615]
    assert node.widget.text() == "18446744073709551615"


@pytest.mark.parametrize(
    ("text", "expected"),
    [("7*4", 28), ("1024/1.5", 683), ("x2", 40), ("50%", 10), ("99999", 10000), ("-5", 1)],
)
def test_u232_typed_arithmetic_is_rounded_and_clamped(put, board, qtbot, text, expected):
    node = put(STEPS, 20)

    edit(board, qtbot, node, text)

    assert node.values == [expected]


@pytest.mark.parametrize("text", ["abc", "1/0", "", "2*"])
def test_u232_bad_text_keeps_the_old_value(put, board, qtbot, text):
    node = put(STEPS, 20)
    board.click(130)
    board.key(Qt.Key.Key_Delete)
    board.type(text)

    board.key(Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == []
    assert node.widget.value == 20


def test_u230_escape_while_typing_keeps_the_old_value(put, board, qtbot):
    node = put(STEPS, 20)

    edit(board, qtbot, node, "99", end=Qt.Key.Key_Escape)

    assert node.values == []


def test_u231_opening_and_leaving_changes_no_value_that_lies_between_steps(put, board, qtbot):
    node = put(CFG, 1.23456789)
    board.click(130)

    board.key(Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == []


def test_u233_arrow_and_page_keys_step_while_editing(put, board, qtbot):
    node = put(CFG, 8.0)
    board.click(130)

    board.key(Qt.Key.Key_Up)
    assert node.editor.text() == "8.1"
    board.key(Qt.Key.Key_PageUp)
    assert node.editor.text() == "9.1"
    board.key(Qt.Key.Key_Down)
    board.key(Qt.Key.Key_PageDown)
    assert node.editor.text() == "8.0"
    board.key(Qt.Key.Key_Up)
    board.key(Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == [8.1]


def test_u233_the_wheel_never_changes_a_number(put):
    node = put(STEPS, 20)

    assert node.widget.wheel(120, node.row, node.state) is None
    assert node.values == []


def test_u255_the_sign_of_a_seed_draws_another_number(put, board):
    node = put(SEED, 5)

    board.click(260 - 41)

    assert len(node.values) == 1
    assert 0 <= node.values[0] <= 2**50
    assert node.editor is None


def test_u255_a_seed_still_steps_at_its_edges(put, board):
    node = put(SEED, 5)

    board.click(250)
    board.click(10)

    assert node.values == [6, 5]


@pytest.mark.parametrize("value", ["euler", None, [1, 2], True])
def test_a_value_of_the_wrong_type_is_shown_and_kept(put, board, value):
    node = put(STEPS, value)

    scrub(board, 40)
    board.grab()

    assert node.values == []
    board.click(250)
    assert node.values == [20]


def test_a_read_only_number_takes_no_press(put, board):
    spec = WidgetSpec("n", WidgetKind.INT, "n", is_read_only=True)
    node = put(spec, 3)

    board.click(130)
    board.click(250)

    assert node.values == []
    assert node.editor is None


def test_wide_text_keeps_the_caret_in_view(put, board):
    spec = WidgetSpec("t", WidgetKind.TEXT, "t")
    node = put(spec, "a long prefix/with/folders/" * 6)
    board.click(130)

    board.key(Qt.Key.Key_End)

    editor = node.editor
    right = editor.pos().x() + editor.document().idealWidth()
    assert editor.frame.rect().width() - 14 < right < editor.frame.rect().width()
    board.key(Qt.Key.Key_Home)
    assert editor.pos().x() == 10


def test_u241_a_line_of_text_is_edited_in_place(put, board, qtbot):
    spec = WidgetSpec("t", WidgetKind.TEXT, "filename_prefix")
    node = put(spec, "harbour")

    edit(board, qtbot, node, "dusk")

    assert node.values == ["dusk"]


def test_u241_a_click_outside_commits_a_line(put, board, qtbot):
    spec = WidgetSpec("t", WidgetKind.TEXT, "filename_prefix")
    node = put(spec, "harbour")
    board.click(130)
    board.type("x")

    board.click(130, 60)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["x"]
