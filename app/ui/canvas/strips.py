"""Sizes and places in the strips at both ends of a subgraph (look: section 12).

A strip is what a definition stores as ``inputNode`` or ``outputNode``: a row for each slot and an
empty row at the end, to which a link is dragged to make one more. It has no title bar; its slots
lie on the side that faces the nodes.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF

from app.engine.workflow.binding import BoundGraph, BoundNode
from app.ui.canvas import words
from app.ui.canvas.detail import FULL_ZOOM
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.node_fonts import Fonts
from app.ui.canvas.node_layout import ROW, NodeLayout

LEAST_WIDTH = 100.0
MARGIN = 10.0
RADIUS = 14.0
SIDE_LINE = 2.0
SIDE_LINE_HOVERED = 2.5
DOT_INSET = 20.0
"""From the middle of a slot's dot to the edge that faces the nodes."""
LABEL_GAP = 10.0
MOST_LABEL = 220.0
"""Longer labels are cut."""
_REACH = 15.0
_FOCUS_MARK = "#"


def is_input_strip(node: BoundNode) -> bool:
    """Tell whether it is the strip of the inputs, at whose right the nodes lie."""
    return node.boundary == "inputs"


def labels_of(node: BoundNode) -> list[str]:
    """Return the words of the slots, without the empty one."""
    slots = node.outputs if is_input_strip(node) else node.inputs
    return [slot.label or slot.name for slot in slots]


def slot_count(node: BoundNode) -> int:
    """Return the number of slots, which is the number of the empty one too."""
    return len(node.outputs) if is_input_strip(node) else len(node.inputs)


def is_new_slot(bound: BoundGraph, key: str, index: int) -> bool:
    """Tell whether a socket is the empty slot of a strip, which stands for one more."""
    node = bound.nodes[key]
    return bool(node.boundary) and index == slot_count(node)


def strip_size(node: BoundNode, fonts: Fonts) -> tuple[float, float]:
    """Return the shown size: the stored one, grown to what the slots need."""
    stored = node.node.size or (0.0, 0.0)
    widest = max((fonts.inner.width(words) for words in labels_of(node)), default=0.0)
    width = DOT_INSET + LABEL_GAP + min(widest, MOST_LABEL) + MARGIN
    height = (slot_count(node) + 1) * ROW + 2 * MARGIN
    return max(stored[0], width, LEAST_WIDTH), max(stored[1], height)


def slot_y(index: int) -> float:
    """Return the middle of a row."""
    return MARGIN + (index + 0.5) * ROW


def arrange_strip(node: BoundNode, size: tuple[float, float]) -> NodeLayout:
    """Place the slots; the empty one is the last place of the side that has any."""
    width, height = size
    is_input = is_input_strip(node)
    x = width - DOT_INSET if is_input else DOT_INSET
    places = tuple(QPointF(x, slot_y(index)) for index in range(slot_count(node) + 1))
    none: tuple[QPointF, ...] = ()
    inputs, outputs = (none, places) if is_input else (places, none)
    return NodeLayout(width, height, False, False, inputs, outputs, (), None)


def row_rect(layout: NodeLayout, index: int) -> QRectF:
    """Return the row of a slot, as it is marked and edited."""
    return QRectF(4.0, slot_y(index) - ROW / 2, layout.width - 8.0, ROW)


def label_rect(node: BoundNode, layout: NodeLayout, index: int) -> QRectF:
    """Return where the words of a slot stand."""
    width = layout.width - DOT_INSET - LABEL_GAP - MARGIN
    left = MARGIN if is_input_strip(node) else DOT_INSET + LABEL_GAP
    return QRectF(left, slot_y(index) - ROW / 2, width, ROW)


def pick_in_strip(node: BoundNode, layout: NodeLayout, local: QPointF, zoom: float) -> Hit:
    """Return which part of a strip lies under a point of it.

    Args:
        node: The strip.
        layout: Its places.
        local: The point in the strip's coordinates.
        zoom: Scale of the view; far out, slots cannot be hit.
    """
    index = int((local.y() - MARGIN) // ROW)
    if zoom < FULL_ZOOM or not 0 <= index <= slot_count(node):
        return Hit(Under.BODY, node.key)
    is_input = is_input_strip(node)
    # The row belongs to the slot from its label to the edge; the rest is there to be dragged.
    is_new = index == slot_count(node)
    label = words.new_slot(is_input=is_input) if is_new else labels_of(node)[index]
    reach = DOT_INSET + LABEL_GAP + min(7.0 * len(label), MOST_LABEL)
    away = layout.width - local.x() if is_input else local.x()
    if not -_REACH <= away <= reach:
        return Hit(Under.BODY, node.key)
    if is_new:
        return Hit(Under.NEW_SLOT, node.key, index)
    return Hit(Under.OUTPUT if is_input else Under.INPUT, node.key, index)


def focus_name(index: int) -> str:
    """Return by what name the keyboard's place in a strip is kept."""
    return f"{_FOCUS_MARK}{index}"


def focus_index(name: str) -> int | None:
    """Return the slot of a name that :func:`focus_name` made, or None for another one."""
    number = name.removeprefix(_FOCUS_MARK)
    return int(number) if name != number and number.isdecimal() else None
