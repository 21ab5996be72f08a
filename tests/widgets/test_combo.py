"""U-236, U-240, U-258, U-250, U-269: choices, switches, buttons and the fallback."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QImage, QPainter

from app.widgets.base import REST
from app.widgets.combo import ComboWidget, choice_name, nearest_choice
from app.widgets.factory import make_widget
from app.widgets.spec import WidgetKind, WidgetSpec

SAMPLERS = ("euler", "euler_ancestral", "heun", "dpmpp_2m")
SPEC = WidgetSpec("sampler", WidgetKind.COMBO, "sampler_name", choices=SAMPLERS)


@pytest.mark.parametrize(
    ("value", "x", "expected"),
    [
        ("heun", 10, ["euler_ancestral"]),
        ("heun", 250, ["dpmpp_2m"]),
        ("euler", 10, []),
        ("dpmpp_2m", 250, []),
        ("unknown", 250, ["euler"]),
        ("unknown", 10, ["dpmpp_2m"]),
    ],
)
def test_u236_the_edges_take_the_choice_before_or_after(put, board, value, x, expected):
    node = put(SPEC, value)

    board.click(x)

    assert node.values == expected


def test_u236_the_middle_opens_the_list_at_the_current_choice(put, board):
    node = put(SPEC, "heun")

    board.click(130)

    choices, current, on_choose = node.choices_shown
    assert (choices, current) == (list(SAMPLERS), "heun")
    on_choose("euler")
    assert node.values == ["euler"]


def test_u236_an_unknown_value_is_kept_and_the_nearest_suggested(put, board):
    node = put(SPEC, "euler_ancestra")

    assert "euler_ancestral" in node.widget.problem()
    board.click(130)
    assert node.choices_shown[1] == "euler_ancestral"
    assert node.values == []
    assert node.widget.value == "euler_ancestra"


def test_u236_a_known_value_is_no_problem():
    assert ComboWidget(SPEC, "heun").problem() == ""
    assert ComboWidget(SPEC, None).problem() == ""


def test_u236_an_unknown_value_is_drawn_with_a_red_line(style):
    assert has_color(ComboWidget(SPEC, "gone"), style, style.color("danger.line"))
    assert not has_color(ComboWidget(SPEC, "heun"), style, style.color("danger.line"))


@pytest.mark.parametrize(
    ("value", "choices", "expected"),
    [
        ("sd/dreamshaper_8.safetensors", ("a.ckpt", "dreamshaper_8.ckpt"), "dreamshaper_8.ckpt"),
        (r"sd\v1.ckpt", ("v2.ckpt", "sd/v1.ckpt"), "sd/v1.ckpt"),
        ("dpmpp_2m_sd", SAMPLERS, "dpmpp_2m"),
        ("zzzz", SAMPLERS, None),
        ("x", (), None),
    ],
)
def test_u236_nearest_choice(value, choices, expected):
    assert nearest_choice(value, choices) == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("sd/dreamshaper_8.safetensors", "dreamshaper_8"),
        (r"sd\v1-5.CKPT", "v1-5"),
        ("picture.png", "picture.png"),
        ("folder/picture.png", "folder/picture.png"),
        (3, "3"),
        (".ckpt", ".ckpt"),
    ],
)
def test_models_are_named_without_folder_and_ending(choice, expected):
    assert choice_name(choice) == expected


def test_numbers_and_truth_values_are_told_apart_in_choices():
    spec = WidgetSpec("c", WidgetKind.COMBO, "c", choices=(0, True, "1"))

    assert ComboWidget(spec, True).place == 1
    assert ComboWidget(spec, "1").place == 2
    assert ComboWidget(spec, 0).place == 0


def test_u240_a_click_flips_a_switch(put, board):
    node = put(WidgetSpec("t", WidgetKind.TOGGLE, "add_noise"), True)

    board.click(60)
    board.click(240)

    assert node.values == [False, True]


def test_u258_a_button_tells_its_name_when_released_over_it(put, board):
    node = put(WidgetSpec("refresh", WidgetKind.BUTTON, "Refresh"), None)

    board.click(130)
    board.hold(130)
    board.let_go(board.at(130, 200))

    assert node.notes == [("trigger", "refresh")]


def test_u250_an_upload_asks_for_a_file_and_hands_it_over(put, board):
    node = put(WidgetSpec("upload", WidgetKind.IMAGE_UPLOAD, "Choose a picture"), "image")
    node.file_to_choose = "/pictures/sea.png"

    board.click(130)

    assert node.notes[0][0] == "choose_file"
    assert node.notes[1] == ("take_file", "upload", "/pictures/sea.png")
    assert node.values == []


def test_u249_a_colour_opens_the_picker(put, board):
    node = put(WidgetSpec("tint", WidgetKind.COLOR, "tint"), "#ffffff")

    board.click(130)

    assert node.notes == [("choose_color", "#ffffff")]
    assert node.values == ["#102030"]


def test_u249_a_colour_kept_as_a_number_stays_a_number(put, board):
    node = put(WidgetSpec("tint", WidgetKind.COLOR, "tint"), 0xFF8000)

    board.click(130)

    assert node.notes == [("choose_color", "#ff8000")]
    assert node.values == [0x102030]


VALUES = ["text", "", None, 3, 2**80, 1.5, float("nan"), True, [1, "a"], {"a": [1]}, "x" * 100_000]


@pytest.mark.parametrize("kind", list(WidgetKind))
@pytest.mark.parametrize("value", VALUES, ids=lambda value: str(value)[:12])
def test_u269_every_control_paints_any_value_and_keeps_it(style, kind, value):
    control = make_widget(WidgetSpec("n", kind, "label", choices=("a", "b")), value)

    render(control, style)

    assert control.value is value
    assert isinstance(control.text(), str)
    assert control.minimum_height >= 20


def render(control, style):
    from PySide6.QtCore import QRectF

    image = QImage(300, 120, QImage.Format.Format_RGB32)
    image.fill(0)
    painter = QPainter(image)
    height = control.minimum_height if control.maximum_height is not None else 120
    control.paint(painter, QRectF(0, 0, 300, height), style, REST)
    painter.end()
    return image


def has_color(control, style, color):
    image = render(control, style)
    return any(image.pixelColor(x, 10) == color for x in range(10, 30))
