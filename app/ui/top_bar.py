"""The bar over everything: menus, what runs now, and the buttons that run and stop."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QIntValidator,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QMenu,
    QMenuBar,
    QSizePolicy,
    QSpacerItem,
    QWidget,
)

from app.ui.words import tr
from app.widgets.buttons import Button, ChromeButton, IconButton
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import Themed, elided, is_keyboard_focus, paint_box, paint_text, text_width


class TopBar(Themed, QWidget):
    """The top bar.

    Attributes:
        menu_bar: The menus; moved to the system's bar on macOS.
        count: How many runs one press queues.
        run_button: Run, with the arrow for more ways to run.
        stop_button: Stop.
        panel_button: Shows and hides the right panel.

    Signals:
        words_clicked: The words about the running job were clicked.
    """

    words_clicked = Signal()

    def __init__(self, look: Style, run_menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._strong = ""
        self._more = ""
        self._is_error = False
        self._fraction = -2.0
        self.menu_bar = QMenuBar(self)
        self.menu_bar.setNativeMenuBar(False)
        self.count = CountField(look, self)
        self.run_button = RunButton(look, run_menu, self)
        self.stop_button = Button(tr("Stop"), look, icon="stop-solid", padding=10, parent=self)
        self.panel_button = IconButton(
            "panel-right", tr("Right panel"), look, tone_on="text.secondary", parent=self
        )
        self.panel_button.setCheckable(True)
        layout = QHBoxLayout(self)
        layout.setSpacing(0)
        layout.addWidget(self.menu_bar, 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addStretch(1)
        self._gaps: list[tuple[QSpacerItem, int]] = []
        for part, gap in (
            (self.count, 8), (self.run_button, 8), (self.stop_button, 24), (self.panel_button, 0),
        ):  # fmt: skip
            layout.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
            spacer = QSpacerItem(gap, 0)
            layout.addItem(spacer)
            self._gaps.append((spacer, gap))
        self.apply_style(look)

    @property
    def words(self) -> tuple[str, str]:
        """What is said about the running job: the strong part and the quieter rest."""
        return self._strong, self._more

    @property
    def fraction(self) -> float:
        """Progress shown by the line: 0 to 1, -1 while it cannot be told, -2 when nothing runs."""
        return self._fraction

    def show_job(self, words: str, fraction: float) -> None:
        """Show what runs now; empty words when nothing does."""
        self._strong, _, self._more = words.partition("\n")
        self._is_error = False
        self._fraction = fraction if words else -2.0
        self.update()

    def show_error(self, words: str) -> None:
        """Show that the last run failed, until the next one."""
        self._strong, self._more = words, ""
        self._is_error = True
        self._fraction = -2.0
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(48))
        self.stop_button.setFixedSize(self.px(76), self.px(32))
        self.menu_bar.setStyleSheet(_menu_sheet(self))
        self.menu_bar.setFont(look.font("body"))
        layout = self.layout()
        layout.setContentsMargins(self.px(48), 0, self.px(12), 2)
        for spacer, gap in self._gaps:
            spacer.changeSize(self.px(gap), 0)
        layout.invalidate()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell when the words are clicked."""
        if self._strong and self._words_box().contains(event.position()):
            self.words_clicked.emit()
        super().mousePressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground, the mark, the words and the job line."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        painter.fillRect(rect, self.color("surface.window"))
        if self.menu_bar.isVisible():
            mark = self.px(24)
            center = QPointF(self.px(24), (rect.height() - 2) / 2 + 1)
            paint_icon(painter, "mark", center, mark, self.color("text.primary"))
        x = self.panel_button.x() - self.px(12)
        painter.fillRect(
            QRectF(x, self.px(16), 1, rect.height() - self.px(32)), self.color("border.default")
        )
        self._paint_words(painter)
        self._paint_line(painter, rect)

    def _words_box(self) -> QRectF:
        right = self.count.x() - self.px(20)
        left = self.menu_bar.geometry().right() + self.px(20)
        return QRectF(left, 0, max(0, right - left), self.height() - 2)

    def _paint_words(self, painter: QPainter) -> None:
        box = self._words_box()
        if not self._strong or box.width() < self.px(60):
            return
        strong, body = self.look.font("bodyStrong"), self.look.font("body")
        parts = [part for part in self._more.split("\n") if part]
        widths = [text_width(body, part) + self.px(16) for part in parts]
        icon = self.px(24) if self._is_error else 0
        head = elided(strong, self._strong, box.width() - icon - sum(widths))
        left = box.right() - sum(widths) - text_width(strong, head)
        if self._is_error:
            center = QPointF(left - self.px(16), box.center().y())
            paint_icon(painter, "circle-alert", center, self.px(16), self.color("danger.line"))
        ink = self.color("danger.text" if self._is_error else "text.primary")
        head_box = QRectF(left, box.top(), text_width(strong, head) + 1, box.height())
        paint_text(painter, head_box, head, strong, ink)
        x = head_box.right() - 1
        for index, (part, width) in enumerate(zip(parts, widths, strict=True)):
            tone = "text.secondary" if index == 0 else "text.tertiary"
            line = QRectF(x + self.px(16), box.top(), width, box.height())
            paint_text(painter, line, part, body, self.color(tone))
            x += width

    def _paint_line(self, painter: QPainter, rect: QRectF) -> None:
        line = QRectF(0, rect.bottom() - 2, rect.width(), 2)
        if self._fraction < -1:
            painter.fillRect(line.adjusted(0, 1, 0, 0), self.color("border.subtle"))
            return
        painter.fillRect(line, self.color("accent.track"))
        if self._fraction > 0:
            line.setWidth(rect.width() * min(1.0, self._fraction))
            painter.fillRect(line, self.color("accent.line"))


