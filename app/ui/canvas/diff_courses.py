"""Where the marked links of a comparison run: worked out once, and found by place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QRectF
from PySide6.QtGui import QPainterPath

from app.engine.workflow.diff_marks import GhostLink, GraphMarks, MarkKind
from app.ui.canvas import link_routes
from app.ui.canvas.box_index import Box, BoxIndex
from app.ui.canvas.link_routes import Curve, Point

if TYPE_CHECKING:
    from app.ui.canvas.node_item import NodeItem
    from app.ui.canvas.scene import CanvasScene

MOST_FOLLOWED = 200
"""With more nodes selected than this, marks of links follow when they are let go."""

_MARGIN = 8.0
_NOWHERE: Box = (0.0, 0.0, 0.0, 0.0)
_ROW = 20.0
_TITLE = 30.0


@dataclass(eq=False, slots=True)
class Course:
    """A marked link.

    Attributes:
        key: Its key; in the first workflow when it is removed.
        kind: Added or removed.
        curves: Where it runs; empty when its nodes are not to be found.
    """

    key: str
    kind: MarkKind
    curves: list[Curve]
    _path: QPainterPath | None = None
    _line: QLineF | None = None

    @property
    def path(self) -> QPainterPath:
        """The course as a path."""
        if self._path is None:
            self._path = link_routes.path_of(self.curves)
        return self._path

    @property
    def line(self) -> QLineF:
        """The straight line between its ends, for looks from far away."""
        if self._line is None:
            first, last = self.curves[0], self.curves[-1]
            self._line = QLineF(first[0], first[1], last[6], last[7])
        return self._line

    def lead(self, curves: list[Curve]) -> None:
        """Run elsewhere."""
        self.curves = curves
        self._path = self._line = None


class DiffCourses:
    """The marked links of the shown graph.

    Args:
        scene: The scene in which they are drawn.
        marks: What is marked in the graph that it shows.
    """

    def __init__(self, scene: CanvasScene, marks: GraphMarks) -> None:
        self._scene = scene
        self._marks = marks
        self._boxes = BoxIndex()
        self._courses: list[Course] = []
        self._of_node: dict[str, list[int]] = {}
        links = scene.document.bound.links
        for key in marks.links_added:
            link = links.get(key)
            ends = () if link is None else (link.origin, link.target)
            self._add(Course(key, MarkKind.ADDED, self.added(key)), ends)
        for key, ghost in marks.links_removed.items():
            self._add(
                Course(key, MarkKind.REMOVED, self.removed(ghost)), (ghost.origin, ghost.target)
            )

    def touching(self, rect: QRectF) -> list[Course]:
        """Return the links that come near a rectangle."""
        box = (rect.left(), rect.top(), rect.right(), rect.bottom())
        found = (self._courses[number] for number in self._boxes.touching(box))
        return [course for course in found if course.curves]

    def follow(self, nodes: Iterable[str]) -> bool:
        """Lead the links of nodes that are being dragged; returns whether any has moved."""
        has_moved = False
        for key in nodes:
            for number in self._of_node.get(key, ()):
                course = self._courses[number]
                curves = self.course(course.kind, course.key)
                if curves != course.curves:
                    has_moved = True
                    course.lead(curves)
                    self._boxes.set(number, _box(curves))
        return has_moved

    def course(self, kind: MarkKind, key: str) -> list[Curve]:
        """Return where a marked link runs now; nothing when it cannot be told."""
        if kind is MarkKind.ADDED:
            return self.added(key)
        ghost = self._marks.links_removed.get(key)
        return self.removed(ghost) if ghost is not None else []

    def added(self, key: str) -> list[Curve]:
        """Return the course of a link that is there."""
        links = self._scene.links.item
        return list(links.curves(key)) if links.has_link(key) else []

    def removed(self, link: GhostLink) -> list[Curve]:
        """Return the course that a link had, between nodes as they stand now, or their ghosts."""
        start = self._end(link.origin, link.output, None)
        end = self._end(link.target, link.input, link.input_name)
        if start is None or end is None:
            return []
        return link_routes.route(start, end, (), self._scene.links.style)

    def _add(self, course: Course, ends: Iterable[str]) -> None:
        number = self._boxes.append(_box(course.curves))
        self._courses.append(course)
        for key in ends:
            self._of_node.setdefault(key, []).append(number)

    def _end(self, key: str, index: int, name: str | None) -> Point | None:
        """Return where a link that is gone met a node, or its ghost; ``name`` for an input."""
        gone = self._marks.removed.get(key)
        if gone is not None:
            left, top, right, bottom = gone.box
            y = min(top + _TITLE + (index + 0.7) * _ROW, bottom)
            return (right if name is None else left), y
        item = self._scene.nodes.get(key)
        if item is None:
            return None
        is_output = name is None
        number = index if name is None else item.node.input_index(name)
        if number is None or (is_output and number >= len(item.node.outputs)):
            return _side(item, is_right=is_output)
        return item.link_end(number, is_output=is_output)


def _box(curves: list[Curve]) -> Box:
    return link_routes.bounds(curves, _MARGIN) if curves else _NOWHERE


def _side(item: NodeItem, *, is_right: bool) -> Point:
    left, top, right, _ = item.box()
    return (right if is_right else left), top + _TITLE / 2
