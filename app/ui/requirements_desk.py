"""Says when a document is first shown which node types and models this install lacks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject

from app.ui.documents import OpenDocument
from app.ui.panels.files import model_folders
from app.ui.words import count_words, size_words, tr

if TYPE_CHECKING:
    from app.engine.model_folders import ModelFolders
    from app.engine.node_types.definition import NodeDefinition
    from app.engine.workflow.requirements import MissingModel, MissingPack, NodePlace
    from app.ui.dialogs.missing_card import MissingCard, ModelRow, PackRow, Place
    from app.ui.main_window import MainWindow

SETTING = "packs.tell_missing"


@dataclass(frozen=True, slots=True)
class Missing:
    """What a document needs and this install lacks.

    Attributes:
        packs: Missing node types by pack.
        models: Missing models.
        files: Files that are there, by kind of model folder.
        folders: Where files of a kind belong on this machine.
    """

    packs: tuple[MissingPack, ...] = ()
    models: tuple[MissingModel, ...] = ()
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.packs or self.models)

    @property
    def type_count(self) -> int:
        """Number of missing node types."""
        return sum(len(pack.types) for pack in self.packs)


class RequirementsDesk(QObject):
    """Checks documents off the GUI thread; opening never waits for it.

    A document is checked when it is first shown, wherever it came from: a file, the session of
    last time, the clipboard, a template.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._waiting: list[OpenDocument] = []
        self._checked: set[OpenDocument] = set()
        self._knows_all = False
        window.run_port.definitions_changed.connect(self._on_definitions)
        window.documents.current_changed.connect(self._on_shown)
        window.documents.removed.connect(self._checked.discard)

    def check(self, item: OpenDocument) -> None:
        """Look at a document and tell in a toast what is missing.

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

    def show(self, item: OpenDocument, missing: Missing) -> MissingCard:
        """Show what is missing in a card, where models can be replaced by files that are there."""
        from app.ui.dialogs.missing_card import MissingCard

        window = self._window
        card = MissingCard(window, window.look, item.document.title)
        card.model_chosen.connect(lambda model, name: self.use_model(item, card, model, name))
        card.place_chosen.connect(lambda place: self._go_to(item, place))
        card.look_requested.connect(lambda: self.look_again(item, card))
        self._fill(card, item, missing)
        card.open()
        return card

    def use_model(
        self, item: OpenDocument, card: MissingCard, model: MissingModel, name: str
    ) -> None:
        """Let all nodes that name a missing model use another file, in one undo step."""
        from app.engine.workflow import requirements

        document = item.document
        if item not in self._window.documents.items:
            return
        patch = requirements.use_model(document.workflow, document.definitions, model, name)
        if not patch:
            title = tr("No node can use “{name}”").format(name=name)
            why = tr("The nodes that name the model are not installed.")
            self._window.toast(title, why, is_problem=True)
            return
        document.apply(patch, tr("Use another model"))
        self._window.background.run(self._refill(item, card))

    def look_again(self, item: OpenDocument, card: MissingCard) -> None:
        """Read the folders anew, after the artist has put a file there."""
        # The lists in the nodes learn of it too.
        self._window.run_port.refresh_definitions()
        self._window.background.run(self._refill(item, card, is_asked=True))

    def _on_shown(self, item: OpenDocument | None) -> None:
        if item is None or item in self._checked:
            return
        self._checked.add(item)
        if item.document.workflow.root.nodes and self._window.settings.get(SETTING):
            self.check(item)

    def _on_definitions(self, _: object) -> None:
        self._knows_all = True
        waiting, self._waiting = self._waiting, []
        for item in waiting:
            if item is self._window.documents.current:
                self.check(item)
            else:
                # Told when it is shown again: many tabs come back at once at the start.
                self._checked.discard(item)

    async def _tell(self, item: OpenDocument) -> None:
        missing = await self._find(item)
        if item is not self._window.documents.current:
            self._checked.discard(item)
            return
        if not missing:
            return
        title = item.document.title
        self._window.toast(
            tr("“{name}” needs what is not installed").format(name=title),
            missing_words(missing),
            is_problem=True,
            actions=[(tr("Show"), lambda: self._show_if_open(item, missing))],
        )

    def _show_if_open(self, item: OpenDocument, missing: Missing) -> None:
        if item in self._window.documents.items:
            self._window.documents.show(item)
            self.show(item, missing)

    async def _show_now(self, item: OpenDocument) -> None:
        missing = await self._find(item)
        if item not in self._window.documents.items:
            return
        if missing:
            self.show(item, missing)
        else:
            self._window.toast(tr("No node type and no model is missing"), is_done=True)

    async def _refill(
        self, item: OpenDocument, card: MissingCard, *, is_asked: bool = False
    ) -> None:
        missing = await self._find(item)
        if not shiboken6.isValid(card) or not card.isVisible():
            return
        before = card.text
        self._fill(card, item, missing)
        if is_asked and card.text == before:
            self._window.toast(tr("Nothing new was found"), missing_words(missing))

    def _fill(self, card: MissingCard, item: OpenDocument, missing: Missing) -> None:
        packs = [pack_row(item, pack) for pack in missing.packs]
        models = [model_row(item, model, missing) for model in missing.models]
        card.show_rows(packs, models, "\n".join(missing_lines(missing)))

    def _go_to(self, item: OpenDocument, place: Place) -> None:
        if item in self._window.documents.items:
            self._window.canvas_wiring.go_to(item, place.graph_id, place.key)

    async def _find(self, item: OpenDocument) -> Missing:
        from app.engine.workflow.writer import snapshot

        content = snapshot(item.document.workflow)
        home, folders = self._window.home, model_folders(self._window)[1:]
        return await asyncio.to_thread(
            find_missing, content, item.document.definitions, home, folders
        )


def pack_row(item: OpenDocument, pack: MissingPack) -> PackRow:
    """Return a missing pack as the card shows it."""
    from app.ui.dialogs.missing_card import PackRow

    name = f"{pack.name or tr('Unknown pack')}  {pack.version}".rstrip()
    places = [place for kind in pack.types for place in kind.nodes]
    return PackRow(name, tuple(type_words(pack)), node_places(item, places))


def model_row(item: OpenDocument, model: MissingModel, missing: Missing) -> ModelRow:
    """Return a missing model as the card shows it, with the nearest names first."""
    from app.ui.dialogs.missing_card import ModelRow

    near = dict.fromkeys(model.similar)
    rest = sorted(missing.files.get(model.folder, ()), key=str.casefold)
    return ModelRow(
        model,
        model.name,
        model.folder,
        missing.folders.get(model.folder, ""),
        model.url,
        hash_words(model),
        model.size_bytes,
        node_places(item, model.nodes),
        (*near, *(name for name in rest if name not in near)),
        len(near),
    )


def node_places(item: OpenDocument, places: Iterable[NodePlace]) -> tuple[Place, ...]:
    """Return nodes with their titles."""
    from app.ui.dialogs.missing_card import Place

    document = item.document
    found = []
    for place in places:
        node = document.workflow.graph(place.graph_id).nodes.get(place.key)
        if node is not None:
            definition = document.definitions.get(node.type)
            title = str(node.raw.get("title") or "") or (
                definition.display_name if definition is not None else node.type
            )
            found.append(Place(title or node.type, place.graph_id, place.key))
    return tuple(found)


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
    lacking = requirements.missing_models(workflow, list_files, definitions)
    kinds = dict.fromkeys(model.folder for model in lacking)
    return Missing(
        requirements.missing_packs(types),
        lacking,
        {kind: tuple(list_files(kind)) for kind in kinds},
        {kind: path for kind in kinds if (path := _folder_of(models, kind))},
    )


def _folder_of(models: ModelFolders, kind: str) -> str:
    """Return the first folder of a kind that is there, or the one that would be made."""
    try:
        paths = models.get_folder_paths(kind)
    except KeyError:
        return ""
    return next((path for path in paths if Path(path).is_dir()), paths[0] if paths else "")


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
        lines += [f"    {words}" for words in type_words(pack)]
    for model in missing.models:
        if lines:
            lines.append("")
        lines.append(f"{model.folder}/{model.name}" if model.folder else model.name)
        if model.size_bytes:
            lines.append(f"    {size_words(model.size_bytes)}")
        if model.url:
            lines.append(f"    {model.url}")
        if model.hash:
            lines.append(f"    {hash_words(model)}")
        if model.similar:
            lines.append(f"    {tr('similar files')}: {', '.join(model.similar)}")
    return lines


def type_words(pack: MissingPack) -> list[str]:
    """Return the missing types of a pack with their numbers of nodes."""
    counts = ((kind.type, len(kind.nodes)) for kind in pack.types)
    return [f"{name}  × {count}" if count > 1 else name for name, count in counts]


def hash_words(model: MissingModel) -> str:
    """Return the check sum of a model with its kind, or nothing."""
    return f"{model.hash_type or tr('hash')}: {model.hash}" if model.hash else ""
