"""Subgraph hosts: what a definition offers its hosts, and one host bound to it.

An :class:`Interface` is made once a definition, after all definitions inside it have theirs
(workflow-format 4.1). Nothing here recurses, however deep hosts nest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from app.engine.workflow.binding import (
    BoundGraph,
    BoundInput,
    BoundNode,
    BoundOutput,
    BoundWidget,
    WidgetRole,
)
from app.engine.workflow.model import Graph, Node, Raw, as_list, as_mapping, id_text, read_pair
from app.engine.workflow.node_binding import PRIMITIVE, type_text

INPUT_BOX: Final = "-10"
OUTPUT_BOX: Final = "-20"

_PLAIN_TYPES: Final = frozenset({"INT", "FLOAT", "BOOLEAN", "STRING"})

RECURSIVE: Final = "This subgraph contains itself, so it cannot run."


@dataclass(slots=True)
class InterfaceInput:
    """One input of a subgraph definition.

    Attributes:
        name: Name of the host's slot.
        label: Words to show.
        type: Slot type.
        targets: ``(node key, input position)`` of all places it leads to inside.
        node: Key of the interior node whose widget is promoted, or None.
        widget: That widget as the interior shows it, or None for a plain socket.
    """

    name: str
    label: str
    type: str
    targets: list[tuple[str, int]]
    node: str | None = None
    widget: BoundWidget | None = None


@dataclass(slots=True)
class Interface:
    """What hosts of one subgraph definition show.

    Attributes:
        id: Id of the definition.
        title: Name of the definition.
        inputs: Inputs in slot order.
        outputs: ``(name, label, type)`` in slot order.
        bound: The bound interior, or None for a definition that contains itself.
        problem: Why hosts cannot run, or empty.
        values_by_widget: For legacy group nodes: ``(node key, widget name)`` of each stored value
            of an instance, in order; None for subgraphs.
    """

    id: str
    title: str
    inputs: list[InterfaceInput]
    outputs: list[tuple[str, str, str]]
    bound: BoundGraph | None = None
    problem: str = ""
    values_by_widget: list[tuple[str, str]] | None = None


def boundary_nodes(graph: Graph) -> Iterator[BoundNode]:
    """Yield the two boxes of a subgraph definition as nodes with the keys -10 and -20."""
    inputs = _slots(graph.raw.get("inputs"))
    outputs = _slots(graph.raw.get("outputs"))
    for key, name, title, side in (
        (INPUT_BOX, "inputNode", "Inputs", "inputs"),
        (OUTPUT_BOX, "outputNode", "Outputs", "outputs"),
    ):
        box = as_mapping(graph.raw.get(name))
        bounding = as_list(box.get("bounding"))
        raw: Raw = {
            "id": int(key),
            "type": title,
            "pos": list(read_pair(bounding[:2], (0.0, 0.0))),
            "size": list(read_pair(bounding[2:], (120.0, 60.0))),
        }
        if box.get("pinned"):
            raw["flags"] = {"pinned": True}
        yield BoundNode(
            key=key,
            node=Node(key, raw, graph.space),
            definition=None,
            title=title,
            inputs=[
                BoundInput(slot_name, label, kind, stored=index)
                for index, (slot_name, label, kind) in enumerate(outputs)
            ]
            if side == "outputs"
            else [],
            outputs=[
                BoundOutput(slot_name, label, kind, stored=index)
                for index, (slot_name, label, kind) in enumerate(inputs)
            ]
            if side == "inputs"
            else [],
            widgets=[],
            is_virtual=True,
            boundary=side,
        )


def make_interface(graph: Graph, bound: BoundGraph | None, problem: str = "") -> Interface:
    """Work out what hosts of a definition show.

    Args:
        graph: The definition.
        bound: Its bound interior, or None when it contains itself.
        problem: Why hosts cannot run, or empty.
    """
    inputs = [
        InterfaceInput(name, label, kind, [])
        for name, label, kind in _slots(graph.raw.get("inputs"))
    ]
    box = None if bound is None else bound.nodes.get(INPUT_BOX)
    if bound is not None and box is not None:
        for item, output in zip(inputs, box.outputs, strict=True):
            for link_key in _in_slot_order(graph, output):
                link = bound.links[link_key]
                item.targets.append((link.target, link.target_input))
            _promote(item, bound)
    return Interface(
        id=graph.id,
        title=str(graph.raw.get("name") or "Subgraph"),
        inputs=inputs,
        outputs=_slots(graph.raw.get("outputs")),
        bound=bound,
        problem=problem,
    )


def bind_host(node: Node, interface: Interface) -> BoundNode:
    """Bind a host: slots in the definition's order, stored ones matched by name."""
    stored_inputs = as_list(node.raw.get("inputs"))
    stored_outputs = as_list(node.raw.get("outputs"))
    input_places = _places(stored_inputs)
    output_places = _places(stored_outputs)
    widgets = _promoted_widgets(node, interface)
    shown = {widget.name for widget in widgets}
    inputs = []
    for item in interface.inputs:
        place = input_places.pop(item.name, None)
        raw = stored_inputs[place] if place is not None else {}
        inputs.append(
            BoundInput(
                name=item.name,
                label=str(raw.get("label") or item.label),
                type=item.type,
                widget=item.name if item.name in shown and item.widget is not None else None,
                stored=place,
            )
        )
    outputs = []
    for name, label, kind in interface.outputs:
        place = output_places.pop(name, None)
        raw = stored_outputs[place] if place is not None else {}
        outputs.append(BoundOutput(name, str(raw.get("label") or label), kind, stored=place))
    title = node.title
    return BoundNode(
        key=node.key,
        node=node,
        definition=None,
        title=interface.title if title is None else title,
        inputs=inputs,
        outputs=outputs,
        widgets=widgets,
        is_virtual=True,
        subgraph=interface.id,
        problem=interface.problem,
    )


