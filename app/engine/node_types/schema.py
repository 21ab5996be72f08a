"""What a node type takes and gives: the one description both node contracts become.

A V1 class declares itself with ``INPUT_TYPES`` and class attributes; a V3 class answers the
same names (rule E-062), so both are read here by one function, :func:`read_schema`.
:class:`RunSchemas` keeps the results for one run, because ``INPUT_TYPES`` may be slow, may
touch the disk and may answer differently each time (E-020, E-952).
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from app.engine.node_types import v3
from app.engine.node_types.v3.dynamic import expand

if TYPE_CHECKING:
    from app.engine.node_types.registry import Registry

DYNAMIC_TYPES: Final = frozenset(
    {"COMFY_AUTOGROW_V3", "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICSLOT_V3"}
)
"""V3 input types that stand for a varying set of inputs (E-080 to E-083)."""

HIDDEN_KINDS: Final = frozenset(
    {
        "PROMPT",
        "DYNPROMPT",
        "EXTRA_PNGINFO",
        "UNIQUE_ID",
        "AUTH_TOKEN_COMFY_ORG",
        "API_KEY_COMFY_ORG",
    }
)
"""Hidden inputs that the engine fills in by itself (E-040)."""

_CATEGORIES: Final = ("required", "optional", "hidden")


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One declared input.

    Attributes:
        name: Name in the prompt.
        type: Type as declared: a name, a comma-joined union, a list of choices, or any
            object (E-022).
        options: Declared options; empty when there are none. Never changed.
        category: ``"required"``, ``"optional"`` or ``"hidden"``.
        lazy: Whether the input is evaluated only when the node asks for it (E-031).
        raw_link: Whether the node wants the link itself instead of its value (E-036).
    """

    name: str
    type: Any
    options: Mapping[str, Any]
    category: str
    lazy: bool = False
    raw_link: bool = False

    @property
    def config(self) -> list[Any]:
        """The pair ``[type, options]`` that error reports carry (E-109)."""
        return [self.type, self.options]

    @property
    def type_name(self) -> str:
        """The plain text of a type that is a string, else an empty string.

        A string subclass may compare equal to everything (E-131); this text does not.
        """
        return str.__str__(self.type) if isinstance(self.type, str) else ""


@dataclass(frozen=True, slots=True, eq=False)
class NodeSchema:
    """Everything the engine needs to know of a node class before it calls it.

    Attributes:
        name: Class name in prompts.
        cls: The class itself.
        is_v3: Whether it follows the V3 contract.
        inputs: Required and optional inputs that can be iterated, in declaration order.
        hidden: Kind by name of the hidden inputs that are written as a kind (E-023). Kinds
            outside :data:`HIDDEN_KINDS` are not filled in (E-041).
        open_inputs: Whether a section may know more names than it lists (E-024).
        return_types: Type of each output slot.
        return_names: Name of each output slot; may be shorter than ``return_types``.
        output_is_list: Whether a slot delivers a list, one flag a slot.
        input_is_list: Whether every argument arrives as a list (E-052).
        function: Name of the method to call.
        is_output: Whether it is an output node.
        not_idempotent: Whether equal inputs may give unequal results (E-056).
        uses_unique_id: Whether its own id belongs to its cache key (E-403, E-904).
        has_is_changed: Whether ``IS_CHANGED`` / ``fingerprint_inputs`` is defined.
        has_validate: Whether ``VALIDATE_INPUTS`` / ``validate_inputs`` is defined.
        has_check_lazy: Whether ``check_lazy_status`` is defined.
        is_async: Whether the method is a coroutine function.
        has_dynamic_inputs: Whether its inputs depend on the node's values in the prompt.
        finishes_later: Whether the class itself says ``FINISHES_LATER = True``: it may leave
            work behind while the next nodes run. Classes derived from it must say so again.
        is_pure: Whether the class itself says ``PURE_CPU = True``: equal inputs give equal
            results, it changes nothing else, and it may run beside other nodes.
        drops_extra_outputs: Whether outputs beyond ``output_is_list`` are dropped, as the
            reference does (E-051; strict mode only).
    """

    name: str
    cls: type
    is_v3: bool
    inputs: Mapping[str, InputSpec]
    hidden: Mapping[str, str]
    open_inputs: bool
    return_types: tuple[Any, ...]
    return_names: tuple[Any, ...]
    output_is_list: tuple[bool, ...]
    input_is_list: bool
    function: str
    is_output: bool
    not_idempotent: bool
    uses_unique_id: bool
    has_is_changed: bool
    has_validate: bool
    has_check_lazy: bool
    is_async: bool
    has_dynamic_inputs: bool = False
    finishes_later: bool = False
    is_pure: bool = False
    drops_extra_outputs: bool = False
    _sections: tuple[tuple[str, Any], ...] = field(default=(), repr=False)
    _known: dict[str, InputSpec | None] = field(default_factory=dict, repr=False)

    def declares(self, name: str) -> InputSpec | None:
        """Return the declaration of an input, or None for a name the class does not know.

        Hidden names are known too; their category says so. Sections that accept any name
        are asked with ``in`` and ``[]`` (E-024).
        """
        try:
            return self._known[name]
        except KeyError:
            if not self.open_inputs:
                return None
        found = None
        for category, section in self._sections:
            if name in section:
                found = _read_input(name, section[name], category)
                break
        self._known[name] = found
        return found

    def with_inputs(self, declared: Mapping[str, Any]) -> NodeSchema:
        """Return the same schema with other required and optional inputs.

        Args:
            declared: The sections ``required`` and ``optional`` as ``INPUT_TYPES`` has them.
        """
        return replace(self, **_read_sections({**declared, "hidden": dict(self._hidden_section())}))

    def _hidden_section(self) -> Mapping[str, Any]:
        return next((section for kind, section in self._sections if kind == "hidden"), {})


