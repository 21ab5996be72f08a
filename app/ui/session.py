"""What comes back at the next start: panels, tabs, unsaved work after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer

from app.engine.errors import EaselError
from app.engine.settings import Settings, merge_changes, settings_path
from app.ui.autosave import Recovery
from app.ui.background import log
from app.ui.disk_marks import mark_of
from app.ui.keybindings import Keybindings, merge_own_keys, own_keys_path
from app.ui.window_frame import LEFT_CLOSES_UNDER, RIGHT_CLOSES_UNDER
from app.ui.window_state import WRITE_DELAY_MS, update_json
from app.ui.words import count_words, tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


class Session:
    """Restores and remembers the state of a window.

    Args:
        window: The window.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._is_begun = False
        self._paths: list[Path] = []
        self._timer = QTimer(window)
        self._timer.setSingleShot(True)
        self._timer.setInterval(WRITE_DELAY_MS)
        self._timer.timeout.connect(self._flush)

    @property
    def is_begun(self) -> bool:
        """Whether tabs are being restored, or have been."""
        return self._is_begun

    def open_at_start(self, paths: list[Path]) -> None:
        """Open these files instead of the tabs of last time; call it before the first paint."""
        self._paths = list(paths)

    def restore_panels(self) -> None:
        """Lay the panels as they were."""
        window = self._window
        state, frame = window.state, window.frame
        sizes = state.get("panel_sizes", {})
        frame.set_sizes({name: int(v) for name, v in sizes.items() if isinstance(v, (int, float))})
        fits = {
            "left": window.width() >= frame.px(LEFT_CLOSES_UNDER),
            "right": window.width() >= frame.px(RIGHT_CLOSES_UNDER),
            "bottom": False,
        }
        for side, is_shown in fits.items():
            frame.show_side(side, bool(state.get(f"shows_{side}", is_shown)))
        name = state.get("left_panel", "nodes")
        frame.deck.reserve(name if name in frame.deck.names else "nodes")
        # Written once the artist has let go of a slider; only the last state counts.
        window.settings.subscribe(lambda *_: self._timer.start())
        window.keys.changed.connect(self._timer.start)

    def begin(self) -> None:
        """Open files and tabs, and look for unsaved work; after the first paint."""
        if not self._is_begun:
            self._is_begun = True
            self._window.background.run(self._begin())

    def remember(self) -> None:
        """Keep panels and tabs, at the end; writes one small file."""
        window = self._window
        state, frame = window.state, window.frame
        state.set("geometry", bytes(window.saveGeometry().toBase64().data()).decode())
        state.set("panel_sizes", frame.sizes)
        for side in ("left", "right", "bottom"):
            state.set(f"shows_{side}", frame.wants(side))
        if frame.deck.current:
            state.set("left_panel", frame.deck.current)
        items = [item for item in window.documents.items if item.document.path is not None]
        state.set("tabs", [str(item.document.path) for item in items])
        current = window.documents.current
        state.set("current_tab", items.index(current) if current in items else -1)
        self._timer.stop()
        try:
            state.write_now()
            for write in self._take_changes():
                write()
        except EaselError as error:
            log.warning("%s", error)

    async def _begin(self) -> None:
        window = self._window
        await window.recent.read()
        if self._paths:
            await window.files.open_all(self._paths)
        elif window.settings.get("folders.restore") and not window.documents.items:
            await self._reopen_tabs()
        found = await window.journal.find()
        if found:
            self._offer(found)

    async def _reopen_tabs(self) -> None:
        window = self._window
        tabs = [Path(path) for path in window.state.get("tabs", []) if isinstance(path, str)]
        current = window.state.get("current_tab", 0)
        shown = None
        for index, path in enumerate(tabs):
            if not await asyncio.to_thread(path.is_file):
                continue
            item = await window.files.open_file(path, show=False)
            if index == current:
                shown = item
        if shown is not None:
            window.documents.show(shown)

    def _offer(self, found: list[Recovery]) -> None:
        names = "\n".join(f"•  {item.title}" for item in found[:8])
        count = count_words(len(found), tr("workflow"), tr("workflows"))
        card = self._window.ask(
            tr("Restore unsaved work?"),
            tr("Easel did not end properly. {count} can be brought back:").format(count=count)
            + f"\n{names}",
            [("restore", tr("Restore")), ("discard", tr("Discard"))],
        )
        card.answered.connect(
            lambda answer: self._window.background.run(self._answer(answer, found))
        )

    async def _answer(self, answer: str, found: list[Recovery]) -> None:
        if answer == "cancel":
            # Kept: they are offered again at the next start.
            return
        restored = found
        if answer == "restore":
            restored = [item for item in found if await self._restore(item)]
            await self._window.journal.flush()
        await self._window.journal.forget(restored)

    async def _restore(self, item: Recovery) -> bool:
        from app.engine.workflow.reader import read_workflow

        window = self._window
        try:
            workflow = await asyncio.to_thread(read_workflow, item.data, name=item.title)
        except EaselError as error:
            window.toast(str(error), error.details, is_problem=True)
            return False
        old = window.documents.with_path(item.path) if item.path is not None else None
        if old is not None and not old.needs_saving:
            window.documents.remove(old)
        restored = window.files.add(workflow, path=item.path, name=item.title, was_recovered=True)
        if item.path is not None:
            # Only what happens to the file from now on is news.
            window.files.watch.settle(restored, await asyncio.to_thread(mark_of, item.path))
        return True

    def _take_changes(self) -> list[Callable[[], None]]:
        """Return what writes the settings and keys that were changed; for any thread."""
        window = self._window
        work: list[Callable[[], None]] = []
        changes = window.settings.take_changes()
        if changes:
            path, whole = settings_path(window.home), window.settings.to_bytes()
            work.append(
                lambda: _or_give_back(
                    window.settings, changes, lambda: merge_changes(path, changes, whole)
                )
            )
        keys = window.keys.take_changes()
        if keys:
            file = own_keys_path(window.home)
            work.append(
                lambda: _or_give_back(
                    window.keys,
                    keys,
                    lambda: update_json(file, lambda data: merge_own_keys(data, keys)),
                )
            )
        return work

    def _flush(self) -> None:
        work = self._take_changes()
        if work:
            self._window.background.run(_write(work))


def _or_give_back(
    owner: Settings | Keybindings, changes: Mapping[str, Any], write: Callable[[], None]
) -> None:
    try:
        write()
    except EaselError:
        owner.give_back(changes)
        raise


async def _write(work: Sequence[Callable[[], None]]) -> None:
    for write in work:
        await asyncio.to_thread(write)
