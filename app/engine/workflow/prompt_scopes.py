"""Subgraph instances laid out flat, and links followed through them to what really feeds an input.

A :class:`Scope` is one graph level of one instance: the root, or the interior of one host. Links
are followed with a loop, never by recursion, so depth costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.engine.workflow.binding import BoundGraph, BoundInput, BoundNode
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.model import Mode
from app.engine.workflow.node_binding import PRIMITIVE, REROUTE
from app.engine.workflow.type_match import is_any, types_fit

MAX_SCOPES: Final = 20_000
"""More instances than this are no workflow but a bomb: two hosts in each of 30 levels."""


@dataclass(slots=True, eq=False)
class Scope:
    """One graph level of one instance.

    Attributes:
        bound: The graph.
        path: Keys of the hosts from the root down.
        prefix: What execution ids of its nodes start with: ``"57:"``.
        parent: The scope of the host, or None for the root.
        host: The host, or None for the root.
        children: Scopes of the hosts in this one, by node key.
        is_hidden: A muted or bypassed host of the root hides it (W-012).
        names: Names in execution ids that differ from node keys.
        overrides: Widget values set from outside, by node key and widget name.
    """

    bound: BoundGraph
    path: tuple[str, ...] = ()
    prefix: str = ""
    parent: Scope | None = None
    host: BoundNode | None = None
    children: dict[str, Scope] = field(default_factory=dict)
    is_hidden: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    overrides: dict[tuple[str, str], Any] = field(default_factory=dict)

    def execution_id(self, key: str) -> str:
        """Return the id of one of its nodes in the prompt (W-015)."""
        return self.prefix + self.names.get(key, key)


@dataclass(frozen=True, slots=True)
class Source:
    """What feeds an input.

    Attributes:
        node: Execution id of the node, or None when a value feeds it.
        slot: Output of that node.
        value: The host's value.
        primitive: The scope and the Primitive whose value it is instead, or None.
    """

    node: str | None
    slot: int = 0
    value: Any = None
    primitive: tuple[Scope, BoundNode] | None = None


class CircularLink(Exception):  # noqa: N818 - it names a fact about the file, not a failure of ours
    """Following a link came back to where it had been (W-049)."""


class TooManyInstances(Exception):  # noqa: N818 - as above
    """Subgraphs multiply beyond :data:`MAX_SCOPES`."""


def lay_out(
    root: BoundGraph,
    interiors: Mapping[str, BoundGraph],
    names: Mapping[str, Mapping[str, str]],
) -> list[Scope]:
    """Return the root scope and one scope for each host, outer ones first.

    Args:
        root: The root graph.
        interiors: Bound definitions by host type; hosts of other types stay unexpanded.
        names: Names for execution ids by graph id and node key.

    Raises:
        TooManyInstances: There are more than :data:`MAX_SCOPES`.
    """
    scopes = [Scope(root, names=names.get(root.graph_id, {}))]
    place = 0
    while place < len(scopes):
        scope = scopes[place]
        place += 1
        for key, node in scope.bound.nodes.items():
            if node.subgraph is None or node.problem or node.subgraph not in interiors:
                continue
            if len(scopes) >= MAX_SCOPES:
                raise TooManyInstances
            is_root_host = scope.parent is None
            is_off = node.node.mode in (Mode.MUTED, Mode.BYPASSED)
            child = Scope(
                interiors[node.subgraph],
                path=(*scope.path, key),
                prefix=scope.execution_id(key) + ":",
                parent=scope,
                host=node,
                is_hidden=scope.is_hidden or (is_root_host and is_off),
                names=names.get(node.subgraph, {}),
            )
            _take_overrides(child, scope, node)
            scope.children[key] = child
            scopes.append(child)
    return scopes


def source_of(scope: Scope, item: BoundInput) -> Source | None:
    """Return what feeds an input at last, or None when nothing does (W-040 to W-057).

    Raises:
        CircularLink: Bypassed, virtual or subgraph nodes form a loop.
    """
    wanted = item.type
    link_key = item.link
    start = scope
    is_direct = True
    seen: set[tuple[int, str, int]] = set()
    while link_key is not None:
        link = scope.bound.links[link_key]
        key, slot = link.origin, link.origin_slot
        if (id(scope), key, slot) in seen:
            raise CircularLink
        seen.add((id(scope), key, slot))
        node = scope.bound.nodes[key]
        if key == INPUT_BOX and node.boundary:
            host, parent = scope.host, scope.parent
            if host is None or parent is None:
                return None
            entry = host.inputs[slot]
            if entry.link is None:
                return _host_value(parent, host, entry)
            scope, link_key = parent, entry.link
            continue
        if node.is_virtual and node.node.type == PRIMITIVE:
            # On one level a Primitive writes into the widget itself (W-002). The reference
            # loses its value at the edge of a subgraph (W-004); here it comes through.
            return (
                Source(None, primitive=(scope, node)) if is_direct and scope is not start else None
            )
        mode = node.node.mode
        if mode == Mode.MUTED:
            return None
        if mode == Mode.BYPASSED:
            chosen = bypass_input(node, slot, wanted)
            if chosen is None:
                return None
            wanted, link_key = chosen.type, chosen.link
            is_direct = False
        elif node.subgraph is not None:
            inner = scope.children.get(key)
            if inner is None:
                return None
            scope = inner
            link_key = inner.bound.nodes[OUTPUT_BOX].inputs[slot].link
        elif node.is_virtual:
            is_direct = False
            place = 0 if node.node.type == REROUTE else slot
            link_key = node.inputs[place].link if place < len(node.inputs) else None
        else:
            return Source(scope.execution_id(key), slot)
    return None


def bypass_input(node: BoundNode, output: int, wanted: str) -> BoundInput | None:
    """Return the input that a bypassed node passes on for one of its outputs (W-050 to W-056)."""
    inputs = node.inputs
    if not inputs:
        return None
    if is_any(wanted):
        return inputs[output] if output < len(inputs) else inputs[0]
    given = node.outputs[output].type

    def fits(item: BoundInput) -> bool:
        return types_fit(item.type, given) and types_fit(item.type, wanted)

    if output < len(inputs) and fits(inputs[output]):
        return inputs[output]
    for item in inputs:
        if item.type == wanted:
            return item
    return next((item for item in inputs if fits(item)), None)


def _host_value(scope: Scope, host: BoundNode, item: BoundInput) -> Source | None:
    """Return the value of a promoted input (W-046)."""
    widget = None if item.widget is None else host.widget(item.widget)
    if widget is None or widget.is_unset:
        return None
    value = scope.overrides.get((host.key, widget.name), widget.value)
    return Source(None, 0, value)


def _take_overrides(child: Scope, scope: Scope, host: BoundNode) -> None:
    """Hand values of widgets that are promoted without a slot down to the interior."""
    with_slot = {item.widget for item in host.inputs if item.widget is not None}
    for widget in host.widgets:
        if widget.name in with_slot or widget.source is None or widget.is_unset:
            continue
        value = scope.overrides.get((host.key, widget.name), widget.value)
        child.overrides[(widget.source[1], widget.source[2])] = value
