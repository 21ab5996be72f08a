"""V3 inputs whose shape depends on the prompt: unions, matched types, growing and chosen slots.

Flat names are used everywhere (prompt, errors, cache keys); only a call's arguments are
nested, by :func:`nest` (E-084). Which flat names are live is told by :func:`expand`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.engine.node_types.v3.base import (
    ComfyType,
    ComfyTypeI,
    ComfyTypeIO,
    DynamicInput,
    Input,
    OptionsDict,
    WidgetInput,
)
from app.engine.node_types.v3.base import Output as BaseOutput
from app.engine.node_types.v3.types import AnyType

MAX_AUTOGROW_NAMES = 100

Sections = dict[str, dict[str, Any]]


def declare_inputs(inputs: Iterable[Input]) -> Sections:
    """Return ``{"required": ..., "optional": ...}`` for inputs as they are declared."""
    sections: Sections = {"required": {}}
    for item in inputs:
        section = "optional" if item.optional else "required"
        sections.setdefault(section, {})[item.id] = item.declare()
    return sections


class MultiType(ComfyTypeI):
    """One input that takes any of several types (E-078)."""

    io_type = "COMFY_MULTITYPED_V3"

    class Input(Input):
        """An input of several types.

        Args:
            id: The name, or an input whose widget is kept and whose type comes first.
            types: The io types that are taken.
        """

        def __init__(
            self,
            id: str | Input,
            types: Sequence[type[ComfyType]],
            display_name: str | None = None,
            optional: bool = False,
            tooltip: str | None = None,
            lazy: bool | None = None,
            extra_dict: Mapping[str, Any] | None = None,
            raw_link: bool | None = None,
            **options: Any,
        ) -> None:
            self.input_override: Input | None = None
            if isinstance(id, Input):
                self.input_override = copy.copy(id)
                optional = id.optional or optional
                tooltip = id.tooltip or tooltip
                display_name = id.display_name or display_name
                lazy = id.lazy or lazy
                id = id.id
            self._types = list(types)
            super().__init__(
                id, display_name, optional, tooltip, lazy, extra_dict, raw_link, **options
            )

        @property
        def io_types(self) -> list[type[ComfyType]]:
            """The types taken, each once, the widget's own type first."""
            found = list(self._types)
            if self.input_override is not None:
                found.insert(0, self.input_override.Parent)
            return list({kind.io_type: kind for kind in found}.values())

        @property
        def io_type(self) -> str:
            """The comma-joined union."""
            return ",".join(kind.io_type for kind in self.io_types)

        def as_dict(self) -> OptionsDict:
            """Return the options; a widget's own options come with its type."""
            own = super().as_dict()
            if self.input_override is None:
                return own
            kept = self.input_override.as_dict()
            if isinstance(self.input_override, WidgetInput):
                kept.setdefault("widgetType", self.input_override.io_type)
            return kept | own


class MatchType(ComfyTypeIO):
    """Sockets of one node that must all have the same type (E-079)."""

    io_type = "COMFY_MATCHTYPE_V3"

    class Template:
        """The group that matched sockets belong to.

        Args:
            template_id: Name of the group, unique in the node.
            allowed_types: The io type, or types, that are allowed.
        """

        def __init__(
            self,
            template_id: str,
            allowed_types: type[ComfyType] | Iterable[type[ComfyType]] = AnyType,
        ) -> None:
            self.template_id = template_id
            single = isinstance(allowed_types, type)
            self.allowed_types: list[type[ComfyType]] = (
                [allowed_types] if single else list(allowed_types)  # type: ignore[list-item,arg-type]
            )

        def as_dict(self) -> OptionsDict:
            """Return the group as object_info shows it."""
            allowed = ",".join(kind.io_type for kind in self.allowed_types)
            return {"template_id": self.template_id, "allowed_types": allowed}

    class Input(Input):
        """An input of a matched group."""

        def __init__(self, id: str, template: MatchType.Template, *args: Any, **kw: Any) -> None:
            super().__init__(id, *args, **kw)
            self.template = template

        def type_options(self) -> OptionsDict:
            """Return the group."""
            return {"template": self.template.as_dict()}

    class Output(BaseOutput):
        """An output of a matched group."""

        def __init__(
            self,
            template: MatchType.Template,
            id: str | None = None,
            display_name: str | None = None,
            tooltip: str | None = None,
            is_output_list: bool = False,
            **options: Any,
        ) -> None:
            if not id and not display_name:
                display_name = "MATCHTYPE"
            super().__init__(id, display_name, tooltip, is_output_list, **options)
            self.template = template


