"""Follows the engine's events of a run into the jobs, the run states and the window."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject

from app.engine.events import (
    ExecutedEvent,
    ExecutingEvent,
    ExecutionCachedEvent,
    ExecutionErrorEvent,
    ExecutionInterruptedEvent,
    ExecutionStartEvent,
    LogsEvent,
    PreviewEvent,
    ProgressEvent,
    ProgressStateEvent,
)
from app.ui import run_progress
from app.ui.files_thread import FilesThread
from app.ui.job_board import JobBoard
from app.ui.jobs import root_key, running_words
from app.ui.output_images import LoadedOutput, load_output
from app.ui.run_port import JobState, Result
from app.ui.run_problems import RunProblems

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from app.ui.engine_worker import EngineSignals

log = logging.getLogger("easel.run")


class RunEvents(QObject):
    """Brings the news of runs to where they are shown.

    Args:
        board: The jobs.
        problems: Tells of those that fail.
        files: Reads the pictures that nodes saved.
        home: Home folder, under which ``output``, ``input`` and ``temp`` lie.
    """

    def __init__(
        self,
        board: JobBoard,
        problems: RunProblems,
        files: FilesThread,
        home: Path,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._board = board
        self._problems = problems
        self._files = files
        self._home = home

    def follow(self, signals: EngineSignals) -> None:
        """Listen to the engine's events."""
        signals.execution_start.connect(self._on_start)
        signals.execution_cached.connect(self._on_cached)
        signals.executing.connect(self._on_executing)
        signals.progress.connect(self._on_progress)
        signals.progress_state.connect(self._on_progress_state)
        signals.executed.connect(self._on_executed)
        signals.execution_error.connect(self._on_error)
        signals.execution_interrupted.connect(self._on_interrupted)
        signals.b_preview.connect(self._on_preview)
        signals.logs.connect(self._on_log)
        signals.run_finished.connect(self._on_finished)

    def _on_start(self, event: ExecutionStartEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is None:
            return
        job.begin()
        if state is not None:
            run_progress.mark_waiting(job, state)
        self._board.tell_progress(job, "")
        self._board.tell_queue()

    def _on_cached(self, event: ExecutionCachedEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None:
            job.finished.update(event.nodes)
        if job is not None and state is not None:
            run_progress.mark_cached(event, job, state)

    def _on_executing(self, event: ExecutingEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None and event.node is not None:
            key = run_progress.mark_executing(event, job, state)
            self._board.tell_progress(job, running_words(job, event.node, job.title_of(key)))

    def _on_progress(self, event: ProgressEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None:
            key = run_progress.mark_progress(event, job, state)
            self._board.tell_progress(job, running_words(job, event.node, job.title_of(key)))

    def _on_progress_state(self, event: ProgressStateEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None:
            run_progress.mark_finished(event, job, state)

    def _on_preview(self, event: PreviewEvent, image: QImage) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None:
            run_progress.show_preview(event, image, job, state)

    def _on_executed(self, event: ExecutedEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is None or not event.output:
            return
        key = event.display_node
        if state is not None:
            state.node(key).ui = event.output
        output = dict(event.output)
        cached = event.cached
        self._files.submit(
            lambda: load_output(self._home, output, job, key, cached=cached), self._show_output
        )

    def _show_output(self, loaded: LoadedOutput) -> None:
        run_progress.show_output(loaded, self._board.state_of(loaded.job))
        if loaded.cached:
            return
        for index, path in enumerate(loaded.files):
            if loaded.kept[index]:
                self._board.port.result_added.emit(
                    Result(
                        path=path,
                        picture=loaded.images[index],
                        size=loaded.sizes[index],
                        time=time.time(),
                        title=loaded.job.title,
                        node_key=root_key(loaded.key),
                        run_id=loaded.job.id,
                    )
                )

    def _on_error(self, event: ExecutionErrorEvent) -> None:
        job, _ = self._board.find(event.prompt_id)
        if job is not None:
            self._problems.failed(job, event.payload)

    def _on_interrupted(self, event: ExecutionInterruptedEvent) -> None:
        job, state = self._board.find(event.prompt_id)
        if job is not None:
            job.state = JobState.STOPPED
        if state is not None:
            run_progress.mark_stopped(state)

    def _on_log(self, event: LogsEvent) -> None:
        self._board.port.log_line.emit(event.level, event.text)

    def _on_finished(self, event: Any) -> None:
        result = event.result
        job, state = self._board.find(result.prompt_id)
        if job is None:
            return
        if result.node_errors or (result.status == "error" and job.state is JobState.WAITING):
            self._problems.refused(job, result)
        if result.report is not None and job.state is not JobState.FAILED:
            log.info(
                "%s: %d nodes in %.1f s", job.title, len(job.prompt or ()), result.report.seconds
            )
        if state is not None:
            run_progress.mark_over(state, result.report)
        self._board.jobs.remove(job)
        self._board.port.job_progress.emit("", 0.0)
        self._board.tell_queue()
