"""The middle of the window: the canvas of the shown document, with its tools and its map."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from app.ui.breadcrumb import Breadcrumb
from app.ui.canvas_tools import HAND, SELECT, PointerTools, ZoomTools
from app.ui.documents import OpenDocument
from app.ui.words import tr
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text

if TYPE_CHECKING:
    from app.ui.canvas.minimap import Minimap
    from app.ui.canvas.view import CanvasView

MAP_LEAST_HEIGHT = 640
"""In a canvas lower than this the map would cover too much of it."""


class CanvasArea(Themed, QWidget):
    """Holds one canvas for each open document and shows one of them.

    Args:
        look: The style.
        make_view: Makes and connects the canvas of a document, when it is first shown.

    Signals:
        view_changed: Another canvas is shown (or None).
        command_requested: Id of a command that a tool asks for.
        level_requested: Number of a level of the shown document to go to; 0 is the root.
        level_menu_requested: Number of a level, and where its menu shall open.
    """

    view_changed = Signal(object)
    command_requested = Signal(str)
    level_requested = Signal(int)
    level_menu_requested = Signal(int, QPoint)

    def __init__(
        self,
        look: Style,
        make_view: Callable[[OpenDocument], CanvasView],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._make_view = make_view
        self._views: dict[OpenDocument, CanvasView] = {}
        self._maps: dict[OpenDocument, Minimap] = {}
        self._current: OpenDocument | None = None
        self._wants_map = True
        self.hint = EmptyHint(look, self)
        self.pointer_tools = PointerTools(look, self)
        self.zoom_tools = ZoomTools(look, self)
        self.breadcrumb = Breadcrumb(look, self)
        self.breadcrumb.level_requested.connect(self.level_requested)
        self.breadcrumb.menu_requested.connect(self.level_menu_requested)
        self.pointer_tools.tool_requested.connect(
            lambda name: self.command_requested.emit(f"view.{name}_tool")
        )
        self.zoom_tools.command_requested.connect(self.command_requested)
        self.zoom_tools.zoom_requested.connect(self._set_zoom)
        self.apply_style(look)

    @property
    def view(self) -> CanvasView | None:
        """The canvas that is shown."""
        return self._views.get(self._current) if self._current is not None else None

    @property
    def is_map_shown(self) -> bool:
        """Whether the map is wanted; it still hides in a low canvas."""
        return self._wants_map

    def view_of(self, item: OpenDocument) -> CanvasView | None:
        """Return the canvas of a document if it was ever shown."""
        return self._views.get(item)

    def show_document(self, item: OpenDocument | None) -> None:
        """Show a document's canvas, making it if need be."""
        old = self.view
        self._current = item
        if item is not None and item not in self._views:
            self._add_view(item)
        view = self.view
        if old is not None and old is not view:
            old.hide()
        if view is not None:
            view.setGeometry(self.rect())
            view.show()
            self.zoom_tools.show_zoom(view.zoom)
            self.show_tool()
        for shown in (self.pointer_tools, self.zoom_tools):
            shown.setVisible(view is not None)
        self._place()
        self._update_hint()
        self._show_levels()
        self.view_changed.emit(view)

    def remove_document(self, item: OpenDocument) -> None:
        """Take a document's canvas away."""
        minimap = self._maps.pop(item, None)
        if minimap is not None:
            minimap.hide()
            minimap.deleteLater()
        view = self._views.pop(item, None)
        if view is not None:
            view.removeEventFilter(self)
            view.hide()
            view.close_view()
            view.deleteLater()

    def tools_height(self) -> int:
        """Return how high the tools and the map reach above the lower edge, in pixels."""
        if self.view is None or not self.isVisible():
            return 0
        minimap = self._maps.get(self._current) if self._current is not None else None
        has_map = minimap is not None and minimap.isVisible()
        return self.px(48 + (152 if has_map else 0))

    def show_tool(self) -> None:
        """Show whether presses select or move the view."""
        view = self.view
        if view is not None:
            self.pointer_tools.show_tool(HAND if view.is_hand_mode else SELECT)

    def show_map(self, is_shown: bool) -> None:
        """Show or hide the map."""
        self._wants_map = is_shown
        self.zoom_tools.show_map(is_shown)
        self._place()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        for view in self._views.values():
            view.set_style(look)
        for minimap in self._maps.values():
            minimap.set_style(look)
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep canvas, tools and map in their places."""
        super().resizeEvent(event)
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the canvas colour while no canvas is there."""
        QPainter(self).fillRect(self.rect(), self.color("surface.canvas"))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Notice that Escape has left hand mode."""
        if event.type() == QEvent.Type.KeyRelease:
            self.show_tool()
        return False

    def _add_view(self, item: OpenDocument) -> None:
        view = self._make_view(item)
        view.setParent(self)
        view.lower()
        self._views[item] = view
        view.zoom_changed.connect(self.zoom_tools.show_zoom)
        view.installEventFilter(self)
        document = item.document
        for signal in (document.graph_reset, document.nodes_added, document.nodes_removed):
            signal.connect(self._update_hint)
        for change in (document.graph_reset, document.edited, document.path_changed):
            change.connect(self._show_levels)

    def _make_map(self, item: OpenDocument) -> Minimap:
        from app.ui.canvas.minimap import Minimap

        minimap = Minimap(self._views[item], self.look, self)
        self._maps[item] = minimap
        return minimap

    def _place(self) -> None:
        if not hasattr(self, "zoom_tools"):
            return
        width, height, gap = self.width(), self.height(), self.px(16)
        view = self.view
        if view is not None:
            view.setGeometry(0, 0, width, height)
        top = height - gap - self.px(32)
        self.pointer_tools.move_inner(gap, top)
        self.zoom_tools.move_inner(width - gap - self.px(200), top)
        self.breadcrumb.set_room(width - 2 * gap)
        self.breadcrumb.move_inner(gap, gap)
        self.hint.setGeometry(0, 0, width, height)
        shows = self._wants_map and height >= self.px(MAP_LEAST_HEIGHT) and view is not None
        current = self._current
        for item, minimap in self._maps.items():
            if item is not current or not shows:
                minimap.hide()
        if shows and current is not None:
            minimap = self._maps.get(current) or self._make_map(current)
            place = QRectF(
                width - gap - self.px(200),
                top - self.px(8) - self.px(144),
                self.px(200),
                self.px(144),
            )
            minimap.setGeometry(place.toRect())
            minimap.show()
        for tool in (self.hint, self.breadcrumb, self.pointer_tools, self.zoom_tools):
            tool.raise_()

    def _update_hint(self, *_: object) -> None:
        item = self._current
        empty = item is not None and not item.document.bound.nodes
        self.hint.setVisible(empty)

    def _show_levels(self) -> None:
        titles: list[str] = []
        if self._current is not None and self._current.document.trail:
            document = self._current.document
            titles = [document.title, *(level.title for level in document.levels[1:])]
        self.breadcrumb.show_levels(titles)

    def _set_zoom(self, scale: float) -> None:
        view = self.view
        if view is not None:
            view.set_zoom(scale)


class EmptyHint(Themed, QWidget):
    """The one line on an empty canvas; it never takes a click."""

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()
        self.apply_style(look)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the line in the middle."""
        words = tr("Double-click to add a node, or drop a workflow")
        painter = QPainter(self)
        font, ink = self.look.font("body"), self.color("text.tertiary")
        paint_text(painter, QRectF(self.rect()), words, font, ink, Qt.AlignmentFlag.AlignHCenter)
