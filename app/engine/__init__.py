"""Everything that is true without a screen: prompts, node types, execution, files.

``Engine`` and ``RunResult`` are loaded when they are first asked for, so that reading a
workflow file does not load what running one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.engine.engine import Engine
    from app.engine.execution.report import RunResult

__all__ = ["Engine", "RunResult"]


def __getattr__(name: str) -> Any:
    if name == "Engine":
        from app.engine.engine import Engine

        return Engine
    if name == "RunResult":
        from app.engine.execution.report import RunResult

        return RunResult
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
