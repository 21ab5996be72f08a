"""Edits of links: connect, disconnect, move, and the questions a drag asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.engine.workflow.binding import BoundGraph, BoundInput, BoundLink
from app.engine.workflow.edits.chains import Chains, LooseEnd
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.model import RecordKind, Workflow
from app.engine.workflow.patch import Patch
from app.engine.workflow.type_match import is_any, types_fit


def connect(
    workflow: Workflow,
    bound: BoundGraph,
    origin: str,
    output: int,
    target: str,
    input_index: int,
    *,
    parent: str | None = None,
) -> Patch:
    """Link an output to an input; a link that is there already makes way.

    Nothing is refused: ask :func:`can_connect` first. Empty when they are linked already, through
    ``parent`` if that is given. A chain of reroutes that hangs from the input is used again.

    Args:
        workflow: The document.
        bound: The graph.
        origin: The node where it starts.
        output: Position of its output.
        target: The node where it ends.
        input_index: Position of its input.
        parent: The last reroute that it runs through, one that is fed by this output.
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    item = bound.nodes[target].inputs[input_index]
    if item.link is not None:
        old = bound.links[item.link]
        last = old.reroutes[-1] if old.reroutes else None
        if (old.origin, old.origin_slot) == (origin, output) and parent in (None, last):
            return ()
        chains.remove_link(item.link, keep="output")
    _link(draft, chains, origin, output, target, input_index, parent)
    chains.settle()
    return draft.patch()


def _link(
    draft: Draft,
    chains: Chains,
    origin: str,
    output: int,
    target: str,
    input_index: int,
    parent: str | None,
) -> None:
    """Add a link through ``parent`` and what hangs from the input."""
    origin_node, target_node = draft.bound.nodes[origin], draft.bound.nodes[target]
    parent = chains.adopt(target_node, input_index, parent)
    kind = origin_node.outputs[output].type
    if is_any(kind):
        kind = target_node.inputs[input_index].type
    chains.add_link(origin_node, output, target_node, input_index, kind, parent=parent)


def move_end(
    workflow: Workflow, bound: BoundGraph, link: str, target: str, input_index: int
) -> Patch:
    """Let a link end at another input; it keeps its reroutes (U-062).

    Empty when it ends there already.
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    moved = bound.links[link]
    if (moved.target, moved.target_input) == (target, input_index):
        return ()
    chains.remove_link(link)
    occupying = bound.nodes[target].inputs[input_index].link
    if occupying is not None:
        chains.remove_link(occupying, keep="output")
    parent = moved.reroutes[-1] if moved.reroutes else None
    _link(draft, chains, moved.origin, moved.origin_slot, target, input_index, parent)
    chains.settle()
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


def remove_links(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], *, keep: LooseEnd | None = None
) -> Patch:
    """Remove links by key; reroutes that nothing runs through any more go with them.

    Args:
        workflow: The document.
        bound: The graph.
        keys: The links.
        keep: Let those reroutes hang from the ``output`` or the ``input`` instead (U-082).
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    for key in dict.fromkeys(keys):
        chains.remove_link(key, keep=keep)
    chains.settle()
    return draft.patch()


def move_links(
    workflow: Workflow, bound: BoundGraph, link_keys: Iterable[str], origin: str, output: int
) -> Patch:
    """Let links start at another output; each keeps its end and its reroutes (U-063).

    What hangs loosely from the old output goes along when all its links do. Reroutes that links
    run through which stay are left to those.
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    links = [bound.links[key] for key in dict.fromkeys(link_keys)]
    links = [link for link in links if (link.origin, link.origin_slot) != (origin, output)]
    moved: dict[tuple[str, int], set[str]] = {}
    for link in links:
        moved.setdefault((link.origin, link.origin_slot), set()).add(link.key)
        chains.remove_link(link.key)
    source = bound.nodes[origin]
    kind = source.outputs[output].type
    whole = {end for end, keys in moved.items() if keys >= set(_links_of(bound, *end))}
    for key in chains.floating_of([node for node, _ in whole]):
        floating = draft.graph.floating_links[key]
        if (floating.origin, floating.origin_slot) in whole:
            chains.set_floating(key, origin_id=source.node.id, origin_slot=output)
    tails = chains.cut_tails([link.reroutes for link in links], (source.key, output))
    for link, parent in zip(links, tails, strict=True):
        target = bound.nodes[link.target]
        shown = target.inputs[link.target_input].type if is_any(kind) else kind
        chains.add_link(source, output, target, link.target_input, shown, parent=parent)
    chains.settle()
    return draft.patch()


def _links_of(bound: BoundGraph, node: str, output: int) -> list[str]:
    return bound.nodes[node].outputs[output].links


@dataclass(frozen=True, slots=True)
class Join:
    """A link that takes the place of two, one into and one out of what is removed.

    Attributes:
        origin, output: Where it starts.
        target, input: Where it ends.
        entering: The link from that output.
        leaving: The link to that input.
    """

    origin: str
    output: int
    target: str
    input: int
    entering: str
    leaving: str


def join_around(bound: BoundGraph, keys: Iterable[str]) -> list[Join]:
    """Return the links that join what fed some nodes to what they fed (U-083).

    Each output of a removed node takes the first of the node's linked inputs that fits, and
    follows it upwards until a node that stays.
    """
    gone = set(keys)
    joins: list[Join] = []
    for key in gone:
        for place, output in enumerate(bound.nodes[key].outputs):
            for link_key in output.links:
                link = bound.links[link_key]
                if link.target in gone:
                    continue
                wanted = bound.nodes[link.target].inputs[link.target_input].type
                source = _source_above(bound, gone, key, place, wanted)
                if source is not None and source.origin != link.target:
                    joins.append(
                        Join(
                            source.origin, source.origin_slot, link.target, link.target_input,
                            source.key, link_key,
                        )
                    )  # fmt: skip
    joins.sort(key=lambda join: (join.target, join.input))
    return joins


def add_joins(chains: Chains, draft: Draft, joins: Iterable[Join]) -> None:
    """Add the links of :func:`join_around`, through the reroutes of both links they replace.

    Call it after the links have been removed. Reroutes after the removed nodes are kept when all
    that runs through them comes from one source now; otherwise only those before them are.
    """
    links = draft.bound.links
    sources: dict[str, set[tuple[str, int, str]]] = {}
    feeding = {join.leaving: (join.origin, join.output, join.entering) for join in joins}
    for link in links.values():
        if link.reroutes and not draft.exists(RecordKind.LINK, link.key):
            source = feeding.get(link.key, ("", 0, link.key))
            sources.setdefault(link.reroutes[0], set()).add(source)
    for join in joins:
        entering, leaving = links[join.entering].reroutes, links[join.leaving].reroutes
        parent = entering[-1] if entering else None
        if leaving and len(sources[leaving[0]]) == 1:
            chains.set_parent(leaving[0], parent)
            parent = leaving[-1]
        origin, target = draft.bound.nodes[join.origin], draft.bound.nodes[join.target]
        kind = origin.outputs[join.output].type
        chains.add_link(origin, join.output, target, join.input, kind, parent=parent)


def _source_above(
    bound: BoundGraph, gone: set[str], key: str, output: int, wanted: str
) -> BoundLink | None:
    """Return the link from a node that stays, which an output of a removed node passes on."""
    found: BoundLink | None = None
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
                found = link
                key, output = link.origin, link.origin_slot
                break
        else:
            return None
    return found
