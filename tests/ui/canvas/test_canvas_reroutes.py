"""Links drawn from reroutes and dropped on them, and chains that outlive their link."""

from __future__ import annotations

import pytest
from canvas_hands import ALT, NONE, SHIFT, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication

from app.engine.workflow import edits
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.reroute_item import SIDE_DISTANCE
from app.ui.canvas.selection import Selection

NODES = [
    raw_node(1, "Loader", (60, 80), values=["a.png"]),
    raw_node(2, "Filter", (460, 80), values=[4]),
    raw_node(3, "Filter", (460, 300), values=[4]),
    raw_node(4, "Viewer", (860, 80), (160, 60)),
    raw_node(5, "Loader", (60, 400), values=["b.png"]),
    raw_node(6, "Prompt", (460, 520), values=["x"]),
]
EMPTY = QPointF(820, 700)
LINKS = [(1, 1, 2, 0, "IMAGE"), (2, 0, 4, 0, "IMAGE")]
FIRST = raw_workflow(NODES, LINKS)


@pytest.fixture
def fork(make_canvas):
    """Loader 1 feeds filter 2, that feeds viewer 4; filter 3 and loader 5 are free."""
    return make_canvas(raw_workflow(NODES, LINKS))


def wind_back(canvas):
    """Undo and redo everything: the file comes back, and the items follow the document."""
    after = canvas.file()
    assert_items_follow(canvas)
    while canvas.document.undo_stack.canUndo():
        canvas.undo()
        assert_items_follow(canvas)
    assert canvas.file() == FIRST
    while canvas.document.undo_stack.canRedo():
        canvas.redo()
        assert_items_follow(canvas)
    assert canvas.file() == after


def assert_items_follow(canvas):
    graph, bound, scene = canvas.document.graph, canvas.bound, canvas.scene
    assert scene.reroutes.keys() == graph.reroutes.keys()
    assert scene.nodes.keys() == bound.nodes.keys()
    drawn = set(scene.links.item._numbers)
    assert {key for key in drawn if not key.startswith("floating:")} == set(bound.links)
    assert {key for key in drawn if key.startswith("floating:")} == {
        f"floating:{key}" for key in graph.floating_links
    }


def reroute(canvas, link, *places):
    """Put reroutes on a link, from its origin on; return their keys."""
    keys = []
    for place in places:
        document = canvas.document
        patch, key = edits.add_reroute(document.workflow, document.bound, link, place)
        document.apply(patch, "Add reroute")
        keys.append(key)
    return keys


def at(canvas, key, side=0):
    """The pixel of a reroute, or of the half socket at its left (-1) or right (1)."""
    return canvas.pixel(canvas.scene.reroutes[key].pos() + QPointF(side * SIDE_DISTANCE, 0))


def runs(canvas):
    """Reroutes by ``(origin, output, target)``."""
    return {
        (link.origin, link.origin_slot, link.target): link.reroutes
        for link in canvas.bound.links.values()
    }


def loose(canvas):
    return [
        (link.origin, link.target, link.parent_id)
        for link in canvas.document.graph.floating_links.values()
    ]


@pytest.mark.parametrize(("side", "modifiers"), [(0, SHIFT), (1, NONE)])
def test_u076_a_branch_runs_through_its_reroute(fork, side, modifiers):
    (key,) = reroute(fork, "1", (380, 260))

    fork.drag(at(fork, key, side), fork.input(3), modifiers=modifiers)

    assert runs(fork)["1", 1, "3"] == (key,)
    curves = fork.scene.links.item.curves(next(iter(fork.bound.nodes["3"].inputs)).link)
    assert curves[0][6:] == fork.scene.reroutes[key].pos().toTuple()
    assert {"id": 3, "parentId": int(key)} in fork.file()["extra"]["linkExtensions"]
    wind_back(fork)


def test_u076_links_take_one_course_up_to_the_reroute_where_they_part(fork):
    first, last = reroute(fork, "1", (340, 240), (400, 240))
    fork.drag(at(fork, last, 1), fork.input(3))
    one, other = (
        fork.scene.links.item.curves(key)
        for key, link in fork.bound.links.items()
        if link.reroutes == (first, last)
    )

    assert one[:2] == other[:2]
    assert one[2][:4] != one[2][4:]
    assert one[2][:2] == other[2][:2]
    assert one[2][6:] != other[2][6:]
    fork.undo()
    alone = fork.scene.links.item.curves("1")
    assert alone[1] != one[1]
    fork.redo()
    wind_back(fork)


