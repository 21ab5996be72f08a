"""Pens, brushes, fonts and cut texts of one style, prepared once for the painters of controls.

Painting a node is mostly painter calls and text layouts (spec: canvas, section 1), so colours
become pens and brushes here, and widths and shortened words are remembered.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QBrush, QColor, QFont, QFontMetricsF, QPen

from app.widgets.style import Style, mix

FADED = 0.5
"""Strength of controls that are linked or disabled."""

_REMEMBERED_TEXTS = 4096


def line_pen(color: QColor, width: float = 1.6) -> QPen:
    """Return a pen with round ends and joins, as all glyphs are drawn with."""
    return QPen(
        QBrush(color),
        width,
        Qt.PenStyle.SolidLine,
        Qt.PenCapStyle.RoundCap,
        Qt.PenJoinStyle.RoundJoin,
    )


class FontInk:
    """A font with its measures, in node units.

    Attributes:
        font: The font.
        ascent: Height above the base line, with the leading that Qt adds to a fixed line.
        cap_height: Height of a capital letter.
    """

    def __init__(self, font: QFont) -> None:
        self.font = font
        self._metrics = QFontMetricsF(font)
        self.ascent = self._metrics.ascent() + max(self._metrics.leading(), 0.0)
        self.cap_height = self._metrics.capHeight()
        self._widths: dict[str, float] = {}
        self._cuts: dict[tuple[str, float, Qt.TextElideMode], str] = {}

    def width(self, text: str) -> float:
        """Return how wide ``text`` is on one line."""
        width = self._widths.get(text)
        if width is None:
            if len(self._widths) >= _REMEMBERED_TEXTS:
                self._widths.clear()
            width = self._widths[text] = self._metrics.horizontalAdvance(text)
        return width

    def cut(
        self, text: str, width: float, mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> str:
        """Return ``text`` shortened with an ellipsis so that it fits into ``width``."""
        if self.width(text) <= width:
            return text
        key = (text, width, mode)
        cut = self._cuts.get(key)
        if cut is None:
            if len(self._cuts) >= _REMEMBERED_TEXTS:
                self._cuts.clear()
            cut = self._cuts[key] = self._metrics.elidedText(text, mode, width)
        return cut

    def baseline(self, middle: float) -> float:
        """Return the y of the base line that centres capitals on ``middle``."""
        return middle + self.cap_height / 2


class Ink:
    """Everything the painters of controls take from one style.

    Args:
        style: The style.
        strength: 1 for full colours; 0.5 for controls that are linked or disabled. The colours
            themselves are faded, because text under ``QPainter.setOpacity`` costs up to fifty
            times as much once the painter is scaled.
    """

    def __init__(self, style: Style, strength: float = 1.0) -> None:
        def color(name: str) -> QColor:
            return style.color(name)

        def brush(tone: QColor) -> QBrush:
            return QBrush(faded(tone, strength))

        def pen(name: str, width: float = 1.0) -> QPen:
            return QPen(faded(color(name), strength), width)

        def glyph(tone: QColor, width: float) -> QPen:
            return line_pen(faded(tone, strength), width)

        fill = color("widget.fill")
        self.fill = brush(fill)
        self.fill_hover = brush(color("widget.fillHover"))
        self.fill_pressed = brush(_over(color("widget.fillHover"), color("state.pressed")))
        self.fill_problem = brush(color("danger.surface"))
        self.fill_slider = brush(mix(fill, color("accent.fill"), 0.36 if style.is_dark else 0.24))
        self.fill_scroll = brush(faded(color("widget.glyph"), 0.55))
        self.track = brush(mix(fill, color("widget.glyph"), 0.55))
        self.accent = brush(color("accent.fill"))
        self.knob = brush(color("text.onAccent"))
        self.border_rest = pen("widget.border")
        self.has_border = color("widget.border") != fill
        self.border_hover = pen("widget.borderHover")
        self.border_problem = pen("danger.line")
        self.border_focus = pen("focus.ring", 1.5)
        self.marker = pen("accent.line", 2.0)
        self.label = pen("widget.label")
        self.value = pen("widget.value")
        self.muted = QPen(faded(color("widget.label"), 0.75 * strength))
        self.problem = pen("danger.text")
        self.glyph = glyph(color("widget.glyph"), 1.2)
        self.glyph_hover = glyph(color("widget.value"), 1.2)
        self.glyph_problem = glyph(color("danger.text"), 1.2)
        self.arrow = glyph(color("widget.value"), 1.6)
        self.arrow_end = glyph(faded(color("widget.glyph"), 0.5), 1.6)
        self.inner = FontInk(style.node_font("inner"))
        self.prompt = FontInk(style.node_font("promptText"))
        self.caption = FontInk(style.node_font("caption"))
        self.prompt_line = style.px("type.node.promptText.line")
        self.radius = style.px("node.widget.radius")
        self.label_x = style.px("node.widget.labelX")
        self.value_right = style.px("node.widget.valueRight")
        self.value_right_glyph = style.px("node.widget.valueRightWithGlyph")
        self.glyph_size = style.px("node.widget.glyph")
        self.text_padding = style.px("node.widget.textBox.padding")
        self.text_radius = style.px("node.widget.textBox.radius")


@lru_cache(maxsize=128)
def ink_of(style: Style) -> Ink:
    """Return the prepared pens of ``style``, made at its first use."""
    return Ink(style)


@lru_cache(maxsize=128)
def faded_ink_of(style: Style) -> Ink:
    """Return the pens of ``style`` at half strength, for linked and disabled controls."""
    return Ink(style, FADED)


def faded(color: QColor, alpha: float) -> QColor:
    """Return ``color`` with its alpha multiplied by ``alpha``."""
    result = QColor(color)
    result.setAlphaF(color.alphaF() * alpha)
    return result


def _over(ground: QColor, overlay: QColor) -> QColor:
    return mix(ground, overlay, overlay.alphaF())
