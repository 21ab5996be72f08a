"""Hosts kept in step with their definition: slots, links and the values of promoted widgets.

A host stores its promoted values by position among the promoted inputs (workflow-format 4.1), and
links into it by slot. So every edit that changes what a definition offers must rewrite all its
hosts, in every graph, at any depth. :func:`sync_hosts` compares a definition before and after
and does that; :func:`with_hosts` adds it to any ordinary edit made inside a subgraph.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.binding import BoundNode, BoundWidget
from app.engine.workflow.hosts import Interface, make_interface
from app.engine.workflow.model import (
    ROOT,
    Graph,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    id_value,
)
from app.engine.workflow.patch import InsertGraph, Operation, Patch, RemoveGraph, SetKey
from app.engine.workflow.proxies import ProxySettler
from app.engine.workflow.subgraphs import hosts_of, inner_first, slot_ids, slot_names
from app.engine.workflow.trial import Trial, change_link

_STRUCTURAL_NODE_KEYS: Final = frozenset({"inputs", "type", "properties"})
_STRUCTURAL_GRAPH_KEYS: Final = frozenset({"inputs", "outputs"})

Source = tuple[str, str]


class SyncedPatch(tuple[Operation, ...]):
    """A patch that takes the hosts along already; :func:`with_hosts` need not look at it again.

    Joined with another one it becomes an ordinary patch.
    """

    __slots__ = ()


def with_hosts(
    workflow: Workflow, definitions: Mapping[str, NodeDefinition], patch: Patch
) -> Patch:
    """Complete an edit so that hosts of the subgraphs it changes keep their values and links.

    Every patch that is applied to a document should pass through here. Patches that change
    nothing hosts depend on come back as they are, at no cost.

    Args:
        workflow: The document, before the patch.
        definitions: Node definitions by type name.
        patch: The edit.
    """
    if isinstance(patch, SyncedPatch):
        return patch
    if not any(_may_change_hosts(workflow, operation) for operation in patch):
        return patch
    if not _changes_shape(workflow, definitions, patch):
        return patch
    trial = Trial(workflow, definitions)
    trial.apply(patch)
    before = len(trial.patch())
    sync_hosts(trial)
    whole = trial.patch()
    return whole if len(whole) != before else patch


def sync_hosts(trial: Trial, settler: ProxySettler | None = None) -> None:
    """Rewrite the hosts of all definitions that offer something else than before the trial.

    Args:
        trial: The working copy, with the edit applied.
        settler: What has turned ``proxyWidgets`` into inputs earlier in the same edit, if any.
    """
    settler = settler or ProxySettler(trial)
    dirty = {key for key in trial.touched if key in trial.original.subgraphs}
    for subgraph in inner_first(trial.workflow):
        if subgraph not in dirty or subgraph not in trial.original.subgraphs:
            continue
        is_settled = subgraph in settler.settled
        if not is_settled and _shape_before(trial, subgraph) == _shape(trial, subgraph):
            continue
        hosts = [(graph.id, node.key) for graph, node in hosts_of(trial.workflow, subgraph)]
        settler.settle(subgraph)
        for graph_id, key in hosts:
            dirty.add(graph_id)
            _HostSync(trial, subgraph, graph_id, key, settler).run()


def _changes_shape(
    workflow: Workflow, definitions: Mapping[str, NodeDefinition], patch: Patch
) -> bool:
    """Tell whether any definition would offer its hosts something else after an edit.

    Most edits inside a subgraph change nothing there, and trying one out on the graphs that it
    names alone costs little, however large the rest of the document is.
    """
    if any(isinstance(operation, (InsertGraph, RemoveGraph)) for operation in patch):
        return True
    touched = {operation.graph for operation in patch}
    trial = Trial(workflow, definitions, touched)
    trial.apply(patch)
    return any(
        _shape_before(trial, key) != _shape(trial, key)
        for key in touched
        if key in workflow.subgraphs
    )


def _may_change_hosts(workflow: Workflow, operation: Operation) -> bool:
    if operation.graph == ROOT or operation.graph not in workflow.subgraphs:
        return False
    if isinstance(operation, SetKey):
        if operation.kind is None:
            return operation.name in _STRUCTURAL_GRAPH_KEYS
        is_node = operation.kind is RecordKind.NODE
        return is_node and operation.name in _STRUCTURAL_NODE_KEYS
    return operation.kind in (RecordKind.NODE, RecordKind.LINK)


def interface_of(trial: Trial, subgraph: str) -> Interface:
    """Return what hosts of a definition show now."""
    return make_interface(trial.graph(subgraph), trial.bound(subgraph))


def _shape_before(trial: Trial, subgraph: str) -> Any:
    graph = trial.original.subgraphs[subgraph]
    return _shape_of(graph, make_interface(graph, trial.bound_before(subgraph)))


def _shape(trial: Trial, subgraph: str) -> Any:
    return _shape_of(trial.graph(subgraph), interface_of(trial, subgraph))


def _shape_of(graph: Graph, interface: Interface) -> Any:
    inputs = [
        (own, item.name, item.type, item.node, None if item.widget is None else item.widget.name)
        for own, item in zip(slot_ids(graph, "inputs"), interface.inputs, strict=True)
    ]
    outputs = list(zip(slot_ids(graph, "outputs"), interface.outputs, strict=True))
    return inputs, outputs


class _HostSync:
    """Brings one host up to date with its changed definition."""

    def __init__(
        self, trial: Trial, subgraph: str, graph_id: str, key: str, settler: ProxySettler
    ) -> None:
        self._trial = trial
        self._subgraph = subgraph
        self._graph_id = graph_id
        self._key = key
        self._settler = settler
        self._old_graph = trial.original.subgraphs[subgraph]
        self._graph = trial.graph(subgraph)
        self._interface = interface_of(trial, subgraph)

    def run(self) -> None:
        """Rewrite slots, the ends of links, and values."""
        trial = self._trial
        if self._graph_id != ROOT and self._graph_id not in trial.original.subgraphs:
            before = None
        else:
            before = trial.bound_before(self._graph_id).nodes.get(self._key)
        if before is None or before.subgraph != self._subgraph:
            return  # it came with this edit, written for the definition as it is now
        self._sync_slots(before)
        self._sync_values(before)

    def _sync_slots(self, before: BoundNode) -> None:
        trial, graph_id, key = self._trial, self._graph_id, self._key
        draft = trial.draft(graph_id)
        links = trial.graph(graph_id).links
        ends: list[tuple[str, str, int]] = []
        for side in ("inputs", "outputs"):
            field, end = ("link", "target_slot") if side == "inputs" else ("links", "origin_slot")
            stored = [as_mapping(slot) for slot in as_list(draft.get(RecordKind.NODE, key, side))]
            by_name = {str(slot.get("name") or ""): slot for slot in reversed(stored)}
            old_names = slot_names(self._old_graph, side)
            matches = _matches(self._old_graph, self._graph, side)
            made: list[Raw] = []
            for index, name in enumerate(slot_names(self._graph, side)):
                old = matches[index]
                slot = dict(by_name.get(old_names[old], {})) if old is not None else {}
                if old is not None and not slot.get(field):
                    slot.update(_links_before(before, side, old, links))
                made.append(self._slot(slot, side, index, name))
                numbers = slot.get(field) if side == "outputs" else [slot.get(field)]
                ends.extend(
                    (id_text(number), end, index)
                    for number in as_list(numbers)
                    if number is not None
                )
            gone = set(range(len(old_names))) - {old for old in matches if old is not None}
            for old in gone:
                slot = {
                    **_links_before(before, side, old, links),
                    **by_name.get(old_names[old], {}),
                }
                numbers = slot.get(field) if side == "outputs" else [slot.get(field)]
                for number in as_list(numbers):
                    if number is not None:
                        draft.remove_link(id_text(number))
            unknown = [slot for slot in stored if str(slot.get("name") or "") not in old_names]
            draft.set_node(key, side, [*made, *unknown])
        properties = trial.graph(graph_id).nodes[key].properties
        if "proxyWidgets" in properties:
            draft.set_node(key, "properties", self._settler.properties(graph_id, key))
        trial.commit(draft)
        for link, end, index in ends:
            if link in trial.graph(graph_id).links:
                change_link(trial, graph_id, link, end, index)

    def _slot(self, slot: Raw, side: str, index: int, name: str) -> Raw:
        """Return a host's slot: what was stored, with what the definition decides."""
        if side == "outputs":
            made = {**slot, "name": name, "type": self._interface.outputs[index][2]}
            made.setdefault("links", None)
            return made
        item = self._interface.inputs[index]
        made = {**slot, "name": name, "type": item.type}
        link = made.pop("link", None)
        if item.widget is None:
            made.pop("widget", None)
        else:
            made["widget"] = {"name": name}
        made["link"] = link
        return made

    def _sync_values(self, before: BoundNode) -> None:
        old_names = slot_names(self._old_graph, "inputs")
        matches = _matches(self._old_graph, self._graph, "inputs")
        sources = self._settler.sources.get(self._subgraph, {})
        owners = slot_ids(self._graph, "inputs")
        values: dict[str, Any] = {}
        for index, item in enumerate(self._interface.inputs):
            if item.widget is None or item.node is None:
                continue
            old = matches[index]
            adopted = sources.get(owners[index], (item.node, item.widget.name))
            widget = None
            if old is not None:
                widget = _with_slot(before, old_names[old])
            if widget is None:
                widget = _with_source(before, adopted)
            shown = item.widget if widget is None else widget
            values[item.name] = None if shown.is_unset else shown.value
        draft = self._trial.draft(self._graph_id)
        raw = draft.graph.nodes[self._key].raw
        stored = raw.get("widgets_values")
        made: Any = values if isinstance(stored, dict) else list(values.values())
        if made != stored and (made or stored is not None):
            draft.set_node(self._key, "widgets_values", made)
        if isinstance(raw.get("widgets_values_named"), dict):
            draft.set_node(self._key, "widgets_values_named", values)
        self._trial.commit(draft)


