"""How the parts of the window lie: bars at top and foot, panels around the canvas column."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QVBoxLayout, QWidget

from app.ui.canvas_area import CanvasArea
from app.ui.documents import OpenDocument
from app.ui.icon_rail import IconRail
from app.ui.panels.bottom_panel import BottomPanel
from app.ui.panels.deck import PanelDeck
from app.ui.panels.right_panel import RightPanel
from app.ui.status_bar import StatusBar
from app.ui.tab_order import go_round, reachable
from app.ui.tab_strip import TabStrip
from app.ui.top_bar import TopBar
from app.ui.words import tr
from app.widgets.style import Style
from app.widgets.themed import Themed

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.start_page import StartPage

RIGHT_CLOSES_UNDER = 1280
LEFT_CLOSES_UNDER = 1000


class WindowFrame(Themed, QWidget):
    """All parts of the window in their places.

    Attributes:
        top_bar, rail, deck, tab_strip, canvas, bottom, right, status: The parts.

    Signals:
        layout_changed: A panel came, went or got another size.
    """

    layout_changed = Signal()

    def __init__(
        self,
        look: Style,
        run_menu: QMenu,
        make_view: Callable[[OpenDocument], CanvasView],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("window")
        self.top_bar = TopBar(look, run_menu, self)
        self.rail = IconRail(
            [
                ("nodes", "shapes", tr("Nodes")),
                ("workflows", "folder", tr("Workflows")),
                ("models", "box", tr("Models")),
                ("assets", "images", tr("Pictures")),
                ("templates", "layout-template", tr("Templates")),
            ],
            [
                ("log", "terminal", tr("Log")),
                ("help", "circle-question-mark", tr("Keys and help")),
                ("settings", "settings", tr("Settings")),
            ],
            look,
            self,
        )
        self.deck = PanelDeck(look)
        self.tab_strip = TabStrip(look)
        self.canvas = CanvasArea(look, make_view)
        self.bottom = BottomPanel(look)
        self.right = RightPanel(look)
        self.status = StatusBar(look, self)
        self.start_page: StartPage | None = None
        self._notice: QWidget | None = None
        self._wants = {"left": True, "right": True, "bottom": False}
        self._is_focus_mode = False
        self._is_bottom_grown = False
        self._has_document = False
        self._shows_left_at_start = False
        self._sizes = {"left": 240, "right": 232, "bottom": 332}
        self._build()
        self.apply_style(look)

    def _build(self) -> None:
        self._column = QSplitter(Qt.Orientation.Vertical)
        self._column.setHandleWidth(1)
        self._column.setChildrenCollapsible(False)
        self._column.addWidget(self.canvas)
        self._column.addWidget(self.bottom)
        self._column.setStretchFactor(0, 1)
        middle = QWidget()
        self._middle_layout = QVBoxLayout(middle)
        self._middle_layout.setContentsMargins(0, 0, 0, 0)
        self._middle_layout.setSpacing(0)
        self._middle_layout.addWidget(self.tab_strip)
        self._middle_layout.addWidget(self._column, 1)
        self._row = QSplitter(Qt.Orientation.Horizontal)
        self._row.setHandleWidth(1)
        self._row.setChildrenCollapsible(False)
        for part in (self.deck, middle, self.right):
            self._row.addWidget(part)
        self._row.setStretchFactor(1, 1)
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.rail)
        body.addWidget(self._row, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.top_bar)
        layout.addLayout(body, 1)
        layout.addWidget(self.status)
        self._row.splitterMoved.connect(self._on_moved)
        self._column.splitterMoved.connect(self._on_moved)
        self.bottom.grow_requested.connect(self.grow_bottom)

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """Go with Tab through the parts as they lie, whenever they were made."""
        parts = (
            self.top_bar, self.rail, self.deck, self.tab_strip, self._notice, self.start_page,
            self.canvas, self.bottom, self.right, self.status,
        )  # fmt: skip
        return go_round(reachable(parts), forwards)

    def add_notice(self, notice: QWidget) -> None:
        """Put a bar between the tabs and the canvas; it shows and hides itself."""
        self._notice = notice
        self._middle_layout.insertWidget(1, notice)

    def wants(self, side: str) -> bool:
        """Tell whether the panel at ``left``, ``right`` or ``bottom`` is switched on."""
        return self._wants[side]

    def is_shown(self, side: str) -> bool:
        """Tell whether a panel can be seen now."""
        if self._is_focus_mode or not self._wants[side]:
            return False
        return self._has_document or (side == "left" and self._shows_left_at_start)

    @property
    def sizes(self) -> dict[str, int]:
        """Width or height of each panel, in pixels."""
        return dict(self._sizes)

    def set_sizes(self, sizes: dict[str, int]) -> None:
        """Give panels another width or height."""
        self._sizes.update({name: value for name, value in sizes.items() if name in self._sizes})
        self.arrange()

    def show_side(self, side: str, is_shown: bool) -> None:
        """Switch a panel on or off."""
        if side == "left":
            # On the start page a panel is there only once it is asked for.
            self._shows_left_at_start = is_shown
        self._wants[side] = is_shown
        self.arrange()
        self.layout_changed.emit()

    def set_focus_mode(self, is_on: bool) -> None:
        """Hide all panels, or bring them back (U-462)."""
        self._is_focus_mode = is_on
        self.arrange()
        self.layout_changed.emit()

    @property
    def is_focus_mode(self) -> bool:
        """Whether all panels are hidden."""
        return self._is_focus_mode

    @property
    def shows_document(self) -> bool:
        """Whether the canvas is shown rather than the start page."""
        return self._has_document

    def show_start(self, page: StartPage | None) -> None:
        """Show the start page instead of the canvas, or the canvas again."""
        if page is not None and self.start_page is None:
            self.start_page = page
            self._middle_layout.addWidget(page, 1)
        if page is not None:
            self._shows_left_at_start = False
        self._has_document = page is None
        if self.start_page is not None:
            self.start_page.setVisible(page is not None)
        self._column.setVisible(page is None)
        self.tab_strip.setVisible(page is None)
        self.arrange()
        self.layout_changed.emit()

    def grow_bottom(self) -> None:
        """Let the bottom panel take the whole column, or give it back."""
        self._is_bottom_grown = not self._is_bottom_grown
        self.bottom.set_grown(self._is_bottom_grown)
        self.arrange()

    def fit_width(self, width: int, before: int) -> None:
        """Shut panels for which the window has become too narrow."""
        if before >= self.px(RIGHT_CLOSES_UNDER) > width:
            self.show_side("right", False)
        if before >= self.px(LEFT_CLOSES_UNDER) > width:
            self.show_side("left", False)

    def toast_margins(self) -> tuple[int, int]:
        """Return how far messages keep from the right and the foot, in pixels of the design."""
        right = self.right.width() if self.right.isVisible() else 0
        bottom = self.height() - self.canvas.mapTo(self, self.canvas.rect().bottomLeft()).y()
        if not self.canvas.isVisible():
            bottom = self.status.height()
        tools = self.canvas.tools_height()
        return 16 + round(right / self.look.scale), 16 + round((bottom + tools) / self.look.scale)

    def arrange(self) -> None:
        """Show the panels that are switched on at their sizes."""
        self.deck.setVisible(self.is_shown("left"))
        self.right.setVisible(self.is_shown("right"))
        self.bottom.setVisible(self.is_shown("bottom"))
        total = self._row.width()
        # The hairlines of the splitters count to the panels.
        left = self._sizes["left"] - 1 if self.is_shown("left") else 0
        right = self._sizes["right"] - 1 if self.is_shown("right") else 0
        self._row.setSizes([left, max(1, total - left - right), right])
        height = self._column.height()
        bottom = self._sizes["bottom"] - 1 if self.is_shown("bottom") else 0
        if self._is_bottom_grown and bottom:
            bottom = height
        self._column.setSizes([max(1, height - bottom), bottom])

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        old = getattr(self, "look", look).scale
        super().apply_style(look)
        for name, value in self._sizes.items():
            self._sizes[name] = round(value * look.scale / old)
        self.deck.setMinimumWidth(self.px(200) - 1)
        self.deck.setMaximumWidth(self.px(420))
        self.right.setMaximumWidth(self.px(480))
        self.canvas.setMinimumSize(self.px(240), self.px(80))

    def _on_moved(self, *_: object) -> None:
        left, _, right = self._row.sizes()
        bottom = self._column.sizes()[1]
        if self.is_shown("left"):
            self._sizes["left"] = left + 1
        if self.is_shown("right"):
            self._sizes["right"] = right + 1
        if self.is_shown("bottom") and not self._is_bottom_grown:
            self._sizes["bottom"] = bottom + 1
        self.layout_changed.emit()
