"""Who wants this press? Decides which gesture begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.engine.workflow import edits
from app.ui.canvas import words
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.interactions.base import Gesture, Pointer
from app.ui.canvas.interactions.connect import begin_link, cut_at_socket, drag_from_reroute
from app.ui.canvas.interactions.cut import CutGesture
from app.ui.canvas.interactions.group_resize import GroupResizeGesture
from app.ui.canvas.interactions.link_menu import LinkMenuGesture
from app.ui.canvas.interactions.marquee import MarqueeGesture
from app.ui.canvas.interactions.move import PressGesture
from app.ui.canvas.interactions.pan import PanGesture
from app.ui.canvas.interactions.reroute import place_reroute
from app.ui.canvas.interactions.resize import ResizeGesture
from app.ui.canvas.interactions.widget_press import press_widget

if TYPE_CHECKING:
    from app.ui.canvas.view import CanvasView


def press(view: CanvasView, pointer: Pointer) -> Gesture | None:
    """Return the gesture that a press of the left button begins."""
    if view.is_hand_mode:
        return PanGesture(view, pointer)
    hit = view.pick(pointer.pixel)
    view.canvas.set_hover(hit)
    if pointer.alt and pointer.shift and not hit.node:
        return CutGesture(view, pointer)
    if hit.under in (Under.INPUT, Under.OUTPUT):
        if pointer.ctrl and pointer.alt:
            cut_at_socket(view, hit)
            return None
        return begin_link(view, pointer, hit)
    if hit.under is Under.NEW_SLOT:
        return begin_link(view, pointer, hit)
    if hit.under is Under.WIDGET and not (pointer.alt or (pointer.ctrl and pointer.shift)):
        gesture, is_taken = press_widget(view, pointer, hit, is_double=False)
        if is_taken:
            return gesture
    if hit.under is Under.CHEVRON:
        view.actions.toggle_collapsed(hit.key)
        return None
    if hit.under is Under.ENTER:
        view.enter_subgraph_requested.emit(hit.key)
        return None
    if hit.under is Under.REMEDY:
        view.remedy_requested.emit(hit.key)
        return None
    if hit.under is Under.CORNER:
        return ResizeGesture(view, pointer, hit)
    if hit.under in (Under.REROUTE_IN, Under.REROUTE_OUT):
        return drag_from_reroute(view, pointer, hit.key, feeds=hit.under is Under.REROUTE_IN)
    if hit.under is Under.LINK and pointer.alt:
        return place_reroute(view, pointer, hit.key)
    if hit.under is Under.LINK and hit.index == 0 and not pointer.modifiers.value:
        return LinkMenuGesture(view, pointer, hit.key)
    if hit.under is Under.GROUP_CORNER and not _is_pinned_group(view, hit):
        return GroupResizeGesture(view, pointer, hit.key)
    if hit.node or hit.under in (Under.REROUTE, Under.GROUP_TITLE):
        return PressGesture(view, pointer, hit)
    if pointer.ctrl != view.drags_select:
        return MarqueeGesture(view, pointer)
    return PanGesture(view, pointer, clears=True)


def double_press(view: CanvasView, pointer: Pointer) -> Gesture | None:
    """Return the gesture that the second press of a double-click begins."""
    if view.is_hand_mode:
        return press(view, pointer)
    hit = view.pick(pointer.pixel)
    if hit.under in (Under.EMPTY, Under.GROUP) and not pointer.modifiers.value:
        view.search_requested.emit(pointer.pos)
        return None
    if hit.under is Under.TITLE:
        view.actions.rename(hit.key)
        return None
    if hit.under is Under.GROUP_TITLE:
        view.actions.rename_group(hit.key)
        return None
    if hit.under is Under.PICTURE:
        view.picture_opened.emit(hit.key, 0)
        return None
    if hit.under is Under.BODY and view.canvas.nodes[hit.key].node.subgraph is not None:
        view.enter_subgraph_requested.emit(hit.key)
        return None
    if hit.under is Under.WIDGET:
        gesture, is_taken = press_widget(view, pointer, hit, is_double=True)
        if is_taken:
            return gesture
    if hit.under in (Under.INPUT, Under.OUTPUT) and view.canvas.nodes[hit.key].is_strip:
        view.slots.rename(hit.key, hit.index)
        return None
    if hit.under is Under.INPUT and hit.widget == "" and _remove_link(view, hit):
        return None
    return press(view, pointer)


def _remove_link(view: CanvasView, hit: Hit) -> bool:
    """Take the link off an input that was double-clicked."""
    document = view.document
    patch = edits.disconnect_input(document.workflow, document.bound, hit.key, hit.index)
    document.apply(patch, words.disconnect())
    return bool(patch)


def _is_pinned_group(view: CanvasView, hit: Hit) -> bool:
    return bool(view.canvas.groups[hit.key].record.flags.get("pinned"))
