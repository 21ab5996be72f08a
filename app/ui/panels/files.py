"""Panels of files: workflows of the home folder, models by kind, templates."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QApplication, QMenu

from app.ui.panels.results import show_in_folder
from app.ui.panels.row_list import Row, RowKind, count_leaves, tree_rows
from app.ui.panels.side_panel import SidePanel
from app.ui.templates import Template, read_templates
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

MODEL_SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft")
MOST_FILES = 20_000
"""A folder tree with more files than this is shown in part: it is hardly meant."""


def find_files(root: Path, suffixes: Iterable[str]) -> list[Path]:
    """Return the files below ``root`` with one of these endings, as relative paths. May block."""
    endings = tuple(suffixes)
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names, key=str.casefold):
            if name.lower().endswith(endings) and not name.startswith("."):
                found.append(Path(folder, name).relative_to(root))
        if len(found) >= MOST_FILES:
            break
    return found


def build_tree(paths: Iterable[Path], query: str) -> dict[str, Any]:
    """Put relative paths into nested folders; only those that hold ``query`` stay."""
    root: dict[str, Any] = {}
    for path in paths:
        if query and query not in path.as_posix().casefold():
            continue
        place = root
        for part in path.parts[:-1]:
            place = place.setdefault(part, {})
        place.setdefault("", []).append(path)
    return root


def all_folders(tree: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the keys of all folders of a tree."""
    keys = set()
    for name, branch in tree.items():
        if name:
            key = f"{prefix}/{name}" if prefix else name
            keys |= {key} | all_folders(branch, key)
    return keys


class WorkflowsPanel(SidePanel):
    """Recent files, and everything in ``<home>/user/workflows`` (U-395)."""

    def __init__(self, window: MainWindow) -> None:
        self._folder = window.home / "user" / "workflows"
        self._paths: list[Path] = []
        super().__init__(window, tr("Workflows"), tr("Search workflows"))
        window.recent.changed.connect(self.rebuild)
        self.reload()

    def reload(self) -> None:
        """Read the folder again."""
        self.window_.background.run(self._read())

    async def _read(self) -> None:
        self._paths = await asyncio.to_thread(find_files, self._folder, (".json", ".png", ".webp"))
        self.rebuild()

    def rebuild(self) -> None:
        """Show recent files, then the folder."""
        query = self.query()
        recent = [item for item in self.window_.recent.files[:12] if query in item.title.casefold()]
        rows: list[Row] = []
        if recent:
            rows.append(Row("", tr("Recent"), RowKind.HEADING))
            rows += [
                Row(item.path, item.title, icon="file", tip=item.path, count=str(item.nodes))
                for item in recent
            ]
        tree = build_tree(self._paths, query)
        open_keys = all_folders(tree) if query else self.open_folders
        rows.append(Row("", tr("My workflows"), RowKind.HEADING, count=str(count_leaves(tree))))
        if not tree:
            words = tr("No file has this name") if query else tr("Save a workflow to see it here")
            rows.append(Row("", words, RowKind.HINT))
        rows += tree_rows(tree, open_keys, self._row)
        self.list.set_rows(rows)

    def activate(self, row: Row) -> None:
        """Open a workflow."""
        self.window_.open_paths([row.key])

    def fill_menu(self, menu: QMenu, row: Row) -> None:
        """Offer what can be done with a file."""
        if row.kind is not RowKind.ITEM:
            return
        menu.addAction(tr("Open"), lambda: self.activate(row))
        menu.addAction(tr("Show in folder"), lambda: show_in_folder(row.key))
        menu.addAction(tr("Copy path"), lambda: QApplication.clipboard().setText(row.key))

    def _row(self, path: Path, depth: int) -> Row:
        full = self._folder / path
        return Row(str(full), path.stem, depth=depth, icon="file", tip=str(full))


class ModelsPanel(SidePanel):
    """Model files by kind (U-426)."""

    def __init__(self, window: MainWindow) -> None:
        self._paths: list[Path] = []
        self._full: dict[Path, Path] = {}
        super().__init__(window, tr("Models"), tr("Search models"))
        self.reload()

    def reload(self) -> None:
        """Read the model folders again."""
        self.window_.background.run(self._read())

    async def _read(self) -> None:
        folders = model_folders(self.window_)
        full: dict[Path, Path] = {}
        for folder in folders:
            for path in await asyncio.to_thread(find_files, folder, MODEL_SUFFIXES):
                full.setdefault(path, folder / path)
        self._full = full
        self._paths = list(full)
        self.rebuild()

    def rebuild(self) -> None:
        """Show the models in their folders."""
        query = self.query()
        tree = build_tree(self._paths, query)
        open_keys = all_folders(tree) if query else self.open_folders
        count = count_leaves(tree)
        rows = [Row("", tr("All models"), RowKind.HEADING, count=str(count) if count else "")]
        if not count:
            words = (
                tr("No model has this name") if query else tr("Put models into the folder below")
            )
            rows.append(Row("", words, RowKind.HINT))
            if not query:
                folder = self.window_.home / "models"
                rows.append(Row(str(folder), str(folder), icon="folder-open", tip=tr("Open")))
        rows += tree_rows(tree, open_keys, self._row)
        self.list.set_rows(rows)

    def activate(self, row: Row) -> None:
        """Show a model in its folder."""
        show_in_folder(row.key if Path(row.key).suffix else f"{row.key}/x")

    def fill_menu(self, menu: QMenu, row: Row) -> None:
        """Offer what can be done with a model."""
        if row.kind is RowKind.ITEM:
            menu.addAction(tr("Show in folder"), lambda: self.activate(row))
            menu.addAction(tr("Copy name"), lambda: QApplication.clipboard().setText(row.data))

    def _row(self, path: Path, depth: int) -> Row:
        full = self._full[path]
        # Names as people say them: without the ending, the full path in the tooltip.
        return Row(str(full), path.stem, depth=depth, icon="box", tip=str(full), data=path.name)


def model_folders(window: MainWindow) -> list[Path]:
    """Return all folders that hold model folders."""
    return [window.home / "models", *map(Path, window.settings.get("folders.models"))]


class TemplatesPanel(SidePanel):
    """The workflows that come with the program."""

    def __init__(self, window: MainWindow) -> None:
        self._templates: list[Template] = []
        super().__init__(window, tr("Templates"), tr("Search templates"))
        self.reload()

    def reload(self) -> None:
        """Read the index again."""
        self.window_.background.run(self._read())

    async def _read(self) -> None:
        self._templates = await asyncio.to_thread(read_templates, model_folders(self.window_))
        self.rebuild()

    def rebuild(self) -> None:
        """Show the templates by category."""
        query = self.query()
        shown = [item for item in self._templates if query in item.words]
        rows: list[Row] = []
        for category in dict.fromkeys(item.category for item in shown):
            rows.append(Row("", category or tr("Begin with"), RowKind.HEADING))
            rows += [self._row(item) for item in shown if item.category == category]
        if not shown:
            rows.append(Row("", tr("No template has this name"), RowKind.HINT))
        self.list.set_rows(rows)

    def activate(self, row: Row) -> None:
        """Open a template in a new tab."""
        from app.ui.start_page import open_template

        self.window_.background.run(open_template(self.window_, row.data))

    def _row(self, item: Template) -> Row:
        icon = "layout-template" if item.runs_here else "download"
        tip = f"{item.description}\n{item.note}".strip()
        return Row(item.id, item.title, icon=icon, tip=tip, data=item)
