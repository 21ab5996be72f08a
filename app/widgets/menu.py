"""Menus as the style shows them: quiet, with keys on the right and dangers in red."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.widgets.style import Style
from app.widgets.themed import over


def menu_sheet(style: Style) -> str:
    """Return the style sheet of popup menus."""

    def rgba(name: str) -> str:
        color = style.color(name)
        return f"rgba({color.red()},{color.green()},{color.blue()},{color.alpha()})"

    def px(length: int) -> int:
        return round(length * style.scale)

    font = style.font("body")
    # Opaque: item grounds with alpha are blended twice by some menu implementations.
    selected = over(style.color("surface.popup"), style.color("state.selected")).name()
    return f"""
    QMenu {{ background: {rgba("surface.popup")}; color: {rgba("text.primary")};
        border: 1px solid {rgba("border.default")}; border-radius: {px(8)}px; padding: {px(5)}px;
        font-family: "{font.family()}"; font-size: {font.pixelSize()}px; }}
    QMenu::item {{ padding: 0 {px(16)}px 0 {px(28)}px; height: {px(28)}px;
        min-width: {px(120)}px; border-radius: {px(6)}px; margin: 0; }}
    QMenu::item:selected {{ background: {selected}; color: {rgba("text.primary")}; }}
    QMenu::item:disabled {{ color: {rgba("text.disabled")}; background: transparent; }}
    QMenu::separator {{ height: 1px; background: {rgba("border.subtle")};
        margin: {px(5)}px {px(6)}px; }}
    """


def make_menu(style: Style, parent: QWidget | None = None, title: str = "") -> QMenu:
    """Return an empty menu in the looks of ``style``; it deletes itself once it is closed."""
    menu = QMenu(title, parent)
    style_menu(menu, style)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def style_menu(menu: QMenu, style: Style) -> None:
    """Give a menu, and the submenus added to it later, the looks of ``style``."""
    menu.setStyleSheet(menu_sheet(style))
    menu.setToolTipsVisible(True)


def add_entry(
    menu: QMenu,
    text: str,
    run: Callable[[], object],
    shortcut: str = "",
    *,
    is_enabled: bool = True,
) -> QAction:
    """Add an entry whose key is only shown; the key itself is bound elsewhere.

    Args:
        menu: Where it goes.
        text: Words, in sentence case.
        run: Called without arguments when it is chosen.
        shortcut: Key sequence in Qt's portable text, for reading only.
        is_enabled: Whether it can be chosen.
    """
    if shortcut:
        text = f"{text}\t{QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText)}"
    action = menu.addAction(text)
    action.setEnabled(is_enabled)
    action.triggered.connect(lambda: run())
    return action