def _menu_sheet(part: Themed) -> str:
    secondary, primary = part.color("text.secondary"), part.color("text.primary")
    hover = part.color("state.hover")
    return (
        "QMenuBar { background: transparent; border: none; spacing: 0; padding: 0; }"
        f"QMenuBar::item {{ background: transparent; color: {secondary.name()};"
        f" padding: {part.px(6)}px {part.px(11)}px {part.px(6)}px {part.px(12)}px;"
        f" border-radius: {part.px(6)}px; }}"
        "QMenuBar::item:selected, QMenuBar::item:pressed {"
        f" background: {_rgba(hover)}; color: {primary.name()}; }}"
    )


def _rgba(color: QColor) -> str:
    return f"rgba({color.red()}, {color.green()}, {color.blue()}, {color.alpha()})"


class RunButton(ChromeButton):
    """The one filled button of the bar; its right end opens more ways to run.

    Signals:
        run_requested: Its left part was pressed; True with Shift held (run first, U-321).
    """

    run_requested = Signal(bool)

    def __init__(self, look: Style, menu: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._menu = menu
        self._shift = False
        self._over_split = False
        self.setText(tr("Run"))
        self.setAccessibleName(tr("Run"))
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._on_clicked)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.px(112), self.px(32))

    def open_menu(self) -> None:
        """Open the list of ways to run."""
        self._menu.popup(self.mapToGlobal(QPoint(0, self.height() + self.px(4))))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Open the menu at the right end, else press as usual."""
        if self._is_split(event) and event.button() == Qt.MouseButton.LeftButton:
            self.open_menu()
            return
        self._shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Follow which of the two parts is hovered."""
        over = self._is_split(event)
        if over != self._over_split:
            self._over_split = over
            self.update()
        super().mouseMoveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the menu with the down key."""
        self._shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        if event.key() == Qt.Key.Key_Down:
            self.open_menu()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint both parts."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        split = self.px(80)
        if self.isEnabled():
            self._paint_ground(painter, rect, split)
            ink = self.color("text.onAccent")
            line = QColor(ink)
            line.setAlphaF(0.25)
            painter.fillRect(QRectF(split, 0, 1, rect.height()), line)
        else:
            ink = self.color("text.disabled")
            paint_box(painter, rect, self.px(6), None, self.color("border.default"))
            line = self.color("border.default")
            painter.fillRect(QRectF(split, 1, 1, rect.height() - 2), line)
        font = self.look.font("bodyStrong")
        text = text_width(font, self.text())
        left = (split - text - self.px(16) - self.px(8)) / 2
        center = QPointF(left + self.px(8), rect.center().y())
        paint_icon(painter, "play-solid", center, self.px(14), ink)
        box = QRectF(left + self.px(24), 0, text + 2, rect.height())
        paint_text(painter, box, self.text(), font, ink)
        arrow = QPointF(split + (rect.width() - split) / 2, rect.center().y())
        paint_icon(painter, "chevron-down", arrow, self.px(16), ink)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("text.primary"), 2)

    def _paint_ground(self, painter: QPainter, rect: QRectF, split: int) -> None:
        paint_box(painter, rect, self.px(6), self.color("accent.fill"))
        if not self.underMouse() and not self.isDown():
            return
        painter.save()
        part = QRectF(rect)
        if self._over_split:
            part.setLeft(split)
        else:
            part.setRight(split)
        painter.setClipRect(part)
        name = "accent.fillPressed" if self.isDown() else "accent.fillHover"
        paint_box(painter, rect, self.px(6), self.color(name))
        painter.restore()

    def _is_split(self, event: QMouseEvent) -> bool:
        return event.position().x() >= self.px(80)

    def _on_clicked(self) -> None:
        self.run_requested.emit(self._shift)
        self._shift = False


class CountField(Themed, QWidget):
    """How many runs one press queues (U-322): type, wheel, arrows.

    Signals:
        value_changed: The number is another one.
    """

    value_changed = Signal(int)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._value = 1
        self._maximum = 100
        self._has_focus = False
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setToolTip(tr("Runs to queue"))
        self._edit = _CountEdit(self)
        self._edit.setObjectName("countField")
        self._edit.setAccessibleName(tr("Runs to queue"))
        self._edit.setFrame(False)
        self._edit.setText("1")
        self._edit.setValidator(QIntValidator(1, 9999, self._edit))
        self._edit.editingFinished.connect(self._take_text)
        self._edit.stepped.connect(lambda step: self.set_value(self._value + step))
        self._edit.focus_changed.connect(self._on_focus)
        self.setFocusProxy(self._edit)
        self.apply_style(look)

    @property
    def value(self) -> int:
        """The number."""
        return self._value

    def set_value(self, value: int) -> None:
        """Show another number, held to the range."""
        value = min(max(1, value), self._maximum)
        self._edit.setText(str(value))
        if value != self._value:
            self._value = value
            self.value_changed.emit(value)
        self.update()

    def set_maximum(self, value: int) -> None:
        """Set the greatest number."""
        self._maximum = max(1, value)
        self.set_value(self._value)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.px(72), self.px(32))
        self._edit.setFont(look.font("bodyStrong"))
        self._edit.setGeometry(self.px(24), self.px(4), self.px(28), self.px(24))

    def sizeHint(self) -> QSize:
        """Return its fixed size."""
        return QSize(self.px(72), self.px(32))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Count up and down."""
        self.set_value(self._value + (1 if event.angleDelta().y() > 0 else -1))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Step with the two arrows."""
        if event.position().x() >= self.px(50):
            up = event.position().y() < self.height() / 2
            self.set_value(self._value + (1 if up else -1))
        else:
            self._edit.setFocus(Qt.FocusReason.MouseFocusReason)
            self._edit.selectAll()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the box, the sign and the arrows."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        hovered = self.underMouse() and self.isEnabled()
        line = "border.strong" if hovered else "border.default"
        fill = self.color("surface.fieldHover" if hovered else "surface.field")
        if self._has_focus:
            paint_box(painter, rect, self.px(6), fill, self.color("focus.ring"), 1.5)
        else:
            paint_box(painter, rect, self.px(6), fill, self.color(line))
        ink = self.color("text.secondary" if self.isEnabled() else "text.disabled")
        middle = rect.center().y()
        tone = self.color("text.tertiary") if self.isEnabled() else ink
        paint_icon(painter, "x", QPointF(self.px(16), middle), self.px(14), tone)
        x = rect.right() - self.px(14)
        paint_icon(painter, "chevron-up", QPointF(x, middle - self.px(6)), self.px(14), ink)
        paint_icon(painter, "chevron-down", QPointF(x, middle + self.px(6)), self.px(14), ink)

    def _take_text(self) -> None:
        text = self._edit.text()
        self.set_value(int(text) if text.isdigit() else 1)

    def _on_focus(self, has_focus: bool) -> None:
        self._has_focus = has_focus
        self.update()


class _CountEdit(QLineEdit):
    """The digits of the count."""

    stepped = Signal(int)
    focus_changed = Signal(bool)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Step with the arrow keys."""
        steps = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10,
                 Qt.Key.Key_PageDown: -10}  # fmt: skip
        if event.key() in steps:
            self.stepped.emit(steps[Qt.Key(event.key())])
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Select all when the keyboard comes here."""
        super().focusInEvent(event)
        if is_keyboard_focus(event):
            self.selectAll()
        self.focus_changed.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Tell the frame."""
        super().focusOutEvent(event)
        self.focus_changed.emit(False)
