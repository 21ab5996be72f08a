"""Files and text dropped on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPointF
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent

from app.ui.canvas import picking
from app.widgets.spec import WidgetKind

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class DropTarget:
    """Shows where a file would go and hands it to the window (U-041).

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view

    def enter(self, event: QDragEnterEvent) -> None:
        """Welcome what can be used."""
        if _is_welcome(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()

    def move(self, event: QDragMoveEvent) -> None:
        """Mark the node that would take the file."""
        if not _is_welcome(event.mimeData()):
            event.ignore()
            return
        view = self._view
        key = self._node_under(event.position()) if event.mimeData().hasUrls() else None
        view.canvas.marks.set_offered(key or "", view.theme.color("accent.line"))
        event.acceptProposedAction()

    def leave(self) -> None:
        """Mark nothing."""
        self._view.canvas.marks.set_offered("", self._view.theme.color("accent.line"))

    def drop(self, event: QDropEvent) -> None:
        """Tell the window."""
        self.leave()
        view, data = self._view, event.mimeData()
        pos = view.navigator.to_scene(event.position())
        paths = _paths(data)
        if paths:
            view.files_dropped.emit(paths, pos, self._node_under(event.position()))
        elif data.hasText():
            view.text_dropped.emit(data.text(), pos)
        event.acceptProposedAction()

    def _node_under(self, pixel: QPointF) -> str | None:
        """Return the node below that takes a file, if any."""
        view = self._view
        item = picking.node_at(view.canvas, view.navigator.to_scene(pixel))
        if item is None:
            return None
        takes_files = any(control.spec.kind is WidgetKind.IMAGE_UPLOAD for control in item.controls)
        return item.key if takes_files else None


def _paths(data: QMimeData) -> list[str]:
    return [url.toLocalFile() for url in data.urls() if url.isLocalFile()]


def _is_welcome(data: QMimeData) -> bool:
    return bool(_paths(data)) or (data.hasText() and not data.hasUrls())
