"""A point that links run through; painted by Qt itself."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPen
from PySide6.QtWidgets import QGraphicsEllipseItem

from app.widgets.style import Style

RADIUS = 6.0
PRESS_RADIUS = 10.0
SIDE_DISTANCE = 15.0
"""How far left and right of the point the half sockets lie that a link can be drawn from."""
REROUTE_Z = 5.0


class RerouteItem(QGraphicsEllipseItem):
    """One reroute of the shown graph.

    Attributes:
        key: Key of the reroute.
    """

    def __init__(self, key: str, pos: tuple[float, float], style: Style) -> None:
        super().__init__(QRectF(-RADIUS, -RADIUS, 2 * RADIUS, 2 * RADIUS))
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(REROUTE_Z)
        self.key = key
        self._selected = False
        self._color = style.link_color("*")
        self.setPos(*pos)
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._update_pens()

    def set_color(self, color: QColor) -> None:
        """Show the colour of the links that run through it."""
        self._color = color
        self._update_pens()

    def set_selected(self, selected: bool) -> None:
        """Draw it as selected or not."""
        self._selected = selected
        self._update_pens()

    def _update_pens(self) -> None:
        self.setBrush(QBrush(self._color))
        if self._selected:
            self.setPen(QPen(self._style.color("selection.line"), 2.0))
        else:
            self.setPen(QPen(self._style.color("surface.canvas"), 2.0))
