"""What can be done with the course of a link: its marker, reroutes, the cut, loose chains."""

import pytest
from canvas_hands import ALT, NONE, SHIFT, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from app.engine.workflow import edits
from app.ui.canvas.hover import Hit, Under
from app.ui.canvas.link_routes import crosses, middle

FORK = [
    raw_node(1, "Loader", (60, 80), values=["a.png"]),
    raw_node(2, "Filter", (460, 80), values=[4]),
    raw_node(3, "Filter", (460, 300), values=[4]),
    raw_node(4, "Viewer", (860, 80), (160, 60)),
    raw_node(5, "Loader", (60, 400), values=["b.png"]),
]


@pytest.fixture
def fork(make_canvas):
    """One link from a loader, nodes to link it to, and a second loader."""
    return make_canvas(raw_workflow(FORK, [(1, 1, 2, 0, "IMAGE")]))


def marker(canvas, key="1"):
    return canvas.pixel(middle(canvas.scene.links.item.curves(key)))


def add_reroute(canvas, link="1", pos=(380.0, 260.0)):
    document = canvas.document
    patch, key = edits.add_reroute(document.workflow, document.bound, link, pos)
    document.apply(patch, "Add reroute")
    return key


def color_at(canvas, pixel):
    QTest.qWait(60)
    return canvas.view.grab().toImage().pixelColor(pixel.toPoint())


def test_u073_a_click_on_the_marker_asks_for_the_menu_of_the_link(fork):
    with fork.qtbot.waitSignal(fork.view.context_menu_requested) as asked:
        fork.click(marker(fork))

    hit, place, _ = asked.args
    assert hit == Hit(Under.LINK, "1")
    assert (fork.pixel(place) - marker(fork)).manhattanLength() < 2


def test_u073_a_drag_of_the_marker_pans(fork):
    asked = []
    fork.view.context_menu_requested.connect(lambda *args: asked.append(args))
    start = marker(fork)

    fork.drag(start, start + QPointF(60, 40))

    assert not asked
    assert (marker(fork) - start - QPointF(60, 40)).manhattanLength() <= 14


def test_u073_the_marker_of_a_lit_link_shows_from_scale_0_6(fork):
    ground = fork.scene.theme.color("surface.canvas")
    beside = QPointF(0.0, -3.0)
    assert color_at(fork, marker(fork) + beside) == ground

    fork.scene.links.item.set_lit(["1"])

    assert color_at(fork, marker(fork) + beside) != ground
    assert fork.view.pick(marker(fork)).index == 0

    fork.view.set_zoom(0.58)
    QTest.qWait(200)

    assert color_at(fork, marker(fork) + beside) == ground
    assert fork.view.pick(marker(fork)).index == -1


def test_u075_alt_on_the_marker_still_puts_a_reroute_there(fork):
    fork.click(marker(fork), modifiers=ALT)

    assert len(fork.document.graph.reroutes) == 1


def test_u065_a_stroke_cuts_the_links_that_it_crosses_as_one_step(make_canvas):
    canvas = make_canvas(
        raw_workflow(FORK, [(1, 1, 2, 0, "IMAGE"), (1, 1, 3, 0, "IMAGE"), (2, 0, 4, 0, "IMAGE")])
    )
    x = (canvas.output(1, 1).x() + canvas.input(2).x()) / 2

    canvas.drag(QPointF(x, 60), QPointF(x, 390), modifiers=ALT | SHIFT)

    assert canvas.links() == [("2", 0, "4", 0)]
    canvas.undo()
    assert len(canvas.links()) == 3


def test_u065_a_stroke_beside_all_links_is_no_edit(fork):
    fork.drag(QPointF(500, 600), QPointF(700, 620), modifiers=ALT | SHIFT)

    assert fork.steps() == 0


def test_u065_escape_takes_the_stroke_back(fork):
    pixel = marker(fork)
    fork.drag(pixel - QPointF(0, 60), pixel + QPointF(0, 60), modifiers=ALT | SHIFT, release=False)
    fork.key(Qt.Key.Key_Escape)

    assert fork.links() == [("1", 1, "2", 0)]
    assert fork.steps() == 0


@pytest.mark.parametrize(
    ("end", "is_cut"), [((50.0, 40.0), True), ((50.0, -1.0), False), ((-10.0, 40.0), False)]
)
def test_u065_a_line_crosses_a_curve_only_where_both_are(end, is_cut):
    level = (0.0, 20.0, 30.0, 20.0, 70.0, 20.0, 100.0, 20.0)

    assert crosses([level], (end[0], -10.0), end) is is_cut


def test_u076_shift_drag_from_a_reroute_branches(fork):
    key = add_reroute(fork)
    start = fork.pixel(fork.scene.reroutes[key].pos())

    fork.drag(start, fork.input(3), modifiers=SHIFT)

    assert fork.links() == [("1", 1, "2", 0), ("1", 1, "3", 0)]


def test_u076_a_link_from_an_input_can_be_dropped_on_a_reroute(fork):
    key = add_reroute(fork)

    fork.drag(fork.input(3), fork.pixel(fork.scene.reroutes[key].pos()))

    assert fork.links() == [("1", 1, "2", 0), ("1", 1, "3", 0)]


