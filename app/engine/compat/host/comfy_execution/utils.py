"""``comfy_execution.utils``: which node is running here (E-312)."""

from app.engine.execution.context import (
    CurrentNodeContext,
    ExecutionContext,
    current_context,
    get_executing_context,
)

__all__ = [
    "CurrentNodeContext",
    "ExecutionContext",
    "current_executing_context",
    "get_executing_context",
]

current_executing_context = current_context