class Autogrow(ComfyTypeI):
    """An input that grows a new slot whenever the last one is linked (E-080)."""

    io_type = "COMFY_AUTOGROW_V3"
    Type = dict[str, Any]

    class _Template:
        def __init__(self, input: Input, names: Sequence[str], min: int) -> None:
            if len(names) > MAX_AUTOGROW_NAMES:
                raise ValueError(f"Autogrow takes at most {MAX_AUTOGROW_NAMES} names")
            self.input = copy.copy(input)
            if isinstance(self.input, WidgetInput):
                self.input.force_input = True
            self.names = list(names)
            self.min = min

        def as_dict(self) -> OptionsDict:
            """Return the template as object_info shows it (E-081)."""
            return {"input": declare_inputs([self.input]), **self._own_dict(), "min": self.min}

        def _own_dict(self) -> OptionsDict:
            return {"names": self.names}

    class TemplatePrefix(_Template):
        """Slots named ``prefix0``, ``prefix1``, ..., at least ``min`` and at most ``max``."""

        def __init__(self, input: Input, prefix: str, min: int = 1, max: int = 10) -> None:
            if min < 0 or max < 1 or max < min:
                raise ValueError(f"Autogrow needs 0 <= min <= max, got {min} and {max}")
            super().__init__(input, [f"{prefix}{index}" for index in range(max)], min)
            self.prefix = prefix
            self.max = max

        def as_dict(self) -> OptionsDict:
            """Return the template as object_info shows it (E-081)."""
            return super().as_dict() | {"max": self.max}

        def _own_dict(self) -> OptionsDict:
            return {"prefix": self.prefix}

    class TemplateNames(_Template):
        """Slots with the given names, of which the first ``min`` are required."""

        def __init__(self, input: Input, names: Sequence[str], min: int = 1) -> None:
            super().__init__(input, names, min)

    class Input(DynamicInput):
        """A growing input; the node gets one dict by slot name."""

        def __init__(
            self, id: str, template: Autogrow._Template, *args: Any, **kwargs: Any
        ) -> None:
            super().__init__(id, *args, **kwargs)
            self.template = template

        def type_options(self) -> OptionsDict:
            """Return the template."""
            return {"template": self.template.as_dict()}

        def all_inner_inputs(self) -> list[Input]:
            """Return one input for each name of the template."""
            return [self._slot(index) for index in range(len(self.template.names))]

        def inner_inputs(self, prompt_inputs: Mapping[str, Any], path: str) -> list[Input]:
            """Return the slots that the prompt holds, and those that it must hold (E-905)."""
            slots = self.all_inner_inputs()
            present = [f"{path}.{slot.id}" in prompt_inputs for slot in slots]
            wanted = not self.template.input.optional and (not self.optional or any(present))
            return [
                slot
                for slot, here in zip(slots, present, strict=True)
                if here or (wanted and not slot.optional)
            ]

        def _slot(self, index: int) -> Input:
            slot = copy.copy(self.template.input)
            slot.id = self.template.names[index]
            slot.optional = index >= self.template.min
            return slot


class DynamicCombo(ComfyTypeI):
    """A choice that brings inputs of its own (E-082)."""

    io_type = "COMFY_DYNAMICCOMBO_V3"
    Type = dict[str, Any]

    class Option:
        """One choice: its key and the inputs that come with it."""

        def __init__(self, key: str, inputs: Sequence[Input] = ()) -> None:
            self.key = key
            self.inputs = list(inputs)

        def as_dict(self) -> OptionsDict:
            """Return the choice as object_info shows it."""
            return {"key": self.key, "inputs": declare_inputs(self.inputs)}

    class Input(DynamicInput):
        """A choice; the node gets a dict of the chosen option's inputs and the key itself."""

        def __init__(
            self, id: str, options: Sequence[DynamicCombo.Option], *args: Any, **kwargs: Any
        ) -> None:
            super().__init__(id, *args, **kwargs)
            self.choices = list(options)

        def type_options(self) -> OptionsDict:
            """Return the choices."""
            return {"options": [option.as_dict() for option in self.choices]}

        def all_inner_inputs(self) -> list[Input]:
            """Return the inputs of all choices."""
            return [item for option in self.choices for item in option.inputs]

        def inner_inputs(self, prompt_inputs: Mapping[str, Any], path: str) -> list[Input]:
            """Return the inputs of the choice the prompt has made."""
            selected = prompt_inputs.get(path)
            for option in self.choices:
                if option.key == selected:
                    return option.inputs
            return []

        def declare_selector(self) -> tuple[str, OptionsDict]:
            """Return the choice itself as a combo, so that a wrong key is refused (E-905)."""
            return ("COMBO", self.as_dict() | {"options": [item.key for item in self.choices]})


