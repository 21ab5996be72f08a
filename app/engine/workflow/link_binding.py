"""Links attached to slots: by name first, then by number (workflow-format 3, rules 2 to 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.engine.workflow.binding import BoundGraph, BoundLink, BoundNode
from app.engine.workflow.model import Graph, Link, as_list, as_mapping, id_text


@dataclass(slots=True)
class LinkChange:
    """What an update did.

    Attributes:
        added: Links that are new or run differently.
        removed: Links that are gone.
        nodes: Nodes at the ends of either.
    """

    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    nodes: set[str] = field(default_factory=set)


class LinkTable:
    """Keeps the usable links of one bound graph, and finds links by their ends."""

    def __init__(self, graph: Graph, bound: BoundGraph) -> None:
        self._graph = graph
        self._bound = bound
        self._ends: dict[str, tuple[str, int, str, int]] = {}
        self._into: dict[str, dict[str, None]] = {}
        self._from: dict[str, dict[str, None]] = {}
        self._attached: dict[str, list[str]] = {}
        self._parents: dict[str, str] = {}

    def attach_all(self) -> None:
        """Attach all links of a graph whose nodes have just been bound."""
        self._read_parents()
        for key, link in self._graph.links.items():
            self._remember(key, link)
        for node in self._bound.nodes.values():
            self._attach(node)
        for node in self._bound.nodes.values():
            for output in node.outputs:
                if len(output.links) > 1:
                    output.links.sort(key=_link_order)

    def update(self, nodes: Iterable[str], links: Iterable[str], *, paths: bool) -> LinkChange:
        """Attach anew the links of ``nodes``, which were bound anew, came or went, and ``links``.

        Args:
            nodes: Keys of nodes whose slots may differ now.
            links: Keys of links that were inserted, removed or replaced.
            paths: Whether reroutes changed, so that all paths are read again.
        """
        bound = self._bound
        targets: dict[str, None] = dict.fromkeys(nodes)
        for key in list(targets):
            for link_key in self._from.get(key, ()):
                targets[self._ends[link_key][2]] = None
        for key in links:
            if key in self._ends:
                targets[self._ends[key][2]] = None
                self._forget(key)
            link = self._graph.links.get(key)
            if link is not None:
                self._remember(key, link)
                targets[link.target] = None
            else:
                self._parents.pop(key, None)
        if paths:
            self._read_parents()
        old: dict[str, BoundLink] = {}
        for target in targets:
            self._detach(target, old)
        new: list[str] = []
        for target in targets:
            node = bound.nodes.get(target)
            if node is not None:
                new.extend(self._attach(node))
        change = LinkChange()
        for key in new:
            link_now = bound.links[key]
            links_here = bound.nodes[link_now.origin].outputs[link_now.origin_slot].links
            if len(links_here) > 1:
                links_here.sort(key=_link_order)
            if old.get(key) != link_now:
                change.added.append(key)
                change.nodes.update((link_now.origin, link_now.target))
        for key, before in old.items():
            if key not in bound.links:
                change.removed.append(key)
            if bound.links.get(key) != before:
                change.nodes.update(
                    end for end in (before.origin, before.target) if end in bound.nodes
                )
        if paths:
            self._update_paths(change)
        return change

    def links_from(self, key: str) -> list[str]:
        """Return the keys of all stored links that start at a node, usable or not."""
        return list(self._from.get(key, ()))

    def links_into(self, key: str) -> list[str]:
        """Return the keys of all stored links that end at a node, usable or not."""
        return list(self._into.get(key, ()))

    def parent_of(self, key: str) -> str | None:
        """Return the reroute nearest to a link's target, or None."""
        return self._parents.get(key)

    def parents(self) -> dict[str, str]:
        """Return the reroute nearest to the target, of each stored link that runs through any."""
        return self._parents

    def _read_parents(self) -> None:
        self._parents = {}
        for entry in as_list(self._graph.extra.get("linkExtensions")):
            extension = as_mapping(entry)
            if extension.get("parentId") is not None:
                self._parents[id_text(extension.get("id"))] = id_text(extension["parentId"])
        if self._graph.reroutes:
            for key, link in self._graph.links.items():
                parent = link.parent_id
                if parent is not None:
                    self._parents[key] = parent

    def _remember(self, key: str, link: Link) -> None:
        origin, target = link.origin, link.target
        self._ends[key] = (origin, link.origin_slot, target, link.target_slot)
        self._into.setdefault(target, {})[key] = None
        self._from.setdefault(origin, {})[key] = None
        if self._graph.reroutes:
            parent = link.parent_id
            if parent is not None:
                self._parents[key] = parent

    def _forget(self, key: str) -> None:
        origin, _, target, _ = self._ends.pop(key)
        del self._into[target][key]
        del self._from[origin][key]

    def _attach(self, node: BoundNode) -> list[str]:
        """Give the inputs of a node their links; return the keys of those that found a place."""
        incoming = self._into.get(node.key)
        if not incoming:
            return []
        usable = [key for key in incoming if self._has_origin(key)]
        if not usable:
            return []
        inputs = node.inputs
        stored = as_list(node.node.raw.get("inputs"))
        count = len(stored)
        places: dict[str, int] = {}
        for index, item in enumerate(inputs):
            if item.stored is not None and item.stored < count:
                named = stored[item.stored].get("link")
                if named is not None:
                    key = id_text(named)
                    if key in incoming and key not in places and self._has_origin(key):
                        places[key] = index
                        item.link = key
        if len(places) < len(usable):
            left = [key for key in usable if key not in places]
            for key in self._in_file_order(left, node.boundary):
                slot = self._ends[key][3]
                if 0 <= slot < len(inputs) and inputs[slot].link is None:
                    places[key] = slot
                    inputs[slot].link = key
        nodes = self._bound.nodes
        for key, index in places.items():
            origin, origin_slot, _, _ = self._ends[key]
            item = inputs[index]
            output = nodes[origin].outputs[origin_slot]
            kind = output.type if output.type != "*" else item.type
            path = self._path(key) if self._parents else ()
            self._bound.links[key] = BoundLink(
                key, origin, origin_slot, node.key, index, kind, path
            )
            output.links.append(key)
            if item.widget is not None:
                widget = node.widget(item.widget)
                if widget is not None:
                    widget.is_linked = True
        self._attached[node.key] = list(places)
        return self._attached[node.key]

    def _detach(self, target: str, old: dict[str, BoundLink]) -> None:
        nodes = self._bound.nodes
        for key in self._attached.pop(target, ()):
            link = old[key] = self._bound.links.pop(key)
            origin = nodes.get(link.origin)
            if origin is not None and link.origin_slot < len(origin.outputs):
                links = origin.outputs[link.origin_slot].links
                if key in links:
                    links.remove(key)
        node = nodes.get(target)
        if node is not None:
            for item in node.inputs:
                if item.link is not None:
                    item.link = None
                    widget = None if item.widget is None else node.widget(item.widget)
                    if widget is not None:
                        widget.is_linked = False

    def _has_origin(self, key: str) -> bool:
        origin, slot, _, _ = self._ends[key]
        node = self._bound.nodes.get(origin)
        return node is not None and 0 <= slot < len(node.outputs)

    def _in_file_order(self, keys: list[str], boundary: str) -> Sequence[str]:
        slots = {self._ends[key][3] for key in keys}
        if len(slots) == len(keys):
            return keys
        wanted = set(keys)
        ordered = [key for key in self._graph.links if key in wanted]
        if boundary:
            # An output of a subgraph names its links, and gives the first one that it names.
            named = [
                id_text(link)
                for slot in as_list(self._graph.raw.get(boundary))
                for link in as_list(as_mapping(slot).get("linkIds"))
            ]
            ranks = {key: rank for rank, key in enumerate(reversed(named))}
            ordered.sort(key=lambda key: -ranks.get(key, -1))
        return ordered

    def _path(self, key: str) -> tuple[str, ...]:
        """Return the reroutes of a link from its origin to its target; broken chains end."""
        reroutes = self._graph.reroutes
        path: list[str] = []
        seen: set[str] = set()
        at = self._parents.get(key)
        while at is not None and at in reroutes and at not in seen:
            seen.add(at)
            path.append(at)
            at = reroutes[at].parent_id
        path.reverse()
        return tuple(path)

    def _update_paths(self, change: LinkChange) -> None:
        known = set(change.added)
        for key, link in self._bound.links.items():
            path = self._path(key)
            if path != link.reroutes:
                link.reroutes = path
                if key not in known:
                    change.added.append(key)


def _link_order(key: str) -> tuple[int, str]:
    """Order links by number, so that the order does not depend on the way they came."""
    return (int(key), "") if key.isascii() and key.isdigit() and len(key) < 19 else (2**62, key)
