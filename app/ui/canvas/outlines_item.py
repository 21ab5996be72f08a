"""The outlines of selected, running and failed nodes, and the strip that says what went wrong.

One item above all nodes, so that selecting two hundred nodes paints none of them anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas.detail import FULL_ZOOM, TITLE_ZOOM
from app.ui.canvas.node_fonts import node_fonts
from app.widgets.style import Style

STRIP_HEIGHT = 28.0
STRIP_GAP = 8.0
RING_REACH = 3.0
_EVERYWHERE = QRectF(-1e7, -1e7, 2e7, 2e7)


@dataclass(slots=True)
class Outline:
    """What is drawn around one node.

    Attributes:
        rect: The node in scene coordinates.
        is_selected: It is selected.
        is_running: It is being run.
        problem: A sentence when it failed, else empty.
        remedy: Words on the button of the strip, or empty.
        is_hovered: The pointer is over it.
        can_resize: The mark of the resize corner is seen while it is hovered.
        offer: Colour of a dragged link that it would take, else None.
        radius: Radius of its corners, or None for that of nodes.
    """

    rect: QRectF
    is_selected: bool = False
    is_running: bool = False
    problem: str = ""
    remedy: str = ""
    is_hovered: bool = False
    can_resize: bool = False
    offer: QColor | None = None
    radius: float | None = None


def strip_of(rect: QRectF) -> QRectF:
    """Return where the strip below a failed node lies."""
    return QRectF(rect.left(), rect.bottom() + STRIP_GAP, rect.width(), STRIP_HEIGHT)


class OutlinesItem(QGraphicsItem):
    """Draws outlines around nodes.

    Args:
        style: The theme.
        outlines: Tells which nodes have one.
    """

    def __init__(self, style: Style, outlines: Callable[[], Iterable[Outline]]) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._outlines = outlines
        self._shape = QPainterPath()
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._radius = style.px("radius.node")
        self.update()

    def update_rect(self, rect: QRectF) -> None:
        """Paint a part of the scene anew.

        By way of the scene: updating an item makes Qt look at every node of the graph.
        """
        scene = self.scene()
        if scene is not None:
            scene.update(rect)

    def update_ring(self, rect: QRectF) -> None:
        """Paint the border of a node anew, and the mark in its corner, but not what it holds."""
        reach = RING_REACH
        outer = rect.adjusted(-reach, -reach, reach, reach)
        thick = 2 * reach
        self.update_rect(QRectF(outer.left(), outer.top(), outer.width(), thick))
        self.update_rect(QRectF(outer.left(), outer.bottom() - thick, outer.width(), thick))
        self.update_rect(QRectF(outer.left(), outer.top(), thick, outer.height()))
        self.update_rect(QRectF(outer.right() - thick, outer.top(), thick, outer.height()))
        self.update_rect(QRectF(rect.right() - 14.0, rect.bottom() - 14.0, 14.0, 14.0))

    def boundingRect(self) -> QRectF:
        """Cover the whole scene."""
        return _EVERYWHERE

    def shape(self) -> QPainterPath:
        """Be nowhere for hit tests."""
        return self._shape

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the outlines that touch what has to be painted."""
        exposed = option.exposedRect.adjusted(-8.0, -8.0 - STRIP_HEIGHT - STRIP_GAP, 8.0, 8.0)
        zoom = painter.worldTransform().m11()
        if zoom < TITLE_ZOOM:
            self._paint_far(painter, exposed, zoom)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        for outline in self._outlines():
            if not outline.rect.intersects(exposed):
                continue
            if outline.is_hovered:
                self._paint_hovered(painter, outline, zoom)
            if outline.offer is not None:
                self._ring(painter, outline.rect, outline.offer, 2.0, 1.0, zoom, outline.radius)
            if outline.problem:
                self._paint_failed(painter, outline, zoom)
            elif outline.is_running:
                color = self._style.color("accent.line")
                width = self._style.px("node.running.width")
                self._ring(
                    painter,
                    outline.rect,
                    color,
                    width,
                    self._style.px("node.running.outside"),
                    zoom,
                )
            if outline.is_selected:
                color = self._style.color("selection.line")
                width = self._style.px("node.selection.width")
                self._ring(
                    painter, outline.rect, color, width,
                    self._style.px("node.selection.outside"), zoom, outline.radius,
                )  # fmt: skip
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_far(self, painter: QPainter, exposed: QRectF, zoom: float) -> None:
        """Draw plain rectangles: from far away nobody sees the corners, and hundreds are cheap."""
        boxes: dict[str, list[QRectF]] = {
            "selection.line": [],
            "accent.line": [],
            "danger.line": [],
        }
        reach = 1.5 / zoom
        for outline in self._outlines():
            if outline.rect.intersects(exposed):
                rect = outline.rect.adjusted(-reach, -reach, reach, reach)
                if outline.problem:
                    boxes["danger.line"].append(rect)
                elif outline.is_running:
                    boxes["accent.line"].append(rect)
                elif outline.is_selected:
                    boxes["selection.line"].append(rect)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for name, rects in boxes.items():
            if rects:
                pen = QPen(self._style.color(name), 1.0 if name == "selection.line" else 2.0)
                pen.setCosmetic(True)
                painter.setPen(pen)
                painter.drawRects(rects)

    def _paint_hovered(self, painter: QPainter, outline: Outline, zoom: float) -> None:
        width = max(1.0, 1.0 / zoom)
        self._ring(painter, outline.rect, self._style.color("border.strong"), width, -width, zoom)
        if outline.can_resize and zoom >= FULL_ZOOM:
            right, bottom = outline.rect.right() - 4.5, outline.rect.bottom() - 4.5
            painter.setPen(QPen(self._style.color("node.dot"), 1.2))
            painter.drawLine(QPointF(right, bottom - 7.0), QPointF(right - 7.0, bottom))
            painter.drawLine(QPointF(right, bottom - 3.5), QPointF(right - 3.5, bottom))

    def _ring(
        self, painter: QPainter, rect: QRectF, color: QColor, width: float, outside: float,
        zoom: float, corner: float | None = None,
    ) -> None:  # fmt: skip
        if zoom < FULL_ZOOM and outside >= 0.0:
            # From far away the line keeps its width on screen; it would vanish otherwise.
            width = max(width, 1.5 / zoom)
            outside = max(outside, 1.0 / zoom)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, width))
        reach = outside + width / 2
        radius = (self._radius if corner is None else corner) + reach
        painter.drawRoundedRect(rect.adjusted(-reach, -reach, reach, reach), radius, radius)

    def _paint_failed(self, painter: QPainter, outline: Outline, zoom: float) -> None:
        color = self._style.color
        self._ring(
            painter, outline.rect, color("danger.line"), self._style.px("node.failed.width"),
            self._style.px("node.failed.outside"), zoom,
        )  # fmt: skip
        if zoom < FULL_ZOOM:
            return
        strip = strip_of(outline.rect)
        radius = self._style.px("node.widget.radius")
        painter.setBrush(color("danger.surface"))
        painter.setPen(QPen(color("danger.border"), 1.0))
        painter.drawRoundedRect(strip.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
        font = node_fonts(self._style).inner
        painter.setFont(font.font)
        right = strip.right() - 13.0
        if outline.remedy:
            width = font.width(outline.remedy)
            painter.setPen(color("text.primary"))
            painter.drawText(
                QPointF(right - width, font.baseline(strip.center().y())), outline.remedy
            )
            right -= width + 10.0
        painter.setPen(color("danger.text"))
        words = font.cut(outline.problem, max(0.0, right - strip.left() - 13.0))
        painter.drawText(QPointF(strip.left() + 13.0, font.baseline(strip.center().y())), words)
