"""What the window shows of runs, and how it asks for them."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_hands import click, picture, press_key, settle, wait_until

from app.engine.workflow import edits
from app.ui.panels.problems import problem_text
from app.ui.panels.results import day_words
from app.ui.run_commands import outputs_from
from app.ui.run_port import DeviceInfo, JobRow, JobState, Problem, Remedy, Result
from app.ui.words import size_words

RUNNING = JobRow("a", "Chain", "Blur Image, 1 of 3", JobState.RUNNING, 0.3)
WAITING = JobRow("b", "Chain", "Seed 5")


def show_jobs(window, *rows):
    window.run_port.queue_changed.emit(list(rows))
    QApplication.processEvents()


def problem(item, **more):
    values = {
        "id": "p", "title": "Out of memory", "place": "Blur Image", "heading": "Blur ran out",
        "text": "It asked for more than was free.", "document": item.document, "node_key": "2",
        "details": "line one\n    code\nMemoryError: no", "error": "MemoryError",
    }  # fmt: skip
    return Problem(**{**values, **more})


def test_u_320_run_queues_the_document_as_often_as_the_count_says(window, chain):
    window.frame.top_bar.count.set_value(4)

    click(window.frame.top_bar.run_button, (20, 16))

    assert window.run_port.calls == [("run", "Chain", 4, False, None)]


def test_u_321_shift_runs_before_the_others(window, chain):
    button = window.frame.top_bar.run_button

    click(button, (20, 16), modifiers=Qt.KeyboardModifier.ShiftModifier)

    assert window.run_port.calls == [("run", "Chain", 1, True, None)]


def test_the_split_opens_a_menu_and_does_not_run(window, chain):
    button = window.frame.top_bar.run_button

    click(button, (96, 16))

    assert window.run_port.calls == []
    menu = QApplication.activePopupWidget()
    assert "Run before the others" in [
        action.text().partition("\t")[0] for action in menu.actions()
    ]
    menu.close()


def test_u_322_the_count_takes_digits_wheel_and_keys_within_its_limit(window, chain):
    count = window.frame.top_bar.count
    count.setFocus()
    QTest.keyClicks(count._edit, "250")
    press_key(count._edit, Qt.Key.Key_Return)

    assert count.value == 100
    press_key(count._edit, Qt.Key.Key_Down)
    assert count.value == 99
    window.settings.set("running.batch_limit", 10)
    assert count.value == 10


def test_u_326_run_branch_asks_for_the_outputs_below_the_selection(window, chain):
    window.view.actions.show_node("2")

    window.commands.trigger("run.run_branch")

    assert window.run_port.calls == [("run", "Chain", 1, False, ["3"])]
    assert outputs_from(chain.document.bound, ["1"]) == ["3"]
    assert outputs_from(chain.document.bound, []) == []


def test_stop_can_be_pressed_only_while_something_runs(window, chain):
    stop = window.frame.top_bar.stop_button
    assert not stop.isEnabled()

    show_jobs(window, RUNNING)
    click(stop)

    assert window.run_port.calls == [("stop",)]


def test_the_top_bar_says_what_runs_and_the_line_shows_how_far(window, chain):
    window.run_port.job_progress.emit("Sampling\n12 of 20 steps\n0:06 left", 0.46)
    top = window.frame.top_bar

    assert top.words == ("Sampling", "12 of 20 steps\n0:06 left")
    assert top.fraction == pytest.approx(0.46)
    window.run_port.job_progress.emit("", 0.0)
    assert top.words == ("", "")
    assert top.fraction < -1


def test_the_queue_lists_jobs_and_the_status_counts_them(window, chain):
    show_jobs(
        window, RUNNING, WAITING, JobRow("c", "Other"), JobRow("d", "Old", state=JobState.DONE)
    )

    assert [row.id for row in window.frame.right.queue.rows] == ["a", "b", "c"]
    assert window.frame.status.queue.text() == "1 running, 2 waiting"
    show_jobs(window)
    assert window.frame.status.queue.text() == "Idle"


def test_a_waiting_job_is_taken_out_by_its_cross(window, chain):
    show_jobs(window, RUNNING, WAITING)
    queue = window.frame.right.queue
    row = queue.rows[1]
    box = queue._close_box(row)

    QTest.mouseClick(queue, Qt.MouseButton.LeftButton, pos=box.center().toPoint())

    assert window.run_port.calls == [("cancel", "b")]


def test_u_327_pause_goes_to_and_fro(window, chain):
    right = window.frame.right

    click(right.pause_button)
    assert window.wiring.is_paused
    assert right.pause_button.icon_name == "play"
    click(right.pause_button)

    assert window.run_port.calls == [("pause", True), ("pause", False)]
    assert right.pause_button.icon_name == "pause"


def test_u_325_clearing_many_jobs_asks_first(window, chain):
    show_jobs(window, *[JobRow(str(i), "Chain") for i in range(7)])

    window.commands.trigger("run.clear")
    from app.ui.dialogs.question import QuestionCard

    card = next(card for card in window.findChildren(QuestionCard) if card.isVisible())
    assert window.run_port.calls == []
    click(card.buttons["clear"])

    assert window.run_port.calls == [("clear",)]


def test_u_325_clearing_few_jobs_does_not_ask(window, chain):
    show_jobs(window, WAITING)

    window.commands.trigger("run.clear")

    assert window.run_port.calls == [("clear",)]


def test_u_353_the_tab_shows_running_and_failed(window, chain):
    strip = window.frame.tab_strip
    chain.run_state.is_running = True
    chain.run_state.job_changed.emit()
    wait_until(lambda: strip.tabs[0].is_running)

    chain.run_state.is_running = False
    window.run_port.problem_raised.emit(problem(chain))
    wait_until(lambda: strip.tabs[0].has_failed and not strip.tabs[0].is_running)


def test_u_361_a_failure_opens_the_problems_once_and_leaves_the_keyboard(window, chain):
    window.view.setFocus()

    window.run_port.problem_raised.emit(problem(chain))

    bottom = window.frame.bottom
    assert bottom.isVisible()
    assert bottom.problems.detail.heading.text() == "Blur ran out"
    assert QApplication.focusWidget() is window.view
    assert window.frame.status.problems.text() == "1 problem"
    assert window.frame.top_bar.words[0] == "Stopped by an error"

    window.frame.show_side("bottom", False)
    window.run_port.problem_raised.emit(problem(chain, id="q"))
    assert not bottom.isVisible()


def test_the_next_run_clears_the_problems(window, chain):
    window.run_port.problem_raised.emit(problem(chain))

    window.run_port.problems_cleared.emit(chain.document)

    assert window.frame.bottom.problems.problems == []
    assert not window.frame.status.problems.isVisible()
    assert not chain.has_failed


def test_the_same_problem_again_replaces_the_first(window, chain):
    window.run_port.problem_raised.emit(problem(chain))
    window.run_port.problem_raised.emit(problem(chain, heading="Again"))

    assert [item.heading for item in chain.problems] == ["Again"]


def test_problems_follow_the_shown_document(window, chain):
    window.run_port.problem_raised.emit(problem(chain))
    window.files.new()
    assert window.frame.bottom.problems.problems == []

    window.documents.show(chain)

    assert len(window.frame.bottom.problems.problems) == 1


def test_remedies_are_buttons_the_best_one_first(window, chain):
    tried = []
    remedies = (Remedy("Free memory", lambda: tried.append(1)), Remedy("Other", lambda: None))
    window.run_port.problem_raised.emit(problem(chain, remedies=remedies))
    buttons = window.frame.bottom.problems.detail.buttons

    assert [button.text() for button in buttons] == ["Free memory", "Other", "Go to node", "Copy"]
    assert [button.role.value for button in buttons][:2] == ["primary", "secondary"]
    click(buttons[0])
    assert tried == [1]


def test_go_to_node_selects_it(window, chain):
    window.run_port.problem_raised.emit(problem(chain))

    click(window.frame.bottom.problems.detail.buttons[0])

    assert window.view.actions.selected == ["2"]


def test_details_are_folded_until_asked_for_and_the_last_line_is_lit(window, chain):
    window.run_port.problem_raised.emit(problem(chain))
    detail = window.frame.bottom.problems.detail
    assert not detail.code.isVisible()

    click(detail.fold)

    assert detail.code.isVisible()
    assert detail.code.toPlainText().splitlines()[-1] == "MemoryError: no"
    block = detail.code.document().lastBlock()
    color = block.begin().fragment().charFormat().foreground().color()
    assert color == window.look.color("danger.text")


def test_copy_takes_everything(window, chain):
    shown = problem(chain)
    window.run_port.problem_raised.emit(shown)

    click(window.frame.bottom.problems.detail.buttons[-1])

    text = QApplication.clipboard().text()
    assert text == problem_text(shown)
    assert "Blur ran out" in text
    assert "MemoryError: no" in text


def test_the_remedy_on_the_node_does_the_first_remedy(window, chain):
    tried = []
    remedies = (Remedy("Free memory", lambda: tried.append(1)),)
    window.run_port.problem_raised.emit(problem(chain, remedies=remedies))

    window.view.remedy_requested.emit("2")

    assert tried == [1]


def test_results_come_newest_first_and_open_in_the_viewer(window, chain, tmp_path):
    now = time.time()
    for number in range(3):
        path = tmp_path / f"{number}.png"
        picture().save(str(path))
        window.run_port.result_added.emit(
            Result(str(path), picture(), (64, 48), now + number, "Chain")
        )
    grid = window.frame.right.results
    assert [item.path[-5:] for item in grid.results] == ["2.png", "1.png", "0.png"]

    box = grid.picture_box(1)
    QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=box.center().toPoint())
    settle(window)

    from app.ui.dialogs.viewer import PictureViewer

    viewer = window.findChildren(PictureViewer)[0]
    assert viewer.path.endswith("1.png")
    assert viewer.view.image.width() == 64
    press_key(viewer.view, Qt.Key.Key_Right)
    press_key(viewer, Qt.Key.Key_Escape)
    assert not viewer.isVisible()


def test_results_are_found_by_title(window, chain):
    grid = window.frame.right.results
    grid.add(Result("/x/harbour_1.png", picture(), (1, 1), 1.0, "Harbour"))
    grid.add(Result("/x/petal_1.png", picture(), (1, 1), 2.0, "Petals"))

    grid.set_query("harb")

    assert [item.title for item in grid.results] == ["Harbour"]


def test_u_521_a_result_is_dragged_out_as_a_file(window, chain, monkeypatch):
    from app.ui.panels import results

    dragged = []

    class Drag(results.QDrag):
        def exec(self, *args):
            dragged.append([url.toLocalFile() for url in self.mimeData().urls()])

    monkeypatch.setattr(results, "QDrag", Drag)
    grid = window.frame.right.results
    grid.add(Result("/x/a.png", picture(), (1, 1), 1.0))
    start = grid.picture_box(0).center().toPoint()
    QTest.mousePress(grid, Qt.MouseButton.LeftButton, pos=start)

    QTest.mouseMove(grid, start + QPointF(40, 0).toPoint())

    assert dragged == [["/x/a.png"]]


def test_the_status_bar_shows_device_and_memory(window, chain):
    gib = 2**30
    device = DeviceInfo("NVIDIA RTX 4070", "cuda", 7 * gib, 12 * gib, 11 * gib, 32 * gib, "bf16")

    window.run_port.device_changed.emit(device)

    assert "NVIDIA RTX 4070" in window.frame.status.toolTip()
    assert window.run_port.state.device is device


def test_the_status_bar_counts_the_nodes_of_the_shown_document(window, chain):
    assert window.frame.status.nodes.text() == "3 nodes"

    window.view.actions.show_node("2")
    window.view.actions.delete()
    assert window.frame.status.nodes.text() == "2 nodes"
    window.commands.trigger("file.new")
    assert window.frame.status.nodes.text() == "0 nodes"


def test_run_cannot_be_pressed_without_nodes(window):
    button = window.frame.top_bar.run_button
    window.commands.trigger("file.new")
    assert not button.isEnabled()

    window.canvas_wiring.add_from_library("SaveImage")

    assert button.isEnabled()


def test_u_463_the_log_keeps_levels_and_searches(window, chain):
    log = window.frame.bottom.log
    window.run_port.log_line.emit("debug", "details")
    window.run_port.log_line.emit("info", "loading dreamshaper")
    window.run_port.log_line.emit("error", "broken pack")
    assert log.text() == "loading dreamshaper\nbroken pack"

    click(log.chips["error"])
    assert log.text() == "broken pack"
    click(log.chips["debug"])
    log.search.setText("dream")

    assert log.text() == "loading dreamshaper"


def test_a_thousand_log_lines_are_written_at_once(window, chain):
    log = window.frame.bottom.log
    for number in range(1000):
        window.run_port.log_line.emit("info", f"line {number}")

    assert log.view.toPlainText() == ""
    assert log.text().splitlines()[-1] == "line 999"


def test_u_338_what_is_being_typed_belongs_to_the_run(window, chain):
    document = chain.document
    patch = edits.set_widget(document.workflow, document.bound, "2", "radius", 9)
    document.apply(patch, "Set")

    window.commands.trigger("run.run")

    assert not window.view.editors.is_open
    assert window.run_port.calls[-1][0] == "run"


def test_days_are_said_as_people_say_them():
    import datetime

    now = datetime.datetime(2026, 11, 22, 9, 0)

    assert day_words(datetime.datetime(2026, 11, 22, 0, 1).timestamp(), now) == "Today"
    assert day_words(datetime.datetime(2026, 11, 21, 23, 0).timestamp(), now) == "Yesterday"
    assert day_words(datetime.datetime(2026, 11, 18, 1, 0).timestamp(), now) == "18 November"
    assert day_words(datetime.datetime(2025, 1, 2, 1, 0).timestamp(), now) == "2 January 2025"


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (64 << 20, "64 MB"), (2 << 30, "2.0 GB"), (200 << 30, "200 GB"), (900, "900 B")],
)
def test_sizes_are_said_as_people_say_them(size, words):
    assert size_words(size) == words
