"""What the editors over painted text share: plain pasting, keys, focus, and a safe end.

An editor is a child item of its node while the artist types and is gone afterwards. It is removed
through a zero timer, because the events that end it are its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from PySide6.QtCore import QEvent, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QGuiApplication,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QGraphicsItem,
    QGraphicsRectItem,
    QGraphicsSceneContextMenuEvent,
    QGraphicsSceneDragDropEvent,
    QGraphicsSceneMouseEvent,
    QGraphicsTextItem,
    QStyle,
    QStyleOptionGraphicsItem,
    QWidget,
)

from app.widgets.ink import Ink, ink_of
from app.widgets.menu import add_entry, make_menu
from app.widgets.style import Style

_KEPT_FOCUS_REASONS = (
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)
EDITOR_Z = 1000.0


class EditorFrame(QGraphicsRectItem):
    """The box around an editor; it hides the painted control below and clips what is typed.

    Args:
        parent: The node's item; ``rect`` is in its coordinates.
        rect: The box.
        ink: Prepared pens.
    """

    def __init__(self, parent: QGraphicsItem | None, rect: QRectF, ink: Ink) -> None:
        super().__init__(0.0, 0.0, rect.width(), rect.height(), parent)
        self.setPos(rect.topLeft())
        self.setZValue(EDITOR_Z)
        self.setCursor(Qt.CursorShape.IBeamCursor)
        self.ink = ink
        self.clip = QGraphicsRectItem(self.rect().adjusted(1.5, 1.0, -1.5, -1.0), self)
        self.clip.setPen(Qt.PenStyle.NoPen)
        self.clip.setFlag(QGraphicsItem.GraphicsItemFlag.ItemClipsChildrenToShape)
        self.paint_more: Callable[[QPainter], None] | None = None
        self.pressed_beside: Callable[[QGraphicsSceneMouseEvent], None] | None = None

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the box with the line that marks the keyboard's place."""
        inset = self.ink.border_focus.widthF() / 2
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(self.ink.border_focus)
        painter.setBrush(self.ink.fill)
        radius = self.ink.radius - inset
        painter.drawRoundedRect(self.rect().adjusted(inset, inset, -inset, -inset), radius, radius)
        if self.paint_more is not None:
            self.paint_more(painter)

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Take presses beside the text, so that they do not end the edit."""
        if event.button() != Qt.MouseButton.LeftButton or self.pressed_beside is None:
            event.ignore()
            return
        self.pressed_beside(event)
        event.accept()

    def mouseMoveEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Select while the button is held."""
        if self.pressed_beside is not None:
            self.pressed_beside(event)


