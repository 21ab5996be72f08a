"""Joins the parts of the window with documents, runs and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from app.ui.blueprint_library import BlueprintLibrary
from app.ui.documents import OpenDocument
from app.ui.key_tips import show_keys
from app.ui.menu import Menu
from app.ui.node_catalog import NodeCatalog
from app.ui.panel_factory import register_panels
from app.ui.panels.bottom_panel import LOG, PROBLEMS
from app.ui.requirements_desk import RequirementsDesk
from app.ui.run_port import JobRow, JobState, Problem, Result
from app.ui.subgraph_desk import SubgraphDesk
from app.ui.tab_strip import Tab
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow
    from app.ui.node_search import NodeSearch

_RECENT_IN_MENU = 12


class WindowWiring:
    """Listens to everything and shows it.

    Args:
        window: The window.

    Attributes:
        is_paused: Whether the queue is held.
        blueprints: Subgraphs that can be added like nodes.
        requirements: Tells what opened documents need and this install lacks.
        subgraphs: Opens the panel of a subgraph's widgets.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._search: NodeSearch | None = None
        self._catalog: NodeCatalog | None = None
        self._was_running = False
        self.is_paused = False
        self.blueprints = BlueprintLibrary(window)
        self.blueprints.changed.connect(self.refresh_catalog)
        window.run_port.definitions_changed.connect(lambda _: self.blueprints.refresh())
        self._uses: dict[str, int] = dict(window.state.get("uses", {}))
        self._tabs_timer = QTimer(window)
        self._tabs_timer.setSingleShot(True)
        self._tabs_timer.setInterval(0)
        self._tabs_timer.timeout.connect(self._show_tabs)
        self._connect_parts()
        self._connect_port()
        # After the port, so that documents know the definitions when they are checked.
        self.requirements = RequirementsDesk(window)
        self.subgraphs = SubgraphDesk(window)
        self._connect_documents()
        register_panels(window)
        show_keys(window)

    @property
    def catalog(self) -> NodeCatalog:
        """The nodes on offer, for the library and the search."""
        if self._catalog is None:
            get = self._window.settings.get
            self._catalog = NodeCatalog(
                {**self._window.definitions, **self.blueprints.definitions},
                show_deprecated=bool(get("canvas.show_deprecated")),
                show_experimental=bool(get("canvas.show_experimental")),
                uses=self._uses,
            )
        return self._catalog

    @property
    def search(self) -> NodeSearch:
        """The search popup, made at its first use."""
        if self._search is None:
            from app.ui.node_preview import paint_definition
            from app.ui.node_search import NodeSearch

            window = self._window
            self._search = NodeSearch(
                window.frame, window.look, window.commands, window.keys,
                lambda painter, definition, box: paint_definition(
                    painter, definition, box, window.look
                ),
            )  # fmt: skip
            self._search.set_catalog(self.catalog, {})
            self._search.node_chosen.connect(window.canvas_wiring.add_searched)
            self._search.node_found.connect(self._go_to_found)
            self._search.command_chosen.connect(self._run_later)
            self._search.closed.connect(lambda chosen: window.canvas_wiring.end_search())
        return self._search

    def build_late_parts(self) -> None:
        """Make what is seen but not needed for the first paint."""
        frame = self._window.frame
        frame.deck.open(frame.deck.current or "nodes")
        self.blueprints.refresh()
        # Made ahead, so that the first double-click opens it at once.
        QTimer.singleShot(200, self._window, lambda: self.search.prepare())

    def refresh_catalog(self) -> None:
        """Offer other nodes, because definitions or settings changed."""
        self._catalog = None
        panel = self._window.frame.deck.panel("nodes")
        if panel is not None:
            panel.set_catalog(self.catalog)  # type: ignore[attr-defined]
        if self._search is not None:
            self._search.set_catalog(self.catalog, {})

    def count_use(self, name: str) -> None:
        """Note that a node was added, for the order of later searches."""
        self._uses[name] = self._uses.get(name, 0) + 1
        self._window.state.set("uses", dict(self._uses))
        if self._catalog is not None:
            self._catalog.forget_uses()

    def show_document(self, item: OpenDocument | None) -> None:
        """Show a document, or the start page when none is open."""
        window, frame = self._window, self._window.frame
        if item is None:
            from app.ui.start_page import StartPage

            page = frame.start_page or StartPage(window)
            frame.show_start(page)
            page.refresh()
        elif not frame.shows_document:
            frame.show_start(None)
        if self._search is not None:
            self._search.set_document(item.document if item is not None else None)
        is_new = item is not None and frame.canvas.view_of(item) is None
        frame.canvas.show_document(item)
        view = window.view
        if item is not None and view is not None:
            if is_new:
                window.canvas_wiring.place_view(item, view)
            view.setFocus()
        self._show_tabs()
        self._show_run_state()
        self.show_counts()

    def toggle_panel(self, name: str) -> None:
        """Open a panel at the left, or shut it when it is the one that is open."""
        frame = self._window.frame
        if frame.is_shown("left") and frame.deck.current == name:
            frame.show_side("left", False)
        else:
            self.open_panel(name)

    def open_panel(self, name: str) -> QWidget:
        """Open a panel at the left and put the keyboard there."""
        frame = self._window.frame
        panel = frame.deck.open(name)
        frame.show_side("left", True)
        focus = getattr(panel, "focus_search", None)
        if focus is not None:
            focus()
        return panel

    def toggle_bottom(self, page: str) -> None:
        """Open the problems or the log, or shut them when they are open."""
        frame = self._window.frame
        if frame.wants("bottom") and frame.bottom.page == page:
            frame.show_side("bottom", False)
        else:
            self._open_bottom(page)

    def open_problems(self, problem: Problem | None = None) -> None:
        """Show the problems, and one of them."""
        self._open_bottom(PROBLEMS)
        if problem is not None:
            self._window.frame.bottom.problems.choose(problem)

    def open_find(self) -> None:
        """Look for a node in the shown document."""
        self.search.set_document(self._window.document)
        self.search.open_find()

    def show_node_info(self, name: str) -> None:
        """Explain a node."""
        definition = self.catalog.get(name)
        if definition is not None:
            from app.ui.dialogs.node_info import NodeInfoCard

            NodeInfoCard(self._window, self._window.look, definition).open()

    def open_viewer(self, paths: list[str], number: int = 0) -> None:
        """Show pictures large."""
        from app.ui.dialogs.viewer import PictureViewer

        PictureViewer(self._window, self._window.look, paths, number).open()

    def add_recent_menu(self, menu: Menu) -> None:
        """Put the recent files into the File menu."""
        window = self._window
        sub = Menu(menu, tr("Open recent"))
        for item in window.recent.files[:_RECENT_IN_MENU]:
            action = sub.addAction(item.title, lambda path=item.path: window.open_paths([path]))
            action.setToolTip(item.path)
        if window.recent.files:
            sub.addSeparator()
            sub.addAction(tr("Clear the list"), window.recent.clear)
        sub.setEnabled(bool(window.recent.files))
        before = menu.actions()[2] if len(menu.actions()) > 2 else None
        menu.insertMenu(before, sub)

    def on_setting(self, name: str, value: object) -> None:
        """Follow a setting."""
        window, frame = self._window, self._window.frame
        if name == "canvas.minimap":
            frame.canvas.show_map(bool(value))
        elif name in ("canvas.show_deprecated", "canvas.show_experimental"):
            self.refresh_catalog()
        elif name == "running.batch_limit":
            frame.top_bar.count.set_maximum(int(value))  # type: ignore[call-overload]
        elif name == "running.history":
            frame.right.results.set_limit(int(value))  # type: ignore[call-overload]
        elif name == "appearance.reduced_motion":
            frame.tab_strip.reduced_motion = bool(value)
            self._show_tabs()
        for item in window.documents.items:
            view = window.canvas_view(item)
            if view is not None:
                window.canvas_wiring.take_settings(view)

    def show_counts(self) -> None:
        """Show the number of nodes, and what can run."""
        window = self._window
        item = window.documents.current
        count = len(item.document.graph.nodes) if item is not None else None
        window.frame.status.show_nodes(count)
        can_run = window.runs.can_run()
        top = window.frame.top_bar
        top.run_button.setEnabled(can_run)
        top.count.setEnabled(item is not None)

    def _connect_parts(self) -> None:
        window, frame = self._window, self._window.frame
        get, trigger = window.settings.get, window.commands.trigger
        top = frame.top_bar
        top.run_button.run_requested.connect(
            lambda front: trigger("run.run_first" if front else "run.run")
        )
        top.stop_button.clicked.connect(lambda: trigger("run.stop"))
        top.panel_button.clicked.connect(lambda: trigger("view.right_panel"))
        top.words_clicked.connect(self._on_words_clicked)
        top.count.set_maximum(int(get("running.batch_limit")))
        frame.rail.pressed.connect(self._on_rail)
        frame.deck.opened.connect(lambda _: self._show_open_panels())
        frame.layout_changed.connect(self._show_open_panels)
        frame.canvas.command_requested.connect(trigger)
        frame.canvas.level_requested.connect(lambda depth: window.canvas_wiring.show_level(depth))
        frame.canvas.level_menu_requested.connect(window.canvas_wiring.open_level_menu)
        frame.canvas.show_map(bool(get("canvas.minimap")))
        tabs = frame.tab_strip
        tabs.reduced_motion = bool(get("appearance.reduced_motion"))
        tabs.new_requested.connect(lambda: trigger("file.new"))
        tabs.moved.connect(window.documents.move)
        tabs.chosen.connect(window.documents.show)
        tabs.close_requested.connect(lambda item: window.files.close(item))
        tabs.menu_requested.connect(self._open_tab_menu)
        bottom = frame.bottom
        bottom.close_requested.connect(lambda: frame.show_side("bottom", False))
        bottom.page_changed.connect(lambda _: self._show_open_panels())
        bottom.problems.locate_requested.connect(self._locate)
        frame.status.problems_clicked.connect(lambda: self._open_bottom(PROBLEMS))
        frame.status.queue_clicked.connect(lambda: trigger("view.right_panel"))
        right = frame.right
        right.pause_requested.connect(window.run_port.set_paused)
        right.clear_requested.connect(lambda: trigger("run.clear"))
        right.free_requested.connect(lambda: trigger("run.free_memory"))
        right.queue.cancel_requested.connect(window.run_port.cancel)
        right.queue.front_requested.connect(window.run_port.move_to_front)
        right.queue.document_requested.connect(self._show_job_document)
        right.results.opened.connect(self._open_result)
        right.results.workflow_requested.connect(lambda path: window.open_paths([path]))
        right.results.set_limit(int(get("running.history")))
        window.problems.changed.connect(self._show_problems)
        window.problems.work_stopped.connect(self._on_work_stopped)
        window.keys.changed.connect(lambda: show_keys(window))

    def _connect_port(self) -> None:
        port, frame = self._window.run_port, self._window.frame
        port.queue_changed.connect(lambda _: self._show_queue())
        port.job_progress.connect(self._on_progress)
        port.result_added.connect(frame.right.results.add)
        port.definitions_changed.connect(self._window.set_definitions)
        port.device_changed.connect(frame.status.show_device)
        port.log_line.connect(frame.bottom.log.add)
        port.paused_changed.connect(self._on_paused)
        self._show_queue()
        frame.status.show_device(port.state.device)

    def _connect_documents(self) -> None:
        documents = self._window.documents
        documents.added.connect(self._on_added)
        documents.removed.connect(self._on_removed)
        documents.current_changed.connect(self.show_document)
        documents.state_changed.connect(lambda _: self._tabs_timer.start())
        documents.order_changed.connect(self._show_tabs)

    def close_left(self) -> None:
        """Shut the panel at the left and give the canvas the keyboard."""
        self._window.frame.show_side("left", False)
        view = self._window.view
        if view is not None:
            view.setFocus()

    def _on_rail(self, name: str) -> None:
        if name == "log":
            self.toggle_bottom(LOG)
        elif name == "help":
            self._window.commands.trigger("help.keys")
        elif name == "settings":
            self._window.open_settings()
        else:
            self.toggle_panel(name)

    def _open_bottom(self, page: str) -> None:
        frame = self._window.frame
        frame.bottom.show_page(page)
        frame.show_side("bottom", True)

    def _show_open_panels(self) -> None:
        frame = self._window.frame
        names = set()
        if frame.is_shown("left"):
            names.add(frame.deck.current)
        if frame.is_shown("bottom") and frame.bottom.page == LOG:
            names.add("log")
        frame.rail.set_open(names)
        frame.top_bar.panel_button.setChecked(frame.is_shown("right"))

    def _on_added(self, item: OpenDocument) -> None:
        document = item.document
        for signal in (document.nodes_added, document.nodes_removed, document.graph_reset):
            signal.connect(lambda *_: self._on_nodes(item))
        self._show_tabs()

    def _on_nodes(self, item: OpenDocument) -> None:
        if item is self._window.documents.current:
            self.show_counts()

    def _on_removed(self, item: OpenDocument) -> None:
        self._window.frame.canvas.remove_document(item)
        self._show_tabs()

    def _show_tabs(self) -> None:
        window = self._window
        documents = window.documents
        tabs = [
            Tab(
                item,
                item.document.title,
                str(item.document.path or ""),
                item.needs_saving,
                item.run_state.is_running,
                item.has_failed,
            )
            for item in documents.items
        ]
        window.frame.tab_strip.set_tabs(tabs, documents.current)
        current = documents.current
        if current is None:
            window.setWindowTitle("Easel")
            window.setWindowModified(False)
        else:
            window.setWindowTitle(f"{current.document.title}[*] — Easel")
            window.setWindowModified(current.needs_saving)
            path = current.document.path
            window.setWindowFilePath(str(path) if path is not None else "")

    def _open_tab_menu(self, item: OpenDocument, place: QPoint) -> None:
        window = self._window
        window.documents.show(item)
        menu = window.menus.popup(
            ["file.save", "file.save_as", None, "file.duplicate", "file.show_folder", None,
             "file.close", "window.close_others", "window.close_all"],
            window,
        )  # fmt: skip
        path = item.document.path
        if path is not None:
            menu.addAction(tr("Copy path"), lambda: QApplication.clipboard().setText(str(path)))
        menu.popup(place)

    def _show_problems(self) -> None:
        problems = self._window.problems.shown()
        self._window.frame.bottom.show_problems(problems)
        self._window.frame.status.show_problems(len(problems))
        self._show_run_state()

    def _on_work_stopped(self, problem: Problem) -> None:
        """Open the problems once for each run, without taking the keyboard."""
        item = self._window.documents.of(problem.document)
        if item is None or item is self._window.documents.current:
            self._open_bottom(PROBLEMS)
            self._window.frame.bottom.problems.choose(problem)

    def _locate(self, problem: Problem) -> None:
        item = self._window.documents.of(problem.document)
        if item is None:
            return
        if problem.node_path:
            self._window.canvas_wiring.go_to_path(item, problem.node_path)
        else:
            self._window.canvas_wiring.go_to(item, problem.graph_id, problem.node_key)

    def _show_queue(self) -> None:
        window = self._window
        port, frame = window.run_port, window.frame
        rows = port.state.jobs
        frame.right.queue.set_rows(rows)
        frame.status.show_jobs(rows, self.is_paused)
        frame.top_bar.stop_button.setEnabled(port.is_running)
        if self._was_running and not rows_active(rows):
            self._notify_end()
        self._was_running = rows_active(rows)
        if not port.is_running:
            self._show_run_state()

    def _on_progress(self, words: str, fraction: float) -> None:
        self._window.frame.top_bar.show_job(words, fraction)
        if not words:
            self._show_run_state()

    def _show_run_state(self) -> None:
        """Say in the top bar that the last run of the shown document failed."""
        window = self._window
        if window.run_port.is_running:
            return
        item = window.documents.current
        top = window.frame.top_bar
        if item is not None and item.has_failed:
            top.show_error(tr("Stopped by an error"))
        else:
            top.show_job("", 0.0)

    def _on_paused(self, is_paused: bool) -> None:
        self.is_paused = is_paused
        self._window.frame.right.show_paused(is_paused)
        self._show_queue()

    def _on_words_clicked(self) -> None:
        item = self._window.documents.current
        if item is not None and item.has_failed and not self._window.run_port.is_running:
            self._open_bottom(PROBLEMS)
        else:
            self._window.frame.show_side("right", True)

    def _show_job_document(self, job_id: str) -> None:
        row = next((row for row in self._window.run_port.state.jobs if row.id == job_id), None)
        if row is None:
            return
        for item in self._window.documents.items:
            if item.document.title == row.title:
                self._window.documents.show(item)
                return

    def _go_to_found(self, graph_id: str, key: str) -> None:
        item = self._window.documents.current
        if item is not None:
            self._window.canvas_wiring.go_to(item, graph_id, key)

    def _open_result(self, result: Result) -> None:
        results = self._window.frame.right.results.results
        paths = [item.path for item in results]
        self.open_viewer(paths, paths.index(result.path))

    def _notify_end(self) -> None:
        """Ask for attention when the queue ends behind another window (U-473)."""
        window = self._window
        if window.settings.get("running.notify") and not window.isActiveWindow():
            QApplication.alert(window)

    def _run_later(self, command_id: str) -> None:
        # After the popup has gone and the canvas has the keyboard again.
        QTimer.singleShot(
            0, self._window, lambda: self._window.commands.trigger(command_id) and None
        )


def rows_active(rows: list[JobRow]) -> bool:
    """Tell whether any job runs or waits."""
    return any(row.state in (JobState.RUNNING, JobState.WAITING) for row in rows)
