"""Fields, choosers, toasts, the viewer and the colour picker under real mouse and keyboard."""

from __future__ import annotations

import itertools

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from app.widgets.buttons import Button, ButtonRole
from app.widgets.choosers import ComboField, Segmented, SliderField
from app.widgets.color_picker import ColorPicker
from app.widgets.fields import LineField, SearchField, SpinField
from app.widgets.image_view import CompareMode, ImageView
from app.widgets.spec import WidgetKind, WidgetSpec
from app.widgets.toast import ToastStack

LEFT = Qt.MouseButton.LeftButton
NO = Qt.KeyboardModifier.NoModifier
STEPS = WidgetSpec("steps", WidgetKind.INT, "steps", minimum=1, maximum=100)
SHARE = WidgetSpec("share", WidgetKind.FLOAT, "share", minimum=0.0, maximum=1.0, step=0.05)


@pytest.fixture
def show(qtbot):
    def show_it(widget, width=None, height=None):
        qtbot.addWidget(widget)
        widget.resize(width or widget.sizeHint().width(), height or widget.sizeHint().height())
        with qtbot.waitActive(widget):
            widget.show()
            widget.activateWindow()
        return widget

    return show_it


def told(signal):
    values = []
    signal.connect(values.append)
    return values


def test_a_spin_field_works_out_arithmetic(show, style):
    field = show(SpinField(STEPS, 20, style), 120)
    values = told(field.value_changed)

    field.selectAll()
    QTest.keyClicks(field, "7*4")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert values == [28]
    assert field.text() == "28"


def test_a_spin_field_keeps_its_number_when_the_text_is_none(show, style):
    field = show(SpinField(STEPS, 20, style), 120)
    values = told(field.value_changed)

    field.selectAll()
    QTest.keyClicks(field, "many")
    QTest.keyClick(field, Qt.Key.Key_Return)

    assert values == []
    assert field.text() == "20"


def test_a_spin_field_steps_by_keys_and_buttons_within_its_range(show, style):
    field = show(SpinField(STEPS, 99, style), 120)
    values = told(field.value_changed)

    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.keyClick(field, Qt.Key.Key_Up)
    QTest.mouseClick(field, LEFT, NO, QPoint(110, 24))
    QTest.keyClick(field, Qt.Key.Key_PageDown)

    assert values == [100, 99, 89]


def test_a_spin_field_takes_back_with_escape(show, style):
    field = show(SpinField(STEPS, 20, style), 120)

    field.selectAll()
    QTest.keyClicks(field, "77")
    QTest.keyClick(field, Qt.Key.Key_Escape)

    assert field.text() == "20"
    assert field.value == 20


def test_segments_are_chosen_by_mouse_and_keys(show, style):
    part = show(Segmented([(1, "Fit"), (2, "Fill"), (3, "Full")], 1, style))
    values = told(part.value_changed)

    QTest.mouseClick(part, LEFT, NO, QPoint(part.width() - 10, 16))
    QTest.keyClick(part, Qt.Key.Key_Left)
    QTest.keyClick(part, Qt.Key.Key_Right)
    QTest.keyClick(part, Qt.Key.Key_Right)

    assert values == [3, 2, 3]


def test_a_combo_field_opens_a_list_and_takes_a_choice(show, style, qtbot):
    field = show(ComboField([(1, "euler"), (2, "heun"), (3, "lms")], 1, style), 160)
    values = told(field.value_changed)
    popup = field.open_list()

    QTest.keyClick(popup, Qt.Key.Key_Down)
    QTest.keyClick(popup, Qt.Key.Key_Return)

    assert values == [2]
    assert field.words() == "heun"


def test_a_combo_field_steps_with_the_arrow_keys(show, style):
    field = show(ComboField([(1, "euler"), (2, "heun")], 1, style), 160)
    values = told(field.value_changed)

    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Down)
    QTest.keyClick(field, Qt.Key.Key_Up)

    assert values == [2, 1]


def test_a_slider_field_follows_mouse_and_keys(show, style):
    field = show(SliderField(SHARE, 0.5, style), 240, 32)
    values = told(field.value_changed)
    ended = told(field.drag_ended)

    QTest.mouseClick(field, LEFT, NO, QPoint(2, 16))
    QTest.keyClick(field, Qt.Key.Key_Right)
    QTest.keyClick(field, Qt.Key.Key_End)

    assert values == [0.0, 0.05, 1.0]
    assert ended == [0.0]


