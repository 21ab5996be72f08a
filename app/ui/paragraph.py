"""Text over several lines with the line height of the design, which labels cannot have."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter, QPaintEvent, QTextLayout, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.style import Style
from app.widgets.themed import Themed


class Paragraph(Themed, QWidget):
    """A paragraph that wraps at words.

    Args:
        text: The words; line breaks are kept.
        look: The style.
        font: Name of the font, which also tells the line height.
        color: Name of the colour.
    """

    def __init__(
        self,
        text: str,
        look: Style,
        *,
        font: str = "body",
        color: str = "text.secondary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._text = text
        self._font_name = font
        self._color_name = color
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName(text)
        self.apply_style(look)

    def text(self) -> str:
        """Return the words."""
        return self._text

    def setText(self, text: str) -> None:
        """Show other words."""
        self._text = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.updateGeometry()

    def hasHeightForWidth(self) -> bool:
        """Tell that the height follows the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines at a width."""
        return self._line_height() * max(1, len(self._lines(width)))

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        width = min(self.maximumWidth(), self.px(480))
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        """Return the least size."""
        return QSize(self.px(80), self._line_height())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the lines."""
        painter = QPainter(self)
        painter.setFont(self._font())
        painter.setPen(self.color(self._color_name))
        height = self._line_height()
        for number, line in enumerate(self._lines(self.width())):
            box = QRectF(0, number * height, self.width(), height)
            painter.drawText(box, int(Qt.AlignmentFlag.AlignVCenter), line)

    def _font(self) -> QFont:
        return self.look.font(self._font_name)

    def _line_height(self) -> int:
        return self.px(self.look.px(f"type.styles.{self._font_name}.line"))

    def _lines(self, width: float) -> list[str]:
        return [line for part in self._text.split("\n") for line in wrap(part, self._font(), width)]


def wrap(text: str, font: QFont, width: float) -> list[str]:
    """Split a text without line breaks into lines that fit ``width``."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    # Qt counts in units of UTF-16, of which an emoji takes two.
    units = text.encode("utf-16-le", "surrogatepass")
    lines = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(max(1.0, width))
        line.setPosition(QPointF(0, 0))
        start, end = line.textStart() * 2, (line.textStart() + line.textLength()) * 2
        lines.append(units[start:end].decode("utf-16-le", "surrogatepass").rstrip())
    layout.endLayout()
    return lines or [""]
