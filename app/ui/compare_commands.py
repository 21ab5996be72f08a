"""Compares the shown document with a file or a run; what differs is marked on the canvas."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtWidgets import QFileDialog

from app.engine.errors import EaselError, WorkflowFileError
from app.ui.commands import Command
from app.ui.past_runs import PastRuns
from app.ui.words import tr

if TYPE_CHECKING:
    from app.engine.workflow.model import Workflow
    from app.ui.compare_bar import CompareBar
    from app.ui.comparison import Comparison
    from app.ui.documents import OpenDocument
    from app.ui.main_window import MainWindow
    from app.ui.run_port import Result
    from app.widgets.choice_popup import ChoicePopup


class CompareCommands:
    """Commands that compare, and the one that tells what is missing.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._shown: dict[OpenDocument, Comparison] = {}
        self._bar: CompareBar | None = None
        self._runs = PastRuns(window.run_port, window)
        right = window.frame.right
        right.queue.compare_requested.connect(self.compare_run)
        right.results.compare_requested.connect(self.compare_result)
        window.documents.current_changed.connect(lambda _: self._show_bar())
        window.documents.removed.connect(self._forget)

    def commands(self) -> list[Command]:
        """Return the commands."""
        window = self._window
        is_on = self._is_shown
        return [
            Command("file.compare_saved", tr("Compare with saved"), self.compare_saved, "File/35",
                    enabled=lambda: self._saved_path() is not None, words="diff changes"),
            Command("file.compare_file", tr("Compare with file…"), self.ask_file, "File/35",
                    enabled=window.has_document, words="diff changes"),
            Command("file.compare_run", tr("Compare with a run…"), self.ask_run, "File/35",
                    enabled=self._has_runs, words="diff changes history queue"),
            Command("file.requirements", tr("Missing nodes and models…"),
                    lambda: window.wiring.requirements.show_current(), "File/35",
                    enabled=window.has_document, words="requirements packs install"),
            Command("compare.next", tr("Next difference"), lambda: self._step(1), "View/7",
                    enabled=is_on, words="compare diff"),
            Command("compare.previous", tr("Previous difference"), lambda: self._step(-1),
                    "View/7", enabled=is_on, words="compare diff"),
            Command("compare.text", tr("Differences as text…"), self.show_text, "View/7",
                    enabled=is_on, words="compare diff"),
            Command("compare.close", tr("Close the comparison"), self.end, "View/7",
                    enabled=is_on, words="compare diff"),
        ]  # fmt: skip

    @property
    def comparison(self) -> Comparison | None:
        """The comparison of the shown document, or None."""
        current = self._window.documents.current
        return self._shown.get(current) if current is not None else None

    @property
    def bar(self) -> CompareBar | None:
        """The bar over the canvas, once it has been needed."""
        return self._bar

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

    def ask_run(self) -> None:
        """Ask for a run of this session and compare the shown document with it."""
        self.open_runs()

    def open_runs(self) -> ChoicePopup:
        """Open a list of the runs of this session; the chosen one is compared with."""
        from app.widgets.choice_popup import ChoicePopup

        window, area = self._window, self._window.frame.canvas
        ids: dict[str, str] = {}
        for run in self._runs.runs:
            words, number = run.words, 2
            while words in ids:
                # Short runs of one document end in the same second.
                words, number = f"{run.words} ({number})", number + 1
            ids[words] = run.id
        popup = ChoicePopup(
            list(ids), None, lambda words: self.compare_run(ids[words]), window.look, area
        )
        corner = area.mapToGlobal(QPoint(area.width() // 2 - 160, window.frame.px(16)))
        popup.open_at(QRect(corner, QSize(320, 0)))
        return popup

    def compare_run(self, run_id: str) -> None:
        """Compare the shown document with what a job of the queue or the history ran."""
        row = next((run for run in self._runs.runs if run.id == run_id), None)
        waiting = next((job for job in self._window.run_port.state.jobs if job.id == run_id), None)
        title = row.words if row is not None else waiting.title if waiting is not None else ""
        name = title or tr("the run")
        self._window.background.run(self._compare(lambda: self._read_run(run_id, name), name))

    def compare_result(self, result: Result) -> None:
        """Compare the shown document with the workflow that made a picture."""
        path = Path(result.path)
        if result.run_id:
            # The run knows its workflow even when pictures are saved without it.
            self._window.background.run(
                self._compare(lambda: self._read_result(result, path), path.name)
            )
        else:
            self._window.background.run(self.compare(path))

    async def compare(self, path: Path) -> None:
        """Mark what differs in the shown document from a file."""
        from app.engine.workflow.reader import open_workflow

        await self._compare(lambda: open_workflow(path), path.name)

    def show_text(self) -> None:
        """Show all differences as lines of text."""
        from app.ui.dialogs.text_card import TextCard

        comparison = self.comparison
        if comparison is None:
            return
        TextCard(
            self._window,
            self._window.look,
            tr("Changes since “{name}”").format(name=comparison.name),
            tr("Added lines begin with +, removed ones with -, changed ones with ~."),
            "\n".join(comparison.compared.lines),
        ).open()

    def end(self) -> None:
        """Take the comparison off the shown document."""
        self.close()

    def close(self) -> bool:
        """Take the comparison off the shown document; tells whether there was one."""
        current = self._window.documents.current
        if current is None or current not in self._shown:
            return False
        self._forget(current)
        self._show_bar()
        view = self._window.view
        if view is not None:
            view.setFocus()
        return True

    def _read_result(self, result: Result, path: Path) -> Workflow:
        from app.engine.workflow.reader import open_workflow, read_workflow

        raw = self._window.run_port.workflow_of_run(result.run_id)
        if raw is None:
            return open_workflow(path)
        return read_workflow(json.dumps(raw), name=path.name)

    def _read_run(self, run_id: str, name: str) -> Workflow:
        """Return the workflow of a run; for a thread.

        Raises:
            WorkflowFileError: The run kept none, such as one that came from a script.
        """
        from app.engine.workflow.reader import read_workflow

        raw = self._window.run_port.workflow_of_run(run_id)
        if raw is None:
            raise WorkflowFileError(
                f"Cannot compare with “{name}”: it kept no workflow. "
                "Choose a run that was started from a window in this session."
            )
        return read_workflow(json.dumps(raw), name=name)

    async def _compare(self, read: Callable[[], Workflow], name: str) -> None:
        from app.engine.workflow.writer import snapshot
        from app.ui.comparison import Comparison, compare_workflows

        window = self._window
        item = window.documents.current
        if item is None:
            window.toast(tr("Open a workflow first"), tr("There is nothing to compare with."))
            return
        content, definitions = snapshot(item.document.workflow), item.document.definitions
        try:
            before = await asyncio.to_thread(read)
            compared = await asyncio.to_thread(compare_workflows, before, content, definitions)
        except EaselError as error:
            window.toast(str(error), error.details, is_problem=True)
            return
        if item not in window.documents.items:
            return
        self._forget(item)
        if compared.is_same:
            window.toast(tr("Nothing differs from “{name}”").format(name=name))
            self._show_bar()
            return
        comparison = Comparison(window, item, before, name, compared)
        comparison.changed.connect(self._show_bar)
        self._shown[item] = comparison
        self._show_bar()

    def end_with(self, item: OpenDocument, name: str) -> None:
        """End the comparison of a document with a file that it now is the same as."""
        comparison = self._shown.get(item)
        if comparison is not None and comparison.name == name:
            self._forget(item)
            self._show_bar()

    def _step(self, offset: int) -> None:
        comparison = self.comparison
        if comparison is not None:
            comparison.step(offset)

    def _show_bar(self) -> None:
        comparison = self.comparison
        if comparison is None:
            if self._bar is not None:
                self._bar.hide()
            return
        bar = self._bar or self._make_bar()
        marks = comparison.compared.marks
        bar.set_low(bool(comparison.item.document.trail))
        bar.show_step(comparison.index, len(marks.differences), comparison.difference)
        bar.show_marks(comparison.name, marks)

    def _make_bar(self) -> CompareBar:
        from app.ui.compare_bar import CompareBar

        window = self._window
        self._bar = CompareBar(window.frame.canvas, window.look)
        self._bar.command_requested.connect(window.commands.trigger)
        return self._bar

    def _forget(self, item: OpenDocument) -> None:
        comparison = self._shown.pop(item, None)
        if comparison is not None:
            comparison.close()

    def _saved_path(self) -> Path | None:
        document = self._window.document
        return None if document is None else document.path

    def _has_runs(self) -> bool:
        return self._window.has_document() and bool(self._runs.runs)

    def _is_shown(self) -> bool:
        return self.comparison is not None
