"""What is known of a document's last run: progress, previews, pictures and problems per node.

Never part of the file and never touched by undo (U-226). The canvas paints from it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage


class NodePhase(enum.Enum):
    """How far a node is in the present or last run."""

    IDLE = "idle"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CACHED = "cached"
    FAILED = "failed"


@dataclass(slots=True)
class NodeRun:
    """One node's part in a run.

    Attributes:
        phase: How far it is.
        value: Steps done, of ``maximum``.
        maximum: Steps in all; 0 when the node reports none.
        seconds: Time it took, once done.
        inner: Title of the node that runs inside, while this one is a subgraph that runs.
        problem: One sentence when it failed or was refused, else empty.
        problem_input: Name of the input at fault, or empty.
        preview: Latest preview while it runs.
        images: Pictures it delivered, small enough to draw (previews of the saved files).
        image_sizes: ``(width, height)`` of the full pictures, in pixels, as in :attr:`images`.
        image_files: Absolute paths of the full pictures.
        text: Text it delivered.
        ui: The ui output as the node gave it.
    """

    phase: NodePhase = NodePhase.IDLE
    value: float = 0.0
    maximum: float = 0.0
    seconds: float | None = None
    inner: str = ""
    problem: str = ""
    problem_input: str = ""
    preview: QImage | None = None
    images: list[QImage] = field(default_factory=list)
    image_sizes: list[tuple[int, int]] = field(default_factory=list)
    image_files: list[str] = field(default_factory=list)
    text: str = ""
    ui: Mapping[str, Any] = field(default_factory=dict)


class RunState(QObject):
    """The node runs of one document, by node key of the root graph.

    Signals:
        node_changed: Something other than the progress of this node changed.
        progress_changed: Only the progress of this node changed (up to 60 times a second).
        job_changed: Running, waiting or ended as a whole.
    """

    node_changed = Signal(str)
    progress_changed = Signal(str)
    job_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.nodes: dict[str, NodeRun] = {}
        self.is_running = False
        self.error: str = ""

    def node(self, key: str) -> NodeRun:
        """Return a node's run, made on first use."""
        run = self.nodes.get(key)
        if run is None:
            run = self.nodes[key] = NodeRun()
        return run

    def peek(self, key: str) -> NodeRun | None:
        """Return a node's run if there is one."""
        return self.nodes.get(key)
