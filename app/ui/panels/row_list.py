"""The list of a side panel: headings, folders that open, and rows with a dot or an icon.

Rows are data and are painted by one delegate, so three thousand of them cost nothing to build.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QByteArray,
    QEvent,
    QMimeData,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from app.widgets.icons import paint_icon
from app.widgets.labels import paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, is_keyboard_focus, paint_box, paint_text, text_width

AnyIndex = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole


class RowKind(enum.Enum):
    """What a row is."""

    HEADING = "heading"
    FOLDER = "folder"
    ITEM = "item"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        key: Names it: for a folder, what is opened; for an item, what is chosen.
        text: Words.
        kind: What it is.
        depth: How many folders it lies in.
        count: Number at the right end, or empty.
        dot: Type whose link colour the dot has, or empty.
        icon: Icon instead of a dot, or empty.
        is_open: A folder that shows its contents.
        action: Icon at the right end while the row is hovered, or empty.
        tip: Tooltip.
        data: Anything the panel wants to find again.
    """

    key: str
    text: str
    kind: RowKind = RowKind.ITEM
    depth: int = 0
    count: str = ""
    dot: str = ""
    icon: str = ""
    is_open: bool = False
    action: str = ""
    tip: str = ""
    data: Any = None


class RowModel(QAbstractListModel):
    """The rows as Qt wants them."""

    def __init__(self, mime_type: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[Row] = []
        self._mime_type = mime_type

    @property
    def rows(self) -> list[Row]:
        """The rows that are shown."""
        return self._rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows."""
        self.beginResetModel()
        self._rows = list(rows)
        self.endResetModel()

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """Return the number of rows."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Return what Qt asks of a row."""
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return row.text
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip or None
        return row if role == ROW_ROLE else None

    def flags(self, index: AnyIndex) -> Qt.ItemFlag:
        """Headings cannot be chosen; items can be dragged."""
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        kind = self._rows[index.row()].kind
        if kind in (RowKind.HEADING, RowKind.HINT):
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        if kind is RowKind.ITEM and self._mime_type:
            flags |= Qt.ItemFlag.ItemIsDragEnabled
        return flags

    def mimeTypes(self) -> list[str]:
        """Return the type of a dragged row."""
        return [self._mime_type]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """Return a dragged row."""
        data = QMimeData()
        keys = [self._rows[index.row()].key for index in indexes]
        data.setData(self._mime_type, QByteArray("\n".join(keys).encode()))
        data.setText(f"{self._mime_type}:{keys[0] if keys else ''}")
        return data


class RowDelegate(QStyledItemDelegate):
    """Paints rows."""

    def __init__(self, view: RowList) -> None:
        super().__init__(view)
        self._view = view

    def sizeHint(self, option: QStyleOptionViewItem, index: AnyIndex) -> QSize:
        """Return the height of a row."""
        row: Row = index.data(ROW_ROLE)
        tall = row.kind is RowKind.HEADING
        return QSize(0, self._view.px(38 if tall else 28))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        """Paint one row."""
        row: Row = index.data(ROW_ROLE)
        view = self._view
        rect = QRectF(option.rect)
        if row.kind is RowKind.HEADING:
            self._paint_heading(painter, rect, row)
            return
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if row.kind is RowKind.HINT:
            box = rect.adjusted(view.px(16), 0, -view.px(16), 0)
            paint_text(painter, box, row.text, view.look.font("small"), view.color("text.tertiary"))
            return
        shape = rect.adjusted(view.px(8), 0, -view.px(8), 0)
        if selected or hovered:
            name = "state.selected" if selected else "state.hover"
            paint_box(painter, shape, view.px(6), view.color(name))
        has_focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        if has_focus and view.has_ring:
            paint_box(painter, shape, view.px(6), None, view.color("focus.ring"), 1.5)
        self._paint_row(painter, rect, row, selected, hovered)

    def _paint_heading(self, painter: QPainter, rect: QRectF, row: Row) -> None:
        view = self._view
        box = rect.adjusted(view.px(16), view.px(10), -view.px(16), 0)
        ink = view.color("text.tertiary")
        paint_text(painter, box, row.text, view.look.font("smallStrong"), ink)
        paint_text(
            painter, box, row.count, view.look.font("small"), ink, Qt.AlignmentFlag.AlignRight
        )

    def _paint_row(
        self, painter: QPainter, rect: QRectF, row: Row, selected: bool, hovered: bool
    ) -> None:
        view = self._view
        is_strong = selected or (row.kind is RowKind.FOLDER and row.is_open)
        lifted = selected or hovered
        left = rect.left() + view.px(16 + 18 * row.depth)
        middle = rect.center().y()
        quiet = view.color("text.secondary" if lifted else "text.tertiary")
        if row.kind is RowKind.FOLDER:
            name = "chevron-down" if row.is_open else "chevron-right"
            center = QPointF(left + view.px(4), middle)
            tone = view.color("text.secondary" if lifted else "text.tertiary")
            paint_icon(painter, name, center, view.px(14), tone)
        elif row.icon:
            center = QPointF(left + view.px(5), middle)
            paint_icon(painter, row.icon, center, view.px(14), view.color("text.secondary"))
        elif row.dot:
            center = QPointF(left + view.px(4), middle)
            paint_dot(painter, center, view.px(4), view.look.link_color(row.dot))
        right = rect.right() - view.px(16)
        if row.action and hovered:
            center = QPointF(right - view.px(8), middle)
            paint_icon(painter, row.action, center, view.px(16), view.color("text.secondary"))
            right -= view.px(24)
        elif row.count:
            font = view.look.font("small")
            box = QRectF(rect.left(), rect.top(), right - rect.left(), rect.height())
            paint_text(painter, box, row.count, font, quiet, Qt.AlignmentFlag.AlignRight)
            right -= text_width(font, row.count) + view.px(8)
        font = view.look.font("bodyStrong" if is_strong else "body")
        ink = view.color("text.primary" if is_strong or lifted else "text.secondary")
        text_left = left + view.px(18)
        box = QRectF(text_left, rect.top(), right - text_left, rect.height())
        paint_text(painter, box, row.text, font, ink)


class RowList(Themed, QListView):
    """The list.

    Args:
        look: The style.
        mime_type: Type of dragged rows, or empty when rows cannot be dragged.

    Signals:
        folder_toggled: Key of a folder that was opened or shut.
        item_activated: The :class:`Row` that was double-clicked or entered.
        item_clicked: The :class:`Row` that was clicked once.
        action_clicked: The :class:`Row` whose icon at the right end was pressed.
        menu_requested: A :class:`Row` and the place on the screen.
    """

    folder_toggled = Signal(str)
    item_activated = Signal(object)
    item_clicked = Signal(object)
    action_clicked = Signal(object)
    menu_requested = Signal(object, QPointF)

    def __init__(self, look: Style, mime_type: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.has_ring = False
        self.rows_model = RowModel(mime_type, self)
        self.setModel(self.rows_model)
        self.setItemDelegate(RowDelegate(self))
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setDragEnabled(bool(mime_type))
        self.setDragDropMode(
            QAbstractItemView.DragDropMode.DragOnly
            if mime_type
            else QAbstractItemView.DragDropMode.NoDragDrop
        )
        self.viewport().setAutoFillBackground(False)
        self.apply_style(look)

    @property
    def rows(self) -> list[Row]:
        """The rows that are shown."""
        return self.rows_model.rows

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show other rows; the scroll position and the chosen row stay if they can."""
        chosen = self.chosen_row()
        offset = self.verticalScrollBar().value()
        self.rows_model.set_rows(rows)
        if chosen is not None:
            self.choose(chosen.key)
        self.verticalScrollBar().setValue(offset)

    def chosen_row(self) -> Row | None:
        """Return the selected row."""
        index = self.currentIndex()
        return index.data(ROW_ROLE) if index.isValid() else None

    def choose(self, key: str) -> None:
        """Select the first row of that key."""
        for number, row in enumerate(self.rows):
            if row.key == key and row.kind in (RowKind.ITEM, RowKind.FOLDER):
                self.setCurrentIndex(self.rows_model.index(number))
                return

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.scheduleDelayedItemsLayout()

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only when the focus came by a key."""
        self.has_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open folders and press the icon at the right end."""
        self.has_ring = False
        row = self._row_at(event.position())
        if event.button() == Qt.MouseButton.LeftButton and row is not None:
            if row.kind is RowKind.FOLDER:
                self.folder_toggled.emit(row.key)
                return
            if row.action and event.position().x() >= self.viewport().width() - self.px(40):
                self.action_clicked.emit(row)
                return
        super().mousePressEvent(event)
        if row is not None and event.button() == Qt.MouseButton.LeftButton:
            self.item_clicked.emit(row)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Activate an item."""
        row = self._row_at(event.position())
        if row is None:
            return
        if row.kind is RowKind.FOLDER:
            self.folder_toggled.emit(row.key)
        elif row.kind is RowKind.ITEM:
            self.item_activated.emit(row)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open, shut and activate from the keyboard."""
        row = self.chosen_row()
        key = event.key()
        if row is not None and key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if row.kind is RowKind.FOLDER:
                self.folder_toggled.emit(row.key)
            else:
                self.item_activated.emit(row)
            return
        if row is not None and row.kind is RowKind.FOLDER:
            wanted = {Qt.Key.Key_Right: True, Qt.Key.Key_Left: False}.get(Qt.Key(key))
            if wanted is not None:
                if wanted != row.is_open:
                    self.folder_toggled.emit(row.key)
                return
        if key in (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Home, Qt.Key.Key_End):
            self.has_ring = True
        super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Ask for the menu of the row under the pointer."""
        row = self._row_at(QPointF(event.pos()))
        if row is not None:
            self.menu_requested.emit(row, QPointF(event.globalPos()))

    def leaveEvent(self, event: QEvent) -> None:
        """Take the hover off."""
        super().leaveEvent(event)
        self.viewport().update()

    def _row_at(self, position: QPointF) -> Row | None:
        index = self.indexAt(position.toPoint())
        return index.data(ROW_ROLE) if index.isValid() else None


def tree_rows(
    tree: dict[str, Any],
    open_keys: set[str],
    leaf: Callable[[Any, int], Row],
    *,
    depth: int = 0,
    prefix: str = "",
) -> list[Row]:
    """Turn nested folders into rows; only open folders show what is in them.

    Args:
        tree: Folder names to further trees; the items of a folder are the list under ``""``.
        open_keys: Keys (paths joined by ``/``) of the open folders.
        leaf: Makes the row of an item at a depth.
        depth: Depth of the first level.
        prefix: Path of ``tree``.
    """
    rows: list[Row] = []
    for name in sorted((key for key in tree if key), key=str.casefold):
        key = f"{prefix}/{name}" if prefix else name
        is_open = key in open_keys
        count = str(count_leaves(tree[name]))
        rows.append(Row(key, name, RowKind.FOLDER, depth, count, is_open=is_open))
        if is_open:
            rows += tree_rows(tree[name], open_keys, leaf, depth=depth + 1, prefix=key)
    rows += [leaf(item, depth) for item in tree.get("", ())]
    return rows


def count_leaves(tree: dict[str, Any]) -> int:
    """Return how many items a tree of folders holds."""
    return len(tree.get("", ())) + sum(count_leaves(sub) for name, sub in tree.items() if name)
