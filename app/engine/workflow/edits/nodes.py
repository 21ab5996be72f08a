"""Edits of nodes: add, remove, move, resize, and the properties an artist sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundGraph, BoundInput, BoundNode, BoundOutput
from app.engine.workflow.edits.chains import Chains
from app.engine.workflow.edits.draft import Draft, input_slot, output_slot
from app.engine.workflow.edits.links import add_joins, join_around
from app.engine.workflow.edits.values import is_same, stored_pair, stored_size
from app.engine.workflow.hosts import INPUT_BOX
from app.engine.workflow.model import Raw, RecordKind, Workflow, as_list, as_mapping
from app.engine.workflow.node_binding import NOTE_TYPES, PRIMITIVE, PRIMITIVE_OUTPUT, REROUTE
from app.engine.workflow.patch import ABSENT, Patch
from app.engine.workflow.plan import dynamic_children, expand, plan_node
from app.engine.workflow.values import with_value

_SPECIAL_SIZES: Final = {
    "Note": (210.0, 88.0),
    "MarkdownNote": (210.0, 88.0),
    REROUTE: (75.0, 26.0),
    PRIMITIVE: (210.0, 82.0),
}
_MULTILINE_SIZE: Final = (400.0, 200.0)
_WIDGET_WIDTH: Final = 270.0
_PLAIN_WIDTH: Final = 140.0


def add_node(
    workflow: Workflow,
    bound: BoundGraph,
    definition: NodeDefinition,
    pos: tuple[float, float],
    *,
    size: tuple[float, float] | None = None,
    values: Mapping[str, Any] | None = None,
    title: str | None = None,
) -> tuple[Patch, str]:
    """Add a node of a known type, written as the web editor writes a fresh one.

    Args:
        workflow: The document.
        bound: The graph that gets the node.
        definition: The node's type.
        pos: Top-left corner of its body, in graph units.
        size: Width and height of its body; estimated when absent.
        values: Widget values by name that differ from the defaults.
        title: Title of its own.

    Returns:
        The patch and the key of the new node.
    """
    draft = Draft(workflow, bound)
    given = dict(values or {})
    plan = plan_node(definition)
    widgets, slots = list(plan.widgets), list(plan.slots)
    if plan.is_dynamic:
        widgets, slots = expand(plan, given, set())
    inputs = [
        input_slot(BoundInput(s.name, s.label, s.type, None, s.widget, s.is_optional))
        for s in slots
    ]
    outputs = [
        output_slot(BoundOutput(o.name, o.name, _shown(o.type), is_list=o.is_list))
        for o in definition.outputs
    ]
    stored = [given.get(widget.name, widget.default) for widget in widgets if widget.is_saved]
    if size is None:
        sockets = sum(slot.widget is None for slot in slots)
        is_multiline = any(widget.options.get("multiline") for widget in widgets)
        size = estimate_size(sockets, len(outputs), len(widgets), is_multiline=is_multiline)
    raw = _fresh(draft, definition.name, pos, size)
    raw["inputs"] = inputs
    raw["outputs"] = outputs
    if title is not None:
        raw["title"] = title
    raw["properties"] = {"Node name for S&R": definition.name}
    if widgets:
        raw["widgets_values"] = stored
    return _insert(draft, raw)


def add_special_node(
    workflow: Workflow,
    bound: BoundGraph,
    type_name: str,
    pos: tuple[float, float],
    *,
    size: tuple[float, float] | None = None,
    text: str = "",
    title: str | None = None,
) -> tuple[Patch, str]:
    """Add a node that only the editor knows: Note, MarkdownNote, Reroute or PrimitiveNode.

    Raises:
        ValueError: ``type_name`` is none of these.
    """
    if type_name not in _SPECIAL_SIZES:
        raise ValueError(f"expected one of {', '.join(_SPECIAL_SIZES)}, got {type_name!r}")
    draft = Draft(workflow, bound)
    raw = _fresh(draft, type_name, pos, size or _SPECIAL_SIZES[type_name])
    raw["inputs"] = []
    raw["outputs"] = []
    if type_name == REROUTE:
        raw["inputs"] = [{"name": "", "type": "*", "link": None}]
        raw["outputs"] = [{"name": "", "type": "*", "links": None}]
        raw["properties"] = {"showOutputText": False, "horizontal": False}
    elif type_name == PRIMITIVE:
        raw["outputs"] = [{"name": PRIMITIVE_OUTPUT, "type": "*", "links": None}]
        raw["properties"] = {"Run widget replace on values": False}
    else:
        raw["properties"] = {}
        raw["widgets_values"] = [text]
    if title is not None:
        raw["title"] = title
    if type_name in NOTE_TYPES:
        raw["color"], raw["bgcolor"] = "#432", "#000"
    return _insert(draft, raw)


def estimate_size(
    sockets: int, outputs: int, widgets: int, *, is_multiline: bool = False
) -> tuple[float, float]:
    """Return a size for a new node without measuring text; the height is exact for plain widgets.

    Args:
        sockets: Number of input slots that are no widgets.
        outputs: Number of outputs.
        widgets: Number of widgets.
        is_multiline: Whether one of them is a text box.
    """
    height = max(sockets, outputs, 1) * 20.0 + 6.0
    if widgets:
        height += widgets * 24.0 + 8.0
    if is_multiline:
        return (_MULTILINE_SIZE[0], max(_MULTILINE_SIZE[1], height))
    return (_WIDGET_WIDTH if widgets else _PLAIN_WIDTH, height)


def remove_nodes(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], *, keep_links: bool = False
) -> Patch:
    """Remove nodes and all their links.

    Reroutes on those links stay and hang from the node at their other end (U-082); what hung
    from the removed nodes goes with them.

    Args:
        workflow: The document.
        bound: The graph.
        keys: Keys of the nodes; boundary boxes and unknown keys are passed over.
        keep_links: Join what fed a removed node to what it fed, where types allow (U-083).
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    chosen = {key: None for key in keys if key in draft.graph.nodes}
    joins = join_around(bound, chosen) if keep_links else []
    for key in chosen:
        # Before their links, so that nobody tidies the slots of what goes.
        draft.remove(RecordKind.NODE, key)
    for key in chosen:
        for link in draft.stored_links(key, into=True, out=False):
            inside = draft.graph.links[link].origin in chosen
            chains.remove_link(link, keep=None if inside else "output")
        for link in draft.stored_links(key, into=False, out=True):
            chains.remove_link(link, keep="input")
    for link in chains.floating_of(chosen):
        chains.remove_floating(link)
    add_joins(chains, draft, joins)
    chains.settle()
    return draft.patch()


