"""U-242, U-225: the editor over painted text."""

from __future__ import annotations

import random

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QFocusEvent, QGuiApplication, QImage, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QGraphicsScene, QGraphicsSceneHoverEvent, QToolTip

from app.widgets.base import REST, WidgetState
from app.widgets.ink import ink_of
from app.widgets.multiline import MultilineWidget, text_box_of
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.text_editor import TextEditorItem
from app.widgets.text_layout import TextLines
from app.widgets.text_note import TextNote, TextNoteItem

SPEC = WidgetSpec("text", WidgetKind.MULTILINE, "text", placeholder="prompt")
LONG = "\n".join(f"line {number} of a long prompt" for number in range(40))
WORDS = [
    "a",
    "masterpiece",
    "(lantern:1.2)",
    "harbour,",
    "unbelievablylongwordthatneversends",
    "<lora:thing:0.8>",
    "über",
    "风景",
    "картина",
    "🌊🌅",
    "\t",
    "{a|b}",
    "http://x.y/z?q=1&r=2",
]


def random_text(seed):
    dice = random.Random(seed)
    parts = []
    for _ in range(dice.randint(0, 60)):
        parts.append(dice.choice(WORDS))
        parts.append(dice.choice([" ", " ", " ", "  ", "\n", "\n\n", ", "]))
    return "".join(parts)


@pytest.mark.parametrize("seed", range(60))
def test_u242_editor_and_painted_text_break_at_the_same_places(style, seed):
    dice = random.Random(seed + 1000)
    width = dice.choice([60.0, 133.7, 190.0, 246.25, 380.0, 611.5])
    text = random_text(seed)
    ink = ink_of(style)
    painted = TextLines(text, width - 2 * ink.text_padding, ink.prompt, ink.prompt_line)
    editor = TextEditorItem(QRectF(0, 0, width, 100), text, style)

    assert editor.line_breaks() == painted.line_breaks()
    assert editor.document().size().height() == painted.height + 2 * ink.text_padding


@pytest.mark.parametrize("zoom", [0.67, 1.0, 1.37, 1.73, 2.0, 3.1])
def test_u242_opening_the_editor_moves_no_letter_at_any_zoom(style, zoom):
    text = random_text(7)
    row = QRectF(0, 0, 300, 200)
    box = text_box_of(row)
    painted = drawn(
        300, 200, zoom, lambda painter: MultilineWidget(SPEC, text).paint(painter, row, style, REST)
    )
    scene = QGraphicsScene(row)
    editor = TextEditorItem(box, text, style)
    scene.addItem(editor.frame)

    edited = drawn(300, 200, zoom, lambda painter: scene.render(painter, row, row))

    inner = box.adjusted(4, 4, -8, -4)
    assert share_of_different_pixels(painted, edited, inner, zoom) < 0.002


def test_u242_a_click_opens_the_editor_with_the_caret_there(put, board):
    node = put(SPEC, "one two three\nfour five", size=(260, 100))

    board.click(10 + 8 + 1, 4 + 8 + 16 + 8)

    assert node.editor.textCursor().position() == len("one two three\n")
    assert node.editor.hasFocus()


def test_u242_the_press_that_opens_it_can_select(put, board):
    node = put(SPEC, "one two three", size=(260, 100))
    start = board.at(19, 20)

    board.hold(19, 20)
    board.drag_by(start, 200)
    board.let_go(start + QPoint(200, 0))

    assert node.editor.textCursor().selectedText() == "one two three"


def test_u242_typing_and_escape_commit_once(put, board, qtbot):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)

    board.type(" b")
    board.key(Qt.Key.Key_Return)
    board.type("c")
    board.key(Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["a b\nc"]


def test_u242_a_click_beside_the_node_commits(put, board, qtbot):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)
    board.type("b")

    board.click(200, 130)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["ab"]


def test_u242_an_untouched_text_is_not_committed(put, board, qtbot):
    node = put(SPEC, "hard\u00a0space\r\nline", size=(260, 100))
    board.click(200, 30)

    board.key(Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == []


def test_u242_hard_spaces_survive_an_edit(put, board, qtbot):
    node = put(SPEC, "hard\u00a0space", size=(260, 100))
    board.click(200, 30)

    board.type("s")
    board.key(Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["hard\u00a0spaces"]


@pytest.mark.parametrize(
    "reason", [Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason]
)
def test_u242_menus_and_other_windows_do_not_end_the_edit(put, board, qtbot, reason):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)

    node.editor.focusOutEvent(QFocusEvent(QFocusEvent.Type.FocusOut, reason))
    QApplication.processEvents()

    assert node.editor is not None


def test_u225_undo_in_the_editor_acts_on_the_text_first(put, board, qtbot):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)
    board.type("bcd")

    board.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "a"
    board.key(Qt.Key.Key_Y, Qt.KeyboardModifier.ControlModifier)
    assert node.editor.text() == "abcd"


