"""Keeps the problems of all documents and shows those of the present one."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from app.ui.document import WorkflowDocument
from app.ui.documents import OpenDocument, OpenDocuments
from app.ui.run_port import Problem, RunPort


class ProblemDesk(QObject):
    """Problems by document; those of no document are shown with every one.

    Signals:
        changed: Other problems are to be shown.
        work_stopped: The first problem of a run that ended it (once for each run).
    """

    changed = Signal()
    work_stopped = Signal(object)

    def __init__(
        self, documents: OpenDocuments, run_port: RunPort, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._documents = documents
        self._general: list[Problem] = []
        self._told: set[int] = set()
        run_port.problem_raised.connect(self.add)
        run_port.problems_cleared.connect(self.clear)
        documents.current_changed.connect(lambda _: self.changed.emit())

    def shown(self) -> list[Problem]:
        """Return the problems of the present document and the general ones, newest first."""
        current = self._documents.current
        own = current.problems if current is not None else []
        return [*reversed(own), *reversed(self._general)]

    def add(self, problem: Problem) -> None:
        """Keep a problem; an earlier one of the same id gives way."""
        item = self._documents.of(problem.document)
        if problem.document is not None and item is None:
            return
        rows = item.problems if item is not None else self._general
        rows[:] = [row for row in rows if row.id != problem.id]
        rows.append(problem)
        if item is not None and problem.stops_work:
            item.has_failed = True
            self._documents.state_changed.emit(item)
        self.changed.emit()
        key = id(item) if item is not None else 0
        if problem.stops_work and key not in self._told:
            self._told.add(key)
            self.work_stopped.emit(problem)

    def clear(self, document: WorkflowDocument | None) -> None:
        """Forget the problems of a document, because it runs again; None forgets all."""
        items: list[OpenDocument] = self._documents.items
        if document is not None:
            item = self._documents.of(document)
            items = [item] if item is not None else []
        else:
            self._general.clear()
            self._told.discard(0)
        for item in items:
            item.problems.clear()
            item.has_failed = False
            self._told.discard(id(item))
            self._documents.state_changed.emit(item)
        self.changed.emit()
