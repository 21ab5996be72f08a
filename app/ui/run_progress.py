"""Writes the engine's news about a run into the run state of its document.

Everything here runs on the GUI thread and only moves small values; pictures come ready made.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtGui import QImage

from app.engine.events import (
    ExecutingEvent,
    ExecutionCachedEvent,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
)
from app.ui.jobs import Job, lineage, root_key
from app.ui.output_images import LoadedOutput
from app.ui.run_state import NodePhase, RunState


def mark_waiting(job: Job, state: RunState) -> None:
    """Begin a run: all nodes of the prompt wait, earlier problems are gone."""
    state.is_running = True
    state.error = ""
    for key in {place for node in job.prompt or () for place in lineage(node)}:
        run = state.node(key)
        run.phase = NodePhase.WAITING
        run.value = run.maximum = 0.0
        run.seconds = None
        run.problem = run.problem_input = ""
        run.preview = None
        state.node_changed.emit(key)
    state.job_changed.emit()


def forget_problems(state: RunState) -> None:
    """Take the marks of earlier problems off: the document is sent to run again."""
    state.error = ""
    for key, run in state.nodes.items():
        if run.phase is NodePhase.FAILED:
            run.phase = NodePhase.IDLE
            run.problem = run.problem_input = ""
            state.node_changed.emit(key)
    state.job_changed.emit()


def mark_cached(event: ExecutionCachedEvent, job: Job, state: RunState) -> None:
    """Show which nodes keep their result."""
    kept = set(event.nodes)
    for node in event.nodes:
        for key in lineage(node):
            inside = f"{key}:"
            if all(other in kept for other in job.prompt or () if other.startswith(inside)):
                state.node(key).phase = NodePhase.CACHED
                state.node_changed.emit(key)


def mark_executing(event: ExecutingEvent, job: Job, state: RunState | None) -> str:
    """Show which node runs; return its key."""
    shown = event.display_node or event.node or ""
    job.node_began(event.node or shown, shown)
    meta = ((job.prompt or {}).get(event.node or "") or {}).get("_meta") or {}
    for key in lineage(shown) if state is not None else ():
        run = state.node(key)
        run.inner = "" if key == shown else str(meta.get("title") or "")
        run.phase = NodePhase.RUNNING
        run.value = run.maximum = 0.0
        state.node_changed.emit(key)
    return root_key(shown)


def mark_progress(event: ProgressEvent, job: Job, state: RunState | None) -> str:
    """Move a progress bar; return the node's key."""
    job.step(event.value, event.max)
    for key in lineage(event.node) if state is not None else ():
        run = state.node(key)
        run.value, run.maximum = event.value, event.max
        state.progress_changed.emit(key)
    return root_key(event.node)


def mark_finished(event: ProgressStateEvent, job: Job, state: RunState | None) -> None:
    """Show which nodes are done."""
    for node in event.nodes:
        if node.state != "finished":
            continue
        job.finished.add(node.node_id)
        for key in lineage(node.display_node_id) if state is not None else ():
            run = state.node(key)
            if run.phase is NodePhase.RUNNING and job.is_done(key):
                run.phase = NodePhase.DONE
                run.seconds = job.seconds_of(key)
                run.preview = None
                state.node_changed.emit(key)


def show_preview(event: PreviewEvent, image: QImage, job: Job, state: RunState | None) -> None:
    """Show the latest preview in its node and in the queue."""
    job.picture = image
    for key in lineage(event.display_node) if state is not None else ():
        state.node(key).preview = image
        state.node_changed.emit(key)


def show_output(loaded: LoadedOutput, state: RunState | None) -> None:
    """Show what a node delivered."""
    if loaded.images:
        loaded.job.picture = loaded.images[0]
    for key in lineage(loaded.key) if state is not None else ():
        run = state.node(key)
        run.images = loaded.images
        run.image_sizes = loaded.sizes
        run.image_files = loaded.files
        run.text = loaded.text
        state.node_changed.emit(key)


def mark_stopped(state: RunState) -> None:
    """Nothing runs or waits any more."""
    for key, run in state.nodes.items():
        if run.phase in (NodePhase.RUNNING, NodePhase.WAITING):
            run.phase = NodePhase.IDLE
            run.preview = None
            state.node_changed.emit(key)


def mark_over(state: RunState, report: Any) -> None:
    """A run is over, whatever came of it; ``report`` is the engine's ``RunReport``."""
    state.is_running = False
    mark_stopped(state)
    seconds: dict[str, float] = {}
    for node in report.nodes if report is not None else ():
        if not node.cached:
            for key in lineage(node.node_id):
                seconds[key] = seconds.get(key, 0.0) + node.seconds
    for key, value in seconds.items():
        run = state.peek(key)
        if run is not None and run.phase is NodePhase.DONE:
            run.seconds = value
            state.node_changed.emit(key)
    state.job_changed.emit()


def mark_failed(state: RunState, key: str, short: str, input_name: str, heading: str) -> None:
    """Show a problem at its node."""
    state.error = heading
    for place in lineage(key) if key else ():
        run = state.node(place)
        run.phase = NodePhase.FAILED
        run.problem = short
        run.problem_input = input_name if place == key else ""
        run.preview = None
        state.node_changed.emit(place)
    state.job_changed.emit()
