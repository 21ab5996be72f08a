"""When pictures of nodes are painted: before each frame, in pauses, and ahead of a pan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from app.ui.canvas.detail import Detail, detail_at
from app.ui.canvas.interactions.pan import PanGesture
from app.ui.canvas.refresh import BUDGET_S

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView

REFINE_MS = 30
GESTURE_BUDGET_S = 0.003
PAN_BUDGET_S = 0.0015
ZOOM_BUDGET_S = 0.004
PREFETCH_MS = 40
PREFETCH_SHARE = 0.2
"""How much beyond each edge of the view is painted ahead."""


class PicturePump(QObject):
    """Calls the refresher of one view at the right moments.

    Args:
        view: The canvas.
    """

    def __init__(self, view: CanvasView) -> None:
        super().__init__(view)
        self._view = view
        self._refine = QTimer(self)
        self._refine.setSingleShot(True)
        self._refine.timeout.connect(self.refresh)
        self._prefetch = QTimer(self)
        self._prefetch.setSingleShot(True)
        self._prefetch.setInterval(PREFETCH_MS)
        self._prefetch.timeout.connect(self._paint_ahead)
        view.canvas.refresher.on_stale = self._on_stale

    def refresh(self) -> None:
        """Bring the pictures of the nodes on screen up to date, within the time for a frame."""
        view, navigator = self._view, self._view.navigator
        is_done = view.canvas.refresher.refresh(
            navigator.visible,
            view.canvas.nodes_in,
            navigator.zoom,
            view.devicePixelRatioF(),
            is_zooming=navigator.is_zooming,
            budget_s=self._budget(),
        )
        if is_done:
            self._refine.stop()
            self._prefetch.start()
        else:
            # Counted from the last try: while something moves, each step tries anyway.
            self._refine.start(REFINE_MS)

    def refresh_unless_settled(self) -> None:
        """Refresh before a paint, unless that has been done or is about to be."""
        navigator, refresher = self._view.navigator, self._view.canvas.refresher
        if not self._refine.isActive() and not refresher.is_settled(
            navigator.visible, navigator.zoom
        ):
            self.refresh()

    def finish(self) -> None:
        """Paint all pictures on screen now, however long it takes; for pictures of the view."""
        view, navigator = self._view, self._view.navigator
        view.canvas.refresher.refresh(
            navigator.visible,
            view.canvas.nodes_in,
            navigator.zoom,
            view.devicePixelRatioF(),
            is_zooming=False,
            budget_s=0.0,
        )

    def stop(self) -> None:
        """Paint nothing more."""
        self._refine.stop()
        self._prefetch.stop()

    def _on_stale(self) -> None:
        if not self._refine.isActive() or self._refine.remainingTime() > 0:
            self._refine.start(0)

    def _paint_ahead(self) -> None:
        """Paint what a pan would uncover next, in the pauses."""
        view = self._view
        seen = view.navigator.visible
        if view.navigator.is_zooming or detail_at(view.zoom, 1.0) is Detail.FLAT:
            return
        dx, dy = seen.width() * PREFETCH_SHARE, seen.height() * PREFETCH_SHARE
        around = seen.adjusted(-dx, -dy, dx, dy)
        if not view.canvas.refresher.prefetch(around, view.canvas.nodes_in, GESTURE_BUDGET_S):
            self._prefetch.start()

    def _budget(self) -> float:
        view = self._view
        if view.mouse.is_panning or isinstance(view.mouse.gesture, PanGesture):
            return PAN_BUDGET_S
        if view.mouse.gesture is not None:
            return GESTURE_BUDGET_S
        return ZOOM_BUDGET_S if view.navigator.is_zooming else BUDGET_S