def test_a_slider_field_needs_a_range(qapp, style):
    with pytest.raises(ValueError, match="minimum"):
        SliderField(WidgetSpec("x", WidgetKind.FLOAT, "x"), 0.0, style)


@pytest.mark.parametrize("role", list(ButtonRole))
def test_buttons_show_the_ring_only_after_keyboard_use(show, style, role):
    window = QWidget()
    button = Button("Run", style, role=role, parent=window)
    show(window, 200, 80)

    button.setFocus(Qt.FocusReason.MouseFocusReason)
    assert not button.has_ring
    window.setFocus()
    button.setFocus(Qt.FocusReason.TabFocusReason)
    assert button.has_ring
    button.grab()


def test_fields_paint_in_every_state(show, style):
    for field in (LineField("", style, placeholder="name"), SearchField("Search", style, key="N")):
        show(field, 200)
        for enabled in (True, False):
            field.setEnabled(enabled)
            assert not field.grab().isNull()


def test_toasts_are_at_most_three_and_the_newest_is_lowest(show, style):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True

    for n in range(5):
        stack.show(f"message {n}")

    assert [toast.title for toast in stack.toasts] == ["message 2", "message 3", "message 4"]
    tops = [toast.y() for toast in stack.toasts]
    assert tops == sorted(tops)
    last = stack.toasts[-1]
    assert last.card.right() + last.x() == pytest.approx(800 - 16, abs=1)
    assert last.card.bottom() + last.y() == pytest.approx(600 - 16, abs=1)
    stack.clear()


def test_messages_that_come_at_once_do_not_end_up_over_each_other(show, style, qtbot):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    for number in range(3):
        stack.show(f"message {number}", "details")
    qtbot.wait(250)
    cards = [toast.card.translated(toast.pos()) for toast in stack.toasts]
    assert all(a.bottom() < b.top() for a, b in itertools.pairwise(cards))
    stack.clear()


def test_a_toast_goes_after_its_time_and_stays_under_the_pointer(show, style, qtbot):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True
    stack.show("gone soon", seconds=0.02)

    qtbot.waitUntil(lambda: stack.toasts == ())


def test_the_action_of_a_toast_runs_and_takes_it_away(show, style):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True
    ran = []
    toast = stack.show("Saved", "a.png", actions=[("Show", lambda: ran.append(True))])

    toast._buttons[0].click()

    assert ran == [True]
    assert stack.toasts == ()


@pytest.mark.parametrize("more", ["", "It is 😀 long. " * 3, "no_spaces_" * 30])
def test_long_messages_go_on_in_further_lines(show, style, more):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True
    short = stack.show("Saved", "a.png")
    title = "Cannot open “portrait of a lady.json” in “Downloads”: it holds no workflow"
    tall = stack.show(title, f"Choose a file. {more}".strip(), actions=[("Show", lambda: None)])

    assert tall.card.height() > short.card.height() + 30
    assert tall.card.width() <= 400
    assert " ".join(tall._title_lines) == title
    assert 1 <= len(tall._detail_lines) <= 3
    assert "".join(tall._detail_lines).startswith("Choose a file.")
    (button,) = tall._buttons
    words = 24 + 18 * len(tall._title_lines) + 16 * len(tall._detail_lines)
    assert button.y() > tall.card.top() + words - 24
    assert button.geometry().bottom() < tall.card.bottom()
    stack.clear()


def test_the_same_message_is_not_shown_twice(show, style):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True

    stack.show("Saved", "a.png")
    stack.show("Saved", "a.png")

    assert len(stack.toasts) == 1
    stack.clear()


def test_toasts_follow_the_area(show, style):
    area = show(QWidget(), 800, 600)
    stack = ToastStack(area, style)
    stack.reduced_motion = True
    toast = stack.show("Saved")
    before = toast.pos()

    area.resize(700, 500)

    assert toast.pos() == before - QPoint(100, 100)
    stack.clear()


def picture(width=400, height=300):
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(10, 20, 30))
    return image


def test_u281_a_picture_is_fitted_and_never_enlarged(show, style):
    view = show(ImageView(style), 400, 332)

    view.set_image(picture(1600, 600))
    assert view.zoom == pytest.approx(368 / 1600)
    view.set_image(picture(40, 30))
    assert view.zoom == 1.0


