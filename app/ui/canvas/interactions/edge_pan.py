"""Moves the view while something is dragged near its edge (U-016)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPointF, Qt, QTimer
from PySide6.QtGui import QMouseEvent

from app.ui.canvas.interactions.base import Gesture, Pointer

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

EDGE_PX = 50.0
FRAME_MS = 16


class EdgePan(QObject):
    """Pans for gestures that ask for it.

    Attributes:
        speed: Pixels per frame at the very edge; 0 turns it off.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self.speed = 15.0
        self._view = view
        self._gesture: Gesture | None = None
        self._pixel = QPointF()
        self._modifiers = Qt.KeyboardModifier.NoModifier
        self._timer = QTimer(self)
        self._timer.setInterval(FRAME_MS)
        self._timer.timeout.connect(self._step)

    def follow(self, gesture: Gesture, pixel: QPointF, event: QMouseEvent) -> None:
        """Look at where the pointer is now."""
        self._gesture, self._pixel, self._modifiers = gesture, pixel, event.modifiers()
        dx, dy = self._speeds()
        if not gesture.pans_at_edge or (dx == 0.0 and dy == 0.0):
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def stop(self) -> None:
        """Stand still."""
        self._timer.stop()
        self._gesture = None

    def _speeds(self) -> tuple[float, float]:
        size = self._view.viewport().size()
        return (
            _speed(self._pixel.x(), size.width()) * self.speed,
            _speed(self._pixel.y(), size.height()) * self.speed,
        )

    def _step(self) -> None:
        gesture, view = self._gesture, self._view
        if gesture is None or view.mouse.gesture is not gesture:
            self.stop()
            return
        dx, dy = self._speeds()
        view.navigator.pan_by(dx, dy)
        gesture.move(
            Pointer(
                self._pixel, view.navigator.to_scene(self._pixel), self._modifiers, zoom=view.zoom
            )
        )


def _speed(place: float, extent: float) -> float:
    """Return -1 to 1: how fast, and in which direction, the canvas moves."""
    if place < EDGE_PX:
        return min(1.0, (EDGE_PX - place) / EDGE_PX)
    if place > extent - EDGE_PX:
        return -min(1.0, (place - extent + EDGE_PX) / EDGE_PX)
    return 0.0
