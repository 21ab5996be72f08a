import pytest
from canvas_hands import raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit

from app.widgets.dom import DomOptions


@pytest.fixture
def live(make_canvas):
    """A node with a live line of text in a row of its own."""
    canvas = make_canvas(raw_workflow([raw_node(1, "Viewer", (100, 100), (240, 60))]))
    widget = QLineEdit()
    canvas.control = canvas.view.dom.add_dom_widget(
        "1", "caption", "line", widget, DomOptions(min_height=60.0, get_value=widget.text)
    )
    widget.textEdited.connect(lambda text: canvas.control.notify_change())
    canvas.widget = widget
    QTest.qWait(5)
    return canvas


def expected_box(canvas):
    row = canvas.item(1).row_of("caption").translated(canvas.item(1).pos())
    return canvas.view.viewportTransform().mapRect(canvas.control.box(row)).toRect()


def test_a_live_widget_takes_a_row_of_its_node(live):
    assert live.item(1).size[1] >= 26 + 60
    assert live.widget.isVisible()
    assert live.widget.geometry() == expected_box(live)


def test_a_live_widget_follows_pan_zoom_and_moves(live):
    live.view.navigator.pan_by(33, 21)
    live.view.set_zoom(1.3)
    live.drag(live.title(1), live.title(1) + QPointF(40, 30))
    QTest.qWait(5)

    assert live.widget.geometry() == expected_box(live)


def test_a_live_widget_gives_way_when_its_node_is_collapsed(live):
    live.view.actions.toggle_collapsed("1")
    QTest.qWait(5)
    assert not live.widget.isVisible()

    live.view.actions.toggle_collapsed("1")
    QTest.qWait(5)
    assert live.widget.isVisible()


def test_a_live_widget_gives_way_when_it_is_small_on_screen(live):
    live.view.set_zoom(0.4)

    assert not live.widget.isVisible()


def test_a_live_widget_comes_back_with_its_node(live):
    live.view.actions.select_all()
    live.view.actions.delete()
    QTest.qWait(5)
    assert not live.widget.isVisible()

    live.undo()
    QTest.qWait(5)

    assert live.widget.isVisible()
    assert live.item(1).row_of("caption") is not None


def test_typing_into_a_live_widget_is_one_undo_step(live):
    live.widget.setFocus()
    QTest.keyClicks(live.widget, "dusk", Qt.KeyboardModifier.NoModifier)

    assert live.bound.nodes["1"].node.properties["caption"] == "dusk"
    assert live.steps() == 1


def test_two_live_widgets_of_one_name_are_refused(live):
    with pytest.raises(ValueError, match="caption"):
        live.view.dom.add_dom_widget("1", "caption", "line", QLineEdit())
