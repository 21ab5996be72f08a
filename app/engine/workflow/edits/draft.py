"""A patch in the making: many small changes to one graph, kept consistent with each other.

Edits ask a :class:`Draft` for what they want (add a link, set a key) and it keeps everything
that a file says twice in step: links in the list and in the slots at both ends, ``linkIds`` of
reroutes and subgraph slots, counters, and ids of duplicates that are touched.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.engine.workflow.binding import BoundGraph, BoundInput, BoundNode, BoundOutput
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.ids import counter_place, next_id, usable_number
from app.engine.workflow.model import (
    Graph,
    Link,
    Node,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    id_value,
)
from app.engine.workflow.patch import (
    ABSENT,
    InsertRecord,
    MoveRecord,
    Operation,
    Patch,
    RemoveRecord,
    SetKey,
)


class Draft:
    """Collects changes to one graph and turns them into one patch.

    Attributes:
        workflow: The document, only read.
        graph: The graph that changes, only read.
        bound: Its binding, only read.
    """

    def __init__(self, workflow: Workflow, bound: BoundGraph) -> None:
        self.workflow = workflow
        self.bound = bound
        self.graph: Graph = workflow.graph(bound.graph_id)
        self._keys: dict[tuple[RecordKind | None, str, str], Any] = {}
        self._inserted: dict[tuple[RecordKind, str], Any] = {}
        self._removed: dict[tuple[RecordKind, str], None] = {}
        self._moved: list[MoveRecord] = []
        self._next: dict[RecordKind, int] = {}
        self._first: list[Operation] = []
        self._mentions: dict[str, list[str]] | None = None
        self._left: set[str] = set()
        self._unextended: set[str] = set()
        self._extensions: dict[str, str] = {}

    def patch(self) -> Patch:
        """Return the patch: removals, then new values, then new records, then counters."""
        self._write_extra()
        graph_id = self.graph.id
        operations: list[Operation] = list(self._first)
        operations.extend(self._removals())
        for (kind, key, name), value in self._keys.items():
            if kind is None or (
                (kind, key) not in self._removed and (kind, key) not in self._inserted
            ):
                operations.append(SetKey(graph_id, kind, key, name, value))
        operations.extend(
            InsertRecord(graph_id, kind, key, raw) for (kind, key), raw in self._inserted.items()
        )
        operations.extend(self._moved)
        operations.extend(self._counters())
        return tuple(operations)

    def fresh_id(self, kind: RecordKind) -> int:
        """Return a free id for a new record; each call gives another one."""
        if kind is RecordKind.FLOATING_LINK:
            kind = RecordKind.LINK  # they share one counter
        number = self._next.get(kind)
        if number is None:
            number = next_id(self.workflow, self.graph, kind)
        self._next[kind] = number + 1
        return number

    def before(self, operations: Iterable[Operation]) -> None:
        """Put operations on other graphs in front of everything else."""
        self._first.extend(operations)

    def get(self, kind: RecordKind | None, key: str, name: str) -> Any:
        """Return a value as this draft leaves it; None when the key is absent."""
        if kind is None and name == "extra":
            self._write_extra()
        pending = self._keys.get((kind, key, name), self)
        if pending is not self:
            return None if pending is ABSENT else pending
        if kind is None:
            return self.graph.raw.get(name)
        raw = self._inserted.get((kind, key))
        if raw is None:
            raw = self.graph.records(kind)[key].raw
        return raw.get(name)

    def set(self, kind: RecordKind | None, key: str, name: str, value: Any) -> None:
        """Give one key of one record a new value, or :data:`ABSENT`."""
        raw = None if kind is None else self._inserted.get((kind, key))
        if raw is None:
            self._keys[(kind, key, name)] = value
        elif value is ABSENT:
            raw.pop(name, None)
        else:
            raw[name] = value

    def set_node(self, key: str, name: str, value: Any) -> None:
        """Give one key of a node a new value, or :data:`ABSENT`."""
        self.set(RecordKind.NODE, key, name, value)

    def insert(self, kind: RecordKind, key: str, raw: Any) -> None:
        """Add a record at the end of its list."""
        self._inserted[(kind, key)] = raw

    def remove(self, kind: RecordKind, key: str) -> None:
        """Take a record out; links are not looked at (see :meth:`remove_link`)."""
        if self._inserted.pop((kind, key), None) is None:
            self._removed[(kind, key)] = None

    def move(self, kind: RecordKind, key: str, index: int) -> None:
        """Give a record another place in its list."""
        self._moved.append(MoveRecord(self.graph.id, kind, key, index))

    def keys(self, kind: RecordKind) -> list[str]:
        """Return the keys of all records of a kind that are there after this draft."""
        stored = self.graph.records(kind)
        made = [key for each, key in self._inserted if each is kind]
        return [*(key for key in stored if (kind, key) not in self._removed), *made]

    def exists(self, kind: RecordKind, key: str) -> bool:
        """Tell whether a record is there after this draft."""
        if (kind, key) in self._inserted:
            return True
        return key in self.graph.records(kind) and (kind, key) not in self._removed

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
        """Add a link and enter it in the slots at both ends; return its key.

        Slots that the file lacks are added to it. ``parent`` is the key of the reroute nearest
        to the target, for a link that runs through reroutes.
        """
        number = self.fresh_id(RecordKind.LINK)
        item = target.inputs[input_index]
        target_slot = self._enter_input(target, item, input_index, number)
        origin_slot = self._enter_output(origin, origin.outputs[output], output, number)
        origin_id, target_id = self._claim(origin), self._claim(target)
        raw: Any
        if self.graph.has_object_links:
            raw = {
                "id": number,
                "origin_id": origin_id,
                "origin_slot": origin_slot,
                "target_id": target_id,
                "target_slot": target_slot,
                "type": kind,
            }
            if parent is not None:
                raw["parentId"] = id_value(parent)
        else:
            raw = [number, origin_id, origin_slot, target_id, target_slot, kind]
            if parent is not None:
                self._extensions[str(number)] = parent
        self.insert(RecordKind.LINK, str(number), raw)
        while parent is not None and self.exists(RecordKind.REROUTE, parent):
            ids = as_list(self.get(RecordKind.REROUTE, parent, "linkIds"))
            if number in ids:
                break
            self.set(RecordKind.REROUTE, parent, "linkIds", [*ids, number])
            above = self.get(RecordKind.REROUTE, parent, "parentId")
            parent = None if above is None else id_text(above)
        return str(number)

    def remove_link(self, key: str, *, keep_reroutes: bool = False) -> None:
        """Remove a stored link and every mention of it; reroutes left without a link go too."""
        if not self.exists(RecordKind.LINK, key):
            return
        link: Link = self.graph.links[key]
        self._leave_slots(link, key)
        self.remove(RecordKind.LINK, key)
        self._left.add(key)
        self._unextended.add(key)
        self._extensions.pop(key, None)
        emptied: list[str] = []
        for reroute_key in self._mentioning(key):
            if not self.exists(RecordKind.REROUTE, reroute_key):
                continue
            ids = as_list(self.get(RecordKind.REROUTE, reroute_key, "linkIds"))
            left = [item for item in ids if id_text(item) != key]
            if len(left) != len(ids):
                self.set(RecordKind.REROUTE, reroute_key, "linkIds", left)
                if not left:
                    emptied.append(reroute_key)
        if not keep_reroutes:
            for reroute_key in emptied:
                if not self.has_floating(reroute_key):
                    self.remove(RecordKind.REROUTE, reroute_key)

    def stored_links(self, key: str, *, into: bool, out: bool) -> list[str]:
        """Return the keys of all stored links at a node, usable or not."""
        table = self.bound.state.links
        keys: dict[str, None] = {}
        if into:
            keys.update(dict.fromkeys(table.links_into(key)))
        if out:
            keys.update(dict.fromkeys(table.links_from(key)))
        return [item for item in keys if self.exists(RecordKind.LINK, item)]

    def _removals(self) -> list[Operation]:
        """Return the removals, last records first, so that applying each is quick."""
        graph_id = self.graph.id
        removals: list[Operation] = []
        for kind in RecordKind:
            keys = [key for each, key in self._removed if each is kind]
            if len(keys) > 1:
                place = {key: index for index, key in enumerate(self.graph.records(kind))}
                keys.sort(key=lambda key: place.get(key, 0), reverse=True)
            removals.extend(RemoveRecord(graph_id, kind, key) for key in keys)
        return removals

    def _counters(self) -> list[Operation]:
        operations: list[Operation] = []
        state: Raw | None = None
        for kind, following in self._next.items():
            last = following - 1
            name, nested = counter_place(self.graph, kind)
            if nested is None:
                if usable_number(self.graph.raw.get(name)) < last:
                    operations.append(SetKey(self.graph.id, None, "", name, last))
                continue
            has_state = isinstance(self.graph.raw.get("state"), dict)
            if not has_state and not self.graph.has_object_links:
                continue
            known = as_mapping(self.graph.raw.get("state")) if state is None else state
            if usable_number(known.get(nested)) < last:
                state = {**known, nested: last}
        if state is not None:
            operations.append(SetKey(self.graph.id, None, "", "state", state))
        return operations

    def _claim(self, node: BoundNode) -> int | str:
        """Return a node's id, and write it to a node whose stored id belongs to another one."""
        if node.boundary:
            return int(node.key)
        record = self.graph.nodes.get(node.key)
        if record is None:
            return id_value(node.key)
        stored = record.raw.get("id")
        if stored is None or id_text(stored) != node.key:
            self.set_node(node.key, "id", record.id)
            return record.id
        return stored if isinstance(stored, (int, str)) else record.id

    def _slots(self, node: BoundNode, name: str) -> tuple[RecordKind | None, str, str, list[Any]]:
        """Return where the stored slots of a node lie, and a copy of them."""
        if node.boundary:
            side = "inputs" if node.key == INPUT_BOX else "outputs"
            return None, "", side, list(as_list(self.graph.raw.get(side)))
        kind = RecordKind.NODE
        return kind, node.key, name, list(as_list(self.get(kind, node.key, name)))

    def store_input(self, node: BoundNode, index: int) -> int:
        """Return where the file has an input slot; one that it lacks is added without a link."""
        kind, key, name, slots = self._slots(node, "inputs")
        if node.boundary:
            return index
        item = node.inputs[index]
        place = self._place(slots, item.stored, item.name)
        if place is None:
            slots.append(input_slot(item))
            place = len(slots) - 1
            self.set(kind, key, name, slots)
        return place

    def _enter_input(self, node: BoundNode, item: BoundInput, index: int, number: int) -> int:
        kind, key, name, slots = self._slots(node, "inputs")
        if node.boundary:
            slots = list(as_list(self.get(None, "", name)))
            ids = as_list(as_mapping(slots[index]).get("linkIds"))
            slots[index] = {**as_mapping(slots[index]), "linkIds": [*ids, number]}
            self.set(None, "", name, slots)
            return index
        place = self._place(slots, item.stored, item.name)
        if place is None:
            slots.append(input_slot(item, number))
            place = len(slots) - 1
        else:
            slots[place] = {**slots[place], "link": number}
        self.set(kind, key, name, slots)
        return place

    def _enter_output(self, node: BoundNode, output: BoundOutput, index: int, number: int) -> int:
        kind, key, name, slots = self._slots(node, "outputs")
        if node.boundary:
            slots = list(as_list(self.get(None, "", name)))
            ids = as_list(as_mapping(slots[index]).get("linkIds"))
            slots[index] = {**as_mapping(slots[index]), "linkIds": [*ids, number]}
            self.set(None, "", name, slots)
            return index
        if node.subgraph is not None:
            place = self._place(slots, output.stored, output.name)
        else:
            place = index if index < len(slots) else None
            # Outputs merge by position, so the ones before it have to stand in the file too.
            for missing in node.outputs[len(slots) : index + 1]:
                slots.append(output_slot(missing))
            if place is None:
                place = index
        if place is None:
            slots.append(output_slot(output))
            place = len(slots) - 1
        slot = as_mapping(slots[place])
        slots[place] = {**slot, "links": [*as_list(slot.get("links")), number]}
        self.set(kind, key, name, slots)
        return index if node.subgraph is not None else place

    @staticmethod
    def _place(slots: list[Any], stored: int | None, name: str) -> int | None:
        if stored is not None and stored < len(slots) and isinstance(slots[stored], dict):
            return stored
        for index, slot in enumerate(slots):
            if isinstance(slot, dict) and slot.get("name") == name:
                return index
        return None

    def _leave_slots(self, link: Link, key: str) -> None:
        for node_key, name in ((link.target, "inputs"), (link.origin, "outputs")):
            if node_key in (INPUT_BOX, OUTPUT_BOX) and self.graph.id:
                side = "inputs" if node_key == INPUT_BOX else "outputs"
                slots = as_list(self.get(None, "", side))
                self._drop(None, "", side, slots, "linkIds", key)
            elif self.exists(RecordKind.NODE, node_key):
                slots = as_list(self.get(RecordKind.NODE, node_key, name))
                field = "link" if name == "inputs" else "links"
                self._drop(RecordKind.NODE, node_key, name, slots, field, key)

    def _drop(
        self,
        kind: RecordKind | None,
        key: str,
        name: str,
        slots: list[Any],
        field: str,
        link: str,
    ) -> None:
        made: list[Any] = []
        for slot in slots:
            value = slot.get(field) if isinstance(slot, dict) else None
            if isinstance(value, list):
                left = [item for item in value if id_text(item) != link]
                made.append({**slot, field: left} if len(left) != len(value) else slot)
            elif value is not None and id_text(value) == link:
                made.append({**slot, field: None})
            else:
                made.append(slot)
        if any(new is not old for new, old in zip(made, slots, strict=True)):
            self.set(kind, key, name, made)

    def extend_link(self, key: str, parent: str | None) -> None:
        """Enter the reroute nearest to the target of a link that is an array (schema 0.4)."""
        self._unextended.add(key)
        self._extensions.pop(key, None)
        if parent is not None:
            self._extensions[key] = parent

    def _mentioning(self, link: str) -> list[str]:
        """Return the stored reroutes whose ``linkIds`` name a link."""
        if self._mentions is None:
            self._mentions = {}
            for key, reroute in self.graph.reroutes.items():
                for item in as_list(reroute.get("linkIds")):
                    self._mentions.setdefault(id_text(item), []).append(key)
        return self._mentions.get(link, [])

    def _write_extra(self) -> None:
        """Enter in ``extra`` which links came and went, all at once."""
        if not self._unextended and not self._extensions:
            return
        left, unextended, made = self._left, self._unextended, self._extensions
        self._left, self._unextended, self._extensions = set(), set(), {}
        extra = dict(as_mapping(self.get(None, "", "extra")))
        stored = extra.get("linkExtensions")
        entries = [
            {"id": id_value(key), "parentId": id_value(parent)} for key, parent in made.items()
        ]
        kept = _without(stored, unextended)
        if entries or kept != as_list(stored):
            extra["linkExtensions"] = [*kept, *entries]
        shown = extra.get("linkPresentation")
        if isinstance(shown, dict) and not left.isdisjoint(shown):
            rest = {name: value for name, value in shown.items() if name not in left}
            extra["linkPresentation"] = rest
        before = as_mapping(self.get(None, "", "extra"))
        if extra != before:
            self.set(None, "", "extra", extra)

    def has_floating(self, reroute: str) -> bool:
        """Tell whether a link with a loose end runs through a reroute."""
        seen: set[str] = set()
        for link in self.graph.floating_links.values():
            at = link.parent_id
            while at is not None and at in self.graph.reroutes and at not in seen:
                if at == reroute:
                    return True
                seen.add(at)
                at = self.graph.reroutes[at].parent_id
        return False


def _without(entries: Any, links: set[str]) -> list[Any]:
    """Return the link extensions without those of some links."""
    return [item for item in as_list(entries) if id_text(as_mapping(item).get("id")) not in links]


def input_slot(item: BoundInput, link: int | None = None) -> Raw:
    """Return a slot as the web editor writes it."""
    raw: Raw = {"name": item.name, "type": item.type}
    if item.is_optional:
        raw["shape"] = 7
    if item.widget is not None:
        raw["widget"] = {"name": item.widget}
    raw["link"] = link
    return raw


def output_slot(item: BoundOutput) -> Raw:
    """Return an output slot as the web editor writes it."""
    raw: Raw = {"name": item.name, "type": item.type}
    if item.is_list:
        raw["shape"] = 6
    raw["links"] = None
    return raw


def node_record(draft: Draft, key: str) -> Node:
    """Return a node of the draft's graph.

    Raises:
        KeyError: There is none, or it is a boundary box.
    """
    return draft.graph.nodes[key]
