"""Files that were open before, with a small picture of each, for the start page and the menu."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.engine.errors import EaselError
from app.ui.background import Background, log
from app.ui.window_state import read_json, update_json

MOST = 40
THUMBNAIL = (504, 296)
"""Pixels of a thumbnail: twice the size of a card on the start page."""


@dataclass(frozen=True, slots=True)
class RecentFile:
    """One file.

    Attributes:
        path: Where it lies.
        nodes: Number of its nodes.
        time: When it was last opened or saved, in seconds since 1970.
    """

    path: str
    nodes: int = 0
    time: float = 0.0

    @property
    def title(self) -> str:
        """The name an artist reads."""
        return Path(self.path).stem


class RecentFiles(QObject):
    """The list, newest first, kept in ``<home>/user/recent.json``.

    Signals:
        changed: The list or a picture is another one.
    """

    changed = Signal()

    def __init__(self, home: Path, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._path = home / "user" / "recent.json"
        self._pictures = home / "user" / "thumbnails"
        self._background = background
        self._files: list[RecentFile] = []
        self._is_read = False

    @property
    def files(self) -> list[RecentFile]:
        """All files, newest first."""
        return list(self._files)

    async def read(self) -> None:
        """Read the list; files that are gone are left out."""
        if not self._is_read:
            self._is_read = True
            found = await asyncio.to_thread(_read_list, self._path)
            known = {item.path for item in self._files}
            self._files += [item for item in found if item.path not in known]
            self.changed.emit()

    def add(self, path: Path, nodes: int, draw_picture: Callable[[], QImage] | None = None) -> None:
        """Put a file in front.

        Args:
            path: The file.
            nodes: Number of its nodes.
            draw_picture: Makes its picture, on another thread; None for no picture.
        """
        item = RecentFile(str(path), nodes, time.time())
        self._files = [item, *(old for old in self._files if old.path != item.path)][:MOST]
        self._background.run(self._keep(item, draw_picture))
        self.changed.emit()

    def forget(self, path: str) -> None:
        """Take a file out of the list; the file itself stays."""
        self._files = [item for item in self._files if item.path != path]
        self._background.run(self._write(lambda rows: without(rows, path)))
        self.changed.emit()

    def clear(self) -> None:
        """Empty the list."""
        self._files = []
        self._background.run(self._write(lambda rows: []))
        self.changed.emit()

    def picture_path(self, path: str) -> Path:
        """Return where the picture of a file is kept."""
        name = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
        return self._pictures / f"{name}.png"

    async def picture(self, path: str) -> QImage | None:
        """Load the picture of a file, or None."""
        image = await asyncio.to_thread(QImage, str(self.picture_path(path)))
        return None if image.isNull() else image

    async def _keep(self, item: RecentFile, draw_picture: Callable[[], QImage] | None) -> None:
        # Read first, so that a file opened right after the start does not wipe the old list.
        await self.read()
        if draw_picture is not None:
            target = self.picture_path(item.path)
            await asyncio.to_thread(lambda: _save_picture(draw_picture(), target))
        await self._write(lambda rows: [asdict(item), *without(rows, item.path)][:MOST])
        self.changed.emit()

    async def _write(self, change: Callable[[list[Any]], list[Any]]) -> None:
        """Change the list on disk, to which another window may have added files."""

        def merge(data: dict[str, Any]) -> None:
            rows = data.get("files")
            data.update(version=1, files=change(rows if isinstance(rows, list) else []))

        try:
            await asyncio.to_thread(update_json, self._path, merge)
        except EaselError as error:
            log.warning("%s", error)


def without(rows: list[Any], path: str) -> list[Any]:
    """Return the rows of a stored list that are not about a file."""
    return [row for row in rows if not isinstance(row, dict) or row.get("path") != path]


def _read_list(path: Path) -> list[RecentFile]:
    files = read_json(path).get("files")
    found = [_read_item(item) for item in files] if isinstance(files, list) else []
    return [item for item in found if item is not None and Path(item.path).is_file()][:MOST]


def _read_item(item: Any) -> RecentFile | None:
    if not isinstance(item, dict) or not isinstance(item.get("path"), str):
        return None
    nodes, when = item.get("nodes", 0), item.get("time", 0.0)
    if not isinstance(nodes, int) or not isinstance(when, (int, float)):
        return None
    return RecentFile(item["path"], nodes, float(when))


def _save_picture(picture: QImage, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not picture.save(str(path), "PNG"):
        log.warning("Cannot keep the picture of a recent file in %s", path.parent)
