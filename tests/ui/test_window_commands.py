"""Commands and keys: promises over the whole list."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from window_hands import press_key

from app.ui.commands import Command, CommandRegistry
from app.ui.keybindings import (
    Keybindings,
    default_keys,
    merge_own_keys,
    normal,
    read_own_keys,
)
from app.ui.theme import RESOURCES


def test_every_command_has_a_title_in_sentence_case_and_a_known_icon(window):
    for command in window.commands:
        title = command.title
        assert title
        assert title[0].isupper() or title[0].isdigit()
        assert not title.endswith(".")
        rest = [word for word in title.split()[1:] if word not in ("Easel", "ComfyUI")]
        assert not [word for word in rest if word[0].isupper()], title
        if command.icon:
            assert (RESOURCES / "icons" / f"{command.icon}.svg").is_file(), command.icon


def test_every_default_key_belongs_to_a_command(window):
    assert [name for name in default_keys() if name not in window.commands] == []


def test_every_default_key_is_readable_and_unique():
    keys = [key for row in default_keys().values() for key in row]

    assert all(keys)
    assert Keybindings().clashes() == {}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("run.run", "Ctrl+Return"), ("run.run_first", "Ctrl+Shift+Return"),
        ("run.stop", "Ctrl+Alt+Return"), ("graph.refresh", "R"), ("panel.workflows", "W"),
        ("panel.nodes", "N"), ("panel.models", "M"), ("panel.assets", "A"),
        ("file.save", "Ctrl+S"), ("file.open", "Ctrl+O"), ("graph.group", "Ctrl+G"),
        ("file.settings", "Ctrl+,"), ("view.fit", "."), ("graph.pin", "P"),
        ("graph.collapse", "Alt+C"), ("graph.bypass", "Ctrl+B"), ("graph.mute", "Ctrl+M"),
        ("panel.log", "Ctrl+`"), ("view.map", "Alt+Shift+M"), ("help.keys", "Ctrl+Shift+K"),
        ("view.select_tool", "V"), ("view.hand_tool", "H"), ("edit.select_all", "Ctrl+A"),
        ("edit.paste_with_links", "Ctrl+Shift+V"), ("edit.undo", "Ctrl+Z"),
        ("file.new", "Ctrl+N"), ("file.close", "Ctrl+W"), ("window.palette", "Ctrl+Shift+P"),
    ],
)  # fmt: skip
def test_appendix_a_keys_are_the_defaults(name, key):
    assert normal(key) in default_keys()[name]


def test_the_same_id_twice_is_refused():
    registry = CommandRegistry()
    registry.register(Command("a.b", "One", lambda: None))

    with pytest.raises(ValueError, match=r"a\.b"):
        registry.register(Command("a.b", "Two", lambda: None))


def test_registering_returns_what_takes_the_command_out_again():
    registry = CommandRegistry()
    remove = registry.register(Command("a.b", "One", lambda: None))

    remove()

    assert "a.b" not in registry


def test_a_command_that_cannot_run_is_not_run():
    calls = []
    registry = CommandRegistry()
    registry.register(Command("a.b", "One", lambda: calls.append(1), enabled=lambda: False))

    assert registry.trigger("a.b") is False
    assert calls == []


def test_without_a_document_only_what_makes_sense_can_run(window):
    can = {command.id for command in window.commands if command.enabled()}

    assert {"file.new", "file.open", "file.settings", "window.palette", "help.about"} <= can
    assert not can & {
        "file.save", "file.close", "edit.undo", "edit.copy", "run.run", "run.stop", "view.fit",
        "graph.mute", "graph.add_node", "view.right_panel", "window.next_tab",
    }  # fmt: skip


def test_with_a_selection_the_commands_of_nodes_can_run(window, chain):
    before = {command.id for command in window.commands if command.enabled()}
    window.view.actions.select_all()
    after = {command.id for command in window.commands if command.enabled()}

    gained = {"edit.copy", "edit.delete", "graph.mute", "graph.group", "graph.color_red"}
    assert not gained & before
    assert gained <= after
    assert "run.run" in before


def test_every_menu_has_commands_and_each_command_a_known_menu(window):
    from app.ui.main_window import MENUS

    assert all(window.commands.menu(name) for name in MENUS)
    places = {command.menu.partition("/")[0] for command in window.commands}
    assert places <= {*MENUS, ""}


def test_a_menu_shows_keys_ticks_and_states(window, chain):
    menu = window.frame.top_bar.menu_bar.actions()[2].menu()
    menu.aboutToShow.emit()
    rows = {action.text().partition("\t")[0]: action for action in menu.actions()}

    assert rows["Fit to view"].text().endswith("\t.")
    assert rows["Select"].isChecked()
    assert not rows["Move the view"].isChecked()


def test_own_keys_replace_the_defaults_and_reset_brings_them_back():
    keys = Keybindings({"file.save": ["Ctrl+Alt+S"]})

    assert keys.keys("file.save") == ("Ctrl+Alt+S",)
    assert keys.is_changed("file.save")
    keys.reset("file.save")
    assert keys.keys("file.save") == ("Ctrl+S",)
    assert not keys.is_changed("file.save")


def test_a_clash_names_both_commands():
    keys = Keybindings()

    keys.set_keys("file.new", ["Ctrl+S"])

    assert set(keys.clashes()["Ctrl+S"]) == {"file.save", "file.new"}


def test_own_keys_survive_a_round_trip_and_bad_rows_are_left_out():
    keys = Keybindings()
    keys.set_keys("file.save", [])
    keys.set_keys("file.open", ["Ctrl+Shift+O", "F3"])

    data = {"keys": {"bad": "no list"}}
    merge_own_keys(data, keys.take_changes())
    assert "bad" not in data["keys"]
    data["keys"]["bad"] = "no list"
    again = Keybindings(read_own_keys(data))

    assert again.keys("file.save") == ()
    assert again.keys("file.open") == ("Ctrl+Shift+O", "F3")
    assert again.keys("bad") == ()


def test_keys_of_two_windows_on_one_home_folder_do_not_replace_each_other():
    first, second = Keybindings(), Keybindings()
    stored = {}
    first.set_keys("file.save", ["F8"])
    second.set_keys("file.open", ["F9"])

    merge_own_keys(stored, first.take_changes())
    merge_own_keys(stored, second.take_changes())
    assert stored["keys"] == {"file.open": ["F9"], "file.save": ["F8"]}
    assert first.take_changes() == {}

    first.reset("file.save")
    merge_own_keys(stored, first.take_changes())
    assert stored["keys"] == {"file.open": ["F9"]}


def test_keys_that_could_not_be_written_are_written_the_next_time():
    keys = Keybindings({"file.new": ["F7"]})
    keys.set_keys("file.save", ["F8"])
    keys.reset("file.new")

    changes = keys.take_changes()
    keys.give_back(changes)

    assert keys.take_changes() == changes == {"file.save": ["F8"], "file.new": None}


def test_canvas_keys_work_on_the_canvas(window, chain):
    view = window.view
    view.setFocus()
    view.actions.select_all()

    press_key(view, Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier)

    assert all(node.node.mode == 2 for node in chain.document.bound.nodes.values())


def test_plain_keys_type_letters_in_a_field_instead_of_running(window, chain):
    window.wiring.open_panel("nodes")
    field = window.frame.deck.panel("nodes").search
    field.setFocus()

    for key in (Qt.Key.Key_W, Qt.Key.Key_R, Qt.Key.Key_Period):
        press_key(field, key)

    assert field.text() == "wr."
    assert window.frame.deck.current == "nodes"
    assert ("refresh",) not in window.run_port.calls


def test_a_changed_key_works_at_once(window, chain):
    window.keys.set_keys("run.run", ["F9"])
    window.view.setFocus()

    press_key(window.view, Qt.Key.Key_F9)

    assert window.run_port.calls == [("run", "Chain", 1, False, None)]


def test_keys_do_not_reach_the_window_under_a_dialog(window, chain, qtbot):
    window.open_settings("canvas")
    QApplication.processEvents()
    count = len(window.documents.items)

    press_key(QApplication.focusWidget(), Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)

    assert len(window.documents.items) == count
