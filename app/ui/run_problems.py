"""Tells what went wrong with a run: at the nodes, and as problems for the window's panel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app.engine.errors import EaselError, describe
from app.ui import run_progress
from app.ui.document import WorkflowDocument
from app.ui.job_board import JobBoard
from app.ui.jobs import Job, root_key
from app.ui.problem_texts import (
    Explanation,
    explain_execution_error,
    explain_input_error,
    explain_prompt_error,
)
from app.ui.run_port import JobState, Problem, Remedy


def engine_problem(text: str, details: str) -> Problem:
    """Return what is told when the engine could not be started."""
    return Problem(
        id="engine",
        title="Engine not running",
        heading="The engine could not be started",
        text=f"{text} Workflows can be edited and saved, but not run.",
        details=details,
    )


def pack_problem(pack: str, text: str, details: str) -> Problem:
    """Return what is told when a node pack, or a part of it, could not be loaded."""
    return Problem(
        id=f"pack:{pack}",
        title="Node pack not loaded",
        place=pack,
        heading=f"The node pack {pack} could not be loaded",
        text=f"{text} The other packs are not affected.",
        details=details,
        stops_work=False,
    )


def stuck_problem(job: Job | None, node_id: str, restart: Callable[[], None]) -> Problem:
    """Return what is told of a node that does not react to Stop.

    Args:
        job: Its job, unless that is not ours.
        node_id: The node.
        restart: Leaves the node behind and starts the engine anew.
    """
    title = job.title_of(node_id) if job is not None else node_id
    return Problem(
        id="stuck",
        title="Node does not stop",
        place=title,
        heading=f"{title} does not react to Stop",
        text="It is busy in a part that cannot be interrupted. Wait for it, or restart "
        "the engine: workflows and waiting jobs are kept, models load anew.",
        remedies=(Remedy("Restart the engine", restart),),
        document=job.document if job is not None else None,
        node_key=root_key(node_id),
    )


class RunProblems:
    """Tells of jobs that failed or could not begin.

    Args:
        board: The jobs.
        free_and_run: Frees memory and runs a document again.
    """

    def __init__(self, board: JobBoard, free_and_run: Callable[[WorkflowDocument], None]) -> None:
        self._board = board
        self._free_and_run = free_and_run

    def unprepared(self, job: Job, error: Exception) -> None:
        """Tell that making a prompt of the document failed."""
        details = error.details if isinstance(error, EaselError) else ""
        words = Explanation("Cannot run", "The workflow cannot run", describe(error), "Cannot run")
        self._raise(job, "", words, details)

    def unconverted(self, job: Job, problems: Iterable[Any]) -> None:
        """Tell which nodes kept a prompt from being made."""
        for problem in problems:
            words = Explanation(
                "Cannot run", f"{problem.title} cannot run", problem.message, "Cannot run"
            )
            self._blame(job, problem.node_id or "", words)

    def refused(self, job: Job, result: Any) -> None:
        """Tell what the engine found wrong with the prompt; ``result`` is its ``RunResult``."""
        for node_id, entry in (result.node_errors or {}).items():
            key = str(node_id)
            for error in entry.get("errors", ()):
                words = explain_input_error(error, job.title_of(key))
                self._blame(job, key, words, str(error.get("details") or ""))
        if not result.node_errors and result.error:
            words = explain_prompt_error(result.error)
            state = self._board.state_of(job)
            if state is not None:
                state.error = words.heading
            self._raise(job, "", words)

    def failed(self, job: Job, payload: Mapping[str, Any]) -> None:
        """Tell that a node failed; ``payload`` is that of ``execution_error``."""
        key = str(payload.get("node_id") or "")
        words = explain_execution_error(payload, job.title_of(key))
        details = "".join(str(line) for line in payload.get("traceback") or ())
        self._blame(job, key, words, details, error=str(payload.get("exception_type") or ""))

    def _blame(
        self, job: Job, key: str, words: Explanation, details: str = "", *, error: str = ""
    ) -> None:
        """Show a problem at its node and tell of it."""
        state = self._board.state_of(job)
        if state is not None:
            run_progress.mark_failed(state, key, words.short, words.input_name, words.heading)
        self._raise(job, key, words, details, error=error)

    def _raise(
        self, job: Job, key: str, words: Explanation, details: str = "", *, error: str = ""
    ) -> None:
        job.state = JobState.FAILED
        remedies: tuple[Remedy, ...] = ()
        document = job.document
        if words.frees_memory and document is not None:
            remedies = (Remedy("Free memory and run again", lambda: self._free_and_run(document)),)
        self._board.port.problem_raised.emit(
            Problem(
                id=f"{job.id}:{key}:{words.input_name}:{words.title}",
                title=words.title,
                place=job.title_of(key) if key else job.title,
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
        self._board.tell_queue()
