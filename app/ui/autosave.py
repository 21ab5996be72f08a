"""The recovery journal (U-391): unsaved work is written beside, and offered after a crash.

Each run of the program has a folder of its own in ``<home>/user/recovery``, locked while it runs.
A document is written there a moment after an edit, by a thread, whole and in one step. A clean
end takes the folder away; what is left at the next start belonged to a run that ended badly.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QLockFile, QObject, QTimer, Signal

from app.engine.errors import EaselError
from app.engine.workflow.writer import Snapshot, serialize, snapshot
from app.ui.background import Background, log
from app.ui.documents import OpenDocument, OpenDocuments
from app.ui.window_state import write_bytes

WRITE_DELAY_MS = 1500
MAX_FILE_BYTES = 256 << 20
_LOCK = "in_use.lock"
_PART_BYTES = 3 << 16
"""A multiple of three, so that the parts of the base64 text fit together."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """One document that was not saved when the program ended badly.

    Attributes:
        file: The recovery file.
        title: Name of the document.
        path: File it came from, or None.
        time: When it was written, in seconds since 1970.
        data: The workflow file.
    """

    file: Path
    title: str
    path: Path | None
    time: float
    data: bytes


class RecoveryJournal(QObject):
    """Keeps copies of unsaved documents.

    Args:
        home: Home folder.
        documents: The open documents.
        background: Runs the writing.

    Signals:
        failed: A sentence, when copies cannot be written (told once).
    """

    failed = Signal(str)

    def __init__(
        self,
        home: Path,
        documents: OpenDocuments,
        background: Background,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._root = home / "user" / "recovery"
        self._folder = self._root / uuid.uuid4().hex
        self._background = background
        self._documents = documents
        self._lock: QLockFile | None = None
        self._dirty: set[OpenDocument] = set()
        self._has_told = False
        self._is_closed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_DELAY_MS)
        self._timer.timeout.connect(self._write_soon)
        documents.added.connect(self._follow)
        documents.removed.connect(self._drop)
        documents.state_changed.connect(self._on_state_changed)

    @property
    def folder(self) -> Path:
        """The folder of this run."""
        return self._folder

    async def find(self) -> list[Recovery]:
        """Return what earlier runs left behind, newest first."""
        return await asyncio.to_thread(_find, self._root, self._folder)

    async def forget(self, found: list[Recovery]) -> None:
        """Remove recovery files, because they were restored or are not wanted."""
        await asyncio.to_thread(_remove, [item.file for item in found])

    async def flush(self) -> None:
        """Write all waiting documents now."""
        self._timer.stop()
        dirty, self._dirty = self._dirty, set()
        for item in dirty:
            await self._write(item)

    def close(self) -> None:
        """Take the folder away; called at a clean end, when nothing is unsaved any more."""
        self._is_closed = True
        self._timer.stop()
        if self._lock is not None:
            self._lock.unlock()
            self._lock = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def _follow(self, item: OpenDocument) -> None:
        item.recovery_id = uuid.uuid4().hex
        item.document.edited.connect(lambda: self._mark(item))
        if item.was_recovered:
            self._mark(item)

    def _mark(self, item: OpenDocument) -> None:
        self._dirty.add(item)
        if not self._timer.isActive():
            self._timer.start()

    def _on_state_changed(self, item: OpenDocument) -> None:
        if item.is_astray and not self._is_closed:
            self._mark(item)  # no edit tells of it, yet no file holds it any more
        if not item.needs_saving and not self._is_closed:
            self._dirty.discard(item)
            self._background.run(self._erase(item))

    def _drop(self, item: OpenDocument) -> None:
        self._dirty.discard(item)
        if not self._is_closed:
            self._background.run(self._erase(item))

    def _write_soon(self) -> None:
        self._background.run(self.flush())

    async def _write(self, item: OpenDocument) -> None:
        if not item.needs_saving or self._is_closed:
            return
        document = item.document
        head = {
            "title": document.title,
            "path": str(document.path) if document.path is not None else None,
            "time": time.time(),
        }
        try:
            await asyncio.to_thread(
                self._write_file, self._file(item), head, snapshot(document.workflow)
            )
        except (EaselError, OSError) as error:
            log.warning("Cannot write a recovery copy: %s", error)
            if not self._has_told:
                self._has_told = True
                self.failed.emit(str(error))

    def _write_file(self, file: Path, head: dict[str, object], content: Snapshot) -> None:
        if self._is_closed:
            return
        self._claim()
        write_bytes(file, b"".join(_recovery_parts(head, serialize(content))))

    def _claim(self) -> None:
        """Lock the folder, so that another program does not take it for abandoned."""
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = QLockFile(str(self._folder / _LOCK))
            lock.setStaleLockTime(0)
            lock.tryLock(0)
            self._lock = lock

    async def _erase(self, item: OpenDocument) -> None:
        await asyncio.to_thread(_remove, [self._file(item)])

    def _file(self, item: OpenDocument) -> Path:
        return self._folder / f"{item.recovery_id}.json"


def _recovery_parts(head: dict[str, object], workflow: bytes) -> Iterator[bytes]:
    """Yield the JSON of a recovery file, in parts: one call for all would hold the window up."""
    yield json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "workflow": "'
    for start in range(0, len(workflow), _PART_BYTES):
        yield base64.b64encode(workflow[start : start + _PART_BYTES])
    yield b'"}'


def _find(root: Path, own: Path) -> list[Recovery]:
    found: list[Recovery] = []
    if not root.is_dir():
        return found
    for folder in root.iterdir():
        if folder == own or not folder.is_dir() or _is_in_use(folder):
            continue
        items = [_read(file) for file in folder.glob("*.json")]
        kept = [item for item in items if item is not None]
        if kept:
            found += kept
        elif not items:
            shutil.rmtree(folder, ignore_errors=True)
    return sorted(found, key=lambda item: -item.time)


def _is_in_use(folder: Path) -> bool:
    lock = QLockFile(str(folder / _LOCK))
    # With no stale time Qt asks whether the process that holds the lock still lives.
    lock.setStaleLockTime(0)
    if not lock.tryLock(0):
        return True
    lock.unlock()
    return False


def _read(file: Path) -> Recovery | None:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            return None
        data = json.loads(file.read_bytes())
        path = data.get("path")
        return Recovery(
            file,
            str(data["title"]),
            Path(path) if isinstance(path, str) else None,
            float(data["time"]),
            base64.b64decode(data["workflow"], validate=True),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        log.warning("A recovery copy cannot be read: %s", error)
        return None


def _remove(files: list[Path]) -> None:
    for file in files:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # Only an empty folder goes; ours holds the lock and stays.
            file.parent.rmdir()
