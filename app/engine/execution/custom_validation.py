"""Asking a class's own validator: VALIDATE_INPUTS and validate_inputs (E-119, E-119a)."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.input_checks import NodeChecks, NodeError, node_error
from app.engine.execution.prompt import DISPLAY_PREFIX, is_link
from app.engine.node_types import v3
from app.engine.node_types.schema import HIDDEN_KINDS, NodeSchema


async def run_validator(
    checks: NodeChecks, node_id: str, inputs: Mapping[str, Any]
) -> list[NodeError]:
    """Ask the validator of a class about one node, and return what it objects to.

    The validator is called once. It gets the constants that it names (all inputs when it has
    ``**kwargs``), None for those that are linked, and hidden values of an idle engine. An
    objection is hung on every input that was passed, so a validator that was passed nothing
    cannot object (E-119a).

    Raises:
        BaseException: Whatever the validator raises.
    """
    schema = checks.schema
    hidden = _idle_hidden_values(schema, node_id)
    values = _input_values(schema, inputs)
    if not schema.is_v3:
        values.update(hidden)
    values = {name: value for name, value in values.items() if checks.validator_takes(name)}
    if checks.skips_link_types:
        values["input_types"] = checks.received_types(inputs)
    result = _call(checks, values, hidden)
    if inspect.isawaitable(result):
        result = await result
    if result is True or isinstance(result, ExecutionBlocker):
        return []
    reason = "" if result is False else f" - {result}"
    return [
        node_error(
            "custom_validation_failed",
            "Custom validation failed for node",
            f"{name}{reason}",
            {"input_name": name},
        )
        for name in values
    ]


def _input_values(schema: NodeSchema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the node would be called with, as far as it is known before the run."""
    values: dict[str, Any] = {}
    for name, value in inputs.items():
        if name.startswith(DISPLAY_PREFIX):
            continue
        spec = schema.declares(name)
        if is_link(value) and not (spec is not None and spec.raw_link):
            values[name] = None
        elif spec is not None:
            values[name] = value
    return values


def _idle_hidden_values(schema: NodeSchema, node_id: str) -> dict[str, Any]:
    """Return hidden values while nothing runs (E-042): only the node's id is real."""
    idle: dict[str, Any] = {"PROMPT": {}, "UNIQUE_ID": node_id}
    return {name: idle.get(kind) for name, kind in schema.hidden.items() if kind in HIDDEN_KINDS}


def _call(checks: NodeChecks, values: dict[str, Any], hidden: Mapping[str, Any]) -> Any:
    schema = checks.schema
    if schema.input_is_list:
        values = {name: [value] for name, value in values.items()}
    if not schema.is_v3:
        cls: Any = schema.cls
        return cls.VALIDATE_INPUTS(**values)
    clone = v3.locked_clone(schema.cls, hidden)
    return clone.validate_inputs(**v3.nest_inputs(schema.cls, values))
