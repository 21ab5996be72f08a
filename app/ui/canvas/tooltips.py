"""Shows a hint where the pointer has rested for a while (U-086, U-089)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, QRectF, QTimer
from PySide6.QtWidgets import QToolTip

from app.ui.canvas.hints import hint_for
from app.ui.canvas.hover import NOTHING, Hit

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

DELAY_MS = 500
OFFSET = QPoint(2, 16)
"""From the pointer to the hint; Qt keeps it on the screen."""


class CanvasTooltips(QObject):
    """Waits for the pointer to rest on one thing and says what it is.

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._hit = NOTHING
        self._is_shown = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self._show)

    @property
    def delay_ms(self) -> int:
        """How long the pointer must rest, 100 to 3000."""
        return self._timer.interval()

    @delay_ms.setter
    def delay_ms(self, milliseconds: int) -> None:
        self._timer.setInterval(max(100, min(3000, milliseconds)))

    @property
    def is_shown(self) -> bool:
        """Whether a hint of the canvas is on screen."""
        return self._is_shown and QToolTip.isVisible()

    def follow(self, hit: Hit) -> None:
        """Take note of what the pointer is over; a hint stays while that is the same thing."""
        if self._is_shown:
            if _thing(hit) == _thing(self._hit):
                return
            self.hide()
        self._hit = hit
        if hit is NOTHING or not self._view.shows_tooltips:
            self._timer.stop()
        else:
            self._timer.start()

    def hide(self) -> None:
        """Take the hint away and wait no longer."""
        self._timer.stop()
        if self._is_shown:
            self._is_shown = False
            QToolTip.hideText()

    def _show(self) -> None:
        view = self._view
        if view.mouse.gesture is not None or view.mouse.is_panning or not view.shows_tooltips:
            return
        text = hint_for(view.canvas, self._hit)
        if not text:
            return
        viewport = view.viewport()
        pixel = view.navigator.to_view(view.pointer_pos)
        if not QRectF(viewport.rect()).contains(pixel):
            return
        self._is_shown = True
        place = viewport.mapToGlobal(pixel.toPoint() + OFFSET)
        small = view.theme.font("small").pixelSize()
        rich = f'<div style="font-size: {small}px">{text}</div>'
        QToolTip.showText(place, rich, viewport)


def _thing(hit: Hit) -> tuple[object, ...]:
    return hit.under, hit.key, hit.index
