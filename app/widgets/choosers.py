"""Controls of forms that choose: from a list, between a few words, along a track."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.widgets.buttons import ChromeButton
from app.widgets.choice_popup import ChoicePopup
from app.widgets.fields import FIELD_HEIGHT, paint_field
from app.widgets.icons import paint_icon
from app.widgets.number_values import Number, format_number, normalized, stepped
from app.widgets.spec import WidgetSpec
from app.widgets.style import Style
from app.widgets.themed import over, paint_box, paint_text, text_width

_VALUE_ROOM = 48
_KNOB = 14
_TRACK = 4


class ComboField(ChromeButton):
    """A field that opens a searchable list.

    Args:
        choices: Pairs of value and words.
        value: What it begins with.
        look: The style.

    Signals:
        value_changed: The artist has chosen another value.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        choices: Sequence[tuple[Any, str]],
        value: Any,
        look: Style,
        *,
        height: int = FIELD_HEIGHT,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._choices = list(choices)
        self._value = value
        self._height = height
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.open_list)
        self.apply_style(look)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show another value without telling anyone."""
        self._value = value
        self.update()

    def set_choices(self, choices: Sequence[tuple[Any, str]]) -> None:
        """Offer other choices; the value stays, even when it is none of them."""
        self._choices = list(choices)
        self.updateGeometry()
        self.update()

    def words(self) -> str:
        """Return the words of the chosen value."""
        return next((words for value, words in self._choices if value == self._value), "")

    def sizeHint(self) -> QSize:
        """Return room for the longest words, within reason."""
        font = self.font_named("body")
        widest = max((text_width(font, words) for _, words in self._choices), default=0.0)
        width = min(round(widest) + self.px(44), self.px(280))
        return QSize(max(width, self.px(96)), self.px(self._height))

    def open_list(self) -> ChoicePopup:
        """Open the list under the field."""
        names = [words for _, words in self._choices]
        popup = ChoicePopup(names, self.words(), self._take, self.look, self)
        popup.open_at(QRect(self.mapToGlobal(QPoint(0, 0)), self.size()))
        return popup

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with Up and Down, open with Alt+Down as with Enter."""
        if event.key() == Qt.Key.Key_Down and event.modifiers() & Qt.KeyboardModifier.AltModifier:
            self.open_list()
        elif event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            values = [value for value, _ in self._choices]
            if values:
                at = values.index(self._value) if self._value in values else -1
                at += 1 if event.key() == Qt.Key.Key_Down else -1
                self._give(values[min(max(at, 0), len(values) - 1)])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the field, the words and the sign of a list."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.hasFocus() and not self.has_ring and self.isEnabled():
            line = self.color("border.strong" if self.underMouse() else "border.default")
            paint_box(painter, rect, self.px(6), self.color("surface.field"), line)
        else:
            paint_field(painter, self, rect)
        ink = self.color("text.primary" if self.isEnabled() else "text.disabled")
        box = rect.adjusted(self.px(10), 0, -self.px(28), 0)
        paint_text(painter, box, self.words() or str(self._value), self.font_named("body"), ink)
        sign = self.color("text.secondary" if self.isEnabled() else "text.disabled")
        center = QPointF(rect.right() - self.px(16), rect.center().y())
        paint_icon(painter, "chevrons-up-down", center, self.px(14), sign)

    def _take(self, words: str) -> None:
        self._give(next(value for value, known in self._choices if known == words))

    def _give(self, value: Any) -> None:
        if value != self._value:
            self.set_value(value)
            self.value_changed.emit(value)


class Segmented(ChromeButton):
    """Two to five words side by side, one of them chosen.

    Args:
        choices: Pairs of value and words.
        value: What it begins with.
        look: The style.

    Signals:
        value_changed: The artist has chosen another value.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        choices: Sequence[tuple[Any, str]],
        value: Any,
        look: Style,
        *,
        height: int = FIELD_HEIGHT,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._choices = list(choices)
        self._value = value
        self._height = height
        self.setMouseTracking(True)
        self._hovered = -1
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.apply_style(look)

    @property
    def value(self) -> Any:
        """The chosen value."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show another value without telling anyone."""
        self._value = value
        self.update()

    def sizeHint(self) -> QSize:
        """Return room for all words."""
        return QSize(round(sum(self._widths())) + 2 * self.px(2), self.px(self._height))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Light up the words under the pointer."""
        self._hovered = self._part_at(event.position().x())
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Choose at once."""
        part = self._part_at(event.position().x())
        if event.button() == Qt.MouseButton.LeftButton and part >= 0:
            self._give(self._choices[part][0])

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press has acted already."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go left and right."""
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        move = moves.get(Qt.Key(event.key()), 0)
        if move:
            values = [value for value, _ in self._choices]
            at = values.index(self._value) if self._value in values else 0
            self._give(values[min(max(at + move, 0), len(values) - 1)])
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the trough, the chosen part and the words."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        enabled = self.isEnabled()
        ground = self.color("surface.field") if enabled else None
        paint_box(painter, rect, self.px(6), ground, self.color("border.default"))
        left = float(self.px(2))
        for index, (width, (value, words)) in enumerate(
            zip(self._widths(), self._choices, strict=True)
        ):
            part = QRectF(left, self.px(2), width, rect.height() - 2 * self.px(2))
            is_chosen = value == self._value
            if is_chosen and enabled:
                raised = over(self.color("surface.raised"), self.color("state.pressed"))
                paint_box(painter, part, self.px(4), raised)
            is_lit = is_chosen or (index == self._hovered and self.underMouse())
            name = "text.primary" if is_lit else "text.secondary"
            font = self.font_named("bodyStrong" if is_chosen else "body")
            ink = self.color(name if enabled else "text.disabled")
            paint_text(painter, part, words, font, ink, Qt.AlignmentFlag.AlignHCenter)
            left += width
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)

    def _widths(self) -> list[float]:
        font = self.font_named("bodyStrong")
        return [text_width(font, words) + self.px(24) for _, words in self._choices]

    def _part_at(self, x: float) -> int:
        left = float(self.px(2))
        for index, width in enumerate(self._widths()):
            if left <= x < left + width:
                return index
            left += width
        return -1

    def _give(self, value: Any) -> None:
        if value != self._value:
            self.set_value(value)
            self.value_changed.emit(value)


