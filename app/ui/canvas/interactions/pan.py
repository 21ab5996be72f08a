"""Moving the canvas under the pointer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class PanGesture(Gesture):
    """The canvas follows the pointer (U-001, U-002, U-003).

    Attributes:
        button: The button that began it.
    """

    cursor = Qt.CursorShape.ClosedHandCursor
    moves_canvas = True

    def __init__(self, view: CanvasView, start: Pointer, *, clears: bool = False) -> None:
        super().__init__(view, start)
        self.button = start.button
        self._last = start.pixel
        self._begin = QPointF(view.horizontalScrollBar().value(), view.verticalScrollBar().value())
        self._clears = clears

    def move(self, pointer: Pointer) -> None:
        """Move the canvas as far as the pointer went."""
        away = pointer.pixel - self._last
        dx, dy = round(away.x()), round(away.y())
        if dx or dy:
            # What is less than a pixel stays for the next move.
            self._last = self._last + QPointF(dx, dy)
            self.view.navigator.pan_by(dx, dy)

    def release(self, pointer: Pointer) -> None:
        """End; a mere click on empty canvas clears the selection (U-100)."""
        if self._clears and not self.is_drag(pointer) and not pointer.ctrl:
            self.scene.select(Selection())

    def cancel(self) -> None:
        """Go back to where the canvas was."""
        view = self.view
        now = QPointF(view.horizontalScrollBar().value(), view.verticalScrollBar().value())
        away = now - self._begin
        view.navigator.pan_by(away.x(), away.y())
