"""The bar over the canvas while a comparison is shown: how much differs, and the way through it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from app.engine.workflow.diff_marks import Difference, MarkKind, Marks
from app.ui.shadows import Floating
from app.ui.words import count_words, tr
from app.widgets.buttons import IconButton
from app.widgets.style import Style
from app.widgets.themed import elided, paint_text, text_width

COLORS = {
    MarkKind.ADDED: "success.text",
    MarkKind.CHANGED: "warning.text",
    MarkKind.REMOVED: "danger.text",
}
SIGNS = {MarkKind.ADDED: "+", MarkKind.CHANGED: "~", MarkKind.REMOVED: "−"}
"""The signs that the marks on the canvas have too."""

_HEIGHT, _TOP, _GAP, _BUTTON, _EDGE = 64, 16, 16, 32, 6
_MOST_WIDTH, _LEAST_WIDTH = 620, 320
_BREADCRUMB = 44


class CompareBar(Floating):
    """Counts, what the present difference is, and buttons; Escape closes it.

    Args:
        area: The widget that it lies over, at the upper edge.
        look: The style.

    Signals:
        command_requested: Id of a command.
    """

    command_requested = Signal(str)

    def __init__(self, area: QWidget, look: Style) -> None:
        super().__init__(look, level=2, radius=8, parent=area)
        self._area = area
        self._name = ""
        self._counts: list[tuple[MarkKind, str]] = []
        self._rest = ""
        self._step = ""
        self._words: tuple[str, ...] = ()
        self._is_low = False
        self.buttons = {
            "compare.previous": IconButton("chevron-up", tr("Previous difference"), look),
            "compare.next": IconButton("chevron-down", tr("Next difference"), look),
            "compare.text": IconButton("list", tr("All differences as text"), look),
            "compare.close": IconButton("x", tr("Close the comparison"), look),
        }
        for name, button in self.buttons.items():
            button.setParent(self)
            button.clicked.connect(lambda _=False, command=name: self._ask(command))
        self.setAccessibleName(tr("Comparison"))
        self.hide()
        area.installEventFilter(self)
        self.apply_style(look)

    def show_marks(self, name: str, marks: Marks) -> None:
        """Show what was compared with, and how much differs."""
        self._name = name
        self._counts = [
            (kind, str(count))
            for kind in (MarkKind.ADDED, MarkKind.CHANGED, MarkKind.REMOVED)
            if (count := marks.count(kind))
        ]
        self._rest = rest_words(marks)
        has_steps = bool(marks.differences)
        for command in ("compare.previous", "compare.next"):
            self.buttons[command].setEnabled(has_steps)
        self._describe()
        self.place()
        self.show()
        self.raise_()

    def show_step(self, number: int, count: int, difference: Difference | None) -> None:
        """Show which of the differences is the present one; None for none yet."""
        self._step = tr("{number} of {count}").format(number=number + 1, count=count)
        self._words = difference.words if difference is not None else ()
        if difference is None:
            self._step = count_words(count, tr("difference"), tr("differences"))
        self.setToolTip("\n".join(self._words))
        self._describe()
        self.update()

    def set_low(self, is_low: bool) -> None:
        """Lie lower, because the way into a subgraph takes the upper edge."""
        self._is_low = is_low
        self.place()

    def place(self) -> None:
        """Take the middle of the upper edge."""
        room = self._area.width() - 2 * self.px(_GAP)
        width = max(min(self.px(_MOST_WIDTH), room), min(self.px(_LEAST_WIDTH), room))
        self.set_inner_size(width, self.px(_HEIGHT))
        left = (self._area.width() - width) // 2
        top = self.px(_TOP) + (self.px(_BREADCRUMB) if self._is_low else 0)
        inner = self.inner().topLeft().toPoint()
        self.move(QPoint(left, top) - inner)
        right = self.inner().right() - self.px(_EDGE)
        middle = self.inner().top() + self.px(_HEIGHT) / 2
        for button in reversed(self.buttons.values()):
            right -= self.px(_BUTTON)
            button.move(round(right), round(middle - button.height() / 2))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        for button in getattr(self, "buttons", {}).values():
            button.apply_style(look)
        if hasattr(self, "buttons"):
            self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the canvas."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.place()
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Close with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self.command_requested.emit("compare.close")
            return
        super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint surface, counts and words."""
        super().paintEvent(event)
        painter = QPainter(self)
        inner = self.inner()
        left = inner.left() + self.px(16)
        right = min(button.x() for button in self.buttons.values()) - self.px(12)
        line = QRectF(left, inner.top() + self.px(10), right - left, self.px(20))
        self._paint_counts(painter, line)
        line.translate(0, self.px(23))
        font = self.look.font("small")
        step = text_width(font, self._step) + self.px(12)
        paint_text(painter, line, self._step, font, self.color("text.tertiary"))
        line.setLeft(line.left() + step)
        words = (
            self._words[0] if self._words else tr("Compared with “{name}”").format(name=self._name)
        )
        if len(self._words) > 1:
            words += ":  " + "  ·  ".join(self._words[1:])
        ink = self.color("text.primary" if self._words else "text.secondary")
        paint_text(painter, line, elided(font, words, line.width()), font, ink)

    def _paint_counts(self, painter: QPainter, line: QRectF) -> None:
        font = self.look.font("bodyStrong")
        x = line.left()
        for kind, words in self._counts:
            text = f"{SIGNS[kind]} {words} {KIND_WORDS[kind]()}"
            box = QRectF(x, line.top(), line.right() - x, line.height())
            paint_text(painter, box, text, font, self.color(COLORS[kind]))
            x += text_width(font, text) + self.px(14)
        box = QRectF(x, line.top(), max(0.0, line.right() - x), line.height())
        paint_text(painter, box, self._rest, self.look.font("small"), self.color("text.secondary"))

    def _describe(self) -> None:
        """Tell screen readers what is painted."""
        counts = ", ".join(f"{words} {KIND_WORDS[kind]()}" for kind, words in self._counts)
        parts = [counts, self._rest, self._step, *self._words]
        self.setAccessibleDescription(". ".join(part for part in parts if part))

    def _ask(self, command: str) -> None:
        self.command_requested.emit(command)


KIND_WORDS = {
    MarkKind.ADDED: lambda: tr("added"),
    MarkKind.CHANGED: lambda: tr("changed"),
    MarkKind.REMOVED: lambda: tr("removed"),
}


def rest_words(marks: Marks) -> str:
    """Return what differs besides nodes: links, and nodes that only stand elsewhere."""
    parts = []
    added = marks.count(MarkKind.ADDED, links=True)
    removed = marks.count(MarkKind.REMOVED, links=True)
    links = ", ".join(
        words for count, words in ((added, f"+{added}"), (removed, f"−{removed}")) if count
    )
    if links:
        parts.append(tr("links {changes}").format(changes=links))
    if marks.moved_count:
        parts.append(tr("{count} moved").format(count=marks.moved_count))
    if not parts and not marks.differences:
        return tr("Only groups or settings differ")
    return "  ·  ".join(parts)
