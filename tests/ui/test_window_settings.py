"""The settings dialog, themes and scale."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_hands import click, press_key, run_task, settle, wait_until, write_chain

from app import __version__
from app.engine.settings import (
    PAGES,
    SETTINGS,
    SettingKind,
    Settings,
    load_settings,
    settings_path,
)
from app.ui.dialogs.about_page import facts
from app.ui.dialogs.keys_page import KeyButton
from app.ui.dialogs.setting_rows import shown_value
from app.ui.dialogs.settings_dialog import SettingsDialog
from app.ui.dialogs.theme_pictures import ThemePictures
from app.widgets.buttons import Switch


def open_settings(window, page=""):
    window.open_settings(page)
    QApplication.processEvents()
    return next(card for card in window.findChildren(SettingsDialog) if card.isVisible())


def row(dialog, name):
    return next(part for part in dialog.rows if part.row.name == name)


@pytest.mark.parametrize("page", [page.id for page in PAGES])
def test_every_page_opens(window, page):
    dialog = open_settings(window, page)

    assert dialog.page == page
    assert dialog.buttons[page].isChecked()


def test_u_440_every_setting_has_a_row_or_pictures(window):
    dialog = open_settings(window)
    shown = set()
    for page in PAGES:
        dialog.show_page(page.id)
        shown |= {part.row.name for part in dialog.rows}

    assert {setting.name for setting in SETTINGS if not setting.is_picture} == shown


def test_a_change_applies_at_once_and_is_written(window):
    dialog = open_settings(window, "canvas")
    control = row(dialog, "canvas.snap").control
    assert isinstance(control, Switch)

    click(control)

    assert window.settings.get("canvas.snap") is True
    path = window.home / "user" / "easel.settings.json"
    wait_until(path.exists)
    settle(window)
    assert load_settings(path).get("canvas.snap") is True


def test_settings_that_changed_just_before_the_end_are_written(window):
    window.settings.set("canvas.snap", True)

    window.close_for_good()

    data = json.loads((window.home / "user" / "easel.settings.json").read_text())
    assert data["settings"] == {"canvas.snap": True}


def test_search_finds_rows_and_keys_on_all_pages(window):
    dialog = open_settings(window, "appearance")

    QTest.keyClicks(dialog.search, "seed")

    assert [part.row.name for part in dialog.rows] == ["running.seed_control"]
    dialog.search.setText("bypass")
    keys = [part for part in dialog.findChildren(KeyButton) if part.isVisible()]
    assert len(keys) == 1


def test_changed_only_shows_what_differs(window):
    window.settings.set("canvas.snap_size", 20)
    dialog = open_settings(window, "canvas")

    click(dialog.changed_only)

    assert [part.row.name for part in dialog.rows] == ["canvas.snap_size"]


def test_reset_this_page_leaves_other_pages_alone(window):
    window.settings.set("canvas.snap", True)
    window.settings.set("running.batch_limit", 7)
    dialog = open_settings(window, "canvas")

    click(dialog.reset_button)

    assert window.settings.changed() == ("running.batch_limit",)
    assert not dialog.reset_button.isEnabled()


def test_a_value_set_elsewhere_shows_in_the_open_row(window):
    dialog = open_settings(window, "canvas")

    window.settings.set("canvas.snap", True)

    assert row(dialog, "canvas.snap").control.isChecked()


def test_a_typed_number_out_of_range_is_refused(window):
    dialog = open_settings(window, "canvas")
    field = row(dialog, "canvas.snap_size").control
    field.setFocus()
    field.setText("9999")

    press_key(field, Qt.Key.Key_Return)

    assert window.settings.get("canvas.snap_size") == 10
    assert field.text() == "10 px"


def test_escape_and_a_click_beside_close_the_dialog(window, chain):
    dialog = open_settings(window)
    press_key(dialog.search, Qt.Key.Key_Escape)
    assert not dialog.isVisible()

    dialog = open_settings(window)
    QTest.mouseClick(dialog, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert not dialog.isVisible()


def test_tab_stays_inside_the_dialog(window, chain):
    dialog = open_settings(window, "appearance")

    for _ in range(60):
        press_key(QApplication.focusWidget(), Qt.Key.Key_Tab)
        focus = QApplication.focusWidget()
        assert focus is dialog or dialog.isAncestorOf(focus)


def test_the_keyboard_goes_back_where_it_was(window, chain):
    window.view.setFocus()
    dialog = open_settings(window)

    dialog.shut()

    assert QApplication.focusWidget() is window.view


def test_the_theme_switches_live_everywhere(window, chain):
    window.wiring.search.prepare()
    dialog = open_settings(window, "appearance")
    pictures = dialog.findChildren(ThemePictures)[0]
    place = pictures.picture_box(1).center().toPoint()

    QTest.mouseClick(pictures, Qt.MouseButton.LeftButton, pos=place)
    QApplication.processEvents()

    assert window.look.name == "Easel light"
    assert window.view.theme is window.look
    assert window.wiring.search.look is window.look
    bar = window.frame.status.grab().toImage()
    middle = bar.pixelColor(bar.width() // 2, bar.height() - 2)
    assert middle == QColor(window.look.color("surface.window"))


def test_the_theme_command_goes_to_and_fro(window):
    window.commands.trigger("view.theme")
    assert window.look.name == "Easel light"

    window.commands.trigger("view.theme")

    assert window.look.name == "Easel dark"


def test_u_447_the_interface_scales_live(window, chain):
    before = window.frame.top_bar.height()

    window.settings.set("appearance.scale", 1.5)
    QApplication.processEvents()

    assert window.frame.top_bar.height() == round(before * 1.5)
    assert window.frame.status.height() == 42


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("appearance.scale", 1.25, "125%"),
        ("appearance.prompt_text", 12, "12 px"),
        ("navigation.zoom_speed", 1.1, "1.1"),
        ("canvas.snap", True, "on"),
        ("canvas.links", "spline", "Curved"),
        ("folders.models", ["/a"], "/a"),
    ],
)
def test_values_are_shown_with_their_units(name, value, words):
    setting = next(item for item in SETTINGS if item.name == name)

    assert shown_value(setting, value) == words


def test_u_441_a_key_is_captured_and_a_clash_names_the_other_command(window):
    dialog = open_settings(window, "keys")
    part = next(p for p in dialog._keys_page.rows if p.command.id == "view.reset")

    click(part.button)
    assert part.button.is_waiting
    press_key(part.button, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)

    assert window.keys.keys("view.reset") == ("Ctrl+S",)
    assert part.clash == "Save"
    other = next(p for p in dialog._keys_page.rows if p.command.id == "file.save")
    assert other.clash == "Reset view"
    click(part.reset)
    assert window.keys.keys("view.reset") == ()
    assert other.clash == ""


def test_u_441_escape_keeps_the_key_and_delete_takes_it_away(window):
    dialog = open_settings(window, "keys")
    part = next(p for p in dialog._keys_page.rows if p.command.id == "file.save")

    click(part.button)
    press_key(part.button, Qt.Key.Key_Escape)
    assert window.keys.keys("file.save") == ("Ctrl+S",)
    click(part.button)
    press_key(part.button, Qt.Key.Key_Delete)

    assert window.keys.keys("file.save") == ()


def test_own_keys_come_back_at_the_next_start(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    first.keys.set_keys("file.save", ["F6"])
    first.close_for_good()

    second = make_window(home=home)

    assert second.keys.keys("file.save") == ("F6",)


def test_reset_brings_all_keys_back(window):
    window.keys.set_keys("file.save", ["F6"])
    dialog = open_settings(window, "keys")

    click(dialog.reset_button)

    assert window.keys.keys("file.save") == ("Ctrl+S",)


def test_the_map_follows_its_setting_and_its_button(window, chain):
    area = window.frame.canvas
    assert area.is_map_shown

    window.commands.trigger("view.map")

    assert window.settings.get("canvas.minimap") is False
    assert not area.is_map_shown


def test_no_setting_kind_is_without_a_control(window):
    kinds = {setting.kind for setting in SETTINGS}
    assert kinds <= set(SettingKind)
    dialog = open_settings(window, "folders")

    window.settings.set("folders.models", ["/data/models"])

    assert row(dialog, "folders.models").isVisible()
    assert isinstance(window.settings, Settings)


@pytest.mark.parametrize(
    ("name", "value", "read"),
    [
        ("canvas.snap", True, lambda view: view.is_snapping),
        ("canvas.snap_size", 25, lambda view: view.snap_size),
        ("canvas.links", "straight", lambda view: view.canvas.links.style.value),
        ("navigation.zoom_speed", 1.5, lambda view: view.wheel.zoom_step),
        ("navigation.edge_pan", 0, lambda view: view.edge_pan.speed),
        ("appearance.reduced_motion", True, lambda view: view.navigator.reduce_motion),
        ("appearance.prompt_text", 18, lambda view: view.theme.node_font("promptText").pixelSize()),
    ],
)
def test_the_canvas_follows_its_settings_at_once_and_in_new_tabs(window, chain, name, value, read):
    window.settings.set(name, value)
    assert read(window.view) == value

    window.commands.trigger("file.new")

    assert read(window.view) == value


def test_a_drag_on_the_empty_canvas_selects_when_the_setting_says_so(window, chain):
    window.settings.set("navigation.left_button", "select")
    view = window.view
    view.actions.fit(animate=False)
    end = view.viewport().rect().bottomRight() - QPoint(300, 300)

    QTest.mousePress(view.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    for step in range(1, 9):
        QTest.mouseMove(view.viewport(), QPoint(5, 5) + (end - QPoint(5, 5)) * step / 8)
    QTest.mouseRelease(view.viewport(), Qt.MouseButton.LeftButton, pos=end)

    assert view.actions.selected


def test_u_447_a_larger_interface_keeps_the_dialog_whole_and_shuts_panels(window, chain):
    window.resize(1600, 900)
    dialog = open_settings(window)
    page = dialog.buttons["navigation"]
    before = page.width()

    window.settings.set("appearance.scale", 2.0)
    QApplication.processEvents()

    assert page.width() > 1.5 * before
    assert not window.frame.is_shown("right")
    assert not window.frame.is_shown("left")


def test_u_466_the_about_page_tells_the_version(window):
    assert ("Easel", __version__) in facts(window.run_port.state.device, window.home, [])


def test_two_windows_on_one_home_folder_keep_what_the_other_remembers(make_window, tmp_path):
    home = tmp_path / "shared"
    first, second = make_window(home=home), make_window(home=home)
    paths = [write_chain(tmp_path / name) for name in ("One.json", "Two.json")]
    for window, path in zip((first, second), paths, strict=True):
        run_task(window.files.open_file(path))
        settle(window)
    first.state.set("favourites", ["KSampler"])
    second.state.set("uses", {"SaveImage": 3})
    first.settings.set("canvas.snap", True)
    second.settings.set("canvas.snap_size", 25)

    first.session.remember()
    second.session.remember()

    stored = json.loads((home / "user" / "window.json").read_text())
    assert stored["favourites"] == ["KSampler"]
    assert stored["uses"] == {"SaveImage": 3}
    assert load_settings(settings_path(home)).changed() == ("canvas.snap", "canvas.snap_size")
    recent = json.loads((home / "user" / "recent.json").read_text())["files"]
    assert [item["path"] for item in recent] == [str(paths[1]), str(paths[0])]
