"""Edits of links: connect, disconnect, move, and the questions a drag asks."""

from __future__ import annotations

from collections.abc import Iterable

from app.engine.workflow.binding import BoundGraph, BoundInput
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.model import Workflow
from app.engine.workflow.patch import Patch
from app.engine.workflow.type_match import is_any, types_fit


def connect(
    workflow: Workflow,
    bound: BoundGraph,
    origin: str,
    output: int,
    target: str,
    input_index: int,
) -> Patch:
    """Link an output to an input; a link that is there already makes way.

    Nothing is refused: ask :func:`can_connect` first. Empty when they are linked already.
    """
    draft = Draft(workflow, bound)
    target_node, origin_node = bound.nodes[target], bound.nodes[origin]
    item = target_node.inputs[input_index]
    if item.link is not None:
        old = bound.links[item.link]
        if (old.origin, old.origin_slot) == (origin, output):
            return ()
        draft.remove_link(item.link)
    kind = origin_node.outputs[output].type
    if is_any(kind):
        kind = item.type
    draft.add_link(origin_node, output, target_node, input_index, kind)
    return draft.patch()


def can_connect(bound: BoundGraph, origin: str, output: int, target: str, input_index: int) -> str:
    """Return an empty text when a link is allowed, else the reason in words."""
    if origin == target:
        return "a node cannot feed itself"
    given = bound.nodes[origin].outputs[output].type
    wanted = bound.nodes[target].inputs[input_index].type
    if not types_fit(given, wanted):
        return f"types differ: {given} to {wanted}"
    if leads_to(bound, target, origin):
        return "would create a cycle"
    return ""


def leads_to(bound: BoundGraph, start: str, goal: str) -> bool:
    """Tell whether links lead from one node to another, over any number of nodes."""
    seen = {start}
    waiting = [start]
    while waiting:
        node = bound.nodes[waiting.pop()]
        for item in node.outputs:
            for key in item.links:
                target = bound.links[key].target
                if target == goal:
                    return True
                if target not in seen:
                    seen.add(target)
                    waiting.append(target)
    return False


def first_fitting_input(
    bound: BoundGraph, type_name: str, target: str, *, origin: str | None = None
) -> int | None:
    """Return the input that a link dropped on a node takes (U-067), or None.

    First a free socket of the type, then a free one for any type, then one that has a link;
    inputs of widgets come after sockets each time.

    Args:
        bound: The graph.
        type_name: Type of the output that is dragged.
        target: Key of the node under the pointer.
        origin: Key of the node the drag came from; it cannot feed itself.
    """
    if origin == target:
        return None
    inputs = bound.nodes[target].inputs
    places = [(i, item) for i, item in enumerate(inputs) if item.widget is None]
    places += [(i, item) for i, item in enumerate(inputs) if item.widget is not None]

    def rank(item: BoundInput) -> int | None:
        if not types_fit(type_name, item.type):
            return None
        if item.link is not None:
            return 2
        return 1 if is_any(item.type) and not is_any(type_name) else 0

    best: tuple[int, int] | None = None
    for index, item in places:
        value = rank(item)
        if value is not None and (best is None or value < best[0]):
            best = (value, index)
    return None if best is None else best[1]


def first_fitting_output(bound: BoundGraph, type_name: str, origin: str) -> int | None:
    """Return the output that a link dragged from an input takes on a node, or None."""
    outputs = bound.nodes[origin].outputs
    fitting = [i for i, item in enumerate(outputs) if types_fit(item.type, type_name)]
    exact = [i for i in fitting if not is_any(outputs[i].type)]
    return next(iter(exact or fitting), None)


def disconnect_input(workflow: Workflow, bound: BoundGraph, target: str, input_index: int) -> Patch:
    """Remove the link of an input; empty when it has none."""
    link = bound.nodes[target].inputs[input_index].link
    return () if link is None else remove_links(workflow, bound, [link])


def disconnect_output(workflow: Workflow, bound: BoundGraph, origin: str, output: int) -> Patch:
    """Remove all links of an output; empty when it has none."""
    return remove_links(workflow, bound, bound.nodes[origin].outputs[output].links)


def remove_links(workflow: Workflow, bound: BoundGraph, keys: Iterable[str]) -> Patch:
    """Remove links by key; reroutes that nothing runs through any more go with them."""
    draft = Draft(workflow, bound)
    for key in dict.fromkeys(keys):
        draft.remove_link(key)
    return draft.patch()


def move_links(
    workflow: Workflow, bound: BoundGraph, link_keys: Iterable[str], origin: str, output: int
) -> Patch:
    """Let links start at another output; each keeps its end and its reroutes (U-063)."""
    draft = Draft(workflow, bound)
    source = bound.nodes[origin]
    for key in dict.fromkeys(link_keys):
        link = bound.links[key]
        if (link.origin, link.origin_slot) == (origin, output):
            continue
        draft.remove_link(key, keep_reroutes=True)
        kind = source.outputs[output].type
        target = bound.nodes[link.target]
        draft.add_link(
            source,
            output,
            target,
            link.target_input,
            target.inputs[link.target_input].type if is_any(kind) else kind,
            parent=link.reroutes[-1] if link.reroutes else None,
        )
    return draft.patch()


def join_around(bound: BoundGraph, keys: Iterable[str]) -> list[tuple[str, int, str, int]]:
    """Return the links that join what fed some nodes to what they fed (U-083).

    Each output of a removed node takes the first of the node's linked inputs that fits, and
    follows it upwards until a node that stays.

    Returns:
        ``(origin, output, target, input)`` for each new link.
    """
    gone = set(keys)
    joins: list[tuple[str, int, str, int]] = []
    for key in gone:
        for place, output in enumerate(bound.nodes[key].outputs):
            for link_key in output.links:
                link = bound.links[link_key]
                if link.target in gone:
                    continue
                wanted = bound.nodes[link.target].inputs[link.target_input].type
                source = _source_above(bound, gone, key, place, wanted)
                if source is not None and source[0] != link.target:
                    joins.append((*source, link.target, link.target_input))
    joins.sort(key=lambda join: (join[2], join[3]))
    return joins


def _source_above(
    bound: BoundGraph, gone: set[str], key: str, output: int, wanted: str
) -> tuple[str, int] | None:
    seen: set[tuple[str, int]] = set()
    while key in gone:
        if (key, output) in seen:
            return None
        seen.add((key, output))
        node = bound.nodes[key]
        given = node.outputs[output].type
        for item in node.inputs:
            if item.link is None or item.widget is not None:
                continue
            link = bound.links[item.link]
            kind = bound.nodes[link.origin].outputs[link.origin_slot].type
            if types_fit(kind, wanted) and types_fit(item.type, given):
                key, output = link.origin, link.origin_slot
                break
        else:
            return None
    return (key, output)
