"""The editor over a painted text box: same lines, same places, plus a caret."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import (
    QInputMethodEvent,
    QKeyEvent,
    QPainter,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsSceneMouseEvent,
    QGraphicsSceneWheelEvent,
)

from app.widgets.base import TextEdit
from app.widgets.completion import CompletionList, CompletionSource, inserted_text
from app.widgets.editor_item import EditorItem
from app.widgets.fuzzy import SearchItem
from app.widgets.multiline import paint_scroll_thumb
from app.widgets.prompt_weights import DEFAULT_STEP, change_weight, common_start
from app.widgets.style import Style
from app.widgets.text_layout import caret_x, from_qt_place, qt_length, wrap_option
from app.widgets.text_note import TextNote, TextNoteItem

_WHEEL_LINES = 3
_COUNT_AFTER_MS = 150

Counter = Callable[[str, int, Callable[[TextNote], None]], None]
"""Judges a text, with the caret in it, somewhere else, and then says what is to be noted."""


class TextEditorItem(EditorItem):
    """Text of several lines; Escape, Tab or a click outside commits.

    While it is open it has an undo stack of its own (U-225); the document sees one edit.

    Args:
        rect: The box in the coordinates of ``parent``.
        text: What is edited.
        style: Colours and fonts.
        edit: Where the caret begins and what is shown while it is empty.
        read_only: Text can be selected and copied, not changed.
        parent: The node's item.

    Attributes:
        weight_step: What Ctrl+Up and Ctrl+Down change a prompt weight by (U-243).
        completion: Suggests how the prompt goes on (U-244), or None.
    """

    def __init__(
        self,
        rect: QRectF,
        text: str,
        style: Style,
        edit: TextEdit | None = None,
        *,
        read_only: bool = False,
        parent: QGraphicsItem | None = None,
    ) -> None:
        self.weight_step = DEFAULT_STEP
        self.completion: CompletionSource | None = None
        self._counter: Counter | None = None
        self._count_timer = QTimer()
        self._count_timer.setSingleShot(True)
        self._count_timer.setInterval(_COUNT_AFTER_MS)
        self._count_timer.timeout.connect(self.count)
        self._suggestions: CompletionList | None = None
        self._completes_from = 0
        self._scroll = edit.scroll if edit is not None else 0.0
        self._placeholder = edit.placeholder if edit is not None else ""
        self._line_height = style.px("type.node.promptText.line")
        super().__init__(rect, text, style, style.node_font("promptText"), parent)
        self._note = TextNoteItem(self.frame, self.frame.rect(), style)
        self.document().setDocumentMargin(self._ink.text_padding)
        self.document().setDefaultTextOption(wrap_option())
        self.setTextWidth(rect.width())
        if read_only:
            self.setTextInteractionFlags(
                Qt.TextInteractionFlag.TextSelectableByMouse
                | Qt.TextInteractionFlag.TextSelectableByKeyboard
            )
        self.frame.paint_more = self._paint_frame
        self.frame.pressed_beside = self._press_beside
        self.document().contentsChanged.connect(self.frame.update)
        cursor = self.textCursor()
        length = self.document().characterCount() - 1
        caret = length if edit is None or edit.caret is None else min(max(edit.caret, 0), length)
        cursor.setPosition(caret)
        self.setTextCursor(cursor)
        if edit is not None:
            edit.extend_selection = self._extend_selection
            self.closed.connect(lambda: setattr(edit, "extend_selection", None))
        self.scroll_to(self._scroll)
        if edit is None or edit.caret is None:
            self.caret_moved()

    @property
    def scroll_offset(self) -> float:
        """How far the text is scrolled, in units."""
        return self._scroll

    @property
    def note(self) -> TextNote:
        """What stands at the foot, such as the length of the prompt (U-245)."""
        return self._note.note

    def scroll_to(self, scroll: float) -> None:
        """Scroll, as far as there is text."""
        most = max(0.0, self.document().size().height() - self._room)
        self._scroll = min(max(0.0, scroll), most)
        self.setPos(0.0, -self._scroll)
        self.frame.update()

    def line_breaks(self) -> list[int]:
        """Return the place, as Qt counts, at which each line begins."""
        self.document().size()
        starts = []
        block = self.document().firstBlock()
        while block.isValid():
            layout = block.layout()
            starts += [
                block.position() + layout.lineAt(index).textStart()
                for index in range(max(1, layout.lineCount()))
            ]
            block = block.next()
        return starts

    def set_counter(self, counter: Counter) -> None:
        """Show how long the text is and what is wrong, now and when typing pauses (U-245)."""
        self._counter = counter
        self.document().contentsChanged.connect(self._count_timer.start)
        self.count()

    def count(self) -> None:
        """Have the text judged now; an answer for another text is dropped."""
        if self._counter is None:
            return
        text = self.text()

        def take(note: TextNote) -> None:
            if shiboken6.isValid(self) and self._counter is not None and self.text() == text:
                self._take_note(note)

        self._counter(text, from_qt_place(text, self.textCursor().position()), take)

    def _take_note(self, note: TextNote) -> None:
        """Show a note; text makes room for a warning, and the caret's line stays in sight."""
        foot = self._note.foot
        self._note.note = note
        if self._note.foot != foot:
            self._scroll_to_caret()

    @property
    def _room(self) -> float:
        """Height in which text is seen."""
        return self.frame.rect().height() - self._note.foot

    def caret_moved(self) -> None:
        """Scroll until the caret's line is in the box."""
        self._scroll_to_caret()
        if self._counter is not None:
            # A word that was half typed is judged once the caret has left it.
            self._count_timer.start()

    def _scroll_to_caret(self) -> None:
        top = self._caret_top()
        padding = self._ink.text_padding
        low = top + self._line_height + padding - self._room
        self.scroll_to(min(max(self._scroll, low), top - padding))

    def wants_key(self, event: QKeyEvent) -> bool:
        """Keep the keys of prompt weights as well; Ctrl+Enter stays the window's."""
        return super().wants_key(event) or (
            event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down)
            and bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle the end, weights and plain line ends; everything else types."""
        if self._suggestions is not None and self._suggestions.take_key(event):
            event.accept()
            return
        key, modifiers = event.key(), event.modifiers()
        with_control = bool(modifiers & Qt.KeyboardModifier.ControlModifier)
        if key == Qt.Key.Key_Escape:
            event.accept()
            self.finish()
        elif with_control and key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.accept()
            self.change_weight(self.weight_step if key == Qt.Key.Key_Up else -self.weight_step)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if with_control:
                event.ignore()
                return
            event.accept()
            if self._is_editable():
                self.insert_plain("\n")
        else:
            before = self.text()
            super().keyPressEvent(event)
            self.caret_moved()
            self._suggest(has_typed=self.text() != before)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Follow the caret while an input method composes."""
        super().inputMethodEvent(event)
        self.caret_moved()

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Place the caret; suggestions were for another place."""
        self._hide_suggestions()
        super().mousePressEvent(event)

    def finish(self, *, commit: bool = True) -> None:
        """Close the editor soon, and its suggestions at once."""
        self._hide_suggestions()
        self._count_timer.stop()
        self._counter = None
        self._note.hide_tip()
        super().finish(commit=commit)

    def takes_wheel(self, modifiers: Qt.KeyboardModifier) -> bool:
        """Tell whether the wheel scrolls here; otherwise it is the canvas's."""
        is_taller = self.document().size().height() > self._room
        return is_taller and not modifiers & Qt.KeyboardModifier.ControlModifier

    def wheelEvent(self, event: QGraphicsSceneWheelEvent) -> None:
        """Scroll text that is taller than the box; with Ctrl, and else, the canvas zooms."""
        if not self.takes_wheel(event.modifiers()):
            event.ignore()
            return
        event.accept()
        self.scroll_to(self._scroll - event.delta() / 120.0 * _WHEEL_LINES * self._line_height)

    def change_weight(self, change: float) -> None:
        """Change the prompt weight of the selection or of the word at the caret (U-243)."""
        if not self._is_editable():
            return
        cursor = self.textCursor()
        old = self.text()
        new, start, end = change_weight(
            old,
            from_qt_place(old, cursor.selectionStart()),
            from_qt_place(old, cursor.selectionEnd()),
            change,
        )
        if new == old:
            return
        head = common_start(old, new)
        tail = common_start(old[head:][::-1], new[head:][::-1])
        cursor.setPosition(qt_length(old[:head]))
        cursor.setPosition(qt_length(old[: len(old) - tail]), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(new[head : len(new) - tail])
        cursor.setPosition(qt_length(new[:start]))
        cursor.setPosition(qt_length(new[:end]), QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.caret_moved()

    def take_suggestion(self, item: SearchItem) -> None:
        """Put a suggestion in place of the word at the caret, as one step of undo."""
        self._hide_suggestions()
        text, cursor = self.text(), self.textCursor()
        cursor.setPosition(qt_length(text[: self._completes_from]), QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(inserted_text(item))
        self.setTextCursor(cursor)
        self.caret_moved()

    def _suggest(self, *, has_typed: bool) -> None:
        """Show what fits the word at the caret, after it has been typed at."""
        if self.completion is None or not self._is_editable():
            return
        text = self.text()
        caret = from_qt_place(text, self.textCursor().position())
        found = self.completion.complete(text, caret) if has_typed else None
        views = self.scene().views() if self.scene() is not None else []
        if found is None or not found.matches or not views:
            self._hide_suggestions()
            return
        self._completes_from = found.start
        if self._suggestions is None:
            self._suggestions = CompletionList(self._style, views[0])
            self._suggestions.taken.connect(self.take_suggestion)
        word = self._rect_at(qt_length(text[: found.start]))
        box = views[0].mapFromScene(self.mapRectToScene(word)).boundingRect()
        corner = views[0].viewport().mapToGlobal(box.topLeft())
        self._suggestions.offer(found.matches, QRect(corner, box.size()))

    def _hide_suggestions(self) -> None:
        if self._suggestions is not None:
            self._suggestions.hide()
            self._suggestions.deleteLater()
            self._suggestions = None

    def _rect_at(self, place: int) -> QRectF:
        """Return the line's part at a place, one unit wide, in this item's coordinates."""
        block = self.document().findBlock(place)
        corner = self.document().documentLayout().blockBoundingRect(block).topLeft()
        line = block.layout().lineForTextPosition(place - block.position())
        x = corner.x() + caret_x(line, place - block.position())
        y = corner.y() + line.lineNumber() * self._line_height
        return QRectF(x, y, 1.0, self._line_height)

    def _set_text(self, text: str) -> None:
        super()._set_text(text)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        lines = QTextBlockFormat()
        lines.setLineHeight(self._line_height, QTextBlockFormat.LineHeightTypes.FixedHeight.value)
        cursor.mergeBlockFormat(lines)
        self.document().clearUndoRedoStacks()

    def _is_editable(self) -> bool:
        return bool(self.textInteractionFlags() & Qt.TextInteractionFlag.TextEditable)

    def _caret_top(self) -> float:
        cursor = self.textCursor()
        block = cursor.block()
        top = self.document().documentLayout().blockBoundingRect(block).top()
        line = block.layout().lineForTextPosition(cursor.positionInBlock())
        return top + (line.lineNumber() * self._line_height if line.isValid() else 0.0)

    def _extend_selection(self, pos: QPointF) -> None:
        parent = self.frame.parentItem()
        point = self.mapFromItem(parent, pos) if parent is not None else self.mapFromScene(pos)
        self._select_to(point)

    def _select_to(self, point: QPointF) -> None:
        cursor = self.textCursor()
        place = self.cursor_at(point.x(), point.y()).position()
        cursor.setPosition(place, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)
        self.caret_moved()

    def _press_beside(self, event: QGraphicsSceneMouseEvent) -> None:
        point = self.mapFromScene(event.scenePos())
        if event.buttons() and event.button() == Qt.MouseButton.NoButton:
            self._select_to(point)
            return
        self.setTextCursor(self.cursor_at(point.x(), point.y()))
        self.setFocus(Qt.FocusReason.MouseFocusReason)

    def _paint_frame(self, painter: QPainter) -> None:
        ink, rect = self._ink, self.frame.rect()
        if self._placeholder and self.document().isEmpty():
            painter.setFont(ink.prompt.font)
            painter.setPen(ink.muted)
            cut = ink.prompt.cut(self._placeholder, rect.width() - 2 * ink.text_padding)
            y = ink.text_padding + self._line_height * 0.8
            painter.drawText(QPointF(ink.text_padding, y), cut)
        paint_scroll_thumb(painter, rect, ink, self.document().size().height(), self._scroll)


def open_text_editor(
    parent: QGraphicsItem,
    rect: QRectF,
    text: str,
    style: Style,
    on_commit: Callable[[str], None],
    *,
    read_only: bool = False,
    completion: CompletionSource | None = None,
    on_close: Callable[[], None] | None = None,
) -> TextEditorItem:
    """Open a text editor over ``rect`` of ``parent`` and give it the keyboard.

    Keep the returned item until it is closed; its ``scroll_offset`` tells how far to paint the text
    scrolled afterwards.

    Args:
        parent: The node's item; it must be in a scene.
        rect: The box, in the parent's coordinates.
        text: What is edited.
        style: Colours and fonts.
        on_commit: Called with the text when it has changed; may be a :class:`TextEdit`.
        read_only: Text can be selected and copied, not changed.
        completion: Suggests how the prompt goes on.
        on_close: Called once when the editor is gone.
    """
    edit = on_commit if isinstance(on_commit, TextEdit) else None
    item = TextEditorItem(rect, text, style, edit, read_only=read_only, parent=parent)
    item.completion = completion
    item.committed.connect(on_commit)
    if on_close is not None:
        item.closed.connect(on_close)
    item.setFocus(Qt.FocusReason.OtherFocusReason)
    return item
