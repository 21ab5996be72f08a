"""Edits of subgraphs: make, unpack, name, copy, and what their hosts show.

Import this module by its own name; it stands above the other edits and is not among the names
that :mod:`app.engine.workflow.edits` gives.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from app.engine.errors import SubgraphError
from app.engine.workflow import ports
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits.group_conversion import convert_group_nodes
from app.engine.workflow.edits.nodes import estimate_size, set_widget
from app.engine.workflow.edits.packing import create_subgraph, host_record
from app.engine.workflow.edits.unpacking import unpack_subgraph
from app.engine.workflow.edits.values import is_same
from app.engine.workflow.hosts import INPUT_BOX
from app.engine.workflow.model import (
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
)
from app.engine.workflow.patch import ABSENT, InsertGraph, Operation, Patch, SetKey
from app.engine.workflow.promotion import SyncedPatch, interface_of, sync_hosts
from app.engine.workflow.proxies import ProxySettler
from app.engine.workflow.records import build_definition
from app.engine.workflow.subgraphs import (
    free_title,
    hosts_of,
    promoting_input,
    promotion_reason,
    recursion_reason,
    subgraph_name,
)
from app.engine.workflow.trial import Trial, copy_graph


def add_host(
    workflow: Workflow,
    bound: BoundGraph,
    subgraph: str,
    pos: tuple[float, float],
) -> tuple[Patch, str]:
    """Add one more host of a definition of this document; return the patch and its key.

    Raises:
        SubgraphError: The document has no such definition, or it would contain itself.
    """
    if subgraph not in workflow.subgraphs:
        raise SubgraphError("This workflow has no such subgraph any more.")
    reason = recursion_reason(workflow, bound.graph_id, subgraph)
    if reason:
        raise SubgraphError(reason)
    trial = Trial.of(workflow, bound)
    interface = interface_of(trial, subgraph)
    promoted = sum(item.widget is not None for item in interface.inputs)
    sockets = len(interface.inputs) - promoted
    size = estimate_size(sockets, len(interface.outputs), promoted)
    draft = trial.draft(bound.graph_id)
    number = draft.fresh_id(RecordKind.NODE)
    raw = host_record(draft.graph, number, interface, pos, size)
    draft.insert(RecordKind.NODE, str(number), raw)
    trial.commit(draft)
    return trial.patch(), str(number)


def make_unique(workflow: Workflow, bound: BoundGraph, key: str) -> tuple[Patch, str]:
    """Give a host a definition of its own; return the patch and the id of the copy.

    Nodes inside keep their ids, so the prompt stays the same.

    Raises:
        SubgraphError: The node is no subgraph.
    """
    node = bound.nodes[key]
    graph = workflow.subgraphs.get(node.node.type)
    if graph is None:
        raise SubgraphError(f'"{node.title}" is not a subgraph.')
    copy = copy_graph(graph, {})
    own = {"id": str(uuid.uuid4()), "name": free_title(workflow, subgraph_name(graph))}
    raw: Raw = {**copy.raw, **own}
    # Definitions nested in the file belong to the first copy; hosts find them by id.
    raw.pop("definitions", None)
    definition = build_definition(raw)
    definition.space = graph.space
    patch = (
        InsertGraph(definition),
        SetKey(bound.graph_id, RecordKind.NODE, key, "type", definition.id),
    )
    return patch, definition.id


def rename_subgraph(workflow: Workflow, subgraph: str, name: str) -> Patch:
    """Give a definition another name; hosts without a title of their own show it.

    Raises:
        KeyError: There is no such definition.
        SubgraphError: The name is empty.
    """
    name = name.strip()
    if not name:
        raise SubgraphError("A subgraph needs a name.")
    if workflow.subgraphs[subgraph].raw.get("name") == name:
        return ()
    return (SetKey(subgraph, None, "", "name", name),)


def describe_subgraph(
    workflow: Workflow,
    subgraph: str,
    *,
    description: str | None = None,
    aliases: Iterable[str] | None = None,
) -> Patch:
    """Set the description and the search words of a definition; None leaves one as it is.

    Raises:
        KeyError: There is no such definition.
    """
    graph = workflow.subgraphs[subgraph]
    steps: list[Operation] = []
    extra: dict[str, Any] = dict(graph.extra)
    if description is not None:
        text = description.strip()
        if text != (graph.raw.get("description") or ""):
            steps.append(SetKey(subgraph, None, "", "description", text or ABSENT))
        _put(extra, "BlueprintDescription", text)
    if aliases is not None:
        words = list(dict.fromkeys(word.strip() for word in aliases if word.strip()))
        _put(extra, "BlueprintSearchAliases", words)
    if extra != graph.extra:
        steps.append(SetKey(subgraph, None, "", "extra", extra))
    return tuple(steps)


def add_input(
    workflow: Workflow,
    bound: BoundGraph,
    target: str,
    input_index: int,
    *,
    name: str = "",
    subgraph: str | None = None,
) -> Patch:
    """Give a subgraph one more input that feeds a socket inside (a drag to the empty slot).

    A link that fed the socket makes way. A socket of a widget becomes a promoted widget. Links
    from inputs that are there already are made with :func:`~app.engine.workflow.edits.connect`.

    Args:
        workflow: The document.
        bound: The graph that is shown.
        target: The interior node.
        input_index: Its socket.
        name: Name of the input; that of the socket when empty, made unique.
        subgraph: The definition; the shown graph when absent.

    Raises:
        SubgraphError: There is no such subgraph.
    """
    trial, own = _begin(workflow, bound, subgraph)
    ports.add_input(trial, own, target, input_index, name=name)
    return _finish(trial)


def add_output(
    workflow: Workflow,
    bound: BoundGraph,
    origin: str,
    output: int,
    *,
    name: str = "",
    subgraph: str | None = None,
) -> Patch:
    """Give a subgraph one more output that an interior node feeds; see :func:`add_input`."""
    trial, own = _begin(workflow, bound, subgraph)
    ports.add_output(trial, own, origin, output, name=name)
    return _finish(trial)


def remove_input(
    workflow: Workflow, bound: BoundGraph, index: int, *, subgraph: str | None = None
) -> Patch:
    """Remove an input of a subgraph, with its links inside and at all hosts.

    The value of a promoted widget goes to the widget inside when all hosts agree on it.

    Raises:
        SubgraphError: There is no such subgraph.
        IndexError: It has no such input.
    """
    trial, own = _begin(workflow, bound, subgraph)
    settler = ProxySettler(trial)
    settler.settle(own)
    _keep_value(trial, own, index)
    ports.remove_slot(trial, own, "inputs", index)
    return _finish(trial, settler)


def remove_output(
    workflow: Workflow, bound: BoundGraph, index: int, *, subgraph: str | None = None
) -> Patch:
    """Remove an output of a subgraph, with its link inside and those at all hosts.

    Raises:
        SubgraphError: There is no such subgraph.
        IndexError: It has no such output.
    """
    trial, own = _begin(workflow, bound, subgraph)
    ports.remove_slot(trial, own, "outputs", index)
    return _finish(trial)


def move_input(
    workflow: Workflow,
    bound: BoundGraph,
    index: int,
    new_index: int,
    *,
    subgraph: str | None = None,
) -> Patch:
    """Give an input another place among the others; hosts keep links and values.

    Raises:
        SubgraphError: There is no such subgraph.
        IndexError: It has no such input.
    """
    trial, own = _begin(workflow, bound, subgraph)
    ports.move_slot(trial, own, "inputs", index, new_index)
    return _finish(trial)


def move_output(
    workflow: Workflow,
    bound: BoundGraph,
    index: int,
    new_index: int,
    *,
    subgraph: str | None = None,
) -> Patch:
    """Give an output another place among the others; see :func:`move_input`."""
    trial, own = _begin(workflow, bound, subgraph)
    ports.move_slot(trial, own, "outputs", index, new_index)
    return _finish(trial)


def rename_input(
    workflow: Workflow, bound: BoundGraph, index: int, label: str, *, subgraph: str | None = None
) -> Patch:
    """Give an input other words to show, here and on hosts; empty gives its own name back.

    A host keeps words that were given to its slot alone.

    Raises:
        SubgraphError: There is no such subgraph.
        IndexError: It has no such input.
    """
    return _relabel(workflow, bound, "inputs", index, label, subgraph)


def rename_output(
    workflow: Workflow, bound: BoundGraph, index: int, label: str, *, subgraph: str | None = None
) -> Patch:
    """Give an output other words to show, here and on hosts; see :func:`rename_input`."""
    return _relabel(workflow, bound, "outputs", index, label, subgraph)


def promote(
    workflow: Workflow,
    bound: BoundGraph,
    widgets: Iterable[tuple[str, str]],
    *,
    subgraph: str | None = None,
) -> Patch:
    """Show interior widgets on all hosts, each through an input of its own.

    Each host starts with the value that the widget has inside, or with its own older one when
    the file named the widget in ``proxyWidgets``.

    Args:
        workflow: The document.
        bound: The graph that is shown.
        widgets: ``(interior node key, widget name)``; those that are shown already are passed
            over.
        subgraph: The definition; the shown graph when absent.

    Raises:
        SubgraphError: There is no such subgraph, or a widget cannot be promoted.
        KeyError: There is no such node or widget.
    """
    trial, own = _begin(workflow, bound, subgraph)
    settler = ProxySettler(trial)
    settler.settle(own)
    for key, name in widgets:
        node = trial.bound(own).nodes[key]
        if node.widget(name) is None:
            raise KeyError(name)
        if promoting_input(trial.bound(own), node, name) is not None:
            continue
        reason = promotion_reason(trial.bound(own), node, name)
        if reason:
            raise SubgraphError(f'"{name}" cannot be shown on the subgraph. {reason}')
        place = next(i for i, item in enumerate(node.inputs) if item.widget == name)
        ports.add_input(trial, own, key, place, name=name)
    return _finish(trial, settler)


def demote(
    workflow: Workflow,
    bound: BoundGraph,
    widgets: Iterable[tuple[str, str]],
    *,
    subgraph: str | None = None,
) -> Patch:
    """Hide interior widgets from hosts; inputs that feed nothing else go.

    The value goes to the widget inside when all hosts agree on it.

    Args:
        workflow: The document.
        bound: The graph that is shown.
        widgets: ``(interior node key, widget name)``; hidden ones are passed over.
        subgraph: The definition; the shown graph when absent.

    Raises:
        SubgraphError: There is no such subgraph.
        KeyError: There is no such node.
    """
    trial, own = _begin(workflow, bound, subgraph)
    settler = ProxySettler(trial)
    settler.settle(own)
    for key, name in widgets:
        inner = trial.bound(own)
        index = promoting_input(inner, inner.nodes[key], name)
        if index is None:
            continue
        _keep_value(trial, own, index)
        inner = trial.bound(own)
        if len(inner.nodes[INPUT_BOX].outputs[index].links) == 1:
            ports.remove_slot(trial, own, "inputs", index)
            continue
        place = next(i for i, item in enumerate(inner.nodes[key].inputs) if item.widget == name)
        draft = trial.draft(own)
        draft.remove_link(inner.nodes[key].inputs[place].link or "")
        trial.commit(draft)
    return _finish(trial, settler)


def _begin(workflow: Workflow, bound: BoundGraph, subgraph: str | None) -> tuple[Trial, str]:
    own = bound.graph_id if subgraph is None else subgraph
    if own not in workflow.subgraphs:
        raise SubgraphError("Inputs and outputs can be edited inside a subgraph only.")
    return Trial.of(workflow, bound), own


def _finish(trial: Trial, settler: ProxySettler | None = None) -> Patch:
    sync_hosts(trial, settler)
    return SyncedPatch(trial.patch())


def _keep_value(trial: Trial, subgraph: str, index: int) -> None:
    """Give the widgets behind an input the value of the hosts, if these agree on it."""
    name = interface_of(trial, subgraph).inputs[index].name
    hosts = hosts_of(trial.workflow, subgraph)
    found = [trial.bound(graph.id).nodes[node.key].widget(name) for graph, node in hosts]
    widgets = [widget for widget in found if widget is not None]
    if not widgets or len(widgets) != len(found):
        return
    first = widgets[0]
    if any(w.is_linked or w.is_unset or not is_same(w.value, first.value) for w in widgets):
        return
    inner = trial.bound(subgraph)
    for link_key in list(inner.nodes[INPUT_BOX].outputs[index].links):
        link = inner.links[link_key]
        target = inner.nodes[link.target]
        widget = target.inputs[link.target_input].widget
        if widget is not None and target.widget(widget) is not None:
            bound = trial.bound(subgraph)
            trial.apply(set_widget(trial.workflow, bound, target.key, widget, first.value))


def _relabel(
    workflow: Workflow,
    bound: BoundGraph,
    side: str,
    index: int,
    label: str,
    subgraph: str | None,
) -> Patch:
    own = bound.graph_id if subgraph is None else subgraph
    if own not in workflow.subgraphs:
        raise SubgraphError("Inputs and outputs can be renamed inside a subgraph only.")
    slots = list(as_list(workflow.subgraphs[own].raw.get(side)))
    slot = as_mapping(slots[index])
    name = str(slot.get("name") or "")
    old = slot.get("label")
    shown = label.strip()
    if shown == name:
        shown = ""
    if (old or "") == shown:
        return ()
    slots[index] = _labelled(slot, shown)
    steps: list[Operation] = [SetKey(own, None, "", side, slots)]
    for graph, node in hosts_of(workflow, own):
        stored = as_list(node.raw.get(side))
        made = [
            _labelled(item, shown)
            if isinstance(item, dict) and item.get("name") == name and item.get("label") == old
            else item
            for item in stored
        ]
        if made != stored:
            steps.append(SetKey(graph.id, RecordKind.NODE, node.key, side, made))
    return tuple(steps)


def _labelled(slot: Mapping[str, Any], label: str) -> Raw:
    made = dict(slot)
    if label:
        made["label"] = label
    else:
        made.pop("label", None)
    return made


def _put(extra: dict[str, Any], name: str, value: Any) -> None:
    if value:
        extra[name] = value
    else:
        extra.pop(name, None)


__all__ = [
    "add_host",
    "add_input",
    "add_output",
    "convert_group_nodes",
    "create_subgraph",
    "demote",
    "describe_subgraph",
    "make_unique",
    "move_input",
    "move_output",
    "promote",
    "remove_input",
    "remove_output",
    "rename_input",
    "rename_output",
    "rename_subgraph",
    "unpack_subgraph",
]
