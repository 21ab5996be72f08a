"""The drag of controls that only know clicks."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPointF

from app.widgets.base import WidgetDrag, WidgetPress


class ClickDrag(WidgetDrag):
    """Calls ``on_click`` when the button is released over the control it was pressed on."""

    def __init__(self, press: WidgetPress, on_click: Callable[[], None]) -> None:
        self._press = press
        self._on_click = on_click

    def release(self, pos: QPointF) -> None:
        """Act, when the pointer is still over the control."""
        if self._press.rect.contains(pos):
            self._on_click()
