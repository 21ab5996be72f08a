"""The left panel: one of several panels, each made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from app.widgets.style import Style
from app.widgets.themed import Themed


class PanelDeck(Themed, QWidget):
    """A stack of panels by name.

    Signals:
        opened: Name of the panel that is shown now.
    """

    opened = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._factories: dict[str, Callable[[], QWidget]] = {}
        self._panels: dict[str, QWidget] = {}
        self._current = ""
        self._stack = QStackedLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self.apply_style(look)

    @property
    def current(self) -> str:
        """Name of the panel that is shown, or empty before the first."""
        return self._current

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all panels, made or not."""
        return tuple(self._factories)

    def add(self, name: str, make: Callable[[], QWidget]) -> None:
        """Register a panel; ``make`` is called when it is first opened."""
        self._factories[name] = make

    def panel(self, name: str) -> QWidget | None:
        """Return a panel if it was ever opened."""
        return self._panels.get(name)

    def open(self, name: str) -> QWidget:
        """Show a panel, making it if need be.

        Raises:
            KeyError: There is no such panel.
        """
        panel = self._panels.get(name)
        if panel is None:
            panel = self._factories[name]()
            self._panels[name] = panel
            self._stack.addWidget(panel)
        self._current = name
        self._stack.setCurrentWidget(panel)
        self.opened.emit(name)
        return panel

    def reserve(self, name: str) -> None:
        """Name the panel that will be opened first, without making it yet."""
        self._current = name

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self.color("surface.panel"))
