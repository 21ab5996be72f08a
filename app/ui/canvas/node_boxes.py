"""Which nodes touch a rectangle, and how wide Qt's own index of items has to be."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF

from app.ui.canvas.box_index import BoxIndex
from app.ui.canvas.node_item import NodeItem

INDEX_MARGIN = 4000.0
"""How far the index of items reaches beyond the nodes."""


class NodeBoxes:
    """The boxes of all node items of a scene."""

    def __init__(self) -> None:
        self._boxes = BoxIndex()
        self._items: list[NodeItem | None] = []
        self._numbers: dict[str, int] = {}

    def add(self, item: NodeItem) -> None:
        """Take a new node in."""
        self._numbers[item.key] = self._boxes.append(item.box())
        self._items.append(item)

    def update(self, item: NodeItem) -> None:
        """Take note that a node has moved or has another size."""
        self._boxes.set(self._numbers[item.key], item.box())

    def remove(self, key: str) -> None:
        """Forget a node."""
        number = self._numbers.pop(key)
        self._boxes.clear_box(number)
        self._items[number] = None

    def clear(self) -> None:
        """Forget all nodes."""
        self._boxes.clear()
        self._items.clear()
        self._numbers.clear()

    def touching(self, rect: QRectF) -> list[NodeItem]:
        """Return the nodes whose outline touches ``rect``, lowest first or not."""
        items = self._items
        numbers = self._boxes.touching((rect.left(), rect.top(), rect.right(), rect.bottom()))
        return [item for number in numbers if (item := items[number]) is not None]


def index_rect(places: Iterable[tuple[float, float]]) -> QRectF:
    """Return the rectangle that Qt divides into cells to find items in.

    It hugs the nodes, for the cells are shares of it; what comes to lie beyond is found in the
    cells at its edge. Where the view can go is another matter, see the view's own rectangle.
    """
    points = list(places) or [(0.0, 0.0)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    rect = QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys)))
    return rect.adjusted(-INDEX_MARGIN, -INDEX_MARGIN, INDEX_MARGIN, INDEX_MARGIN)
