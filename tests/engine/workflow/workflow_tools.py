"""Helpers for tests of workflow files: samples, definitions, and small graphs from words."""

from __future__ import annotations

import functools
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph, update_binding
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.model import Workflow
from app.engine.workflow.patch import Patch, apply_patch
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.writer import serialize, snapshot

DATA = Path(__file__).resolve().parents[2] / "data" / "workflows"


@functools.cache
def sample_definitions() -> Mapping[str, NodeDefinition]:
    """Return the node definitions of the sample files."""
    with gzip.open(DATA / "object_info.json.gz") as stream:
        entries = json.load(stream)
    return {name: NodeDefinition.from_object_info(name, info) for name, info in entries.items()}


@functools.cache
def fresh_nodes() -> Mapping[str, Any]:
    """Return what fresh nodes have in the web editor."""
    with gzip.open(DATA / "node_widgets.json.gz") as stream:
        return json.load(stream)


def sample_path(name: str) -> Path:
    """Return the path of a sample file."""
    return DATA / "open" / f"{name}.json"


def sample_names() -> list[str]:
    """Return the names of all samples."""
    files = sorted((DATA / "open").glob("*.json"))
    return [file.stem for file in files if not file.name.endswith(".prompt.json")]


def read_sample(name: str) -> Workflow:
    """Read a sample file."""
    return read_workflow(sample_path(name).read_bytes(), name=name)


def raw_sample(name: str) -> Any:
    """Parse a sample file, bare NaN and Infinity as null."""
    return json.loads(sample_path(name).read_bytes(), parse_constant=lambda _: None)


def definition(
    name: str,
    required: Mapping[str, Any] | None = None,
    optional: Mapping[str, Any] | None = None,
    outputs: tuple[str, ...] = (),
    **more: Any,
) -> NodeDefinition:
    """Make a node definition from object_info parts."""
    info = {
        "input": {"required": dict(required or {}), "optional": dict(optional or {})},
        "output": list(outputs),
        "output_name": list(outputs),
        **more,
    }
    return NodeDefinition.from_object_info(name, info)


def node(number: int | str, kind: str, **more: Any) -> dict[str, Any]:
    """Make a node of a file."""
    return {
        "id": number, "type": kind, "pos": [0, 0], "size": [200, 100], "flags": {}, "order": 0,
        "mode": 0, "inputs": [], "outputs": [], "properties": {}, **more,
    }  # fmt: skip


def slot(name: str, kind: str = "*", link: int | None = None, **more: Any) -> dict[str, Any]:
    """Make an input slot of a file."""
    return {"name": name, "type": kind, "link": link, **more}


def out(name: str, kind: str = "*", links: tuple[int, ...] = ()) -> dict[str, Any]:
    """Make an output slot of a file."""
    return {"name": name, "type": kind, "links": list(links)}


def flow(nodes: list[Any], links: list[Any] | None = None, **more: Any) -> Workflow:
    """Make a workflow of schema 0.4."""
    raw = {"version": 0.4, "nodes": nodes, "links": links or [], **more}
    return read_workflow(json.dumps(raw))


def subgraph(
    identifier: str,
    nodes: list[Any],
    links: list[tuple[int, Any, int, Any, int]],
    inputs: tuple[tuple[str, str], ...] = (),
    outputs: tuple[tuple[str, str], ...] = (),
) -> dict[str, Any]:
    """Make a subgraph definition; links are ``(id, origin, slot, target, slot)``."""

    def ids(end: int, place: int, index: int) -> list[int]:
        return [link[0] for link in links if link[end] == (-10 if end == 1 else -20)
                and link[place] == index]  # fmt: skip

    return {
        "id": identifier,
        "version": 1,
        "state": {"lastNodeId": 0, "lastLinkId": 0, "lastGroupId": 0, "lastRerouteId": 0},
        "name": f"Sub {identifier}",
        "inputNode": {"id": -10, "bounding": [-200, 0, 120, 60]},
        "outputNode": {"id": -20, "bounding": [600, 0, 120, 60]},
        "inputs": [
            {"id": f"i{index}", "name": name, "type": kind, "linkIds": ids(1, 2, index)}
            for index, (name, kind) in enumerate(inputs)
        ],
        "outputs": [
            {"id": f"o{index}", "name": name, "type": kind, "linkIds": ids(3, 4, index)}
            for index, (name, kind) in enumerate(outputs)
        ],
        "nodes": nodes,
        "links": [
            {
                "id": link[0], "origin_id": link[1], "origin_slot": link[2],
                "target_id": link[3], "target_slot": link[4], "type": "*",
            }
            for link in links
        ],
        "groups": [],
    }  # fmt: skip


