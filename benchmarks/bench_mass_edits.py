"""How long the window stands still for edits of a whole large workflow.

    .venv/bin/python benchmarks/bench_mass_edits.py [--nodes 5000] [--rounds 3]

Every edit is made on all nodes at once, as the canvas makes it: ``edit`` is CPU time of the main
thread until the edit is done, ``painted`` until the next frame is on screen. Beside them stands
what the same edit took before such edits were looked at (median of 3, the same machine).
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from bench_canvas import VIEW_SIZE, definition, make_workflow
from PySide6.QtCore import QPointF
from PySide6.QtWidgets import QApplication

from app.engine.workflow.reader import read_workflow
from app.ui import theme
from app.ui.canvas.view import CanvasView
from app.ui.document import WorkflowDocument
from app.ui.run_state import RunState

BEFORE_MS = {
    "select all": 43, "nudge": 194, "undo nudge": 156, "mute": 273, "undo mute": 280,
    "collapse": 366, "undo collapse": 314, "copy": 103, "paste": 960, "undo paste": 346,
    "redo paste": 667, "delete": 514, "undo delete": 579, "redo delete": 199, "arrange": 470,
    "undo arrange": 245,
}  # fmt: skip
"""At 5,000 nodes, without the frame that follows."""


def edits(
    document: WorkflowDocument, view: CanvasView
) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the edits in an order in which each finds all nodes there and selected."""
    actions, stack = view.actions, document.undo_stack
    yield "select all", actions.select_all
    yield "nudge", lambda: actions.nudge(10, 0)
    yield "undo nudge", stack.undo
    yield "mute", actions.mute
    yield "undo mute", stack.undo
    yield "collapse", actions.collapse
    yield "undo collapse", stack.undo
    yield "copy", actions.copy
    yield "paste", lambda: actions.paste(QPointF(0.0, 40_000.0))
    yield "undo paste", stack.undo
    yield "redo paste", stack.redo
    stack.undo()
    actions.select_all()
    yield "delete", actions.delete
    yield "undo delete", stack.undo
    yield "redo delete", stack.redo
    stack.undo()
    actions.select_all()
    yield "arrange", actions.arrange
    yield "undo arrange", stack.undo


def measure(count: int) -> dict[str, tuple[float, float]]:
    """Return milliseconds of each edit, without and with the next frame."""
    application = QApplication.instance() or QApplication([])
    assert isinstance(application, QApplication)
    theme.load_fonts()
    kind = definition()
    workflow = read_workflow(json.dumps(make_workflow(count)))
    document = WorkflowDocument(workflow, {kind.name: kind})
    view = CanvasView(document, RunState(), theme.load_style("dark"))
    view.resize(*VIEW_SIZE)
    view.show()
    application.processEvents()
    view.actions.fit(animate=False)
    for _ in range(20):
        application.processEvents()
    # As the program does: garbage is collected when nobody touches the window.
    gc.collect()
    gc.disable()
    gc.freeze()
    found: dict[str, tuple[float, float]] = {}
    for name, edit in edits(document, view):
        application.processEvents()
        start = time.thread_time()
        edit()
        done = time.thread_time()
        application.processEvents()
        painted = time.thread_time()
        found[name] = ((done - start) * 1000, (painted - start) * 1000)
    view.close_view()
    view.deleteLater()
    application.processEvents()
    gc.unfreeze()
    gc.enable()
    return found


def main() -> int:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds = [measure(options.nodes) for _ in range(options.rounds)]
    print(f"{'edit of all nodes':<20}{'edit ms':>9}{'painted':>9}{'before':>9}{'ratio':>8}")
    for name in rounds[0]:
        edit = statistics.median(figures[name][0] for figures in rounds)
        painted = statistics.median(figures[name][1] for figures in rounds)
        before = BEFORE_MS.get(name) if options.nodes == 5000 else None
        beside = f"{before:>9}{before / edit:>8.1f}" if before else ""
        print(f"{name:<20}{edit:>9.0f}{painted:>9.0f}{beside}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
