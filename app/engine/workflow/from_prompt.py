"""A bare API prompt to an editable workflow, tidily laid out (workflow-format 9)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from app.engine.node_types.definition import InputDefinition, NodeDefinition
from app.engine.workflow.layout import arrange
from app.engine.workflow.model import Raw, Workflow, as_mapping, id_text, id_value
from app.engine.workflow.plan import expand, plan_node
from app.engine.workflow.records import build_workflow

_ROW: Final = 20.0
_WIDGET_ROW: Final = 24.0
_WIDTH: Final = 315.0
_TEXT_SIZE: Final = (400.0, 200.0)
_TITLE_HEIGHT: Final = 30.0


def workflow_from_prompt(
    prompt: Mapping[str, Any], definitions: Mapping[str, NodeDefinition] | None = None
) -> Workflow:
    """Make a workflow that converts back to ``prompt``.

    Values go to widgets by name. For node types without a definition they are stored by name
    too, so they find their widgets once the type is installed.

    Args:
        prompt: An API prompt, as :func:`app.engine.workflow.reader.is_api_prompt` accepts it.
        definitions: Node definitions by type name, as far as they are known.
    """
    known = definitions or {}
    ids = _new_ids(prompt)
    nodes: dict[str, Raw] = {}
    for order, (old, entry) in enumerate(prompt.items()):
        definition = known.get(entry["class_type"])
        nodes[old] = _make_node(ids[old], order, entry, definition, prompt)
    links = _make_links(prompt, nodes, ids, known)
    sizes = {old: (raw["size"][0], raw["size"][1]) for old, raw in nodes.items()}
    pairs = [
        (id_text(value[0]), old)
        for old, entry in prompt.items()
        for value in entry["inputs"].values()
        if is_link(value, prompt)
    ]
    for old, (x, y) in arrange(sizes, pairs, start=(0.0, _TITLE_HEIGHT)).items():
        nodes[old]["pos"] = [round(x), round(y)]
    numbers = [number for number in ids.values() if isinstance(number, int)]
    return build_workflow(
        {
            "id": str(uuid.uuid4()),
            "revision": 0,
            "last_node_id": max([0, *numbers]),
            "last_link_id": len(links),
            "nodes": list(nodes.values()),
            "links": links,
            "groups": [],
            "config": {},
            "extra": {},
            "version": 0.4,
        }
    )


def is_link(value: Any, prompt: Mapping[str, Any]) -> bool:
    """Tell whether an input's value is ``[node id, slot]`` of a node in the prompt."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], (str, int))
        and not isinstance(value[0], bool)
        and isinstance(value[1], int)
        and not isinstance(value[1], bool)
        and 0 <= value[1] < 1000
        and id_text(value[0]) in prompt
    )


def _new_ids(prompt: Mapping[str, Any]) -> dict[str, int | str]:
    """Return the id of each node in the workflow: "a:b" becomes "a_b"."""
    ids: dict[str, int | str] = {}
    taken: set[str] = set(prompt)
    for old in prompt:
        new = old.replace(":", "_")
        while new != old and new in taken:
            new += "_"
        taken.add(new)
        ids[old] = id_value(new)
    return ids


def _make_node(
    number: int | str,
    order: int,
    entry: Mapping[str, Any],
    definition: NodeDefinition | None,
    prompt: Mapping[str, Any],
) -> Raw:
    kind = entry["class_type"]
    values = {
        name: _unwrapped(value)
        for name, value in entry["inputs"].items()
        if not is_link(value, prompt)
    }
    linked = {name for name, value in entry["inputs"].items() if is_link(value, prompt)}
    stored: Any = values
    slots: list[Raw] = [{"name": name, "type": "*", "link": None} for name in linked]
    if definition is not None:
        plan = plan_node(definition)
        widgets, inputs = (
            expand(plan, values, linked)
            if plan.is_dynamic
            else (
                plan.widgets,
                plan.slots,
            )
        )
        known = {widget.name for widget in widgets}
        for widget in widgets:
            value = values.get(widget.name)
            if isinstance(value, str) and widget.options.get("dynamicPrompts") is True:
                # Choices were made when the prompt was; what is left stands for itself.
                values[widget.name] = value.replace("{", "\\{").replace("}", "\\}")
        if known.issuperset(values):
            stored = [values.get(w.name, w.default) for w in widgets if w.is_saved]
        slots = []
        for slot in inputs:
            raw: Raw = {"name": slot.name, "type": slot.type}
            if slot.widget is not None:
                raw["widget"] = {"name": slot.widget}
            slots.append({**raw, "link": None})
        slots += [
            {"name": name, "type": "*", "link": None}
            for name in linked - {slot["name"] for slot in slots}
        ]
    order_of = {name: place for place, name in enumerate(entry["inputs"])}
    if definition is None:
        slots.sort(key=lambda slot: order_of[slot["name"]])
    made: Raw = {
        "id": number,
        "type": kind,
        "pos": [0, 0],
        "size": _size(slots, values, definition),
        "flags": {},
        "order": order,
        "mode": 0,
        "inputs": slots,
        "outputs": [
            {"name": output.name, "type": _output_type(output.type), "links": None}
            for output in (definition.outputs if definition is not None else ())
        ],
        "properties": {"Node name for S&R": kind},
        "widgets_values": stored,
    }
    title = as_mapping(entry.get("_meta")).get("title")
    default = kind if definition is None else definition.display_name
    if isinstance(title, str) and title and title != default:
        made["title"] = title
    return made


def _make_links(
    prompt: Mapping[str, Any],
    nodes: Mapping[str, Raw],
    ids: Mapping[str, int | str],
    definitions: Mapping[str, NodeDefinition],
) -> list[list[Any]]:
    links: list[list[Any]] = []
    for old, entry in prompt.items():
        slots = {slot["name"]: (place, slot) for place, slot in enumerate(nodes[old]["inputs"])}
        for name, value in entry["inputs"].items():
            if not is_link(value, prompt):
                continue
            source, output = id_text(value[0]), value[1]
            outputs = nodes[source]["outputs"]
            while len(outputs) <= output:
                outputs.append({"name": f"output {len(outputs)}", "type": "*", "links": None})
            number = len(links) + 1
            place, slot = slots[name]
            slot["link"] = number
            outputs[output]["links"] = [*(outputs[output]["links"] or []), number]
            kind = outputs[output]["type"]
            links.append([number, ids[source], output, ids[old], place, kind])
    return links


def _size(
    slots: list[Raw], values: Mapping[str, Any], definition: NodeDefinition | None
) -> list[float]:
    sockets = sum("widget" not in slot for slot in slots)
    outputs = len(definition.outputs) if definition is not None else 1
    height = max(sockets, outputs, 1) * _ROW + 6.0
    if values:
        height += len(values) * _WIDGET_ROW + 8.0
    is_text = definition is not None and any(_is_multiline(item) for item in definition.inputs)
    if is_text:
        return [_TEXT_SIZE[0], max(_TEXT_SIZE[1], height)]
    return [_WIDTH, height]


def _is_multiline(item: InputDefinition) -> bool:
    return item.is_widget and bool(item.options.get("multiline"))


def _output_type(kind: str) -> str:
    return "*" if kind == "COMFY_MATCHTYPE_V3" else kind


def _unwrapped(value: Any) -> Any:
    if isinstance(value, dict) and "__value__" in value and len(value) <= 2:
        return value["__value__"]
    return value
