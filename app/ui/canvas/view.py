"""The canvas as a widget: it shows a scene, sends the mouse to gestures and the keys to actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSizeF, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsView, QWidget

from app.engine.workflow.patch import Patch
from app.ui.canvas import picking
from app.ui.canvas.actions import CanvasActions
from app.ui.canvas.canvas_host import EditorKeeper
from app.ui.canvas.chosen_pictures import ChosenPictures
from app.ui.canvas.dom_overlay import DomOverlay
from app.ui.canvas.drops import DropTarget
from app.ui.canvas.grid import paint_grid
from app.ui.canvas.hover import REROUTE_PARTS, Hit
from app.ui.canvas.interactions.base import SNAP_STEP
from app.ui.canvas.interactions.edge_pan import EdgePan
from app.ui.canvas.interactions.wheel import WheelHandler
from app.ui.canvas.keys import CanvasKeys
from app.ui.canvas.mouse import CanvasMouse
from app.ui.canvas.navigator import Navigator
from app.ui.canvas.picture_pump import PicturePump
from app.ui.canvas.scene import CanvasScene
from app.ui.canvas.strip_slots import StripSlots
from app.ui.canvas.tooltips import CanvasTooltips
from app.ui.run_state import RunState
from app.widgets.style import Style

if TYPE_CHECKING:
    from app.ui.document import WorkflowDocument

VIEW_RECT = QRectF(-1_000_000.0, -1_000_000.0, 2_000_000.0, 2_000_000.0)
"""Fixed and huge: a rectangle that grows while something is dragged makes the view jump."""
MOST_PARTS = 48
"""More uncovered strips than this are painted as one rectangle."""


class CanvasView(QGraphicsView):
    """Shows and edits one document.

    Args:
        document: What is shown; all edits go through it.
        run_state: What is known of its last run.
        style: The theme.

    Attributes:
        canvas: The scene with its items.
        navigator: Zoom and place.
        mouse: Has the gesture that is being made.
        actions: What commands can do here.
        editors: Opens editors over controls.
        slots: Edits the slots of a subgraph's strips.
        dom: Live widgets of node packs.
        chosen: Shows the pictures that nodes load; give it the folders.
        pump: Paints the pictures of nodes.
        is_snapping: Things that are moved or resized keep to the grid without Shift (U-110).
        snap_size: Pitch of that grid.
        drags_select: A drag on empty canvas selects instead of moving the view (U-006).
        wheel: What the wheel does.
        edge_pan: Moves the view while something is dragged near its edge.
        tooltips: Says what the pointer rests on.
        shows_tooltips: Whether it says anything.
        is_hand_mode: Hand mode: presses pan and nothing can be changed (U-017).

    Signals:
        link_dropped_on_empty: A :class:`~.interactions.reroute_links.LooseLink` and where
            it was let go. Call :meth:`clear_loose_link` when the search is closed.
        search_requested: The artist wants to add a node here.
        enter_subgraph_requested: Key of a host.
        context_menu_requested: A :class:`~app.ui.canvas.hover.Hit`, the place on the canvas, and
            that on the screen.
        files_dropped: Paths, the place on the canvas, and the key of the node below or None.
        text_dropped: Text and the place on the canvas.
        button_pressed: Key of a node and name of its button.
        file_requested: Caption, pattern, and a function to call with the path.
        file_taken: Key of a node, name of its widget, path of the file to use for it.
        color_requested: Place on the screen, present colour, function to call with the new one.
        remedy_requested: Key of a failed node whose strip was pressed.
        picture_opened: Key of a node whose picture was double-clicked, and its number.
        refused: A sentence why a drop was not taken.
        zoom_changed: The scale.
        view_changed: Zoom or place changed.
    """

    link_dropped_on_empty = Signal(object, QPointF)
    search_requested = Signal(QPointF)
    enter_subgraph_requested = Signal(str)
    context_menu_requested = Signal(object, QPointF, QPoint)
    files_dropped = Signal(list, QPointF, object)
    text_dropped = Signal(str, QPointF)
    button_pressed = Signal(str, str)
    file_requested = Signal(str, str, object)
    file_taken = Signal(str, str, str)
    color_requested = Signal(QPoint, str, object)
    remedy_requested = Signal(str)
    picture_opened = Signal(str, int)
    refused = Signal(str)
    zoom_changed = Signal(float)
    view_changed = Signal()

    def __init__(
        self,
        document: WorkflowDocument,
        run_state: RunState,
        style: Style,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.document = document
        self.canvas = CanvasScene(document, run_state, style)
        self.is_hand_mode = False
        self.is_snapping = False
        self.snap_size = SNAP_STEP
        self.drags_select = False
        self.shows_tooltips = True
        self._is_gesturing = False
        self.mouse = CanvasMouse(self)
        self._set_up()
        self.navigator = Navigator(self, int(style.px("motion.view")))
        # Hides QWidget.actions(), which lists the menu entries of a widget; a canvas has none.
        self.actions: CanvasActions = CanvasActions(self)  # type: ignore[assignment,method-assign]
        self.editors = EditorKeeper(self)
        self.slots = StripSlots(self)
        self.dom = DomOverlay(self)
        self.chosen = ChosenPictures(self)
        self._keys = CanvasKeys(self)
        self.wheel = WheelHandler(self)
        self._drops = DropTarget(self)
        self.edge_pan = EdgePan(self)
        self.pump = PicturePump(self)
        self.tooltips = CanvasTooltips(self)
        self.navigator.changed.connect(self._on_moved)
        self.navigator.zoom_changed.connect(self._on_zoomed)
        self.navigator.settled.connect(self._on_settled)
        document.about_to_change.connect(self._on_change)
        for gone in (document.graph_reset, document.nodes_removed):
            gone.connect(self.editors.close_if_lost)
        self.setSceneRect(VIEW_RECT)
        self.setScene(self.canvas)
        self.navigator.set_state(1.0, QPointF(0.0, 0.0))

    def _set_up(self) -> None:
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setRenderHints(QPainter.RenderHint.TextAntialiasing)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setDragMode(QGraphicsView.DragMode.NoDrag)
        self.setAcceptDrops(True)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)

    @property
    def theme(self) -> Style:
        """The colours, fonts and measures in use."""
        return self.canvas.theme

    def set_style(self, style: Style) -> None:
        """Show everything in another theme."""
        self.canvas.set_style(style)
        self.viewport().update()

    @property
    def zoom(self) -> float:
        """Screen pixels per unit."""
        return self.navigator.zoom

    def set_zoom(self, zoom: float) -> None:
        """Set the scale about the middle of the view."""
        self.actions.zoom_to(zoom)

    def close_view(self) -> None:
        """Let go of the document before the widget is deleted."""
        self.mouse.cancel()
        self.editors.commit()
        self.document.about_to_change.disconnect(self._on_change)
        for gone in (self.document.graph_reset, self.document.nodes_removed):
            gone.disconnect(self.editors.close_if_lost)
        self.navigator.stop()
        self.pump.stop()
        self.tooltips.hide()
        self.chosen.stop()
        self.canvas.disconnect_document()

    @property
    def pointer_pos(self) -> QPointF:
        """Where the pointer was last seen, on the canvas."""
        return self.navigator.to_scene(self.mouse.pixel)

    def _on_change(self, patch: Patch | None) -> None:
        if patch is None:
            self.editors.flush()
        self.editors.detach()
        self.mouse.cancel_before(patch)

    def clear_loose_link(self) -> None:
        """Stop drawing the link that was let go over empty canvas."""
        self.canvas.clear_loose_link()

    def set_hand_mode(self, on: bool) -> None:
        """Turn hand mode on or off: presses pan and nothing can be changed (U-017)."""
        self.mouse.cancel()
        self.is_hand_mode = on
        self.mouse.update_cursor()

    def pick(self, pixel: QPointF) -> Hit:
        """Return what is under a pixel of the viewport."""
        return picking.pick(self.canvas, self.navigator.to_scene(pixel), self.zoom)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Begin a gesture, unless an editor is pressed."""
        if not self.mouse.press(event):
            super().mousePressEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Act on a double-click."""
        if not self.mouse.double_press(event):
            super().mouseDoubleClickEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Feed the gesture, or see what the pointer is over."""
        if not self.mouse.move(event):
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End the gesture."""
        if not self.mouse.release(event):
            super().mouseReleaseEvent(event)
        event.accept()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask the window for a menu."""
        if self.mouse.gesture is not None:
            return
        pixel = QPointF(event.pos())
        if self.editors.covers(pixel):
            super().contextMenuEvent(event)
            return
        hit = self.pick(pixel)
        if hit.under in REROUTE_PARTS and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.actions.remove_reroute(hit.key)
            event.accept()
            return
        self.actions.select_for_menu(hit)
        self.context_menu_requested.emit(hit, self.navigator.to_scene(pixel), event.globalPos())
        event.accept()

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom, pan or scroll a text box."""
        if self.editors.covers(event.position()) and not event.modifiers():
            super().wheelEvent(event)
            if event.isAccepted():
                return
        self.tooltips.hide()
        self.wheel.handle(event)
        event.accept()

    def viewportEvent(self, event: QEvent) -> bool:
        """Take pinches of a trackpad, and the pointer's leaving."""
        if event.type() == QEvent.Type.ToolTip:
            # Qt would take our own hint away, for its items have none.
            return True
        if event.type() == QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):
            if self.wheel.handle_native(event):
                return True
        elif event.type() == QEvent.Type.Leave:
            self.mouse.leave()
        return super().viewportEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Act on a key, unless an editor has the keyboard."""
        self.tooltips.hide()
        if self.editors.is_open or not self._keys.press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Take note of the space bar coming up."""
        if self.editors.is_open or not self._keys.release(event):
            super().keyReleaseEvent(event)

    def focusNextPrevChild(self, next_one: bool) -> bool:
        """Let Tab walk the controls of a node before it leaves the canvas."""
        if self.editors.walk(next_one):
            return True
        return super().focusNextPrevChild(next_one)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Let go of the space bar when the keyboard goes elsewhere."""
        self.mouse.set_space_held(False)
        super().focusOutEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        """Take back what the mouse was doing when the document is put aside."""
        self.tooltips.hide()
        self.mouse.cancel()
        self.navigator.stop()
        super().hideEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome files and text."""
        self._drops.enter(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        """Show which node a file would go to."""
        self._drops.move(event)

    def dragLeaveEvent(self, event: QEvent) -> None:
        """Forget the drop."""
        self._drops.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand what was dropped to the window."""
        self._drops.drop(event)

    def drawBackground(self, painter: QPainter, rect: QRectF | QRect) -> None:
        """Draw the ground and its dots."""
        paint_grid(painter, QRectF(rect), self.canvas.theme)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint, after a last look at the pictures that are seen."""
        self.pump.refresh_unless_settled()
        navigator, links = self.navigator, self.canvas.links.item
        region = event.region()
        if 1 < region.rectCount() <= MOST_PARTS:
            links.exposed_parts = [
                QRectF(
                    navigator.to_scene(QPointF(part.topLeft())),
                    QSizeF(part.size()) / navigator.zoom,
                )
                for part in region  # type: ignore[attr-defined]  # it can be walked
            ]
        super().paintEvent(event)
        links.exposed_parts = []

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the upper left corner of the canvas where it is."""
        super().resizeEvent(event)
        self._on_moved()

    def _on_moved(self) -> None:
        self.pump.refresh()
        self.dom.place_all()
        self.view_changed.emit()

    def _on_zoomed(self, zoom: float) -> None:
        self.update_gesturing()
        self.zoom_changed.emit(zoom)

    def _on_settled(self) -> None:
        self.update_gesturing()
        self.pump.refresh()

    def update_gesturing(self) -> None:
        """Leave out what is dear to paint while something moves."""
        mouse = self.mouse
        moves = mouse.gesture is not None and mouse.gesture.moves_canvas
        is_gesturing = moves or mouse.is_panning or self.navigator.is_zooming
        if is_gesturing != self._is_gesturing:
            self._is_gesturing = is_gesturing
            self.canvas.links.item.set_gesturing(is_gesturing, self.navigator.visible)
