"""Short messages at the bottom right that go away by themselves."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

from PySide6.QtCore import (
    QEasingCurve,
    QEvent,
    QObject,
    QPoint,
    QPropertyAnimation,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QFont,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QWidget

from app.widgets.buttons import ChromeButton
from app.widgets.icons import paint_icon
from app.widgets.popup import paint_shadow
from app.widgets.style import Style
from app.widgets.themed import Themed, elided, paint_box, paint_text, text_width

MOST_TOASTS = 3
SECONDS = 5.0

_WIDTH = 256
_LEAST_HEIGHT = 44
_TWO_LINE_HEIGHT = 58
_MOST_WIDTH = 400
_MOST_LINES = 3
_TITLE_LINE, _DETAIL_LINE = 18, 16
_BUTTON_ROW = 30
_SHADOW = 16
_GAP = 16
_RISE = 4

Action = tuple[str, Callable[[], object]]


class ToastKind(enum.Enum):
    """What a message is about; each has its icon, so colour never stands alone."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"


_ICONS = {
    ToastKind.INFO: ("info", "text.secondary"),
    ToastKind.SUCCESS: ("circle-check", "success.line"),
    ToastKind.WARNING: ("triangle-alert", "warning.line"),
}


class Toast(Themed, QWidget):
    """One message. A click on it takes it away; it stays while the pointer is on it.

    Signals:
        finished: Its time is over, or it was taken away.
    """

    finished = Signal()

    def __init__(
        self,
        title: str,
        detail: str,
        kind: ToastKind,
        actions: Sequence[Action],
        seconds: float,
        look: Style,
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.title = title
        self.detail = detail
        self._kind = kind
        self._is_tall = False
        self._title_lines: list[str] = []
        self._detail_lines: list[str] = []
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(round(seconds * 1000))
        self._timer.timeout.connect(self.finished)
        self._buttons = [self._add_button(words, run, look) for words, run in actions]
        self.setAccessibleName(title)
        self.setAccessibleDescription(detail)
        self.apply_style(look)
        self._timer.start()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.sizeHint())
        lines = (*self._title_lines, *self._detail_lines)
        is_cut = any(line.endswith("…") for line in lines)
        self.setToolTip(f"{self.title}\n{self.detail}".strip() if is_cut else self.detail)
        self._place_buttons()

    def sizeHint(self) -> QSize:
        """Return the size of the card with the room for its shadow."""
        words = max(
            text_width(self.font_named("bodyStrong"), self.title) + self._buttons_width(),
            text_width(self.font_named("small"), self.detail),
        )
        wanted, most = round(words) + self.px(40 + 16), self.px(_MOST_WIDTH)
        shadow = 2 * self.px(_SHADOW)
        self._is_tall = wanted > most
        if not self._is_tall:
            self._title_lines, self._detail_lines = [self.title], [self.detail]
            height = self.px(_TWO_LINE_HEIGHT if self.detail else _LEAST_HEIGHT)
            return QSize(max(self.px(_WIDTH), wanted) + shadow, height + shadow)
        # Sentences that say what to do must be read whole: they go on in further lines.
        room = most - self.px(40 + 14)
        self._title_lines = _lines(self.font_named("bodyStrong"), self.title, room)
        self._detail_lines = _lines(self.font_named("small"), self.detail, room)
        height = self.px(12 + 12 + (4 if self.detail else 0))
        height += self.px(_TITLE_LINE) * len(self._title_lines)
        height += self.px(_DETAIL_LINE) * len(self._detail_lines)
        height += self.px(_BUTTON_ROW) if self._buttons else 0
        return QSize(most + shadow, height + shadow)

    @property
    def card(self) -> QRectF:
        """The card inside its shadow."""
        edge = self.px(_SHADOW)
        return QRectF(self.rect()).adjusted(edge, edge, -edge, -edge)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint shadow, card, icon and words."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card = self.card
        paint_shadow(painter, card, self.px(8), self.look, self.px(_SHADOW))
        line = "border.strong" if self.underMouse() else "border.default"
        paint_box(painter, card, self.px(8), self.color("surface.popup"), self.color(line))
        if self._is_tall:
            self._paint_tall(painter, card)
            return
        icon, ink = _ICONS[self._kind]
        first = QRectF(card.left() + self.px(40), card.top(), 0, 0)
        first.setHeight(self.px(38) if self.detail else card.height())
        first.setTop(first.top() + (self.px(2) if self.detail else 0))
        first.setRight(card.right() - self.px(14) - self._buttons_width())
        center = first.center()
        center.setX(card.left() + self.px(22))
        paint_icon(painter, icon, center, self.px(18), self.color(ink))
        font = self.font_named("bodyStrong")
        paint_text(painter, first, self.title, font, self.color("text.primary"))
        if self.detail:
            second = QRectF(first.left(), first.bottom() - self.px(8), 0, self.px(20))
            second.setRight(card.right() - self.px(14))
            small = self.font_named("small")
            words = elided(small, self.detail, second.width())
            paint_text(painter, second, words, small, self.color("text.secondary"))

    def _paint_tall(self, painter: QPainter, card: QRectF) -> None:
        """Paint words of several lines, one below the other."""
        icon, ink = _ICONS[self._kind]
        line = QRectF(card.left() + self.px(40), card.top() + self.px(12), 0, self.px(_TITLE_LINE))
        line.setRight(card.right() - self.px(14))
        center = line.center()
        center.setX(card.left() + self.px(22))
        paint_icon(painter, icon, center, self.px(18), self.color(ink))
        for words in self._title_lines:
            font = self.font_named("bodyStrong")
            paint_text(painter, line, words, font, self.color("text.primary"))
            line.translate(0, self.px(_TITLE_LINE))
        line.setHeight(self.px(_DETAIL_LINE))
        line.translate(0, self.px(4))
        for words in self._detail_lines:
            font = self.font_named("small")
            paint_text(painter, line, words, font, self.color("text.secondary"))
            line.translate(0, self.px(_DETAIL_LINE))

    def enterEvent(self, event: QEnterEvent) -> None:
        """Stay while the pointer is on it."""
        self._timer.stop()
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Count the time anew."""
        self._timer.start()
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Go at a click."""
        self.finished.emit()

    def _add_button(self, words: str, run: Callable[[], object], look: Style) -> _ActionButton:
        def act() -> None:
            self.finished.emit()
            run()

        button = _ActionButton(words, look, self)
        button.clicked.connect(act)
        return button

    def _buttons_width(self) -> int:
        return sum(button.sizeHint().width() + self.px(12) for button in self._buttons)

    def _place_buttons(self) -> None:
        card = self.card
        right = card.right() - self.px(14)
        middle = card.top() + (self.px(21) if self.detail else card.height() / 2)
        if self._is_tall:
            middle = card.bottom() - self.px(12 + 8)
        for button in reversed(self._buttons):
            size = button.sizeHint()
            button.setFixedSize(size)
            button.move(round(right - size.width()), round(middle - size.height() / 2))
            right -= size.width() + self.px(12)


