"""The window: builds its parts and joins their signals. What happens then is decided elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QGuiApplication,
    QIcon,
    QKeyEvent,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QMainWindow

from app.engine.node_types.definition import NodeDefinition
from app.engine.settings import Settings
from app.ui.autosave import RecoveryJournal
from app.ui.background import Background
from app.ui.canvas_wiring import CanvasWiring
from app.ui.command_actions import CommandActions, MenuMaker
from app.ui.commands import CommandRegistry
from app.ui.document import WorkflowDocument
from app.ui.documents import OpenDocument, OpenDocuments
from app.ui.keybindings import Keybindings, own_keys_path, read_own_keys
from app.ui.menu import Menu
from app.ui.problem_desk import ProblemDesk
from app.ui.recent_files import RecentFiles
from app.ui.run_port import RunPort
from app.ui.run_state import RunState
from app.ui.session import Session
from app.ui.stylesheet import dress
from app.ui.theme import RESOURCES, load_style
from app.ui.window_frame import WindowFrame
from app.ui.window_state import WindowState, read_json
from app.ui.window_wiring import WindowWiring
from app.ui.words import tr
from app.widgets.style import Style
from app.widgets.themed import restyle

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView
    from app.ui.dialogs.question import QuestionCard
    from app.widgets.toast import ToastStack

MENUS = ("File", "Edit", "View", "Graph", "Queue", "Window", "Help")
RUN_MENU = ("run.run", "run.run_first", "run.run_branch", None, "run.pause", "run.clear")
"""What the arrow beside Run offers."""
LEAST_SIZE = (800, 560)
FIRST_SIZE = (1600, 1000)
TITLE_BAR_ROOM = 40
"""Height left free for the system's title bar, which no system tells before the first paint."""


def theme_name(settings: Settings) -> str:
    """Return the theme to load: the chosen one, or the one that fits the system."""
    name = str(settings.get("appearance.theme"))
    if name != "system":
        return name
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"


def style_of(settings: Settings) -> Style:
    """Return the style that the settings ask for."""
    get = settings.get
    return load_style(
        theme_name(settings), float(get("appearance.scale")), int(get("appearance.prompt_text"))
    )


