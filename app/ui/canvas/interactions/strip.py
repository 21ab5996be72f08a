"""Links that begin or end at the strips of a subgraph, the empty slots included (U-195, U-196).

The empty slot of a strip is named by the number of slots. A link to it makes an input or an
output of the subgraph first; hosts follow by themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.engine.workflow import edits, ports
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.model import Workflow
from app.engine.workflow.patch import Patch
from app.engine.workflow.trial import Trial
from app.engine.workflow.type_match import types_fit
from app.ui.canvas import strips
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_view import SocketOffer

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


def join(
    workflow: Workflow, bound: BoundGraph, origin: str, output: int, target: str, input_index: int,
    *, parent: str | None = None,
) -> Patch:  # fmt: skip
    """Link two sockets; an empty slot of a strip becomes an input or an output first.

    ``parent`` is the last reroute that the link runs through, one that the output feeds.
    """
    if strips.is_new_slot(bound, origin, output):
        return subgraphs.add_input(workflow, bound, target, input_index)
    if strips.is_new_slot(bound, target, input_index):
        if parent is None:
            return subgraphs.add_output(workflow, bound, origin, output)
        trial, graph_id = Trial.of(workflow, bound), bound.graph_id
        ends = (origin, output, target, ports.add_output(trial, graph_id, origin, output))
        trial.apply(edits.connect(trial.workflow, trial.bound(graph_id), *ends, parent=parent))
        return trial.patch()
    return edits.connect(workflow, bound, origin, output, target, input_index, parent=parent)


def relink(
    workflow: Workflow, bound: BoundGraph, link: str, target: str, input_index: int
) -> Patch:
    """Let a link end elsewhere, as one edit; it keeps its reroutes.

    Inside a subgraph this must not be two: hosts would lose the value of a promoted widget when
    its link is gone, before the other one is there.
    """
    if not strips.is_new_slot(bound, target, input_index):
        return edits.move_end(workflow, bound, link, target, input_index)
    trial, graph_id = Trial.of(workflow, bound), bound.graph_id
    moved = bound.links[link]
    index = ports.add_output(trial, graph_id, moved.origin, moved.origin_slot)
    trial.apply(edits.move_end(trial.workflow, trial.bound(graph_id), link, target, index))
    return trial.patch()


def move_to(
    workflow: Workflow, bound: BoundGraph, links: Sequence[str], origin: str, output: int
) -> Patch:
    """Give links another source; an empty slot becomes an input that feeds all of them."""
    if not strips.is_new_slot(bound, origin, output):
        return edits.move_links(workflow, bound, links, origin, output)
    trial, graph_id = Trial.of(workflow, bound), bound.graph_id
    first = bound.links[links[0]]
    ports.add_input(trial, graph_id, first.target, first.target_input)
    rest = [key for key in links[1:] if key in trial.bound(graph_id).links]
    own = trial.bound(graph_id)
    trial.apply(edits.move_links(trial.workflow, own, rest, origin, output))
    return trial.patch()


def refusal(bound: BoundGraph, origin: str, output: int, target: str, input_index: int) -> str:
    """Return why two sockets cannot be linked, or an empty text; empty slots fit everything."""
    is_new = strips.is_new_slot(bound, origin, output)
    if is_new and strips.is_new_slot(bound, target, input_index):
        return "both ends are new"
    if is_new or strips.is_new_slot(bound, target, input_index):
        return ""
    return edits.can_connect(bound, origin, output, target, input_index)


def slot_for(item: NodeItem, hit: Hit, *, takes_output: bool) -> int | None:
    """Return the slot of a strip that a dragged link would take: the one hit, or the empty one.

    Args:
        item: The strip.
        hit: What of it is under the pointer.
        takes_output: The link hangs from an output, so that it looks for an input.
    """
    if strips.is_input_strip(item.node) == takes_output:
        return None
    wanted = Under.INPUT if takes_output else Under.OUTPUT
    return hit.index if hit.under is wanted else strips.slot_count(item.node)


def offer_of(item: NodeItem, kind: str, *, takes_output: bool, is_new: bool) -> SocketOffer:
    """Return the slots of a strip that fit a dragged link.

    Args:
        item: The strip.
        kind: Type of the link.
        takes_output: The link hangs from an output.
        is_new: It hangs from the empty slot of the other strip, so it cannot end at this one's.
    """
    if strips.is_input_strip(item.node) == takes_output:
        return SocketOffer()
    node = item.node
    kinds = [slot.type for slot in node.inputs] or [slot.type for slot in node.outputs]
    fitting = {index for index, other in enumerate(kinds) if types_fit(other, kind)}
    if not is_new:
        fitting.add(len(kinds))
    chosen = frozenset(fitting)
    return SocketOffer(inputs=chosen) if takes_output else SocketOffer(outputs=chosen)


def click_slot(view: CanvasView, key: str, index: int) -> None:
    """Give a slot of a strip the keyboard, after a click that was no drag."""
    view.actions.select_pressed(key)
    view.canvas.set_focused((key, strips.focus_name(index)))
