"""Primitive nodes: widgets that exist only while they drive something (workflow-format 2.6)."""

from __future__ import annotations

from typing import Final

from app.engine.workflow.binding import BoundGraph, BoundInput, BoundNode, BoundWidget, WidgetRole
from app.engine.workflow.model import as_list
from app.engine.workflow.node_binding import PRIMITIVE_OUTPUT
from app.engine.workflow.plan import (
    COMBO_CONTROL_MODES,
    CONTROL_MODES,
    CONTROL_NAME,
    FILTER_NAME,
)

_CONTROLLED: Final = ("INT", "FLOAT", "COMBO")


def bind_primitive(bound: BoundGraph, node: BoundNode) -> list[str]:
    """Give a primitive the widgets and the output type of what it drives.

    Returns:
        Keys of its links whose type changed.
    """
    _bind(bound, node)
    changed: list[str] = []
    output = node.outputs[0]
    for key in output.links:
        link = bound.links[key]
        kind = output.type
        if kind == "*":
            kind = bound.nodes[link.target].inputs[link.target_input].type
        if kind != link.type:
            link.type = kind
            changed.append(key)
    return changed


def _bind(bound: BoundGraph, node: BoundNode) -> None:
    found = _driven(bound, node)
    output = node.outputs[0]
    node.widgets = []
    if found is None:
        output.name, output.type = PRIMITIVE_OUTPUT, "*"
        output.label = _label(node) or PRIMITIVE_OUTPUT
        return
    target, item, driven = found
    values = as_list(node.node.raw.get("widgets_values"))
    output.name, output.type = item.name, item.type
    output.label = _label(node) or item.label
    value = values[0] if values else driven.value
    node.widgets.append(
        BoundWidget(
            "value",
            "value",
            driven.type,
            value,
            driven.default,
            driven.options,
            driven.choices,
            slot=0,
            is_sent=False,
            definition=driven.definition,
        )
    )
    if driven.type not in _CONTROLLED or _has_control(target, driven):
        return
    is_combo = driven.type == "COMBO"
    node.widgets.append(
        BoundWidget(
            CONTROL_NAME,
            "control after generate",
            "COMBO",
            values[1] if len(values) > 1 else "fixed",
            "fixed",
            {},
            COMBO_CONTROL_MODES if is_combo else CONTROL_MODES,
            WidgetRole.CONTROL,
            1,
            False,
        )
    )
    if is_combo:
        node.widgets.append(
            BoundWidget(
                FILTER_NAME,
                "control filter list",
                "STRING",
                values[2] if len(values) > 2 else "",
                "",
                {},
                None,
                WidgetRole.FILTER,
                2,
                False,
            )
        )


def _driven(bound: BoundGraph, node: BoundNode) -> tuple[BoundNode, BoundInput, BoundWidget] | None:
    """Return the first target with a widget that a primitive's output leads to."""
    for key in node.outputs[0].links:
        link = bound.links[key]
        target = bound.nodes[link.target]
        item = target.inputs[link.target_input]
        widget = None if item.widget is None else target.widget(item.widget)
        if widget is not None:
            return target, item, widget
    return None


def _has_control(target: BoundNode, driven: BoundWidget) -> bool:
    """Tell whether the driven widget's definition declares a control of its own."""
    return driven.definition is not None and bool(driven.definition.options.get(CONTROL_NAME))


def _label(node: BoundNode) -> str:
    stored = as_list(node.node.raw.get("outputs"))
    label = stored[0].get("label") if stored and isinstance(stored[0], dict) else None
    return str(label) if label else ""
