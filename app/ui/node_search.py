"""The search popup: adds a node where the pointer is, and runs commands after a ``>``.

It lies over the window without dimming it (look: window, section 5) and keeps its place while the
results change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app.engine.node_types.definition import NodeDefinition
from app.ui.commands import CommandRegistry
from app.ui.document import WorkflowDocument
from app.ui.keybindings import Keybindings
from app.ui.menu import Menu
from app.ui.node_catalog import NodeCatalog, category_words
from app.ui.search_rows import QueryField, SearchList, SearchRow
from app.ui.search_sources import Filter, FoundNode, command_rows, find_items, find_rows, node_rows
from app.ui.shadows import Floating
from app.ui.tab_order import go_round, reachable
from app.ui.words import tr
from app.widgets.buttons import Chip
from app.widgets.fuzzy import SearchItem
from app.widgets.icons import paint_icon
from app.widgets.labels import paint_key
from app.widgets.style import Style
from app.widgets.themed import paint_text, text_width

WIDTH, HEIGHT, LIST_WIDTH = 720, 468, 400
COMMAND_SIGN, FIND_SIGN = ">", "#"
_MOST_TYPES = 24


PreviewPainter = Callable[[QPainter, NodeDefinition, QRectF], float]
"""Draws a node into a rectangle and returns the height it took."""


class NodeSearch(Floating):
    """The popup.

    Args:
        window: The window it lies over.
        look: The style.
        commands: Commands for the ``>`` mode.
        keys: Their keys.
        paint_preview: Draws the real node.

    Signals:
        node_chosen: Type name of the node to add.
        node_found: Graph and key of a node of the document to go to.
        command_chosen: Id of the command to run.
        closed: The popup is gone; True when something was chosen, and then told last.
    """

    node_chosen = Signal(str)
    node_found = Signal(str, str)
    command_chosen = Signal(str)
    closed = Signal(bool)

    def __init__(
        self,
        window: QWidget,
        look: Style,
        commands: CommandRegistry,
        keys: Keybindings,
        paint_preview: PreviewPainter,
    ) -> None:
        super().__init__(look, level=4, radius=12, parent=window)
        self._commands = commands
        self._keys = keys
        self._paint_preview = paint_preview
        self._catalog = NodeCatalog({})
        self._followers: Mapping[str, str] = {}
        self._filters: list[Filter] = []
        self._total = 0
        self._document: WorkflowDocument | None = None
        self._found: list[SearchItem] | None = None
        self.field = QueryField(self)
        self.field.setObjectName("queryField")
        self.field.setFrame(False)
        self.field.setAccessibleName(tr("Search"))
        self.list = SearchList(look, self)
        self._chips: list[Chip] = []
        self.field.textChanged.connect(self._search)
        self.field.moved.connect(self.list.step)
        self.field.accepted.connect(self.accept)
        self.field.refused.connect(self.close_popup)
        self.field.filters_requested.connect(self._focus_chips)
        self.field.removed_last.connect(self._remove_last_filter)
        self.list.activated.connect(self._take)
        self.list.current_changed.connect(self.update)
        self.setFocusProxy(self.field)
        self.hide()
        self.apply_style(look)

    @property
    def filters(self) -> list[Filter]:
        """The chips that are set."""
        return list(self._filters)

    @property
    def is_command_mode(self) -> bool:
        """Whether the query begins with ``>``."""
        return self.field.text().startswith(COMMAND_SIGN)

    @property
    def is_find_mode(self) -> bool:
        """Whether the query begins with ``#`` and a document is open."""
        return self._document is not None and self.field.text().startswith(FIND_SIGN)

    @property
    def is_wide(self) -> bool:
        """Whether the list takes the whole width, because there is no node to preview."""
        return self.is_command_mode or self.is_find_mode

    def set_document(self, document: WorkflowDocument | None) -> None:
        """Let ``#`` find the nodes of this document."""
        self._document = document
        self._found = None

    def set_catalog(self, catalog: NodeCatalog, followers: Mapping[str, str]) -> None:
        """Offer other nodes.

        Args:
            catalog: The nodes.
            followers: For a type name, the type that usually follows it.
        """
        self._catalog = catalog
        self._followers = followers
        if self.isVisible():
            self._search()

    def prepare(self) -> None:
        """Build the index ahead of the first search."""
        self._catalog.prepare()

    def open_at(self, place: QPoint, filters: list[Filter] | None = None, text: str = "") -> None:
        """Open with the upper left corner at ``place`` (in the window), moved in if need be."""
        window = self.parentWidget()
        self._filters = list(filters or ())
        self._build_chips()
        width, height = self.px(WIDTH), self.px(HEIGHT)
        margin = self.px(8)
        x = min(max(margin, place.x()), max(margin, window.width() - width - margin))
        y = min(max(margin, place.y()), max(margin, window.height() - height - margin))
        self.move_inner(x, y)
        # The document may have been edited since it was last searched.
        self._found = None
        with QSignalBlocker(self.field):
            self.field.setText(text)
        self._search()
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.PopupFocusReason)
        QApplication.instance().installEventFilter(self)

    def open_commands(self) -> None:
        """Open as command palette (U-443), in the upper middle of the window."""
        window = self.parentWidget()
        x = (window.width() - self.px(WIDTH)) // 2
        self.open_at(QPoint(x, self.px(96)), text=COMMAND_SIGN)

    def open_find(self) -> None:
        """Open to find a node in the document (U-019), in the upper middle of the window."""
        window = self.parentWidget()
        x = (window.width() - self.px(WIDTH)) // 2
        self.open_at(QPoint(x, self.px(96)), text=FIND_SIGN)

    def close_popup(self) -> None:
        """Take the popup away; nothing was chosen."""
        if self._hide():
            self.closed.emit(False)

    def _hide(self) -> bool:
        if not self.isVisible():
            return False
        QApplication.instance().removeEventFilter(self)
        self.hide()
        return True

    def accept(self) -> None:
        """Take the row that is marked."""
        row = self.list.current_row
        if row is not None:
            self._take(row)

    def add_filter(self, item: Filter) -> None:
        """Set a chip; categories and packs replace the one before."""
        if item.kind in ("category", "pack"):
            self._filters = [old for old in self._filters if old.kind != item.kind]
        if item not in self._filters:
            self._filters.append(item)
        self._build_chips()
        self._search()
        self.field.setFocus()

    def remove_filter(self, item: Filter) -> None:
        """Take a chip off."""
        self._filters.remove(item)
        self._build_chips()
        self._search()
        self.field.setFocus()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.set_inner_size(self.px(WIDTH), self.px(HEIGHT))
        origin = self.inner().topLeft().toPoint()
        self.field.setFont(look.font("title"))
        font = self.field.font()
        font.setWeight(look.font("body").weight())
        self.field.setFont(font)
        self.field.setGeometry(
            origin.x() + self.px(48), origin.y() + self.px(8), self.px(580), self.px(40)
        )
        self._place_list()
        self._build_chips()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Shut by a press outside, without taking that press away."""
        if event.type() == QEvent.Type.MouseButtonPress and isinstance(event, QMouseEvent):
            inside = self.inner().contains(
                QPointF(self.mapFromGlobal(event.globalPosition().toPoint()))
            )
            is_menu = isinstance(QApplication.activePopupWidget(), QMenu)
            if not inside and not is_menu and isinstance(watched, QWidget):
                self.close_popup()
        elif event.type() == QEvent.Type.WindowDeactivate and watched is self.window():
            self.close_popup()
        return False

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """Keep Tab inside the popup."""
        return go_round(reachable([self]), forwards)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Shut with Escape, also while a chip has the keyboard."""
        if event.key() == Qt.Key.Key_Escape:
            self.close_popup()
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Keep presses on the ground from reaching the canvas."""
        event.accept()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground, the lines, the preview and the foot."""
        super().paintEvent(event)
        painter = QPainter(self)
        inner = self.inner()
        subtle = self.color("border.subtle")
        left, top = inner.left(), inner.top()
        lens = QPointF(left + self.px(27), top + self.px(28))
        paint_icon(painter, "search", lens, self.px(18), self.color("text.secondary"))
        paint_key(painter, self, tr("Esc"), inner.right() - self.px(16), top + self.px(28))
        painter.fillRect(QRectF(left + 1, top + self.px(54), inner.width() - 2, 1), subtle)
        foot = inner.bottom() - self.px(41)
        painter.fillRect(QRectF(left + 1, foot, inner.width() - 2, 1), subtle)
        self._paint_foot(painter, foot)
        if not self.list.rows:
            box = QRectF(left + self.px(24), top + self.px(104), self.px(340), self.px(44))
            font = self.look.font("body")
            paint_text(painter, box, self._empty_words(), font, self.color("text.tertiary"))
        row = self.list.current_row
        if not self.is_wide:
            line = left + self.px(LIST_WIDTH + 2)
            height = foot - top - self.px(108)
            painter.fillRect(QRectF(line, top + self.px(104), 1, height), subtle)
            if row is not None and isinstance(row.payload, NodeDefinition):
                self._paint_detail(painter, row.payload, inner, foot)

    def _empty_words(self) -> str:
        if self.is_command_mode:
            return tr("No command has this name")
        if self.is_find_mode:
            return tr("No node of this workflow has this name")
        return tr("No node fits; try fewer words or filters")

    def _paint_detail(
        self, painter: QPainter, definition: NodeDefinition, inner: QRectF, foot: float
    ) -> None:
        left = inner.left() + self.px(420)
        box = QRectF(left, inner.top() + self.px(104), self.px(280), self.px(190))
        height = self._paint_preview(painter, definition, box)
        y = max(box.top() + height + self.px(20), inner.top() + self.px(200))
        y = min(y, foot - self.px(124))
        title = QRectF(left, y, box.width(), self.px(20))
        ink = self.color("text.primary")
        paint_text(painter, title, definition.display_name, self.look.font("panelTitle"), ink)
        y += self.px(22)
        facts = self._facts(definition)
        room = foot - self.px(8) - y - self.px(22) * len(facts)
        words = definition.description.strip() or category_words(definition)
        text = QRectF(left, y, box.width(), max(self.px(18), room))
        painter.setFont(self.look.font("small"))
        painter.setPen(self.color("text.secondary"))
        flags = int(Qt.AlignmentFlag.AlignLeft | Qt.TextFlag.TextWordWrap)
        used = painter.boundingRect(text, flags, words)
        painter.save()
        painter.setClipRect(text)
        painter.drawText(text, flags, words)
        painter.restore()
        y += min(used.height(), text.height()) + self.px(4)
        for label, value in facts:
            line = QRectF(left, y, box.width(), self.px(22))
            small = self.look.font("small")
            paint_text(painter, line, label, small, self.color("text.tertiary"))
            right = Qt.AlignmentFlag.AlignRight
            paint_text(painter, line, value, small, self.color("text.secondary"), right)
            y += self.px(22)

    def _facts(self, definition: NodeDefinition) -> list[tuple[str, str]]:
        facts = []
        follower = self._catalog.get(self._followers.get(definition.name, ""))
        if follower is not None:
            facts.append((tr("Usually followed by"), follower.display_name))
        uses = self._catalog.uses.get(definition.name, 0)
        if uses:
            words = tr("once") if uses == 1 else tr("{count} times").format(count=uses)
            facts.append((tr("You have used it"), words))
        return facts

    def _paint_foot(self, painter: QPainter, top: float) -> None:
        inner = self.inner()
        middle = top + self.px(21)
        font = self.look.font("small")
        ink = self.color("text.secondary")
        x = inner.left() + self.px(16)
        hints = [
            ("↑ ↓", tr("Choose")),
            (tr("Enter"), self._enter_words()),
        ]
        if not self.is_wide:
            hints += [(tr("Tab"), tr("Filters")), (COMMAND_SIGN, tr("Commands"))]
        for key, words in hints:
            cap = max(self.px(18), round(text_width(self.look.font("key"), key)) + self.px(8))
            paint_key(painter, self, key, x + cap, middle)
            width = text_width(font, words)
            box = QRectF(x + cap + self.px(8), top, width + 1, self.px(42))
            paint_text(painter, box, words, font, ink)
            x = box.right() + self.px(20)
        count = tr("{shown} of {total}").format(shown=len(self.list.rows), total=self._total)
        box = QRectF(x, top, inner.right() - self.px(16) - x, self.px(42))
        tone = self.color("text.tertiary")
        paint_text(painter, box, count, font, tone, Qt.AlignmentFlag.AlignRight)

    def _enter_words(self) -> str:
        if self.is_command_mode:
            return tr("Run")
        return tr("Go to node") if self.is_find_mode else tr("Add here")

    def _search(self, *_: object) -> None:
        text = self.field.text()
        if self.is_command_mode:
            rows = command_rows(self._commands, self._keys, text[1:])
            self._total = sum(1 for _ in self._commands)
        elif self.is_find_mode:
            if self._found is None:
                self._found = find_items(self._document)
            rows = find_rows(self._found, text[1:])
            self._total = len(self._found)
        else:
            rows = node_rows(self._catalog, text, self._filters)
            self._total = len(self._catalog)
        for chip in self._chips:
            chip.setVisible(not self.is_wide)
        self._place_list()
        self.list.set_rows(rows)
        self.update()

    def _take(self, row: SearchRow) -> None:
        if not row.is_enabled:
            return
        payload = row.payload
        self._hide()
        if isinstance(payload, NodeDefinition):
            self.node_chosen.emit(payload.name)
        elif isinstance(payload, FoundNode):
            self.node_found.emit(payload.graph_id, payload.key)
        else:
            self.command_chosen.emit(str(payload))
        self.closed.emit(True)

    def _build_chips(self) -> None:
        for chip in self._chips:
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for item in self._filters:
            chip = Chip(item.words, self.look, removable=True, parent=self)
            chip.setAccessibleName(tr("Remove filter {name}").format(name=item.words))
            chip.clicked.connect(lambda _=False, part=item: self.remove_filter(part))
            self._chips.append(chip)
        for kind, words in (
            ("input", tr("Input")), ("output", tr("Output")),
            ("category", tr("Category")), ("pack", tr("Pack")),
        ):  # fmt: skip
            chip = Chip(words, self.look, parent=self)
            chip.setCheckable(False)
            chip.clicked.connect(lambda _=False, part=kind, own=chip: self._choose(part, own))
            self._chips.append(chip)
        origin = self.inner().topLeft().toPoint()
        x = self.px(16)
        for chip in self._chips:
            chip.move(origin + QPoint(x, self.px(66)))
            chip.show()
            x += chip.width() + self.px(8)

    def _choose(self, kind: str, chip: Chip) -> None:
        choices = {
            "input": lambda: self._catalog.types(given=False)[:_MOST_TYPES],
            "output": lambda: self._catalog.types(given=True)[:_MOST_TYPES],
            "category": self._catalog.categories,
            "pack": self._catalog.packs,
        }[kind]()
        menu = Menu(self)
        for choice in choices:
            menu.addAction(choice, lambda value=choice: self.add_filter(Filter(kind, value)))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(chip.mapToGlobal(QPoint(0, chip.height() + self.px(4))))

    def _focus_chips(self) -> None:
        if self._chips and not self.is_wide:
            self._chips[0].setFocus(Qt.FocusReason.TabFocusReason)

    def _remove_last_filter(self) -> None:
        if self._filters:
            self.remove_filter(self._filters[-1])

    def _place_list(self) -> None:
        origin = self.inner().topLeft().toPoint()
        wide = self.is_wide
        top = self.px(62 if wide else 104)
        width = self.px(WIDTH if wide else LIST_WIDTH) - self.px(2)
        height = self.px(HEIGHT - 45) - top
        self.list.setGeometry(origin.x() + 1, origin.y() + top, width, height)
