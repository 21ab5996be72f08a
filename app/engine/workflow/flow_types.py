"""Types that follow links: Reroute nodes and outputs of matched type (workflow-format 3, rule 8).

A Reroute takes the type of what feeds it, else of what it feeds. Types spread through whole
chains with a work list, so a chain of thousands costs linear time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from app.engine.workflow.binding import BoundGraph, BoundInput, BoundNode
from app.engine.workflow.model import as_mapping
from app.engine.workflow.node_binding import PRIMITIVE, REROUTE
from app.engine.workflow.plan import MATCH_TYPE

ANY: Final = "*"


def is_follower(node: BoundNode) -> bool:
    """Tell whether slots of the node depend on what it is connected to."""
    kind = node.node.type
    if node.definition is None:
        return kind in (REROUTE, PRIMITIVE) and not node.is_missing
    return any(output.match_template for output in node.outputs)


def follow_types(
    bound: BoundGraph, followers: set[str], near: Iterable[str] | None = None
) -> tuple[set[str], set[str]]:
    """Bring types of followers up to date.

    Args:
        bound: The graph; all links are attached.
        followers: Keys of all nodes for which :func:`is_follower` holds.
        near: Only followers connected to these nodes are looked at; None means all.

    Returns:
        Keys of nodes and of links whose type changed.
    """
    seeds = followers if near is None else followers.intersection(near)
    members = _connected(bound, followers, seeds)
    if not members:
        return set(), set()
    before = {key: _types(bound.nodes[key]) for key in members}
    for key in members:
        node = bound.nodes[key]
        if node.node.type == REROUTE and node.definition is None:
            node.inputs[0].type = node.outputs[0].type = ANY
        else:
            for output in node.outputs:
                if output.match_template:
                    output.type = ANY
    _spread_forward(bound, members)
    _spread_back(bound, members)
    changed = {key for key in members if _types(bound.nodes[key]) != before[key]}
    return changed, _recolour(bound, members)


def _types(node: BoundNode) -> list[str]:
    return [output.type for output in node.outputs]


def _is_reroute(node: BoundNode) -> bool:
    return node.definition is None and node.node.type == REROUTE


def _connected(bound: BoundGraph, followers: set[str], seeds: Iterable[str]) -> list[str]:
    """Return the seeds and all followers that hang together with them, primitives left out."""
    found: dict[str, None] = {}
    waiting = list(seeds)
    while waiting:
        key = waiting.pop()
        if key in found or key not in followers:
            continue
        node = bound.nodes[key]
        if node.definition is None and not _is_reroute(node):
            continue
        found[key] = None
        waiting.extend(_targets(bound, node))
        waiting.extend(
            bound.links[item.link].origin for item in node.inputs if item.link is not None
        )
    return list(found)


def _targets(bound: BoundGraph, node: BoundNode) -> list[str]:
    return [bound.links[key].target for output in node.outputs for key in output.links]


def _source_type(bound: BoundGraph, item: BoundInput) -> str:
    if item.link is None:
        return ANY
    link = bound.links[item.link]
    return bound.nodes[link.origin].outputs[link.origin_slot].type


def _spread_forward(bound: BoundGraph, members: list[str]) -> None:
    inside = set(members)
    waiting = list(reversed(members))
    # A type changes from any to a known one once, and rarely again: the bound guards cycles.
    budget = 8 * len(members) + 8
    while waiting and budget:
        budget -= 1
        node = bound.nodes[waiting.pop()]
        if _set_from_inputs(bound, node):
            waiting.extend(key for key in _targets(bound, node) if key in inside)


def _set_from_inputs(bound: BoundGraph, node: BoundNode) -> bool:
    if _is_reroute(node):
        kind = _source_type(bound, node.inputs[0])
        if kind in (ANY, node.outputs[0].type):
            return False
        node.inputs[0].type = node.outputs[0].type = kind
        return True
    is_changed = False
    for output in node.outputs:
        if not output.match_template:
            continue
        kinds = (
            _source_type(bound, item)
            for item in node.inputs
            if _template(item) == output.match_template
        )
        kind = next((kind for kind in kinds if kind != ANY), ANY)
        if kind not in (ANY, output.type):
            output.type = kind
            is_changed = True
    return is_changed


def _template(item: BoundInput) -> str | None:
    if item.definition is None or item.definition.type != MATCH_TYPE:
        return None
    return str(as_mapping(item.definition.options.get("template")).get("template_id") or "")


def _spread_back(bound: BoundGraph, members: list[str]) -> None:
    """Give reroutes that nothing typed feeds the type of what they feed."""
    waiting = [key for key in members if _is_reroute(bound.nodes[key])]
    while waiting:
        node = bound.nodes[waiting.pop()]
        if node.outputs[0].type != ANY:
            continue
        kind = ANY
        for key in node.outputs[0].links:
            link = bound.links[key]
            kind = bound.nodes[link.target].inputs[link.target_input].type
            if kind != ANY:
                break
        if kind == ANY:
            continue
        node.inputs[0].type = node.outputs[0].type = kind
        if node.inputs[0].link is not None:
            origin = bound.links[node.inputs[0].link].origin
            if _is_reroute(bound.nodes[origin]):
                waiting.append(origin)


def _recolour(bound: BoundGraph, members: list[str]) -> set[str]:
    changed: set[str] = set()
    for key in members:
        node = bound.nodes[key]
        links = [link for output in node.outputs for link in output.links]
        links.extend(item.link for item in node.inputs if item.link is not None)
        for link_key in links:
            link = bound.links[link_key]
            kind = bound.nodes[link.origin].outputs[link.origin_slot].type
            if kind == ANY:
                kind = bound.nodes[link.target].inputs[link.target_input].type
            if kind != link.type:
                link.type = kind
                changed.add(link_key)
    return changed
