"""Copy and paste as plain JSON, so that nodes travel between documents and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.engine.errors import WorkflowFileError
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_single
from app.engine.workflow.binding import BoundGraph, BoundNode
from app.engine.workflow.clip_definitions import (
    add_definitions,
    needed_definitions,
    paste_problem,
    without_holders,
)
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.groups import fresh_group_key, stored_box
from app.engine.workflow.edits.values import stored_pair, stored_size
from app.engine.workflow.model import (
    ROOT,
    Node,
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    id_value,
    read_pair,
)
from app.engine.workflow.patch import Patch
from app.engine.workflow.reader import parse_json
from app.engine.workflow.writer import dump_json

MARK: Final = "easel/nodes"
"""Value of ``kind`` by which a clip is recognised."""

_VERSION: Final = 1
_MAX_TEXT: Final = 64 * 1024 * 1024


def copy(
    workflow: Workflow, bound: BoundGraph, keys: Iterable[str], group_keys: Iterable[str] = ()
) -> dict[str, Any]:
    """Return nodes and groups as a clip: JSON data with all that a paste needs.

    Links between the nodes come along, the reroutes on them too; links that enter from outside
    are noted for a paste that keeps inputs. Subgraph definitions come along, inner ones included.
    """
    graph = workflow.graph(bound.graph_id)
    chosen = [key for key in dict.fromkeys(keys) if key in graph.nodes]
    chosen.sort(key={key: index for index, key in enumerate(graph.nodes)}.__getitem__)
    place = {key: index for index, key in enumerate(chosen)}
    links: list[Raw] = []
    inputs: list[Raw] = []
    used_reroutes: dict[str, int] = {}
    for key in chosen:
        node = bound.nodes[key]
        for item in node.inputs:
            if item.link is None:
                continue
            link = bound.links[item.link]
            entry: Raw = {"slot": link.origin_slot, "to": place[key], "input": item.name}
            if link.origin in place:
                entry.update({"from": place[link.origin], "type": link.type})
                for reroute in link.reroutes:
                    used_reroutes.setdefault(reroute, len(used_reroutes))
                entry["path"] = [used_reroutes[reroute] for reroute in link.reroutes]
                links.append(entry)
            elif not bound.nodes[link.origin].boundary:
                entry.update({"from": link.origin, "type": link.type})
                inputs.append(entry)
    clip: dict[str, Any] = {
        "kind": MARK,
        "version": _VERSION,
        "nodes": [_copy_node(graph.nodes[key]) for key in chosen],
        "links": links,
        "inputs": inputs,
        "reroutes": [list(graph.reroutes[key].pos) for key in used_reroutes],
        "groups": [
            {**graph.groups[key].raw, "bounding": list(graph.groups[key].bounding)}
            for key in dict.fromkeys(group_keys)
            if key in graph.groups
        ],
    }
    definitions, group_nodes = needed_definitions(workflow, [graph.nodes[k] for k in chosen])
    if definitions:
        clip["subgraphs"] = definitions
    if group_nodes:
        clip["groupNodes"] = group_nodes
    return clip


def to_text(clip: Mapping[str, Any]) -> str:
    """Return a clip as text for the system's clipboard."""
    return dump_json(dict(clip)).decode("utf-8")


def from_text(text: str) -> dict[str, Any] | None:
    """Return the clip in a text, or None when the text is something else."""
    if len(text) > _MAX_TEXT or MARK not in text:
        return None
    try:
        clip = parse_json(text)
    except WorkflowFileError:
        return None
    if not isinstance(clip, dict) or clip.get("kind") != MARK:
        return None
    return clip


def paste(
    workflow: Workflow,
    bound: BoundGraph,
    definitions: Mapping[str, NodeDefinition],
    clip: Mapping[str, Any],
    pos: tuple[float, float],
    *,
    keep_inputs: bool = False,
    is_independent: bool = False,
) -> tuple[Patch, list[str], list[str]]:
    """Add the content of a clip.

    A subgraph that is here already under its id and with equal content is shared; one that
    differs comes under a new id. Nodes that would put a subgraph into itself are left out (ask
    :func:`paste_problem`).

    Args:
        workflow: The document.
        bound: The graph that gets it.
        definitions: Node definitions by type name.
        clip: What :func:`copy` or :func:`from_text` returned.
        pos: Where the top-left corner of what was copied comes to lie.
        keep_inputs: Also link inputs to the nodes that fed them when they were copied, as far
            as those are in this graph.
        is_independent: Give the subgraphs definitions of their own in any case.

    Returns:
        The patch, the keys of the new nodes and the keys of the new groups.
    """
    draft = Draft(workflow, bound)
    if bound.graph_id != ROOT:
        clip = without_holders(workflow, bound.graph_id, clip, is_independent=is_independent)
    renamed = add_definitions(draft, clip, is_independent=is_independent)
    dx, dy = _offset(clip, pos)
    made: list[BoundNode | None] = []
    for stored in as_list(clip.get("nodes")):
        made.append(_paste_node(draft, stored, (dx, dy), renamed))
    reroutes = _Reroutes(draft, as_list(clip.get("reroutes")), (dx, dy))
    for entry in as_list(clip.get("links")):
        link = as_mapping(entry)
        origin = _at(made, link.get("from"))
        target = _at(made, link.get("to"))
        _paste_link(draft, link, origin, target, reroutes)
    if keep_inputs:
        for entry in as_list(clip.get("inputs")):
            link = as_mapping(entry)
            outside = bound.nodes.get(id_text(link.get("from")))
            _paste_link(draft, link, outside, _at(made, link.get("to")), None)
    groups: list[str] = []
    for stored in as_list(clip.get("groups")):
        if isinstance(stored, dict):
            groups.append(_paste_group(draft, stored, (dx, dy), groups))
    return draft.patch(), [node.key for node in made if node is not None], groups


