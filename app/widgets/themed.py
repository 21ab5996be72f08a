"""What painted controls of a window share: one style, scaled measures, paint helpers."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QWidget

from app.widgets.style import Style, mix

KEYBOARD_REASONS = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class Themed:
    """A part that is painted from a style and can take another one while it is shown.

    A subclass sets fonts and fixed sizes in :meth:`apply_style`, which it also calls at the end of
    its constructor.

    Attributes:
        look: The style in force.
    """

    look: Style

    def apply_style(self, look: Style) -> None:
        """Take a style: fonts and fixed sizes first, then a repaint."""
        self.look = look
        if isinstance(self, QWidget):
            self.update()

    def px(self, length: float) -> int:
        """Return a length of the design at the present interface scale, in pixels."""
        return round(length * self.look.scale)

    def color(self, name: str) -> QColor:
        """Return a colour of the style."""
        return self.look.color(name)

    def font_named(self, name: str) -> QFont:
        """Return an interface font of the style."""
        return self.look.font(name)


def restyle(root: QWidget, look: Style) -> None:
    """Give ``root`` and everything inside it another style."""
    for widget in (root, *root.findChildren(QWidget)):
        if isinstance(widget, Themed):
            widget.apply_style(look)


def over(ground: QColor, overlay: QColor) -> QColor:
    """Return what a half-transparent ``overlay`` makes of an opaque ``ground``."""
    return mix(ground, overlay, overlay.alphaF())


def text_width(font: QFont, text: str) -> float:
    """Return the width of one line of text, in pixels."""
    return QFontMetricsF(font).horizontalAdvance(text)


def elided(font: QFont, text: str, width: float) -> str:
    """Return ``text`` cut with an ellipsis so that it fits."""
    return QFontMetricsF(font).elidedText(text, Qt.TextElideMode.ElideRight, max(0.0, width))


def paint_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    font: QFont,
    color: QColor,
    align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
) -> None:
    """Draw one line, cut to the width of ``rect`` and centred on its height."""
    painter.setFont(font)
    painter.setPen(color)
    flags = int(align | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine)
    painter.drawText(rect, flags, elided(font, text, rect.width() + 0.5))


def paint_box(
    painter: QPainter,
    rect: QRectF,
    radius: float,
    fill: QColor | None = None,
    line: QColor | None = None,
    width: float = 1.0,
) -> None:
    """Draw a rounded box; its border lies inside ``rect``."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(line, width) if line is not None else Qt.PenStyle.NoPen)
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    inset = width / 2 if line is not None else 0.0
    painter.drawRoundedRect(
        rect.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset
    )


def paint_bar(
    painter: QPainter, rect: QRectF, fraction: float, fill: QColor, track: QColor
) -> None:
    """Draw a thin progress bar with round ends; the filled part keeps a length one can see."""
    radius = rect.height() / 2
    paint_box(painter, rect, radius, track)
    if fraction > 0:
        done = QRectF(rect)
        done.setWidth(max(rect.height(), rect.width() * min(1.0, fraction)))
        paint_box(painter, done, radius, fill)


def paint_ring(painter: QPainter, rect: QRectF, radius: float, look: Style) -> None:
    """Draw the focus ring: two wide, two outside of ``rect``."""
    outside = rect.adjusted(-2, -2, 2, 2)
    paint_box(painter, outside, radius + 2, None, look.color("focus.ring"), 2.0)


def is_keyboard_focus(event: QFocusEvent) -> bool:
    """Tell whether the focus came by a key, so that the ring is shown."""
    return event.reason() in KEYBOARD_REASONS


def point(x: float, y: float) -> QPointF:
    """Return a point; shorter where many are made."""
    return QPointF(x, y)
