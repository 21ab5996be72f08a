"""Fields that are typed into: a line, a search, a number."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QLineEdit, QWidget

from app.widgets import arithmetic
from app.widgets.icons import paint_icon
from app.widgets.labels import paint_key
from app.widgets.number_values import (
    Number,
    as_number,
    format_number,
    is_whole,
    normalized,
    stepped,
)
from app.widgets.spec import WidgetSpec
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_box, paint_text

FIELD_HEIGHT = 32
_PAGE_STEPS = 10
_QT_MARGIN = 2  # QLineEdit adds this to its text margins on both sides.
_BARE = "QLineEdit { background: transparent; border: none; padding: 0; }"


def paint_field(painter: QPainter, field: QWidget, rect: QRectF) -> None:
    """Draw the ground of a field in its present state; ``field`` must be a Themed widget.

    The line of the keyboard's place is drawn after a click too, as there is a caret then.
    """
    if not isinstance(field, Themed):
        raise TypeError("paint_field needs a Themed widget")
    radius = field.px(6)
    if not field.isEnabled():
        paint_box(painter, rect, radius, None, field.color("border.default"))
        return
    is_hovered = field.underMouse()
    fill = field.color("surface.fieldHover" if is_hovered else "surface.field")
    if field.hasFocus():
        paint_box(painter, rect, radius, fill, field.color("focus.ring"), 1.5)
    else:
        line = "border.strong" if is_hovered else "border.default"
        paint_box(painter, rect, radius, fill, field.color(line))


class SearchField(Themed, QLineEdit):
    """A field with a lens, and the key that leads to it at its right end.

    Signals:
        escape_pressed: Escape was pressed while the field was empty already.
    """

    escape_pressed = Signal()

    def __init__(
        self,
        placeholder: str,
        look: Style,
        *,
        key: str = "",
        height: int = 32,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._key = key
        self._height = height
        self._hint = placeholder
        self.setFrame(False)
        self.setAccessibleName(placeholder)
        self.setObjectName("searchField")
        self.apply_style(look)

    @property
    def hint(self) -> str:
        """The grey words of the empty field."""
        return self._hint

    def set_key(self, key: str) -> None:
        """Show another key at the right end."""
        self._key = key
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font("body"))
        self.setFixedHeight(self.px(self._height))
        self.setTextMargins(self.px(32) - _QT_MARGIN, 0, self.px(10), 0)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Clear with the first Escape and leave with the second."""
        if event.key() == Qt.Key.Key_Escape:
            if self.text():
                self.clear()
            else:
                self.escape_pressed.emit()
            event.accept()
            return
        super().keyPressEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the stronger border."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Show the plain border."""
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the box, then the text of the base class, then lens, hint and key."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        paint_field(painter, self, rect)
        painter.end()
        super().paintEvent(event)
        painter.begin(self)
        ink = self.color("text.tertiary")
        center = QPointF(self.px(17), rect.center().y())
        paint_icon(painter, "search", center, self.px(16), ink)
        if not self.text():
            box = rect.adjusted(self.px(32), 0, -self.px(10), 0)
            paint_text(painter, box, self._hint, self.font(), self.color("text.tertiary"))
            if self._key and not self.hasFocus():
                paint_key(painter, self, self._key, rect.right() - self.px(8), rect.center().y())
        painter.end()


class LineField(Themed, QLineEdit):
    """A field for one line of text.

    Args:
        text: What stands in it.
        look: The style.
        placeholder: Grey words while it is empty.
        height: Height in pixels of the design.
        code: Use the monospaced font, for paths and patterns.
    """

    def __init__(
        self,
        text: str,
        look: Style,
        *,
        placeholder: str = "",
        height: int = FIELD_HEIGHT,
        code: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._height = height
        self._font_name = "code" if code else "body"
        self._hint = placeholder
        self.setFrame(False)
        self.setStyleSheet(_BARE)
        self.setAccessibleName(placeholder)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font(self._font_name))
        self.setFixedHeight(self.px(self._height))
        self.setTextMargins(self.px(10) - _QT_MARGIN, 0, self.px(10), 0)
        palette = self.palette()
        palette.setColor(palette.ColorRole.Text, look.color("text.primary"))
        palette.setColor(
            palette.ColorGroup.Disabled, palette.ColorRole.Text, look.color("text.disabled")
        )
        palette.setColor(palette.ColorRole.Highlight, look.color("accent.fill"))
        palette.setColor(palette.ColorRole.HighlightedText, look.color("text.onAccent"))
        self.setPalette(palette)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the stronger border."""
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        """Show the plain border."""
        super().leaveEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the box, then the text of the base class, then the grey words."""
        painter = QPainter(self)
        paint_field(painter, self, QRectF(self.rect()))
        painter.end()
        super().paintEvent(event)
        if self._hint and not self.text():
            painter.begin(self)
            box = QRectF(self.rect()).adjusted(self.px(10), 0, -self.px(10), 0)
            paint_text(painter, box, self._hint, self.font(), self.color("text.tertiary"))
            painter.end()


