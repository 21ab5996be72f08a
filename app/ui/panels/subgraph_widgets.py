"""The panel in which an artist says what a subgraph's nodes show of the widgets inside (U-196).

It lies over the queue and the results, follows the selection, and reads nothing while it is shut.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.engine.errors import SubgraphError
from app.engine.workflow.subgraphs import subgraph_name
from app.ui import subgraph_widgets
from app.ui.document import WorkflowDocument
from app.ui.menu import Menu
from app.ui.panels.header import PanelHeader
from app.ui.panels.row_list import Row, RowKind
from app.ui.panels.widget_list import WidgetList
from app.ui.subgraph_widgets import WidgetRow
from app.ui.words import tr
from app.widgets.buttons import IconButton
from app.widgets.fields import SearchField
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed, elided

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

SHOWN, HIDDEN = "#shown", "#hidden"
"""Keys of the two headings."""


class SubgraphWidgetsPanel(Themed, QWidget):
    """Two lists, the shown and the hidden widgets, with a search over both.

    Args:
        window: The window it works for.

    Signals:
        close_requested: The cross was pressed.
    """

    close_requested = Signal()

    def __init__(self, window: MainWindow, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        look = window.look
        self._window = window
        self._document: WorkflowDocument | None = None
        self._subgraph = ""
        self._name = ""
        self._rows: list[WidgetRow] = []
        self.more_button = IconButton("ellipsis", tr("More"), look)
        close = IconButton("x", tr("Close the panel"), look)
        close.clicked.connect(self.close_requested)
        self.more_button.clicked.connect(self._open_menu)
        self.header = PanelHeader(tr("Subgraph widgets"), look, (self.more_button, close), self)
        self.title = Words("", look, font="small", color="text.tertiary")
        self.search = SearchField(tr("Search widgets"), look, parent=self)
        self.search.textChanged.connect(lambda _: self._show_rows())
        self.search.escape_pressed.connect(self.close_requested)
        self.search.returnPressed.connect(self._go_to_first)
        self.list = WidgetList(look, self)
        self.list.setAccessibleName(tr("Subgraph widgets"))
        self.list.toggled.connect(lambda row: self.toggle(row.data))
        self.list.item_activated.connect(lambda row: self._go_to(row.data))
        self.list.moved.connect(lambda row, place: self.move_row(row.data, place))
        self.list.heading_pressed.connect(self._press_heading)
        self.list.menu_requested.connect(self._open_row_menu)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        self._frame = QVBoxLayout()
        self._frame.addWidget(self.title)
        self._frame.addWidget(self.search)
        layout.addLayout(self._frame)
        layout.addWidget(self.list, 1)
        self.apply_style(look)

    @property
    def subgraph(self) -> str:
        """Id of the definition whose widgets are listed, or an empty text."""
        return self._subgraph

    def follow(self) -> None:
        """Look again: something else is selected or shown, or an edit was made."""
        if self.isVisible():
            self.refresh()

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def refresh(self) -> None:
        """Read the widgets of what is selected now."""
        view = self._window.view
        self._document = document = self._window.document
        self._rows = []
        self._subgraph = ""
        if document is not None and view is not None:
            self._subgraph = subgraph_widgets.subgraph_of(document, view.actions.selected)
        if document is not None and self._subgraph:
            self._rows = subgraph_widgets.widget_rows(document, self._subgraph)
            graph = document.workflow.subgraphs[self._subgraph]
            self._name = subgraph_name(graph)
        else:
            self._name = tr("Select a subgraph, or open one")
        self._show_name()
        self.search.setEnabled(bool(self._subgraph))
        self.more_button.setEnabled(bool(self._subgraph) and self._can_edit())
        self._show_rows()

    def toggle(self, row: WidgetRow) -> None:
        """Show a hidden widget, or hide a shown one."""
        if row.reason:
            self._window.toast(tr("This widget cannot be shown. {reason}").format(
                reason=row.reason), is_problem=True)  # fmt: skip
            return
        edit = subgraph_widgets.hide if row.is_shown else subgraph_widgets.show
        self._edit(lambda document: edit(document, self._subgraph, [row]))

    def move_row(self, row: WidgetRow, place: int) -> None:
        """Give a shown widget another place among the shown ones."""
        self._edit(lambda document: subgraph_widgets.move(document, self._subgraph, row, place))

    def show_all(self, *, only_recommended: bool = False) -> None:
        """Show all widgets that can be shown, or those that artists mostly want."""
        rows = [
            row
            for row in self._rows
            if not row.is_shown and not row.reason and (row.is_recommended or not only_recommended)
        ]
        self._edit(lambda document: subgraph_widgets.show(document, self._subgraph, rows))

    def hide_all(self) -> None:
        """Hide all widgets."""
        rows = [row for row in self._rows if row.is_shown]
        self._edit(lambda document: subgraph_widgets.hide(document, self._subgraph, rows))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._frame.setContentsMargins(self.px(16), 0, self.px(16), self.px(4))
        self._frame.setSpacing(self.px(6))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self.color("surface.panel"))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_requested.emit()
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the name of the subgraph anew."""
        super().resizeEvent(event)
        self._show_name()

    def showEvent(self, event: QShowEvent) -> None:
        """Read when it is opened."""
        super().showEvent(event)
        self.refresh()

    def _show_name(self) -> None:
        shown = elided(self.title.font(), self._name, self.width() - self.px(32))
        self.title.setText(shown)
        self.title.setToolTip("" if shown == self._name else self._name)

    def _can_edit(self) -> bool:
        view = self._window.view
        return view is not None and not view.is_hand_mode

    def _edit(self, edit: Callable[[WorkflowDocument], None]) -> None:
        """Make an edit of the listed subgraph; what stands against it is said in a toast."""
        document = self._document
        known = document is not None and self._subgraph in document.workflow.subgraphs
        if document is None or not known or not self._can_edit():
            return
        try:
            edit(document)
        except SubgraphError as error:
            self._window.toast(str(error), error.details, is_problem=True)
        self.refresh()

    def _show_rows(self) -> None:
        query = self.search.text().strip().casefold()
        found = [row for row in self._rows if row.matches(query)]
        shown = [_list_row(row) for row in found if row.is_shown]
        hidden = [_list_row(row) for row in found if not row.is_shown]
        rows: list[Row] = []
        if shown or not query:
            rows.append(Row(SHOWN, tr("Shown"), RowKind.HEADING,
                            action=tr("Hide all") if shown and not query else ""))  # fmt: skip
            rows += shown or [Row("", tr("Nothing yet"), RowKind.HINT)]
        if hidden:
            can_show = not query and any(not row.data.reason for row in hidden)
            rows.append(Row(HIDDEN, tr("Hidden"), RowKind.HEADING,
                            action=tr("Show all") if can_show else ""))  # fmt: skip
            rows += hidden
        if query and not found:
            rows = [Row("", tr("Nothing found"), RowKind.HINT)]
        # Where a row would go can be told only while all of them are there.
        self.list.can_move = not query
        self.list.set_rows(rows if self._subgraph else [])

    def _go_to_first(self) -> None:
        first = next((row for row in self.list.rows if row.kind is RowKind.ITEM), None)
        if first is not None:
            self.list.choose(first.key)
            self.list.setFocus(Qt.FocusReason.TabFocusReason)

    def _press_heading(self, key: str) -> None:
        if key == SHOWN:
            self.hide_all()
        else:
            self.show_all()

    def _go_to(self, row: WidgetRow) -> None:
        """Show the node that a widget belongs to."""
        item = self._window.documents.of(self._document)
        if item is not None and self._subgraph:
            self._window.canvas_wiring.go_to(item, self._subgraph, row.node_key)

    def _rename(self, row: WidgetRow) -> None:
        from app.ui.dialogs.question import TextQuestion

        card = TextQuestion(self._window, self._window.look, tr("Rename"), row.label, tr("Rename"))

        def take(label: str) -> None:
            # The list may have changed while the question was open.
            now = next((item for item in self._rows if item.key == row.key), None)
            if label and now is not None:
                self._edit(
                    lambda document: subgraph_widgets.rename(document, self._subgraph, now, label)
                )

        card.answered.connect(take)
        card.open()

    def _open_menu(self) -> None:
        menu = Menu(self)
        recommended = any(row.is_recommended for row in self._rows)
        menu.addAction(
            tr("Show recommended"), lambda: self.show_all(only_recommended=True)
        ).setEnabled(recommended)
        can_show = any(not row.is_shown and not row.reason for row in self._rows)
        menu.addAction(tr("Show all"), self.show_all).setEnabled(can_show)
        can_hide = any(row.is_shown for row in self._rows)
        menu.addAction(tr("Hide all"), self.hide_all).setEnabled(can_hide)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.more_button.mapToGlobal(QPoint(0, self.more_button.height())))

    def fill_row_menu(self, menu: Menu, row: WidgetRow) -> None:
        """Put what can be done with a widget into its menu."""
        is_free = self._can_edit()
        words = tr("Hide") if row.is_shown else tr("Show")
        action = menu.addAction(words, lambda: self.toggle(row))
        action.setEnabled(is_free and not row.reason)
        action.setToolTip(row.reason)
        shown = [item for item in self._rows if item.is_shown]
        if row in shown:
            place = shown.index(row)
            up = menu.addAction(tr("Move up"), lambda: self.move_row(row, place - 1))
            up.setEnabled(is_free and place > 0)
            down = menu.addAction(tr("Move down"), lambda: self.move_row(row, place + 1))
            down.setEnabled(is_free and place + 1 < len(shown))
            if row.input_index is not None:
                menu.addAction(tr("Rename…"), lambda: self._rename(row)).setEnabled(is_free)
        menu.addSeparator()
        words = tr("Go to {name}").format(name=row.node_title)
        menu.addAction(words, lambda: self._go_to(row))

    def _open_row_menu(self, row: Row, place: QPointF) -> None:
        if row.kind is not RowKind.ITEM:
            return
        menu = Menu(self)
        self.fill_row_menu(menu, row.data)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(QPoint(round(place.x()), round(place.y())))


def _list_row(row: WidgetRow) -> Row:
    return Row(
        row.key, row.label, RowKind.ITEM, count=row.node_title, dot=row.type,
        is_open=row.is_shown, tip=row.reason, data=row,
    )  # fmt: skip
