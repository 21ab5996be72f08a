"""What a node looks like right now: everything its painter needs, and nothing live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtGui import QImage

from app.engine.workflow.binding import BoundNode
from app.ui.canvas.detail import Detail
from app.ui.canvas.node_colors import NodeColors
from app.ui.canvas.node_layout import NodeLayout
from app.ui.run_state import NodePhase
from app.widgets.base import NodeWidget, WidgetState


@dataclass(frozen=True, slots=True)
class SocketOffer:
    """Which sockets of a node would take the link that is being dragged.

    Attributes:
        inputs: Positions of the inputs that fit.
        outputs: Positions of the outputs that fit.
    """

    inputs: frozenset[int] = frozenset()
    outputs: frozenset[int] = frozenset()


@dataclass(slots=True)
class NodeView:
    """One node, ready to be painted.

    Attributes:
        node: The node.
        layout: Where its parts lie.
        colors: Its colours.
        widgets: Its controls, as in :attr:`NodeLayout.widgets`.
        states: State of each control.
        detail: How much of it is drawn.
        zoom: Device pixels per unit.
        phase: How far it is in the last run.
        maximum: Steps that it runs; 0 when none are known.
        seconds: Time the last run took.
        inner: Title of the node that runs inside, or empty.
        problem: Sentence about a failure, or empty.
        problem_input: Name of the input at fault, or empty.
        is_selected: Title brighter.
        is_lit: The ends of its links are drawn in full colour.
        lit_inputs: Inputs whose link is drawn in full colour though the node is not lit.
        lit_outputs: The same for outputs.
        offer: What a link that is being dragged could end at; None when none is.
        pictures: Pictures to show.
        picture_sizes: Sizes of the full pictures.
        is_live: The picture is a preview of what is being made, and may be enlarged.
        text: Text to show.
        has_shadow: A shadow is drawn around it.
        is_hovered: The pointer rests on it; known of the strips of a subgraph alone.
        focused_slot: Row of a strip that the keyboard acts on, or None.
    """

    node: BoundNode
    layout: NodeLayout
    colors: NodeColors
    widgets: Sequence[NodeWidget]
    states: Sequence[WidgetState]
    detail: Detail = Detail.FULL
    zoom: float = 1.0
    phase: NodePhase = NodePhase.IDLE
    maximum: float = 0.0
    seconds: float | None = None
    inner: str = ""
    problem: str = ""
    problem_input: str = ""
    is_selected: bool = False
    is_lit: bool = False
    lit_inputs: frozenset[int] = frozenset()
    lit_outputs: frozenset[int] = frozenset()
    offer: SocketOffer | None = None
    pictures: Sequence[QImage] = field(default_factory=tuple)
    picture_sizes: Sequence[tuple[int, int]] = field(default_factory=tuple)
    is_live: bool = False
    text: str = ""
    has_shadow: bool = True
    is_hovered: bool = False
    focused_slot: int | None = None
