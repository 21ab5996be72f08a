"""U-244, U-245: what the editor of a prompt says while one types on a real canvas."""

import asyncio

import pytest
from canvas_hands import LEFT, node_type, raw_node, raw_workflow
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest

from app.engine.model_folders import SHIPPED_CHECKPOINTS
from app.ui.canvas.canvas_host import CanvasHost
from app.ui.prompt_help import PromptHelp

STARTER = "easel_starter.safetensors"
TEXT = ["STRING", {"multiline": True, "dynamicPrompts": True}]
DEFINITIONS = {
    item.name: item
    for item in (
        node_type(
            "CheckpointLoaderSimple",
            outputs=["MODEL", "CLIP"],
            widgets=[("ckpt_name", [[STARTER, "other.safetensors"]])],
        ),
        node_type("CLIPTextEncode", ["CLIP"], ["CONDITIONING"], [("text", TEXT)]),
    )
}


class Work:
    """Stands for the window's background: runs what it is given at once."""

    def run(self, work):
        asyncio.run(work)


class Window(QObject):
    def __init__(self):
        super().__init__()
        self.background = Work()
        self.definitions = DEFINITIONS


@pytest.fixture
def prompt(make_canvas):
    canvas = make_canvas(
        raw_workflow(
            [
                raw_node(1, "CheckpointLoaderSimple", (60, 80), values=[STARTER]),
                raw_node(2, "CLIPTextEncode", (400, 80), (320, 200), ["red apple"]),
            ],
            [(1, 1, 2, 0, "CLIP")],
        )
    )
    canvas.document.set_definitions(DEFINITIONS)
    window = Window()
    canvas.prompt_help = PromptHelp(window, lambda kind, name: f"{SHIPPED_CHECKPOINTS}/{name}")
    canvas.prompt_help.follow(canvas.view)
    yield canvas
    canvas.view.editors.commit()
    QTest.qWait(1)


def note(canvas):
    return canvas.view.editors.editor.note


def type_text(canvas, text):
    QTest.keyClicks(canvas.view.viewport(), text)


def test_u245_unknown_words_are_named_while_typing_and_gone_when_mended(prompt, qtbot):
    prompt.click(prompt.row(2, "text"), LEFT)
    prompt.key(Qt.Key.Key_End)
    assert note(prompt).words == "2 of 12 words"

    type_text(prompt, ", castel ")
    qtbot.waitUntil(lambda: note(prompt).warning == 'not known: "castel" (castle?)')
    for _ in range(3):
        prompt.key(Qt.Key.Key_Backspace)
    type_text(prompt, "le ")

    qtbot.waitUntil(lambda: not note(prompt).warning)
    assert note(prompt).words == "3 of 12 words"


def test_u244_tab_takes_the_known_word(prompt, qtbot):
    prompt.click(prompt.row(2, "text"), LEFT)
    prompt.key(Qt.Key.Key_End)
    qtbot.waitUntil(lambda: note(prompt).words != "")
    type_text(prompt, ", castl")

    QTest.keyClick(prompt.view, Qt.Key.Key_Tab)
    prompt.view.editors.commit()
    QTest.qWait(1)

    assert prompt.file()["nodes"][1]["widgets_values"] == ["red apple, castle"]


def test_u245_the_other_checkpoint_counts_tokens_when_the_editor_opens_again(prompt, qtbot):
    prompt.click(prompt.row(2, "text"), LEFT)
    assert note(prompt).words == "2 of 12 words"
    prompt.key(Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not prompt.view.editors.is_open)
    CanvasHost(prompt.view, "1", "ckpt_name").set_value("other.safetensors")
    prompt.click(prompt.row(2, "text"), LEFT)

    assert note(prompt).words == "2 / 75 tokens"


def test_u245_files_that_come_while_one_types_are_seen(prompt, qtbot):
    prompt.prompt_help.find_file = lambda kind, name: None
    prompt.click(prompt.row(2, "text"), LEFT)
    assert note(prompt).words == "2 / 75 tokens"

    prompt.prompt_help.find_file = lambda kind, name: f"{SHIPPED_CHECKPOINTS}/{name}"
    prompt.prompt_help.take_embeddings({})

    assert note(prompt).words == "2 of 12 words"
