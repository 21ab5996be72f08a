"""Asking for the Python value of an output slot, of any node.

Validation knows output nodes only. So a slot that is asked for is given a *probe* while the
prompt is validated: an output node that takes anything and is linked to the slot. Then the
slot's node is checked with everything upstream. The run itself has no probes; it just keeps
the values.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from app.engine.execution.validation import Validation
from app.engine.node_types.registry import Registry
from app.engine.node_types.schema import RunSchemas

PROBE_TYPE = "EaselSlotProbe"


class SlotProbe:
    """An output node that takes one value of any type; it is validated but never run."""

    RETURN_TYPES: ClassVar[tuple[str, ...]] = ()
    FUNCTION = "take"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """Declare the one input."""
        return {"required": {"value": ("*",)}}

    def take(self, value: Any) -> tuple[()]:
        """Take the value."""
        return ()


@dataclass(frozen=True, slots=True)
class SlotTargets:
    """What a caller wants of a run.

    Attributes:
        outputs: Ids of output nodes, or None for all of them.
        slots: ``(node id, slot)`` pairs whose values are wanted.
    """

    outputs: tuple[str, ...] | None
    slots: tuple[tuple[str, int], ...]

    @classmethod
    def read(cls, targets: Iterable[Any] | None) -> SlotTargets:
        """Sort targets into node ids and slots.

        Raises:
            TypeError: A target is neither.
        """
        if targets is None:
            return cls(None, ())
        outputs: list[str] = []
        slots: list[tuple[str, int]] = []
        for target in targets:
            if isinstance(target, str):
                outputs.append(target)
            elif isinstance(target, (tuple, list)) and len(target) == 2:
                slots.append((str(target[0]), int(target[1])))
            else:
                raise TypeError(f"A target is a node id or a pair (node id, slot), not {target!r}.")
        return cls(tuple(outputs), tuple(slots))

    def without_probes(self, validation: Validation) -> Validation:
        """Return the validation of the prompt itself.

        Slots whose nodes cannot run have no value later; when nothing else can run either,
        the prompt is not valid.
        """
        if not self.slots:
            return validation
        probes = set(map(_probe_id, self.slots))
        node_errors = {
            node_id: {
                **entry,
                "dependent_outputs": [
                    each for each in entry["dependent_outputs"] if each not in probes
                ],
            }
            for node_id, entry in validation.node_errors.items()
        }
        for slot in self.slots:
            found = node_errors.pop(_probe_id(slot), None)
            if found is not None and slot[0] not in node_errors:
                node_errors[slot[0]] = found
        outputs = tuple(each for each in validation.outputs if each not in probes)
        return replace(validation, outputs=outputs, node_errors=node_errors)

    def runnable(self, validation: Validation) -> tuple[tuple[str, int], ...]:
        """Return the slots whose probes passed validation."""
        passed = set(validation.outputs)
        return tuple(slot for slot in self.slots if _probe_id(slot) in passed)


def validation_view(
    prompt: dict[str, Any], schemas: RunSchemas, targets: SlotTargets
) -> tuple[dict[str, Any], RunSchemas, list[str] | None]:
    """Return the prompt, node types and output ids to validate, probes included.

    The node objects are the prompt's own, so that converted constants end up in it.
    """
    outputs = None if targets.outputs is None else list(targets.outputs)
    if not targets.slots or not isinstance(prompt, dict):
        return prompt, schemas, outputs
    registry = Registry(
        {**schemas.registry.classes, PROBE_TYPE: SlotProbe}, schemas.registry.display_names
    )
    probes = {
        _probe_id(slot): {"class_type": PROBE_TYPE, "inputs": {"value": list(slot)}}
        for slot in targets.slots
    }
    seen = RunSchemas(registry, schemas.strict_reference)
    return {**prompt, **probes}, seen, [*(outputs or ()), *probes]


def _probe_id(slot: tuple[str, int]) -> str:
    return f"easel-probe:{slot[0]}:{slot[1]}"