class MainWindow(QMainWindow):
    """The window of the program.

    Building it reads two small files and makes only what is seen at once; everything else is made
    after the first paint or when it is first opened.

    Args:
        settings: What the artist has set.
        definitions: Node definitions known so far, from the cache or the table of built-in nodes.
        run_port: Runs workflows.
        home: Home folder.

    Attributes:
        settings, run_port, home: As given.
        background: Runs coroutines and reports those that fail.
        state: What is remembered between starts.
        documents: The tabs.
        commands: Everything the artist can do.
        keys: The keys of the commands.
        frame: The parts of the window.
        recent: Files that were open before.
        journal: Recovery copies of unsaved work.
        problems: Problems of all documents.

    Signals:
        painted: The window has been painted for the first time.
        closed: The window is gone for good; the program may end.
        style_changed: A :class:`Style`.
    """

    painted = Signal()
    closed = Signal()
    style_changed = Signal(object)

    def __init__(
        self,
        settings: Settings,
        definitions: Mapping[str, NodeDefinition],
        run_port: RunPort,
        home: Path,
    ) -> None:
        super().__init__()
        self.settings = settings
        self.run_port = run_port
        self.home = home
        self.look = style_of(settings)
        self._definitions = definitions
        self._has_painted = False
        self._is_closing = False
        self._toasts: ToastStack | None = None
        self.background = Background(self._report, self)
        self.state = WindowState(home / "user" / "window.json", self.background, self)
        self.documents = OpenDocuments(self)
        self.commands = CommandRegistry(self)
        self.keys = Keybindings(read_own_keys(read_json(own_keys_path(home))), self)
        self.recent = RecentFiles(home, self.background, self)
        self.journal = RecoveryJournal(home, self.documents, self.background, self)
        self.problems = ProblemDesk(self.documents, run_port, self)
        self.menus = MenuMaker(self.commands, self.keys)
        self.canvas_wiring = CanvasWiring(self)
        dress(_application(), self.look)
        self.frame = WindowFrame(
            self.look, self._make_menu("Run"), self.canvas_wiring.make_view, self
        )
        self.setCentralWidget(self.frame)
        self._register_commands()
        self._build_menus()
        self._actions = CommandActions(self.commands, self.keys, self, self.frame.canvas)
        self.wiring = WindowWiring(self)
        self.session = Session(self)
        self.journal.failed.connect(self._tell_unprotected)
        self.frame.layout_changed.connect(lambda: QTimer.singleShot(0, self, self._place_toasts))
        self.setAcceptDrops(True)
        self.setWindowIcon(QIcon(str(RESOURCES / "icons" / "app-256.png")))
        self.setMinimumSize(*LEAST_SIZE)
        self.setWindowTitle("Easel")
        self._restore_geometry()
        self.session.restore_panels()
        settings.subscribe(self._on_setting)

    @property
    def definitions(self) -> Mapping[str, NodeDefinition]:
        """Node definitions by type name."""
        return self._definitions

    @property
    def view(self) -> CanvasView | None:
        """The canvas that is shown."""
        return self.frame.canvas.view

    @property
    def document(self) -> WorkflowDocument | None:
        """The document that is shown."""
        item = self.documents.current
        return item.document if item is not None else None

    def has_document(self) -> bool:
        """Tell whether a document is shown."""
        return self.documents.current is not None

    def run_state_of(self, document: WorkflowDocument) -> RunState | None:
        """Return the run state of an open document."""
        return self.documents.run_state_of(document)

    def canvas_view(self, item: OpenDocument) -> CanvasView | None:
        """Return the canvas of a document if it was ever shown."""
        return self.frame.canvas.view_of(item)

    def open_paths(self, paths: Sequence[str | Path]) -> None:
        """Open files in tabs."""
        self.files.open_paths(paths)

    def set_definitions(self, definitions: Mapping[str, NodeDefinition]) -> None:
        """Take other node definitions, for example after packs have loaded."""
        if definitions == self._definitions:
            # Binding thousands of nodes anew would be felt.
            return
        self._definitions = definitions
        for item in self.documents.items:
            item.document.set_definitions(definitions)
        self.wiring.refresh_catalog()

    def input_folder(self) -> Path:
        """Return where pictures that nodes load are kept."""
        return self.home / "input"

    def output_folder(self) -> Path:
        """Return where results are saved."""
        return self.home / "output"

    def toast(
        self,
        title: str,
        detail: str = "",
        *,
        is_problem: bool = False,
        is_done: bool = False,
        actions: Sequence[tuple[str, Callable[[], object]]] = (),
    ) -> None:
        """Show a short message at the lower right of the canvas, with up to two actions."""
        from app.widgets.toast import ToastKind, ToastStack

        if self._toasts is None:
            self._toasts = ToastStack(self.frame, self.look)
            self._toasts.reduced_motion = bool(self.settings.get("appearance.reduced_motion"))
        self._place_toasts()
        kind = ToastKind.WARNING if is_problem else ToastKind.SUCCESS
        first = detail.strip().splitlines()[0] if detail.strip() else ""
        # What follows a first sentence says what to do; it is worth more than the details.
        head, _, rest = title.partition(". ")
        self._toasts.show(
            head if rest else title.removesuffix("."),
            rest or first,
            kind=kind if is_problem or is_done else ToastKind.INFO,
            actions=actions,
            seconds=10 if is_problem else 5,
        )

    def _place_toasts(self) -> None:
        if self._toasts is not None:
            self._toasts.set_margins(*self.frame.toast_margins())

    def _tell_unprotected(self, reason: str) -> None:
        self.toast(tr("Unsaved work cannot be protected"), reason, is_problem=True)

    def ask(
        self, heading: str, text: str, answers: Sequence[tuple[str, str]], *, danger: str = ""
    ) -> QuestionCard:
        """Ask a question over the window; its ``answered`` signal brings the answer."""
        from app.ui.dialogs.question import QuestionCard

        card = QuestionCard(self, self.look, heading, text, answers, danger=danger)
        card.open()
        return card

    def remember_recent(self, item: OpenDocument, path: Path) -> None:
        """Put a document into the list of recent files, with a picture."""
        from app.ui.thumbnails import document_picture

        count = len(item.document.workflow.root.nodes)
        self.recent.add(path, count, document_picture(item, self.look))

    def open_settings(self, page: str = "") -> None:
        """Open the settings."""
        from app.ui.dialogs.settings_dialog import SettingsDialog

        dialog = SettingsDialog(self, page)
        dialog.open()

    def request_quit(self) -> None:
        """Close the window, asking about unsaved work first."""
        self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """Ask about unsaved work without blocking, then close for good."""
        if self._is_closing:
            event.accept()
            return
        event.ignore()
        self.files.close_all(self.documents.items, self.close_for_good)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Leave a comparison, focus mode or a subgraph with Escape, when nothing else wanted it."""
        if event.key() == Qt.Key.Key_Escape:
            if self.files.compare.close():
                return
            if self.frame.is_focus_mode:
                self.frame.set_focus_mode(False)
            elif self.document is not None:
                self.canvas_wiring.leave_subgraph()
            return
        super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Welcome files anywhere in the window."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Open what was dropped."""
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.open_paths(paths)

    def showEvent(self, event: QShowEvent) -> None:
        """Show the start page if no document was opened before the window."""
        if self.documents.current is None and self.frame.start_page is None:
            self.wiring.show_document(None)
        super().showEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shut panels for which the window has become too narrow."""
        super().resizeEvent(event)
        self.frame.fit_width(event.size().width(), event.oldSize().width())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Take note of the first paint, after which slower parts may be made."""
        super().paintEvent(event)
        if not self._has_painted:
            self._has_painted = True
            QTimer.singleShot(0, self._on_painted)

    def _on_painted(self) -> None:
        self.painted.emit()
        self.wiring.build_late_parts()
        self.session.begin()

    def _register_commands(self) -> None:
        from app.ui.edit_commands import EditCommands
        from app.ui.file_commands import FileCommands
        from app.ui.graph_commands import GraphCommands
        from app.ui.run_commands import RunCommands
        from app.ui.view_commands import ViewCommands

        self.files = FileCommands(self)
        self.runs = RunCommands(self)
        parts = (self.files, EditCommands(self), ViewCommands(self), GraphCommands(self), self.runs)
        for part in parts:
            self.commands.register(*part.commands())

    def _build_menus(self) -> None:
        titles = {
            "File": tr("File"), "Edit": tr("Edit"), "View": tr("View"), "Graph": tr("Graph"),
            "Queue": tr("Queue"), "Window": tr("Window"), "Help": tr("Help"),
        }  # fmt: skip
        for name in MENUS:
            menu = self._make_menu(name)
            menu.setTitle(titles[name])
            self.frame.top_bar.menu_bar.addMenu(menu)

    def _make_menu(self, name: str) -> Menu:
        """Return a menu that is filled each time it opens, so that its ticks are right."""
        menu = Menu(self)

        def fill() -> None:
            menu.clear()
            if name == "Run":
                self.menus.fill_with(menu, RUN_MENU)
            else:
                self.menus.fill(menu, name)
            if name == "File":
                self.wiring.add_recent_menu(menu)

        menu.aboutToShow.connect(fill)
        return menu

    def _report(self, text: str, details: str) -> None:
        self.toast(text, details, is_problem=True)

    def _on_setting(self, name: str, value: object) -> None:
        if name in ("appearance.theme", "appearance.scale", "appearance.prompt_text"):
            self.apply_theme()
        self.wiring.on_setting(name, value)

    def apply_theme(self) -> None:
        """Show the window in the theme and scale of the settings."""
        look = style_of(self.settings)
        if look is self.look:
            return
        wider = look.scale / self.look.scale
        self.look = look
        dress(_application(), look)
        restyle(self, look)
        self.frame.fit_width(self.width(), round(self.width() * wider))
        if self._toasts is not None:
            self._toasts.apply_style(look)
        self.frame.arrange()
        self.style_changed.emit(look)

    def _restore_geometry(self) -> None:
        kept = self.state.get("geometry", "")
        if kept and self.restoreGeometry(QByteArray.fromBase64(QByteArray(kept.encode()))):
            return
        screen = QGuiApplication.primaryScreen()
        room = screen.availableGeometry() if screen is not None else None
        width, height = FIRST_SIZE
        if room is not None:
            width = min(width, room.width())
            height = min(height, room.height() - TITLE_BAR_ROOM)
        self.resize(width, height)
        if room is not None:
            self.move(room.center() - QPoint(width // 2, height // 2))

    def close_for_good(self) -> None:
        """Close without asking; what is unsaved is lost."""
        self._is_closing = True
        self.session.remember()
        self.background.close()
        self.journal.close()
        self.close()
        self.closed.emit()


def _application() -> QApplication:
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        raise RuntimeError("The window needs a QApplication.")
    return application
