"""The queue on disk, so that it outlives the program.

Every prompt that waits or runs has a file of its own under ``user/queue``, written whole and
then put in place, by a thread of its own: submitting never waits for a disk. Secrets (E-704)
are never written. The next start finds the files and hands them back; whether they run is the
artist's word, so the queue then starts paused.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import threading
from pathlib import Path
from typing import Any

from app.engine.errors import EaselError, describe
from app.engine.execution.queue import PromptQueue, QueueItem
from app.engine.files import write_atomic

log = logging.getLogger("easel.engine")

VERSION = 1
OWNER_FILE = "owner.json"
MAX_FILE_BYTES = 256 << 20
"""Larger files are not read back; no prompt is that large."""


class QueueKeeper:
    """Keeps one queue in a folder.

    Args:
        folder: The folder; made when missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        self._queue: PromptQueue | None = None
        self._written: dict[str, tuple[QueueItem, float]] = {}
        self._changed = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def load(self) -> list[QueueItem]:
        """Return the prompts that an earlier session left behind, first to run first.

        Files that cannot be read are put aside under another name. When another program that
        is alive keeps this queue, there is nothing to load and nothing will be kept.
        """
        if not self._claim():
            log.warning("Another Easel keeps the queue, so this one is not kept.")
            return []
        found = []
        for path in sorted(self._folder.glob("*.json")):
            if path.name == OWNER_FILE:
                continue
            try:
                item = _read_item(path)
            except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
                log.warning("A waiting prompt cannot be read: %s", describe(error))
                with contextlib.suppress(OSError):
                    path.replace(path.with_suffix(".broken"))
                continue
            self._written[_file_name(item.prompt_id)] = (item, item.number)
            found.append(item)
        return sorted(found)

    def start(self, queue: PromptQueue) -> None:
        """Keep a queue from now on; :meth:`load` comes first."""
        self._queue = queue
        if self._is_owner():
            self._thread = threading.Thread(target=self._work, name="easel-queue", daemon=True)
            self._thread.start()

    def note_change(self) -> None:
        """Say that the queue has changed; any thread may."""
        self._changed.set()

    def close(self) -> None:
        """Write what is not written yet, and end; the files stay. Twice does no harm."""
        self._closing = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
            with contextlib.suppress(OSError):
                (self._folder / OWNER_FILE).unlink()

    def _work(self) -> None:
        while True:
            self._changed.wait()
            self._changed.clear()
            closing = self._closing
            try:
                self._write()
            except OSError as error:
                log.warning("The queue cannot be kept: %s", describe(error))
            if closing:
                return

    def _write(self) -> None:
        assert self._queue is not None
        items = {_file_name(item.prompt_id): item for item in self._queue.snapshot()}
        for name in [each for each in self._written if each not in items]:
            del self._written[name]
            (self._folder / name).unlink(missing_ok=True)
        for name, item in items.items():
            if self._written.get(name) == (item, item.number):
                continue
            try:
                data = _to_bytes(item)
            except (TypeError, ValueError, RuntimeError, RecursionError) as error:
                # A script may pass tensors as constants; a prompt that runs may be changing.
                log.info("Prompt %s is not kept: %s", item.prompt_id, describe(error))
                self._written[name] = (item, item.number)
                continue
            try:
                write_atomic(self._folder / name, data)
            except EaselError as error:
                raise OSError(str(error)) from error
            self._written[name] = (item, item.number)

    def _claim(self) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        owner = self._owner()
        if owner is not None and owner != _me() and _is_alive(owner):
            return False
        write_atomic(self._folder / OWNER_FILE, json.dumps(_me()).encode())
        return True

    def _is_owner(self) -> bool:
        return self._owner() == _me()

    def _owner(self) -> list[Any] | None:
        try:
            found = json.loads((self._folder / OWNER_FILE).read_bytes())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, list) and len(found) == 2 else None


def _me() -> list[Any]:
    """Return what names this process: its id, and when it began."""
    import psutil

    return [os.getpid(), psutil.Process().create_time()]


def _is_alive(owner: list[Any]) -> bool:
    import psutil

    try:
        return bool(psutil.Process(owner[0]).create_time() == owner[1])
    except (psutil.Error, TypeError, ValueError, OverflowError):
        return False


def _file_name(prompt_id: str) -> str:
    if re.fullmatch(r"[0-9a-f-]{8,64}", prompt_id):
        return f"{prompt_id}.json"
    return f"x{hashlib.sha256(prompt_id.encode('utf-8', 'replace')).hexdigest()}.json"


def _to_bytes(item: QueueItem) -> bytes:
    return json.dumps(
        {
            "version": VERSION,
            "number": item.number,
            "prompt_id": item.prompt_id,
            "prompt": item.prompt,
            "extra_data": item.extra_data,
            "targets": item.targets,
            "created": item.created,
        }
    ).encode()


def _read_item(path: Path) -> QueueItem:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ValueError(f'"{path.name}" is too large')
    data = json.loads(path.read_bytes())
    if data["version"] != VERSION or not isinstance(data["prompt"], dict):
        raise ValueError(f'"{path.name}" is not a prompt of this version')
    targets = data["targets"]
    if targets is not None:
        targets = tuple(each if isinstance(each, str) else tuple(each) for each in targets)
    return QueueItem(
        float(data["number"]),
        str(data["prompt_id"]),
        data["prompt"],
        dict(data["extra_data"]),
        targets,
        {},
        int(data["created"]),
    )
