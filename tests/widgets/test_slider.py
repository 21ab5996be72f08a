"""U-234: a number as a bar; U-268: notes in Markdown."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt

from app.widgets.base import WidgetPress
from app.widgets.factory import make_widget
from app.widgets.markdown import MarkdownWidget, render_markdown
from app.widgets.spec import WidgetKind, WidgetSpec

SPEC = WidgetSpec(
    "d", WidgetKind.SLIDER, "denoise", default=1.0, minimum=0.0, maximum=1.0, step=0.05
)
NOTE = WidgetSpec("n", WidgetKind.MARKDOWN, "note")


def test_u234_a_press_jumps_and_a_drag_follows_as_one_gesture(put, board):
    node = put(SPEC, 0.2)

    board.hold(130)
    assert node.values == [0.5]
    board.drag_by(board.at(130), 46)
    board.let_go(board.at(176))

    assert node.values[-1] == 0.7
    assert len(set(node.gestures)) == 1


def test_u234_escape_restores(put, board):
    node = put(SPEC, 0.2)
    board.hold(200)

    board.key(Qt.Key.Key_Escape)
    board.let_go(board.at(200))

    assert node.widget.value == 0.2


def test_u234_a_double_click_types(put, board):
    node = put(SPEC, 0.5)

    press = WidgetPress(QPointF(130, 10), node.row, Qt.KeyboardModifier.NoModifier, is_double=True)
    node.widget.press(press, node)

    assert node.editor.text() == "0.50"
    assert node.values == []


@pytest.mark.parametrize(
    ("x", "expected"), [(0, 0.0), (15, 0.0), (130, 0.5), (245, 1.0), (260, 1.0)]
)
def test_u234_the_ends_of_the_bar_are_the_ends_of_the_range(put, board, x, expected):
    node = put(SPEC, 0.3)

    board.hold(min(x, 259))
    board.let_go(board.at(x))

    assert node.widget.value == expected


def test_u234_a_slider_of_whole_numbers_stays_whole():
    spec = WidgetSpec("n", WidgetKind.SLIDER, "n", default=4, minimum=1, maximum=10, step=2)
    slider = make_widget(spec, 4)

    assert slider.value_at(0.5) == 5
    assert isinstance(slider.value_at(0.5), int)
    assert slider.value_at(1.0) == 10


def test_u234_shift_moves_finely(put, board):
    spec = WidgetSpec("d", WidgetKind.SLIDER, "d", default=0.5, minimum=0.0, maximum=1.0, step=0.01)
    node = put(spec, 0.0)
    board.hold(130)

    board.drag_by(board.at(130), 46, Qt.KeyboardModifier.ShiftModifier)
    board.let_go(board.at(130) + QPoint(46, 0))

    assert node.widget.value == 0.54


def test_notes_are_edited_by_a_double_click_only(put, board):
    node = put(NOTE, "# Title\ntext", size=(260, 120))

    board.click(100, 50)
    assert node.editor is None
    press = WidgetPress(QPointF(100, 50), node.row, Qt.KeyboardModifier.NoModifier, is_double=True)
    node.widget.press(press, node)

    assert node.editor.text() == "# Title\ntext"


def test_an_empty_note_is_edited_by_one_click(put, board):
    node = put(NOTE, "", size=(260, 120))

    board.click(100, 50)

    assert node.editor is not None


@pytest.mark.parametrize(
    "text",
    [
        "![x](file:///etc/passwd)",
        "![x](http://example.invalid/a.png)",
        "<script>alert(1)</script><img src='file:///etc/passwd'>",
        "[link](http://example.invalid)",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "```\ncode\n```",
        "- [ ] task\n- [x] done",
    ],
)
def test_notes_of_strangers_render_without_reading_anything(style, text):
    document = render_markdown(text, 300, style)

    assert document.size().height() > 0
    assert "<script" not in document.toHtml()


def test_notes_show_what_markdown_says(style):
    document = render_markdown("# Big\n\nplain **bold**", 300, style)

    assert document.toPlainText() == "Big\nplain bold"
    first = document.firstBlock().begin().fragment().charFormat()
    assert first.font().pixelSize() == 18


def test_a_long_note_scrolls(style):
    from PySide6.QtGui import QImage, QPainter

    from app.widgets.base import REST

    note = MarkdownWidget(NOTE, "\n\n".join(f"paragraph {n}" for n in range(50)))
    row = QRectF(0, 0, 260, 100)
    image = QImage(260, 100, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    note.paint(painter, row, style, REST)
    painter.end()

    assert note.wheel(-120, row, REST) == 48
    assert note.wheel(120, row, REST) == 0
