"""Joins the panel of subgraph widgets with the window: who means which subgraph, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakSet

from PySide6.QtCore import QObject, QTimer

from app.engine.workflow.group_nodes import is_group_type
from app.ui.document import WorkflowDocument
from app.ui.documents import OpenDocument
from app.ui.subgraph_widgets import subgraph_of
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.main_window import MainWindow
    from app.ui.panels.subgraph_widgets import SubgraphWidgetsPanel


class SubgraphDesk(QObject):
    """Offers the panel while a subgraph is selected or shown, and keeps it up to date.

    Args:
        window: The window it works for.
    """

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self._panel: SubgraphWidgetsPanel | None = None
        self._offered: WeakSet[WorkflowDocument] = WeakSet()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._look)
        window.documents.current_changed.connect(lambda _: self._timer.start())
        window.documents.added.connect(self._follow_document)
        window.canvas_wiring.view_made.connect(self._follow_view)
        window.frame.right.widgets_requested.connect(self.open_panel)

    @property
    def panel(self) -> SubgraphWidgetsPanel | None:
        """The panel, if it was ever opened."""
        return self._panel

    @property
    def is_open(self) -> bool:
        """Whether the panel lies over the queue and the results."""
        return self._panel is not None and self._window.frame.right.page is self._panel

    def open_panel(self) -> None:
        """Show the panel at the right and put the keyboard there."""
        from app.ui.panels.subgraph_widgets import SubgraphWidgetsPanel

        frame = self._window.frame
        if self._panel is None:
            self._panel = SubgraphWidgetsPanel(self._window)
            self._panel.close_requested.connect(self.close_panel)
        frame.right.show_page(self._panel)
        frame.show_side("right", True)
        self._panel.refresh()
        self._panel.focus_search()

    def close_panel(self) -> None:
        """Show the queue and the results again."""
        self._window.frame.right.show_page(None)
        view = self._window.view
        if view is not None:
            view.setFocus()

    def _follow_document(self, item: OpenDocument) -> None:
        item.document.edited.connect(self._timer.start)
        item.document.graph_reset.connect(self._timer.start)

    def _follow_view(self, view: CanvasView) -> None:
        view.canvas.selection_changed.connect(self._timer.start)

    def _offer_conversion(self, document: WorkflowDocument) -> None:
        """Offer once to turn the group nodes of an older file into subgraphs (U-182)."""
        self._offered.add(document)
        window = self._window
        if not any(
            is_group_type(node.type)
            for graph in document.workflow.graphs()
            for node in graph.nodes.values()
        ):
            return

        def convert() -> None:
            if window.document is document:
                window.commands.trigger("graph.convert_group_nodes")

        window.toast(
            tr("This workflow has group nodes"),
            tr("They run as they are. As subgraphs they can be opened and edited."),
            actions=[(tr("Convert"), convert)],
        )

    def _look(self) -> None:
        document, view = self._window.document, self._window.view
        if document is not None and view is not None and document not in self._offered:
            self._offer_conversion(document)
        has_subgraph = (
            document is not None
            and view is not None
            and bool(subgraph_of(document, view.actions.selected))
        )
        self._window.frame.right.offer_widgets(has_subgraph)
        if self._panel is not None:
            self._panel.follow()
