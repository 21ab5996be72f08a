"""Says after opening a file which node types and models it needs and this install lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.ui.documents import OpenDocument
from app.ui.panels.files import model_folders
from app.ui.words import count_words, tr

if TYPE_CHECKING:
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.requirements import MissingModel, MissingPack
    from app.ui.main_window import MainWindow


@dataclass(frozen=True, slots=True)
class Missing:
    """What a document needs and this install lacks."""

    packs: tuple[MissingPack, ...] = ()
    models: tuple[MissingModel, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.packs or self.models)

    @property
    def type_count(self) -> int:
        """Number of missing node types."""
        return sum(len(pack.types) for pack in self.packs)


class RequirementsDesk(QObject):
    """Checks documents off the GUI thread; opening never waits for it.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._waiting: list[OpenDocument] = []
        self._knows_all = False
        window.run_port.definitions_changed.connect(self._on_definitions)

    def check(self, item: OpenDocument) -> None:
        """Look at a document that was opened and tell in a toast what is missing.

        Before all packs have loaded, types that are there could seem to be missing, so the check
        waits for them.
        """
        if self._knows_all:
            self._window.background.run(self._tell(item))
        else:
            self._waiting.append(item)

    def show_current(self) -> None:
        """Show what the shown document lacks, or say that nothing is missing."""
        item = self._window.documents.current
        if item is not None:
            self._window.background.run(self._show_now(item))

    def show(self, title: str, missing: Missing) -> None:
        """Show what is missing in a card."""
        from app.ui.dialogs.text_card import TextCard

        TextCard(
            self._window,
            self._window.look,
            tr("Missing from “{name}”").format(name=title),
            tr("The workflow opens and can be edited; it runs once these are there."),
            "\n".join(missing_lines(missing)),
        ).open()

    def _on_definitions(self, _: object) -> None:
        self._knows_all = True
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            if item in self._window.documents.items:
                self.check(item)

    async def _tell(self, item: OpenDocument) -> None:
        missing = await self._find(item)
        if not missing or item not in self._window.documents.items:
            return
        title = item.document.title
        self._window.toast(
            tr("“{name}” needs what is not installed").format(name=title),
            missing_words(missing),
            is_problem=True,
            actions=[(tr("Show"), lambda: self.show(title, missing))],
        )

    async def _show_now(self, item: OpenDocument) -> None:
        missing = await self._find(item)
        if missing:
            self.show(item.document.title, missing)
        else:
            self._window.toast(tr("No node type and no model is missing"), is_done=True)

    async def _find(self, item: OpenDocument) -> Missing:
        from app.engine.workflow.writer import snapshot

        content = snapshot(item.document.workflow)
        home, folders = self._window.home, model_folders(self._window)[1:]
        return await asyncio.to_thread(
            find_missing, content, item.document.definitions, home, folders
        )


def find_missing(
    content: Any, definitions: Mapping[str, NodeDefinition], home: Path, folders: Sequence[Path]
) -> Missing:
    """Return what a document lacks; reads the model folders, so it may block.

    Args:
        content: A snapshot of the document.
        definitions: All node definitions.
        home: Home folder.
        folders: More folders that hold model folders.
    """
    from app.engine.model_folders import ModelFolders
    from app.engine.workflow import requirements
    from app.engine.workflow.reader import read_workflow
    from app.engine.workflow.writer import serialize

    workflow = read_workflow(serialize(content))
    models = ModelFolders(home)
    for folder in folders:
        models.add_models_folder(folder)

    def list_files(kind: str) -> Iterable[str]:
        try:
            return models.get_filename_list(kind)
        except KeyError:
            return ()

    types = requirements.missing_node_types(workflow, definitions)
    return Missing(
        requirements.missing_packs(types), requirements.missing_models(workflow, list_files)
    )


def missing_words(missing: Missing) -> str:
    """Return how much is missing in a few words."""
    parts = []
    if missing.packs:
        parts.append(count_words(missing.type_count, tr("node type"), tr("node types")))
    if missing.models:
        parts.append(count_words(len(missing.models), tr("model"), tr("models")))
    return tr(" and ").join(parts)


def missing_lines(missing: Missing) -> list[str]:
    """Return what is missing as lines of text: node types by pack, then models."""
    lines: list[str] = []
    for pack in missing.packs:
        name = pack.name or tr("Unknown pack")
        lines.append(f"{name}  {pack.version}".rstrip())
        for item in pack.types:
            count = len(item.nodes)
            times = f"  × {count}" if count > 1 else ""
            lines.append(f"    {item.type}{times}")
    for model in missing.models:
        if lines:
            lines.append("")
        lines.append(f"{model.folder}/{model.name}" if model.folder else model.name)
        if model.url:
            lines.append(f"    {model.url}")
        if model.hash:
            lines.append(f"    {model.hash_type or tr('hash')}: {model.hash}")
        if model.similar:
            lines.append(f"    {tr('similar files')}: {', '.join(model.similar)}")
    return lines
