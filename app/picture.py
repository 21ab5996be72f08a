"""``easel picture FILE -o OUT.png``: a workflow as a picture, drawn without a window."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from app.cli.known_types import known_types
from app.cli.messages import Console, ExitCode
from app.engine.errors import EaselError, WorkflowFileError
from app.engine.node_types.definition import NodeDefinition

if TYPE_CHECKING:
    from PySide6.QtGui import QImage
    from PySide6.QtWidgets import QApplication

    from app.engine.workflow.model import Workflow

THEMES: Final = ("dark", "light")
MOST_PIXELS: Final = 80_000_000
"""Larger pictures are drawn smaller; this many take 320 MB while they are made."""

FORMATS: Final = {".png": "PNG", ".jpg": "JPG", ".jpeg": "JPG", ".webp": "WEBP"}
"""Endings of the pictures that can be written, with Qt's names of their formats."""

_QUALITY: Final = 95
_FARTHEST: Final = 1e7
"""Longest side in units; beyond, a node is less than a pixel."""

_SMALLEST_SCALE: Final = 0.02
_LARGEST_SCALE: Final = 8.0


def run_picture(argv: Sequence[str], console: Console | None = None) -> int:
    """Run the command and return its exit code.

    Args:
        argv: The arguments behind ``easel picture``.
        console: Where messages go; the streams of the program when None.

    Returns:
        0 when all pictures are written, 2 when a file or the request cannot be used.
    """
    console = console or Console(sys.stdout, sys.stderr)
    try:
        options = _parse(argv)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else ExitCode.INVALID
    from PySide6.QtCore import QEvent

    application = _application()
    try:
        definitions = known_types(options.object_info, options.base_dir)
    except EaselError as error:
        console.say(str(error))
        return ExitCode.INVALID
    code = ExitCode.OK
    for name in options.files:
        try:
            out = _output_path(Path(name), options.output)
            _write_picture(Path(name), out, options, definitions, console)
        except EaselError as error:
            console.say(str(error))
            code = ExitCode.INVALID
        # No event loop runs here that would delete what has been drawn.
        application.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return code


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="easel picture", description="Draw workflows as pictures."
    )
    parser.add_argument("files", nargs="+", metavar="file", help="workflows, or what carries one")
    parser.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        help=f"the picture ({', '.join(FORMATS)}), or a folder; by default the present one",
    )
    parser.add_argument("--scale", type=_scale, default=1.0, help="pixels per unit, 0.02 to 8")
    parser.add_argument("--theme", choices=THEMES, default=THEMES[0], help="colours")
    parser.add_argument(
        "--graph", default="", metavar="NAME", help="draw this subgraph, by its name or id"
    )
    parser.add_argument(
        "--object-info",
        metavar="FILE",
        help="node definitions saved from another install (JSON, may be .gz)",
    )
    parser.add_argument("--base-dir", metavar="DIR", help="home folder (default: ~/Easel)")
    options = parser.parse_args(argv)
    if options.output and len(options.files) > 1 and not Path(options.output).is_dir():
        parser.error("several pictures need a folder that is there")
    return options


def _output_path(path: Path, output: str | None) -> Path:
    """Return where the picture of a file goes.

    Raises:
        WorkflowFileError: It would take the place of the file itself, or has an ending that
            stands for no picture that can be written.
    """
    out = Path(output or ".")
    if out.is_dir():
        out = out / f"{path.stem}.png"
    if out.suffix.lower() not in FORMATS:
        raise WorkflowFileError(
            f'Cannot write "{out}": pictures end in {", ".join(FORMATS)}. '
            "Name one of these, or a folder that is there."
        )
    if out.resolve() == path.resolve():
        raise WorkflowFileError(
            f'The picture would take the place of "{path}". Name another with --output.'
        )
    return out


def _scale(text: str) -> float:
    value = float(text)
    if not _SMALLEST_SCALE <= value <= _LARGEST_SCALE:
        raise argparse.ArgumentTypeError(f"must be {_SMALLEST_SCALE} to {_LARGEST_SCALE:g}")
    return value


def _application() -> QApplication:
    """Return the application object, made for a machine without a display if need be."""
    from PySide6.QtWidgets import QApplication

    from app.ui.theme import load_fonts

    running = QApplication.instance()
    if isinstance(running, QApplication):
        return running
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication(["easel"])
    load_fonts()
    return application


def _write_picture(
    path: Path,
    out: Path,
    options: argparse.Namespace,
    definitions: Mapping[str, NodeDefinition],
    console: Console,
) -> None:
    from app.engine.workflow.reader import open_workflow

    workflow = open_workflow(path, definitions=definitions)
    graph_id = find_graph(workflow, options.graph)
    image = render(
        workflow, definitions, graph_id=graph_id, scale=options.scale, theme=options.theme
    )
    kind = FORMATS[out.suffix.lower()]
    # Quality means effort to Qt's PNG writer; the others would blur small text without it.
    if not image.save(str(out), kind, -1 if kind == "PNG" else _QUALITY):
        raise WorkflowFileError(f'Cannot write "{out}": the folder or the disk refuses it.')
    console.give(f"{out}: {image.width()} x {image.height()}")


def find_graph(workflow: Workflow, name: str) -> str:
    """Return the id of a graph by its id or its name; an empty name is the root.

    Raises:
        WorkflowFileError: There is no such subgraph.
    """
    if not name or name in workflow.subgraphs:
        return name
    names = {key: str(graph.raw.get("name")) for key, graph in workflow.subgraphs.items()}
    for key, each in names.items():
        if each == name:
            return key
    there = ", ".join(f'"{each}"' for each in names.values()) or "none"
    raise WorkflowFileError(f'There is no subgraph "{name}" in this file; it has {there}.')


def render(
    workflow: Workflow,
    definitions: Mapping[str, NodeDefinition],
    *,
    graph_id: str = "",
    scale: float = 1.0,
    theme: str = THEMES[0],
) -> QImage:
    """Draw one graph of a workflow with all that belongs to it. Needs an application object.

    Args:
        workflow: The document; only read.
        definitions: Node definitions by type name.
        graph_id: The graph; empty for the root.
        scale: Pixels per unit; less when the picture would have over :data:`MOST_PIXELS`.
        theme: Name of a built-in theme.

    Raises:
        WorkflowFileError: Its nodes lie too far apart for any picture.
    """
    from app.ui.canvas.export import picture_rect, render_image
    from app.ui.canvas.scene import CanvasScene
    from app.ui.document import WorkflowDocument
    from app.ui.run_state import RunState
    from app.ui.theme import load_style

    document = WorkflowDocument(workflow, definitions)
    if graph_id:
        document.show_graph(graph_id)
    run_state = RunState(document)
    scene = CanvasScene(document, run_state, load_style(theme))
    try:
        rect = picture_rect(scene)
        if max(rect.width(), rect.height()) > _FARTHEST:
            raise WorkflowFileError("Cannot draw this workflow: its nodes lie too far apart.")
        most = (MOST_PIXELS / max(1.0, rect.width() * rect.height())) ** 0.5
        return render_image(scene, scale=min(scale, most))
    finally:
        scene.disconnect_document()
        scene.deleteLater()
        document.deleteLater()
