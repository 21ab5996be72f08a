"""Draws the real node of a definition, for the search and for the page about a node."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter

from app.engine.node_types.definition import NodeDefinition
from app.widgets.style import Style

TITLE_HEIGHT = 30.0


@lru_cache(maxsize=64)
def _item(definition: NodeDefinition, look: Style) -> object:
    from app.engine.workflow import edits
    from app.engine.workflow.bind import bind_graph
    from app.engine.workflow.model import ROOT
    from app.engine.workflow.patch import apply_patch
    from app.engine.workflow.reader import new_workflow
    from app.ui.canvas.node_item import NodeItem, new_node_size
    from app.ui.canvas.node_painter import node_fonts

    fonts = node_fonts(look)
    workflow = new_workflow()
    known = {definition.name: definition}
    bound = bind_graph(workflow, workflow.graph(ROOT), known)
    size = new_node_size(definition, fonts)
    patch, key = edits.add_node(workflow, bound, definition, (0.0, 0.0), size=size)
    apply_patch(workflow, patch)
    bound = bind_graph(workflow, workflow.graph(ROOT), known)
    return NodeItem(bound.nodes[key], fonts)


def paint_definition(
    painter: QPainter, definition: NodeDefinition, box: QRectF, look: Style
) -> float:
    """Draw a fresh node into ``box``, as wide as it fits; returns the height it took."""
    from app.ui.canvas.detail import Detail
    from app.ui.canvas.node_item import NodeItem
    from app.ui.canvas.node_painter import NodePainter
    from app.ui.canvas.node_views import PointerState, view_of

    item = _item(definition, look)
    assert isinstance(item, NodeItem)
    layout_width = item.layout.width
    scale = min(box.width() / layout_width, 1.4)
    view = view_of(
        item,
        look,
        Detail.FULL,
        scale * painter.device().devicePixelRatioF(),
        run=None,
        pointer=PointerState(),
        is_selected=False,
        lit_links=frozenset(),
        offer=None,
    )
    painter.save()
    painter.translate(box.topLeft())
    painter.scale(scale, scale)
    painter.translate(0.0, TITLE_HEIGHT)
    NodePainter(look).paint(painter, view)
    painter.restore()
    return (item.size[1] + TITLE_HEIGHT) * scale
