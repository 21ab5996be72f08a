"""What stands at the foot of a text editor: how long the text is, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QPainter, QPolygonF
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsSceneHoverEvent,
    QStyleOptionGraphicsItem,
    QToolTip,
    QWidget,
)

from app.widgets.ink import ink_of, line_pen
from app.widgets.style import Style

_INSET = 4.0
_GAP = 8.0
_EDGE = 2.0
_SIGN = 9.0
_TIP_AFTER_MS = 500
_TIP_OFFSET = QPoint(2, 16)


@dataclass(frozen=True, slots=True)
class TextNote:
    """What is known about a text.

    Attributes:
        words: Such as its length, in a few words.
        warning: What is wrong with it, or empty.
        tip: The warning in whole sentences, one a line, for the pointer that rests on it.
    """

    words: str = ""
    warning: str = ""
    tip: str = ""


class TextNoteItem(QGraphicsItem):
    """Draws a note over the lower edge of an editor, on ground of its own.

    The words stand at the right. A warning has a sign and takes the width that is left; while there
    is one, the note is a foot under the text, see :attr:`foot`.

    Args:
        parent: The editor's box.
        box: The same in coordinates.
        style: Colours and fonts.
    """

    def __init__(self, parent: QGraphicsItem, box: QRectF, style: Style) -> None:
        super().__init__(parent)
        self._style = style
        self._ink = ink_of(style)
        self._box = box
        self._note = TextNote()
        self._height = QFontMetricsF(self._ink.caption.font).height()
        self._tip_place = QPoint()
        self._is_tip_shown = False
        self._tip_timer = QTimer()
        self._tip_timer.setSingleShot(True)
        self._tip_timer.setInterval(_TIP_AFTER_MS)
        self._tip_timer.timeout.connect(self._show_tip)
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self.setAcceptHoverEvents(True)

    @property
    def note(self) -> TextNote:
        """What is shown."""
        return self._note

    @note.setter
    def note(self, note: TextNote) -> None:
        if note != self._note:
            self.prepareGeometryChange()
            self._note = note
            self.hide_tip()
            self.update()

    @property
    def foot(self) -> float:
        """Height that the text leaves free; 0 while nothing is wrong with it."""
        return self._height + 2 * _EDGE if self._note.warning else 0.0

    def hoverEnterEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Wait whether the pointer rests here."""
        self.hoverMoveEvent(event)

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Take note of the place, until the tip is shown."""
        self._tip_place = event.screenPos()
        if self._note.tip and not self._is_tip_shown:
            self._tip_timer.start()

    def hoverLeaveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Take the tip away."""
        self.hide_tip()

    def hide_tip(self) -> None:
        """Take the tip away and wait no longer."""
        self._tip_timer.stop()
        if self._is_tip_shown:
            self._is_tip_shown = False
            QToolTip.hideText()

    def _show_tip(self) -> None:
        self._is_tip_shown = True
        small = self._style.font("small").pixelSize()
        lines = escape(self._note.tip).replace("\n", "<br>")
        tip = f'<div style="font-size: {small}px">{lines}</div>'
        QToolTip.showText(self._tip_place + _TIP_OFFSET, tip)

    def boundingRect(self) -> QRectF:
        """Return the lower edge of the editor."""
        height = self._height + 2 * _EDGE
        return QRectF(self._box.left(), self._box.bottom() - height, self._box.width(), height)

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the words, and the warning before them."""
        note, ink = self._note, self._ink
        if not note.words and not note.warning:
            return
        row = self.boundingRect().adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        width = ink.caption.width(note.words) + 2 * _INSET if note.words else 0.0
        words = QRectF(row.right() - width, row.top(), width, row.height())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink.fill)
        painter.drawRect(row if note.warning else words)
        painter.setFont(ink.caption.font)
        painter.setPen(ink.muted)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, note.words)
        if note.warning:
            self._paint_warning(painter, row.adjusted(_INSET, 0.0, -width, 0.0))

    def _paint_warning(self, painter: QPainter, room: QRectF) -> None:
        middle = room.center().y()
        self._paint_sign(painter, QPointF(room.left() + _SIGN / 2, middle))
        left = room.left() + _SIGN + _INSET
        painter.setPen(self._style.color("warning.text"))
        cut = self._ink.caption.cut(self._note.warning, room.right() - left - _GAP)
        painter.drawText(QPointF(left, self._ink.caption.baseline(middle)), cut)

    def _paint_sign(self, painter: QPainter, center: QPointF) -> None:
        """Draw a triangle with an exclamation mark, for those who do not see the colour."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(line_pen(self._style.color("warning.line"), 1.0))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        half = _SIGN / 2
        corners = (QPointF(0.0, -half + 0.5), QPointF(half, half - 0.5), QPointF(-half, half - 0.5))
        painter.drawPolygon(QPolygonF([center + corner for corner in corners]))
        painter.drawLine(center + QPointF(0.0, -1.2), center + QPointF(0.0, 1.0))
        painter.drawPoint(center + QPointF(0.0, 2.6))
