"""Which pictures of nodes are painted anew this frame, and which are thrown away.

Only what is on screen is painted, just before Qt paints it, and for no longer than a few
milliseconds; what does not get its turn keeps its old, stretched picture and follows soon after.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap

from app.ui.canvas.detail import Detail, detail_at, ladder_zoom
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_painter import NodePainter
from app.ui.canvas.node_view import NodeView
from app.ui.canvas.shadow import MARGIN

BUDGET_S = 0.006
CACHE_BYTES = 96 * 1024 * 1024
LARGEST_PICTURE = 10_000_000
"""Pixels of one picture; closer views are enlarged from it."""
_SHADOW_BELOW = 6.0
_PLAIN_MARGIN = 1.0

ViewOf = Callable[[NodeItem, Detail, float], NodeView]


class PictureRefresher:
    """Keeps the pictures of the nodes on screen up to date within a time budget.

    Args:
        view_of: Tells how a node looks now, for a level of detail and a zoom.
        color_of: Tells the one colour that a node has from far away.
    """

    def __init__(self, view_of: ViewOf, color_of: Callable[[NodeItem], QColor]) -> None:
        self._view_of = view_of
        self._color_of = color_of
        self._painter: NodePainter | None = None
        self._flat: dict[int, QPixmap] = {}
        self._bytes: OrderedDict[NodeItem, int] = OrderedDict()
        self._used = 0
        self._stale: dict[NodeItem, None] = {}
        self._settled = QRectF()
        self._zoom = 0.0
        self._target = (0.0, Detail.FLAT)
        self.on_stale: Callable[[], None] | None = None
        """Called when a node becomes stale, so that the view can ask for a refresh."""

    def set_painter(self, painter: NodePainter) -> None:
        """Paint everything with another painter from now on."""
        self._painter = painter
        self._flat.clear()
        self.invalidate_all()

    def invalidate_all(self) -> None:
        """Look at every node on screen again."""
        self._settled = QRectF()

    def show_flat(self, item: NodeItem) -> None:
        """Give a new node the placeholder until it has its turn."""
        item.show_placeholder(self._placeholder(self._color_of(item)))
        item.is_stale = True

    def mark_stale(self, item: NodeItem) -> None:
        """Paint this node anew when it is next on screen."""
        item.is_stale = True
        self._stale[item] = None
        if self.on_stale is not None:
            self.on_stale()

    def mark_all_stale(self, items: Iterable[NodeItem]) -> None:
        """Paint these nodes anew when they are next on screen."""
        for item in items:
            item.is_stale = True
            self._stale[item] = None
        if self.on_stale is not None:
            self.on_stale()

    def forget(self, item: NodeItem) -> None:
        """Drop what is kept of a node that goes away."""
        self._used -= self._bytes.pop(item, 0)
        self._stale.pop(item, None)

    def clear(self) -> None:
        """Drop everything that is kept of nodes."""
        self._bytes.clear()
        self._stale.clear()
        self._used = 0
        self.invalidate_all()

    def is_settled(self, visible: QRectF, zoom: float) -> bool:
        """Tell whether nothing that is seen can need a new picture, but for stale nodes."""
        return self._zoom == zoom and self._settled.contains(visible) and not self._stale

    def refresh(
        self,
        visible: QRectF,
        items_in: Callable[[QRectF], Iterable[NodeItem]],
        zoom: float,
        ratio: float,
        *,
        is_zooming: bool,
        budget_s: float = BUDGET_S,
    ) -> bool:
        """Paint the pictures that are needed for the next frame.

        Args:
            visible: What the view shows, in scene coordinates.
            items_in: Tells which nodes touch a rectangle.
            zoom: Scale of the view.
            ratio: Device pixels per pixel.
            is_zooming: The zoom still changes: paint at a step of the ladder.
            budget_s: Seconds to spend; 0 or less for no bound.

        Returns:
            Whether everything is as it should be; else call again soon.
        """
        self._zoom = zoom
        target = ((ladder_zoom(zoom) if is_zooming else zoom) * ratio, detail_at(zoom, ratio))
        if target != self._target:
            self._target = target
            self._settled = QRectF()
        deadline = time.perf_counter() + budget_s if budget_s > 0 else math.inf
        for item in self._wanted(visible, items_in):
            if not self._needs(item, target):
                continue
            if time.perf_counter() > deadline:
                return False
            self._render(item, target)
        self._settled = QRectF(visible)
        if self._used > CACHE_BYTES:
            self._evict(visible)
        return True

    def prefetch(
        self,
        around: QRectF,
        items_in: Callable[[QRectF], Iterable[NodeItem]],
        budget_s: float,
    ) -> bool:
        """Paint nodes just outside of the view while nothing else is to do.

        Args:
            around: What is seen and a margin about it, in scene coordinates.
            items_in: Tells which nodes touch a rectangle.
            budget_s: Seconds to spend.

        Returns:
            Whether all are painted; else call again soon.
        """
        deadline = time.perf_counter() + budget_s
        for item in items_in(around):
            if self._needs(item, self._target):
                if time.perf_counter() > deadline:
                    return False
                self._render(item, self._target)
        return True

    def _wanted(
        self, visible: QRectF, items_in: Callable[[QRectF], Iterable[NodeItem]]
    ) -> Iterable[NodeItem]:
        """Return the nodes to look at: all, those that came into view, or the stale ones."""
        stale = [item for item in self._stale if visible.intersects(item.outline)]
        settled = self._settled
        if settled.contains(visible):
            return stale
        if not settled.intersects(visible):
            return [*stale, *items_in(visible)]
        found = dict.fromkeys(stale)
        for strip in _uncovered(visible, settled):
            found.update(dict.fromkeys(items_in(strip)))
        return found

    def _needs(self, item: NodeItem, target: tuple[float, Detail]) -> bool:
        if item.is_stale:
            return True
        zoom, detail = target
        if detail is Detail.FLAT:
            return item.zoom != 0.0
        return item.detail is not detail or abs(item.zoom - zoom) > 1e-6

    def _render(self, item: NodeItem, target: tuple[float, Detail]) -> None:
        zoom, detail = target
        self._stale.pop(item, None)
        if detail is Detail.FLAT:
            item.show_placeholder(self._placeholder(self._color_of(item)))
            self._used -= self._bytes.pop(item, 0)
            return
        view = self._view_of(item, detail, zoom)
        assert self._painter is not None
        pixmap, corner = paint_picture(self._painter, view)
        item.show_picture(pixmap, corner, zoom, detail)
        size = pixmap.width() * pixmap.height() * 4
        self._used += size - self._bytes.pop(item, 0)
        self._bytes[item] = size

    def _placeholder(self, color: QColor) -> QPixmap:
        pixmap = self._flat.get(color.rgba())
        if pixmap is None:
            pixmap = QPixmap(1, 1)
            pixmap.fill(color)
            self._flat[color.rgba()] = pixmap
        return pixmap

    def _evict(self, visible: QRectF) -> None:
        for item in list(self._bytes):
            if self._used <= CACHE_BYTES:
                break
            if not visible.intersects(item.outline):
                self._used -= self._bytes.pop(item)
                self.show_flat(item)


def _uncovered(visible: QRectF, settled: QRectF) -> Iterator[QRectF]:
    """Yield the strips of ``visible`` that lie beyond ``settled``."""
    if visible.left() < settled.left():
        yield QRectF(visible.topLeft(), QPointF(settled.left(), visible.bottom()))
    if visible.right() > settled.right():
        yield QRectF(QPointF(settled.right(), visible.top()), visible.bottomRight())
    if visible.top() < settled.top():
        yield QRectF(visible.topLeft(), QPointF(visible.right(), settled.top()))
    if visible.bottom() > settled.bottom():
        yield QRectF(QPointF(visible.left(), settled.bottom()), visible.bottomRight())


def paint_picture(painter: NodePainter, view: NodeView) -> tuple[QPixmap, QPointF]:
    """Paint a node into a pixmap of ``size * zoom`` pixels.

    Returns:
        The picture, with its device pixel ratio set so that its logical size is that of the
        node, and its upper left corner in node coordinates.
    """
    margin = MARGIN if view.detail is Detail.FULL else _PLAIN_MARGIN
    below = margin + (_SHADOW_BELOW if view.detail is Detail.FULL else 0.0)
    box = view.layout.outline.adjusted(-margin, -margin, margin, below)
    zoom = min(view.zoom, math.sqrt(LARGEST_PICTURE / max(1.0, box.width() * box.height())))
    pixmap = QPixmap(max(1, math.ceil(box.width() * zoom)), max(1, math.ceil(box.height() * zoom)))
    pixmap.fill(Qt.GlobalColor.transparent)
    with QPainter(pixmap) as canvas:
        canvas.scale(zoom, zoom)
        canvas.translate(-box.topLeft())
        painter.paint(canvas, view)
    pixmap.setDevicePixelRatio(zoom)
    return pixmap, box.topLeft()
