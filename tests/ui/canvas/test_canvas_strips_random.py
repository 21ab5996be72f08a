"""Random gestures on the strips of nested subgraphs, with undo in the middle of drags (U-195)."""

from __future__ import annotations

import json
import random

import pytest
from canvas_hands import ALT, CTRL, NONE, SHIFT, raw_node, raw_workflow
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.edits.packing import create_subgraph
from app.engine.workflow.edits.subgraphs import add_host
from app.ui.canvas import strips

FLOW = raw_workflow(
    [
        raw_node(1, "Loader", (0, 80), values=["a.png"]),
        raw_node(2, "Filter", (300, 80), values=[4]),
        raw_node(4, "Filter", (300, 380), values=[6]),
        raw_node(5, "Sampler", (600, 300), values=[20]),
        raw_node(3, "Viewer", (900, 80), (160, 60)),
    ],
    [(1, 1, 2, 0, "IMAGE"), (2, 0, 3, 0, "IMAGE"), (2, 0, 5, 1, "IMAGE")],
)


class Monkey:
    """Hands that do not know what they do."""

    def __init__(self, canvas, chance):
        self.canvas = canvas
        self.chance = chance

    def places(self):
        """Pixels of sockets, slots, empty slots, titles and of nothing."""
        canvas, found = self.canvas, []
        for item in canvas.scene.nodes.values():
            found += [canvas.pixel(item.pos() + place) for place in item.layout.inputs]
            found += [canvas.pixel(item.pos() + place) for place in item.layout.outputs]
            found.append(canvas.pixel(item.pos() + QPointF(12.0, 4.0)))
        found.append(QPointF(self.chance.uniform(0, 1100), self.chance.uniform(0, 700)))
        return found

    def step(self):
        """Do anything."""
        acts = [self.drag] * 6 + [self.undo] * 2 + [self.redo, self.click, self.keys, self.rename]
        acts += [self.enter, self.leave, self.drag_with_undo, self.drag_with_undo]
        self.chance.choice(acts)()

    def drag(self):
        start, end = (self.chance.choice(self.places()) for _ in range(2))
        held = self.chance.choice([NONE, NONE, NONE, SHIFT, CTRL | ALT])
        self.canvas.drag(start, end, modifiers=held)
        self.canvas.view.clear_loose_link()

    def drag_with_undo(self):
        """Change the document while the button is down, as a key press would."""
        canvas = self.canvas
        start, end = (self.chance.choice(self.places()) for _ in range(2))
        canvas.drag(start, end, release=False)
        self.chance.choice([self.undo, self.redo, self.leave, self.definitions])()
        canvas.move(end + QPointF(9, 9))
        canvas.release(end)
        canvas.view.clear_loose_link()

    def click(self):
        place = self.chance.choice(self.places())
        if self.chance.random() < 0.4:
            self.canvas.double_click(place)
        else:
            self.canvas.click(place)

    def keys(self):
        key, held = self.chance.choice(
            [
                (Qt.Key.Key_Delete, NONE), (Qt.Key.Key_Up, ALT), (Qt.Key.Key_Down, ALT),
                (Qt.Key.Key_Down, NONE), (Qt.Key.Key_Escape, NONE), (Qt.Key.Key_Return, NONE),
                (Qt.Key.Key_Tab, NONE),
            ]
        )  # fmt: skip
        self.canvas.key(key, held)

    def rename(self):
        boxes = [item for item in self.canvas.scene.nodes.values() if item.is_strip]
        if boxes:
            item = self.chance.choice(boxes)
            count = strips.slot_count(item.node)
            if count:
                self.canvas.view.slots.rename(item.key, self.chance.randrange(count))
                QTest.keyClicks(self.canvas.view.viewport(), self.chance.choice(["", "name", "x"]))
                self.chance.choice(
                    [self.undo, self.leave, self.definitions, lambda: None, lambda: None]
                )()
                self.canvas.key(self.chance.choice([Qt.Key.Key_Return, Qt.Key.Key_Escape]))

    def undo(self):
        self.canvas.undo()

    def redo(self):
        self.canvas.redo()

    def definitions(self):
        """New definitions come, as after packs were loaded."""
        document = self.canvas.document
        document.set_definitions(dict(document.definitions))

    def enter(self):
        hosts = [key for key, node in self.canvas.bound.nodes.items() if node.subgraph]
        if hosts:
            self.canvas.document.enter(self.chance.choice(hosts))

    def leave(self):
        document = self.canvas.document
        document.show_level(max(0, len(document.trail) - 1))


@pytest.mark.parametrize("seed", range(8))
def test_any_gestures_leave_a_sound_document_that_undoes_to_the_start(make_canvas, seed):
    canvas = make_canvas(FLOW)
    document = canvas.document
    start = canvas.file()
    patch, key = create_subgraph(document.workflow, document.bound, ["2", "4", "5"], name="Outer")
    document.apply(patch, "Convert")
    own = document.node(key).subgraph
    patch, _ = add_host(document.workflow, document.bound, own, (300.0, 700.0))
    document.apply(patch, "Add")
    document.enter(key)
    patch, _ = create_subgraph(document.workflow, document.bound, ["4"], name="Inner")
    document.apply(patch, "Convert")
    canvas.view.actions.fit(animate=False)
    canvas.view.set_zoom(0.8)
    monkey = Monkey(canvas, random.Random(seed))
    for _ in range(60):
        monkey.step()
        assert set(canvas.scene.nodes) == set(canvas.bound.nodes)
        again = bind_graph(document.workflow, document.graph, document.definitions)
        assert again.nodes.keys() == canvas.bound.nodes.keys()
        assert again.links == canvas.bound.links
    canvas.view.mouse.cancel()
    canvas.view.editors.commit()
    QTest.qWait(5)
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    assert json.dumps(canvas.file()) == json.dumps(start)
