"""Shows things in other places and sizes while they are dragged; the document is not told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF

if TYPE_CHECKING:
    from app.ui.canvas.scene import CanvasScene


class DraggedItems:
    """Moves the items of a scene between two edits.

    Args:
        scene: Where they lie.
    """

    def __init__(self, scene: CanvasScene) -> None:
        self._scene = scene
        self._nodes: set[str] = set()
        self._links: set[str] = set()

    def begin(self, keys: Iterable[str]) -> None:
        """Get ready for :meth:`move_nodes`: links between these nodes move as they are."""
        self._nodes = set(keys)
        self._links = self._scene.links.begin_move(self._nodes)

    def move_nodes(self, positions: Mapping[str, QPointF], shift: QPointF) -> None:
        """Show nodes somewhere else.

        Args:
            positions: Where the nodes named to :meth:`begin` lie now.
            shift: How far that is from where they were then.
        """
        scene = self._scene
        for key, pos in positions.items():
            scene.place_node(scene.nodes[key], pos)
        scene.links.item.shift_to(shift.x(), shift.y())
        scene.links.update(self._links)
        scene.update_floating()

    def end(self) -> None:
        """Route all links in their own way again; nodes stay where they are shown."""
        self._scene.links.item.end_shift()
        self._scene.links.update_nodes(self._nodes)
        self._nodes, self._links = set(), set()

    def move_reroutes(self, positions: Mapping[str, QPointF]) -> None:
        """Show reroutes somewhere else."""
        for key, pos in positions.items():
            self._scene.reroutes[key].setPos(pos)
        self._scene.links.update_reroutes(positions)
        self._scene.update_floating()

    def resize_node(self, key: str, size: tuple[float, float] | None, pos: QPointF) -> None:
        """Show a node in another size; None for that of the document."""
        scene = self._scene
        item = scene.nodes[key]
        scene.marks.update_outline(item)
        item.dragged_size = size
        item.update_size()
        scene.place_node(item, pos)
        scene.refresher.mark_stale(item)
        scene.marks.update_outline(item)
        scene.links.update_nodes([key])
