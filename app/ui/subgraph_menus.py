"""Menu entries inside a subgraph: its inputs and outputs, and the widgets that hosts show."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from app.engine.errors import SubgraphError
from app.engine.workflow import edits
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.model import ROOT, Workflow
from app.engine.workflow.patch import Patch
from app.engine.workflow.subgraphs import promoting_input, promotion_reason
from app.ui.canvas.hover import Hit
from app.ui.canvas.interactions.strip import click_slot
from app.ui.keybindings import shown
from app.ui.menu import Menu
from app.ui.subgraph_commands import SubgraphCommands
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.document import WorkflowDocument
    from app.ui.main_window import MainWindow


class SubgraphMenus:
    """Fills context menus.

    Args:
        window: The window they open in.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def fill_widget(self, menu: Menu, view: CanvasView, hit: Hit) -> None:
        """Offer to show a widget on the subgraph's nodes, or to hide it there (U-196)."""
        document = view.document
        node = document.node(hit.key)
        widget = node.widget(hit.widget) if hit.widget else None
        if document.graph_id == ROOT or widget is None or view.is_hand_mode:
            return
        chosen = [(hit.key, widget.name)]
        if promoting_input(document.bound, node, widget.name) is not None:
            words = tr("Hide {name} on the subgraph node").format(name=widget.label)
            menu.addAction(words, lambda: self._apply(document, words, subgraphs.demote, chosen))
        else:
            words = tr("Show {name} on the subgraph node").format(name=widget.label)
            action = menu.addAction(
                words, lambda: self._apply(document, words, subgraphs.promote, chosen)
            )
            reason = promotion_reason(document.bound, node, widget.name)
            action.setEnabled(not reason)
            action.setToolTip(reason)
        menu.addSeparator()

    def fill_slot(self, menu: Menu, view: CanvasView, hit: Hit) -> None:
        """Offer what can be done with an input or an output of the shown subgraph (U-195)."""
        document, index = view.document, hit.index
        box = document.node(hit.key)
        is_input = box.boundary == "inputs"
        slots = box.outputs if is_input else box.inputs
        if not 0 <= index < len(slots):
            return
        slot = slots[index]
        menu.addAction(f"{slot.label}  ·  {slot.type}").setEnabled(False)
        move = subgraphs.move_input if is_input else subgraphs.move_output
        remove = subgraphs.remove_input if is_input else subgraphs.remove_output
        remove_words = tr("Remove input") if is_input else tr("Remove output")
        is_free = not view.is_hand_mode

        def cut(workflow: Workflow, bound: BoundGraph) -> Patch:
            if is_input:
                return edits.disconnect_output(workflow, bound, hit.key, index)
            return edits.disconnect_input(workflow, bound, hit.key, index)

        def add(
            words: str, key: str, is_possible: bool, edit: Callable[..., Patch], *values: int
        ) -> None:
            action = menu.addAction(
                f"{words}\t{key}" if key else words,
                lambda: self._apply(document, words, edit, *values),
            )
            action.setEnabled(is_free and is_possible)

        # In place, as a double-click does it.
        shown_key = self._window.keys.shown_key
        rename = menu.addAction(
            f"{tr('Rename')}\t{shown_key('edit.rename')}",
            lambda: view.slots.rename(hit.key, index),
        )
        rename.setEnabled(is_free)
        add(tr("Move up"), shown("Alt+Up"), index > 0, move, index, index - 1)
        add(tr("Move down"), shown("Alt+Down"), index + 1 < len(slots), move, index, index + 1)
        add(tr("Remove links"), "", _is_linked(document, hit), cut)
        add(remove_words, shown_key("edit.delete"), True, remove, index)
        # The keys that the menu names act on this slot when the menu is shut again.
        if is_free:
            click_slot(view, hit.key, index)

    def fill_level(self, menu: Menu, depth: int) -> None:
        """Offer what can be done with a level of the breadcrumb; 0 is the root."""
        window, document = self._window, self._window.document
        if document is None:
            return
        wiring, levels = window.canvas_wiring, document.levels
        if depth + 1 < len(levels):
            menu.addAction(tr("Go to this level"), lambda: wiring.show_level(depth))
        if depth == 0:
            menu.addSeparator()
            for command_id in ("file.save", "file.save_as", "file.duplicate"):
                window.menus.add(menu, command_id)
            return
        commands, subgraph = SubgraphCommands(window), levels[depth].graph_id

        def edit_widgets() -> None:
            wiring.show_level(depth)
            window.view.actions.select_none()  # type: ignore[union-attr]
            window.wiring.subgraphs.open_panel()

        menu.addAction(tr("Rename subgraph…"), lambda: commands.rename(subgraph))
        menu.addAction(tr("Edit description…"), lambda: commands.describe(subgraph))
        menu.addAction(tr("Edit subgraph widgets…"), edit_widgets)

    def _apply(
        self, document: WorkflowDocument, words: str, edit: Callable[..., Patch], *values: object
    ) -> None:
        try:
            patch = edit(document.workflow, document.bound, *values)
        except SubgraphError as error:
            self._window.toast(str(error), error.details, is_problem=True)
        else:
            document.apply(patch, words.rstrip("…"))


def _is_linked(document: WorkflowDocument, hit: Hit) -> bool:
    box = document.node(hit.key)
    if box.boundary == "inputs":
        return bool(box.outputs[hit.index].links)
    return box.inputs[hit.index].link is not None
