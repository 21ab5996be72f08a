"""What the painters of all controls share: the box, the label, the value, arrows and glyphs."""

from __future__ import annotations

import enum
from functools import cache

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPen

from app.widgets.base import WidgetPart, WidgetState
from app.widgets.ink import FontInk, Ink, faded_ink_of, ink_of
from app.widgets.style import Style

BOX_INSET = 15.0
"""Distance of a one-line box from the edges of the node."""
ARROW_ZONE = 40.0
"""How far from the edges of the node a press makes one step."""
LABEL_GAP = 5.0
LEAST_VALUE_WIDTH = 42.0
LEAST_LABEL_SHARE = 0.3

_ARROW_TIP = 22.0
_ARROW_DEPTH = 3.5
_ARROW_HALF_HEIGHT = 3.5
_ARROW_ROOM = 6.0


class Glyph(enum.Enum):
    """The little signs at the right end of a box."""

    CHOICES = "choices"
    SHUFFLE = "shuffle"
    UPLOAD = "upload"


def box_of(row: QRectF) -> QRectF:
    """Return the box of a one-line control inside its row."""
    return row.adjusted(BOX_INSET, 0.0, -BOX_INSET, 0.0)


def arrow_part(pos: QPointF, row: QRectF) -> WidgetPart:
    """Return the part of a control with step arrows: its zones count from the node's edges."""
    if not row.contains(pos):
        return WidgetPart.NONE
    if pos.x() < row.left() + ARROW_ZONE:
        return WidgetPart.DECREASE
    if pos.x() > row.right() - ARROW_ZONE:
        return WidgetPart.INCREASE
    return WidgetPart.BODY


def paint_box(painter: QPainter, box: QRectF, ink: Ink, state: WidgetState) -> None:
    """Draw the ground of a control: flat at rest, with a border when it has something to say."""
    border: QPen | None = ink.border_rest if ink.has_border else None
    fill = ink.fill
    if state.hovered is not WidgetPart.NONE and not state.is_linked:
        fill, border = ink.fill_hover, ink.border_hover
    if state.problem:
        fill, border = ink.fill_problem, ink.border_problem
    if state.is_editing or state.is_focused:
        border = ink.border_focus
    radius = min(ink.radius, box.height() / 2)
    painter.setBrush(fill)
    if border is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(box, radius, radius)
        return
    inset = border.widthF() / 2
    painter.setPen(border)
    painter.drawRoundedRect(
        box.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset
    )


def paint_label_only(painter: QPainter, row: QRectF, style: Style, label: str) -> None:
    """Draw a control that a link drives: its box and its name, at half strength."""
    ink = faded_ink_of(style)
    paint_box(painter, box_of(row), ink, WidgetState())
    _paint_words(painter, row, ink, label, "", ink.label_x, ink.value_right, ink.value)


def paint_row(
    painter: QPainter,
    row: QRectF,
    style: Style,
    state: WidgetState,
    *,
    label: str,
    value: str,
    glyph: Glyph | None = None,
    arrows: tuple[bool, bool] | None = None,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    is_disabled: bool = False,
) -> None:
    """Draw a one-line control: box, label on the left, value on the right.

    Args:
        painter: Painter in node units.
        row: The whole row.
        style: Colours and fonts.
        state: What the pointer and the keyboard do with it.
        label: Words on the left; cut first when room is short.
        value: Words on the right.
        glyph: Sign at the right end.
        arrows: Whether a step down and a step up are possible; None for no step arrows.
        elide: Where a value that is too long loses letters.
        is_disabled: Drawn at half strength.
    """
    if state.is_linked:
        paint_label_only(painter, row, style, label)
        return
    ink = ink_of(style)
    if is_disabled:
        ink = faded_ink_of(style)
        state = WidgetState(problem=state.problem)
    paint_box(painter, box_of(row), ink, state)
    if not state.is_editing:
        value_pen = ink.problem if state.problem else ink.value
        left, right = ink.label_x, ink.value_right
        if glyph is not None:
            right = ink.value_right_glyph
        shows_arrows = arrows is not None and state.hovered is not WidgetPart.NONE
        if arrows is not None and shows_arrows:
            left += _ARROW_ROOM
            right = ink.value_right + _ARROW_ROOM
            _paint_arrows(painter, row, ink, arrows)
            if glyph is Glyph.SHUFFLE:
                _paint_glyph(painter, row, ink, glyph, right, ink.glyph_hover)
                right += ink.value_right_glyph - ink.value_right
        elif glyph is not None:
            pen = ink.glyph_problem if state.problem else ink.glyph
            _paint_glyph(painter, row, ink, glyph, ink.value_right - 2.0, pen)
        _paint_words(painter, row, ink, label, value, left, right, value_pen, elide)


