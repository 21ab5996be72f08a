"""What is shown while no document is open: recent files, templates, and three ways to begin."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.ui.card_grid import CardGrid, GridCard
from app.ui.menu import Menu
from app.ui.panels.results import day_words, show_in_folder
from app.ui.recent_files import THUMBNAIL, RecentFile
from app.ui.templates import Template, read_templates
from app.ui.thumbnails import graph_picture
from app.ui.words import count_words, tr
from app.widgets.buttons import Button, ButtonRole, Chip
from app.widgets.fields import SearchField
from app.widgets.icons import paint_icon
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text, text_width

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

WIDTH = 1056
_SHOWN_AT_FIRST = 4


class StartPage(Themed, QWidget):
    """The start page.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        self._window = window
        self._templates: list[Template] = []
        self._pictures: dict[str, QImage] = {}
        self._shows_all = False
        self._category = ""
        look = window.look
        self.new_button = Button(
            tr("New workflow"), look, role=ButtonRole.PRIMARY, icon="plus", height=36, padding=18
        )
        self.open_button = Button(tr("Open file"), look, icon="folder-open", height=36, padding=18)
        self.comfy_button = Button(
            tr("Open a ComfyUI folder"), look, icon="folder-input", height=36, padding=18
        )
        self.recent_grid = CardGrid(look)
        self.recent_grid.setAccessibleName(tr("Recent"))
        self.template_grid = CardGrid(look)
        self.template_grid.setAccessibleName(tr("Templates"))
        self._show_all = Button(tr("Show all"), look, role=ButtonRole.LINK, height=20)
        self.search = SearchField(tr("Search templates"), look)
        self._chips: dict[str, Chip] = {}
        self._build(look)
        self._connect()
        self.apply_style(look)

    def refresh(self) -> None:
        """Show the present list of files, and look at the templates again."""
        self._show_recent()
        self._window.background.run(self._load())

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.search.setFixedWidth(self.px(240))
        self._center()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the contents in the middle."""
        super().resizeEvent(event)
        self._center()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self.color("surface.canvas"))

    def _build(self, look: Style) -> None:
        self._page = QWidget()
        self._page.setObjectName("page")
        self._lay = QVBoxLayout(self._page)
        self._lay.setSpacing(0)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(Words(tr("Start"), look, font="display"))
        head.addStretch(1)
        for button in (self.new_button, self.open_button, self.comfy_button):
            head.addWidget(button)
        self._add(head)
        words = tr("Open something recent, or begin from a template.")
        self._lay.addSpacing(6)
        self._add(Words(words, look, color="text.secondary"))
        self._lay.addSpacing(42)
        recent = QHBoxLayout()
        self._recent_title = Words(tr("Recent"), look, font="section")
        recent.addWidget(self._recent_title)
        recent.addStretch(1)
        recent.addWidget(self._show_all)
        self._add(recent)
        self._lay.addSpacing(6)
        self._recent_hint = Words(
            tr("Files you open or save appear here"), look, color="text.tertiary"
        )
        self._add(self._recent_hint)
        self._lay.addWidget(self.recent_grid)
        self._lay.addSpacing(32)
        self._template_title = Words(tr("Templates"), look, font="section")
        self._add(self._template_title)
        self._lay.addSpacing(10)
        self._filters = QHBoxLayout()
        self._filters.setSpacing(8)
        self._filters.addStretch(1)
        self._filters.addWidget(self.search)
        self._add(self._filters)
        self._lay.addSpacing(8)
        self._lay.addWidget(self.template_grid)
        self._lay.addSpacing(24)
        self._add(DropLine(look))
        self._lay.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self._page)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.viewport().setAutoFillBackground(False)
        self._page.setAutoFillBackground(False)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._scroll)

    def _add(self, part: QWidget | QHBoxLayout) -> None:
        """Add a row; the grids alone reach further, by the shape of a hovered card."""
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 8, 0)
        if isinstance(part, QWidget):
            row.addWidget(part)
        else:
            row.addLayout(part)
        self._lay.addLayout(row)

    def _connect(self) -> None:
        trigger = self._window.commands.trigger
        self.new_button.clicked.connect(lambda: trigger("file.new"))
        self.open_button.clicked.connect(lambda: trigger("file.open"))
        self.comfy_button.clicked.connect(lambda: trigger("file.open_comfy_folder"))
        self._show_all.clicked.connect(self._toggle_all)
        self.recent_grid.chosen.connect(lambda key: self._window.open_paths([key]))
        self.recent_grid.menu_requested.connect(self._open_recent_menu)
        self.template_grid.chosen.connect(self._open_template)
        self.search.textChanged.connect(self._show_templates)
        self._window.recent.changed.connect(self._on_recent_changed)

    def _on_recent_changed(self) -> None:
        if self.isVisible():
            self.refresh()

    async def _load(self) -> None:
        """Read pictures and templates, one after the other, by threads."""
        for item in self._window.recent.files[: 4 * _SHOWN_AT_FIRST]:
            if item.path not in self._pictures:
                picture = await self._window.recent.picture(item.path)
                if picture is not None:
                    self._pictures[item.path] = picture
                    self._show_recent()
        if not self._templates:
            settings = self._window.settings
            folders = [self._window.home / "models", *map(Path, settings.get("folders.models"))]
            self._templates = await asyncio.to_thread(read_templates, folders)
            self._build_chips()
            self._show_templates()
            for template in self._templates:
                picture = await self._template_picture(template)
                if picture is not None:
                    self._pictures[template.id] = picture
            self._show_templates()

    async def _template_picture(self, template: Template) -> QImage | None:
        """Load the picture of a template, or draw its nodes."""
        from app.engine.errors import EaselError
        from app.engine.workflow.reader import open_workflow

        if template.picture is not None:
            return await asyncio.to_thread(_load_picture, template.picture)
        try:
            workflow = await asyncio.to_thread(open_workflow, template.file)
        except EaselError:
            return None
        return graph_picture(workflow, self._window.definitions, self.look)

    def _show_recent(self) -> None:
        files = self._window.recent.files
        shown = files if self._shows_all else files[:_SHOWN_AT_FIRST]
        self.recent_grid.set_cards([self._recent_card(item) for item in shown])
        self.recent_grid.setVisible(bool(files))
        self._recent_hint.setVisible(not files)
        self._show_all.setVisible(len(files) > _SHOWN_AT_FIRST)
        self._show_all.setText(tr("Show fewer") if self._shows_all else tr("Show all"))

    def _recent_card(self, item: RecentFile) -> GridCard:
        return GridCard(
            item.path,
            item.title,
            moment_words(item.time),
            count_words(item.nodes, tr("node"), tr("nodes")),
            picture=self._pictures.get(item.path),
            tip=item.path,
        )

    def _show_templates(self) -> None:
        query = self.search.text().strip().casefold()
        shown = [
            item
            for item in self._templates
            if query in f"{item.title} {item.category} {item.description}".casefold()
            and self._fits(item)
        ]
        self.template_grid.set_cards([self._template_card(item) for item in shown])
        has = bool(self._templates)
        for part in (self._template_title, self.search, self.template_grid):
            part.setVisible(has)

    def _fits(self, item: Template) -> bool:
        if self._category == "here":
            return item.runs_here
        return not self._category or item.category == self._category

    def _template_card(self, item: Template) -> GridCard:
        ready = item.runs_here and not item.needs
        return GridCard(
            item.id,
            item.title,
            item.note,
            icon="circle-check" if ready else "download" if item.missing else "image-plus",
            tone="success.line" if ready else "text.secondary",
            picture=self._pictures.get(item.id),
            tip=item.description,
        )

    def _build_chips(self) -> None:
        for chip in self._chips.values():
            chip.deleteLater()
        names = dict.fromkeys(item.category for item in self._templates if item.category)
        rows = {"": tr("All"), "here": tr("Runs here"), **{name: name for name in names}}
        self._chips = {}
        for number, (key, words) in enumerate(rows.items()):
            chip = Chip(words, self.look)
            chip.clicked.connect(lambda _=False, name=key: self._choose_category(name))
            self._chips[key] = chip
            self._filters.insertWidget(number, chip)
        self._choose_category("")

    def _choose_category(self, name: str) -> None:
        self._category = name
        for key, chip in self._chips.items():
            chip.setChecked(key == name)
        self._show_templates()

    def _open_template(self, key: str) -> None:
        template = next(item for item in self._templates if item.id == key)
        self._window.background.run(open_template(self._window, template))

    def _open_recent_menu(self, path: str, place: QPoint) -> None:
        menu = Menu(self)
        menu.addAction(tr("Open"), lambda: self._window.open_paths([path]))
        menu.addAction(tr("Show in folder"), lambda: show_in_folder(path))
        menu.addAction(tr("Remove from the list"), lambda: self._window.recent.forget(path))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(place)

    def _toggle_all(self) -> None:
        self._shows_all = not self._shows_all
        self._show_recent()

    def _center(self) -> None:
        width = self.px(WIDTH)
        side = max(self.px(24), (self.width() - width) // 2)
        top = self.px(68) if self.height() > self.px(700) else self.px(32)
        self._lay.setContentsMargins(side - 8, top, side - 8, self.px(32))


class DropLine(Themed, QWidget):
    """The line that says that files can be dropped."""

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(56))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a dashed box with one line."""
        painter = QPainter(self)
        rect = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        pen = QPen(self.color("border.default"), 1)
        pen.setDashPattern([4, 4])
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.drawRoundedRect(rect, self.px(8), self.px(8))
        words = tr("Drop a workflow, or a picture that carries one, anywhere in this window")
        font = self.look.font("body")
        width = text_width(font, words)
        left = rect.center().x() - (width + self.px(26)) / 2
        center = QPointF(left + self.px(8), rect.center().y())
        paint_icon(painter, "image-plus", center, self.px(16), self.color("text.secondary"))
        box = QRectF(left + self.px(26), 0, width + 2, self.height())
        paint_text(painter, box, words, font, self.color("text.secondary"))


def moment_words(time_s: float) -> str:
    """Return when something was, as people say it: "Today, 14:02", "Yesterday"."""
    day = day_words(time_s)
    if day != tr("Today"):
        return day
    moment = datetime.datetime.fromtimestamp(time_s)
    return f"{day}, {moment.hour}:{moment.minute:02}"


async def open_template(window: MainWindow, template: Template) -> None:
    """Open a template as a new document that has no file yet."""
    from app.engine.errors import WorkflowFileError
    from app.engine.workflow.reader import open_workflow

    try:
        workflow = await asyncio.to_thread(open_workflow, template.file)
    except WorkflowFileError as error:
        window.toast(str(error), error.details, is_problem=True)
        return
    window.files.add(workflow, name=template.title)


def _load_picture(path: Path) -> QImage:
    image = QImage(str(path))
    if image.isNull() or image.width() <= THUMBNAIL[0]:
        return image
    return image.scaledToWidth(THUMBNAIL[0], Qt.TransformationMode.SmoothTransformation)
