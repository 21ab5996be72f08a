"""Random gestures: the canvas shows what the document holds, and the file survives them."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from canvas_hands import ALT, CTRL, NONE, RIGHT, SHIFT, TYPES, Canvas, raw_node, raw_workflow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.writer import serialize, snapshot
from app.ui.canvas.group_item import GroupItem
from app.ui.canvas.link_routes import middle
from app.ui.canvas.node_item import NodeItem
from app.ui.canvas.reroute_item import SIDE_DISTANCE, RerouteItem
from app.ui.canvas.selection import Selection

NODES = [
    raw_node(1, "Loader", (60, 80), values=["a.png"]),
    raw_node(2, "Filter", (400, 60), values=[4]),
    raw_node(3, "Filter", (400, 260), values=[4]),
    raw_node(4, "Viewer", (760, 80), (160, 60)),
    raw_node(5, "Loader", (60, 380), values=["b.png"]),
    raw_node(6, "Sampler", (760, 300), values=[20]),
]
LINKS = [(1, 1, 2, 0, "IMAGE"), (2, 0, 4, 0, "IMAGE"), (1, 0, 6, 0, "MODEL")]
EMPTY = QPointF(1100, 740)


class Hand:
    """Makes gestures out of numbers; what does not fit the moment does nothing."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.done: Counter[str] = Counter()

    def act(self, name: str, first: int, second: int) -> None:
        """Make one gesture."""
        self.done[name] += 1
        getattr(self, name)(first, second)
        self.canvas.view.clear_loose_link()

    def pick(self, items, number):
        """One of some things, or None when there are none."""
        found = list(items)
        return found[number % len(found)] if found else None

    def place(self, first, second):
        """A pixel of the view."""
        return QPointF(40 + first * 97 % 1080, 60 + second * 61 % 660)

    def output(self, number):
        nodes = [key for key, node in self.canvas.bound.nodes.items() if node.outputs]
        key = self.pick(nodes, number)
        if key is None:
            return None
        return self.canvas.output(key, number % len(self.canvas.bound.nodes[key].outputs))

    def input(self, number):
        sockets = [
            (key, index)
            for key, node in self.canvas.bound.nodes.items()
            for index, slot in enumerate(node.inputs)
            if slot.widget is None
        ]
        end = self.pick(sockets, number)
        return None if end is None else self.canvas.input(*end)

    def reroute(self, number, side=0):
        item = self.pick(self.canvas.scene.reroutes.values(), number)
        if item is None:
            return None
        return self.canvas.pixel(item.pos() + QPointF(side * SIDE_DISTANCE, 0.0))

    def link(self, number):
        key = self.pick(self.canvas.bound.links, number)
        if key is None or not self.canvas.scene.links.item.has_link(key):
            return None
        return self.canvas.pixel(middle(self.canvas.scene.links.item.curves(key)))

    def drag(self, start, end, modifiers=NONE):
        if start is not None and end is not None:
            self.canvas.drag(start, end, modifiers=modifiers, steps=3)

    def add(self, first, second):
        kind = self.pick(TYPES.values(), first)
        place = self.canvas.view.navigator.to_scene(self.place(first, second))
        self.canvas.view.actions.add_node(kind, place)

    def connect(self, first, second):
        self.drag(self.output(first), self.input(second))

    def connect_back(self, first, second):
        self.drag(self.input(first), self.output(second), SHIFT if second % 3 == 0 else NONE)

    def move_all_links(self, first, second):
        self.drag(self.output(first), self.output(second), SHIFT)

    def move_end(self, first, second):
        self.drag(self.input(first), self.input(second))

    def pull_off(self, first, second):
        self.drag(self.input(first), EMPTY)

    def put_reroute(self, first, second):
        start = self.link(first)
        if start is not None:
            self.drag(start, start + QPointF(second % 60 - 30, 50 + second % 40), ALT)

    def move_reroute(self, first, second):
        start = self.reroute(first)
        self.drag(start, self.place(first, second))

    def branch(self, first, second):
        self.drag(
            self.reroute(first, second % 2), self.input(second), NONE if second % 2 else SHIFT
        )

    def feed(self, first, second):
        self.drag(self.reroute(first, -1), self.output(second))

    def drop_on_reroute(self, first, second):
        self.drag(self.output(first) if second % 2 else self.input(first), self.reroute(second))

    def join_reroutes(self, first, second):
        self.drag(self.reroute(first, 1), self.reroute(second))

    def cut(self, first, second):
        middle_of_link = self.link(first)
        if middle_of_link is not None:
            away = QPointF(5, 40)
            self.drag(middle_of_link - away, middle_of_link + away, ALT | SHIFT)

    def select(self, first, second):
        scene = self.canvas.scene
        nodes = [key for number, key in enumerate(scene.nodes) if (number + first) % 3 == 0]
        reroutes = [key for number, key in enumerate(scene.reroutes) if (number + second) % 2]
        scene.select(Selection.of(nodes, (), reroutes))

    def marquee(self, first, second):
        self.drag(EMPTY, self.place(first, second), CTRL)

    def delete(self, first, second):
        self.canvas.view.actions.keeps_links = bool(second % 2)
        if len(self.canvas.scene.selection.nodes) < 4:
            self.canvas.view.actions.delete()

    def undo(self, first, second):
        for _ in range(first % 3 + 1):
            self.canvas.undo()

    def redo(self, first, second):
        for _ in range(first % 3 + 1):
            self.canvas.redo()

    def group(self, first, second):
        self.canvas.view.actions.group_selection()

    def bypass(self, first, second):
        (self.canvas.view.actions.bypass if first % 2 else self.canvas.view.actions.mute)()

    def collapse(self, first, second):
        self.canvas.view.actions.collapse()

    def duplicate(self, first, second):
        if len(self.canvas.scene.nodes) < 30:
            self.canvas.view.actions.duplicate(keep_inputs=bool(second % 2))

    def move_node(self, first, second):
        key = self.pick(self.canvas.scene.nodes, first)
        if key is not None:
            self.drag(
                self.canvas.title(key), self.place(first, second), ALT if second % 5 == 0 else NONE
            )

    def cancel(self, first, second):
        start, end = self.output(first), self.place(first, second)
        if start is not None:
            self.canvas.drag(start, end, release=False)
            self.canvas.key(Qt.Key.Key_Escape)
            self.canvas.release(end)

    def second_button(self, first, second):
        start = self.output(first)
        if start is not None:
            self.canvas.drag(start, self.place(first, second), release=False)
            self.canvas.press(self.place(first, second), RIGHT)
            self.canvas.release(self.place(first, second))


