"""What a file needs and this install lacks, told after it has opened."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QApplication
from window_hands import CHAIN, DEFINITIONS, click, run_task, settle, wait_until, write_chain

from app.ui.dialogs.text_card import TextCard
from app.widgets.toast import Toast

MODEL = {
    "name": "soft_v2.safetensors",
    "url": "https://example.com/soft_v2.safetensors",
    "directory": "loras",
    "hash": "abc123",
    "hash_type": "SHA256",
}


def needy(path):
    """Write a file with two nodes of a missing type and a missing model."""
    raw = json.loads(json.dumps(CHAIN))
    lost = {
        "type": "TiledThing", "size": [200, 80], "flags": {}, "order": 3, "mode": 0,
        "inputs": [], "outputs": [], "widgets_values": ["soft_v2.safetensors"],
        "properties": {"cnr_id": "tiled-pack", "ver": "1.2.0", "models": [MODEL]},
    }  # fmt: skip
    raw["nodes"] += [{"id": 8, "pos": [0, 300], **lost}, {"id": 9, "pos": [300, 300], **lost}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(raw))
    return path


def toasts(window):
    return [toast for toast in window.findChildren(Toast) if not toast.isHidden()]


def open_file(window, path):
    item = run_task(window.files.open_file(path))
    settle(window)
    return item


def card_of(window):
    wait_until(lambda: window.findChildren(TextCard))
    return window.findChildren(TextCard)[0]


@pytest.fixture
def ready(window):
    """A window that knows all node types."""
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    return window


def test_a_file_with_missing_things_opens_and_one_toast_shows_them(ready, tmp_path):
    item = open_file(ready, needy(tmp_path / "Needy.json"))
    assert ready.documents.current is item
    (toast,) = toasts(ready)
    assert toast.detail == "1 node type and 1 model"
    click(toast._buttons[0])
    text = card_of(ready).text.toPlainText()
    for words in (
        "tiled-pack  1.2.0", "TiledThing  × 2", "loras/soft_v2.safetensors", MODEL["url"],
        "SHA256: abc123",
    ):  # fmt: skip
        assert words in text, words


def test_the_list_can_be_copied(ready, tmp_path):
    open_file(ready, needy(tmp_path / "Needy.json"))
    assert ready.commands.trigger("file.requirements")
    card = card_of(ready)
    click(card.copy_button)
    assert QApplication.clipboard().text() == card.text.toPlainText()
    click(card.close_button)


def test_a_model_that_is_there_is_not_missing(ready, tmp_path):
    folder = ready.home / "models" / "loras" / "mine"
    folder.mkdir(parents=True)
    (folder / MODEL["name"]).write_bytes(b"x")
    open_file(ready, needy(tmp_path / "Needy.json"))
    (toast,) = toasts(ready)
    assert toast.detail == "1 node type"


def test_a_file_that_lacks_nothing_says_nothing(ready, tmp_path):
    open_file(ready, write_chain(tmp_path / "Chain.json"))
    assert toasts(ready) == []
    assert ready.commands.trigger("file.requirements")
    settle(ready)
    assert [toast.title for toast in toasts(ready)] == ["No node type and no model is missing"]


def test_nothing_is_called_missing_before_all_packs_have_loaded(window, tmp_path):
    item = open_file(window, needy(tmp_path / "Needy.json"))
    assert item is not None
    assert toasts(window) == []
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    assert len(toasts(window)) == 1


def test_a_document_that_was_closed_meanwhile_is_not_told_of(window, tmp_path):
    item = open_file(window, needy(tmp_path / "Needy.json"))
    window.documents.remove(item)
    window.run_port.definitions_changed.emit(DEFINITIONS)
    settle(window)
    assert toasts(window) == []
