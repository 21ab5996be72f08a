"""Tidy arrangement: columns from sources to sinks, in time linear in nodes and links."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

COLUMN_GAP: Final = 60.0
ROW_GAP: Final = 60.0
"""Room between a node's bottom and the next one's body; 30 of it is that node's title bar."""

_SWEEPS: Final = 2


def arrange(
    boxes: Mapping[str, tuple[float, float]],
    links: Iterable[tuple[str, str]],
    *,
    start: tuple[float, float] = (0.0, 0.0),
    column_gap: float = COLUMN_GAP,
    row_gap: float = ROW_GAP,
) -> dict[str, tuple[float, float]]:
    """Return a position for each node.

    Every node stands in the column after the last of its sources. Inside a column nodes follow
    the mean row of their neighbours, which keeps most links from crossing. Nodes without links
    stand in columns below the rest.

    Args:
        boxes: Width and height of bodies by node key.
        links: ``(origin, target)`` pairs; unknown keys and loops on one node are passed over.
        start: Top-left corner of the first body.
        column_gap: Horizontal room between columns.
        row_gap: Vertical room between bodies of a column, title bars included.
    """
    after: dict[str, list[str]] = {key: [] for key in boxes}
    before: dict[str, list[str]] = {key: [] for key in boxes}
    for origin, target in links:
        if origin in after and target in after and origin != target:
            after[origin].append(target)
            before[target].append(origin)
    linked = [key for key in boxes if after[key] or before[key]]
    alone = [key for key in boxes if not (after[key] or before[key])]
    columns = _columns(linked, after, before)
    _order_rows(columns, after, before)
    positions: dict[str, tuple[float, float]] = {}
    x, bottom = start[0], start[1]
    for column in columns:
        y = start[1]
        for key in column:
            positions[key] = (x, y)
            y += boxes[key][1] + row_gap
        bottom = max(bottom, y)
        x += max(boxes[key][0] for key in column) + column_gap
    _place_grid(alone, boxes, (start[0], bottom), max(x, 1200.0), column_gap, row_gap, positions)
    return positions


def _columns(
    keys: list[str], after: Mapping[str, list[str]], before: Mapping[str, list[str]]
) -> list[list[str]]:
    depth = dict.fromkeys(keys, 0)
    waiting_for = {key: len(before[key]) for key in keys}
    ready = [key for key in keys if waiting_for[key] == 0]
    done: set[str] = set()
    place = 0
    remaining = iter(keys)
    while len(done) < len(keys):
        if place == len(ready):
            # Only cycles are left: break one at its first node in the given order.
            ready.append(next(key for key in remaining if key not in done))
        key = ready[place]
        place += 1
        if key in done:
            continue
        done.add(key)
        for target in after[key]:
            if target in done:
                continue
            depth[target] = max(depth[target], depth[key] + 1)
            waiting_for[target] -= 1
            if waiting_for[target] == 0:
                ready.append(target)
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for key in keys:
        columns[depth[key]].append(key)
    return [column for column in columns if column]


def _order_rows(
    columns: list[list[str]], after: Mapping[str, list[str]], before: Mapping[str, list[str]]
) -> None:
    row = {key: index for column in columns for index, key in enumerate(column)}
    for _ in range(_SWEEPS):
        for ordered, neighbours in ((columns, before), (columns[::-1], after)):
            for column in ordered:
                column.sort(key=lambda key: _mean_row(key, neighbours[key], row))
                row.update({key: index for index, key in enumerate(column)})


def _mean_row(key: str, neighbours: list[str], row: Mapping[str, int]) -> float:
    if not neighbours:
        return row[key]
    return sum(row[other] for other in neighbours) / len(neighbours)


def _place_grid(
    keys: list[str],
    boxes: Mapping[str, tuple[float, float]],
    start: tuple[float, float],
    width: float,
    column_gap: float,
    row_gap: float,
    positions: dict[str, tuple[float, float]],
) -> None:
    x, y = start
    height = 0.0
    for key in keys:
        if x > start[0] and x + boxes[key][0] > start[0] + width:
            x, y = start[0], y + height + row_gap
            height = 0.0
        positions[key] = (x, y)
        x += boxes[key][0] + column_gap
        height = max(height, boxes[key][1])
