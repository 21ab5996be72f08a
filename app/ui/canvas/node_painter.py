"""Paints a node into its picture; the only place that draws nodes.

The painter works in node units with the origin at the upper left corner of the body. Outlines
of selection, run and failure are not here: they are drawn above all nodes by
:mod:`app.ui.canvas.outlines_item`, so that selecting a node need not paint it anew.
"""

from __future__ import annotations

from PySide6.QtCore import QLineF, QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QPainter, QPen

from app.ui.canvas.detail import Detail
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_layout import CAPTION_HEIGHT, TITLE_HEIGHT
from app.ui.canvas.node_view import NodeView
from app.ui.canvas.pictures import PictureCache, fitted, grid_cells, size_of
from app.ui.canvas.shadow import node_shadow
from app.ui.canvas.socket_painter import REFUSED_OPACITY, paint_problem_ring, paint_socket
from app.ui.canvas.strip_painter import StripPainter
from app.ui.canvas.title_painter import TitlePainter, time_words
from app.widgets.style import Style
from app.widgets.text_layout import TextLines

LABEL_GAP = 10.0
HOVER_GROWTH = 1.0


class NodePainter:
    """Draws nodes in one style.

    Args:
        style: The theme.
    """

    def __init__(self, style: Style) -> None:
        self.style = style
        self.fonts = node_fonts(style)
        self._titles = TitlePainter(style, self.fonts)
        self._strips = StripPainter(style, self.fonts)
        self._pictures = PictureCache()
        self._radius = style.px("radius.node")
        self._socket_radius = style.px("node.socketRadius")
        self._socket_gap = style.px("node.socketGap")
        self._link_width = style.px("node.link.width")

    def paint(self, painter: QPainter, view: NodeView) -> None:
        """Draw a node as ``view`` says."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        if view.node.boundary:
            self._strips.paint(painter, view)
            return
        outline = view.layout.outline
        if view.detail is Detail.FULL and view.has_shadow:
            node_shadow(self.style).paint(painter, outline)
        self._paint_frame(painter, view, outline)
        if view.layout.is_collapsed:
            self._titles.paint(painter, view)
            self._paint_collapsed_sockets(painter, view)
            return
        if view.layout.has_title:
            self._titles.paint(painter, view)
        if view.detail is not Detail.FULL:
            self._paint_boxes(painter, view)
            self._paint_pictures(painter, view)
            return
        self._paint_widgets(painter, view)
        self._paint_pictures(painter, view)
        self._paint_text(painter, view)
        self._paint_inputs(painter, view)
        self._paint_outputs(painter, view)

    def _paint_frame(self, painter: QPainter, view: NodeView, outline: QRectF) -> None:
        colors, radius = view.colors, self._radius
        painter.setPen(Qt.PenStyle.NoPen)
        if view.layout.has_title:
            bar = QRectF(0.0, -TITLE_HEIGHT, view.layout.width, TITLE_HEIGHT)
            if not view.layout.is_collapsed:
                painter.setBrush(colors.body)
                painter.drawRoundedRect(outline, radius, radius)
                painter.setClipRect(bar)
            painter.setBrush(colors.title)
            painter.drawRoundedRect(outline, radius, radius)
            if not view.layout.is_collapsed:
                painter.setClipping(False)
                painter.fillRect(QRectF(0.0, -1.0, view.layout.width, 1.0), colors.separator)
        else:
            painter.setBrush(colors.body)
            painter.drawRoundedRect(outline, radius, radius)
        width = max(1.0, 1.0 / view.zoom)
        inset = width / 2
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(colors.border, width))
        painter.drawRoundedRect(
            outline.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset
        )

    def _paint_widgets(self, painter: QPainter, view: NodeView) -> None:
        for widget, rect, state in zip(
            view.widgets, view.layout.widgets, view.states, strict=False
        ):
            widget.paint(painter, rect, view.colors.style, state)

    def _paint_boxes(self, painter: QPainter, view: NodeView) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(view.colors.style.color("widget.fill"))
        boxes = []
        for rect in view.layout.widgets:
            if rect.height() > 30.0:
                boxes.append(rect.adjusted(10.0, 4.0, -10.0, -10.0))
            else:
                boxes.append(rect.adjusted(15.0, 0.0, -15.0, 0.0))
        if boxes:
            painter.drawRects(boxes)

    def _paint_inputs(self, painter: QPainter, view: NodeView) -> None:
        style, font = self.style, self.fonts.inner
        inputs = view.node.inputs
        for index, (item, place) in enumerate(zip(inputs, view.layout.inputs, strict=False)):
            is_widget = item.widget is not None
            fits = view.offer is not None and index in view.offer.inputs
            if is_widget and item.link is None and not fits:
                continue
            opacity = painter.opacity()
            if view.offer is not None and not fits:
                painter.setOpacity(opacity * REFUSED_OPACITY)
            if item.link is not None:
                self._paint_stub(
                    painter, view, item.type, 0.0, place.x(), place.y(), -1.0,
                    is_lit=view.is_lit or index in view.lit_inputs,
                )  # fmt: skip
            paint_socket(
                painter, place, item.type, style, self._socket_radius,
                is_optional=item.is_optional and item.link is None and not is_widget,
            )  # fmt: skip
            if item.name and view.problem_input == item.name and not is_widget:
                paint_problem_ring(painter, place, style)
            if not is_widget and item.label and view.layout.has_title:
                painter.setFont(font.font)
                painter.setPen(view.colors.socket_text)
                painter.drawText(
                    QPointF(place.x() + LABEL_GAP, font.baseline(place.y())),
                    font.cut(item.label, view.layout.width - 40.0),
                )
            painter.setOpacity(opacity)

    def _paint_outputs(self, painter: QPainter, view: NodeView) -> None:
        style, font = self.style, self.fonts.inner
        outputs = view.node.outputs
        for index, (item, place) in enumerate(zip(outputs, view.layout.outputs, strict=False)):
            fits = view.offer is not None and index in view.offer.outputs
            opacity = painter.opacity()
            if view.offer is not None and not fits:
                painter.setOpacity(opacity * REFUSED_OPACITY)
            if item.links:
                self._paint_stub(
                    painter, view, item.type, view.layout.width, place.x(), place.y(), 1.0,
                    is_lit=view.is_lit or index in view.lit_outputs,
                )  # fmt: skip
            paint_socket(
                painter, place, item.type, style, self._socket_radius, is_list=item.is_list
            )
            if item.label and view.layout.has_title:
                painter.setFont(font.font)
                painter.setPen(view.colors.socket_text)
                text = font.cut(item.label, view.layout.width - 40.0)
                painter.drawText(
                    QPointF(place.x() - LABEL_GAP - font.width(text), font.baseline(place.y())),
                    text,
                )
            painter.setOpacity(opacity)

    def _paint_stub(
        self, painter: QPainter, view: NodeView, type_name: str, edge: float, x: float, y: float,
        side: float, *, is_lit: bool,
    ) -> None:  # fmt: skip
        """Draw the last piece of a link, from the edge of the node to just before the dot."""
        color = (
            self.style.link_color(type_name) if is_lit
            else self.style.link_color_at_rest(type_name)
        )  # fmt: skip
        pen = QPen(color, self._link_width)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        painter.setPen(pen)
        near = x + side * (self._socket_radius + self._socket_gap)
        painter.drawLine(QLineF(edge, y, near, y))

    def _paint_collapsed_sockets(self, painter: QPainter, view: NodeView) -> None:
        if view.detail is not Detail.FULL:
            return
        for items, places in (
            (view.node.inputs, view.layout.inputs),
            (view.node.outputs, view.layout.outputs),
        ):
            linked = [item for item in items if getattr(item, "link", None) or
                      getattr(item, "links", None)]  # fmt: skip
            shown = linked or [item for item in items if getattr(item, "widget", None) is None]
            if shown and places:
                paint_socket(painter, places[0], shown[0].type, self.style, self._socket_radius)

    def _paint_pictures(self, painter: QPainter, view: NodeView) -> None:
        area = view.layout.output
        if not view.pictures or area is None:
            return
        shows_caption = not view.is_live and view.detail is Detail.FULL
        room = QRectF(area)
        if not view.is_live:
            room.setHeight(room.height() - CAPTION_HEIGHT)
        sizes = [
            size_of(image, view.picture_sizes, index) for index, image in enumerate(view.pictures)
        ]
        cells = grid_cells(len(view.pictures), sizes[0], room)
        radius = self.style.px("node.imageRadius")
        lowest = room.top()
        for image, cell, size in zip(view.pictures, cells, sizes, strict=True):
            rect = fitted(size, cell, enlarge=view.is_live, top=len(sizes) == 1)
            self._pictures.paint(painter, image, rect, radius, view.zoom)
            lowest = max(lowest, rect.bottom())
        if shows_caption:
            self._paint_caption(painter, view, sizes, lowest)

    def _paint_caption(
        self, painter: QPainter, view: NodeView, sizes: list[QSizeF], top: float
    ) -> None:
        area = view.layout.output
        assert area is not None
        font = self.fonts.caption
        baseline = font.baseline(top + 4.0 + CAPTION_HEIGHT / 2)
        painter.setFont(font.font)
        painter.setPen(self.style.color("widget.label"))
        words = f"{round(sizes[0].width())} × {round(sizes[0].height())}"
        if len(sizes) > 1:
            words = f"{len(sizes)} · {words}"
        painter.drawText(QPointF(area.left() + 2.0, baseline), words)
        if view.seconds is not None:
            time = time_words(view.seconds)
            painter.drawText(QPointF(area.right() - 2.0 - font.width(time), baseline), time)

    def _paint_text(self, painter: QPainter, view: NodeView) -> None:
        area = view.layout.output
        if not view.text or view.pictures or area is None:
            return
        style = view.colors.style
        radius = self.style.px("node.widget.textBox.radius")
        padding = self.style.px("node.widget.textBox.padding")
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(style.color("widget.fill"))
        painter.drawRoundedRect(area, radius, radius)
        lines = TextLines(
            view.text[:20_000], area.width() - 2 * padding, self.fonts.prompt,
            self.fonts.prompt_line,
        )  # fmt: skip
        painter.save()
        painter.setClipRect(area.adjusted(1.0, 1.0, -1.0, -1.0))
        painter.setPen(style.color("widget.value"))
        corner = QPointF(area.left() + padding, area.top() + padding)
        lines.draw(painter, corner, area.top(), area.bottom())
        painter.restore()
