"""The panel that says which widgets a subgraph's nodes show (U-196)."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from test_window_subgraphs import answer_text, choose, entries, menu_at, pack, select
from window_hands import click, press_key

from app.engine.workflow import edits
from app.engine.workflow.edits import subgraphs
from app.ui.canvas.hover import Hit, Under
from app.ui.menu import Menu
from app.ui.panels.row_list import RowKind
from app.ui.panels.subgraph_widgets import HIDDEN, SHOWN
from app.ui.subgraph_widgets import widget_rows


class Panel:
    """The open panel, and hands for it."""

    def __init__(self, window, item, host):
        self.window = window
        self.document = item.document
        self.host = host
        window.commands.trigger("graph.edit_widgets")
        self.part = window.wiring.subgraphs.panel
        self.list = self.part.list

    def part_of(self, key):
        """The words of the rows below a heading."""
        found, is_inside = [], False
        for row in self.list.rows:
            if row.kind is RowKind.HEADING:
                is_inside = row.key == key
            elif is_inside and row.kind is RowKind.ITEM:
                found.append(row.text)
        return found

    @property
    def shown(self):
        return self.part_of(SHOWN)

    @property
    def hidden(self):
        return self.part_of(HIDDEN)

    @property
    def widgets(self):
        """What the host really shows."""
        return [widget.label for widget in self.document.node(self.host).widgets]

    def row(self, text):
        return next(row for row in self.list.rows if row.text == text)

    def rect(self, text):
        number = [row.text for row in self.list.rows].index(text)
        return self.list.visualRect(self.list.rows_model.index(number))

    def press_eye(self, text):
        rect = self.rect(text)
        click(self.list.viewport(), (rect.right() - 20, rect.center().y()))

    def press_heading(self, key):
        number = [row.key for row in self.list.rows].index(key)
        rect = self.list.visualRect(self.list.rows_model.index(number))
        click(self.list.viewport(), (rect.right() - 24, rect.center().y()))

    def drag(self, text, to, *, release=True):
        """Drag a row to a height in the list."""
        port, start = self.list.viewport(), self.rect(text).center()
        QTest.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
        for step in (1, 2, 3):
            middle = QPointF(start) + (QPointF(start.x(), to) - QPointF(start)) * step / 3
            QTest.mouseMove(port, middle.toPoint())
        if release:
            QTest.mouseRelease(port, Qt.MouseButton.LeftButton, pos=QPoint(start.x(), round(to)))


@pytest.fixture
def panel(window, chain):
    """A host with a blur, a sampler and a loader inside; the blur's radius and steps show."""
    document = chain.document
    keys = ["2"]
    for name in ("KSampler", "LoadImage"):
        patch, key = edits.add_node(
            document.workflow, document.bound, window.definitions[name], (320, 400)
        )
        document.apply(patch, "Add")
        keys.append(key)
    host = pack(chain, keys, "Soft edges")
    own = document.node(host).subgraph
    wanted = [("2", "radius"), (keys[1], "steps")]
    document.apply(
        subgraphs.promote(document.workflow, document.bound, wanted, subgraph=own), "Promote"
    )
    select(window, host)
    made = Panel(window, chain, host)
    made.inner = keys
    return made


def test_u_196_the_panel_lists_what_is_shown_and_what_is_hidden(panel):
    assert panel.shown == ["radius", "steps"]
    assert panel.hidden == ["image"]
    assert panel.part.title.text() == "Soft edges"
    assert panel.row("radius").count == "Blur Image"
    assert panel.part.search.hasFocus()


def test_u_196_an_eye_shows_and_hides_in_one_step_each(panel):
    stack = panel.document.undo_stack
    count = stack.count()
    panel.press_eye("image")
    # There is a socket called image already, so this one gets a number.
    assert panel.shown == panel.widgets == ["radius", "steps", "image_1"]
    assert stack.count() == count + 1
    assert stack.undoText() == "Show image"
    panel.press_eye("radius")
    assert panel.shown == panel.widgets == ["steps", "image_1"]
    assert panel.hidden == ["radius"]
    stack.undo()
    stack.undo()
    QTest.qWait(1)
    assert panel.shown == panel.widgets == ["radius", "steps"]


def test_u_196_all_are_hidden_and_shown_in_one_step_each(panel):
    stack = panel.document.undo_stack
    count = stack.count()
    panel.press_heading(SHOWN)
    assert panel.widgets == panel.shown == []
    panel.press_heading(HIDDEN)
    assert sorted(panel.widgets) == sorted(panel.shown) == ["image_1", "radius", "steps"]
    assert panel.hidden == []
    assert stack.count() == count + 2
    stack.undo()
    stack.undo()
    assert panel.widgets == ["radius", "steps"]


