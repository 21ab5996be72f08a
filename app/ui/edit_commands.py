"""The Edit menu: undo, clipboard, selection. The canvas does the work; this says what and when."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from app.ui.commands import Command, CommandScope
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.actions import CanvasActions
    from app.ui.main_window import MainWindow


class EditCommands:
    """Commands of the Edit menu.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        canvas = CommandScope.CANVAS
        can, chosen = self._can_edit, self._has_selection
        return [
            Command("edit.undo", tr("Undo"), self.undo, "Edit/1", enabled=self._can_undo),
            Command("edit.redo", tr("Redo"), self.redo, "Edit/1", enabled=self._can_redo),
            Command("edit.cut", tr("Cut"), lambda: self._actions().cut(), "Edit/2", canvas,
                    self._has_clip),
            Command("edit.copy", tr("Copy"), lambda: self._actions().copy(), "Edit/2", canvas,
                    self._has_picked_clip),
            Command("edit.paste", tr("Paste"), lambda: self.paste(), "Edit/2", canvas, can),
            Command("edit.paste_with_links", tr("Paste with links"),
                    lambda: self.paste(keep_inputs=True), "Edit/2", canvas, can),
            Command("edit.duplicate", tr("Duplicate"), lambda: self._actions().duplicate(),
                    "Edit/3", canvas, self._has_clip),
            Command("edit.duplicate_with_links", tr("Duplicate with links"),
                    lambda: self._actions().duplicate(keep_inputs=True), "Edit/3", canvas,
                    self._has_clip),
            Command("edit.delete", tr("Delete"), lambda: self._actions().delete(), "Edit/3",
                    canvas, chosen, is_danger=True),
            Command("edit.select_all", tr("Select all"), lambda: self._actions().select_all(),
                    "Edit/4", canvas, self._has_view),
            Command("edit.invert", tr("Invert selection"),
                    lambda: self._actions().invert_selection(), "Edit/4", canvas, self._has_view),
            Command("edit.find", tr("Find node…"), self.find, "Edit/5", enabled=self._has_view,
                    words="go to search document", icon="search"),
            Command("edit.rename", tr("Rename"), lambda: self._actions().rename(), "Edit/5",
                    canvas, chosen),
        ]  # fmt: skip

    def undo(self) -> None:
        """Take the last edit back."""
        document = self._window.document
        if document is not None:
            self._commit_editor()
            document.undo_stack.undo()

    def redo(self) -> None:
        """Do again what was taken back."""
        document = self._window.document
        if document is not None:
            self._commit_editor()
            document.undo_stack.redo()

    def paste(self, *, keep_inputs: bool = False) -> None:
        """Paste nodes; a workflow or a picture on the clipboard opens or becomes a node."""
        problem = self._paste_problem()
        if not self._actions().paste(keep_inputs=keep_inputs):
            self._window.canvas_wiring.paste_other()
        elif problem:
            self._window.toast(
                f"{problem} {tr('The other nodes are pasted; this one is left out.')}",
                is_problem=True,
            )

    def _paste_problem(self) -> str:
        """Return why a paste will leave something out; only subgraphs can refuse anything."""
        from app.engine.workflow import clipboard
        from app.engine.workflow.model import ROOT

        document = self._window.document
        if document is None or document.graph_id == ROOT:
            return ""
        clip = clipboard.from_text(QGuiApplication.clipboard().text())
        if clip is None:
            return ""
        return clipboard.paste_problem(document.workflow, document.bound, clip)

    def find(self) -> None:
        """Look for a node in the document (U-019)."""
        self._window.wiring.open_find()

    def _actions(self) -> CanvasActions:
        view = self._window.view
        if view is None:
            raise RuntimeError("No canvas is shown.")
        return view.actions

    def _commit_editor(self) -> None:
        view = self._window.view
        if view is not None:
            view.editors.commit()

    def _has_view(self) -> bool:
        return self._window.view is not None

    def _can_edit(self) -> bool:
        view = self._window.view
        return view is not None and not view.is_hand_mode

    def _has_selection(self) -> bool:
        return self._can_edit() and self._actions().has_selection

    def _has_clip(self) -> bool:
        return self._can_edit() and self._has_picked_clip()

    def _has_picked_clip(self) -> bool:
        view = self._window.view
        if view is None:
            return False
        selection = view.canvas.selection
        return bool(selection.nodes or selection.groups)

    def _can_undo(self) -> bool:
        document = self._window.document
        return document is not None and document.undo_stack.canUndo()

    def _can_redo(self) -> bool:
        document = self._window.document
        return document is not None and document.undo_stack.canRedo()
