"""Edits of native reroutes: points that links run through (workflow-format 1.6)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits.draft import Draft
from app.engine.workflow.edits.values import stored_pair
from app.engine.workflow.model import (
    Raw,
    RecordKind,
    Workflow,
    as_list,
    as_mapping,
    id_text,
    id_value,
)
from app.engine.workflow.patch import ABSENT, Patch

_REROUTE = RecordKind.REROUTE


def add_reroute(
    workflow: Workflow,
    bound: BoundGraph,
    link_key: str,
    pos: tuple[float, float],
    *,
    index: int | None = None,
) -> tuple[Patch, str]:
    """Put a reroute on a link; return the patch and the key of the reroute.

    Args:
        workflow: The document.
        bound: The graph.
        link_key: The link.
        pos: Centre of the reroute.
        index: How many reroutes of the link come before it, seen from the origin; None puts it
            nearest to the target. Other links through the following reroute run through it too.

    Raises:
        KeyError: The link is not a usable one.
    """
    draft = Draft(workflow, bound)
    path = bound.links[link_key].reroutes
    place = len(path) if index is None else max(0, min(index, len(path)))
    number = draft.fresh_id(_REROUTE)
    key = str(number)
    raw: Raw = {"id": number}
    if place > 0:
        raw["parentId"] = id_value(path[place - 1])
    raw["pos"] = stored_pair(draft.graph.space, pos)
    if place < len(path):
        following = path[place]
        raw["linkIds"] = list(as_list(draft.get(_REROUTE, following, "linkIds")))
        draft.set(_REROUTE, following, "parentId", number)
    else:
        raw["linkIds"] = [id_value(link_key)]
        _set_parent(draft, link_key, key)
    draft.insert(_REROUTE, key, raw)
    return draft.patch(), key


def move_reroutes(
    workflow: Workflow, bound: BoundGraph, positions: Mapping[str, tuple[float, float]]
) -> Patch:
    """Move reroutes; ``positions`` are centres by key."""
    draft = Draft(workflow, bound)
    for key, pos in positions.items():
        reroute = draft.graph.reroutes[key]
        if reroute.pos != pos:
            draft.set(_REROUTE, key, "pos", stored_pair(reroute.space, pos))
    return draft.patch()


def remove_reroutes(workflow: Workflow, bound: BoundGraph, keys: Iterable[str]) -> Patch:
    """Remove reroutes; links that ran through them stay."""
    draft = Draft(workflow, bound)
    graph = draft.graph
    gone = {key for key in keys if key in graph.reroutes}

    def above(key: str) -> str | None:
        seen: set[str] = set()
        at: str | None = key
        while at is not None and at in gone and at not in seen:
            seen.add(at)
            at = graph.reroutes[at].parent_id
        return at if at not in gone else None

    for key, reroute in graph.reroutes.items():
        parent = reroute.parent_id
        if key not in gone and parent in gone:
            left = above(parent)
            draft.set(_REROUTE, key, "parentId", ABSENT if left is None else id_value(left))
    table = bound.state.links
    for key in graph.links:
        parent = table.parent_of(key)
        if parent in gone:
            _set_parent(draft, key, above(parent))
    for key, floating in graph.floating_links.items():
        parent = floating.parent_id
        if parent is not None and parent in gone:
            left = above(parent)
            if left is None:
                draft.remove(RecordKind.FLOATING_LINK, key)
            else:
                draft.set(RecordKind.FLOATING_LINK, key, "parentId", id_value(left))
    for key in graph.reroutes:
        if key in gone:
            draft.remove(_REROUTE, key)
    return draft.patch()


def _set_parent(draft: Draft, link: str, parent: str | None) -> None:
    """Enter the reroute nearest to a link's target, where this schema keeps it."""
    raw = draft.graph.links[link].raw
    if isinstance(raw, dict):
        value = ABSENT if parent is None else id_value(parent)
        draft.set(RecordKind.LINK, link, "parentId", value)
        return
    extra = as_mapping(draft.get(None, "", "extra"))
    extensions = [
        item
        for item in as_list(extra.get("linkExtensions"))
        if id_text(as_mapping(item).get("id")) != link
    ]
    if parent is not None:
        extensions.append({"id": id_value(link), "parentId": id_value(parent)})
    draft.set(None, "", "extra", {**extra, "linkExtensions": extensions})
