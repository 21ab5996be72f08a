"""Takes runs from the window to the engine's thread and brings the news back.

The controller is the :class:`~app.ui.run_port.RunPort` of the real program. It lives on the GUI
thread and does no work there: snapshots of documents are turned into prompts on a thread of its
own, pictures are read by the same thread, and the engine runs on its worker.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from PySide6.QtCore import QTimer, Signal

from app.engine.errors import EaselError, describe
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
from app.engine.workflow.binding import WidgetRole
from app.engine.workflow.to_prompt import convert, step_seeds
from app.engine.workflow.writer import snapshot
from app.ui import run_progress
from app.ui.document import WorkflowDocument
from app.ui.engine_worker import EngineWorker
from app.ui.jobs import Job, JobTable, prepare_prompt, root_key, running_words
from app.ui.output_images import LoadedOutput, load_output
from app.ui.problem_texts import (
    Explanation,
    explain_execution_error,
    explain_input_error,
    explain_prompt_error,
)
from app.ui.run_port import DeviceInfo, JobState, PackReport, Problem, Remedy, Result, RunPort
from app.ui.run_state import RunState

if TYPE_CHECKING:
    from PySide6.QtGui import QImage

    from app.engine.engine import Engine

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

    _prepared = Signal(object, object, object)
    _loaded = Signal(object)
    _device_read = Signal(object)

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
        self._home = home
        self._jobs = JobTable()
        self._held: list[tuple[Job, Mapping[str, Any], dict[str, Any]]] = []
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="run-files")
        self._paused = False
        self._closed = False
        self._seen: WeakKeyDictionary[WorkflowDocument, set[str]] = WeakKeyDictionary()
        self.seed_control = seed_control
        self._device_timer = QTimer(self)
        self._device_timer.setInterval(DEVICE_INTERVAL_MS)
        self._device_timer.timeout.connect(self._read_device)
        self._prepared.connect(self._on_prepared)
        self._loaded.connect(self._on_output_loaded)
        self._device_read.connect(self._on_device)
        self._stuck_timer = QTimer(self)
        self._stuck_timer.setSingleShot(True)
        self._stuck_timer.setInterval(STUCK_AFTER_MS)
        self._stuck_timer.timeout.connect(self._look_for_stuck)
        self._connect_worker()

    def _connect_worker(self) -> None:
        worker, signals = self._worker, self._worker.signals
        worker.ready.connect(self._on_ready)
        worker.definitions_changed.connect(self.definitions_changed)
        worker.packs_loaded.connect(self._on_packs)
        worker.device_found.connect(self._on_device)
        worker.failed.connect(self._on_engine_failed)
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
            copy = snapshot(document.workflow)
            definitions = document.definitions
            self._submit_work(prepare_prompt, (copy, definitions, convert), self._prepared, job)
            if self.seed_control == "after":
                self._step_seeds(document, "after")
        state = self._run_state_of(document)
        if state is not None:
            run_progress.forget_problems(state)
        self.problems_cleared.emit(document)
        self._tell_queue()

    def stop(self) -> None:
        """Stop the running job; a node that does not let go can be left behind."""
        engine = self._worker.engine
        if engine is not None and engine.interrupt():
            self._stuck_timer.start()

    def _look_for_stuck(self) -> None:
        engine = self._worker.engine
        stuck = engine.stuck if engine is not None else None
        if stuck is None:
            return
        job = self._jobs.find(stuck.prompt_id)
        title = self._title(job, stuck.node_id or "") if job is not None else stuck.node_id or ""
        self.problem_raised.emit(
            Problem(
                id="stuck",
                title="Node does not stop",
                place=title,
                heading=f"{title} does not react to Stop",
                text="It is busy in a part that cannot be interrupted. Wait for it, or restart "
                "the engine: workflows and waiting jobs are kept, models load anew.",
                remedies=(Remedy("Restart the engine", self._worker.restart),),
                document=job.document if job is not None else None,
                node_key=root_key(stuck.node_id or ""),
            )
        )

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
        self._jobs.remove(job)
        self._tell_queue()

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
        self._tell_queue()

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
        self._closed = True
        self._device_timer.stop()
        self._stuck_timer.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        return self._worker.close()

    # Preparing

    def _step_seeds(self, document: WorkflowDocument, when: str) -> None:
        if not _has_seed_control(document):
            return
        seen = self._seen.setdefault(document, set())
        patch = step_seeds(document.workflow, document.definitions, when=when, seen=seen)
        document.apply(patch, "Change seeds", gesture="seeds")

    def _submit_work(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], signal: Any, job: Job
    ) -> None:
        def work() -> None:
            result, error = None, None
            try:
                result = function(*arguments)
            except Exception as caught:  # a thread's main loop: the error goes to the window
                log.exception("preparing a run failed")
                error = caught
            if not self._closed:
                signal.emit(job, result, error)

        self._pool.submit(work)

    def _on_prepared(self, job: Job, result: Any, error: Exception | None) -> None:
        if self._jobs.find(job.id) is None:
            return
        if error is not None or result is None:
            self._refuse(job, describe(error) if error else "The workflow cannot run.", error)
            return
        conversion, workflow = result
        if conversion.problems:
            self._report_conversion(job, conversion.problems)
            self._jobs.remove(job)
            self._tell_queue()
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
        self._tell_queue()

    def _on_engine_failed(self, text: str, details: str) -> None:
        self.problem_raised.emit(
            Problem(
                id="engine",
                title="Engine not running",
                heading="The engine could not be started",
                text=f"{text} Workflows can be edited and saved, but not run.",
                details=details,
            )
        )

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
        self.problem_raised.emit(
            Problem(
                id=f"pack:{pack}",
                title="Node pack not loaded",
                place=pack,
                heading=f"The node pack {pack} could not be loaded",
                text=f"{text} The other packs are not affected.",
                details=details,
                stops_work=False,
            )
        )

    def _read_device(self) -> None:
        def work() -> None:
            facts = self._worker.device_facts()
            if not self._closed:
                self._device_read.emit(facts)

        if not self._closed:
            self._pool.submit(work)

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

    # Events of a run

    def _job_and_state(self, prompt_id: str) -> tuple[Job | None, RunState | None]:
        job = self._jobs.find(prompt_id)
        if job is None or job.document is None:
            return job, None
        return job, self._run_state_of(job.document)

    def _on_start(self, event: ExecutionStartEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is None:
            return
        job.begin()
        if state is not None:
            run_progress.mark_waiting(job, state)
        self._tell_progress(job, "")
        self._tell_queue()

    def _on_cached(self, event: ExecutionCachedEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None:
            job.finished.update(event.nodes)
        if job is not None and state is not None:
            run_progress.mark_cached(event, job, state)

    def _on_executing(self, event: ExecutingEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None and event.node is not None:
            key = run_progress.mark_executing(event, job, state)
            self._tell_progress(job, running_words(job, event.node, self._title(job, key)))

    def _on_progress(self, event: ProgressEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None:
            key = run_progress.mark_progress(event, job, state)
            self._tell_progress(job, running_words(job, event.node, self._title(job, key)))

    def _on_progress_state(self, event: ProgressStateEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None:
            run_progress.mark_finished(event, job, state)

    def _on_preview(self, event: PreviewEvent, image: QImage) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None:
            run_progress.show_preview(event, image, job, state)

    def _on_executed(self, event: ExecutedEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is None or not event.output:
            return
        key = event.display_node
        if state is not None:
            state.node(key).ui = event.output
        output = dict(event.output)
        cached = event.cached

        def work() -> None:
            loaded = load_output(self._home, output, job, key, cached=cached)
            if not self._closed:
                self._loaded.emit(loaded)

        self._pool.submit(work)

    def _on_output_loaded(self, loaded: LoadedOutput) -> None:
        document = loaded.job.document
        state = None if document is None else self._run_state_of(document)
        run_progress.show_output(loaded, state)
        if loaded.cached:
            return
        for index, path in enumerate(loaded.files):
            if loaded.kept[index]:
                self.result_added.emit(
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
        job, state = self._job_and_state(event.prompt_id)
        if job is None:
            return
        payload = event.payload
        key = str(payload.get("node_id") or "")
        words = explain_execution_error(payload, self._title(job, key))
        details = "".join(str(line) for line in payload.get("traceback") or ())
        self._mark_failed(state, key, words)
        self._raise_problem(
            job, key, words, details, error=str(payload.get("exception_type") or "")
        )

    def _on_interrupted(self, event: ExecutionInterruptedEvent) -> None:
        job, state = self._job_and_state(event.prompt_id)
        if job is not None:
            job.state = JobState.STOPPED
        if state is not None:
            run_progress.mark_stopped(state)

    def _on_log(self, event: LogsEvent) -> None:
        self.log_line.emit(event.level, event.text)

    def _on_finished(self, event: Any) -> None:
        result = event.result
        job, state = self._job_and_state(result.prompt_id)
        if job is None:
            return
        if result.node_errors or (result.status == "error" and job.state is JobState.WAITING):
            self._report_refusal(job, state, result)
        if result.report is not None and job.state is not JobState.FAILED:
            log.info(
                "%s: %d nodes in %.1f s", job.title, len(job.prompt or ()), result.report.seconds
            )
        if state is not None:
            run_progress.mark_over(state, result.report)
        self._jobs.remove(job)
        self.job_progress.emit("", 0.0)
        self._tell_queue()

    # Problems

    def _report_refusal(self, job: Job, state: RunState | None, result: Any) -> None:
        for node_id, entry in (result.node_errors or {}).items():
            key = str(node_id)
            for error in entry.get("errors", ()):
                words = explain_input_error(error, self._title(job, key))
                self._mark_failed(state, key, words)
                self._raise_problem(job, key, words, str(error.get("details") or ""))
        if not result.node_errors and result.error:
            words = explain_prompt_error(result.error)
            if state is not None:
                state.error = words.heading
            self._raise_problem(job, "", words, "")

    def _report_conversion(self, job: Job, problems: Iterable[Any]) -> None:
        _, state = self._job_and_state(job.id)
        for problem in problems:
            key = problem.node_id or ""
            words = Explanation(
                "Cannot run", f"{problem.title} cannot run", problem.message, "Cannot run"
            )
            self._mark_failed(state, key, words)
            self._raise_problem(job, key, words, "")

    def _refuse(self, job: Job, text: str, error: Exception | None) -> None:
        details = error.details if isinstance(error, EaselError) else ""
        words = Explanation("Cannot run", "The workflow cannot run", text, "Cannot run")
        self._raise_problem(job, "", words, details)
        self._jobs.remove(job)
        self._tell_queue()

    def _mark_failed(self, state: RunState | None, key: str, words: Explanation) -> None:
        if state is not None:
            run_progress.mark_failed(state, key, words.short, words.input_name, words.heading)

    def _raise_problem(
        self, job: Job, key: str, words: Explanation, details: str, *, error: str = ""
    ) -> None:
        job.state = JobState.FAILED
        remedies: tuple[Remedy, ...] = ()
        document = job.document
        if words.frees_memory and document is not None:
            remedies = (Remedy("Free memory and run again", lambda: self._free_and_run(document)),)
        self.problem_raised.emit(
            Problem(
                id=f"{job.id}:{key}:{words.input_name}:{words.title}",
                title=words.title,
                place=self._title(job, key) if key else job.title,
                heading=words.heading,
                text=words.text,
                remedies=remedies,
                details=details,
                error=error,
                document=document,
                node_key=root_key(key),
                node_path=key,
            )
        )
        self._tell_queue()

    def _free_and_run(self, document: WorkflowDocument) -> None:
        self.free_memory()
        self.run(document, 1)

    # Telling

    def _title(self, job: Job, key: str) -> str:
        document = job.document
        prompt_node = (job.prompt or {}).get(key) or {}
        title = (prompt_node.get("_meta") or {}).get("title")
        if title:
            return str(title)
        node = document.bound.nodes.get(root_key(key)) if document is not None else None
        return node.title if node is not None else (key or job.title)

    def _tell_progress(self, job: Job, node_title: str) -> None:
        self.job_progress.emit(job.words(node_title), job.fraction())
        if job.should_tell():
            self._tell_queue()

    def _tell_queue(self) -> None:
        self.queue_changed.emit(self._jobs.rows())


def _has_seed_control(document: WorkflowDocument) -> bool:
    """Tell cheaply whether any value may have to change between runs."""
    if document.workflow.subgraphs or document.graph_id:
        return True
    return any(
        widget.role is WidgetRole.CONTROL and widget.value != "fixed"
        for node in document.bound.nodes.values()
        for widget in node.widgets
    )
