"""Node definitions: what the window and the file reader know of a node type.

A definition is made from one entry of ``object_info`` (rules E-600, E-601), whatever contract
the node class was written for. It is frozen, so it may be read from any thread.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
"""Types that make a widget in any editor; see :func:`InputDefinition.is_widget` for the rest."""

EXTRA_WIDGET_TYPES = frozenset(
    {
        "COMFY_DYNAMICCOMBO_V3", "COMFY_DYNAMICGROUP_V3", "MARKDOWN", "COLOR", "CURVE", "RANGE",
        "BOUNDING_BOX", "BOUNDING_BOXES", "CHART", "GALLERIA", "IMAGECOMPARE", "PAINTER",
        "COMPOSITOR", "TEXTAREA", "VIDEO_EDIT", "COLORS", "LOAD_3D", "PREVIEW_3D", "WEBCAM",
        "AUDIO_RECORD",
    }
)  # fmt: skip
"""Further types that make a widget (workflow-format 2.1)."""


@dataclass(frozen=True, slots=True)
class InputDefinition:
    """One declared input.

    Attributes:
        name: Name in the prompt.
        type: Type name; ``"COMBO"`` also for a legacy list of choices.
        options: Declared options as they are; never changed.
        required: Whether it stands in the ``required`` section.
        choices: The choices of a combo, or None for other types.
    """

    name: str
    type: str
    options: Mapping[str, Any]
    required: bool
    choices: tuple[Any, ...] | None = None

    @property
    def widget_type(self) -> str:
        """The type that decides which widget is made (option ``widgetType`` wins)."""
        return str(self.options.get("widgetType") or self.type)

    @property
    def is_widget(self) -> bool:
        """Whether a fresh node gets a widget for this input."""
        if self.options.get("forceInput") is True:
            return False
        kind = self.widget_type
        return kind in WIDGET_TYPES or kind in EXTRA_WIDGET_TYPES

    @property
    def label(self) -> str:
        """The words an artist reads."""
        return str(self.options.get("display_name") or self.name)

    @property
    def tooltip(self) -> str:
        """Help text, or an empty string."""
        return str(self.options.get("tooltip") or "")

    @property
    def default(self) -> Any:
        """The value a fresh widget has (workflow-format 2.1); None where it has none."""
        given = self.options.get("default")
        kind = self.widget_type
        if kind in ("INT", "FLOAT"):
            return given if given is not None else 0
        if kind == "BOOLEAN":
            return given if given is not None else False
        if kind == "COMBO":
            if given:
                return given
            if self.choices:
                return self.choices[0]
            return "Loading..." if self.options.get("remote") else None
        return given if given is not None else ""


@dataclass(frozen=True, slots=True)
class OutputDefinition:
    """One declared output. ``type`` is ``"COMBO"`` for a list of choices."""

    name: str
    type: str
    is_list: bool = False
    tooltip: str = ""
    match_template: str | None = None


@dataclass(frozen=True)
class NodeDefinition:
    """A node type as the window sees it.

    Attributes:
        name: Class name, the ``type`` in workflow files and ``class_type`` in prompts.
        inputs: All required and optional inputs, in the order of workflow-format 2.1.
        outputs: Outputs in slot order.
        python_module: Where it comes from: ``nodes`` for built-in ones, else
            ``custom_nodes.<pack>``.
        raw: The object_info entry this was made from.
    """

    name: str
    display_name: str
    category: str
    description: str
    inputs: tuple[InputDefinition, ...]
    outputs: tuple[OutputDefinition, ...]
    python_module: str = "nodes"
    output_node: bool = False
    deprecated: bool = False
    experimental: bool = False
    api_node: bool = False
    search_aliases: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def input_by_name(self) -> Mapping[str, InputDefinition]:
        """Inputs by name."""
        return {item.name: item for item in self.inputs}

    @property
    def pack(self) -> str:
        """Name of the pack, or an empty string for a built-in node."""
        parts = self.python_module.split(".")
        return ".".join(parts[1:]) if parts[0] == "custom_nodes" else ""

    @classmethod
    def from_object_info(cls, name: str, info: Mapping[str, Any]) -> NodeDefinition:
        """Read one entry of object_info.

        Entries come from third-party classes and from other programs' dumps, so every part
        that is missing or of the wrong shape reads as empty rather than raising.
        """
        return cls(
            name=name,
            display_name=str(info.get("display_name") or name),
            category=str(info.get("category") or ""),
            description=str(info.get("description") or ""),
            inputs=tuple(_read_inputs(info)),
            outputs=tuple(_read_outputs(info)),
            python_module=str(info.get("python_module") or "nodes"),
            output_node=bool(info.get("output_node")),
            deprecated=bool(info.get("deprecated")),
            experimental=bool(info.get("experimental")),
            api_node=bool(info.get("api_node")),
            search_aliases=tuple(str(item) for item in info.get("search_aliases") or ()),
            raw=info,
        )


def read_input(name: str, declared: Any, *, required: bool) -> InputDefinition:
    """Read one declared input: ``[type]``, ``[type, options]``, or a bare type."""
    parts = list(declared) if isinstance(declared, (list, tuple)) else [declared]
    kind = parts[0] if parts else "*"
    options = parts[1] if len(parts) > 1 and isinstance(parts[1], Mapping) else {}
    choices: tuple[Any, ...] | None = None
    if isinstance(kind, (list, tuple)):
        choices, kind = tuple(kind), "COMBO"
    elif kind == "COMBO":
        given = options.get("options")
        choices = tuple(given) if isinstance(given, (list, tuple)) else ()
    return InputDefinition(name, str(kind), options, required, choices)


def _read_inputs(info: Mapping[str, Any]) -> Iterator[InputDefinition]:
    sections = info.get("input") or {}
    order = info.get("input_order") or {}
    seen: set[str] = set()
    for use_order in (True, False):
        for category in ("required", "optional"):
            section = sections.get(category) or {}
            names = (order.get(category) or ()) if use_order else section
            for name in names:
                if name in section and name not in seen:
                    seen.add(name)
                    yield read_input(name, section[name], required=category == "required")


def _read_outputs(info: Mapping[str, Any]) -> Iterator[OutputDefinition]:
    types = info.get("output") or ()
    names = info.get("output_name") or ()
    lists = info.get("output_is_list") or ()
    tooltips = info.get("output_tooltips") or ()
    matches = info.get("output_matchtypes") or ()
    for index, kind in enumerate(types):
        type_name = "COMBO" if isinstance(kind, (list, tuple)) else str(kind)
        yield OutputDefinition(
            name=str(_at(names, index) or type_name),
            type=type_name,
            is_list=bool(_at(lists, index)),
            tooltip=str(_at(tooltips, index) or ""),
            match_template=_at(matches, index),
        )


def _at(values: Any, index: int) -> Any:
    if isinstance(values, (list, tuple)) and index < len(values):
        return values[index]
    return None
