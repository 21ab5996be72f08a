"""Puts the keys of commands into the tooltips of the buttons that do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


def show_keys(window: MainWindow) -> None:
    """Write all tooltips anew, after the keys have changed."""
    for button, words, command_id in _buttons(window):
        key = window.keys.shown_key(command_id)
        button.setToolTip(f"{words}  {key}" if key else words)
    library = window.frame.deck.panel("nodes")
    if library is not None:
        library.search.set_key(window.keys.shown_key("panel.nodes"))  # type: ignore[attr-defined]


def _buttons(window: MainWindow) -> list[tuple[QWidget, str, str]]:
    frame = window.frame
    rail, top = frame.rail.buttons, frame.top_bar
    pointer, zoom = frame.canvas.pointer_tools.buttons, frame.canvas.zoom_tools.buttons
    return [
        (rail["nodes"], tr("Nodes"), "panel.nodes"),
        (rail["workflows"], tr("Workflows"), "panel.workflows"),
        (rail["models"], tr("Models"), "panel.models"),
        (rail["assets"], tr("Pictures"), "panel.assets"),
        (rail["templates"], tr("Templates"), "panel.templates"),
        (rail["log"], tr("Log"), "panel.log"),
        (rail["help"], tr("Keys and help"), "help.keys"),
        (rail["settings"], tr("Settings"), "file.settings"),
        (top.run_button, tr("Run"), "run.run"),
        (top.stop_button, tr("Stop"), "run.stop"),
        (top.panel_button, tr("Right panel"), "view.right_panel"),
        (pointer["select"], tr("Select"), "view.select_tool"),
        (pointer["hand"], tr("Move the view"), "view.hand_tool"),
        (zoom["view.zoom_out"], tr("Zoom out"), "view.zoom_out"),
        (zoom["view.zoom_in"], tr("Zoom in"), "view.zoom_in"),
        (zoom["view.fit"], tr("Fit to view"), "view.fit"),
        (zoom["view.map"], tr("Map"), "view.map"),
    ]
