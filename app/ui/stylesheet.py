"""The one style sheet of the program, made from the style: menus, fields, scroll bars, tooltips.

Parts with a look of their own paint themselves; only what Qt draws is dressed here.
"""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

from app.widgets.style import Style
from app.widgets.themed import over

_SHEET = """
* {{ outline: none; }}
QWidget#window, QDialog {{ background: {window}; }}
QToolTip {{
    background: {popup}; color: {primary}; border: 1px solid {border};
    padding: {p4}px {p8}px; font-size: {small}px;
}}
QMenu {{
    background: {popup}; color: {primary}; border: 1px solid {border};
    padding: {p5}px; font-size: {body}px; border-radius: {r8}px;
}}
QMenu::item {{
    padding: 0 {p16}px 0 {p28}px; margin: 0; border-radius: {r6}px;
    height: {p28}px; min-width: {p120}px;
}}
QMenu::item:selected {{ background: {selected}; color: {primary}; }}
QMenu::item:disabled {{ color: {disabled}; background: transparent; }}
QMenu::separator {{ height: 1px; background: {border_subtle}; margin: {p5}px {p6}px; }}
QMenu::indicator {{ width: {p16}px; height: {p16}px; left: {p6}px; }}
QMenu::icon {{ left: {p6}px; }}
QMenu::right-arrow {{ width: {p14}px; height: {p14}px; right: {p6}px; }}
QLineEdit, QPlainTextEdit, QTextEdit {{
    background: {field}; color: {primary}; border: 1px solid {border}; border-radius: {r6}px;
    padding: 0 {p8}px; selection-background-color: {accent}; selection-color: {on_accent};
    placeholder-text-color: {tertiary}; font-size: {body}px;
}}
QLineEdit:hover, QPlainTextEdit:hover {{ border-color: {strong}; background: {field_hover}; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus {{ border-color: {ring}; }}
QLineEdit:disabled {{ color: {disabled}; }}
QLineEdit#searchField, QLineEdit#queryField, QLineEdit#countField {{
    background: transparent; border: none; padding: 0;
}}
QLineEdit#queryField {{ font-size: {title}px; }}
QPlainTextEdit#codeView {{
    background: {field}; color: {secondary}; border: 1px solid {border_subtle};
    padding: {p6}px; font-family: "{code}"; font-size: {small}px;
}}
QScrollArea, QScrollArea > QWidget > QWidget#page, QAbstractItemView {{
    background: transparent; border: none;
}}
QScrollBar:vertical {{ background: transparent; width: {p10}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {p10}px; margin: 0; }}
QScrollBar::handle {{ background: {strong}; border-radius: {p3}px; margin: {p2}px; }}
QScrollBar::handle:vertical {{ min-height: {p32}px; }}
QScrollBar::handle:horizontal {{ min-width: {p32}px; }}
QScrollBar::handle:hover {{ background: {tertiary}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QSplitter::handle {{ background: {border_subtle}; }}
QSplitter::handle:hover {{ background: {strong}; }}
QGraphicsView {{ border: none; background: {canvas}; }}
"""


@lru_cache(maxsize=8)
def sheet(look: Style) -> str:
    """Return the style sheet of a style."""

    def name(color: str) -> str:
        return css(look.color(color))

    lengths = {f"p{n}": round(n * look.scale) for n in (2, 3, 4, 5, 6, 8, 10, 14, 16, 28, 32, 120)}
    popup = look.color("surface.popup")
    return _SHEET.format(
        **lengths,
        r6=round(6 * look.scale),
        r8=round(8 * look.scale),
        body=look.font("body").pixelSize(),
        title=look.font("title").pixelSize(),
        code=look.font("code").family(),
        small=look.font("small").pixelSize(),
        window=name("surface.window"),
        canvas=name("surface.canvas"),
        popup=name("surface.popup"),
        field=name("surface.field"),
        field_hover=name("surface.fieldHover"),
        # Opaque: item grounds with alpha are blended twice by some menu implementations.
        selected=css(over(popup, look.color("state.selected"))),
        border=name("border.default"),
        border_subtle=name("border.subtle"),
        strong=name("border.strong"),
        ring=name("focus.ring"),
        primary=name("text.primary"),
        secondary=name("text.secondary"),
        tertiary=name("text.tertiary"),
        disabled=name("text.disabled"),
        accent=name("accent.fill"),
        on_accent=name("text.onAccent"),
    )


def css(color: QColor) -> str:
    """Return a colour as a style sheet writes it."""
    if color.alpha() == 255:
        return color.name()
    return f"rgba({color.red()}, {color.green()}, {color.blue()}, {color.alpha()})"


def palette(look: Style) -> QPalette:
    """Return Qt's palette in the colours of a style."""
    role = QPalette.ColorRole
    colors = {
        role.Window: "surface.window",
        role.WindowText: "text.primary",
        role.Base: "surface.field",
        role.AlternateBase: "surface.sunken",
        role.Text: "text.primary",
        role.Button: "surface.raised",
        role.ButtonText: "text.primary",
        role.ToolTipBase: "surface.popup",
        role.ToolTipText: "text.primary",
        role.PlaceholderText: "text.tertiary",
        role.Highlight: "accent.fill",
        role.HighlightedText: "text.onAccent",
        role.Link: "accent.text",
        role.Light: "surface.raised",
        role.Mid: "border.default",
        role.Dark: "border.strong",
    }
    result = QPalette()
    for part, color in colors.items():
        result.setColor(part, look.color(color))
    for part in (role.Text, role.WindowText, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, part, look.color("text.disabled"))
    return result


def dress(application: QApplication, look: Style) -> None:
    """Give the whole application a style: font, palette, style sheet."""
    application.setFont(look.font("body"))
    application.setPalette(palette(look))
    application.setStyleSheet(sheet(look))
