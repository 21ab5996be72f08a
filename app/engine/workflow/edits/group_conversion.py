"""Legacy group nodes turned into subgraphs, when the artist asks for it (workflow-format 5)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, Final

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph, BoundNode, BoundWidget
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.nodes import set_widget
from app.engine.workflow.edits.packing import bare_slots, content_box
from app.engine.workflow.group_nodes import is_group_type, make_group_graph
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.model import ROOT, Graph, Raw, RecordKind, Workflow, as_list, as_mapping
from app.engine.workflow.patch import ABSENT, InsertGraph, Patch, SetKey
from app.engine.workflow.ports import BOX_WIDTH, add_input, box_height, fresh_slot, with_places
from app.engine.workflow.records import build_definition
from app.engine.workflow.subgraphs import free_title, renderer_mark
from app.engine.workflow.trial import Trial

_BOX_GAP: Final = 100.0
_PREFIX: Final = len("workflow>")

_Made = dict[tuple[Any, ...], str]


def convert_group_nodes(workflow: Workflow, bound: BoundGraph) -> Patch:
    """Turn every legacy group node of the document into a subgraph; empty when there is none.

    Instances keep their ids, links, titles and values. All instances of a group share one
    definition, except where they differ in a value that has no socket to come in by, such as a
    control after generate.

    Args:
        workflow: The document.
        bound: The graph that is shown, whichever it is.
    """
    trial = Trial.of(workflow, bound)
    kinds = {
        node.type
        for graph in workflow.graphs()
        for node in graph.nodes.values()
        if is_group_type(node.type)
    }
    convert_on(trial, kinds)
    return trial.patch()


def convert_on(trial: Trial, kinds: Iterable[str]) -> None:
    """Turn instances of some group nodes into subgraphs on a working copy.

    Groups that a converted one holds are converted too.
    """
    conversion = _Conversion(trial)
    for kind in sorted(kinds):
        conversion.convert(kind)
    conversion.forget_unused()


class _Conversion:
    """Makes definitions of group nodes, inner ones first."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._done: set[str] = set()

    def convert(self, kind: str) -> None:
        """Turn all instances of a group node that stand in graphs of the document."""
        trial = self._trial
        if make_group_graph(trial.workflow, kind) is None:
            return
        made: _Made = {}
        instances = [
            (graph.id, key)
            for graph in trial.workflow.graphs()
            for key, node in graph.nodes.items()
            if node.type == kind
        ]
        for graph_id, key in instances:
            self._replace(graph_id, key, trial.bound(graph_id).nodes[key], made)

    def forget_unused(self) -> None:
        """Drop the group nodes that no instance uses any more from ``extra``."""
        trial = self._trial
        extra = trial.workflow.root.extra
        legacy = as_mapping(extra.get("groupNodes"))
        used = {
            node.type[_PREFIX:]
            for graph in trial.workflow.graphs()
            for node in graph.nodes.values()
            if is_group_type(node.type)
        }
        done = {kind[_PREFIX:] for kind in self._done}
        left = {name: value for name, value in legacy.items() if name in used or name not in done}
        if len(left) == len(legacy):
            return
        rest: Raw = {**extra, "groupNodes": left}
        if not left:
            del rest["groupNodes"]
        trial.apply([SetKey(ROOT, None, "", "extra", rest)])

    def _define(self, kind: str) -> str:
        """Make a definition of a group node; return its id."""
        trial = self._trial
        graph = make_group_graph(trial.workflow, kind)
        assert graph is not None
        shown = bind_graph(trial.workflow, graph, trial.definitions)
        identifier = str(uuid.uuid4())
        numbers = self._numbers(graph)
        self._done.add(kind)
        trial.apply([InsertGraph(build_definition(_definition(trial, graph, identifier, numbers)))])
        made: _Made = {}
        for key, number in numbers.items():
            self._replace(identifier, str(number), shown.nodes[key], made)
        self._link(graph, identifier, numbers)
        self._promote(identifier)
        return identifier

    def _numbers(self, graph: Graph) -> dict[str, int]:
        draft = Draft(self._trial.workflow, self._trial.bound(ROOT))
        return {key: draft.fresh_id(RecordKind.NODE) for key in graph.nodes}

    def _link(self, graph: Graph, identifier: str, numbers: dict[str, int]) -> None:
        trial = self._trial
        draft = trial.draft(identifier)
        nodes = trial.bound(identifier).nodes

        def end(key: str) -> BoundNode:
            return nodes[key if key in (INPUT_BOX, OUTPUT_BOX) else str(numbers[key])]

        for link in graph.links.values():
            origin, target = end(link.origin), end(link.target)
            place = link.target_slot
            if not target.boundary:
                stored = graph.nodes[link.target].inputs
                name = str(stored[place].get("name") or "") if place < len(stored) else ""
                named = target.input_index(name)
                place = place if named is None else named
            if 0 <= link.origin_slot < len(origin.outputs) and 0 <= place < len(target.inputs):
                draft.add_link(origin, link.origin_slot, target, place, link.type)
        trial.commit(draft)

    def _promote(self, identifier: str) -> None:
        """Give every widget with a free socket an input: instances show all inner widgets."""
        trial = self._trial
        for key in list(trial.bound(identifier).nodes):
            node = trial.bound(identifier).nodes[key]
            for widget in node.widgets:
                place = next((i for i, x in enumerate(node.inputs) if x.widget == widget.name), -1)
                node_now = trial.bound(identifier).nodes[key]
                if place >= 0 and node_now.inputs[place].link is None:
                    add_input(trial, identifier, key, place)

    def _set_inner(self, identifier: str, index: str, name: str, value: Any) -> None:
        trial = self._trial
        bound = trial.bound(identifier)
        keys = [key for key, node in bound.nodes.items() if not node.boundary]
        place = int(index)
        if place < len(keys) and bound.nodes[keys[place]].widget(name) is not None:
            trial.apply(set_widget(trial.workflow, bound, keys[place], name, value))

    def _replace(self, graph_id: str, key: str, before: BoundNode, made: _Made) -> None:
        """Turn one instance into a host; other nodes stay as they are.

        Args:
            graph_id: The graph of the instance.
            key: The instance.
            before: What it showed.
            made: Definitions that instances of one graph share, by kind and by the values that
                cannot come in by a socket.
        """
        kind = before.subgraph
        if kind is None or before.problem or not is_group_type(kind):
            return
        own = _slotless(before)
        fixed = (kind, *((source, repr(widget.value)) for source, widget in own.items()))
        if fixed not in made:
            made[fixed] = self._define(kind)
            for (inner, name), widget in own.items():
                self._set_inner(made[fixed], inner, name, widget.value)
        trial, identifier = self._trial, made[fixed]
        values = self._values(identifier, before)
        node = RecordKind.NODE
        steps = [
            SetKey(graph_id, node, key, "type", identifier),
            SetKey(graph_id, node, key, "widgets_values", values),
        ]
        if "widgets_values_named" in before.node.raw:
            steps.append(SetKey(graph_id, node, key, "widgets_values_named", ABSENT))
        trial.apply(steps)

    def _values(self, identifier: str, before: BoundNode) -> list[Any]:
        """Return the values of an instance in the order of the inputs that show them now."""
        bound = self._trial.bound(identifier)
        keys = [each for each, node in bound.nodes.items() if not node.boundary]
        values: list[Any] = []
        for output in bound.nodes[INPUT_BOX].outputs:
            if not output.links:
                continue
            link = bound.links[output.links[0]]
            target = bound.nodes[link.target]
            name = target.inputs[link.target_input].widget
            inner = None if name is None else target.widget(name)
            if inner is None:
                continue
            shown = _stands_for(before, str(keys.index(link.target)), inner, target) or inner
            values.append(None if shown.is_unset else shown.value)
        return values


