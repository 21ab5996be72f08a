"""Compares the shown document with a file; the changed nodes are selected on the canvas."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog

from app.engine.errors import EaselError
from app.ui.canvas.selection import Selection
from app.ui.commands import Command
from app.ui.words import tr

if TYPE_CHECKING:
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.diff import GraphDiff, WorkflowDiff
    from app.ui.documents import OpenDocument
    from app.ui.main_window import MainWindow


class CompareCommands:
    """Commands of the File menu that compare, and the one that tells what is missing.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        window = self._window
        return [
            Command("file.compare_saved", tr("Compare with saved"), self.compare_saved, "File/35",
                    enabled=lambda: self._saved_path() is not None, words="diff changes"),
            Command("file.compare_file", tr("Compare with file…"), self.ask_file, "File/35",
                    enabled=window.has_document, words="diff changes"),
            Command("file.requirements", tr("Missing nodes and models…"),
                    lambda: window.wiring.requirements.show_current(), "File/35",
                    enabled=window.has_document, words="requirements packs install"),
        ]  # fmt: skip

    def compare_saved(self) -> None:
        """Compare the shown document with what is on disk."""
        path = self._saved_path()
        if path is not None:
            self._window.background.run(self.compare(path))

    def ask_file(self) -> None:
        """Ask for a file and compare the shown document with it."""
        item = self._window.documents.current
        folder = item.folder if item is not None and item.folder else self._window.home / "user"
        dialog = QFileDialog(self._window, tr("Compare with"), str(folder))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(
            lambda path: self._window.background.run(self.compare(Path(path)))
        )
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    async def compare(self, path: Path) -> None:
        """Tell what differs in the shown document from a file, and select the changed nodes."""
        from app.engine.workflow.writer import snapshot

        item = self._window.documents.current
        if item is None:
            return
        content = snapshot(item.document.workflow)
        try:
            diff, lines = await asyncio.to_thread(
                compare_with, path, content, item.document.definitions
            )
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return
        if diff.is_same:
            self._window.toast(tr("Nothing differs from “{name}”").format(name=path.name))
            return
        self._show(item, diff, lines, path.name)

    def _show(self, item: OpenDocument, diff: WorkflowDiff, lines: list[str], name: str) -> None:
        from app.ui.dialogs.text_card import TextCard

        view = self._window.canvas_view(item)
        if view is not None:
            view.canvas.select(Selection.of(changed_keys(diff.graph(item.document.graph_id))))
        TextCard(
            self._window,
            self._window.look,
            tr("Changes since “{name}”").format(name=name),
            tr("Added lines begin with +, removed ones with -, changed ones with ~. "
               "The changed nodes are selected."),
            "\n".join(lines),
        ).open()  # fmt: skip

    def _saved_path(self) -> Path | None:
        document = self._window.document
        return None if document is None else document.path


def compare_with(
    path: Path, content: Any, definitions: Mapping[str, NodeDefinition]
) -> tuple[WorkflowDiff, list[str]]:
    """Return what differs from a file as data and as text; may block.

    Args:
        path: The file; the first of the two workflows.
        content: A snapshot of the document; the second one.
        definitions: Node definitions by type name.

    Raises:
        WorkflowFileError: The file cannot be read.
    """
    from app.engine.workflow.diff import diff_workflows
    from app.engine.workflow.diff_text import describe_diff
    from app.engine.workflow.reader import open_workflow, read_workflow
    from app.engine.workflow.writer import serialize

    diff = diff_workflows(open_workflow(path), read_workflow(serialize(content)), definitions)
    return diff, describe_diff(diff)


def changed_keys(graph: GraphDiff) -> list[str]:
    """Return the nodes of the second workflow that came, changed, moved or got other links."""
    found = [node.key for node in graph.nodes_added]
    found += [change.node.key for change in graph.nodes_changed]
    found += [move.node.key for move in graph.nodes_moved]
    found += [link.target.key for link in (*graph.links_added, *graph.links_removed)]
    return list(dict.fromkeys(found))
