"""What the window remembers between starts that is no setting: panels, tabs, favourites, uses.

One small JSON file, read once at start and written by a thread a moment after a change.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer

from app.engine import files
from app.engine.errors import EaselError
from app.ui.background import Background, log

WRITE_DELAY_MS = 800
MAX_FILE_BYTES = 4 << 20


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; anything that cannot be read is an empty one."""
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if path.stat().st_size <= MAX_FILE_BYTES:
            data = json.loads(path.read_bytes())
            if isinstance(data, dict):
                return data
    return {}


class WindowState(QObject):
    """Small values by name, kept in a file.

    Args:
        path: The file; its folder is made when it is first written.
        background: Runs the writing.
    """

    def __init__(self, path: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = path
        self._background = background
        self._values = read_json(path)
        self._unsaved: dict[str, Any] = {}
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_DELAY_MS)
        self._timer.timeout.connect(self._write_soon)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value; one of another type than ``default`` counts as missing."""
        value = self._values.get(name, default)
        if default is not None and not isinstance(value, type(default)):
            return default
        return value

    def set(self, name: str, value: Any) -> None:
        """Keep a value that JSON can hold."""
        if self._values.get(name) == value:
            return
        self._values[name] = self._unsaved[name] = value
        self._timer.start()

    def write_now(self) -> None:
        """Write at once, on this thread; for the end of the program.

        Raises:
            FileSaveError: The disk is full or the folder may not be written.
        """
        self._timer.stop()
        self._merge(self._take())

    def _take(self) -> dict[str, Any]:
        """Return what was set since the last time; other windows' values stay theirs."""
        taken, self._unsaved = self._unsaved, {}
        return taken

    def _merge(self, changes: Mapping[str, Any]) -> None:
        if changes:
            update_json(self._path, lambda data: data.update(changes))

    def _write_soon(self) -> None:
        self._background.run(self._write())

    async def _write(self) -> None:
        try:
            await asyncio.to_thread(self._merge, self._take())
        except EaselError as error:
            # Losing the width of a panel is not worth a message to the artist.
            log.warning("%s", error)


def update_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON object in a file that another program may write too. May block.

    Args:
        path: The file.
        change: Gets what stands in it now, and changes that in place.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    with files.locked(path):
        data = read_json(path)
        change(data)
        write_json(path, data)


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` in one step, making the folder if need be. May block.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    write_bytes(path, json.dumps(data, ensure_ascii=False).encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` in one step, making the folder if need be. May block.

    Raises:
        FileSaveError: The disk is full or the folder may not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise files.FileSaveError(f'Cannot make the folder "{path.parent.name}".') from error
    files.write_atomic(path, data)
