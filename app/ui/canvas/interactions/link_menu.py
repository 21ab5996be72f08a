"""Pressing the marker in the middle of a link: a click opens its menu, a drag pans (U-073)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions.base import Pointer
from app.ui.canvas.interactions.pan import PanGesture

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


class LinkMenuGesture(PanGesture):
    """Asks for the menu of a link unless the press becomes a drag.

    Args:
        view: The canvas.
        start: The press.
        link: Key of the link.
    """

    def __init__(self, view: CanvasView, start: Pointer, link: str) -> None:
        super().__init__(view, start)
        self._link = link

    def move(self, pointer: Pointer) -> None:
        """Pan once the pointer has moved too far for a click."""
        if self.is_drag(pointer):
            super().move(pointer)

    def release(self, pointer: Pointer) -> None:
        """Ask for the menu."""
        if not self.is_drag(pointer):
            view = self.view
            screen = view.viewport().mapToGlobal(pointer.pixel.toPoint())
            view.context_menu_requested.emit(Hit(Under.LINK, self._link), pointer.pos, screen)
