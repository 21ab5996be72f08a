"""Menus as the style shows them: quiet, with keys on the right and dangers in red."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from app.widgets.style import Style


def menu_sheet(style: Style) -> str:
    """Return the style sheet of popup menus."""

    def rgba(name: str) -> str:
        color = style.color(name)
        return f"rgba({color.red()},{color.green()},{color.blue()},{color.alpha()})"

    font = style.font("body")
    return f"""
    QMenu {{ background: {rgba("surface.popup")}; color: {rgba("text.primary")};
        border: 1px solid {rgba("border.default")}; padding: 5px;
        font-family: "{font.family()}"; font-size: {font.pixelSize()}px; }}
    QMenu::item {{ padding: 5px 28px 5px 28px; border-radius: 4px; margin: 0; }}
    QMenu::item:selected {{ background: {rgba("state.selected")}; }}
    QMenu::item:disabled {{ color: {rgba("text.disabled")}; }}
    QMenu::separator {{ height: 1px; background: {rgba("border.subtle")}; margin: 5px 6px; }}
    QMenu::icon {{ padding-left: 8px; }}
    QMenu::indicator {{ width: 14px; height: 14px; padding-left: 8px; }}
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
