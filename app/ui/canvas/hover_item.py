"""The control or socket under the pointer, painted over the picture of its node.

So moving the pointer over a node paints one row anew and not the whole node. The item covers the
whole scene and never moves: an item that moves makes Qt look at every node of the graph, which
takes 0.4 ms with five thousand of them. It asks the scene to paint its row anew instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas import strips, words
from app.ui.canvas.detail import FULL_ZOOM
from app.ui.canvas.hover import NOTHING, Hit, Under
from app.ui.canvas.node_colors import NodeColors
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_painter import HOVER_GROWTH, LABEL_GAP
from app.ui.canvas.node_views import colors_of
from app.ui.canvas.socket_painter import paint_socket
from app.widgets.base import WidgetState
from app.widgets.style import Style

HOVER_Z = 490.0
_EVERYWHERE = QRectF(-1e7, -1e7, 2e7, 2e7)
_SOCKET_REACH = 8.0


class HoverItem(QGraphicsItem):
    """Draws what is hovered in one node.

    Args:
        style: The theme.
    """

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(HOVER_Z)
        self._style = style
        self._node: NodeItem | None = None
        self._hit = NOTHING
        self._state = WidgetState()
        self._corner = QPointF()
        self._box = QRectF()
        self._covers: Sequence[QRectF] = ()
        self._shape = QPainterPath()

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._repaint()

    def show_hit(
        self, node: NodeItem | None, hit: Hit, state: WidgetState, covers: Sequence[QRectF] = ()
    ) -> None:
        """Draw another part as hovered; None for none.

        Args:
            node: The node.
            hit: What is hovered in it.
            state: How the control would be drawn at rest; ignored for sockets.
            covers: Nodes that lie above this one, in scene coordinates; nothing is drawn there.
        """
        box = _box_of(node, hit) if node is not None else QRectF()
        if node is None or box.isEmpty():
            if self._node is not None:
                self._repaint()
                self._node = None
            return
        self._repaint()
        self._node, self._hit, self._covers = node, hit, covers
        self._corner = node.pos()
        self._box = box.translated(self._corner)
        self._state = replace(state, hovered=hit.part)
        self._repaint()

    def _repaint(self) -> None:
        scene = self.scene()
        if self._node is not None and scene is not None:
            scene.update(self._box.adjusted(-1.0, -1.0, 1.0, 1.0))

    def boundingRect(self) -> QRectF:
        """Cover the whole scene."""
        return _EVERYWHERE

    def shape(self) -> QPainterPath:
        """Be nowhere for hit tests."""
        return self._shape

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the part."""
        node = self._node
        if node is None or not self._box.intersects(option.exposedRect):
            return
        if painter.worldTransform().m11() < FULL_ZOOM:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if self._covers:
            painter.setClipPath(_less(self._box, self._covers))
        painter.translate(self._corner)
        colors = colors_of(node, self._style)
        if self._hit.under is Under.WIDGET:
            self._paint_control(painter, node, colors)
        elif node.is_strip:
            self._paint_strip_slot(painter, node, colors)
        else:
            self._paint_socket(painter, node, colors)
        painter.translate(-self._corner)
        if self._covers:
            painter.setClipping(False)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_control(self, painter: QPainter, node: NodeItem, colors: NodeColors) -> None:
        index = self._hit.index
        if index >= len(node.controls) or index >= len(node.layout.widgets):
            return
        node.controls[index].paint(painter, node.layout.widgets[index], colors.style, self._state)
        for place, slot in zip(node.layout.inputs, node.node.inputs, strict=False):
            if slot.widget == self._hit.widget and slot.link is None:
                paint_socket(painter, place, slot.type, self._style, self._radius)

    def _paint_socket(self, painter: QPainter, node: NodeItem, colors: NodeColors) -> None:
        is_input = self._hit.under is Under.INPUT
        slots = node.node.inputs if is_input else node.node.outputs
        places = node.layout.inputs if is_input else node.layout.outputs
        index = self._hit.index
        if index >= len(slots):
            return
        slot, place = slots[index], places[index]
        paint_socket(
            painter,
            place,
            slot.type,
            self._style,
            self._radius + HOVER_GROWTH,
            is_optional=getattr(slot, "is_optional", False) and getattr(slot, "link", None) is None,
            is_list=getattr(slot, "is_list", False),
        )
        if node.is_collapsed or node.is_plain or getattr(slot, "widget", None) is not None:
            return
        font = node_fonts(self._style).inner
        text = font.cut(slot.label, node.layout.width - 40.0)
        width = font.width(text)
        x = place.x() + LABEL_GAP if is_input else place.x() - LABEL_GAP - width
        painter.fillRect(QRectF(x, place.y() - 8.0, width, 16.0), colors.body)
        painter.setFont(font.font)
        painter.setPen(colors.title_text_selected)
        painter.drawText(QPointF(x, font.baseline(place.y())), text)

    def _paint_strip_slot(self, painter: QPainter, node: NodeItem, colors: NodeColors) -> None:
        """Paint a row of a subgraph's strip, the empty one too."""
        strip, index = node.node, self._hit.index
        is_input = strips.is_input_strip(strip)
        places = node.layout.outputs if is_input else node.layout.inputs
        if index >= len(places):
            return
        is_new = index == strips.slot_count(strip)
        kind, text = "*", words.new_slot(is_input=is_input)
        if not is_new:
            slots = strip.outputs if is_input else strip.inputs
            kind, text = slots[index].type, strips.labels_of(strip)[index]
        paint_socket(painter, places[index], kind, self._style, self._radius + HOVER_GROWTH)
        font = node_fonts(self._style).inner
        rect = strips.label_rect(strip, node.layout, index)
        text = font.cut(text, rect.width())
        width = font.width(text)
        x = rect.right() - width if is_input else rect.left()
        middle = rect.center().y()
        painter.fillRect(QRectF(x, middle - 8.0, width, 16.0), colors.body)
        painter.setFont(font.font)
        painter.setPen(colors.title_text_selected)
        painter.drawText(QPointF(x, font.baseline(middle)), text)

    @property
    def _radius(self) -> float:
        return self._style.px("node.socketRadius")


def _less(box: QRectF, covers: Sequence[QRectF]) -> QPainterPath:
    """Return what the covers leave of a box."""
    left = QPainterPath()
    left.addRect(box.adjusted(-1.0, -1.0, 1.0, 1.0))
    for cover in covers:
        hole = QPainterPath()
        hole.addRect(cover)
        left = left.subtracted(hole)
    return left


def _box_of(node: NodeItem, hit: Hit) -> QRectF:
    if hit.under is Under.WIDGET:
        rows = node.layout.widgets
        return QRectF(rows[hit.index]) if 0 <= hit.index < len(rows) else QRectF()
    if node.is_strip and hit.under in (Under.INPUT, Under.OUTPUT, Under.NEW_SLOT):
        return strips.row_rect(node.layout, hit.index)
    if hit.under not in (Under.INPUT, Under.OUTPUT):
        return QRectF()
    places = node.layout.inputs if hit.under is Under.INPUT else node.layout.outputs
    if not 0 <= hit.index < len(places):
        return QRectF()
    place = places[hit.index]
    box = QRectF(place.x(), place.y(), 0.0, 0.0)
    box.adjust(-_SOCKET_REACH, -_SOCKET_REACH - 2.0, _SOCKET_REACH, _SOCKET_REACH + 2.0)
    if node.is_collapsed or node.is_plain:
        return box
    # The label may be as long as the node is wide; the row is low, so that costs little.
    return box.united(QRectF(0.0, place.y() - 9.0, node.layout.width, 18.0))
