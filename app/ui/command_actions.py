"""Joins commands with Qt: their keys, and the menus made from them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QGraphicsTextItem,
    QGraphicsView,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from app.ui.commands import Command, CommandRegistry, CommandScope
from app.ui.keybindings import Keybindings
from app.ui.menu import DANGER, Menu


def is_typing() -> bool:
    """Tell whether the keyboard is in a text field, on the canvas or off it."""
    widget = QApplication.focusWidget()
    if isinstance(widget, (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)):
        return not (hasattr(widget, "isReadOnly") and widget.isReadOnly())
    if isinstance(widget, QGraphicsView) and widget.scene() is not None:
        item = widget.scene().focusItem()
        if isinstance(item, QGraphicsTextItem):
            flags = item.textInteractionFlags()
            return bool(flags & Qt.TextInteractionFlag.TextEditable)
    return False


class CommandActions(QObject):
    """The keys of all commands, as actions of the window and of the canvas.

    An action is never disabled, since Qt would then hand its key on; the command itself is asked
    whether it can run.

    Args:
        registry: The commands.
        keys: Their keys.
        window: Where the keys of window commands work.
        canvas: Where the keys of canvas commands work.
    """

    def __init__(
        self, registry: CommandRegistry, keys: Keybindings, window: QWidget, canvas: QWidget
    ) -> None:
        super().__init__(window)
        self._registry = registry
        self._keys = keys
        self._hosts = {CommandScope.WINDOW: window, CommandScope.CANVAS: canvas}
        self._actions: dict[str, QAction] = {}
        registry.changed.connect(self.rebuild)
        keys.changed.connect(self.rebuild)
        self.rebuild()

    def rebuild(self) -> None:
        """Bind all keys anew."""
        for action in self._actions.values():
            action.setParent(None)
            for host in self._hosts.values():
                host.removeAction(action)
            action.deleteLater()
        self._actions.clear()
        for command in self._registry:
            sequences = self._keys.keys(command.id)
            if sequences:
                self._actions[command.id] = self._make(command, sequences)

    def _make(self, command: Command, sequences: Sequence[str]) -> QAction:
        action = QAction(command.title, self)
        action.setShortcuts([QKeySequence(key) for key in sequences])
        is_canvas = command.scope is CommandScope.CANVAS
        action.setShortcutContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
            if is_canvas
            else Qt.ShortcutContext.WindowShortcut
        )
        plain = any(is_plain_key(key) for key in sequences)
        action.triggered.connect(lambda: self._run(command.id, plain))
        self._hosts[command.scope].addAction(action)
        return action

    def _run(self, command_id: str, plain: bool) -> None:
        command = self._registry.get(command_id)
        if is_typing() and (plain or command.scope is CommandScope.CANVAS):
            return
        self._registry.trigger(command_id)


def is_plain_key(sequence: str) -> bool:
    """Tell whether a sequence is a key without Ctrl, Alt or Meta, which would type a letter."""
    return not any(name in sequence for name in ("Ctrl+", "Alt+", "Meta+"))


class MenuMaker:
    """Makes menus from commands.

    Args:
        registry: The commands.
        keys: Their keys, shown at the right.
    """

    def __init__(self, registry: CommandRegistry, keys: Keybindings) -> None:
        self._registry = registry
        self._keys = keys

    def add(self, menu: Menu, command_id: str, title: str = "") -> QAction:
        """Add a command to a menu, with its key, tick and state of this moment."""
        command = self._registry.get(command_id)
        action = menu.addAction(title or command.title)
        key = self._keys.shown_key(command_id)
        if key:
            # Shown, not bound: the key itself belongs to CommandActions.
            action.setText(f"{action.text()}\t{key}")
        action.setEnabled(command.enabled())
        action.setProperty(DANGER, command.is_danger)
        if command.checked is not None:
            action.setCheckable(True)
            action.setChecked(command.checked())
        action.triggered.connect(lambda: self._registry.trigger(command_id))
        return action

    def fill(self, menu: Menu, name: str) -> None:
        """Fill a menu of the menu bar with its commands."""
        for number, group in enumerate(self._registry.menu(name)):
            if number:
                menu.addSeparator()
            for command in group:
                self.add(menu, command.id)

    def fill_with(self, menu: Menu, ids: Sequence[str | None]) -> None:
        """Fill a menu with these commands; None stands for a line."""
        for command_id in ids:
            if command_id is None:
                menu.addSeparator()
            else:
                self.add(menu, command_id)

    def popup(self, ids: Sequence[str | None], parent: QWidget) -> Menu:
        """Return a menu of these commands; None stands for a line. It deletes itself."""
        menu = Menu(parent)
        self.fill_with(menu, ids)
        menu.aboutToHide.connect(menu.deleteLater)
        return menu
