"""Sizes and places inside a node: pure geometry in graph units, no painting.

One unit is one pixel at zoom 1. The origin is the top-left corner of the body; the title bar
lies above it, from y = -30 to 0. The numbers are those of the reference editor, because files
store positions and sizes that were made with them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF

from app.engine.workflow.binding import BoundNode

TITLE_HEIGHT = 30.0
ROW = 20.0
WIDGET_GAP = 4.0
WIDGETS_MARGIN = 8.0
BODY_MARGIN = 6.0
EMBEDDED_INSET = 10.0
PICTURE_ROW = 220.0
TEXT_ROW = 60.0
OUTPUT_GAP = 4.0
CAPTION_HEIGHT = 15.0
INPUT_X = 10.0
OUTPUT_INSET = 9.0
RESIZE_CORNER = 15.0
NOTE_TOP = 2.0
LEAST_WIDTH = 140.0
LEAST_WIDTH_WITH_WIDGETS = 210.0
NEW_NODE_EXTRA = 60.0
TEXT_NODE_SIZE = (400.0, 200.0)
COLLAPSED_WIDTH = 80.0
REROUTE_SIZE = (75.0, 26.0)

LEAST_SIZES: dict[str, tuple[float, float]] = {
    "ImageCompare": (400.0, 350.0),
    "Load3D": (300.0, 600.0),
}
"""Sizes under which a new node of these types is never made."""

MeasureText = Callable[[str], float]


@dataclass(frozen=True, slots=True)
class RowHeight:
    """How tall a widget's row may be; ``most`` None takes all that is free."""

    least: float
    most: float | None

    @property
    def grows(self) -> bool:
        """Whether the row takes part in sharing the free height."""
        return self.most is None or self.most > self.least


@dataclass(frozen=True, slots=True)
class NodeLayout:
    """All places in a node of one size.

    Attributes:
        width: Width of the body; for a collapsed node that of the title.
        height: Height of the body; 0 for a collapsed node.
        is_collapsed: Only the title is shown.
        has_title: False for the old Reroute node.
        inputs: Centre of every input slot, those of widgets included, in slot order.
        outputs: Centre of every output.
        widgets: The whole row of each visible widget; empty when collapsed.
        output: Where pictures or text of the last run are shown, or None.
    """

    width: float
    height: float
    is_collapsed: bool
    has_title: bool
    inputs: tuple[QPointF, ...]
    outputs: tuple[QPointF, ...]
    widgets: tuple[QRectF, ...]
    output: QRectF | None

    @property
    def outline(self) -> QRectF:
        """The whole node, title included."""
        top = -TITLE_HEIGHT if self.has_title else 0.0
        return QRectF(0.0, top, self.width, self.height - top)


def body_height(sockets: int, outputs: int, widget_heights: Sequence[float]) -> float:
    """Return the least height of a body.

    Args:
        sockets: Number of inputs that are no widgets.
        outputs: Number of outputs.
        widget_heights: Least height of each visible widget, without gaps.
    """
    return first_widget_top(sockets, outputs) + widgets_height(widget_heights)


def widgets_height(widget_heights: Sequence[float]) -> float:
    """Return the room that widgets take, 0 for none."""
    if not widget_heights:
        return 0.0
    return sum(height + WIDGET_GAP for height in widget_heights) + WIDGETS_MARGIN


def first_widget_top(sockets: int, outputs: int) -> float:
    """Return the upper edge of the first widget's row."""
    return max(sockets, outputs, 1) * ROW + BODY_MARGIN


def least_width(
    title: float, inputs: float, outputs: float, widget_label: float, *, has_widgets: bool
) -> float:
    """Return the least width of a body from the widths of its texts.

    Args:
        title: Width of the title at 14 px.
        inputs: Widest input label at 12 px; 0 when there is none.
        outputs: Widest output label; 0 when there is none.
        widget_label: Widest label of a widget.
        has_widgets: Whether there is any widget.
    """
    both = 5.0 if inputs and outputs else 0.0
    return max(
        30.0 + title + 9.9,
        inputs + outputs + 40.0 + both,
        widget_label + 104.0 if has_widgets else 0.0,
        LEAST_WIDTH_WITH_WIDGETS if has_widgets else LEAST_WIDTH,
    )


def least_size(
    node: BoundNode,
    heights: Sequence[RowHeight],
    labels: Iterable[str],
    title_width: MeasureText,
    label_width: MeasureText,
    *,
    output_row: float = 0.0,
) -> tuple[float, float]:
    """Return the size below which a node cannot be made.

    Args:
        node: The node.
        heights: Height of each visible widget.
        labels: Label of each visible widget.
        title_width: Width of a text at 14 px.
        label_width: Width of a text at 12 px.
        output_row: Least height of the row for pictures or text below the widgets, or 0.
    """
    if is_plain_reroute(node):
        return REROUTE_SIZE
    width = least_width(
        title_width(node.title),
        max((label_width(item.label) for item in node.sockets), default=0.0),
        max((label_width(item.label) for item in node.outputs), default=0.0),
        max((label_width(label) for label in labels), default=0.0),
        has_widgets=bool(heights),
    )
    return width, least_height(node, heights, output_row=output_row)


def least_height(
    node: BoundNode, heights: Sequence[RowHeight], *, output_row: float = 0.0
) -> float:
    """Return the least height of a node's body."""
    if is_plain_reroute(node):
        return REROUTE_SIZE[1]
    height = body_height(len(node.sockets), len(node.outputs), [item.least for item in heights])
    return height + output_room(output_row)


