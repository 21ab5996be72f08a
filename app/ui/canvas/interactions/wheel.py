"""The wheel, the trackpad and the pinch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QInputDevice, QNativeGestureEvent, QWheelEvent

from app.ui.canvas.hover import Under
from app.ui.canvas.navigator import DEFAULT_ZOOM_STEP
from app.widgets.base import WidgetState

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

NOTCH = 120.0


class WheelHandler:
    """Zooms at the pointer; a trackpad pans (U-005, U-007).

    Attributes:
        zoom_step: Factor of one notch, 1.01 to 2.5.
        wheel_pans: The wheel moves the canvas and Ctrl with it zooms (U-006).
    """

    def __init__(self, view: CanvasView) -> None:
        self.zoom_step = DEFAULT_ZOOM_STEP
        self.wheel_pans = False
        self._view = view

    def handle(self, event: QWheelEvent) -> None:
        """Act on a turn of the wheel or a movement of two fingers."""
        ctrl = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        if not ctrl and self._scroll_text(event):
            return
        if not ctrl and (_is_trackpad(event) or self.wheel_pans):
            self._pan(event)
            return
        turn = event.angleDelta().y() or event.angleDelta().x()
        if turn:
            navigator = self._view.navigator
            navigator.zoom_at(navigator.zoom * self.zoom_step ** (turn / NOTCH), event.position())

    def handle_native(self, event: QNativeGestureEvent) -> bool:
        """Zoom in proportion to a pinch; returns whether it was one."""
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        navigator = self._view.navigator
        navigator.zoom_at(navigator.zoom * (1.0 + event.value()), event.position())
        return True

    def _pan(self, event: QWheelEvent) -> None:
        away = event.pixelDelta()
        if away.isNull():
            away = event.angleDelta() / 2
        dx, dy = away.x(), away.y()
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not dx:
            dx, dy = dy, 0
        self._view.navigator.pan_by(dx, dy)

    def _scroll_text(self, event: QWheelEvent) -> bool:
        """Scroll a text box that has more than it shows; else the canvas zooms (U-233, U-242)."""
        view = self._view
        hit = view.pick(event.position())
        if hit.under is not Under.WIDGET:
            return False
        item = view.canvas.nodes[hit.key]
        control, rect = item.controls[hit.index], item.layout.widgets[hit.index]
        scroll = item.scrolls.get(hit.widget, 0.0)
        moved = control.wheel(float(event.angleDelta().y()), rect, WidgetState(scroll=scroll))
        if moved is None:
            return False
        item.scrolls[hit.widget] = moved
        view.canvas.repaint_node(item.key)
        return True


def _is_trackpad(event: QWheelEvent) -> bool:
    """Tell two fingers from a wheel by what the platform says, not by the size of the step."""
    if event.phase() != Qt.ScrollPhase.NoScrollPhase:
        return True
    device = event.device()
    return (
        device is not None
        and device.type() == QInputDevice.DeviceType.TouchPad
        and not event.pixelDelta().isNull()
    )


def middle_of(view: CanvasView) -> QPointF:
    """Return the middle of the viewport, in pixels."""
    return QPointF(view.viewport().width() / 2, view.viewport().height() / 2)
