"""The link that hangs from the pointer, the socket it would take, and why it would not."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas import link_routes
from app.ui.canvas.link_routes import Point
from app.widgets.style import Style

DRAG_Z = 650.0
_END_RADIUS = 4.0
_TARGET_RADIUS = 6.0
_REACH = 14.0
_HINT_OFFSET = QPointF(16.0, 18.0)


class DragLinkItem(QGraphicsItem):
    """Drawn above everything while a link is dragged.

    Args:
        style: The theme.
    """

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setZValue(DRAG_Z)
        self._style = style
        self._path = QPainterPath()
        self._pen = QPen()
        self._end = QPointF()
        self._target: QPointF | None = None
        self._reason = ""
        self._box = QRectF()

    def show_link(
        self,
        start: Point,
        end: Point,
        color: QColor,
        pointer: QPointF,
        target: QPointF | None,
        reason: str,
        *,
        is_forward: bool,
        via: Sequence[Point] = (),
    ) -> None:
        """Draw one link.

        Args:
            start: Where it hangs.
            end: Its loose end, or the socket it would take.
            color: Colour of its type.
            pointer: Where the pointer is.
            target: Middle of the socket it would take, or None.
            reason: Why it is refused, or an empty text.
            is_forward: It hangs from an output.
            via: Reroutes that it runs through, from where it hangs.
        """
        points = (start, *via, end) if is_forward else (end, *reversed(via), start)
        self.show_links([points], color, pointer, target, reason)

    def show_links(
        self,
        courses: Sequence[Sequence[Point]],
        color: QColor,
        pointer: QPointF,
        target: QPointF | None,
        reason: str,
    ) -> None:
        """Draw links from outputs to inputs, each a row of points; see :meth:`show_link`."""
        self.prepareGeometryChange()
        self._path = QPainterPath()
        for start, *via, end in courses:
            self._path.addPath(link_routes.path_of(link_routes.route(start, end, via)))
        self._pen = QPen(color, self._style.px("node.link.width"))
        self._end, self._target, self._reason = pointer, target, reason
        box = self._path.boundingRect().united(QRectF(pointer, pointer))
        if target is not None:
            box = box.united(QRectF(target, target))
        box.adjust(-_REACH, -_REACH, _REACH, _REACH)
        if reason:
            # The words keep their size on screen, so from far away they reach further.
            box = box.united(QRectF(pointer.x(), pointer.y(), 4000.0, 800.0))
        self._box = box

    def boundingRect(self) -> QRectF:
        """Cover the link and its words."""
        return self._box

    def shape(self) -> QPainterPath:
        """Be nowhere for hit tests."""
        return QPainterPath()

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the link, its end, and the hint."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(self._pen)
        painter.drawPath(self._path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._pen.color())
        if self._target is not None:
            painter.drawEllipse(self._target, _TARGET_RADIUS, _TARGET_RADIUS)
        else:
            painter.drawEllipse(self._end, _END_RADIUS, _END_RADIUS)
        if self._reason:
            self._paint_reason(painter)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)

    def _paint_reason(self, painter: QPainter) -> None:
        style = self._style
        place = painter.worldTransform().map(self._end) + _HINT_OFFSET
        font = style.font("small")
        metrics = QFontMetricsF(font)
        words = self._reason
        box = QRectF(place.x(), place.y(), metrics.horizontalAdvance(words) + 20.0, 28.0)
        painter.save()
        painter.resetTransform()
        radius = style.px("radius.control")
        painter.setPen(QPen(style.color("danger.border"), 1.0))
        painter.setBrush(style.color("danger.surface"))
        painter.drawRoundedRect(box, radius, radius)
        painter.setFont(font)
        painter.setPen(style.color("danger.text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)
        painter.restore()
