"""Putting a node that is dragged onto a link between the two ends of the link (U-044)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.engine.workflow import edits
from app.engine.workflow.binding import BoundLink, BoundNode
from app.ui.canvas.interactions.base import Pointer
from app.ui.canvas.interactions.connect import downstream

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

WAIT_MS = 200
"""So long the node must rest over the link; a long drag crosses many by accident."""
REACH_PX = 10.0
GAP = 40.0


@dataclass(frozen=True, slots=True)
class _Place:
    """The sockets of the node that a link would run through."""

    link: str
    input: int
    output: int


class LinkInsertion(QObject):
    """Finds the link below a dragged node and puts the node into it.

    Args:
        view: The canvas.
        key: Key of the node.
    """

    def __init__(self, view: CanvasView, key: str) -> None:
        super().__init__(view)
        self._view = view
        self._key = key
        self._near: _Place | None = None
        self._chosen: _Place | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WAIT_MS)
        self._timer.timeout.connect(self._choose)

    @staticmethod
    def can_take(node: BoundNode) -> bool:
        """Tell whether a node may go into a link: it has an input, an output and no link."""
        is_free = all(slot.link is None for slot in node.inputs)
        return is_free and bool(node.inputs) and bool(node.outputs) and not any(
            output.links for output in node.outputs
        )  # fmt: skip

    @property
    def link(self) -> str:
        """Key of the link that a release would put the node into, or an empty text."""
        return self._chosen.link if self._chosen is not None else ""

    def move(self, pointer: Pointer) -> None:
        """See what lies under the pointer; Alt forbids to insert."""
        place = None if pointer.alt else self._place_at(pointer)
        if place == self._near:
            return
        self._near = place
        self._set_chosen(None)
        if place is None:
            self._timer.stop()
        else:
            self._timer.start()

    def finish(self, gesture: str, text: str) -> None:
        """Link the node in, as part of the step that moves it.

        Args:
            gesture: Name under which the patches become one step.
            text: Name of the step.
        """
        place = self._chosen
        self.stop()
        document, key = self._view.document, self._key
        link = document.bound.links.get(place.link) if place is not None else None
        if place is None or link is None:
            return

        def connect(origin: str, output: int, target: str, slot: int) -> None:
            patch = edits.connect(document.workflow, document.bound, origin, output, target, slot)
            document.apply(patch, text, gesture=gesture)

        connect(link.origin, link.origin_slot, key, place.input)
        connect(key, place.output, link.target, link.target_input)
        self._make_room(link, gesture, text)

    def stop(self) -> None:
        """Insert nothing."""
        self._timer.stop()
        self._set_chosen(None)
        self._near = None

    def _place_at(self, pointer: Pointer) -> _Place | None:
        document = self._view.document
        name = self._view.canvas.links.item.pick(pointer.pos, REACH_PX / pointer.zoom)
        link = document.bound.links.get(name)
        if link is None:
            return None
        bound = document.bound
        wanted = bound.nodes[link.target].inputs[link.target_input].type
        given = bound.nodes[link.origin].outputs[link.origin_slot].type
        slot = edits.first_fitting_input(bound, given, self._key)
        output = edits.first_fitting_output(bound, wanted, self._key)
        return None if slot is None or output is None else _Place(name, slot, output)

    def _choose(self) -> None:
        self._set_chosen(self._near)

    def _set_chosen(self, place: _Place | None) -> None:
        if place == self._chosen:
            return
        self._chosen = place
        marks = self._view.canvas.marks
        if place is None:
            marks.update_lit()
        else:
            self._view.canvas.links.item.set_lit(marks.lit | {place.link})

    def _make_room(self, link: BoundLink, gesture: str, text: str) -> None:
        """Shift what comes after the node to the right, as far as it is in the way."""
        scene, document = self._view.canvas, self._view.document
        first = scene.nodes[link.target].pos().x()
        needed = scene.nodes[self._key].outline.right() + GAP - first
        if needed <= 0.0:
            return
        after = [
            key
            for key in downstream(document.bound, link.target)
            if scene.nodes[key].pos().x() >= first and not scene.nodes[key].node.node.is_pinned
        ]
        places = {
            key: (scene.nodes[key].pos().x() + needed, scene.nodes[key].pos().y()) for key in after
        }
        patch = edits.move_nodes(document.workflow, document.bound, places)
        document.apply(patch, text, gesture=gesture)
