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
SIDE_REACH = 6.0
_SIDE_RADIUS = 4.0
_SIDE_GROWTH = 1.0
_HALF_TURN = 180 * 16
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
        self._sides: dict[int, QGraphicsEllipseItem] = {}
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

    def set_hovered(self, side: int | None) -> None:
        """Show the half sockets left and right of it while the pointer is over it (U-076).

        Args:
            side: -1 or 1 for the half socket under the pointer, 0 for the point itself, None when
                the pointer is elsewhere.
        """
        if side is not None and not self._sides:
            for place in (-1, 1):
                half = QGraphicsEllipseItem(self)
                half.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
                half.setPos(place * SIDE_DISTANCE, 0.0)
                half.setStartAngle(90 * 16 if place < 0 else -90 * 16)
                half.setSpanAngle(_HALF_TURN)
                self._sides[place] = half
        for place, half in self._sides.items():
            half.setVisible(side is not None)
            radius = _SIDE_RADIUS + (_SIDE_GROWTH if place == side else 0.0)
            half.setRect(-radius, -radius, 2 * radius, 2 * radius)
        self._update_pens()

    def _update_pens(self) -> None:
        self.setBrush(QBrush(self._color))
        for half in self._sides.values():
            half.setBrush(QBrush(self._color))
            half.setPen(QPen(self._style.color("surface.canvas"), 1.0))
        if self._selected:
            self.setPen(QPen(self._style.color("selection.line"), 2.0))
        else:
            self.setPen(QPen(self._style.color("surface.canvas"), 2.0))
