"""The checks of one node's inputs against its class (rules E-110 to E-118).

A :class:`NodeChecks` is made once per class and prompt, so that thousands of nodes of a few
classes cost a few dictionary look-ups each. It only looks at one node; ancestry, cycles and
custom validators are the business of :mod:`app.engine.execution.validation`.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Final

from app.engine.execution.prompt import DISPLAY_PREFIX
from app.engine.node_types.compatibility import is_compatible
from app.engine.node_types.schema import InputSpec, NodeSchema, RunSchemas

NodeError = dict[str, Any]
"""``{"type", "message", "details", "extra_info"}`` (E-109)."""

_ABSENT: Final = object()
_CONVERTERS: Final[Mapping[str, type]] = {
    "INT": int,
    "FLOAT": float,
    "STRING": str,
    "BOOLEAN": bool,
}
_LONGEST_LIST_SHOWN: Final = 20
_LIST_WORTH_A_SET: Final = 32


def node_error(kind: str, message: str, details: str, extra_info: dict[str, Any]) -> NodeError:
    """Return an error object of E-109."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra_info}


class NodeChecks:
    """What to check on every node of one class.

    Attributes:
        schema: The class as declared, or as it is live for one node.
        skips_link_types: Whether the class's validator takes charge of link types (E-113).
    """

    __slots__ = (
        "_checks",
        "_prompt",
        "_schemas",
        "_validator_names",
        "_validator_takes_all",
        "schema",
        "skips_link_types",
    )

    def __init__(
        self, schema: NodeSchema, schemas: RunSchemas, prompt: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self.schema = schema
        self._schemas = schemas
        self._prompt = prompt
        self._validator_names: frozenset[str] = frozenset()
        self._validator_takes_all = False
        if schema.has_validate:
            self._read_validator()
        self.skips_link_types = "input_types" in self._validator_names
        made = [
            _InputCheck(spec, self, prompt, schemas.strict_reference)
            for name, spec in schema.inputs.items()
            if not name.startswith(DISPLAY_PREFIX)
        ]
        self._checks = tuple((check.name, check, check.plain_type) for check in made)

    def check(self, inputs: dict[str, Any], sources: list[str], errors: list[NodeError]) -> None:
        """Check the inputs of one node; constants are converted in place (E-118a).

        Args:
            inputs: The node's inputs in the prompt.
            sources: Gets the id of each node that feeds a declared input with a type that
                fits: those are to be validated as well.
            errors: Gets at most one error an input.

        Raises:
            Exception: What the reference raises on dangling links and on values that cannot
                be compared (E-116, E-121).
        """
        for name, check, plain_type in self._checks:
            value = inputs.get(name, _ABSENT)
            if type(value) is plain_type:
                continue
            if isinstance(value, list):
                error = check.link_error(value)
                if error is None:
                    sources.append(value[0])
                    continue
            elif value is _ABSENT:
                error = check.absence_error()
            else:
                error = check.constant_error(value, inputs)
            if error is not None:
                errors.append(error)

    def received_type(self, link: list[Any]) -> Any:
        """Return the type of the output that a link starts from.

        Raises:
            Exception: The source or its slot does not exist, or the slot is no whole number.
        """
        return self._schemas.return_types(self._prompt[link[0]]["class_type"])[link[1]]

    def received_types(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the type that each linked input receives (``input_types`` of E-119)."""
        return {
            name: self.received_type(inputs[name])
            for name, _, _ in self._checks
            if isinstance(inputs.get(name), list) and len(inputs[name]) == 2
        }

    def validator_takes(self, name: str) -> bool:
        """Tell whether the class's validator asks for an input, and so answers for its values.

        A V3 validator names the dynamic input that a flat name belongs to (E-084).
        """
        names = self._validator_names
        return (
            self._validator_takes_all
            or name in names
            or (self.schema.is_v3 and name.partition(".")[0] in names)
        )

    def _read_validator(self) -> None:
        cls: Any = self.schema.cls
        validator = cls.validate_inputs if self.schema.is_v3 else cls.VALIDATE_INPUTS
        signature = inspect.getfullargspec(validator)
        names = signature.args[1:] if inspect.ismethod(validator) else signature.args
        self._validator_names = frozenset(names)
        self._validator_takes_all = signature.varkw is not None


class _InputCheck:
    """The checks of one declared input.

    Attributes:
        name: Name of the input.
        plain_type: Python type whose values need no further look, or None.
    """

    __slots__ = (
        "_accepted",
        "_bounded",
        "_choice_set",
        "_choices",
        "_converter",
        "_every_element",
        "_node",
        "_prompt",
        "_spec",
        "name",
        "plain_type",
    )

    def __init__(
        self,
        spec: InputSpec,
        node: NodeChecks,
        prompt: Mapping[str, Mapping[str, Any]],
        strict_reference: bool,
    ) -> None:
        self.name = spec.name
        self._spec = spec
        self._node = node
        self._prompt = prompt
        self._accepted: set[tuple[Any, int]] = set()
        self._converter = _CONVERTERS.get(spec.type_name)
        checks_values = not node.validator_takes(spec.name)
        self._bounded = checks_values and any(
            spec.options.get(bound) is not None for bound in ("min", "max")
        )
        self._choices = _choices_of(spec) if checks_values else None
        self._choice_set = _as_set(self._choices)
        self._every_element = not strict_reference and bool(
            spec.options.get("multiselect") or spec.options.get("multi_select")
        )
        needs_no_look = not self._bounded and self._choices is None
        self.plain_type = self._converter if needs_no_look else None

    def absence_error(self) -> NodeError | None:
        spec = self._spec
        if spec.category != "required":
            return None
        shown = spec.name.rpartition(".")[2] if self._node.schema.is_v3 else spec.name
        return node_error(
            "required_input_missing",
            "Required input is missing",
            shown,
            {"input_name": spec.name},
        )

    def link_error(self, link: list[Any]) -> NodeError | None:
        spec = self._spec
        if len(link) != 2:
            return node_error(
                "bad_linked_input",
                "Bad linked input, must be a length-2 list of [node_id, slot_index]",
                self.name,
                self._about(link),
            )
        source_class, slot = self._prompt[link[0]]["class_type"], link[1]
        # Slots 1, 1.0 and True are one key of a set, but only whole numbers are slots.
        if type(slot) is int and (source_class, slot) in self._accepted:
            return None
        received = self._node.received_type(link)
        if self._node.skips_link_types or is_compatible(received, spec.type):
            self._accepted.add((source_class, slot))
            return None
        return node_error(
            "return_type_mismatch",
            "Return type mismatch between linked nodes",
            f"{spec.name}, received_type({received}) mismatch input_type({spec.type})",
            {
                "input_name": spec.name,
                "input_config": spec.config,
                "received_type": received,
                "linked_node": link,
            },
        )

    def constant_error(self, value: Any, inputs: dict[str, Any]) -> NodeError | None:
        if isinstance(value, dict) and "__value__" in value:
            value = inputs[self.name] = value["__value__"]
        converter = self._converter
        if converter is not None and type(value) is not converter:
            try:
                value = inputs[self.name] = converter(value)
            except Exception as error:  # noqa: BLE001 - a value may be an object with its own code
                return self._conversion_error(value, error)
        if self._bounded and (problem := self._bounds_error(value)) is not None:
            return problem
        if self._choices is None or self._is_choice(value):
            return None
        return self._choice_error(value)

    def _conversion_error(self, value: Any, error: Exception) -> NodeError:
        name, kind = self.name, self._spec.type_name
        return node_error(
            "invalid_input_type",
            f"Failed to convert an input value to a {kind} value",
            f"{name}, {value}, {error}",
            {**self._about(value), "exception_message": str(error)},
        )

    def _bounds_error(self, value: Any) -> NodeError | None:
        options = self._spec.options
        lowest, highest = options.get("min"), options.get("max")
        if lowest is not None and value < lowest:
            kind, message = "value_smaller_than_min", f"Value {value} smaller than min of {lowest}"
        elif highest is not None and value > highest:
            kind, message = "value_bigger_than_max", f"Value {value} bigger than max of {highest}"
        else:
            return None
        return node_error(kind, message, self.name, self._about(value))

    def _is_choice(self, value: Any) -> bool:
        if self._every_element and isinstance(value, list):
            return all(self._is_one_choice(item) for item in value)
        return self._is_one_choice(value)

    def _is_one_choice(self, value: Any) -> bool:
        if self._choice_set is not None:
            try:
                return value in self._choice_set
            except TypeError:  # lists and objects cannot be looked up in a set
                pass
        assert self._choices is not None
        return value in self._choices

    def _choice_error(self, value: Any) -> NodeError:
        choices = self._choices
        assert choices is not None
        about = self._about(value)
        if len(choices) > _LONGEST_LIST_SHOWN:
            shown = f"(list of length {len(choices)})"
            about["input_config"] = None
        else:
            shown = str(choices)
        details = f"{self.name}: '{value}' not in {shown}"
        return node_error("value_not_in_list", "Value not in list", details, about)

    def _about(self, value: Any) -> dict[str, Any]:
        return {
            "input_name": self.name,
            "input_config": self._spec.config,
            "received_value": value,
        }


def _choices_of(spec: InputSpec) -> list[Any] | None:
    """Return the choices that a value must be among, or None (E-117, E-905)."""
    if isinstance(spec.type, list):
        return spec.type
    if spec.type_name == "COMBO":
        return list(spec.options.get("options") or ())
    return None


def _as_set(choices: list[Any] | None) -> frozenset[Any] | None:
    """Return long lists of choices as a set, if they can be."""
    if choices is None or len(choices) < _LIST_WORTH_A_SET:
        return None
    try:
        return frozenset(choices)
    except TypeError:
        return None
