"""A working copy of a document, on which an edit of many steps is tried out.

Edits of subgraphs reach into several graphs at once: the definition, and every graph that holds
one of its hosts. A :class:`Trial` lets such an edit be written as a row of small ones, each of
which sees what the ones before it did. The document itself is only read; in the end
:meth:`Trial.patch` gives all steps as one patch, so that one undo takes them back.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import replace
from typing import Any

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph, update_binding
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.bulk import collector_paused
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.model import (
    RECORD_CLASSES,
    ROOT,
    Graph,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
)
from app.engine.workflow.patch import (
    InsertGraph,
    InsertRecord,
    Operation,
    Patch,
    RemoveRecord,
    SetKey,
    apply_patch,
)


class Trial:
    """A copy of a document with the steps taken on it so far.

    Args:
        workflow: The document; it is only read.
        definitions: Node definitions by type name.
        graphs: Ids of the graphs that steps will change, when these are known; the others are
            shared with the document, which saves their copies. None for all.

    Attributes:
        original: The document; never changed.
        workflow: The copy, with all steps applied.
        definitions: Node definitions by type name.
        touched: Ids of the graphs that steps changed.
    """

    def __init__(
        self,
        workflow: Workflow,
        definitions: Mapping[str, NodeDefinition],
        graphs: Container[str] | None = None,
    ) -> None:
        self.original = workflow
        self.workflow = copy_workflow(workflow, graphs)
        self.definitions = definitions
        self.touched: set[str] = set()
        self._steps: list[Operation] = []
        self._bound: dict[str, BoundGraph] = {}
        self._bound_before: dict[str, BoundGraph] = {}
        self._lists: dict[int, list[Any]] = {}
        reroutes = workflow.root.extra.get("reroutes")
        if isinstance(reroutes, list):
            self._lists[id(self.workflow.root.extra["reroutes"])] = reroutes

    @classmethod
    def of(cls, workflow: Workflow, bound: BoundGraph) -> Trial:
        """Start from what every edit is given."""
        return cls(workflow, bound.state.library.definitions)

    def graph(self, graph_id: str) -> Graph:
        """Return a graph of the copy.

        Raises:
            KeyError: There is no such definition.
        """
        return self.workflow.graph(graph_id)

    def bound(self, graph_id: str) -> BoundGraph:
        """Return a graph of the copy joined with its definitions, up to date."""
        bound = self._bound.get(graph_id)
        if bound is None:
            graph = self.workflow.graph(graph_id)
            bound = self._bound[graph_id] = bind_graph(self.workflow, graph, self.definitions)
        return bound

    def bound_before(self, graph_id: str) -> BoundGraph:
        """Return a graph of the document as it was before the first step."""
        bound = self._bound_before.get(graph_id)
        if bound is None:
            graph = self.original.graph(graph_id)
            bound = bind_graph(self.original, graph, self.definitions)
            self._bound_before[graph_id] = bound
        return bound

    def draft(self, graph_id: str) -> Draft:
        """Return a draft of changes to one graph; give it to :meth:`commit`."""
        return Draft(self.workflow, self.bound(graph_id))

    def commit(self, draft: Draft) -> None:
        """Take the step that a draft describes."""
        self.apply(draft.patch())

    def apply(self, patch: Iterable[Operation]) -> None:
        """Take a step."""
        steps: list[Operation] = []
        for operation in patch:
            steps.extend(self._with_reroute_list(operation))
        if not steps:
            return
        apply_patch(self.workflow, [_own(step) for step in steps])
        for step in steps:
            self.touched.add(step.definition.id if isinstance(step, InsertGraph) else step.graph)
            self._steps.append(self._recorded(step))
        for graph_id, bound in list(self._bound.items()):
            if update_binding(self.workflow, bound, self.definitions, steps).is_reset:
                del self._bound[graph_id]

    def patch(self) -> Patch:
        """Return all steps as one patch for the document.

        Definitions that came in the meantime are inserted as they are now.
        """
        fresh = {
            step.definition.id for step in self._steps if isinstance(step, InsertGraph)
        } & self.workflow.subgraphs.keys()
        steps: list[Operation] = []
        for step in self._steps:
            if isinstance(step, InsertGraph) and step.definition.id in fresh:
                graph = copy_graph(self.workflow.subgraphs[step.definition.id], {})
                steps.append(replace(step, definition=graph))
            elif step.graph not in fresh:
                steps.append(step)
        return tuple(steps)

    def _with_reroute_list(self, operation: Operation) -> list[Operation]:
        """Make the list of reroutes of schema 0.4 by a step that both documents share."""
        if isinstance(operation, InsertRecord) and operation.kind is RecordKind.REROUTE:
            graph = self.workflow.graph(operation.graph)
            if graph.stored_list(operation.kind) is None and not graph.has_object_links:
                made: list[Any] = []
                self._lists[id(made)] = []
                extra = {**graph.extra, operation.kind.value: made}
                return [SetKey(operation.graph, None, "", "extra", extra), operation]
        return [operation]

    def _recorded(self, step: Operation) -> Operation:
        """Return a step as the document takes it: with its own list of reroutes."""
        if isinstance(step, SetKey) and step.kind is None and step.name == "extra":
            reroutes = as_mapping(step.value).get("reroutes")
            own = self._lists.get(id(reroutes))
            if own is not None:
                return replace(step, value={**step.value, "reroutes": own})
        return step


def copy_workflow(workflow: Workflow, graphs: Container[str] | None = None) -> Workflow:
    """Return a copy with the same keys; values inside records are shared, as none changes.

    Args:
        workflow: The document.
        graphs: Ids of the graphs to copy; the others are those of the document. None for all.
    """
    twins: dict[int, Raw] = {}

    def copied(graph: Graph) -> Graph:
        is_wanted = graphs is None or graph.id in graphs
        return copy_graph(graph, twins) if is_wanted else graph

    with collector_paused():
        root = copied(workflow.root)
        subgraphs = {key: copied(graph) for key, graph in workflow.subgraphs.items()}
    for graph in (root, *subgraphs.values()):
        if graphs is not None and graph.id not in graphs:
            continue
        holder = as_mapping(graph.raw.get("definitions"))
        if isinstance(holder.get("subgraphs"), list):
            copies = [twins.get(id(item), item) for item in holder["subgraphs"]]
            graph.raw["definitions"] = {**holder, "subgraphs": copies}
    return Workflow(root.raw, root, subgraphs)


def copy_graph(graph: Graph, twins: dict[int, Raw]) -> Graph:
    """Return a copy of one graph; enter its object in ``twins`` by the identity of the old."""
    raw: Raw = dict(graph.raw)
    twins[id(graph.raw)] = raw
    twin = Graph(graph.id, raw)
    twin.space = graph.space
    for kind in RecordKind:
        stored = graph.stored_list(kind)
        if stored is None:
            continue
        copies = [_copy_record(item) for item in stored]
        by_old = {id(old): new for old, new in zip(stored, copies, strict=True)}
        if kind is RecordKind.REROUTE and not graph.has_object_links:
            raw["extra"] = {**as_mapping(raw.get("extra")), kind.value: copies}
        else:
            raw[kind.value] = copies
        make = RECORD_CLASSES[kind]
        twin.records(kind).update(
            (key, make(key, by_old[id(record.raw)], record.space))
            for key, record in graph.records(kind).items()
        )
    return twin


def change_link(trial: Trial, graph_id: str, key: str, name: str, value: Any) -> None:
    """Give one end of a stored link another value; the link keeps its place in the list.

    Args:
        trial: The working copy.
        graph_id: The graph of the link.
        key: The link.
        name: Field name of the object form, such as ``target_slot``.
        value: The new value.
    """
    graph = trial.graph(graph_id)
    raw = graph.links[key].raw
    if isinstance(raw, dict):
        if raw.get(name) != value:
            trial.apply([SetKey(graph_id, RecordKind.LINK, key, name, value)])
        return
    place = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type").index(name)
    if place >= len(raw) or raw[place] == value:
        return
    changed = [*raw[:place], value, *raw[place + 1 :]]
    stored = as_list(graph.stored_list(RecordKind.LINK))
    index = next(index for index, item in enumerate(stored) if item is raw)
    trial.apply(
        [
            RemoveRecord(graph_id, RecordKind.LINK, key),
            InsertRecord(graph_id, RecordKind.LINK, key, changed, index),
        ]
    )


def _copy_record(item: Any) -> Any:
    # Lists need a copy too: records are told apart by identity.
    return type(item)(item) if type(item) in (dict, list) else item


def _own(step: Operation) -> Operation:
    """Return a step with data of its own, as later steps change inserted records in place."""
    if isinstance(step, InsertRecord):
        return replace(step, raw=_copy_record(step.raw))
    if isinstance(step, InsertGraph):
        return replace(step, definition=copy_graph(step.definition, {}))
    return step


__all__ = ["ROOT", "Trial", "change_link", "copy_graph", "copy_workflow"]