def _stands_for(
    before: BoundNode, key: str, inner: BoundWidget, target: BoundNode
) -> BoundWidget | None:
    """Return the widget of an instance that stood for one inside, if any."""
    for widget in before.widgets:
        if widget.source is not None and widget.source[1:] == (key, inner.name):
            return widget
    # The inner node was a group itself: its widgets may have other names as inputs.
    places = [item.source for item in target.widgets]
    index = places.index(inner.source) if inner.source in places else -1
    own = [w for w in before.widgets if w.source is not None and w.source[1] == key]
    with_socket = [w for w in own if w.definition is not None]
    return with_socket[index] if target.subgraph and 0 <= index < len(with_socket) else None


def _slotless(node: BoundNode) -> dict[tuple[str, str], BoundWidget]:
    """Return the widgets of an instance that no socket inside can set, by inner widget."""
    library_sockets = {item.widget for item in node.inputs}
    found: dict[tuple[str, str], BoundWidget] = {}
    for widget in node.widgets:
        if widget.source is None or widget.name in library_sockets or widget.is_unset:
            continue
        if widget.definition is None:
            found[(widget.source[1], widget.source[2])] = widget
    return found


def _definition(trial: Trial, graph: Graph, identifier: str, numbers: dict[str, int]) -> Raw:
    x, y, width, height = content_box(list(graph.nodes.values()), [])
    sides: dict[str, tuple[list[Raw], list[float]]] = {}
    for side, left in (("inputs", x - _BOX_GAP - BOX_WIDTH), ("outputs", x + width + _BOX_GAP)):
        stored = [as_mapping(slot) for slot in as_list(graph.raw.get(side))]
        slots = [fresh_slot(str(slot.get("name")), str(slot.get("type"))) for slot in stored]
        tall = box_height(len(slots))
        bounding = [left, round(y + height / 2 - tall / 2), BOX_WIDTH, tall]
        sides[side] = (with_places(side, slots, bounding), bounding)
    nodes = [
        {**node.raw, "id": numbers[key], **bare_slots(node.raw)}
        for key, node in graph.nodes.items()
    ]
    for raw in nodes:
        raw.pop("index", None)
    mark = renderer_mark(trial.workflow.root)
    return {
        "id": identifier,
        "version": 1,
        "state": {
            "lastGroupId": 0,
            "lastNodeId": max(numbers.values()),
            "lastLinkId": 0,
            "lastRerouteId": 0,
        },
        "revision": 0,
        "config": {},
        "name": free_title(trial.workflow, str(graph.raw.get("name") or "Group")),
        "inputNode": {"id": int(INPUT_BOX), "bounding": sides["inputs"][1]},
        "outputNode": {"id": int(OUTPUT_BOX), "bounding": sides["outputs"][1]},
        "inputs": sides["inputs"][0],
        "outputs": sides["outputs"][0],
        "widgets": [],
        "nodes": nodes,
        "groups": [],
        "links": [],
        "extra": {} if mark is None else {"workflowRendererVersion": mark},
    }