def paint_centered(
    painter: QPainter, box: QRectF, font: FontInk, pen: QPen, text: str, left_room: float = 0.0
) -> None:
    """Draw one line in the middle of ``box``, ``left_room`` further right."""
    cut = font.cut(text, box.width() - 12.0 - left_room)
    painter.setFont(font.font)
    painter.setPen(pen)
    x = box.center().x() - font.width(cut) / 2 + left_room / 2
    painter.drawText(QPointF(x, font.baseline(box.center().y())), cut)


def paint_words(
    painter: QPainter, row: QRectF, style: Style, state: WidgetState, label: str, value: str
) -> None:
    """Draw only the label and the value, for a control that has drawn its own ground."""
    ink = ink_of(style)
    pen = ink.problem if state.problem else ink.value
    _paint_words(painter, row, ink, label, value, ink.label_x, ink.value_right, pen)


def share_width(label: float, value: float, room: float) -> tuple[float, float]:
    """Divide ``room`` between a label and a value; the label gives way first.

    Args:
        label: Natural width of the label.
        value: Natural width of the value.
        room: What there is for both and the gap between them.

    Returns:
        The widths that the label and the value may take.
    """
    if label + LABEL_GAP + value <= room:
        return label, value
    least_label = min(label, max(0.0, room * LEAST_LABEL_SHARE))
    value = min(value, max(min(LEAST_VALUE_WIDTH, room), room - LABEL_GAP - least_label))
    return max(0.0, min(label, room - LABEL_GAP - value)), value


def _paint_words(
    painter: QPainter,
    row: QRectF,
    ink: Ink,
    label: str,
    value: str,
    left: float,
    right: float,
    value_pen: QPen,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> None:
    font = ink.inner
    value = one_line(value)
    label_width, value_width = share_width(
        font.width(label), font.width(value), row.width() - left - right
    )
    baseline = font.baseline(row.center().y())
    painter.setFont(font.font)
    if label_width >= 1.0:
        painter.setPen(ink.label)
        painter.drawText(QPointF(row.left() + left, baseline), font.cut(label, label_width))
    if value:
        cut = font.cut(value, value_width, elide)
        painter.setPen(value_pen)
        painter.drawText(QPointF(row.right() - right - font.width(cut), baseline), cut)


def one_line(text: str, most: int = 400) -> str:
    """Return ``text`` fit for one painted line: no line ends, no endless tails."""
    if len(text) > most:
        text = text[:most]
    return text.replace("\r", "").replace("\n", " ") if "\n" in text or "\r" in text else text


def _paint_arrows(painter: QPainter, row: QRectF, ink: Ink, arrows: tuple[bool, bool]) -> None:
    middle = row.center().y()
    for can_step, tip, sign in (
        (arrows[0], row.left() + _ARROW_TIP, 1.0),
        (arrows[1], row.right() - _ARROW_TIP, -1.0),
    ):
        painter.setPen(ink.arrow if can_step else ink.arrow_end)
        back = tip + sign * _ARROW_DEPTH
        painter.drawLines(
            [
                QLineF(back, middle - _ARROW_HALF_HEIGHT, tip, middle),
                QLineF(tip, middle, back, middle + _ARROW_HALF_HEIGHT),
            ]
        )


def _paint_glyph(
    painter: QPainter, row: QRectF, ink: Ink, glyph: Glyph, right: float, pen: QPen
) -> None:
    size = ink.glyph_size
    corner = QPointF(row.right() - right - size + 1.0, row.center().y() - size / 2)
    paint_glyph(painter, corner, glyph, pen)


def paint_glyph(painter: QPainter, corner: QPointF, glyph: Glyph, pen: QPen) -> None:
    """Draw a sign with its upper left corner at ``corner``; it is 12 units wide."""
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.translate(corner)
    painter.drawPath(_glyph_path(glyph))
    painter.translate(-corner)


_GLYPH_LINES: dict[Glyph, tuple[tuple[tuple[float, float], ...], ...]] = {
    Glyph.CHOICES: (((3.6, 4.4), (6.0, 2.0), (8.4, 4.4)), ((3.6, 7.6), (6.0, 10.0), (8.4, 7.6))),
    Glyph.SHUFFLE: (
        ((1.2, 3.2), (3.4, 3.2), (7.4, 8.8), (10.6, 8.8)),
        ((1.2, 8.8), (3.4, 8.8), (4.4, 7.4)),
        ((6.4, 4.6), (7.4, 3.2), (10.6, 3.2)),
        ((9.2, 1.6), (10.8, 3.2), (9.2, 4.8)),
        ((9.2, 7.2), (10.8, 8.8), (9.2, 10.4)),
    ),
    Glyph.UPLOAD: (
        ((6.0, 7.6), (6.0, 1.6)),
        ((3.5, 4.0), (6.0, 1.6), (8.5, 4.0)),
        ((1.6, 7.6), (1.6, 10.2), (10.4, 10.2), (10.4, 7.6)),
    ),
}


@cache
def _glyph_path(glyph: Glyph) -> QPainterPath:
    path = QPainterPath()
    for points in _GLYPH_LINES[glyph]:
        path.moveTo(*points[0])
        for point in points[1:]:
            path.lineTo(*point)
    return path
