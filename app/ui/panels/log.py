"""What the engine and the node packs say while they work (U-463)."""

from __future__ import annotations

from collections import deque

from PySide6.QtCore import QTimer
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole, Chip
from app.widgets.fields import SearchField
from app.widgets.style import Style
from app.widgets.themed import Themed

_MOST_LINES = 5000
_FLUSH_MS = 60
_LEVELS = ("debug", "info", "warning", "error")


class LogPanel(Themed, QWidget):
    """The log: newest line last, filtered by level and by words."""

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: deque[tuple[str, str]] = deque(maxlen=_MOST_LINES)
        self._waiting: list[tuple[str, str]] = []
        self._least = 1
        self.chips: dict[str, Chip] = {}
        self.search = SearchField(tr("Search the log"), look, height=28)
        self.view = QPlainTextEdit()
        self.view.setObjectName("codeView")
        self.view.setReadOnly(True)
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setMaximumBlockCount(_MOST_LINES)
        self.view.setAccessibleName(tr("Log"))
        self._bar = QHBoxLayout()
        self._bar.setSpacing(6)
        for level, words in (
            ("debug", tr("All")), ("info", tr("Info")), ("warning", tr("Warnings")),
            ("error", tr("Errors")),
        ):  # fmt: skip
            chip = Chip(words, look)
            chip.clicked.connect(lambda _=False, name=level: self.set_level(name))
            self.chips[level] = chip
            self._bar.addWidget(chip)
        self._bar.addStretch(1)
        self._bar.addWidget(self.search)
        copy = Button(tr("Copy"), look, role=ButtonRole.QUIET, icon="copy", height=28)
        clear = Button(tr("Clear"), look, role=ButtonRole.QUIET, icon="trash-2", height=28)
        copy.clicked.connect(self.copy)
        clear.clicked.connect(self.clear)
        self._bar.addWidget(copy)
        self._bar.addWidget(clear)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addLayout(self._bar)
        layout.addWidget(self.view, 1)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_FLUSH_MS)
        self._timer.timeout.connect(self._flush)
        self.search.textChanged.connect(self._rebuild)
        self.apply_style(look)
        self.set_level("info")

    def add(self, level: str, text: str) -> None:
        """Add a line; many lines at once are written together a moment later."""
        for line in text.splitlines() or [""]:
            self._lines.append((level, line))
            self._waiting.append((level, line))
        if not self._timer.isActive():
            self._timer.start()

    def add_lines(self, lines: list[tuple[str, str]]) -> None:
        """Add what was said before the panel was made."""
        for level, text in lines:
            self.add(level, text)

    def set_level(self, level: str) -> None:
        """Show lines of this level and above."""
        self._least = _LEVELS.index(level)
        for name, chip in self.chips.items():
            chip.setChecked(name == level)
        self._rebuild()

    def text(self) -> str:
        """Return the lines that are shown."""
        self._flush()
        return self.view.toPlainText()

    def copy(self) -> None:
        """Put the shown lines on the clipboard."""
        QApplication.clipboard().setText(self.text())

    def clear(self) -> None:
        """Forget all lines."""
        self._lines.clear()
        self._waiting.clear()
        self.view.clear()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.layout().setContentsMargins(self.px(16), self.px(8), self.px(16), self.px(16))
        self.view.setFont(look.font("code"))
        self.search.setFixedWidth(self.px(200))
        self._rebuild()

    def _is_shown(self, level: str, line: str) -> bool:
        rank = _LEVELS.index(level) if level in _LEVELS else 1
        query = self.search.text().strip().casefold()
        return rank >= self._least and (not query or query in line.casefold())

    def _rebuild(self) -> None:
        self._waiting = list(self._lines)
        self.view.clear()
        self._flush()

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        lines = [(level, line) for level, line in waiting if self._is_shown(level, line)]
        if not lines:
            return
        bar = self.view.verticalScrollBar()
        follows = bar.value() >= bar.maximum() - 4
        cursor = QTextCursor(self.view.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        for level, line in lines:
            if not self.view.document().isEmpty():
                cursor.insertBlock()
            cursor.insertText(line, self._format(level))
        cursor.endEditBlock()
        if follows:
            bar.setValue(bar.maximum())

    def _format(self, level: str) -> QTextCharFormat:
        names = {"error": "danger.text", "warning": "warning.text", "debug": "text.tertiary"}
        form = QTextCharFormat()
        form.setForeground(self.color(names.get(level, "text.secondary")))
        return form
