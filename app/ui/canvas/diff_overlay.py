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

from app.engine.workflow.diff_marks import Difference, GraphMarks, MarkKind, Marks
from app.ui.canvas import link_routes
from app.ui.canvas.box_index import Box, BoxIndex
from app.ui.canvas.detail import TITLE_ZOOM
from app.ui.canvas.diff_courses import MOST_FOLLOWED, Course, DiffCourses
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
_LINK_WIDTH, _GONE_WIDTH = 4.0, 2.0
_DASHES = [4.0, 3.0]
_MANY = 300
_BADGE = 8.0
_REACH = 24.0
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
        self._courses: DiffCourses | None = None
        self._ghosts: BoxIndex | None = None
        self._far: dict[MarkKind, list[QRectF]] | None = None
        self._drawn: dict[str, Box] = {}
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
        self._scene.update()

    def remove(self) -> None:
        """Take all marks off the canvas."""
        self._scene.content_changed.disconnect(self._update)
        for item in (self._ground, self._top):
            self._scene.removeItem(item)
        self._scene.update()

    def place_of(self, difference: Difference) -> QRectF | None:
        """Return where a difference of the shown graph lies, or None when it is nowhere."""
        if difference.link:
            curves = self._links.course(difference.kind, difference.link)
            if curves:
                return _rect(link_routes.bounds(curves))
        elif difference.kind is MarkKind.REMOVED:
            gone = self._shown.removed.get(difference.node)
            return _rect(gone.box) if gone is not None else None
        item = self._scene.nodes.get(difference.node)
        return item.outline if item is not None else None

    @property
    def _shown(self) -> GraphMarks:
        return self._marks.graph(self._scene.document.graph_id)

    @property
    def _links(self) -> DiffCourses:
        if self._courses is None:
            self._courses = DiffCourses(self._scene, self._shown)
        return self._courses

    def _update(self) -> None:
        """Work everything out anew when it is next painted."""
        self._courses = self._ghosts = self._far = None
        self._drawn.clear()
        self._scene.update()

    def _follow(self) -> None:
        """Let the marks of nodes that are dragged go with them: nobody else tells of that."""
        selected = self._scene.selection.nodes
        if len(selected) > MOST_FOLLOWED:
            return
        has_moved = self._links.follow(selected)
        for key in selected:
            item = self._scene.nodes.get(key)
            box = item.box() if item is not None else None
            if box is not None and self._drawn.setdefault(key, box) != box:
                self._drawn[key] = box
                self._far = None
                has_moved = True
        if has_moved:
            self._scene.update()

    def _color(self, kind: MarkKind, alpha: float = 1.0) -> QColor:
        color = QColor(self._scene.theme.color(COLORS[kind]))
        color.setAlphaF(alpha)
        return color

    # Below the nodes

    def _paint_ground(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        self._follow()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        courses = self._links.touching(exposed)
        if zoom < TITLE_ZOOM or len(courses) > _MANY:
            self._paint_far_links(painter, courses)
        else:
            for course in courses:
                painter.setPen(self._link_pen(course, zoom))
                painter.drawPath(course.path)
        self._paint_ghosts(painter, exposed, zoom)

    def _link_pen(self, course: Course, zoom: float) -> QPen:
        current = self._current
        is_current = (
            current is not None and current.link == course.key and current.kind is course.kind
        )
        width = _LINK_WIDTH if course.kind is MarkKind.ADDED else _GONE_WIDTH
        pen = QPen(self._color(course.kind), max(width + 2.0 * is_current, 1.5 / zoom))
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        if course.kind is MarkKind.REMOVED:
            pen.setDashPattern(_DASHES)
        return pen

    def _paint_far_links(self, painter: QPainter, courses: list[Course]) -> None:
        """Draw straight lines, all of a kind at once."""
        for kind in (MarkKind.ADDED, MarkKind.REMOVED):
            lines = [course.line for course in courses if course.kind is kind]
            if lines:
                pen = QPen(self._color(kind), 1.0 if len(lines) > _MANY else 2.0)
                pen.setCosmetic(True)
                if kind is MarkKind.REMOVED and len(lines) <= _MANY:
                    pen.setDashPattern(_DASHES)
                painter.setPen(pen)
                painter.drawLines(lines)

    def _paint_ghosts(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        ghosts = list(self._shown.removed.values())
        if not ghosts:
            return
        if self._ghosts is None:
            self._ghosts = BoxIndex()
            for ghost in ghosts:
                self._ghosts.append(ghost.box)
        box = (exposed.left(), exposed.top(), exposed.right(), exposed.bottom())
        seen = [ghosts[number] for number in self._ghosts.touching(box)]
        if len(seen) > _MANY:
            pen = QPen(self._color(MarkKind.REMOVED), 1.0)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(self._color(MarkKind.REMOVED, _GHOST_FILL))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
            painter.drawRects([_rect(ghost.box) for ghost in seen])
            return
        for ghost in seen:
            is_current = self._is_at(ghost.key)
            self._paint_ghost(painter, _rect(ghost.box), ghost.title, zoom, is_current=is_current)

    def _paint_ghost(
        self, painter: QPainter, rect: QRectF, title: str, zoom: float, *, is_current: bool
    ) -> None:
        kind = MarkKind.REMOVED
        pen = QPen(self._color(kind), max(3.0 if is_current else 1.5, 2.0 / zoom))
        pen.setDashPattern(_DASHES)
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

    # Above the nodes

    def _paint_top(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        marks, scene = self._shown, self._scene
        if not (marks.added or marks.changed or marks.moved):
            return
        if zoom < TITLE_ZOOM:
            self._paint_far(painter, marks)
            return
        for item, kind in _marked(marks, scene.nodes_in(exposed)):
            rect = _rect(item.box())
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

    def _paint_far(self, painter: QPainter, marks: GraphMarks) -> None:
        """Draw plain rectangles, all of a kind at once: from far away there may be thousands."""
        if self._far is None:
            self._far = {}
            for item, kind in _marked(marks, self._scene.nodes.values()):
                if kind is not None:
                    self._far.setdefault(kind, []).append(_rect(item.box()))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        for kind, rects in self._far.items():
            pen = QPen(self._color(kind), 1.0 if len(rects) > _MANY else 2.0)
            pen.setCosmetic(True)
            painter.setPen(pen)
            painter.setBrush(self._color(kind, 2 * _TINT))
            painter.drawRects(rects)

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


def _marked(
    marks: GraphMarks, items: Iterable[NodeItem]
) -> Iterator[tuple[NodeItem, MarkKind | None]]:
    """Yield the marked ones of some nodes; None for those that only moved."""
    for item in items:
        if item.key in marks.added:
            yield item, MarkKind.ADDED
        elif item.key in marks.changed:
            yield item, MarkKind.CHANGED
        elif item.key in marks.moved:
            yield item, None
