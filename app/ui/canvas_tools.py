"""The two small groups of tools that float over the canvas: pointer, and zoom."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from app.ui.menu import Menu
from app.ui.shadows import Floating
from app.ui.words import tr
from app.widgets.buttons import ChromeButton, IconButton
from app.widgets.style import Style
from app.widgets.themed import paint_box, paint_text

SELECT, HAND = "select", "hand"


class PointerTools(Floating):
    """Select or hand (U-017).

    Signals:
        tool_requested: ``"select"`` or ``"hand"``.
    """

    tool_requested = Signal(str)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(look, level=2, radius=8, parent=parent)
        self.buttons = {
            SELECT: IconButton("mouse-pointer-2", tr("Select"), look, parent=self),
            HAND: IconButton("hand", tr("Move the view"), look, parent=self),
        }
        for name, button in self.buttons.items():
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, tool=name: self.tool_requested.emit(tool))
        self.show_tool(SELECT)
        self.apply_style(look)

    def show_tool(self, name: str) -> None:
        """Show which tool is in use."""
        for key, button in self.buttons.items():
            button.setChecked(key == name)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.set_inner_size(self.px(72), self.px(32))
        for name, x in ((SELECT, 6), (HAND, 38)):
            place = self.inner().topLeft().toPoint() + QPoint(self.px(x), self.px(2))
            self.buttons[name].move(place)


class ZoomLabel(ChromeButton):
    """The percentage; a click opens the menu of zooms (U-012)."""

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolTip(tr("Zoom"))
        self.apply_style(look)

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.setFixedSize(self.px(52), self.px(28))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the number."""
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.underMouse() or self.isDown():
            paint_box(painter, rect, self.px(6), self.color("state.hover"))
        font, ink = self.look.font("bodyStrong"), self.color("text.primary")
        paint_text(painter, rect, self.text(), font, ink, Qt.AlignmentFlag.AlignHCenter)
        if self.has_ring:
            paint_box(painter, rect, self.px(6), None, self.color("focus.ring"), 2)


class ZoomTools(Floating):
    """Zoom out, percentage, zoom in, fit, map.

    Signals:
        command_requested: Id of a view command.
        zoom_requested: A scale that was typed or chosen.
    """

    command_requested = Signal(str)
    zoom_requested = Signal(float)

    def __init__(self, look: Style, parent: QWidget | None = None) -> None:
        super().__init__(look, level=2, radius=8, parent=parent)
        self._menu: Menu | None = None
        self.label = ZoomLabel(look, self)
        self.label.clicked.connect(self.open_menu)
        self.buttons: dict[str, IconButton] = {}
        for name, icon, tip in (
            ("view.zoom_out", "minus", tr("Zoom out")),
            ("view.zoom_in", "plus", tr("Zoom in")),
            ("view.fit", "scan", tr("Fit to view")),
            ("view.map", "map", tr("Map")),
        ):
            button = IconButton(icon, tip, look, parent=self)
            button.clicked.connect(lambda _=False, command=name: self._on_clicked(command))
            self.buttons[name] = button
        self.buttons["view.map"].setCheckable(True)
        self.show_zoom(1.0)
        self.apply_style(look)

    def show_zoom(self, scale: float) -> None:
        """Show a scale as per cent."""
        self.label.setText(f"{round(scale * 100)}%")
        self.label.setAccessibleName(tr("Zoom {percent}").format(percent=self.label.text()))
        self.label.update()

    def show_map(self, is_shown: bool) -> None:
        """Show whether the map is there."""
        self.buttons["view.map"].setChecked(is_shown)

    def open_menu(self) -> Menu:
        """Open the menu of zooms, with a field to type one."""
        from PySide6.QtWidgets import QWidgetAction

        menu = Menu(self)
        field = QLineEdit(self.label.text(), menu)
        field.selectAll()
        holder = QWidgetAction(menu)
        holder.setDefaultWidget(field)
        menu.addAction(holder)
        menu.addSeparator()
        for percent in (25, 50, 75, 100, 150, 200):
            menu.addAction(f"{percent}%", lambda value=percent: self._choose(value / 100))
        menu.addSeparator()
        menu.addAction(tr("Fit to view"), lambda: self.command_requested.emit("view.fit"))
        field.returnPressed.connect(lambda: self._type(menu, field.text()))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(self.label.mapToGlobal(QPoint(0, -menu.sizeHint().height() - self.px(8))))
        field.setFocus()
        return menu

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        self.set_inner_size(self.px(200), self.px(32))
        places = {"view.zoom_out": 6, "view.zoom_in": 86, "view.fit": 126, "view.map": 158}
        origin = self.inner().topLeft().toPoint()
        for name, x in places.items():
            self.buttons[name].move(origin + QPoint(self.px(x), self.px(2)))
        self.label.move(origin + QPoint(self.px(34), self.px(2)))

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the ground and the line between zoom and fit."""
        super().paintEvent(event)
        painter = QPainter(self)
        inner = self.inner()
        line = QRectF(inner.left() + self.px(120), inner.top() + self.px(8), 1, self.px(16))
        painter.fillRect(line, self.color("border.default"))

    def _on_clicked(self, name: str) -> None:
        if name == "view.map":
            button = self.buttons[name]
            button.setChecked(not button.isChecked())
        self.command_requested.emit(name)

    def _choose(self, scale: float) -> None:
        self.zoom_requested.emit(scale)

    def _type(self, menu: Menu, text: str) -> None:
        try:
            percent = float(text.strip().rstrip("%").replace(",", "."))
        except ValueError:
            return
        menu.close()
        if 1 <= percent <= 10000:
            self._choose(percent / 100)