GESTURES = [
    name
    for name, value in vars(Hand).items()
    if callable(value)
    and not name.startswith("_")
    and name not in ("act", "pick", "place", "output", "input", "reroute", "link", "drag")
]


def problems(canvas: Canvas) -> list[str]:
    """Return how the canvas differs from its document; empty when it does not."""
    document, scene = canvas.document, canvas.scene
    graph, bound, found = document.graph, canvas.bound, []
    fresh = bind_graph(document.workflow, graph, document.definitions)
    if fresh.links != bound.links:
        found.append(f"binding: {fresh.links} not {bound.links}")
    for name, shown, stored in (
        ("nodes", scene.nodes, bound.nodes),
        ("reroutes", scene.reroutes, graph.reroutes),
        ("groups", scene.groups, graph.groups),
    ):
        if shown.keys() != stored.keys():
            found.append(f"{name}: {list(shown)} not {list(stored)}")
    kinds = Counter(type(item).__name__ for item in scene.items())
    for kind, count in (
        (NodeItem, len(bound.nodes)), (RerouteItem, len(graph.reroutes)),
        (GroupItem, len(graph.groups)),
    ):  # fmt: skip
        if kinds[kind.__name__] != count:
            found.append(f"{kinds[kind.__name__]} {kind.__name__}, not {count}")
    if kinds["DragLinkItem"] or kinds["QGraphicsPathItem"] or kinds["QGraphicsPixmapItem"]:
        found.append(f"left behind: {kinds}")
    for key, item in scene.nodes.items():
        if item.pos().toTuple() != bound.nodes[key].node.pos:
            found.append(f"node {key} is shown at {item.pos()}")
    for key, item in scene.reroutes.items():
        if item.pos().toTuple() != graph.reroutes[key].pos:
            found.append(f"reroute {key} is shown at {item.pos()}")
    found += _link_problems(canvas)
    chosen = scene.selection
    if not (chosen.nodes.keys() <= scene.nodes.keys()):
        found.append(f"selected: {list(chosen.nodes)}")
    if not (chosen.reroutes.keys() <= scene.reroutes.keys()):
        found.append(f"selected: {list(chosen.reroutes)}")
    return found


