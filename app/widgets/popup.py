"""A frameless panel that comes up beside something and goes when the artist clicks elsewhere."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QColor,
    QGuiApplication,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QWidget

from app.widgets.compositor import cut_out, make_see_through
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box

SHADOW = 20
"""Room around the panel for its shadow, in pixels of the design."""

_SHADOW_STEPS = 10
_DROP = 5


def paint_shadow(painter: QPainter, body: QRectF, radius: float, look: Style, room: float) -> None:
    """Draw the soft shadow of a raised panel around ``body``; it needs ``room`` on all sides."""
    shadow = look.color("popup.shadow")
    drop = _DROP * look.scale
    painter.setPen(Qt.PenStyle.NoPen)
    for step in range(_SHADOW_STEPS):
        # Rings that add up: dense at the panel, thin at the edge of the room.
        share = (_SHADOW_STEPS - step) / _SHADOW_STEPS
        spread = (room - drop) * (1.0 - share) ** 1.5
        ring = QColor(shadow)
        ring.setAlphaF(shadow.alphaF() * share * 0.1)
        painter.setBrush(ring)
        box = body.adjusted(-spread, -spread, spread, spread).translated(0, drop * 0.7)
        painter.drawRoundedRect(box, radius + spread, radius + spread)


def paint_panel(widget: QWidget, body: QRectF, look: Style, *, is_blended: bool) -> None:
    """Paint a raised panel: its shadow where windows can be see-through, ground and border."""
    painter = QPainter(widget)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    radius = 8 * look.scale
    ground, line = look.color("surface.popup"), look.color("border.default")
    if is_blended:
        paint_shadow(painter, body, radius, look, SHADOW * look.scale)
    else:
        painter.fillRect(body, ground)
    paint_box(painter, body, radius, ground, line)


class Popup(Themed, QWidget):
    """The panel with its border and shadow; its contents lie inside :attr:`body_rect`.

    Args:
        look: The style.
        parent: The widget it comes up over.

    Signals:
        closed: It is gone.
    """

    closed = Signal()

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent, Qt.WindowType.Popup | Qt.WindowType.FramelessWindowHint)
        self.setWindowFlag(Qt.WindowType.NoDropShadowWindowHint)
        self._is_blended = make_see_through(self)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.look = look

    @property
    def body_rect(self) -> QRect:
        """The panel inside its shadow."""
        edge = self.px(SHADOW)
        return self.rect().adjusted(edge, edge, -edge, -edge)

    def open_under(self, anchor: QRect, width: int, height: int, gap: int = 4) -> None:
        """Come up under ``anchor``, or above it where there is no room.

        Args:
            anchor: What it belongs to, in global screen coordinates.
            width: Width of the panel without its shadow.
            height: Height of the panel without its shadow.
            gap: Distance from the anchor.
        """
        edge = self.px(SHADOW)
        screen = QGuiApplication.screenAt(anchor.center()) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        x = min(max(anchor.left(), room.left() + gap), room.right() - width - gap)
        y = anchor.bottom() + 1 + gap
        if y + height > room.bottom() - gap:
            above = anchor.top() - gap - height
            y = above if above >= room.top() + gap else max(room.top(), room.bottom() - height)
        self.setFixedSize(width + 2 * edge, height + 2 * edge)
        self.move(QPoint(x - edge, y - edge))
        self.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the panel out where windows cannot be see-through."""
        super().resizeEvent(event)
        if not self._is_blended:
            cut_out(self, self.body_rect, self.px(8))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shadow, the ground and the border."""
        paint_panel(self, QRectF(self.body_rect), self.look, is_blended=self._is_blended)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Tell that it is gone, and let go of whoever waits for an answer."""
        super().closeEvent(event)
        self.finish()
        self.closed.emit()

    def finish(self) -> None:
        """Give the last answer and drop all callbacks; called once, before the panel goes.

        A callback of the parent, kept until the panel is deleted, could be the last reference to
        the parent: it would then be destroyed from inside its own child.
        """
