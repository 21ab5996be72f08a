"""What commands, menus and keys can do on the canvas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QGuiApplication

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow import clipboard, edits, layout
from app.engine.workflow.model import Mode
from app.engine.workflow.patch import Patch
from app.ui.canvas import node_layout, words
from app.ui.canvas.hover import GROUP_PARTS, REROUTE_PARTS, Hit, Under
from app.ui.canvas.interactions.reroute_links import LooseLink, join_node
from app.ui.canvas.interactions.wheel import middle_of
from app.ui.canvas.node_colors import NAMED_COLORS
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_item import NODE_Z, Z_STEP, new_node_size
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

PASTE_OFFSET = 30.0
NUDGE = 10.0


class CanvasActions:
    """Edits of what is selected. Each is one undo step.

    Args:
        view: The canvas.

    Attributes:
        keeps_links: Deleting a node joins what fed it to what it fed (U-083).
    """

    def __init__(self, view: CanvasView) -> None:
        self._view = view
        self._scene = view.canvas
        self._document = view.document
        self._gestures = 0
        self.keeps_links = True

    @property
    def selected(self) -> list[str]:
        """Keys of the selected nodes."""
        return list(self._scene.selection.nodes)

    @property
    def has_selection(self) -> bool:
        """Whether anything is selected."""
        return bool(self._scene.selection)

    def _apply(self, patch: Patch, text: str, gesture: str = "") -> None:
        self._document.apply(patch, text, gesture=gesture)

    def _next_gesture(self) -> str:
        """Return a name under which several patches become one step."""
        self._gestures += 1
        return f"action-{id(self)}-{self._gestures}"

    def add_node(
        self,
        definition: NodeDefinition,
        pos: QPointF | None = None,
        connect_to: LooseLink | None = None,
        *,
        values: Mapping[str, Any] | None = None,
    ) -> str:
        """Add a node, link it if asked, select it, and return its key.

        Args:
            definition: Its type.
            pos: Where its body begins on the canvas; None for the middle of the view.
            connect_to: A loose link that its first fitting socket takes.
            values: Values of widgets that differ from the defaults, by name.
        """
        document, view = self._document, self._view
        size = new_node_size(definition, node_fonts(view.theme))
        if pos is None:
            middle = view.navigator.to_scene(middle_of(view))
            pos = middle - QPointF(size[0] / 2, size[1] / 2)
        gesture = self._next_gesture()
        patch, key = edits.add_node(
            document.workflow, document.bound, definition, pos.toTuple(), size=size, values=values
        )
        self._apply(patch, words.add_node(), gesture)
        if connect_to is not None:
            self._link_new(key, connect_to, gesture)
        self._scene.select(Selection.of([key]))
        return key

    def add_special_node(self, type_name: str, pos: QPointF | None = None, text: str = "") -> str:
        """Add a note, a reroute node or a primitive; returns its key."""
        document = self._document
        if pos is None:
            pos = self._view.navigator.to_scene(middle_of(self._view))
        patch, key = edits.add_special_node(
            document.workflow, document.bound, type_name, pos.toTuple(), text=text
        )
        self._apply(patch, words.add_node())
        self._scene.select(Selection.of([key]))
        return key

    def _link_new(self, key: str, loose: LooseLink, gesture: str) -> None:
        document = self._document
        patch = join_node(document.workflow, document.bound, loose, key)
        self._apply(patch, words.add_node(), gesture)

    def delete(self) -> None:
        """Remove what is selected, or the slot of a strip that has the keyboard (U-220, U-083)."""
        if self._view.slots.remove_focused():
            return
        self._remove(words.delete(), keep_links=self.keeps_links)

    def _remove(self, text: str, *, keep_links: bool) -> None:
        selection, document = self._scene.selection.copy(), self._document
        gesture = self._next_gesture()
        workflow, bound = document.workflow, document.bound
        if selection.nodes:
            patch = edits.remove_nodes(workflow, bound, selection.nodes, keep_links=keep_links)
            self._apply(patch, text, gesture)
        reroutes = [key for key in selection.reroutes if key in document.graph.reroutes]
        if reroutes:
            self._apply(edits.remove_reroutes(workflow, bound, reroutes), text, gesture)
        if selection.groups:
            self._apply(edits.remove_groups(workflow, bound, selection.groups), text, gesture)

    def remove_link(self, key: str) -> None:
        """Remove one link."""
        document = self._document
        patch = edits.remove_links(document.workflow, document.bound, [key])
        self._apply(patch, words.disconnect())

    def remove_reroute(self, key: str) -> None:
        """Take one reroute out of its links (U-076); nothing while the canvas is only looked at."""
        document = self._document
        if not self._view.is_hand_mode:
            patch = edits.remove_reroutes(document.workflow, document.bound, [key])
            self._apply(patch, words.delete())

    def corner_of(self, nodes: Iterable[str], groups: Iterable[str]) -> QPointF:
        """Return the upper left corner of nodes and groups, as pasting counts it."""
        corners = [self._scene.nodes[key].pos() for key in nodes]
        corners += [self._scene.groups[key].rect.topLeft() for key in groups]
        if not corners:
            return QPointF()
        return QPointF(min(p.x() for p in corners), min(p.y() for p in corners))

    def clip(self) -> dict[str, Any] | None:
        """Return what is selected as a clip, or None when nothing is."""
        selection, document = self._scene.selection, self._document
        if not selection.nodes and not selection.groups:
            return None
        return clipboard.copy(document.workflow, document.bound, selection.nodes, selection.groups)

    def copy(self) -> bool:
        """Put what is selected on the system's clipboard; returns whether anything was."""
        clip = self.clip()
        if clip is None:
            return False
        QGuiApplication.clipboard().setText(clipboard.to_text(clip))
        return True

    def cut(self) -> None:
        """Copy what is selected and remove it."""
        if self.copy():
            self._remove(words.cut(), keep_links=False)

    def paste(self, at: QPointF | None = None, *, keep_inputs: bool = False) -> bool:
        """Paste nodes from the system's clipboard.

        Args:
            at: Where their upper left corner comes to lie; None for the pointer.
            keep_inputs: Also link their inputs to the sources they had (U-126).

        Returns:
            Whether there were any nodes.
        """
        clip = clipboard.from_text(QGuiApplication.clipboard().text())
        if clip is None:
            return False
        pos = self._view.pointer_pos if at is None else at
        self._paste(clip, pos, words.paste(), keep_inputs=keep_inputs)
        return True

    def duplicate(self, *, keep_inputs: bool = False) -> None:
        """Add a copy of what is selected, a little beside it (U-047)."""
        clip = self.clip()
        if clip is not None:
            selection = self._scene.selection
            corner = self.corner_of(selection.nodes, selection.groups)
            offset = QPointF(PASTE_OFFSET, PASTE_OFFSET)
            self._paste(clip, corner + offset, words.duplicate(), keep_inputs=keep_inputs)

    def _paste(
        self, clip: Mapping[str, Any], pos: QPointF, text: str, *, keep_inputs: bool
    ) -> None:
        document = self._document
        patch, nodes, groups = clipboard.paste(
            document.workflow,
            document.bound,
            document.definitions,
            clip,
            pos.toTuple(),
            keep_inputs=keep_inputs,
        )
        self._apply(patch, text)
        self._scene.select(Selection.of(nodes, groups))

    def select_all(self) -> None:
        """Select everything."""
        scene = self._scene
        self._scene.select(Selection.of(scene.nodes, scene.groups, scene.reroutes))

    def select_none(self) -> None:
        """Select nothing."""
        self._scene.select(Selection())

    def invert_selection(self) -> None:
        """Select what is not selected."""
        scene = self._scene
        everything = Selection.of(scene.nodes, scene.groups, scene.reroutes)
        scene.select(everything.without(scene.selection))

    def select_pressed(self, key: str) -> None:
        """Select a node whose control was pressed, unless it is selected."""
        if key not in self._scene.selection.nodes:
            self._scene.select(Selection.of([key]))

    def select_for_menu(self, hit: Hit) -> None:
        """Select what a menu is opened for, unless it is part of the selection."""
        selection = self._scene.selection
        if hit.node and hit.key not in selection.nodes:
            self._scene.select(Selection.of([hit.key]))
        elif hit.under in REROUTE_PARTS and hit.key not in selection.reroutes:
            self._scene.select(Selection.of(reroutes=[hit.key]))
        elif hit.under in GROUP_PARTS - {Under.GROUP} and hit.key not in selection.groups:
            self._scene.select(Selection.of(groups=[hit.key]))

    def show_on_top(self, key: str) -> None:
        """Draw a node above the others; the file learns of it with the next move (U-100)."""
        item = self._scene.nodes.get(key)
        if item is None:
            return
        highest = max(
            (other.zValue() for other in self._scene.nodes_in(item.outline)), default=NODE_Z
        )
        if item.zValue() < highest:
            item.setZValue(highest + Z_STEP / 2)
            self._scene.run.place_bar(item)

    def mute(self) -> None:
        """Turn muting of the selected nodes on or off (U-140)."""
        self._toggle_mode(Mode.MUTED, words.mute())

    def bypass(self) -> None:
        """Turn bypassing of the selected nodes on or off (U-141)."""
        self._toggle_mode(Mode.BYPASSED, words.bypass())

    def _toggle_mode(self, mode: Mode, text: str) -> None:
        keys = self._affected()
        if not keys:
            return
        is_on = all(self._document.bound.nodes[key].node.mode == mode for key in keys)
        document = self._document
        patch = edits.set_mode(
            document.workflow, document.bound, keys, Mode.ALWAYS if is_on else mode
        )
        self._apply(patch, words.enable() if is_on else text)

    def _affected(self) -> list[str]:
        """Return the selected nodes and the members of selected groups (U-176)."""
        keys = dict(self._scene.selection.nodes)
        for key in self._scene.selection.groups:
            rect = self._scene.groups[key].rect
            for item in self._scene.nodes_in(rect):
                if rect.contains(item.outline.center()):
                    keys[item.key] = None
        return [key for key in keys if not self._document.bound.nodes[key].boundary]

    def collapse(self) -> None:
        """Collapse the selected nodes, or open them when all are (U-142)."""
        keys = self.selected
        is_on = all(self._document.bound.nodes[key].node.is_collapsed for key in keys)
        self._set_collapsed(keys, not is_on)

    def toggle_collapsed(self, key: str) -> None:
        """Collapse or open one node."""
        self._set_collapsed([key], not self._document.bound.nodes[key].node.is_collapsed)

    def _set_collapsed(self, keys: list[str], is_collapsed: bool) -> None:
        document = self._document
        patch = edits.set_collapsed(document.workflow, document.bound, keys, is_collapsed)
        self._apply(patch, words.collapse() if is_collapsed else words.expand())

    def pin(self) -> None:
        """Pin the selected nodes and groups, or free them when all are (U-143, U-179)."""
        document, selection = self._document, self._scene.selection
        workflow, bound = document.workflow, document.bound
        groups = document.graph.groups
        is_on = all(bound.nodes[key].node.is_pinned for key in selection.nodes) and all(
            groups[key].flags.get("pinned") for key in selection.groups
        )
        patch = edits.set_pinned(workflow, bound, selection.nodes, not is_on)
        for key in selection.groups:
            patch += edits.set_group(workflow, bound, key, is_pinned=not is_on)
        self._apply(patch, words.unpin() if is_on else words.pin())

    def set_color(self, name: str | None) -> None:
        """Give everything selected one of the nine colours, or None for the theme's (U-145).

        Any other CSS colour is taken for title, body and group as it is.
        """
        document, selection = self._document, self._scene.selection
        title, body, group = NAMED_COLORS.get(name or "", (name, name, name))
        workflow, bound = document.workflow, document.bound
        patch = edits.set_colors(workflow, bound, selection.nodes, title, body)
        for key in selection.groups:
            patch += edits.set_group(workflow, bound, key, color=group)
        self._apply(patch, words.color())

    def group_selection(self) -> str | None:
        """Put a group around the selection and open its title; returns its key (U-170)."""
        document, scene = self._document, self._scene
        rects = [scene.nodes[key].outline for key in scene.selection.nodes]
        rects += [scene.groups[key].rect for key in scene.selection.groups]
        boxes = [(rect.x(), rect.y(), rect.width(), rect.height()) for rect in rects]
        if not boxes:
            return None
        workflow, bound = document.workflow, document.bound
        box = edits.group_around(workflow, bound, boxes)
        return self._add_group(box)

    def add_group(self, pos: QPointF) -> str:
        """Add an empty group."""
        return self._add_group((pos.x(), pos.y(), 280.0, 180.0))

    def _add_group(self, box: tuple[float, float, float, float]) -> str:
        document = self._document
        patch, key = edits.add_group(document.workflow, document.bound, box, words.group_title())
        self._apply(patch, words.group())
        self._scene.select(Selection.of(groups=[key]))
        self.rename_group(key)
        return key

    def rename(self, key: str | None = None) -> None:
        """Open the title of a node, or of what is selected, for typing (U-144)."""
        if key is None and self._view.slots.rename_focused():
            return
        if key is None:
            selection = self._scene.selection
            if selection.groups and not selection.nodes:
                self.rename_group(next(iter(selection.groups)))
                return
            key = next(iter(selection.nodes), None)
        if key is None or key not in self._scene.nodes:
            return
        node = self._document.bound.nodes[key]
        if node.boundary or node_layout.is_plain_reroute(node):
            return

        def commit(text: str) -> None:
            document = self._document
            if key in document.bound.nodes:
                patch = edits.set_title(
                    document.workflow, document.bound, key, text.strip() or None
                )
                self._apply(patch, words.rename())

        self._view.editors.rename_title(key, node.title, commit)

    def rename_group(self, key: str) -> None:
        """Open the title of a group for typing."""

        def commit(text: str) -> None:
            document = self._document
            if key in document.graph.groups:
                title = text.strip() or words.group_title()
                patch = edits.set_group(document.workflow, document.bound, key, title=title)
                self._apply(patch, words.rename())

        self._view.editors.rename_group(key, self._scene.groups[key].record.title, commit)

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selection by a little; steps in a row are one undo step (U-108)."""
        document, scene = self._document, self._scene
        nodes = {
            key: (scene.nodes[key].pos() + QPointF(dx, dy)).toTuple()
            for key in scene.selection.nodes
            if not scene.nodes[key].node.node.is_pinned
        }
        groups = {
            key: (scene.groups[key].rect.topLeft() + QPointF(dx, dy)).toTuple()
            for key in scene.selection.groups
            if not scene.groups[key].record.flags.get("pinned")
        }
        reroutes = {
            key: (scene.reroutes[key].pos() + QPointF(dx, dy)).toTuple()
            for key in scene.selection.reroutes
        }
        workflow, bound = document.workflow, document.bound
        patch = (
            edits.move_nodes(workflow, bound, nodes)
            + edits.move_groups(workflow, bound, groups)
            + edits.move_reroutes(workflow, bound, reroutes)
        )
        self._apply(patch, words.move(), gesture="nudge")

    def arrange(self) -> None:
        """Tidy the selected nodes, or all when fewer than two are selected (U-114)."""
        document, scene = self._document, self._scene
        chosen = self.selected if len(self.selected) > 1 else list(scene.nodes)
        boxes = {
            key: (scene.nodes[key].layout.width, scene.nodes[key].size[1])
            for key in chosen
            if not scene.nodes[key].node.node.is_pinned
        }
        if not boxes:
            return
        links = [(link.origin, link.target) for link in document.bound.links.values()]
        start = self.corner_of(boxes, ()).toTuple()
        places = layout.arrange(boxes, links, start=start)
        patch = edits.move_nodes(document.workflow, document.bound, places)
        self._apply(patch, words.arrange())

    def shrink_to_fit(self) -> None:
        """Give the selected nodes the size that they would have when new (U-147)."""
        document = self._document
        patch: Patch = ()
        for key in self.selected:
            if self._scene.nodes[key].is_strip:
                continue
            patch += edits.resize_node(document.workflow, document.bound, key, self.least_size(key))
        self._apply(patch, words.shrink())

    def least_size(self, key: str) -> tuple[float, float]:
        """Return the size below which a node cannot be made."""
        item = self._scene.nodes[key]
        fonts = node_fonts(self._view.theme)
        return node_layout.least_size(
            item.node,
            item.heights,
            [widget.label for widget in item.visible],
            fonts.title_measure.width,
            fonts.inner.width,
            output_row=item.output_row,
        )

    def fit(self, *, animate: bool = True) -> None:
        """Show the selection, or everything (U-010)."""
        scene = self._scene
        keys = scene.selection.nodes or None
        bounds = scene.nodes_bounds(keys)
        if keys:
            for key in scene.selection.groups:
                bounds = bounds.united(scene.groups[key].rect)
        self._view.navigator.fit(bounds, animate=animate)

    def show_node(self, key: str) -> None:
        """Bring a node to the middle and select it."""
        item = self._scene.nodes[key]
        zoom = max(self._view.zoom, 0.7)
        self._view.navigator.center_on(item.outline.center(), zoom, animate=True)
        self._scene.select(Selection.of([key]))

    def reset_view(self) -> None:
        """Go to scale 1 and the origin (U-011)."""
        self._view.navigator.set_state(1.0, QPointF(0.0, 0.0))

    def zoom_in(self) -> None:
        """Come closer to the middle of the view (U-009)."""
        navigator = self._view.navigator
        navigator.zoom_at(navigator.zoom * 1.25, middle_of(self._view))

    def zoom_out(self) -> None:
        """Go away from the middle of the view."""
        navigator = self._view.navigator
        navigator.zoom_at(navigator.zoom / 1.25, middle_of(self._view))

    def zoom_to(self, zoom: float) -> None:
        """Set the scale about the middle of the view."""
        self._view.navigator.zoom_at(zoom, middle_of(self._view))

    def bounds(self) -> QRectF:
        """Return the rectangle around everything."""
        return self._scene.nodes_bounds()
