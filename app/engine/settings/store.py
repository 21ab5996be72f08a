"""The settings of one artist, and their file.

The file holds only what differs from the defaults, a version, and whatever else stood in it:
keys of a newer Easel survive being opened by an older one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.engine import files
from app.engine.errors import SettingsError
from app.engine.settings.table import SETTINGS, setting

log = logging.getLogger("easel.settings")

FILE_VERSION = 1
MAX_FILE_BYTES = 1 << 20

Migration = Callable[[dict[str, Any]], dict[str, Any]]

_MIGRATIONS: dict[int, Migration] = {}
"""For each old version, the function that brings the values to the next one."""


class Settings:
    """Values by name; a value that was never set is the default.

    Listeners are called on the thread that sets a value, which in the window is the GUI thread.

    Args:
        values: Values that differ from the defaults.
        unknown: Other keys of the file, written back as they are.
        foreign: Settings of the file that this version does not know or cannot use; written
            back until they are set.
    """

    def __init__(
        self,
        values: Mapping[str, Any] | None = None,
        unknown: Mapping[str, Any] | None = None,
        foreign: Mapping[str, Any] | None = None,
    ) -> None:
        self._values: dict[str, Any] = {}
        self._unknown = dict(unknown or {})
        self._foreign = dict(foreign or {})
        self._listeners: list[Callable[[str, Any], None]] = []
        self._unsaved: dict[str, Any] = {}
        for name, value in (values or {}).items():
            self._values[name] = setting(name).check(value)

    def get(self, name: str) -> Any:
        """Return the value of a setting.

        Raises:
            SettingsError: There is no such setting.
        """
        row = setting(name)
        value = self._values.get(name, row.default)
        return list(value) if isinstance(value, (list, tuple)) else value

    def set(self, name: str, value: Any) -> None:
        """Change a setting and tell the listeners; the same value again does nothing.

        Raises:
            SettingsError: There is no such setting, or the value is out of range.
        """
        checked = setting(name).check(value)
        if checked == self.get(name):
            return
        self._foreign.pop(name, None)
        if self._is_default(name, checked):
            self._values.pop(name, None)
        else:
            self._values[name] = checked
        self._unsaved[name] = self._values.get(name)
        for listener in tuple(self._listeners):
            listener(name, checked)

    def reset(self, name: str) -> None:
        """Put a setting back to its default."""
        self.set(name, setting(name).default)

    def is_changed(self, name: str) -> bool:
        """Tell whether a setting differs from its default."""
        return name in self._values

    def changed(self) -> tuple[str, ...]:
        """Return the names of all changed settings, in the order of the table."""
        return tuple(row.name for row in SETTINGS if row.name in self._values)

    def subscribe(self, listener: Callable[[str, Any], None]) -> Callable[[], None]:
        """Call ``listener(name, value)`` after every change; returns what takes it off again."""
        self._listeners.append(listener)

        def remove() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return remove

    def to_bytes(self) -> bytes:
        """Return the file's contents."""
        values = {**self._foreign, **{name: self._values[name] for name in self.changed()}}
        data = {**self._unknown, "version": FILE_VERSION, "settings": values}
        return _dump(data)

    def take_changes(self) -> dict[str, Any]:
        """Return what was set since the last call, by name; None for "back to the default".

        Whoever takes them writes them (:func:`merge_changes`), or gives them back.
        """
        taken, self._unsaved = self._unsaved, {}
        return taken

    def give_back(self, changes: Mapping[str, Any]) -> None:
        """Keep changes that could not be written for the next time; newer ones win."""
        self._unsaved = {**changes, **self._unsaved}

    def save(self, path: Path) -> None:
        """Write what was set into the file. May block; not for the GUI thread.

        What another program has written meanwhile stays, but for settings changed here too.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        changes = self.take_changes()
        try:
            merge_changes(path, changes, self.to_bytes())
        except files.FileSaveError:
            self.give_back(changes)
            raise

    def _is_default(self, name: str, value: Any) -> bool:
        default = setting(name).default
        return bool(value == (list(default) if isinstance(default, tuple) else default))


def settings_path(home: Path) -> Path:
    """Return where the settings lie in a home folder."""
    return home / "user" / "easel.settings.json"


def merge_changes(path: Path, changes: Mapping[str, Any], whole: bytes) -> None:
    """Change some settings in a file that other programs may write too. May block.

    Args:
        path: The file.
        changes: Values by name; None takes one out, so that it has its default again.
        whole: Contents to write when there is no file, or none that can be read.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    with files.locked(path):
        stored = _read_stored(path)
        if stored is None:
            files.write_atomic(path, whole)
            return
        values = stored.get("settings")
        merged = {**(values if isinstance(values, dict) else {}), **changes}
        stored["settings"] = {name: value for name, value in merged.items() if value is not None}
        files.write_atomic(path, _dump(stored))


def _read_stored(path: Path) -> dict[str, Any] | None:
    """Return the parsed file in the form of this version, or None when it cannot be used."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            return None
        parsed = json.loads(path.read_bytes())
        return _upgrade(parsed) if isinstance(parsed, dict) else None
    except (OSError, ValueError, RecursionError, SettingsError):
        return None


def _dump(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False).encode() + b"\n"


def load_settings(path: Path) -> Settings:
    """Read the settings file; a missing one gives the defaults.

    A value that is out of range is left at its default and logged, so that one bad line never
    costs the rest. A file that is no JSON is kept beside under another name.
    """
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= MAX_FILE_BYTES else b""
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        log.warning("Cannot read the settings: %s. Defaults are used.", error)
        return Settings()
    try:
        return read_settings(data)
    except SettingsError as error:
        kept = path.with_suffix(".broken.json")
        log.warning("%s It is kept as %s; defaults are used.", error, kept.name)
        try:
            path.replace(kept)
        except OSError as move_error:
            log.warning("Cannot move the broken settings file: %s", move_error)
        return Settings()


def read_settings(data: bytes) -> Settings:
    """Read the contents of a settings file.

    Raises:
        SettingsError: It is no settings file at all.
    """
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"The settings file cannot be read: {error}.") from error
    if not isinstance(parsed, dict):
        raise SettingsError("The settings file holds no settings.")
    parsed = _upgrade(parsed)
    stored = parsed.get("settings")
    values: dict[str, Any] = {}
    foreign: dict[str, Any] = {}
    for name, value in (stored if isinstance(stored, dict) else {}).items():
        try:
            values[name] = setting(name).check(value)
        except SettingsError as error:
            foreign[name] = value
            log.warning("%s The default is used.", error)
    known = {name: value for name, value in values.items() if value != setting(name).default}
    unknown = {name: value for name, value in parsed.items() if name not in ("version", "settings")}
    return Settings(known, unknown, foreign)


def _upgrade(data: dict[str, Any]) -> dict[str, Any]:
    version = data.get("version", FILE_VERSION)
    if not isinstance(version, int):
        raise SettingsError("The settings file has no version number.")
    while version < FILE_VERSION:
        migrate = _MIGRATIONS.get(version)
        if migrate is None:
            raise SettingsError(f"Settings of version {version} cannot be read.")
        # On a copy, so that a failed upgrade leaves the data as it was read.
        data = migrate(json.loads(json.dumps(data)))
        version += 1
    return data