def move_nodes(
    workflow: Workflow, bound: BoundGraph, positions: Mapping[str, tuple[float, float]]
) -> Patch:
    """Move nodes; ``positions`` are top-left corners of bodies by node key."""
    draft = Draft(workflow, bound)
    for key, pos in positions.items():
        node = bound.nodes[key]
        if node.boundary:
            _set_box(draft, node, pos, node.node.size or (120.0, 60.0))
        elif node.node.pos != pos:
            draft.set_node(key, "pos", stored_pair(node.node.space, pos))
    return draft.patch()


def resize_node(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    size: tuple[float, float],
    pos: tuple[float, float] | None = None,
) -> Patch:
    """Give a node's body another size, and another place when its left or top edge moved."""
    draft = Draft(workflow, bound)
    node = bound.nodes[key]
    if node.boundary:
        _set_box(draft, node, pos or node.node.pos, size)
        return draft.patch()
    draft.set_node(key, "size", stored_size(node.node.space, size))
    if pos is not None and pos != node.node.pos:
        draft.set_node(key, "pos", stored_pair(node.node.space, pos))
    return draft.patch()


def set_widget(
    workflow: Workflow, bound: BoundGraph, key: str, widget_name: str, value: Any
) -> Patch:
    """Give a widget another value; empty when the value is the same or is never stored.

    Raises:
        KeyError: There is no such node or widget.
    """
    node = bound.nodes[key]
    widget = node.widget(widget_name)
    if widget is None:
        raise KeyError(widget_name)
    if is_same(widget.value, value) and not widget.is_unset:
        return ()
    draft = Draft(workflow, bound)
    # A host shows the selector alone; what follows from it happens inside, when it runs.
    is_dynamic = node.definition is not None and widget.type == "COMFY_DYNAMICCOMBO_V3"
    if is_dynamic and widget.definition is not None and widget.slot is not None:
        _set_dynamic(draft, node, widget_name, value)
    else:
        values = with_value(node.node.raw.get("widgets_values"), node.widgets, widget, value)
        if values is None:
            return ()
        draft.set_node(key, "widgets_values", values)
    named = node.node.raw.get("widgets_values_named")
    if isinstance(named, dict):
        draft.set_node(key, "widgets_values_named", {**named, widget_name: value})
    return draft.patch()


