"""What a fresh node of a type has: its widgets and slots, worked out once a definition.

A plan is the part of binding that does not depend on the file (workflow-format 2.1). Inputs
whose slots depend on values or links (dynamic combos, autogrow) are expanded by
:func:`expand` for each node.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from app.engine.node_types.definition import (
    InputDefinition,
    NodeDefinition,
    OutputDefinition,
    read_input,
)
from app.engine.workflow.binding import WidgetRole
from app.engine.workflow.model import as_list, as_mapping

CONTROL_MODES: Final = ("fixed", "increment", "decrement", "randomize")
COMBO_CONTROL_MODES: Final = (*CONTROL_MODES, "increment-wrap")
CONTROL_NAME: Final = "control_after_generate"
FILTER_NAME: Final = "control_filter_list"

DYNAMIC_COMBO: Final = "COMFY_DYNAMICCOMBO_V3"
AUTOGROW: Final = "COMFY_AUTOGROW_V3"
MATCH_TYPE: Final = "COMFY_MATCHTYPE_V3"

_IMAGE_UPLOADS: Final = ("image_upload", "animated_image_upload", "video_upload")
_MAX_GROWN: Final = 100


@dataclass(frozen=True, slots=True)
class WidgetPlan:
    """One widget of a fresh node; see :class:`app.engine.workflow.binding.BoundWidget`."""

    name: str
    label: str
    type: str
    default: Any
    options: dict[str, Any]
    choices: tuple[Any, ...] | None
    role: WidgetRole
    is_saved: bool
    is_sent: bool
    definition: InputDefinition | None
    is_unset: bool = False
    is_dynamic: bool = False


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """One input slot of a fresh node."""

    name: str
    label: str
    type: str
    widget: str | None
    is_optional: bool
    definition: InputDefinition | None
    match_template: str | None = None


@dataclass(slots=True)
class NodePlan:
    """Widgets and slots of a fresh node.

    Attributes:
        widgets: Widgets in order.
        slots: Input slots: plain sockets first, then one slot for each widget that has one.
        outputs: Declared outputs.
        is_dynamic: The slots depend on values or links; use :func:`expand`.
        forced: For the repair of workflow-format 2.4, one entry for each stored place: True
            where a ``forceInput`` input stands. Empty when no repair can be needed.
        matches: Whether outputs follow the type of connected inputs.
    """

    widgets: tuple[WidgetPlan, ...]
    slots: tuple[SlotPlan, ...]
    outputs: tuple[OutputDefinition, ...]
    definition: NodeDefinition
    is_dynamic: bool = False
    forced: tuple[bool, ...] = ()
    matches: bool = False


@dataclass(slots=True)
class _Parts:
    sockets: list[SlotPlan] = field(default_factory=list)
    widget_slots: list[SlotPlan] = field(default_factory=list)
    widgets: list[WidgetPlan] = field(default_factory=list)


def plan_node(definition: NodeDefinition) -> NodePlan:
    """Work out the plan of a definition."""
    parts = _Parts()
    is_dynamic = definition.name == "CustomCombo"
    forced: list[bool] = []
    for item in definition.inputs:
        if item.type in (AUTOGROW, DYNAMIC_COMBO):
            is_dynamic = True
        add_input(parts, item)
        if item.is_widget or item.options.get("forceInput") is True:
            places = 2 if item.options.get(CONTROL_NAME) else 1
            forced.extend([item.options.get("forceInput") is True] * places)
    _add_extra_widgets(parts, definition)
    return NodePlan(
        widgets=tuple(parts.widgets),
        slots=(*parts.sockets, *parts.widget_slots),
        outputs=definition.outputs,
        definition=definition,
        is_dynamic=is_dynamic,
        forced=tuple(forced) if any(forced) else (),
        matches=any(output.match_template for output in definition.outputs),
    )


def add_input(parts: _Parts, item: InputDefinition) -> None:
    """Add the slots and widgets that one declared input makes."""
    if item.type == AUTOGROW:
        return  # made by expand(), because the count depends on the links
    if not item.is_widget:
        parts.sockets.append(socket_plan(item))
        return
    options = item.options
    kind = item.widget_type
    default = item.default
    choices = item.choices
    if kind == DYNAMIC_COMBO:
        choices = tuple(str(option.get("key")) for option in dynamic_options(item))
        default = options.get("default") or (choices[0] if choices else None)
    parts.widgets.append(
        WidgetPlan(
            name=item.name,
            label=item.label,
            type=kind,
            default=default,
            options=dict(options),
            choices=choices,
            role=WidgetRole.VALUE,
            is_saved=True,
            is_sent=True,
            definition=item,
            is_unset=default is None and kind in ("COMBO", DYNAMIC_COMBO),
            is_dynamic=kind == DYNAMIC_COMBO,
        )
    )
    if options.get("socketless") is not True:
        parts.widget_slots.append(
            SlotPlan(item.name, item.label, item.type, item.name, not item.required, item)
        )
    parts.widgets.extend(_control_widgets(item))


def socket_plan(item: InputDefinition) -> SlotPlan:
    """Return the plan of an input that is a plain socket."""
    kind, template = item.type, None
    if kind == MATCH_TYPE:
        declared = as_mapping(item.options.get("template"))
        kind = str(declared.get("allowed_types") or "*")
        template = str(declared.get("template_id") or "")
    return SlotPlan(item.name, item.label, kind, None, not item.required, item, template)


def dynamic_options(item: InputDefinition) -> list[Mapping[str, Any]]:
    """Return the options of a dynamic combo, each with ``key`` and ``inputs``."""
    given = item.options.get("options")
    return [option for option in as_list(given) if isinstance(option, dict)]


def dynamic_children(item: InputDefinition, value: Any) -> list[InputDefinition]:
    """Return the inputs that a dynamic combo adds for its value, named ``<name>.<child>``."""
    for option in dynamic_options(item):
        if option.get("key") == value:
            return [
                read_input(f"{item.name}.{name}", declared, required=section == "required")
                for section in ("required", "optional")
                for name, declared in as_mapping(
                    as_mapping(option.get("inputs")).get(section)
                ).items()
            ]
    return []


def grown_slots(item: InputDefinition, linked: set[str]) -> list[SlotPlan]:
    """Return the slots of an autogrow input (workflow-format 3, rule 6).

    Args:
        item: The declared input.
        linked: Names of the slots of the node that have a link.
    """
    template = as_mapping(item.options.get("template"))
    inner = [
        read_input(name, declared, required=section == "required")
        for section in ("required", "optional")
        for name, declared in as_mapping(as_mapping(template.get("input")).get(section)).items()
    ]
    names = [str(name) for name in as_list(template.get("names"))]
    least = _count(template.get("min"), 1)
    most = len(names) if names else _count(template.get("max"), _MAX_GROWN)
    prefix = str(template.get("prefix") or "")

    def row(index: int) -> list[SlotPlan]:
        slots = []
        for part in inner:
            if names:
                base = names[index]
            elif len(inner) > 1:
                base = f"{part.name}{index}"
            else:
                base = f"{prefix}{index}"
            made = InputDefinition(
                f"{item.name}.{base}", part.type, part.options, part.required, part.choices
            )
            plan = socket_plan(made)
            is_optional = index >= least or not part.required
            slots.append(
                SlotPlan(plan.name, base, plan.type, None, is_optional, made, plan.match_template)
            )
        return slots

    rows = [row(index) for index in range(most)]
    last = max(
        (index for index, slots in enumerate(rows) if any(s.name in linked for s in slots)),
        default=-1,
    )
    shown = min(max(least + 1, last + 2), most)
    return [slot for slots in rows[:shown] for slot in slots]


def expand(
    plan: NodePlan, values: Mapping[str, Any] | list[Any] | None, linked: set[str]
) -> tuple[list[WidgetPlan], list[SlotPlan]]:
    """Return the widgets and slots of one node whose type depends on values or links.

    Args:
        plan: The plan of its definition.
        values: Stored values: a list in widget order, or an object by name.
        linked: Names of its slots that have a link.
    """
    parts = _Parts()
    waiting: list[InputDefinition | SlotPlan] = list(reversed(plan.definition.inputs))
    place = 0
    while waiting:
        item = waiting.pop()
        if isinstance(item, SlotPlan):
            parts.widget_slots.append(item)
            continue
        if item.type == AUTOGROW:
            parts.sockets.extend(grown_slots(item, linked))
            continue
        first = len(parts.widgets)
        add_input(parts, item)
        for widget in parts.widgets[first:]:
            if widget.is_dynamic:
                # The reference puts the children's slots before the selector's own.
                if parts.widget_slots and parts.widget_slots[-1].name == item.name:
                    waiting.append(parts.widget_slots.pop())
                value = _value_at(values, place, widget)
                waiting.extend(reversed(dynamic_children(item, value)))
            place += widget.is_saved
    _add_extra_widgets(parts, plan.definition)
    if plan.definition.name == "CustomCombo":
        _add_combo_options(parts, values)
    return parts.widgets, [*parts.sockets, *parts.widget_slots]


def _value_at(values: Mapping[str, Any] | list[Any] | None, place: int, widget: WidgetPlan) -> Any:
    if isinstance(values, list):
        return values[place] if place < len(values) else widget.default
    if isinstance(values, Mapping):
        return values.get(widget.name, widget.default)
    return widget.default


def _count(value: Any, default: int) -> int:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, _MAX_GROWN) if is_count else default


def _control_widgets(item: InputDefinition) -> Iterator[WidgetPlan]:
    options = item.options
    given = options.get(CONTROL_NAME)
    kind = item.widget_type
    if kind == "INT":
        is_controlled = bool(given) or (
            CONTROL_NAME not in options and item.name in ("seed", "noise_seed")
        )
        default = "randomize"
    else:
        is_controlled = bool(given) and kind in ("FLOAT", "COMBO")
        default = "fixed" if kind == "FLOAT" else "randomize"
    if is_controlled:
        modes = COMBO_CONTROL_MODES if kind == "COMBO" else CONTROL_MODES
        name = CONTROL_NAME
        if isinstance(given, str) and given.strip():
            if given in COMBO_CONTROL_MODES:
                default = given
            else:
                name = given
        prefix = options.get("control_prefix")
        if prefix:
            name = f"{prefix} {CONTROL_NAME}"
        yield _extra(name, "COMBO", default, WidgetRole.CONTROL, choices=modes)
        if kind == "COMBO":
            yield _extra(FILTER_NAME, "STRING", "", WidgetRole.FILTER)
    if kind == "COMBO" and as_mapping(options.get("remote")).get("refresh_button"):
        yield _extra("refresh", "BUTTON", "", WidgetRole.REFRESH)


def _extra(
    name: str,
    kind: str,
    default: Any,
    role: WidgetRole,
    *,
    choices: tuple[Any, ...] | None = None,
    is_saved: bool = True,
    is_sent: bool = False,
) -> WidgetPlan:
    label = name.replace("_", " ")
    return WidgetPlan(name, label, kind, default, {}, choices, role, is_saved, is_sent, None)


def _add_extra_widgets(parts: _Parts, definition: NodeDefinition) -> None:
    """Add the widgets that the web editor inserts by type (workflow-format 2.1)."""
    name = definition.name
    for item in definition.inputs:
        if not item.required or item.widget_type != "COMBO":
            continue
        if any(item.options.get(key) for key in _IMAGE_UPLOADS):
            _add_button(parts, "upload", "image", "IMAGEUPLOAD")
            break
        if item.name == "audio" and item.options.get("audio_upload"):
            _add_button(parts, "upload", "", "AUDIOUPLOAD")
            break
    if name == "LoadImageOutput":
        parts.widgets.append(
            _extra("Auto-refresh after generation", "BOOLEAN", False, WidgetRole.REFRESH)
        )
    elif name == "RecordAudio":
        parts.widgets.append(_extra("audio#1", "BUTTON", "", WidgetRole.UPLOAD))
    elif name in ("SaveGLB", "Preview3D"):
        view = _extra("image", "PREVIEW_3D", "", WidgetRole.VALUE, is_sent=True)
        parts.widgets.append(view)
        parts.widget_slots.append(SlotPlan("image", "image", "PREVIEW_3D", "image", False, None))
    elif name == "Load3D":
        place = next((i for i, w in enumerate(parts.widgets) if w.name == "image"), 0)
        parts.widgets[place:place] = [
            _extra(button, "BUTTON", "", WidgetRole.UPLOAD, is_sent=True)
            for button in ("upload 3d model", "upload extra resources", "clear")
        ]


def _add_button(parts: _Parts, name: str, value: str, slot_type: str) -> None:
    parts.widgets.append(_extra(name, "BUTTON", value, WidgetRole.UPLOAD))
    parts.widget_slots.append(SlotPlan(name, name, slot_type, name, False, None))


def _add_combo_options(parts: _Parts, values: Mapping[str, Any] | list[Any] | None) -> None:
    """Add ``index`` and the options of a CustomCombo, with one empty option at the end."""
    if isinstance(values, list):
        stored = values[2:]
    else:
        given = as_mapping(values)
        stored = []
        while f"option{len(stored) + 1}" in given:
            stored.append(given[f"option{len(stored) + 1}"])
    while stored and stored[-1] in ("", None):
        stored.pop()
    options = tuple(option for option in stored if option not in ("", None))
    parts.widgets = [
        replace(widget, choices=options, default="", is_unset=False)
        if widget.name == "choice"
        else widget
        for widget in parts.widgets
    ]
    parts.widgets.append(_extra("index", "INT", -1, WidgetRole.VALUE, is_sent=True))
    for number in range(1, len(stored) + 2):
        parts.widgets.append(
            _extra(f"option{number}", "STRING", "", WidgetRole.VALUE, is_sent=True)
        )
