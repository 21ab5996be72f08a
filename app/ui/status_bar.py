"""The line at the foot: device and memory at the left, problems, queue and nodes at the right."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Signal
from PySide6.QtGui import QFont, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.ui.run_port import DeviceInfo, JobRow, JobState
from app.ui.words import count_words, size_words, tr
from app.widgets.buttons import ChromeButton
from app.widgets.icons import paint_icon
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_bar, paint_box, paint_text, text_width

_FULL = 0.9
"""From here on a memory bar is amber."""


class StatusBar(Themed, QWidget):
    """The status bar.

    Signals:
        problems_clicked, queue_clicked: One of its two buttons was pressed.
    """

    problems_clicked = Signal()
    queue_clicked = Signal()

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._device = DeviceInfo()
        self.problems = StatusButton("circle-alert", look, self)
        self.queue = StatusButton("list", look, self)
        self.nodes = StatusButton("", look, self)
        self.nodes.setEnabled(False)
        self.problems.hide()
        self.problems.clicked.connect(self.problems_clicked)
        self.queue.clicked.connect(self.queue_clicked)
        layout = QHBoxLayout(self)
        layout.addStretch(1)
        for part in (self.problems, self.queue, self.nodes):
            layout.addWidget(part)
        self.apply_style(look)

    def show_device(self, device: DeviceInfo) -> None:
        """Show the device and how full its memory is."""
        self._device = device
        tips = [device.name, device.note, _models_words(device)]
        self.setToolTip("\n".join(tip for tip in tips if tip))
        self.update()

    def show_problems(self, count: int) -> None:
        """Show the number of problems; nothing when there are none."""
        self.problems.setVisible(count > 0)
        self.problems.show_words(count_words(count, tr("problem"), tr("problems")), is_danger=True)

    def show_jobs(self, rows: list[JobRow], is_paused: bool) -> None:
        """Show how many jobs run and wait."""
        running = sum(row.state is JobState.RUNNING for row in rows)
        waiting = sum(row.state is JobState.WAITING for row in rows)
        parts = []
        if running:
            parts.append(tr("{count} running").format(count=running))
        if waiting:
            parts.append(tr("{count} waiting").format(count=waiting))
        if is_paused:
            parts.append(tr("paused"))
        text = ", ".join(parts) or tr("Idle")
        self.queue.show_words(text[0].upper() + text[1:])

    def show_nodes(self, count: int | None) -> None:
        """Show the number of nodes; None when no document is open."""
        self.queue.setVisible(count is not None)
        if count is None:
            self.nodes.show_words(tr("Ready"))
        else:
            self.nodes.show_words(count_words(count, tr("node"), tr("nodes")))

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(28))
        layout = self.layout()
        layout.setContentsMargins(0, 1, self.px(8), 0)
        layout.setSpacing(self.px(4))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground and the left half."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        painter.fillRect(rect, self.color("surface.window"))
        painter.fillRect(QRectF(0, 0, rect.width(), 1), self.color("border.subtle"))
        device = self._device
        if not device.name:
            return
        font = self.look.font("small")
        middle = rect.center().y() + 0.5
        ink = self.color("text.secondary")
        paint_icon(painter, "cpu", QPointF(self.px(23), middle), self.px(14), ink)
        x = self._text(painter, self.px(36), device.name, "text.secondary")
        if device.note:
            x = self._text(painter, x + self.px(12), device.note, "text.tertiary")
        parts = (self.problems, self.queue, self.nodes)
        limit = min(part.x() for part in parts if not part.isHidden())
        for label, used, total in (
            (tr("VRAM"), device.video_used, device.video_total),
            (tr("RAM"), device.memory_used, device.memory_total),
        ):
            if total <= 0:
                continue
            x = self._text(painter, x + self.px(20), label, "text.tertiary")
            bar = QRectF(x + self.px(12), round(middle) - self.px(2), self.px(48), self.px(4))
            share = used / total
            fill = self.color("warning.line" if share > _FULL else "text.secondary")
            paint_bar(painter, bar, share, fill, self.color("border.default"))
            words = f"{_short(used)} / {_short(total)} GB"
            width = text_width(font, words)
            if bar.right() + width + self.px(8) > limit:
                return
            x = self._text(painter, bar.right() + self.px(8), words, "text.secondary")
        words = tr("Models {size}").format(size=size_words(device.models))
        if device.models > 0 and x + self.px(28) + text_width(font, words) <= limit:
            self._text(painter, x + self.px(20), words, "text.tertiary")

    def _text(self, painter: QPainter, x: float, text: str, color: str) -> float:
        font = self.look.font("small")
        width = text_width(font, text)
        box = QRectF(x, 1, width + 1, self.height() - 1)
        paint_text(painter, box, text, font, self.color(color))
        return x + width


def _models_words(device: DeviceInfo) -> str:
    """Return what models take and whether some are slow for want of memory, or nothing."""
    if device.models <= 0 and not device.streamed:
        return ""
    text = tr("Models take {size}.").format(size=size_words(device.models))
    if device.streamed:
        text += " " + tr("What does not fit is read layer by layer, which is slower.")
    return text


def _short(size_bytes: int) -> str:
    value = size_bytes / 2**30
    return f"{value:.1f}" if value < 9.95 else f"{value:.0f}"


class StatusButton(ChromeButton):
    """Words at the foot that lead somewhere."""

    def __init__(self, icon: str, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = icon
        self._is_danger = False
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.apply_style(look)

    def show_words(self, text: str, *, is_danger: bool = False) -> None:
        """Show other words."""
        self._is_danger = is_danger
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
            self.updateGeometry()
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        """Return the size of its words."""
        width = text_width(self._font(), self.text()) + self.px(16)
        return QSize(round(width + (self.px(20) if self._icon else 0)), self.px(24))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint a ground under the pointer, then icon and words."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isEnabled() and (self.underMouse() or self.isDown()):
            name = "state.pressed" if self.isDown() else "state.hover"
            paint_box(painter, rect, self.px(4), self.color(name))
        tone = "danger.text" if self._is_danger else "text.secondary"
        left = self.px(8)
        if self._icon:
            ink = self.color("danger.line" if self._is_danger else "text.secondary")
            center = QPointF(left + self.px(7), rect.center().y())
            paint_icon(painter, self._icon, center, self.px(14), ink)
            left += self.px(20)
        box = rect.adjusted(left, 0, 0, 0)
        paint_text(painter, box, self.text(), self._font(), self.color(tone))
        if self.has_ring:
            paint_box(painter, rect, self.px(4), None, self.color("focus.ring"), 2)

    def _font(self) -> QFont:
        return self.look.font("smallStrong" if self._is_danger else "small")
