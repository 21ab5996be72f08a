"""The settings: pages at the left, rows at the right; a change applies at once (U-440)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.engine.settings import PAGES, SETTINGS, Setting, SettingPage, setting
from app.ui.dialogs.about_page import AboutPage, FactList, device_facts
from app.ui.dialogs.card import Card
from app.ui.dialogs.keys_page import KeysPage
from app.ui.dialogs.packs_page import PacksList
from app.ui.dialogs.setting_rows import SettingRow
from app.ui.dialogs.theme_pictures import ThemePictures
from app.ui.words import tr
from app.widgets.buttons import Button, ChromeButton, IconButton, Switch
from app.widgets.fields import SearchField
from app.widgets.icons import paint_icon
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import paint_box, paint_text

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

WIDTH, HEIGHT, NAV = 880, 640, 216


class PageButton(ChromeButton):
    """One page in the list at the left."""

    def __init__(self, page: SettingPage, look: Style) -> None:
        super().__init__()
        self._icon = page.icon
        self.setText(tr(page.title))
        self.setAccessibleName(tr(page.title))
        self.setCheckable(True)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(32))

    def sizeHint(self) -> QSize:
        """Return the size of a row."""
        return QSize(self.px(200), self.px(32))

    def nextCheckState(self) -> None:
        """Stay pressed: a page is left by choosing another one."""
        self.setChecked(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint icon and name."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked() or self.underMouse():
            name = "state.selected" if self.isChecked() else "state.hover"
            paint_box(painter, rect, self.px(6), self.color(name))
        lifted = self.isChecked() or self.underMouse()
        ink = self.color("text.primary" if lifted else "text.secondary")
        center = QPointF(self.px(20), rect.center().y())
        paint_icon(painter, self._icon, center, self.px(16), ink)
        font = self.look.font("bodyStrong" if self.isChecked() else "body")
        paint_text(painter, rect.adjusted(self.px(38), 0, 0, 0), self.text(), font, ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)


class SettingsDialog(Card):
    """The dialog.

    Args:
        window: The window it covers.
        page: Id of the page to show first.
    """

    def __init__(self, window: MainWindow, page: str = "") -> None:
        super().__init__(window, window.look, WIDTH, HEIGHT)
        self._window = window
        self._page = ""
        self._rows: list[SettingRow] = []
        self._keys_page: KeysPage | None = None
        look = window.look
        self.search = SearchField(tr("Search settings"), look)
        self.title = Words("", look, font="title")
        self.changed_only = Switch(look)
        self.changed_only.setAccessibleName(tr("Changed only"))
        self.reset_button = Button(tr("Reset this page"), look, padding=26)
        self.buttons: dict[str, PageButton] = {}
        self._build(look)
        self.search.textChanged.connect(self._rebuild)
        self.search.escape_pressed.connect(self.refuse)
        self.changed_only.toggled.connect(self._rebuild)
        self.reset_button.clicked.connect(self._reset_page)
        self._unsubscribe = window.settings.subscribe(self._on_changed)
        self.closed.connect(self._unsubscribe)
        super().apply_style(look)
        self.show_page(page or str(window.state.get("settings_page", "appearance")))

    @property
    def page(self) -> str:
        """Id of the page that is shown."""
        return self._page

    @property
    def rows(self) -> list[SettingRow]:
        """The rows that are shown."""
        return list(self._rows)

    def first_focus(self) -> QWidget:
        """Return the search."""
        return self.search

    def show_page(self, page: str) -> None:
        """Show a page."""
        self._page = page if page in self.buttons else "appearance"
        self._window.state.set("settings_page", self._page)
        if self.search.text():
            self.search.clear()
        else:
            self._rebuild()

    def apply_style(self, look: Style) -> None:
        """Take another style; the rows are made anew, since their measures differ."""
        super().apply_style(look)
        self._list.setFixedWidth(self.px(NAV))
        if self._page:
            self._rebuild()

    def paint_card(self, painter: QPainter, box: QRectF) -> None:
        """Paint the quieter ground of the list, and the lines."""
        nav = self.px(NAV)
        path = QPainterPath()
        path.addRoundedRect(box.adjusted(1, 1, -1, -1), self.px(11), self.px(11))
        painter.save()
        painter.setClipPath(path)
        painter.fillRect(
            QRectF(box.left(), box.top(), nav, box.height()), self.color("surface.window")
        )
        subtle = self.color("border.subtle")
        painter.fillRect(QRectF(box.left() + nav, box.top(), 1, box.height()), subtle)
        foot = box.bottom() - self.px(52)
        painter.fillRect(QRectF(box.left() + nav, foot, box.width() - nav, 1), subtle)
        painter.restore()

    def _build(self, look: Style) -> None:
        nav = QVBoxLayout()
        nav.setSpacing(2)
        nav.setContentsMargins(8, 22, 8, 12)
        title = Words(tr("Settings"), look, font="title")
        title.setContentsMargins(12, 0, 0, 0)
        nav.addWidget(title)
        nav.addSpacing(14)
        search = QHBoxLayout()
        search.setContentsMargins(4, 0, 4, 0)
        search.addWidget(self.search)
        nav.addLayout(search)
        nav.addSpacing(14)
        for page in PAGES:
            button = PageButton(page, look)
            button.clicked.connect(lambda _=False, name=page.id: self.show_page(name))
            self.buttons[page.id] = button
            nav.addWidget(button)
        nav.addStretch(1)
        close = IconButton("x", tr("Close"), look)
        close.clicked.connect(self.shut)
        head = QHBoxLayout()
        head.setContentsMargins(32, 18, 18, 0)
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(Words(tr("Changed only"), look, font="small", color="text.secondary"))
        head.addWidget(self.changed_only)
        head.addSpacing(8)
        head.addWidget(close)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        foot = QHBoxLayout()
        foot.setContentsMargins(32, 10, 32, 10)
        words = tr("Changes apply at once.")
        foot.addWidget(Words(words, look, font="small", color="text.secondary"), 1)
        foot.addWidget(self.reset_button)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(head)
        right.addSpacing(18)
        right.addWidget(self._scroll, 1)
        right.addLayout(foot)
        self._list = QWidget()
        self._list.setLayout(nav)
        self._list.setFixedWidth(round(NAV * look.scale))
        lay = QHBoxLayout(self.body)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        lay.addWidget(self._list)
        lay.addLayout(right, 1)

    def _rebuild(self, *_: object) -> None:
        """Show the rows of the page, or those a query finds on all pages."""
        query = self.search.text().strip().casefold()
        look = self._window.look
        self._rows = []
        self._keys_page = None
        content = QWidget()
        content.setObjectName("page")
        lay = QVBoxLayout(content)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        if query:
            self.title.setText(tr("Found"))
            self._add_rows(lay, [row for row in SETTINGS if query in _words(row)], look)
            self._add_keys(lay, query, look)
        else:
            page = next(page for page in PAGES if page.id == self._page)
            self.title.setText(tr(page.title))
            self._add_page(lay, page.id, look)
        lay.addStretch(1)
        for name, button in self.buttons.items():
            button.setChecked(name == self._page and not query)
        self.reset_button.setEnabled(not query and self._can_reset())
        old = self._scroll.takeWidget()
        if old is not None:
            # Later, as the change may come from a control inside it; setWidget would do it now.
            old.hide()
            old.deleteLater()
        self._scroll.setWidget(content)
        content.setAutoFillBackground(False)

    def _add_page(self, lay: QVBoxLayout, page: str, look: Style) -> None:
        window = self._window
        rows = [row for row in SETTINGS if row.page == page]
        pictures = [row for row in rows if row.is_picture]
        if pictures and not self.changed_only.isChecked():
            row = pictures[0]
            part = ThemePictures(row, str(window.settings.get(row.name)), look)
            part.chosen.connect(lambda value: window.settings.set(row.name, value))
            lay.addWidget(part)
        self._add_rows(lay, [row for row in rows if not row.is_picture], look)
        port = window.run_port.state
        if page == "keys":
            self._add_keys(lay, "", look)
        elif page == "packs":
            lay.addWidget(PacksList(port.packs, look))
        elif page == "device":
            lay.addWidget(FactList(device_facts(port.device), look))
        elif page == "about":
            lay.addWidget(AboutPage(port.device, window.home, port.packs, look))

    def _add_rows(self, lay: QVBoxLayout, rows: list[Setting], look: Style) -> None:
        settings = self._window.settings
        for row in rows:
            if self.changed_only.isChecked() and not settings.is_changed(row.name):
                continue
            part = SettingRow(row, settings, look)
            self._rows.append(part)
            lay.addWidget(part)

    def _add_keys(self, lay: QVBoxLayout, query: str, look: Style) -> None:
        keys = self._window.keys
        page = KeysPage(self._window.commands, keys, look)
        page.filter(query, keys, changed_only=self.changed_only.isChecked())
        self._keys_page = page
        lay.addWidget(page)

    def _can_reset(self) -> bool:
        settings, keys = self._window.settings, self._window.keys
        if self._page == "keys":
            return any(keys.is_changed(command.id) for command in self._window.commands)
        return any(setting(name).page == self._page for name in settings.changed())

    def _reset_page(self) -> None:
        if self._page == "keys":
            self._window.keys.reset_all()
        for name in self._window.settings.changed():
            if setting(name).page == self._page:
                self._window.settings.reset(name)
        self._rebuild()

    def _on_changed(self, name: str, value: object) -> None:
        self.reset_button.setEnabled(self._can_reset())
        for row in self._rows:
            if row.row.name == name:
                row.refresh()


def _words(row: Setting) -> str:
    return f"{tr(row.title)} {tr(row.sentence)} {row.name}".casefold()
