"""Edits of native reroutes: points that links run through (workflow-format 1.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.engine.workflow.binding import BoundGraph, BoundLink, BoundNode
from app.engine.workflow.edits.chains import Chains, Users, input_at
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.values import stored_pair
from app.engine.workflow.model import (
    Raw,
    RecordKind,
    Workflow,
    as_list,
    id_value,
)
from app.engine.workflow.patch import Patch
from app.engine.workflow.type_match import is_any

_REROUTE = RecordKind.REROUTE


def add_reroute(
    workflow: Workflow,
    bound: BoundGraph,
    link_key: str,
    pos: tuple[float, float],
    *,
    index: int | None = None,
) -> tuple[Patch, str]:
    """Put a reroute on a link; return the patch and the key of the reroute.

    Args:
        workflow: The document.
        bound: The graph.
        link_key: The link.
        pos: Centre of the reroute.
        index: How many reroutes of the link come before it, seen from the origin; None puts it
            nearest to the target. Other links through the following reroute run through it too.

    Raises:
        KeyError: The link is not a usable one.
    """
    draft = Draft(workflow, bound)
    path = bound.links[link_key].reroutes
    place = len(path) if index is None else max(0, min(index, len(path)))
    number = draft.fresh_id(_REROUTE)
    key = str(number)
    raw: Raw = {"id": number}
    if place > 0:
        raw["parentId"] = id_value(path[place - 1])
    raw["pos"] = stored_pair(draft.graph.space, pos)
    if place < len(path):
        following = path[place]
        raw["linkIds"] = list(as_list(draft.get(_REROUTE, following, "linkIds")))
        draft.set(_REROUTE, following, "parentId", number)
    else:
        raw["linkIds"] = [id_value(link_key)]
        Chains(draft).set_link_parent(link_key, key)
    draft.insert(_REROUTE, key, raw)
    return draft.patch(), key


def move_reroutes(
    workflow: Workflow, bound: BoundGraph, positions: Mapping[str, tuple[float, float]]
) -> Patch:
    """Move reroutes; ``positions`` are centres by key."""
    draft = Draft(workflow, bound)
    for key, pos in positions.items():
        reroute = draft.graph.reroutes[key]
        if reroute.pos != pos:
            draft.set(_REROUTE, key, "pos", stored_pair(reroute.space, pos))
    return draft.patch()


def remove_reroutes(workflow: Workflow, bound: BoundGraph, keys: Iterable[str]) -> Patch:
    """Remove reroutes; links that ran through them stay, as do the other reroutes of a chain."""
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    graph = draft.graph
    gone = {key for key in keys if key in graph.reroutes}

    def above(key: str) -> str | None:
        return next((item for item in chains.path(key) if item not in gone), None)

    table = bound.state.links
    for key in list(graph.links):
        parent = table.parent_of(key)
        if parent in gone:
            chains.set_link_parent(key, above(parent))
    for key, floating in graph.floating_links.items():
        parent = floating.parent_id
        if parent is not None and parent in gone:
            left = above(parent)
            if left is None:
                chains.remove_floating(key)
            else:
                chains.set_floating(key, parentId=id_value(left))
    lefts = {
        key: above(parent)
        for key, reroute in graph.reroutes.items()
        if key not in gone and (parent := reroute.parent_id) is not None and parent in gone
    }
    for key, left in lefts.items():
        chains.set_parent(key, left)
    for key in graph.reroutes:
        if key in gone:
            draft.remove(_REROUTE, key)
    chains.settle()
    return draft.patch()


@dataclass(frozen=True, slots=True)
class Fed:
    """An input that the links through a reroute lead to.

    Attributes:
        node: Key of the node.
        input: Position of the input.
        floating: Key of the floating link, for a chain that has no source; else empty.
    """

    node: str
    input: int
    floating: str = ""


def source_of_reroute(workflow: Workflow, bound: BoundGraph, key: str) -> tuple[str, int] | None:
    """Return the node and the output that feed a reroute, or None for a chain without source."""
    for link in bound.links.values():
        if key in link.reroutes:
            return link.origin, link.origin_slot
    chains = Chains(Draft(workflow, bound))
    for name in chains.users().get(key, Users()).floating:
        floating = workflow.graph(bound.graph_id).floating_links[name]
        node = bound.nodes.get(floating.origin)
        if node is not None and 0 <= floating.origin_slot < len(node.outputs):
            return floating.origin, floating.origin_slot
    return None


def fed_by_reroute(workflow: Workflow, bound: BoundGraph, key: str) -> list[Fed]:
    """Return the inputs that what runs through a reroute leads to, those without a source too."""
    fed = [
        Fed(link.target, link.target_input)
        for link in bound.links.values()
        if key in link.reroutes
    ]  # fmt: skip
    chains = Chains(Draft(workflow, bound))
    for name in chains.users().get(key, Users()).floating:
        floating = workflow.graph(bound.graph_id).floating_links[name]
        node = bound.nodes.get(floating.target)
        index = None if node is None else input_at(node, floating.target_slot)
        if index is not None:
            fed.append(Fed(floating.target, index, name))
    return fed


def reroutes_before(workflow: Workflow, bound: BoundGraph, key: str) -> list[str]:
    """Return a reroute and those before it, the one nearest to the origin last."""
    return Chains(Draft(workflow, bound)).path(key)


def feed_reroute(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    origin: str,
    output: int,
    *,
    parent: str | None = None,
) -> Patch:
    """Let all that runs through a reroute come from an output (U-076, U-082).

    Reroutes that were before it stay with their source, as a chain with a loose end, unless
    something else runs through them. Nothing is refused: ask ``can_connect`` for each input of
    :func:`fed_by_reroute`.

    Args:
        workflow: The document.
        bound: The graph.
        key: The reroute.
        origin: The node that feeds it from now on.
        output: Position of its output.
        parent: The reroute of that output which comes before it; none when absent.
    """
    draft = Draft(workflow, bound)
    chains = Chains(draft)
    graph = draft.graph
    if parent is not None and key in chains.path(parent):
        return ()  # it would run in a circle
    former = graph.reroutes[key].parent_id
    through = chains.users().get(key, Users())
    inputs = fed_by_reroute(workflow, bound, key)
    source = source_of_reroute(workflow, bound, key)
    if former == parent and source == (origin, output):
        return ()
    stays = source == (origin, output)
    links = [bound.links[name] for name in through.links if name in bound.links]
    for name in through.links:
        if not stays or name not in bound.links:
            chains.remove_link(name)
    upper = None if former is None else next(iter(chains.path(former)), None)
    if upper is not None and links:
        chains.remain("output", graph.links[links[0].key], upper)
    chains.set_parent(key, parent)
    node = bound.nodes[origin]
    kind = node.outputs[output].type
    if not stays:
        for link in links:
            _feed(chains, bound, node, output, Fed(link.target, link.target_input), kind, link)
    for fed in inputs:
        if fed.floating:
            occupying = bound.nodes[fed.node].inputs[fed.input].link
            if occupying is not None:
                chains.remove_link(occupying, keep="output")
            end = graph.floating_links[fed.floating].parent_id
            chains.remove_floating(fed.floating)
            _feed(chains, bound, node, output, fed, kind, None, end)
    for name in through.floating:
        if name in graph.floating_links and graph.floating_links[name].origin in bound.nodes:
            chains.set_floating(name, origin_id=node.node.id, origin_slot=output)
    for name in chains.floating_at(parent):
        # What ended there goes on.
        chains.remove_floating(name)
    chains.settle()
    return draft.patch()


def _feed(
    chains: Chains,
    bound: BoundGraph,
    origin: BoundNode,
    output: int,
    fed: Fed,
    kind: str,
    link: BoundLink | None,
    end: str | None = None,
) -> None:
    target = bound.nodes[fed.node]
    if link is not None:
        end = link.reroutes[-1] if link.reroutes else None
    shown = target.inputs[fed.input].type if is_any(kind) else kind
    chains.add_link(origin, output, target, fed.input, shown, parent=end)