def _lines(font: QFont, text: str, width: float) -> list[str]:
    """Break a text into lines; beyond the most that are shown the last one is cut."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    # A long file name has no spaces.
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    starts = []
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        starts.append(line.textStart())
    layout.endLayout()
    # Qt counts in UTF-16, in which some letters are two.
    units = text.encode("utf-16-le", "surrogatepass")
    ends = [*starts[1:], len(units) // 2]
    if len(starts) > _MOST_LINES:
        starts, ends = starts[:_MOST_LINES], [*ends[: _MOST_LINES - 1], ends[-1]]
    lines = [
        units[2 * start : 2 * end].decode("utf-16-le", "replace").strip()
        for start, end in zip(starts, ends, strict=True)
    ]
    return [elided(font, line, width) for line in lines]


class _ActionButton(ChromeButton):
    """The words of an action, in the accent's text colour."""

    def __init__(self, words: str, look: Style, parent: QWidget) -> None:
        super().__init__(parent)
        self.setText(words)
        self.setAccessibleName(words)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.apply_style(look)

    def sizeHint(self) -> QSize:
        """Return the size of its words."""
        return QSize(round(text_width(self.font_named("bodyStrong"), self.text())) + 2, self.px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the words, brighter under the pointer."""
        painter = QPainter(self)
        ink = self.color("text.primary" if self.underMouse() else "accent.text")
        paint_text(painter, QRectF(self.rect()), self.text(), self.font_named("bodyStrong"), ink)
        if self.has_ring:
            ring = self.color("focus.ring")
            paint_box(painter, QRectF(self.rect()), self.px(4), None, ring, 2)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring after keyboard use."""
        super().focusInEvent(event)
        self.update()


class ToastStack(QObject):
    """Shows messages over the bottom right of a widget: at most three, newest lowest.

    Args:
        area: The widget they lie over, such as the canvas.
        look: The style.

    Attributes:
        margin_right: Distance from the right edge, in pixels of the design.
        margin_bottom: Distance from the lower edge; more while a minimap is there.
        reduced_motion: Messages appear at once instead of rising.
    """

    def __init__(self, area: QWidget, look: Style) -> None:
        super().__init__(area)
        self.look = look
        self.margin_right = 16
        self.margin_bottom = 16
        self.reduced_motion = False
        self._area = area
        self._toasts: list[Toast] = []
        area.installEventFilter(self)

    @property
    def toasts(self) -> tuple[Toast, ...]:
        """What is shown, oldest first."""
        return tuple(self._toasts)

    def show(
        self,
        title: str,
        detail: str = "",
        *,
        kind: ToastKind = ToastKind.INFO,
        actions: Sequence[Action] = (),
        seconds: float = SECONDS,
    ) -> Toast:
        """Show a message; the same words again only start its time anew.

        Args:
            title: What happened, without a full stop.
            detail: A second, quieter line.
            kind: Its icon.
            actions: Words and what they do; one or two.
            seconds: How long it stays.
        """
        for known in self._toasts:
            if (known.title, known.detail) == (title, detail):
                self._remove(known)
                break
        toast = Toast(title, detail, kind, actions, seconds, self.look, self._area)
        toast.finished.connect(lambda: self._remove(toast))
        self._toasts.append(toast)
        while len(self._toasts) > MOST_TOASTS:
            self._remove(self._toasts[0])
        self.place()
        toast.show()
        toast.raise_()
        if not self.reduced_motion:
            self._rise(toast)
        return toast

    def clear(self) -> None:
        """Take all messages away."""
        for toast in tuple(self._toasts):
            self._remove(toast)

    def set_margins(self, right: int, bottom: int) -> None:
        """Keep clear of what lies in the corner."""
        self.margin_right, self.margin_bottom = right, bottom
        self.place()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        self.look = look
        for toast in self._toasts:
            toast.apply_style(look)
        self.place()

    def place(self) -> None:
        """Move the messages to their places."""
        scale = self.look.scale
        edge = round(_SHADOW * scale)
        bottom = self._area.height() - round(self.margin_bottom * scale)
        right = self._area.width() - round(self.margin_right * scale)
        for toast in reversed(self._toasts):
            size = toast.size()
            for motion in toast.findChildren(QPropertyAnimation):
                # It would take the message back to where it was when it came.
                motion.stop()
            toast.move(right - size.width() + edge, bottom - size.height() + edge)
            bottom -= size.height() - 2 * edge + round(_GAP * scale)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size of the area."""
        if event.type() is QEvent.Type.Resize:
            self.place()
        return False

    def _rise(self, toast: Toast) -> None:
        motion = QPropertyAnimation(toast, b"pos", toast)
        motion.setDuration(150)
        motion.setEasingCurve(QEasingCurve.Type.OutCubic)
        motion.setStartValue(toast.pos() + QPoint(0, _RISE * 2))
        motion.setEndValue(toast.pos())
        motion.start(QPropertyAnimation.DeletionPolicy.DeleteWhenStopped)

    def _remove(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            toast.hide()
            toast.deleteLater()
            self.place()
