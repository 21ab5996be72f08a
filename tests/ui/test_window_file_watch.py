"""U-396: what the window says and does when the file of an open document changes on disk."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from window_hands import CHAIN, click, press_key, run_task, settle, wait_until, write_chain

from app.engine.workflow import edits
from app.engine.workflow.writer import serialize, snapshot
from app.ui import disk_marks, file_watch
from app.ui.dialogs.question import QuestionCard
from app.widgets.toast import Toast


@pytest.fixture
def saved(window, tmp_path):
    """The chain as a file, opened."""
    return run_task(window.files.open_file(write_chain(tmp_path / "Chain.json")))


def radius(item):
    return item.document.bound.nodes["2"].widget("radius").value


def set_radius(item, value):
    document = item.document
    patch = edits.set_widget(document.workflow, document.bound, "2", "radius", value)
    document.apply(patch, "Set")


def changed_text(value=9):
    raw = json.loads(json.dumps(CHAIN))
    raw["nodes"][1]["widgets_values"] = [value]
    return json.dumps(raw)


def put_beside(path, text):
    """Write a new file and put it in the place of the old, as many editors do."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    os.replace(beside, path)


def look(window):
    run_task(window.files.watch.look())


def shown_bar(window):
    bar = window.files.watch.bar
    return bar if bar is not None and bar.isVisible() else None


def shown_buttons(window):
    bar = shown_bar(window)
    return {name for name, button in bar.buttons.items() if button.isVisible()} if bar else set()


def content(item):
    return serialize(snapshot(item.document.workflow))


@pytest.mark.parametrize("write", ["in place", "beside"])
def test_u396_a_change_is_seen_by_itself_and_nothing_is_loaded_without_asking(window, saved, write):
    path = saved.document.path
    assert shown_bar(window) is None
    if write == "beside":
        put_beside(path, changed_text())
    else:
        path.write_text(changed_text())

    wait_until(lambda: shown_bar(window) is not None)

    assert shown_buttons(window) == {"load", "compare", "keep"}
    assert "Chain.json" in shown_bar(window).words
    assert "changed" in shown_bar(window).accessibleDescription()
    assert radius(saved) == 4
    assert not saved.needs_saving


def test_u396_loading_again_shows_the_file_and_undo_brings_the_own_state_back(window, saved):
    set_radius(saved, 17)
    mine = content(saved)
    put_beside(saved.document.path, changed_text(9))
    look(window)

    click(shown_bar(window).buttons["load"])
    settle(window)

    assert radius(saved) == 9
    assert not saved.needs_saving
    assert shown_bar(window) is None
    saved.document.undo_stack.undo()
    assert (radius(saved), saved.needs_saving) == (17, True)
    assert content(saved) == mine
    saved.document.undo_stack.undo()
    assert radius(saved) == 4
    saved.document.undo_stack.redo()
    saved.document.undo_stack.redo()
    assert (radius(saved), saved.needs_saving) == (9, False)


def test_u396_keep_mine_counts_as_unsaved_and_saving_asks_no_more(window, saved):
    path = saved.document.path
    put_beside(path, changed_text(9))
    look(window)

    click(shown_bar(window).buttons["keep"])

    assert shown_bar(window) is None
    assert saved.needs_saving
    wait_until(window.isWindowModified)
    look(window)
    assert shown_bar(window) is None
    assert run_task(window.files.save(saved))
    assert json.loads(path.read_text())["nodes"][1]["widgets_values"] == [4]
    assert not saved.needs_saving

    put_beside(path, changed_text(10))
    look(window)
    assert shown_bar(window) is not None


def test_u396_compare_marks_what_differs_from_the_file(window, saved):
    put_beside(saved.document.path, changed_text(9))
    look(window)

    click(shown_bar(window).buttons["compare"])
    settle(window)

    comparison = window.files.compare.comparison
    assert comparison is not None
    (difference,) = comparison.compared.marks.differences
    assert "radius" in " ".join(difference.words).lower()
    assert radius(saved) == 4

    click(shown_bar(window).buttons["load"])
    settle(window)
    assert radius(saved) == 9
    assert window.files.compare.comparison is None
    assert not window.files.compare.bar.isVisible()


