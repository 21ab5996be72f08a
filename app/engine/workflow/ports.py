"""Slots of a subgraph definition: adding, removing and reordering them on a working copy.

Only the definition and the links inside it change here; hosts follow in
:func:`app.engine.workflow.promotion.sync_hosts`.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from app.engine.workflow.edits.values import plain
from app.engine.workflow.hosts import INPUT_BOX, OUTPUT_BOX
from app.engine.workflow.model import Raw, as_list, as_mapping, read_pair
from app.engine.workflow.patch import Operation, SetKey
from app.engine.workflow.subgraphs import free_name, slot_names
from app.engine.workflow.trial import Trial, change_link

BOX_WIDTH: Final = 120.0
_ROW: Final = 20.0
_BOX_MARGIN: Final = 20.0


def box_height(slots: int) -> float:
    """Return the height of a boundary box, its empty slot included."""
    return slots * _ROW + 2 * _BOX_MARGIN


def fresh_slot(name: str, kind: str, *, label: str = "") -> Raw:
    """Return a slot of a definition, without links."""
    slot: Raw = {"id": str(uuid.uuid4()), "name": name, "type": kind, "linkIds": []}
    if label and label != name:
        slot["label"] = label
    return slot


def with_places(side: str, slots: Sequence[Raw], bounding: Sequence[float]) -> list[Raw]:
    """Return the slots of a definition with the places that the web editor stores for them."""
    x, y, width = bounding[0], bounding[1], bounding[2]
    left = x + width - _BOX_MARGIN if side == "inputs" else x + _BOX_MARGIN
    placed: list[Raw] = []
    for index, slot in enumerate(slots):
        pos = [plain(left), plain(y + _BOX_MARGIN + index * _ROW)]
        placed.append({**slot, "pos": pos})
    return placed


def add_input(trial: Trial, subgraph: str, target: str, input_index: int, *, name: str = "") -> int:
    """Give a definition one more input that feeds a socket inside; return its number.

    A link that fed the socket makes way. A socket of a widget becomes a promoted widget.
    """
    bound = trial.bound(subgraph)
    item = bound.nodes[target].inputs[input_index]
    wanted = name or item.name or item.type
    slots = as_list(trial.graph(subgraph).raw.get("inputs"))
    free = free_name(wanted, slot_names(trial.graph(subgraph), "inputs"))
    # A label that only repeats the name would hide the number that tells two slots apart.
    label = item.label if item.label != item.name else ""
    _set_slots(trial, subgraph, "inputs", [*slots, fresh_slot(free, item.type, label=label)])
    draft = trial.draft(subgraph)
    bound = trial.bound(subgraph)
    if item.link is not None:
        draft.remove_link(item.link)
    node = bound.nodes[target]
    draft.add_link(bound.nodes[INPUT_BOX], len(slots), node, input_index, item.type)
    trial.commit(draft)
    return len(slots)


def add_output(trial: Trial, subgraph: str, origin: str, output: int, *, name: str = "") -> int:
    """Give a definition one more output, fed from inside; return its number."""
    item = trial.bound(subgraph).nodes[origin].outputs[output]
    wanted = name or item.name or item.type
    slots = as_list(trial.graph(subgraph).raw.get("outputs"))
    free = free_name(wanted, slot_names(trial.graph(subgraph), "outputs"))
    # A label that only repeats the name would hide the number that tells two slots apart.
    label = item.label if item.label != item.name else ""
    _set_slots(trial, subgraph, "outputs", [*slots, fresh_slot(free, item.type, label=label)])
    draft = trial.draft(subgraph)
    nodes = trial.bound(subgraph).nodes
    draft.add_link(nodes[origin], output, nodes[OUTPUT_BOX], len(slots), item.type)
    trial.commit(draft)
    return len(slots)


def remove_slot(trial: Trial, subgraph: str, side: str, index: int) -> None:
    """Take a slot out of a definition, with the links that it has inside.

    Raises:
        IndexError: There is no such slot.
    """
    box, end = (INPUT_BOX, "origin") if side == "inputs" else (OUTPUT_BOX, "target")
    slots = as_list(trial.graph(subgraph).raw.get(side))
    kept = [slot for place, slot in enumerate(slots) if place != index]
    if len(kept) == len(slots):
        raise IndexError(f"{side} {index} of {len(slots)}")
    draft = trial.draft(subgraph)
    links = trial.graph(subgraph).links
    for key in draft.stored_links(box, into=side == "outputs", out=side == "inputs"):
        if getattr(links[key], f"{end}_slot") == index:
            draft.remove_link(key)
    trial.commit(draft)
    order = [place for place in range(len(slots)) if place != index]
    _reorder(trial, subgraph, side, order)


def move_slot(trial: Trial, subgraph: str, side: str, index: int, new_index: int) -> None:
    """Give a slot of a definition another place among the others.

    Raises:
        IndexError: There is no such slot.
    """
    order = list(range(len(as_list(trial.graph(subgraph).raw.get(side)))))
    moved = order.pop(index)
    order.insert(max(0, min(new_index, len(order))), moved)
    _reorder(trial, subgraph, side, order)


def _reorder(trial: Trial, subgraph: str, side: str, order: Sequence[int]) -> None:
    """Bring slots into an order, given by their old numbers; links inside follow."""
    box, field = (INPUT_BOX, "origin") if side == "inputs" else (OUTPUT_BOX, "target")
    slots = as_list(trial.graph(subgraph).raw.get(side))
    _set_slots(trial, subgraph, side, [slots[place] for place in order])
    places = {old: new for new, old in enumerate(order)}
    for key, link in list(trial.graph(subgraph).links.items()):
        if getattr(link, field) == box:
            old = getattr(link, f"{field}_slot")
            if old in places:
                change_link(trial, subgraph, key, f"{field}_slot", places[old])


def _set_slots(trial: Trial, subgraph: str, side: str, slots: Sequence[Any]) -> None:
    raw = trial.graph(subgraph).raw
    name = "inputNode" if side == "inputs" else "outputNode"
    box = as_mapping(raw.get(name))
    bounding = as_list(box.get("bounding"))
    x, y = read_pair(bounding[:2], (0.0, 0.0))
    width, _ = read_pair(bounding[2:], (BOX_WIDTH, 0.0))
    placed = with_places(side, [dict(as_mapping(slot)) for slot in slots], (x, y, width))
    size = [plain(x), plain(y), plain(width), plain(box_height(len(placed)))]
    steps: list[Operation] = [SetKey(subgraph, None, "", side, placed)]
    number = int(INPUT_BOX if side == "inputs" else OUTPUT_BOX)
    if size != bounding:
        steps.append(SetKey(subgraph, None, "", name, {"id": number, **box, "bounding": size}))
    trial.apply(steps)
