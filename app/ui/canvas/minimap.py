"""The small map of everything, with a frame around what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap, QWheelEvent
from PySide6.QtWidgets import QWidget

from app.engine.workflow.model import Mode
from app.ui.canvas.node_views import colors_of
from app.widgets.style import Style, mix

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

REDRAW_MS = 120
_INSET = 7.0
_MARGIN = 120.0
_TINT_SHARE = 0.45


class Minimap(QWidget):
    """Shows all nodes of a canvas and moves its view.

    The nodes are painted from a picture that is made anew only when something changed, never per
    frame.

    Args:
        view: The canvas.
        style: The theme.
        parent: The widget it floats in.

    Attributes:
        shows_links: Links are drawn.
    """

    def __init__(self, view: CanvasView, style: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        width, height = style.tokens["layout"]["minimap"]
        self.resize(round(width * style.scale), round(height * style.scale))
        self.shows_links = False
        self._view = view
        self._style = style
        self._picture: QPixmap | None = None
        self._world = QRectF()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REDRAW_MS)
        self._timer.timeout.connect(self._redraw)
        view.canvas.content_changed.connect(self._on_content_changed)
        view.view_changed.connect(self.update)
        self.setCursor(Qt.CursorShape.ArrowCursor)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._redraw()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture and the frame of the view."""
        if self._picture is None or self._picture.deviceIndependentSize() != self.size().toSizeF():
            self._draw_picture()
        style = self._style
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius = style.px("radius.card")
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.setPen(QPen(style.color("border.default"), 1.0))
        painter.setBrush(style.color("minimap.ground"))
        painter.drawRoundedRect(frame, radius, radius)
        assert self._picture is not None
        painter.drawPixmap(0, 0, self._picture)
        seen = self._to_map(self._view.navigator.visible).intersected(self._room())
        if not seen.isEmpty():
            line = QColor(style.color("minimap.view"))
            fill = QColor(line)
            fill.setAlphaF(0.05)
            painter.setBrush(fill)
            painter.setPen(QPen(line, 1.0))
            painter.drawRoundedRect(seen.adjusted(0.5, 0.5, -0.5, -0.5), 2.0, 2.0)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Bring the pressed place to the middle of the view."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._go(event.position())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Let the view follow the pointer."""
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._go(event.position())
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Bring the node under the pointer to the middle (U-024)."""
        pos = self._to_canvas(event.position())
        for item in self._view.canvas.nodes_in(QRectF(pos.x(), pos.y(), 1.0, 1.0)):
            self._view.actions.show_node(item.key)
            break
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom about the middle of the view."""
        if event.angleDelta().y() > 0:
            self._view.actions.zoom_in()
        elif event.angleDelta().y() < 0:
            self._view.actions.zoom_out()
        event.accept()

    def changeEvent(self, event: QEvent) -> None:
        """Draw anew on another screen."""
        if event.type() == QEvent.Type.ScreenChangeInternal:
            self._picture = None
        super().changeEvent(event)

    def _on_content_changed(self) -> None:
        if self.isVisible():
            if not self._timer.isActive():
                self._timer.start()
        else:
            self._picture = None

    def _redraw(self) -> None:
        self._picture = None
        self.update()

    def _go(self, pos: QPointF) -> None:
        self._view.navigator.center_on(self._to_canvas(pos))

    def _room(self) -> QRectF:
        return QRectF(self.rect()).adjusted(_INSET, _INSET, -_INSET, -_INSET)

    @property
    def _scale(self) -> float:
        room = self._room()
        return min(room.width() / self._world.width(), room.height() / self._world.height())

    def _to_map(self, rect: QRectF) -> QRectF:
        scale = self._scale
        corner = self._room().center() + (rect.topLeft() - self._world.center()) * scale
        return QRectF(corner, rect.size() * scale)

    def _to_canvas(self, pos: QPointF) -> QPointF:
        return (pos - self._room().center()) / self._scale + self._world.center()

    def _draw_picture(self) -> None:
        canvas, style = self._view.canvas, self._style
        bounds = canvas.nodes_bounds()
        if bounds.isEmpty():
            bounds = self._view.navigator.visible
        self._world = bounds.adjusted(-_MARGIN, -_MARGIN, _MARGIN, _MARGIN)
        ratio = self.devicePixelRatioF()
        picture = QPixmap(round(self.width() * ratio), round(self.height() * ratio))
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        for group in canvas.groups.values():
            color = QColor(group.color())
            color.setAlphaF(0.22)
            painter.setBrush(color)
            painter.drawRect(self._to_map(group.rect))
        if self.shows_links:
            self._draw_links(painter)
            painter.setPen(Qt.PenStyle.NoPen)
        plain = style.color("minimap.node")
        for key, item in canvas.nodes.items():
            painter.setBrush(self._color_of(key, plain))
            box = self._to_map(item.outline)
            painter.drawRoundedRect(box, 1.5, 1.5)
        painter.end()
        self._picture = picture

    def _draw_links(self, painter: QPainter) -> None:
        canvas = self._view.canvas
        painter.setPen(QPen(self._style.color("border.strong"), 0.7))
        for link in self._view.document.bound.links.values():
            if link.origin in canvas.nodes and link.target in canvas.nodes:
                start = self._to_map(canvas.nodes[link.origin].outline).center()
                end = self._to_map(canvas.nodes[link.target].outline).center()
                painter.drawLine(start, end)

    def _color_of(self, key: str, plain: QColor) -> QColor:
        canvas, style = self._view.canvas, self._style
        if key in canvas.run.failed:
            return style.color("danger.line")
        if key in canvas.run.running:
            return style.color("accent.line")
        record = canvas.nodes[key].node.node
        if record.mode == Mode.BYPASSED:
            return mix(plain, style.color("node.bypass"), 0.6)
        if record.bgcolor is not None or record.color is not None:
            return mix(plain, colors_of(canvas.nodes[key], style).body, _TINT_SHARE)
        return plain
