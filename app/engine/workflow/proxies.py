"""``proxyWidgets`` of older files turned into subgraph inputs (workflow-format 4.1).

A host of such a file names the interior widgets that it shows. They work as they are until the
subgraph's slots are edited; then each named widget gets an input of its own, and what cannot be
turned is kept aside in the host's properties as the web editor does it.
"""

from __future__ import annotations

from typing import Any, Final

from app.engine.workflow.binding import BoundNode, BoundWidget
from app.engine.workflow.edits.nodes import set_widget
from app.engine.workflow.hosts import INPUT_BOX, Interface, make_interface, resolve_source
from app.engine.workflow.model import Node, Raw, RecordKind, as_list, id_text
from app.engine.workflow.node_binding import PRIMITIVE
from app.engine.workflow.patch import SetKey
from app.engine.workflow.ports import add_input
from app.engine.workflow.subgraphs import hosts_of, slot_ids
from app.engine.workflow.trial import Trial

_NO_SOURCE: Final = "missingSourceNode"
_NO_INPUT: Final = "missingSubgraphInput"


class ProxySettler:
    """Turns the ``proxyWidgets`` of hosts into inputs, one definition at a time.

    Attributes:
        settled: Ids of the definitions that are done.
        sources: For each of them, by the identity of a new input, the interior widget
            ``(node key, name)`` whose host values it takes over.
    """

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self.settled: set[str] = set()
        self.sources: dict[str, dict[str, tuple[str, str]]] = {}
        self._properties: dict[tuple[str, str], Raw] = {}

    def properties(self, graph_id: str, key: str) -> Raw:
        """Return the properties of a host without ``proxyWidgets``."""
        made = self._properties.get((graph_id, key))
        if made is None:
            made = dict(self._trial.graph(graph_id).nodes[key].properties)
            made.pop("proxyWidgets", None)
        return made

    def settle(self, subgraph: str) -> None:
        """Give every widget that a host of the definition names an input."""
        trial = self._trial
        hosts = [
            (graph.id, node)
            for graph, node in hosts_of(trial.workflow, subgraph)
            if isinstance(node.properties.get("proxyWidgets"), list)
        ]
        if subgraph in self.settled or not hosts:
            return
        self.settled.add(subgraph)
        shown = [
            (graph_id, node.key, dict(self._by_source(graph_id, node.key)))
            for graph_id, node in hosts
        ]
        self._push_slotless(subgraph)
        for _, _, widgets in shown:
            for (inner, widget), name in widgets.items():
                self._adopt(subgraph, inner, widget, name)
        interface = make_interface(trial.graph(subgraph), trial.bound(subgraph))
        for graph_id, node in hosts:
            self._properties[(graph_id, node.key)] = self._settled(subgraph, interface, node)
        for graph_id, key, widgets in shown:
            self._rename(graph_id, key, widgets)

    def _by_source(self, graph_id: str, key: str) -> list[tuple[tuple[str, str], str]]:
        """Return the widgets of a host by the interior widgets that they stand for."""
        node = self._trial.bound(graph_id).nodes[key]
        return [
            ((widget.source[1], widget.source[2]), widget.name)
            for widget in node.widgets
            if widget.source is not None
        ]

    def _adopt(self, subgraph: str, key: str, widget: str, name: str) -> None:
        """Give an interior widget an input, unless it has one or cannot have any."""
        trial = self._trial
        bound = trial.bound(subgraph)
        node = bound.nodes.get(key)
        if node is None:
            return
        known = self.sources.setdefault(subgraph, {})
        if (key, widget) in known.values():
            return
        if node.node.type == PRIMITIVE and node.is_virtual:
            targets = [
                (bound.links[link].target, bound.links[link].target_input)
                for link in node.outputs[0].links
            ]
        else:
            targets = [
                (key, place)
                for place, item in enumerate(node.inputs)
                if item.widget == widget and item.link is None
            ]
        if not targets:
            return
        index = add_input(trial, subgraph, *targets[0], name=name)
        for target, place in targets[1:]:
            draft = trial.draft(subgraph)
            nodes = trial.bound(subgraph).nodes
            item = nodes[target].inputs[place]
            if item.link is not None:
                draft.remove_link(item.link)
            draft.add_link(nodes[INPUT_BOX], index, nodes[target], place, item.type)
            trial.commit(draft)
        known[slot_ids(trial.graph(subgraph), "inputs")[index]] = (key, widget)

    def _push_slotless(self, subgraph: str) -> None:
        """Keep host values of widgets without a socket, as far as all hosts agree."""
        trial = self._trial
        found: dict[tuple[str, str], list[BoundWidget | None]] = {}
        hosts = [
            trial.bound(graph.id).nodes[node.key]
            for graph, node in hosts_of(trial.workflow, subgraph)
        ]
        for host in hosts:
            for widget in host.widgets:
                if widget.source is not None and not _has_socket(trial, widget.source):
                    found.setdefault(widget.source[1:], [])
        for source, widgets in found.items():
            for host in hosts:
                widgets.append(_by_source(host, source))
            values = [None if widget is None else widget.value for widget in widgets]
            if any(widget is None or widget.value != values[0] for widget in widgets):
                continue
            bound = trial.bound(subgraph)
            # Of a missing type only the sockets know their widgets.
            if bound.nodes[source[0]].widget(source[1]) is not None:
                trial.apply(set_widget(trial.workflow, bound, *source, values[0]))

    def _settled(self, subgraph: str, interface: Interface, node: Node) -> Raw:
        """Return the properties of a host as the web editor converts them."""
        made: Raw = {**node.properties}
        entries = as_list(made.pop("proxyWidgets", None))
        exposed = list(as_list(made.get("previewExposures")))
        aside = list(as_list(made.get("proxyWidgetErrorQuarantine")))
        values = as_list(node.raw.get("widgets_values"))
        adopted = set(self.sources.get(subgraph, {}).values())
        adopted.update(
            (item.node, item.widget.name)
            for item in interface.inputs
            if item.node is not None and item.widget is not None
        )
        names = {item.name for item in interface.inputs if item.widget is not None}
        for place, entry in enumerate(entries):
            reason = _NO_SOURCE
            if isinstance(entry, list) and len(entry) >= 2 and isinstance(entry[1], str):
                key, name = id_text(entry[0]), entry[1]
                if name.startswith("$$"):
                    exposed.append({"name": name, "sourceNodeId": key, "sourcePreviewName": name})
                    continue
                source = resolve_source(interface, key, name)
                adopted_name = name if source is None else source.name
                if (key == "-1" and name in names) or (key, adopted_name) in adopted:
                    continue
                if source is not None:
                    reason = _NO_INPUT
            record: Raw = {"originalEntry": entry, "reason": reason}
            if place < len(values):
                record["hostValue"] = values[place]
            aside.append({**record, "attemptedAtVersion": 1})
        if exposed:
            made["previewExposures"] = exposed
        if aside:
            made["proxyWidgetErrorQuarantine"] = aside
        return made

    def _rename(self, graph_id: str, key: str, before: dict[tuple[str, str], str]) -> None:
        """Let ``proxyWidgets`` one level up name the widgets of a host as they are called now."""
        trial = self._trial
        now = dict(self._by_source(graph_id, key))
        renamed = {
            old: now[source]
            for source, old in before.items()
            if source in now and now[source] != old
        }
        if not renamed:
            return
        for graph, node in list(hosts_of(trial.workflow, graph_id)):
            entries = node.properties.get("proxyWidgets")
            if not isinstance(entries, list):
                continue
            made: list[Any] = [
                [entry[0], renamed[entry[1]], *entry[2:]]
                if isinstance(entry, list)
                and len(entry) >= 2
                and id_text(entry[0]) == key
                and entry[1] in renamed
                else entry
                for entry in entries
            ]
            if made != entries:
                properties = {**node.properties, "proxyWidgets": made}
                kind = RecordKind.NODE
                trial.apply([SetKey(graph.id, kind, node.key, "properties", properties)])


def _by_source(node: BoundNode, source: tuple[str, str]) -> BoundWidget | None:
    for widget in node.widgets:
        if widget.source is not None and widget.source[1:] == source:
            return widget
    return None


def _has_socket(trial: Trial, source: tuple[str, str, str]) -> bool:
    node = trial.bound(source[0]).nodes.get(source[1])
    if node is None or (node.is_virtual and node.node.type == PRIMITIVE):
        return True
    return any(item.widget == source[2] for item in node.inputs)
