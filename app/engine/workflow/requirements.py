"""What a workflow needs and this install lacks: node types with their packs, and model files."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph, BoundNode, WidgetRole
from app.engine.workflow.library import Library
from app.engine.workflow.model import ROOT, Graph, Node, RecordKind, Workflow, as_list, as_mapping
from app.engine.workflow.patch import Patch, SetKey
from app.engine.workflow.values import with_value

EDITOR_TYPES: Final = frozenset({"Note", "MarkdownNote", "Reroute", "PrimitiveNode"})
"""Types that every editor brings, without a definition."""

_CLOSE_ENOUGH: Final = 0.6
_MOST_GUESSES: Final = 5
_LONGEST_NAME: Final = 500


@dataclass(frozen=True, slots=True)
class NodePlace:
    """Where a node is.

    Attributes:
        graph_id: Id of its graph; empty for the root.
        key: Its key in that graph.
    """

    graph_id: str
    key: str


@dataclass(frozen=True, slots=True)
class MissingNodeType:
    """A node type that is not installed.

    Attributes:
        type: Its name.
        pack: Id of its pack in the registry of packs, or empty when the file does not tell.
        repository: ``user/name`` of a pack that no registry has, or empty.
        version: Version of the pack that the workflow was made with, or empty.
        nodes: The nodes of that type.
    """

    type: str
    pack: str
    repository: str
    version: str
    nodes: tuple[NodePlace, ...]

    @property
    def source(self) -> str:
        """The pack as an artist can look it up; empty when the file does not tell."""
        return self.pack or self.repository


@dataclass(frozen=True, slots=True)
class MissingPack:
    """The missing node types of one pack; ``name`` is empty for those that no file explains."""

    name: str
    version: str
    types: tuple[MissingNodeType, ...]


@dataclass(frozen=True, slots=True)
class MissingModel:
    """A model file that the workflow names and that is not there.

    Attributes:
        name: File name, with folders inside of the model folder when it has some.
        folder: Kind of model folder, such as ``checkpoints``; may be empty.
        url: Where it can be had, or empty.
        hash: Its check sum, or empty.
        hash_type: Kind of check sum, such as ``SHA256``, or empty.
        nodes: The nodes that name it; none for the list of the whole workflow.
        similar: Files that are there and have a similar name, best first.
        size_bytes: How large the file is, or 0 when the workflow does not tell.
    """

    name: str
    folder: str
    url: str = ""
    hash: str = ""
    hash_type: str = ""
    nodes: tuple[NodePlace, ...] = ()
    similar: tuple[str, ...] = ()
    size_bytes: int = 0


def missing_node_types(
    workflow: Workflow, definitions: Mapping[str, NodeDefinition]
) -> tuple[MissingNodeType, ...]:
    """Return the node types that no definition knows, in the order of their first node.

    Only graphs that the root uses count; subgraphs, legacy group nodes and the editor's own
    types are never missing.
    """
    places: dict[str, list[NodePlace]] = {}
    tellers: dict[str, list[Node]] = {}
    library = Library(workflow, definitions)
    for graph in (workflow.root, *library.missing_for([workflow.root])):
        # A legacy group node's interior is made on the way, so no place leads there.
        is_in_file = graph is workflow.root or graph.id in workflow.subgraphs
        for key, node in graph.nodes.items():
            kind = node.type
            if kind in definitions or kind in EDITOR_TYPES or library.is_host_type(kind):
                continue
            found = places.setdefault(kind, [])
            if is_in_file:
                found.append(NodePlace(graph.id, key))
            tellers.setdefault(kind, []).append(node)
    return tuple(
        MissingNodeType(kind, *_origin(tellers[kind]), tuple(found))
        for kind, found in places.items()
    )


def missing_packs(types: Iterable[MissingNodeType]) -> tuple[MissingPack, ...]:
    """Bring missing types together by pack; those without one come last."""
    packs: dict[str, list[MissingNodeType]] = {}
    for item in types:
        packs.setdefault(item.source, []).append(item)
    rest = packs.pop("", [])
    ordered = [*packs.items(), *([("", rest)] if rest else [])]
    return tuple(
        MissingPack(name, next((item.version for item in found if item.version), ""), tuple(found))
        for name, found in ordered
    )


def missing_models(
    workflow: Workflow,
    list_files: Callable[[str], Iterable[str]],
    definitions: Mapping[str, NodeDefinition] | None = None,
) -> tuple[MissingModel, ...]:
    """Return the models that a workflow names and that are not there.

    A node's list counts as long as one of its values still names the model: an artist may have
    chosen another one since. A file that lies in another folder inside of the model folder than
    a node says is missing for that node: it would be refused.

    Args:
        workflow: The document; only read.
        list_files: Returns the files in a kind of model folder, by names relative to it; an
            unknown kind gives nothing. It is asked once a kind.
        definitions: Node definitions as far as known; without them every file counts as there
            that lies anywhere in its folder.
    """
    bound = _Bindings(workflow, definitions or {})
    wanted: dict[tuple[str, str], MissingModel] = {}
    places: dict[tuple[str, str], list[NodePlace]] = {}
    for model, place in _named_models(workflow):
        key = (model.folder, _plain(model.name))
        known = wanted.setdefault(key, model)
        if not known.url and model.url:
            wanted[key] = model
        if place is not None:
            places.setdefault(key, []).append(place)
    files: dict[str, tuple[str, ...]] = {}
    missing = []
    for key, model in wanted.items():
        if model.folder not in files:
            files[model.folder] = tuple(list_files(model.folder))
        there = files[model.folder]
        nodes = tuple(places.get(key, ()))
        if _is_there(model.name, there):
            exact = {_plain(each) for each in there}
            nodes = tuple(place for place in nodes if bound.refuses(place, model.name, exact))
            if not nodes:
                continue
        missing.append(replace(model, nodes=nodes, similar=similar_names(model.name, there)))
    return tuple(missing)


class _Bindings:
    """Binds graphs when their nodes are asked for."""

    def __init__(self, workflow: Workflow, definitions: Mapping[str, NodeDefinition]) -> None:
        self._workflow = workflow
        self._definitions = definitions
        self._bound: dict[str, BoundGraph] = {}

    def refuses(self, place: NodePlace, name: str, files: set[str]) -> bool:
        """Tell whether a node names the file ``name`` by a path that neither it nor files know."""
        graph = self._workflow.graph(place.graph_id)
        if graph.nodes[place.key].type not in self._definitions:
            return False
        if place.graph_id not in self._bound:
            self._bound[place.graph_id] = bind_graph(self._workflow, graph, self._definitions)
        return any(
            isinstance(widget.value, str)
            and _base(widget.value) == _base(name)
            and widget.choices is not None
            and widget.value not in widget.choices
            and _plain(widget.value) not in files
            for widget in self._bound[place.graph_id].nodes[place.key].widgets
        )


def similar_names(name: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return up to five of ``names`` that resemble ``name``, best first; folders do not count."""
    by_base: dict[str, list[str]] = {}
    for each in names:
        by_base.setdefault(_base(each).casefold(), []).append(each)
    base = _base(name).casefold()[:_LONGEST_NAME]
    found = difflib.get_close_matches(base, by_base, n=_MOST_GUESSES, cutoff=_CLOSE_ENOUGH)
    return tuple(each for match in found for each in by_base[match])[:_MOST_GUESSES]


