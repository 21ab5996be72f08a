"""Blueprints: subgraphs published to a folder, to be used in other documents (U-210 to U-212).

A blueprint is a workflow file that holds one host and the definitions it needs, so it opens as a
document of its own. What is inserted from it is independent of the file and of other insertions.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from app.engine.errors import EaselError, SubgraphError
from app.engine.files import FileSaveError, resolve_inside, save_failure_reason, write_atomic
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow import clipboard
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.group_nodes import is_group_type
from app.engine.workflow.model import Graph, Node, Raw, Workflow, as_list, as_mapping
from app.engine.workflow.patch import Patch
from app.engine.workflow.reader import open_workflow
from app.engine.workflow.subgraphs import subgraph_name
from app.engine.workflow.writer import dump_json

_SUFFIX: Final = ".json"
_LONGEST_NAME: Final = 100
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*]+')
_DEVICES: Final = frozenset(
    ["con", "prn", "aux", "nul", *(f"{name}{n}" for name in ("com", "lpt") for n in range(1, 10))]
)


@dataclass(frozen=True, slots=True)
class Blueprint:
    """One file of a blueprint folder.

    Attributes:
        name: Name of the subgraph, or of the file when it cannot be read.
        path: The file.
        description: What it is for; may be empty.
        aliases: More words to find it by.
        category: Where it is listed; may be empty.
        inputs: ``(label, type)`` of its inputs.
        outputs: ``(label, type)`` of its outputs.
        problem: Why it cannot be used, or empty.
    """

    name: str
    path: Path
    description: str = ""
    aliases: tuple[str, ...] = ()
    category: str = ""
    inputs: tuple[tuple[str, str], ...] = ()
    outputs: tuple[tuple[str, str], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Published:
    """What came of publishing.

    Attributes:
        path: The file of the blueprint.
        reason: Empty when it was written; else the question to put to the artist before
            publishing again with ``overwrite``.
    """

    path: Path
    reason: str = ""


def file_name(name: str) -> str:
    """Return a file name for a blueprint that every system takes and that stays in its folder."""
    text = unicodedata.normalize("NFC", name)
    text = _UNSAFE.sub("_", text).strip(" .")[:_LONGEST_NAME].strip(" .")
    if not text or text.split(".")[0].lower() in _DEVICES:
        text = f"_{text}"
    return text + _SUFFIX


def publish(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    folder: str | Path,
    *,
    name: str = "",
    description: str | None = None,
    aliases: Iterable[str] | None = None,
    overwrite: bool = False,
) -> Published:
    """Write a host with its definitions and values to a blueprint folder.

    Args:
        workflow: The document; it is only read.
        bound: The graph that is shown.
        key: The host.
        folder: The blueprint folder; made when it is not there.
        name: Name of the blueprint; that of the subgraph when empty.
        description: What it is for; that of the subgraph when absent.
        aliases: More words to find it by; those of the subgraph when absent.
        overwrite: Replace a blueprint of the same name.

    Returns:
        The file, and a question when a blueprint of that name is there already.

    Raises:
        SubgraphError: The node is no subgraph, or one that contains itself.
        FileSaveError: The file cannot be written; what was there is as it was.
    """
    node = bound.nodes[key]
    if node.subgraph is None or is_group_type(node.subgraph) or node.problem:
        raise SubgraphError(node.problem or f'"{node.title}" is not a subgraph.')
    graph = workflow.subgraphs[node.subgraph]
    title = name.strip() or subgraph_name(graph)
    path = resolve_inside(folder, file_name(title))
    known = _known(path)
    if known is not None:
        if not overwrite:
            return Published(known, f'There is a blueprint "{known.stem}" already. Replace it?')
        path = known
    data = dump_json(_blueprint(workflow, bound, key, title, description, aliases), indent=2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = save_failure_reason(error)
        raise FileSaveError(f'Cannot publish "{title}": {reason}.', details=str(error)) from error
    write_atomic(path, data)
    return Published(path)


def list_blueprints(folder: str | Path) -> list[Blueprint]:
    """Return the blueprints of a folder by name; files that cannot be used say why."""
    root = Path(folder)
    if not root.is_dir():
        return []
    found = [read_blueprint(path) for path in root.glob(f"*{_SUFFIX}") if path.is_file()]
    return sorted(found, key=lambda item: (item.name.casefold(), item.path.name))


def read_blueprint(path: str | Path) -> Blueprint:
    """Return what a blueprint file offers; ``problem`` says why it cannot be used."""
    path = Path(path)
    try:
        _, node, graph = _open(path)
    except EaselError as error:
        return Blueprint(path.stem, path, problem=str(error))
    words = graph.extra.get("BlueprintSearchAliases")
    if isinstance(words, str):
        words = words.split(",")
    aliases = [str(word).strip() for word in as_list(words)]
    description = graph.raw.get("description") or graph.extra.get("BlueprintDescription")
    return Blueprint(
        name=node.title or subgraph_name(graph),
        path=path,
        description=str(description or ""),
        aliases=tuple(word for word in aliases if word),
        category=str(graph.raw.get("category") or ""),
        inputs=_slots(graph, "inputs"),
        outputs=_slots(graph, "outputs"),
    )


def insert_blueprint(
    workflow: Workflow,
    bound: BoundGraph,
    definitions: Mapping[str, NodeDefinition],
    path: str | Path,
    pos: tuple[float, float],
) -> tuple[Patch, str]:
    """Add the subgraph of a blueprint file; return the patch and the key of the host.

    Args:
        workflow: The document.
        bound: The graph that gets it.
        definitions: Node definitions by type name.
        path: The blueprint file.
        pos: Top-left corner of the host's body.

    Raises:
        WorkflowFileError: The file cannot be read.
        SubgraphError: It holds no subgraph, or it would contain itself.
    """
    clip = take_blueprint(path, definitions)
    return place_blueprint(workflow, bound, definitions, clip, pos)


def take_blueprint(path: str | Path, definitions: Mapping[str, NodeDefinition]) -> dict[str, Any]:
    """Read the subgraph of a blueprint file as a clip for :func:`place_blueprint`.

    This half of :func:`insert_blueprint` reads the disk and knows no document, so it can be done
    on another thread.

    Args:
        path: The blueprint file.
        definitions: Node definitions by type name.

    Raises:
        WorkflowFileError: The file cannot be read.
        SubgraphError: It holds no subgraph.
    """
    source, node, _ = _open(Path(path))
    shown = bind_graph(source, source.root, definitions)
    return clipboard.copy(source, shown, [node.key])


def place_blueprint(
    workflow: Workflow,
    bound: BoundGraph,
    definitions: Mapping[str, NodeDefinition],
    clip: Mapping[str, Any],
    pos: tuple[float, float],
) -> tuple[Patch, str]:
    """Add what :func:`take_blueprint` read; return the patch and the key of the host.

    Args:
        workflow: The document.
        bound: The graph that gets it.
        definitions: Node definitions by type name.
        clip: The blueprint.
        pos: Top-left corner of the host's body.

    Raises:
        SubgraphError: The subgraph would contain itself.
    """
    patch, keys, _ = clipboard.paste(workflow, bound, definitions, clip, pos, is_independent=True)
    if not keys:
        raise SubgraphError("This blueprint contains the subgraph that is shown.")
    return patch, keys[0]


def delete_blueprint(folder: str | Path, path: str | Path) -> None:
    """Delete a blueprint file.

    Raises:
        UnsafePathError: The file does not lie in the folder.
        FileSaveError: The system does not allow it.
    """
    inside = resolve_inside(folder, str(Path(path).absolute()))
    try:
        inside.unlink(missing_ok=True)
    except OSError as error:
        reason = save_failure_reason(error)
        raise FileSaveError(f'Cannot delete "{inside.stem}": {reason}.') from error


def _blueprint(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    title: str,
    description: str | None,
    aliases: Iterable[str] | None,
) -> Raw:
    clip = clipboard.copy(workflow, bound, [key])
    (host,) = clip["nodes"]
    node: Raw = {**host, "id": 1, "pos": [0, 0], "order": 0, "mode": 0}
    node.pop("title", None)
    for side, field, empty in (("inputs", "link", None), ("outputs", "links", [])):
        node[side] = [
            {**slot, field: empty} for slot in as_list(node.get(side)) if isinstance(slot, dict)
        ]
    definitions: list[Raw] = clip["subgraphs"]
    for definition in definitions:
        if definition["id"] == node["type"]:
            _describe(definition, title, description, aliases)
    return {
        "id": str(uuid.uuid4()),
        "revision": 0,
        "last_node_id": 1,
        "last_link_id": 0,
        "nodes": [node],
        "links": [],
        "groups": [],
        "definitions": {"subgraphs": definitions},
        "config": {},
        "extra": {},
        "version": 0.4,
    }


def _describe(
    definition: Raw, title: str, description: str | None, aliases: Iterable[str] | None
) -> None:
    definition["name"] = title
    extra: dict[str, Any] = dict(as_mapping(definition.get("extra")))
    if description is not None:
        definition["description"] = extra["BlueprintDescription"] = description.strip()
    if aliases is not None:
        words = (word.strip() for word in aliases)
        extra["BlueprintSearchAliases"] = list(dict.fromkeys(word for word in words if word))
    definition["extra"] = extra


def _known(path: Path) -> Path | None:
    """Return the file of that name, whatever its case: some folders do not tell them apart."""
    if not path.parent.is_dir():
        return None
    wanted = path.name.casefold()
    return next((item for item in path.parent.iterdir() if item.name.casefold() == wanted), None)


def _open(path: Path) -> tuple[Workflow, Node, Graph]:
    """Read a blueprint file; return its document, its host and the definition of that.

    Raises:
        WorkflowFileError: The file cannot be read.
        SubgraphError: It holds no host, or several.
    """
    workflow = open_workflow(path)
    hosts = [node for node in workflow.root.nodes.values() if node.type in workflow.subgraphs]
    if len(hosts) != 1:
        raise SubgraphError(f'"{path.name}" is not a blueprint: it does not hold one subgraph.')
    return workflow, hosts[0], workflow.subgraphs[hosts[0].type]


def _slots(graph: Graph, side: str) -> tuple[tuple[str, str], ...]:
    slots = [as_mapping(slot) for slot in as_list(graph.raw.get(side))]
    return tuple(
        (str(slot.get("label") or slot.get("name") or ""), str(slot.get("type") or "*"))
        for slot in slots
    )
