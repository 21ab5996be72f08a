"""Giving a group another size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.group_item import LEAST_SIZE
from app.ui.canvas.interactions.base import Gesture, Pointer

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class GroupResizeGesture(Gesture):
    """Drags the lower right corner of a group (U-172). Shift snaps."""

    cursor = Qt.CursorShape.SizeFDiagCursor
    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer, key: str) -> None:
        super().__init__(view, start)
        self._key = key
        self._item = self.scene.groups[key]
        self._rect = QRectF(self._item.rect)

    def move(self, pointer: Pointer) -> None:
        """Show the group in the size that the pointer asks for."""
        away = pointer.pos - self.start.pos
        width, height = self._rect.width() + away.x(), self._rect.height() + away.y()
        if self.snaps(pointer):
            width, height = self.snapped(width), self.snapped(height)
        rect = QRectF(self._rect)
        rect.setWidth(max(LEAST_SIZE[0], width))
        rect.setHeight(max(LEAST_SIZE[1], height))
        self._item.set_rect(rect)

    def release(self, pointer: Pointer) -> None:
        """Give the new size to the document."""
        self.move(pointer)
        rect, document = self._item.rect, self.document
        if rect != self._rect:
            box = (rect.x(), rect.y(), rect.width(), rect.height())
            document.apply(
                edits.set_group(document.workflow, document.bound, self._key, bounding=box),
                words.resize(),
            )

    def cancel(self) -> None:
        """Show the group in its own size again."""
        self._item.set_rect(self._rect)
