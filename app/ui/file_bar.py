"""The bar above the canvas that says that a file has changed on disk, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import Themed, elided, paint_text, text_width

_HEIGHT, _EDGE, _GAP, _BUTTON = 44, 16, 8, 28
_LEAST_WORDS = 200
"""With less room for words than this, the buttons get a line of their own."""


class FileBar(Themed, QWidget):
    """One line of words and up to three buttons, over the full width of the canvas.

    Attributes:
        buttons: By what they are for: ``"load"``, ``"compare"``, ``"save"``, ``"keep"``.

    Signals:
        requested: Name of the button that was pressed.
    """

    requested = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._heading = ""
        self._detail = ""
        self._is_tall = False
        rows = (
            ("load", tr("Load again"), ButtonRole.SECONDARY,
             tr("Show what is in the file now; undo brings back what is shown here")),
            ("save", tr("Save again"), ButtonRole.SECONDARY,
             tr("Write the file anew, where it was")),
            ("compare", tr("Compare"), ButtonRole.QUIET,
             tr("Mark on the canvas what differs from the file")),
            ("keep", tr("Keep mine"), ButtonRole.QUIET,
             tr("Go on with what is shown here; saving writes it over the file")),
        )  # fmt: skip
        self.buttons: dict[str, Button] = {}
        for name, words, role, tip in rows:
            button = Button(words, look, role=role, height=_BUTTON, parent=self)
            button.setToolTip(tip)
            button.setAccessibleDescription(tip)
            button.clicked.connect(lambda _=False, name=name: self.requested.emit(name))
            self.buttons[name] = button
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(tr("File on disk"))
        self.hide()
        self.apply_style(look)

    @property
    def words(self) -> str:
        """What it says."""
        return f"{self._heading}. {self._detail}"

    def show_words(self, heading: str, detail: str, buttons: tuple[str, ...]) -> None:
        """Say something and offer some of the buttons."""
        self._heading, self._detail = heading, detail
        for name, button in self.buttons.items():
            button.setVisible(name in buttons)
        self.setAccessibleDescription(self.words)
        self.setToolTip(self.words)
        self._place()
        self.show()
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        for button in self.buttons.values():
            button.apply_style(look)
        self._place()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep the buttons at the right."""
        super().resizeEvent(event)
        self._place()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground, hairline, sign and words."""
        painter = QPainter(self)
        box = QRectF(self.rect())
        painter.fillRect(box, self.color("surface.panel"))
        line = QRectF(0, box.height() - 1, box.width(), 1)
        painter.fillRect(line, self.color("border.subtle"))
        height = self.px(_HEIGHT)
        left = self.px(_EDGE)
        icon = self.px(16)
        ink = self.color("warning.text")
        paint_icon(painter, "triangle-alert", QPointF(left + icon / 2, height / 2), icon, ink)
        left += icon + self.px(10)
        right = self.width() - self.px(_EDGE) if self._is_tall else self._buttons_left()
        words = QRectF(left, 0, max(0, right - left - self.px(12)), height)
        strong, plain = self.look.font("bodyStrong"), self.look.font("body")
        heading = elided(strong, self._heading, words.width())
        paint_text(painter, words, heading, strong, self.color("text.primary"))
        words.setLeft(words.left() + text_width(strong, heading) + self.px(10))
        if words.width() > self.px(60):
            paint_text(painter, words, self._detail, plain, self.color("text.secondary"))

    def _buttons_left(self) -> float:
        shown = [button for button in self.buttons.values() if not button.isHidden()]
        width = sum(button.sizeHint().width() + self.px(_GAP) for button in shown)
        return float(self.width() - self.px(_EDGE) - width)

    def _place(self) -> None:
        left = self._buttons_left()
        self._is_tall = left < self.px(_EDGE + 26 + _LEAST_WORDS)
        row = self.px(_HEIGHT)
        height = row + (self.px(_BUTTON) + self.px(_GAP) if self._is_tall else 0)
        if self.height() != height or self.minimumHeight() != height:
            self.setFixedHeight(height)
        top = row if self._is_tall else (row - self.px(_BUTTON)) // 2
        x = float(self.px(_EDGE)) if self._is_tall else left + self.px(_GAP)
        for button in self.buttons.values():
            if not button.isHidden():
                size = button.sizeHint()
                button.setGeometry(round(x), top, size.width(), size.height())
                x += size.width() + self.px(_GAP)
