"""Draws the real node of a definition, for the search and for the page about a node."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPixmap

from app.engine.node_types.definition import NodeDefinition
from app.widgets.style import Style

if TYPE_CHECKING:
    from app.ui.canvas.node_item import NodeItem

TITLE_HEIGHT = 30.0
MARGIN = 8.0
"""Room for the sockets, which reach out of the node, and for its shadow."""
MOST_SCALE = 1.4
_REMEMBERED = 48

_pictures: OrderedDict[tuple[int, int, int, float], tuple[NodeDefinition, Style, QPixmap]] = (
    OrderedDict()
)


def definition_picture(
    definition: NodeDefinition, width: float, look: Style, ratio: float
) -> QPixmap:
    """Return a fresh node as a picture, with :data:`MARGIN` around it.

    Args:
        definition: Its type.
        width: How wide the node shall be, in pixels; it is enlarged a little at most.
        look: The style.
        ratio: Screen pixels per pixel.
    """
    key = (id(definition), id(look), round(width), ratio)
    kept = _pictures.get(key)
    if kept is not None:
        _pictures.move_to_end(key)
        return kept[2]
    pixmap = _draw(definition, width, look, ratio)
    # The objects are kept with the picture, so that their ids stay theirs.
    _pictures[key] = (definition, look, pixmap)
    while len(_pictures) > _REMEMBERED:
        _pictures.popitem(last=False)
    return pixmap


def paint_definition(
    painter: QPainter, definition: NodeDefinition, box: QRectF, look: Style
) -> float:
    """Draw a fresh node into ``box``, cut at its foot; returns the height it took."""
    ratio = painter.device().devicePixelRatioF()
    pixmap = definition_picture(definition, box.width(), look, ratio)
    size = pixmap.deviceIndependentSize()
    height = min(size.height(), box.height() + MARGIN)
    source = QRectF(0, 0, pixmap.width(), height * ratio)
    corner = box.topLeft() - QPointF(MARGIN, MARGIN)
    painter.drawPixmap(QRectF(corner.x(), corner.y(), size.width(), height), pixmap, source)
    return min(size.height() - 2 * MARGIN, box.height())


def _draw(definition: NodeDefinition, width: float, look: Style, ratio: float) -> QPixmap:
    from app.ui.canvas.detail import Detail
    from app.ui.canvas.node_painter import NodePainter
    from app.ui.canvas.node_views import PointerState, view_of

    item = _make_item(definition, look)
    scale = min(width / item.layout.width, MOST_SCALE)
    shown_width = item.layout.width * scale + 2 * MARGIN
    shown_height = (item.size[1] + TITLE_HEIGHT) * scale + 2 * MARGIN
    pixmap = QPixmap(round(shown_width * ratio), round(shown_height * ratio))
    pixmap.setDevicePixelRatio(ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    view = view_of(
        item,
        look,
        Detail.FULL,
        scale * ratio,
        run=None,
        pointer=PointerState(),
        is_selected=False,
        lit_links=frozenset(),
        offer=None,
    )
    painter = QPainter(pixmap)
    painter.translate(MARGIN, MARGIN)
    painter.scale(scale, scale)
    painter.translate(0.0, TITLE_HEIGHT)
    NodePainter(look).paint(painter, view)
    painter.end()
    return pixmap


def _make_item(definition: NodeDefinition, look: Style) -> NodeItem:
    from app.engine.workflow import edits
    from app.engine.workflow.bind import bind_graph
    from app.engine.workflow.patch import apply_patch
    from app.engine.workflow.reader import new_workflow
    from app.ui.canvas.node_item import NodeItem, new_node_size
    from app.ui.canvas.node_painter import node_fonts

    fonts = node_fonts(look)
    workflow = new_workflow()
    known = {definition.name: definition}
    bound = bind_graph(workflow, workflow.root, known)
    size = new_node_size(definition, fonts)
    patch, key = edits.add_node(workflow, bound, definition, (0.0, 0.0), size=size)
    apply_patch(workflow, patch)
    bound = bind_graph(workflow, workflow.root, known)
    return NodeItem(bound.nodes[key], fonts)
