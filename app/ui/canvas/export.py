"""Draws a whole canvas without a window: for pictures of workflows (U-412)."""

from __future__ import annotations

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem

from app.ui.canvas import node_views
from app.ui.canvas.detail import Detail
from app.ui.canvas.grid import paint_grid
from app.ui.canvas.node_painter import NodePainter
from app.ui.canvas.scene import CanvasScene

PADDING = 20.0
LARGEST_SIDE = 16_384


def picture_rect(scene: CanvasScene, *, selected_only: bool = False) -> QRectF:
    """Return what a picture shows: everything, or the selection, and a margin."""
    keys = scene.selection.nodes if selected_only and scene.selection.nodes else None
    bounds = scene.nodes_bounds(keys)
    if bounds.isEmpty():
        bounds = QRectF(0.0, 0.0, 400.0, 300.0)
    return bounds.adjusted(-PADDING, -PADDING, PADDING, PADDING)


def render_image(scene: CanvasScene, *, scale: float = 1.0, selected_only: bool = False) -> QImage:
    """Return a picture of the canvas.

    Args:
        scene: The scene.
        scale: Pixels per unit; less when the picture would be over 16,384 pixels long.
        selected_only: Show the selection instead of everything.
    """
    rect = picture_rect(scene, selected_only=selected_only)
    scale = min(scale, LARGEST_SIDE / max(rect.width(), rect.height()))
    image = QImage(
        max(1, round(rect.width() * scale)),
        max(1, round(rect.height() * scale)),
        QImage.Format.Format_RGB32,
    )
    painter = QPainter(image)
    try:
        paint_canvas(painter, scene, rect, scale)
    finally:
        painter.end()
    return image


def paint_canvas(
    painter: QPainter, scene: CanvasScene, rect: QRectF, scale: float, *, is_vector: bool = False
) -> None:
    """Paint all of ``rect``, full detail everywhere, with any painter.

    Args:
        painter: Painter whose upper left corner becomes that of ``rect``.
        scene: The scene.
        rect: What to paint, in scene coordinates.
        scale: Pixels per unit.
        is_vector: The painter makes lines and text, as for SVG: shadows are left out.
    """
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing, True)
    painter.scale(scale, scale)
    painter.translate(-rect.topLeft())
    if is_vector:
        painter.fillRect(rect, scene.theme.color("surface.canvas"))
    else:
        paint_grid(painter, rect, scene.theme)
    option = QStyleOptionGraphicsItem()
    option.exposedRect = rect
    for group in scene.groups.values():
        group.paint(painter, option)
    scene.links.item.paint(painter, option)
    for reroute in scene.reroutes.values():
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
        painter.setPen(reroute.pen())
        painter.setBrush(reroute.brush())
        painter.drawEllipse(reroute.rect().translated(reroute.pos()))
        painter.restore()
    node_painter = NodePainter(scene.theme)
    for item in sorted(scene.nodes.values(), key=lambda node: node.zValue()):
        if not rect.intersects(item.outline):
            continue
        view = node_views.view_of(
            item,
            scene.theme,
            Detail.FULL,
            scale,
            run=scene.run.run_of(item.key),
            pointer=node_views.PointerState(),
            is_selected=False,
            lit_links=frozenset(),
            offer=None,
        )
        view.has_shadow = not is_vector
        painter.save()
        painter.setOpacity(item.opacity())
        painter.translate(item.pos())
        node_painter.paint(painter, view)
        painter.restore()
