"""The View and Window menus: zoom, tools, panels, tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from app.ui.commands import Command, CommandScope
from app.ui.documents import OpenDocument
from app.ui.panels.bottom_panel import LOG, PROBLEMS
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

SIDES = ("left", "right", "bottom")


class ViewCommands:
    """Commands of the View, Window and Help menus.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        return [*self._canvas(), *self._panels(), *self._tabs(), *self._help()]

    def _canvas(self) -> list[Command]:
        has, canvas = self._has_view, CommandScope.CANVAS
        view = lambda: self._window.view  # noqa: E731
        return [
            Command("view.zoom_in", tr("Zoom in"), lambda: view().actions.zoom_in(), "View/1",
                    enabled=has),
            Command("view.zoom_out", tr("Zoom out"), lambda: view().actions.zoom_out(), "View/1",
                    enabled=has),
            Command("view.actual_size", tr("Zoom to 100%"),
                    lambda: view().actions.zoom_to(1.0), "View/1", enabled=has),
            Command("view.fit", tr("Fit to view"), lambda: view().actions.fit(), "View/1", canvas,
                    has, words="zoom all selection"),
            Command("view.reset", tr("Reset view"), lambda: view().actions.reset_view(), "View/1",
                    enabled=has),
            Command("view.select_tool", tr("Select"), lambda: self._set_locked(False), "View/2",
                    canvas, has, lambda: self._has_view() and not view().is_hand_mode,
                    words="tool pointer"),
            Command("view.hand_tool", tr("Move the view"), lambda: self._set_locked(True),
                    "View/2", canvas, has, lambda: self._has_view() and view().is_hand_mode,
                    words="tool hand lock"),
            Command("view.map", tr("Map"), self._toggle_map, "View/3", enabled=has,
                    checked=lambda: self._window.frame.canvas.is_map_shown, words="minimap"),
        ]  # fmt: skip

    def _panels(self) -> list[Command]:
        frame, has = self._window.frame, self._window.has_document
        wiring = lambda: self._window.wiring  # noqa: E731
        titles = {
            "left": tr("Left panel"), "right": tr("Right panel"), "bottom": tr("Bottom panel"),
        }  # fmt: skip
        sides = [
            Command(f"view.{side}_panel", titles[side],
                    lambda side=side: frame.show_side(side, not frame.wants(side)),
                    "View/4", enabled=has, checked=lambda side=side: frame.wants(side))
            for side in SIDES
        ]  # fmt: skip
        rest = [
            Command("view.focus_mode", tr("Focus mode"),
                    lambda: frame.set_focus_mode(not frame.is_focus_mode), "View/5",
                    CommandScope.CANVAS, has, lambda: frame.is_focus_mode, words="hide panels"),
            Command("view.full_screen", tr("Full screen"), self._toggle_full_screen, "View/5",
                    checked=self._window.isFullScreen),
            Command("view.theme", tr("Switch between dark and light"), self._switch_theme,
                    "View/5", words="theme colours"),
            Command("panel.nodes", tr("Nodes"), lambda: wiring().toggle_panel("nodes"),
                    "Window/2", words="library panel"),
            Command("panel.workflows", tr("Workflows"),
                    lambda: wiring().toggle_panel("workflows"), "Window/2", words="files panel"),
            Command("panel.models", tr("Models"), lambda: wiring().toggle_panel("models"),
                    "Window/2", words="panel"),
            Command("panel.assets", tr("Pictures"), lambda: wiring().toggle_panel("assets"),
                    "Window/2", words="assets panel input output"),
            Command("panel.templates", tr("Templates"),
                    lambda: wiring().toggle_panel("templates"), "Window/2", words="panel"),
            Command("panel.problems", tr("Problems"), lambda: wiring().toggle_bottom(PROBLEMS),
                    "Window/2", enabled=has, words="errors issues panel"),
            Command("panel.log", tr("Log"), lambda: wiring().toggle_bottom(LOG), "Window/2",
                    enabled=has, words="messages panel"),
        ]  # fmt: skip
        return sides + rest

    def _tabs(self) -> list[Command]:
        documents = self._window.documents
        several = lambda: len(documents.items) > 1  # noqa: E731
        return [
            Command("window.palette", tr("Commands…"),
                    lambda: self._window.wiring.search.open_commands(), "Window/1",
                    words="palette run"),
            Command("window.next_tab", tr("Next tab"), lambda: documents.step(1), "Window/3",
                    enabled=several),
            Command("window.previous_tab", tr("Previous tab"), lambda: documents.step(-1),
                    "Window/3", enabled=several),
            Command("window.close_others", tr("Close other tabs"), self._close_others,
                    "Window/3", enabled=several),
            Command("window.close_all", tr("Close all tabs"), self._close_all, "Window/3",
                    enabled=self._window.has_document),
        ]  # fmt: skip

    def _help(self) -> list[Command]:
        return [
            Command("help.keys", tr("Keys"), lambda: self._window.open_settings("keys"), "Help/1",
                    words="shortcuts keyboard sheet"),
            Command("help.about", tr("About Easel"), lambda: self._window.open_settings("about"),
                    "Help/2", words="version device"),
        ]  # fmt: skip

    def _has_view(self) -> bool:
        return self._window.view is not None

    def _set_locked(self, is_locked: bool) -> None:
        view = self._window.view
        if view is not None:
            view.set_hand_mode(is_locked)
            self._window.frame.canvas.show_tool()

    def _toggle_map(self) -> None:
        canvas = self._window.frame.canvas
        self._window.settings.set("canvas.minimap", not canvas.is_map_shown)

    def _toggle_full_screen(self) -> None:
        window = self._window
        window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)

    def _switch_theme(self) -> None:
        name = "light" if self._window.look.is_dark else "dark"
        self._window.settings.set("appearance.theme", name)

    def _close_others(self) -> None:
        documents = self._window.documents
        others = [item for item in documents.items if item is not documents.current]
        self._close(others)

    def _close_all(self) -> None:
        self._close(self._window.documents.items)

    def _close(self, items: list[OpenDocument]) -> None:
        def finish() -> None:
            for item in items:
                self._window.documents.remove(item)

        self._window.files.close_all(items, finish)
