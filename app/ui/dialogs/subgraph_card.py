"""What a subgraph is for, and the words it is found by (U-202)."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from app.ui.dialogs.card import Card
from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole
from app.widgets.labels import Words
from app.widgets.style import Style


class DescriptionCard(Card):
    """Asks for a description and for search words.

    Args:
        window: The window it covers.
        look: The style.
        name: Name of the subgraph.
        description: What is said of it now.
        aliases: The words it is found by now.

    Signals:
        accepted: The description, and a list of search words.
    """

    accepted = Signal(str, list)

    def __init__(
        self, window: QWidget, look: Style, name: str, description: str, aliases: Sequence[str]
    ) -> None:
        super().__init__(window, look, 480)
        self.text = QPlainTextEdit(description)
        self.text.setFont(look.font("body"))
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(round(112 * look.scale))
        self.text.setAccessibleName(tr("Description"))
        self.words = QLineEdit(", ".join(aliases))
        self.words.setFont(look.font("body"))
        self.words.setMinimumHeight(round(32 * look.scale))
        self.words.setAccessibleName(tr("Search words"))
        self.words.returnPressed.connect(self._accept)
        cancel = Button(tr("Cancel"), look)
        cancel.clicked.connect(self.refuse)
        self.accept_button = Button(tr("Apply"), look, role=ButtonRole.PRIMARY)
        self.accept_button.clicked.connect(self._accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.accept_button)
        layout = QVBoxLayout(self.body)
        margin = round(24 * look.scale)
        layout.setContentsMargins(margin, margin - 4, margin, margin - 4)
        layout.setSpacing(8)
        heading = tr("Description of “{name}”").format(name=name)
        layout.addWidget(Words(heading, look, font="title", wrap=True))
        layout.addWidget(self.text)
        layout.addSpacing(4)
        layout.addWidget(Words(tr("Search words, with commas between them"), look, font="small"))
        layout.addWidget(self.words)
        layout.addSpacing(4)
        layout.addLayout(row)
        self.apply_style(look)

    def first_focus(self) -> QWidget:
        """Return the field of the description."""
        return self.text

    def _accept(self) -> None:
        words = [word.strip() for word in self.words.text().split(",")]
        self.accepted.emit(self.text.toPlainText().strip(), [word for word in words if word])
        self.shut()
