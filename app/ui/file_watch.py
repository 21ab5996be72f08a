"""Watches the files of open documents: says when another program changed or removed one (U-396).

The files are looked at once a second in a thread. That sees every way to write a file, also a new
one put in the place of the old, and works on network drives, where systems tell of no change.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.engine.errors import WorkflowFileError
from app.ui.disk_marks import DiskMark, Finding, look_at, mark_of
from app.ui.documents import OpenDocument
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.file_bar import FileBar
    from app.ui.main_window import MainWindow

INTERVAL_MS = 1000


class FileWatch(QObject):
    """Looks after the files of all tabs, and asks in a bar what to do; nothing happens by itself.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._bar: FileBar | None = None
        self._notices: dict[OpenDocument, DiskMark | None] = {}
        self._kept: set[OpenDocument] = set()
        self._kept_gone: set[OpenDocument] = set()
        self._saving: set[OpenDocument] = set()
        self._loading: set[OpenDocument] = set()
        self._is_closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(INTERVAL_MS)
        self._timer.timeout.connect(lambda: window.background.run(self._look_again()))
        documents = window.documents
        documents.added.connect(lambda _: self._start())
        documents.removed.connect(self._forget)
        documents.current_changed.connect(lambda _: self._show_bar())
        documents.state_changed.connect(lambda _: self._start())
        window.closed.connect(self._close)

    @property
    def bar(self) -> FileBar | None:
        """The bar, once it has been needed."""
        return self._bar

    def begin_save(self, item: OpenDocument) -> None:
        """Take note that its file is about to be written by us."""
        self._saving.add(item)

    def end_save(self, item: OpenDocument) -> None:
        """Take note that the writing has ended, well or not."""
        self._saving.discard(item)
        self._start()

    def settle(self, item: OpenDocument, mark: DiskMark | None) -> None:
        """Take note that a document and its file are one again.

        Args:
            item: The document.
            mark: The mark of its file as it is now.
        """
        item.mark = mark
        item.is_astray = False
        self._kept.discard(item)
        self._kept_gone.discard(item)
        self._end_notice(item)
        self._start()

    async def look(self) -> None:
        """Look at the files of all tabs now."""
        rows = [
            (item, item.document.path, item.mark)
            for item in self._window.documents.items
            if item.document.path is not None and item.mark is not None
        ]
        rows = [row for row in rows if not self._is_busy(row[0])]
        asked = [
            (path, mark, self._notices.get(item))
            for item, path, mark in rows
            if path is not None and mark is not None
        ]
        findings = await asyncio.to_thread(look_at, asked)
        open_now = self._window.documents.items
        for (item, path, mark), (finding, present) in zip(rows, findings, strict=True):
            is_stale = item.mark is not mark or item.document.path != path
            if item in open_now and not is_stale and not self._is_busy(item):
                self._take(item, finding, present)

    def reload_current(self) -> None:
        """Load the file of the shown document again."""
        item = self._window.documents.current
        if item is not None and item.document.path is not None:
            self._window.background.run(self.reload(item))

    async def reload(self, item: OpenDocument) -> bool:
        """Show what is in the file of a document now, as one step that undo takes back.

        Returns:
            Whether it could be read.
        """
        from app.engine.workflow.reader import open_workflow

        document, path = item.document, item.document.path
        if path is None or self._is_busy(item):
            return False
        self._loading.add(item)
        try:
            mark = await asyncio.to_thread(mark_of, path)
            workflow = await asyncio.to_thread(
                open_workflow, path, definitions=document.definitions
            )
        except WorkflowFileError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return False
        finally:
            self._loading.discard(item)
        if item not in self._window.documents.items or document.path != path:
            return False
        if workflow.is_converted:
            words = tr("Cannot load “{name}” here: it holds a prompt now")
            hint = tr("Open it from the File menu, in a tab of its own.")
            self._window.toast(words.format(name=path.name), hint, is_problem=True)
            return False
        document.replace(workflow, tr("Load again"))
        document.mark_saved()
        item.was_recovered = False
        self.settle(item, mark)
        self._window.files.compare.end_with(item, path.name)
        self._window.documents.state_changed.emit(item)
        return True

    def keep(self, item: OpenDocument) -> None:
        """Go on with what is shown: closing asks now, and saving writes it over the file."""
        if item not in self._notices:
            return
        present = self._notices[item]
        if present is None:
            self._kept_gone.add(item)
        else:
            item.mark = present
            item.is_astray = True
            self._kept.add(item)
        self._end_notice(item)
        self._window.documents.state_changed.emit(item)
        self._focus_canvas()

    def _take(self, item: OpenDocument, finding: Finding, present: DiskMark | None) -> None:
        is_told = item in self._notices
        was_gone = item in self._kept_gone or (is_told and self._notices[item] is None)
        if finding is Finding.GONE and not was_gone:
            # From now on nothing but this tab holds the work.
            item.is_astray = True
            self._notices[item] = None
        elif finding is Finding.CHANGED and not (is_told and self._notices[item] == present):
            self._kept_gone.discard(item)
            self._notices[item] = present
        elif finding is Finding.SAME:
            item.mark = present
            if not is_told and not was_gone:
                return
            self._kept_gone.discard(item)
            self._notices.pop(item, None)
            item.is_astray = item in self._kept
        else:
            return
        self._show_bar()
        self._window.documents.state_changed.emit(item)

    def _end_notice(self, item: OpenDocument) -> None:
        if item in self._notices:
            del self._notices[item]
            self._show_bar()

    def _show_bar(self) -> None:
        window = self._window
        item = window.documents.current
        if item is None or item not in self._notices or item.document.path is None:
            if self._bar is not None:
                self._bar.hide()
            return
        bar = self._bar or self._make_bar()
        name = item.document.path.name
        if self._notices[item] is None:
            bar.show_words(
                tr("“{name}” was deleted or moved").format(name=name),
                tr("Its workflow is still open here."),
                ("save", "keep"),
            )
        else:
            bar.show_words(
                tr("“{name}” has changed on disk").format(name=name),
                tr("Loading it again can be undone."),
                ("load", "compare", "keep"),
            )

    def _make_bar(self) -> FileBar:
        from app.ui.file_bar import FileBar

        self._bar = FileBar(self._window.look)
        self._bar.requested.connect(self._answer)
        self._window.frame.add_notice(self._bar)
        return self._bar

    def _answer(self, name: str) -> None:
        window = self._window
        item = window.documents.current
        if item is None:
            return
        if name == "keep":
            self.keep(item)
            return
        if name == "load":
            window.background.run(self.reload(item))
        elif name == "compare":
            window.files.compare.compare_saved()
        elif name == "save":
            window.background.run(window.files.save(item))
        self._focus_canvas()

    def _focus_canvas(self) -> None:
        # The button that had the keyboard may be gone with the bar.
        view = self._window.view
        if view is not None:
            view.setFocus()

    def _is_busy(self, item: OpenDocument) -> bool:
        return item in self._saving or item in self._loading

    def _forget(self, item: OpenDocument) -> None:
        self._kept.discard(item)
        self._kept_gone.discard(item)
        self._end_notice(item)

    def _start(self) -> None:
        if self._is_closed or self._timer.isActive():
            return
        if any(item.mark is not None for item in self._window.documents.items):
            self._timer.start()

    async def _look_again(self) -> None:
        try:
            await self.look()
        finally:
            self._start()

    def _close(self) -> None:
        self._is_closed = True
        self._timer.stop()
