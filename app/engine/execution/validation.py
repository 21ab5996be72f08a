"""From a prompt to the outputs that can run, and the problems of those that cannot.

Rules E-100 to E-124 with the improvements E-901 to E-905. The work is done in plain loops
over the sorted prompt, so the length of a chain does not matter, and in the order of the
prompt and of the declarations, so that two runs report the same.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.errors import Interrupted, is_ctrl_c
from app.engine.execution.custom_validation import run_validator
from app.engine.execution.input_checks import NodeChecks, NodeError, node_error
from app.engine.execution.prompt import ancestry, consumers, is_in_order
from app.engine.node_types.schema import RunSchemas

Prompt = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Validation:
    """What validation found.

    Attributes:
        valid: Whether at least one output can run.
        error: The overall error ``{"type", "message", "details", "extra_info"}``, or None
            when something can run.
        outputs: Ids of the output nodes that can run, in the order to run them.
        node_errors: ``{"errors", "dependent_outputs", "class_type"}`` by node id (E-108), in
            prompt order; may be filled although some outputs can run (E-105).
    """

    valid: bool
    error: NodeError | None
    outputs: tuple[str, ...] = ()
    node_errors: dict[str, dict[str, Any]] = field(default_factory=dict)


async def validate_prompt(
    prompt: Prompt,
    schemas: RunSchemas,
    *,
    targets: Iterable[str] | None = None,
    strict_reference: bool = False,
) -> Validation:
    """Check a prompt before it is queued; constants are converted in place (E-118a).

    Args:
        prompt: The prompt; its constants change where they are converted or unwrapped.
        schemas: Node types, for this run only.
        targets: Ids of the outputs wanted (E-104), or None for every output. Ids that are
            not output nodes are passed over.
        strict_reference: Keep the reference's quirks (E-900).
    """
    check = prepare_validation(prompt, schemas, targets=targets, strict_reference=strict_reference)
    await check.run_validators()
    return check.result()


def prepare_validation(
    prompt: Prompt,
    schemas: RunSchemas,
    *,
    targets: Iterable[str] | None = None,
    strict_reference: bool = False,
) -> PromptCheck:
    """Check everything that needs no validator of a class; see :func:`validate_prompt`.

    Returns:
        The check, whose validators are still to be run.
    """
    check = PromptCheck(prompt, schemas, strict_reference)
    check.check_inputs(targets)
    return check


def _scan_error(prompt: Any, schemas: RunSchemas) -> NodeError | None:
    """Return the first node that has no class or an unknown one (E-101, E-102)."""
    if not isinstance(prompt, dict):
        message = "Cannot execute because the prompt is not an object of nodes."
        return node_error("invalid_prompt", message, type(prompt).__name__, {})
    classes = schemas.registry.classes
    for node_id, node in prompt.items():
        if not isinstance(node, dict) or "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
        else:
            name = node["class_type"]
            if isinstance(name, str) and name in classes:
                continue
            message = f"Cannot execute because node {name} does not exist."
        return node_error("invalid_prompt", message, f"Node ID '#{node_id}'", {})
    return None


def _selected_outputs(
    prompt: Prompt, schemas: RunSchemas, targets: Iterable[str] | None
) -> list[str]:
    output_classes: dict[str, bool] = {}
    found = []
    for node_id in prompt if targets is None else dict.fromkeys(targets):
        if node_id not in prompt:
            continue
        name = prompt[node_id]["class_type"]
        is_output = output_classes.get(name)
        if is_output is None:
            is_output = output_classes[name] = schemas.is_output(name)
        if is_output:
            found.append(node_id)
    return found


class PromptCheck:
    """The validation of one prompt: its inputs, then the validators of its classes."""

    def __init__(self, prompt: Prompt, schemas: RunSchemas, strict: bool = False) -> None:
        self._prompt = prompt
        self._schemas = schemas
        self._outputs: list[str] = []
        self._valid_outputs: list[str] = []
        self._order: Sequence[str] = ()
        self._validators: list[tuple[str, NodeChecks]] = []
        self._failure: NodeError | None = None
        self._strict = strict
        self._checks: dict[str, NodeChecks] = {}
        self._errors: dict[str, list[NodeError]] = {}
        self._dependents: dict[str, list[str]] = {}
        # What each validated node takes from declared inputs whose types fit.
        self._sources: dict[str, list[str]] = {}

    def check_inputs(self, targets: Iterable[str] | None) -> None:
        """Find the outputs, the nodes they need, and the problems of their inputs."""
        prompt = self._prompt
        self._failure = _scan_error(prompt, self._schemas)
        if self._failure is not None:
            return
        outputs = self._outputs = _selected_outputs(prompt, self._schemas, targets)
        if not outputs:
            self._failure = node_error("prompt_no_outputs", "Prompt has no outputs", "", {})
            return
        if is_in_order(prompt):
            self._order = tuple(prompt)
        else:
            found = ancestry(prompt, outputs)
            self._order = found.order
            if found.cycles:
                # What the other outputs need stays in order: they have no part in a cycle.
                outputs = self._refuse_cycles(found.order, found.cycles)
        self._valid_outputs = outputs
        self._validators = self._check_inputs(self._order, outputs)

    @property
    def has_validators(self) -> bool:
        """Whether some class wants to check its nodes itself."""
        return bool(self._validators)

    def result(self) -> Validation:
        """Return what was found."""
        if self._failure is not None:
            return Validation(False, self._failure)
        outputs = self._valid_outputs
        if not self._errors and len(outputs) == len(self._outputs):
            return Validation(True, None, tuple(outputs))
        return self._summary(self._order, outputs)

    def _refuse_cycles(
        self, order: Sequence[str], cycles: tuple[tuple[str, ...], ...]
    ) -> list[str]:
        """Report cycles on their nodes; return the outputs that depend on none (E-901)."""
        fed = consumers(self._prompt, order)
        refused: set[str] = set()
        for cycle in cycles:
            reached = _downstream(fed, cycle)
            refused |= reached
            if self._strict:
                continue
            error = node_error(
                "dependency_cycle",
                "Dependency cycle detected",
                ", ".join(cycle),
                {"cycle": list(cycle)},
            )
            dependents = [output for output in self._outputs if output in reached]
            for node_id in cycle:
                self._errors[node_id] = [error]
                self._dependents[node_id] = dependents
        return [output for output in self._outputs if output not in refused]

    def _check_inputs(
        self, order: Sequence[str], outputs: list[str]
    ) -> list[tuple[str, NodeChecks]]:
        """Check the inputs of all nodes, consumers first.

        Returns:
            The nodes whose class has a validator of its own, sources first.
        """
        prompt, checks_of = self._prompt, self._checks
        reached = set(outputs)
        validators: list[tuple[str, NodeChecks]] = []
        for node_id in reversed(order):
            if node_id not in reached:
                continue
            sources: list[str] = []
            errors: list[NodeError] = []
            node = prompt[node_id]
            try:
                inputs = node["inputs"]
                checks = checks_of.get(node["class_type"]) or self._prepare(node)
                checks.check(inputs, sources, errors)
            except Interrupted:
                raise
            except BaseException as error:  # INPUT_TYPES is a pack's code
                if is_ctrl_c(error):
                    raise
                errors = [self._exception_error(node_id, error)]
            else:
                if checks.schema.has_validate:
                    validators.append((node_id, checks))
            if errors:
                self._errors[node_id] = errors
            if sources:
                self._sources[node_id] = sources
                reached.update(sources)
        validators.reverse()
        return validators

    def _prepare(self, node: dict[str, Any]) -> NodeChecks:
        name = node["class_type"]
        schema = self._schemas.for_inputs(name, node["inputs"])
        checks = NodeChecks(schema, self._schemas, self._prompt)
        if not schema.has_dynamic_inputs:
            self._checks[name] = checks
        return checks

    async def run_validators(self) -> None:
        """Ask the classes that want to check their nodes themselves."""
        for node_id, checks in self._validators:
            try:
                errors = await run_validator(checks, node_id, self._prompt[node_id]["inputs"])
            except (Interrupted, asyncio.CancelledError):
                raise
            except BaseException as error:  # a pack's code; it may even call sys.exit
                if is_ctrl_c(error):
                    raise
                self._errors[node_id] = [self._exception_error(node_id, error)]
            else:
                if errors:
                    self._errors.setdefault(node_id, []).extend(errors)

    def _exception_error(self, node_id: str, error: BaseException) -> NodeError:
        """Describe an exception on an output (E-122) or on an ancestor (E-123)."""
        text = _text_of(error)
        about = {
            "exception_type": _qualified_name(type(error)),
            "traceback": traceback.format_tb(error.__traceback__),
        }
        consumer = None if node_id in self._outputs else self._first_consumer(node_id)
        if consumer is None:
            return node_error(
                "exception_during_validation", "Exception when validating node", text, about
            )
        name, config, link = consumer
        about = {
            "input_name": name,
            "input_config": config,
            "exception_message": text,
            **about,
            "linked_node": link,
        }
        return node_error(
            "exception_during_inner_validation", "Exception when validating inner node", text, about
        )

    def _first_consumer(self, node_id: str) -> tuple[str, list[Any], list[Any]] | None:
        """Return the input that a node was reached through, its pair and its link."""
        for consumer, sources in self._sources.items():
            if node_id not in sources:
                continue
            node = self._prompt[consumer]
            schema = self._schemas.for_inputs(node["class_type"], node["inputs"])
            for name, spec in schema.inputs.items():
                value = node["inputs"].get(name)
                if isinstance(value, list) and value[:1] == [node_id]:
                    return name, spec.config, value
        return None

    def _summary(self, order: Sequence[str], outputs: list[str]) -> Validation:
        """Tell which outputs can run and which problems keep the others from it."""
        needed_by = self._needed_by(order, outputs)
        broken = 0
        node_errors: dict[str, dict[str, Any]] = {}
        for node_id in self._prompt:
            errors = self._errors.get(node_id)
            if not errors:
                continue
            bits = needed_by.get(node_id, 0)
            broken |= bits
            dependents = set(self._dependents.get(node_id, ()))
            dependents.update(_members(outputs, bits))
            node_errors[node_id] = {
                "errors": errors,
                "dependent_outputs": [each for each in self._outputs if each in dependents],
                "class_type": self._prompt[node_id]["class_type"],
            }
        good = tuple(output for at, output in enumerate(outputs) if not broken >> at & 1)
        if good:
            return Validation(True, None, good, node_errors)
        details = "\n".join(
            f"{error['message']}: {error['details']}"
            for output in self._outputs
            for error in self._errors.get(output, ())
        )
        failure = node_error(
            "prompt_outputs_failed_validation", "Prompt outputs failed validation", details, {}
        )
        return Validation(False, failure, (), node_errors)

    def _needed_by(self, order: Sequence[str], outputs: list[str]) -> dict[str, int]:
        """Return, for each validated node, the outputs that need it as bits of a number."""
        needed = {output: 1 << at for at, output in enumerate(outputs)}
        for node_id in reversed(order):
            bits = needed.get(node_id, 0)
            if bits:
                for source in self._sources.get(node_id, ()):
                    needed[source] = needed.get(source, 0) | bits
        return needed


def _downstream(fed: dict[str, list[str]], starts: Iterable[str]) -> set[str]:
    reached = set(starts)
    waiting = list(reached)
    while waiting:
        for consumer in fed.get(waiting.pop(), ()):
            if consumer not in reached:
                reached.add(consumer)
                waiting.append(consumer)
    return reached


def _members(outputs: list[str], bits: int) -> Iterator[str]:
    return (output for at, output in enumerate(outputs) if bits >> at & 1)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - third-party code; nothing it raises may escape
        return type(error).__name__


def _qualified_name(kind: type) -> str:
    module = kind.__module__
    return kind.__qualname__ if module == "builtins" else f"{module}.{kind.__qualname__}"
