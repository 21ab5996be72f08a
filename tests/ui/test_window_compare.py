"""Comparing the shown document with a file, and with a run; what is marked on the canvas."""

from __future__ import annotations

import copy
import json

import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QFileDialog
from window_hands import (
    CHAIN,
    FakePort,
    click,
    picture,
    press_key,
    run_task,
    settle,
    wait_until,
    write_chain,
)

from app.engine.workflow import edits
from app.engine.workflow.diff_marks import MarkKind
from app.engine.workflow.edits.packing import create_subgraph
from app.ui.canvas.diff_overlay import _Item
from app.ui.canvas.selection import Selection
from app.ui.dialogs.text_card import TextCard
from app.ui.menu import Menu
from app.ui.run_port import JobRow, JobState, Result
from app.widgets.toast import Toast


class PortWithRuns(FakePort):
    """A port that knows the workflows of some runs."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.workflows = {}

    def workflow_of_run(self, run_id):
        return self.workflows.get(run_id)


@pytest.fixture
def saved(window, tmp_path):
    """The chain as a file, opened."""
    return run_task(window.files.open_file(write_chain(tmp_path / "Chain.json")))


def set_radius(document, value):
    patch = edits.set_widget(document.workflow, document.bound, "2", "radius", value)
    document.apply(patch, "Set")


def change_all(document):
    """Change the blur, remove the saver, and add another saver."""
    set_radius(document, 9)
    document.apply(edits.remove_nodes(document.workflow, document.bound, ["3"]), "Delete")
    patch, key = edits.add_node(
        document.workflow, document.bound, document.definitions["SaveImage"], (700.0, 300.0)
    )
    document.apply(patch, "Add")
    document.apply(edits.connect(document.workflow, document.bound, "2", 0, key, 0), "Link")
    return key


def compare_saved(window):
    assert window.commands.trigger("file.compare_saved")
    settle(window)
    return window.files.compare.comparison


def titles(window):
    return [toast.title for toast in window.findChildren(Toast) if not toast.isHidden()]


def overlay_items(view):
    return [item for item in view.canvas.items() if isinstance(item, _Item)]


def choose_file(window, path):
    assert window.commands.trigger("file.compare_file")
    wait_until(lambda: window.findChildren(QFileDialog))
    dialog = window.findChildren(QFileDialog)[0]
    dialog.fileSelected.emit(str(path))
    dialog.reject()
    settle(window)


def test_u_400_compare_with_saved_marks_what_was_added_changed_and_removed(window, saved):
    added = change_all(saved.document)
    comparison = compare_saved(window)

    marks = comparison.compared.marks.graph("")
    assert marks.added == {added}
    assert marks.changed == {"2": ("radius: 4 -> 9",)}
    assert [(ghost.title, ghost.box) for ghost in marks.removed.values()] == [
        ("Save Image", (600, 50, 810, 140))
    ]
    assert len(marks.links_added) == len(marks.links_removed) == 1
    bar = window.files.compare.bar
    assert bar.isVisible()
    assert bar.accessibleDescription().startswith("1 added, 1 changed, 1 removed. links +1, −1")
    assert len(overlay_items(window.view)) == 2


def test_the_text_tells_the_same(window, saved):
    change_all(saved.document)
    compare_saved(window)
    click(window.files.compare.bar.buttons["compare.text"])
    (card,) = window.findChildren(TextCard)
    lines = card.text.toPlainText().splitlines()
    assert any("radius: 4 -> 9" in line for line in lines)
    assert any(line.startswith("- ") and "Save Image" in line for line in lines)


def test_next_and_previous_walk_through_the_differences_by_keys(window, saved):
    added = change_all(saved.document)
    comparison = compare_saved(window)
    view = window.view
    view.setFocus()
    seen = []
    for _ in range(4):
        press_key(view, Qt.Key.Key_F7)
        seen.append((comparison.difference.kind, comparison.difference.node))
    # From left to right, and round to the first.
    assert seen == [
        (MarkKind.CHANGED, "2"), (MarkKind.REMOVED, "3"), (MarkKind.ADDED, added),
        (MarkKind.CHANGED, "2"),
    ]  # fmt: skip
    assert "1 of 3" in window.files.compare.bar.accessibleDescription()
    press_key(view, Qt.Key.Key_F7, Qt.KeyboardModifier.ShiftModifier)
    assert comparison.difference.node == added
    place = comparison._overlay.place_of(comparison.difference)
    assert view.navigator.visible.contains(place.center())


def test_escape_closes_and_leaves_nothing_on_the_canvas(window, saved):
    change_all(saved.document)
    compare_saved(window)
    view = window.view
    view.canvas.select(Selection())
    view.setFocus()

    press_key(view, Qt.Key.Key_Escape)

    assert window.files.compare.comparison is None
    assert not window.files.compare.bar.isVisible()
    assert overlay_items(view) == []
    assert not window.commands.get("compare.next").enabled()


def test_the_bar_closes_by_its_button_and_by_escape(window, saved):
    set_radius(saved.document, 9)
    compare_saved(window)
    click(window.files.compare.bar.buttons["compare.close"])
    assert window.files.compare.comparison is None
    compare_saved(window)
    press_key(window.files.compare.bar.buttons["compare.next"], Qt.Key.Key_Escape)
    assert window.files.compare.comparison is None


def test_marks_follow_edits(window, saved):
    set_radius(saved.document, 9)
    comparison = compare_saved(window)
    saved.document.undo_stack.undo()
    wait_until(lambda: comparison.compared.is_same)
    assert "0 differences" in window.files.compare.bar.accessibleDescription()
    set_radius(saved.document, 12)
    wait_until(lambda: not comparison.compared.is_same)
    assert comparison.compared.marks.graph("").changed == {"2": ("radius: 4 -> 12",)}


def test_a_node_that_only_moved_is_counted_apart(window, saved):
    document = saved.document
    document.apply(
        edits.move_nodes(document.workflow, document.bound, {"2": (320.0, 400.0)}), "Move"
    )
    comparison = compare_saved(window)
    assert comparison.compared.marks.graph("").moved == {"2"}
    assert comparison.compared.marks.differences == ()
    assert "1 moved" in window.files.compare.bar.accessibleDescription()


def test_the_walk_enters_subgraphs_and_hosts_are_marked(window, tmp_path):
    item = run_task(window.files.open_file(write_chain(tmp_path / "Chain.json")))
    document = item.document
    patch, host = create_subgraph(document.workflow, document.bound, ["2"], name="Inner")
    document.apply(patch, "Convert")
    run_task(window.files.save(item))
    window.canvas_wiring.enter_subgraph(item, host)
    set_radius(document, 9)
    inner = document.graph_id
    document.show_level(0)

    comparison = compare_saved(window)

    assert "its subgraph has changed" in comparison.compared.marks.graph("").changed[host]
    for _ in comparison.compared.marks.differences:
        assert window.commands.trigger("compare.next")
        if comparison.difference.graph_id:
            break
    assert document.graph_id == inner == comparison.difference.graph_id
    assert comparison.difference.node == "2"
    assert comparison._overlay.place_of(comparison.difference) is not None


def test_each_tab_has_its_own_comparison(window, saved, tmp_path):
    set_radius(saved.document, 9)
    compare_saved(window)
    bar = window.files.compare.bar
    other = run_task(window.files.open_file(write_chain(tmp_path / "Other.json")))
    settle(window)
    assert not bar.isVisible()
    window.documents.show(saved)
    assert bar.isVisible()
    window.documents.remove(saved)
    assert window.documents.current is other
    assert not bar.isVisible()


def test_compare_with_saved_says_when_nothing_differs(window, saved):
    assert compare_saved(window) is None
    assert titles(window) == ["Nothing differs from “Chain.json”"]


def test_compare_with_saved_needs_a_file(window, chain):
    assert not window.commands.get("file.compare_saved").enabled()
    assert window.commands.get("file.compare_file").enabled()
    assert not window.commands.get("file.compare_run").enabled()


def test_compare_with_a_file_that_is_chosen(window, saved, tmp_path):
    raw = json.loads(json.dumps(CHAIN))
    raw["nodes"][1]["widgets_values"] = [7]
    other = tmp_path / "Other.json"
    other.write_text(json.dumps(raw))
    choose_file(window, other)
    comparison = window.files.compare.comparison
    assert comparison.name == "Other.json"
    assert comparison.compared.marks.graph("").changed == {"2": ("radius: 7 -> 4",)}


def test_a_file_that_cannot_be_read_is_told(window, saved, tmp_path):
    broken = tmp_path / "Broken.json"
    broken.write_text("{")
    choose_file(window, broken)
    assert window.files.compare.comparison is None
    assert any("Broken" in title for title in titles(window))


@pytest.fixture
def ran(make_window, tmp_path):
    """A window with a document and a run of it with another radius, which is over."""
    port = PortWithRuns()
    window = make_window(port=port)
    item = run_task(window.files.open_file(write_chain(tmp_path / "Chain.json")))
    raw = copy.deepcopy(CHAIN)
    raw["nodes"][1]["widgets_values"] = [11]
    port.workflows["job"] = raw
    port.queue_changed.emit([JobRow("job", "Chain", state=JobState.RUNNING)])
    settle(window)
    return window, port, item


def menu_of(widget, place):
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, widget.mapToGlobal(place))
    QApplication.sendEvent(widget, event)
    QApplication.processEvents()
    return next(menu for menu in widget.findChildren(Menu) if menu.isVisible())


def trigger(menu, words):
    action = next(action for action in menu.actions() if action.text() == words)
    action.trigger()
    menu.close()


def changed_radius(window):
    return window.files.compare.comparison.compared.marks.graph("").changed


def test_a_run_in_the_queue_is_compared_by_its_menu(ran):
    window, _, _ = ran
    queue = window.frame.right.queue
    trigger(menu_of(queue, QPoint(40, 40)), "Compare with this run")
    settle(window)
    assert changed_radius(window) == {"2": ("radius: 11 -> 4",)}
    assert window.files.compare.comparison.name == "Chain, running"


def test_a_run_that_is_over_is_chosen_from_the_command(ran):
    window, port, _ = ran
    port.queue_changed.emit([])
    assert window.commands.get("file.compare_run").enabled()
    popup = window.files.compare.open_runs()
    press_key(popup, Qt.Key.Key_Return)
    settle(window)
    assert changed_radius(window) == {"2": ("radius: 11 -> 4",)}
    assert window.files.compare.comparison.name.startswith("Chain, ")
    port.workflows.clear()
    window.files.compare.compare_run("job")
    settle(window)
    assert any("it kept no workflow" in title for title in titles(window))


def test_a_result_is_compared_by_its_run_or_else_by_its_file(ran, tmp_path):
    window, port, _ = ran
    grid = window.frame.right.results
    other = copy.deepcopy(CHAIN)
    other["nodes"][1]["widgets_values"] = [13]
    path = tmp_path / "picture.json"
    path.write_text(json.dumps(other))
    port.result_added.emit(Result(str(path), picture(), time=5.0, title="Chain", run_id="job"))
    place = grid.picture_box(0).center().toPoint()
    trigger(menu_of(grid, place), "Compare with this run")
    settle(window)
    assert changed_radius(window) == {"2": ("radius: 11 -> 4",)}

    port.workflows.clear()
    trigger(menu_of(grid, place), "Compare with this run")
    settle(window)
    assert changed_radius(window) == {"2": ("radius: 13 -> 4",)}


def pixels(view, color):
    """Count the pixels of a picture of the canvas that are nearly of a colour of the style."""
    image = view.viewport().grab().toImage()
    wanted = view.theme.color(color)

    def is_near(x, y):
        found = image.pixelColor(x, y)
        parts = zip(found.getRgb(), wanted.getRgb(), strict=True)
        return max(abs(one - other) for one, other in parts) < 40

    return sum(is_near(x, y) for x in range(0, image.width()) for y in range(0, image.height(), 3))


@pytest.mark.parametrize("zoom", [1.0, 0.3])
def test_marks_are_painted_near_and_far_and_go_with_the_comparison(window, saved, zoom):
    added = change_all(saved.document)
    view = window.view
    view.canvas.select(Selection())
    view.navigator.fit(QRectF(0, 0, 900, 500), animate=False)
    view.navigator.center_on(view.canvas.nodes[added].outline.center(), zoom)
    lines = ("success.line", "warning.line", "danger.line")
    assert [pixels(view, line) for line in lines] == [0, 0, 0]
    compare_saved(window)
    counts = {line: pixels(view, line) for line in lines}
    assert min(counts.values()) > 10, counts
    window.files.compare.close()
    assert [pixels(view, line) for line in lines] == [0, 0, 0]


def test_marks_of_links_follow_a_node_that_is_dragged(window, saved):
    document = saved.document
    document.apply(edits.disconnect_input(document.workflow, document.bound, "3", 0), "Unlink")
    comparison = compare_saved(window)
    view, overlay = window.view, comparison._overlay
    (step,) = comparison.compared.marks.differences
    assert (step.kind, step.link) == (MarkKind.REMOVED, "2")
    before = overlay.place_of(step)
    view.canvas.select(Selection.of(["3"]))
    view.canvas.dragged.begin(["3"])
    view.canvas.dragged.move_nodes({"3": QPointF(600, 480)}, QPointF(0, 400))
    view.viewport().grab()
    after = overlay.place_of(step)
    assert after.bottom() == pytest.approx(before.bottom() + 400)
    view.canvas.dragged.move_nodes({"3": QPointF(600, 80)}, QPointF(0, 0))
    view.canvas.dragged.end()
    view.viewport().grab()
    assert overlay.place_of(step) == before


def test_a_comparison_of_thousands_of_nodes_is_painted_by_place(window, saved):
    document = saved.document
    for number in range(40):
        patch, key = edits.add_node(
            document.workflow, document.bound, document.definitions["SaveImage"],
            (400.0 * number, 2000.0),
        )  # fmt: skip
        document.apply(patch, "Add")
        document.apply(edits.connect(document.workflow, document.bound, "2", 0, key, 0), "Link")
    comparison = compare_saved(window)
    courses = comparison._overlay._links
    assert len(courses.touching(QRectF(-1e5, -1e5, 2e5, 2e5))) == 40
    # Links lean out far, so the last two come near.
    assert len(courses.touching(QRectF(15_000, 1990, 100, 60))) == 2


def test_runs_that_end_in_the_same_second_can_all_be_chosen(ran):
    window, port, _ = ran
    port.queue_changed.emit([JobRow(f"job {n}", "Chain", state=JobState.RUNNING) for n in range(3)])
    port.queue_changed.emit([])
    assert len({run.id for run in window.files.compare._runs.runs}) == 4
    popup = window.files.compare.open_runs()
    assert popup.list.count() == 4
    popup.close()
