"""Rows of the settings: name and meaning at the left, the control of its kind at the right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.engine.errors import SettingsError
from app.engine.settings import Setting, SettingKind, Settings
from app.ui.menu import Menu
from app.ui.words import tr
from app.widgets.buttons import RING, Button, ButtonRole, IconButton, Switch
from app.widgets.choosers import ComboField, SliderField
from app.widgets.fields import LineField
from app.widgets.labels import paint_dot
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.style import Style
from app.widgets.themed import Themed, paint_text

ROW = 60
_SLIDER_STEPS = 120
"""A number with more steps than this is typed, because a slider would be too coarse."""


class SettingRow(Themed, QWidget):
    """One row.

    Args:
        row: The setting.
        settings: Where its value is kept.
        look: The style.
    """

    def __init__(self, row: Setting, settings: Settings, look: Style) -> None:
        super().__init__()
        self.row = row
        self._settings = settings
        self.control, self._show = _make_control(row, settings, look)
        name = self.control.accessibleName() or tr(row.title)
        self.control.setAccessibleName(name)
        self.setToolTip(self._tip())
        self._lay = QHBoxLayout(self)
        self._lay.addStretch(1)
        self._lay.addWidget(self.control, 0, Qt.AlignmentFlag.AlignVCenter)
        self.apply_style(look)

    def refresh(self) -> None:
        """Show the present value."""
        self._show(self._settings.get(self.row.name))
        self.update()

    def apply_style(self, look: Style) -> None:
        """Take another style."""
        super().apply_style(look)
        is_tall = self.row.kind is SettingKind.FOLDERS
        self.setMinimumHeight(self.px(ROW))
        if not is_tall:
            self.setFixedHeight(self.px(ROW))
        # A switch keeps room for its ring, which must not move it away from the edge.
        ring = RING if self.row.kind is SettingKind.SWITCH else 0
        self._lay.setContentsMargins(self.px(32), 0, self.px(32) - ring, 0)

    def contextMenuEvent(self, event: Any) -> None:
        """Offer the default."""
        menu = Menu(self)
        action = menu.addAction(tr("Reset"), lambda: self._settings.reset(self.row.name))
        action.setEnabled(self._settings.is_changed(self.row.name))
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(event.globalPos())

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Go back to the default by a double click on the dot."""
        if event.position().x() < self.px(32) and self._settings.is_changed(self.row.name):
            self._settings.reset(self.row.name)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint line, dot, name and meaning."""
        painter = QPainter(self)
        left, right = self.px(32), self.width() - self.px(32)
        painter.fillRect(QRectF(left, 0, right - left, 1), self.color("border.subtle"))
        if self._settings.is_changed(self.row.name):
            center = QPointF(left - self.px(11), self.px(20.5))
            paint_dot(painter, center, self.px(3), self.color("accent.line"))
        room = max(self.px(80), self.control.x() - left - self.px(16))
        title = QRectF(left, self.px(10), room, self.px(20))
        ink = self.color("text.primary")
        paint_text(painter, title, tr(self.row.title), self.look.font("bodyStrong"), ink)
        meaning = QRectF(left, self.px(29), room, self.px(20))
        words = tr(self.row.sentence)
        if self.row.needs_restart:
            words += " " + tr("From the next start on.")
        ink = self.color("text.secondary")
        paint_text(painter, meaning, words, self.look.font("small"), ink)

    def _tip(self) -> str:
        return tr("{sentence}\nDefault: {value}").format(
            sentence=tr(self.row.sentence), value=shown_value(self.row, self.row.default)
        )


def shown_value(row: Setting, value: Any) -> str:
    """Return a value as the artist reads it."""
    if row.kind is SettingKind.SWITCH:
        return tr("on") if value else tr("off")
    if row.kind is SettingKind.CHOICE:
        return tr(next(words for choice, words in row.choices if choice == value))
    if row.kind in (SettingKind.INTEGER, SettingKind.NUMBER):
        number = f"{value * row.factor:.4g}"
        return f"{number}{'' if row.unit == '%' else ' '}{row.unit}".strip()
    if row.kind is SettingKind.FOLDERS:
        return ", ".join(value) or tr("none")
    raise ValueError(f"{row.name} has a kind without words: {row.kind}")


Maker = Callable[[Setting, Settings, Style], tuple[QWidget, Callable[[Any], None]]]


def _make_control(
    row: Setting, settings: Settings, look: Style
) -> tuple[QWidget, Callable[[Any], None]]:
    makers: dict[SettingKind, Maker] = {
        SettingKind.SWITCH: _switch,
        SettingKind.CHOICE: _choice,
        SettingKind.INTEGER: _number,
        SettingKind.NUMBER: _number,
        SettingKind.FOLDERS: _folders,
    }
    return makers[row.kind](row, settings, look)


def _switch(row: Setting, settings: Settings, look: Style) -> tuple[QWidget, Callable[[Any], None]]:
    control = Switch(look)
    control.setChecked(bool(settings.get(row.name)))
    control.toggled.connect(lambda on: settings.set(row.name, on))
    return control, control.setChecked


def _choice(row: Setting, settings: Settings, look: Style) -> tuple[QWidget, Callable[[Any], None]]:
    choices = [(value, tr(words)) for value, words in row.choices]
    control = ComboField(choices, settings.get(row.name), look)
    control.setFixedWidth(round(168 * look.scale))
    control.value_changed.connect(lambda value: settings.set(row.name, value))
    return control, control.set_value


def _number(row: Setting, settings: Settings, look: Style) -> tuple[QWidget, Callable[[Any], None]]:
    steps = (row.maximum - row.minimum) / row.step
    return (_slider if steps <= _SLIDER_STEPS else _typed)(row, settings, look)


def _slider(row: Setting, settings: Settings, look: Style) -> tuple[QWidget, Callable[[Any], None]]:
    is_whole = row.kind is SettingKind.INTEGER
    spec = WidgetSpec(
        row.name,
        WidgetKind.INT if is_whole else WidgetKind.FLOAT,
        tr(row.title),
        minimum=row.minimum,
        maximum=row.maximum,
        step=row.step,
    )
    slider = UnitSlider(spec, settings.get(row.name), look, row)
    slider.setFixedWidth(round(216 * look.scale))

    def own(value: Any) -> Any:
        return int(value) if is_whole else round(float(value), 6)

    def take(value: Any) -> None:
        # The scale of the window must not change under the pointer while it drags.
        if row.name != "appearance.scale":
            settings.set(row.name, own(value))

    slider.value_changed.connect(take)
    slider.drag_ended.connect(lambda value: settings.set(row.name, own(value)))
    return slider, slider.set_value


class UnitSlider(SliderField):
    """A slider that writes the number with its unit."""

    def __init__(self, spec: WidgetSpec, value: Any, look: Style, row: Setting) -> None:
        self._row = row
        super().__init__(spec, value, look)

    def words(self) -> str:
        """Return the number with its unit."""
        return shown_value(self._row, self.value)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Count a step by the keyboard as letting go."""
        super().keyReleaseEvent(event)
        if not event.isAutoRepeat():
            self.drag_ended.emit(self.value)


