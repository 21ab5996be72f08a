"""All links of a graph in one scene item: culling, pens, cached paths, picking.

Links are most of what a frame costs once nodes are pixmaps, so the pen follows the zoom: real
width when near, one thin antialiased pixel further out, plain straight lines from far away. A
pen of at most one device pixel strokes five to nine times faster than a wider one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas import link_routes
from app.ui.canvas.box_index import Box, BoxIndex
from app.ui.canvas.link_routes import Curve
from app.widgets.style import Style

NEAR_ZOOM = 0.7
FAR_ZOOM = 0.2
GROUND_LINKS_IN_GESTURE = 12
"""Up to so many links on screen keep their ground while something moves: it costs little."""

MARKER_ZOOM = 0.6
MARKER_RADIUS = 4.0
MARKER_REACH = 6.0
"""How far from its middle a marker can be pressed."""
SHORTEST_WITH_MARKER = 60.0

_EVERYWHERE = QRectF(-1e7, -1e7, 2e7, 2e7)
_MARGIN = 4.0
_MANY = 64
_SMALL_PART = 200_000.0
_REACH = 8.0


@dataclass(slots=True)
class _Entry:
    """One link: where it runs and in which colour; the path is made when it is first seen.

    One that floats (U-082) is dashed, has no marker and cannot be picked.
    """

    key: str
    curves: Sequence[Curve]
    type: str
    is_floating: bool = False
    path: QPainterPath | None = None
    line: QLineF | None = None
    pieces: list[list[Box]] | None = None
    marker: QPointF | None = None


class LinksItem(QGraphicsItem):
    """Paints all links and tells which one is under a point.

    Attributes:
        is_hidden: Links are not drawn (U-072).
        exposed_parts: What is being painted right now, when that is less than the rectangle
            around it; empty when not known.
    """

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._is_plain = False
        self.is_hidden = False
        self.exposed_parts: list[QRectF] = []
        self._boxes = BoxIndex()
        self._numbers: dict[str, int] = {}
        self._entries: list[_Entry | None] = []
        self._free: list[int] = []
        self._shifted: list[tuple[int, _Entry, Box]] = []
        self._shifted_box: Box = (0.0, 0.0, 0.0, 0.0)
        self._shift = (0.0, 0.0)
        self._lit: frozenset[str] = frozenset()
        self._gone: set[str] = set()
        self._hovered = ""
        self._pens: dict[tuple[str, bool, str], QPen] = {}
        self._shape = QPainterPath()
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._pens.clear()
        self._width = style.px("node.link.width")
        self._ground = QPen(style.color("surface.canvas"), style.px("node.link.ground"))
        self._ground.setCapStyle(Qt.PenCapStyle.FlatCap)
        self.update()

    def boundingRect(self) -> QRectF:
        """Cover the whole scene, so that Qt never has to index it anew."""
        return _EVERYWHERE

    def shape(self) -> QPainterPath:
        """Be nowhere for Qt's hit tests; see :meth:`pick`."""
        return self._shape

    def clear(self) -> None:
        """Remove all links."""
        self._boxes.clear()
        self._numbers.clear()
        self._entries.clear()
        self._free.clear()
        self._shifted.clear()
        self._lit = frozenset()
        self._gone.clear()
        self._hovered = ""
        self.update()

    def set_link(
        self, key: str, curves: Sequence[Curve], type_name: str, *, is_floating: bool = False
    ) -> Box:
        """Add a link or give it another course; returns the box that must be painted anew."""
        box = link_routes.bounds(curves, _MARGIN)
        entry = _Entry(key, curves, type_name, is_floating)
        number = self._numbers.get(key)
        if number is not None:
            dirty = _united(box, self._boxes.get(number))
            self._boxes.set(number, box)
            self._entries[number] = entry
            return dirty
        if self._free:
            number = self._numbers[key] = self._free.pop()
            self._boxes.set(number, box)
            self._entries[number] = entry
        else:
            self._numbers[key] = self._boxes.append(box)
            self._entries.append(entry)
        return box

    def remove_link(self, key: str) -> Box | None:
        """Remove a link; returns the box that must be painted anew, if it was there."""
        number = self._numbers.pop(key, None)
        if number is None:
            return None
        dirty = self._boxes.get(number)
        self._boxes.clear_box(number)
        self._entries[number] = None
        self._free.append(number)
        if key == self._hovered:
            self._hovered = ""
        if key in self._lit:
            self._gone.add(key)
        return dirty

    def move_links(self, keys: Iterable[str], dx: float, dy: float) -> Box | None:
        """Move links as they are; returns the box that must be painted anew.

        Far quicker than routing them anew, which comes to the same when both ends move alike.
        """
        dirty: Box | None = None
        for key in keys:
            number = self._numbers.get(key)
            entry = self._entries[number] if number is not None else None
            if entry is None or number is None:
                continue
            left, top, right, bottom = old = self._boxes.get(number)
            box = (left + dx, top + dy, right + dx, bottom + dy)
            self._boxes.set(number, box)
            curves = [
                (a + dx, b + dy, c + dx, d + dy, e + dx, f + dy, g + dx, h + dy)
                for a, b, c, d, e, f, g, h in entry.curves
            ]
            self._entries[number] = _Entry(key, curves, entry.type, entry.is_floating)
            both = _united(old, box)
            dirty = both if dirty is None else _united(dirty, both)
        return dirty

    def update_boxes(self, boxes: Iterable[Box | None]) -> None:
        """Paint anew what lies in these boxes, in one go."""
        dirty: Box | None = None
        for box in boxes:
            if box is not None:
                dirty = box if dirty is None else _united(dirty, box)
        if dirty is not None:
            left, top, right, bottom = dirty
            self._update_rect(QRectF(left, top, right - left, bottom - top))

    def begin_shift(self, keys: Iterable[str]) -> None:
        """Take links out of the index that will move as they are, both ends alike.

        Until :meth:`end_shift` they are only painted elsewhere, which costs nothing for each.
        """
        self.end_shift()
        for key in keys:
            number = self._numbers.get(key)
            entry = self._entries[number] if number is not None else None
            if entry is not None and number is not None:
                box = self._boxes.get(number)
                self._shifted.append((number, entry, box))
                self._shifted_box = (
                    box if len(self._shifted) == 1 else _united(self._shifted_box, box)
                )
                self._boxes.clear_box(number)
        self._shift = (0.0, 0.0)

    def shift_to(self, dx: float, dy: float) -> None:
        """Paint the shifted links ``dx, dy`` away from where they were."""
        if self._shifted:
            old, self._shift = self._shift_rect(), (dx, dy)
            self._update_rect(old.united(self._shift_rect()))

    def end_shift(self) -> None:
        """Put the shifted links back where they were."""
        if self._shifted:
            self._update_rect(self._shift_rect())
            for number, entry, box in self._shifted:
                if self._entries[number] is entry:
                    self._boxes.set(number, box)
            self._shifted.clear()
            self._shift = (0.0, 0.0)
            self._update_rect(self._shift_rect())

    def _shift_rect(self) -> QRectF:
        left, top, right, bottom = self._shifted_box
        dx, dy = self._shift
        return QRectF(left + dx, top + dy, right - left, bottom - top)

    def has_link(self, key: str) -> bool:
        """Tell whether the link is there."""
        return key in self._numbers

    def curves(self, key: str) -> Sequence[Curve]:
        """Return the course of a link."""
        entry = self._entries[self._numbers[key]]
        assert entry is not None
        return entry.curves

    @property
    def lit(self) -> frozenset[str]:
        """The links that are painted in full colour and above the others."""
        if self._gone:
            self._lit -= self._gone
            self._gone.clear()
        return self._lit

    def set_lit(self, keys: Iterable[str]) -> None:
        """Paint these links in full colour and above the others."""
        keys = frozenset(key for key in keys if key in self._numbers)
        if keys != self.lit:
            changed = keys ^ self._lit
            self._lit = keys
            if len(changed) > _MANY:
                self.update()
                return
            for key in changed:
                self._update_along(key)

    def set_hovered(self, key: str) -> None:
        """Mark the link under the pointer; an empty key for none."""
        if key != self._hovered:
            for changed in (key, self._hovered):
                self._update_along(changed)
            self._hovered = key

    def set_gesturing(self, is_gesturing: bool, visible: QRectF) -> None:
        """Leave the ground out while something moves, if there is much of it in ``visible``."""
        without = is_gesturing and len(self._entries_in(visible)) > GROUND_LINKS_IN_GESTURE
        if without != self._is_plain:
            self._is_plain = without
            self._update_rect(visible)

    def pick(self, pos: QPointF, tolerance: float) -> str:
        """Return the key of the nearest link within ``tolerance`` units, or an empty text."""
        if self.is_hidden:
            return ""
        x, y = pos.x(), pos.y()
        best, best_distance = "", tolerance
        for number in self._boxes.touching(
            (x - tolerance, y - tolerance, x + tolerance, y + tolerance)
        ):
            entry = self._entries[number]
            if entry is not None and not entry.is_floating:
                distance = link_routes.distance(entry.curves, x, y)
                if distance <= best_distance:
                    best, best_distance = entry.key, distance
        return best

    def is_marker(self, key: str, pos: QPointF, zoom: float) -> bool:
        """Tell whether ``pos`` lies on the marker of a link, and markers are shown (U-073)."""
        if zoom < MARKER_ZOOM:
            return False
        entry = self._entries[self._numbers[key]]
        place = _marker_of(entry) if entry is not None else None
        return place is not None and (pos - place).manhattanLength() <= MARKER_REACH * 1.4

    def keys_in(self, rect: QRectF) -> list[str]:
        """Return the links whose box touches ``rect``; floating ones are left out."""
        return [entry.key for entry in self._entries_in(rect) if not entry.is_floating]

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the links that touch what has to be painted."""
        if self.is_hidden or not self._numbers:
            return
        zoom = painter.worldTransform().m11()
        parts = self.exposed_parts
        if len(parts) < 2:
            self._paint_part(painter, option.exposedRect, zoom)
            return
        # Under a clip of several rectangles Qt fills all of a stroke and then throws most of it
        # away; rectangle by rectangle it takes a third of the time.
        for part in parts:
            painter.setClipRect(part)
            self._paint_part(painter, part, zoom)
        painter.setClipping(False)

    def _paint_part(self, painter: QPainter, rect: QRectF, zoom: float) -> None:
        reach = 2.0 / zoom
        box = (
            rect.left() - reach,
            rect.top() - reach,
            rect.right() + reach,
            rect.bottom() + reach,
        )
        numbers = self._boxes.touching(box)
        found = [entry for number in numbers if (entry := self._entries[number]) is not None]
        if rect.width() * rect.height() < _SMALL_PART and zoom >= FAR_ZOOM:
            # A stroke costs by its length, wherever it is clipped: only what is seen is drawn.
            pieces = [_piece_in(entry, box) for entry in found]
            found = [piece for piece in pieces if piece is not None]
        if found:
            self._paint_entries(painter, found, zoom)
        if self._shifted and self._shift_rect().intersects(rect):
            dx, dy = self._shift
            painter.translate(dx, dy)
            self._paint_entries(painter, [entry for _, entry, _ in self._shifted], zoom)
            painter.translate(-dx, -dy)

    def _paint_entries(self, painter: QPainter, entries: list[_Entry], zoom: float) -> None:
        if zoom < FAR_ZOOM:
            self._paint_far(painter, entries)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        is_near = zoom >= NEAR_ZOOM
        with_ground = is_near and not self._is_plain
        on_top = [entry for entry in entries if self._is_lit(entry)]
        for entry in entries if not on_top else [e for e in entries if not self._is_lit(e)]:
            self._paint_entry(painter, entry, is_near, with_ground, is_lit=False)
        for entry in on_top:
            self._paint_entry(painter, entry, is_near, with_ground, is_lit=True)
        if zoom >= MARKER_ZOOM and not self._is_plain:
            # Only where the artist looks: at rest the picture stays calm.
            self._paint_markers(painter, on_top)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_markers(self, painter: QPainter, entries: list[_Entry]) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        for entry in entries:
            place = _marker_of(entry)
            if place is None:
                continue
            is_hovered = entry.key == self._hovered
            painter.setBrush(self._pen_for(entry.type, self._is_lit(entry), "near").color())
            if is_hovered:
                painter.setPen(self._ground_line)
            radius = MARKER_RADIUS + 1.0 if is_hovered else MARKER_RADIUS
            painter.drawEllipse(place, radius, radius)
            if is_hovered:
                painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(Qt.BrushStyle.NoBrush)

    def _is_lit(self, entry: _Entry) -> bool:
        return entry.key in self._lit or entry.key == self._hovered

    def _paint_entry(
        self, painter: QPainter, entry: _Entry, is_near: bool, with_ground: bool, *, is_lit: bool
    ) -> None:
        path = entry.path
        if path is None:
            path = entry.path = link_routes.path_of(entry.curves)
        if with_ground:
            painter.setPen(self._ground)
            painter.drawPath(path)
        painter.setPen(self._pen(entry, is_lit, "near" if is_near else "thin"))
        painter.drawPath(path)

    @property
    def _ground_line(self) -> QPen:
        return QPen(self._style.color("surface.canvas"), 1.5)

    def _paint_far(self, painter: QPainter, entries: list[_Entry]) -> None:
        lines: dict[tuple[str, bool], list[QLineF]] = {}
        for entry in entries:
            if entry.line is None:
                entry.line = QLineF(*entry.curves[0][:2], *entry.curves[-1][6:])
            lines.setdefault((entry.type, self._is_lit(entry)), []).append(entry.line)
        for (type_name, is_lit), batch in sorted(lines.items(), key=lambda item: item[0][1]):
            painter.setPen(self._pen_for(type_name, is_lit, "thin"))
            painter.drawLines(batch)

    def _pen(self, entry: _Entry, is_lit: bool, kind: str) -> QPen:
        pen = self._pen_for(entry.type, is_lit, kind)
        if entry.is_floating:
            pen = QPen(pen)
            pen.setDashPattern([3.0, 3.0])
        return pen

    def _pen_for(self, type_name: str, is_lit: bool, kind: str) -> QPen:
        key = (type_name, is_lit, kind)
        pen = self._pens.get(key)
        if pen is None:
            color: QColor
            if is_lit:
                color = self._style.link_color(type_name)
            else:
                color = self._style.link_color_at_rest(type_name)
            pen = QPen(color, self._width if kind == "near" else 0.0)
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            self._pens[key] = pen
        return pen

    def _entries_in(self, rect: QRectF) -> list[_Entry]:
        numbers = self._boxes.touching((rect.left(), rect.top(), rect.right(), rect.bottom()))
        entries = self._entries
        return [entry for number in numbers if (entry := entries[number]) is not None]

    def _update_rect(self, rect: QRectF) -> None:
        # By way of the scene: updating an item makes Qt look at every node of the graph.
        scene = self.scene()
        if scene is not None:
            scene.update(rect)

    def _update_along(self, key: str) -> None:
        """Paint a link anew: pieces along its course, far less than the box around it."""
        number = self._numbers.get(key)
        entry = self._entries[number] if number is not None else None
        if entry is None:
            return
        for curve in entry.curves:
            for left, top, right, bottom in link_routes.piece_boxes(curve, _REACH):
                self._update_rect(QRectF(left, top, right - left, bottom - top))


def _marker_of(entry: _Entry) -> QPointF | None:
    """Return the middle of a link, or None for one that is too short for a marker."""
    if entry.is_floating:
        return None
    if entry.marker is None:
        first, last = entry.curves[0], entry.curves[-1]
        if math.hypot(last[6] - first[0], last[7] - first[1]) < SHORTEST_WITH_MARKER:
            return None
        entry.marker = link_routes.middle(entry.curves)
    return entry.marker


def _united(first: Box, second: Box) -> Box:
    return (
        min(first[0], second[0]),
        min(first[1], second[1]),
        max(first[2], second[2]),
        max(first[3], second[3]),
    )


def _piece_in(entry: _Entry, box: Box) -> _Entry | None:
    """Return a link cut down to what comes near ``box``, or None when nothing does."""
    if entry.is_floating:
        return entry
    if entry.pieces is None:
        entry.pieces = [link_routes.piece_boxes(curve, _REACH) for curve in entry.curves]
    left, top, right, bottom = box
    curves = []
    for curve, pieces in zip(entry.curves, entry.pieces, strict=True):
        near = [
            place
            for place, (x0, y0, x1, y1) in enumerate(pieces)
            if x0 <= right and x1 >= left and y0 <= bottom and y1 >= top
        ]
        if near:
            count = len(pieces)
            curves.append(link_routes.cut(curve, near[0] / count, (near[-1] + 1) / count))
    if not curves:
        return None
    path = QPainterPath()
    for curve in curves:
        path.addPath(link_routes.path_of([curve]))
    return _Entry(entry.key, entry.curves, entry.type, path=path, marker=_marker_of(entry))
