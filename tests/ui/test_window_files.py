"""Documents, tabs, saving and what happens when a disk or an artist refuses."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from window_hands import CHAIN, click, press_key, run_task, settle, wait_until, write_chain

from app.engine.workflow import edits
from app.ui.dialogs.question import QuestionCard


def edit(item, title="Renamed"):
    document = item.document
    key = next(iter(document.bound.nodes))
    document.apply(edits.set_title(document.workflow, document.bound, key, title), "Rename")


def question(window):
    cards = [card for card in window.findChildren(QuestionCard) if card.isVisible()]
    return cards[-1] if cards else None


def titles(window):
    return [tab.title for tab in window.frame.tab_strip.tabs]


def test_opening_a_file_shows_it_in_a_tab_and_remembers_it(window, tmp_path):
    path = write_chain(tmp_path / "harbour.json")

    window.open_paths([path])
    settle(window)

    assert titles(window) == ["harbour"]
    assert window.windowTitle() == "harbour[*] — Easel"
    assert not window.isWindowModified()
    assert [item.path for item in window.recent.files] == [str(path)]


def test_opening_a_file_twice_shows_the_same_tab(window, tmp_path):
    path = write_chain(tmp_path / "harbour.json")

    window.open_paths([path])
    settle(window)
    window.files.new()
    window.open_paths([path])
    settle(window)

    assert titles(window) == ["harbour", "Untitled"]
    assert window.document.title == "harbour"


def test_a_file_that_is_no_workflow_is_told_and_opens_nothing(window, tmp_path):
    path = tmp_path / "notes.json"
    path.write_text("[1, 2")

    window.open_paths([path])
    settle(window)

    assert window.documents.items == []
    assert window._toasts.toasts


def test_u_388_saving_writes_the_document_of_its_tab_and_no_other(window, tmp_path):
    first = write_chain(tmp_path / "first.json")
    second = write_chain(tmp_path / "second.json")
    window.open_paths([first, second])
    settle(window)
    one, two = window.documents.items
    edit(one, "One")
    edit(two, "Two")

    window.documents.show(one)
    saving = window.files.save(two)
    window.documents.show(two)
    window.documents.show(one)
    assert run_task(saving) is True

    assert json.loads(second.read_text())["nodes"][0]["title"] == "Two"
    assert "title" not in json.loads(first.read_text())["nodes"][0]
    assert one.document.is_modified
    assert not two.document.is_modified


def test_an_untouched_file_is_saved_as_it_was(window, tmp_path):
    path = write_chain(tmp_path / "same.json", unknown={"kept": [1, None]})
    before = json.loads(path.read_text())
    window.open_paths([path])
    settle(window)

    run_task(window.files.save(window.documents.current))

    after = json.loads(path.read_text())
    after["extra"].pop("ds", None)
    assert after == before


def test_an_edit_made_while_the_disk_is_busy_stays_unsaved(window, tmp_path):
    window.open_paths([write_chain(tmp_path / "a.json")])
    settle(window)
    item = window.documents.current
    edit(item, "Before")

    import asyncio

    task = asyncio.get_running_loop().create_task(window.files.save(item))
    wait_until(lambda: window.files._saving)
    edit(item, "After")
    wait_until(task.done)

    assert item.document.is_modified
    assert json.loads((tmp_path / "a.json").read_text())["nodes"][0]["title"] == "Before"


def test_a_full_disk_keeps_the_file_and_the_unsaved_mark(window, tmp_path, monkeypatch):
    path = write_chain(tmp_path / "a.json")
    before = path.read_text()
    window.open_paths([path])
    settle(window)
    item = window.documents.current
    edit(item)
    import os

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    assert run_task(window.files.save(item)) is False

    assert path.read_text() == before
    assert item.document.is_modified
    toast = window._toasts.toasts[-1]
    assert toast.title == 'Cannot save "a.json": the disk is full'
    assert toast.detail == "The file on disk is as it was."


def test_u_391_a_disk_that_takes_no_recovery_copies_is_told_once(window, chain, monkeypatch):
    import os

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for title in ("One", "Two"):
        edit(chain, title)
        run_task(window.journal.flush())

    told = [toast.title for toast in window._toasts.toasts]
    assert told == ["Unsaved work cannot be protected"]


def test_messages_keep_clear_of_a_panel_that_opens_later(window, chain):
    window.toast("A message")
    toast = window._toasts.toasts[-1]
    before = toast.y()

    window.commands.trigger("panel.problems")
    wait_until(lambda: toast.y() < before)


def test_saving_a_new_document_asks_for_a_name(window, chain, tmp_path):
    target = tmp_path / "new.json"

    window.commands.trigger("file.save")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(target))
    dialog.done(1)
    settle(window)

    assert json.loads(target.read_text())["nodes"][1]["type"] == "ImageBlur"
    assert chain.document.path == target
    assert titles(window) == ["new"]


def test_a_refused_name_saves_nothing(window, chain):
    window.commands.trigger("file.save")
    wait_until(lambda: window.findChildren(QFileDialog))
    window.findChildren(QFileDialog)[0].reject()
    settle(window)

    assert chain.document.path is None


def test_u_389_closing_an_unsaved_tab_asks_and_cancel_keeps_it(window, chain):
    edit(chain)

    window.commands.trigger("file.close")
    card = question(window)
    press_key(card.buttons["save"], Qt.Key.Key_Escape)

    assert window.documents.items == [chain]
    assert chain.document.is_modified


def test_u_389_discard_discards(window, chain):
    edit(chain)

    window.commands.trigger("file.close")
    click(question(window).buttons["discard"])
    QApplication.processEvents()

    assert window.documents.items == []
    assert window.frame.start_page.isVisible()


def test_u_389_save_and_close_saves_first(window, tmp_path):
    path = write_chain(tmp_path / "a.json")
    window.open_paths([path])
    settle(window)
    edit(window.documents.current, "Kept")

    window.commands.trigger("file.close")
    click(question(window).buttons["save"])
    settle(window)

    assert window.documents.items == []
    assert json.loads(path.read_text())["nodes"][0]["title"] == "Kept"


def test_an_unchanged_tab_closes_without_a_question(window, chain):
    window.commands.trigger("file.close")

    assert window.documents.items == []
    assert question(window) is None


def test_closing_the_window_lists_all_unsaved_work(window, chain, qtbot):
    window.files.new()
    edit(chain)

    window.close()

    card = question(window)
    assert window.isVisible()
    assert "Chain" in card.text.text()
    with qtbot.waitSignal(window.closed):
        click(card.buttons["discard"])
    assert not window.isVisible()


def test_closing_a_clean_window_tells_the_program(window, qtbot):
    with qtbot.waitSignal(window.closed):
        window.close()


def test_tabs_come_back_at_the_next_start(make_window, tmp_path):
    home = tmp_path / "home"
    paths = [write_chain(tmp_path / f"{name}.json") for name in ("one", "two", "three")]
    first = make_window(home=home)
    first.open_paths(paths)
    settle(first)
    first.documents.show(first.documents.items[1])
    first.close()
    settle(first)

    second = make_window(home=home)

    assert titles(second) == ["one", "two", "three"]
    assert second.document.title == "two"


def test_panels_and_favourites_come_back_at_the_next_start(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    first.files.new()
    first.wiring.open_panel("models")
    first.frame.show_side("right", False)
    first.frame.set_sizes({"left": 300})
    first.state.set("favourites", ["ImageBlur"])
    first.close()

    second = make_window(home=home)
    second.files.new()

    assert second.frame.deck.current == "models"
    assert not second.frame.wants("right")
    assert second.frame.sizes["left"] == 300
    assert second.state.get("favourites", []) == ["ImageBlur"]


def test_files_of_the_command_line_win_over_the_tabs_of_last_time(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    first.open_paths([write_chain(tmp_path / "old.json")])
    settle(first)
    first.close()

    second = make_window(home=home, files=[write_chain(tmp_path / "asked.json")])

    assert titles(second) == ["asked"]


def test_u_391_unsaved_work_is_offered_after_a_crash(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    from app.engine.workflow.reader import read_workflow

    item = first.files.add(read_workflow(json.dumps(CHAIN)), name="Never saved")
    edit(item, "Precious")
    run_task(first.journal.flush())
    # A crash: the lock goes with the process, the files stay.
    first.journal._lock.unlock()
    first.journal._lock = None

    second = make_window(home=home)
    wait_until(lambda: question(second) is not None)
    click(question(second).buttons["restore"])
    settle(second)

    assert second.document.title == "Never saved"
    assert second.documents.current.needs_saving
    assert second.document.node("1").title == "Precious"
    assert list((home / "user" / "recovery").glob("*/*.json"))


def test_u_391_another_running_program_is_not_taken_for_a_crash(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    from app.engine.workflow.reader import read_workflow

    edit(first.files.add(read_workflow(json.dumps(CHAIN)), name="Mine"))
    run_task(first.journal.flush())

    second = make_window(home=home)

    assert run_task(second.journal.find()) == []
    assert question(second) is None


def test_u_391_a_clean_end_leaves_no_recovery_files(make_window, tmp_path):
    home = tmp_path / "home"
    window = make_window(home=home)
    from app.engine.workflow.reader import read_workflow

    edit(window.files.add(read_workflow(json.dumps(CHAIN)), name="Mine"))
    run_task(window.journal.flush())
    assert list((home / "user" / "recovery").glob("*/*.json"))

    window.close_for_good()

    assert not list((home / "user" / "recovery").glob("*/*.json"))


def test_u_391_saving_takes_the_recovery_file_away(window, tmp_path):
    window.open_paths([write_chain(tmp_path / "a.json")])
    settle(window)
    item = window.documents.current
    edit(item)
    run_task(window.journal.flush())
    assert list(window.journal.folder.glob("*.json"))

    run_task(window.files.save(item))
    settle(window)

    assert not list(window.journal.folder.glob("*.json"))


@pytest.mark.parametrize(
    "content", ["", "{", '{"title": 1}', '{"title":"a","time":0,"workflow":"%"}']
)
def test_a_broken_recovery_file_is_no_obstacle(window, content):
    folder = window.home / "user" / "recovery" / "old"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(content)

    assert run_task(window.journal.find()) == []


def test_dropping_a_file_anywhere_opens_it(window, tmp_path):
    path = write_chain(tmp_path / "dropped.json")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    place = QPointF(20, 20)
    event = QDropEvent(
        place, Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip

    window.dropEvent(event)
    settle(window)

    assert titles(window) == ["dropped"]


def test_new_documents_have_different_names(window):
    window.commands.trigger("file.new")
    window.commands.trigger("file.new")

    assert titles(window) == ["Untitled", "Untitled 2"]


def test_u_411_the_prompt_is_exported_for_scripts(window, chain, tmp_path):
    target = tmp_path / "prompt.json"

    window.commands.trigger("file.export_api")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(target))
    dialog.done(1)
    settle(window)

    prompt = json.loads(target.read_text())
    assert prompt["2"]["class_type"] == "ImageBlur"
    assert prompt["2"]["inputs"]["image"] == ["1", 0]


_PROMPT = {
    "5": {"class_type": "ImageBlur", "inputs": {"image": ["8", 0], "radius": 9}},
    "8": {"class_type": "LoadImage", "inputs": {"image": "b.png"}},
}


@pytest.mark.parametrize(
    "content",
    [_PROMPT, {"prompt": _PROMPT}, {"workflow": CHAIN, "prompt": _PROMPT}],
    ids=["prompt", "prompt inside", "both"],
)
def test_saving_never_writes_over_a_file_that_was_no_plain_workflow(window, tmp_path, content):
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(content))
    window.open_paths([path])
    settle(window)
    item = window.documents.current
    assert item.document.title == "scene"
    edit(item)

    window.commands.trigger("file.save")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    assert dialog.directory().absolutePath() == str(tmp_path)
    dialog.fileSelected.emit(str(tmp_path / "own.json"))
    dialog.done(1)
    settle(window)

    assert json.loads(path.read_text()) == content
    assert json.loads((tmp_path / "own.json").read_text())["nodes"]
    assert item.document.path == tmp_path / "own.json"


def test_a_prompt_opens_with_the_slots_and_sizes_of_its_node_types(window, tmp_path):
    path = tmp_path / "scene.json"
    path.write_text(json.dumps(_PROMPT))

    window.open_paths([path])
    settle(window)

    raw = window.documents.current.document.node("8").node.raw
    assert [slot["name"] for slot in raw["outputs"]] == ["IMAGE", "MASK"]


def test_u_388_a_document_is_not_saved_into_the_file_of_another_tab(window, tmp_path):
    mine, other = write_chain(tmp_path / "mine.json"), write_chain(tmp_path / "other.json")
    before = other.read_text()
    window.open_paths([other, mine])
    settle(window)
    item = window.documents.current
    edit(item)

    window.commands.trigger("file.save_as")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(other))
    dialog.done(1)
    settle(window)

    assert other.read_text() == before
    assert item.document.path == mine
    assert item.document.is_modified
    toast = window._toasts.toasts[-1]
    assert toast.title == "Cannot save “other.json”: it is open in another tab"


@pytest.mark.parametrize("answer", ["save", "cancel"])
def test_u_396_what_another_program_wrote_is_not_lost_unasked(window, tmp_path, answer):
    path = write_chain(tmp_path / "a.json")
    window.open_paths([path])
    settle(window)
    item = window.documents.current
    edit(item)
    assert run_task(window.files.save(item)) is True
    path.write_text(json.dumps({**CHAIN, "extra": {"from": "elsewhere"}}))
    theirs = path.read_text()
    edit(item, "Mine")

    window.commands.trigger("file.save")
    wait_until(lambda: question(window) is not None)
    assert path.read_text() == theirs
    question(window).answered.emit(answer)
    settle(window)

    assert (path.read_text() == theirs) is (answer == "cancel")
    assert item.document.is_modified is (answer == "cancel")
    if answer == "save":
        edit(item, "Again")
        assert run_task(window.files.save(item)) is True


def test_u_396_a_file_that_is_being_written_is_not_saved_over_unasked(
    window, tmp_path, monkeypatch
):
    from app.ui import file_commands

    path = write_chain(tmp_path / "a.json")
    window.open_paths([path])
    settle(window)
    before = path.read_text()
    edit(window.documents.current)
    monkeypatch.setattr(file_commands, "mark_of", lambda path: None)

    window.commands.trigger("file.save")
    wait_until(lambda: question(window) is not None)
    question(window).answered.emit("cancel")
    settle(window)

    assert path.read_text() == before


def test_a_missing_file_leaves_the_recent_list(window, tmp_path):
    path = write_chain(tmp_path / "gone.json")
    window.open_paths([path])
    settle(window)
    window.commands.trigger("file.close")
    path.unlink()

    window.open_paths([path])
    settle(window)

    assert window.recent.files == []


@pytest.mark.parametrize(
    ("name", "data", "reason", "advice"),
    [
        ("none.json", b"", "it is empty", "Look for another copy of it"),
        ("list.json", b"[1]", "it is JSON, but it holds no workflow", "Choose a file"),
        ("bytes.json", b"\xff\xfe\x00\xd8", "neither text nor a picture", "Choose a file"),
        ("inside", None, "it is a folder", "Choose a workflow or a picture inside it."),
        ("huge.json", b" " * 2_000_000, "it is larger than 1 MB", "choose the file you meant"),
    ],
)
def test_u_386_a_file_that_cannot_be_opened_is_told_with_place_and_advice(
    window, tmp_path, monkeypatch, name, data, reason, advice
):
    from app.engine.workflow import reader

    monkeypatch.setattr(reader, "MAX_FILE_BYTES", 1 << 20)
    folder = tmp_path / "Downloads"
    folder.mkdir()
    path = folder / name
    path.mkdir() if data is None else path.write_bytes(data)

    assert run_task(window.files.open_file(path)) is None

    toast = window._toasts.toasts[-1]
    assert toast.title.startswith(f'Cannot open "{name}" in "Downloads": ')
    assert reason in toast.title
    assert advice in toast.detail
    assert [button.text() for button in toast._buttons] == ["Show in folder"]
    assert window.documents.items == []
