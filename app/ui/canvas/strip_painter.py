"""Paints the strips at both ends of a subgraph: a frame, the line at its inner side, and slots."""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen

from app.engine.workflow.binding import BoundInput, BoundOutput
from app.ui.canvas import strips, words
from app.ui.canvas.detail import Detail
from app.ui.canvas.node_fonts import Fonts
from app.ui.canvas.node_view import NodeView
from app.ui.canvas.shadow import node_shadow
from app.ui.canvas.socket_painter import REFUSED_OPACITY, paint_socket
from app.widgets.style import Style


class StripPainter:
    """Draws strips in one style.

    Args:
        style: The theme.
        fonts: Its fonts.
    """

    def __init__(self, style: Style, fonts: Fonts) -> None:
        self._style = style
        self._fonts = fonts
        self._socket_radius = style.px("node.socketRadius")
        self._socket_gap = style.px("node.socketGap")
        self._link_width = style.px("node.link.width")

    def paint(self, painter: QPainter, view: NodeView) -> None:
        """Draw a strip as ``view`` says; the painter is antialiased already."""
        outline = view.layout.outline
        if view.detail is Detail.FULL and view.has_shadow:
            node_shadow(self._style).paint(painter, outline)
        self._paint_frame(painter, view, outline)
        if view.detail is not Detail.FULL:
            if view.detail is Detail.TITLES:
                self._paint_name(painter, view, outline)
            return
        for index in range(strips.slot_count(view.node)):
            self._paint_slot(painter, view, index)
        self._paint_new_slot(painter, view)

    def _paint_frame(self, painter: QPainter, view: NodeView, outline: QRectF) -> None:
        width = max(1.0, 1.0 / view.zoom)
        inset = width / 2
        painter.setBrush(view.colors.body)
        painter.setPen(QPen(view.colors.border, width))
        radius = strips.RADIUS - inset
        painter.drawRoundedRect(outline.adjusted(inset, inset, -inset, -inset), radius, radius)
        line = strips.SIDE_LINE_HOVERED if view.is_hovered else strips.SIDE_LINE
        color = view.colors.title_text_selected if view.is_hovered else view.colors.title_text
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color, max(line, 1.0 / view.zoom)))
        painter.drawPath(_side(outline, line, is_right=strips.is_input_strip(view.node)))

    def _paint_name(self, painter: QPainter, view: NodeView, outline: QRectF) -> None:
        """Say from far away what the strip holds, where its slots could not be read."""
        font = self._fonts.title
        is_input = strips.is_input_strip(view.node)
        text = font.cut(words.strip_name(is_input=is_input), outline.width() - 2 * strips.MARGIN)
        middle = outline.center()
        painter.setFont(font.font)
        painter.setPen(view.colors.title_text)
        painter.drawText(
            QPointF(middle.x() - font.width(text) / 2, font.baseline(middle.y())), text
        )

    def _paint_slot(self, painter: QPainter, view: NodeView, index: int) -> None:
        is_input = strips.is_input_strip(view.node)
        slot: BoundInput | BoundOutput = (
            view.node.outputs[index] if is_input else view.node.inputs[index]
        )
        place = (view.layout.outputs if is_input else view.layout.inputs)[index]
        opacity = painter.opacity()
        if not _is_offered(view, index):
            painter.setOpacity(opacity * REFUSED_OPACITY)
        if index == view.focused_slot:
            self._paint_focus(painter, view, index)
        is_linked = slot.link is not None if isinstance(slot, BoundInput) else bool(slot.links)
        if is_linked:
            lit = view.lit_outputs if is_input else view.lit_inputs
            edge = view.layout.width if is_input else 0.0
            self._paint_stub(painter, slot.type, edge, place, is_lit=view.is_lit or index in lit)
        paint_socket(painter, place, slot.type, self._style, self._socket_radius)
        ink = view.colors.socket_text
        if index == view.focused_slot:
            ink = view.colors.title_text_selected
        self._paint_words(painter, view, index, slot.label or slot.name, ink)
        painter.setOpacity(opacity)

    def _paint_new_slot(self, painter: QPainter, view: NodeView) -> None:
        index = strips.slot_count(view.node)
        is_input = strips.is_input_strip(view.node)
        place = (view.layout.outputs if is_input else view.layout.inputs)[index]
        opacity = painter.opacity()
        is_wanted = view.offer is not None and _is_offered(view, index)
        if not _is_offered(view, index):
            painter.setOpacity(opacity * REFUSED_OPACITY)
        if index == view.focused_slot:
            self._paint_focus(painter, view, index)
        paint_socket(
            painter, place, "*", self._style, self._socket_radius, is_optional=not is_wanted
        )
        ink = view.colors.socket_text if is_wanted else view.colors.glyph
        self._paint_words(painter, view, index, words.new_slot(is_input=is_input), ink)
        painter.setOpacity(opacity)

    def _paint_focus(self, painter: QPainter, view: NodeView, index: int) -> None:
        """Mark the slot that the keyboard acts on."""
        rect = strips.row_rect(view.layout, index)
        radius = self._style.px("node.widget.radius")
        painter.setPen(QPen(self._style.color("focus.ring"), 1.5))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(rect.adjusted(0.75, 0.75, -0.75, -0.75), radius, radius)

    def _paint_stub(
        self, painter: QPainter, kind: str, edge: float, place: QPointF, *, is_lit: bool
    ) -> None:
        """Draw the last piece of a link, from the edge of the strip to just before the dot."""
        style = self._style
        color = style.link_color(kind) if is_lit else style.link_color_at_rest(kind)
        pen = QPen(color, self._link_width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        near = self._socket_radius + self._socket_gap
        x = place.x() + (near if edge > place.x() else -near)
        painter.drawLine(QLineF(edge, place.y(), x, place.y()))

    def _paint_words(
        self, painter: QPainter, view: NodeView, index: int, text: str, ink: QColor
    ) -> None:
        font = self._fonts.inner
        rect = strips.label_rect(view.node, view.layout, index)
        text = font.cut(text, rect.width())
        is_input = strips.is_input_strip(view.node)
        x = rect.right() - font.width(text) if is_input else rect.left()
        painter.setFont(font.font)
        painter.setPen(ink)
        painter.drawText(QPointF(x, font.baseline(rect.center().y())), text)


def _is_offered(view: NodeView, index: int) -> bool:
    """Tell whether a slot would take the link that is dragged; yes while none is."""
    if view.offer is None:
        return True
    is_input = strips.is_input_strip(view.node)
    return index in (view.offer.outputs if is_input else view.offer.inputs)


def _side(outline: QRectF, line: float, *, is_right: bool) -> QPainterPath:
    """Return the line along the side that faces the nodes, round at both ends."""
    inset, size = line / 2, 2 * strips.RADIUS - line
    top, bottom = outline.top() + inset, outline.bottom() - inset
    path = QPainterPath()
    if is_right:
        edge = outline.right() - inset
        path.moveTo(edge - size / 2, top)
        path.arcTo(QRectF(edge - size, top, size, size), 90.0, -90.0)
        path.arcTo(QRectF(edge - size, bottom - size, size, size), 0.0, -90.0)
    else:
        edge = outline.left() + inset
        path.moveTo(edge + size / 2, top)
        path.arcTo(QRectF(edge, top, size, size), 90.0, 90.0)
        path.arcTo(QRectF(edge, bottom - size, size, size), 180.0, 90.0)
    return path