def content(workflow: Workflow) -> bytes:
    """Return the bytes that a save would write."""
    return serialize(snapshot(workflow))


class Desk:
    """A workflow with a bound graph, edited as the window does it."""

    def __init__(
        self,
        workflow: Workflow,
        definitions: Mapping[str, NodeDefinition] | None = None,
        graph_id: str = "",
    ) -> None:
        self.workflow = workflow
        self.definitions = sample_definitions() if definitions is None else definitions
        self.graph_id = graph_id
        self.bound: BoundGraph = self.bind()
        self.inverses: list[Patch] = []

    @property
    def both(self) -> tuple[Workflow, BoundGraph]:
        """The first two arguments of every edit."""
        return self.workflow, self.bound

    def bind(self) -> BoundGraph:
        """Bind the graph afresh."""
        graph = self.workflow.graph(self.graph_id)
        return bind_graph(self.workflow, graph, self.definitions)

    def do(self, patch: Patch) -> Any:
        """Apply a patch; return what changed on the graph."""
        self.inverses.append(apply_patch(self.workflow, patch))
        return self._follow(patch)

    def undo(self) -> Any:
        """Take the last patch back."""
        inverse = self.inverses.pop()
        apply_patch(self.workflow, inverse)
        return self._follow(inverse)

    def _follow(self, patch: Patch) -> Any:
        change = update_binding(self.workflow, self.bound, self.definitions, patch)
        if change.is_reset:
            self.bound = self.bind()
        return change

    def differences(self) -> list[str]:
        """Return how the binding differs from a fresh one; empty when it is up to date."""
        fresh, ours = self.bind(), self.bound
        found = []
        if list(fresh.nodes) != list(ours.nodes):
            found.append(f"nodes {list(fresh.nodes)} not {list(ours.nodes)}")
        for key in fresh.nodes.keys() & ours.nodes.keys():
            new, old = fresh.nodes[key], ours.nodes[key]
            if new.boundary:
                continue
            for name in ("title", "inputs", "outputs", "widgets", "problem", "subgraph"):
                if getattr(new, name) != getattr(old, name):
                    found.append(f"{key} {name} {getattr(new, name)} not {getattr(old, name)}")
        for key in fresh.links.keys() | ours.links.keys():
            if fresh.links.get(key) != ours.links.get(key):
                found.append(f"link {fresh.links.get(key)} not {ours.links.get(key)}")
        return found


def chain_problems(workflow: Workflow, graph_id: str = "") -> list[str]:
    """Return what is wrong with the reroutes of a graph; a file that we edit has none of it."""
    graph = workflow.graph(graph_id)
    parents = {key: link.parent_id for key, link in graph.links.items()}
    for item in graph.extra.get("linkExtensions", []):
        parents[str(item["id"])] = str(item["parentId"])
    through: dict[str, set[str]] = {key: set() for key in graph.reroutes}
    sources: dict[str, set[tuple[str, int]]] = {key: set() for key in graph.reroutes}
    floating: dict[str, list[str]] = {key: [] for key in graph.reroutes}
    ends: dict[str, set[str]] = {}
    found = [f"link {key} of nobody" for key in parents if key not in graph.links]

    def walk(parent: str | None) -> list[str]:
        path: list[str] = []
        while parent is not None:
            if parent not in graph.reroutes or parent in path:
                found.append(f"no way above {path} to {parent}")
                break
            path.append(parent)
            parent = graph.reroutes[parent].parent_id
        return path

    for key, parent in parents.items():
        for name in walk(parent):
            through[name].add(key)
            sources[name].add((graph.links[key].origin, graph.links[key].origin_slot))
    for key, link in graph.floating_links.items():
        end = "input" if link.origin == "-1" else "output"
        node = link.target if end == "input" else link.origin
        if node not in graph.nodes and node not in ("-10", "-20"):
            found.append(f"floating {key} hangs from {node}")
        for name in walk(link.parent_id):
            floating[name].append(key)
            if end == "output":
                sources[name].add((link.origin, link.origin_slot))
        ends.setdefault(link.parent_id or "", set()).add(end)
    for key, reroute in graph.reroutes.items():
        if not through[key] and not floating[key]:
            found.append(f"reroute {key} is of no use")
        if {str(item) for item in reroute.get("linkIds") or []} != through[key]:
            found.append(f"reroute {key} names {reroute.get('linkIds')}, not {through[key]}")
        if len(sources[key]) > 1:
            found.append(f"reroute {key} has sources {sources[key]}")
        mark = (reroute.get("floating") or {}).get("slotType")
        if (mark is None) != (key not in ends) or (mark and mark not in ends[key]):
            found.append(f"reroute {key} is marked {mark}, ends {ends.get(key)}")
    return found
