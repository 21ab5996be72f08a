"""Shows on the canvas how a workflow differs from another one; nothing of it exists until then.

Two items: ghosts of what is gone and the courses of links lie below the nodes, outlines, tints and
signs above them. Every mark has a sign, so colour never stands alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.engine.workflow.diff_marks import Difference, GhostLink, GraphMarks, MarkKind, Marks
from app.ui.canvas import link_routes
from app.ui.canvas.box_index import Box
from app.ui.canvas.detail import TITLE_ZOOM
from app.ui.canvas.link_routes import Curve, Point
from app.ui.canvas.node_fonts import node_fonts

if TYPE_CHECKING:
    from app.ui.canvas.node_item import NodeItem
    from app.ui.canvas.scene import CanvasScene

GROUND_Z, TOP_Z = 0.5, 450.0
COLORS = {
    MarkKind.ADDED: "success.line",
    MarkKind.CHANGED: "warning.line",
    MarkKind.REMOVED: "danger.line",
}

_TINT, _GHOST_FILL = 0.10, 0.06
_WIDTH, _OUTSIDE = 2.0, 1.0
_LINK_WIDTH = 4.0
_BADGE = 8.0
_REACH = 24.0
_ROW = 20.0
_TITLE = 30.0
_EVERYWHERE = QRectF(-1e7, -1e7, 2e7, 2e7)

_Paint = Callable[[QPainter, QRectF, float], None]


class DiffOverlay:
    """The marks of one canvas, while a comparison is shown.

    Args:
        scene: The scene; it follows the document, and the marks follow it.
        marks: What is marked, for all graphs of the document.
    """

    def __init__(self, scene: CanvasScene, marks: Marks) -> None:
        self._scene = scene
        self._marks = marks
        self._current: Difference | None = None
        self._ground = _Item(self._paint_ground, GROUND_Z)
        self._top = _Item(self._paint_top, TOP_Z)
        scene.addItem(self._ground)
        scene.addItem(self._top)
        # Marks reach beyond the nodes, further than the scene paints anew by itself.
        scene.content_changed.connect(self._update)

    @property
    def marks(self) -> Marks:
        """What is marked."""
        return self._marks

    def set_marks(self, marks: Marks) -> None:
        """Mark something else."""
        self._marks = marks
        self._current = None
        self._update()

    def set_current(self, difference: Difference | None) -> None:
        """Draw one of the differences stronger; None for none."""
        self._current = difference
        self._update()

    def remove(self) -> None:
        """Take all marks off the canvas."""
        self._scene.content_changed.disconnect(self._update)
        for item in (self._ground, self._top):
            self._scene.removeItem(item)
        self._scene.update()

    def place_of(self, difference: Difference) -> QRectF | None:
        """Return where a difference of the shown graph lies, or None when it is nowhere."""
        marks = self._shown
        if difference.link and difference.kind is MarkKind.ADDED:
            curves = self._curves_of(difference.link)
        elif difference.link:
            ghost = marks.links_removed.get(difference.link)
            curves = self._ghost_course(marks, ghost) if ghost is not None else []
        else:
            curves = []
        if curves:
            left, top, right, bottom = link_routes.bounds(curves)
            return QRectF(left, top, right - left, bottom - top)
        if not difference.link and difference.kind is MarkKind.REMOVED:
            gone = marks.removed.get(difference.node)
            return _rect(gone.box) if gone is not None else None
        item = self._scene.nodes.get(difference.node)
        return item.outline if item is not None else None

    @property
    def _shown(self) -> GraphMarks:
        return self._marks.graph(self._scene.document.graph_id)

    def _update(self) -> None:
        self._scene.update()

    def _color(self, kind: MarkKind, alpha: float = 1.0) -> QColor:
        color = QColor(self._scene.theme.color(COLORS[kind]))
        color.setAlphaF(alpha)
        return color

    # Below the nodes

    def _paint_ground(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        marks = self._shown
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for key in marks.links_added:
            self._paint_course(painter, self._curves_of(key), MarkKind.ADDED, exposed, zoom, key)
        for key, ghost in marks.links_removed.items():
            course = self._ghost_course(marks, ghost)
            self._paint_course(painter, course, MarkKind.REMOVED, exposed, zoom, key)
        for key, gone in marks.removed.items():
            rect = _rect(gone.box)
            if rect.intersects(exposed):
                self._paint_ghost(painter, rect, gone.title, zoom, is_current=self._is_at(key))

    def _paint_course(
        self,
        painter: QPainter,
        curves: list[Curve],
        kind: MarkKind,
        exposed: QRectF,
        zoom: float,
        key: str,
    ) -> None:
        if not curves or not _rect(link_routes.bounds(curves, _LINK_WIDTH)).intersects(exposed):
            return
        current = self._current
        is_current = current is not None and current.link == key and current.kind is kind
        width = max(_LINK_WIDTH + (2.0 if is_current else 0.0), 2.0 / zoom)
        pen = QPen(self._color(kind), width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if kind is MarkKind.REMOVED:
            pen.setWidthF(max(2.0 + (2.0 if is_current else 0.0), 1.5 / zoom))
            pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        if zoom < TITLE_ZOOM:
            first, last = curves[0], curves[-1]
            painter.drawLine(QPointF(first[0], first[1]), QPointF(last[6], last[7]))
        else:
            painter.drawPath(link_routes.path_of(curves))

    def _paint_ghost(
        self, painter: QPainter, rect: QRectF, title: str, zoom: float, *, is_current: bool
    ) -> None:
        kind = MarkKind.REMOVED
        pen = QPen(self._color(kind), max(3.0 if is_current else 1.5, 2.0 / zoom))
        pen.setDashPattern([4.0, 3.0])
        painter.setPen(pen)
        painter.setBrush(self._color(kind, _GHOST_FILL))
        radius = self._scene.theme.px("radius.node")
        painter.drawRoundedRect(rect, radius, radius)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if zoom < TITLE_ZOOM:
            return
        font = node_fonts(self._scene.theme).title
        painter.setFont(font.font)
        painter.setPen(self._scene.theme.color("danger.text"))
        words = font.cut(title, max(0.0, rect.width() - 36.0))
        baseline = font.baseline(rect.top() + _TITLE / 2)
        painter.drawText(QPointF(rect.left() + 12.0, baseline), words)
        self._paint_sign(painter, rect, kind, zoom)

    def _curves_of(self, key: str) -> list[Curve]:
        links = self._scene.links.item
        return list(links.curves(key)) if links.has_link(key) else []

    def _ghost_course(self, marks: GraphMarks, link: GhostLink) -> list[Curve]:
        start = self._end(marks, link.origin, link.output, None)
        end = self._end(marks, link.target, link.input, link.input_name)
        if start is None or end is None:
            return []
        return link_routes.route(start, end, (), self._scene.links.style)

    def _end(self, marks: GraphMarks, key: str, index: int, name: str | None) -> Point | None:
        """Return where a link that is gone met a node, or its ghost; ``name`` for an input."""
        gone = marks.removed.get(key)
        if gone is not None:
            left, top, right, bottom = gone.box
            y = min(top + _TITLE + (index + 0.7) * _ROW, bottom)
            return (right if name is None else left), y
        item = self._scene.nodes.get(key)
        if item is None:
            return None
        if name is None:
            is_there = index < len(item.node.outputs)
            return item.link_end(index, is_output=True) if is_there else _side(item, is_right=True)
        number = item.node.input_index(name)
        return (
            item.link_end(number, is_output=False)
            if number is not None
            else _side(item, is_right=False)
        )

    # Above the nodes

    def _paint_top(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        marks, scene = self._shown, self._scene
        if not (marks.added or marks.changed or marks.moved):
            return
        if zoom < TITLE_ZOOM:
            self._paint_far(painter, marks, exposed, zoom)
            return
        for item, kind in self._marked(marks, scene.nodes_in(exposed)):
            left, top, right, bottom = item.box()
            rect = QRectF(left, top, right - left, bottom - top)
            if kind is None:
                self._ring(painter, rect, scene.theme.color("border.strong"), 1.5, zoom)
                continue
            radius = scene.theme.px("radius.node")
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._color(kind, _TINT))
            painter.drawRoundedRect(rect, radius, radius)
            width = _WIDTH + (2.0 if self._is_at(item.key) else 0.0)
            self._ring(painter, rect, self._color(kind), width, zoom)
            self._paint_sign(painter, rect, kind, zoom)

    def _paint_far(
        self, painter: QPainter, marks: GraphMarks, exposed: QRectF, zoom: float
    ) -> None:
        """Draw plain rectangles, all of a kind at once: from far away there may be thousands."""
        boxes: dict[MarkKind, list[QRectF]] = {}
        reach = 1.5 / zoom
        for item, kind in self._marked(marks, self._scene.nodes_in(exposed)):
            if kind is not None:
                left, top, right, bottom = item.box()
                rect = QRectF(left, top, right - left, bottom - top)
                boxes.setdefault(kind, []).append(rect.adjusted(-reach, -reach, reach, reach))
        for kind, rects in boxes.items():
            pen = QPen(self._color(kind), 2.0)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(self._color(kind, 2 * _TINT))
            painter.drawRects(rects)

    def _marked(
        self, marks: GraphMarks, items: Iterable[NodeItem]
    ) -> Iterator[tuple[NodeItem, MarkKind | None]]:
        """Yield the marked ones of some nodes; None for those that only moved."""
        for item in items:
            if item.key in marks.added:
                yield item, MarkKind.ADDED
            elif item.key in marks.changed:
                yield item, MarkKind.CHANGED
            elif item.key in marks.moved:
                yield item, None

    def _ring(
        self, painter: QPainter, rect: QRectF, color: QColor, width: float, zoom: float
    ) -> None:
        width = max(width, 1.5 / zoom)
        reach = _OUTSIDE + width / 2
        radius = self._scene.theme.px("radius.node") + reach
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, width))
        painter.drawRoundedRect(rect.adjusted(-reach, -reach, reach, reach), radius, radius)

    def _paint_sign(self, painter: QPainter, rect: QRectF, kind: MarkKind, zoom: float) -> None:
        """Draw the sign in a disc at the upper right corner; it stays readable from far away."""
        radius = max(_BADGE, _BADGE * 0.8 / zoom)
        center = QPointF(rect.right() - radius / 2, rect.top() + radius / 2)
        painter.setPen(QPen(self._scene.theme.color("surface.canvas"), 1.5))
        painter.setBrush(self._color(kind))
        painter.drawEllipse(center, radius, radius)
        arm = radius * 0.5
        pen = QPen(self._scene.theme.color("surface.canvas"), radius * 0.22)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        left, right = center - QPointF(arm, 0.0), center + QPointF(arm, 0.0)
        if kind is MarkKind.CHANGED:
            wave = QPainterPath(left)
            wave.cubicTo(
                center + QPointF(-arm * 0.3, -arm), center + QPointF(arm * 0.3, arm), right
            )
            painter.drawPath(wave)
            return
        painter.drawLine(left, right)
        if kind is MarkKind.ADDED:
            painter.drawLine(center - QPointF(0.0, arm), center + QPointF(0.0, arm))

    def _is_at(self, key: str) -> bool:
        current, shown = self._current, self._scene.document.graph_id
        if current is None or current.link or current.graph_id != shown:
            return False
        return current.node == key


class _Item(QGraphicsItem):
    """Covers the whole scene and paints what it is told to; no press ever meets it."""

    def __init__(self, paint: _Paint, depth: float) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(depth)
        self._paint = paint
        self._shape = QPainterPath()

    def boundingRect(self) -> QRectF:
        """Cover the whole scene."""
        return _EVERYWHERE

    def shape(self) -> QPainterPath:
        """Be nowhere for hit tests."""
        return self._shape

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Paint what touches the exposed part."""
        exposed = option.exposedRect.adjusted(-_REACH, -_REACH, _REACH, _REACH)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        self._paint(painter, exposed, painter.worldTransform().m11())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _rect(box: Box) -> QRectF:
    left, top, right, bottom = box
    return QRectF(left, top, right - left, bottom - top)


def _side(item: NodeItem, *, is_right: bool) -> Point:
    left, top, right, _ = item.box()
    return (right if is_right else left), top + _TITLE / 2
