"""Edits of groups: coloured frames whose members are the nodes inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.values import stored_pair, stored_size
from app.engine.workflow.model import Graph, Raw, RecordKind, Space, Workflow
from app.engine.workflow.patch import ABSENT, Patch

Box = tuple[float, float, float, float]

DEFAULT_COLOR: Final = "#3f789e"
_FONT_SIZE: Final = 24
_TITLE_HEIGHT: Final = _FONT_SIZE * 1.4
_KEEP: Final = object()


def add_group(
    workflow: Workflow, bound: BoundGraph, bounding: Box, title: str, color: str | None = None
) -> tuple[Patch, str]:
    """Add a group; return the patch and the key of the group."""
    draft = Draft(workflow, bound)
    key = fresh_group_key(draft.graph)
    raw: Raw = {
        "id": draft.fresh_id(RecordKind.GROUP),
        "title": title,
        "bounding": stored_box(draft.graph.space, bounding),
        "color": color or DEFAULT_COLOR,
        "font_size": _FONT_SIZE,
        "flags": {},
    }
    draft.insert(RecordKind.GROUP, key, raw)
    return draft.patch(), key


def group_around(
    workflow: Workflow, bound: BoundGraph, node_boxes: Iterable[Box], padding: float = 10.0
) -> Box:
    """Return the bounding of a group around nodes.

    Args:
        workflow: The document.
        bound: The graph.
        node_boxes: ``x, y, width, height`` of the nodes, title bars included.
        padding: Room on each side.

    Raises:
        ValueError: There are no boxes.
    """
    boxes = list(node_boxes)
    if not boxes:
        raise ValueError("a group needs at least one node to surround")
    left = min(box[0] for box in boxes) - padding
    top = min(box[1] for box in boxes) - padding - _TITLE_HEIGHT
    right = max(box[0] + box[2] for box in boxes) + padding
    bottom = max(box[1] + box[3] for box in boxes) + padding
    return (left, top, right - left, bottom - top)


def remove_groups(workflow: Workflow, bound: BoundGraph, keys: Iterable[str]) -> Patch:
    """Remove groups; the nodes in them stay."""
    draft = Draft(workflow, bound)
    for key in dict.fromkeys(keys):
        if key in draft.graph.groups:
            draft.remove(RecordKind.GROUP, key)
    return draft.patch()


def set_group(
    workflow: Workflow,
    bound: BoundGraph,
    key: str,
    *,
    title: str | None = None,
    bounding: Box | None = None,
    color: Any = _KEEP,
    is_pinned: bool | None = None,
) -> Patch:
    """Change what is given; ``color=None`` gives the default colour back.

    Raises:
        KeyError: There is no such group.
    """
    draft = Draft(workflow, bound)
    group = draft.graph.groups[key]
    kind = RecordKind.GROUP
    if title is not None and title != group.raw.get("title"):
        draft.set(kind, key, "title", title)
    if bounding is not None and bounding != group.bounding:
        draft.set(kind, key, "bounding", stored_box(group.space, bounding))
    if color is not _KEEP and color != group.raw.get("color"):
        draft.set(kind, key, "color", ABSENT if color is None else color)
    if is_pinned is not None and bool(group.flags.get("pinned")) != is_pinned:
        flags = {name: value for name, value in group.flags.items() if name != "pinned"}
        draft.set(kind, key, "flags", {**flags, "pinned": True} if is_pinned else flags)
    return draft.patch()


def move_groups(
    workflow: Workflow, bound: BoundGraph, positions: Mapping[str, tuple[float, float]]
) -> Patch:
    """Move frames; ``positions`` are top-left corners by group key. Nodes are moved apart."""
    draft = Draft(workflow, bound)
    for key, (x, y) in positions.items():
        group = draft.graph.groups[key]
        box = (x, y, *group.bounding[2:])
        if box != group.bounding:
            draft.set(RecordKind.GROUP, key, "bounding", stored_box(group.space, box))
    return draft.patch()


def group_members(graph: Graph, key: str, centers: Mapping[str, tuple[float, float]]) -> list[str]:
    """Return the keys of the nodes whose centre lies inside a group.

    Args:
        graph: The graph of the group.
        key: Key of the group.
        centers: Centres of nodes by key.
    """
    x, y, width, height = graph.groups[key].bounding
    return [
        node for node, (cx, cy) in centers.items() if x <= cx < x + width and y <= cy < y + height
    ]


def fresh_group_key(graph: Graph, taken: Iterable[str] = ()) -> str:
    """Return a key that no group of the graph has."""
    return str(max((int(key) for key in (*graph.groups, *taken)), default=-1) + 1)


def stored_box(space: Space | None, box: Box) -> list[float]:
    """Return a bounding as the file stores it."""
    return [*stored_pair(space, (box[0], box[1])), *stored_size(space, (box[2], box[3]))]


__all__ = [
    "add_group",
    "fresh_group_key",
    "group_around",
    "group_members",
    "move_groups",
    "remove_groups",
    "set_group",
    "stored_box",
]
