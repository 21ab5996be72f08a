"""The jobs of the window together with those who hear of them: the run port and the documents."""

from __future__ import annotations

from collections.abc import Callable

from app.ui.document import WorkflowDocument
from app.ui.jobs import Job, JobTable
from app.ui.run_port import RunPort
from app.ui.run_state import RunState


class JobBoard:
    """Finds a job with the run state of its document, and tells the window how jobs stand.

    Args:
        port: Whose signals tell it.
        run_state_of: Finds the run state that belongs to a document.

    Attributes:
        port: As above.
        jobs: All jobs that run or wait.
    """

    def __init__(
        self, port: RunPort, run_state_of: Callable[[WorkflowDocument], RunState | None]
    ) -> None:
        self.port = port
        self.jobs = JobTable()
        self._run_state_of = run_state_of

    def state_of(self, job: Job) -> RunState | None:
        """Return the run state of the job's document, unless that has been closed."""
        return None if job.document is None else self._run_state_of(job.document)

    def find(self, prompt_id: str) -> tuple[Job | None, RunState | None]:
        """Return the job of that prompt id and the run state it is shown in."""
        job = self.jobs.find(prompt_id)
        return (None, None) if job is None else (job, self.state_of(job))

    def remove(self, job: Job) -> None:
        """Forget a job that is over, or will not run."""
        self.jobs.remove(job)
        self.tell_queue()

    def tell_progress(self, job: Job, node_title: str) -> None:
        """Tell what runs now and how far the job is; the queue panel hears of it now and then."""
        self.port.job_progress.emit(job.words(node_title), job.fraction())
        if job.should_tell():
            self.tell_queue()

    def tell_queue(self) -> None:
        """Tell which jobs run and wait."""
        self.port.queue_changed.emit(self.jobs.rows())
