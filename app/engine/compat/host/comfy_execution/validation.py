"""``comfy_execution.validation``: which outputs may feed which inputs."""

from __future__ import annotations

from typing import Any

from app.engine.node_types.compatibility import is_compatible


def validate_node_input(received_type: Any, input_type: Any, strict: bool = False) -> bool:
    """Tell whether an output may feed an input (E-130 to E-133)."""
    return is_compatible(received_type, input_type, strict=strict)
