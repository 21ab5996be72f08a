"""What the pointer is over, and what it holds down."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from app.widgets.base import WidgetPart


class Under(enum.Enum):
    """Kinds of thing that can be under the pointer."""

    EMPTY = "empty"
    INPUT = "input"
    OUTPUT = "output"
    NEW_SLOT = "new_slot"
    WIDGET = "widget"
    CHEVRON = "chevron"
    ENTER = "enter"
    TITLE = "title"
    BODY = "body"
    CORNER = "corner"
    PICTURE = "picture"
    REMEDY = "remedy"
    REROUTE = "reroute"
    REROUTE_IN = "reroute_in"
    REROUTE_OUT = "reroute_out"
    LINK = "link"
    GROUP_TITLE = "group_title"
    GROUP_CORNER = "group_corner"
    GROUP = "group"


NODE_PARTS = frozenset(
    {
        Under.INPUT, Under.OUTPUT, Under.NEW_SLOT, Under.WIDGET, Under.CHEVRON, Under.ENTER,
        Under.TITLE, Under.BODY, Under.CORNER, Under.PICTURE, Under.REMEDY,
    }
)  # fmt: skip
"""The kinds whose :attr:`Hit.key` names a node."""

GROUP_PARTS = frozenset({Under.GROUP, Under.GROUP_TITLE, Under.GROUP_CORNER})
"""The kinds whose :attr:`Hit.key` names a group."""

REROUTE_PARTS = frozenset({Under.REROUTE, Under.REROUTE_IN, Under.REROUTE_OUT})
"""The kinds whose :attr:`Hit.key` names a reroute: the point, and the half sockets beside it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing under the pointer.

    Attributes:
        under: What kind of thing.
        key: Key of the node, group, reroute or link.
        index: Position of the input, output, widget row or picture; 0 on the marker of a link;
            the number of slots on the empty one of a strip.
        widget: Name of the widget, or of the widget that an input belongs to.
        part: Part of the widget.
        corner: For corners, which one: ``(-1 or 1, -1 or 1)`` for left or right, top or bottom.
    """

    under: Under
    key: str = ""
    index: int = -1
    widget: str = ""
    part: WidgetPart = WidgetPart.NONE
    corner: tuple[int, int] = (1, 1)

    @property
    def node(self) -> str:
        """Key of the node, or an empty text."""
        return self.key if self.under in NODE_PARTS else ""


NOTHING = Hit(Under.EMPTY)
