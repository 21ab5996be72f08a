"""What all gestures share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from app.engine.workflow.model import RecordKind
from app.engine.workflow.patch import Patch, SetKey

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

DRIFT_PX = 6.0
"""A press that moves less than this is a click (U-109)."""
SNAP_STEP = 10.0
_HARMLESS = frozenset({"widgets_values", "widgets_values_named", "title", "mode", "order"})
"""Values of nodes that may change under any gesture, as a seed does between two runs."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Where the mouse is and what is held.

    Attributes:
        pixel: Place in the viewport.
        pos: Place on the canvas.
        modifiers: Keys that are held.
        button: The button that was pressed or released.
        zoom: Screen pixels per unit.
    """

    pixel: QPointF
    pos: QPointF
    modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier
    button: Qt.MouseButton = Qt.MouseButton.LeftButton
    zoom: float = 1.0

    @property
    def shift(self) -> bool:
        """Whether Shift is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ShiftModifier)

    @property
    def ctrl(self) -> bool:
        """Whether Ctrl (Cmd on macOS) is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.ControlModifier)

    @property
    def alt(self) -> bool:
        """Whether Alt is held."""
        return bool(self.modifiers & Qt.KeyboardModifier.AltModifier)


class Gesture:
    """One press, what follows, and its release.

    Escape cancels any gesture and leaves no trace in the undo stack: nothing is given to the
    document before the release.

    Attributes:
        cursor: Shape of the pointer meanwhile, or None for the usual one.
        moves_canvas: Large parts of the picture change: leave out what is dear to paint.
        pans_at_edge: The view moves when the pointer comes near its edge.
        survives_edits: It goes on when nodes, links or slots change meanwhile; others are
            cancelled, for what they hold may be gone.
    """

    cursor: Qt.CursorShape | None = None
    moves_canvas = False
    pans_at_edge = False
    survives_edits = False

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        self.view = view
        self.scene = view.canvas
        self.document = view.document
        self.start = start

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""

    def release(self, pointer: Pointer) -> None:
        """Do what the gesture is for."""

    def cancel(self) -> None:
        """Take everything back."""

    def can_outlive(self, patch: Patch | None) -> bool:
        """Tell whether it may go on after an edit that is not its own; None may be anything."""
        if self.survives_edits:
            return True
        return patch is not None and all(
            isinstance(step, SetKey) and step.kind is RecordKind.NODE and step.name in _HARMLESS
            for step in patch
        )

    def snaps(self, pointer: Pointer) -> bool:
        """Tell whether things keep to the grid: by Shift, or always (U-110)."""
        return pointer.shift or self.view.is_snapping

    def snapped(self, value: float) -> float:
        """Return the nearest line of the grid."""
        step = max(1.0, float(self.view.snap_size))
        return round(value / step) * step

    def is_drag(self, pointer: Pointer) -> bool:
        """Tell whether the pointer has moved too far for a click."""
        away = pointer.pixel - self.start.pixel
        return max(abs(away.x()), abs(away.y())) >= DRIFT_PX
