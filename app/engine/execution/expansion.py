"""Nodes that put a graph in their place (E-340 to E-349)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.errors import EaselError
from app.engine.execution.arguments import has_slot
from app.engine.execution.blocker import ExecutionBlocker
from app.engine.execution.cache_key import is_same_value
from app.engine.execution.keys import KeyMaker
from app.engine.execution.prompt import is_link
from app.engine.execution.results import CallResult, Outputs, merge_outputs
from app.engine.execution.run_state import NodeState, Run
from app.engine.node_types.schema import NodeSchema


class ExpansionError(EaselError):
    """A node expanded into a graph that cannot run."""


@dataclass(slots=True, eq=False)
class Expansion:
    """A graph that runs in the place of a node.

    Attributes:
        results: What the node's calls gave; their outputs may be links into the graph.
        sources: The nodes that those outputs link to, in order, each once.
        nodes: The nodes that are new in this run.
        outputs: Those of them that are output nodes.
    """

    results: list[CallResult]
    sources: list[str] = field(default_factory=list)
    nodes: list[NodeState] = field(default_factory=list)
    outputs: list[NodeState] = field(default_factory=list)


def expand(run: Run, keys: KeyMaker, state: NodeState, results: list[CallResult]) -> Expansion:
    """Add the graphs that a node's calls returned to the run.

    Raises:
        ExpansionError: A node has an unknown class, an id that is taken by another
            definition, or is no node at all.
        NodeNotFoundError: A result links to a node that does not exist.
    """
    expansion = Expansion(results)
    for result in results:
        for node_id, node in (result.expand or {}).items():
            added = _add_node(run, state, node_id, node)
            if added is not None:
                expansion.nodes.append(added)
    _place_in_stores(run, keys, state, expansion)
    for result in results:
        if result.expand is not None:
            for value in result.outputs or ():
                if is_link(value) and value[0] not in expansion.sources:
                    run.state(value[0], state.id)
                    expansion.sources.append(value[0])
    expansion.outputs = [
        node for node in expansion.nodes if node.schema is not None and node.schema.is_output
    ]
    return expansion


def _add_node(run: Run, state: NodeState, node_id: str, node: Any) -> NodeState | None:
    if not isinstance(node, Mapping) or not isinstance(node.get("class_type"), str):
        raise ExpansionError(
            f"Node {state.id} ({state.class_type}) expanded into node {node_id}, "
            "which has no class_type."
        )
    if run.dynprompt.has_node(node_id):
        if not run.strict:
            if _is_same_definition(run.dynprompt.get_node(node_id), node):
                return None
            raise ExpansionError(
                f"Node {state.id} ({state.class_type}) expanded into node {node_id}, but this "
                "run has another node with that id. Ids must be unique in a run: let "
                "GraphBuilder make them."
            )
        if node_id in run.states and run.states[node_id].parent is None:
            return None
    class_type = node["class_type"]
    if class_type not in run.schemas.registry.classes:
        raise ExpansionError(
            f"Node {state.id} ({state.class_type}) expanded into node {node_id} of type "
            f'"{class_type}", which is not installed.'
        )
    schema = run.schemas.for_inputs(class_type, node.get("inputs") or {})
    display_id = node.get("override_display_id") or state.id
    run.dynprompt.add_ephemeral_node(node_id, dict(node), state.id, display_id)
    inner = NodeState(
        node_id, class_type, node.get("inputs") or {}, schema, state.store, parent=state
    )
    run.states[node_id] = inner
    return inner


def _is_same_definition(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    if old.get("class_type") != new.get("class_type"):
        return False
    before, after = old.get("inputs") or {}, new.get("inputs") or {}
    return before.keys() == after.keys() and all(
        is_same_value(before[name], after[name]) for name in before
    )


def _place_in_stores(run: Run, keys: KeyMaker, state: NodeState, expansion: Expansion) -> None:
    """Give the new nodes keys, and the store below their expander (E-430, E-431)."""
    keys.add(expansion.nodes)
    store = run.cache.begin_expansion(
        state.store,
        state.name,
        {node.id: node.class_type for node in expansion.nodes},
        [node.key for node in expansion.nodes],
    )
    for node in expansion.nodes:
        node.store = store


def assemble(run: Run, schema: NodeSchema, expansion: Expansion) -> Outputs:
    """Return the outputs of a node whose expansion has run (E-344, E-918).

    A link contributes the whole list of its source to its own slot, in the order of the
    calls. In strict mode it is spliced into the result as the reference does, which shifts
    the slots behind a source whose list does not have exactly one element.
    """
    if run.strict:
        return _splice(run, schema, expansion)
    if not any(_has_links(result) for result in expansion.results):
        return merge_outputs(schema, expansion.results)
    slots = max(len(result.outputs or ()) for result in expansion.results)
    outputs: Outputs = [[] for _ in range(slots)]
    flags = schema.output_is_list
    for result in expansion.results:
        for slot, value in enumerate(result.outputs or ()):
            if result.expand is not None and is_link(value):
                outputs[slot].extend(_source_values(run, value))
            elif slot < len(flags) and flags[slot] and not isinstance(value, ExecutionBlocker):
                outputs[slot].extend(value)
            else:
                outputs[slot].append(value)
    return outputs


def _has_links(result: CallResult) -> bool:
    return result.expand is not None and any(is_link(value) for value in result.outputs or ())


def _source_values(run: Run, link: Sequence[Any]) -> list[Any]:
    entry = run.states[link[0]].entry
    if entry is None or not has_slot(entry.outputs, link[1]):
        return [None]
    return entry.outputs[link[1]]


def _splice(run: Run, schema: NodeSchema, expansion: Expansion) -> Outputs:
    spliced = []
    for result in expansion.results:
        outputs: list[Any] = []
        for value in result.outputs or ():
            if result.expand is not None and is_link(value):
                outputs.extend(_source_values(run, value))
            else:
                outputs.append(value)
        spliced.append(CallResult(tuple(outputs)))
    return merge_outputs(schema, spliced)
