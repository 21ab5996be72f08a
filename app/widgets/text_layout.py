"""Text laid out in lines exactly as the editor over it lays it out, and painted from a cache.

One :class:`QTextLayout` for each paragraph; the editor is a QTextDocument with the same font, wrap
rule, width and line height. Both live in node units, so the lines break at the same places at
every zoom.
"""

from __future__ import annotations

import re
from typing import Any

from PySide6.QtCore import QPointF
from PySide6.QtGui import QPainter, QTextLayout, QTextLine, QTextOption

from app.widgets.ink import FontInk

# Where QTextDocument puts the base line inside a line of fixed height.
_BASELINE_SHARE = 0.8
_PARAGRAPH_ENDS = re.compile("\r\n|[\n\r\u2029]")


def wrap_option() -> QTextOption:
    """Return the wrap rule that painted text and its editor share."""
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    return option


def qt_length(text: str) -> int:
    """Return the length of ``text`` as Qt counts: signs beyond the first 65,536 take two."""
    return len(text) if not text or max(text) <= "\uffff" else len(_units(text)) // 2


def from_qt_place(text: str, place: int) -> int:
    """Return the index in ``text`` of a place that Qt counted."""
    if qt_length(text) == len(text):
        return place
    return len(_units(text)[: 2 * place].decode("utf-16-le", "ignore"))


def _units(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def caret_x(line: QTextLine, place: int) -> float:
    """Return the x of the caret at ``place`` in a line."""
    answer: Any = line.cursorToX(place)
    # PySide hands the place back too, because C++ takes a reference to it.
    return float(answer[0] if isinstance(answer, (tuple, list)) else answer)


class TextLines:
    """A text broken into lines.

    Args:
        text: The text; paragraphs end as in text files.
        width: Room for a line, in node units.
        font: The font.
        line_height: Distance from line to line, in node units.

    Attributes:
        text: The text.
        width: Room for a line.
        height: Height of all lines.
    """

    def __init__(self, text: str, width: float, font: FontInk, line_height: float) -> None:
        self.text = text
        self.width = width
        self._line_height = line_height
        self._layouts: list[QTextLayout] = []
        self._tops: list[float] = []
        self._starts: list[int] = []
        option = wrap_option()
        # As QTextDocument does: the base line of a fixed line lies four fifths down.
        raise_by = font.ascent - line_height * _BASELINE_SHARE
        top, start = 0.0, 0
        for paragraph in _PARAGRAPH_ENDS.split(text):
            layout = QTextLayout(paragraph, font.font)
            layout.setTextOption(option)
            layout.setCacheEnabled(True)
            layout.beginLayout()
            count = 0
            while (line := layout.createLine()).isValid():
                line.setLineWidth(width)
                line.setPosition(QPointF(0.0, count * line_height - raise_by))
                count += 1
            layout.endLayout()
            self._layouts.append(layout)
            self._tops.append(top)
            self._starts.append(start)
            top += max(1, count) * line_height
            start += qt_length(paragraph) + 1
        self.height = top

    def line_breaks(self) -> list[int]:
        """Return the place, as Qt counts, at which each line begins."""
        return [
            start + layout.lineAt(index).textStart()
            for start, layout in zip(self._starts, self._layouts, strict=True)
            for index in range(max(1, layout.lineCount()))
        ]

    def draw(self, painter: QPainter, corner: QPointF, top: float, bottom: float) -> None:
        """Draw the paragraphs that touch ``top`` to ``bottom``, in the painter's pen.

        Args:
            painter: Painter in node units.
            corner: Where the text begins.
            top: Upper end of what is seen, in the painter's units.
            bottom: Lower end of what is seen.
        """
        for index, layout in enumerate(self._layouts):
            begin = corner.y() + self._tops[index]
            if begin > bottom:
                return
            if begin + layout.lineCount() * self._line_height >= top:
                layout.draw(painter, QPointF(corner.x(), begin))

    def place_at(self, point: QPointF) -> int:
        """Return the place, as Qt counts, nearest to ``point`` (from the text's corner)."""
        index = 0
        while index + 1 < len(self._tops) and self._tops[index + 1] <= point.y():
            index += 1
        layout = self._layouts[index]
        row = int((point.y() - self._tops[index]) // self._line_height)
        row = min(max(row, 0), layout.lineCount() - 1)
        if row < 0:
            return self._starts[index]
        return self._starts[index] + layout.lineAt(row).xToCursor(point.x())
