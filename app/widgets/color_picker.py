"""The colour picker: a field of shades, a strip of hues, hex and a row of recent colours."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRect, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QKeyEvent,
    QLinearGradient,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
)
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.widgets.fields import LineField
from app.widgets.popup import SHADOW, Popup
from app.widgets.style import Style, parse_color
from app.widgets.themed import Themed, paint_box

_WIDTH = 232
_FIELD_HEIGHT = 150
_STRIP_HEIGHT = 14
_INSET = 12
_MOST_SWATCHES = 8
_STEP = 0.01


class _ShadeField(Themed, QWidget):
    """Saturation from left to right, brightness from bottom to top.

    Signals:
        picked: Saturation and brightness, 0 to 1 each.
    """

    picked = Signal(float, float)

    def __init__(self, look: Style, parent: QWidget) -> None:
        super().__init__(parent)
        self.look = look
        self.hue, self.saturation, self.brightness = 0.0, 0.0, 1.0
        self.setFixedHeight(self.px(_FIELD_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Saturation and brightness")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick at the pointer."""
        self._pick(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pick along the drag."""
        self._pick(event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by one per cent with the arrow keys."""
        moves = {
            Qt.Key.Key_Left: (-_STEP, 0.0),
            Qt.Key.Key_Right: (_STEP, 0.0),
            Qt.Key.Key_Up: (0.0, _STEP),
            Qt.Key.Key_Down: (0.0, -_STEP),
        }
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self.picked.emit(_unit(self.saturation + move[0]), _unit(self.brightness + move[1]))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the shades of the hue and a ring at the present one."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        radius = self.px(6)
        painter.setPen(Qt.PenStyle.NoPen)
        across = QLinearGradient(rect.topLeft(), rect.topRight())
        across.setColorAt(0, QColor(255, 255, 255))
        across.setColorAt(1, QColor.fromHsvF(self.hue, 1, 1))
        painter.setBrush(across)
        painter.drawRoundedRect(rect, radius, radius)
        down = QLinearGradient(rect.topLeft(), rect.bottomLeft())
        down.setColorAt(0, QColor(0, 0, 0, 0))
        down.setColorAt(1, QColor(0, 0, 0))
        painter.setBrush(down)
        painter.drawRoundedRect(rect, radius, radius)
        spot = QPointF(rect.width() * self.saturation, rect.height() * (1.0 - self.brightness))
        _paint_ring(painter, spot, self.px(6))

    def _pick(self, pos: QPointF) -> None:
        self.picked.emit(_unit(pos.x() / self.width()), _unit(1.0 - pos.y() / self.height()))


class _HueStrip(Themed, QWidget):
    """All hues side by side.

    Signals:
        picked: The hue, 0 to 1.
    """

    picked = Signal(float)

    def __init__(self, look: Style, parent: QWidget) -> None:
        super().__init__(parent)
        self.look = look
        self.hue = 0.0
        self.setFixedHeight(self.px(_STRIP_HEIGHT))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Hue")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Pick at the pointer."""
        self.picked.emit(_unit(event.position().x() / self.width()))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pick along the drag."""
        self.picked.emit(_unit(event.position().x() / self.width()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Move by one per cent with the arrow keys."""
        moves = {Qt.Key.Key_Left: -_STEP, Qt.Key.Key_Right: _STEP}
        move = moves.get(Qt.Key(event.key()))
        if move is None:
            super().keyPressEvent(event)
            return
        self.picked.emit(_unit(self.hue + move))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the hues and a ring at the present one."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        rect = QRectF(self.rect())
        hues = QLinearGradient(rect.topLeft(), rect.topRight())
        for sixth in range(7):
            hues.setColorAt(sixth / 6, QColor.fromHsvF(sixth / 6 % 1.0, 1, 1))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(hues)
        painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
        edge = rect.height() / 2
        spot = QPointF(edge + (rect.width() - 2 * edge) * self.hue, rect.center().y())
        _paint_ring(painter, spot, self.px(5))


class _Swatches(Themed, QWidget):
    """A row of colours to take again.

    Signals:
        picked: The colour that was clicked.
    """

    picked = Signal(QColor)

    def __init__(self, colors: Sequence[QColor], look: Style, parent: QWidget) -> None:
        super().__init__(parent)
        self.look = look
        self._colors: list[QColor] = []
        self.set_colors(colors)
        self.setFixedHeight(self.px(20))

    def set_colors(self, colors: Sequence[QColor]) -> None:
        """Show other colours."""
        self._colors = list(colors)[:_MOST_SWATCHES]
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the colour under the pointer."""
        index = int(event.position().x() // self.px(27))
        if 0 <= index < len(self._colors):
            self.picked.emit(self._colors[index])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the colours."""
        painter = QPainter(self)
        for index, color in enumerate(self._colors):
            box = QRectF(index * self.px(27), 0, self.px(20), self.px(20))
            paint_box(painter, box, self.px(4), color, self.color("border.strong"))


class ColorPicker(Popup):
    """Comes up under a colour, follows every pick, and can be taken back with Escape.

    Args:
        value: The colour to begin with, ``#rrggbb``.
        on_choose: Called with ``#rrggbb`` when the picker closes with another colour.
        look: The style.
        recent: Colours to offer again.
        parent: The widget it comes up over.

    Signals:
        picked: The colour at each step, ``#rrggbb``.
    """

    picked = Signal(str)

    def __init__(
        self,
        value: str,
        on_choose: Callable[[str], None],
        look: Style,
        *,
        recent: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(look, parent)
        start = parse_color(value)
        self._color = start if start.isValid() else QColor(0, 0, 0)
        self._before = self._color.name()
        self._on_choose = on_choose
        edge = self.px(SHADOW) + self.px(_INSET)
        column = QVBoxLayout(self)
        column.setContentsMargins(edge, edge, edge, edge)
        column.setSpacing(self.px(10))
        self.shades = _ShadeField(look, self)
        self.hues = _HueStrip(look, self)
        self.hex_field = LineField("", look, height=28, code=True, parent=self)
        self.hex_field.setAccessibleName("Colour as hex")
        row = QHBoxLayout()
        row.setSpacing(self.px(8))
        self._sample = _Swatches([self._color], look, self)
        self._sample.setFixedWidth(self.px(20))
        row.addWidget(self._sample)
        row.addWidget(self.hex_field)
        for part in (self.shades, self.hues):
            column.addWidget(part)
        column.addLayout(row)
        colors = [color for color in map(parse_color, recent) if color.isValid()]
        self._recent = _Swatches(colors, look, self)
        self._recent.setVisible(bool(colors))
        column.addWidget(self._recent)
        self._has_recent = bool(colors)
        self.shades.picked.connect(self._pick_shade)
        self.hues.picked.connect(self._pick_hue)
        self._recent.picked.connect(self._pick)
        self.hex_field.editingFinished.connect(self._take_hex)
        self._show_color()

    def open_at(self, anchor: QRect) -> None:
        """Come up under ``anchor`` (global screen coordinates)."""
        height = self.px(_FIELD_HEIGHT + _STRIP_HEIGHT + 28 + 20 + 2 * _INSET)
        if self._has_recent:
            height += self.px(30)
        self.open_under(anchor, self.px(_WIDTH), height)
        self.shades.setFocus(Qt.FocusReason.PopupFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keep the colour with Enter, take it back with Escape."""
        if event.key() == Qt.Key.Key_Escape:
            self._pick(QColor(self._before))
            self.close()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.close()
        else:
            super().keyPressEvent(event)

    def finish(self) -> None:
        """Hand the colour over when it is another one."""
        on_choose, self._on_choose = self._on_choose, _ignore
        name = self._color.name()
        if name != self._before:
            self._before = name
            on_choose(name)

    def _pick_shade(self, saturation: float, brightness: float) -> None:
        self.shades.saturation, self.shades.brightness = saturation, brightness
        self._pick_parts()

    def _pick_hue(self, hue: float) -> None:
        self.shades.hue = self.hues.hue = hue
        self._pick_parts()

    def _pick_parts(self) -> None:
        # The parts are kept apart from the colour: grey has no hue, black no saturation.
        shade = self.shades
        self._color = QColor.fromHsvF(shade.hue, shade.saturation, shade.brightness)
        self._show_words()

    def _pick(self, color: QColor) -> None:
        self._color = color
        self._show_color()

    def _take_hex(self) -> None:
        text = self.hex_field.text().strip()
        color = parse_color(text if text.startswith("#") else f"#{text}")
        if color.isValid() and color.name() != self._color.name():
            self._pick(color)
        else:
            self._show_words()

    def _show_color(self) -> None:
        hue = self._color.hueF()
        if hue >= 0:
            self.shades.hue = self.hues.hue = hue
        self.shades.saturation = self._color.hsvSaturationF()
        self.shades.brightness = self._color.valueF()
        self._show_words()

    def _show_words(self) -> None:
        self.hex_field.setText(self._color.name())
        self._sample.set_colors([self._color])
        for part in (self.shades, self.hues, self._sample):
            part.update()
        self.picked.emit(self._color.name())


def _ignore(name: str) -> None:
    """Stand in for a callback that has been let go."""


def _unit(number: float) -> float:
    return min(1.0, max(0.0, number))


def _paint_ring(painter: QPainter, spot: QPointF, radius: float) -> None:
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor(0, 0, 0, 120), 3.5))
    painter.drawEllipse(spot, radius, radius)
    painter.setPen(QPen(QColor(255, 255, 255), 2.0))
    painter.drawEllipse(spot, radius, radius)
