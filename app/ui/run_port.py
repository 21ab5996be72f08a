"""The seam between the window and whatever runs workflows.

The window knows only this class: it asks for runs and follows the signals. ``app.ui`` never
imports the engine; the run controller subclasses :class:`RunPort`, and tests use a small fake.
Everything here lives on the GUI thread.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QImage

from app.ui.document import WorkflowDocument


class JobState(enum.Enum):
    """What became of a job so far."""

    RUNNING = "running"
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class JobRow:
    """One job in the queue panel.

    Attributes:
        id: Names the job when it is cancelled or moved.
        title: Name of the document it came from.
        note: One line on how far it is, or on what differs from the job before it.
        state: What became of it.
        fraction: Progress of the whole job, 0 to 1; -1 when it cannot be told.
        picture: Latest preview or result, about 128 pixels wide, or None.
    """

    id: str
    title: str
    note: str = ""
    state: JobState = JobState.WAITING
    fraction: float = 0.0
    picture: QImage | None = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """One thing that may solve a problem.

    Attributes:
        title: Words on the button.
        run: Called when it is pressed.
        icon: Name of an icon in ``resources/icons``, or empty.
    """

    title: str
    run: Callable[[], None]
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that went wrong, as the problems panel shows it.

    Attributes:
        id: The same id again replaces the earlier problem.
        title: Cause in two or three words: "Out of graphics memory".
        place: Where: "KSampler, step 12 of 20".
        heading: Names node and cause: "KSampler ran out of graphics memory".
        text: One or two sentences: what happened, and what was kept.
        remedies: The best one first. "Go to node" is added by the panel.
        details: Trace or other long text; its last line is the error itself.
        error: Class name of the error, shown beside the folded details.
        document: The document it belongs to, or None.
        graph_id: Graph in which the node lies; empty for the root.
        node_key: The node at fault, or empty.
        node_path: Where it lies when that is inside subgraphs: the keys of the nodes to enter and
            its own, with colons between them; else as ``node_key``.
        stops_work: Whether a run ended or was refused because of it.
    """

    id: str
    title: str
    place: str = ""
    heading: str = ""
    text: str = ""
    remedies: tuple[Remedy, ...] = ()
    details: str = ""
    error: str = ""
    document: WorkflowDocument | None = None
    graph_id: str = ""
    node_key: str = ""
    node_path: str = ""
    stops_work: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """A picture that was made.

    Attributes:
        path: Absolute path of the file.
        picture: Small picture, at least 192 pixels on the shorter side where the full one is.
        size: Width and height of the full picture, in pixels.
        time: When it was made, in seconds since 1970.
        title: Name of the document it came from.
        node_key: The node that made it.
        run_id: The run that made it, or empty.
    """

    path: str
    picture: QImage
    size: tuple[int, int] = (0, 0)
    time: float = 0.0
    title: str = ""
    node_key: str = ""
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """What the machine works with; all sizes in bytes, 0 where unknown.

    Attributes:
        name: "NVIDIA RTX 4070", or the processor's name.
        kind: ``cuda``, ``mps``, ``cpu`` ...
        note: A few words such as the precision mode, or empty.
        models: Memory that loaded models take.
        streamed: How many of them do not fit and are read layer by layer.
    """

    name: str = ""
    kind: str = "cpu"
    video_used: int = 0
    video_total: int = 0
    memory_used: int = 0
    memory_total: int = 0
    note: str = ""
    models: int = 0
    streamed: int = 0


@dataclass(frozen=True, slots=True)
class PackReport:
    """How one node pack loaded.

    Attributes:
        name: Folder or file name.
        nodes: Number of node types it brought.
        seconds: Time the import took.
        problem: One sentence when it could not be loaded, else empty.
        details: The trace.
        is_enabled: False when the artist has switched it off.
    """

    name: str
    nodes: int = 0
    seconds: float = 0.0
    problem: str = ""
    details: str = ""
    is_enabled: bool = True


@dataclass(slots=True)
class RunPortState:
    """What was last told; late listeners (panels that open later) read it here."""

    jobs: list[JobRow] = field(default_factory=list)
    device: DeviceInfo = field(default_factory=DeviceInfo)
    packs: list[PackReport] = field(default_factory=list)


class RunPort(QObject):
    """What the window asks of the engine's side, and what it hears from it.

    Signals:
        queue_changed: All rows (:class:`JobRow`), running ones first.
        job_progress: Words for the top bar and the fraction of the whole job; -1 when it cannot
            be told. The first part of the words, up to a newline, is set strong; the rest follows
            in quieter text. Empty words mean that nothing runs.
        problem_raised: A :class:`Problem`.
        problems_cleared: The document whose problems are out of date, or None for all.
        result_added: A :class:`Result`.
        definitions_changed: Node definitions by type name, after packs have loaded or changed.
        device_changed: A :class:`DeviceInfo`, every second or so.
        log_line: Level (``debug``, ``info``, ``warning``, ``error``) and one line of text.
        pack_reports_changed: All :class:`PackReport` rows.
        paused_changed: Whether the queue is held after the present job.
    """

    queue_changed = Signal(object)
    job_progress = Signal(str, float)
    problem_raised = Signal(object)
    problems_cleared = Signal(object)
    result_added = Signal(object)
    definitions_changed = Signal(object)
    device_changed = Signal(object)
    log_line = Signal(str, str)
    pack_reports_changed = Signal(object)
    paused_changed = Signal(bool)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.state = RunPortState()
        self.queue_changed.connect(self._keep_jobs)
        self.device_changed.connect(self._keep_device)
        self.pack_reports_changed.connect(self._keep_packs)

    def run(
        self,
        document: WorkflowDocument,
        count: int,
        front: bool = False,
        targets: Iterable[str] | None = None,
    ) -> None:
        """Queue the document.

        Args:
            document: What to run; the job keeps its own copy.
            count: How many times, at least 1, with seed control in between.
            front: Before all waiting jobs instead of after them.
            targets: Keys of the output nodes to run, or None for all.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Stop the running job."""
        raise NotImplementedError

    def clear_pending(self) -> None:
        """Take all waiting jobs out of the queue."""
        raise NotImplementedError

    def cancel(self, job_id: str) -> None:
        """Stop or take out one job."""
        raise NotImplementedError

    def move_to_front(self, job_id: str) -> None:
        """Let a waiting job run next."""
        raise NotImplementedError

    def set_paused(self, paused: bool) -> None:
        """Hold the queue after the present job, or go on."""
        raise NotImplementedError

    def free_memory(self) -> None:
        """Unload models and forget kept results."""
        raise NotImplementedError

    def refresh_definitions(self) -> None:
        """Read node definitions and file lists anew (U-053)."""
        raise NotImplementedError

    def workflow_of_run(self, run_id: str) -> Mapping[str, Any] | None:
        """Return the workflow that a job of the queue or of the history ran, as JSON data.

        Any thread may call it; it may block. The caller changes nothing in it.

        Returns:
            None for a job that is not known, or that kept no workflow.
        """
        return None

    @property
    def is_running(self) -> bool:
        """Whether a job runs now."""
        return any(row.state is JobState.RUNNING for row in self.state.jobs)

    @property
    def waiting_count(self) -> int:
        """Number of jobs that wait."""
        return sum(row.state is JobState.WAITING for row in self.state.jobs)

    def _keep_jobs(self, rows: list[JobRow]) -> None:
        self.state.jobs = rows

    def _keep_device(self, device: DeviceInfo) -> None:
        self.state.device = device

    def _keep_packs(self, reports: list[PackReport]) -> None:
        self.state.packs = reports
