"""``comfy_execution.graph``: the running graph, blockers, and what a class says of an input."""

from __future__ import annotations

from typing import Any

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.dynamic_prompt import DynamicPrompt, NodeNotFoundError
from app.engine.execution.prompt import is_link
from app.engine.execution.run_state import DependencyCycleError, NodeInputError

__all__ = [
    "DependencyCycleError",
    "DynamicPrompt",
    "ExecutionBlocker",
    "NodeInputError",
    "NodeNotFoundError",
    "get_input_info",
    "is_link",
]


def get_input_info(
    class_def: Any, input_name: str, valid_inputs: dict[str, Any] | None = None
) -> tuple[Any, str | None, dict[str, Any] | None]:
    """Return type, section and options of a declared input; three None for other names.

    Args:
        class_def: The node class.
        input_name: Name of the input.
        valid_inputs: What ``INPUT_TYPES`` returned, when it is at hand.
    """
    declared = valid_inputs or class_def.INPUT_TYPES()
    for section in ("required", "optional", "hidden"):
        if section in declared and input_name in declared[section]:
            entry = declared[section][input_name]
            if isinstance(entry, (list, tuple)):
                return entry[0], section, entry[1] if len(entry) > 1 else {}
            return entry, section, {}
    return None, None, None
