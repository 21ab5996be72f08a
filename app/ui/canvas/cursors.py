"""The shape of the pointer over the parts of a canvas."""

from __future__ import annotations

from PySide6.QtCore import Qt

from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.scene import CanvasScene

_SOCKETS = (Under.INPUT, Under.OUTPUT, Under.NEW_SLOT, Under.REROUTE_IN, Under.REROUTE_OUT)


def cursor_over(scene: CanvasScene, hit: Hit) -> Qt.CursorShape:
    """Return the shape that tells what a press on ``hit`` would do."""
    if hit.under is Under.WIDGET:
        item = scene.nodes.get(hit.key)
        if item is not None and hit.index < len(item.controls):
            if item.visible[hit.index].is_linked:
                return Qt.CursorShape.ArrowCursor
            return item.controls[hit.index].cursor_at(hit.part)
    if hit.under in (Under.CORNER, Under.GROUP_CORNER):
        is_falling = hit.corner[0] == hit.corner[1]
        return Qt.CursorShape.SizeFDiagCursor if is_falling else Qt.CursorShape.SizeBDiagCursor
    if hit.under in _SOCKETS:
        return Qt.CursorShape.CrossCursor
    is_marker = hit.under is Under.LINK and hit.index == 0
    if is_marker or hit.under in (Under.CHEVRON, Under.ENTER, Under.REMEDY):
        return Qt.CursorShape.PointingHandCursor
    return Qt.CursorShape.ArrowCursor
