"""Taking apart what a node returned, and putting the results of its calls together.

Rules E-304, E-306, E-315 to E-317, E-320 and E-918.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.engine.execution.blocker import ExecutionBlocker
from app.engine.node_types import v3
from app.engine.node_types.schema import NodeSchema

Outputs = list[list[Any]]


@dataclass(slots=True, eq=False)
class CallResult:
    """What one call of a node gave.

    Attributes:
        outputs: One value for each output slot; None when the call gave none.
        ui: Its ui dictionary, or None.
        expand: A graph that takes the node's place, or None.
    """

    outputs: Sequence[Any] | None
    ui: Mapping[str, Any] | None = None
    expand: Mapping[str, Any] | None = None


def blocked_result(schema: NodeSchema, blocker: ExecutionBlocker) -> CallResult:
    """Return the result of a call that a blocker kept from happening."""
    return CallResult((blocker,) * len(schema.return_types))


def read_result(schema: NodeSchema, value: Any, strict: bool = False) -> CallResult:
    """Take apart what one call of a node returned.

    Raises:
        TypeError: The value is none that nodes may return.
        ValueError: A V3 node expands without saying so in its schema (E-068).
    """
    if schema.is_v3:
        return _read_v3_result(schema, value, strict)
    if isinstance(value, dict):
        return _read_dict(schema, value)
    if isinstance(value, ExecutionBlocker):
        return blocked_result(schema, value)
    if value is None and not schema.return_types and not strict:
        return CallResult(None)
    # Anything that has a length counts: a string or a tensor is taken apart, as packs expect.
    len(value)
    return CallResult(value)


def _read_dict(schema: NodeSchema, value: dict[str, Any]) -> CallResult:
    outputs = value.get("result")
    if isinstance(outputs, ExecutionBlocker):
        outputs = blocked_result(schema, outputs).outputs
    ui = value.get("ui")
    return CallResult(outputs, ui if isinstance(ui, Mapping) else None, value.get("expand"))


def _read_v3_result(schema: NodeSchema, value: Any, strict: bool) -> CallResult:
    taken = v3.normalize_output(schema.cls, value)
    outputs: Sequence[Any] | None = taken.result
    if taken.block is not None and not (strict and outputs is None and taken.expand is None):
        outputs = blocked_result(schema, ExecutionBlocker(taken.block.message)).outputs
    return CallResult(outputs, taken.ui, taken.expand)


def merge_outputs(schema: NodeSchema, results: Sequence[CallResult]) -> Outputs:
    """Gather the outputs of all calls, slot by slot (E-304, E-316).

    A slot that is flagged as a list is extended by each call's list, any other gets one
    element a call. A blocker stands as one element in either.
    """
    if len(results) == 1 and type(results[0].outputs) is tuple and not any(schema.output_is_list):
        return [[value] for value in results[0].outputs[: _slots(schema, results[0].outputs)]]
    given = [result.outputs for result in results if result.outputs is not None]
    if not results:
        return [[] for _ in schema.return_types]
    if not given:
        return []
    flags = schema.output_is_list
    merged: Outputs = []
    for slot in range(_slots(schema, given[0])):
        values: list[Any] = []
        for outputs in given:
            value = outputs[slot]
            if slot < len(flags) and flags[slot] and not isinstance(value, ExecutionBlocker):
                values.extend(value)
            else:
                values.append(value)
        merged.append(values)
    return merged


def _slots(schema: NodeSchema, outputs: Sequence[Any]) -> int:
    if schema.drops_extra_outputs:
        return min(len(outputs), len(schema.output_is_list))
    return len(outputs)


def merge_ui(results: Iterable[Mapping[str, Any] | None], strict: bool = False) -> dict[str, Any]:
    """Concatenate the ui dictionaries of all calls, key by key (E-306).

    A value that is no list or tuple counts as a list of one; in strict mode it is iterated
    as the reference does, and keys are those of the first dictionary.

    Raises:
        KeyError: In strict mode, a later call lacks a key of the first.
    """
    given = [ui for ui in results if ui]
    merged: dict[str, Any] = {}
    if strict:
        for key in given[0] if given else ():
            merged[key] = [item for ui in given for item in ui[key]]
        return merged
    for ui in given:
        for key, value in ui.items():
            items = value if isinstance(value, (list, tuple)) else [value]
            merged.setdefault(key, []).extend(items)
    return merged


def has_blocker(outputs: Outputs) -> bool:
    """Tell whether a blocker is among the values."""
    for values in outputs:
        for value in values:
            if isinstance(value, ExecutionBlocker):
                return True
    return False
