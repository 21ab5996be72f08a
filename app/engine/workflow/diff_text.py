"""The differences between two workflows in words, for a terminal or a list in the window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from app.engine.workflow.diff import (
    GraphDiff,
    LinkMention,
    NodeMention,
    ValueChange,
    WorkflowDiff,
)
from app.engine.workflow.model import ROOT

_LONGEST_VALUE: Final = 60


def describe_diff(diff: WorkflowDiff) -> list[str]:
    """Return the differences as lines of text, ``+`` for added and ``-`` for removed things.

    A graph other than the root is headed by its name. Nothing is said of equal workflows.
    """
    lines = [f'+ subgraph "{graph.name}"' for graph in diff.subgraphs_added]
    lines += [f'- subgraph "{graph.name}"' for graph in diff.subgraphs_removed]
    for graph in diff.graphs:
        if graph.graph_id != ROOT:
            lines.append(f'In the subgraph "{graph.name}":')
        indent = "" if graph.graph_id == ROOT else "  "
        lines += [indent + line for line in _describe_graph(graph)]
    return lines


def _describe_graph(graph: GraphDiff) -> Iterator[str]:
    for node in graph.nodes_added:
        yield f"+ {_words(node)}"
    for node in graph.nodes_removed:
        yield f"- {_words(node)}"
    for change in graph.nodes_changed:
        yield f"~ {_words(change.node)}"
        for value in change.changes:
            yield f"    {change_words(value)}"
    for move in graph.nodes_moved:
        yield f"~ {_words(move.node)} moved from {_place(move.before)} to {_place(move.after)}"
    for link in graph.links_added:
        yield f"+ link {_link_words(link)}"
    for link in graph.links_removed:
        yield f"- link {_link_words(link)}"
    for title in graph.groups_added:
        yield f'+ group "{title}"'
    for title in graph.groups_removed:
        yield f'- group "{title}"'
    for value in graph.groups_changed:
        yield f"~ group {change_words(value)}"
    if graph.reroutes_changed:
        yield f"~ reroutes {', '.join(graph.reroutes_changed)}"
    for value in graph.settings:
        yield f"~ {change_words(value)}"


def change_words(change: ValueChange) -> str:
    """Say a change in a line; of long texts the part around the first difference is shown."""
    before, after = _value_words(change.before), _value_words(change.after)
    at = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b),
        min(len(before), len(after)),
    )
    return f"{change.name}: {_cut(before, at)} -> {_cut(after, at)}"


def _value_words(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _cut(text: str, at: int) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    start = max(0, min(at - _LONGEST_VALUE // 2, len(text) - _LONGEST_VALUE))
    part = text[start : start + _LONGEST_VALUE]
    tail = "…" if start + _LONGEST_VALUE < len(text) else ""
    return f"{'…' if start else ''}{part}{tail}"


def _words(node: NodeMention) -> str:
    own = "" if node.title in ("", node.type) else f' "{node.title}"'
    return f"{node.type or 'node'} {node.key}{own}"


def _link_words(link: LinkMention) -> str:
    return f"{_words(link.origin)} {link.output} -> {_words(link.target)} {link.input}"


def _place(pos: tuple[float, float]) -> str:
    return f"({pos[0]:g}, {pos[1]:g})"
