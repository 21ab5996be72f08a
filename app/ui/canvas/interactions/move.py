"""Pressing nodes, groups and reroutes: select, toggle, move, clone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtWidgets import QGraphicsPixmapItem

from app.engine.workflow import clipboard, edits
from app.ui.canvas import words
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.interactions.connect import drag_from_reroute
from app.ui.canvas.interactions.insert import LinkInsertion
from app.ui.canvas.interactions.marquee import MarqueeGesture
from app.ui.canvas.selection import Selection

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

_GHOST_Z = 600.0


class PressGesture(Gesture):
    """A press on something that can be selected and moved.

    Until the pointer has moved six pixels it is a click. Then it becomes a move of the whole
    selection, with Alt of a copy, with Ctrl a marquee, with Shift on a reroute a new link.
    """

    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer, hit: Hit) -> None:
        super().__init__(view, start)
        self._hit = hit
        self._toggles = start.ctrl or start.shift
        self._was_selected = self._contains(self.scene.selection)
        if not self._was_selected and not self._toggles:
            self.scene.select(self._alone())
        view.actions.show_on_top(hit.node)

    def _alone(self) -> Selection:
        hit = self._hit
        if hit.under is Under.GROUP_TITLE:
            return Selection.of(groups=[hit.key])
        if hit.under is Under.REROUTE:
            return Selection.of(reroutes=[hit.key])
        return Selection.of(nodes=[hit.key])

    def _contains(self, selection: Selection) -> bool:
        return not self._alone().without(selection)

    def move(self, pointer: Pointer) -> None:
        """Become a drag once the pointer has moved far enough."""
        if not self.is_drag(pointer):
            return
        view, start = self.view, self.start
        is_group = self._hit.under is Under.GROUP_TITLE
        branch = None
        if start.shift and self._hit.under is Under.REROUTE:
            branch = drag_from_reroute(view, start, self._hit.key)
        if branch is not None:
            next_gesture: Gesture = branch
        elif start.alt and self._hit.node:
            next_gesture = CloneGesture(view, start)
        elif start.ctrl and not is_group:
            next_gesture = MarqueeGesture(view, start)
        else:
            if not self._contains(self.scene.selection):
                self.scene.select(self.scene.selection.united(self._alone()))
            next_gesture = MoveGesture(view, start, self._hit)
        view.mouse.end()
        view.mouse.start(next_gesture)
        next_gesture.move(pointer)

    def release(self, pointer: Pointer) -> None:
        """Act on the click."""
        if self._toggles:
            self.scene.select(self.scene.selection.toggled(self._alone()))
        else:
            self.scene.select(self._alone())


class MoveGesture(Gesture):
    """Moves the selection; members of a group move with it (U-107, U-171).

    The distance counts from where the button went down, so nothing lags behind the pointer.
    """

    cursor = Qt.CursorShape.ClosedHandCursor
    moves_canvas = True
    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer, hit: Hit) -> None:
        super().__init__(view, start)
        scene = self.scene
        nodes, groups, reroutes = self._moving(frame_alone=start.ctrl)
        self._nodes = {key: scene.nodes[key].pos() for key in nodes}
        self._groups = {key: QRectF(scene.groups[key].rect) for key in groups}
        self._reroutes = {key: scene.reroutes[key].pos() for key in reroutes}
        self._anchor = self._anchor_of(hit)
        self._shift = QPointF()
        self._insertion = self._insertion_of_one()
        scene.dragged.begin(self._nodes)

    def _insertion_of_one(self) -> LinkInsertion | None:
        """Return what puts the node into a link, when it is moved alone and has none (U-044)."""
        if len(self._nodes) != 1 or self._groups or self._reroutes:
            return None
        (key,) = self._nodes
        node = self.document.bound.nodes[key]
        return LinkInsertion(self.view, key) if LinkInsertion.can_take(node) else None

    def _moving(self, *, frame_alone: bool) -> tuple[set[str], set[str], set[str]]:
        scene, selection = self.scene, self.scene.selection
        nodes, reroutes = set(selection.nodes), set(selection.reroutes)
        groups = {
            key for key in selection.groups if not scene.groups[key].record.flags.get("pinned")
        }
        if not frame_alone:
            for key in list(groups):
                rect = scene.groups[key].rect
                nodes |= {
                    item.key
                    for item in scene.nodes_in(rect)
                    if rect.contains(item.outline.center())
                }
                reroutes |= {
                    name for name, item in scene.reroutes.items() if rect.contains(item.pos())
                }
                groups |= {
                    name
                    for name, item in scene.groups.items()
                    if name != key
                    and rect.contains(item.rect)
                    and not item.record.flags.get("pinned")
                }
        nodes = {key for key in nodes if not scene.nodes[key].node.node.is_pinned}
        return nodes, groups, reroutes

    def _anchor_of(self, hit: Hit) -> QPointF:
        if hit.key in self._nodes and hit.node:
            return self._nodes[hit.key]
        if hit.key in self._groups:
            return self._groups[hit.key].topLeft()
        return self._reroutes.get(hit.key, self.start.pos)

    def move(self, pointer: Pointer) -> None:
        """Show everything where the pointer takes it."""
        shift = pointer.pos - self.start.pos
        if self.snaps(pointer):
            target = self._anchor + shift
            shift = QPointF(self.snapped(target.x()), self.snapped(target.y())) - self._anchor
        if shift != self._shift:
            self._show(shift)
        if self._insertion is not None:
            self._insertion.move(pointer)

    def _show(self, shift: QPointF) -> None:
        self._shift = shift
        scene = self.scene
        for key, rect in self._groups.items():
            scene.groups[key].set_rect(rect.translated(shift))
        if self._nodes:
            scene.dragged.move_nodes({key: pos + shift for key, pos in self._nodes.items()}, shift)
        if self._reroutes:
            scene.dragged.move_reroutes({key: pos + shift for key, pos in self._reroutes.items()})
        self.view.dom.place_all()

    def release(self, pointer: Pointer) -> None:
        """Give the new places to the document as one step."""
        self.move(pointer)
        self.scene.dragged.end()
        if self._shift.isNull():
            self._stop_insertion()
            return
        document, shift = self.document, self._shift
        workflow, bound = document.workflow, document.bound
        nodes = {key: (pos + shift).toTuple() for key, pos in self._nodes.items()}
        groups = {key: (rect.topLeft() + shift).toTuple() for key, rect in self._groups.items()}
        reroutes = {key: (pos + shift).toTuple() for key, pos in self._reroutes.items()}
        patch = (
            edits.move_nodes(workflow, bound, nodes)
            + edits.move_groups(workflow, bound, groups)
            + edits.move_reroutes(workflow, bound, reroutes)
        )
        if len(nodes) == 1:
            patch += edits.raise_nodes(workflow, bound, nodes)
        insertion = self._insertion
        if insertion is None or not insertion.link:
            document.apply(patch, words.move())
            self._stop_insertion()
            return
        gesture = f"insert-{id(self)}"
        document.apply(patch, words.insert_node(), gesture=gesture)
        insertion.finish(gesture, words.insert_node())
        self._stop_insertion()

    def _stop_insertion(self) -> None:
        if self._insertion is not None:
            self._insertion.stop()
            self._insertion.deleteLater()
            self._insertion = None

    def cancel(self) -> None:
        """Bring everything back."""
        self._stop_insertion()
        self._show(QPointF())
        self.scene.dragged.end()


class CloneGesture(Gesture):
    """Drags off a copy of the selection, as one step (U-050). Shift keeps the incoming links."""

    cursor = Qt.CursorShape.DragCopyCursor
    moves_canvas = True
    pans_at_edge = True

    def __init__(self, view: CanvasView, start: Pointer) -> None:
        super().__init__(view, start)
        self._keys = list(self.scene.selection.nodes)
        self._groups = list(self.scene.selection.groups)
        self._corner = self.view.actions.corner_of(self._keys, self._groups)
        self._shift = QPointF()
        self._ghosts = [self._ghost(key) for key in self._keys]

    def _ghost(self, key: str) -> tuple[QGraphicsPixmapItem, QPointF]:
        item = self.scene.nodes[key]
        ghost = QGraphicsPixmapItem(item.pixmap())
        ghost.setOffset(item.offset())
        ghost.setTransform(item.transform())
        ghost.setOpacity(self.scene.theme.number("node.placingAlpha"))
        ghost.setZValue(_GHOST_Z)
        ghost.setPos(item.pos())
        self.scene.addItem(ghost)
        return ghost, item.pos()

    def move(self, pointer: Pointer) -> None:
        """Show where the copy would be."""
        self._shift = pointer.pos - self.start.pos
        for ghost, pos in self._ghosts:
            ghost.setPos(pos + self._shift)

    def release(self, pointer: Pointer) -> None:
        """Make the copy and select it."""
        self.move(pointer)
        self._remove_ghosts()
        document = self.document
        clip = clipboard.copy(document.workflow, document.bound, self._keys, self._groups)
        where = (self._corner + self._shift).toTuple()
        patch, nodes, groups = clipboard.paste(
            document.workflow,
            document.bound,
            document.definitions,
            clip,
            where,
            keep_inputs=pointer.shift,
        )
        document.apply(patch, words.clone())
        self.scene.select(Selection.of(nodes, groups))

    def cancel(self) -> None:
        """Make no copy."""
        self._remove_ghosts()

    def _remove_ghosts(self) -> None:
        for ghost, _ in self._ghosts:
            self.scene.removeItem(ghost)
        self._ghosts.clear()
