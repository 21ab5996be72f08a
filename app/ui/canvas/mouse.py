"""Sends the mouse to gestures, to an open editor, or to what the pointer is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QMouseEvent

from app.engine.workflow.patch import Patch
from app.ui.canvas.cursors import cursor_over
from app.ui.canvas.hover import NOTHING
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.interactions.dispatch import double_press, press
from app.ui.canvas.interactions.pan import PanGesture

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class CanvasMouse:
    """Knows which gesture has the mouse, and the pan that may be made on top of it.

    The methods that take an event return False when the event belongs to an open editor.

    Args:
        view: The canvas.

    Attributes:
        gesture: The gesture that is being made, or None; see :meth:`start`.
        pixel: Where the pointer was last seen, in pixels of the viewport.
    """

    def __init__(self, view: CanvasView) -> None:
        self.gesture: Gesture | None = None
        self.pixel = QPointF()
        self._view = view
        self._nested_pan: PanGesture | None = None
        self._is_space_held = False
        self._is_releasing = False
        self._forwards_to_editor = False

    @property
    def is_panning(self) -> bool:
        """Whether the canvas follows the pointer over something else."""
        return self._nested_pan is not None

    def start(self, gesture: Gesture) -> None:
        """Let a gesture have the mouse until its button is released."""
        self.cancel()
        self.gesture = gesture
        self._view.tooltips.hide()
        self._update()

    def end(self) -> None:
        """Take the mouse back; the gesture is over."""
        self.gesture = None
        self._view.edge_pan.stop()
        self._view.canvas.set_pressed(NOTHING)
        self._update()

    def cancel(self) -> bool:
        """Take a running gesture back; returns whether there was one."""
        gesture, self.gesture = self.gesture, None
        if gesture is None:
            return False
        gesture.cancel()
        self.end()
        return True

    def cancel_before(self, patch: Patch | None) -> None:
        """Cancel a gesture before an edit that is not its own takes away what it holds."""
        gesture = self.gesture
        if gesture is not None and not self._is_releasing and not gesture.can_outlive(patch):
            self.cancel()

    def press(self, event: QMouseEvent) -> bool:
        """Begin a gesture."""
        view, is_left = self._view, event.button() == Qt.MouseButton.LeftButton
        self.pixel = event.position()
        view.tooltips.hide()
        if event.button() == Qt.MouseButton.MiddleButton or (self._is_space_held and is_left):
            self._begin_nested_pan(event)
        elif self.gesture is not None:
            if event.button() == Qt.MouseButton.RightButton:
                self.cancel()
        elif is_left:
            return self._begin(event, press)
        return True

    def double_press(self, event: QMouseEvent) -> bool:
        """Act on a double-click; on most things it is just another press."""
        if event.button() != Qt.MouseButton.LeftButton or self._is_space_held:
            return self.press(event)
        return self._begin(event, double_press)

    def _begin(
        self, event: QMouseEvent, begin: Callable[[CanvasView, Pointer], Gesture | None]
    ) -> bool:
        view = self._view
        if view.editors.covers(event.position()):
            self._forwards_to_editor = True
            return False
        view.clear_loose_link()
        view.editors.commit()
        view.canvas.set_focused(None)
        gesture = begin(view, self._pointer(event))
        if gesture is not None:
            self.start(gesture)
        event.accept()
        return True

    def move(self, event: QMouseEvent) -> bool:
        """Feed the gesture, or see what the pointer is over."""
        pixel, is_ours = event.position(), True
        if self._nested_pan is not None:
            self._nested_pan.move(self._pointer(event))
        elif self._forwards_to_editor:
            is_ours = False
        elif self.gesture is not None:
            self.gesture.move(self._pointer(event))
            self._view.edge_pan.follow(self.gesture, pixel, event)
        elif self._view.editors.covers(pixel):
            is_ours = False
        else:
            self._hover(pixel)
        self.pixel = pixel
        return is_ours

    def release(self, event: QMouseEvent) -> bool:
        """End the gesture."""
        if self._nested_pan is not None and event.button() == self._nested_pan.button:
            self._nested_pan = None
            self._update()
        elif self._forwards_to_editor:
            self._forwards_to_editor = False
            return False
        elif self.gesture is not None and event.button() == Qt.MouseButton.LeftButton:
            gesture = self.gesture
            self._is_releasing = True
            try:
                gesture.release(self._pointer(event))
            finally:
                self._is_releasing = False
            if self.gesture is gesture:
                self.end()
            self._hover(event.position())
        return True

    def leave(self) -> None:
        """Take note that the pointer is over something else than the canvas."""
        if self.gesture is None:
            self._view.canvas.set_hover(NOTHING)
            self._view.tooltips.hide()

    def set_space_held(self, held: bool) -> None:
        """Take note of the space bar, which pans over everything (U-003)."""
        self._is_space_held = held
        pan = self._nested_pan
        if not held and pan is not None and pan.button == Qt.MouseButton.LeftButton:
            self._nested_pan = None
        self._update()

    def update_cursor(self) -> None:
        """Give the pointer the shape that tells what a press would do."""
        shape, viewport = self._cursor_shape(), self._view.viewport()
        if viewport.cursor().shape() != shape:
            viewport.setCursor(shape)

    def _cursor_shape(self) -> Qt.CursorShape:
        if self._nested_pan is not None:
            return Qt.CursorShape.ClosedHandCursor
        if self.gesture is not None and self.gesture.cursor is not None:
            return self.gesture.cursor
        if self._is_space_held or self._view.is_hand_mode:
            return Qt.CursorShape.OpenHandCursor
        return cursor_over(self._view.canvas, self._view.canvas.pointer.hover)

    def _begin_nested_pan(self, event: QMouseEvent) -> None:
        self._nested_pan = PanGesture(self._view, self._pointer(event))
        self._update()
        event.accept()

    def _update(self) -> None:
        self._view.update_gesturing()
        self.update_cursor()

    def _hover(self, pixel: QPointF) -> None:
        """Take note of what the pointer is over."""
        view = self._view
        is_inside = view.viewport().rect().contains(pixel.toPoint())
        hit = view.pick(pixel) if is_inside else NOTHING
        view.canvas.set_hover(hit)
        view.tooltips.follow(hit)
        self.update_cursor()

    def _pointer(self, event: QMouseEvent) -> Pointer:
        """Return a mouse event in the terms of gestures."""
        pixel, navigator = event.position(), self._view.navigator
        return Pointer(
            pixel, navigator.to_scene(pixel), event.modifiers(), event.button(), navigator.zoom
        )