def test_u076_an_input_dropped_on_a_reroute_is_fed_through_it(fork):
    first, _ = reroute(fork, "1", (340, 240), (400, 240))

    fork.drag(fork.input(3), at(fork, first))

    assert runs(fork)["1", 1, "3"] == (first,)
    wind_back(fork)


def test_u076_the_left_half_socket_takes_another_source(fork):
    first, second = reroute(fork, "1", (340, 240), (400, 240))

    fork.drag(at(fork, second, -1), fork.output(5, 1))

    assert runs(fork)["5", 1, "2"] == (second,)
    assert loose(fork) == [("1", "-1", first)]
    wind_back(fork)


def test_u076_an_output_dropped_on_a_reroute_leaves_what_was_before_it_loose(fork):
    first, second = reroute(fork, "1", (340, 240), (400, 240))

    fork.drag(fork.output(5, 1), at(fork, second))

    assert runs(fork)["5", 1, "2"] == (second,)
    assert loose(fork) == [("1", "-1", first)]
    wind_back(fork)


def test_u076_a_source_that_does_not_fit_all_inputs_is_refused(fork):
    (key,) = reroute(fork, "1", (380, 260))

    with fork.qtbot.waitSignal(fork.view.refused):
        fork.drag(at(fork, key, -1), fork.output(5, 0))

    assert runs(fork)["1", 1, "2"] == (key,)
    wind_back(fork)


def test_u076_a_reroute_dropped_on_one_after_it_takes_the_short_way(fork):
    first, middle, last = reroute(fork, "1", (320, 240), (360, 280), (410, 240))

    fork.drag(at(fork, first), at(fork, last), modifiers=SHIFT)

    assert runs(fork)["1", 1, "2"] == (first, last)
    assert loose(fork) == [("1", "-1", middle)]
    wind_back(fork)


def test_u076_a_reroute_dropped_on_one_before_it_is_no_edit(fork):
    first, last = reroute(fork, "1", (320, 240), (410, 240))
    steps = fork.steps()

    fork.drag(at(fork, last), at(fork, first), modifiers=SHIFT)

    assert fork.steps() == steps
    wind_back(fork)


def test_u062_a_moved_end_keeps_its_reroutes_as_one_step(fork):
    (key,) = reroute(fork, "1", (380, 260))
    steps = fork.steps()

    fork.drag(fork.input(2), fork.input(3))

    assert runs(fork)["1", 1, "3"] == (key,)
    assert fork.steps() == steps + 1
    wind_back(fork)


def test_u062_shift_on_a_linked_input_starts_a_second_link_through_the_chain(fork):
    (key,) = reroute(fork, "1", (380, 260))

    fork.drag(fork.input(2), fork.input(3), modifiers=SHIFT)

    assert runs(fork)["1", 1, "3"] == runs(fork)["1", 1, "2"] == (key,)
    wind_back(fork)


def test_u062_an_end_dropped_on_a_reroute_feeds_what_follows_it(fork):
    (before,) = reroute(fork, "1", (380, 260))
    (after,) = reroute(fork, "2", (760, 300))

    fork.drag(fork.input(2), at(fork, after))

    assert runs(fork) == {("1", 1, "4"): (before, after)}
    wind_back(fork)


def test_u082_an_end_pulled_off_leaves_a_loose_chain_that_can_be_linked_again(fork):
    (key,) = reroute(fork, "1", (380, 260))

    fork.drag(fork.input(2), EMPTY)

    assert loose(fork) == [("1", "-1", key)]
    curves = fork.scene.links.item.curves(
        f"floating:{next(iter(fork.document.graph.floating_links))}"
    )
    assert curves[-1][6:] == (380, 260)
    fork.drag(at(fork, key, 1), fork.input(3))
    assert runs(fork)["1", 1, "3"] == (key,)
    assert loose(fork) == []
    wind_back(fork)


def test_u082_deleting_a_node_leaves_both_chains_and_a_drag_joins_them(fork):
    (before,) = reroute(fork, "1", (380, 260))
    (after,) = reroute(fork, "2", (760, 300))
    fork.view.actions.keeps_links = False
    fork.scene.select(Selection.of(["2"]))

    fork.view.actions.delete()

    assert sorted(loose(fork)) == [("-1", "4", after), ("1", "-1", before)]
    fork.drag(at(fork, before, 1), at(fork, after))
    assert runs(fork) == {("1", 1, "4"): (before, after)}
    assert loose(fork) == []
    wind_back(fork)


