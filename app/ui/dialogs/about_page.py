"""What runs here: versions, device, folders, packs (U-466)."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PySide6.QtCore import QRectF, Qt, qVersion
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QVBoxLayout, QWidget

from app import __version__
from app.ui.run_port import DeviceInfo, PackReport
from app.ui.words import count_words, size_words, tr
from app.widgets.buttons import Button
from app.widgets.icons import icon_pixmap
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text


def version_of(package: str) -> str:
    """Return the version of an installed package without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return tr("not installed")


def facts(device: DeviceInfo, home: Path, packs: list[PackReport]) -> list[tuple[str, str]]:
    """Return everything the page says, as pairs of name and value."""
    rows = [
        ("Easel", __version__),
        ("Python", platform.python_version()),
        ("Qt", f"{qVersion()}  ·  PySide {version_of('PySide6-Essentials')}"),
        ("torch", version_of("torch")),
        (tr("System"), f"{platform.system()} {platform.release()}  ·  {platform.machine()}"),
        *device_facts(device),
    ]
    rows.append((tr("Folder"), str(home)))
    failed = sum(bool(report.problem) for report in packs)
    words = count_words(len(packs), tr("pack"), tr("packs"))
    if failed:
        words += "  ·  " + tr("{count} could not be loaded").format(count=failed)
    rows.append((tr("Node packs"), words))
    rows.append((tr("Program"), sys.executable))
    return rows


def device_facts(device: DeviceInfo) -> list[tuple[str, str]]:
    """Return what is known of the device."""
    rows = [(tr("Device"), device.name or tr("not known yet"))]
    if device.note:
        rows.append((tr("Arithmetic"), device.note))
    if device.video_total:
        rows.append((tr("Graphics memory"), size_words(device.video_total)))
    if device.memory_total:
        rows.append((tr("Memory"), size_words(device.memory_total)))
    return rows


class FactList(Themed, QWidget):
    """Names at the left, values at the right, a line between rows."""

    def __init__(self, rows: list[tuple[str, str]], look: Style) -> None:
        super().__init__()
        self._rows = rows
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(36) * len(self._rows))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the rows."""
        painter = QPainter(self)
        left, right = self.px(32), self.width() - self.px(32)
        for number, (name, value) in enumerate(self._rows):
            top = number * self.px(36)
            painter.fillRect(QRectF(left, top, right - left, 1), self.color("border.subtle"))
            box = QRectF(left, top, right - left, self.px(36))
            font = self.look.font("body")
            paint_text(painter, box, name, font, self.color("text.secondary"))
            box.setLeft(left + self.px(160))
            align = Qt.AlignmentFlag.AlignRight
            paint_text(painter, box, value, font, self.color("text.primary"), align)


class AboutPage(QWidget):
    """The page."""

    def __init__(
        self, device: DeviceInfo, home: Path, packs: list[PackReport], look: Style
    ) -> None:
        super().__init__()
        rows = facts(device, home, packs)
        head = QHBoxLayout()
        head.setContentsMargins(round(32 * look.scale), 4, round(32 * look.scale), 20)
        mark = Words("", look)
        mark.setPixmap(icon_pixmap("app", round(56 * look.scale), look.color("text.primary")))
        head.addWidget(mark)
        head.addSpacing(16)
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(Words("Easel", look, font="title"))
        words = tr("A native node editor for pictures. Open source, Apache 2.0.")
        names.addWidget(Words(words, look, color="text.secondary"))
        head.addLayout(names, 1)
        copy = Button(tr("Copy all"), look, icon="copy")
        text = "\n".join(f"{name}: {value}" for name, value in rows)
        copy.clicked.connect(lambda: QApplication.clipboard().setText(text))
        head.addWidget(copy)
        lay = QVBoxLayout(self)
        lay.setContentsMargins(0, 0, 0, 0)
        lay.setSpacing(0)
        lay.addLayout(head)
        lay.addWidget(FactList(rows, look))
        lay.addStretch(1)
