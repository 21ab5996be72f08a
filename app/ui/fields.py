"""Fields, labels and lines of the window around the canvas, and what several parts paint."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from app.ui.icons import paint_icon
from app.ui.themed import Themed, paint_box, paint_text, text_width
from app.widgets.style import Style


class SearchField(Themed, QLineEdit):
    """A field with a lens, and the key that leads to it at its right end.

    Signals:
        escape_pressed: Escape was pressed while the field was empty already.
    """

    escape_pressed = Signal()

    def __init__(
        self,
        placeholder: str,
        look: Style,
        *,
        key: str = "",
        height: int = 32,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._key = key
        self._height = height
        self._hint = placeholder
        self.setFrame(False)
        self.setAccessibleName(placeholder)
        self.setObjectName("searchField")
        self.apply_style(look)

    @property
    def hint(self) -> str:
        """The grey words of the empty field."""
        return self._hint

    def set_key(self, key: str) -> None:
        """Show another key at the right end."""
        self._key = key
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font("body"))
        self.setFixedHeight(self.px(self._height))
        self.setTextMargins(self.px(32), 0, self.px(10), 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear with the first Escape and leave with the second."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.escape_pressed.emit()
            event.accept()
            return
        super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the stronger border."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Show the plain border."""
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the box, then the text of the base class, then lens, hint and key."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        focused = self.hasFocus()
        fill = "surface.fieldHover" if self.underMouse() else "surface.field"
        line = (
            "focus.ring" if focused else "border.strong" if self.underMouse() else "border.default"
        )
        paint_box(
            painter, rect, self.px(6), self.color(fill), self.color(line), 1.5 if focused else 1
        )
        painter.end()
        super().paintEvent(event)
        painter.begin(self)
        ink = self.color("text.secondary")
        center = QPointF(self.px(17), rect.center().y())
        paint_icon(painter, "search", center, self.px(16), ink)
        if not self.text():
            box = rect.adjusted(self.px(32), 0, -self.px(10), 0)
            paint_text(painter, box, self._hint, self.font(), self.color("text.tertiary"))
            if self._key and not focused:
                paint_key(painter, self, self._key, rect.right() - self.px(8), rect.center().y())
        painter.end()


class Words(Themed, QLabel):
    """A line or paragraph of text in one of the fonts and colours of the style."""

    def __init__(
        self,
        text: str,
        look: Style,
        *,
        font: str = "body",
        color: str = "text.primary",
        wrap: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._font_name = font
        self._color_name = color
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wrap)
        self.apply_style(look)

    def set_color(self, name: str) -> None:
        """Show the text in another colour of the style."""
        self._color_name = name
        self.apply_style(self.look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font(self._font_name))
        palette = self.palette()
        palette.setColor(self.foregroundRole(), look.color(self._color_name))
        self.setPalette(palette)


class Line(Themed, QWidget):
    """A hairline."""

    def __init__(
        self, look: Style, *, vertical: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
        self.apply_style(look)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Fill with the quiet border colour."""
        QPainter(self).fillRect(self.rect(), self.color("border.subtle"))


def paint_key(painter: QPainter, part: Themed, text: str, right: float, middle: float) -> float:
    """Draw a key cap that ends at ``right``; returns its left edge."""
    font = part.look.font("key")
    height = part.px(18)
    width = max(height, round(text_width(font, text)) + part.px(8))
    box = QRectF(round(right - width), round(middle - height / 2), width, height)
    paint_box(painter, box, part.px(4), None, part.look.color("border.default"))
    paint_text(
        painter, box, text, font, part.look.color("text.secondary"), Qt.AlignmentFlag.AlignHCenter
    )
    return box.left()


def paint_dot(painter: QPainter, center: QPointF, radius: float, color: QColor) -> None:
    """Draw a filled dot."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(center, radius, radius)


def paint_run_ring(painter: QPainter, center: QPointF, angle: float, part: Themed) -> None:
    """Draw the ring that turns while a document runs; ``angle`` in degrees."""
    radius = part.px(5.5)
    box = QRectF(center.x() - radius, center.y() - radius, radius * 2, radius * 2)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(part.look.color("accent.track"), 1.8))
    painter.drawEllipse(box)
    pen = QPen(part.look.color("accent.line"), 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(box, round((90 - angle) * 16), -(240 * 16))


def is_left_click(event: QMouseEvent) -> bool:
    """Tell whether the left button alone was used."""
    return event.button() == Qt.MouseButton.LeftButton
