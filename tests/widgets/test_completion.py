"""U-244: suggestions while a prompt is typed."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication

from app.widgets.completion import VocabularySource, WordSource, word_start
from app.widgets.fuzzy import SearchItem
from app.widgets.spec import WidgetKind, WidgetSpec

SPEC = WidgetSpec("text", WidgetKind.MULTILINE, "text")
SOURCE = WordSource(
    [
        SearchItem("embedding:easynegative"),
        SearchItem("masterpiece"),
        SearchItem("mast of a ship"),
        SearchItem("glow", data="<lora:glow_v2:0.8>"),
    ]
)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("", 0),
        ("mas", 0),
        ("a, mas", 3),
        ("a,mas", 2),
        ("mast of", 0),
        ("(mas", 1),
        ("a\nmas", 2),
        ("mas ", 4),
        ("a, ", 3),
        ("embedding:ea", 0),
        ("<lora:gl", 1),
    ],
)
def test_u244_where_a_word_begins(text, start):
    assert word_start(text, len(text)) == start


@pytest.fixture
def editor(put, board):
    def open_editor(text):
        node = put(SPEC, text, size=(260, 100))
        board.click(200, 30)
        node.editor.completion = SOURCE
        return node

    return open_editor


def offered(node):
    suggestions = node.editor._suggestions
    if suggestions is None or not suggestions.isVisible():
        return []
    rows = suggestions.list
    return [rows._matches.match_at(row).item.name for row in range(rows.count())]


def test_u244_typing_offers_and_tab_takes(editor, board):
    node = editor("a, ")

    board.type("m")
    assert offered(node) == []
    board.type("as")
    assert offered(node) == ["masterpiece", "mast of a ship"]
    board.key(Qt.Key.Key_Tab)

    assert node.editor.text() == "a, masterpiece"
    assert offered(node) == []


def test_u244_arrows_choose_and_enter_takes(editor, board):
    node = editor("")

    board.type("mast")
    board.key(Qt.Key.Key_Down)
    board.key(Qt.Key.Key_Return)

    assert node.editor.text() == "mast of a ship"


def test_u244_a_suggestion_may_insert_other_words_in_one_undo_step(editor, board):
    node = editor("🌊, ")

    board.type("glo")
    board.key(Qt.Key.Key_Tab)

    assert node.editor.text() == "🌊, <lora:glow_v2:0.8>"
    board.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert "<lora" not in node.editor.text()


def test_u244_escape_hides_the_list_first(editor, board):
    node = editor("")
    board.type("mas")

    board.key(Qt.Key.Key_Escape)

    assert offered(node) == []
    assert node.editor is not None
    assert node.editor.text() == "mas"


def test_u244_moving_the_caret_hides_the_list(editor, board):
    node = editor("")
    board.type("mas")

    board.key(Qt.Key.Key_Left)

    assert offered(node) == []


def test_u244_the_list_goes_with_the_editor(editor, board, qtbot):
    node = editor("")
    board.type("mas")

    board.click(200, 150)

    qtbot.waitUntil(lambda: node.editor is None)
    assert node.values == ["mas"]
    assert not [w for w in QApplication.topLevelWidgets() if w.isVisible() and w is not board]


def test_u244_enter_is_a_line_end_when_nothing_is_offered(editor, board):
    node = editor("")

    board.type("zz")
    board.key(Qt.Key.Key_Return)

    assert node.editor.text() == "zz\n"


def test_u242_input_methods_commit_into_the_text(editor, board):
    node = editor("風")
    event = QInputMethodEvent()
    event.setCommitString("景")

    QApplication.sendEvent(board, event)

    assert node.editor.text() == "風景"
    caret = board.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle)
    assert caret is not None


KNOWN = VocabularySource(["apple", "cat", "cathedral", "castle"], {"cats"}.__contains__, "near")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a red ca", ["cat", "castle", "cathedral"]),
        ("CAT", ["cat", "cathedral"]),
        ("apple", None),
        ("(cath", ["cathedral"]),
        ("castel", ["castle"]),
        ("cats", None),
        ("c", None),
        ("cat ", None),
        ("qqqq", None),
    ],
)
def test_u244_single_words_of_a_vocabulary_and_the_nearest_of_a_misspelt_one(text, names):
    found = KNOWN.complete(text, len(text))

    assert (found and [match.item.name for match in found.matches]) == names
