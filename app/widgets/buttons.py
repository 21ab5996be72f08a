"""Buttons, chips and switches, painted from the style."""

from __future__ import annotations

import enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import (
    Themed,
    is_keyboard_focus,
    over,
    paint_box,
    paint_ring,
    paint_text,
    text_width,
)

RING = 3
"""Room around a button for its focus ring, in pixels."""


class ChromeButton(Themed, QAbstractButton):
    """A button that is painted by its subclass: Enter presses it, the ring shows keyboard focus.

    Attributes:
        has_ring: Whether the keyboard brought the focus here.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.has_ring = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show the ring only when the focus came by a key."""
        self.has_ring = is_keyboard_focus(event)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take the ring off."""
        self.has_ring = False
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Press with Enter as well as with the space bar."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


class ButtonRole(enum.Enum):
    """What a button is for, and so how it looks."""

    PRIMARY = "primary"
    SECONDARY = "secondary"
    DANGER = "danger"
    QUIET = "quiet"
    LINK = "link"


class Button(ChromeButton):
    """A button with words, an icon, or both.

    Args:
        text: Words on it.
        look: The style.
        role: Its weight; a region has at most one PRIMARY.
        icon: Name of the icon before the words, or empty.
        height: Height in pixels of the design.
        padding: Room left and right of the contents.
    """

    def __init__(
        self,
        text: str,
        look: Style,
        *,
        role: ButtonRole = ButtonRole.SECONDARY,
        icon: str = "",
        height: int = 32,
        padding: int = 12,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._role = role
        self._icon = icon
        self._height = height
        self._padding = padding
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.apply_style(look)

    @property
    def role(self) -> ButtonRole:
        """Its weight."""
        return self._role

    def set_icon_name(self, name: str) -> None:
        """Show another icon."""
        self._icon = name
        self.updateGeometry()
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font("small" if self._role is ButtonRole.LINK else "bodyStrong"))
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the size of its contents."""
        width = text_width(self.font(), self.text())
        if self._icon:
            width += self.px(16) + (self.px(8) if self.text() else 0)
        pad = 0 if self._role is ButtonRole.LINK else self.px(self._padding) * 2
        return QSize(round(width + pad), self.px(self._height))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint ground, border, icon, words and ring."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        radius = self.px(6)
        fill, line, ink = self._colors()
        if self._role is not ButtonRole.LINK:
            paint_box(painter, rect, radius, fill, line)
        self._paint_contents(painter, rect, ink)
        if self.has_ring:
            # Inside the widget's own rectangle, so that no neighbour clips it.
            paint_box(painter, rect, radius, None, self.color("focus.ring"), 2)
            if self._role in (ButtonRole.PRIMARY, ButtonRole.DANGER):
                # A gap, because the ring alone drowns in a filled button.
                gap = rect.adjusted(2, 2, -2, -2)
                paint_box(painter, gap, radius - 2, None, self.color("surface.window"), 1.5)

    def _colors(self) -> tuple[QColor | None, QColor | None, QColor]:
        color = self.color
        pressed = self.isDown()
        hovered = self.underMouse() and self.isEnabled()
        if not self.isEnabled():
            line = color("border.default") if self._role is not ButtonRole.QUIET else None
            return None, line, color("text.disabled")
        if self._role is ButtonRole.PRIMARY:
            name = "accent.fillPressed" if pressed else "accent.fillHover" if hovered else ""
            return color(name or "accent.fill"), None, color("text.onAccent")
        if self._role is ButtonRole.DANGER:
            fill = color("danger.fill")
            if pressed or hovered:
                fill = over(fill, color("state.pressed" if pressed else "state.hover"))
            return fill, None, color("text.onAccent")
        if self._role is ButtonRole.LINK:
            return None, None, color("text.primary" if hovered else "text.secondary")
        state = "state.pressed" if pressed else "state.hover" if hovered else ""
        if self._role is ButtonRole.QUIET:
            return (color(state) if state else None), None, color("text.primary")
        ground = color("surface.raised")
        line = color("border.strong" if state else "border.default")
        return (over(ground, color(state)) if state else ground), line, color("text.primary")

    def _paint_contents(self, painter: QPainter, rect: QRectF, ink: QColor) -> None:
        text = text_width(self.font(), self.text())
        icon = self.px(16) if self._icon else 0
        gap = self.px(8) if icon and self.text() else 0
        left = rect.center().x() - (icon + gap + text) / 2
        if self._role is ButtonRole.LINK:
            left = rect.left()
        if icon:
            center = QPointF(left + icon / 2, rect.center().y())
            is_quiet = self._role is ButtonRole.QUIET and self.isEnabled()
            tone = self.color("text.secondary") if is_quiet and not self.underMouse() else ink
            paint_icon(painter, self._icon, center, icon, tone)
        box = QRectF(left + icon + gap, rect.top(), text + 1, rect.height())
        paint_text(painter, box, self.text(), self.font(), ink)


