"""Putting a reroute on a link."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.link_routes import distance, route
from app.ui.canvas.reroute_item import RerouteItem
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


def place_reroute(view: CanvasView, start: Pointer, link_key: str) -> Gesture:
    """Begin to put a reroute on a link; the same drag places it (U-075)."""
    return RerouteGesture(view, start, link_key)


class RerouteGesture(Gesture):
    """Shows where the reroute would lie and makes it on release."""

    cursor = Qt.CursorShape.CrossCursor

    def __init__(self, view: CanvasView, start: Pointer, link_key: str) -> None:
        super().__init__(view, start)
        self._link = self.document.bound.links[link_key]
        self._index = self._place_in_chain(start.pos)
        self._ghost = RerouteItem("", start.pos.toTuple(), self.scene.theme)
        self._ghost.set_color(self.scene.theme.link_color(self._link.type))
        self.scene.addItem(self._ghost)
        self._show(start.pos)

    def _place_in_chain(self, pos: QPointF) -> int:
        """Return between which reroutes of the link the press was."""
        curves = self.scene.links.item.curves(self._link.key)
        distances = [distance([curve], pos.x(), pos.y()) for curve in curves]
        return min(distances.index(min(distances)), len(self._link.reroutes))

    def _show(self, pos: QPointF) -> None:
        self._ghost.setPos(pos)
        scene, link = self.scene, self._link
        points = [scene.reroutes[key].pos().toTuple() for key in link.reroutes]
        points.insert(self._index, pos.toTuple())
        curves = route(
            scene.nodes[link.origin].link_end(link.origin_slot, is_output=True),
            scene.nodes[link.target].link_end(link.target_input, is_output=False),
            points,
            scene.links.style,
        )
        scene.links.item.update_boxes([scene.links.item.set_link(link.key, curves, link.type)])

    def move(self, pointer: Pointer) -> None:
        """Follow the pointer."""
        self._show(pointer.pos)

    def release(self, pointer: Pointer) -> None:
        """Make the reroute and select it."""
        self.scene.removeItem(self._ghost)
        document = self.document
        patch, key = edits.add_reroute(
            document.workflow,
            document.bound,
            self._link.key,
            pointer.pos.toTuple(),
            index=self._index,
        )
        document.apply(patch, words.add_reroute())
        self.scene.select(Selection.of(reroutes=[key]))

    def cancel(self) -> None:
        """Leave the link as it was."""
        self.scene.removeItem(self._ghost)
        self.scene.links.update([self._link.key])
