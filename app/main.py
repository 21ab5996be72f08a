"""The only place where the parts are joined: settings, window, engine thread, event loop."""

from __future__ import annotations

import gc
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from app import __version__
from app.display import has_display
from app.engine.files import home_folder

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.ui.engine_worker import EngineWorker
    from app.ui.garbage import GarbageCollector
    from app.ui.main_window import MainWindow
    from app.ui.run_controller import RunController

RESOURCES = Path(__file__).resolve().parents[1] / "resources"
STARTER = RESOURCES / "default_workflow.json"

# Qt's wheels of this version lose a reference to None in nearly every call on these Pythons.
BROKEN_QT = (6, 12, 0)
FIRST_PYTHON_WITH_IMMORTAL_NONE = (3, 12)

# While the system loads torch's libraries, nobody else can load a compiled module, and who
# tries holds the interpreter. So the window's late parts come first.
ENGINE_AFTER_MS = 400

log = logging.getLogger("easel.ui")


def main(argv: list[str] | None = None) -> int:
    """Run Easel: a command of the command line, the window, or the starter without a display.

    Returns:
        The exit code: 0 when all went well, 2 for a word that is neither command nor file.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if arguments:
        from app.headless import COMMANDS, run_command

        if arguments[0] in COMMANDS:
            return run_command(arguments)
        if arguments[0] == "picture":
            from app.picture import run_picture

            return run_picture(arguments[1:])
        options = _parse(arguments)
        problem = _unknown_command(options.files)
        if problem:
            print(problem, file=sys.stderr)
            return 2
    else:
        options = Options()
    if not has_display():
        return _run_without_window(options)
    return run_window(options)


def _run_without_window(options: Options) -> int:
    """Run the files, or the starter workflow when there are none, one after the other."""
    from app.headless import run_command

    what = ", ".join(options.files) if options.files else "the starter workflow"
    verb = "run" if len(options.files) > 1 else "runs"
    print(f"There is no display, so {what} {verb} without a window.", flush=True)
    base = ["--base-dir", str(options.base_dir)] if options.base_dir else []
    return max(run_command(["run", file, *base]) for file in options.files or [str(STARTER)])


@dataclass
class Options:
    """What the command line says about the window.

    Attributes:
        files: Files to open.
        base_dir: Home folder, or None for the usual one.
        no_packs: Start with the built-in nodes alone.
    """

    files: list[str] = field(default_factory=list)
    base_dir: str | None = None
    no_packs: bool = False


def _parse(arguments: list[str]) -> Options:
    import argparse

    from app.headless import COMMANDS

    commands = "\n".join(f"  {name:<10}{text}" for name, text in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="easel",
        description="Open the window, with the given workflows or pictures that carry one.",
        epilog=f"commands without a window:\n{commands}\n\neasel COMMAND --help tells more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", help="files to open")
    parser.add_argument("--base-dir", help="home folder with models, input and output (~/Easel)")
    parser.add_argument("--no-packs", action="store_true", help="start without node packs")
    parser.add_argument("--version", action="version", version=f"Easel {__version__}")
    parsed = parser.parse_args(arguments)
    return Options(parsed.files, parsed.base_dir, parsed.no_packs)


def _unknown_command(files: Sequence[str]) -> str:
    """Return what is wrong with a bare word that can only be a command mistyped, or nothing."""
    import difflib

    from app.headless import COMMANDS

    known = [*COMMANDS, "picture"]
    for name in files:
        path = Path(name)
        is_word = path.name == name and not path.suffix
        if is_word and not path.exists():
            near = difflib.get_close_matches(name.casefold(), known, n=1, cutoff=0.0)
            return (
                f'easel: there is no command and no file "{name}". '
                f'Did you mean "easel {near[0]}"?\n'
                f"Commands: {', '.join(known)}. To open the window, run easel alone or with a file."
            )
    return ""


def run_window(options: Options) -> int:
    """Open the window and stay until it is closed."""
    # A collection in the middle of the start finds nothing and costs a tenth of it.
    gc.disable()
    problem = qt_problem()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    application = make_application()
    program = Program(application, options)
    return program.run()


def qt_problem() -> str:
    """Return why this Qt cannot be used with this Python, or an empty string."""
    import PySide6

    version = tuple(int(part) for part in PySide6.__version__.split(".")[:3])
    if version >= BROKEN_QT and sys.version_info < FIRST_PYTHON_WITH_IMMORTAL_NONE:
        return (
            f"PySide6 {PySide6.__version__} crashes on Python {sys.version_info.major}."
            f"{sys.version_info.minor}. Run: python3 launch.py --setup"
        )
    return ""


def make_application() -> QApplication:
    """Make the application object with the bundled fonts."""
    from PySide6.QtGui import QGuiApplication
    from PySide6.QtWidgets import QApplication

    from app.ui.theme import load_fonts

    # Short turns for the GUI thread while nodes run Python; many tiny torch calls like longer
    # ones, so one millisecond is the middle.
    sys.setswitchinterval(0.001)
    QGuiApplication.setDesktopFileName("easel")
    application = QApplication(sys.argv[:1])
    application.setApplicationName("Easel")
    application.setApplicationVersion(__version__)
    application.setQuitOnLastWindowClosed(False)
    load_fonts()
    return application


class Program:
    """The running program: the window, the engine's thread, and how both begin and end.

    Args:
        application: The application object.
        options: ``files``, ``base_dir`` and ``no_packs`` of the command line.

    Attributes:
        window: The main window, not yet shown.
        worker: The engine's thread, not yet started.
        controller: Carries runs between the two.
    """

    def __init__(self, application: QApplication, options: Options) -> None:
        from app.engine.node_types.definition_cache import cache_path, load_definitions
        from app.engine.settings import load_settings
        from app.ui.engine_worker import EngineWorker
        from app.ui.log_feed import LogFeed
        from app.ui.main_window import MainWindow
        from app.ui.run_controller import RunController

        self._application = application
        self._garbage: GarbageCollector | None = None
        self._log_feed = LogFeed(self._tell_log)
        home = self._home = home_folder(options.base_dir)
        settings = load_settings(home / "user" / "easel.settings.json")
        definitions = load_definitions(RESOURCES / "node_definitions.json.gz", cache_path(home))
        self.worker: EngineWorker = EngineWorker(
            home,
            pack_dirs=tuple(Path(folder) for folder in settings.get("packs.folders")),
            model_dirs=tuple(Path(folder) for folder in settings.get("folders.models")),
            cache=str(settings.get("device.cache")),
            load_packs=bool(settings.get("packs.load")) and not options.no_packs,
            keep_queue=True,
            early_cutoff=bool(settings.get("device.early_cutoff")),
            pure_workers=int(settings.get("device.pure_workers")),
        )
        self.controller: RunController = RunController(
            self.worker,
            lambda document: self.window.run_state_of(document),
            home,
            seed_control=str(settings.get("running.seed_control")),
        )
        self._settings = settings
        self.worker.set_metadata(bool(settings.get("running.metadata")))
        self.worker.set_previews(str(settings.get("running.previews")))
        self._choose_compute()
        settings.subscribe(self._on_setting)
        self.window: MainWindow = MainWindow(settings, definitions, self.controller, home)
        self.window.painted.connect(self._begin)
        self._log_feed.open()
        self._open_first(options.files)

    def run(self) -> int:
        """Show the window and stay until it is closed."""
        import asyncio

        import qasync

        loop = qasync.QEventLoop(self._application)
        asyncio.set_event_loop(loop)
        closed = asyncio.Event()
        self.window.closed.connect(closed.set)
        self.window.show()
        with loop:
            loop.run_until_complete(closed.wait())
        return self.close()

    def close(self) -> int:
        """End the threads. A node that never lets go does not keep the program alive."""
        self._log_feed.shut()
        if self.controller.close():
            if self._garbage is not None:
                self._garbage.close()
            return 0
        log.warning("A node did not react to Stop; the program ends without it.")
        os._exit(0)

    def _begin(self) -> None:
        """Start what the first paint did not need."""
        from PySide6.QtCore import QTimer

        from app.ui.garbage import GarbageCollector
        from app.ui.pack_widgets import PackWidgets
        from app.ui.prompt_help import PromptHelp

        gc.freeze()
        self._garbage = GarbageCollector(self._application)
        self.pack_widgets = PackWidgets(self.window)
        self.worker.widget_modules_found.connect(self.pack_widgets.take_modules)
        self.pack_widgets.failed.connect(self.controller.report_pack)
        self.window.canvas_wiring.view_made.connect(self.pack_widgets.watch)
        self.prompt_help = PromptHelp(self.window, self._find_model)
        self.worker.embeddings_found.connect(self.prompt_help.take_embeddings)
        self.window.canvas_wiring.view_made.connect(self.prompt_help.follow)
        for item in self.window.documents.items:
            view = self.window.canvas_view(item)
            if view is not None:
                self.pack_widgets.watch(view)
                self.prompt_help.follow(view)
        QTimer.singleShot(ENGINE_AFTER_MS, self.worker, self.worker.start)

    def _open_first(self, files: list[str]) -> None:
        if files:
            self.window.session.open_at_start([Path(name) for name in files])
        elif not self.window.state.get("tabs", []):
            self._open_starter()
        if self.window.documents.current is None:
            self.window.wiring.show_document(None)

    def _open_starter(self) -> None:
        """Open the starter workflow as an untitled document; one small bundled file."""
        from app.engine.workflow.reader import read_workflow

        workflow = read_workflow(STARTER.read_bytes(), name=STARTER.name)
        self.window.files.add(workflow, name="Starter")

    def _tell_log(self, level: str, text: str) -> None:
        """Show a line in the Log panel; any thread may call it."""
        self.controller.log_line.emit(level, text)

    def _find_model(self, kind: str, name: str) -> str | None:
        """Return the file of a model, also while the engine is not there yet; any thread may."""
        from app.engine.model_folders import ModelFolders

        engine = self.worker.engine
        folders = ModelFolders(self._home) if engine is None else engine.folders
        return folders.get_full_path(kind, name)

    def _on_setting(self, name: str, value: object) -> None:
        if name == "running.seed_control":
            self.controller.seed_control = str(value)
        elif name == "running.metadata":
            self.worker.set_metadata(bool(value))
        elif name == "running.previews":
            self.worker.set_previews(str(value))
        elif name in ("device.compute", "device.fast_cpu", "device.model_memory"):
            self._choose_compute()

    def _choose_compute(self) -> None:
        settings = self._settings
        self.worker.set_compute(
            str(settings.get("device.compute")),
            bool(settings.get("device.fast_cpu")),
            float(settings.get("device.model_memory")),
        )
