"""What came out of a run, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from app.engine.errors import Interrupted, NodeExecutionError, PromptError

Status = Literal["success", "error", "interrupted"]


@dataclass(frozen=True, slots=True)
class NodeReport:
    """What one node cost.

    Attributes:
        node_id: The node.
        class_type: Name of its type.
        seconds: Wall time spent in its calls; 0 when it was served from the cache.
        cached: Whether it was served from the cache.
        peak_bytes: Main memory that the whole program held while the node ran: the peak when
            it was a new one, else what was held at the end of the call. 0 for a node whose
            calls took less than a millisecond.
        accelerator_peak_bytes: Most memory that torch held on accelerators meanwhile.
    """

    node_id: str
    class_type: str
    seconds: float
    cached: bool
    peak_bytes: int = 0
    accelerator_peak_bytes: int = 0


class RunReport:
    """What a run cost.

    Attributes:
        seconds: Wall time from start to end.
    """

    __slots__ = ("_rows", "seconds")

    def __init__(self) -> None:
        self.seconds = 0.0
        self._rows: list[tuple[Any, ...]] = []

    def add(
        self,
        node_id: str,
        class_type: str,
        seconds: float,
        cached: bool,
        peak_bytes: tuple[int, int] = (0, 0),
    ) -> None:
        """Note a node that has ended; ``peak_bytes`` in main memory and on accelerators."""
        self._rows.append((node_id, class_type, seconds, cached, *peak_bytes))

    @property
    def nodes(self) -> list[NodeReport]:
        """One report for each node that ran or was served, in order of their end."""
        return [NodeReport(*row) for row in self._rows]

    def __repr__(self) -> str:
        return f"RunReport(seconds={self.seconds:.6f}, nodes={len(self._rows)})"


@dataclass(slots=True)
class RunResult:
    """What came out of a run.

    Attributes:
        prompt_id: Id of the run.
        status: ``"success"``, ``"error"`` or ``"interrupted"``.
        outputs: Ui dictionaries by node id.
        results: Lists of Python values by ``(node id, slot)``, for the slots asked for.
        error: The ``execution_error`` payload (E-350) of a node that failed, or the overall
            error of a prompt that is not valid (E-101 to E-106); else None.
        node_errors: Validation problems by node id (E-108). They may be there although the
            run went well: then some outputs were left out (E-105).
        executed: Ids of the nodes that ran, in order of their end.
        cached: Ids of the nodes that were served from the cache.
        report: What it cost.
        is_valid: Whether the prompt passed validation and so began to run.
    """

    prompt_id: str
    status: Status = "success"
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: dict[tuple[str, int], list[Any]] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    node_errors: dict[str, Any] = field(default_factory=dict)
    executed: list[str] = field(default_factory=list)
    cached: list[str] = field(default_factory=list)
    report: RunReport = field(default_factory=RunReport)
    is_valid: bool = True

    def raise_if_failed(self) -> RunResult:
        """Return the result itself, unless the run did not end well.

        Raises:
            PromptError: The prompt is not valid.
            NodeExecutionError: A node failed.
            Interrupted: The run was stopped.
        """
        if self.status == "success":
            return self
        if self.status == "interrupted":
            raise Interrupted("The run was stopped.")
        error = self.error or {}
        if not self.is_valid:
            raise PromptError(
                str(error.get("message", "The prompt is not valid.")),
                error=error,
                node_errors=self.node_errors,
            )
        node_id, node_type = str(error.get("node_id")), str(error.get("node_type"))
        text = str(error.get("exception_message", "")).strip()
        raise NodeExecutionError(
            f"Node {node_id} ({node_type}) failed: {error.get('exception_type')}: {text}",
            node_id=node_id,
            node_type=node_type,
            payload=error,
        )
