"""A card with a text to read and to copy."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.ui.dialogs.card import Card
from app.ui.paragraph import Paragraph
from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole
from app.widgets.labels import Words
from app.widgets.style import Style

WIDTH, HEIGHT = 720, 520


class TextCard(Card):
    """Shows lines of text.

    Args:
        window: The window it covers.
        look: The style.
        heading: What they are about.
        intro: A sentence above them.
        text: The lines.
    """

    def __init__(self, window: QWidget, look: Style, heading: str, intro: str, text: str) -> None:
        super().__init__(window, look, WIDTH, HEIGHT)
        self.text = QPlainTextEdit(text)
        self.text.setObjectName("codeView")
        self.text.setReadOnly(True)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setTabChangesFocus(True)
        self.text.setAccessibleName(heading)
        self.copy_button = Button(tr("Copy"), look, icon="copy")
        self.copy_button.clicked.connect(self._copy)
        self.close_button = Button(tr("Close"), look, role=ButtonRole.PRIMARY)
        self.close_button.clicked.connect(self.shut)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(self.copy_button)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self.body)
        margin = round(24 * look.scale)
        layout.setContentsMargins(margin, margin - 4, margin, margin - 4)
        layout.setSpacing(round(8 * look.scale))
        layout.addWidget(Words(heading, look, font="title", wrap=True))
        layout.addWidget(Paragraph(intro, look))
        layout.addSpacing(4)
        layout.addWidget(self.text, 1)
        layout.addSpacing(4)
        layout.addLayout(row)
        self.apply_style(look)

    def first_focus(self) -> QWidget:
        """Return the button that shuts it."""
        return self.close_button

    def _copy(self) -> None:
        chosen = self.text.textCursor().selection().toPlainText()
        QApplication.clipboard().setText(chosen or self.text.toPlainText())