class IconButton(ChromeButton):
    """A square button with an icon; its tooltip says what it does.

    Args:
        icon: Name of the icon.
        tip: Words of the tooltip and for screen readers.
        look: The style.
        size: Side in pixels of the design.
        icon_px: Side of the icon.
        tone: Colour of the icon at rest.
        tone_on: Its colour while the button is checked.
    """

    def __init__(
        self,
        icon: str,
        tip: str,
        look: Style,
        *,
        size: int = 28,
        icon_px: int = 16,
        tone: str = "text.secondary",
        tone_on: str = "text.primary",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._size = size
        self._icon_px = icon_px
        self._tone = tone
        self._tone_on = tone_on
        self.setToolTip(tip)
        self.setAccessibleName(tip)
        self.apply_style(look)

    @property
    def icon_name(self) -> str:
        """Name of the icon that is shown."""
        return self._icon

    def set_icon_name(self, name: str) -> None:
        """Show another icon."""
        self._icon = name
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.px(self._size), self.px(self._size))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground of its state, then the icon."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        hovered = self.underMouse() and self.isEnabled()
        fill = None
        if self.isDown():
            fill = self.color("state.pressed")
        elif self.isChecked():
            fill = self.color("state.selected")
        elif hovered:
            fill = self.color("state.hover")
        if fill is not None:
            paint_box(painter, rect, self.px(6), fill)
        name = self._tone_on if self.isChecked() else self._tone
        name = "text.primary" if hovered else name
        ink = self.color(name if self.isEnabled() else "text.disabled")
        paint_icon(painter, self._icon, rect.center(), self.px(self._icon_px), ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)


class Chip(ChromeButton):
    """A small button that is on or off: filters of a list."""

    def __init__(
        self, text: str, look: Style, *, removable: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._is_removable = removable
        self.setText(text)
        self.setCheckable(not removable)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFont(look.font("smallStrong"))
        self.setFixedSize(self.sizeHint())

    def sizeHint(self) -> QSize:
        """Return the size of its words."""
        width = text_width(self.font(), self.text()) + self.px(20)
        return QSize(round(width + (self.px(18) if self._is_removable else 0)), self.px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a border when off and a filled shape when on."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        is_on = self.isChecked() or self._is_removable
        hovered = self.underMouse() and self.isEnabled()
        if is_on:
            paint_box(painter, rect, self.px(6), self.color("state.pressed"))
        else:
            fill = self.color("state.hover") if hovered else None
            line = self.color("border.strong" if hovered else "border.default")
            paint_box(painter, rect, self.px(6), fill, line)
        ink = self.color("text.primary" if is_on or hovered else "text.secondary")
        box = rect.adjusted(self.px(10), 0, 0, 0)
        paint_text(painter, box, self.text(), self.font(), ink)
        if self._is_removable:
            center = QPointF(rect.right() - self.px(14), rect.center().y())
            paint_icon(painter, "x", center, self.px(14), ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)


class Switch(ChromeButton):
    """An on-off switch."""

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.px(32) + 2 * RING, self.px(18) + 2 * RING)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the track and the knob."""
        painter = QPainter(self)
        rect = QRectF(self.rect()).adjusted(RING, RING, -RING, -RING)
        is_on = self.isChecked()
        track = self.color("accent.fill") if is_on else self.color("border.strong")
        if not self.isEnabled():
            track = self.color("border.default")
        elif self.underMouse():
            track = (
                self.color("accent.fillHover") if is_on else over(track, self.color("state.hover"))
            )
        paint_box(painter, rect, rect.height() / 2, track)
        side = rect.height() - self.px(4)
        left = rect.right() - side - self.px(2) if is_on else rect.left() + self.px(2)
        knob = QRectF(left, rect.top() + self.px(2), side, side)
        ink = self.color("text.onAccent" if self.isEnabled() else "text.disabled")
        paint_box(painter, knob, side / 2, ink)
        if self.has_ring:
            paint_ring(painter, rect, rect.height() / 2, self.look)
