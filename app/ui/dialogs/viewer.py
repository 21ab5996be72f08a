"""A picture over the whole window: zoom, pan, next and previous (U-281)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QImage, QImageReader, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.menu import Menu
from app.ui.panels.results import show_in_folder
from app.ui.tab_order import go_round, reachable
from app.ui.words import tr
from app.widgets.buttons import IconButton
from app.widgets.image_view import ImageView
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

_BAR = 48


class PictureViewer(Themed, QWidget):
    """The viewer.

    Args:
        window: The window it covers.
        look: The style.
        paths: Files to go through.
        number: The one to show first.

    Signals:
        closed: The viewer is gone.
    """

    closed = Signal()

    def __init__(self, window: MainWindow, look: Style, paths: list[str], number: int) -> None:
        super().__init__(window)
        self._window = window
        self._paths = paths
        self._number = number
        self._focus_before: QWidget | None = None
        self.look = look
        self.view = ImageView(look, self)
        self.title = Words("", look, font="bodyStrong", parent=self)
        self.detail = Words("", look, font="small", color="text.secondary", parent=self)
        self.buttons = [
            self._button("chevron-left", tr("Previous"), lambda: self.step(-1)),
            self._button("chevron-right", tr("Next"), lambda: self.step(1)),
            self._button("scan", tr("Fit"), self.view.fit),
            self._button("ellipsis", tr("More"), self._open_menu),
            self._button("x", tr("Close"), self.shut),
        ]
        self.view.zoom_changed.connect(lambda _: self._show_words())
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        window.installEventFilter(self)
        self.hide()

    @property
    def path(self) -> str:
        """The file that is shown."""
        return self._paths[self._number]

    def open(self) -> None:
        """Show the viewer and take the keyboard."""
        self._focus_before = QApplication.focusWidget()
        self._place()
        self.show()
        self.raise_()
        self.view.setFocus(Qt.FocusReason.PopupFocusReason)
        self._load()

    def shut(self) -> None:
        """Take the viewer away and give the keyboard back."""
        if not self.isVisible():
            return
        self._window.removeEventFilter(self)
        self.hide()
        if self._focus_before is not None and self._focus_before.isVisible():
            self._focus_before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.closed.emit()
        self.deleteLater()

    def step(self, offset: int) -> None:
        """Show the next or the previous picture."""
        target = self._number + offset
        if 0 <= target < len(self._paths):
            self._number = target
            self._load()

    def event(self, event: QEvent) -> bool:
        """Keep the window's keys from working under the viewer."""
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        return super().event(event)

    def focusNextPrevChild(self, forwards: bool) -> bool:
        """Keep Tab inside the viewer."""
        return go_round(reachable([self]), forwards)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close and go through the pictures."""
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        key = Qt.Key(event.key())
        if key in (Qt.Key.Key_Escape, Qt.Key.Key_Space):
            self.shut()
        elif key in steps:
            self.step(steps[key])
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the window."""
        if watched is self._window and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the bar."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), self.color("surface.window"))
        painter.fillRect(0, self.px(_BAR) - 1, self.width(), 1, self.color("border.subtle"))

    def _button(self, icon: str, tip: str, run: object) -> IconButton:
        button = IconButton(icon, tip, self.look, parent=self)
        button.clicked.connect(run)
        return button

    def _place(self) -> None:
        self.setGeometry(self._window.rect())
        bar = self.px(_BAR)
        self.view.setGeometry(0, bar, self.width(), self.height() - bar)
        right = self.width() - self.px(12)
        for button in reversed(self.buttons):
            right -= button.width()
            button.move(right, (bar - button.height()) // 2)
            right -= self.px(4)
        half = (self.width() - self.px(16)) // 2
        self.title.setGeometry(self.px(16), self.px(5), half, self.px(20))
        self.detail.setGeometry(self.px(16), self.px(24), half, self.px(18))

    def _load(self) -> None:
        self.title.setText(Path(self.path).name)
        self.detail.setText("")
        self.buttons[0].setEnabled(self._number > 0)
        self.buttons[1].setEnabled(self._number < len(self._paths) - 1)
        self._window.background.run(self._read(self.path))

    async def _read(self, path: str) -> None:
        import asyncio

        image = await asyncio.to_thread(read_picture, path)
        if self.isVisible() and path == self.path:
            self.view.set_image(image, keep_view=True)
            self._show_words()

    def _show_words(self) -> None:
        image = self.view.image
        if image.isNull():
            self.detail.setText(tr("This picture cannot be shown"))
            return
        parts = [
            f"{image.width()} × {image.height()}",
            f"{round(self.view.zoom * 100)}%",
            tr("{n} of {all}").format(n=self._number + 1, all=len(self._paths)),
        ]
        self.detail.setText("  ·  ".join(parts))

    def _open_menu(self) -> None:
        menu = Menu(self)
        path = self.path
        menu.addAction(
            tr("Copy picture"), lambda: QApplication.clipboard().setImage(self.view.image)
        )
        menu.addAction(tr("Copy path"), lambda: QApplication.clipboard().setText(path))
        menu.addAction(tr("Show in folder"), lambda: show_in_folder(path))
        menu.addAction(tr("Open its workflow"), lambda: self._open_workflow(path))
        menu.aboutToHide.connect(menu.deleteLater)
        button = self.buttons[3]
        menu.popup(button.mapToGlobal(QPoint(0, button.height())))

    def _open_workflow(self, path: str) -> None:
        self.shut()
        self._window.open_paths([path])


def read_picture(path: str) -> QImage:
    """Read a picture the right way up; an empty one when it cannot be read. May block."""
    reader = QImageReader(path)
    reader.setAutoTransform(True)
    # By content, since a file's ending may lie.
    reader.setDecideFormatFromContent(True)
    return reader.read()
