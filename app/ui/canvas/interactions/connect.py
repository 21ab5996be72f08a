"""Dragging links: making them, taking them off, moving them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor

from app.engine.workflow import edits
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.patch import Patch
from app.engine.workflow.trial import Trial
from app.engine.workflow.type_match import types_fit
from app.ui.canvas import picking, strips, words
from app.ui.canvas.drag_link_item import DragLinkItem
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions import reroute_links, strip
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.interactions.reroute_links import LinkDrop, LooseLink
from app.ui.canvas.link_routes import Point
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_view import SocketOffer

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


def begin_link(view: CanvasView, pointer: Pointer, hit: Hit) -> Gesture:
    """Return the gesture that a press on a socket begins."""
    bound = view.document.bound
    node = bound.nodes[hit.key]
    if hit.under is Under.NEW_SLOT:
        is_output = strips.is_input_strip(node)
        return NewLinkGesture(view, pointer, LooseLink(hit.key, hit.index, is_output, "*"))
    if hit.under is Under.OUTPUT:
        output = node.outputs[hit.index]
        if pointer.shift and output.links:
            return MoveAllLinksGesture(view, pointer, hit, list(output.links))
        return NewLinkGesture(view, pointer, LooseLink(hit.key, hit.index, True, output.type))
    slot = node.inputs[hit.index]
    link = bound.links.get(slot.link) if slot.link is not None else None
    if link is None:
        return NewLinkGesture(view, pointer, LooseLink(hit.key, hit.index, False, slot.type))
    last = link.reroutes[-1] if link.reroutes else ""
    origin = LooseLink(link.origin, link.origin_slot, True, link.type, last)
    lifted = () if pointer.shift else (link.key,)
    return NewLinkGesture(view, pointer, origin, lifted=lifted)


def drag_from_reroute(
    view: CanvasView, pointer: Pointer, key: str, *, feeds: bool = False
) -> Gesture | None:
    """Return the gesture that drags a link from a reroute (U-076).

    Args:
        view: The canvas.
        pointer: The press.
        key: The reroute.
        feeds: Drag to another source of it, instead of to one more input.
    """
    loose = reroute_links.loose_from(view.document, key, feeds=feeds)
    return None if loose is None else NewLinkGesture(view, pointer, loose)


def cut_at_socket(view: CanvasView, hit: Hit) -> None:
    """Remove all links of a socket (U-064)."""
    document = view.document
    remove = edits.disconnect_output if hit.under is Under.OUTPUT else edits.disconnect_input
    patch = remove(document.workflow, document.bound, hit.key, hit.index)
    document.apply(patch, words.disconnect())


class NewLinkGesture(Gesture):
    """Drags a loose end to where it shall be linked.

    Args:
        view: The canvas.
        start: The press.
        loose: What the link hangs from.
        lifted: The link whose end is moved; it is gone when it is let go over empty canvas.
    """

    cursor = Qt.CursorShape.CrossCursor
    pans_at_edge = True

    def __init__(
        self,
        view: CanvasView,
        start: Pointer,
        loose: LooseLink,
        *,
        lifted: tuple[str, ...] = (),
    ) -> None:
        super().__init__(view, start)
        self.loose = loose
        self._lifted = lifted
        self._is_dragging = False
        self._drop: LinkDrop | None = None
        self._item = DragLinkItem(self.scene.theme)

    def move(self, pointer: Pointer) -> None:
        """Draw the link to the pointer, or to the socket that would take it."""
        if not self._is_dragging:
            if not self.is_drag(pointer):
                return
            self._begin()
        self._drop = self._drop_at(pointer)
        self._show(pointer.pos)

    def _begin(self) -> None:
        self._is_dragging = True
        self.scene.addItem(self._item)
        self.scene.links.lift(self._lifted)
        self.scene.set_offer(self._offer_maker())

    def _offer_maker(self) -> Callable[[NodeItem], SocketOffer]:
        """Return what tells which sockets fit; nodes that would close a loop have none."""
        loose, bound = self.loose, self.document.bound
        is_new = strips.is_new_slot(bound, loose.node, loose.slot)
        forbidden = (
            _upstream(bound, loose.node) if loose.is_output else downstream(bound, loose.node)
        )

        def offer(item: NodeItem) -> SocketOffer:
            if item.key in forbidden:
                return SocketOffer(
                    outputs=frozenset({loose.slot})
                    if loose.is_output and item.key == loose.node else frozenset(),
                    inputs=frozenset({loose.slot})
                    if not loose.is_output and item.key == loose.node else frozenset(),
                )  # fmt: skip
            if item.is_strip:
                return strip.offer_of(item, loose.type, takes_output=loose.is_output, is_new=is_new)
            if loose.is_output:
                return SocketOffer(
                    inputs=frozenset(
                        index
                        for index, slot in enumerate(item.node.inputs)
                        if types_fit(loose.type, slot.type)
                    )
                )
            return SocketOffer(
                outputs=frozenset(
                    index
                    for index, output in enumerate(item.node.outputs)
                    if types_fit(output.type, loose.type)
                )
            )

        return offer

    def _drop_at(self, pointer: Pointer) -> LinkDrop | None:
        """Return the socket that a release here means: dot, row, widget, or first that fits."""
        item = picking.node_at(self.scene, pointer.pos, reach=12.0 / pointer.zoom)
        if item is None:
            if isinstance(self, MoveAllLinksGesture):
                return None
            return reroute_links.drop_on_reroute(self.document, self.scene, self.loose, pointer.pos)
        loose, bound = self.loose, self.document.bound
        hit = picking.pick_in_node(item, pointer.pos, pointer.zoom)
        if item.is_strip:
            slot = strip.slot_for(item, hit, takes_output=loose.is_output)
        else:
            slot = self._slot_under(hit, item)
        if slot is None and not item.is_strip:
            if loose.is_output:
                slot = edits.first_fitting_input(bound, loose.type, item.key, origin=loose.node)
            elif item.key != loose.node:
                slot = edits.first_fitting_output(bound, loose.type, item.key)
        if slot is None or (loose.fed and strips.is_new_slot(bound, item.key, slot)):
            return None
        return LinkDrop(item.key, slot, self.refusal(item.key, slot))

    def _slot_under(self, hit: Hit, item: NodeItem) -> int | None:
        if self.loose.is_output:
            if hit.under is Under.INPUT:
                return hit.index
            if hit.under is Under.WIDGET:
                return next(
                    (i for i, slot in enumerate(item.node.inputs) if slot.widget == hit.widget),
                    None,
                )
        elif hit.under is Under.OUTPUT:
            return hit.index
        return None

    def refusal(self, key: str, slot: int) -> str:
        """Return why a link to a socket is refused, or an empty text."""
        loose, bound = self.loose, self.document.bound
        if loose.is_output:
            return strip.refusal(bound, loose.node, loose.slot, key, slot)
        if loose.fed:
            return reroute_links.refusal(self.document.workflow, bound, loose.fed, key, slot)
        return strip.refusal(bound, key, slot, loose.node, loose.slot)

    def _show(self, pos: QPointF) -> None:
        scene, loose = self.scene, self.loose
        start, via = self._start()
        color = scene.theme.link_color(loose.type)
        drop = self._drop
        reason = words.link_reason(drop.reason) if drop is not None else ""
        end = pos
        target: QPointF | None = None
        if drop is not None and drop.reroute and not drop.reason:
            target = end = scene.reroutes[drop.reroute].pos()
        elif drop is not None and not drop.reason:
            node = scene.nodes[drop.key]
            target = (
                node.input_place(drop.slot) if loose.is_output else node.output_place(drop.slot)
            )
            end = QPointF(*node.link_end(drop.slot, is_output=not loose.is_output))
        is_node = target is not None and drop is not None and not drop.reroute
        scene.marks.set_offered(drop.key if is_node and drop is not None else "", color)
        self._item.show_link(
            start, end.toTuple(), color, pos, target, reason, is_forward=loose.is_output, via=via
        )

    def _start(self) -> tuple[Point, list[Point]]:
        """Return where the link is drawn from, and the reroutes that its moved end keeps."""
        scene, loose, bound = self.scene, self.loose, self.document.bound
        if loose.reroute and not self._lifted:
            return scene.reroutes[loose.reroute].pos().toTuple(), []
        start = scene.nodes[loose.node].link_end(loose.slot, is_output=loose.is_output)
        kept = [key for link in self._lifted[:1] for key in bound.links[link].reroutes]
        return start, [scene.reroutes[key].pos().toTuple() for key in kept]

    def release(self, pointer: Pointer) -> None:
        """Make the link, or say why not."""
        if not self._is_dragging:
            pressed = self.view.pick(self.start.pixel)
            item = self.scene.nodes.get(pressed.node)
            if item is not None and item.is_strip and pressed.index >= 0:
                strip.click_slot(self.view, pressed.key, pressed.index)
            return
        self._drop = self._drop_at(pointer)
        drop = self._drop
        is_empty = picking.node_at(self.scene, pointer.pos) is None
        self._end()
        if drop is not None and drop.reason:
            self.view.refused.emit(words.link_reason(drop.reason))
        elif drop is not None:
            self._connect(drop)
        elif is_empty and self._lifted:
            document = self.document
            workflow, bound = document.workflow, document.bound
            patch = edits.remove_links(workflow, bound, self._lifted, keep="output")
            document.apply(patch, words.disconnect())
        elif is_empty:
            self._leave_loose(pointer.pos)

    def _leave_loose(self, pos: QPointF) -> None:
        """Keep the loose link on screen while the window asks what to add."""
        scene, loose = self.scene, self.loose
        if strips.is_new_slot(self.document.bound, loose.node, loose.slot):
            return
        start, _ = self._start()
        item = DragLinkItem(scene.theme)
        scene.show_loose_link(item)
        item.show_link(
            start, pos.toTuple(), scene.theme.link_color(loose.type), pos, None, "",
            is_forward=loose.is_output,
        )  # fmt: skip
        self.view.link_dropped_on_empty.emit(loose, pos)

    def _connect(self, drop: LinkDrop) -> None:
        document, loose = self.document, self.loose
        workflow, bound = document.workflow, document.bound
        moved = next((key for key in self._lifted if key in bound.links), "")
        if not moved:
            patch = reroute_links.join(workflow, bound, loose, drop)
            document.apply(patch, words.move_links() if drop.reroute else words.connect())
        elif not drop.reroute:
            patch = strip.relink(workflow, bound, moved, drop.key, drop.slot)
            document.apply(patch, words.connect())
        else:
            document.apply(self._move_onto(drop.reroute, moved), words.move_links())

    def _move_onto(self, reroute: str, moved: str) -> Patch:
        """Return the edit that lets a reroute follow the chain of a link, which ends there."""
        loose, graph_id = self.loose, self.document.graph_id
        trial = Trial.of(self.document.workflow, self.document.bound)
        trial.apply(
            edits.feed_reroute(
                trial.workflow, trial.bound(graph_id), reroute, loose.node, loose.slot,
                parent=loose.parent,
            )
        )  # fmt: skip
        own = trial.bound(graph_id)
        trial.apply(edits.remove_links(trial.workflow, own, {moved} & own.links.keys()))
        return trial.patch()

    def cancel(self) -> None:
        """Put the link back where it was."""
        if self._is_dragging:
            self._end()

    def _end(self) -> None:
        self._is_dragging = False
        self.scene.removeItem(self._item)
        self.scene.links.lift(())
        self.scene.set_offer(None)


class MoveAllLinksGesture(NewLinkGesture):
    """Gives all links of an output another source (U-063)."""

    def __init__(self, view: CanvasView, start: Pointer, hit: Hit, links: list[str]) -> None:
        bound = view.document.bound
        first = bound.links[links[0]]
        kind = bound.nodes[hit.key].outputs[hit.index].type
        loose = LooseLink(first.target, first.target_input, False, kind)
        super().__init__(view, start, loose, lifted=tuple(links))
        self._source = hit

    def refusal(self, key: str, slot: int) -> str:
        """Return why one of the links cannot start there, or an empty text."""
        bound = self.document.bound
        for name in self._lifted:
            link = bound.links[name]
            reason = strip.refusal(bound, key, slot, link.target, link.target_input)
            if reason:
                return reason
        return ""

    def _connect(self, drop: LinkDrop) -> None:
        document = self.document
        patch = strip.move_to(document.workflow, document.bound, self._lifted, drop.key, drop.slot)
        document.apply(patch, words.move_links())

    def _show(self, pos: QPointF) -> None:
        scene, bound = self.scene, self.document.bound
        drop = self._drop
        color: QColor = scene.theme.link_color(self.loose.type)
        reason = words.link_reason(drop.reason) if drop is not None else ""
        source, target = pos.toTuple(), None
        if drop is not None and not drop.reason:
            target = scene.nodes[drop.key].output_place(drop.slot)
            source = scene.nodes[drop.key].link_end(drop.slot, is_output=True)
        scene.marks.set_offered(drop.key if target is not None and drop is not None else "", color)
        courses = [
            [
                source,
                *(scene.reroutes[key].pos().toTuple() for key in link.reroutes),
                scene.nodes[link.target].link_end(link.target_input, is_output=False),
            ]
            for link in (bound.links[key] for key in self._lifted)
        ]
        self._item.show_links(courses, color, pos, target, reason)


def _upstream(bound: BoundGraph, key: str) -> set[str]:
    """Return a node and all that feed it."""
    return _walk(bound, key, upstream=True)


def downstream(bound: BoundGraph, key: str) -> set[str]:
    """Return a node and all that it feeds."""
    return _walk(bound, key, upstream=False)


def _walk(bound: BoundGraph, key: str, *, upstream: bool) -> set[str]:
    nodes, links = bound.nodes, bound.links
    seen, waiting = {key}, [key]
    while waiting:
        node = nodes[waiting.pop()]
        if upstream:
            near = [links[slot.link].origin for slot in node.inputs if slot.link in links]
        else:
            near = [
                links[name].target for item in node.outputs for name in item.links if name in links
            ]
        for other in near:
            if other not in seen and other in nodes:
                seen.add(other)
                waiting.append(other)
    return seen
