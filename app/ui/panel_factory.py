"""Makes the panels at the left, each when it is first opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow


def register_panels(window: MainWindow) -> None:
    """Tell the deck which panels there are."""

    def library() -> QWidget:
        from app.ui.panels.library import LibraryPanel

        state, wiring = window.state, window.wiring
        panel = LibraryPanel(
            window.look,
            wiring.catalog,
            state.get("favourites", []),
            state.get("open_folders", []),
        )
        panel.search.set_key(window.keys.shown_key("panel.nodes"))
        panel.add_requested.connect(window.canvas_wiring.add_from_library)
        panel.favourites_changed.connect(lambda names: state.set("favourites", names))
        panel.folders_changed.connect(lambda names: state.set("open_folders", names))
        panel.info_requested.connect(wiring.show_node_info)
        panel.open_requested.connect(wiring.blueprints.open)
        panel.delete_requested.connect(wiring.blueprints.ask_delete)
        panel.close_requested.connect(wiring.close_left)
        return panel

    def workflows() -> QWidget:
        from app.ui.panels.files import WorkflowsPanel

        panel = WorkflowsPanel(window)
        panel.close_requested.connect(window.wiring.close_left)
        return panel

    def models() -> QWidget:
        from app.ui.panels.files import ModelsPanel

        panel = ModelsPanel(window)
        panel.close_requested.connect(window.wiring.close_left)
        return panel

    def assets() -> QWidget:
        from app.ui.panels.assets import AssetsPanel

        panel = AssetsPanel(window)
        panel.close_requested.connect(window.wiring.close_left)
        return panel

    def templates() -> QWidget:
        from app.ui.panels.files import TemplatesPanel

        panel = TemplatesPanel(window)
        panel.close_requested.connect(window.wiring.close_left)
        return panel

    deck = window.frame.deck
    deck.add("nodes", library)
    deck.add("workflows", workflows)
    deck.add("models", models)
    deck.add("assets", assets)
    deck.add("templates", templates)
