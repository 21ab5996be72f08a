"""The Graph menu: adding nodes, and what can be done with the selected ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.engine.workflow.binding import BoundNode
from app.ui.commands import Command, CommandScope
from app.ui.subgraph_commands import SubgraphCommands
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.actions import CanvasActions
    from app.ui.main_window import MainWindow

COLORS: tuple[tuple[str, str], ...] = (
    ("red", "Red"), ("brown", "Brown"), ("green", "Green"), ("blue", "Blue"),
    ("pale_blue", "Pale blue"), ("cyan", "Cyan"), ("purple", "Purple"), ("yellow", "Yellow"),
    ("black", "Black"),
)  # fmt: skip
"""The nine named colours of nodes and groups (U-145)."""


class GraphCommands:
    """Commands of the Graph menu.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        canvas, can, nodes = CommandScope.CANVAS, self._can_edit, self._has_nodes
        chosen = self._has_selection
        act = self._actions
        return [
            Command("graph.add_node", tr("Add node…"),
                    lambda: self._window.canvas_wiring.open_search_at_pointer(), "Graph/1",
                    canvas, can, icon="plus", words="search insert"),
            Command("graph.add_note", tr("Add note"),
                    lambda: act().add_special_node("Note"), "Graph/1", canvas, can),
            Command("graph.add_group", tr("Add empty group"), self._add_group, "Graph/1", canvas,
                    can),
            Command("graph.group", tr("Group"), lambda: act().group_selection(), "Graph/2",
                    canvas, chosen, words="frame selection"),
            Command("graph.collapse", tr("Collapse"), lambda: act().collapse(), "Graph/2", canvas,
                    nodes, self._is_collapsed),
            Command("graph.pin", tr("Pin"), lambda: act().pin(), "Graph/2", canvas, chosen,
                    self._is_pinned, words="lock place"),
            Command("graph.mute", tr("Mute"), lambda: act().mute(), "Graph/2", canvas, chosen,
                    lambda: self._all_in_mode(2), words="never disable"),
            Command("graph.bypass", tr("Bypass"), lambda: act().bypass(), "Graph/2", canvas,
                    chosen, lambda: self._all_in_mode(4), words="skip"),
            Command("graph.arrange", tr("Tidy up"), lambda: act().arrange(), "Graph/3", canvas,
                    can, words="arrange layout align"),
            Command("graph.shrink", tr("Shrink to fit"), lambda: act().shrink_to_fit(), "Graph/3",
                    canvas, nodes, words="resize"),
            *self._color_commands(),
            Command("graph.info", tr("About this node"), self._show_info, "Graph/4", canvas,
                    nodes, icon="info", words="help description"),
            *SubgraphCommands(self._window).commands(),
            Command("graph.refresh", tr("Refresh nodes and files"),
                    lambda: self._window.run_port.refresh_definitions(), "Graph/6",
                    words="reload definitions models"),
            Command("graph.clear", tr("Clear workflow"), self._clear, "Graph/7",
                    enabled=self._has_any, is_danger=True, words="remove all nodes"),
        ]  # fmt: skip

    def _color_commands(self) -> list[Command]:
        # Not in the menu bar: the context menu shows them as a submenu, the palette by name.
        rows = [
            Command(f"graph.color_{name}", tr("Colour: {name}").format(name=tr(words).lower()),
                    lambda name=name: self._actions().set_color(name), "",
                    CommandScope.CANVAS, self._has_selection)
            for name, words in COLORS
        ]  # fmt: skip
        none = Command(
            "graph.color_none", tr("Colour: none"), lambda: self._actions().set_color(None), "",
            CommandScope.CANVAS, self._has_selection,
        )  # fmt: skip
        return [none, *rows]

    def _actions(self) -> CanvasActions:
        view = self._window.view
        if view is None:
            raise RuntimeError("No canvas is shown.")
        return view.actions

    def _can_edit(self) -> bool:
        view = self._window.view
        return view is not None and not view.is_hand_mode

    def _has_selection(self) -> bool:
        if not self._can_edit():
            return False
        selection = self._window.view.canvas.selection  # type: ignore[union-attr]
        return bool(selection.nodes or selection.groups)

    def _has_nodes(self) -> bool:
        return self._can_edit() and bool(self._actions().selected)

    def _has_any(self) -> bool:
        document = self._window.document
        return self._can_edit() and document is not None and bool(document.bound.nodes)

    def _is_collapsed(self) -> bool:
        nodes = self._selected_nodes()
        return bool(nodes) and all(node.node.is_collapsed for node in nodes)

    def _is_pinned(self) -> bool:
        nodes = self._selected_nodes()
        return bool(nodes) and all(node.node.is_pinned for node in nodes)

    def _all_in_mode(self, mode: int) -> bool:
        nodes = self._selected_nodes()
        return bool(nodes) and all(node.node.mode == mode for node in nodes)

    def _selected_nodes(self) -> list[BoundNode]:
        view, document = self._window.view, self._window.document
        if view is None or document is None:
            return []
        nodes = document.bound.nodes
        return [nodes[key] for key in view.actions.selected if key in nodes]

    def _add_group(self) -> None:
        view = self._window.view
        if view is not None:
            view.actions.add_group(view.pointer_pos)

    def _show_info(self) -> None:
        nodes = self._selected_nodes()
        if nodes:
            self._window.wiring.show_node_info(nodes[0].node.type)

    def _clear(self) -> None:
        card = self._window.ask(
            tr("Clear this workflow?"),
            tr("All nodes, links and groups go. Undo brings them back."),
            [("clear", tr("Clear"))],
            danger="clear",
        )

        def finish(answer: str) -> None:
            if answer == "clear":
                self._actions().select_all()
                self._actions().delete()

        card.answered.connect(finish)