class SpinField(LineField):
    """A field for a number: arithmetic, arrow and page keys, and two small step buttons.

    The wheel steps only while the field has the keyboard, so that scrolling a page changes nothing.

    Args:
        spec: Kind, range, step and decimals of the number.
        value: What it begins with.
        look: The style.

    Signals:
        value_changed: The artist has given another number.
    """

    value_changed = Signal(object)

    def __init__(
        self,
        spec: WidgetSpec,
        value: Number,
        look: Style,
        *,
        height: int = FIELD_HEIGHT,
        parent: QWidget | None = None,
    ) -> None:
        self._spec = spec
        self._value: Any = value
        self._pressed_step = 0
        super().__init__(format_number(value, spec), look, height=height, parent=parent)
        self.setAccessibleName(spec.label)
        self.setToolTip(spec.tooltip)
        self.editingFinished.connect(self._take_text)

    @property
    def value(self) -> Any:
        """The number."""
        return self._value

    def set_value(self, value: Number) -> None:
        """Show another number without telling anyone."""
        self._value = value
        self.setText(format_number(value, self._spec))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setTextMargins(self.px(10) - _QT_MARGIN, 0, self.px(24), 0)

    def step(self, count: int) -> None:
        """Change the number by ``count`` steps."""
        self._take_text()
        self._give(stepped(as_number(self._value) or 0, count, self._spec))
        self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow and page keys; Escape takes back what is typed."""
        steps = {
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_PageUp: _PAGE_STEPS,
            Qt.Key.Key_PageDown: -_PAGE_STEPS,
        }
        count = steps.get(Qt.Key(event.key()), 0)
        if count:
            self.step(count)
        elif event.key() == Qt.Key.Key_Escape and self.isModified():
            self.set_value(self._value)
        else:
            super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Step while the field has the keyboard; otherwise the page scrolls."""
        if not self.hasFocus() or not event.angleDelta().y():
            event.ignore()
            return
        event.accept()
        self.step(1 if event.angleDelta().y() > 0 else -1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select the number when the keyboard brings the focus."""
        super().focusInEvent(event)
        if event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason):
            self.selectAll()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Step over the two small buttons; place the caret elsewhere."""
        self._pressed_step = self._step_at(event.position())
        if self._pressed_step and event.button() == Qt.MouseButton.LeftButton:
            self.step(self._pressed_step)
            self.update()
            return
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Show an arrow over the buttons."""
        is_step = bool(self._step_at(event.position()))
        self.setCursor(Qt.CursorShape.ArrowCursor if is_step else Qt.CursorShape.IBeamCursor)
        if not self._pressed_step:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let the buttons go."""
        if self._pressed_step:
            self._pressed_step = 0
            self.update()
            return
        super().mouseReleaseEvent(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Step twice over the buttons; select a word elsewhere."""
        if self._step_at(event.position()):
            self.mousePressEvent(event)
        else:
            super().mouseDoubleClickEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the field and its two small buttons."""
        super().paintEvent(event)
        painter = QPainter(self)
        middle = QPointF(self.width() - self.px(14), self.height() / 2)
        for sign, name in ((1, "chevron-up"), (-1, "chevron-down")):
            ink = "text.primary" if self._pressed_step == sign else "text.secondary"
            color = self.color(ink if self.isEnabled() else "text.disabled")
            center = QPointF(middle.x(), middle.y() - sign * self.px(5))
            paint_icon(painter, name, center, self.px(12), color)

    def _step_at(self, point: QPointF) -> int:
        if not self.isEnabled() or point.x() < self.width() - self.px(24):
            return 0
        return 1 if point.y() < self.height() / 2 else -1

    def _take_text(self) -> None:
        if self.text() == format_number(self._value, self._spec):
            return
        try:
            number = arithmetic.evaluate(
                self.text(), as_number(self._value) or 0, is_whole=is_whole(self._spec)
            )
        except ValueError:
            self.set_value(self._value)
            return
        self._give(normalized(number, self._spec))

    def _give(self, value: Number) -> None:
        is_new = value != self._value
        self.set_value(value)
        if is_new:
            self.value_changed.emit(value)
