"""A short question with buttons; the answer comes by signal."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.ui.dialogs.card import Card
from app.ui.paragraph import Paragraph
from app.ui.words import tr
from app.widgets.buttons import Button, ButtonRole
from app.widgets.labels import Words
from app.widgets.style import Style


class QuestionCard(Card):
    """A question.

    Args:
        window: The window it covers.
        look: The style.
        heading: The question in a few words.
        text: What it means, in a sentence or two.
        answers: ``(name, words)`` of the buttons, the best one first; it gets the accent.
        danger: Name of an answer that loses something: shown in red.

    Signals:
        answered: Name of the answer, or ``"cancel"``.
    """

    answered = Signal(str)

    def __init__(
        self,
        window: QWidget,
        look: Style,
        heading: str,
        text: str,
        answers: Sequence[tuple[str, str]],
        *,
        danger: str = "",
    ) -> None:
        super().__init__(window, look, 440)
        self._answer = "cancel"
        self.heading = Words(heading, look, font="title", wrap=True)
        self.text = Paragraph(text, look)
        self.buttons: dict[str, Button] = {}
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        cancel = Button(tr("Cancel"), look)
        cancel.clicked.connect(self.refuse)
        row.addWidget(cancel)
        for name, words in reversed(answers):
            is_best = name == answers[0][0] and name != danger
            role = ButtonRole.PRIMARY if is_best else ButtonRole.SECONDARY
            button = Button(words, look, role=ButtonRole.DANGER if name == danger else role)
            button.clicked.connect(lambda _=False, answer=name: self.answer(answer))
            self.buttons[name] = button
            row.addWidget(button)
        self.buttons["cancel"] = cancel
        self._best = self.buttons[answers[0][0]]
        self._layout = QVBoxLayout(self.body)
        self._layout.addWidget(self.heading)
        self._layout.addWidget(self.text)
        self._layout.addSpacing(12)
        self._layout.addLayout(row)
        self.closed.connect(lambda: self.answered.emit(self._answer))
        self.apply_style(look)

    def first_focus(self) -> QWidget:
        """Return the best answer, so that Enter gives it."""
        return self._best

    def answer(self, name: str) -> None:
        """Give an answer."""
        self._answer = name
        self.shut()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        margin = round(24 * look.scale)
        self._layout.setContentsMargins(margin, margin - 4, margin, margin - 4)
        super().apply_style(look)


class TextQuestion(Card):
    """Asks for one line of text.

    Signals:
        answered: The text; empty when it was refused.
    """

    answered = Signal(str)

    def __init__(
        self, window: QWidget, look: Style, heading: str, text: str, accept_words: str
    ) -> None:
        super().__init__(window, look, 440)
        self._answer = ""
        self.field = QLineEdit(text)
        self.field.setFont(look.font("body"))
        self.field.selectAll()
        self.field.setMinimumHeight(round(32 * look.scale))
        cancel = Button(tr("Cancel"), look)
        self.accept_button = Button(accept_words, look, role=ButtonRole.PRIMARY)
        cancel.clicked.connect(self.refuse)
        self.accept_button.clicked.connect(self._accept)
        self.field.returnPressed.connect(self._accept)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(self.accept_button)
        layout = QVBoxLayout(self.body)
        margin = round(24 * look.scale)
        layout.setContentsMargins(margin, margin - 4, margin, margin - 4)
        layout.setSpacing(12)
        layout.addWidget(Words(heading, look, font="title"))
        layout.addWidget(self.field)
        layout.addLayout(row)
        self.closed.connect(lambda: self.answered.emit(self._answer))
        self.apply_style(look)

    def first_focus(self) -> QWidget:
        """Return the field."""
        return self.field

    def _accept(self) -> None:
        self._answer = self.field.text().strip()
        self.shut()
