"""New, open, save, export, close: file work as coroutines; the disk is touched by threads only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog

from app.engine.errors import EaselError, WorkflowFileError
from app.engine.workflow import metadata
from app.engine.workflow.model import Workflow
from app.ui.commands import Command
from app.ui.compare_commands import CompareCommands
from app.ui.disk_marks import mark_of
from app.ui.document import WorkflowDocument
from app.ui.documents import OpenDocument
from app.ui.file_watch import FileWatch
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

SUFFIXES = (".json", *metadata.SUFFIXES)
"""Files in which a workflow may lie."""


class FileCommands:
    """The File menu.

    Args:
        window: The window it works for.

    Attributes:
        compare: Compares documents with files and runs.
        watch: Says when a file was changed by another program.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self.compare = CompareCommands(window)
        self.watch = FileWatch(window)
        self._untitled = 0
        self._last_folder: Path | None = None
        self._saving: set[OpenDocument] = set()

    def commands(self) -> list[Command]:
        """Return the commands of the menu."""
        has, saved = self._window.has_document, self._can_save
        run = self._window.background.run
        return [
            Command("file.new", tr("New"), self.new, "File/1", words="workflow tab"),
            Command("file.open", tr("Open…"), self.ask_open, "File/1"),
            Command(
                "file.open_comfy_folder",
                tr("Open a ComfyUI folder…"),
                self.ask_comfy_folder,
                "File/1",
                words="models custom nodes import",
            ),
            Command(
                "file.save", tr("Save"), lambda: run(self.save_current()), "File/2", enabled=saved
            ),
            Command(
                "file.save_as",
                tr("Save as…"),
                lambda: run(self.save_current(ask=True)),
                "File/2",
                enabled=has,
            ),
            Command(
                "file.export_api",
                tr("Export for scripts…"),
                lambda: run(self.export_api()),
                "File/2",
                enabled=has,
                words="API prompt JSON",
            ),
            Command("file.reload", tr("Load again from disk"), self.watch.reload_current, "File/2",
                    enabled=lambda: self._path() is not None, words="revert reload refresh"),
            Command("file.duplicate", tr("Duplicate tab"), self.duplicate, "File/3", enabled=has),
            Command("file.show_folder", tr("Show in folder"), self.show_in_folder, "File/3",
                    enabled=lambda: self._path() is not None),
            Command("file.close", tr("Close"), self.close_current, "File/3", enabled=has),
            *self.compare.commands(),
            Command("file.settings", tr("Settings…"), self._window.open_settings, "File/4"),
            Command("file.quit", tr("Quit"), self._window.request_quit, "File/5"),
        ]  # fmt: skip

    def new(self) -> None:
        """Open an empty workflow in a new tab."""
        from app.engine.workflow.reader import new_workflow

        self._untitled += 1
        name = tr("Untitled") if self._untitled == 1 else f"{tr('Untitled')} {self._untitled}"
        self.add(new_workflow(), name=name)

    def add(
        self,
        workflow: Workflow,
        *,
        path: Path | None = None,
        name: str = "",
        show: bool = True,
        was_recovered: bool = False,
    ) -> OpenDocument:
        """Open a tab for a workflow that has been read."""
        document = WorkflowDocument(
            workflow, self._window.definitions, path=path, name=name or tr("Untitled")
        )
        return self._window.documents.add(document, show=show, was_recovered=was_recovered)

    def ask_open(self) -> None:
        """Ask for files and open them."""
        dialog = QFileDialog(self._window, tr("Open"), str(self._folder()))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        patterns = " ".join(f"*{suffix}" for suffix in SUFFIXES)
        dialog.setNameFilters([f"{tr('Workflows and pictures')} ({patterns})", f"{tr('All')} (*)"])
        dialog.filesSelected.connect(self.open_paths)
        self._open_dialog(dialog)

    def open_paths(self, paths: Sequence[str | Path]) -> None:
        """Open files in tabs; the last one is shown."""
        self._window.background.run(self.open_all([Path(path) for path in paths]))

    async def open_all(self, paths: Sequence[Path]) -> list[OpenDocument]:
        """Open files in tabs and return those that could be read."""
        opened = []
        for path in paths:
            item = await self.open_file(path)
            if item is not None:
                opened.append(item)
        return opened

    async def open_file(self, path: Path, *, show: bool = True) -> OpenDocument | None:
        """Open a file in a tab, or show the tab in which it is open already."""
        from app.engine.workflow.reader import open_workflow

        path = await asyncio.to_thread(path.absolute)
        open_already = self._window.documents.with_path(path)
        if open_already is not None:
            self._window.documents.show(open_already)
            return open_already
        try:
            definitions = self._window.definitions
            mark = await asyncio.to_thread(mark_of, path)
            workflow = await asyncio.to_thread(open_workflow, path, definitions=definitions)
        except WorkflowFileError as error:
            self._tell_unread(path, error)
            self._window.recent.forget(str(path))
            return None
        self._last_folder = path.parent
        # A picture or a prompt is only read: saving must not write a workflow over it.
        is_own = path.suffix.lower() == ".json" and not workflow.is_converted
        own = path if is_own else None
        item = self.add(workflow, path=own, name=path.stem, show=show)
        item.folder = path.parent
        self.watch.settle(item, mark if is_own else None)
        self._window.remember_recent(item, path)
        return item

    def _tell_unread(self, path: Path, error: WorkflowFileError) -> None:
        """Say which file of which folder cannot be opened, why, and what can be done."""
        from app.ui.panels.results import show_in_folder

        words, name = str(error), f'"{path.name}"'
        if path.parent.name:
            # Files of one name lie in many folders.
            words = words.replace(name, f'{name} in "{path.parent.name}"', 1)
        actions = [(tr("Show in folder"), lambda: show_in_folder(str(path)))]
        self._window.toast(words, error.details, is_problem=True, actions=actions)

    async def save_current(self, *, ask: bool = False) -> bool:
        """Save the shown document; returns whether it is on disk now."""
        item = self._window.documents.current
        return item is not None and await self.save(item, ask=ask)

    async def save(self, item: OpenDocument, *, ask: bool = False) -> bool:
        """Save a document, asking for a name if it has none.

        Returns:
            Whether it is on disk now; False when the artist refused or the disk did.
        """
        from app.engine.workflow.writer import save_workflow, snapshot

        if item in self._saving:
            return False
        self._saving.add(item)
        self.watch.begin_save(item)
        try:
            document = item.document
            path = document.path
            if path is None or ask:
                path = await self._ask_save(item, tr("Save as"), f"{document.title}.json")
            if path is None or self._is_elsewhere(path, item):
                return False
            self._window.canvas_wiring.store_view(item)
            before = document.undo_stack.index()
            content = snapshot(document.workflow)
            if path == document.path and not await self._may_replace(item, path):
                return False
            try:
                await asyncio.to_thread(save_workflow, path, content)
            except EaselError as error:
                self._window.toast(str(error), error.details, is_problem=True)
                return False
            self.watch.settle(item, await asyncio.to_thread(mark_of, path))
            if document.path != path:
                document.set_path(path)
            if document.undo_stack.index() == before:
                # Edits made while the disk was busy keep the document unsaved.
                document.mark_saved()
                item.was_recovered = False
            self._window.documents.state_changed.emit(item)
            self._window.remember_recent(item, path)
            return True
        finally:
            self._saving.discard(item)
            self.watch.end_save(item)

    async def _may_replace(self, item: OpenDocument, path: Path) -> bool:
        """Ask before what another program wrote into the file meanwhile is lost (U-396)."""
        now = await asyncio.to_thread(mark_of, path)
        # No mark of a file that is there: another program writes it at this moment.
        is_gone = now is None and not await asyncio.to_thread(path.exists)
        if item.mark is None or is_gone or (now is not None and now.is_like(item.mark)):
            return True
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        card = self._window.ask(
            tr("Save over what another program wrote?"),
            tr("“{name}” was changed since it was opened here. To keep both, cancel and use "
               "Save as.").format(name=path.name),
            [("save", tr("Save over it"))],
            danger="save",
        )  # fmt: skip
        card.answered.connect(lambda text: answer.done() or answer.set_result(text))
        return await answer == "save"

    def _is_elsewhere(self, path: Path, item: OpenDocument) -> bool:
        """Tell, also the artist, whether another tab has a file: two would undo each other."""
        other = self._window.documents.with_path(path)
        if other is None or other is item:
            return False
        words = tr("Cannot save “{name}”: it is open in another tab").format(name=path.name)
        hint = tr("Choose another name, or close that tab first.")
        self._window.toast(words, hint, is_problem=True)
        return True

    async def export_api(self) -> None:
        """Write the prompt of the shown document, for scripts (U-411)."""
        from app.engine.workflow.reader import read_workflow
        from app.engine.workflow.to_prompt import convert
        from app.engine.workflow.writer import dump_json, serialize, snapshot
        from app.ui.window_state import write_bytes

        item = self._window.documents.current
        if item is None:
            return
        path = await self._ask_save(item, tr("Export"), f"{item.document.title}.api.json")
        if path is None:
            return
        content = snapshot(item.document.workflow)
        definitions = item.document.definitions

        def work() -> None:
            # A copy, so that the artist can go on editing meanwhile.
            prompt = convert(read_workflow(serialize(content)), definitions).prompt
            write_bytes(path, dump_json(prompt, indent=2))

        try:
            await asyncio.to_thread(work)
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return
        self._window.toast(tr("Exported"), path.name)

    def duplicate(self) -> None:
        """Open a copy of the shown document in a new tab."""
        self._window.background.run(self._duplicate())

    async def _duplicate(self) -> None:
        from app.engine.workflow.reader import read_workflow
        from app.engine.workflow.writer import serialize, snapshot

        item = self._window.documents.current
        if item is None:
            return
        content = snapshot(item.document.workflow)
        workflow = await asyncio.to_thread(lambda: read_workflow(serialize(content)))
        name = tr("{name} copy").format(name=item.document.title)
        self.add(workflow, name=name, was_recovered=True)

    def show_in_folder(self) -> None:
        """Open the folder of the shown document in the system's file browser."""
        from app.ui.panels.results import show_in_folder

        path = self._path()
        if path is not None:
            show_in_folder(str(path))

    def close_current(self) -> None:
        """Close the shown tab, asking if something would be lost."""
        item = self._window.documents.current
        if item is not None:
            self.close(item)

    def close(self, item: OpenDocument) -> None:
        """Close a tab, asking if something would be lost (U-389)."""
        if not item.needs_saving:
            self._window.documents.remove(item)
            return
        self._window.documents.show(item)
        title = item.document.title
        card = self._window.ask(
            tr("Save changes to “{name}”?").format(name=title),
            tr("They are lost if you close without saving."),
            [("save", tr("Save")), ("discard", tr("Do not save"))],
        )
        card.answered.connect(lambda answer: self._finish_close(item, answer))

    def close_all(self, items: Iterable[OpenDocument], after: Callable[[], None]) -> None:
        """Close many tabs: one question for all that are unsaved, then ``after``."""
        unsaved = [item for item in items if item.needs_saving]
        if not unsaved:
            after()
            return
        names = "\n".join(f"•  {item.document.title}" for item in unsaved[:8])
        if len(unsaved) > 8:
            names += "\n" + tr("and {count} more").format(count=len(unsaved) - 8)
        one = len(unsaved) == 1
        card = self._window.ask(
            tr("Save changes before closing?") if one else tr("Save changes to these workflows?"),
            names,
            [("save", tr("Save") if one else tr("Save all")), ("discard", tr("Do not save"))],
        )

        async def finish(answer: str) -> None:
            if answer == "save":
                for item in unsaved:
                    if not await self.save(item):
                        return
            if answer in ("save", "discard"):
                after()

        card.answered.connect(lambda answer: self._window.background.run(finish(answer)))

    def ask_comfy_folder(self) -> None:
        """Ask for a ComfyUI folder and use its models and node packs."""
        dialog = QFileDialog(self._window, tr("Open a ComfyUI folder"), str(Path.home()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(
            lambda path: self._window.background.run(self.use_comfy_folder(Path(path)))
        )
        self._open_dialog(dialog)

    async def use_comfy_folder(self, folder: Path) -> None:
        """Add the models and node packs of a ComfyUI install to the settings."""
        found = await asyncio.to_thread(
            lambda: [name for name in ("models", "custom_nodes") if (folder / name).is_dir()]
        )
        if not found:
            words = tr("“{name}” holds neither models nor custom_nodes").format(name=folder.name)
            self._window.toast(words, is_problem=True)
            return
        settings = self._window.settings
        for name, row in (("models", "folders.models"), ("custom_nodes", "packs.folders")):
            path = str(folder / name)
            folders = settings.get(row)
            if name in found and path not in folders:
                settings.set(row, [*folders, path])
        self._window.toast(tr("ComfyUI folder added"), tr("Used from the next start on"))

    def _finish_close(self, item: OpenDocument, answer: str) -> None:
        if answer == "discard":
            self._window.documents.remove(item)
        elif answer == "save":
            self._window.background.run(self._save_and_close(item))

    async def _save_and_close(self, item: OpenDocument) -> None:
        if await self.save(item):
            self._window.documents.remove(item)

    def _ask_save(self, item: OpenDocument, caption: str, name: str) -> Awaitable[Path | None]:
        """Ask where to save, without blocking; the result is None when it is refused."""
        future: asyncio.Future[Path | None] = asyncio.get_running_loop().create_future()
        folder = item.folder or self._folder()
        dialog = QFileDialog(self._window, caption, str(folder / name))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.setNameFilters([f"{tr('Workflow')} (*.json)"])

        def finish(path: str | None) -> None:
            if not future.done():
                future.set_result(Path(path) if path else None)

        dialog.fileSelected.connect(finish)
        dialog.rejected.connect(lambda: finish(None))
        self._open_dialog(dialog)
        return future

    def _open_dialog(self, dialog: QFileDialog) -> None:
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _folder(self) -> Path:
        path = self._path()
        if path is not None:
            return path.parent
        return self._last_folder or self._window.home / "user" / "workflows"

    def _path(self) -> Path | None:
        item = self._window.documents.current
        return item.document.path if item is not None else None

    def _can_save(self) -> bool:
        item = self._window.documents.current
        return item is not None and (item.needs_saving or item.document.path is None)