def test_u396_a_deleted_file_is_told_its_work_is_unsaved_and_can_be_saved_again(window, saved):
    path = saved.document.path
    path.unlink()
    look(window)

    assert shown_buttons(window) == {"save", "keep"}
    assert "deleted" in shown_bar(window).words
    assert saved.needs_saving
    window.files.close(saved)
    assert saved in window.documents.items
    (card,) = window.findChildren(QuestionCard)
    card.close()

    click(shown_bar(window).buttons["save"])
    settle(window)

    assert json.loads(path.read_text())["nodes"][1]["widgets_values"] == [4]
    assert shown_bar(window) is None
    assert not saved.needs_saving


def test_u396_a_deleted_file_that_is_kept_stays_unsaved_until_it_comes_back(window, saved):
    path = saved.document.path
    before = path.read_bytes()
    path.unlink()
    look(window)
    click(shown_bar(window).buttons["keep"])
    look(window)
    assert shown_bar(window) is None
    assert saved.needs_saving

    path.write_bytes(before)
    look(window)
    assert shown_bar(window) is None
    assert not saved.needs_saving


def test_u396_work_without_a_file_is_written_to_the_recovery_journal(window, saved):
    saved.document.path.unlink()
    look(window)
    run_task(window.journal.flush())

    assert any(window.journal.folder.iterdir())


def test_u396_own_saves_are_no_news(window, saved):
    for value in range(10, 16):
        set_radius(saved, value)
        assert run_task(window.files.save(saved))
        look(window)
        assert shown_bar(window) is None
    assert not saved.needs_saving


def test_u396_a_look_that_a_save_overtakes_is_no_news(window, saved, monkeypatch):
    """The thread reads the old file's state, then we save, then its finding arrives."""
    is_read, may_go = threading.Event(), threading.Event()
    real = disk_marks.look_at

    def slow(rows):
        found = [(disk_marks.Finding.CHANGED, disk_marks.mark_of(row[0])) for row in rows]
        is_read.set()
        assert may_go.wait(5)
        return found

    monkeypatch.setattr(file_watch, "look_at", slow)
    task = asyncio.get_running_loop().create_task(window.files.watch.look())
    wait_until(is_read.is_set)
    set_radius(saved, 8)
    assert run_task(window.files.save(saved))
    may_go.set()
    wait_until(task.done)
    task.result()

    assert shown_bar(window) is None
    monkeypatch.setattr(file_watch, "look_at", real)
    look(window)
    assert shown_bar(window) is None


def test_u396_a_touched_file_is_no_news_and_a_change_that_is_taken_back_ends_the_bar(window, saved):
    path = saved.document.path
    before = path.read_bytes()
    os.utime(path, ns=(time.time_ns() + 10**9, time.time_ns() + 10**9))
    look(window)
    assert shown_bar(window) is None

    put_beside(path, changed_text(9))
    look(window)
    assert shown_bar(window) is not None
    path.write_bytes(before)
    look(window)
    assert shown_bar(window) is None


def test_u396_each_tab_has_its_own_notice(window, saved, tmp_path):
    other = run_task(window.files.open_file(write_chain(tmp_path / "Other.json")))
    put_beside(saved.document.path, changed_text(9))
    look(window)
    assert shown_bar(window) is None

    window.documents.show(saved)
    assert "Chain.json" in shown_bar(window).words
    window.documents.show(other)
    assert shown_bar(window) is None
    other.document.path.unlink()
    look(window)
    assert "Other.json" in shown_bar(window).words
    window.documents.remove(other)
    assert "Chain.json" in shown_bar(window).words
    window.documents.remove(saved)
    assert shown_bar(window) is None


def test_u396_a_damaged_file_is_not_loaded_and_the_bar_stays(window, saved):
    put_beside(saved.document.path, '{"nodes": [')
    look(window)

    click(shown_bar(window).buttons["load"])
    settle(window)

    assert radius(saved) == 4
    assert saved.document.undo_stack.count() == 0
    assert shown_bar(window) is not None
    assert [toast for toast in window.findChildren(Toast) if toast.isVisible()]


def test_u396_a_prompt_in_the_place_of_the_workflow_is_not_loaded_over_it(window, saved):
    prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": "a.png"}}}
    put_beside(saved.document.path, json.dumps(prompt))
    look(window)

    assert not run_task(window.files.watch.reload(saved))
    assert list(saved.document.bound.nodes) == ["1", "2", "3"]


