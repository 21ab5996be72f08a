"""Dialogs of the window: a card over a scrim, never a loop of their own.

A card is a child of the window that covers it, so nothing blocks: :meth:`Card.open` shows it and
the answer comes by signal. The rest of the window is out of reach while it is there.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.shadows import paint_shadow
from app.ui.tab_order import go_round, reachable
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box


class Card(Themed, QWidget):
    """A card in the middle of the window.

    Args:
        window: The window it covers.
        look: The style.
        width: Width of the card in pixels of the design.
        height: Its height, or 0 to follow its contents.

    Attributes:
        body: The card itself; subclasses put a layout on it.

    Signals:
        closed: It was shut, whatever the answer.
    """

    closed = Signal()

    def __init__(self, window: QWidget, look: Style, width: int, height: int = 0) -> None:
        super().__init__(window)
        self._width = width
        self._height = height
        self._focus_before: QWidget | None = None
        self.look = look
        self.body = QWidget(self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.hide()
        window.installEventFilter(self)

    def open(self) -> None:
        """Show the card and take the keyboard."""
        self._focus_before = QApplication.focusWidget()
        self.setGeometry(self.parentWidget().rect())
        self._place()
        self.show()
        self.raise_()
        self.first_focus().setFocus(Qt.FocusReason.PopupFocusReason)

    def first_focus(self) -> QWidget:
        """Return what has the keyboard at first."""
        return self

    def shut(self) -> None:
        """Take the card away and give the keyboard back."""
        if not self.isVisible():
            return
        self.parentWidget().removeEventFilter(self)
        self.hide()
        before = self._focus_before
        if before is not None and before.isVisible():
            before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()
        self.deleteLater()

    def refuse(self) -> None:
        """Escape, or a click beside the card."""
        self.shut()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget():
            self.setGeometry(self.parentWidget().rect())
            self._place()
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shut with Escape; no key reaches the window below."""
        if event.key() == Qt.Key.Key_Escape:
            self.refuse()
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Keep the window's keys from working under the card."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """Keep Tab inside the card."""
        return go_round(reachable([self.body]), forwards)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Shut by a click beside the card."""
        if not self.body.geometry().contains(event.position().toPoint()):
            self.refuse()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint scrim, shadow and card."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.color("surface.scrim"))
        box = QRectF(self.body.geometry())
        paint_shadow(painter, box, self.px(12), self.look, 4)
        fill, line = self.color("surface.popup"), self.color("border.default")
        paint_box(painter, box, self.px(12), fill, line)
        self.paint_card(painter, box)

    def paint_card(self, painter: QPainter, box: QRectF) -> None:
        """Paint more of the card's ground; for subclasses."""

    def _place(self) -> None:
        width = min(self.px(self._width), self.width() - self.px(32))
        height = self.px(self._height)
        if not self._height and self.body.layout() is not None:
            layout = self.body.layout()
            layout.activate()
            height = layout.heightForWidth(width) if layout.hasHeightForWidth() else 0
            height = max(height, layout.sizeHint().height()) if height <= 0 else height
        height = min(height, self.height() - self.px(32))
        self.body.setGeometry(
            (self.width() - width) // 2, (self.height() - height) // 2, width, height
        )
        self.update()
