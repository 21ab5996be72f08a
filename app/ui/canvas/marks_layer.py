"""What is drawn over and around nodes: outlines, what is hovered, and links that light up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QTimer
from PySide6.QtGui import QColor

from app.ui.canvas import node_views
from app.ui.canvas.hover import NOTHING, REROUTE_PARTS, Hit, Under
from app.ui.canvas.hover_item import HoverItem
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.outlines_item import Outline, OutlinesItem, strip_of
from app.ui.canvas.strips import RADIUS
from app.widgets.base import REST
from app.widgets.style import Style

if TYPE_CHECKING:
    from app.ui.canvas.scene import CanvasScene

OUTLINES_Z = 500.0
_OUTLINE_REACH = 8.0
_SIDES = {Under.REROUTE: 0, Under.REROUTE_IN: -1, Under.REROUTE_OUT: 1}


class MarksLayer:
    """Follows the pointer and the selection of one scene.

    Args:
        scene: The scene.

    Attributes:
        lit: Links of selected nodes; they and the ends in their nodes are drawn in full colour.
    """

    def __init__(self, scene: CanvasScene) -> None:
        self.lit: frozenset[str] = frozenset()
        self._scene = scene
        self._offered: tuple[str, QColor] | None = None
        self._outlines = OutlinesItem(scene.theme, self._all_outlines)
        self._outlines.setZValue(OUTLINES_Z)
        self._hover_item = HoverItem(scene.theme)
        scene.addItem(self._outlines)
        scene.addItem(self._hover_item)
        self._timer = QTimer(scene)
        self._timer.setSingleShot(True)
        self._timer.setInterval(int(scene.theme.px("motion.fast")))
        self._timer.timeout.connect(self._light_rested)

    def set_style(self, style: Style) -> None:
        """Take other colours."""
        self._outlines.set_style(style)
        self._hover_item.set_style(style)

    def stop(self) -> None:
        """Wait for the pointer no longer, before the canvas goes away."""
        self._timer.stop()

    def update_outline(self, item: NodeItem) -> None:
        """Paint what is around a node anew; call it before and after the node moves."""
        self._outlines.update_rect(self._area(item))

    def update_lit(self) -> None:
        """Light the links of the selected nodes."""
        scene = self._scene
        lit = frozenset(scene.links.links_of(scene.selection.nodes))
        links = scene.document.bound.links
        changed = [link for key in lit ^ self.lit if (link := links.get(key)) is not None]
        ends = {link.origin: None for link in changed} | {link.target: None for link in changed}
        items = scene.nodes
        scene.refresher.mark_all_stale(items[key] for key in ends if key in items)
        self.lit = lit
        self._light_links()

    def set_hover(self, hit: Hit) -> None:
        """Take note of what the pointer is over."""
        scene = self._scene
        old = scene.pointer.hover
        if hit == old:
            return
        scene.pointer.hover = hit
        if old.key != hit.key:
            # Borders and links light up where the pointer rests, not along its way.
            self._timer.start()
        self.show_hover()
        for other in (old, hit):
            if other.under in REROUTE_PARTS and other.key in scene.reroutes:
                side = _SIDES[other.under] if other is hit else None
                scene.reroutes[other.key].set_hovered(side)
        old_group = old.key if old.under in _GROUP_HANDLES else ""
        new_group = hit.key if hit.under in _GROUP_HANDLES else ""
        if old_group != new_group:
            for key, is_hovered in ((old_group, False), (new_group, True)):
                if key in scene.groups:
                    scene.groups[key].set_hovered(is_hovered)

    def show_hover(self) -> None:
        """Draw the part under the pointer, unless a gesture has the mouse."""
        scene, pointer = self._scene, self._scene.pointer
        hit = pointer.hover
        item = scene.nodes.get(hit.node)
        state = REST
        if item is not None and hit.under is Under.WIDGET:
            if item.visible[hit.index].is_linked or pointer.editing == (hit.key, hit.widget):
                item = None
            else:
                state = node_views.control_state(
                    item, hit.index, pointer, scene.run.run_of(item.key)
                )
        is_free = scene.offer_of is None and pointer.pressed is NOTHING
        if item is None or not is_free:
            self._hover_item.show_hit(None, hit, state)
        else:
            self._hover_item.show_hit(item, hit, state, self._nodes_above(item))

    def _nodes_above(self, item: NodeItem) -> list[QRectF]:
        depth = item.zValue()
        return [
            other.outline
            for other in self._scene.nodes_in(item.outline)
            if other is not item and other.zValue() > depth
        ]

    def set_offered(self, key: str, color: QColor) -> None:
        """Mark the node that would take what is dragged; an empty key for none."""
        old = self._offered
        self._offered = (key, color) if key else None
        for marked in (old, self._offered):
            if marked is not None and marked[0] in self._scene.nodes:
                self.update_outline(self._scene.nodes[marked[0]])

    def _light_rested(self) -> None:
        """Take the node that the pointer rests on as the hovered one."""
        scene = self._scene
        rested, before = scene.pointer.hover.node, scene.pointer.rested
        if rested != before:
            scene.pointer.rested = rested
            for key in (before, rested):
                item = scene.nodes.get(key)
                if item is None:
                    continue
                if item.is_strip:
                    scene.repaint_node(key)
                self._outlines.update_ring(item.outline)
        hit = scene.pointer.hover
        scene.links.item.set_hovered(hit.key if hit.under is Under.LINK else "")
        self._light_links()

    def _light_links(self) -> None:
        lit = set(self.lit)
        rested = self._scene.pointer.rested
        if rested:
            lit |= self._scene.links.links_of([rested])
        self._scene.links.set_lit(lit)

    def _all_outlines(self) -> Iterator[Outline]:
        scene = self._scene
        run, selected = scene.run, scene.selection.nodes
        offered = self._offered[0] if self._offered is not None else ""
        hovered = scene.pointer.rested
        keys = {**dict.fromkeys((hovered, offered)), **run.failed, **run.running, **selected}
        for key in keys:
            item = scene.nodes.get(key)
            if item is not None:
                left, top, right, bottom = item.box()
                yield Outline(
                    QRectF(left, top, right - left, bottom - top),
                    is_selected=key in selected,
                    is_running=key in run.running,
                    problem=run.failed.get(key, ""),
                    remedy=scene.remedies.get(key, ""),
                    # A strip answers to the pointer with its side line.
                    is_hovered=key == hovered and not item.is_strip,
                    radius=RADIUS if item.is_strip else None,
                    can_resize=key == hovered
                    and not item.is_strip
                    and not item.is_collapsed
                    and not item.node.node.is_pinned,
                    offer=self._offered[1] if self._offered and key == offered else None,
                )

    def _area(self, item: NodeItem) -> QRectF:
        area = item.outline.adjusted(
            -_OUTLINE_REACH, -_OUTLINE_REACH, _OUTLINE_REACH, _OUTLINE_REACH
        )
        if item.key in self._scene.run.failed:
            return area.united(strip_of(item.outline))
        return area


_GROUP_HANDLES = (Under.GROUP_TITLE, Under.GROUP_CORNER)
