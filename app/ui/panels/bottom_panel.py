"""The panel under the canvas: problems and log."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.ui.panels.log import LogPanel
from app.ui.panels.problems import ProblemsPanel
from app.ui.run_port import Problem
from app.ui.words import tr
from app.widgets.buttons import ChromeButton, IconButton
from app.widgets.labels import Line
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box, paint_text, text_width

PROBLEMS, LOG = "problems", "log"


class BottomPanel(Themed, QWidget):
    """Problems and log, one at a time.

    Signals:
        close_requested: The cross was pressed.
        grow_requested: The panel shall take the whole height, or give it back.
        page_changed: ``"problems"`` or ``"log"``.
    """

    close_requested = Signal()
    grow_requested = Signal()
    page_changed = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.problems = ProblemsPanel(look)
        self.log = LogPanel(look)
        self._tabs = {
            PROBLEMS: TextTab(tr("Problems"), look),
            LOG: TextTab(tr("Log"), look),
        }
        self._stack = QStackedWidget()
        self._stack.addWidget(self.problems)
        self._stack.addWidget(self.log)
        self._grow = IconButton("maximize-2", tr("Full height"), look)
        close = IconButton("x", tr("Close the panel"), look)
        self._head = QHBoxLayout()
        for name, tab in self._tabs.items():
            tab.clicked.connect(lambda _=False, page=name: self.show_page(page))
            self._head.addWidget(tab)
        self._head.addStretch(1)
        self._head.addWidget(self._grow)
        self._head.addWidget(close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._head)
        layout.addWidget(Line(look))
        layout.addWidget(self._stack, 1)
        self._grow.clicked.connect(self.grow_requested)
        close.clicked.connect(self.close_requested)
        self.apply_style(look)
        self.show_page(PROBLEMS)

    @property
    def page(self) -> str:
        """The page that is shown."""
        return PROBLEMS if self._stack.currentWidget() is self.problems else LOG

    def show_page(self, name: str) -> None:
        """Show the problems or the log."""
        self._stack.setCurrentWidget(self.problems if name == PROBLEMS else self.log)
        for key, tab in self._tabs.items():
            tab.setChecked(key == name)
        self.page_changed.emit(name)

    def show_problems(self, problems: list[Problem]) -> None:
        """List problems and show their number."""
        self.problems.show_problems(problems)
        self._tabs[PROBLEMS].set_count(len(problems))

    def set_grown(self, is_grown: bool) -> None:
        """Show which way the button at the right goes."""
        self._grow.set_icon_name("minimize-2" if is_grown else "maximize-2")

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self._head.setContentsMargins(self.px(16), self.px(6), self.px(10), self.px(5))
        self._head.setSpacing(self.px(4))
        self.setMinimumHeight(self.px(160))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground."""
        QPainter(self).fillRect(self.rect(), self.color("surface.panel"))


class TextTab(ChromeButton):
    """A page of the panel: its name, and a number in red."""

    def __init__(self, text: str, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._count = 0
        self.setText(text)
        self.setCheckable(True)
        self.apply_style(look)

    def set_count(self, count: int) -> None:
        """Show a number; 0 shows none."""
        self._count = count
        self.setFixedSize(self.sizeHint())
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """Return the size of name and number."""
        width = text_width(self.look.font("bodyStrong"), self.text())
        if self._count:
            width += self.px(8) + self._badge_width()
        return QSize(round(width) + self.px(20), self.px(28))

    def nextCheckState(self) -> None:
        """Stay pressed: a page is left by choosing another one."""
        self.setChecked(True)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint name and number."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        font = self.look.font("bodyStrong")
        lifted = self.isChecked() or self.underMouse()
        ink = self.color("text.primary" if lifted else "text.tertiary")
        paint_text(painter, rect, self.text(), font, ink)
        if self._count:
            left = text_width(font, self.text()) + self.px(8)
            height = self.px(18)
            box = QRectF(left, rect.center().y() - height / 2, self._badge_width(), height)
            paint_box(painter, box, height / 2, self.color("danger.surface"))
            center = QPointF(box.center())
            words = str(self._count)
            badge_font = self.look.font("key")
            text = QRectF(
                center.x() - text_width(badge_font, words) / 2, box.top(), box.width(), height
            )
            paint_text(painter, text, words, badge_font, self.color("danger.text"))
        if self.has_ring:
            paint_box(painter, rect, self.px(4), None, self.color("focus.ring"), 2)

    def _badge_width(self) -> int:
        width = round(text_width(self.look.font("key"), str(self._count))) + self.px(12)
        return max(width, self.px(20))