def test_u076_an_output_dropped_on_a_reroute_becomes_its_source(fork):
    key = add_reroute(fork)

    fork.drag(fork.output(5, 1), fork.pixel(fork.scene.reroutes[key].pos()))

    assert fork.links() == [("5", 1, "2", 0)]
    (link,) = fork.bound.links.values()
    assert link.reroutes == (key,)


def test_u076_a_drop_on_a_reroute_of_another_type_is_refused(fork):
    key = add_reroute(fork)

    with fork.qtbot.waitSignal(fork.view.refused):
        fork.drag(fork.output(5, 0), fork.pixel(fork.scene.reroutes[key].pos()))

    assert fork.links() == [("1", 1, "2", 0)]


def test_u076_a_shift_click_on_a_reroute_still_selects(fork):
    key = add_reroute(fork)

    fork.click(fork.pixel(fork.scene.reroutes[key].pos()), modifiers=SHIFT)

    assert key in fork.scene.selection.reroutes


@pytest.fixture
def floating(make_canvas):
    """A chain of one reroute that hangs from an output and leads nowhere."""
    raw = raw_workflow(FORK)
    raw["extra"] = {"reroutes": [{"id": 7, "pos": [400, 300], "linkIds": [],
                                  "floating": {"slotType": "output"}}]}  # fmt: skip
    raw["reroutes"] = raw["extra"]["reroutes"]
    raw["floatingLinks"] = [
        {
            "id": 9, "origin_id": 1, "origin_slot": 1, "target_id": -1, "target_slot": -1,
            "type": "IMAGE", "parentId": 7,
        }
    ]  # fmt: skip
    return make_canvas(raw)


def test_u082_a_loose_chain_is_drawn_from_its_socket_to_its_reroute(floating):
    curves = floating.scene.links.item.curves("floating:9")

    assert curves[0][:2] == floating.item(1).link_end(1, is_output=True)
    assert curves[-1][6:] == (400, 300)


def test_u082_a_loose_chain_follows_its_node_and_its_reroute(floating):
    floating.drag(floating.title(1), floating.title(1) + QPointF(30, 20))
    reroute = floating.pixel(QPointF(400, 300))
    floating.drag(reroute, reroute + QPointF(20, 40))

    curves = floating.scene.links.item.curves("floating:9")
    assert curves[0][:2] == floating.item(1).link_end(1, is_output=True)
    assert curves[-1][6:] == floating.scene.reroutes["7"].pos().toTuple()
    assert floating.scene.reroutes["7"].pos() == QPointF(420, 340)


def test_u082_a_loose_chain_goes_with_its_reroute(floating):
    document = floating.document
    document.apply(edits.remove_reroutes(document.workflow, document.bound, ["7"]), "Delete")

    assert not floating.scene.links.item.has_link("floating:9")


def test_u082_a_loose_chain_is_no_link_that_can_be_pressed(floating):
    curves = floating.scene.links.item.curves("floating:9")

    assert floating.view.pick(floating.pixel(middle(curves))).under is not Under.LINK


def drag_onto_link(canvas, key="3", *, wait=260, modifiers=NONE):
    """Drag a node by its title onto the marker of link 1 and rest there."""
    target = marker(canvas)
    start = canvas.title(key)
    canvas.drag(start, target, release=False)
    canvas.move(target, modifiers=modifiers)
    QTest.qWait(wait)
    return target


def test_u044_a_node_that_rests_on_a_link_goes_into_it_as_one_step(fork):
    target = drag_onto_link(fork)
    fork.release(target)

    assert fork.links() == [("1", 1, "3", 0), ("3", 0, "2", 0)]
    assert fork.steps() == 1
    assert fork.item(2).pos().x() >= fork.item(3).outline.right()
    fork.undo()
    assert fork.links() == [("1", 1, "2", 0)]
    assert fork.item(3).pos() == QPointF(460, 300)
    assert fork.item(2).pos() == QPointF(460, 80)


def test_u044_the_link_lights_up_before_the_release(fork):
    drag_onto_link(fork)

    assert "1" in fork.scene.links.item.lit
    fork.view.mouse.cancel()
    assert "1" not in fork.scene.links.item.lit


def test_u044_a_node_that_only_passes_stays_free(fork):
    target = drag_onto_link(fork, wait=20)
    fork.release(target)

    assert fork.links() == [("1", 1, "2", 0)]


def test_u044_alt_forbids_to_insert(fork):
    target = drag_onto_link(fork, modifiers=ALT)
    fork.release(target, modifiers=ALT)

    assert fork.links() == [("1", 1, "2", 0)]


def test_u044_a_node_that_does_not_fit_is_not_inserted(make_canvas):
    nodes = [*FORK[:2], raw_node(3, "Prompt", (460, 300), values=["x"])]
    canvas = make_canvas(raw_workflow(nodes, [(1, 1, 2, 0, "IMAGE")]))
    target = drag_onto_link(canvas)
    canvas.release(target)

    assert canvas.links() == [("1", 1, "2", 0)]
