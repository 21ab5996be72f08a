"""Gathers what a node painter needs from the node, the last run and the pointer."""

from __future__ import annotations

from app.engine.workflow.binding import WidgetRole
from app.ui.canvas import strips
from app.ui.canvas.detail import Detail
from app.ui.canvas.hover import NOTHING, Hit, Under
from app.ui.canvas.node_colors import NodeColors, node_colors
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.node_view import NodeView, SocketOffer
from app.ui.run_state import NodePhase, NodeRun
from app.widgets.base import REST, WidgetPart, WidgetState
from app.widgets.style import Style

NOTE_COLOR = ("#432", "#653")
"""Title and body of a note that stores no colour of its own."""


class PointerState:
    """What the pointer and the keyboard do with nodes right now.

    Attributes:
        hover: What is under the pointer.
        pressed: What is held down.
        editing: Node key and widget name under an editor, or None.
        focused: Node key and widget name that have the keyboard, or None.
        rested: Key of the node on which the pointer rests, or an empty text.
    """

    def __init__(self) -> None:
        self.hover: Hit = NOTHING
        self.pressed: Hit = NOTHING
        self.editing: tuple[str, str] | None = None
        self.focused: tuple[str, str] | None = None
        self.rested = ""


def colors_of(item: NodeItem, style: Style) -> NodeColors:
    """Return the colours of a node."""
    record = item.node.node
    title, body = record.color, record.bgcolor
    is_note = _is_note(item)
    if is_note and title is None and body is None:
        title, body = NOTE_COLOR
    return node_colors(
        style, title, body, record.mode, is_missing=item.node.is_missing, is_note=is_note
    )


def view_of(
    item: NodeItem,
    style: Style,
    detail: Detail,
    zoom: float,
    *,
    run: NodeRun | None,
    pointer: PointerState,
    is_selected: bool,
    lit_links: frozenset[str],
    offer: SocketOffer | None,
) -> NodeView:
    """Return how a node looks now.

    Args:
        item: The node.
        style: The theme.
        detail: How much of it is drawn.
        zoom: Device pixels per unit.
        run: Its part in the last run, if any.
        pointer: What the pointer does.
        is_selected: Whether it is selected.
        lit_links: Links that are drawn in full colour.
        offer: What a dragged link could end at; None when none is dragged.
    """
    is_full = detail is Detail.FULL and not item.node.node.is_collapsed
    view = NodeView(
        node=item.node,
        layout=item.layout,
        colors=colors_of(item, style),
        widgets=item.controls if is_full else (),
        states=_states(item, pointer, run) if is_full else (),
        detail=detail,
        zoom=zoom,
        is_selected=is_selected,
        is_lit=is_selected,
        offer=offer,
    )
    if item.node.boundary:
        view.is_hovered = pointer.rested == item.key
        if pointer.focused is not None and pointer.focused[0] == item.key:
            view.focused_slot = strips.focus_index(pointer.focused[1])
    if not is_selected and lit_links:
        view.lit_inputs = frozenset(
            index for index, slot in enumerate(item.node.inputs) if slot.link in lit_links
        )
        view.lit_outputs = frozenset(
            index
            for index, output in enumerate(item.node.outputs)
            if not lit_links.isdisjoint(output.links)
        )
    if run is not None:
        _add_run(view, run)
    if not view.pictures and not view.text and item.kept_preview is not None:
        view.pictures, view.is_live = (item.kept_preview,), True
    if not view.pictures and item.chosen_picture is not None:
        image, size = item.chosen_picture
        view.pictures, view.picture_sizes = (image,), (size,)
    return view


def output_row_kind(run: NodeRun | None) -> str:
    """Return what a node shows below its widgets: ``"picture"``, ``"text"`` or nothing."""
    if run is None:
        return ""
    if run.images or run.preview is not None:
        return "picture"
    return "text" if run.text else ""


def _is_note(item: NodeItem) -> bool:
    return any(widget.role is WidgetRole.TEXT for widget in item.node.widgets)


def _add_run(view: NodeView, run: NodeRun) -> None:
    view.phase, view.maximum, view.seconds = run.phase, run.maximum, run.seconds
    view.problem, view.problem_input = run.problem, run.problem_input
    view.inner = run.inner if run.phase is NodePhase.RUNNING else ""
    if run.preview is not None and (run.phase is NodePhase.RUNNING or not run.images):
        view.pictures, view.is_live = (run.preview,), True
    else:
        view.pictures, view.picture_sizes = run.images, run.image_sizes
    view.text = run.text


def _states(item: NodeItem, pointer: PointerState, run: NodeRun | None) -> list[WidgetState]:
    return [control_state(item, index, pointer, run) for index in range(len(item.controls))]


def control_state(
    item: NodeItem, index: int, pointer: PointerState, run: NodeRun | None
) -> WidgetState:
    """Return how a control is drawn, but for the pointer's hovering over it."""
    control, is_linked = item.controls[index], item.visible[index].is_linked
    name = control.spec.name
    problem = "" if is_linked else control.problem()
    if run is not None and run.problem and run.problem_input == name:
        problem = run.problem
    scroll = item.scrolls.get(name, 0.0)
    pressed = pointer.pressed
    is_held = pressed.node == item.key and pressed.widget == name and pressed.under is Under.WIDGET
    is_editing = pointer.editing == (item.key, name)
    is_focused = pointer.focused == (item.key, name)
    if not (is_held or is_linked or is_editing or is_focused or problem or scroll):
        return REST
    return WidgetState(
        hovered=pressed.part if is_held else WidgetPart.NONE,
        pressed=pressed.part if is_held else WidgetPart.NONE,
        is_linked=is_linked,
        is_editing=is_editing,
        is_focused=is_focused,
        problem=problem,
        scroll=scroll,
    )
