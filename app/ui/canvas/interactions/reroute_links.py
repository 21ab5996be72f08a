"""Links that are drawn from reroutes or dropped on them (U-076, U-082)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.engine.workflow import edits
from app.engine.workflow.binding import BoundGraph
from app.engine.workflow.model import Workflow
from app.engine.workflow.patch import Patch
from app.ui.canvas import picking, strips
from app.ui.canvas.interactions import strip

if TYPE_CHECKING:
    from PySide6.QtCore import QPointF

    from app.ui.canvas.scene import CanvasScene
    from app.ui.document import WorkflowDocument


@dataclass(frozen=True, slots=True)
class LooseLink:
    """A link that was let go over empty canvas: what it hangs from.

    Attributes:
        node: Key of the node it hangs from.
        slot: Position of the output or input there.
        is_output: It hangs from an output and looks for an input.
        type: Type of that socket.
        reroute: Key of the reroute that it is drawn from, else empty. One that hangs from an
            output runs through that reroute; one that hangs from an input looks for a source of
            all that runs through the reroute.
    """

    node: str
    slot: int
    is_output: bool
    type: str
    reroute: str = ""

    @property
    def parent(self) -> str | None:
        """The reroute that a link from the output runs through last, or None."""
        return self.reroute if self.is_output and self.reroute else None

    @property
    def fed(self) -> str:
        """Key of the reroute that looks for a source, or an empty text."""
        return "" if self.is_output else self.reroute


@dataclass(frozen=True, slots=True)
class LinkDrop:
    """Where a link that is dragged would end.

    Attributes:
        key: Key of the node.
        slot: Position of the input, or of the output when it hangs from an input.
        reason: Why it is refused, or an empty text.
        reroute: Key of the reroute that it is dropped on, else empty; ``key`` and ``slot`` are
            then the source of the links that run through it.
    """

    key: str
    slot: int
    reason: str = ""
    reroute: str = ""


def loose_from(document: WorkflowDocument, key: str, *, feeds: bool = False) -> LooseLink | None:
    """Return what a drag from a reroute holds, or None when it has no such end.

    Args:
        document: The document.
        key: The reroute.
        feeds: Look for a source of what runs through it, instead of one more input. A chain
            without source always does.
    """
    workflow, bound = document.workflow, document.bound
    source = None if feeds else edits.source_of_reroute(workflow, bound, key)
    if source is not None:
        kind = _type_through(document, key) or bound.nodes[source[0]].outputs[source[1]].type
        return LooseLink(*source, True, kind, key)
    fed = next(iter(edits.fed_by_reroute(workflow, bound, key)), None)
    if fed is None:
        return None
    return LooseLink(fed.node, fed.input, False, bound.nodes[fed.node].inputs[fed.input].type, key)


def _type_through(document: WorkflowDocument, key: str) -> str:
    links = document.bound.links.values()
    return next((link.type for link in links if key in link.reroutes), "")


def drop_on_reroute(
    document: WorkflowDocument, scene: CanvasScene, loose: LooseLink, pos: QPointF
) -> LinkDrop | None:
    """Return the drop on the reroute at ``pos``: it feeds an input, or gets another source."""
    key = picking.reroute_at(scene, pos)
    workflow, bound = document.workflow, document.bound
    if not key or strips.is_new_slot(bound, loose.node, loose.slot):
        return None
    if loose.is_output:
        if loose.reroute and key in edits.reroutes_before(workflow, bound, loose.reroute):
            return None
        source = loose.node, loose.slot
        reason = refusal(workflow, bound, key, *source)
        return LinkDrop(*source, reason, key)
    found = edits.source_of_reroute(workflow, bound, key)
    if found is None:
        return None
    if loose.fed:
        if loose.fed in edits.reroutes_before(workflow, bound, key):
            return None
        return LinkDrop(*found, refusal(workflow, bound, loose.fed, *found), key)
    reason = strip.refusal(bound, *found, loose.node, loose.slot)
    return LinkDrop(*found, reason, key)


def refusal(workflow: Workflow, bound: BoundGraph, reroute: str, origin: str, output: int) -> str:
    """Return why an output cannot feed all that runs through a reroute, or an empty text."""
    reasons = (
        strip.refusal(bound, origin, output, fed.node, fed.input)
        for fed in edits.fed_by_reroute(workflow, bound, reroute)
    )
    return next((words for words in reasons if words), "")


def join(workflow: Workflow, bound: BoundGraph, loose: LooseLink, drop: LinkDrop) -> Patch:
    """Return the edit that a drop makes, of a link whose end was not moved."""
    if loose.fed:
        parent = drop.reroute or None
        return edits.feed_reroute(workflow, bound, loose.fed, drop.key, drop.slot, parent=parent)
    if not loose.is_output:
        ends = (drop.key, drop.slot, loose.node, loose.slot)
        return strip.join(workflow, bound, *ends, parent=drop.reroute or None)
    source = loose.node, loose.slot
    if drop.reroute:
        return edits.feed_reroute(workflow, bound, drop.reroute, *source, parent=loose.parent)
    return strip.join(workflow, bound, *source, drop.key, drop.slot, parent=loose.parent)


def join_node(workflow: Workflow, bound: BoundGraph, loose: LooseLink, key: str) -> Patch:
    """Return the edit that links a loose link to the first fitting socket of a node."""
    node = bound.nodes.get(loose.node)
    # An undo may have taken away what the link hangs from.
    if node is None or loose.slot >= len(node.outputs if loose.is_output else node.inputs):
        return ()
    if loose.reroute and loose.reroute not in workflow.graph(bound.graph_id).reroutes:
        return ()
    if loose.is_output:
        slot = edits.first_fitting_input(bound, loose.type, key, origin=loose.node)
    else:
        slot = edits.first_fitting_output(bound, loose.type, key)
    return () if slot is None else join(workflow, bound, loose, LinkDrop(key, slot))