def test_u083_a_deleted_node_whose_links_are_kept_joins_its_chains(fork):
    (before,) = reroute(fork, "1", (380, 260))
    (after,) = reroute(fork, "2", (760, 300))
    fork.view.actions.keeps_links = True
    fork.scene.select(Selection.of(["2"]))

    fork.view.actions.delete()

    assert runs(fork) == {("1", 1, "4"): (before, after)}
    wind_back(fork)


@pytest.mark.parametrize("backwards", [False, True])
def test_u082_a_chain_at_an_input_is_linked_by_dragging_either_way(fork, backwards):
    (after,) = reroute(fork, "2", (760, 300))
    fork.view.actions.keeps_links = False
    fork.scene.select(Selection.of(["2"]))
    fork.view.actions.delete()

    if backwards:
        fork.drag(fork.input(4), fork.output(5, 1))
    else:
        fork.drag(at(fork, after), fork.output(5, 1), modifiers=SHIFT)

    assert runs(fork) == {("5", 1, "4"): (after,)}
    assert loose(fork) == []
    wind_back(fork)


@pytest.mark.parametrize(("side", "kind"), [(1, "Filter"), (-1, "Filter")])
def test_u035_a_node_added_for_a_loose_reroute_runs_through_it(fork, side, kind):
    (key,) = reroute(fork, "1", (380, 260))
    dropped = []
    fork.view.link_dropped_on_empty.connect(lambda link, place: dropped.append((link, place)))

    fork.drag(at(fork, key, side), EMPTY)

    ((link, place),) = dropped
    definition = fork.document.definitions[kind]
    made = fork.view.actions.add_node(definition, place, link)
    ends = ("1", 1, made) if side > 0 else (made, 0, "2")
    assert runs(fork)[ends] == (key,)
    wind_back(fork)


def test_u076_alt_and_the_right_button_remove_a_reroute(fork):
    first, last = reroute(fork, "1", (340, 240), (400, 240))
    pixel = at(fork, last).toPoint()
    reason = QContextMenuEvent.Reason.Mouse
    event = QContextMenuEvent(reason, pixel, fork.view.mapToGlobal(pixel), ALT)

    QApplication.sendEvent(fork.view.viewport(), event)

    assert runs(fork)["1", 1, "2"] == (first,)
    wind_back(fork)


def test_u076_the_half_sockets_show_while_the_pointer_is_near(fork):
    (key,) = reroute(fork, "1", (380, 260))
    item = fork.scene.reroutes[key]

    fork.move(at(fork, key, 1), Qt.MouseButton.NoButton)
    assert fork.scene.pointer.hover == Hit(Under.REROUTE_OUT, key)
    assert [half.isVisible() for half in item.childItems()] == [True, True]
    right = item.childItems()[1]
    assert right.rect().width() > item.childItems()[0].rect().width()
    fork.move(EMPTY, Qt.MouseButton.NoButton)

    assert [half.isVisible() for half in item.childItems()] == [False, False]
    wind_back(fork)


def test_u076_escape_takes_a_drag_from_a_reroute_back(fork):
    (key,) = reroute(fork, "1", (380, 260))
    steps = fork.steps()

    fork.drag(at(fork, key, 1), fork.input(3), release=False)
    fork.key(Qt.Key.Key_Escape)

    assert fork.steps() == steps
    assert runs(fork)["1", 1, "2"] == (key,)
    wind_back(fork)


def test_u063_all_links_of_an_output_move_with_their_reroutes(fork):
    (key,) = reroute(fork, "1", (380, 260))
    fork.drag(at(fork, key, 1), fork.input(3))

    fork.drag(fork.output(1, 1), fork.output(5, 1), modifiers=SHIFT)

    assert runs(fork)["5", 1, "2"] == runs(fork)["5", 1, "3"] == (key,)
    wind_back(fork)


def test_u070_a_reroute_whose_inputs_lead_to_the_source_is_refused(fork):
    (key,) = reroute(fork, "1", (380, 260))

    with fork.qtbot.waitSignal(fork.view.refused):
        fork.drag(fork.output(2), at(fork, key))

    assert runs(fork)["1", 1, "2"] == (key,)
    wind_back(fork)


def test_u082_a_saved_loose_chain_opens_as_it_was(fork, make_canvas):
    (key,) = reroute(fork, "1", (380, 260))
    fork.drag(fork.input(2), EMPTY)

    again = make_canvas(fork.file())

    assert loose(again) == [("1", "-1", key)]
    again.drag(again.input(3), at(again, key))
    assert runs(again)["1", 1, "3"] == (key,)
    wind_back(fork)
