"""The node library (U-038): favourites and all nodes by category, searched and dragged out."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.engine.node_types.definition import NodeDefinition
from app.ui.blueprint_library import PREFIX as BLUEPRINT_PREFIX
from app.ui.menu import Menu
from app.ui.mime import NODE_MIME
from app.ui.node_catalog import NodeCatalog, category_words, main_type
from app.ui.panels.header import PanelHeader
from app.ui.panels.row_list import Row, RowKind, RowList, count_leaves, tree_rows
from app.ui.words import count_words, tr
from app.widgets.buttons import IconButton
from app.widgets.fields import SearchField
from app.widgets.style import Style
from app.widgets.themed import Themed

_MOST_HITS = 200


class LibraryPanel(Themed, QWidget):
    """The panel of nodes.

    Args:
        look: The style.
        catalog: All nodes that may be offered.
        favourites: Type names of the starred nodes, in order.

    Signals:
        add_requested: Type name of a node to add in the middle of the view.
        favourites_changed: List of the starred type names.
        folders_changed: Keys of the open folders.
        close_requested: The cross was pressed.
        info_requested: Type name of a node to explain.
        open_requested: Name of a blueprint to open as a document.
        delete_requested: Name of a blueprint to delete.
    """

    add_requested = Signal(str)
    favourites_changed = Signal(list)
    folders_changed = Signal(list)
    close_requested = Signal()
    info_requested = Signal(str)
    open_requested = Signal(str)
    delete_requested = Signal(str)

    def __init__(
        self,
        look: Style,
        catalog: NodeCatalog,
        favourites: list[str],
        open_folders: list[str],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._catalog = catalog
        self._favourites = list(favourites)
        self._open = set(open_folders)
        self._by_pack = False
        self._filter_button = IconButton("sliders-horizontal", tr("Arrange"), look)
        close = IconButton("x", tr("Close the panel"), look)
        self.header = PanelHeader(tr("Nodes"), look, (self._filter_button, close), self)
        self.search = SearchField(tr("Search nodes"), look, key="N", parent=self)
        self.list = RowList(look, NODE_MIME, self)
        layout = QVBoxLayout(self)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        self._search_frame = QVBoxLayout()
        self._search_frame.addWidget(self.search)
        layout.addLayout(self._search_frame)
        layout.addWidget(self.list, 1)
        close.clicked.connect(self.close_requested)
        self._filter_button.clicked.connect(self._open_menu)
        self.search.textChanged.connect(self.rebuild)
        self.search.returnPressed.connect(self._add_first)
        self.search.escape_pressed.connect(self.close_requested)
        self.list.folder_toggled.connect(self._toggle)
        self.list.item_activated.connect(lambda row: self.add_requested.emit(row.key))
        self.list.action_clicked.connect(lambda row: self.toggle_favourite(row.key))
        self.list.menu_requested.connect(self._open_row_menu)
        self.apply_style(look)
        self.rebuild()

    @property
    def open_folders(self) -> list[str]:
        """Keys of the open folders."""
        return sorted(self._open)

    def set_catalog(self, catalog: NodeCatalog) -> None:
        """Offer other nodes."""
        self._catalog = catalog
        self.rebuild()

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus()
        self.search.selectAll()

    def toggle_favourite(self, name: str) -> None:
        """Star a node, or take its star off (U-039)."""
        if name in self._favourites:
            self._favourites.remove(name)
        else:
            self._favourites.append(name)
        self.favourites_changed.emit(list(self._favourites))
        self.rebuild()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.layout().setContentsMargins(0, 0, 0, 0)
        self._search_frame.setContentsMargins(self.px(16), self.px(4), self.px(16), 0)

    def rebuild(self) -> None:
        """Build the rows anew: hits while there is a query, else the tree."""
        query = self.search.text().strip()
        self.list.set_rows(self._hits(query) if query else self._tree())

    def _tree(self) -> list[Row]:
        rows: list[Row] = []
        starred = [self._catalog.get(name) for name in self._favourites]
        found = [item for item in starred if item is not None]
        if found:
            rows.append(Row("", tr("Favourites"), RowKind.HEADING))
            rows += [self._row(item, 0) for item in found]
        tree = self._catalog.tree_by_pack() if self._by_pack else self._catalog.tree()
        count = count_leaves(tree)
        rows.append(Row("", tr("All nodes"), RowKind.HEADING, count=str(count) if count else ""))
        if not count:
            rows.append(Row("", tr("Nodes appear here once they are loaded"), RowKind.HINT))
        return rows + tree_rows(tree, self._open, self._row)

    def _hits(self, query: str) -> list[Row]:
        found = self._catalog.find(query, limit=_MOST_HITS)
        title = count_words(len(found), tr("node"), tr("nodes"))
        if not found:
            title = tr("No node has this name")
        rows = [Row("", title, RowKind.HEADING)]
        return rows + [self._row(hit.definition, 0) for hit in found]

    def _row(self, definition: NodeDefinition, depth: int) -> Row:
        starred = definition.name in self._favourites
        return Row(
            definition.name,
            definition.display_name,
            RowKind.ITEM,
            depth,
            dot=main_type(definition),
            action="star-solid" if starred else "star",
            tip=definition.description or category_words(definition),
            data=definition,
        )

    def _toggle(self, key: str) -> None:
        self._open.symmetric_difference_update({key})
        self.folders_changed.emit(self.open_folders)
        self.rebuild()

    def _add_first(self) -> None:
        row = next((row for row in self.list.rows if row.kind is RowKind.ITEM), None)
        if row is not None:
            self.add_requested.emit(row.key)

    def _open_menu(self) -> None:
        menu = Menu(self)
        for words, by_pack in ((tr("By category"), False), (tr("By pack"), True)):
            action = menu.addAction(words)
            action.setCheckable(True)
            action.setChecked(self._by_pack == by_pack)
            action.triggered.connect(lambda _=False, value=by_pack: self._arrange(value))
        menu.addSeparator()
        menu.addAction(tr("Close all folders"), self._close_folders)
        _show_menu(menu, self._filter_button.mapToGlobal(QPoint(0, self._filter_button.height())))

    def _arrange(self, by_pack: bool) -> None:
        self._by_pack = by_pack
        self.rebuild()

    def _close_folders(self) -> None:
        self._open.clear()
        self.rebuild()

    def _open_row_menu(self, row: Row, place: QPointF) -> None:
        if row.kind is not RowKind.ITEM:
            return
        menu = Menu(self)
        menu.addAction(tr("Add to the canvas"), lambda: self.add_requested.emit(row.key))
        starred = row.key in self._favourites
        words = tr("Remove from favourites") if starred else tr("Add to favourites")
        menu.addAction(words, lambda: self.toggle_favourite(row.key))
        menu.addAction(tr("About this node"), lambda: self.info_requested.emit(row.key))
        if row.key.startswith(BLUEPRINT_PREFIX):
            menu.addSeparator()
            menu.addAction(tr("Edit blueprint"), lambda: self.open_requested.emit(row.key))
            menu.addAction(tr("Delete blueprint"), lambda: self.delete_requested.emit(row.key))
        _show_menu(menu, place.toPoint())


def _show_menu(menu: Menu, place: QPoint) -> None:
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(place)