def set_title(workflow: Workflow, bound: BoundGraph, key: str, title: str | None) -> Patch:
    """Give a node a title of its own, or with None the default one again."""
    return _set_each(workflow, bound, [key], "title", title or ABSENT)


def set_mode(workflow: Workflow, bound: BoundGraph, keys: Iterable[str], mode: int) -> Patch:
    """Set what happens to nodes when the workflow runs; see :class:`~.model.Mode`."""
    return _set_each(workflow, bound, keys, "mode", int(mode))


def set_collapsed(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], is_collapsed: bool
) -> Patch:
    """Show only the titles of nodes, or all of them again."""
    return _set_flag(workflow, bound, keys, "collapsed", is_collapsed)


def set_pinned(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], is_pinned: bool
) -> Patch:
    """Fix nodes in place, or let the mouse move them again."""
    return _set_flag(workflow, bound, keys, "pinned", is_pinned)


def set_colors(
    workflow: Workflow,
    bound: BoundGraph,
    keys: Iterable[str],
    color: str | None,
    bgcolor: str | None,
) -> Patch:
    """Set the CSS colours of title and body; None gives the default one back."""
    draft = Draft(workflow, bound)
    for key in _records(bound, keys):
        for name, value in (("color", color), ("bgcolor", bgcolor)):
            if draft.get(RecordKind.NODE, key, name) != value:
                draft.set_node(key, name, ABSENT if value is None else value)
    return draft.patch()


def set_property(workflow: Workflow, bound: BoundGraph, key: str, name: str, value: Any) -> Patch:
    """Set one entry of a node's properties; :data:`ABSENT` removes it."""
    draft = Draft(workflow, bound)
    properties = {**bound.nodes[key].node.properties}
    if value is ABSENT:
        properties.pop(name, None)
    else:
        properties[name] = value
    draft.set_node(key, "properties", properties)
    return draft.patch()


def rename_slot(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    index: int,
    label: str | None,
    *,
    is_output: bool = False,
) -> Patch:
    """Give a slot other words to show; None or empty gives its own name back."""
    draft = Draft(workflow, bound)
    node = bound.nodes[key]
    if node.boundary:
        side = node.boundary
        slots = list(as_list(draft.graph.raw.get(side)))
        slots[index] = _labelled(as_mapping(slots[index]), label)
        draft.set(None, "", side, slots)
        return draft.patch()
    name = "outputs" if is_output else "inputs"
    slots = list(as_list(node.node.raw.get(name)))
    place: int | None
    if is_output:
        place = node.outputs[index].stored
        if place is None:
            slots.extend(output_slot(item) for item in node.outputs[len(slots) : index + 1])
            place = index
    else:
        place = node.inputs[index].stored
        if place is None:
            slots.append(input_slot(node.inputs[index]))
            place = len(slots) - 1
    slots[place] = _labelled(slots[place], label)
    draft.set_node(key, name, slots)
    return draft.patch()


def raise_nodes(workflow: Workflow, bound: BoundGraph, keys: Iterable[str]) -> Patch:
    """Draw nodes above all others, in the order they have among themselves."""
    draft = Draft(workflow, bound)
    wanted = set(_records(bound, keys))
    order = list(draft.graph.nodes)
    chosen = [key for key in order if key in wanted]
    if not chosen or order[-len(chosen) :] == chosen:
        return ()
    last = len(draft.graph.stored_list(RecordKind.NODE) or []) - 1
    for key in chosen:
        draft.move(RecordKind.NODE, key, last)
    return draft.patch()


