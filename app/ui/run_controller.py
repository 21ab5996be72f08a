"""Takes runs from the window to the engine's thread and brings the news back.

The controller is the :class:`~app.ui.run_port.RunPort` of the real program. It lives on the GUI
thread and does no work there: snapshots of documents are turned into prompts on a thread of its
own, pictures are read by the same thread, and the engine runs on its worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QTimer

from app.engine.workflow.binding import WidgetRole
from app.engine.workflow.to_prompt import convert, step_seeds
from app.engine.workflow.writer import snapshot
from app.ui import run_progress
from app.ui.document import WorkflowDocument
from app.ui.engine_worker import EngineWorker
from app.ui.files_thread import FilesThread
from app.ui.job_board import JobBoard
from app.ui.jobs import Job, prepare_prompt
from app.ui.run_events import RunEvents
from app.ui.run_port import DeviceInfo, JobState, PackReport, RunPort
from app.ui.run_problems import RunProblems, engine_problem, pack_problem, stuck_problem
from app.ui.run_state import RunState

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from app.engine.workflow.to_prompt import Conversion

    _Prepared = tuple[Conversion, dict[str, Any]] | Exception

log = logging.getLogger("easel.run")

DEVICE_INTERVAL_MS = 2000
STUCK_AFTER_MS = 3000
"""How long after Stop the artist is told of a node that does not let go."""


class RunController(RunPort):
    """Runs documents on an :class:`~app.ui.engine_worker.EngineWorker`.

    Args:
        worker: The engine's thread; started by the caller after the first paint.
        run_state_of: Finds the run state that belongs to a document.
        home: Home folder, under which ``output``, ``input`` and ``temp`` lie.
    """

    def __init__(
        self,
        worker: EngineWorker,
        run_state_of: Callable[[WorkflowDocument], RunState | None],
        home: Path,
        seed_control: str = "before",
    ) -> None:
        super().__init__(worker.parent())
        self._worker = worker
        self._run_state_of = run_state_of
        self._board = JobBoard(self, run_state_of)
        self._jobs = self._board.jobs
        self._problems = RunProblems(self._board, self._free_and_run)
        self._files = FilesThread(self)
        self._events = RunEvents(self._board, self._problems, self._files, home, self)
        self._held: list[tuple[Job, Mapping[str, Any], dict[str, Any]]] = []
        self._paused = False
        self._seen: WeakKeyDictionary[WorkflowDocument, set[str]] = WeakKeyDictionary()
        self.seed_control = seed_control
        self._device_timer = QTimer(self)
        self._device_timer.setInterval(DEVICE_INTERVAL_MS)
        self._device_timer.timeout.connect(self._read_device)
        self._stuck_timer = QTimer(self)
        self._stuck_timer.setSingleShot(True)
        self._stuck_timer.setInterval(STUCK_AFTER_MS)
        self._stuck_timer.timeout.connect(self._look_for_stuck)
        self._connect_worker()

    def _connect_worker(self) -> None:
        worker = self._worker
        worker.ready.connect(self._on_ready)
        worker.definitions_changed.connect(self.definitions_changed)
        worker.packs_loaded.connect(self._on_packs)
        worker.device_found.connect(self._on_device)
        worker.failed.connect(self._on_engine_failed)
        self._events.follow(worker.signals)

    def run(
        self,
        document: WorkflowDocument,
        count: int,
        front: bool = False,
        targets: Iterable[str] | None = None,
    ) -> None:
        """Queue the document; each round has its own seeds."""
        wanted = None if targets is None else tuple(targets)
        for _ in range(max(1, count)):
            if self.seed_control == "before":
                self._step_seeds(document, "before")
            job = self._jobs.add(document, front=front, targets=wanted)
            self._prepare(document, job)
            if self.seed_control == "after":
                self._step_seeds(document, "after")
        state = self._run_state_of(document)
        if state is not None:
            run_progress.forget_problems(state)
        self.problems_cleared.emit(document)
        self._board.tell_queue()

    def stop(self) -> None:
        """Stop the running job; a node that does not let go can be left behind."""
        engine = self._worker.engine
        if engine is not None and engine.interrupt():
            self._stuck_timer.start()

    def _look_for_stuck(self) -> None:
        engine = self._worker.engine
        stuck = engine.stuck if engine is not None else None
        if stuck is not None:
            job = self._jobs.find(stuck.prompt_id)
            problem = stuck_problem(job, stuck.node_id or "", self._worker.restart)
            self.problem_raised.emit(problem)

    def clear_pending(self) -> None:
        """Take all waiting jobs out of the queue."""
        for job in self._jobs.waiting():
            self.cancel(job.id)

    def cancel(self, job_id: str) -> None:
        """Stop or take out one job."""
        job = self._jobs.find(job_id)
        if job is None:
            return
        engine = self._worker.engine
        if job.state is JobState.RUNNING:
            if engine is not None:
                engine.interrupt(job_id)
            return
        if engine is not None:
            engine.queue.delete(job_id)
        self._held = [entry for entry in self._held if entry[0] is not job]
        self._board.remove(job)

    def move_to_front(self, job_id: str) -> None:
        """Let a waiting job run next."""
        job = self._jobs.find(job_id)
        engine = self._worker.engine
        if job is None or job.state is not JobState.WAITING or job.prompt is None:
            return
        if engine is not None and engine.queue.delete(job_id):
            self._jobs.to_front(job)
            job.front = True
            self._submit(engine, job, job.prompt, job.extra_data)
        self._board.tell_queue()

    def set_paused(self, paused: bool) -> None:
        """Hold the queue after the present job, or go on."""
        self._paused = paused
        engine = self._worker.engine
        if engine is not None:
            (engine.queue.pause if paused else engine.queue.resume)()
        self.paused_changed.emit(paused)

    def free_memory(self) -> None:
        """Unload models and forget kept results."""
        self._worker.call(lambda engine: engine.free(unload_models=True, free_memory=True))

    def _free_and_run(self, document: WorkflowDocument) -> None:
        self.free_memory()
        self.run(document, 1)

    def refresh_definitions(self) -> None:
        """Read node definitions and file lists anew."""
        self._worker.refresh_definitions()

    def workflow_of_run(self, run_id: str) -> Mapping[str, Any] | None:
        """Return the workflow that a job of the queue or of the history ran; for any thread."""
        job, engine = self._jobs.find(run_id), self._worker.engine
        extra: Any = job.extra_data if job is not None else {}
        if not extra and engine is not None:
            entry = engine.history.get(run_id).get(run_id)
            extra = entry["prompt"][3] if entry is not None else {}
        workflow = (extra.get("extra_pnginfo") or {}).get("workflow")
        return workflow if isinstance(workflow, dict) else None

    def close(self) -> bool:
        """End all threads; False when a node does not let go of the engine's thread."""
        self._device_timer.stop()
        self._stuck_timer.stop()
        self._files.close()
        return self._worker.close()

    # Preparing

    def _step_seeds(self, document: WorkflowDocument, when: str) -> None:
        if not _has_seed_control(document):
            return
        seen = self._seen.setdefault(document, set())
        patch = step_seeds(document.workflow, document.definitions, when=when, seen=seen)
        document.apply(patch, "Change seeds", gesture="seeds")

    def _prepare(self, document: WorkflowDocument, job: Job) -> None:
        copy, definitions = snapshot(document.workflow), document.definitions

        def work() -> _Prepared:
            try:
                return prepare_prompt(copy, definitions, convert)
            except Exception as error:  # a thread's main loop: the error goes to the window
                log.exception("preparing a run failed")
                return error

        self._files.submit(work, lambda result: self._on_prepared(job, result))

    def _on_prepared(self, job: Job, result: _Prepared) -> None:
        if self._jobs.find(job.id) is None:
            return
        if isinstance(result, Exception):
            self._problems.unprepared(job, result)
            self._board.remove(job)
            return
        conversion, workflow = result
        if conversion.problems:
            self._problems.unconverted(job, conversion.problems)
            self._board.remove(job)
            return
        job.prompt = conversion.prompt
        job.extra_data = {"extra_pnginfo": {"workflow": workflow}, "client_id": "easel"}
        engine = self._worker.engine
        if engine is None:
            self._held.append((job, job.prompt, job.extra_data))
        else:
            self._submit(engine, job, job.prompt, job.extra_data)

    def _submit(
        self, engine: Engine, job: Job, prompt: Mapping[str, Any], extra_data: dict[str, Any]
    ) -> None:
        engine.submit(
            dict(prompt),
            extra_data=extra_data,
            targets=list(job.targets) if job.targets is not None else None,
            front=job.front,
            prompt_id=job.id,
        )

    def _submit_held(self) -> None:
        engine = self._worker.engine
        if engine is None:
            return
        if self._paused:
            engine.queue.pause()
        held, self._held = self._held, []
        for job, prompt, extra_data in held:
            self._submit(engine, job, prompt, extra_data)

    # News of the worker

    def _on_ready(self, definitions: dict[str, Any]) -> None:
        self.definitions_changed.emit(definitions)
        self._adopt_kept()
        self._submit_held()
        self._device_timer.start()

    def _adopt_kept(self) -> None:
        """Show jobs that an earlier session left behind; the queue is held until Resume."""
        engine = self._worker.engine
        if engine is None:
            return
        for item in engine.queue.pending:
            self._jobs.adopt(item.prompt_id, item.prompt)
        self._paused = engine.queue.paused
        self.paused_changed.emit(self._paused)
        self._board.tell_queue()

    def _on_engine_failed(self, text: str, details: str) -> None:
        self.problem_raised.emit(engine_problem(text, details))

    def _on_packs(self, reports: list[Any]) -> None:
        rows = [
            PackReport(
                name=report.name,
                nodes=len(report.nodes),
                seconds=report.seconds,
                problem=report.error if report.status == "failed" else "",
                details=report.traceback,
                is_enabled=report.status != "skipped",
            )
            for report in reports
        ]
        self.pack_reports_changed.emit(rows)
        for row in rows:
            if row.problem:
                self.report_pack(row.name, row.problem, row.details)

    def report_pack(self, pack: str, text: str, details: str) -> None:
        """Tell that a node pack, or a part of it, could not be loaded."""
        self.problem_raised.emit(pack_problem(pack, text, details))

    def _read_device(self) -> None:
        self._files.submit(self._worker.device_facts, self._on_device)

    def _on_device(self, facts: dict[str, Any]) -> None:
        self.device_changed.emit(
            DeviceInfo(
                name=str(facts["name"]),
                kind=str(facts["kind"]),
                video_used=int(facts["vram_used"]),
                video_total=int(facts["vram_total"]),
                memory_used=int(facts["ram_used"]),
                memory_total=int(facts["ram_total"]),
                note=str(facts["note"]),
                models=int(facts["models"]),
                streamed=int(facts["streamed"]),
            )
        )


def _has_seed_control(document: WorkflowDocument) -> bool:
    """Tell cheaply whether any value may have to change between runs."""
    if document.workflow.subgraphs or document.graph_id:
        return True
    return any(
        widget.role is WidgetRole.CONTROL and widget.value != "fixed"
        for node in document.bound.nodes.values()
        for widget in node.widgets
    )
