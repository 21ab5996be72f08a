"""The bar in the title of a running node: small enough to be painted sixty times a second."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from app.ui.canvas.detail import FULL_ZOOM
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_layout import TITLE_HEIGHT
from app.widgets.style import Style

BUSY_SHARE = 0.3


class ProgressItem(QGraphicsItem):
    """A line along the lower edge of a title bar, and the steps in words.

    Args:
        style: The theme.
    """

    def __init__(self, style: Style) -> None:
        super().__init__()
        self.setAcceptedMouseButtons(Qt.MouseButton.NoButton)
        self._width = 0.0
        self._value = 0.0
        self._maximum = 0.0
        self._busy = 0.0
        self._words = ""
        self._words_end = 0.0
        self._shape = QPainterPath()
        self.set_style(style)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._style = style
        self._font = node_fonts(style).steps
        self._height = style.px("node.progressHeight")
        self.update()

    def place(self, corner: QPointF, width: float, words_end: float) -> None:
        """Lie over the title bar of a node.

        Args:
            corner: Where its body begins.
            width: Width of the node.
            words_end: How far from the right edge the words end.
        """
        self._words_end = words_end
        if width != self._width:
            self.prepareGeometryChange()
            self._width = width
        self.setPos(corner)

    def show_progress(self, value: float, maximum: float) -> bool:
        """Show ``value`` of ``maximum`` steps; a maximum of 0 means that none are known.

        Returns:
            Whether the words need other room in the title than before.
        """
        is_other_room = maximum != self._maximum
        old = self._bar()
        words = f"{value:g}/{maximum:g}" if maximum > 0 else ""
        if words != self._words:
            self._words = words
            self.update(QRectF(self._width / 2, -TITLE_HEIGHT, self._width / 2, TITLE_HEIGHT))
        self._value, self._maximum = value, maximum
        self.update(self._bar().united(old).adjusted(-1.0, -1.0, 1.0, 1.0))
        return is_other_room

    def show_busy(self, phase: float) -> None:
        """Show that it works without known steps; ``phase`` runs from 0 to 1 and back."""
        old = self._bar()
        self._busy = phase
        self.update(self._bar().united(old).adjusted(-1.0, -1.0, 1.0, 1.0))

    def boundingRect(self) -> QRectF:
        """Cover the title bar."""
        return QRectF(0.0, -TITLE_HEIGHT, self._width, TITLE_HEIGHT + 1.0)

    def shape(self) -> QPainterPath:
        """Be nowhere for hit tests."""
        return self._shape

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw track, bar and words."""
        color = self._style.color
        track = QRectF(1.0, -self._height, self._width - 2.0, self._height)
        painter.fillRect(track, color("accent.track"))
        painter.fillRect(self._bar(), color("accent.line"))
        if self._words and painter.worldTransform().m11() >= FULL_ZOOM:
            font = self._font
            painter.setFont(font.font)
            painter.setPen(color("accent.text"))
            x = self._width - self._words_end - font.width(self._words)
            painter.drawText(QPointF(x, font.baseline(-TITLE_HEIGHT / 2)), self._words)

    def _bar(self) -> QRectF:
        room = max(0.0, self._width - 2.0)
        if self._maximum > 0:
            share = min(1.0, max(0.0, self._value / self._maximum))
            return QRectF(1.0, -self._height, room * share, self._height)
        start = self._busy * (1.0 - BUSY_SHARE) * room
        return QRectF(1.0 + start, -self._height, room * BUSY_SHARE, self._height)