class DynamicSlot(ComfyTypeI):
    """A slot that brings further inputs when it is filled (E-083)."""

    io_type = "COMFY_DYNAMICSLOT_V3"
    Type = dict[str, Any]

    class Input(DynamicInput):
        """A slot with dependent inputs; always optional."""

        def __init__(
            self,
            slot: Input,
            inputs: Sequence[Input],
            display_name: str | None = None,
            tooltip: str | None = None,
            lazy: bool | None = None,
            extra_dict: Mapping[str, Any] | None = None,
            **options: Any,
        ) -> None:
            super().__init__(
                slot.id,
                display_name or slot.display_name,
                True,
                tooltip or slot.tooltip,
                lazy if lazy is not None else slot.lazy,
                extra_dict,
                **options,
            )
            self.slot = copy.copy(slot)
            self.slot.optional = True
            if isinstance(self.slot, WidgetInput):
                self.slot.force_input = True
            self.inputs = list(inputs)

        def type_options(self) -> OptionsDict:
            """Return the slot's type and what comes with it."""
            forced = True if isinstance(self.slot, WidgetInput) else None
            return {
                "slotType": self.slot.io_type,
                "inputs": declare_inputs(self.inputs),
                "forceInput": forced,
            }

        def all_inner_inputs(self) -> list[Input]:
            """Return the dependent inputs."""
            return self.inputs

        def inner_inputs(self, prompt_inputs: Mapping[str, Any], path: str) -> list[Input]:
            """Return the dependent inputs when the slot is filled."""
            return self.inputs if path in prompt_inputs else []


def expand(
    inputs: Iterable[Input],
    prompt_inputs: Mapping[str, Any],
    *,
    strict_reference: bool = False,
    prefix: str = "",
    sections: Sections | None = None,
) -> Sections:
    """Return INPUT_TYPES sections with flat names for what a prompt's node holds (E-080 to E-084).

    Args:
        inputs: Declared inputs.
        prompt_inputs: Inputs of the prompt's node by flat name.
        strict_reference: Declare nothing for a missing slot or choice, as the reference
            does, instead of making validation report it (E-905).
        prefix: Flat name the inputs live under, with a trailing dot; empty at the top.
        sections: Where to add; a new dict when None.
    """
    found: Sections = sections if sections is not None else {"required": {}}
    for item in inputs:
        path = prefix + item.id
        section = "optional" if item.optional else "required"
        if not isinstance(item, DynamicInput):
            found.setdefault(section, {})[path] = item.declare()
            continue
        if isinstance(item, DynamicCombo.Input):
            known = any(prompt_inputs.get(path) == option.key for option in item.choices)
            if known or not strict_reference:
                found.setdefault(section, {})[path] = item.declare_selector()
        elif isinstance(item, DynamicSlot.Input) and path in prompt_inputs:
            found.setdefault(section, {})[path] = item.slot.declare()
        inner = item.inner_inputs(prompt_inputs, path)
        if strict_reference and isinstance(item, Autogrow.Input):
            inner = [slot for slot in inner if f"{path}.{slot.id}" in prompt_inputs]
        expand(
            inner,
            prompt_inputs,
            strict_reference=strict_reference,
            prefix=path + ".",
            sections=found,
        )
    return found


def nest(
    inputs: Iterable[Input], flat: Mapping[str, Any], *, with_names: bool = False
) -> dict[str, Any]:
    """Gather flat arguments of dynamic inputs into the dicts that a node gets (E-084).

    Args:
        inputs: Declared inputs.
        flat: Arguments by flat name.
        with_names: Hand each value of a dynamic input over as ``(value, flat name)``, as
            ``check_lazy_status`` expects it (E-085).
    """
    dynamic = [item for item in inputs if isinstance(item, DynamicInput)]
    if not dynamic:
        return dict(flat)
    rest = dict(flat)
    nested: dict[str, Any] = {}
    for item in dynamic:
        gathered = _gather(item, item.id, rest, with_names)
        if gathered:
            nested[item.id] = gathered
    return rest | nested


def _gather(
    item: DynamicInput, path: str, rest: dict[str, Any], with_names: bool
) -> dict[str, Any]:
    def take(name: str) -> Any:
        value = rest.pop(name)
        return (value, name) if with_names else value

    found: dict[str, Any] = {}
    selected = [take(path)] if path in rest else []
    for inner in item.all_inner_inputs():
        name = f"{path}.{inner.id}"
        if isinstance(inner, DynamicInput):
            deeper = _gather(inner, name, rest, with_names)
            if deeper:
                found[inner.id] = deeper
        elif name in rest:
            found[inner.id] = take(name)
    if selected:
        found[item.id] = selected[0]
    return found