def test_u225_opening_is_not_an_undo_step(put, board):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)

    board.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "a"
    assert not node.editor.document().isUndoAvailable()


def test_u242_pasted_text_keeps_no_looks(put, board):
    node = put(SPEC, "", size=(260, 100))
    data = QMimeData()
    data.setHtml("<h1>Big</h1>")
    data.setText("Big\r\nwords")
    QGuiApplication.clipboard().setMimeData(data)
    board.click(200, 30)

    board.key(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "Big\nwords"
    block = node.editor.document().firstBlock()
    assert block.charFormat().fontWeight() <= 400
    assert block.next().blockFormat().lineHeight() == 16


def test_u242_the_caret_stays_in_view(put, board):
    node = put(SPEC, LONG, size=(260, 100))
    board.click(100, 30)

    board.key(Qt.Key.Key_End, Qt.KeyboardModifier.ControlModifier)

    editor = node.editor
    assert editor.scroll_offset == editor.document().size().height() - editor.frame.rect().height()
    board.key(Qt.Key.Key_Home, Qt.KeyboardModifier.ControlModifier)
    assert editor.scroll_offset == 0


def wheel(board, x, y, delta, modifiers=Qt.KeyboardModifier.NoModifier):
    point = board.at(x, y)
    event = QWheelEvent(
        QPointF(point),
        QPointF(board.viewport().mapToGlobal(point)),
        QPoint(0, 0),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    event.ignore()
    QApplication.sendEvent(board.viewport(), event)


def test_u242_the_wheel_scrolls_only_text_that_is_taller(put, board):
    node = put(SPEC, LONG, size=(260, 100))
    board.click(100, 30)

    wheel(board, 100, 30, -120)

    assert node.editor.scroll_offset == 48
    assert board.wheels == 0
    wheel(board, 100, 30, -120, Qt.KeyboardModifier.ControlModifier)
    assert node.editor.scroll_offset == 48
    assert board.wheels == 1


def test_u242_the_wheel_zooms_over_a_short_text(put, board):
    put(SPEC, "short", size=(260, 100))
    board.click(100, 30)

    wheel(board, 100, 30, -120)

    assert board.wheels == 1


def test_u242_a_painted_box_scrolls_only_when_its_text_is_taller(style):
    row = QRectF(0, 0, 260, 100)
    tall, short = MultilineWidget(SPEC, LONG), MultilineWidget(SPEC, "short")
    for control in (tall, short):
        drawn(260, 100, 1.0, lambda painter, it=control: it.paint(painter, row, style, REST))

    assert short.wheel(-120, row, REST) is None
    assert tall.wheel(-120, row, REST) == 48
    assert tall.wheel(120, row, REST) == 0
    most = tall.wheel(-1e6, row, REST)
    assert most == 40 * 16 + 16 - text_box_of(row).height()
    assert tall.wheel(-120, row, WidgetState(scroll=most)) == most


def test_u242_the_middle_button_never_edits(put, board):
    node = put(SPEC, "abc", size=(260, 100))
    QGuiApplication.clipboard().setText("pasted")
    board.click(100, 30)

    board.click(100, 30, Qt.MouseButton.MiddleButton)

    assert node.editor.text() == "abc"
    assert board.middle_presses == 1


def test_u242_tab_leaves_and_commits(put, board, qtbot):
    node = put(SPEC, "abc", size=(260, 100))
    board.click(200, 30)
    left = []
    node.editor.left.connect(left.append)
    board.type("d")

    board.key(Qt.Key.Key_Tab)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["abcd"]
    assert left == [1]


def test_u243_control_up_weighs_the_word_at_the_caret(put, board):
    node = put(SPEC, "a lantern", size=(260, 100))
    board.click(200, 30)

    board.key(Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "a (lantern:1.05)"
    board.key(Qt.Key.Key_Down, Qt.KeyboardModifier.ControlModifier)
    assert node.editor.text() == "a lantern"
    board.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert node.editor.text() == "a (lantern:1.05)"


def test_u243_weights_count_signs_of_two_units_right(put, board):
    node = put(SPEC, "🌊🌅 sea\n🌊 dusk", size=(260, 100))
    board.click(200, 50)

    board.key(Qt.Key.Key_Up, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "🌊🌅 sea\n🌊 (dusk:1.05)"
    assert node.editor.textCursor().selectedText() == "(dusk:1.05)"


def test_flush_commits_and_stays_open(put, board):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)
    board.type("b")

    node.editor.flush()

    assert node.values == ["ab"]
    assert node.editor is not None
    node.editor.flush()
    assert node.values == ["ab"]


def test_u268_read_only_text_can_be_selected_but_not_changed(put, board):
    spec = WidgetSpec("text", WidgetKind.MULTILINE, "text", is_read_only=True)
    node = put(spec, "result", size=(260, 100))
    board.click(100, 30)

    board.type("x")
    board.key(Qt.Key.Key_Return)
    board.key(Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)

    assert node.editor.text() == "result"
    assert node.editor.textCursor().selectedText() == "result"


def test_u242_the_editor_leaves_nothing_in_the_scene(put, board, qtbot):
    node = put(SPEC, "a", size=(260, 100))
    board.click(200, 30)

    board.key(Qt.Key.Key_Escape)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.childItems() == []


def drawn(width, height, zoom, paint):
    image = QImage(round(width * zoom), round(height * zoom), QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.black)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.scale(zoom, zoom)
    paint(painter)
    painter.end()
    return image


def share_of_different_pixels(first, second, area, zoom):
    different = total = 0
    for y in range(round(area.top() * zoom), round(area.bottom() * zoom)):
        for x in range(round(area.left() * zoom), round(area.right() * zoom)):
            total += 1
            one, other = first.pixelColor(x, y), second.pixelColor(x, y)
            different += abs(one.green() - other.green()) > 24
    return different / total


def test_u245_the_length_follows_the_text_and_old_answers_are_dropped(put, board, qtbot):
    node = put(WidgetSpec("text", WidgetKind.MULTILINE, "text"), "ab", size=(260, 100))
    board.click(200, 30)
    asked = []
    node.editor.set_counter(lambda *question: asked.append(question))

    asked[0][2](TextNote("2 letters"))
    assert node.editor.note.words == "2 letters"

    board.type("c")
    qtbot.waitUntil(lambda: len(asked) == 2)
    asked[0][2](TextNote("an old answer"))
    assert node.editor.note.words == "2 letters"
    assert asked[1][:2] == ("abc", 3)
    asked[1][2](TextNote("3 letters"))
    assert node.editor.note.words == "3 letters"


def test_u245_the_text_is_judged_again_when_the_caret_leaves_a_word(put, board, qtbot):
    node = put(WidgetSpec("text", WidgetKind.MULTILINE, "text"), "red cas", size=(260, 100))
    board.click(200, 30)
    asked = []
    node.editor.set_counter(lambda *question: asked.append(question[:2]))

    board.key(Qt.Key.Key_Home)

    qtbot.waitUntil(lambda: asked[-1] == ("red cas", 0))


def test_u245_a_warning_has_a_foot_of_its_own_that_no_line_of_text_hides(style):
    row = QRectF(0, 0, 300, 100)
    scene = QGraphicsScene(row)
    editor = TextEditorItem(row, LONG, style)
    scene.addItem(editor.frame)
    answers = []
    editor.set_counter(lambda text, caret, take: answers.append(take))

    def foot():
        image = drawn(300, 100, 1.0, lambda painter: scene.render(painter, row, row))
        return image.copy(4, 84, 292, 14)

    def has(image, name):
        wanted = style.color(name)
        return any(
            abs(image.pixelColor(x, y).red() - wanted.red()) < 12
            and abs(image.pixelColor(x, y).blue() - wanted.blue()) < 12
            for x in range(image.width())
            for y in range(image.height())
        )

    before = editor.scroll_offset
    assert not has(foot(), "warning.text")
    answers[0](TextNote("4 of 12 words", 'not known: "castel" (castle?)'))
    assert editor.scroll_offset > before
    assert has(foot(), "warning.text")
    assert not has(foot(), "widget.value")
    answers[0](TextNote("4 of 12 words"))
    assert not has(foot(), "warning.text")


def test_u245_a_pointer_that_rests_on_a_warning_reads_it_in_whole(put, board, qtbot):
    node = put(WidgetSpec("text", WidgetKind.MULTILINE, "text"), "castel", size=(260, 100))
    board.click(200, 30)
    node.editor.set_counter(
        lambda text, caret, take: take(TextNote("0 of 12 words", "not known", "Left out <here>."))
    )
    foot = node.editor.frame.mapToScene(node.editor.frame.rect().bottomLeft() + QPointF(60, -8))
    event = QGraphicsSceneHoverEvent(QEvent.Type.GraphicsSceneHoverEnter)
    event.setScreenPos(board.mapToGlobal(board.mapFromScene(foot)))

    board.scene().sendEvent(note_item(node.editor), event)

    qtbot.waitUntil(QToolTip.isVisible)
    assert "Left out &lt;here&gt;." in QToolTip.text()
    board.key(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not QToolTip.isVisible())


def note_item(editor):
    return next(item for item in editor.frame.childItems() if isinstance(item, TextNoteItem))