def use_model(
    workflow: Workflow,
    definitions: Mapping[str, NodeDefinition],
    model: MissingModel,
    replacement: str,
) -> Patch:
    """Return the edit that lets every node which names a missing model use another file.

    Folders in a name do not count: the same file lies elsewhere on the machine of another artist.
    The nodes' lists of models stay: they tell what the workflow was made with.

    Args:
        workflow: The document.
        definitions: Node definitions as far as known.
        model: What is missing.
        replacement: Name of a file that is there, relative to the same kind of folder.
    """
    operations: list[SetKey] = []
    for graph in workflow.graphs():
        for key, node in bind_graph(workflow, graph, definitions).nodes.items():
            if not node.boundary:
                operations += _replaced(graph.id, key, node, _base(model.name), replacement)
    return tuple(operations)


def _replaced(
    graph_id: str, key: str, node: BoundNode, name: str, replacement: str
) -> Iterator[SetKey]:
    """Yield what lets the widgets of a node that hold a file ``name`` hold ``replacement``."""
    stored = values = node.node.raw.get("widgets_values")
    named = node.node.raw.get("widgets_values_named")
    for widget in node.widgets:
        is_ours = widget.role in (WidgetRole.VALUE, WidgetRole.PROMOTED)
        if not is_ours or not isinstance(widget.value, str) or _base(widget.value) != name:
            continue
        changed = with_value(values, node.widgets, widget, replacement)
        if changed is not None:
            values = changed
            if isinstance(named, dict):
                named = {**named, widget.name: replacement}
    if values is not stored:
        yield SetKey(graph_id, RecordKind.NODE, key, "widgets_values", values)
        if isinstance(named, dict):
            yield SetKey(graph_id, RecordKind.NODE, key, "widgets_values_named", named)