def _fresh(
    draft: Draft, type_name: str, pos: tuple[float, float], size: tuple[float, float]
) -> Raw:
    space = draft.graph.space
    return {
        "id": draft.fresh_id(RecordKind.NODE),
        "type": type_name,
        "pos": stored_pair(space, pos),
        "size": stored_size(space, size),
        "flags": {},
        "order": len(draft.graph.nodes),
        "mode": 0,
    }


def _insert(draft: Draft, raw: Raw) -> tuple[Patch, str]:
    key = str(raw["id"])
    draft.insert(RecordKind.NODE, key, raw)
    return draft.patch(), key


def _shown(kind: str) -> str:
    return "*" if kind == "COMFY_MATCHTYPE_V3" else kind


def _records(bound: BoundGraph, keys: Iterable[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if not bound.nodes[key].boundary]


def _set_each(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], name: str, value: Any
) -> Patch:
    draft = Draft(workflow, bound)
    for key in _records(bound, keys):
        old = bound.nodes[key].node.raw.get(name, ABSENT)
        if not is_same(old, value):
            draft.set_node(key, name, value)
    return draft.patch()


def _set_flag(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], name: str, is_on: bool
) -> Patch:
    draft = Draft(workflow, bound)
    for key in _records(bound, keys):
        flags = dict(bound.nodes[key].node.flags)
        if bool(flags.get(name)) == is_on:
            continue
        if is_on:
            flags[name] = True
        else:
            del flags[name]
        draft.set_node(key, "flags", flags)
    return draft.patch()


def _set_box(
    draft: Draft, node: BoundNode, pos: tuple[float, float], size: tuple[float, float]
) -> None:
    name = "inputNode" if node.key == INPUT_BOX else "outputNode"
    space = draft.graph.space
    bounding = [*stored_pair(space, pos), *stored_size(space, size)]
    box = as_mapping(draft.graph.raw.get(name))
    draft.set(None, "", name, {"id": int(node.key), **box, "bounding": bounding})


def _set_dynamic(draft: Draft, node: BoundNode, name: str, value: Any) -> None:
    """Set the selector of a dynamic combo: its children, their values and links follow."""
    assert node.definition is not None
    shown = {widget.name: widget.value for widget in node.widgets}
    shown[name] = value
    widgets, slots = expand(plan_node(node.definition), shown, set())
    raw = node.node.raw.get("widgets_values")
    fresh = {w.name: shown.get(w.name, w.default) for w in widgets if w.is_saved}
    draft.set_node(
        node.key, "widgets_values", fresh if isinstance(raw, dict) else list(fresh.values())
    )
    old_names = {item.name for item in _children_of(node, name)}
    gone = old_names - {slot.name for slot in slots}
    for item in node.inputs:
        if item.name in gone and item.link is not None:
            draft.remove_link(item.link)
    stored = as_list(draft.get(RecordKind.NODE, node.key, "inputs"))
    kept = [slot for slot in stored if as_mapping(slot).get("name") not in gone]
    if len(kept) != len(stored):
        draft.set_node(node.key, "inputs", kept)


def _children_of(node: BoundNode, name: str) -> list[Any]:
    widget = node.widget(name)
    if widget is None or widget.definition is None:
        return []
    return dynamic_children(widget.definition, widget.value)


def _labelled(slot: Mapping[str, Any], label: str | None) -> Raw:
    made = dict(slot)
    if label:
        made["label"] = label
    else:
        made.pop("label", None)
    return made


__all__ = [
    "add_node",
    "add_special_node",
    "estimate_size",
    "move_nodes",
    "raise_nodes",
    "remove_nodes",
    "rename_slot",
    "resize_node",
    "set_collapsed",
    "set_colors",
    "set_mode",
    "set_pinned",
    "set_property",
    "set_title",
    "set_widget",
]
