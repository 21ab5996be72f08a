"""All links of a graph in one scene item: culling, pens, cached paths, picking.

Links are most of what a frame costs once nodes are pixmaps, so the pen follows the zoom: real
width when near, one thin antialiased pixel further out, plain straight lines from far away. A
pen of at most one device pixel strokes five to nine times faster than a wider one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas import link_routes
from app.ui.canvas.box_index import BoxIndex
from app.ui.canvas.link_routes import Curve
from app.widgets.style import Style

NEAR_ZOOM = 0.7
FAR_ZOOM = 0.2
GROUND_LINKS_IN_GESTURE = 12
"""Up to so many links on screen keep their ground while something moves: it costs little."""

_EVERYWHERE = QRectF(-1e7, -1e7, 2e7, 2e7)
_MARGIN = 4.0


@dataclass(slots=True)
class _Entry:
    """One link: where it runs and in which colour; the path is made when it is first seen."""

    key: str
    curves: Sequence[Curve]
    type: str
    is_dashed: bool = False
    path: QPainterPath | None = None
    line: QLineF | None = None


class LinksItem(QGraphicsItem):
    """Paints all links and tells which one is under a point.

    Attributes:
        is_gesturing: Something moves: the ground under the links is left out.
        is_hidden: Links are not drawn (U-072).
    """

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.is_gesturing = False
        self.is_hidden = False
        self._boxes = BoxIndex()
        self._numbers: dict[str, int] = {}
        self._entries: list[_Entry | None] = []
        self._free: list[int] = []
        self._lit: frozenset[str] = frozenset()
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
        self._lit = frozenset()
        self._hovered = ""
        self.update()

    def set_link(
        self, key: str, curves: Sequence[Curve], type_name: str, *, is_dashed: bool = False
    ) -> QRectF:
        """Add a link or give it another course; returns what must be painted anew."""
        box = link_routes.bounds(curves, _MARGIN)
        dirty = QRectF(QPointF(box[0], box[1]), QPointF(box[2], box[3]))
        number = self._numbers.get(key)
        entry = _Entry(key, curves, type_name, is_dashed)
        if number is not None:
            dirty |= self._box(number)
            self._boxes.set(number, box)
            self._entries[number] = entry
        elif self._free:
            number = self._numbers[key] = self._free.pop()
            self._boxes.set(number, box)
            self._entries[number] = entry
        else:
            self._numbers[key] = self._boxes.append(box)
            self._entries.append(entry)
        return dirty

    def remove_link(self, key: str) -> QRectF:
        """Remove a link; returns what must be painted anew."""
        number = self._numbers.pop(key, None)
        if number is None:
            return QRectF()
        dirty = self._box(number)
        self._boxes.clear_box(number)
        self._entries[number] = None
        self._free.append(number)
        if key == self._hovered:
            self._hovered = ""
        self._lit -= {key}
        return dirty

    def has_link(self, key: str) -> bool:
        """Tell whether the link is there."""
        return key in self._numbers

    def curves(self, key: str) -> Sequence[Curve]:
        """Return the course of a link."""
        entry = self._entries[self._numbers[key]]
        assert entry is not None
        return entry.curves

    def set_lit(self, keys: Iterable[str]) -> None:
        """Paint these links in full colour and above the others."""
        keys = frozenset(key for key in keys if key in self._numbers)
        if keys != self._lit:
            for key in keys ^ self._lit:
                number = self._numbers.get(key)
                if number is not None:
                    self.update(self._box(number))
            self._lit = keys

    def set_hovered(self, key: str) -> None:
        """Mark the link under the pointer; an empty key for none."""
        if key != self._hovered:
            for changed in (key, self._hovered):
                if changed in self._numbers:
                    self.update(self._box(self._numbers[changed]))
            self._hovered = key

    def update_ground(self, visible: QRectF) -> None:
        """Paint anew after :attr:`is_gesturing` changed, if that shows at all."""
        if len(self._entries_in(visible)) > GROUND_LINKS_IN_GESTURE:
            self.update(visible)

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
            if entry is not None:
                distance = link_routes.distance(entry.curves, x, y)
                if distance <= best_distance:
                    best, best_distance = entry.key, distance
        return best

    def keys_in(self, rect: QRectF) -> list[str]:
        """Return the links whose box touches ``rect``."""
        return [entry.key for entry in self._entries_in(rect)]

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the links that touch what has to be painted."""
        if self.is_hidden or not self._numbers:
            return
        zoom = painter.worldTransform().m11()
        entries = self._entries_in(option.exposedRect)
        if not entries:
            return
        if zoom < FAR_ZOOM:
            self._paint_far(painter, entries)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        is_near = zoom >= NEAR_ZOOM
        with_ground = is_near and (not self.is_gesturing or len(entries) <= GROUND_LINKS_IN_GESTURE)
        on_top = [entry for entry in entries if self._is_lit(entry)]
        for entry in entries if not on_top else [e for e in entries if not self._is_lit(e)]:
            self._paint_entry(painter, entry, is_near, with_ground, is_lit=False)
        for entry in on_top:
            self._paint_entry(painter, entry, is_near, with_ground, is_lit=True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

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
        if entry.key == self._hovered and is_near:
            painter.setBrush(self._style.link_color(entry.type))
            painter.setPen(self._ground_line)
            painter.drawEllipse(link_routes.middle(entry.curves), 5.0, 5.0)
            painter.setBrush(Qt.BrushStyle.NoBrush)

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
        if entry.is_dashed:
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

    def _box(self, number: int) -> QRectF:
        left, top, right, bottom = self._boxes.get(number)
        return QRectF(left, top, right - left, bottom - top)