def _link_problems(canvas: Canvas) -> list[str]:
    scene, bound, graph = canvas.scene, canvas.bound, canvas.document.graph
    item, found = scene.links.item, []
    for key, link in bound.links.items():
        if not item.has_link(key):
            found.append(f"link {key} is not drawn")
            continue
        curves = item.curves(key)
        ends = (
            scene.nodes[link.origin].link_end(link.origin_slot, is_output=True),
            scene.nodes[link.target].link_end(link.target_input, is_output=False),
        )
        if curves[0][:2] != pytest.approx(ends[0]) or curves[-1][6:] != pytest.approx(ends[1]):
            found.append(f"link {key} runs {curves}, not {ends}")
        stops = [curve[6:] for curve in curves[:-1]]
        if stops != [scene.reroutes[name].pos().toTuple() for name in link.reroutes]:
            found.append(f"link {key} runs by {stops}")
    drawn = {key for key in item._numbers if not key.startswith("floating:")}
    if not drawn <= set(bound.links):
        found.append(f"drawn but gone: {drawn - set(bound.links)}")
    floating = {key for key in item._numbers if key.startswith("floating:")}
    if floating != {f"floating:{key}" for key in graph.floating_links}:
        found.append(f"floating: {floating} not {list(graph.floating_links)}")
    users = {name for link in bound.links.values() for name in link.reroutes}
    for link in graph.floating_links.values():
        at = link.parent_id
        while at is not None:
            users.add(at)
            at = graph.reroutes[at].parent_id
    if set(graph.reroutes) != users:
        found.append(f"of no use: {set(graph.reroutes) - users}")
    return found


def content(canvas: Canvas) -> bytes:
    return serialize(snapshot(canvas.document.workflow))


_STEPS = st.lists(
    st.tuples(st.sampled_from(GESTURES), st.integers(0, 60), st.integers(0, 60)),
    min_size=5,
    max_size=25,
)


@pytest.mark.parametrize("version", [0.4, 1])
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_STEPS)
def test_random_gestures_leave_canvas_document_and_file_as_one(qtbot, fonts, version, steps):
    raw = raw_workflow(NODES, LINKS)
    if version == 1:
        names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
        raw["links"] = [dict(zip(names, link, strict=True)) for link in raw["links"]]
        raw["version"] = 1
    canvas = Canvas(qtbot, raw)
    start = content(canvas)
    hand = Hand(canvas)
    try:
        for number, (name, first, second) in enumerate(steps):
            hand.act(name, first, second)
            assert problems(canvas) == [], (number, name)
        saved = content(canvas)
        assert serialize(snapshot(read_workflow(saved))) == saved
        reached = canvas.document.undo_stack.index()
        while canvas.document.undo_stack.canUndo():
            canvas.undo()
        assert problems(canvas) == []
        assert json.loads(content(canvas)) == json.loads(start)
        while canvas.document.undo_stack.index() < reached:
            canvas.redo()
        assert problems(canvas) == []
        assert json.loads(content(canvas)) == json.loads(saved)
    finally:
        canvas.view.hide()