def test_u_196_a_row_is_dragged_to_another_place(panel):
    stack = panel.document.undo_stack
    panel.press_eye("image")
    count = stack.count()
    panel.drag("image_1", panel.rect("radius").top() + 2)
    assert panel.shown == panel.widgets == ["image_1", "radius", "steps"]
    panel.drag("image_1", panel.rect("steps").bottom() + 6)
    assert panel.shown == panel.widgets == ["radius", "steps", "image_1"]
    assert stack.count() == count + 2
    stack.undo()
    assert panel.widgets == ["image_1", "radius", "steps"]


def test_a_drag_that_ends_where_it_began_or_is_dropped_changes_nothing(panel):
    count = panel.document.undo_stack.count()
    panel.drag("radius", panel.rect("radius").center().y() + 12)
    panel.drag("steps", panel.rect("radius").top(), release=False)
    assert panel.list.is_dragging
    press_key(panel.list, Qt.Key.Key_Escape)
    assert not panel.list.is_dragging
    place = panel.rect("radius").center()
    QTest.mouseRelease(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert panel.document.undo_stack.count() == count
    assert panel.window.wiring.subgraphs.is_open


def test_undo_in_the_middle_of_a_drag_drops_it(panel):
    panel.drag("steps", panel.rect("radius").top(), release=False)
    panel.document.undo_stack.undo()
    QTest.qWait(1)
    assert not panel.list.is_dragging
    QTest.mouseRelease(panel.list.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(40, 60))
    assert panel.shown == panel.widgets == []


def test_u_196_the_keyboard_shows_hides_and_moves(panel):
    press_key(panel.part.search, Qt.Key.Key_Return)
    assert panel.list.hasFocus()
    assert panel.list.chosen_row().text == "radius"
    press_key(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert panel.shown == panel.widgets == ["steps", "radius"]
    assert panel.list.chosen_row().text == "radius"
    press_key(panel.list, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert panel.shown == ["steps", "radius"]
    press_key(panel.list, Qt.Key.Key_Space)
    assert panel.shown == panel.widgets == ["steps"]
    press_key(panel.list, Qt.Key.Key_Return)
    assert panel.shown == panel.widgets == ["steps", "radius"]


def test_u_196_the_search_finds_widgets_and_nodes(panel):
    panel.part.search.setText("blur")
    assert [row.text for row in panel.list.rows if row.kind is RowKind.ITEM] == ["radius"]
    # Rows that are left out could not be told apart from their neighbours by a drag.
    panel.drag("radius", panel.rect("radius").bottom() + 30)
    panel.part.search.setText("nothing like this")
    assert [row.text for row in panel.list.rows] == ["Nothing found"]
    press_key(panel.part.search, Qt.Key.Key_Escape)
    assert panel.shown == ["radius", "steps"]
    press_key(panel.part.search, Qt.Key.Key_Escape)
    assert not panel.window.wiring.subgraphs.is_open


def test_u_196_recommended_widgets_are_shown_alone(panel):
    panel.press_heading(SHOWN)
    rows = widget_rows(panel.document, panel.part.subgraph)
    assert [row.label for row in rows if row.is_recommended] == ["image"]
    panel.part.more_button.click()
    menu = next(menu for menu in panel.part.findChildren(Menu) if menu.isVisible())
    choose(menu, "Show recommended")
    menu.close()
    assert panel.widgets == ["image_1"]


def test_u_196_the_panel_works_inside_the_subgraph_too(panel):
    panel.window.canvas_wiring.enter_subgraph(panel.window.documents.current, panel.host)
    QTest.qWait(1)
    assert panel.shown == ["radius", "steps"]
    panel.press_eye("steps")
    assert panel.shown == ["radius"]
    panel.window.canvas_wiring.leave_subgraph()
    assert panel.widgets == ["radius"]


def test_the_panel_follows_the_selection(panel):
    select(panel.window, "1")
    QTest.qWait(1)
    assert panel.list.rows == []
    assert panel.part.title.text() == "Select a subgraph, or open one"
    assert not panel.part.search.isEnabled()
    select(panel.window, panel.host)
    QTest.qWait(1)
    assert panel.shown == ["radius", "steps"]


def test_the_panel_is_reached_from_menus_palette_and_the_right_panel(panel):
    window, host = panel.window, panel.host
    panel.part.close_requested.emit()
    right = window.frame.right
    assert right.page is None
    assert window.view.hasFocus()
    assert "Edit subgraph widgets…" in entries(menu_at(window, Hit(Under.TITLE, host)))
    select(window, "1")
    assert "Edit subgraph widgets…" not in entries(menu_at(window, Hit(Under.TITLE, "1")))
    select(window, host)
    QTest.qWait(1)
    assert right.widgets_button.isVisible()
    click(right.widgets_button)
    assert window.wiring.subgraphs.is_open
    panel.part.close_requested.emit()
    choose(menu_at(window, Hit(Under.TITLE, host)), "Edit subgraph widgets…")
    assert window.wiring.subgraphs.is_open
    panel.part.close_requested.emit()
    select(window, "1")
    QTest.qWait(1)
    assert not right.widgets_button.isVisible()
    assert not window.commands.get("graph.edit_widgets").enabled()


def test_a_widget_that_a_link_inside_sets_says_why_it_cannot_be_shown(panel):
    document = panel.document
    window = panel.window
    window.canvas_wiring.enter_subgraph(window.documents.current, panel.host)
    patch, key = edits.add_special_node(document.workflow, document.bound, "PrimitiveNode", (0, 0))
    document.apply(patch, "Add")
    own = document.graph_id
    document.apply(subgraphs.demote(document.workflow, document.bound, [("2", "radius")]), "Hide")
    index = document.node("2").input_index("radius")
    document.apply(edits.connect(document.workflow, document.bound, key, 0, "2", index), "Connect")
    QTest.qWait(1)
    row = panel.row("radius").data
    assert row.reason == "A link inside the subgraph sets it already."
    count = document.undo_stack.count()
    panel.press_eye("radius")
    assert document.undo_stack.count() == count
    assert panel.part.subgraph == own


def test_a_row_has_a_menu_that_renames_and_leads_to_its_node(panel):
    window = panel.window
    menu = Menu(window)
    panel.part.fill_row_menu(menu, panel.row("steps").data)
    assert entries(menu) == ["Hide", "Move up", "Move down", "Rename…", "Go to KSampler"]
    choose(menu, "Rename…")
    answer_text(window, "Rounds")
    assert panel.shown == panel.widgets == ["radius", "Rounds"]
    choose(menu, "Go to KSampler")
    assert window.document.graph_id == panel.part.subgraph or window.document.graph_id
    assert list(window.view.canvas.selection.nodes) == [panel.inner[1]]
    menu.deleteLater()


def test_a_long_name_is_cut_and_told_in_full(panel):
    document, own = panel.document, panel.part.subgraph
    name = "A subgraph of many words that no panel is wide enough for"
    document.apply(subgraphs.rename_subgraph(document.workflow, own, name), "Rename")
    QTest.qWait(5)
    assert panel.part.title.text().endswith("…")
    assert panel.part.title.toolTip() == name


def test_two_hosts_keep_values_while_widgets_are_moved(panel):
    document = panel.document
    own = document.node(panel.host).subgraph
    patch, other = subgraphs.add_host(document.workflow, document.bound, own, (0.0, 500.0))
    document.apply(patch, "Add")
    for host, radius, steps in ((panel.host, 7, 30), (other, 9, 50)):
        for name, value in (("radius", radius), ("steps", steps)):
            document.apply(
                edits.set_widget(document.workflow, document.bound, host, name, value), "Set"
            )
    select(panel.window, panel.host)
    QTest.qWait(1)
    panel.drag("steps", panel.rect("radius").top() + 2)
    for host, values in ((panel.host, [30, 7]), (other, [50, 9])):
        assert [widget.value for widget in document.node(host).widgets] == values


def test_an_older_file_lists_what_its_host_shows_and_can_be_reordered(panel):
    document, host = panel.document, panel.host
    panel.press_heading(SHOWN)
    raw = document.workflow.root.nodes[host].raw
    blur, sampler, _ = panel.inner
    raw["properties"] = {"proxyWidgets": [[sampler, "steps"], [blur, "radius"]]}
    raw["widgets_values"] = [33, 8]
    document.set_definitions(dict(document.definitions))
    select(panel.window, host)
    panel.part.refresh()
    assert panel.shown == panel.widgets == ["steps", "radius"]
    assert panel.hidden == ["image"]
    count = document.undo_stack.count()
    panel.drag("radius", panel.rect("steps").top() + 2)
    assert panel.shown == panel.widgets == ["radius", "steps"]
    assert [widget.value for widget in document.node(host).widgets] == [8, 33]
    assert document.undo_stack.count() == count + 1
    document.undo_stack.undo()
    assert [widget.value for widget in document.node(host).widgets] == [33, 8]


def test_hand_mode_changes_nothing(panel):
    panel.window.view.set_hand_mode(True)
    count = panel.document.undo_stack.count()
    panel.press_eye("radius")
    panel.press_heading(SHOWN)
    assert panel.document.undo_stack.count() == count


def test_undo_of_the_listed_subgraph_empties_the_panel(panel):
    while panel.document.undo_stack.canUndo():
        panel.document.undo_stack.undo()
    panel.part.toggle(widget_row_that_was(panel))
    QApplication.processEvents()
    assert panel.list.rows == []
    assert panel.part.subgraph == ""


def widget_row_that_was(panel):
    """A row of the list as it was before the events of an undo have been seen."""
    return next(row.data for row in panel.list.rows if row.kind is RowKind.ITEM)


def test_closing_the_document_leaves_a_panel_that_works(panel):
    window = panel.window
    window.documents.remove(window.documents.current)
    QTest.qWait(1)
    assert not panel.part.isVisible()
    window.files.new()
    QTest.qWait(1)
    assert panel.part.isVisible()
    assert panel.list.rows == []
