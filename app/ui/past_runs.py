"""The runs of this session that are over, newest first, so that one can be compared with."""

from __future__ import annotations

import time
from dataclasses import dataclass

from PySide6.QtCore import QObject

from app.ui.run_port import JobRow, JobState, RunPort
from app.ui.words import tr

MOST = 64


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run that is over, or that runs now.

    Attributes:
        id: Its id in the queue and in the history.
        title: Name of the document it came from.
        time: When it was last heard of, in seconds since 1970.
        is_over: Whether it has left the queue.
    """

    id: str
    title: str
    time: float
    is_over: bool = True

    @property
    def words(self) -> str:
        """The run in a line: its name and when it ended."""
        if not self.is_over:
            return tr("{title}, running").format(title=self.title)
        clock = time.strftime("%H:%M:%S", time.localtime(self.time))
        return f"{self.title}, {clock}"


class PastRuns(QObject):
    """Notes which jobs began, and when they left the queue.

    Args:
        port: Runs workflows and tells of the queue.
    """

    def __init__(self, port: RunPort, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._begun: dict[str, PastRun] = {}
        self._over: list[PastRun] = []
        port.queue_changed.connect(self._on_queue)

    @property
    def runs(self) -> list[PastRun]:
        """Runs that are over or under way, newest first; jobs that wait are none."""
        return [*reversed(self._begun.values()), *self._over]

    def _on_queue(self, rows: list[JobRow]) -> None:
        now = time.time()
        there = {row.id for row in rows}
        for row in rows:
            if row.state is not JobState.WAITING and row.id not in self._begun:
                self._begun[row.id] = PastRun(row.id, row.title, now, is_over=False)
        for key in [key for key in self._begun if key not in there]:
            run = self._begun.pop(key)
            self._over.insert(0, PastRun(run.id, run.title, now))
        del self._over[MOST:]
