"""A real canvas, and hands to touch it with: mouse and keys as Qt sends them."""

from __future__ import annotations

import json

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.writer import serialize, snapshot
from app.ui import theme
from app.ui.canvas.view import CanvasView
from app.ui.document import WorkflowDocument
from app.ui.run_state import RunState

LEFT, MIDDLE, RIGHT = (
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.MiddleButton,
    Qt.MouseButton.RightButton,
)
NONE = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


def node_type(name, inputs=(), outputs=(), widgets=(), **more):
    """A definition from short lists: names of types, and ``(name, declaration)`` of widgets."""
    required = {kind.lower(): [kind] for kind in inputs} | dict(widgets)
    return NodeDefinition.from_object_info(
        name,
        {
            "input": {"required": required},
            "output": list(outputs),
            "output_name": list(outputs),
            "display_name": name,
            **more,
        },
    )


TYPES = {
    item.name: item
    for item in (
        node_type(
            "Loader",
            outputs=["MODEL", "IMAGE"],
            widgets=[("file", [["a.png", "b.png", "c.png"]])],
        ),
        node_type("Filter", ["IMAGE"], ["IMAGE"], [("radius", ["INT", {"default": 4}])]),
        node_type("Sampler", ["MODEL", "IMAGE"], ["LATENT"], [("steps", ["INT", {"default": 20}])]),
        node_type("Prompt", ["CLIP"], ["TEXT"], [("text", ["STRING", {"multiline": True}])]),
        node_type("Viewer", ["IMAGE"]),
    )
}


def raw_node(key, kind, pos, size=(240, 120), values=(), **more):
    """A node of a file."""
    return {
        "id": key, "type": kind, "pos": list(pos), "size": list(size), "flags": {}, "order": 0,
        "mode": 0, "properties": {}, "widgets_values": list(values), **more,
    }  # fmt: skip


def raw_workflow(nodes, links=(), groups=(), **more):
    """A whole file; links are ``(origin, output, target, input, type)``."""
    return {
        "version": 0.4,
        "last_node_id": max((node["id"] for node in nodes), default=0),
        "last_link_id": len(links),
        "nodes": nodes,
        "links": [[number, *link] for number, link in enumerate(links, 1)],
        "groups": list(groups),
        "config": {},
        "extra": {},
        **more,
    }


CHAIN = raw_workflow(
    [
        raw_node(1, "Loader", (60, 80), values=["a.png"]),
        raw_node(2, "Filter", (400, 80), values=[4]),
        raw_node(3, "Viewer", (740, 80), (160, 60)),
    ],
    [(1, 1, 2, 0, "IMAGE"), (2, 0, 3, 0, "IMAGE")],
)


class Canvas:
    """A shown canvas, its document, and hands to touch it with."""

    def __init__(self, qtbot, raw, size=(1200, 800)):
        self.qtbot = qtbot
        self.document = WorkflowDocument(read_workflow(json.dumps(raw)), TYPES)
        self.run_state = RunState()
        self.view = CanvasView(self.document, self.run_state, theme.load_style("dark"))
        self.view.resize(*size)
        self.view.navigator.reduce_motion = True
        qtbot.addWidget(self.view, before_close_func=lambda view: view.close_view())
        self.view.show()
        qtbot.waitExposed(self.view)
        self.view.setFocus()
        QTest.qWait(1)

    @property
    def scene(self):
        return self.view.canvas

    @property
    def bound(self):
        return self.document.bound

    def item(self, key):
        return self.scene.nodes[str(key)]

    def file(self):
        """What would be saved."""
        return json.loads(serialize(snapshot(self.document.workflow)))

    def links(self):
        """All links as ``(origin, output, target, input)``."""
        return sorted(
            (link.origin, link.origin_slot, link.target, link.target_input)
            for link in self.bound.links.values()
        )

    def steps(self):
        """How many undo steps there are, undone ones included."""
        return self.document.undo_stack.count()

    def pixel(self, place):
        """The pixel of a place on the canvas."""
        return self.view.navigator.to_view(QPointF(*place) if isinstance(place, tuple) else place)

    def title(self, key, dx=60.0):
        """A pixel in the title of a node."""
        return self.pixel(self.item(key).pos() + QPointF(dx, -15.0))

    def input(self, key, index=0):
        return self.pixel(self.item(key).input_place(index))

    def output(self, key, index=0):
        return self.pixel(self.item(key).output_place(index))

    def row(self, key, name, share=0.5):
        """A pixel in the row of a widget, ``share`` of its width from the left."""
        rect = self.item(key).row_of(name)
        place = QPointF(rect.left() + rect.width() * share, rect.center().y())
        return self.pixel(self.item(key).pos() + place)

    def send(self, kind, pixel, button=Qt.MouseButton.NoButton, held=None, modifiers=NONE):
        view = self.view.viewport()
        held = button if held is None else held
        if kind == QEvent.Type.MouseButtonRelease:
            held = Qt.MouseButton.NoButton
        shown = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else button
        place = QPointF(view.mapToGlobal(QPoint(0, 0))) + pixel
        event = QMouseEvent(kind, pixel, place, shown, held, modifiers)
        QApplication.sendEvent(view, event)

    def press(self, pixel, button=LEFT, modifiers=NONE):
        self.send(QEvent.Type.MouseButtonPress, pixel, button, modifiers=modifiers)

    def move(self, pixel, button=LEFT, modifiers=NONE):
        self.send(QEvent.Type.MouseMove, pixel, button, modifiers=modifiers)

    def release(self, pixel, button=LEFT, modifiers=NONE):
        self.send(QEvent.Type.MouseButtonRelease, pixel, button, modifiers=modifiers)

    def click(self, pixel, button=LEFT, modifiers=NONE):
        self.move(pixel, Qt.MouseButton.NoButton, modifiers)
        self.press(pixel, button, modifiers)
        self.release(pixel, button, modifiers)
        QTest.qWait(1)

    def double_click(self, pixel, modifiers=NONE):
        self.click(pixel, modifiers=modifiers)
        self.send(QEvent.Type.MouseButtonDblClick, pixel, LEFT, modifiers=modifiers)
        self.release(pixel, modifiers=modifiers)
        QTest.qWait(1)

    def drag(self, start, end, button=LEFT, modifiers=NONE, *, steps=4, release=True):
        """Press, move in steps, and release."""
        self.move(start, Qt.MouseButton.NoButton, modifiers)
        self.press(start, button, modifiers)
        for step in range(1, steps + 1):
            self.move(start + (end - start) * step / steps, button, modifiers)
        if release:
            self.release(end, button, modifiers)
        QTest.qWait(1)

    def key(self, key, modifiers=NONE):
        QTest.keyClick(self.view.viewport(), key, modifiers)
        QTest.qWait(1)

    def undo(self):
        self.document.undo_stack.undo()

    def redo(self):
        self.document.undo_stack.redo()