def _matches(old: Graph, new: Graph, side: str) -> list[int | None]:
    """Return for each slot of a changed definition which one it was before, or None."""
    places = {own: index for index, own in enumerate(slot_ids(old, side))}
    return [places.get(own) for own in slot_ids(new, side)]


def _links_before(before: BoundNode, side: str, index: int, links: Mapping[str, Any]) -> Raw:
    """Return the links of a slot that the file does not mention at the host."""
    if side == "inputs":
        link = before.inputs[index].link if index < len(before.inputs) else None
        return {} if link is None or link not in links else {"link": id_value(link)}
    keys = before.outputs[index].links if index < len(before.outputs) else []
    return {"links": [id_value(key) for key in keys if key in links]} if keys else {}


def _with_slot(node: BoundNode, name: str) -> BoundWidget | None:
    if not any(item.name == name and item.widget is not None for item in node.inputs):
        return None
    return node.widget(name)


def _with_source(node: BoundNode, source: Source) -> BoundWidget | None:
    """Return a widget that only ``proxyWidgets`` promoted."""
    own = {item.widget for item in node.inputs}
    for widget in node.widgets:
        if widget.name not in own and widget.source is not None and widget.source[1:] == source:
            return widget
    return None


__all__ = ["SyncedPatch", "interface_of", "sync_hosts", "with_hosts"]
