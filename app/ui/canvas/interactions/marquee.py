"""Selecting with a rectangle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QGraphicsRectItem

from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

_MARQUEE_Z = 700.0
_FILL_ALPHA = 0.07


class MarqueeGesture(Gesture):
    """Selects what a rectangle touches: nodes by touch, groups whole, reroutes by centre (U-102).

    Shift adds to what is selected; Alt, pressed after the start, takes away.
    """

    cursor = Qt.CursorShape.CrossCursor
    moves_canvas = True
    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._before = self.scene.selection
        self._adds = start.shift
        line = QColor(self.scene.theme.color("selection.line"))
        fill = QColor(line)
        fill.setAlphaF(_FILL_ALPHA)
        pen = QPen(line, 1.0)
        pen.setCosmetic(True)
        self._item = QGraphicsRectItem()
        self._item.setPen(pen)
        self._item.setBrush(fill)
        self._item.setZValue(_MARQUEE_Z)
        self.scene.addItem(self._item)

    def move(self, pointer: Pointer) -> None:
        """Draw the rectangle and select at once."""
        rect = QRectF(self.start.pos, pointer.pos).normalized()
        self._item.setRect(rect)
        if self.is_drag(pointer):
            self.scene.select(self._result(rect, pointer))

    def release(self, pointer: Pointer) -> None:
        """Keep the selection; a Ctrl+click on empty canvas changes nothing (U-101)."""
        self.scene.removeItem(self._item)

    def cancel(self) -> None:
        """Select again what was selected before."""
        self.scene.removeItem(self._item)
        self.scene.select(self._before)

    def _result(self, rect: QRectF, pointer: Pointer) -> Selection:
        scene = self.scene
        found = Selection.of(
            [item.key for item in scene.nodes_in(rect)],
            [key for key, group in scene.groups.items() if rect.contains(group.rect)],
            [key for key, item in scene.reroutes.items() if rect.contains(item.pos())],
        )
        if pointer.alt and not self.start.alt:
            return self._before.without(found)
        return self._before.united(found) if self._adds or pointer.shift else found
