"""Zoom and place of the view: the arithmetic between the canvas and the screen."""

from __future__ import annotations

from PySide6.QtCore import (
    QEasingCurve,
    QObject,
    QPointF,
    QRectF,
    QTimer,
    QVariantAnimation,
    Signal,
)
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QGraphicsView

LEAST_ZOOM, GREATEST_ZOOM = 0.1, 10.0
DEFAULT_ZOOM_STEP = 1.1
FIT_MARGIN_PX = 48.0
SETTLE_MS = 120
_SNAP = 0.01


class Navigator(QObject):
    """Moves and scales one view.

    Attributes:
        reduce_motion: Jump instead of gliding.
        is_zooming: The zoom changed less than 120 ms ago.

    Signals:
        changed: Zoom or place changed.
        zoom_changed: The scale, after it changed.
        settled: The zoom has come to rest.
    """

    changed = Signal()
    zoom_changed = Signal(float)
    settled = Signal()

    def __init__(self, view: QGraphicsView, fit_ms: int) -> None:
        super().__init__(view)
        self._view = view
        self._zoom = 1.0
        self.reduce_motion = False
        self.is_zooming = False
        self._fit_ms = fit_ms
        self._glide: QVariantAnimation | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SETTLE_MS)
        self._timer.timeout.connect(self._settle)

    @property
    def zoom(self) -> float:
        """Screen pixels per unit."""
        return self._zoom

    @property
    def offset(self) -> QPointF:
        """What is added to a point of the canvas before it is scaled, as files store it."""
        return self.to_view(QPointF(0.0, 0.0)) / self._zoom

    @property
    def visible(self) -> QRectF:
        """The part of the canvas that is seen."""
        size = self._view.viewport().size()
        corner = self.to_scene(QPointF(0.0, 0.0))
        return QRectF(corner.x(), corner.y(), size.width() / self._zoom, size.height() / self._zoom)

    def to_scene(self, pos: QPointF) -> QPointF:
        """Return the place on the canvas of a pixel of the viewport."""
        view = self._view
        return QPointF(
            (pos.x() + view.horizontalScrollBar().value()) / self._zoom,
            (pos.y() + view.verticalScrollBar().value()) / self._zoom,
        )

    def to_view(self, pos: QPointF) -> QPointF:
        """Return the pixel of the viewport of a place on the canvas."""
        view = self._view
        return QPointF(
            pos.x() * self._zoom - view.horizontalScrollBar().value(),
            pos.y() * self._zoom - view.verticalScrollBar().value(),
        )

    def pan_by(self, dx: float, dy: float) -> None:
        """Move the canvas by pixels of the screen."""
        self.stop()
        view = self._view
        if dx:
            bar = view.horizontalScrollBar()
            bar.setValue(bar.value() - round(dx))
        if dy:
            bar = view.verticalScrollBar()
            bar.setValue(bar.value() - round(dy))
        if dx or dy:
            self.changed.emit()

    def zoom_at(self, zoom: float, pixel: QPointF) -> None:
        """Change the scale and keep what lies under ``pixel`` there."""
        self.stop()
        zoom = min(GREATEST_ZOOM, max(LEAST_ZOOM, zoom))
        if abs(zoom - 1.0) < _SNAP:
            zoom = 1.0
        if zoom != self._zoom:
            self._begin_zoom()
            self._place(zoom, self.to_scene(pixel), pixel)

    def set_state(self, zoom: float, offset: QPointF) -> None:
        """Take a view from a file: ``screen = (canvas + offset) * zoom``."""
        self.stop()
        zoom = min(GREATEST_ZOOM, max(LEAST_ZOOM, zoom))
        self._place(zoom, -offset, QPointF(0.0, 0.0))

    def center_on(self, pos: QPointF, zoom: float | None = None, *, animate: bool = False) -> None:
        """Bring a place to the middle of the view."""
        size = self._view.viewport().size()
        middle = QPointF(size.width() / 2, size.height() / 2)
        zoom = self._zoom if zoom is None else min(GREATEST_ZOOM, max(LEAST_ZOOM, zoom))
        if animate and not self.reduce_motion and self._view.isVisible():
            self._glide_to(pos, zoom)
        else:
            self.stop()
            self._place(zoom, pos, middle)

    def fit(self, rect: QRectF, *, animate: bool = True, most: float = 1.0) -> None:
        """Show all of ``rect``, enlarged to ``most`` at the utmost."""
        if rect.isEmpty():
            return
        size = self._view.viewport().size()
        zoom = min(
            (size.width() - 2 * FIT_MARGIN_PX) / rect.width(),
            (size.height() - 2 * FIT_MARGIN_PX) / rect.height(),
            most,
        )
        self.center_on(rect.center(), max(LEAST_ZOOM, zoom), animate=animate)

    def stop(self) -> None:
        """End a glide where it is."""
        if self._glide is not None:
            glide, self._glide = self._glide, None
            glide.stop()
            glide.deleteLater()

    def _glide_to(self, pos: QPointF, zoom: float) -> None:
        self.stop()
        start_pos, start_zoom = self.visible.center(), self._zoom
        size = self._view.viewport().size()
        middle = QPointF(size.width() / 2, size.height() / 2)
        glide = QVariantAnimation(self)
        glide.setDuration(self._fit_ms)
        glide.setEasingCurve(QEasingCurve.Type.InOutQuad)
        glide.setStartValue(0.0)
        glide.setEndValue(1.0)

        def step(value: object) -> None:
            part = float(value)  # type: ignore[arg-type]
            now = start_zoom * (zoom / start_zoom) ** part
            if now != self._zoom:
                self._begin_zoom()
            # The middle moves so that it seems steady on screen: faster where it is seen small.
            travelled = (
                part
                if start_zoom == zoom
                else (now / start_zoom - 1)
                / (zoom / start_zoom - 1)
                * start_zoom
                / now
                * zoom
                / start_zoom
            )
            self._place(now, start_pos + (pos - start_pos) * travelled, middle)

        glide.valueChanged.connect(step)
        glide.finished.connect(self.stop)
        self._glide = glide
        glide.start()

    def _begin_zoom(self) -> None:
        self.is_zooming = True
        self._timer.start()

    def _settle(self) -> None:
        self.is_zooming = False
        self.settled.emit()

    def _place(self, zoom: float, pos: QPointF, pixel: QPointF) -> None:
        """Scale to ``zoom`` and bring ``pos`` under ``pixel``."""
        view = self._view
        is_new = zoom != self._zoom
        if is_new:
            self._zoom = zoom
            # All is painted anew anyway; in any other mode Qt first moves the old picture about.
            view.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.FullViewportUpdate)
            view.setTransform(QTransform.fromScale(zoom, zoom))
        view.horizontalScrollBar().setValue(round(pos.x() * zoom - pixel.x()))
        view.verticalScrollBar().setValue(round(pos.y() * zoom - pixel.y()))
        if is_new:
            view.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
            self.zoom_changed.emit(zoom)
        self.changed.emit()
