"""The narrow column at the left: one icon for each panel, and log, help and settings below."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.buttons import IconButton
from app.widgets.style import Style
from app.widgets.themed import Themed


class IconRail(Themed, QWidget):
    """The rail.

    Args:
        top: ``(name, icon, tooltip)`` of the panels.
        foot: The same for the icons at the foot.
        look: The style.

    Signals:
        pressed: Name of the icon that was pressed.
    """

    pressed = Signal(str)

    def __init__(
        self,
        top: list[tuple[str, str, str]],
        foot: list[tuple[str, str, str]],
        look: Style,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.buttons: dict[str, IconButton] = {}
        layout = QVBoxLayout(self)
        layout.setSpacing(4)
        for name, icon, tip in top:
            layout.addWidget(self._make(name, icon, tip, look), 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)
        for name, icon, tip in foot:
            layout.addWidget(self._make(name, icon, tip, look), 0, Qt.AlignmentFlag.AlignHCenter)
        self.apply_style(look)

    def set_open(self, names: set[str]) -> None:
        """Show which panels are open."""
        for name, button in self.buttons.items():
            button.setChecked(name in names)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedWidth(self.px(48))
        layout = self.layout()
        layout.setSpacing(self.px(4))
        layout.setContentsMargins(0, self.px(8), 0, self.px(10))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground and the hairline."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        painter.fillRect(rect, self.color("surface.window"))
        painter.fillRect(QRectF(rect.right() - 1, 0, 1, rect.height()), self.color("border.subtle"))

    def _make(self, name: str, icon: str, tip: str, look: Style) -> IconButton:
        button = IconButton(icon, tip, look, size=36, icon_px=20, tone="text.tertiary", parent=self)
        button.setCheckable(True)
        # The window decides what is open; a click alone must not change the look.
        button.clicked.connect(lambda checked=False: self._on_clicked(name, checked))
        self.buttons[name] = button
        return button

    def _on_clicked(self, name: str, checked: bool) -> None:
        self.buttons[name].setChecked(not checked)
        self.pressed.emit(name)
