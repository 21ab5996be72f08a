"""Chains of reroutes in a draft: what runs through them, and what is left of them (U-076, U-082).

Links come and go through a :class:`Chains`; at the end :meth:`Chains.settle` brings ``linkIds``
and the mark of loose ends in step, leaves a floating link where a chain shall outlive its link,
and removes the reroutes that nothing runs through any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from app.engine.workflow.binding import BoundNode
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.link_binding import LinkTable
from app.engine.workflow.model import (
    Link,
    Raw,
    RecordKind,
    as_list,
    as_mapping,
    id_text,
    id_value,
    read_slot,
)
from app.engine.workflow.patch import ABSENT

LooseEnd = Literal["input", "output"]
"""What a floating chain still hangs from: an ``output`` of a source, or an ``input``."""

NO_NODE = -1
"""Stands in a floating link for the node at its loose end."""

_REROUTE = RecordKind.REROUTE
_FLOATING = RecordKind.FLOATING_LINK


@dataclass(slots=True)
class Users:
    """What runs through one reroute.

    Attributes:
        links: Keys of links.
        floating: Keys of floating links.
    """

    links: dict[str, None] = field(default_factory=dict)
    floating: dict[str, None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.links or self.floating)


@dataclass(frozen=True, slots=True)
class _Remains:
    """A chain whose link has gone and that shall stay, if nothing else runs through it."""

    end: LooseEnd
    link: Link
    parent: str


def input_at(node: BoundNode, slot: int) -> int | None:
    """Return the position of the input that a stored slot number names, if there is one."""
    for index, item in enumerate(node.inputs):
        if item.stored == slot:
            return index
    is_unstored = 0 <= slot < len(node.inputs) and node.inputs[slot].stored is None
    return slot if is_unstored else None


class Chains:
    """The reroutes of one draft while links come and go.

    Args:
        draft: The changes; call :meth:`settle` before its ``patch()``.
    """

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._table: LinkTable = draft.bound.state.links
        self._parents: dict[str, str | None] = {}
        self._touched: dict[str, None] = {}
        self._remains: list[_Remains] = []
        self._fed: set[tuple[str, int]] = set()

    def path(self, parent: str | None) -> list[str]:
        """Return the reroutes that end in ``parent``, from there to the origin; loops end."""
        draft, path = self._draft, dict[str, None]()
        while parent is not None and parent not in path and draft.exists(_REROUTE, parent):
            path[parent] = None
            above = draft.get(_REROUTE, parent, "parentId")
            parent = None if above is None else id_text(above)
        return list(path)

    def parent_of(self, link: str) -> str | None:
        """Return the reroute nearest to a link's target, as the draft leaves it."""
        if link in self._parents:
            return self._parents[link]
        return self._table.parent_of(link)

    def users(self) -> dict[str, Users]:
        """Return what runs through each reroute that anything runs through."""
        draft = self._draft
        table: dict[str, Users] = {}
        paths: dict[str, list[str]] = {}

        def walk(parent: str) -> list[str]:
            if parent not in paths:
                paths[parent] = self.path(parent)
            return paths[parent]

        for link, parent in {**self._table.parents(), **self._parents}.items():
            if parent is not None and draft.exists(RecordKind.LINK, link):
                for key in walk(parent):
                    table.setdefault(key, Users()).links[link] = None
        for floating in draft.keys(_FLOATING):
            at = draft.get(_FLOATING, floating, "parentId")
            if at is not None:
                for key in walk(id_text(at)):
                    table.setdefault(key, Users()).floating[floating] = None
        return table

    def remove_link(self, key: str, *, keep: LooseEnd | None = None) -> None:
        """Remove a link; ``keep`` lets its reroutes hang from the end that stays."""
        if not self._draft.exists(RecordKind.LINK, key):
            return
        parent = self.parent_of(key)
        path = self.path(parent)
        self._touch(path)
        if keep is not None and path:
            self._remains.append(_Remains(keep, self._draft.graph.links[key], path[0]))
        self._draft.remove_link(key, keep_reroutes=True)

    def add_link(
        self,
        origin: BoundNode,
        output: int,
        target: BoundNode,
        input_index: int,
        kind: str,
        *,
        parent: str | None = None,
    ) -> str:
        """Add a link that runs through ``parent`` and the reroutes before it; return its key."""
        key = self._draft.add_link(origin, output, target, input_index, kind, parent=parent)
        self._parents[key] = parent
        self._fed.add((target.key, input_index))
        self._touch(self.path(parent))
        for floating in self.floating_at(parent):
            if self._hangs_from(floating) == "output":
                # The chain goes on from where it ended.
                self.remove_floating(floating)
        return key

    def floating_at(self, reroute: str | None) -> list[str]:
        """Return the floating links whose last reroute this is."""
        if reroute is None:
            return []
        draft = self._draft
        found = []
        for key in draft.keys(_FLOATING):
            parent = draft.get(_FLOATING, key, "parentId")
            if parent is not None and id_text(parent) == reroute:
                found.append(key)
        return found

    def floating_into(self, target: BoundNode, input_index: int) -> list[str]:
        """Return the floating links that hang from an input."""
        draft = self._draft
        return [
            key
            for key in draft.keys(_FLOATING)
            if id_text(draft.get(_FLOATING, key, "target_id")) == target.key
            and input_at(target, read_slot(draft.get(_FLOATING, key, "target_slot"))) == input_index
        ]

    def floating_of(self, nodes: Iterable[str]) -> list[str]:
        """Return the floating links that hang from any of these nodes."""
        draft, wanted = self._draft, set(nodes)
        return [
            key
            for key in draft.keys(_FLOATING)
            if {
                id_text(draft.get(_FLOATING, key, name)) for name in ("origin_id", "target_id")
            } & wanted
        ]  # fmt: skip

    def remove_floating(self, key: str) -> None:
        """Remove a floating link; its reroutes go unless something else runs through them."""
        parent = self._draft.get(_FLOATING, key, "parentId")
        self._touch(self.path(None if parent is None else id_text(parent)))
        self._draft.remove(_FLOATING, key)

    def adopt(self, target: BoundNode, input_index: int, parent: str | None) -> str | None:
        """Take over the chain that hangs from an input, for a link that comes to it.

        Only reroutes that nothing else runs through are taken; they come after ``parent``.

        Returns:
            The reroute that the link's end is at then: ``parent`` when there is no such chain.
        """
        taken: str | None = None
        for floating in self.floating_into(target, input_index):
            end = self._draft.get(_FLOATING, floating, "parentId")
            self.remove_floating(floating)
            if end is None or taken is not None:
                continue
            users = self.users()
            own: list[str] = []
            for key in self.path(id_text(end)):
                if key in users or key == parent:
                    break
                own.append(key)
            if own:
                taken = own[0]
                self.set_parent(own[-1], parent)
        return parent if taken is None else taken

    def cut_tails(
        self, paths: Iterable[Sequence[str]], source: tuple[str, int]
    ) -> list[str | None]:
        """Free the ends of chains whose links have been removed, for links from another source.

        Args:
            paths: The reroutes of each link, from the origin to the target.
            source: The node and the output they get now; what hangs loosely from it may stay.

        Returns:
            For each path its last reroute, or None when others still run through it.
        """
        busy = {key for key, users in self.users().items() if self._is_busy(users, source)}
        ends: list[str | None] = []
        for path in paths:
            tail: list[str] = []
            for key in reversed(path):
                if key in busy:
                    break
                tail.append(key)
            if tail and len(tail) < len(path):
                self.set_parent(tail[-1], None)
            ends.append(tail[0] if tail else None)
        return ends

    def _is_busy(self, users: Users, source: tuple[str, int]) -> bool:
        if users.links:
            return True
        draft = self._draft
        return any(
            self._hangs_from(key) == "output"
            and source
            != (
                id_text(draft.get(_FLOATING, key, "origin_id")),
                read_slot(draft.get(_FLOATING, key, "origin_slot")),
            )
            for key in users.floating
        )

    def set_parent(self, reroute: str, parent: str | None) -> None:
        """Let a reroute come after another one, or first."""
        self._touch(self.path(reroute))
        value = ABSENT if parent is None else id_value(parent)
        before = self._draft.get(_REROUTE, reroute, "parentId")
        if (None if before is None else id_text(before)) != parent:
            self._draft.set(_REROUTE, reroute, "parentId", value)
        self._touch(self.path(reroute))

    def set_link_parent(self, link: str, parent: str | None) -> None:
        """Let a link's end be at another reroute, or at none."""
        self._touch(self.path(self.parent_of(link)))
        draft = self._draft
        self._parents[link] = parent
        raw = draft.graph.links[link].raw
        if isinstance(raw, dict):
            value = ABSENT if parent is None else id_value(parent)
            draft.set(RecordKind.LINK, link, "parentId", value)
        else:
            draft.extend_link(link, parent)
        self._touch(self.path(parent))

    def set_floating(self, key: str, **values: Any) -> None:
        """Change a floating link; its reroutes before and after are looked at."""
        for _ in range(2):
            parent = self._draft.get(_FLOATING, key, "parentId")
            self._touch(self.path(None if parent is None else id_text(parent)))
            for name, value in values.items():
                self._draft.set(_FLOATING, key, name, value)

    def touch(self, reroute: str) -> None:
        """Let :meth:`settle` look at a reroute and those before it."""
        self._touch(self.path(reroute))

    def remain(self, end: LooseEnd, link: Link, parent: str) -> None:
        """Keep a chain for which ``link`` stood, if nothing runs through its end at last."""
        self._remains.append(_Remains(end, link, parent))
        self.touch(parent)

    def settle(self) -> None:
        """Bring everything about the touched reroutes in step."""
        if not self._touched:
            return
        users = self.users()
        for remains in self._remains:
            number = self._float(remains, users)
            if number is not None:
                for key in self.path(remains.parent):
                    users.setdefault(key, Users()).floating[number] = None
        draft = self._draft
        ends: dict[str, LooseEnd] = {}
        for key in draft.keys(_FLOATING):
            parent = draft.get(_FLOATING, key, "parentId")
            if parent is not None:
                ends.setdefault(id_text(parent), self._hangs_from(key))
        for key in self._touched:
            if not draft.exists(_REROUTE, key):
                continue
            here = users.get(key)
            if not here:
                draft.remove(_REROUTE, key)
                continue
            self._enter_links(key, here.links)
            self._mark(key, ends.get(key))

    def _touch(self, path: Iterable[str]) -> None:
        self._touched.update(dict.fromkeys(path))

    def _hangs_from(self, floating: str) -> LooseEnd:
        origin = self._draft.get(_FLOATING, floating, "origin_id")
        return "input" if id_text(origin) == str(NO_NODE) else "output"

    def _float(self, remains: _Remains, users: dict[str, Users]) -> str | None:
        """Let a chain hang from the end that is left of its link; return the floating link."""
        draft, link, end = self._draft, remains.link, remains.end
        target_slot = NO_NODE
        if not draft.exists(_REROUTE, remains.parent):
            return None
        there = users.get(remains.parent, Users())
        if end == "output":
            if there or not self._has_node(link.origin):
                return None
        else:
            target = draft.bound.nodes.get(link.target)
            if target is None or not self._has_node(link.target) or there.links:
                return None
            known = draft.bound.links.get(link.key)
            place = input_at(target, link.target_slot) if known is None else known.target_input
            if place is None or (link.target, place) in self._fed:
                return None
            target_slot = draft.store_input(target, place)
        number = draft.fresh_id(_FLOATING)
        is_output = end == "output"
        raw: Raw = {
            "id": number,
            "origin_id": id_value(link.origin) if is_output else NO_NODE,
            "origin_slot": link.origin_slot if is_output else NO_NODE,
            "target_id": NO_NODE if is_output else id_value(link.target),
            "target_slot": target_slot,
            "type": link.type,
            "parentId": id_value(remains.parent),
        }
        draft.insert(_FLOATING, str(number), raw)
        return str(number)

    def _has_node(self, key: str) -> bool:
        node = self._draft.bound.nodes.get(key)
        return node is not None and (
            bool(node.boundary) or self._draft.exists(RecordKind.NODE, key)
        )

    def _enter_links(self, reroute: str, links: dict[str, None]) -> None:
        stored = self._draft.get(_REROUTE, reroute, "linkIds")
        if stored is None and not links:
            return
        old = as_list(stored)
        kept = {id_text(item): item for item in old if id_text(item) in links}
        made = [*kept.values(), *(id_value(key) for key in links if key not in kept)]
        if made != old:
            self._draft.set(_REROUTE, reroute, "linkIds", made)

    def _mark(self, reroute: str, end: LooseEnd | None) -> None:
        stored = self._draft.get(_REROUTE, reroute, "floating")
        if end is None:
            if stored is not None:
                self._draft.set(_REROUTE, reroute, "floating", ABSENT)
        elif as_mapping(stored).get("slotType") != end:
            self._draft.set(_REROUTE, reroute, "floating", {**as_mapping(stored), "slotType": end})