def output_room(output_row: float) -> float:
    """Return how much higher a node gets by a row for pictures or text of this height."""
    return OUTPUT_GAP + output_row if output_row else 0.0


def new_node_size(
    least: tuple[float, float], type_name: str, *, has_widgets: bool, has_text_box: bool
) -> tuple[float, float]:
    """Return the size that a fresh node gets.

    Args:
        least: What :func:`least_size` says.
        type_name: Name of the node type; some have a size of their own.
        has_widgets: Whether it has any widget: such nodes start wider.
        has_text_box: Whether one of them is a multi-line or Markdown text.
    """
    width, height = least
    if type_name == "Reroute":
        return least
    if has_widgets:
        width += NEW_NODE_EXTRA
    if has_text_box:
        width, height = max(width, TEXT_NODE_SIZE[0]), max(height, TEXT_NODE_SIZE[1])
    own = LEAST_SIZES.get(type_name)
    if own is not None:
        width, height = max(width, own[0]), max(height, own[1])
    return width, height


def is_plain_reroute(node: BoundNode) -> bool:
    """Tell whether it is the old Reroute node, which has no title bar."""
    return node.node.type == "Reroute" and node.definition is None


def collapsed_width(title_width: float, node_width: float) -> float:
    """Return the width of a collapsed node; ``title_width`` is that of the text at 12 px."""
    return min(node_width, title_width + 60.0) if node_width else COLLAPSED_WIDTH


def arrange_node(
    node: BoundNode,
    size: tuple[float, float],
    heights: Sequence[RowHeight],
    widget_names: Sequence[str],
    *,
    is_collapsed: bool = False,
    output_row: float = 0.0,
    output_grows: bool = True,
    title_width: float = 0.0,
) -> NodeLayout:
    """Place everything in a node.

    Args:
        node: The node.
        size: Shown width and height of the body.
        heights: Height of each visible widget.
        widget_names: Name of each visible widget.
        is_collapsed: Show the title only.
        output_row: Least height of the row for pictures or text below the widgets, or 0.
        output_grows: That row takes its part of the free height; else it keeps its least height.
        title_width: Width of the title at 12 px; needed when it is collapsed.
    """
    width, height = size
    has_title = not is_plain_reroute(node)
    if is_collapsed and has_title:
        width = collapsed_width(title_width, width)
        left, right = QPointF(0.0, -TITLE_HEIGHT / 2), QPointF(width, -TITLE_HEIGHT / 2)
        inputs, outputs = (left,) * len(node.inputs), (right,) * len(node.outputs)
        return NodeLayout(width, 0.0, True, True, inputs, outputs, (), None)
    top = first_widget_top(len(node.sockets), len(node.outputs))
    if not node.inputs and not node.outputs and len(heights) == 1 and heights[0].grows:
        # A note has no sockets to make room for.
        top = NOTE_TOP
    limits = list(heights)
    if output_row:
        room = output_row + OUTPUT_GAP
        limits.append(RowHeight(room, None if output_grows else room))
    tops = _share_rows(limits, top, height)
    rows = tuple(
        QRectF(0.0, row_top, width, row_height)
        for (row_top, row_height), _ in zip(tops, heights, strict=False)
    )
    output = None
    if output_row:
        start, room = tops[-1]
        output = QRectF(
            EMBEDDED_INSET,
            start + OUTPUT_GAP,
            width - 2 * EMBEDDED_INSET,
            room - OUTPUT_GAP - EMBEDDED_INSET,
        )
    return NodeLayout(
        width,
        height,
        False,
        has_title,
        _input_places(node, dict(zip(widget_names, rows, strict=False))),
        tuple(socket_place(index, width) for index in range(len(node.outputs))),
        rows,
        output,
    )


def socket_place(row: int, width: float | None = None) -> QPointF:
    """Return the centre of a socket in a row; with a width, of an output."""
    return QPointF(INPUT_X if width is None else width - OUTPUT_INSET, (row + 0.7) * ROW)


def _input_places(node: BoundNode, rows: dict[str, QRectF]) -> tuple[QPointF, ...]:
    places = []
    row = 0
    for item in node.inputs:
        if item.widget is None:
            places.append(socket_place(row))
            row += 1
        elif item.widget in rows:
            places.append(QPointF(INPUT_X, rows[item.widget].top() + ROW / 2))
        else:
            # The widget is folded away; a link to it ends at the title bar's lower corner.
            places.append(QPointF(INPUT_X, 0.0))
    return tuple(places)


def _share_rows(limits: Sequence[RowHeight], top: float, body: float) -> list[tuple[float, float]]:
    """Return top and height of each row.

    Rows of one height keep it. What is left goes to the others: first each its least height,
    then equal parts, up to the greatest height of each.
    """
    fixed = sum(item.least + WIDGET_GAP for item in limits if not item.grows)
    growing = [index for index, item in enumerate(limits) if item.grows]
    given = {index: limits[index].least for index in growing}
    free = body - top - fixed - sum(given.values())
    open_rows = list(growing)
    while free > 0.01 and open_rows:
        part = free / len(open_rows)
        for index in list(open_rows):
            most = limits[index].most
            room = part if most is None else min(part, most - given[index])
            given[index] += room
            free -= room
            if room < part:
                open_rows.remove(index)
    places = []
    for index, item in enumerate(limits):
        height = given.get(index, item.least)
        places.append((top, height))
        top += height + (0.0 if item.grows else WIDGET_GAP)
    return places
