"""The jobs that were queued from the window: which document, how far, and what it made so far."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import shiboken6
from PySide6.QtGui import QImage

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.to_prompt import Conversion
from app.engine.workflow.writer import Snapshot, serialize
from app.ui.document import WorkflowDocument
from app.ui.run_port import JobRow, JobState

_TELL_INTERVAL_S = 0.1


def root_key(node_id: str) -> str:
    """Return the key in the root graph: ``"57:8"`` lies inside host ``"57"``."""
    return node_id.split(":", 1)[0]


def lineage(node_id: str) -> tuple[str, ...]:
    """Return the ids on the way to a node, the hosts it lies in first: ``57`` and ``57:8``."""
    parts = node_id.split(":")
    return tuple(":".join(parts[: depth + 1]) for depth in range(len(parts)))


def running_words(job: Job, node_id: str, title: str) -> str:
    """Return what runs, in words: ``Upscale › KSampler`` for a node inside a subgraph (U-200).

    Args:
        job: The job.
        node_id: The node of the prompt that runs.
        title: Title of the node that the artist sees for it in the root graph.
    """
    entry = (job.prompt or {}).get(node_id) or {}
    inner = str((entry.get("_meta") or {}).get("title") or "")
    return f"{title} › {inner}" if inner and ":" in node_id else title


def prepare_prompt(
    copy: Snapshot,
    definitions: Mapping[str, NodeDefinition],
    convert: Callable[..., Conversion],
) -> tuple[Conversion, dict[str, Any]]:
    """Turn a snapshot into a prompt, away from the GUI thread.

    Returns:
        The conversion, and the workflow as JSON data for the pictures' metadata.
    """
    workflow = read_workflow(serialize(copy))
    return convert(workflow, definitions), workflow.raw


@dataclass(eq=False)
class Job:
    """One queued prompt.

    Attributes:
        id: Its prompt id.
        title: Name of the document.
        front: It was queued before the others.
        targets: Output nodes to run, or None for all.
        prompt: The prompt, once it has been made.
        finished: Ids of the prompt's nodes that are done.
        picture: Latest preview or result.
    """

    id: str
    title: str
    owner: WorkflowDocument | None
    front: bool = False
    targets: tuple[str, ...] | None = None
    prompt: Mapping[str, Any] | None = None
    extra_data: dict[str, Any] = field(default_factory=dict)
    state: JobState = JobState.WAITING
    finished: set[str] = field(default_factory=set)
    picture: QImage | None = None
    note: str = ""
    _value: float = 0.0
    _maximum: float = 0.0
    _node_started: float = 0.0
    _started: float = 0.0
    _told: float = 0.0
    _seconds: dict[str, float] = field(default_factory=dict)
    _open: dict[str, set[str]] = field(default_factory=dict)

    @property
    def document(self) -> WorkflowDocument | None:
        """The document it came from, unless that has been closed."""
        return self.owner if self.owner is not None and shiboken6.isValid(self.owner) else None

    def begin(self) -> None:
        """Take note that it runs now."""
        self.state = JobState.RUNNING
        self._started = time.monotonic()

    def node_began(self, node_id: str, key: str) -> None:
        """Take note that a node of the prompt begins; ``key`` is the node the artist sees."""
        self._node_started = time.monotonic()
        for place in lineage(key):
            if place not in self._open:
                self._open[place] = self._nodes_in(place) or {node_id}
            self._seconds.setdefault(place, self._node_started)
        self._value = self._maximum = 0.0

    def _nodes_in(self, place: str) -> set[str]:
        inside = f"{place}:"
        return {node for node in self.prompt or () if node == place or node.startswith(inside)}

    def step(self, value: float, maximum: float) -> None:
        """Take note of the running node's progress."""
        self._value, self._maximum = value, maximum

    def is_done(self, key: str) -> bool:
        """Tell whether all nodes inside ``key`` are done."""
        return self._open.get(key, set()) <= self.finished

    def seconds_of(self, key: str) -> float:
        """Return the time since ``key`` began."""
        return time.monotonic() - self._seconds.get(key, time.monotonic())

    def fraction(self) -> float:
        """Return the progress of the whole job, 0 to 1."""
        total = len(self.prompt or ())
        if not total:
            return 0.0
        inner = self._value / self._maximum if self._maximum > 0 else 0.0
        return min(1.0, (len(self.finished) + min(1.0, inner)) / total)

    def title_of(self, key: str) -> str:
        """Return the title of a node, by its key in the prompt."""
        document = self.document
        title = (((self.prompt or {}).get(key) or {}).get("_meta") or {}).get("title")
        if title:
            return str(title)
        node = document.bound.nodes.get(root_key(key)) if document is not None else None
        return node.title if node is not None else (key or self.title)

    def words(self, node_title: str) -> str:
        """Return what runs now: the node, then steps and time left on a second line."""
        if not node_title:
            self.note = "Starting"
            return "Starting\n"
        if self._maximum > 1:
            steps = f"{self._value:.0f} of {self._maximum:.0f} steps"
            self.note = f"{node_title}, {self._value:.0f} of {self._maximum:.0f}"
            return f"{node_title}\n{steps}{self._time_left()}"
        self.note = node_title
        return f"{node_title}\n"

    def _time_left(self) -> str:
        elapsed = time.monotonic() - self._node_started
        if self._value < 2 or elapsed < 0.5:
            return ""
        left = round(elapsed / self._value * (self._maximum - self._value))
        return f"   {left // 60}:{left % 60:02d} left"

    def should_tell(self) -> bool:
        """Tell whether the queue panel may hear of progress again; ten times a second do."""
        now = time.monotonic()
        if now - self._told < _TELL_INTERVAL_S:
            return False
        self._told = now
        return True

    def row(self) -> JobRow:
        """Return the job as the queue panel shows it."""
        return JobRow(
            id=self.id,
            title=self.title,
            note=self.note,
            state=self.state,
            fraction=self.fraction(),
            picture=self.picture,
        )


