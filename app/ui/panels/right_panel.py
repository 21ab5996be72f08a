"""The right panel: the queue above, the results below; another page may lie over both."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from app.ui.menu import Menu
from app.ui.panels.header import PanelHeader
from app.ui.panels.queue import QueueList
from app.ui.panels.results import ResultsGrid
from app.ui.words import tr
from app.widgets.buttons import Button, IconButton
from app.widgets.fields import SearchField
from app.widgets.labels import Line
from app.widgets.style import Style
from app.widgets.themed import Themed


class RightPanel(Themed, QWidget):
    """Queue and results.

    Signals:
        pause_requested: Hold the queue (True) or go on.
        clear_requested: Take all waiting jobs out.
        free_requested: Unload models.
        widgets_requested: Show which widgets a subgraph's nodes have.
    """

    pause_requested = Signal(bool)
    clear_requested = Signal()
    free_requested = Signal()
    widgets_requested = Signal()

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_paused = False
        self.pause_button = IconButton("pause", tr("Pause after this job"), look)
        self._more_button = IconButton("ellipsis", tr("More"), look)
        self._size_button = IconButton("layout-grid", tr("Large pictures"), look)
        self._find_button = IconButton("search", tr("Search results"), look)
        self._find_button.setCheckable(True)
        self.queue = QueueList(look)
        self.results = ResultsGrid(look)
        self._field = SearchField(tr("Search results"), look)
        self._field.hide()
        self.widgets_button = Button(tr("Edit subgraph widgets"), look, icon="sliders-horizontal")
        self.widgets_button.hide()
        self._page: QWidget | None = None
        queue_buttons = (self.pause_button, self._more_button)
        result_buttons = (self._size_button, self._find_button)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.results)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self.results.setAutoFillBackground(False)
        # One pixel wider than the panel: the hairline of the splitter counts to its margin.
        self._content = QWidget(self)
        layout = QVBoxLayout(self._content)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(PanelHeader(tr("Queue"), look, queue_buttons))
        layout.addWidget(self.queue)
        self._line = QVBoxLayout()
        self._line.addWidget(Line(look))
        layout.addLayout(self._line)
        layout.addWidget(PanelHeader(tr("Results"), look, result_buttons))
        self._field_frame = QVBoxLayout()
        self._field_frame.addWidget(self._field)
        layout.addLayout(self._field_frame)
        layout.addWidget(self._scroll, 1)
        self._foot = QVBoxLayout()
        self._foot.addWidget(self.widgets_button)
        layout.addLayout(self._foot)
        self._connect()
        self.apply_style(look)

    @property
    def page(self) -> QWidget | None:
        """What lies over the queue and the results, or None."""
        return self._page

    def show_page(self, page: QWidget | None) -> None:
        """Show a page instead of the queue and the results; None shows these again."""
        if self._page is not None and self._page is not page:
            self._page.hide()
        self._page = page
        self._content.setVisible(page is None)
        if page is not None:
            page.setParent(self)
            self._place_page()
            page.show()

    def offer_widgets(self, is_offered: bool) -> None:
        """Show or hide the button that leads to a subgraph's widgets."""
        self.widgets_button.setVisible(is_offered)
        margin = self.px(16)
        self._foot.setContentsMargins(*((margin, self.px(8), margin, margin) if is_offered
                                        else (0, 0, 0, 0)))  # fmt: skip

    def show_paused(self, is_paused: bool) -> None:
        """Show whether the queue is held."""
        self._is_paused = is_paused
        words = tr("Go on with the queue") if is_paused else tr("Pause after this job")
        self.pause_button.set_icon_name("play" if is_paused else "pause")
        self.pause_button.setToolTip(words)
        self.pause_button.setAccessibleName(words)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._line.setContentsMargins(self.px(16), 0, self.px(16), self.px(5))
        self._field_frame.setContentsMargins(self.px(16), 0, self.px(16), 0)
        self.setMinimumWidth(self.px(200) - 1)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the scroll bar lie in the margin of the pictures."""
        super().resizeEvent(event)
        self._content.setGeometry(-1, 0, event.size().width() + 1, event.size().height())
        self._place_page()
        self.results.set_room(event.size().width() + 1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self.color("surface.panel"))

    def _place_page(self) -> None:
        if self._page is not None:
            self._page.setGeometry(self._content.geometry())

    def _connect(self) -> None:
        self.widgets_button.clicked.connect(self.widgets_requested)
        self.pause_button.clicked.connect(lambda: self.pause_requested.emit(not self._is_paused))
        self._more_button.clicked.connect(self._open_menu)
        self._size_button.setCheckable(True)
        self._size_button.toggled.connect(self.results.set_large)
        self._find_button.toggled.connect(self._show_search)
        self._field.textChanged.connect(self.results.set_query)
        self._field.escape_pressed.connect(lambda: self._find_button.setChecked(False))

    def _show_search(self, shown: bool) -> None:
        self._field.setVisible(shown)
        if shown:
            self._field.setFocus()
        else:
            self._field.clear()

    def _open_menu(self) -> None:
        menu = Menu(self)
        menu.addAction(tr("Clear waiting jobs"), self.clear_requested)
        menu.addAction(tr("Free memory"), self.free_requested)
        menu.addSeparator()
        menu.addAction(tr("Empty the results list"), self.results.clear)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self._more_button.mapToGlobal(QPoint(0, self._more_button.height())))