class _Reroutes:
    """Makes pasted reroutes when the first link runs through them."""

    def __init__(self, draft: Draft, positions: list[Any], offset: tuple[float, float]) -> None:
        self._draft = draft
        self._positions = positions
        self._offset = offset
        self._keys: dict[int, str] = {}

    def path(self, places: list[Any]) -> str | None:
        """Return the key of the last reroute of a path, with all before it made."""
        parent: str | None = None
        for place in places:
            if not isinstance(place, int) or not 0 <= place < len(self._positions):
                continue
            if place not in self._keys:
                number = self._draft.fresh_id(RecordKind.REROUTE)
                x, y = read_pair(self._positions[place], (0.0, 0.0))
                raw: Raw = {"id": number}
                if parent is not None:
                    raw["parentId"] = id_value(parent)
                at = (x + self._offset[0], y + self._offset[1])
                raw["pos"] = stored_pair(self._draft.graph.space, at)
                raw["linkIds"] = []
                self._keys[place] = str(number)
                self._draft.insert(RecordKind.REROUTE, str(number), raw)
            parent = self._keys[place]
        return parent


def _copy_node(node: Node) -> Raw:
    raw = {**node.raw, "pos": list(node.pos)}
    size = node.size
    if size is not None:
        raw["size"] = list(size)
    return raw


def _offset(clip: Mapping[str, Any], pos: tuple[float, float]) -> tuple[float, float]:
    corners = [
        read_pair(node.get("pos"), (0.0, 0.0))
        for node in as_list(clip.get("nodes"))
        if isinstance(node, dict)
    ]
    corners += [
        read_pair(group.get("bounding"), (0.0, 0.0))
        for group in as_list(clip.get("groups"))
        if isinstance(group, dict)
    ]
    if not corners:
        return pos
    return (pos[0] - min(x for x, _ in corners), pos[1] - min(y for _, y in corners))


def _paste_node(
    draft: Draft, stored: Any, offset: tuple[float, float], renamed: Mapping[str, str]
) -> BoundNode | None:
    if not isinstance(stored, dict):
        return None
    space = draft.graph.space
    x, y = read_pair(stored.get("pos"), (0.0, 0.0))
    kind = str(stored.get("type") or "")
    raw: Raw = {
        **stored,
        "id": draft.fresh_id(RecordKind.NODE),
        "type": renamed.get(kind, kind),
        "pos": stored_pair(space, (x + offset[0], y + offset[1])),
    }
    if "size" in stored:
        raw["size"] = stored_size(space, read_pair(stored["size"], (140.0, 60.0)))
    for name, field, empty in (("inputs", "link", None), ("outputs", "links", [])):
        if isinstance(stored.get(name), list):
            raw[name] = [
                {**slot, field: empty} if isinstance(slot, dict) and field in slot else slot
                for slot in stored[name]
            ]
    key = str(raw["id"])
    draft.insert(RecordKind.NODE, key, raw)
    return bind_single(draft.bound, Node(key, raw, space))


def _paste_link(
    draft: Draft,
    link: Mapping[str, Any],
    origin: BoundNode | None,
    target: BoundNode | None,
    reroutes: _Reroutes | None,
) -> None:
    slot = link.get("slot")
    if origin is None or target is None or not isinstance(slot, int):
        return
    index = target.input_index(str(link.get("input")))
    if index is None or not 0 <= slot < len(origin.outputs):
        return
    parent = None if reroutes is None else reroutes.path(as_list(link.get("path")))
    kind = str(link.get("type") or "*")
    draft.add_link(origin, slot, target, index, kind, parent=parent)


def _paste_group(
    draft: Draft, stored: Raw, offset: tuple[float, float], taken: Iterable[str]
) -> str:
    x, y = read_pair(stored.get("bounding"), (0.0, 0.0))
    numbers = as_list(stored.get("bounding"))[2:4]
    width, height = read_pair(numbers, (140.0, 80.0))
    box = (x + offset[0], y + offset[1], width, height)
    raw = {
        **stored,
        "id": draft.fresh_id(RecordKind.GROUP),
        "bounding": stored_box(draft.graph.space, box),
    }
    key = fresh_group_key(draft.graph, taken)
    draft.insert(RecordKind.GROUP, key, raw)
    return key


def _at(nodes: list[BoundNode | None], place: Any) -> BoundNode | None:
    is_place = isinstance(place, int) and not isinstance(place, bool)
    return nodes[place] if is_place and 0 <= place < len(nodes) else None


__all__ = ["MARK", "copy", "from_text", "paste", "paste_problem", "to_text"]