def resolve_source(interface: Interface, node_key: str, widget_name: str) -> BoundWidget | None:
    """Return an interior widget by the names that ``proxyWidgets`` uses, or None."""
    if interface.bound is None:
        return None
    node = interface.bound.nodes.get(node_key)
    if node is None:
        return None
    for name in _peeled(widget_name):
        widget = node.widget(name)
        if widget is not None:
            return widget
    return None


def _promote(item: InterfaceInput, bound: BoundGraph) -> None:
    """Promote the widget behind the first interior link that leads to one, if there is any."""
    for key, place in item.targets:
        node = bound.nodes[key]
        name = node.inputs[place].widget
        if node.is_missing:
            widget = _missing_widget(node, node.inputs[place])
        else:
            widget = None if name is None else node.widget(name)
        if widget is not None:
            item.node, item.widget = key, widget
            return


def _missing_widget(node: BoundNode, item: BoundInput) -> BoundWidget | None:
    """Return what the file tells of a widget of a missing type, or None for a plain socket.

    Hosts count it: without it the values of all widgets after it would be those of others.
    """
    stored = as_list(node.node.raw.get("inputs"))
    raw = as_mapping(stored[item.stored]) if item.stored is not None else {}
    name = as_mapping(raw.get("widget")).get("name")
    if not isinstance(name, str) or not name:
        return None
    known = next((widget for widget in node.widgets if widget.label == name), None)
    value = None if known is None else known.value
    kind = item.type if item.type in _PLAIN_TYPES else "STRING"
    return BoundWidget(name, item.label, kind, value, value, is_unset=known is None)


def _promoted_widgets(node: Node, interface: Interface) -> list[BoundWidget]:
    values = node.raw.get("widgets_values")
    widgets: list[BoundWidget] = []
    by_source: dict[tuple[str, str], BoundWidget] = {}
    count = 0
    for item in interface.inputs:
        if item.widget is None or item.node is None:
            continue
        widget = _promoted(item.widget, interface.id, item.node, item.name, item.label)
        widget.slot = item.name if isinstance(values, dict) else count
        count += 1
        widgets.append(widget)
        by_source[(item.node, item.widget.name)] = widget
    if interface.values_by_widget is not None:
        _place_group_values(widgets, by_source, interface, interface.values_by_widget)
    else:
        _place_proxies(node, interface, widgets, by_source)
    for widget in widgets:
        stored = _stored(values, widget.slot)
        # The reference writes null for a promoted widget that had no value.
        if stored is not None:
            widget.value, widget.is_unset = stored, False
    return widgets


