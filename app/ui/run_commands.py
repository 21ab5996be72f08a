"""The Queue menu: run, stop, clear, free."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.engine.workflow.binding import BoundGraph
from app.ui.commands import Command
from app.ui.words import tr

if TYPE_CHECKING:
    from app.ui.main_window import MainWindow

ASK_ABOVE = 5
"""Clearing more waiting jobs than this asks first (U-325)."""


class RunCommands:
    """Commands of the Queue menu.

    Args:
        window: The window they work for.
    """

    def __init__(self, window: MainWindow) -> None:
        self._window = window

    def commands(self) -> list[Command]:
        """Return the commands."""
        port = self._window.run_port
        can = self.can_run
        return [
            Command("run.run", tr("Run"), lambda: self.run(), "Queue/1", enabled=can,
                    icon="play", words="queue prompt start"),
            Command("run.run_first", tr("Run before the others"), lambda: self.run(front=True),
                    "Queue/1", enabled=can, icon="skip-forward", words="front next"),
            Command("run.run_branch", tr("Run branch"), self.run_branch,
                    "Queue/1", enabled=self._has_branch, words="to here partial selected outputs"),
            Command("run.stop", tr("Stop"), port.stop, "Queue/2", enabled=lambda: port.is_running,
                    icon="circle-stop", words="interrupt cancel"),
            Command("run.clear", tr("Clear waiting jobs"), self.clear, "Queue/2",
                    enabled=lambda: port.waiting_count > 0, words="queue pending"),
            Command("run.pause", tr("Pause after this job"), self._toggle_pause, "Queue/2",
                    checked=lambda: self._window.wiring.is_paused, words="hold queue"),
            Command("run.free_memory", tr("Free memory"), port.free_memory, "Queue/3",
                    words="unload models cache"),
            Command("run.show_queue", tr("Show queue and results"),
                    lambda: self._window.frame.show_side("right", True), "Queue/4",
                    enabled=self._window.has_document),
        ]  # fmt: skip

    def can_run(self) -> bool:
        """Tell whether there is anything to run."""
        document = self._window.document
        return document is not None and bool(document.workflow.root.nodes)

    def run(self, *, front: bool = False, targets: Iterable[str] | None = None) -> None:
        """Queue the shown document as often as the count says."""
        window = self._window
        document = window.document
        if document is None:
            return
        view = window.view
        if view is not None:
            # What is being typed belongs to this run.
            view.editors.commit()
        window.run_port.run(document, window.frame.top_bar.count.value, front, targets)

    def run_branch(self) -> None:
        """Run only what the selected output nodes need (U-326)."""
        targets = self._targets()
        if targets:
            self.run(targets=targets)

    def clear(self) -> None:
        """Take out all waiting jobs; many of them only after a question."""
        port = self._window.run_port
        count = port.waiting_count
        if count <= ASK_ABOVE:
            port.clear_pending()
            return
        card = self._window.ask(
            tr("Clear {count} waiting jobs?").format(count=count),
            tr("The running job goes on."),
            [("clear", tr("Clear"))],
            danger="clear",
        )
        card.answered.connect(lambda answer: port.clear_pending() if answer == "clear" else None)

    def _toggle_pause(self) -> None:
        self._window.run_port.set_paused(not self._window.wiring.is_paused)

    def _has_branch(self) -> bool:
        return bool(self._targets())

    def _targets(self) -> list[str]:
        """Return the output nodes that are selected, or that hang from a selected node."""
        view, document = self._window.view, self._window.document
        if view is None or document is None or document.graph_id:
            return []
        return outputs_from(document.bound, view.actions.selected)


def outputs_from(bound: BoundGraph, keys: Iterable[str]) -> list[str]:
    """Return the output nodes among ``keys`` and below them, in the order of the graph."""
    below: dict[str, list[str]] = {}
    for link in bound.links.values():
        below.setdefault(link.origin, []).append(link.target)
    seen: set[str] = set()
    waiting = [key for key in keys if key in bound.nodes]
    while waiting:
        key = waiting.pop()
        node = bound.nodes[key]
        if key in seen:
            continue
        seen.add(key)
        if node.definition is None or not node.definition.output_node:
            waiting += below.get(key, ())
    return [
        key
        for key, node in bound.nodes.items()
        if key in seen and node.definition is not None and node.definition.output_node
    ]
