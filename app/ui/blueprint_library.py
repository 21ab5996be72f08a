"""Blueprints in the window: published from a subgraph, offered among the nodes, inserted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shiboken6
from PySide6.QtCore import QObject, QPointF, Signal

from app.engine.errors import EaselError
from app.engine.node_types.definition import NodeDefinition
from app.ui.canvas.selection import Selection
from app.ui.document import WorkflowDocument
from app.ui.documents import OpenDocument
from app.ui.words import tr

if TYPE_CHECKING:
    from app.engine.workflow.blueprints import Blueprint
    from app.ui.canvas.interactions.reroute_links import LooseLink
    from app.ui.canvas.view import CanvasView
    from app.ui.main_window import MainWindow

PREFIX = "blueprint:"
"""What a blueprint's name among the node types begins with; its path follows."""


class BlueprintLibrary(QObject):
    """The blueprints of the home folder.

    Args:
        window: The window it works for.

    Signals:
        changed: Blueprints came or went.
    """

    changed = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._definitions: dict[str, NodeDefinition] = {}
        window.documents.added.connect(self._follow)

    def _follow(self, item: OpenDocument) -> None:
        """Notice when a blueprint that is open as a document has been saved (U-212)."""
        document = item.document

        def look(*_: object) -> None:
            path = document.path
            if path is not None and path.parent == self.folder and not document.is_modified:
                self.refresh()

        document.modified_changed.connect(look)
        document.path_changed.connect(look)

    @property
    def folder(self) -> Path:
        """Where they are kept."""
        return self._window.home / "user" / "blueprints"

    @property
    def definitions(self) -> Mapping[str, NodeDefinition]:
        """What the search and the library show of each, as if it were a node type."""
        return self._definitions

    def refresh(self) -> None:
        """Read the folder anew, off the GUI thread."""
        self._window.background.run(self._read())

    def ask_publish(self, document: WorkflowDocument, key: str) -> None:
        """Ask for a name and publish a host of the shown graph (U-210)."""
        from app.engine.workflow.subgraphs import subgraph_name
        from app.ui.dialogs.question import TextQuestion

        graph = document.workflow.subgraphs.get(document.node(key).subgraph or "")
        if graph is None:
            return
        card = TextQuestion(
            self._window, self._window.look, tr("Publish as blueprint"), subgraph_name(graph),
            tr("Publish"),
        )  # fmt: skip

        def take(name: str) -> None:
            if name and key in document.bound.nodes:
                self._window.background.run(self._publish(document, key, name))

        card.answered.connect(take)
        card.open()

    def insert(
        self, view: CanvasView, name: str, place: QPointF | None, loose: LooseLink | None = None
    ) -> None:
        """Add a blueprint to the shown graph, independent of its file (U-211).

        Its file is read in a thread; the node comes when that is done.

        Args:
            view: The canvas.
            name: Its name among the node types.
            place: Where its body begins; None for the middle of the view.
            loose: A loose link that its first fitting socket takes.
        """
        pos = view.navigator.visible.center() if place is None else place
        # The level is noted now: the task begins later.
        graph_id = view.document.graph_id
        self._window.background.run(self._insert(view, graph_id, name, pos, loose))

    async def _insert(
        self, view: CanvasView, graph_id: str, name: str, pos: QPointF, loose: LooseLink | None
    ) -> None:
        """Read a blueprint's file in a thread and add it where it was asked for."""
        from app.engine.workflow.blueprints import place_blueprint, take_blueprint

        document = view.document
        path, definitions = Path(name.removeprefix(PREFIX)), document.definitions
        try:
            clip = await asyncio.to_thread(take_blueprint, path, definitions)
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            await self._read()
            return
        if self._window.documents.of(document) is None or not shiboken6.isValid(view):
            return
        if document.graph_id != graph_id:
            self._window.toast(
                tr("“{name}” was not added. Another level is shown now.").format(name=path.stem),
                is_problem=True,
            )
            return
        try:
            patch, key = place_blueprint(
                document.workflow, document.bound, document.definitions, clip, pos.toTuple()
            )
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return
        gesture = f"blueprint {document.undo_stack.index()}"
        document.apply(patch, tr("Add blueprint"), gesture=gesture)
        if loose is not None:
            self._link(document, key, loose, gesture)
        view.canvas.select(Selection.of([key]))

    def open(self, name: str) -> None:
        """Open a blueprint as a document of its own; saving it changes the blueprint (U-212)."""
        self._window.open_paths([name.removeprefix(PREFIX)])

    def ask_delete(self, name: str) -> None:
        """Delete a blueprint after a question (U-212)."""
        path = Path(name.removeprefix(PREFIX))
        card = self._window.ask(
            tr("Delete “{name}” from the library?").format(name=path.stem),
            tr("Workflows in which it is used keep it. This cannot be undone."),
            [("delete", tr("Delete"))],
            danger="delete",
        )

        def take(answer: str) -> None:
            if answer == "delete":
                self._window.background.run(self._delete(path))

        card.answered.connect(take)

    async def _delete(self, path: Path) -> None:
        from app.engine.workflow.blueprints import delete_blueprint

        try:
            await asyncio.to_thread(delete_blueprint, self.folder, path)
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
        await self._read()

    def _link(self, document: WorkflowDocument, key: str, loose: LooseLink, gesture: str) -> None:
        from app.ui.canvas.interactions.reroute_links import join_node

        patch = join_node(document.workflow, document.bound, loose, key)
        document.apply(patch, tr("Add blueprint"), gesture=gesture)

    async def _read(self) -> None:
        from app.engine.workflow.blueprints import list_blueprints

        found = await asyncio.to_thread(list_blueprints, self.folder)
        made = {PREFIX + str(item.path): _definition(item) for item in found if not item.problem}
        if made != self._definitions:
            self._definitions = made
            self.changed.emit()

    async def _publish(
        self, document: WorkflowDocument, key: str, name: str, *, overwrite: bool = False
    ) -> None:
        from app.engine.workflow.writer import snapshot

        taken = snapshot(document.workflow)
        try:
            reason = await asyncio.to_thread(
                _write, taken, document.graph_id, document.definitions, key, self.folder, name,
                overwrite,
            )  # fmt: skip
        except EaselError as error:
            self._window.toast(str(error), error.details, is_problem=True)
            return
        if not reason:
            self._window.toast(tr("“{name}” is in the library").format(name=name), is_done=True)
            await self._read()
            return
        card = self._window.ask(tr("Replace this blueprint?"), reason, [("replace", tr("Replace"))])

        def take(answer: str) -> None:
            if answer == "replace" and key in document.bound.nodes:
                self._window.background.run(self._publish(document, key, name, overwrite=True))

        card.answered.connect(take)