def _place_proxies(
    node: Node,
    interface: Interface,
    widgets: list[BoundWidget],
    by_source: dict[tuple[str, str], BoundWidget],
) -> None:
    """Let ``proxyWidgets`` decide which stored value goes where (workflow-format 4.1, step 3)."""
    names = {widget.name for widget in widgets}
    by_name = {widget.name: widget for widget in widgets}
    for place, entry in enumerate(as_list(node.properties.get("proxyWidgets"))):
        if not isinstance(entry, list) or len(entry) < 2 or not isinstance(entry[1], str):
            continue
        key, name = id_text(entry[0]), entry[1]
        if name.startswith("$$"):
            continue
        if key == "-1":
            if name in by_name:
                by_name[name].slot = place
            continue
        source = resolve_source(interface, key, name)
        if source is None:
            missing = by_source.get((key, name))
            if missing is not None:
                missing.slot = place
            continue
        widget = by_source.get((key, source.name))
        if widget is None:
            shown = source.name if source.name not in names else f"{key}: {source.name}"
            widget = _promoted(source, interface.id, key, shown, source.label)
            names.add(shown)
            widgets.append(widget)
            by_source[(key, source.name)] = widget
        widget.slot = place


def _place_group_values(
    widgets: list[BoundWidget],
    by_source: dict[tuple[str, str], BoundWidget],
    interface: Interface,
    sources: Iterable[tuple[str, str]],
) -> None:
    """Give the widgets of a legacy group node their places: all inner widgets in order."""
    names = {widget.name for widget in widgets}
    for place, (key, name) in enumerate(sources):
        source = resolve_source(interface, key, name)
        if source is None:
            continue
        widget = by_source.get((key, name))
        if widget is None:
            shown = name if name not in names else f"{key}: {name}"
            widget = _promoted(source, interface.id, key, shown, source.label)
            names.add(shown)
            widgets.append(widget)
        widget.slot = place


def _promoted(source: BoundWidget, subgraph: str, node: str, name: str, label: str) -> BoundWidget:
    return replace(
        source,
        name=name,
        label=label,
        role=WidgetRole.PROMOTED,
        slot=None,
        is_sent=False,
        is_linked=False,
        source=(subgraph, node, source.name),
    )


def _stored(values: Any, slot: int | str | None) -> Any:
    if isinstance(values, list) and isinstance(slot, int):
        return values[slot] if slot < len(values) else None
    if isinstance(values, dict) and slot is not None:
        return values.get(str(slot))
    return None


def _peeled(name: str) -> Iterator[str]:
    """Yield a widget name, then the name without each prefix ``"<id>: "`` of old files."""
    yield name
    while ": " in name:
        name = name.partition(": ")[2]
        yield name


def _places(stored: list[Any]) -> dict[str, int]:
    places: dict[str, int] = {}
    for index, raw in enumerate(stored):
        if isinstance(raw, dict):
            places.setdefault(str(raw.get("name") or ""), index)
    return places


def _slots(value: Any) -> list[tuple[str, str, str]]:
    """Read the ``(name, label, type)`` of a definition's slots."""
    slots = []
    for raw in as_list(value):
        slot = as_mapping(raw)
        name = str(slot.get("name") or "")
        label = str(slot.get("label") or slot.get("localized_name") or name)
        slots.append((name, label, type_text(slot.get("type"))))
    return slots


def _in_slot_order(graph: Graph, output: BoundOutput) -> list[str]:
    """Return the links of a boundary slot in the order its ``linkIds`` gives."""
    if output.stored is None or len(output.links) < 2:
        return output.links
    slots = as_list(graph.raw.get("inputs"))
    order = {
        id_text(link): index
        for index, link in enumerate(as_list(as_mapping(slots[output.stored]).get("linkIds")))
    }
    return sorted(output.links, key=lambda key: order.get(key, len(order)))


__all__ = [
    "INPUT_BOX",
    "OUTPUT_BOX",
    "PRIMITIVE",
    "RECURSIVE",
    "Interface",
    "InterfaceInput",
    "bind_host",
    "boundary_nodes",
    "make_interface",
    "resolve_source",
]