def is_output_class(cls: type, *, strict_reference: bool = False) -> bool:
    """Tell whether a class is an output node, without asking for its inputs (E-054)."""
    flag = getattr(cls, "OUTPUT_NODE", False)
    if strict_reference:
        return flag is True
    return bool(flag == True)  # noqa: E712 - the rule: equal to True, so 1 counts and "yes" does not


def read_return_types(cls: type, *, strict_reference: bool = False) -> tuple[Any, ...]:
    """Return the type of each output slot, without asking for the inputs (E-050).

    ``RETURN_TYPES = ("IMAGE")`` is a string by mistake and read as one output; the
    reference takes it letter by letter.
    """
    types = getattr(cls, "RETURN_TYPES", ())
    if isinstance(types, str) and not strict_reference:
        return (types,)
    return tuple(types)


def read_schema(name: str, cls: type, *, strict_reference: bool = False) -> NodeSchema:
    """Read a node class of either contract.

    Whatever the class raises in ``INPUT_TYPES`` is passed on.

    Args:
        name: Name the class is registered under.
        cls: The node class.
        strict_reference: Keep the reference's quirks (E-900).
    """
    is_v3 = v3.is_v3(cls)
    sections = _read_sections(cls.INPUT_TYPES())  # type: ignore[attr-defined]
    hidden: dict[str, str] = sections["hidden"]
    return_types = read_return_types(cls, strict_reference=strict_reference)
    flags = tuple(bool(flag) for flag in getattr(cls, "OUTPUT_IS_LIST", None) or ())
    drops = strict_reference and 0 < len(flags) < len(return_types)
    if not drops:
        flags += (False,) * (len(return_types) - len(flags))
    function = str(getattr(cls, "FUNCTION", ""))
    return NodeSchema(
        name=name,
        cls=cls,
        is_v3=is_v3,
        return_types=return_types,
        return_names=tuple(getattr(cls, "RETURN_NAMES", None) or ()),
        output_is_list=flags,
        input_is_list=bool(getattr(cls, "INPUT_IS_LIST", False)),
        function=function,
        is_output=is_output_class(cls, strict_reference=strict_reference),
        not_idempotent=bool(getattr(cls, "NOT_IDEMPOTENT", False)),
        uses_unique_id="UNIQUE_ID" in hidden.values() and not (is_v3 and strict_reference),
        has_is_changed=_defines(cls, "fingerprint_inputs" if is_v3 else "IS_CHANGED"),
        has_validate=_defines(cls, "validate_inputs" if is_v3 else "VALIDATE_INPUTS"),
        has_check_lazy=_defines(cls, "check_lazy_status"),
        is_async=inspect.iscoroutinefunction(getattr(cls, function, None)),
        has_dynamic_inputs=is_v3 and _has_dynamic(sections["inputs"].values()),
        finishes_later=cls.__dict__.get("FINISHES_LATER") is True,
        is_pure=cls.__dict__.get("PURE_CPU") is True,
        drops_extra_outputs=drops,
        **sections,
    )


