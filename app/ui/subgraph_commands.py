"""Commands that make, change and take apart subgraphs (editor: section 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.engine.errors import SubgraphError
from app.engine.workflow.binding import BoundNode
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.edits.group_conversion import convert_group_nodes
from app.engine.workflow.edits.packing import create_subgraph
from app.engine.workflow.edits.unpacking import unpack_subgraph
from app.engine.workflow.group_nodes import is_group_type
from app.engine.workflow.model import ROOT, as_list
from app.engine.workflow.subgraphs import subgraph_name
from app.ui.canvas.selection import Selection
from app.ui.commands import Command, CommandScope
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.main_window import MainWindow


class SubgraphCommands:
    """Commands on the selected subgraph; names and descriptions also on the one that is shown.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        canvas, host, any_one = CommandScope.CANVAS, self._has_host, self._has_subgraph
        return [
            Command("graph.convert_to_subgraph", tr("Convert to subgraph"), self.convert,
                    "Graph/5", canvas, self._has_nodes, words="pack group nest"),
            Command("graph.unpack_subgraph", tr("Unpack subgraph"), self.unpack, "Graph/5",
                    canvas, self._has_packed, words="expand ungroup"),
            Command("graph.unique_subgraph", tr("Make unique"), self.make_unique, "Graph/5",
                    canvas, host, words="subgraph independent copy"),
            Command("graph.rename_subgraph", tr("Rename subgraph…"), self.rename, "Graph/5",
                    canvas, any_one, words="name"),
            Command("graph.describe_subgraph", tr("Edit description…"), self.describe, "Graph/5",
                    canvas, any_one, words="subgraph search words aliases"),
            Command("graph.edit_widgets", tr("Edit subgraph widgets…"), self.edit_widgets,
                    "Graph/5", enabled=self._has_widgets, icon="sliders-horizontal",
                    words="promote demote show hide parameters reorder"),
            Command("graph.publish_blueprint", tr("Publish as blueprint…"), self.publish,
                    "Graph/5", canvas, host, words="subgraph library save"),
            Command("graph.convert_group_nodes", tr("Convert group nodes to subgraphs"),
                    self.convert_group_nodes, "Graph/5", canvas, self._has_group_nodes,
                    words="legacy"),
            Command("graph.leave_subgraph", tr("Leave subgraph"),
                    lambda: self._window.canvas_wiring.leave_subgraph(), "Graph/5",
                    enabled=self._is_inside, words="exit up back"),
        ]  # fmt: skip

    def convert(self) -> None:
        """Pack the selected nodes into a new subgraph (U-190)."""
        view = self._view()
        document, chosen = view.document, view.canvas.selection

        def edit() -> None:
            patch, key = create_subgraph(
                document.workflow, document.bound, list(chosen.nodes), list(chosen.groups),
                name=tr("New Subgraph"),
            )  # fmt: skip
            document.apply(patch, tr("Convert to subgraph"))
            view.canvas.select(Selection.of([key]))

        self._try(edit)

    def unpack(self) -> None:
        """Put what is inside the selected subgraphs back in their place (U-194)."""
        view = self._view()
        document = view.document
        keys = [node.key for node in self._selected() if self._is_packed(node)]
        gesture = f"unpack {document.undo_stack.index()}"
        nodes: list[str] = []
        groups: list[str] = []

        def edit() -> None:
            for key in keys:
                patch, new_nodes, new_groups = unpack_subgraph(
                    document.workflow, document.bound, key
                )
                document.apply(patch, tr("Unpack subgraph"), gesture=gesture)
                nodes.extend(new_nodes)
                groups.extend(new_groups)

        self._try(edit)
        view.canvas.select(Selection.of(nodes, groups))

    def make_unique(self) -> None:
        """Give the selected subgraph a definition of its own (U-198)."""
        view, node = self._view(), self._host()
        if node is None:
            return
        document = view.document

        def edit() -> None:
            patch, _ = subgraphs.make_unique(document.workflow, document.bound, node.key)
            document.apply(patch, tr("Make unique"))

        self._try(edit)

    def rename(self, subgraph: str = "") -> None:
        """Ask for another name of a subgraph; the selected or the shown one unless it is given."""
        from app.ui.dialogs.question import TextQuestion

        document = self._view().document
        own = subgraph or self._subgraph()
        graph = document.workflow.subgraphs.get(own)
        if graph is None:
            return

        def take(name: str) -> None:
            if name and own in document.workflow.subgraphs:
                patch = subgraphs.rename_subgraph(document.workflow, own, name)
                document.apply(patch, tr("Rename subgraph"))

        card = TextQuestion(
            self._window, self._window.look, tr("Rename subgraph"), subgraph_name(graph),
            tr("Rename"),
        )  # fmt: skip
        card.answered.connect(take)
        card.open()

    def describe(self, subgraph: str = "") -> None:
        """Ask for the description and the search words of a subgraph (U-202)."""
        from app.ui.dialogs.subgraph_card import DescriptionCard

        document = self._view().document
        own = subgraph or self._subgraph()
        graph = document.workflow.subgraphs.get(own)
        if graph is None:
            return
        text = graph.raw.get("description") or graph.extra.get("BlueprintDescription") or ""
        words = [str(word) for word in as_list(graph.extra.get("BlueprintSearchAliases"))]

        def take(description: str, aliases: list[str]) -> None:
            if own in document.workflow.subgraphs:
                patch = subgraphs.describe_subgraph(
                    document.workflow, own, description=description, aliases=aliases
                )
                document.apply(patch, tr("Edit description"))

        card = DescriptionCard(
            self._window, self._window.look, subgraph_name(graph), str(text), words
        )
        card.accepted.connect(take)
        card.open()

    def edit_widgets(self) -> None:
        """Open the list of the widgets that the subgraph's nodes show (U-196)."""
        self._window.wiring.subgraphs.open_panel()

    def publish(self) -> None:
        """Ask for a name and put the selected subgraph into the library (U-210)."""
        node = self._host()
        if node is not None:
            self._window.wiring.blueprints.ask_publish(self._view().document, node.key)

    def convert_group_nodes(self) -> None:
        """Turn the legacy group nodes of the document into subgraphs."""
        document = self._view().document

        def edit() -> None:
            patch = convert_group_nodes(document.workflow, document.bound)
            document.apply(patch, tr("Convert group nodes"))

        self._try(edit)

    def _try(self, edit: Callable[[], None]) -> None:
        """Make an edit; what stands against it is said in a toast."""
        try:
            edit()
        except SubgraphError as error:
            self._window.toast(str(error), error.details, is_problem=True)

    def _view(self) -> CanvasView:
        view = self._window.view
        if view is None:
            raise RuntimeError("No canvas is shown.")
        return view

    def _selected(self) -> list[BoundNode]:
        view = self._window.view
        if view is None or view.is_hand_mode:
            return []
        nodes = view.document.bound.nodes
        return [nodes[key] for key in view.actions.selected if key in nodes]

    def _host(self) -> BoundNode | None:
        """Return the selected subgraph, if just one node is selected and is one."""
        nodes = self._selected()
        if len(nodes) != 1 or self._window.view is None:
            return None
        known = self._window.view.document.workflow.subgraphs
        return nodes[0] if nodes[0].subgraph in known else None

    def _subgraph(self) -> str:
        """Return the definition of the selected subgraph, else the one that is shown."""
        host, document = self._host(), self._window.document
        if host is not None and host.subgraph is not None:
            return host.subgraph
        return ROOT if document is None else document.graph_id

    def _has_nodes(self) -> bool:
        return any(not node.boundary for node in self._selected())

    def _has_host(self) -> bool:
        return self._host() is not None

    def _has_packed(self) -> bool:
        return any(self._is_packed(node) for node in self._selected())

    def _is_packed(self, node: BoundNode) -> bool:
        document = self._window.document
        known = document is not None and node.node.type in document.workflow.subgraphs
        return known or is_group_type(node.node.type)

    def _has_subgraph(self) -> bool:
        view = self._window.view
        return view is not None and not view.is_hand_mode and bool(self._subgraph())

    def _has_widgets(self) -> bool:
        return bool(self._window.view is not None and self._subgraph())

    def _has_group_nodes(self) -> bool:
        view = self._window.view
        return (
            view is not None
            and not view.is_hand_mode
            and any(
                is_group_type(node.type)
                for graph in view.document.workflow.graphs()
                for node in graph.nodes.values()
            )
        )

    def _is_inside(self) -> bool:
        document = self._window.document
        return document is not None and bool(document.graph_id)
