"""The fonts inside nodes with their measures."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QFont

from app.widgets.ink import FontInk
from app.widgets.style import Style


class Fonts:
    """The fonts inside nodes with their measures, made once for each style."""

    def __init__(self, style: Style) -> None:
        self.title = FontInk(style.node_font("title"))
        self.inner = FontInk(style.node_font("inner"))
        self.caption = FontInk(style.node_font("caption"))
        self.prompt = FontInk(style.node_font("promptText"))
        self.prompt_line = style.px("type.node.promptText.line")
        self.steps = FontInk(_weighted(style.node_font("inner"), QFont.Weight.DemiBold))
        # Files were measured with a title of regular weight; the drawn one is a little wider.
        self.title_measure = FontInk(_weighted(style.node_font("title"), QFont.Weight.Normal))


@lru_cache(maxsize=8)
def node_fonts(style: Style) -> Fonts:
    """Return the fonts of a style."""
    return Fonts(style)


def _weighted(font: QFont, weight: QFont.Weight) -> QFont:
    other = QFont(font)
    other.setWeight(weight)
    return other
