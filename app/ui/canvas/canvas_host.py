"""What controls may ask of the canvas: values, editors, lists, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_views import colors_of
from app.widgets.choice_popup import ChoicePopup
from app.widgets.editor_item import EditorItem
from app.widgets.line_editor import LineEditorItem, open_line_editor
from app.widgets.spec import WidgetKind
from app.widgets.text_editor import TextEditorItem, open_text_editor

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.prompt_help import PromptHelp

_TYPED = frozenset(
    {
        WidgetKind.INT, WidgetKind.FLOAT, WidgetKind.TEXT, WidgetKind.MULTILINE,
        WidgetKind.MARKDOWN,
    }
)  # fmt: skip
"""Kinds of control that Tab opens at once, because one types into them."""
_TITLE_EDITOR_INSET = 24.0


class CanvasHost:
    """Stands between one control and the document.

    Args:
        view: The canvas.
        key: Key of the node.
        name: Name of the widget.
    """

    def __init__(self, view: CanvasView, key: str, name: str) -> None:
        self._view = view
        self._key = key
        self._name = name

    def set_value(self, value: Any, *, gesture: str = "") -> None:
        """Give the widget a new value as one undo step; equal gestures merge."""
        document = self._view.document
        node = document.bound.nodes.get(self._key)
        widget = node.widget(self._name) if node is not None else None
        if widget is None:
            # The node went while an editor was open.
            return
        patch = edits.set_widget(document.workflow, document.bound, self._key, self._name, value)
        name = f"{self._key}/{self._name}/{gesture}" if gesture else ""
        document.apply(patch, words.change(widget.label), gesture=name)

    def edit_line(
        self, rect: QRectF, text: str, on_commit: Callable[[str], None], *, select: bool = True
    ) -> None:
        """Open a one-line editor over ``rect``."""
        self._view.editors.open_line(self._key, self._name, rect, text, on_commit, select=select)

    def edit_text(
        self, rect: QRectF, text: str, on_commit: Callable[[str], None], *, read_only: bool = False
    ) -> None:
        """Open a multi-line editor over ``rect``."""
        self._view.editors.open_text(
            self._key, self._name, rect, text, on_commit, read_only=read_only
        )

    def choose(
        self, rect: QRectF, choices: Sequence[Any], current: Any, on_choose: Callable[[Any], None]
    ) -> None:
        """Open a searchable list under ``rect``."""
        view = self._view
        popup = ChoicePopup(choices, current, on_choose, view.theme, view)
        popup.open_at(self._on_screen(rect))

    def choose_file(self, caption: str, pattern: str, on_choose: Callable[[str], None]) -> None:
        """Ask the window for a file."""
        self._view.file_requested.emit(caption, pattern, on_choose)

    def take_file(self, name: str, path: str) -> None:
        """Ask the window to copy a file in and use it for the control ``name``."""
        self._view.file_taken.emit(self._key, name, path)

    def choose_color(self, rect: QRectF, value: str, on_choose: Callable[[str], None]) -> None:
        """Ask the window for a colour."""
        corner: QPoint = self._on_screen(rect).bottomLeft()
        self._view.color_requested.emit(corner, value, on_choose)

    def trigger(self, name: str) -> None:
        """Tell the window that a button was pressed."""
        self._view.button_pressed.emit(self._key, name)

    def repaint(self) -> None:
        """Draw the node anew."""
        self._view.canvas.repaint_node(self._key)

    def _on_screen(self, rect: QRectF) -> QRect:
        view = self._view
        item = view.canvas.nodes[self._key]
        corner = view.navigator.to_view(rect.topLeft() + item.pos())
        size = rect.size() * view.zoom
        start = view.viewport().mapToGlobal(corner.toPoint())
        return QRect(start, size.toSize())


class EditorKeeper:
    """Holds the one editor that may be open, and walks the controls of a node by keys.

    Args:
        view: The canvas.

    Attributes:
        prompt_help: Counts prompts and suggests words, once the window has it.
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._editor: EditorItem | None = None
        self._place = ("", "")
        self.prompt_help: PromptHelp | None = None

    @property
    def is_open(self) -> bool:
        """Whether an editor has the keyboard."""
        return self._editor is not None

    @property
    def editor(self) -> EditorItem | None:
        """The editor that is open, or None."""
        return self._editor

    def covers(self, pixel: QPointF) -> bool:
        """Tell whether a pixel of the viewport lies in the editor."""
        editor = self._editor
        if editor is None or editor.scene() is None:
            return False
        return bool(editor.frame.sceneBoundingRect().contains(self._view.navigator.to_scene(pixel)))

    def commit(self) -> None:
        """Take what was typed and close the editor."""
        if self._editor is not None:
            self._editor.flush()
            self._editor.finish()

    def flush(self) -> None:
        """Take what was typed so far and stay open, as before a run or a save."""
        if self._editor is not None:
            self._editor.flush()

    def count_again(self) -> None:
        """Have the prompt that is typed judged anew, such as when other models are there."""
        if isinstance(self._editor, TextEditorItem):
            self._editor.count()

    def detach(self) -> None:
        """Let the editor outlive the item that it lies over: an edit may take that away."""
        frame = self._editor.frame if self._editor is not None else None
        if frame is not None and frame.parentItem() is not None:
            place = frame.scenePos()
            frame.setParentItem(None)  # type: ignore[arg-type]  # Qt takes no parent too
            frame.setPos(place)

    def close_if_lost(self, _: object = None) -> None:
        """Drop what is typed when its node is gone, or another graph is shown."""
        editor, (graph_id, key) = self._editor, self._place
        document = self._view.document
        if editor is None:
            return
        if document.graph_id != graph_id or (key and key not in document.bound.nodes):
            editor.finish(commit=False)

    def open_line(
        self,
        key: str,
        name: str,
        rect: QRectF,
        text: str,
        on_commit: Callable[[str], None],
        *,
        select: bool = True,
    ) -> None:
        """Open a one-line editor over a control or, with an empty name, over the title."""
        item = self._prepare(key, name)
        style = colors_of(item, self._view.theme).style
        self._keep(open_line_editor(item, rect, text, style, on_commit, select=select), key, name)

    def open_text(
        self,
        key: str,
        name: str,
        rect: QRectF,
        text: str,
        on_commit: Callable[[str], None],
        *,
        read_only: bool = False,
    ) -> None:
        """Open a multi-line editor over a control."""
        item = self._prepare(key, name)
        style = colors_of(item, self._view.theme).style
        help_ = self.prompt_help
        aid = None
        if help_ is not None and not read_only and self._is_prompt(key, name):
            aid = help_.aid_for(self._view.document, key, name)
        source = None if read_only else aid or help_
        editor = open_text_editor(
            item, rect, text, style, on_commit, read_only=read_only, completion=source
        )
        if aid is not None:
            editor.set_counter(aid.count)
        self._keep(editor, key, name)

    def _is_prompt(self, key: str, name: str) -> bool:
        """Tell whether a text is read by a text encoder, as far as its node says."""
        node = self._view.document.bound.nodes.get(key)
        widget = node.widget(name) if node is not None else None
        return widget is not None and widget.options.get("dynamicPrompts") is True

    def rename_title(self, key: str, text: str, on_commit: Callable[[str], None]) -> None:
        """Open an editor over the title of a node."""
        item = self._view.canvas.nodes[key]
        outline = item.local_outline
        left = _TITLE_EDITOR_INSET
        rect = QRectF(left, outline.top() + 4.0, max(60.0, outline.width() - left - 6.0), 22.0)
        self.open_line(key, "", rect, text, on_commit)

    def rename_group(self, key: str, text: str, on_commit: Callable[[str], None]) -> None:
        """Open an editor over the title of a group."""
        self.commit()
        view = self._view
        group = view.canvas.groups[key]
        bar = group.title_rect
        rect = bar.adjusted(8.0, 4.0, -8.0, -4.0)
        view.viewport().setFocus()
        view.setFocus()
        self._keep(open_line_editor(group, rect, text, view.theme, on_commit), "", "")

    def rename_slot(
        self, key: str, name: str, rect: QRectF, text: str, on_commit: Callable[[str], None]
    ) -> None:
        """Open an editor over a slot of a strip.

        It is no part of the strip, for the edit that it ends with builds the canvas anew.
        """
        item = self._prepare(key, name)
        place = rect.translated(item.pos())
        editor = LineEditorItem(place, text, colors_of(item, self._view.theme).style)
        self._view.canvas.addItem(editor.frame)
        editor.committed.connect(on_commit)
        editor.setFocus(Qt.FocusReason.OtherFocusReason)
        self._keep(editor, key, name)

    def activate(self, key: str, name: str) -> None:
        """Edit a control, or a slot of a strip, from the keyboard."""
        item = self._view.canvas.nodes[key]
        if item.is_strip:
            self._view.slots.rename_focused()
            return
        for control, widget, rect in zip(
            item.controls, item.visible, item.layout.widgets, strict=False
        ):
            if control.spec.name == name and not widget.is_linked:
                control.activate(rect, CanvasHost(self._view, key, name))

    def walk(self, forwards: bool) -> bool:
        """Move the keyboard to the next control of the node; returns whether there is one."""
        canvas = self._view.canvas
        focused = canvas.pointer.focused
        if focused is None:
            selected = list(canvas.selection.nodes)
            if len(selected) != 1:
                return False
            focused = (selected[0], "")
        return self._focus_next(focused[0], focused[1], forwards=forwards)

    def _focus_next(self, key: str, name: str, *, forwards: bool) -> bool:
        item = self._view.canvas.nodes.get(key)
        if item is not None and item.is_strip:
            return self._view.slots.next_slot(key, name, forwards=forwards)
        if item is None or item.node.node.is_collapsed:
            return False
        names = [widget.name for widget in item.visible if not widget.is_linked]
        if not names:
            return False
        if name in names:
            place = names.index(name) + (1 if forwards else -1)
        else:
            place = 0 if forwards else len(names) - 1
        if not 0 <= place < len(names):
            self._view.canvas.set_focused(None)
            return False
        self._view.canvas.set_focused((key, names[place]))
        return True

    def _prepare(self, key: str, name: str) -> NodeItem:
        self.commit()
        view = self._view
        view.setFocus()
        view.canvas.set_focused(None)
        view.canvas.set_editing((key, name))
        return view.canvas.nodes[key]

    def _keep(self, editor: EditorItem, key: str, name: str) -> None:
        self._editor = editor
        self._place = (self._view.document.graph_id, key)
        editor.left.connect(lambda step: self._on_left(key, name, step))
        editor.closed.connect(lambda: self._on_closed(editor, key, name))

    def _on_left(self, key: str, name: str, step: int) -> None:
        """Go on to the next control after Tab."""
        if not self._focus_next(key, name, forwards=step > 0):
            return
        focused = self._view.canvas.pointer.focused
        item = self._view.canvas.nodes.get(key)
        if focused is None or item is None:
            return
        for control in item.controls:
            if control.spec.name == focused[1] and control.spec.kind in _TYPED:
                self.activate(key, focused[1])

    def _on_closed(self, editor: EditorItem, key: str, name: str) -> None:
        """Take note that an editor is gone; another may have been opened meanwhile."""
        canvas = self._view.canvas
        item = canvas.nodes.get(key)
        if item is not None and isinstance(editor, TextEditorItem):
            item.scrolls[name] = editor.scroll_offset
        if self._editor is editor:
            self._editor = None
            canvas.set_editing(None)
        canvas.repaint_node(key)
