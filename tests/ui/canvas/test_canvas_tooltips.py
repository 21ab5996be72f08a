"""What the canvas says of the thing that the pointer rests on."""

import pytest
from canvas_hands import TYPES, Canvas, node_type, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QToolTip

from app.ui.canvas import hints
from app.ui.run_state import NodePhase

KIND = node_type(
    "Blur",
    ["IMAGE"],
    ["IMAGE"],
    [
        (
            "radius",
            ["INT", {"default": 4, "min": 1, "max": 31, "tooltip": "How <far> it reaches"}],
        ),
        ("mode", [["soft", "hard"], {"default": "hard"}]),
    ],
    description="Softens a picture.\nTwice.",
    output_tooltips=["The soft picture"],
)


def hint_for(scene, hit):
    """The hint with its weights taken out."""
    text = hints.hint_for(scene, hit)
    return text.replace('<span style="font-weight: 600">', "").replace("</span>", "")


@pytest.fixture
def blur(qtbot, fonts, monkeypatch):
    monkeypatch.setitem(TYPES, "Blur", KIND)
    return Canvas(qtbot, raw_workflow([raw_node(1, "Blur", (60, 80), values=[4, "soft"])]))


@pytest.fixture
def hasty(canvas):
    canvas.view.tooltips.delay_ms = 100
    yield canvas
    canvas.view.tooltips.hide()
    QTest.qWait(350)


def over(canvas, pixel):
    canvas.move(pixel, Qt.MouseButton.NoButton)
    return hint_for(canvas.scene, canvas.scene.pointer.hover)


def middle_of_link(canvas, key="1"):
    from app.ui.canvas.link_routes import middle

    return canvas.pixel(middle(canvas.scene.links.item.curves(key)))


def test_u089_an_input_says_name_type_and_whether_it_is_needed(blur):
    text = over(blur, blur.input(1))

    assert "image" in text
    assert "IMAGE" in text
    assert "Required" in text


def test_u089_an_output_says_what_it_delivers(blur):
    assert "The soft picture" in over(blur, blur.output(1))


def test_u089_the_socket_of_a_control_says_default_and_range(blur):
    index = next(i for i, s in enumerate(blur.item(1).node.inputs) if s.widget == "radius")
    text = over(blur, blur.input(1, index))

    assert "INT" in text
    assert "1 to 31" in text
    assert "Default 4" in text


def test_u089_a_control_says_help_range_and_default_and_escapes_them(blur):
    text = over(blur, blur.row(1, "radius"))

    assert "How &lt;far&gt; it reaches" in text
    assert "1 to 31" in text
    assert "Default 4" in text


def test_u089_a_choice_says_its_whole_value(blur):
    text = over(blur, blur.row(1, "mode"))

    assert "soft" in text
    assert "Default hard" in text


def test_u089_a_title_says_what_the_node_does(blur):
    assert "Softens a picture.<br>Twice." in over(blur, blur.title(1))


def test_u089_a_title_with_nothing_to_add_is_not_repeated(canvas):
    assert over(canvas, canvas.title(1)) == ""


def test_u086_a_link_says_source_target_and_type(canvas):
    text = over(canvas, middle_of_link(canvas))

    assert "Loader IMAGE → Filter image" in text
    assert text.endswith("IMAGE")


def test_u086_a_link_says_what_ran_through_it(canvas):
    run = canvas.run_state.node("1")
    run.phase, run.image_sizes = NodePhase.DONE, [(768, 512), (768, 512)]

    assert "2 pictures, 768 × 512" in over(canvas, middle_of_link(canvas))


def test_u089_the_hint_waits_until_the_pointer_rests(hasty):
    hasty.move(hasty.input(2), Qt.MouseButton.NoButton)

    assert not QToolTip.isVisible()
    hasty.qtbot.waitUntil(lambda: hasty.view.tooltips.is_shown, timeout=2000)
    assert "image" in QToolTip.text()


def test_u089_the_hint_goes_with_the_next_press(hasty):
    hasty.move(hasty.input(2), Qt.MouseButton.NoButton)
    hasty.qtbot.waitUntil(lambda: hasty.view.tooltips.is_shown, timeout=2000)

    hasty.press(hasty.title(2))

    assert not hasty.view.tooltips.is_shown
    hasty.release(hasty.title(2))


def test_u089_no_hint_comes_up_during_a_gesture(hasty):
    hasty.drag(hasty.title(2), hasty.title(2) + QPointF(30, 0), release=False)
    QTest.qWait(250)

    assert not hasty.view.tooltips.is_shown
    hasty.view.mouse.cancel()


def test_u089_hints_can_be_turned_off(hasty):
    hasty.view.shows_tooltips = False
    hasty.move(hasty.input(2), Qt.MouseButton.NoButton)
    QTest.qWait(250)

    assert not hasty.view.tooltips.is_shown


@pytest.mark.parametrize(("asked", "taken"), [(20, 100), (700, 700), (9000, 3000)])
def test_u089_the_delay_keeps_its_bounds(canvas, asked, taken):
    assert canvas.view.tooltips.delay_ms == 500
    canvas.view.tooltips.delay_ms = asked

    assert canvas.view.tooltips.delay_ms == taken


def test_u089_hints_of_things_that_are_gone_are_empty(canvas):
    hit = canvas.view.pick(canvas.input(2))
    canvas.view.actions.select_all()
    canvas.view.actions.delete()

    assert hint_for(canvas.scene, hit) == ""
