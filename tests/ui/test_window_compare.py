"""Comparing the shown document with a file."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QFileDialog
from window_hands import CHAIN, run_task, settle, wait_until, write_chain

from app.engine.workflow import edits
from app.ui.dialogs.text_card import TextCard
from app.widgets.toast import Toast


@pytest.fixture
def saved(window, tmp_path):
    """The chain as a file, opened."""
    return run_task(window.files.open_file(write_chain(tmp_path / "Chain.json")))


def set_radius(document, value):
    patch = edits.set_widget(document.workflow, document.bound, "2", "radius", value)
    document.apply(patch, "Set")


def titles(window):
    return [toast.title for toast in window.findChildren(Toast) if not toast.isHidden()]


def test_compare_with_saved_lists_and_selects_what_changed(window, saved):
    document = saved.document
    set_radius(document, 9)
    document.apply(edits.remove_nodes(document.workflow, document.bound, ["3"]), "Delete")
    assert window.commands.trigger("file.compare_saved")
    settle(window)
    (card,) = window.findChildren(TextCard)
    lines = card.text.toPlainText().splitlines()
    assert any("radius" in line and "4" in line and "9" in line for line in lines)
    assert any(line.startswith("- ") and "Save Image" in line for line in lines)
    assert list(window.view.canvas.selection.nodes) == ["2"]


def test_compare_with_saved_says_when_nothing_differs(window, saved):
    assert window.commands.trigger("file.compare_saved")
    settle(window)
    assert not window.findChildren(TextCard)
    assert titles(window) == ["Nothing differs from “Chain.json”"]


def test_compare_with_saved_needs_a_file(window, chain):
    assert not window.commands.get("file.compare_saved").enabled()
    assert window.commands.get("file.compare_file").enabled()


def test_compare_with_a_file_that_is_chosen(window, saved, tmp_path):
    raw = json.loads(json.dumps(CHAIN))
    raw["nodes"][1]["widgets_values"] = [7]
    other = tmp_path / "Other.json"
    other.write_text(json.dumps(raw))
    assert window.commands.trigger("file.compare_file")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(other))
    dialog.reject()
    settle(window)
    (card,) = window.findChildren(TextCard)
    assert "7" in card.text.toPlainText()
    assert list(window.view.canvas.selection.nodes) == ["2"]


def test_a_file_that_cannot_be_read_is_told(window, saved, tmp_path):
    broken = tmp_path / "Broken.json"
    broken.write_text("{")
    assert window.commands.trigger("file.compare_file")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(broken))
    dialog.reject()
    settle(window)
    assert not window.findChildren(TextCard)
    assert any("Broken" in title for title in titles(window))
