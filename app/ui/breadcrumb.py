"""The way from the root of a document into the subgraph that is shown (U-193)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.ui.shadows import Floating
from app.ui.words import tr
from app.widgets.buttons import ChromeButton
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import paint_box, paint_text, text_width

HEIGHT, CRUMB_HEIGHT, PADDING, GAP, EDGE = 32, 28, 8, 16, 2
"""Sizes of the bar and its parts, in pixels of the design."""
MOST_WIDTH, LEAST_WIDTH = 200, 40
"""Widest and narrowest step; longer titles are cut."""


class Crumb(ChromeButton):
    """One level.

    Args:
        words: Its title.
        is_last: It is the level that is shown.
        look: The style.
    """

    def __init__(self, words: str, is_last: bool, look: Style, parent: QWidget) -> None:
        super().__init__(parent)
        self._is_last = is_last
        self.setText(words)
        self.setToolTip(words)
        self.setAccessibleName(words)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font("bodyStrong" if self._is_last else "body"))

    def sizeHint(self) -> QSize:
        """Return the size of its whole title, as far as titles may reach."""
        width = text_width(self.font(), self.text()) + self.px(2 * PADDING) + 1
        return QSize(round(min(width, self.px(MOST_WIDTH))), self.px(CRUMB_HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the title; a level that can be gone to answers to the pointer."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if not self._is_last and (self.underMouse() or self.isDown()):
            paint_box(painter, rect, self.px(6), self.color("state.hover"))
        ink = self.color("text.primary" if self._is_last else "text.secondary")
        box = rect.adjusted(self.px(PADDING), 0, -self.px(PADDING), 0)
        paint_text(painter, box, self.text(), self.font(), ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)


class Breadcrumb(Floating):
    """The bar at the upper left of the canvas; it shows inside subgraphs alone.

    Signals:
        level_requested: Number of a level to go to; 0 is the root.
        menu_requested: Number of a level, and where on the screen its menu shall open.
    """

    level_requested = Signal(int)
    menu_requested = Signal(int, QPoint)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(look, level=2, radius=8, parent=parent)
        self.crumbs: list[Crumb] = []
        self._room = 10_000
        self.setAccessibleName(tr("Levels"))
        self.hide()
        self.apply_style(look)

    def show_levels(self, titles: Sequence[str]) -> None:
        """Show these levels from the root down; the bar hides when there is only the root."""
        shown = list(titles) if len(titles) > 1 else []
        if [crumb.text() for crumb in self.crumbs] != shown:
            for crumb in self.crumbs:
                crumb.hide()
                crumb.deleteLater()
            self.crumbs = [self._crumb(i, title, len(shown)) for i, title in enumerate(shown)]
            self._arrange()
        self.setVisible(bool(shown))

    def set_room(self, width: int) -> None:
        """Take at most ``width`` pixels; levels in the middle are cut first."""
        if width != self._room:
            self._room = width
            self._arrange()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        for crumb in getattr(self, "crumbs", ()):
            crumb.apply_style(look)
        if hasattr(self, "crumbs"):
            self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the surface and the signs between the levels."""
        super().paintEvent(event)
        painter = QPainter(self)
        ink = self.color("text.tertiary")
        for crumb in self.crumbs[1:]:
            place = QPointF(crumb.x() - self.px(GAP) / 2, crumb.geometry().center().y() + 0.5)
            paint_icon(painter, "chevron-right", place, self.px(12), ink)

    def _crumb(self, number: int, title: str, count: int) -> Crumb:
        crumb = Crumb(title, number == count - 1, self.look, self)
        crumb.clicked.connect(lambda: self.level_requested.emit(number))
        crumb.customContextMenuRequested.connect(
            lambda place: self.menu_requested.emit(number, crumb.mapToGlobal(place))
        )
        return crumb

    def _arrange(self) -> None:
        widths = [crumb.sizeHint().width() for crumb in self.crumbs]
        fixed = 2 * self.px(EDGE) + self.px(GAP) * max(0, len(widths) - 1)
        middle_first = sorted(range(len(widths)), key=lambda i: (i in (0, len(widths) - 1), i))
        for index in middle_first:
            over = fixed + sum(widths) - self._room
            if over > 0:
                widths[index] = max(self.px(LEAST_WIDTH), widths[index] - over)
        self.set_inner_size(fixed + sum(widths), self.px(HEIGHT))
        left = self.inner().left() + self.px(EDGE)
        top = self.inner().top() + self.px((HEIGHT - CRUMB_HEIGHT) / 2)
        for crumb, width in zip(self.crumbs, widths, strict=True):
            crumb.setGeometry(round(left), round(top), width, self.px(CRUMB_HEIGHT))
            crumb.show()
            left += width + self.px(GAP)
        self.update()
