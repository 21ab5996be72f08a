"""Packing a selection into a new subgraph: what crosses its edge becomes inputs and outputs."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from app.engine.errors import SubgraphError
from app.engine.workflow.binding import BoundGraph, BoundLink, BoundNode
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.groups import Box, group_members, stored_box
from app.engine.workflow.edits.nodes import estimate_size
from app.engine.workflow.edits.rejoining import keep_order, link_ranks, place_in_copy, rank_of
from app.engine.workflow.edits.values import plain, stored_pair, stored_size
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.model import (
    Graph,
    Group,
    Node,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    id_value,
)
from app.engine.workflow.patch import InsertGraph, Patch
from app.engine.workflow.ports import BOX_WIDTH, box_height, fresh_slot, with_places
from app.engine.workflow.promotion import SyncedPatch, interface_of, sync_hosts
from app.engine.workflow.proxies import ProxySettler
from app.engine.workflow.records import build_definition
from app.engine.workflow.subgraphs import free_name, free_title, renderer_mark
from app.engine.workflow.trial import Trial
from app.engine.workflow.type_match import is_any

TITLE_HEIGHT: Final = 30.0
_BOX_GAP: Final = 100.0
_DEFAULT_SIZE: Final = (140.0, 60.0)


@dataclass(slots=True)
class _Port:
    """One input or output of the new subgraph.

    Attributes:
        slot: How the definition stores it.
        outer: The links outside that it takes over.
        type: Type of the links.
    """

    slot: Raw
    type: str
    outer: list[BoundLink] = field(default_factory=list)


def create_subgraph(
    workflow: Workflow,
    bound: BoundGraph,
    keys: Iterable[str],
    group_keys: Iterable[str] = (),
    *,
    name: str = "New Subgraph",
) -> tuple[Patch, str]:
    """Pack nodes into a new subgraph; a host of it takes their place.

    Nodes keep their ids, places and widgets. Links that cross the edge become inputs and outputs,
    one for each source. Groups go along when they are named, or when all nodes in them do, and
    so do the reroutes of links that stay inside.

    Args:
        workflow: The document.
        bound: The graph that is shown.
        keys: The nodes; boundary boxes are passed over.
        group_keys: Groups that were selected too.
        name: Name of the subgraph; a number is put behind it when another one has it.

    Returns:
        The patch and the key of the host.

    Raises:
        SubgraphError: There are no nodes among ``keys``, or one contains itself.
    """
    graph = workflow.graph(bound.graph_id)
    wanted = set(keys)
    chosen = [key for key in graph.nodes if key in wanted]
    if not chosen:
        raise SubgraphError("Select the nodes that go into the subgraph first.")
    broken = next((bound.nodes[key] for key in chosen if bound.nodes[key].problem), None)
    if broken is not None:
        raise SubgraphError(f'"{broken.title}" cannot go into a subgraph. {broken.problem}')
    trial = Trial.of(workflow, bound)
    settler = ProxySettler(trial)
    if bound.graph_id in workflow.subgraphs:
        # Hosts name widgets inside by node; those nodes move one level down.
        settler.settle(bound.graph_id)
    key = _Packing(trial, bound.graph_id, chosen, set(group_keys), name).run()
    sync_hosts(trial, settler)
    return SyncedPatch(trial.patch()), key


def content_box(nodes: Sequence[Node], groups: Sequence[Group]) -> Box:
    """Return ``x, y, width, height`` around nodes with their title bars, and groups."""
    boxes: list[Box] = [group.bounding for group in groups]
    for node in nodes:
        (x, y), (width, height) = node.pos, node.size or _DEFAULT_SIZE
        boxes.append((x, y - TITLE_HEIGHT, width, height + TITLE_HEIGHT))
    if not boxes:
        return (0.0, 0.0, 0.0, 0.0)
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right = max(box[0] + box[2] for box in boxes)
    bottom = max(box[1] + box[3] for box in boxes)
    return (left, top, right - left, bottom - top)


def bare_slots(raw: Raw) -> Raw:
    """Return the slots of a node without links, for a copy that gets links of its own."""
    made: Raw = {}
    for side, link, empty in (("inputs", "link", None), ("outputs", "links", [])):
        if isinstance(raw.get(side), list):
            made[side] = [
                {**slot, link: empty} if isinstance(slot, dict) else slot for slot in raw[side]
            ]
    return made


class _Packing:
    """Moves nodes of one graph of a trial into a new definition."""

    def __init__(
        self, trial: Trial, graph_id: str, keys: list[str], groups: set[str], name: str
    ) -> None:
        self._trial = trial
        self._graph_id = graph_id
        self._id = str(uuid.uuid4())
        self._keys = keys
        self._inside = set(keys)
        self._graph = trial.graph(graph_id)
        self._bound = trial.bound(graph_id)
        self._name = free_title(trial.workflow, name)
        self._groups = self._chosen_groups(groups)
        self._links: list[BoundLink] = []
        self._ranks = link_ranks(self._graph)
        self._names = {
            key: self._bound.nodes[link.target].inputs[link.target_input].name
            for key, link in self._bound.links.items()
        }
        self._inputs: list[_Port] = []
        self._outputs: list[_Port] = []
        self._floating: list[str] = []

    def run(self) -> str:
        """Pack; return the key of the host."""
        self._sort_links()
        nodes = [self._graph.nodes[key] for key in self._keys]
        box = content_box(nodes, [self._graph.groups[key] for key in self._groups])
        self._trial.apply([InsertGraph(build_definition(self._definition(box)))])
        self._link_inside()
        return self._replace(box)

    def _chosen_groups(self, wanted: set[str]) -> list[str]:
        centers = {}
        for key, node in self._graph.nodes.items():
            (x, y), (width, height) = node.pos, node.size or _DEFAULT_SIZE
            centers[key] = (x + width / 2, y + height / 2)
        chosen = []
        for key in self._graph.groups:
            members = group_members(self._graph, key, centers)
            if key in wanted or (members and self._inside.issuperset(members)):
                chosen.append(key)
        return chosen

    def _sort_links(self) -> None:
        """Tell links that stay inside from those that cross, and make the ports of the latter."""
        by_source: dict[tuple[str, int], _Port] = {}
        by_output: dict[tuple[str, int], _Port] = {}
        nodes = self._bound.nodes
        for link in self._bound.links.values():
            is_from, is_into = link.origin in self._inside, link.target in self._inside
            if is_from and is_into:
                self._links.append(link)
            elif is_into:
                item = nodes[link.target].inputs[link.target_input]
                source = (link.origin, link.origin_slot)
                port = by_source.get(source)
                if port is None:
                    kind = link.type if is_any(item.type) else item.type
                    name = item.name or nodes[link.origin].outputs[link.origin_slot].name
                    port = by_source[source] = _port(self._inputs, name or kind, kind, item.label)
                port.outer.append(link)
            elif is_from:
                end = (link.origin, link.origin_slot)
                port = by_output.get(end)
                if port is None:
                    output = nodes[link.origin].outputs[link.origin_slot]
                    kind = link.type if is_any(output.type) else output.type
                    port = _port(self._outputs, output.name or kind, kind, output.label)
                    by_output[end] = port
                port.outer.append(link)
        for port in self._inputs:
            port.outer.sort(key=lambda link: rank_of(self._ranks, link.key))

    def _definition(self, box: Box) -> Raw:
        """Return the definition as the web editor writes one, without links."""
        x, y, width, height = box
        sides: dict[str, tuple[list[Raw], list[float]]] = {}
        for side, ports, left in (
            ("inputs", self._inputs, x - _BOX_GAP - BOX_WIDTH),
            ("outputs", self._outputs, x + width + _BOX_GAP),
        ):
            tall = box_height(len(ports))
            bounding = [left, round(y + height / 2 - tall / 2), BOX_WIDTH, tall]
            slots = with_places(side, [port.slot for port in ports], bounding)
            sides[side] = (slots, [plain(value) for value in bounding])
        mark = renderer_mark(self._trial.workflow.root)
        groups = [
            {**group.raw, "bounding": stored_box(None, group.bounding)}
            for group in (self._graph.groups[key] for key in self._groups)
        ]
        return {
            "id": self._id,
            "version": 1,
            "state": {
                "lastGroupId": max((_number(group.get("id")) for group in groups), default=0),
                "lastNodeId": max(_number(id_value(key)) for key in self._keys),
                "lastLinkId": 0,
                "lastRerouteId": 0,
            },
            "revision": 0,
            "config": {},
            "name": self._name,
            "inputNode": {"id": int(INPUT_BOX), "bounding": sides["inputs"][1]},
            "outputNode": {"id": int(OUTPUT_BOX), "bounding": sides["outputs"][1]},
            "inputs": sides["inputs"][0],
            "outputs": sides["outputs"][0],
            "widgets": [],
            "nodes": [_moved(self._graph.nodes[key]) for key in self._keys],
            "groups": groups,
            "links": [],
            "extra": {} if mark is None else {"workflowRendererVersion": mark},
        }

    def _link_inside(self) -> None:
        draft = self._trial.draft(self._id)
        nodes = self._trial.bound(self._id).nodes
        copies = RerouteCopies(self._graph, draft)
        for index, port in enumerate(self._inputs):
            for link in port.outer:
                target = nodes[link.target]
                draft.add_link(
                    nodes[INPUT_BOX], index, target, self._place(target, link), port.type
                )
        for link in self._links:
            parent = copies.path(link.reroutes)
            origin, target = nodes[link.origin], nodes[link.target]
            place = self._place(target, link)
            draft.add_link(origin, link.origin_slot, target, place, link.type, parent=parent)
        for index, port in enumerate(self._outputs):
            link = port.outer[0]
            origin = nodes[link.origin]
            draft.add_link(origin, link.origin_slot, nodes[OUTPUT_BOX], index, port.type)
        self._floating = copies.floating({key: key for key in self._keys})
        self._trial.commit(draft)

    def _replace(self, box: Box) -> str:
        """Put the host where the nodes were, with the links that cross."""
        trial = self._trial
        draft = trial.draft(self._graph_id)
        for key in self._keys:
            for former in draft.stored_links(key, into=True, out=True):
                draft.remove_link(former, keep_reroutes=True)
        for key in self._keys:
            draft.remove(RecordKind.NODE, key)
        for key in self._groups:
            draft.remove(RecordKind.GROUP, key)
        loose = [key for link in self._floating for key in self._loose_reroutes(link)]
        for key in self._floating:
            draft.remove(RecordKind.FLOATING_LINK, key)
        for key in dict.fromkeys(loose):
            draft.remove(RecordKind.REROUTE, key)
        number = draft.fresh_id(RecordKind.NODE)
        raw = self._host(number, box)
        draft.insert(RecordKind.NODE, str(number), raw)
        trial.commit(draft)
        draft = trial.draft(self._graph_id)
        nodes = trial.bound(self._graph_id).nodes
        host = nodes[str(number)]
        for index, port in enumerate(self._inputs):
            link = port.outer[0]
            parent = link.reroutes[-1] if link.reroutes else None
            origin = nodes[link.origin]
            made = draft.add_link(origin, link.origin_slot, host, index, port.type, parent=parent)
            if link.origin == INPUT_BOX:
                self._ranks[made] = rank_of(self._ranks, link.key)
        for index, port in enumerate(self._outputs):
            for link in port.outer:
                parent = link.reroutes[-1] if link.reroutes else None
                target = nodes[link.target]
                place = self._place(target, link)
                draft.add_link(host, index, target, place, link.type, parent=parent)
        crossing = [link for port in (*self._inputs, *self._outputs) for link in port.outer]
        drop_bare_reroutes(draft, [*self._links, *crossing])
        trial.commit(draft)
        keep_order(trial, self._graph_id, self._ranks)
        return str(number)

    def _place(self, target: BoundNode, link: BoundLink) -> int:
        """Return where the input that a link led to lies now."""
        return place_in_copy(target, self._names[link.key], link.target_input)

    def _loose_reroutes(self, floating: str) -> list[str]:
        """Return the reroutes that only a link with a loose end runs through."""
        chain = _chain(self._graph, self._graph.floating_links[floating].parent_id)
        rest = {
            key
            for name, link in self._graph.floating_links.items()
            if name not in self._floating
            for key in _chain(self._graph, link.parent_id)
        }
        reroutes = self._graph.reroutes
        return [k for k in chain if k not in rest and not as_list(reroutes[k].get("linkIds"))]

    def _host(self, number: int, box: Box) -> Raw:
        interface = interface_of(self._trial, self._id)
        promoted = [item for item in interface.inputs if item.widget is not None]
        sockets = len(interface.inputs) - len(promoted)
        is_multiline = any(
            item.widget is not None and item.widget.options.get("multiline") for item in promoted
        )
        size = estimate_size(
            sockets, len(interface.outputs), len(promoted), is_multiline=is_multiline
        )
        x, y, width, height = box
        # The middle of the whole box, title bar included, is where the host's middle goes.
        pos = (
            round(x + (width - size[0]) / 2),
            round(y + (height - size[1] + TITLE_HEIGHT) / 2),
        )
        return host_record(self._graph, number, interface, pos, size)


def host_record(
    graph: Graph, number: int, interface: Any, pos: tuple[float, float], size: tuple[float, float]
) -> Raw:
    """Return a host as the web editor writes a new one.

    Args:
        graph: The graph that gets it.
        number: Its id.
        interface: What it shows.
        pos: Top-left corner of its body.
        size: Width and height of its body.
    """
    inputs: list[Raw] = []
    values: list[Any] = []
    for item in interface.inputs:
        slot: Raw = {"name": item.name, "type": item.type}
        if item.label != item.name:
            slot = {"label": item.label, **slot}
        if item.widget is not None:
            slot["widget"] = {"name": item.name}
            values.append(None if item.widget.is_unset else item.widget.value)
        inputs.append({**slot, "link": None})
    return {
        "id": number,
        "type": interface.id,
        "pos": stored_pair(graph.space, pos),
        "size": stored_size(graph.space, size),
        "flags": {},
        "order": len(graph.nodes),
        "mode": 0,
        "inputs": inputs,
        "outputs": [
            {"name": name, "type": kind, "links": []} for name, _, kind in interface.outputs
        ],
        "properties": {},
        "widgets_values": values,
    }


class RerouteCopies:
    """Makes copies of reroutes in another graph when the first link runs through them.

    Args:
        graph: The graph they lie in.
        draft: The changes to the graph that gets them.
        offset: How far the copies are moved.
    """

    def __init__(
        self, graph: Graph, draft: Draft, offset: tuple[float, float] = (0.0, 0.0)
    ) -> None:
        self._graph = graph
        self._draft = draft
        self._offset = offset
        self._made: dict[str, str] = {}

    def path(self, reroutes: Iterable[str], parent: str | None = None) -> str | None:
        """Return the key of the copy of the last reroute, or ``parent`` when there is none.

        Args:
            reroutes: Keys from the origin to the target.
            parent: Reroute of the other graph that comes before all of them.
        """
        for key in reroutes:
            if key not in self._made:
                number = self._draft.fresh_id(RecordKind.REROUTE)
                x, y = self._graph.reroutes[key].pos
                at = (x + self._offset[0], y + self._offset[1])
                raw: Raw = {**self._graph.reroutes[key].raw, "id": number}
                raw.pop("parentId", None)
                if parent is not None:
                    raw["parentId"] = id_value(parent)
                raw["pos"] = stored_pair(self._draft.graph.space, at)
                raw["linkIds"] = []
                self._made[key] = str(number)
                self._draft.insert(RecordKind.REROUTE, str(number), raw)
            parent = self._made[key]
        return parent

    def floating(self, names: Mapping[str, str]) -> list[str]:
        """Copy the links with a loose end that hang from some nodes; return their keys.

        Args:
            names: Keys that the nodes have in the other graph, by their keys in this one.
        """
        copied: list[str] = []
        for key, link in self._graph.floating_links.items():
            ends = {"origin_id": names.get(link.origin), "target_id": names.get(link.target)}
            if not isinstance(link.raw, dict) or not any(ends.values()):
                continue
            parent = self.path(_chain(self._graph, link.parent_id))
            raw: Raw = {**link.raw, "id": self._draft.fresh_id(RecordKind.LINK)}
            raw.update({end: id_value(name) for end, name in ends.items() if name is not None})
            if parent is not None:
                raw["parentId"] = id_value(parent)
            self._draft.insert(RecordKind.FLOATING_LINK, str(raw["id"]), raw)
            copied.append(key)
        return copied


def drop_bare_reroutes(draft: Draft, links: Iterable[BoundLink]) -> None:
    """Remove the reroutes of former links that nothing runs through any more."""
    for key in dict.fromkeys(key for link in links for key in link.reroutes):
        if not draft.exists(RecordKind.REROUTE, key) or draft.has_floating(key):
            continue
        if not as_list(draft.get(RecordKind.REROUTE, key, "linkIds")):
            draft.remove(RecordKind.REROUTE, key)


def _chain(graph: Graph, parent: str | None) -> list[str]:
    """Return the reroutes that end in ``parent``, the one nearest to the origin first."""
    chain: list[str] = []
    while parent is not None and parent in graph.reroutes and parent not in chain:
        chain.append(parent)
        parent = graph.reroutes[parent].parent_id
    return chain[::-1]


def _port(ports: list[_Port], name: str, kind: str, label: str) -> _Port:
    free = free_name(name, [port.slot["name"] for port in ports])
    shown = label if label not in ("", name) else ""
    port = _Port(fresh_slot(free, kind, label=shown), kind)
    ports.append(port)
    return port


def _moved(node: Node) -> Raw:
    """Return a node as the new definition stores it, without links."""
    raw: Raw = {**node.raw, "id": node.id, "pos": stored_pair(None, node.pos)}
    size = node.size
    if size is not None:
        raw["size"] = stored_size(None, size)
    return {**raw, **bare_slots(node.raw)}


def _number(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 0


__all__ = [
    "TITLE_HEIGHT",
    "RerouteCopies",
    "bare_slots",
    "content_box",
    "create_subgraph",
    "drop_bare_reroutes",
    "host_record",
]
