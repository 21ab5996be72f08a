"""The line at the top of a panel: its name, and buttons at the right."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.widgets.buttons import IconButton
from app.widgets.labels import Words
from app.widgets.style import Style
from app.widgets.themed import Themed


class PanelHeader(Themed, QWidget):
    """The header of a panel, 36 high.

    Args:
        title: Name of the panel.
        look: The style.
        buttons: Shown at the right, in this order.
    """

    def __init__(
        self,
        title: str,
        look: Style,
        buttons: tuple[IconButton, ...] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.title = Words(title, look, font="panelTitle", parent=self)
        layout = QHBoxLayout(self)
        layout.setSpacing(0)
        layout.addWidget(self.title, 1, Qt.AlignmentFlag.AlignVCenter)
        for button in buttons:
            layout.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedHeight(self.px(36))
        self.layout().setContentsMargins(self.px(16), 0, self.px(10), 0)
