"""Edits that come while the mouse is held down or text is being typed."""

from __future__ import annotations

from canvas_hands import LEFT
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from app.engine.workflow import edits
from app.engine.workflow.edits.packing import create_subgraph


def pack(canvas, *keys):
    document = canvas.document
    patch, key = create_subgraph(document.workflow, document.bound, list(keys), name="Inner")
    document.apply(patch, "Convert")
    return key


def type_text(canvas, text):
    QTest.keyClicks(canvas.view.viewport(), text)


def test_undo_in_the_middle_of_a_move_cancels_it(canvas):
    document = canvas.document
    document.apply(edits.remove_nodes(document.workflow, document.bound, ["3"]), "Delete")
    start = canvas.title("2")
    canvas.drag(start, start + QPointF(80, 50), release=False)
    place = canvas.item("2").pos()
    canvas.undo()
    assert canvas.view.mouse.gesture is None
    assert canvas.item("2").pos() == place - QPointF(80, 50)
    canvas.release(start + QPointF(80, 50))
    assert canvas.steps() == 1
    assert "3" in canvas.scene.nodes


def test_undo_that_takes_the_dragged_node_away_leaves_no_drag(canvas):
    document = canvas.document
    patch, key = edits.add_node(
        document.workflow, document.bound, document.definitions["Filter"], (400, 400)
    )
    document.apply(patch, "Add")
    for start in (canvas.title(key), canvas.output(key), canvas.input(key)):
        canvas.drag(start, start + QPointF(60, 40), release=False)
        canvas.undo()
        canvas.move(start + QPointF(90, 90))
        canvas.release(start)
        assert key not in canvas.scene.nodes
        canvas.redo()
        assert key in canvas.scene.nodes
    assert canvas.scene.offer_of is None


def test_a_value_that_changes_meanwhile_does_not_end_a_drag(canvas):
    document = canvas.document
    start = canvas.title("3")
    canvas.drag(start, start + QPointF(60, 40), release=False)
    document.apply(
        edits.set_widget(document.workflow, document.bound, "2", "radius", 9), "Change radius"
    )
    assert canvas.view.mouse.gesture is not None
    before = canvas.bound.nodes["3"].node.pos
    canvas.move(start + QPointF(80, 50))
    canvas.release(start + QPointF(80, 50))
    assert canvas.bound.nodes["3"].node.pos == (before[0] + 80, before[1] + 50)


def test_other_definitions_in_the_middle_of_a_drag_cancel_it(canvas):
    document = canvas.document
    start = canvas.output("1", 1)
    canvas.drag(start, start + QPointF(60, 200), release=False)
    document.set_definitions(dict(document.definitions))
    canvas.move(start + QPointF(90, 200))
    canvas.release(start + QPointF(90, 200))
    assert canvas.steps() == 0
    assert canvas.view.mouse.gesture is None


def test_typing_goes_on_when_other_definitions_come(canvas):
    canvas.click(canvas.row("2", "radius"))
    QTest.qWait(5)
    type_text(canvas, "1")
    document = canvas.document
    document.set_definitions(dict(document.definitions))
    assert canvas.view.editors.is_open
    # What is typed so far is kept, and the keyboard is still there.
    assert document.node("2").widget("radius").value == 1
    type_text(canvas, "7")
    canvas.key(Qt.Key.Key_Return)
    assert document.node("2").widget("radius").value == 17


def test_typing_ends_without_harm_when_undo_takes_the_node_away(canvas):
    document = canvas.document
    patch, key = edits.add_node(
        document.workflow, document.bound, document.definitions["Filter"], (400, 400)
    )
    document.apply(patch, "Add")
    for begin, place in (
        (canvas.click, canvas.row(key, "radius")),
        (canvas.double_click, canvas.title(key)),
    ):
        begin(place)
        assert canvas.view.editors.is_open
        type_text(canvas, "55")
        canvas.undo()
        QTest.qWait(5)
        canvas.move(place, LEFT)
        canvas.release(place)
        canvas.redo()
        assert document.node(key).title == "Filter"
        assert document.node(key).widget("radius").value == 4
        assert not canvas.view.editors.is_open


def test_typing_is_kept_when_another_level_is_shown(canvas):
    host = pack(canvas, "2")
    document = canvas.document
    document.enter(host)
    canvas.view.actions.fit(animate=False)
    canvas.view.set_zoom(1.0)
    canvas.click(canvas.row("2", "radius"))
    QTest.qWait(5)
    type_text(canvas, "12")
    document.show_level(0)
    QTest.qWait(5)
    assert not canvas.view.editors.is_open
    assert document.workflow.subgraphs[document.node(host).subgraph].nodes["2"].raw[
        "widgets_values"
    ] == [12]


def test_undo_of_the_shown_subgraph_does_not_type_into_a_node_of_the_root(canvas):
    host = pack(canvas, "2")
    document = canvas.document
    document.enter(host)
    canvas.view.actions.fit(animate=False)
    canvas.view.set_zoom(1.0)
    canvas.double_click(canvas.title("2"))
    type_text(canvas, "Lost")
    canvas.undo()
    QTest.qWait(5)
    assert document.graph_id == ""
    assert document.node("2").title == "Filter"
    assert not canvas.view.editors.is_open