def _file_graphs(workflow: Workflow) -> Iterator[Graph]:
    """Yield the root and the definitions it uses, directly or through others."""
    yield workflow.root
    for graph in Library(workflow, {}).missing_for([workflow.root]):
        # A legacy group node's interior is made on the way and no part of the file.
        if graph.id in workflow.subgraphs:
            yield graph


def _origin(nodes: list[Node]) -> tuple[str, str, str]:
    """Return pack, repository and version as the first node tells them that does."""
    for node in nodes:
        properties = node.properties
        pack, repository = _text(properties.get("cnr_id")), _text(properties.get("aux_id"))
        if pack or repository:
            return pack, repository, _text(properties.get("ver"))
    return "", "", ""


def _named_models(workflow: Workflow) -> Iterator[tuple[MissingModel, NodePlace | None]]:
    for graph in _file_graphs(workflow):
        for key, node in graph.nodes.items():
            values = _texts(node.raw.get("widgets_values"))
            for entry in as_list(node.properties.get("models")):
                model = _read_model(entry)
                if model is not None and (not values or _is_named(model.name, values)):
                    yield model, NodePlace(graph.id, key)
    for graph in (workflow.root, *workflow.subgraphs.values()):
        holders = [graph.raw.get("models")]
        holders.append(graph.extra.get("models") if graph.id == ROOT else None)
        for holder in holders:
            for entry in as_list(holder):
                model = _read_model(entry)
                if model is not None:
                    yield model, None


def _read_model(entry: Any) -> MissingModel | None:
    values = as_mapping(entry)
    name = _text(values.get("name"))
    if not name:
        return None
    return MissingModel(
        name,
        _text(values.get("directory")),
        _text(values.get("url")),
        _text(values.get("hash")),
        _text(values.get("hash_type")),
        size_bytes=_size(values),
    )


def _size(values: Mapping[str, Any]) -> int:
    for name in ("size_bytes", "size"):
        size = values.get(name)
        if isinstance(size, int) and not isinstance(size, bool) and size > 0:
            return size
    return 0


def _texts(values: Any) -> set[str]:
    found = values.values() if isinstance(values, dict) else as_list(values)
    return {_plain(value) for value in found if isinstance(value, str)}


def _is_named(name: str, values: set[str]) -> bool:
    return _plain(name) in values or any(_base(value) == _base(name) for value in values)


def _is_there(name: str, files: Iterable[str]) -> bool:
    plain = _plain(name)
    return any(_plain(each) == plain or _plain(each).endswith(f"/{plain}") for each in files)


def _plain(name: str) -> str:
    """Return a name with one kind of slash, since files from Windows have the other."""
    return name.replace("\\", "/")


def _base(name: str) -> str:
    return _plain(name).rpartition("/")[2]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
