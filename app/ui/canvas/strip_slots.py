"""What can be done with the slots of a subgraph's strips: rename, move, remove (U-195).

One slot can have the keyboard: after a click, or by Tab while its strip is selected. It is kept
as the focused control of the canvas, under the names that :mod:`app.ui.canvas.strips` makes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from app.engine.errors import SubgraphError
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.patch import Patch
from app.ui.canvas import strips, words
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

_STEPS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class StripSlots:
    """Edits slots of the shown subgraph, each edit one undo step.

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view

    @property
    def focused(self) -> tuple[str, int] | None:
        """The strip and slot that have the keyboard; the empty slot is one too."""
        where = self._view.canvas.pointer.focused
        if where is None:
            return None
        key, index = where[0], strips.focus_index(where[1])
        node = self._view.document.bound.nodes.get(key)
        if index is None or node is None or not node.boundary:
            return None
        return (key, index) if index <= strips.slot_count(node) else None

    def press(self, event: QKeyEvent) -> bool:
        """Act on a key while a slot has the keyboard; returns whether it meant anything."""
        focused, step = self.focused, _STEPS.get(Qt.Key(event.key()))
        if focused is None or step is None or self._view.is_hand_mode:
            return False
        key, index = focused
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.move(key, index, index + step)
        else:
            count = strips.slot_count(self._view.document.node(key))
            self._focus(key, max(0, min(count, index + step)))
        return True

    def rename(self, key: str, index: int) -> None:
        """Open the words of a slot for typing; empty ones give its own name back."""
        view = self._view
        node = view.document.node(key)
        if view.is_hand_mode or not 0 <= index < strips.slot_count(node):
            return
        item = view.canvas.nodes[key]
        rect = strips.label_rect(node, item.layout, index).adjusted(-4.0, 0.0, 4.0, 0.0)
        is_input = strips.is_input_strip(node)
        rename = subgraphs.rename_input if is_input else subgraphs.rename_output
        old = strips.labels_of(node)[index]

        def commit(text: str) -> None:
            document = view.document
            now = document.bound.nodes.get(key)
            # Undo may have changed the slots while the editor was open.
            if now is None or index >= strips.slot_count(now):
                return
            if strips.labels_of(now)[index] == old:
                self._apply(
                    lambda: rename(document.workflow, document.bound, index, text), words.rename()
                )
                self._focus(key, index)

        view.editors.rename_slot(key, strips.focus_name(index), rect, old, commit)

    def rename_focused(self) -> bool:
        """Rename the slot that has the keyboard; returns whether there is one."""
        focused = self.focused
        if focused is None:
            return False
        self.rename(*focused)
        return True

    def move(self, key: str, index: int, new_index: int) -> None:
        """Give a slot another place among the others."""
        document = self._view.document
        node = document.node(key)
        count = strips.slot_count(node)
        if not (0 <= index < count and 0 <= new_index < count):
            return
        is_input = strips.is_input_strip(node)
        move = subgraphs.move_input if is_input else subgraphs.move_output
        self._apply(
            lambda: move(document.workflow, document.bound, index, new_index),
            words.move_slot(is_input=is_input),
        )
        self._focus(key, new_index)

    def remove(self, key: str, index: int) -> None:
        """Remove a slot, here and on all hosts."""
        document = self._view.document
        node = document.node(key)
        if not 0 <= index < strips.slot_count(node):
            return
        is_input = strips.is_input_strip(node)
        remove = subgraphs.remove_input if is_input else subgraphs.remove_output
        self._apply(
            lambda: remove(document.workflow, document.bound, index),
            words.remove_slot(is_input=is_input),
        )
        self._focus(key, index)

    def remove_focused(self) -> bool:
        """Remove the slot that has the keyboard; returns whether there is one."""
        focused = self.focused
        if focused is None:
            return False
        self.remove(*focused)
        return True

    def next_slot(self, key: str, name: str, *, forwards: bool) -> bool:
        """Take the keyboard to the next slot of a strip; returns whether there is one."""
        count = strips.slot_count(self._view.document.node(key))
        index = strips.focus_index(name)
        if index is None:
            index = -1 if forwards else count + 1
        index += 1 if forwards else -1
        if not 0 <= index <= count:
            self._view.canvas.set_focused(None)
            return False
        self._view.canvas.set_focused((key, strips.focus_name(index)))
        return True

    def _apply(self, edit: Callable[[], Patch], text: str) -> None:
        try:
            patch = edit()
        except SubgraphError as error:
            self._view.refused.emit(str(error))
        else:
            self._view.document.apply(patch, text)

    def _focus(self, key: str, index: int) -> None:
        """Keep the keyboard at a slot, after an edit has built the canvas anew."""
        canvas = self._view.canvas
        if key in canvas.nodes:
            canvas.select(Selection.of([key]))
            canvas.set_focused((key, strips.focus_name(index)))
