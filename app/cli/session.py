"""An engine for the length of one command."""

from __future__ import annotations

import contextlib
import importlib
import signal
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from app.cli.messages import Console
from app.engine.errors import EaselError, Interrupted
from app.engine.files import home_folder
from app.engine.node_types.definition import NodeDefinition

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from app.engine.settings import Settings


@contextlib.contextmanager
def open_engine(
    console: Console,
    base_dir: str | None,
    pack_dirs: Sequence[str] = (),
    cache: str = "classic",
    node_text: TextIO | None = None,
    saves_workflow: bool = True,
) -> Iterator[Engine]:
    """Make an engine with all packs loaded, and close it at the end.

    Packs that cannot be loaded are named on standard error; the others are there. What
    packs and nodes print does not get among the results.

    Args:
        console: Where messages go.
        base_dir: Home folder, or None for the usual one.
        pack_dirs: Further folders of node packs.
        cache: What is kept between prompts: ``classic``, ``lru:N``, ``none`` or ``ram:GB``.
        node_text: Where the text goes that nodes print; standard error when None.
        saves_workflow: Whether saved pictures may carry their workflow; they do not where the
            artist has switched it off in the window.

    Raises:
        EaselError: One of ``pack_dirs`` is no folder.
    """
    check_pack_dirs(pack_dirs)
    from app.engine.engine import Engine
    from app.engine.settings import load_settings, settings_path

    home = home_folder(base_dir)
    settings = load_settings(settings_path(home))
    _compute_as_chosen(settings)
    saves_workflow = saves_workflow and bool(settings.get("running.metadata"))
    text = node_text or console.err
    with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
        engine = Engine(home, pack_dirs=tuple(pack_dirs), cache=cache)
        try:
            # Nodes and packs ask for the flag under this name, some while they are imported.
            importlib.import_module("comfy.cli_args").args.disable_metadata = not saves_workflow
            for report in engine.load_packs():
                if report.status == "failed":
                    console.say(f'Node pack "{report.name}" could not be loaded: {report.error}')
            yield engine
        finally:
            engine.close()


def _compute_as_chosen(settings: Settings) -> None:
    """Let models compute as the artist chose in the window, so that pictures are the same."""
    from app.engine.device import choose_compute

    choose_compute(
        str(settings.get("device.compute")),
        bool(settings.get("device.fast_cpu")),
        float(settings.get("device.model_memory")),
    )


def check_pack_dirs(pack_dirs: Sequence[str]) -> None:
    """Refuse folders of node packs that are not there, before anything slow begins.

    Raises:
        EaselError: One of them is no folder.
    """
    for name in pack_dirs:
        path = Path(name)
        if path.is_dir():
            continue
        reason = "it is a file" if path.exists() else "the folder does not exist"
        raise EaselError(
            f'Cannot use the node pack "{name}": {reason}. '
            "Name the folder of the pack, or a folder that holds packs."
        )


@contextlib.contextmanager
def stopped_by_keyboard(engine: Engine) -> Iterator[None]:
    """Let Ctrl+C stop the running prompt as the Stop button does, instead of failing a node.

    Does nothing outside the main thread, where signals do not arrive.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if engine.interrupt():
            # Raising wakes a node that sleeps or waits; a flag alone would not.
            raise Interrupted("Stopped from the keyboard.")
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def read_definitions(
    console: Console, object_info: str | None, base_dir: str | None, pack_dirs: Sequence[str]
) -> dict[str, NodeDefinition]:
    """Return node definitions, from a saved file or else from what is installed here.

    Raises:
        WorkflowFileError: The saved file cannot be used.
    """
    if object_info is None:
        with open_engine(console, base_dir, pack_dirs) as engine:
            return engine.registry.definitions()
    from app.cli.prompt_file import read_object_info

    return {
        name: NodeDefinition.from_object_info(name, entry)
        for name, entry in read_object_info(Path(object_info)).items()
    }
