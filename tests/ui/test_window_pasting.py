"""What the window says when a paste leaves something out."""

from __future__ import annotations

import json

import pytest
from PySide6.QtWidgets import QApplication

from app.engine.workflow import clipboard
from app.engine.workflow.edits.packing import create_subgraph
from app.ui.canvas.selection import Selection
from app.widgets.toast import Toast


@pytest.fixture
def host(window, chain):
    """The key of a host of the subgraph "Inner", in which the blur lies."""
    document = chain.document
    patch, key = create_subgraph(document.workflow, document.bound, ["2"], name="Inner")
    document.apply(patch, "Convert")
    return key


def toasts(window):
    return [toast for toast in window.findChildren(Toast) if not toast.isHidden()]


def test_u_126_a_subgraph_pasted_into_itself_is_left_out_with_a_sentence(window, chain, host):
    view, document = window.view, chain.document
    view.canvas.select(Selection.of([host, "3"]))
    assert window.commands.trigger("edit.copy")
    window.canvas_wiring.enter_subgraph(chain, host)
    before = set(document.bound.nodes)

    assert window.commands.trigger("edit.paste")

    added = set(document.bound.nodes) - before
    assert [document.node(key).node.type for key in added] == ["SaveImage"]
    told = {toast.title: toast for toast in toasts(window)}
    assert list(told) == ['"Inner" cannot be pasted into itself']
    (toast,) = told.values()
    assert "left out" in toast.detail


def test_a_paste_that_takes_everything_says_nothing(window, chain, host):
    view = window.view
    view.canvas.select(Selection.of(["3"]))
    assert window.commands.trigger("edit.copy")
    window.canvas_wiring.enter_subgraph(chain, host)
    assert window.commands.trigger("edit.paste")
    assert toasts(window) == []

    assert clipboard.from_text(QApplication.clipboard().text()) is not None
    QApplication.clipboard().setText(json.dumps({"no": "clip"}))
    assert window.commands.trigger("edit.paste")
    assert not any("cannot be pasted" in toast.title for toast in toasts(window))
