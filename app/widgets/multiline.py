"""A box of text of several lines: painted at rest, edited in place."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter

from app.widgets.base import (
    NodeWidget,
    TextEdit,
    WidgetDrag,
    WidgetHost,
    WidgetPart,
    WidgetPress,
    WidgetState,
)
from app.widgets.drawing import paint_box
from app.widgets.ink import Ink, faded_ink_of, ink_of
from app.widgets.style import Style
from app.widgets.text_layout import TextLines

LEAST_ROW_HEIGHT = 50.0
BOX_MARGINS = (10.0, 4.0, 10.0, 10.0)
"""Left, top, right and bottom of the text box inside its row."""

_THUMB_WIDTH = 3.0
_LEAST_THUMB = 14.0


def text_box_of(row: QRectF) -> QRectF:
    """Return the text box inside its row."""
    left, top, right, bottom = BOX_MARGINS
    return row.adjusted(left, top, -right, -bottom)


def paint_scroll_thumb(
    painter: QPainter, box: QRectF, ink: Ink, height: float, scroll: float
) -> None:
    """Draw the thin mark that tells which part of ``height`` units of text is seen."""
    room = box.height()
    if height <= room or room < 2 * _LEAST_THUMB:
        return
    track = room - 6.0
    length = max(_LEAST_THUMB, track * room / height)
    top = box.top() + 3.0 + (track - length) * min(1.0, scroll / (height - room))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ink.fill_scroll)
    thumb = QRectF(box.right() - _THUMB_WIDTH - 2.0, top, _THUMB_WIDTH, length)
    painter.drawRoundedRect(thumb, _THUMB_WIDTH / 2, _THUMB_WIDTH / 2)


class MultilineWidget(NodeWidget):
    """Text of several lines, such as a prompt (U-242)."""

    _lines: TextLines | None = None
    _ink: Ink | None = None

    @property
    def minimum_height(self) -> float:
        """Least height of the row: two lines are seen."""
        return LEAST_ROW_HEIGHT

    @property
    def maximum_height(self) -> float | None:
        """None: a text box takes what is free."""
        return None

    def paint(self, painter: QPainter, rect: QRectF, style: Style, state: WidgetState) -> None:
        """Draw the control into ``rect``."""
        ink = ink_of(style)
        box = text_box_of(rect)
        if state.is_linked:
            half = faded_ink_of(style)
            paint_box(painter, box, half, WidgetState())
            self._paint_hint(painter, box, half, self.spec.label)
            return
        paint_box(painter, box, ink, state)
        if state.is_editing:
            return
        if not self.text():
            self._paint_hint(painter, box, ink, self.spec.placeholder or self.spec.label)
            return
        lines = self.lines(ink, box.width())
        scroll = self.clamped_scroll(state.scroll, box, ink)
        inner = box.adjusted(1.0, 1.0, -1.0, -1.0)
        painter.save()
        painter.setClipRect(inner, Qt.ClipOperation.IntersectClip)
        painter.setPen(ink.value)
        corner = QPointF(box.left() + ink.text_padding, box.top() + ink.text_padding - scroll)
        lines.draw(painter, corner, inner.top(), inner.bottom())
        painter.restore()
        paint_scroll_thumb(painter, box, ink, lines.height + 2 * ink.text_padding, scroll)

    def lines(self, ink: Ink, box_width: float) -> TextLines:
        """Return the text in lines for a box of this width; kept until one of them changes."""
        text = self.text()
        width = max(1.0, box_width - 2 * ink.text_padding)
        lines = self._lines
        if lines is None or lines.text != text or lines.width != width or self._ink is not ink:
            lines = self._lines = TextLines(text, width, ink.prompt, ink.prompt_line)
            self._ink = ink
        return lines

    def clamped_scroll(self, scroll: float, box: QRectF, ink: Ink) -> float:
        """Return ``scroll`` brought between the two ends of the text."""
        height = self.lines(ink, box.width()).height + 2 * ink.text_padding
        return min(max(0.0, scroll), max(0.0, height - box.height()))

    def cursor_at(self, part: WidgetPart) -> Qt.CursorShape:
        """Return the text pointer."""
        return Qt.CursorShape.IBeamCursor

    def part_at(self, pos: QPointF, rect: QRectF) -> WidgetPart:
        """Return the body over the text box; the margin around it belongs to the node."""
        return WidgetPart.BODY if text_box_of(rect).contains(pos) else WidgetPart.NONE

    def press(self, press: WidgetPress, host: WidgetHost) -> WidgetDrag | None:
        """Open the editor at once, so that the same drag selects text."""
        if self.part_at(press.pos, press.rect) is WidgetPart.NONE:
            return None
        edit = self._edit(host, press.scroll)
        box = text_box_of(press.rect)
        if self._ink is not None and self.text():
            padding = self._ink.text_padding
            scroll = self.clamped_scroll(press.scroll, box, self._ink)
            corner = QPointF(box.left() + padding, box.top() + padding - scroll)
            edit.caret = self.lines(self._ink, box.width()).place_at(press.pos - corner)
        host.edit_text(box, self.text(), edit, read_only=self.spec.is_read_only)
        return SelectDrag(edit)

    def activate(self, rect: QRectF, host: WidgetHost) -> None:
        """Open the editor with the caret at the end."""
        edit = self._edit(host, 0.0)
        host.edit_text(text_box_of(rect), self.text(), edit, read_only=self.spec.is_read_only)

    def wheel(self, delta: float, rect: QRectF, state: WidgetState) -> float | None:
        """Scroll text that is taller than its box; otherwise the canvas zooms.

        Args:
            delta: Eighths of a degree the wheel turned; above 0 is away from the hand.
            rect: The whole row.
            state: How the control is drawn.
        """
        if self._ink is None or state.is_linked:
            return None
        box = text_box_of(rect)
        height = self.lines(self._ink, box.width()).height + 2 * self._ink.text_padding
        if height <= box.height():
            return None
        moved = state.scroll - delta / 120.0 * 3 * self._ink.prompt_line
        return self.clamped_scroll(moved, box, self._ink)

    def _edit(self, host: WidgetHost, scroll: float) -> TextEdit:
        def commit(text: str) -> None:
            if text != self.value:
                host.set_value(text)

        return TextEdit(commit, placeholder=self.spec.placeholder or self.spec.label, scroll=scroll)

    def _paint_hint(self, painter: QPainter, box: QRectF, ink: Ink, text: str) -> None:
        painter.setFont(ink.prompt.font)
        painter.setPen(ink.muted)
        cut = ink.prompt.cut(text, box.width() - 2 * ink.text_padding)
        y = box.top() + ink.text_padding + ink.prompt_line * 0.8
        painter.drawText(QPointF(box.left() + ink.text_padding, y), cut)


class SelectDrag(WidgetDrag):
    """Selects text in the editor that the press has opened."""

    def __init__(self, edit: TextEdit) -> None:
        self._edit = edit

    def move(self, pos: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """Select from where the button was pressed to ``pos``."""
        if self._edit.extend_selection is not None:
            self._edit.extend_selection(pos)
