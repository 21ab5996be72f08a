"""A press on a control inside a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.canvas.canvas_host import CanvasHost
from app.ui.canvas.hover import Hit
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.widgets.base import WidgetDrag, WidgetPress

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


def press_widget(
    view: CanvasView, pointer: Pointer, hit: Hit, *, is_double: bool
) -> tuple[Gesture | None, bool]:
    """Offer a press to a control.

    Returns:
        The gesture that follows, if any, and whether the control has taken the press. What it
        does not take moves the node.
    """
    item = view.canvas.nodes[hit.key]
    if item.visible[hit.index].is_linked:
        return None, False
    control, rect = item.controls[hit.index], item.layout.widgets[hit.index]
    host = CanvasHost(view, hit.key, hit.widget)
    drag = control.press(
        WidgetPress(
            pointer.pos - item.pos(),
            rect,
            pointer.modifiers,
            is_double,
            view.zoom,
            item.scrolls.get(hit.widget, 0.0),
        ),
        host,
    )
    if drag is None:
        return None, False
    view.canvas.set_pressed(hit)
    view.actions.select_pressed(hit.key)
    return WidgetGesture(view, pointer, hit, drag), True


class WidgetGesture(Gesture):
    """Hands the pointer on to a control that has taken the press."""

    # Its control edits the document while it is dragged.
    survives_edits = True

    def __init__(self, view: CanvasView, start: Pointer, hit: Hit, drag: WidgetDrag) -> None:
        super().__init__(view, start)
        self._hit = hit
        self._drag = drag

    def move(self, pointer: Pointer) -> None:
        """Let the control follow."""
        item = self.scene.nodes.get(self._hit.key)
        if item is not None:
            self._drag.move(pointer.pos - item.pos(), pointer.modifiers)

    def release(self, pointer: Pointer) -> None:
        """Let the control act."""
        item = self.scene.nodes.get(self._hit.key)
        if item is not None:
            self._drag.release(pointer.pos - item.pos())

    def cancel(self) -> None:
        """Let the control take its changes back."""
        self._drag.cancel()
