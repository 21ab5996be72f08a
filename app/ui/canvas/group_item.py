"""A coloured frame with a title behind nodes."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.engine.workflow.model import Group
from app.ui.canvas.node_colors import DEFAULT_GROUP, tint_of
from app.widgets.ink import FontInk
from app.widgets.style import Style, mix

TITLE_HEIGHT = 30.0
LEAST_SIZE = (140.0, 80.0)
RESIZE_CORNER = 12.0
GROUP_Z = -20.0
_TITLE_X = 15.0
_LEAST_TITLE_PX = 8.0


class GroupItem(QGraphicsItem):
    """One group.

    Attributes:
        key: Key of the group in its graph.
        record: What the file says of it.
        rect: Where it lies in the scene, the title bar included.
    """

    def __init__(self, group: Group, style: Style) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(GROUP_Z)
        self.key = group.key
        self.record = group
        self.rect = QRectF(*group.bounding)
        self._is_selected = False
        self._is_hovered = False
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._font = FontInk(style.node_font("group"))
        self._update_colors()

    def rebind(self, group: Group) -> None:
        """Take over a changed group."""
        self.record = group
        self.set_rect(QRectF(*group.bounding))
        self._update_colors()

    def set_rect(self, rect: QRectF) -> None:
        """Lie somewhere else, for example while it is dragged."""
        if rect != self.rect:
            self.prepareGeometryChange()
            self.rect = rect

    def set_selected(self, selected: bool) -> None:
        """Draw it as selected or not."""
        if selected != self._is_selected:
            self._is_selected = selected
            self.update()

    def set_hovered(self, hovered: bool) -> None:
        """Draw it with the pointer over its title or not."""
        if hovered != self._is_hovered:
            self._is_hovered = hovered
            self.update()

    @property
    def title_rect(self) -> QRectF:
        """The bar that moves the group, in scene coordinates."""
        return QRectF(self.rect.left(), self.rect.top(), self.rect.width(), TITLE_HEIGHT)

    def color(self) -> QColor:
        """Return the colour it is drawn in."""
        return self._color

    def boundingRect(self) -> QRectF:
        """Cover the frame and the line of its selection."""
        return self.rect.adjusted(-6.0, -6.0, 6.0, 6.0)

    def shape(self) -> QPainterPath:
        """Be the frame."""
        path = QPainterPath()
        path.addRect(self.rect)
        return path

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw ground, line and title."""
        zoom = painter.worldTransform().m11()
        radius = self._style.px("radius.group")
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        width = max(1.0, 1.0 / zoom)
        inset = width / 2
        painter.setBrush(self._fill)
        painter.setPen(QPen(self._line, width))
        painter.drawRoundedRect(
            self.rect.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset
        )
        if self._is_selected:
            width = max(self._style.px("node.selection.width"), 1.5 / zoom)
            reach = max(self._style.px("node.selection.outside"), 1.5 / zoom) + width / 2
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(self._style.color("selection.line"), width))
            painter.drawRoundedRect(
                self.rect.adjusted(-reach, -reach, reach, reach), radius + reach, radius + reach
            )
        if zoom >= 0.15:
            self._paint_title(painter, zoom)
        if self._is_hovered:
            right, bottom = self.rect.right() - 5.0, self.rect.bottom() - 5.0
            painter.setPen(QPen(self._title, max(1.2, 1.2 / zoom)))
            painter.drawLine(QPointF(right, bottom - 8.0), QPointF(right - 8.0, bottom))
            painter.drawLine(QPointF(right, bottom - 4.0), QPointF(right - 4.0, bottom))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_title(self, painter: QPainter, zoom: float) -> None:
        scale = min(2.2, max(1.0, _LEAST_TITLE_PX / (16.0 * zoom)))
        text = self._font.cut(
            self.record.title, max(0.0, (self.rect.width() - 2 * _TITLE_X) / scale)
        )
        painter.setFont(self._font.font)
        painter.setPen(self._title)
        painter.translate(self.rect.left() + _TITLE_X, self.rect.top() + 17.0)
        painter.scale(scale, scale)
        painter.drawText(QPointF(0.0, self._font.baseline(0.0)), text)
        painter.scale(1.0 / scale, 1.0 / scale)
        painter.translate(-self.rect.left() - _TITLE_X, -self.rect.top() - 17.0)

    def _update_colors(self) -> None:
        style = self._style
        stored = self.record.color or DEFAULT_GROUP
        self._color = tint_of(style, stored) or QColor(DEFAULT_GROUP)
        self._fill = QColor(self._color)
        self._fill.setAlphaF(style.number("group.fillAlpha"))
        self._line = QColor(self._color)
        self._line.setAlphaF(style.number("group.lineAlpha"))
        toward = QColor("white") if style.is_dark else QColor("black")
        self._title = mix(self._color, toward, style.mixes["groupTitle"])
        self.update()