def test_u281_the_wheel_zooms_at_the_pointer(show, style):
    view = show(ImageView(style), 400, 300)
    view.set_image(picture(1600, 1200))
    pointer = QPointF(120, 90)
    held = (pointer - view.picture_rect().topLeft()) / view.zoom

    view.zoom_to(view.zoom * 3, pointer)

    now = (pointer - view.picture_rect().topLeft()) / view.zoom
    assert (now - held).manhattanLength() < 1e-6


def test_u281_a_drag_pans_and_a_double_click_fits(show, style):
    view = show(ImageView(style), 400, 300)
    view.set_image(picture(1600, 1200))
    view.zoom_to(1.0)
    before = view.picture_rect().topLeft()

    QTest.mousePress(view, LEFT, NO, QPoint(200, 150))
    QTest.mouseMove(view, QPoint(160, 140))
    QTest.mouseRelease(view, LEFT, NO, QPoint(160, 140))

    assert view.picture_rect().topLeft() == before + QPointF(-40, -10)
    QTest.mouseDClick(view, LEFT, NO, QPoint(200, 150))
    assert view.zoom == pytest.approx(268 / 1200)


@pytest.mark.parametrize("mode", list(CompareMode))
def test_u259_two_pictures_are_compared(show, style, mode):
    view = show(ImageView(style), 400, 300)
    view.set_image(picture())
    other = QImage(picture())
    other.fill(QColor(200, 30, 40))

    view.compare_with(other, mode)

    assert not view.grab().isNull()


def test_u259_the_divider_follows_the_pointer(show, style):
    view = show(ImageView(style), 432, 332)
    view.set_image(picture())
    view.compare_with(picture())
    middle = view.picture_rect().center().toPoint()

    QTest.mousePress(view, LEFT, NO, middle)
    QTest.mouseMove(view, middle + QPoint(100, 0))
    QTest.mouseRelease(view, LEFT, NO, middle + QPoint(100, 0))

    assert view.divider == pytest.approx(0.75, abs=0.01)


def test_u281_the_pixel_under_the_pointer_is_told(show, style):
    view = show(ImageView(style), 432, 332)
    view.set_image(picture())
    pixels = told(view.pointed)

    QTest.mouseMove(view, QPoint(16 + 5, 16 + 7))
    QTest.mouseMove(view, QPoint(2, 2))

    assert (5, 7, QColor(10, 20, 30)) in pixels
    assert pixels[-1] is None


def test_u281_a_large_picture_is_painted_from_a_smaller_copy(show, style):
    view = show(ImageView(style), 400, 300)
    view.set_image(picture(4096, 4096))

    view.grab()

    assert {size.width() for size in (p.size() for p in view._pixmaps.values())} == {512}


@pytest.fixture
def picker(qtbot, style):
    chosen = []
    popup = ColorPicker("#804020", chosen.append, style)
    popup.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(popup)
    popup.open_at(QRect(50, 50, 100, 20))
    QApplication.processEvents()
    popup.chosen = chosen
    return popup


def test_u249_the_picker_gives_the_colour_once_when_it_closes(picker):
    steps = told(picker.picked)

    QTest.mouseClick(picker.shades, LEFT, NO, QPoint(0, 1))
    QTest.mouseClick(picker.shades, LEFT, NO, QPoint(picker.shades.width() - 1, 0))
    assert picker.chosen == []
    picker.close()

    assert len(picker.chosen) == 1
    assert QColor(steps[0]).lightnessF() > 0.98
    assert QColor(picker.chosen[0]).hsvSaturationF() > 0.98


def test_u249_escape_takes_the_colour_back(picker):
    QTest.mouseClick(picker.shades, LEFT, NO, QPoint(0, 1))

    QTest.keyClick(picker, Qt.Key.Key_Escape)

    assert picker.chosen == []


def test_u249_hex_is_typed(picker):
    picker.hex_field.selectAll()
    QTest.keyClicks(picker.hex_field, "5B64E6")
    QTest.keyClick(picker.hex_field, Qt.Key.Key_Return)
    picker.close()

    assert picker.chosen == ["#5b64e6"]


def test_u249_grey_keeps_the_hue_of_the_strip(picker):
    QTest.mouseClick(picker.shades, LEFT, NO, QPoint(0, 1))

    QTest.mouseClick(picker.hues, LEFT, NO, QPoint(picker.hues.width() // 2, 5))
    QTest.mouseClick(picker.shades, LEFT, NO, QPoint(picker.shades.width() - 1, 0))
    picker.close()

    assert QColor(picker.chosen[0]).hueF() == pytest.approx(0.5, abs=0.02)
