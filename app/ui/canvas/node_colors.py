"""The colours of a node: the theme's, its stored tint, and what its state makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtGui import QColor

from app.engine.workflow.model import Mode
from app.widgets.style import Style, mix, parse_color

NAMED_COLORS: dict[str, tuple[str, str, str]] = {
    "red": ("#322", "#533", "#A88"),
    "brown": ("#332922", "#593930", "#b06634"),
    "green": ("#232", "#353", "#8A8"),
    "blue": ("#223", "#335", "#88A"),
    "pale_blue": ("#2a363b", "#3f5159", "#3f789e"),
    "cyan": ("#233", "#355", "#8AA"),
    "purple": ("#323", "#535", "#a1309b"),
    "yellow": ("#432", "#653", "#b58b2a"),
    "black": ("#222", "#000", "#444"),
}
"""Title, body and group colour that files store for the nine presets."""

DEFAULT_GROUP = "#3f789e"

_NAME_OF = {
    parse_color(value).name(): name for name, values in NAMED_COLORS.items() for value in values
}


@dataclass(frozen=True, slots=True)
class NodeColors:
    """Everything a node painter needs to know of colours.

    Attributes:
        style: The style its controls are painted with; tinted where the node is.
    """

    title: QColor
    body: QColor
    border: QColor
    separator: QColor
    title_text: QColor
    title_text_selected: QColor
    socket_text: QColor
    glyph: QColor
    style: Style


def tint_of(style: Style, stored: str | None) -> QColor | None:
    """Return how a stored colour is drawn in a theme, or None for no or an unreadable colour."""
    if not stored:
        return None
    color = parse_color(stored)
    if not color.isValid():
        return None
    name = _NAME_OF.get(color.name())
    return (style.tint(name) if name else None) or color


@lru_cache(maxsize=512)
def node_colors(
    style: Style,
    title_tint: str | None,
    body_tint: str | None,
    mode: int = Mode.ALWAYS,
    *,
    is_missing: bool = False,
    is_note: bool = False,
) -> NodeColors:
    """Return the colours of a node.

    Args:
        style: The theme.
        title_tint: Stored colour of the title bar.
        body_tint: Stored colour of the body.
        mode: Its :class:`Mode`; bypassed nodes are mixed with their own colour.
        is_missing: Its type is not known: it is drawn in red.
        is_note: Its text stands on the body without a box.
    """
    color, mixes = style.color, style.mixes
    title, body, border = color("node.title"), color("node.body"), color("node.border")
    fill, fill_hover = color("widget.fill"), color("widget.fillHover")
    top, under = tint_of(style, title_tint), tint_of(style, body_tint)
    if is_missing:
        top = under = color("danger.line")
    if top is not None:
        title = mix(title, top, mixes["tintTitle"])
    if under is not None:
        body = mix(body, under, mixes["tintBody"])
        fill = mix(fill, under, mixes["tintBody"] / 2)
        fill_hover = mix(fill_hover, under, mixes["tintBody"] / 2)
    if (under or top) is not None:
        border = mix(border, under or top, mixes["tintBorder"])  # type: ignore[arg-type]
    if mode == Mode.BYPASSED:
        violet = color("node.bypass")
        title = mix(title, violet, mixes["bypassBody"])
        body = mix(body, violet, mixes["bypassBody"])
        border = mix(border, violet, mixes["bypassFields"])
        fill = mix(fill, violet, mixes["bypassFields"])
        fill_hover = mix(fill_hover, violet, mixes["bypassFields"])
    if is_note:
        fill = fill_hover = body
    separator = color("node.separator")
    if under is not None or mode == Mode.BYPASSED:
        separator = mix(body, separator, 0.4)
    return NodeColors(
        title=title,
        body=body,
        border=border,
        separator=separator,
        title_text=color("node.titleText"),
        title_text_selected=color("node.titleTextSelected"),
        socket_text=color("node.socketText"),
        glyph=color("node.dot"),
        style=_with_fields(style, fill, fill_hover),
    )


def _with_fields(style: Style, fill: QColor, hover: QColor) -> Style:
    if fill == style.color("widget.fill"):
        return style
    return _tinted_style(style, fill.name(), hover.name())


@lru_cache(maxsize=128)
def _tinted_style(style: Style, fill: str, hover: str) -> Style:
    return style.derived(
        {
            "widget.fill": QColor(fill),
            "widget.border": QColor(fill),
            "widget.fillHover": QColor(hover),
        }
    )
