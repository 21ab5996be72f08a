"""Keeps items in step with a document. The scene follows signals and never changes the workflow."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Signal, SignalInstance
from PySide6.QtGui import QColor, QImage
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene

from app.engine.workflow.model import Mode
from app.ui.canvas import node_views
from app.ui.canvas.detail import Detail
from app.ui.canvas.dragged_items import DraggedItems
from app.ui.canvas.frames_layer import FramesLayer
from app.ui.canvas.hover import NOTHING, Hit
from app.ui.canvas.link_layer import LinkLayer
from app.ui.canvas.marks_layer import MarksLayer
from app.ui.canvas.node_boxes import NodeBoxes, index_rect
from app.ui.canvas.node_fonts import node_fonts
from app.ui.canvas.node_item import NODE_Z, Z_STEP, NodeItem
from app.ui.canvas.node_painter import NodePainter
from app.ui.canvas.node_view import NodeView, SocketOffer
from app.ui.canvas.node_views import PointerState
from app.ui.canvas.refresh import PictureRefresher
from app.ui.canvas.run_layer import RunLayer
from app.ui.canvas.selection import Selection
from app.ui.run_state import RunState
from app.widgets.style import Style

if TYPE_CHECKING:
    from app.ui.document import WorkflowDocument

MANY_CHANGES = 100
"""From so many nodes on in one edit, everything is painted anew instead of each of them."""
MANY_NODES = 800
"""From so many nodes on, the collector is kept away from them (a full pass takes 25 ms)."""


class CanvasScene(QGraphicsScene):
    """The items of one document.

    Attributes:
        nodes: Node items by key.
        groups: Group items by key.
        reroutes: Reroute items by key.
        links: Routes and paints links.
        run: Shows the run.
        refresher: Keeps the pictures of nodes up to date.
        marks: Outlines, hover and lit links.
        dragged: Shows things elsewhere while they are dragged.
        pointer: What the pointer does with nodes.
        offer_of: Tells which sockets of a node would take the link that is dragged; None when
            none is.
        remedies: Words on the button below a failed node, by key.

    Signals:
        selection_changed: Other things are selected.
        content_changed: Anything moved, came or went (the map draws itself anew).
    """

    selection_changed = Signal()
    content_changed = Signal()

    def __init__(self, document: WorkflowDocument, run_state: RunState, style: Style) -> None:
        super().__init__()
        self.document = document
        self.run_state = run_state
        self.nodes: dict[str, NodeItem] = {}
        self._frames = FramesLayer(self, document, style)
        self.groups = self._frames.groups
        self.reroutes = self._frames.reroutes
        self.pointer = PointerState()
        self.remedies: Mapping[str, str] = {}
        self.links = LinkLayer(style, self.nodes, self.reroutes)
        self.run = RunLayer(self, run_state, style)
        self.refresher = PictureRefresher(self._view_of, self._flat_color)
        self.addItem(self.links.item)
        self._selection = Selection()
        self._graph_id = document.graph_id
        self.offer_of: Callable[[NodeItem], SocketOffer] | None = None
        self._loose_link: QGraphicsItem | None = None
        self.dragged = DraggedItems(self)
        self._unrouted: set[str] = set()
        self._boxes = NodeBoxes()
        self._style = style
        self.marks = MarksLayer(self)
        self.set_style(style)
        for signal, slot in self._connections():
            signal.connect(slot)
        self.rebuild()

    def _connections(self) -> Iterator[tuple[SignalInstance, Callable[..., None]]]:
        document, state = self.document, self.run_state
        yield document.graph_reset, self.rebuild
        yield document.nodes_added, self._on_nodes_added
        yield document.nodes_removed, self._on_nodes_removed
        yield document.nodes_changed, self._on_nodes_changed
        yield document.nodes_moved, self._on_nodes_moved
        yield document.order_changed, self._on_order_changed
        yield document.links_changed, self._on_links_changed
        yield document.groups_changed, self._on_groups_changed
        yield document.reroutes_changed, self._on_reroutes_changed
        yield document.edited, self._route_links
        yield state.node_changed, self._on_run_changed
        yield state.progress_changed, self._on_progress_changed

    def disconnect_document(self) -> None:
        """Stop following the document, before the scene goes away."""
        self.marks.stop()
        for signal, slot in self._connections():
            signal.disconnect(slot)

    @property
    def theme(self) -> Style:
        """The colours, fonts and measures in use."""
        return self._style

    def set_style(self, style: Style) -> None:
        """Draw everything in another theme."""
        self._style = style
        self.refresher.set_painter(NodePainter(style))
        self.links.item.set_style(style)
        self.run.set_style(style)
        self.marks.set_style(style)
        self._frames.set_style(style)
        for item in self.nodes.values():
            item.is_stale = True
        self.update()

    def rebuild(self) -> None:
        """Show the document's graph from nothing."""
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            self._clear()
            bound = self.document.bound
            self.setSceneRect(index_rect(node.node.pos for node in bound.nodes.values()))
            fonts = node_fonts(self._style)
            for index, node in enumerate(bound.nodes.values()):
                item = NodeItem(node, fonts)
                self._place_new(item, index)
            self._frames.rebuild()
            self.links.reset(bound)
            self.links.update_floating(self.document.graph)
            self._frames.color_reroutes(self.reroutes)
            if self.run_state.nodes:
                for item in self.nodes.values():
                    self.run.update_node(item)
        finally:
            if was_enabled:
                gc.enable()
        if len(self.nodes) >= MANY_NODES:
            # A collection that looked at all of them would stop the window for a second; what
            # is garbage among them goes when the program collects deeply.
            gc.freeze()
        # Keys mean other nodes in another graph.
        kept = self._selection if self.document.graph_id == self._graph_id else Selection()
        self._graph_id = self.document.graph_id
        self.select(kept)
        self.refresher.invalidate_all()
        self.content_changed.emit()
        self.update()

    def _clear(self) -> None:
        self._unrouted.clear()
        self.run.clear()
        self.refresher.clear()
        for item in self.nodes.values():
            self.removeItem(item)
        self.nodes.clear()
        self._frames.clear()
        self._boxes.clear()
        self.pointer.hover = self.pointer.pressed = NOTHING
        self.pointer.editing = self.pointer.focused = None
        self.marks.show_hover()

    def nodes_in(self, rect: QRectF) -> list[NodeItem]:
        """Return the nodes whose outline touches ``rect``, lowest first or not."""
        return self._boxes.touching(rect)

    def nodes_bounds(self, keys: Iterable[str] | None = None) -> QRectF:
        """Return the rectangle around these nodes, or around all nodes and groups."""
        bounds = QRectF()
        if keys is None:
            for group in self.groups.values():
                bounds = bounds.united(group.rect)
            keys = self.nodes
        for key in keys:
            bounds = bounds.united(self.nodes[key].outline)
        return bounds

    @property
    def selection(self) -> Selection:
        """What is selected; change it by :meth:`select` only."""
        return self._selection

    def select(self, selection: Selection) -> None:
        """Select exactly this; keys that are not there are left out."""
        selection = Selection(
            {key: None for key in selection.nodes if key in self.nodes},
            {key: None for key in selection.groups if key in self.groups},
            {key: None for key in selection.reroutes if key in self.reroutes},
        )
        old, self._selection = self._selection, selection
        changed = old.nodes.keys() ^ selection.nodes.keys()
        for key in old.groups.keys() ^ selection.groups.keys():
            if key in self.groups:
                self.groups[key].set_selected(key in selection.groups)
        for key in old.reroutes.keys() ^ selection.reroutes.keys():
            if key in self.reroutes:
                self.reroutes[key].set_selected(key in selection.reroutes)
        if changed:
            self._relight(changed)
        if changed or old.groups != selection.groups or old.reroutes != selection.reroutes:
            self.selection_changed.emit()

    def _relight(self, changed: Iterable[str]) -> None:
        """Bring outlines, titles and links in step with the selection."""
        items = self.nodes
        self.refresher.mark_all_stale(items[key] for key in changed if key in items)
        self.marks.update_lit()

    def set_hover(self, hit: Hit) -> None:
        """Take note of what the pointer is over."""
        self.marks.set_hover(hit)

    def set_pressed(self, hit: Hit) -> None:
        """Take note of what is held down."""
        for key in {self.pointer.pressed.node, hit.node}:
            if key in self.nodes:
                self.refresher.mark_stale(self.nodes[key])
        self.pointer.pressed = hit
        self.marks.show_hover()

    def set_offer(self, offer_of: Callable[[NodeItem], SocketOffer] | None) -> None:
        """Show which sockets would take the link that is dragged; None when none is."""
        self.offer_of = offer_of
        for item in self.nodes.values():
            item.is_stale = True
        self.refresher.invalidate_all()
        if offer_of is None:
            self.marks.set_offered("", QColor())
        self.update()

    def set_focused(self, where: tuple[str, str] | None) -> None:
        """Draw the ring of the keyboard around a control; None for nowhere."""
        old, self.pointer.focused = self.pointer.focused, where
        for changed in (old, where):
            if changed is not None and old != where:
                self.repaint_node(changed[0])

    def set_editing(self, where: tuple[str, str] | None) -> None:
        """Leave the value of a control out while an editor lies over it."""
        old, self.pointer.editing = self.pointer.editing, where
        for changed in (old, where):
            if changed is not None:
                self.repaint_node(changed[0])
        self.marks.show_hover()

    def show_loose_link(self, item: QGraphicsItem) -> None:
        """Keep a link that hangs from the pointer on screen until it is cleared."""
        self.clear_loose_link()
        self._loose_link = item
        self.addItem(item)

    def clear_loose_link(self) -> None:
        """Remove the loose link."""
        if self._loose_link is not None:
            self.removeItem(self._loose_link)
            self._loose_link = None

    def repaint_node(self, key: str) -> None:
        """Paint a node anew when it is next on screen."""
        item = self.nodes.get(key)
        if item is not None:
            self.refresher.mark_stale(item)

    def update_floating(self) -> None:
        """Route the links anew that hang from one end only."""
        if self.document.graph.floating_links or self.links.has_floating:
            self.links.update_floating(self.document.graph)

    def set_chosen_picture(self, key: str, image: QImage | None, size: tuple[int, int]) -> None:
        """Show the picture that a node's file widget names, until a run delivers one.

        Args:
            key: The node.
            image: A copy small enough to draw, or None for no picture.
            size: Width and height of the full picture in pixels.
        """
        item = self.nodes.get(key)
        if item is None:
            return
        self.marks.update_outline(item)
        item.chosen_picture = None if image is None else (image, size)
        if self.run.update_node(item):
            self.node_resized(item)
        self.refresher.mark_stale(item)

    def node_resized(self, item: NodeItem) -> None:
        """Take note that a node has another size for a reason of its own."""
        self.marks.update_outline(item)
        self.place_node(item, item.pos())
        self.refresher.mark_stale(item)
        self.links.update_nodes([item.key])

    def _place_new(self, item: NodeItem, index: int) -> None:
        record = item.node.node
        self.nodes[item.key] = item
        item.setPos(*record.pos)
        item.setZValue(NODE_Z + index * Z_STEP)
        self.addItem(item)
        self._fade(item)
        self._boxes.add(item)
        # An item without a picture has no extent, and Qt would not tell when it must be painted.
        self.refresher.show_flat(item)

    def _fade(self, item: NodeItem) -> None:
        """Show muted nodes faintly (U-140)."""
        is_muted = item.node.node.mode == Mode.MUTED
        item.setOpacity(self._style.number("node.mutedAlpha") if is_muted else 1.0)

    def place_node(self, item: NodeItem, pos: QPointF) -> None:
        """Show a node at ``pos``, with what is drawn around it; its links stay behind."""
        if item.key in self.run.failed:
            self.marks.update_outline(item)
        item.setPos(pos)
        self._boxes.update(item)
        self.run.place_bar(item)
        if item.key in self.run.failed:
            self.marks.update_outline(item)

    def _on_nodes_added(self, keys: list[str]) -> None:
        fonts = node_fonts(self._style)
        for key in keys:
            item = NodeItem(self.document.bound.nodes[key], fonts)
            self._place_new(item, len(self.nodes))
            self.run.update_node(item)
        self.refresher.mark_all_stale(self.nodes[key] for key in keys)
        self._unrouted |= self.links.links_of(keys)
        self.refresher.invalidate_all()
        self.content_changed.emit()

    def _on_nodes_removed(self, keys: list[str]) -> None:
        is_mass = len(keys) >= MANY_CHANGES
        for key in keys:
            item = self.nodes.pop(key)
            if not is_mass:
                self.marks.update_outline(item)
            self._boxes.remove(key)
            self.run.forget(key)
            self.refresher.forget(item)
            self.removeItem(item)
        if is_mass:
            self.update()
        self.update_floating()
        if self.pointer.hover.key in keys:
            self.set_hover(NOTHING)
        self.select(self._selection)
        self.content_changed.emit()

    def _on_nodes_changed(self, keys: list[str]) -> None:
        is_mass = len(keys) >= MANY_CHANGES
        restyled, bound = self.document.restyled, self.document.bound
        rerouted: list[str] = []
        for key in keys:
            item = self.nodes[key]
            if not is_mass:
                self.marks.update_outline(item)
            item.dragged_size = None
            if key not in restyled:
                item.rebind(bound.nodes[key])
                rerouted.append(key)
            elif item.restyle():
                rerouted.append(key)
            self._fade(item)
            self.place_node(item, QPointF(*item.node.node.pos))
            if not is_mass:
                self.marks.update_outline(item)
        if self.pointer.hover.node in keys:
            self.set_hover(NOTHING)
        self.refresher.mark_all_stale(self.nodes[key] for key in keys)
        if is_mass:
            self.update()
        self._unrouted |= self.links.links_of(rerouted)
        self.content_changed.emit()

    def _on_nodes_moved(self, keys: list[str]) -> None:
        ways: set[tuple[float, float]] = set()
        for key in keys:
            item = self.nodes[key]
            x, y = item.node.node.pos
            ways.add((x - item.x(), y - item.y()))
            self.place_node(item, QPointF(x, y))
        if len(ways) == 1 and not self._unrouted:
            self.links.moved(keys, *ways.pop())
        else:
            self._unrouted |= self.links.links_of(keys)
        self.update_floating()
        self.refresher.invalidate_all()
        self.content_changed.emit()

    def _on_order_changed(self) -> None:
        for index, key in enumerate(self.document.bound.nodes):
            item, depth = self.nodes[key], NODE_Z + index * Z_STEP
            if item.zValue() != depth:
                item.setZValue(depth)
                self.run.place_bar(item)

    def _route_links(self) -> None:
        """Route the links of what changed, once for all that an edit did."""
        if self._unrouted:
            unrouted, self._unrouted = self._unrouted, set()
            self.links.update(unrouted)

    def _on_links_changed(self, keys: list[str]) -> None:
        self._unrouted.update(keys)
        self._unrouted |= self.links.update_forks()
        self._route_links()
        self.update_floating()
        self._frames.color_reroutes(self.reroutes)
        self.marks.update_lit()
        self.content_changed.emit()

    def _on_groups_changed(self, keys: list[str]) -> None:
        self._frames.update_groups(keys)
        self.select(self._selection)
        self.content_changed.emit()

    def _on_reroutes_changed(self, keys: list[str]) -> None:
        self._frames.update_reroutes(keys)
        self.links.update_reroutes(keys)
        self.update_floating()
        self._frames.color_reroutes(keys)
        self.select(self._selection)
        self.content_changed.emit()

    def _on_run_changed(self, run_key: str) -> None:
        key = self.run.local_key(run_key)
        item = self.nodes.get(key) if key is not None else None
        if item is None:
            return
        self.marks.update_outline(item)
        if self.run.update_node(item):
            self._boxes.update(item)
            self.links.update_nodes([item.key])
        self.marks.update_outline(item)
        self.refresher.mark_stale(item)
        self.content_changed.emit()

    def _on_progress_changed(self, run_key: str) -> None:
        key = self.run.local_key(run_key)
        if key is not None and key in self.nodes and self.run.update_progress(self.nodes[key]):
            self.refresher.mark_stale(self.nodes[key])

    def _view_of(self, item: NodeItem, detail: Detail, zoom: float) -> NodeView:
        return node_views.view_of(
            item,
            self._style,
            detail,
            zoom,
            run=self.run.run_of(item.key),
            pointer=self.pointer,
            is_selected=item.key in self._selection.nodes,
            lit_links=self.marks.lit,
            offer=self.offer_of(item) if self.offer_of is not None else None,
        )

    def _flat_color(self, item: NodeItem) -> QColor:
        return node_views.colors_of(item, self._style).body