class JobTable:
    """All jobs that run or wait, in the order in which they will run."""

    def __init__(self) -> None:
        self._jobs: list[Job] = []

    def add(
        self,
        document: WorkflowDocument,
        *,
        front: bool = False,
        targets: tuple[str, ...] | None = None,
    ) -> Job:
        """Add a job for ``document``."""
        job = Job(
            id=str(uuid.uuid4()), title=document.title, owner=document, front=front, targets=targets
        )
        if front:
            self._jobs.insert(self._first_waiting(), job)
        else:
            self._jobs.append(job)
        return job

    def adopt(self, job_id: str, prompt: Mapping[str, Any]) -> None:
        """Add a waiting job that an earlier session left behind, unless it is known."""
        if self.find(job_id) is None:
            self._jobs.append(
                Job(id=job_id, title="From the last session", owner=None, prompt=prompt)
            )

    def find(self, job_id: str) -> Job | None:
        """Return the job of that prompt id, if it is ours and not over."""
        return next((job for job in self._jobs if job.id == job_id), None)

    def remove(self, job: Job) -> None:
        """Forget a job that is over."""
        if job in self._jobs:
            self._jobs.remove(job)

    def waiting(self) -> list[Job]:
        """Return the jobs that wait."""
        return [job for job in self._jobs if job.state is JobState.WAITING]

    def to_front(self, job: Job) -> None:
        """Let a waiting job be the next one."""
        self._jobs.remove(job)
        self._jobs.insert(self._first_waiting(), job)

    def rows(self) -> list[JobRow]:
        """Return all jobs as the queue panel shows them."""
        return [job.row() for job in self._jobs]

    def _first_waiting(self) -> int:
        for index, job in enumerate(self._jobs):
            if job.state is JobState.WAITING:
                return index
        return len(self._jobs)