def test_u396_the_file_menu_loads_again_at_any_time_while_a_file_is_there(window, saved):
    set_radius(saved, 17)
    assert window.commands.trigger("file.reload")
    settle(window)
    assert (radius(saved), saved.needs_saving) == (4, False)

    window.commands.trigger("file.new")
    assert not window.commands.trigger("file.reload")


def test_u396_loading_again_inside_a_subgraph_that_is_gone_shows_the_root(window, tmp_path):
    from app.engine.workflow.edits.packing import create_subgraph

    item = run_task(window.files.open_file(write_chain(tmp_path / "Deep.json")))
    document = item.document
    patch, host = create_subgraph(document.workflow, document.bound, ["2"])
    document.apply(patch, "Pack")
    assert document.enter(host)

    assert run_task(window.files.watch.reload(item))

    assert document.trail == ()
    assert list(document.bound.nodes) == ["1", "2", "3"]
    document.undo_stack.undo()
    assert host in document.workflow.root.nodes


def test_u396_the_bar_is_reached_and_pressed_with_the_keyboard(window, saved):
    put_beside(saved.document.path, changed_text(9))
    look(window)
    bar = shown_bar(window)
    window.activateWindow()
    window.frame.tab_strip.setFocus()
    for _ in range(40):
        if QApplication.focusWidget() is bar.buttons["load"]:
            break
        window.frame.focusNextPrevChild(True)
    assert QApplication.focusWidget() is bar.buttons["load"]

    press_key(bar.buttons["load"], Qt.Key.Key_Return)
    settle(window)

    assert radius(saved) == 9
    assert window.view.hasFocus()


@pytest.mark.parametrize("width", [320, 480, 1200])
def test_u396_the_bar_keeps_its_buttons_inside_at_any_width(window, saved, width):
    put_beside(saved.document.path, changed_text(9))
    look(window)
    bar = shown_bar(window)
    bar.resize(width, bar.height())
    QApplication.processEvents()
    bar.resize(width, bar.height())

    shown = [button for button in bar.buttons.values() if button.isVisible()]
    boxes = [button.geometry() for button in shown]
    for box in boxes:
        assert bar.rect().contains(box)
    assert not any(a.intersects(b) for a in boxes for b in boxes if a is not b)


def test_u396_files_are_looked_at_off_the_gui_thread(window, saved, monkeypatch):
    threads = set()
    real = disk_marks.mark_of

    def noted(path):
        threads.add(threading.current_thread())
        return real(path)

    monkeypatch.setattr(disk_marks, "mark_of", noted)
    monkeypatch.setattr(file_watch, "mark_of", noted)
    put_beside(saved.document.path, changed_text(9))
    look(window)
    run_task(window.files.watch.reload(saved))

    assert threads
    assert threading.main_thread() not in threads


def test_a_file_that_is_away_for_a_moment_is_not_gone(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{}")
    mark = disk_marks.mark_of(path)
    path.unlink()
    timer = threading.Timer(0.05, lambda: path.write_text("{}"))
    timer.start()
    found = disk_marks.look_at([(path, mark, None)])
    timer.join()

    assert [finding for finding, _ in found] == [disk_marks.Finding.SAME]


def test_u396_the_file_of_restored_work_is_watched_too(make_window, tmp_path):
    home = tmp_path / "home"
    first = make_window(home=home)
    item = run_task(first.files.open_file(write_chain(tmp_path / "Chain.json")))
    set_radius(item, 17)
    run_task(first.journal.flush())
    # A crash: the lock goes with the process, the files stay.
    first.journal._lock.unlock()
    first.journal._lock = None
    second = make_window(home=home)
    wait_until(lambda: second.findChildren(QuestionCard))
    click(second.findChildren(QuestionCard)[0].buttons["restore"])
    settle(second)
    assert (radius(second.documents.current), shown_bar(second)) == (17, None)

    put_beside(tmp_path / "Chain.json", changed_text(9))
    look(second)

    assert shown_buttons(second) == {"load", "compare", "keep"}
    assert second.documents.current.needs_saving


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_u396_something_else_in_the_place_of_the_file_counts_as_deleted(window, saved, kind):
    path = saved.document.path
    path.unlink()
    if kind == "pipe" and not hasattr(os, "mkfifo"):
        pytest.skip("no pipes with names here")
    path.mkdir() if kind == "folder" else os.mkfifo(path)

    look(window)

    assert shown_buttons(window) == {"save", "keep"}
    assert saved.needs_saving
    assert disk_marks.mark_of(path) is None
