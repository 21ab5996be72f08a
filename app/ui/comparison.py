"""One document compared with another workflow, shown on its canvas until it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.engine.workflow.diff_marks import Difference, Marks
from app.ui.documents import OpenDocument

if TYPE_CHECKING:
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.model import Workflow
    from app.ui.canvas.diff_overlay import DiffOverlay
    from app.ui.main_window import MainWindow

RECOMPUTE_AFTER_MS = 300
"""How long after an edit the differences are looked for again."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What differs, to mark and in words."""

    marks: Marks
    lines: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.lines


class Comparison(QObject):
    """Keeps the marks of one document up to date while it is edited.

    Args:
        window: The window that shows it.
        item: The document.
        before: What it is compared with; only read, on threads too.
        name: What that is called.
        compared: What differs at first.

    Signals:
        changed: Other differences, or another one is the present one.
    """

    changed = Signal()

    def __init__(
        self,
        window: MainWindow,
        item: OpenDocument,
        before: Workflow,
        name: str,
        compared: Compared,
    ) -> None:
        super().__init__(window)
        self.item = item
        self.name = name
        self.compared = compared
        self.index = -1
        self._window = window
        self._before = before
        self._overlay: DiffOverlay | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(RECOMPUTE_AFTER_MS)
        self._timer.timeout.connect(lambda: window.background.run(self._recompute()))
        item.document.edited.connect(self._timer.start)
        item.document.graph_reset.connect(self.changed)
        self._show_marks()

    @property
    def difference(self) -> Difference | None:
        """The present difference, or None before the first step."""
        steps = self.compared.marks.differences
        return steps[self.index] if 0 <= self.index < len(steps) else None

    def step(self, offset: int) -> None:
        """Go to the next difference, or back; after the last one comes the first."""
        steps = self.compared.marks.differences
        if not steps:
            return
        if self.index < 0:
            self.index = 0 if offset > 0 else len(steps) - 1
        else:
            self.index = (self.index + offset) % len(steps)
        self._go()
        self.changed.emit()

    def close(self) -> None:
        """Take the marks off."""
        self._timer.stop()
        self.item.document.edited.disconnect(self._timer.start)
        self.item.document.graph_reset.disconnect(self.changed)
        if self._overlay is not None:
            self._overlay.remove()
            self._overlay = None
        self.deleteLater()

    def _show_marks(self) -> None:
        from app.ui.canvas.diff_overlay import DiffOverlay

        view = self._window.canvas_view(self.item)
        if self._overlay is not None:
            self._overlay.set_marks(self.compared.marks)
        elif view is not None:
            self._overlay = DiffOverlay(view.canvas, self.compared.marks)

    def _go(self) -> None:
        difference, overlay = self.difference, self._overlay
        view = self._window.canvas_view(self.item)
        if difference is None or overlay is None or view is None:
            return
        document = self.item.document
        if difference.graph_id != document.graph_id:
            if difference.graph_id and difference.graph_id not in document.workflow.subgraphs:
                return
            self._window.canvas_wiring.store_view(self.item)
            document.show_graph(difference.graph_id)
        overlay.set_current(difference)
        place = overlay.place_of(difference)
        if place is None:
            return
        seen = view.navigator.visible
        zoom = max(view.zoom, 0.7)
        if place.width() * zoom > view.viewport().width() * 0.8 or (
            place.height() * zoom > view.viewport().height() * 0.6
        ):
            view.navigator.fit(place)
        elif view.zoom < 0.7 or not seen.contains(place):
            view.navigator.center_on(place.center(), zoom, animate=True)

    async def _recompute(self) -> None:
        from app.engine.workflow.writer import snapshot

        if self._overlay is None:
            return
        document = self.item.document
        content = snapshot(document.workflow)
        compared = await asyncio.to_thread(
            compare_workflows, self._before, content, document.definitions
        )
        if self._overlay is None:
            return
        present = self.difference
        self.compared = compared
        steps = compared.marks.differences
        self.index = next(
            (i for i, step in enumerate(steps) if present is not None and _is_one(step, present)),
            -1,
        )
        self._show_marks()
        self._overlay.set_current(self.difference)
        self.changed.emit()


def _is_one(step: Difference, other: Difference) -> bool:
    return (step.graph_id, step.node, step.link) == (other.graph_id, other.node, other.link)


def compare_workflows(
    before: Workflow, content: Any, definitions: Mapping[str, NodeDefinition]
) -> Compared:
    """Return what differs from a workflow; for a thread.

    Args:
        before: The first of the two.
        content: A snapshot of the document; the second one.
        definitions: Node definitions by type name.
    """
    from app.engine.workflow.diff import diff_workflows
    from app.engine.workflow.diff_marks import marks_of
    from app.engine.workflow.diff_text import describe_diff
    from app.engine.workflow.reader import read_workflow
    from app.engine.workflow.writer import serialize

    after = read_workflow(serialize(content))
    diff = diff_workflows(before, after, definitions)
    return Compared(marks_of(diff, before, after, definitions), tuple(describe_diff(diff)))
