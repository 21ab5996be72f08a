"""Which node is running here: a context variable that follows awaits (E-312)."""

from __future__ import annotations

from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType


@dataclass(slots=True)
class ExecutionContext:
    """Names one call into a node.

    Attributes:
        prompt_id: Id of the running prompt.
        node_id: Id of the node, which may be an ephemeral one.
        list_index: Number of the call when inputs are lists, from 0.
        graph_index: How many graph builders this call has made so far (E-341).
    """

    prompt_id: str
    node_id: str
    list_index: int | None = None
    graph_index: int = 0


current_context: ContextVar[ExecutionContext | None] = ContextVar(
    "easel_execution_context", default=None
)


def get_executing_context() -> ExecutionContext | None:
    """Return the call that this code runs in, or None outside a node."""
    return current_context.get()


class CurrentNodeContext:
    """Marks the code inside its ``with`` as belonging to a node."""

    def __init__(self, prompt_id: str, node_id: str, list_index: int | None = None) -> None:
        self.context = ExecutionContext(prompt_id, node_id, list_index)
        self._token: Token[ExecutionContext | None] | None = None

    def __enter__(self) -> ExecutionContext:
        self._token = current_context.set(self.context)
        return self.context

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            current_context.reset(self._token)
            self._token = None