def _write(
    taken: Any,
    graph_id: str,
    definitions: Mapping[str, NodeDefinition],
    key: str,
    folder: Path,
    name: str,
    overwrite: bool,
) -> str:
    """Publish from a snapshot, so that the document may change meanwhile; runs off the GUI thread.

    Returns:
        The question to put to the artist when a blueprint of that name is there; else empty.
    """
    from app.engine.workflow.bind import bind_graph
    from app.engine.workflow.blueprints import publish
    from app.engine.workflow.reader import read_workflow
    from app.engine.workflow.writer import serialize

    workflow = read_workflow(serialize(taken))
    bound = bind_graph(workflow, workflow.graph(graph_id), definitions)
    return publish(workflow, bound, key, folder, name=name, overwrite=overwrite).reason


def _definition(blueprint: Blueprint) -> NodeDefinition:
    return NodeDefinition.from_object_info(
        PREFIX + str(blueprint.path),
        {
            "display_name": blueprint.name,
            "category": "/".join(part for part in (tr("Blueprints"), blueprint.category) if part),
            "description": blueprint.description,
            "search_aliases": list(blueprint.aliases),
            "input": {"required": _inputs(blueprint.inputs)},
            "python_module": "custom_nodes.Blueprints",
            "output": [kind for _, kind in blueprint.outputs],
            "output_name": [label for label, _ in blueprint.outputs],
        },
    )


def _inputs(slots: Sequence[tuple[str, str]]) -> dict[str, Any]:
    # Two inputs may have one label; zero-width marks keep the names of the preview apart.
    made: dict[str, Any] = {}
    for label, kind in slots:
        while label in made:
            label += "\u200b"
        made[label] = [[]] if kind == "COMBO" else [kind]
    return made
