"""Lines of words, hairlines, key caps and dots, painted from the style."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QWidget

from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box, paint_text, text_width


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