def _typed(row: Setting, settings: Settings, look: Style) -> tuple[QWidget, Callable[[Any], None]]:
    field = LineField("", look)
    field.setFixedWidth(round(100 * look.scale))
    field.setAlignment(Qt.AlignmentFlag.AlignRight)

    def show(value: Any) -> None:
        field.setText(shown_value(row, value))

    def take() -> None:
        text = field.text().removesuffix(row.unit).strip().replace(",", ".")
        try:
            value = float(text) / row.factor
            whole = row.kind is SettingKind.INTEGER
            settings.set(row.name, int(value) if whole else round(value, 6))
        except (ValueError, SettingsError):
            field.setToolTip(row.range_text)
        show(settings.get(row.name))

    field.editingFinished.connect(take)
    show(settings.get(row.name))
    return field, show


def _folders(
    row: Setting, settings: Settings, look: Style
) -> tuple[QWidget, Callable[[Any], None]]:
    holder = QWidget()
    lay = QVBoxLayout(holder)
    lay.setContentsMargins(0, round(12 * look.scale), 0, round(12 * look.scale))
    lay.setSpacing(round(4 * look.scale))

    def show(folders: Any) -> None:
        while lay.count():
            widget = lay.takeAt(0).widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        for folder in folders:
            lay.addWidget(_folder_line(folder, row, settings, look))
        add = Button(tr("Add folder"), look, icon="plus", height=32)
        add.clicked.connect(
            lambda: ask_folder(
                holder,
                "",
                lambda path: settings.set(row.name, [*settings.get(row.name), path]),
            )
        )
        lay.addWidget(add, 0, Qt.AlignmentFlag.AlignRight)

    show(settings.get(row.name))
    return holder, show


def _folder_line(folder: str, row: Setting, settings: Settings, look: Style) -> QWidget:
    line = QWidget()
    lay = QHBoxLayout(line)
    lay.setContentsMargins(0, 0, 0, 0)
    lay.setSpacing(round(4 * look.scale))
    name = Path(folder)
    words = Button(f"{name.parent.name}/{name.name}", look, role=ButtonRole.LINK, height=28)
    words.setToolTip(folder)
    words.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    remove = IconButton("x", tr("Remove {name}").format(name=name.name), look)

    def take_out() -> None:
        settings.set(row.name, [item for item in settings.get(row.name) if item != folder])

    remove.clicked.connect(take_out)
    lay.addStretch(1)
    lay.addWidget(words)
    lay.addWidget(remove)
    return line


def ask_folder(parent: QWidget, start: str, take: Callable[[str], None]) -> None:
    """Ask for a folder without blocking."""
    dialog = QFileDialog(parent.window(), tr("Choose a folder"), start)
    dialog.setFileMode(QFileDialog.FileMode.Directory)
    dialog.setOption(QFileDialog.Option.ShowDirsOnly)
    dialog.fileSelected.connect(take)
    dialog.finished.connect(dialog.deleteLater)
    dialog.open()
