"""Everything the artist can do, as data.

Menus, context menus, the palette, the shortcut editor and the tests read one
:class:`CommandRegistry`; keys are kept apart in :mod:`app.ui.keybindings`, so that they can be
changed without touching a command.
"""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

log = logging.getLogger("easel.ui")


class CommandScope(enum.Enum):
    """Where a command's keys work."""

    WINDOW = "window"
    CANVAS = "canvas"


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Command:
    """One thing the artist can do.

    Attributes:
        id: Stable dotted name, for shortcuts and tests: ``edit.duplicate``.
        title: Words shown in menus and in the palette, in sentence case.
        run: Called with no arguments when the command is triggered.
        menu: Place in the menu bar and a group inside it: ``"Edit/1"``. Groups are split by a
            line. Empty for commands that are found in the palette alone.
        scope: Where its keys work.
        enabled: Tells whether the command can run now.
        checked: Tells whether its tick is set, or None for a command without one.
        icon: Name of an icon in ``resources/icons``, or empty.
        is_danger: Shown in red, because it removes something.
        words: More words by which the palette finds it.
    """

    id: str
    title: str
    run: Callable[[], None]
    menu: str = ""
    scope: CommandScope = CommandScope.WINDOW
    enabled: Callable[[], bool] = _always
    checked: Callable[[], bool] | None = None
    icon: str = ""
    is_danger: bool = False
    words: str = ""


class CommandRegistry(QObject):
    """All commands by id, in the order in which they were registered.

    Signals:
        changed: Commands came or went.
        triggered: Id of a command that has just been run.
    """

    changed = Signal()
    triggered = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._commands: dict[str, Command] = {}

    def register(self, *commands: Command) -> Callable[[], None]:
        """Add commands; returns a function that takes them out again.

        Raises:
            ValueError: There is a command of that id already.
        """
        for command in commands:
            if command.id in self._commands:
                raise ValueError(f'There is a command "{command.id}" already.')
            self._commands[command.id] = command
        self.changed.emit()

        def remove() -> None:
            for command in commands:
                self._commands.pop(command.id, None)
            self.changed.emit()

        return remove

    def __iter__(self) -> Iterator[Command]:
        return iter(tuple(self._commands.values()))

    def __contains__(self, command_id: str) -> bool:
        return command_id in self._commands

    def get(self, command_id: str) -> Command:
        """Return a command.

        Raises:
            KeyError: There is none of that id.
        """
        return self._commands[command_id]

    def menu(self, name: str) -> list[list[Command]]:
        """Return the commands of a menu, split into its groups, each in order."""
        groups: dict[str, list[Command]] = {}
        for command in self:
            place, _, group = command.menu.partition("/")
            if place == name:
                groups.setdefault(group, []).append(command)
        return [groups[key] for key in sorted(groups)]

    def trigger(self, command_id: str) -> bool:
        """Run a command if it can run now, and tell whether it did.

        Raises:
            KeyError: There is none of that id.
        """
        command = self._commands[command_id]
        if not command.enabled():
            log.debug("Command %s cannot run now", command_id)
            return False
        command.run()
        self.triggered.emit(command_id)
        return True
