"""How the node packs loaded (U-369)."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.run_port import PackReport
from app.ui.words import count_words, tr
from app.widgets.buttons import IconButton
from app.widgets.icons import paint_icon
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text


class PackRow(Themed, QWidget):
    """One pack: its name, and what it brought or why it failed."""

    def __init__(self, report: PackReport, look: Style) -> None:
        super().__init__()
        self._report = report
        self._lay = QHBoxLayout(self)
        self._lay.addStretch(1)
        if report.details:
            copy = IconButton("copy", tr("Copy the details"), look)
            copy.clicked.connect(lambda: QApplication.clipboard().setText(report.details))
            self._lay.addWidget(copy)
        self.setToolTip(report.problem)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(52))
        self._lay.setContentsMargins(self.px(32), 0, self.px(32), 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint line, sign, name and words."""
        painter = QPainter(self)
        report = self._report
        left, right = self.px(32), self.width() - self.px(32)
        painter.fillRect(QRectF(left, 0, right - left, 1), self.color("border.subtle"))
        failed = bool(report.problem)
        name, tone = ("circle-alert", "danger.line") if failed else ("package", "text.secondary")
        center = QPointF(left + self.px(8), self.px(18))
        paint_icon(painter, name, center, self.px(16), self.color(tone))
        box = QRectF(left + self.px(28), self.px(7), right - left - self.px(64), self.px(20))
        ink = self.color("text.primary")
        paint_text(painter, box, report.name, self.look.font("bodyStrong"), ink)
        box.translate(0, self.px(18))
        nodes = count_words(report.nodes, tr("node"), tr("nodes"))
        words = report.problem or tr("{nodes}, loaded in {seconds:.1f} s").format(
            nodes=nodes, seconds=report.seconds
        )
        ink = self.color("danger.text" if failed else "text.secondary")
        paint_text(painter, box, words, self.look.font("small"), ink)


class PacksList(QWidget):
    """All packs, those that failed first."""

    def __init__(self, reports: list[PackReport], look: Style) -> None:
        super().__init__()
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        inset = round(32 * look.scale)
        if not reports:
            words = Words(tr("No packs are installed"), look, color="text.tertiary")
            words.setContentsMargins(inset, 12, inset, 12)
            lay.addWidget(words)
        for report in sorted(reports, key=lambda item: (not item.problem, item.name.casefold())):
            lay.addWidget(PackRow(report, look))
