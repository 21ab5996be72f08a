"""What the panels of files share: header, search, a list of rows, and work in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.menu import Menu
from app.ui.panels.header import PanelHeader
from app.ui.panels.row_list import Row, RowList
from app.ui.words import tr
from app.widgets.buttons import IconButton
from app.widgets.fields import SearchField
from app.widgets.style import Style
from app.widgets.themed import Themed

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


class SidePanel(Themed, QWidget):
    """A panel with a list of rows.

    Args:
        window: The window it works for.
        title: Name of the panel.
        hint: Grey words of the search.
        mime_type: Type of dragged rows, or empty.

    Signals:
        close_requested: The cross was pressed.
    """

    close_requested = Signal()

    def __init__(self, window: MainWindow, title: str, hint: str, mime_type: str = "") -> None:
        super().__init__()
        look = window.look
        self.window_ = window
        self.open_folders: set[str] = set()
        self.refresh_button = IconButton("refresh-cw", tr("Read again"), look)
        close = IconButton("x", tr("Close the panel"), look)
        self.header = PanelHeader(title, look, (self.refresh_button, close), self)
        self.search = SearchField(hint, look, parent=self)
        self.list = RowList(look, mime_type, self)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        lay.addWidget(self.header)
        self._frame = QVBoxLayout()
        self._frame.addWidget(self.search)
        lay.addLayout(self._frame)
        lay.addWidget(self.list, 1)
        close.clicked.connect(self.close_requested)
        self.refresh_button.clicked.connect(self.reload)
        self.search.textChanged.connect(lambda _: self.rebuild())
        self.search.escape_pressed.connect(self.close_requested)
        self.list.folder_toggled.connect(self._toggle)
        self.list.item_activated.connect(self.activate)
        self.list.menu_requested.connect(self._open_menu)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._frame.setContentsMargins(self.px(16), self.px(4), self.px(16), self.px(6))

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def query(self) -> str:
        """Return what was typed, in small letters."""
        return self.search.text().strip().casefold()

    def reload(self) -> None:
        """Read what is listed again."""
        raise NotImplementedError

    def rebuild(self) -> None:
        """Build the rows of what was read."""
        raise NotImplementedError

    def activate(self, row: Row) -> None:
        """Do what a double click on a row means."""
        raise NotImplementedError

    def fill_menu(self, menu: Menu, row: Row) -> None:
        """Put what can be done with a row into its menu."""

    def _toggle(self, key: str) -> None:
        self.open_folders.symmetric_difference_update({key})
        self.rebuild()

    def _open_menu(self, row: Row, place: QPointF) -> None:
        menu = Menu(self)
        self.fill_menu(menu, row)
        if menu.isEmpty():
            menu.deleteLater()
            return
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(QPoint(round(place.x()), round(place.y())))
