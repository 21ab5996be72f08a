"""Live QWidgets in nodes and the store that moves, shows and hides them."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QImage, QPainter, QTransform
from PySide6.QtWidgets import QLabel, QLineEdit, QWidget

from app.widgets.base import REST, WidgetPart
from app.widgets.dom import DomOptions, DomWidget, add_dom_widget
from app.widgets.dom_store import DomStore


@pytest.fixture
def viewport(qtbot):
    view = QWidget()
    view.resize(800, 600)
    qtbot.addWidget(view)
    view.show()
    qtbot.waitExposed(view)
    return view


@pytest.fixture
def store(viewport):
    return DomStore(viewport)


def label(name="live", **options):
    return DomWidget(name, "label", QLabel(name), DomOptions(**options))


def put(store, control, x=0, y=0, w=100, h=60, **more):
    key = store.register(control)
    store.place(key, QRectF(x, y, w, h), **more)
    store.refresh()
    return key


def test_a_value_lives_in_the_widget_when_it_can_be_read_and_written(qtbot):
    line = QLineEdit("before")
    qtbot.addWidget(line)
    options = DomOptions(get_value=line.text, set_value=line.setText)
    control = DomWidget("text", "customtext", line, options)

    assert control.value == "before"
    control.value = "after"

    assert line.text() == "after"
    assert control.value == "after"


def test_a_value_is_kept_by_the_control_otherwise(qtbot):
    control = label()
    qtbot.addWidget(control.widget)

    control.value = {"points": [1, 2]}

    assert control.value == {"points": [1, 2]}


def test_a_change_inside_the_widget_can_be_told(qtbot):
    control = label()
    qtbot.addWidget(control.widget)
    told = []
    control.on_change = told.append
    control.value = 3

    control.notify_change()

    assert told == [3]


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [
        ({}, 50, None),
        ({"min_height": 80}, 80, None),
        ({"min_height": 80, "max_height": 60}, 80, 80),
        ({"max_height": 200}, 50, 200),
        ({"get_min_height": lambda: 33.0, "get_max_height": lambda: 44.0}, 33, 44),
    ],
)
def test_the_height_of_the_row(qtbot, options, least, most):
    control = label(**options)
    qtbot.addWidget(control.widget)

    assert (control.minimum_height, control.maximum_height) == (least, most)


def test_a_hidden_control_takes_no_room(qtbot):
    control = label(min_height=80)
    qtbot.addWidget(control.widget)
    control.is_visible = False

    assert (control.minimum_height, control.maximum_height) == (0, 0)


def test_adding_to_a_node_refuses_a_name_twice(qtbot):
    row = []
    first = add_dom_widget(row, "view", "preview", QLabel("a"))
    qtbot.addWidget(first.widget)
    second = QLabel("b")
    qtbot.addWidget(second)

    with pytest.raises(ValueError, match="view"):
        add_dom_widget(row, "view", "preview", second)
    assert row == [first]


def test_the_stand_in_paints_and_tells_that_it_was_drawn(qtbot, style):
    drawn = []
    control = label(on_draw=lambda: drawn.append(True))
    qtbot.addWidget(control.widget)
    image = QImage(200, 80, QImage.Format.Format_RGB32)
    painter = QPainter(image)

    control.paint(painter, QRectF(0, 0, 200, 80), style, REST)
    control.snapshot = control.widget.grab()
    control.paint(painter, QRectF(0, 0, 200, 80), style, REST)

    painter.end()
    assert drawn == [True, True]
    assert control.part_at(QPointF(5, 5), QRectF(0, 0, 200, 80)) is WidgetPart.NONE
    assert control.part_at(QPointF(50, 40), QRectF(0, 0, 200, 80)) is WidgetPart.BODY


def test_the_store_moves_a_widget_with_pan_and_zoom(store):
    control = label()
    key = put(store, control, 100, 50, 100, 60)
    assert control.widget.isVisible()
    assert control.widget.geometry().getRect() == (100, 50, 100, 60)

    store.set_transform(QTransform(2, 0, 0, 2, -150, 10))

    assert control.widget.geometry().getRect() == (50, 110, 200, 120)
    assert store.state(key).is_live


def test_below_half_zoom_a_picture_takes_the_place_of_the_widget(store):
    control = label()
    put(store, control)

    store.set_transform(QTransform.fromScale(0.49, 0.49))

    assert not control.widget.isVisible()
    assert control.snapshot is not None
    assert control.snapshot.size() == control.widget.size()


def test_a_widget_that_asks_for_it_stays_live_at_every_zoom(store):
    control = label(hide_on_zoom=False)
    put(store, control)

    store.set_transform(QTransform.fromScale(0.2, 0.2))

    assert control.widget.isVisible()


@pytest.mark.parametrize("change", [{"is_covered": True}, {"is_visible": False}])
def test_a_covered_or_hidden_widget_is_not_live(store, change):
    control = label()
    key = put(store, control)

    store.place(key, QRectF(0, 0, 100, 60), **change)
    store.refresh()

    assert not control.widget.isVisible()
    assert not store.state(key).is_live


def test_a_widget_outside_the_view_is_not_live(store):
    control = label()
    key = put(store, control, 5000, 0)

    assert not store.state(key).is_live


def test_at_most_so_many_are_live_and_the_middle_ones_win(store):
    store.most_live = 3
    controls = [label(f"w{n}") for n in range(8)]
    for n, control in enumerate(controls):
        put(store, control, n * 100, 270)

    live = {key.split("#")[0] for key in store.live_ids()}

    assert live == {"w3", "w4", "w2"} or live == {"w3", "w4", "w5"}


def test_widgets_are_stacked_by_height(store, viewport):
    low, high = label("low"), label("high")
    put(store, high, z=5.0)
    put(store, low, z=1.0)

    order = [child for child in viewport.children() if isinstance(child, QLabel)]

    assert [key.split("#")[0] for key in store.live_ids()] == ["low", "high"]
    assert order.index(high.widget) > order.index(low.widget)


def test_each_change_of_state_is_told_once_for_each_widget(store):
    one, two = label("one"), label("two")
    first, second = put(store, one), put(store, two, 200)
    told = []
    store.changed.connect(told.append)

    store.refresh()
    store.place(first, QRectF(0, 0, 100, 60))
    assert told == []
    store.set_transform(QTransform.fromScale(0.3, 0.3))

    assert sorted(told) == sorted([first, second])


def test_resizing_is_announced_before_and_after(store):
    calls = []
    control = label(
        before_resize=lambda: calls.append("before"), after_resize=lambda: calls.append("after")
    )
    key = put(store, control)
    calls.clear()

    store.place(key, QRectF(10, 0, 100, 60))
    store.refresh()
    assert calls == []
    store.place(key, QRectF(10, 0, 120, 60))
    store.refresh()

    assert calls == ["before", "after"]


def test_letting_go_hands_the_widget_back(store, qtbot):
    control = label()
    key = put(store, control)

    store.unregister(key)
    qtbot.addWidget(control.widget)

    assert control.widget.parent() is None
    assert not control.widget.isVisible()
    assert store.ids() == ()
    with pytest.raises(KeyError):
        store.state(key)


def test_registering_twice_is_refused(store):
    control = label()
    store.register(control)

    with pytest.raises(ValueError, match="registered"):
        store.register(control)


def test_ids_are_unique_for_equal_names(store):
    assert put(store, label("same")) != put(store, label("same"))
