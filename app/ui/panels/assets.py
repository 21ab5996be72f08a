"""Pictures on disk: what was made and what was brought in (U-333)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.panels.header import PanelHeader
from app.ui.panels.results import ResultsGrid
from app.ui.run_port import Result
from app.ui.words import tr
from app.widgets.buttons import Chip, IconButton
from app.widgets.fields import SearchField
from app.widgets.style import Style
from app.widgets.themed import Themed

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
_MOST = 200
_SIDE = 208


class AssetsPanel(Themed, QWidget):
    """The newest pictures of the output or the input folder.

    Signals:
        close_requested: The cross was pressed.
    """

    close_requested = Signal()

    def __init__(self, window: MainWindow) -> None:
        super().__init__()
        look = window.look
        self._window = window
        self._shows_output = True
        self._generation = 0
        refresh = IconButton("refresh-cw", tr("Read again"), look)
        close = IconButton("x", tr("Close the panel"), look)
        self.header = PanelHeader(tr("Pictures"), look, (refresh, close))
        self.search = SearchField(tr("Search pictures"), look)
        self.grid = ResultsGrid(look)
        self.grid.set_empty_words(tr("No pictures here yet"))
        self.chips = {
            True: Chip(tr("Made"), look),
            False: Chip(tr("Brought in"), look),
        }
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.grid)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.viewport().setAutoFillBackground(False)
        self.grid.setAutoFillBackground(False)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        lay.addWidget(self.header)
        self._frame = QVBoxLayout()
        self._frame.addWidget(self.search)
        row = QHBoxLayout()
        row.setSpacing(8)
        for value, chip in self.chips.items():
            chip.clicked.connect(lambda _=False, made=value: self.show_folder(made))
            row.addWidget(chip)
        row.addStretch(1)
        self._frame.addLayout(row)
        lay.addLayout(self._frame)
        lay.addWidget(self._scroll, 1)
        refresh.clicked.connect(self.reload)
        close.clicked.connect(self.close_requested)
        self.search.textChanged.connect(self.grid.set_query)
        self.search.escape_pressed.connect(self.close_requested)
        self.grid.opened.connect(self._open)
        self.grid.workflow_requested.connect(lambda path: window.open_paths([path]))
        self.grid.compare_requested.connect(window.files.compare.compare_result)
        window.run_port.result_added.connect(self._on_result)
        self.apply_style(look)
        self.show_folder(True)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._frame.setContentsMargins(self.px(16), self.px(4), self.px(16), self.px(4))
        self._frame.setSpacing(self.px(8))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Let the scroll bar lie in the margin of the pictures."""
        super().resizeEvent(event)
        self.grid.set_room(event.size().width())

    def focus_search(self) -> None:
        """Put the keyboard into the search field."""
        self.search.setFocus()

    def show_folder(self, made: bool) -> None:
        """Show pictures that were made (the output folder) or brought in (input)."""
        self._shows_output = made
        for value, chip in self.chips.items():
            chip.setChecked(value == made)
        self.reload()

    def reload(self) -> None:
        """Read the folder again."""
        self._generation += 1
        self.grid.clear()
        self._window.background.run(self._read(self._generation))

    async def _read(self, generation: int) -> None:
        window = self._window
        folder = window.output_folder() if self._shows_output else window.input_folder()
        for path, time in await asyncio.to_thread(newest, folder):
            result = await asyncio.to_thread(load, path, time)
            if generation != self._generation:
                return
            if result is not None:
                self.grid.add(result)

    def _on_result(self, result: Result) -> None:
        if self._shows_output:
            self.grid.add(result)

    def _open(self, result: Result) -> None:
        paths = [item.path for item in self.grid.results]
        self._window.wiring.open_viewer(paths, paths.index(result.path))


def newest(folder: Path) -> list[tuple[Path, float]]:
    """Return the newest pictures below a folder with their times. May block."""
    found = []
    for path in folder.rglob("*") if folder.is_dir() else ():
        if path.suffix.lower() in _SUFFIXES and path.is_file():
            found.append((path, path.stat().st_mtime))
    found.sort(key=lambda pair: -pair[1])
    return found[:_MOST]


def load(path: Path, time: float) -> Result | None:
    """Load a small picture of a file; None when it is none. May block."""
    reader = QImageReader(str(path))
    reader.setAutoTransform(True)
    size = reader.size()
    if size.isValid():
        small = size.scaled(QSize(_SIDE, _SIDE), Qt.AspectRatioMode.KeepAspectRatioByExpanding)
        if small.width() < size.width():
            reader.setScaledSize(small)
    image: QImage = reader.read()
    if image.isNull():
        return None
    return Result(str(path), image, (size.width(), size.height()), time, path.stem)
