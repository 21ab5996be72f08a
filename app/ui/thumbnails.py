"""Small pictures of documents: the last result, else a drawing of the nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.model import Node, Workflow
from app.ui.documents import OpenDocument
from app.ui.recent_files import THUMBNAIL
from app.widgets.style import Style, mix
from app.widgets.themed import paint_box


def document_picture(item: OpenDocument, look: Style) -> Callable[[], QImage]:
    """Return what draws the picture of a document for the start page, on any thread.

    Reading nodes while they are edited is safe: edits replace values and never change them.
    """
    for run in reversed(list(item.run_state.nodes.values())):
        if run.images:
            image = run.images[0]
            return lambda: cover(image, QSize(*THUMBNAIL))
    nodes, definitions = list(item.document.workflow.root.nodes.values()), item.document.definitions
    return lambda: draw_nodes(nodes, definitions, look)


def cover(image: QImage, size: QSize) -> QImage:
    """Return ``image`` scaled to fill ``size``, cut at the longer sides."""
    scaled = image.scaled(
        size,
        Qt.AspectRatioMode.KeepAspectRatioByExpanding,
        Qt.TransformationMode.SmoothTransformation,
    )
    x = (scaled.width() - size.width()) // 2
    y = (scaled.height() - size.height()) // 2
    return scaled.copy(x, y, size.width(), size.height())


def graph_picture(
    workflow: Workflow, definitions: Mapping[str, NodeDefinition], look: Style
) -> QImage:
    """Return a drawing of a workflow's nodes as plain boxes."""
    return draw_nodes(workflow.root.nodes.values(), definitions, look)


def draw_nodes(
    nodes: Iterable[Node], definitions: Mapping[str, NodeDefinition], look: Style
) -> QImage:
    """Return a drawing of nodes as plain boxes."""
    image = QImage(*THUMBNAIL, QImage.Format.Format_RGB32)
    image.fill(look.color("surface.canvas"))
    boxes = []
    for node in nodes:
        width, height = node.size or (200.0, 80.0)
        x, y = node.pos
        boxes.append((QRectF(x, y - 30, max(width, 40.0), max(height, 10.0) + 30), node))
    if not boxes:
        return image
    area = QRectF(boxes[0][0])
    for box, _ in boxes:
        area = area.united(box)
    margin = 40.0
    scale = min(
        (THUMBNAIL[0] - 2 * margin) / area.width(), (THUMBNAIL[1] - 2 * margin) / area.height(), 1.0
    )
    painter = QPainter(image)
    painter.translate(THUMBNAIL[0] / 2, THUMBNAIL[1] / 2)
    painter.scale(scale, scale)
    painter.translate(-area.center())
    for box, node in boxes:
        definition = definitions.get(node.type)
        fill = look.color("node.body")
        if definition is not None and definition.outputs:
            fill = mix(fill, look.link_color(definition.outputs[0].type), 0.22)
        paint_box(painter, box, 8, fill, look.color("node.border"), 1 / scale)
    painter.end()
    return image
