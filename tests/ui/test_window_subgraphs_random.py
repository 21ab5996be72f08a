"""Random work on nested subgraphs in the whole window, with its panel; all of it undoes."""

from __future__ import annotations

import random

import pytest
from PySide6.QtTest import QTest
from test_window_subgraphs import pack, select

from app.engine.workflow import edits
from app.engine.workflow.edits import subgraphs
from app.engine.workflow.model import ROOT
from app.engine.workflow.writer import serialize, snapshot
from app.ui.canvas.hover import Hit, Under
from app.ui.subgraph_widgets import subgraph_of, widget_rows

_SLOT_ACTIONS = ("Move up", "Move down", "Remove input")


class Artist:
    """Does what comes to mind, by the parts of the window."""

    def __init__(self, window, item, chance):
        self.window, self.item, self.chance = window, item, chance
        self.document = item.document
        window.wiring.subgraphs.open_panel()
        self.panel = window.wiring.subgraphs.panel

    def step(self):
        acts = [self.toggle] * 4 + [self.move] * 4 + [self.select] * 3 + [self.set_value] * 2
        acts += [self.show_all, self.hide_all, self.enter, self.leave, self.undo, self.undo]
        acts += [self.redo, self.slot_menu, self.copy, self.unpack, self.unique, self.delete]
        self.chance.choice(acts)()
        QTest.qWait(5)

    def rows(self, *, is_shown=None):
        self.panel.refresh()
        return [
            row
            for row in self.panel._rows
            if not row.reason and (is_shown is None or row.is_shown == is_shown)
        ]

    def hosts(self):
        return [key for key, node in self.document.bound.nodes.items() if node.subgraph]

    def toggle(self):
        rows = self.rows()
        if rows:
            self.panel.toggle(self.chance.choice(rows))

    def move(self):
        rows = self.rows(is_shown=True)
        if rows:
            self.panel.move_row(self.chance.choice(rows), self.chance.randrange(len(rows)))

    def show_all(self):
        self.rows()
        self.panel.show_all()

    def hide_all(self):
        self.rows()
        self.panel.hide_all()

    def select(self):
        keys = list(self.document.bound.nodes)
        select(self.window, self.chance.choice(self.hosts() or keys))

    def set_value(self):
        nodes = [node for node in self.document.bound.nodes.values() if node.widget("radius")]
        if nodes:
            key, value = self.chance.choice(nodes).key, self.chance.randint(1, 31)
            patch = edits.set_widget(
                self.document.workflow, self.document.bound, key, "radius", value
            )
            self.document.apply(patch, "Set")

    def enter(self):
        hosts = self.hosts()
        if hosts:
            self.window.canvas_wiring.enter_subgraph(self.item, self.chance.choice(hosts))

    def leave(self):
        self.window.canvas_wiring.leave_subgraph()

    def undo(self):
        self.window.commands.trigger("edit.undo")

    def redo(self):
        self.window.commands.trigger("edit.redo")

    def slot_menu(self):
        if self.document.graph_id == ROOT:
            return
        box = self.document.node("-10")
        if box.outputs:
            hit = Hit(Under.OUTPUT, "-10", self.chance.randrange(len(box.outputs)))
            menus = self.window.canvas_wiring._context_menus()
            menu = menus.make(self.window.view, hit, self.window.view.pointer_pos)
            actions = [
                action
                for action in menu.actions()
                if action.isEnabled() and action.text().split("\t")[0] in _SLOT_ACTIONS
            ]
            if actions:
                self.chance.choice(actions).trigger()
            menu.deleteLater()

    def copy(self):
        if len(self.document.bound.nodes) < 12:
            self.select()
            self.window.commands.trigger("edit.duplicate")

    def unpack(self):
        if self.chance.random() < 0.3:
            self.select()
            self.window.commands.trigger("graph.unpack_subgraph")

    def unique(self):
        self.select()
        self.window.commands.trigger("graph.unique_subgraph")

    def delete(self):
        if self.chance.random() < 0.3:
            self.select()
            self.window.commands.trigger("edit.delete")


@pytest.mark.parametrize("seed", range(4))
def test_any_work_on_nested_subgraphs_is_undone_to_equal_bytes(window, chain, seed):
    document = chain.document
    start = serialize(snapshot(document.workflow))
    outer = pack(chain, ["2"], "Outer")
    own = document.node(outer).subgraph
    patch, _ = subgraphs.add_host(document.workflow, document.bound, own, (0.0, 400.0))
    document.apply(patch, "Add")
    document.enter(outer)
    pack(chain, ["2"], "Inner")
    document.show_level(0)
    artist = Artist(window, chain, random.Random(seed))
    for _ in range(50):
        artist.step()
        shown = subgraph_of(document, window.view.actions.selected)
        listed = [row.key for row in widget_rows(document, shown)] if shown else []
        assert [row.key for row in artist.panel._rows] == listed
        assert set(window.view.canvas.nodes) == set(document.bound.nodes)
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    document.show_level(0)
    document.workflow.root.raw["extra"].pop("ds", None)
    assert serialize(snapshot(document.workflow)) == start
