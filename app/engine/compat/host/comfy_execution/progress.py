"""``comfy_execution.progress``: how far each node is, and who is told of it."""

from app.engine.execution.progress import (
    NodeState,
    ProgressHandler,
    ProgressRegistry,
    add_progress_handler,
    get_progress_state,
    reset_progress_state,
)

__all__ = [
    "NodeState",
    "ProgressHandler",
    "ProgressRegistry",
    "add_progress_handler",
    "get_progress_state",
    "reset_progress_state",
]