def _defines(cls: type, name: str) -> bool:
    """Tell whether a class brings ``name`` itself; the V3 base only has placeholders (E-060)."""
    return v3.overrides(cls, name) if v3.is_v3(cls) else hasattr(cls, name)


def _has_dynamic(inputs: Iterable[InputSpec]) -> bool:
    return any(spec.type_name in DYNAMIC_TYPES for spec in inputs)


def _read_sections(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the answer of ``INPUT_TYPES`` into the fields of a schema that depend on it."""
    sections: list[tuple[str, Any]] = []
    inputs: dict[str, InputSpec] = {}
    known: dict[str, InputSpec | None] = {}
    hidden: dict[str, str] = {}
    for category in _CATEGORIES:
        section = declared.get(category)
        if not isinstance(section, Mapping):
            continue
        sections.append((category, section))
        for name in section:
            spec = _read_input(name, section[name], category)
            known.setdefault(name, spec)
            if category != "hidden":
                inputs.setdefault(name, spec)
            elif kind := _hidden_kind(section[name]):
                hidden[name] = kind
    return {
        "inputs": inputs,
        "hidden": hidden,
        "open_inputs": any(type(section) is not dict for _, section in sections),
        "_sections": tuple(sections),
        "_known": known,
    }


def _read_input(name: str, declared: Any, category: str) -> InputSpec:
    parts = declared if isinstance(declared, (list, tuple)) else (declared,)
    options = parts[1] if len(parts) > 1 and isinstance(parts[1], Mapping) else {}
    return InputSpec(
        name=name,
        type=parts[0] if parts else "*",
        options=options,
        category=category,
        lazy=bool(options.get("lazy")),
        raw_link=bool(options.get("rawLink")),
    )


def _hidden_kind(declared: Any) -> str:
    if isinstance(declared, (list, tuple)) and len(declared) == 1:
        declared = declared[0]
    return str.__str__(declared) if isinstance(declared, str) else ""


class RunSchemas:
    """The schemas of one run: each class is read at most once (E-952).

    Used by one thread at a time. Make a new one for each run, so that new files show up in
    the lists of choices.

    Attributes:
        registry: Where the classes come from.
        strict_reference: Whether the reference's quirks are kept (E-900).
    """

    def __init__(self, registry: Registry, strict_reference: bool = False) -> None:
        self.registry = registry
        self.strict_reference = strict_reference
        self._schemas: dict[str, NodeSchema] = {}
        self._return_types: dict[str, tuple[Any, ...]] = {}

    def get(self, class_type: str) -> NodeSchema:
        """Return the schema of a node type as the class declares it.

        Raises:
            UnknownNodeError: There is no such type; the message names the nearest one.
        """
        try:
            return self._schemas[class_type]
        except KeyError:
            pass
        schema = read_schema(
            class_type, self.registry.get(class_type), strict_reference=self.strict_reference
        )
        self._schemas[class_type] = schema
        return schema

    def for_inputs(self, class_type: str, inputs: Mapping[str, Any]) -> NodeSchema:
        """Return the schema that holds for a node with these inputs in the prompt.

        Only V3 classes with dynamic inputs make a difference; their live inputs have flat
        names such as ``images.image0`` (E-084).

        Raises:
            UnknownNodeError: There is no such type.
        """
        schema = self.get(class_type)
        if not schema.has_dynamic_inputs:
            return schema
        # Reading the class has just made a schema, file lists and all; it serves for the run.
        live = expand(
            schema.cls.GET_SCHEMA().inputs,  # type: ignore[attr-defined]
            inputs,
            strict_reference=self.strict_reference,
        )
        return schema.with_inputs(live)

    def return_types(self, class_type: str) -> tuple[Any, ...]:
        """Return the output types of a node type without asking it for its inputs.

        Raises:
            UnknownNodeError: There is no such type.
        """
        try:
            return self._return_types[class_type]
        except KeyError:
            pass
        types = read_return_types(
            self.registry.get(class_type), strict_reference=self.strict_reference
        )
        self._return_types[class_type] = types
        return types

    def is_output(self, class_type: str) -> bool:
        """Tell whether a node type is an output node, without asking it for its inputs.

        Raises:
            UnknownNodeError: There is no such type.
        """
        return is_output_class(
            self.registry.get(class_type), strict_reference=self.strict_reference
        )