class SliderField(ChromeButton):
    """A track with a knob and the number beside it.

    Args:
        spec: Range, step and decimals; minimum and maximum must be given.
        value: What it begins with.
        look: The style.

    Signals:
        value_changed: The number has changed, also during a drag.
        drag_ended: The knob was let go; carries the number.
    """

    value_changed = Signal(object)
    drag_ended = Signal(object)

    def __init__(
        self, spec: WidgetSpec, value: Number, look: Style, parent: QWidget | None = None
    ) -> None:
        if spec.minimum is None or spec.maximum is None or spec.maximum <= spec.minimum:
            raise ValueError(f"The slider {spec.name!r} needs a minimum below its maximum.")
        super().__init__(parent)
        self._spec = spec
        self._low, self._high = float(spec.minimum), float(spec.maximum)
        self._value = value
        self._is_dragging = False
        self.setAccessibleName(spec.label)
        self.setToolTip(spec.tooltip)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.apply_style(look)

    @property
    def value(self) -> Number:
        """The number."""
        return self._value

    def set_value(self, value: Number) -> None:
        """Show another number without telling anyone."""
        self._value = value
        self.update()

    def words(self) -> str:
        """Return the number as it is written beside the track; a subclass may add a unit."""
        return format_number(self._value, self._spec)

    def sizeHint(self) -> QSize:
        """Return a comfortable size."""
        return QSize(self.px(200), self.px(FIELD_HEIGHT))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Jump to the pointer and follow it."""
        if event.button() == Qt.MouseButton.LeftButton and self.isEnabled():
            self._is_dragging = True
            self._follow(event.position().x())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow the pointer."""
        if self._is_dragging:
            self._follow(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the knob go."""
        if self._is_dragging:
            self._is_dragging = False
            self.update()
            self.drag_ended.emit(self._value)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the page."""
        event.ignore()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow and page keys, go to the ends with Home and End."""
        steps = {
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }
        key = Qt.Key(event.key())
        if key in steps:
            self._give(stepped(self._value, steps[key], self._spec))
        elif key == Qt.Key.Key_Home:
            self._give(normalized(self._low, self._spec))
        elif key == Qt.Key.Key_End:
            self._give(normalized(self._high, self._spec))
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the track, the part up to the knob, the knob and the number."""
        painter = QPainter(self)
        track = self._track()
        radius = track.height() / 2
        enabled = self.isEnabled()
        paint_box(painter, track, radius, self.color("accent.track"))
        x = track.left() + track.width() * self._share()
        done = QRectF(track)
        done.setRight(max(x, track.left() + track.height()))
        paint_box(painter, done, radius, self.color("accent.fill" if enabled else "border.strong"))
        side = self.px(_KNOB)
        knob = QRectF(x - side / 2, track.center().y() - side / 2, side, side)
        is_lit = enabled and (self._is_dragging or self.underMouse())
        line = self.color("accent.line" if is_lit else "border.strong")
        ink = self.color("text.onAccent" if enabled else "text.disabled")
        paint_box(painter, knob, side / 2, ink, line)
        if self.has_ring:
            ring = knob.adjusted(-3, -3, 3, 3)
            paint_box(painter, ring, ring.width() / 2, None, self.color("focus.ring"), 2)
        box = QRectF(track.right() + self.px(8), 0, self.px(_VALUE_ROOM - 8), self.height())
        color = self.color("text.primary" if enabled else "text.disabled")
        words = self.words()
        right = Qt.AlignmentFlag.AlignRight
        paint_text(painter, box, words, self.font_named("body"), color, right)

    def _track(self) -> QRectF:
        edge = self.px(_KNOB) / 2 + 3
        width = self.width() - 2 * edge - self.px(_VALUE_ROOM - 8)
        height = self.px(_TRACK)
        return QRectF(edge, (self.height() - height) / 2, max(1.0, width), height)

    def _share(self) -> float:
        return min(1.0, max(0.0, (float(self._value) - self._low) / (self._high - self._low)))

    def _follow(self, x: float) -> None:
        track = self._track()
        share = min(1.0, max(0.0, (x - track.left()) / track.width()))
        steps = round((self._high - self._low) * share / float(self._spec.step))
        self._give(normalized(self._low + steps * float(self._spec.step), self._spec))

    def _give(self, value: Number) -> None:
        if value != self._value:
            self.set_value(value)
            self.value_changed.emit(value)
