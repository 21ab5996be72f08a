"""Values that are carried by a node of their own, where what they feed cannot hold them.

A host may hold a value for a widget and, by the same input, for a plain socket or for a node of a
missing type (W-046). Without the host only a widget can hold a value, and a PrimitiveNode reaches
widgets alone (W-003, W-045); so the built-in nodes that output a number or a text take the host's
place. They are ordinary nodes: the file runs the same in the web editor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundInput, BoundNode, BoundWidget, WidgetRole
from app.engine.workflow.edits.nodes import add_node
from app.engine.workflow.plan import CONTROL_NAME
from app.engine.workflow.prompt_text import choose_first, expand_choices
from app.engine.workflow.trial import Trial
from app.engine.workflow.type_match import types_fit

_WIDTH: Final = 270.0
_LINE: Final = 24.0
_GAP: Final = 60.0
_STEP: Final = 160.0

_CARRIERS: Final[Mapping[type, tuple[str, ...]]] = {
    bool: ("PrimitiveBoolean",),
    int: ("PrimitiveInt", "PrimitiveFloat"),
    float: ("PrimitiveFloat",),
    str: ("PrimitiveStringMultiline", "PrimitiveString"),
}


def holds_value(node: BoundNode, item: BoundInput, value: Any) -> bool:
    """Tell whether a node can hold a value itself and sends it as a host does: raw (W-032).

    Args:
        node: The node that the value feeds.
        item: The input that it feeds.
        value: The value.
    """
    widget = None if item.widget is None else node.widget(item.widget)
    if widget is None:
        return False
    is_expanded = (
        isinstance(value, str)
        and node.subgraph is None
        and widget.definition is not None
        and widget.options.get("dynamicPrompts") is True
    )
    return not is_expanded or expand_choices(value, choose_first) == value


def carrier_for(
    value: Any, kinds: Sequence[str], definitions: Mapping[str, NodeDefinition]
) -> NodeDefinition | None:
    """Return the node type that can carry a value to what lacks it, or None.

    Args:
        value: The value.
        kinds: Types of the inputs that cannot hold it.
        definitions: Node definitions by type name.
    """
    for name in _CARRIERS.get(type(value), ()):
        definition = definitions.get(name)
        if definition is None or not definition.inputs or not definition.outputs:
            continue
        given = definition.outputs[0].type
        if any(types_fit(given, kind) for kind in kinds) and _is_allowed(definition, value):
            return definition
    return None


def add_carrier(
    trial: Trial,
    graph_id: str,
    definition: NodeDefinition,
    widget: BoundWidget,
    corner: tuple[float, float],
    place: int,
) -> str:
    """Add a node that carries the value of a promoted widget, and return its key.

    Args:
        trial: The working copy.
        graph_id: The graph that gets the node.
        definition: What :func:`carrier_for` found.
        widget: The widget of the host.
        corner: Top-left corner of what it will feed, in graph units; it stands left of that.
        place: How many stand there already.
    """
    values = {definition.inputs[0].name: widget.value, CONTROL_NAME: _control(trial, widget)}
    x, y = corner
    pos = (x - _WIDTH - _GAP, y + _LINE + place * _STEP)
    patch, key = add_node(
        trial.workflow,
        trial.bound(graph_id),
        definition,
        pos,
        values=values,
        title=widget.label,
    )
    trial.apply(patch)
    return key


def _is_allowed(definition: NodeDefinition, value: Any) -> bool:
    """Tell whether a node's own limits take a number: seeds may be larger."""
    if isinstance(value, (str, bool)):
        return True
    options = definition.inputs[0].options
    return bool(options.get("min", value) <= value <= options.get("max", value))


def _control(trial: Trial, widget: BoundWidget) -> Any:
    """Return how a promoted widget steps between runs: as its source inside does (W-084)."""
    while widget.source is not None:
        subgraph, key, name = widget.source
        node = trial.bound(subgraph).nodes.get(key)
        place = next(
            (i for i, item in enumerate(node.widgets if node else ()) if item.name == name), None
        )
        if node is None or place is None:
            break
        following = node.widgets[place + 1 : place + 2]
        if following and following[0].role is WidgetRole.CONTROL:
            return following[0].value
        widget = node.widgets[place]
    return "fixed"


__all__ = ["add_carrier", "carrier_for", "holds_value"]
