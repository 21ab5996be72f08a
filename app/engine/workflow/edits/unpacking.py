"""Unpacking a subgraph: its nodes back in the graph of the host, with links and values joined."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from app.engine.errors import SubgraphError
from app.engine.workflow.binding import BoundGraph, BoundInput, BoundLink, BoundNode
from app.engine.workflow.edits.carrying import add_carrier, carrier_for, holds_value
from app.engine.workflow.edits.groups import fresh_group_key, stored_box
from app.engine.workflow.edits.nodes import set_widget
from app.engine.workflow.edits.packing import (
    TITLE_HEIGHT,
    RerouteCopies,
    bare_slots,
    content_box,
    drop_bare_reroutes,
)
from app.engine.workflow.edits.rejoining import Rank, keep_order, link_ranks, place_in_copy, rank_of
from app.engine.workflow.edits.values import stored_pair, stored_size
from app.engine.workflow.group_nodes import is_group_type
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.model import Graph, Mode, Node, Raw, RecordKind, Workflow, id_value
from app.engine.workflow.node_binding import REROUTE
from app.engine.workflow.patch import Patch, RemoveGraph
from app.engine.workflow.promotion import SyncedPatch, sync_hosts
from app.engine.workflow.proxies import ProxySettler
from app.engine.workflow.subgraphs import hosts_of
from app.engine.workflow.trial import Trial
from app.engine.workflow.type_match import types_fit

_DEFAULT_SIZE = (140.0, 60.0)


def unpack_subgraph(
    workflow: Workflow, bound: BoundGraph, key: str
) -> tuple[Patch, list[str], list[str]]:
    """Put the content of a subgraph where its host is, and remove the host.

    Links are joined, values that the host held go to the widgets they were for, and a muted or
    bypassed host makes its nodes so. Nodes keep their ids, and the definition goes, when this
    was its last host. A value that also fed something that cannot hold it (a plain socket, a node
    of a missing type) comes as a node of its own, which feeds everything that the value fed.

    Args:
        workflow: The document.
        bound: The graph that is shown.
        key: The host.

    Returns:
        The patch, the keys of the nodes that came and the keys of the groups that came.

    Raises:
        SubgraphError: The node is no subgraph, or one that contains itself.
    """
    node = bound.nodes[key]
    if node.subgraph is None:
        raise SubgraphError(f'"{node.title}" is not a subgraph, so it cannot be unpacked.')
    if node.problem:
        raise SubgraphError(node.problem)
    trial = Trial.of(workflow, bound)
    settler = ProxySettler(trial)
    if is_group_type(node.subgraph):
        from app.engine.workflow.edits.group_conversion import convert_on

        convert_on(trial, {node.subgraph})
    if bound.graph_id in workflow.subgraphs:
        settler.settle(bound.graph_id)
    unpacking = _Unpacking(trial, bound.graph_id, key)
    unpacking.run()
    sync_hosts(trial, settler)
    came = [*unpacking.nodes.values(), *unpacking.carriers.values()]
    return SyncedPatch(trial.patch()), came, unpacking.groups


class _Unpacking:
    """Moves the content of a definition into the graph of one host.

    Attributes:
        nodes: New keys of the nodes by their old ones.
        groups: Keys of the new groups.
        carriers: Keys of the nodes that carry values of the host, by its input.
    """

    def __init__(self, trial: Trial, graph_id: str, key: str) -> None:
        self.nodes: dict[str, str] = {}
        self.groups: list[str] = []
        self.carriers: dict[int, str] = {}
        self._trial = trial
        self._graph_id = graph_id
        self._key = key
        self._host = trial.bound(graph_id).nodes[key]
        subgraph = self._host.subgraph or ""
        self._inner: Graph = trial.graph(subgraph)
        self._bound = trial.bound(subgraph)
        self._is_last = len(list(hosts_of(trial.workflow, subgraph))) == 1
        self._offset = self._shift()
        self._entering: list[BoundLink | None] = [
            None if item.link is None else trial.bound(graph_id).links[item.link]
            for item in self._host.inputs
        ]
        self._leaving: list[list[BoundLink]] = [
            [trial.bound(graph_id).links[link] for link in output.links]
            for output in self._host.outputs
        ]

    def run(self) -> None:
        """Unpack."""
        self._insert()
        self._carry_values()
        self._link()
        self._push_values()
        trial, subgraph = self._trial, self._inner.id
        definitions = trial.workflow.raw.get("definitions")
        listed = definitions.get("subgraphs") if isinstance(definitions, dict) else None
        is_listed = any(item is trial.graph(subgraph).raw for item in listed or [])
        if self._is_last and is_listed and "definitions" not in self._inner.raw:
            trial.apply([RemoveGraph(subgraph)])

    def _shift(self) -> tuple[float, float]:
        """Return how far the content moves so that its middle is that of the host."""
        inner = self._inner
        x, y, width, height = content_box(list(inner.nodes.values()), list(inner.groups.values()))
        (left, top), (wide, tall) = self._host.node.pos, self._host.node.size or _DEFAULT_SIZE
        return (
            float(round(left + wide / 2 - (x + width / 2))),
            float(round(top + (tall - TITLE_HEIGHT) / 2 - (y + height / 2))),
        )

    def _insert(self) -> None:
        trial = self._trial
        draft = trial.draft(self._graph_id)
        taken = {
            key
            for graph in trial.workflow.graphs()
            if graph.id != self._inner.id
            for key in graph.nodes
        }
        for key, node in self._inner.nodes.items():
            new = key
            if not self._is_last or key in taken or not isinstance(id_value(key), int):
                new = str(draft.fresh_id(RecordKind.NODE))
            self.nodes[key] = new
            draft.insert(RecordKind.NODE, new, self._moved(node, id_value(new)))
        for group in self._inner.groups.values():
            x, y, width, height = group.bounding
            box = (x + self._offset[0], y + self._offset[1], width, height)
            key = fresh_group_key(draft.graph, self.groups)
            raw = {
                **group.raw,
                "id": draft.fresh_id(RecordKind.GROUP),
                "bounding": stored_box(draft.graph.space, box),
            }
            draft.insert(RecordKind.GROUP, key, raw)
            self.groups.append(key)
        trial.commit(draft)

    def _carry_values(self) -> None:
        """Add nodes for the values that not everything behind an input can hold itself."""
        trial = self._trial
        x, y, _, _ = content_box(
            list(self._inner.nodes.values()), list(self._inner.groups.values())
        )
        corner = (x + self._offset[0], y + self._offset[1])
        for index, item in enumerate(self._host.inputs):
            widget = None if item.widget is None else self._host.widget(item.widget)
            if widget is None or widget.is_unset or self._entering[index] is not None:
                continue
            lacking = [
                end.type
                for _, node, end in self._ends(index)
                if not holds_value(node, end, widget.value)
            ]
            found = carrier_for(widget.value, lacking, trial.definitions)
            if found is None:
                continue
            key = add_carrier(trial, self._graph_id, found, widget, corner, len(self.carriers))
            self.carriers[index] = key
            draft = trial.draft(self._graph_id)
            if self._host.node.mode in (Mode.MUTED, Mode.BYPASSED):
                draft.set_node(key, "mode", self._host.node.mode)
            nodes = trial.bound(self._graph_id).nodes
            kind = nodes[key].outputs[0].type
            link = draft.add_link(nodes[key], 0, nodes[self._key], index, kind)
            trial.commit(draft)
            self._entering[index] = trial.bound(self._graph_id).links[link]

    def _moved(self, node: Node, number: int | str) -> Raw:
        space = self._trial.graph(self._graph_id).space
        x, y = node.pos
        raw: Raw = {**node.raw, "id": number}
        raw["pos"] = stored_pair(space, (x + self._offset[0], y + self._offset[1]))
        size = node.size
        if size is not None:
            raw["size"] = stored_size(space, size)
        mode = self._host.node.mode
        if mode in (Mode.MUTED, Mode.BYPASSED) and node.mode != Mode.MUTED:
            raw["mode"] = mode
        return {**raw, **bare_slots(node.raw)}

    def _link(self) -> None:
        """Join the links inside with those at the host, and remove the host."""
        trial = self._trial
        draft = trial.draft(self._graph_id)
        nodes = trial.bound(self._graph_id).nodes
        for link_key in draft.stored_links(self._key, into=True, out=True):
            draft.remove_link(link_key, keep_reroutes=True)
        copies = RerouteCopies(self._inner, draft, self._offset)
        joined: set[str] = set()
        inner_ranks = link_ranks(self._inner)
        ranks = link_ranks(draft.graph)

        def rank(entering: BoundLink, inside: BoundLink) -> Rank:
            return (*rank_of(ranks, entering.key), *rank_of(inner_ranks, inside.key))

        for link in self._bound.links.values():
            entering = None
            parent: str | None = None
            origin, output = self.nodes.get(link.origin, ""), link.origin_slot
            if link.origin == INPUT_BOX:
                entering = self._entering[link.origin_slot]
                if entering is None or not self._takes(link, entering):
                    continue
                origin, output = entering.origin, entering.origin_slot
                parent = entering.reroutes[-1] if entering.reroutes else None
            if link.target == OUTPUT_BOX:
                if not self._leaving[link.target_input]:
                    continue
                parent = copies.path(link.reroutes, parent)
                for leaving in self._leaving[link.target_input]:
                    first = leaving.reroutes[0] if leaving.reroutes else None
                    if first is not None and parent is not None and first not in joined:
                        joined.add(first)
                        draft.set(RecordKind.REROUTE, first, "parentId", id_value(parent))
                    made = draft.add_link(
                        nodes[origin], output, nodes[leaving.target], leaving.target_input,
                        leaving.type, parent=leaving.reroutes[-1] if first else parent,
                    )  # fmt: skip
                    if entering is not None:
                        ranks[made] = rank(entering, link)
                continue
            parent = copies.path(link.reroutes, parent)
            target = nodes[self.nodes[link.target]]
            kind = link.type if entering is None else entering.type
            name = self._bound.nodes[link.target].inputs[link.target_input].name
            place = place_in_copy(target, name, link.target_input)
            made = draft.add_link(nodes[origin], output, target, place, kind, parent=parent)
            if entering is not None:
                ranks[made] = rank(entering, link)
        copies.floating(self.nodes)
        draft.remove(RecordKind.NODE, self._key)
        former = [link for link in self._entering if link is not None]
        drop_bare_reroutes(draft, [*former, *(link for each in self._leaving for link in each)])
        trial.commit(draft)
        keep_order(trial, self._graph_id, ranks)

    def _takes(self, link: BoundLink, entering: BoundLink) -> bool:
        """Tell whether what a link leads to may be fed by a node that carries the value."""
        node = self._bound.nodes[link.target]
        is_passed_on = bool(node.boundary) or _is_reroute(node)
        if link.origin_slot not in self.carriers or is_passed_on:
            return True
        carrier = self._trial.bound(self._graph_id).nodes[entering.origin]
        given = carrier.outputs[entering.origin_slot].type
        return types_fit(given, node.inputs[link.target_input].type)

    def _push_values(self) -> None:
        """Give the values of the host to the widgets that they were for."""
        sockets = {item.widget: index for index, item in enumerate(self._host.inputs)}
        for widget in self._host.widgets:
            if widget.is_unset or widget.source is None:
                continue
            index = sockets.get(widget.name)
            if index is None:
                self._push(self.nodes.get(widget.source[1], ""), widget.source[2], widget.value)
            elif self._entering[index] is None or index in self.carriers:
                for key, node, item in self._ends(index):
                    name = item.widget
                    if name is None and node.is_missing and not self._is_fed(key, item):
                        # What no link can bring is written where the file tells the place.
                        name = next((w.name for w in node.widgets if w.label == item.name), None)
                    if name is not None:
                        self._push(key, name, widget.value)

    def _ends(self, index: int) -> Iterator[tuple[str, BoundNode, BoundInput]]:
        """Yield ``(new node key, node, input)`` for all places that a host input's value reached.

        Reroutes, and an output that the input leads straight to, pass it on.
        """
        seen: set[str] = set()
        waiting = list(self._bound.nodes[INPUT_BOX].outputs[index].links)
        while waiting:
            link = self._bound.links[waiting.pop()]
            node = self._bound.nodes[link.target]
            if node.boundary:
                for leaving in self._leaving[link.target_input]:
                    outside = self._trial.bound(self._graph_id).nodes.get(leaving.target)
                    if outside is not None:
                        yield leaving.target, outside, outside.inputs[leaving.target_input]
            elif not _is_reroute(node):
                yield self.nodes[node.key], node, node.inputs[link.target_input]
            elif node.key not in seen:
                seen.add(node.key)
                waiting.extend(node.outputs[0].links)

    def _is_fed(self, key: str, item: BoundInput) -> bool:
        node = self._trial.bound(self._graph_id).nodes[key]
        return any(twin.name == item.name and twin.link is not None for twin in node.inputs)

    def _push(self, key: str, name: str, value: Any) -> None:
        trial = self._trial
        bound = trial.bound(self._graph_id)
        node = bound.nodes.get(key)
        if node is not None and node.widget(name) is not None:
            trial.apply(set_widget(trial.workflow, bound, key, name, value))


def _is_reroute(node: BoundNode) -> bool:
    return node.is_virtual and node.node.type == REROUTE


__all__ = ["unpack_subgraph"]
