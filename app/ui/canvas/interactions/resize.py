"""Giving a node another size by one of its corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.hover import Hit
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class ResizeGesture(Gesture):
    """Drags a corner; the opposite one stays (U-147). Shift snaps."""

    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer, hit: Hit) -> None:
        super().__init__(view, start)
        item = self.scene.nodes[hit.key]
        self._key = hit.key
        self._corner = hit.corner
        self._pos = item.pos()
        self._size = item.size
        self._least = view.actions.least_size(hit.key)
        is_falling = hit.corner[0] == hit.corner[1]
        self.cursor = (
            Qt.CursorShape.SizeFDiagCursor if is_falling else Qt.CursorShape.SizeBDiagCursor
        )
        if hit.key not in self.scene.selection.nodes:
            self.scene.select(Selection.of([hit.key]))
        self._shown = (self._size, self._pos)

    def move(self, pointer: Pointer) -> None:
        """Show the node in the size that the pointer asks for."""
        away = pointer.pos - self.start.pos
        right, bottom = self._corner
        width = self._size[0] + right * away.x()
        height = self._size[1] + bottom * away.y()
        if self.snaps(pointer):
            width, height = self.snapped(width), self.snapped(height)
        width, height = max(width, self._least[0]), max(height, self._least[1])
        x = self._pos.x() + (self._size[0] - width if right < 0 else 0.0)
        y = self._pos.y() + (self._size[1] - height if bottom < 0 else 0.0)
        self._shown = ((width, height), QPointF(x, y))
        self.scene.dragged.resize_node(self._key, *self._shown)
        self.view.dom.place_all()

    def release(self, pointer: Pointer) -> None:
        """Give the new size to the document."""
        if not self.is_drag(pointer):
            self.cancel()
            return
        self.move(pointer)
        (width, height), pos = self._shown
        self.scene.dragged.resize_node(self._key, None, self._pos)
        place = None if pos == self._pos else pos.toTuple()
        document = self.document
        document.apply(
            edits.resize_node(document.workflow, document.bound, self._key, (width, height), place),
            words.resize(),
        )

    def cancel(self) -> None:
        """Show the node in its own size again."""
        self.scene.dragged.resize_node(self._key, None, self._pos)
