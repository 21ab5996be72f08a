"""The keys of all commands: find, press another key, see clashes, go back (U-441)."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QKeyCombination, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.ui.commands import Command, CommandRegistry
from app.ui.keybindings import Keybindings, normal, shown
from app.ui.words import tr
from app.widgets.buttons import ChromeButton, IconButton
from app.widgets.labels import Words, paint_dot
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box, paint_text, text_width

_MODIFIERS = (
    Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_Meta, Qt.Key.Key_AltGr,
)  # fmt: skip


class KeyButton(ChromeButton):
    """A key cap; pressed, it waits for another key.

    Signals:
        captured: The new sequence in portable text; empty to take the key away.
    """

    captured = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keys: tuple[str, ...] = ()
        self.is_waiting = False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._wait)
        self.apply_style(look)

    def show_keys(self, keys: tuple[str, ...]) -> None:
        """Show other keys."""
        self._keys = keys
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """Return the size of its words."""
        width = text_width(self.look.font("small"), self._words()) + self.px(20)
        return QSize(max(self.px(44), round(width)), self.px(26))

    def event(self, event: QEvent) -> bool:
        """Take every key while waiting, Tab and shortcuts included."""
        if self.is_waiting and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        is_key = event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent)
        if self.is_waiting and is_key:
            self._take(event)
            return True
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Stop waiting when the keyboard goes elsewhere."""
        self._stop()
        super().focusOutEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the cap."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill = self.color("state.hover") if self.underMouse() else None
        if self.is_waiting:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 1.5)
        else:
            paint_box(painter, rect, self.px(6), fill, self.color("border.default"))
        tone = "text.secondary" if self._keys or self.is_waiting else "text.tertiary"
        font = self.look.font("small")
        center = Qt.AlignmentFlag.AlignHCenter
        paint_text(painter, rect, self._words(), font, self.color(tone), center)
        if self.has_ring and not self.is_waiting:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)

    def _words(self) -> str:
        if self.is_waiting:
            return tr("Press a key…")
        return "   ".join(shown(key) for key in self._keys) or tr("none")

    def _wait(self) -> None:
        self.is_waiting = True
        self.setFocus()
        self.updateGeometry()
        self.update()

    def _stop(self) -> None:
        if self.is_waiting:
            self.is_waiting = False
            self.updateGeometry()
            self.update()

    def _take(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if key in _MODIFIERS or key == Qt.Key.Key_unknown:
            return
        self._stop()
        if key == Qt.Key.Key_Escape:
            return
        plain = event.modifiers() == Qt.KeyboardModifier.NoModifier
        if plain and key in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete) and self._keys:
            self.captured.emit("")
            return
        self.captured.emit(sequence_of(event.keyCombination()))


def sequence_of(combination: QKeyCombination) -> str:
    """Return what was pressed as portable text."""
    return normal(QKeySequence(combination).toString(QKeySequence.SequenceFormat.PortableText))


class KeyRow(Themed, QWidget):
    """One command with its keys."""

    def __init__(
        self, command: Command, commands: CommandRegistry, keys: Keybindings, look: Style
    ) -> None:
        super().__init__()
        self.command = command
        self._commands = commands
        self._keys = keys
        self._clash = ""
        self.button = KeyButton(look)
        self.button.setAccessibleName(tr("Key of {name}").format(name=command.title))
        self.reset = IconButton("rotate-ccw", tr("Back to the default key"), look)
        self._lay = QHBoxLayout(self)
        self._lay.setSpacing(4)
        self._lay.addStretch(1)
        self._lay.addWidget(self.reset)
        self._lay.addWidget(self.button)
        self.button.captured.connect(self._on_captured)
        self.reset.clicked.connect(lambda: keys.reset(command.id))
        self.apply_style(look)
        self.refresh()

    @property
    def clash(self) -> str:
        """Names of the commands that have the same key, or an empty text."""
        return self._clash

    def refresh(self) -> None:
        """Show the present keys and whom they clash with."""
        own = self._keys.keys(self.command.id)
        others = [
            self._commands.get(name).title
            for key in own
            for name in self._keys.owners(key)
            if name != self.command.id and name in self._commands
        ]
        self._clash = ", ".join(dict.fromkeys(others))
        self.button.show_keys(own)
        self.reset.setVisible(self._keys.is_changed(self.command.id))
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(40))
        self._lay.setContentsMargins(self.px(32), 0, self.px(32), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint line, name and clash."""
        painter = QPainter(self)
        left, right = self.px(32), self.width() - self.px(32)
        painter.fillRect(QRectF(left, 0, right - left, 1), self.color("border.subtle"))
        if self._keys.is_changed(self.command.id):
            center = QRectF(left - self.px(14), 0, self.px(6), self.height()).center()
            paint_dot(painter, center, self.px(3), self.color("accent.line"))
        font = self.look.font("body")
        title = self.command.title.rstrip("…")
        box = QRectF(left, 0, self.button.x() - left - self.px(40), self.height())
        paint_text(painter, box, title, font, self.color("text.primary"))
        if self._clash:
            words = tr("also: {name}").format(name=self._clash)
            box.setLeft(left + text_width(font, title) + self.px(12))
            paint_text(painter, box, words, self.look.font("small"), self.color("warning.text"))

    def _on_captured(self, sequence: str) -> None:
        keys = [sequence] if sequence else []
        self._keys.set_keys(self.command.id, keys)


class KeysPage(Themed, QWidget):
    """All commands by menu.

    Args:
        commands: The commands.
        keys: Their keys.
        look: The style.
    """

    def __init__(self, commands: CommandRegistry, keys: Keybindings, look: Style) -> None:
        super().__init__()
        self.rows: list[KeyRow] = []
        self._headings: list[tuple[Words, list[KeyRow]]] = []
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        groups: dict[str, list[Command]] = {}
        for command in commands:
            groups.setdefault(command.menu.partition("/")[0] or tr("More"), []).append(command)
        for name, members in groups.items():
            heading = Words(tr(name), look, font="smallStrong", color="text.tertiary")
            heading.setContentsMargins(round(32 * look.scale), 14, 0, 6)
            lay.addWidget(heading)
            rows = [KeyRow(command, commands, keys, look) for command in members]
            for row in rows:
                lay.addWidget(row)
            self._headings.append((heading, rows))
            self.rows += rows
        lay.addStretch(1)
        keys.changed.connect(self.refresh)
        self.apply_style(look)

    def refresh(self) -> None:
        """Show the present keys."""
        for row in self.rows:
            row.refresh()

    def filter(self, query: str, keys: Keybindings, *, changed_only: bool) -> int:
        """Show only commands whose name or key holds ``query``; returns how many."""
        text = query.strip().casefold()
        count = 0
        for heading, rows in self._headings:
            any_shown = False
            for row in rows:
                names = " ".join(
                    (row.command.title, *map(shown, keys.keys(row.command.id)))
                ).casefold()
                fits = text in names and (not changed_only or keys.is_changed(row.command.id))
                row.setVisible(fits)
                any_shown = any_shown or fits
                count += fits
            heading.setVisible(any_shown)
        return count
