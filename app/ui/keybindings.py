"""Keys of commands: the defaults in ``resources/keybindings.json``, and the artist's own.

Sequences are kept in Qt's portable text (``"Ctrl+Shift+Return"``; ``Ctrl`` is Command on macOS).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence

from app.ui.theme import RESOURCES

FILE_VERSION = 1


@cache
def default_keys() -> Mapping[str, tuple[str, ...]]:
    """Return the default keys by command id."""
    data = json.loads((RESOURCES / "keybindings.json").read_text("utf-8"))
    return {name: tuple(normal(key) for key in keys) for name, keys in data["keys"].items()}


def normal(text: str) -> str:
    """Return a sequence in the one form that can be compared; empty when it is none."""
    return QKeySequence(text).toString(QKeySequence.SequenceFormat.PortableText)


def shown(text: str) -> str:
    """Return a sequence as the platform writes it: ``"Ctrl+M"``, or with signs on macOS."""
    return QKeySequence(text).toString(QKeySequence.SequenceFormat.NativeText)


class Keybindings(QObject):
    """The keys in force.

    Args:
        own: The artist's keys by command id; they replace the defaults of that command.

    Signals:
        changed: Some keys are different now.
    """

    changed = Signal()

    def __init__(
        self, own: Mapping[str, Sequence[str]] | None = None, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._own = {name: _clean(keys) for name, keys in (own or {}).items()}
        self._saved = dict(self._own)

    def keys(self, command_id: str) -> tuple[str, ...]:
        """Return the keys of a command, the one to show first."""
        own = self._own.get(command_id)
        return default_keys().get(command_id, ()) if own is None else own

    def shown_key(self, command_id: str) -> str:
        """Return the first key as the platform writes it, or an empty string."""
        keys = self.keys(command_id)
        return shown(keys[0]) if keys else ""

    def is_changed(self, command_id: str) -> bool:
        """Tell whether the artist chose other keys than the default ones."""
        return command_id in self._own

    def set_keys(self, command_id: str, keys: Sequence[str]) -> None:
        """Give a command other keys; an empty list takes them away."""
        cleaned = _clean(keys)
        if cleaned == self.keys(command_id):
            return
        if cleaned == default_keys().get(command_id, ()):
            self._own.pop(command_id, None)
        else:
            self._own[command_id] = cleaned
        self.changed.emit()

    def reset(self, command_id: str) -> None:
        """Put a command's keys back to the default."""
        if self._own.pop(command_id, None) is not None:
            self.changed.emit()

    def reset_all(self) -> None:
        """Put all keys back to the defaults."""
        if self._own:
            self._own.clear()
            self.changed.emit()

    def owners(self, key: str) -> tuple[str, ...]:
        """Return the ids of all commands that have this key."""
        wanted = normal(key)
        names = dict.fromkeys((*default_keys(), *self._own))
        return tuple(name for name in names if wanted and wanted in self.keys(name))

    def clashes(self) -> dict[str, tuple[str, ...]]:
        """Return every key that more than one command has, with their ids."""
        found: dict[str, list[str]] = {}
        for name in dict.fromkeys((*default_keys(), *self._own)):
            for key in self.keys(name):
                found.setdefault(key, []).append(name)
        return {key: tuple(names) for key, names in found.items() if len(names) > 1}

    def take_changes(self) -> dict[str, list[str] | None]:
        """Return what was changed since the last call; None for "as by default"."""
        before, self._saved = self._saved, dict(self._own)
        changed = (
            name for name in {**before, **self._own} if before.get(name) != self._own.get(name)
        )
        return {name: list(self._own[name]) if name in self._own else None for name in changed}

    def give_back(self, changes: Mapping[str, Any]) -> None:
        """Count changes that could not be written as changes the next time."""
        for name in changes:
            self._saved.pop(name, None)
            if name not in self._own:
                self._saved[name] = ()


def read_own_keys(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read the artist's file; entries of the wrong shape are left out."""
    keys = data.get("keys")
    if not isinstance(keys, dict):
        return {}
    return {
        str(name): [item for item in value if isinstance(item, str)]
        for name, value in keys.items()
        if isinstance(value, list)
    }


def merge_own_keys(data: dict[str, Any], changes: Mapping[str, list[str] | None]) -> None:
    """Put changed keys into the contents of the artist's file; those of other commands stay."""
    keys = {**read_own_keys(data), **changes}
    data["version"] = FILE_VERSION
    data["keys"] = {name: keys[name] for name in sorted(keys) if keys[name] is not None}


def own_keys_path(home: Path) -> Path:
    """Return where the artist's keys are kept."""
    return home / "user" / "keybindings.json"


def _clean(keys: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for key in map(normal, keys) if key))
