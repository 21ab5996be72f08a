"""Colours, fonts and measures by name, ready for painters.

A :class:`Style` is made from the token files by ``app.ui.theme`` and handed down; nothing else
in the program names a colour, a radius or a font size.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from PySide6.QtGui import QColor, QFont

_WEIGHTS = {400: QFont.Weight.Normal, 500: QFont.Weight.Medium, 600: QFont.Weight.DemiBold}


def parse_color(text: str) -> QColor:
    """Read ``#RGB``, ``#RRGGBB`` or ``#RRGGBBAA`` (alpha last), or a CSS colour name.

    Returns an invalid colour for text that is none, as files are not trusted.
    """
    if len(text) == 9 and text.startswith("#"):
        color = QColor(text[:7])
        if color.isValid():
            color.setAlpha(int(text[7:], 16))
        return color
    return QColor(text)


def mix(first: QColor, second: QColor, amount: float) -> QColor:
    """Blend ``amount`` (0 to 1) of ``second`` into ``first``; the result is opaque."""
    keep = 1.0 - amount
    return QColor(
        round(first.red() * keep + second.red() * amount),
        round(first.green() * keep + second.green() * amount),
        round(first.blue() * keep + second.blue() * amount),
    )


class Style:
    """One theme: named colours, fonts and measures. Made once, then only read.

    Args:
        theme: Contents of ``themes/dark.json`` or ``themes/light.json``.
        tokens: Contents of ``themes/tokens.json``.
        scale: Interface scale (fonts of the window); node fonts do not follow it.
    """

    def __init__(
        self, theme: Mapping[str, Any], tokens: Mapping[str, Any], scale: float = 1.0
    ) -> None:
        self.name: str = theme["name"]
        self.is_dark: bool = theme["is_dark"]
        self.scale = scale
        self.tokens = tokens
        self.mixes: Mapping[str, float] = theme["mix"]
        self._numbers: dict[str, float] = {}
        self._colors: dict[str, QColor] = {}
        for name, value in theme["color"].items():
            if isinstance(value, str):
                self._colors[name] = parse_color(value)
            else:
                self._numbers[name] = float(value)
        self._links = {name: parse_color(value) for name, value in theme["link"].items()}
        self._tints = {name: parse_color(value) for name, value in theme["tint"].items()}
        self._links_at_rest: dict[str, QColor] = {}
        self._fonts: dict[str, QFont] = {}

    def derived(self, colors: Mapping[str, QColor]) -> Style:
        """Return a copy with other colours, such as the tinted boxes of a coloured node.

        Keep the copy: painters prepare their pens once for each style object.
        """
        style = copy.copy(self)
        style._colors = {**self._colors, **colors}
        style._links_at_rest = {}
        return style

    def color(self, name: str) -> QColor:
        """Return a colour such as ``"surface.canvas"``. Do not change the object.

        Raises:
            KeyError: There is no such colour.
        """
        return self._colors[name]

    def number(self, name: str) -> float:
        """Return an alpha such as ``"node.mutedAlpha"``."""
        return self._numbers[name]

    def tint(self, name: str) -> QColor | None:
        """Return the tint of a named node colour (``"red"``, ``"pale_blue"`` ...), if any."""
        return self._tints.get(name)

    def link_color(self, type_name: str) -> QColor:
        """Return the full colour of a socket or link type; unknown types share one."""
        color = self._links.get(type_name)
        if color is None:
            first = type_name.split(",", 1)[0].strip().upper()
            color = self._links.get(first, self._links["*"])
            self._links[type_name] = color
        return color

    def link_color_at_rest(self, type_name: str) -> QColor:
        """Return the opaque colour of a link that is neither hovered nor selected."""
        color = self._links_at_rest.get(type_name)
        if color is None:
            color = mix(
                self.link_color(type_name), self._colors["surface.canvas"], self.mixes["linkRest"]
            )
            self._links_at_rest[type_name] = color
        return color

    def font(self, name: str) -> QFont:
        """Return an interface font: ``display``, ``title``, ``section``, ``body``, ``small`` ..."""
        return self._font(name, self.tokens["type"]["styles"][name], self.scale)

    def node_font(self, name: str) -> QFont:
        """Return a font used inside nodes: ``title``, ``inner``, ``promptText``, ``group`` ..."""
        return self._font(f"node.{name}", self.tokens["type"]["node"][name], 1.0)

    def _font(self, key: str, row: Mapping[str, Any], scale: float) -> QFont:
        font = self._fonts.get(key)
        if font is None:
            family = self.tokens["type"]["family"][row.get("family", "interface")]
            font = QFont(family)
            font.setPixelSize(max(1, round(row["px"] * scale)))
            font.setWeight(_WEIGHTS[row.get("weight", 400)])
            font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
            if "spacing" in row:
                font.setLetterSpacing(QFont.SpacingType.AbsoluteSpacing, row["spacing"] * scale)
            self._fonts[key] = font
        return font

    def px(self, path: str) -> float:
        """Return a measure by its path in the tokens, such as ``"layout.topBar"``."""
        value: Any = self.tokens
        for part in path.split("."):
            value = value[part]
        return float(value)
