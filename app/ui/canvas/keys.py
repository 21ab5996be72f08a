"""Keys that act on the canvas while no editor has the keyboard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.ui.canvas.actions import NUDGE

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_PLAIN = (
    Qt.KeyboardModifier.ShiftModifier
    | Qt.KeyboardModifier.KeypadModifier
    | Qt.KeyboardModifier.AltModifier
)


class CanvasKeys:
    """Answers keys; those of commands with a shortcut never arrive here.

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view

    def press(self, event: QKeyEvent) -> bool:
        """Act on a key going down; returns whether it means anything here."""
        view, key = self._view, Qt.Key(event.key())
        if key == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                view.mouse.set_space_held(True)
            return True
        if key == Qt.Key.Key_Escape:
            return self._escape()
        if key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            return False
        if view.is_hand_mode or event.modifiers() & ~_PLAIN:
            return False
        if view.slots.press(event):
            return True
        if key in _ARROWS:
            return self._arrow(key, event)
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            return False
        if key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            view.actions.delete()
            return True
        if key == Qt.Key.Key_Period:
            view.actions.fit()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            focused = view.canvas.pointer.focused
            if focused is not None:
                view.editors.activate(*focused)
                return True
        if key == Qt.Key.Key_F2:
            view.actions.rename()
            return True
        return False

    def release(self, event: QKeyEvent) -> bool:
        """Act on a key coming up."""
        if event.key() == Qt.Key.Key_Space:
            if not event.isAutoRepeat():
                self._view.mouse.set_space_held(False)
            return True
        return False

    def _escape(self) -> bool:
        view = self._view
        if view.mouse.cancel():
            return True
        view.clear_loose_link()
        if view.canvas.pointer.focused is not None:
            view.canvas.set_focused(None)
            return True
        if view.is_hand_mode:
            view.set_hand_mode(False)
            return True
        if view.actions.has_selection:
            view.actions.select_none()
            return True
        return False

    def _arrow(self, key: Qt.Key, event: QKeyEvent) -> bool:
        view = self._view
        if not view.actions.has_selection:
            return False
        x, y = _ARROWS[key]
        step = NUDGE
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            step *= 5
        elif event.modifiers() & Qt.KeyboardModifier.AltModifier:
            step = 1.0
        view.actions.nudge(x * step, y * step)
        return True