class EditorItem(QGraphicsTextItem):
    """A text item that edits plain text and tells when the artist is done.

    Args:
        rect: The box in the coordinates of ``parent``.
        text: What is edited.
        style: Colours and fonts.
        font: Font of the text.
        parent: The node's item, or None when the caller adds :attr:`frame` to a scene.

    Attributes:
        frame: The box that holds the editor; owned by the scene once its parent is in one.

    Signals:
        committed: New text; only sent when it differs from what was there.
        closed: The editor is gone; sent once, after ``committed``.
        left: The artist pressed Tab (1) or Shift+Tab (-1); sent before ``closed``.
    """

    committed = Signal(str)
    closed = Signal()
    left = Signal(int)

    def __init__(
        self, rect: QRectF, text: str, style: Style, font: QFont, parent: QGraphicsItem | None
    ) -> None:
        ink = ink_of(style)
        self.frame = EditorFrame(parent, rect, ink)
        super().__init__(self.frame.clip)
        self._style = style
        self._ink = ink
        self._is_finished = False
        self.setFont(font)
        self.setDefaultTextColor(style.color("widget.value"))
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextEditorInteraction)
        self._set_text(text)
        self._baseline = self.text()

    def text(self) -> str:
        """Return the text; unlike Qt's own call this keeps hard spaces."""
        return self.document().toRawText().replace("\u2029", "\n").replace("\u2028", "\n")

    def flush(self) -> None:
        """Commit what is typed so far and stay open, as before a run."""
        text = self.text()
        if text != self._baseline:
            self._baseline = text
            self.committed.emit(text)

    def finish(self, *, commit: bool = True) -> None:
        """Close the editor soon; later calls do nothing."""
        if self._is_finished:
            return
        self._is_finished = True
        QTimer.singleShot(0, self, lambda: self._close(commit))

    def paint(
        self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None
    ) -> None:
        """Draw the text without Qt's dashed focus frame."""
        option.state &= ~(QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_Selected)
        super().paint(painter, option, cast(QWidget, widget))

    def sceneEvent(self, event: QEvent) -> bool:
        """Keep the keys of editing from the window's shortcuts."""
        if event.type() is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            handled = super().sceneEvent(event)
            if self.wants_key(event):
                event.accept()
                return True
            return handled
        if (
            event.type() is QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab)
        ):
            # QGraphicsTextItem hands Tab straight to its text control.
            self.keyPressEvent(event)
            return True
        return super().sceneEvent(event)

    def wants_key(self, event: QKeyEvent) -> bool:
        """Tell whether a key means something here that Qt's text control does not know of."""
        if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            return True
        return event.matches(QKeySequence.StandardKey.Paste) or _is_redo(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Handle leaving and plain pasting; the rest is Qt's text control."""
        if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            event.accept()
            self.finish()
            back = event.key() == Qt.Key.Key_Backtab or bool(
                event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            )
            self.left.emit(-1 if back else 1)
        elif event.matches(QKeySequence.StandardKey.Paste):
            event.accept()
            self.paste()
        elif _is_redo(event):
            event.accept()
            self.document().redo()
            self.caret_moved()
        else:
            super().keyPressEvent(event)

    def paste(self) -> None:
        """Insert the clipboard's text without any of its looks."""
        if self.textInteractionFlags() & Qt.TextInteractionFlag.TextEditable:
            self.insert_plain(QGuiApplication.clipboard().text())

    def insert_plain(self, text: str) -> None:
        """Replace the selection with ``text``."""
        cursor = self.textCursor()
        cursor.insertText(text.replace("\r\n", "\n").replace("\r", "\n"))
        self.setTextCursor(cursor)
        self.caret_moved()

    def caret_moved(self) -> None:
        """Bring the caret back into view; called after each key, word and press."""

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """End the edit, unless only a menu or another window has come up."""
        super().focusOutEvent(event)
        if event.reason() not in _KEPT_FOCUS_REASONS:
            self.finish()

    def mousePressEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Place the caret; the middle button belongs to the canvas."""
        if event.button() == Qt.MouseButton.MiddleButton:
            event.ignore()
            return
        super().mousePressEvent(event)
        event.accept()

    def mouseMoveEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Select, scrolling when the pointer leaves the box."""
        super().mouseMoveEvent(event)
        self.caret_moved()

    def mouseReleaseEvent(self, event: QGraphicsSceneMouseEvent) -> None:
        """Ignore the middle button: it must not paste."""
        if event.button() == Qt.MouseButton.MiddleButton:
            event.ignore()
            return
        super().mouseReleaseEvent(event)

    def dropEvent(self, event: QGraphicsSceneDragDropEvent) -> None:
        """Insert dropped text without its looks, where it was dropped."""
        if event.mimeData().hasText() and not event.mimeData().hasUrls():
            self.setTextCursor(self.cursor_at(event.pos().x(), event.pos().y()))
            self.insert_plain(event.mimeData().text())
            event.acceptProposedAction()
        else:
            event.ignore()

    def cursor_at(self, x: float, y: float) -> QTextCursor:
        """Return a text cursor at a point of this item."""
        point = self.boundingRect().topLeft()
        point.setX(x)
        point.setY(y)
        place = self.document().documentLayout().hitTest(point, Qt.HitTestAccuracy.FuzzyHit)
        cursor = QTextCursor(self.document())
        cursor.setPosition(max(0, place))
        return cursor

    def contextMenuEvent(self, event: QGraphicsSceneContextMenuEvent) -> None:
        """Open a real menu with the usual entries."""
        menu = make_menu(self._style, event.widget())
        document = self.document()
        has_selection = self.textCursor().hasSelection()
        can_edit = bool(self.textInteractionFlags() & Qt.TextInteractionFlag.TextEditable)
        can_paste = can_edit and bool(QGuiApplication.clipboard().text())
        add_entry(menu, "Undo", document.undo, "Ctrl+Z", is_enabled=document.isUndoAvailable())
        add_entry(
            menu, "Redo", document.redo, "Ctrl+Shift+Z", is_enabled=document.isRedoAvailable()
        )
        menu.addSeparator()
        add_entry(menu, "Cut", self.cut, "Ctrl+X", is_enabled=can_edit and has_selection)
        add_entry(menu, "Copy", self.copy_selection, "Ctrl+C", is_enabled=has_selection)
        add_entry(menu, "Paste", self.paste, "Ctrl+V", is_enabled=can_paste)
        menu.addSeparator()
        add_entry(menu, "Select all", self.select_all, "Ctrl+A", is_enabled=bool(self.text()))
        menu.popup(event.screenPos())
        event.accept()

    def cut(self) -> None:
        """Move the selection to the clipboard."""
        self.copy_selection()
        self.insert_plain("")

    def copy_selection(self) -> None:
        """Copy the selection to the clipboard as plain text."""
        text = self.textCursor().selectedText().replace("\u2029", "\n").replace("\u2028", "\n")
        QGuiApplication.clipboard().setText(text)

    def select_all(self) -> None:
        """Select the whole text."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        self.setTextCursor(cursor)

    def _set_text(self, text: str) -> None:
        self.document().setPlainText(text)
        self.document().clearUndoRedoStacks()

    def _close(self, commit: bool) -> None:
        try:
            if commit:
                self.flush()
        finally:
            scene = self.scene()
            if scene is not None:
                scene.removeItem(self.frame)
            self.closed.emit()


def _is_redo(event: QKeyEvent) -> bool:
    """Tell whether a key means redo: also Ctrl+Y where the system has only Ctrl+Shift+Z."""
    plain = event.modifiers() == Qt.KeyboardModifier.ControlModifier
    return plain and event.key() == Qt.Key.Key_Y
