"""The V3 node contract (rules E-060 to E-089): classes that describe themselves by a schema.

``io`` holds the names that packs import. The functions here are what the engine asks of a
V3 class; they never import torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.engine.node_types.v3.dynamic import expand, nest
from app.engine.node_types.v3.extension import ComfyExtension
from app.engine.node_types.v3.node import (
    Block,
    ComfyNode,
    NodeOutput,
    NormalizedOutput,
    describe,
    fresh_schema,
    is_v3,
    locked_clone,
    normalize_output,
    overrides,
)
from app.engine.node_types.v3.schema import Hidden, HiddenHolder, Schema

__all__ = [
    "Block",
    "ComfyExtension",
    "ComfyNode",
    "Hidden",
    "HiddenHolder",
    "NodeOutput",
    "NormalizedOutput",
    "Schema",
    "describe",
    "fresh_schema",
    "is_v3",
    "live_inputs",
    "locked_clone",
    "nest_inputs",
    "normalize_output",
    "overrides",
]


def live_inputs(
    cls: type[ComfyNode], prompt_inputs: Mapping[str, Any], *, strict_reference: bool = False
) -> dict[str, dict[str, Any]]:
    """Return INPUT_TYPES of ``cls`` with its dynamic inputs resolved for one prompt node.

    The schema is made anew, so that file lists are up to date.

    Args:
        cls: The node class.
        prompt_inputs: Inputs of the prompt's node by flat name.
        strict_reference: Declare nothing for a slot or choice that is missing (E-905).
    """
    schema = fresh_schema(cls)
    sections = expand(schema.inputs, prompt_inputs, strict_reference=strict_reference)
    hidden = schema.hidden_kinds()
    return {**sections, "hidden": hidden} if hidden else sections


def nest_inputs(
    cls: type[ComfyNode], flat_kwargs: Mapping[str, Any], *, with_names: bool = False
) -> dict[str, Any]:
    """Turn flat arguments into those that ``execute`` takes (E-084).

    Args:
        cls: The node class.
        flat_kwargs: Arguments by flat name.
        with_names: For ``check_lazy_status``: values of dynamic inputs become
            ``(value, flat name)`` pairs (E-085).
    """
    return nest(cls.GET_SCHEMA().inputs, flat_kwargs, with_names=with_names)
