"""One node of a file joined with its definition: slots merged by name, widgets with values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition, OutputDefinition
from app.engine.workflow.binding import (
    BoundInput,
    BoundNode,
    BoundOutput,
    BoundWidget,
    WidgetRole,
)
from app.engine.workflow.model import Node, as_list, as_mapping
from app.engine.workflow.plan import MATCH_TYPE, NodePlan, SlotPlan, expand, plan_node
from app.engine.workflow.values import bind_widgets, read_values

NOTE_TYPES: Final = frozenset({"Note", "MarkdownNote"})
REROUTE: Final = "Reroute"
PRIMITIVE: Final = "PrimitiveNode"
EDITOR_TYPES: Final = NOTE_TYPES | {REROUTE, PRIMITIVE}
"""Types that only the editor knows; they never run (workflow-format 2.6)."""

PRIMITIVE_OUTPUT: Final = "connect to widget input"
_OPTIONAL_SHAPE: Final = 7
_LIST_SHAPE: Final = 6


class NodeBinder:
    """Binds nodes of known, editor-only and missing types. Hosts are bound elsewhere."""

    def __init__(self, definitions: Mapping[str, NodeDefinition]) -> None:
        self._definitions = definitions
        self._plans: dict[str, NodePlan] = {}

    def plan(self, definition: NodeDefinition) -> NodePlan:
        """Return the plan of a definition, made at the first call."""
        plan = self._plans.get(definition.name)
        if plan is None or plan.definition is not definition:
            plan = self._plans[definition.name] = plan_node(definition)
        return plan

    def bind(self, node: Node) -> BoundNode:
        """Bind one node; links come later."""
        kind = node.type
        if kind in EDITOR_TYPES:
            return _bind_editor_node(node)
        definition = self._definitions.get(kind)
        if definition is None:
            return _bind_missing(node)
        plan = self.plan(definition)
        stored_inputs = as_list(node.raw.get("inputs"))
        stored = read_values(node.raw.get("widgets_values"), plan)
        slots: Sequence[SlotPlan] = plan.slots
        widget_plans: Sequence[Any] = plan.widgets
        if plan.is_dynamic:
            linked = {
                str(slot.get("name"))
                for slot in stored_inputs
                if isinstance(slot, dict) and slot.get("link") is not None
            }
            widget_plans, slots = expand(plan, stored.values, linked)
        title = node.title
        widgets = bind_widgets(widget_plans, stored)
        return BoundNode(
            key=node.key,
            node=node,
            definition=definition,
            title=definition.display_name if title is None else title,
            inputs=merge_inputs(slots, stored_inputs, widgets),
            outputs=merge_outputs(plan.outputs, as_list(node.raw.get("outputs"))),
            widgets=widgets,
        )


def merge_inputs(
    slots: Sequence[SlotPlan], stored: list[Any], widgets: Sequence[BoundWidget]
) -> list[BoundInput]:
    """Join declared slots with stored ones by name (workflow-format 3, rule 1)."""
    places: dict[Any, int] = {}
    for index, raw in enumerate(stored):
        if type(raw) is dict:
            name = raw.get("name")
            if type(name) is str and name not in places:
                places[name] = index
    merged: list[BoundInput] = []
    used = 0
    for plan in slots:
        place = places.get(plan.name)
        label = plan.label
        if place is not None:
            used += 1
            label = stored[place].get("label") or label
        merged.append(
            BoundInput(
                plan.name,
                label,
                plan.type,
                None,
                plan.widget,
                plan.is_optional,
                place,
                plan.definition,
            )
        )
    if used < len(stored):
        taken = {item.stored for item in merged}
        names = {widget.name for widget in widgets}
        merged.extend(
            read_input_slot(raw, index, names)
            for index, raw in enumerate(stored)
            if index not in taken and isinstance(raw, dict)
        )
    return merged


def read_input_slot(raw: Mapping[str, Any], index: int, widgets: Iterable[str] = ()) -> BoundInput:
    """Return a slot that only the file knows.

    A slot of a widget that the node has no more is shown as a socket while it is linked.
    """
    name = str(raw.get("name") or "")
    named = as_mapping(raw.get("widget")).get("name")
    widget = None if named is None else str(named)
    if widget is not None and widget not in widgets and raw.get("link") is not None:
        widget = None
    return BoundInput(
        name=name,
        label=str(raw.get("label") or raw.get("localized_name") or name),
        type=type_text(raw.get("type")),
        widget=widget,
        is_optional=raw.get("shape") == _OPTIONAL_SHAPE,
        stored=index,
    )


def merge_outputs(declared: Sequence[OutputDefinition], stored: list[Any]) -> list[BoundOutput]:
    """Join declared outputs with stored ones by position."""
    merged: list[BoundOutput] = []
    count = len(stored)
    for index, output in enumerate(declared):
        raw = stored[index] if index < count else None
        is_stored = isinstance(raw, dict)
        label = as_mapping(raw).get("label") or output.name
        merged.append(
            BoundOutput(
                output.name,
                label,
                "*" if output.type == MATCH_TYPE else output.type,
                [],
                output.is_list,
                output.tooltip,
                index if is_stored else None,
                output.match_template,
            )
        )
    for index in range(len(declared), count):
        if isinstance(stored[index], dict):
            merged.append(read_output_slot(stored[index], index))
    return merged


def read_output_slot(raw: Mapping[str, Any], index: int) -> BoundOutput:
    """Return an output that only the file knows."""
    name = str(raw.get("name") or "")
    return BoundOutput(
        name=name,
        label=str(raw.get("label") or raw.get("localized_name") or name),
        type=type_text(raw.get("type")),
        is_list=raw.get("shape") == _LIST_SHAPE,
        stored=index,
    )


def type_text(value: Any) -> str:
    """Return a slot type as text: numbers of old files read as any, lists as alternatives."""
    if isinstance(value, str):
        return value or "*"
    if isinstance(value, list):
        return ",".join(str(item) for item in value) or "*"
    return "*"


def _bind_editor_node(node: Node) -> BoundNode:
    kind = node.type
    inputs: list[BoundInput] = []
    outputs: list[BoundOutput] = []
    widgets: list[BoundWidget] = []
    stored_inputs = as_list(node.raw.get("inputs"))
    stored_outputs = as_list(node.raw.get("outputs"))
    if kind in NOTE_TYPES:
        values = as_list(node.raw.get("widgets_values"))
        text = values[0] if values else ""
        widget_type = "MARKDOWN" if kind == "MarkdownNote" else "STRING"
        widgets.append(
            BoundWidget(
                "text",
                "text",
                widget_type,
                text,
                "",
                {"multiline": True},
                role=WidgetRole.TEXT,
                slot=0,
                is_sent=False,
            )
        )
    elif kind == REROUTE:
        is_stored = bool(stored_inputs) and isinstance(stored_inputs[0], dict)
        name = str(stored_inputs[0].get("name") or "") if is_stored else ""
        inputs.append(BoundInput(name, "", "*", stored=0 if is_stored else None))
        is_stored = bool(stored_outputs) and isinstance(stored_outputs[0], dict)
        outputs.append(BoundOutput("", "", "*", stored=0 if is_stored else None))
    elif kind == PRIMITIVE:
        if stored_outputs and isinstance(stored_outputs[0], dict):
            outputs.append(read_output_slot(stored_outputs[0], 0))
            outputs[0].type = "*"
        else:
            outputs.append(BoundOutput(PRIMITIVE_OUTPUT, PRIMITIVE_OUTPUT, "*"))
    title = node.title
    default = {"MarkdownNote": "Markdown Note", PRIMITIVE: "Primitive"}.get(kind, kind)
    return BoundNode(
        key=node.key,
        node=node,
        definition=None,
        title=default if title is None else title,
        inputs=inputs,
        outputs=outputs,
        widgets=widgets,
        is_virtual=True,
    )


def _bind_missing(node: Node) -> BoundNode:
    """Show a node of an unknown type from what the file says of it."""
    raw_values = node.raw.get("widgets_values")
    values: list[tuple[int | str, Any]] = []
    if isinstance(raw_values, list):
        values = list(enumerate(raw_values))
    elif isinstance(raw_values, dict):
        values = list(raw_values.items())
    stored = as_list(node.raw.get("inputs"))
    labels = _unknown_labels(node, stored, values)
    widgets = [
        BoundWidget(
            "UNKNOWN" if index == 0 else f"UNKNOWN_{index}",
            labels[index],
            "STRING",
            value,
            value,
            role=WidgetRole.UNKNOWN,
            slot=slot,
        )
        for index, (slot, value) in enumerate(values)
    ]
    title = node.title
    return BoundNode(
        key=node.key,
        node=node,
        definition=None,
        title=(node.type or "Unknown") if title is None else title,
        inputs=[
            read_input_slot(slot, index)
            for index, slot in enumerate(stored)
            if isinstance(slot, dict)
        ],
        outputs=[
            read_output_slot(slot, index)
            for index, slot in enumerate(as_list(node.raw.get("outputs")))
            if isinstance(slot, dict)
        ],
        widgets=widgets,
        is_missing=True,
    )


def _unknown_labels(
    node: Node, stored: list[Any], values: Sequence[tuple[int | str, Any]]
) -> list[str]:
    """Return words for the stored values of a missing type, by name where the file tells it."""
    slots = [slot for slot, _ in values]
    if slots and isinstance(slots[0], str):
        return [str(slot) for slot in slots]
    named = list(as_mapping(node.raw.get("widgets_values_named")))
    if len(named) == len(slots):
        return named
    widgets = [
        str(slot.get("name"))
        for slot in stored
        if isinstance(slot, dict) and isinstance(slot.get("widget"), dict)
    ]
    if len(widgets) == len(slots):
        return widgets
    return [f"value {index + 1}" for index in range(len(slots))]
