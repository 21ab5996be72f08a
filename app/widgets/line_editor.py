"""A one-line editor over a number or a line of text in a node."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QGraphicsItem, QGraphicsSceneMouseEvent

from app.widgets.base import LineEdit
from app.widgets.editor_item import EditorItem
from app.widgets.style import Style
from app.widgets.text_layout import caret_x

PAGE_STEPS = 10

_CARET_ROOM = 2.0


class LineEditorItem(EditorItem):
    """One line of text; Enter or a click outside commits, Escape takes everything back.

    Args:
        rect: The box in the coordinates of ``parent``.
        text: What is edited.
        style: Colours and fonts.
        edit: Answers the arrow keys and says where the words stand; None for plain text.
        select: Begin with everything selected.
        parent: The node's item.
    """

    def __init__(
        self,
        rect: QRectF,
        text: str,
        style: Style,
        edit: LineEdit | None = None,
        *,
        select: bool = True,
        parent: QGraphicsItem | None = None,
    ) -> None:
        super().__init__(rect, text, style, style.node_font("inner"), parent)
        self._edit = edit
        self._shift = 0.0
        self._padding = self._ink.label_x - 15.0
        self.document().setDocumentMargin(0.0)
        self.document().contentsChanged.connect(self.caret_moved)
        self.frame.pressed_beside = self._press_beside
        if select:
            self.select_all()
        self.caret_moved()

    def wants_key(self, event: QKeyEvent) -> bool:
        """Keep Enter and the arrow keys as well."""
        return super().wants_key(event) or event.key() in (
            Qt.Key.Key_Return,
            Qt.Key.Key_Enter,
            Qt.Key.Key_Up,
            Qt.Key.Key_Down,
            Qt.Key.Key_PageUp,
            Qt.Key.Key_PageDown,
        )

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Commit, take back or step; everything else types."""
        key = event.key()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.accept()
            self.finish()
        elif key == Qt.Key.Key_Escape:
            event.accept()
            self.finish(commit=False)
        elif key in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            event.accept()
            self._step(1 if key == Qt.Key.Key_Up else -1)
        elif key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            event.accept()
            self._step(PAGE_STEPS if key == Qt.Key.Key_PageUp else -PAGE_STEPS)
        else:
            super().keyPressEvent(event)
            self.caret_moved()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        """Follow the caret while an input method composes."""
        super().inputMethodEvent(event)
        self.caret_moved()

    def insert_plain(self, text: str) -> None:
        """Replace the selection; line ends become blanks."""
        super().insert_plain(" ".join(text.splitlines()) if text else text)

    def caret_moved(self) -> None:
        """Place the words, and keep the caret in view when they are wider than the box."""
        layout = self.document().firstBlock().layout()
        self.document().documentLayout().blockBoundingRect(self.document().firstBlock())
        line = layout.lineAt(0)
        if not line.isValid():
            return
        width = line.naturalTextWidth()
        rect = self.frame.rect()
        room = rect.width() - 2 * self._padding
        if width + _CARET_ROOM <= room:
            right = self._edit is not None and self._edit.right
            x = rect.width() - self._padding - width if right else self._padding
            self._shift = 0.0
        else:
            caret = caret_x(line, self.textCursor().position())
            self._shift = min(max(self._shift, caret - room + _CARET_ROOM), caret)
            self._shift = min(self._shift, width + _CARET_ROOM - room)
            x = self._padding - self._shift
        y = self._ink.inner.baseline(rect.center().y()) - line.ascent()
        self.setPos(x, y)

    def _step(self, count: int) -> None:
        text = self._edit.step(self.text(), count) if self._edit is not None else None
        if text is not None:
            self.select_all()
            self.insert_plain(text)
            self.select_all()

    def _press_beside(self, event: QGraphicsSceneMouseEvent) -> None:
        point = self.mapFromScene(event.scenePos())
        self.setTextCursor(self.cursor_at(point.x(), self.boundingRect().center().y()))
        self.setFocus(Qt.FocusReason.MouseFocusReason)


def open_line_editor(
    parent: QGraphicsItem,
    rect: QRectF,
    text: str,
    style: Style,
    on_commit: Callable[[str], None],
    *,
    select: bool = True,
    on_close: Callable[[], None] | None = None,
) -> LineEditorItem:
    """Open a one-line editor over ``rect`` of ``parent`` and give it the keyboard.

    Keep the returned item until it is closed; the parent's scene owns its frame meanwhile.

    Args:
        parent: The node's item; it must be in a scene.
        rect: The box, in the parent's coordinates.
        text: What is edited.
        style: Colours and fonts.
        on_commit: Called with the words when they have changed; may be a :class:`LineEdit`.
        select: Begin with everything selected.
        on_close: Called once when the editor is gone.
    """
    edit = on_commit if isinstance(on_commit, LineEdit) else None
    item = LineEditorItem(rect, text, style, edit, select=select, parent=parent)
    item.committed.connect(on_commit)
    if on_close is not None:
        item.closed.connect(on_close)
    item.setFocus(Qt.FocusReason.OtherFocusReason)
    return item
