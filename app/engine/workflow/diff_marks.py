"""What a canvas marks to show how two workflows differ: by graph, with all that is gone.

The canvas shows the second workflow. Nodes and links that only the first one has come along with
their places, so that they can be drawn where they were.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph, BoundNode
from app.engine.workflow.diff import GraphDiff, LinkMention, NodeChange, WorkflowDiff
from app.engine.workflow.diff_text import change_words
from app.engine.workflow.model import Workflow

TITLE_HEIGHT: Final = 30.0
_NO_SIZE: Final = (210.0, 80.0)
_COLLAPSED_WIDTH: Final = 120.0
_LAYOUT: Final = frozenset({"size"})
"""Changes that alone mean that a node was only laid out anew."""


class MarkKind(enum.Enum):
    """How a node or a link differs."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Ghost:
    """A node that is gone.

    Attributes:
        key: Its key in the first workflow.
        title: Its title.
        box: Left, top, right and bottom in scene units, the title included.
    """

    key: str
    title: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class GhostLink:
    """A link that is gone, by the keys of its nodes and the numbers of its sockets.

    Attributes:
        key: Its key in the first workflow.
        type: What it carried.
        origin, target: Keys of nodes; of a ghost when the node is gone too.
        output: Number of the output.
        input: Number of the input, as the first workflow showed it.
        input_name: Name of the input, by which it is found in the second workflow.
    """

    key: str
    type: str
    origin: str
    output: int
    target: str
    input: int
    input_name: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One step of a walk through the differences.

    Attributes:
        kind: How it differs.
        graph_id: The graph; empty for the root.
        node: Key of the node, or of a ghost when it is removed.
        link: Key of a link whose nodes both stayed, or empty.
        words: What differs: the thing, then a line for each change.
    """

    kind: MarkKind
    graph_id: str
    node: str
    link: str = ""
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GraphMarks:
    """What is marked in one graph.

    Attributes:
        added: Keys of new nodes.
        changed: Keys of changed nodes, with a line for each change.
        moved: Keys of nodes that only stand elsewhere or have another size.
        removed: Nodes that are gone, by key.
        links_added: Keys of new links.
        links_removed: Links that are gone, by key.
    """

    added: frozenset[str] = frozenset()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    moved: frozenset[str] = frozenset()
    removed: Mapping[str, Ghost] = field(default_factory=dict)
    links_added: frozenset[str] = frozenset()
    links_removed: Mapping[str, GhostLink] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marks:
    """Everything that is marked, and the walk through it.

    Attributes:
        graphs: Marks by id of the graph.
        differences: All but what only moved: graph by graph, from left to right.
    """

    graphs: Mapping[str, GraphMarks] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()

    def graph(self, graph_id: str) -> GraphMarks:
        """Return the marks of one graph; none when nothing differs there."""
        return self.graphs.get(graph_id, _NO_MARKS)

    def count(self, kind: MarkKind, *, links: bool = False) -> int:
        """Return how many nodes, or links, are marked in a way in all graphs."""
        total = 0
        for marks in self.graphs.values():
            nodes_and_links = {
                MarkKind.ADDED: (marks.added, marks.links_added),
                MarkKind.CHANGED: (marks.changed, ()),
                MarkKind.REMOVED: (marks.removed, marks.links_removed),
            }
            total += len(nodes_and_links[kind][links])
        return total

    @property
    def moved_count(self) -> int:
        """Return how many nodes only stand elsewhere."""
        return sum(len(marks.moved) for marks in self.graphs.values())


_NO_MARKS: Final = GraphMarks()


def marks_of(
    diff: WorkflowDiff,
    before: Workflow,
    after: Workflow,
    definitions: Mapping[str, NodeDefinition],
) -> Marks:
    """Return what to mark.

    A node that holds a subgraph in which something differs counts as changed.

    Args:
        diff: The differences between the two.
        before: The first workflow; only read.
        after: The second one, which the canvas shows; only read.
        definitions: Node definitions as far as known.
    """
    graphs: dict[str, GraphMarks] = {}
    walk: dict[str, list[tuple[tuple[float, float], Difference]]] = {}
    inside = _hosts_of_changes(diff, after)
    ids = [graph.graph_id for graph in diff.graphs]
    for graph_id in [*ids, *(each for each in inside if each not in ids)]:
        graph = diff.graph(graph_id)
        old = bind_graph(before, before.graph(graph_id), definitions)
        new = bind_graph(after, after.graph(graph_id), definitions)
        graphs[graph_id] = _marks(graph, old, inside.get(graph_id, ()))
        walk[graph_id] = list(_walk(graph, graphs[graph_id], old, new))
    steps = (
        difference
        for graph_id in sorted(walk, key=bool)
        for _, difference in sorted(walk[graph_id], key=lambda item: item[0])
    )
    return Marks(graphs, tuple(steps))


def _marks(graph: GraphDiff, old: BoundGraph, hosts: Iterable[str]) -> GraphMarks:
    added = frozenset(node.key for node in graph.nodes_added)
    changed = {
        change.node.key: tuple(change_words(value) for value in change.changes)
        for change in graph.nodes_changed
        if not _is_layout(change)
    }
    for key in hosts:
        if key not in added:
            changed[key] = (*changed.get(key, ()), "its subgraph has changed")
    moved = {move.node.key for move in graph.nodes_moved}
    moved |= {change.node.key for change in graph.nodes_changed if _is_layout(change)}
    return GraphMarks(
        added,
        changed,
        frozenset(moved - changed.keys() - added),
        {node.key: _ghost(old.nodes[node.key]) for node in graph.nodes_removed},
        frozenset(link.key for link in graph.links_added),
        {link.key: _ghost_link(old, link) for link in graph.links_removed},
    )


def _is_layout(change: NodeChange) -> bool:
    return all(value.name in _LAYOUT for value in change.changes)


def _ghost(node: BoundNode) -> Ghost:
    x, y = node.node.pos
    width, height = node.node.size or _NO_SIZE
    if node.node.is_collapsed:
        width, height = min(width, _COLLAPSED_WIDTH), 0.0
    return Ghost(node.key, node.title, (x, y - TITLE_HEIGHT, x + width, y + height))


def _ghost_link(old: BoundGraph, mention: LinkMention) -> GhostLink:
    link = old.links[mention.key]
    return GhostLink(
        mention.key,
        link.type,
        link.origin,
        link.origin_slot,
        link.target,
        link.target_input,
        mention.input,
    )


def _walk(
    graph: GraphDiff, marks: GraphMarks, old: BoundGraph, new: BoundGraph
) -> Iterator[tuple[tuple[float, float], Difference]]:
    """Yield the differences with their places; links of new and removed nodes come with these."""
    for key in (*marks.added, *marks.changed):
        kind = MarkKind.ADDED if key in marks.added else MarkKind.CHANGED
        words = (new.nodes[key].title, *marks.changed.get(key, ()))
        yield new.nodes[key].node.pos, Difference(kind, graph.graph_id, key, words=words)
    for key, ghost in marks.removed.items():
        place = (ghost.box[0], ghost.box[1] + TITLE_HEIGHT)
        yield place, Difference(MarkKind.REMOVED, graph.graph_id, key, words=(ghost.title,))
    for mention in graph.links_added:
        if not marks.added & {mention.origin.key, mention.target.key}:
            words = (_link_words(mention),)
            place = new.nodes[mention.target.key].node.pos
            yield (
                place,
                Difference(MarkKind.ADDED, graph.graph_id, mention.target.key, mention.key, words),
            )
    for mention in graph.links_removed:
        target = mention.target.key
        if not marks.removed.keys() & {mention.origin.key, target} and target in new.nodes:
            words = (_link_words(mention),)
            place = new.nodes[target].node.pos
            yield place, Difference(MarkKind.REMOVED, graph.graph_id, target, mention.key, words)


def _link_words(link: LinkMention) -> str:
    return f"{link.origin.title} {link.output} -> {link.target.title} {link.input}"


def _hosts_of_changes(diff: WorkflowDiff, after: Workflow) -> dict[str, list[str]]:
    """Return the keys of nodes, by graph, that hold a changed subgraph at any depth."""
    changed = {graph.graph_id for graph in diff.graphs if graph.graph_id}
    both = {graph.graph_id for graph in diff.graphs}
    known = {"", *after.subgraphs} - {graph.graph_id for graph in diff.subgraphs_added}
    found: dict[str, list[str]] = {}
    waiting = set(changed)
    while waiting:
        kinds, waiting = waiting, set()
        for graph in after.graphs():
            if graph.id not in known:
                continue
            hosts = [key for key, node in graph.nodes.items() if node.type in kinds]
            if hosts:
                found.setdefault(graph.id, []).extend(hosts)
                if graph.id and graph.id not in changed | both:
                    changed.add(graph.id)
                    waiting.add(graph.id)
    return found
