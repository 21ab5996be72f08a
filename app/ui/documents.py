"""The open documents, in the order of their tabs, and which of them is shown.

A document owns its workflow and its run state; saving takes the document, never "the canvas", so
that no tab can ever be saved over another (U-388).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.ui.disk_marks import DiskMark
from app.ui.document import WorkflowDocument
from app.ui.run_port import Problem
from app.ui.run_state import RunState


@dataclass(eq=False, slots=True)
class OpenDocument:
    """One tab.

    Attributes:
        document: The workflow.
        run_state: What is known of its last run.
        problems: Problems of its last run, newest last.
        has_failed: Whether its last run failed.
        folder: Where "Save as" begins when it has no file yet.
        recovery_id: Name of its recovery file.
        was_recovered: It came out of a recovery file and has never been saved since.
        mark: How its file was when it was read or saved last, or None.
        is_astray: Its file is gone or holds what another program wrote, and this was kept.
    """

    document: WorkflowDocument
    run_state: RunState
    problems: list[Problem] = field(default_factory=list)
    has_failed: bool = False
    folder: Path | None = None
    recovery_id: str = ""
    was_recovered: bool = False
    mark: DiskMark | None = None
    is_astray: bool = False

    @property
    def needs_saving(self) -> bool:
        """Whether closing it would lose something."""
        return self.document.is_modified or self.was_recovered or self.is_astray


class OpenDocuments(QObject):
    """The tabs.

    Signals:
        added, removed: An :class:`OpenDocument`.
        current_changed: The :class:`OpenDocument` that is shown now, or None.
        state_changed: Title, path, unsaved mark or run state of some document changed.
        order_changed: Tabs were moved.
    """

    added = Signal(object)
    removed = Signal(object)
    current_changed = Signal(object)
    state_changed = Signal(object)
    order_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: list[OpenDocument] = []
        self._current: OpenDocument | None = None

    @property
    def items(self) -> list[OpenDocument]:
        """All open documents, from left to right."""
        return list(self._items)

    @property
    def current(self) -> OpenDocument | None:
        """The one that is shown."""
        return self._current

    def add(
        self, document: WorkflowDocument, *, show: bool = True, was_recovered: bool = False
    ) -> OpenDocument:
        """Open a tab for a document; it belongs to the tabs from now on."""
        document.setParent(self)
        item = OpenDocument(document, RunState(document), was_recovered=was_recovered)
        place = len(self._items)
        if show and self._current is not None:
            place = self._items.index(self._current) + 1
        self._items.insert(place, item)

        def tell(*_: object) -> None:
            self.state_changed.emit(item)

        document.modified_changed.connect(tell)
        document.path_changed.connect(tell)
        item.run_state.job_changed.connect(tell)
        self.added.emit(item)
        if show or self._current is None:
            self.show(item)
        return item

    def show(self, item: OpenDocument | None) -> None:
        """Show a document."""
        if item is not self._current:
            self._current = item
            self.current_changed.emit(item)

    def remove(self, item: OpenDocument) -> None:
        """Close a tab without asking."""
        index = self._items.index(item)
        self._items.remove(item)
        if item is self._current:
            rest = self._items
            self.show(rest[min(index, len(rest) - 1)] if rest else None)
        self.removed.emit(item)
        item.document.deleteLater()

    def move(self, index: int, target: int) -> None:
        """Move a tab to another place."""
        self._items.insert(target, self._items.pop(index))
        self.order_changed.emit()

    def step(self, offset: int) -> None:
        """Show the tab ``offset`` places to the right, going round."""
        if self._current is not None and len(self._items) > 1:
            index = self._items.index(self._current) + offset
            self.show(self._items[index % len(self._items)])

    def of(self, document: WorkflowDocument | None) -> OpenDocument | None:
        """Return the tab of a document, if it is open."""
        return next((item for item in self._items if item.document is document), None)

    def with_path(self, path: Path) -> OpenDocument | None:
        """Return the tab in which a file is open already."""
        return next((item for item in self._items if item.document.path == path), None)

    def run_state_of(self, document: WorkflowDocument) -> RunState | None:
        """Return the run state of an open document."""
        item = self.of(document)
        return item.run_state if item is not None else None
