"""What is under a point of the canvas."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF

from app.ui.canvas.detail import FULL_ZOOM, TITLE_ZOOM
from app.ui.canvas.group_item import RESIZE_CORNER as GROUP_CORNER
from app.ui.canvas.hover import NOTHING, Hit, Under
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_layout import RESIZE_CORNER, TITLE_HEIGHT
from app.ui.canvas.outlines_item import strip_of
from app.ui.canvas.reroute_item import PRESS_RADIUS, SIDE_DISTANCE, SIDE_REACH
from app.ui.canvas.scene import CanvasScene
from app.ui.canvas.strips import pick_in_strip
from app.widgets.base import WidgetPart

CHEVRON_WIDTH = 26.0
ENTER_WIDTH = 28.0
SOCKET_HALF_HEIGHT = 10.0
SOCKET_HALF_WIDTH = 15.0
LINK_REACH_PX = 6.0
_CORNER_REACH = 4.0
"""How far outside its corner a node can still be resized."""


def pick(scene: CanvasScene, pos: QPointF, zoom: float) -> Hit:
    """Return what lies under ``pos``.

    Args:
        scene: The scene.
        pos: Where, in scene coordinates.
        zoom: Scale of the view; far out, parts that cannot be seen cannot be hit.
    """
    item = node_at(scene, pos)
    if item is not None:
        return pick_in_node(item, pos, zoom)
    for key in scene.run.failed:
        failed = scene.nodes.get(key)
        if failed is not None and strip_of(failed.outline).contains(pos):
            return Hit(Under.REMEDY, key)
    reroute = reroute_at(scene, pos)
    if reroute:
        return Hit(Under.REROUTE, reroute)
    side = _reroute_side_at(scene, pos) if zoom >= FULL_ZOOM else None
    if side is not None:
        return side
    link = scene.links.item.pick(pos, LINK_REACH_PX / zoom)
    if link:
        return Hit(Under.LINK, link, 0 if scene.links.item.is_marker(link, pos, zoom) else -1)
    return _pick_group(scene, pos)


def reroute_at(scene: CanvasScene, pos: QPointF) -> str:
    """Return the key of the reroute under ``pos``, or an empty text."""
    for key, reroute in scene.reroutes.items():
        away = pos - reroute.pos()
        if away.x() ** 2 + away.y() ** 2 <= PRESS_RADIUS**2:
            return key
    return ""


def _reroute_side_at(scene: CanvasScene, pos: QPointF) -> Hit | None:
    """Return the half socket of a reroute under ``pos``, if any."""
    for key, reroute in scene.reroutes.items():
        away = pos - reroute.pos()
        if abs(away.y()) <= SIDE_REACH and abs(abs(away.x()) - SIDE_DISTANCE) <= SIDE_REACH:
            return Hit(Under.REROUTE_IN if away.x() < 0 else Under.REROUTE_OUT, key)
    return None


def node_at(scene: CanvasScene, pos: QPointF, reach: float = 4.0) -> NodeItem | None:
    """Return the topmost node under ``pos``, or the one whose edge is within ``reach``."""
    best: NodeItem | None = None
    near: NodeItem | None = None
    for item in scene.nodes_in(QRectF(pos.x() - reach, pos.y() - reach, 2 * reach, 2 * reach)):
        if item.outline.contains(pos):
            if best is None or item.zValue() > best.zValue():
                best = item
        elif near is None or item.zValue() > near.zValue():
            near = item
    return best or near


def pick_in_node(item: NodeItem, pos: QPointF, zoom: float) -> Hit:
    """Return which part of a node lies under ``pos``."""
    local = pos - item.pos()
    layout = item.layout
    if item.is_strip:
        return pick_in_strip(item.node, layout, local, zoom)
    is_near = zoom >= FULL_ZOOM
    if not is_near:
        return Hit(Under.TITLE if local.y() < 0 and zoom >= TITLE_ZOOM else Under.BODY, item.key)
    if layout.is_collapsed:
        return _pick_collapsed(item, local)
    corner = None if item.node.node.is_pinned else _corner_at(layout.outline, local)
    if corner is not None and corner != (-1, -1) and corner != (1, -1):
        return Hit(Under.CORNER, item.key, corner=corner)
    socket = _socket_at(item, local)
    if socket is not None:
        return socket
    if layout.has_title and local.y() < 0:
        if local.x() <= CHEVRON_WIDTH and corner is None:
            return Hit(Under.CHEVRON, item.key)
        if item.node.subgraph is not None and local.x() >= layout.width - ENTER_WIDTH:
            return Hit(Under.ENTER, item.key)
        if corner is not None:
            return Hit(Under.CORNER, item.key, corner=corner)
        return Hit(Under.TITLE, item.key)
    for index, rect in enumerate(layout.widgets):
        if rect.contains(local):
            control = item.controls[index]
            part = control.part_at(local, rect)
            if part is not WidgetPart.NONE:
                return Hit(Under.WIDGET, item.key, index, control.spec.name, part)
    if layout.output is not None and layout.output.contains(local):
        return Hit(Under.PICTURE, item.key)
    return Hit(Under.BODY, item.key)


def _pick_collapsed(item: NodeItem, local: QPointF) -> Hit:
    layout = item.layout
    if item.node.inputs and abs(local.x()) <= 8.0:
        linked = next((i for i, slot in enumerate(item.node.inputs) if slot.link is not None), 0)
        return Hit(Under.INPUT, item.key, linked)
    if item.node.outputs and abs(local.x() - layout.width) <= 8.0:
        return Hit(Under.OUTPUT, item.key, 0)
    if local.x() <= CHEVRON_WIDTH:
        return Hit(Under.CHEVRON, item.key)
    return Hit(Under.TITLE, item.key)


def _socket_at(item: NodeItem, local: QPointF) -> Hit | None:
    layout, node = item.layout, item.node
    if layout.has_title and local.y() < 0:
        return None
    for index, place in enumerate(layout.outputs):
        if abs(local.y() - place.y()) <= SOCKET_HALF_HEIGHT:
            letters = len(node.outputs[index].label)
            if place.x() - 10.0 - 7.0 * letters <= local.x() <= place.x() + SOCKET_HALF_WIDTH:
                return Hit(Under.OUTPUT, item.key, index)
    for index, (slot, place) in enumerate(zip(node.inputs, layout.inputs, strict=True)):
        if abs(local.y() - place.y()) > SOCKET_HALF_HEIGHT:
            continue
        if slot.widget is not None:
            # The dot of a widget lies left of its box; the row itself belongs to the widget.
            if -SOCKET_HALF_WIDTH <= local.x() <= place.x() + 4.0 and place.y() > 0:
                return Hit(Under.INPUT, item.key, index, slot.widget)
        elif -SOCKET_HALF_WIDTH <= local.x() <= place.x() + 10.0 + 7.0 * len(slot.label):
            return Hit(Under.INPUT, item.key, index)
    return None


def _corner_at(outline: QRectF, local: QPointF) -> tuple[int, int] | None:
    reach = RESIZE_CORNER
    left, right = local.x() - outline.left(), outline.right() - local.x()
    top, bottom = local.y() - outline.top(), outline.bottom() - local.y()
    if min(left, right, top, bottom) < -_CORNER_REACH:
        return None
    # The two corners of the title are small, for the title is there to be dragged.
    high = 6.0
    if bottom <= reach and right <= reach and right + bottom <= reach + 4.0:
        return 1, 1
    if bottom <= reach and left <= reach and left + bottom <= reach:
        return -1, 1
    if top <= high and right <= high:
        return 1, -1
    if top <= high and left <= high:
        return -1, -1
    return None


def _pick_group(scene: CanvasScene, pos: QPointF) -> Hit:
    found: Hit = NOTHING
    smallest = float("inf")
    for key, group in scene.groups.items():
        if not group.rect.contains(pos):
            continue
        area = group.rect.width() * group.rect.height()
        if area > smallest:
            continue
        smallest = area
        away = group.rect.bottomRight() - pos
        if away.x() <= GROUP_CORNER and away.y() <= GROUP_CORNER:
            found = Hit(Under.GROUP_CORNER, key)
        elif pos.y() <= group.rect.top() + TITLE_HEIGHT:
            found = Hit(Under.GROUP_TITLE, key)
        else:
            found = Hit(Under.GROUP, key)
    return found
