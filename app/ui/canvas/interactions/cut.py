"""Cutting links with a stroke of the pointer (U-065)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsPathItem

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.link_routes import crosses

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

_STROKE_Z = 700.0


class CutGesture(Gesture):
    """Removes the links that the stroke crosses; they light up before the release."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._last = start.pos
        self._cut: dict[str, None] = {}
        self._path = QPainterPath(start.pos)
        pen = QPen(self.scene.theme.color("danger.line"), 1.5)
        pen.setCosmetic(True)
        self._item = QGraphicsPathItem()
        self._item.setPen(pen)
        self._item.setZValue(_STROKE_Z)
        self.scene.addItem(self._item)

    def move(self, pointer: Pointer) -> None:
        """Draw the stroke on and see what it crosses."""
        links = self.scene.links.item
        box = QRectF(self._last, pointer.pos).normalized().adjusted(-1.0, -1.0, 1.0, 1.0)
        for key in links.keys_in(box):
            if key not in self._cut and crosses(
                links.curves(key), self._last.toTuple(), pointer.pos.toTuple()
            ):
                self._cut[key] = None
        self._last = QPointF(pointer.pos)
        self._path.lineTo(pointer.pos)
        self._item.setPath(self._path)
        links.set_lit(self._cut)

    def release(self, pointer: Pointer) -> None:
        """Remove what was crossed, as one step."""
        self.move(pointer)
        self._end()
        document = self.document
        keys = [key for key in self._cut if key in document.bound.links]
        if keys:
            patch = edits.remove_links(document.workflow, document.bound, keys)
            document.apply(patch, words.cut_links())

    def cancel(self) -> None:
        """Cut nothing."""
        self._end()

    def _end(self) -> None:
        self.scene.removeItem(self._item)
        self.scene.marks.update_lit()
