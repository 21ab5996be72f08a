"""Random edits: the binding follows, and undoing all of them gives the first bytes back."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_tools import (
    Desk,
    chain_problems,
    content,
    raw_sample,
    read_sample,
    sample_definitions,
)

from app.engine.workflow import clipboard, edits
from app.engine.workflow.model import ROOT
from app.engine.workflow.reader import build_workflow, new_workflow, read_workflow

_SAMPLES = [
    "adv_broken_links",
    "adv_bypass_mute",
    "adv_dict_and_unknown",
    "adv_double_link",
    "adv_duplicate_ids",
    "adv_group_node",
    "adv_huge_ids",
    "adv_missing_fields",
    "adv_primitives",
    "adv_proxy_widgets",
    "adv_reroutes",
    "adv_slot_order",
    "adv_subgraph_instances",
    "adv_version1",
    "adv_widget_types",
    "template_contact_sheet-step_1.app",
    "video_wan_vace_14B_ref2v",
]


class _Hand:
    """Makes random edits on a desk."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)

    def edit(self) -> None:
        """Make one random edit."""
        name = self.chance.choice(
            ["add", "special", "remove", "move", "resize", "connect", "connect", "connect",
             "cut", "cut_output", "widget", "widget", "title", "mode", "collapse", "colors",
             "property", "slot", "raise", "group", "reroute", "unroute", "move_reroute", "paste",
             "move_links", "regroup", "branch", "branch", "feed", "feed", "move_end", "pull_off"]
        )  # fmt: skip
        patch = getattr(self, f"_{name}")()
        if patch:
            self.desk.do(patch)

    def _nodes(self) -> list[str]:
        return [key for key, node in self.desk.bound.nodes.items() if not node.boundary]

    def _some(self) -> list[str]:
        nodes = self._nodes()
        return self.chance.sample(nodes, min(len(nodes), self.chance.randint(1, 3)))

    def _pos(self) -> tuple[float, float]:
        return (self.chance.uniform(-500, 500), float(self.chance.randint(-500, 500)))

    def _add(self):
        kind = self.chance.choice(sorted(sample_definitions()))
        return edits.add_node(*self.desk.both, sample_definitions()[kind], self._pos())[0]

    def _special(self):
        kind = self.chance.choice(["Note", "MarkdownNote", "Reroute", "PrimitiveNode"])
        return edits.add_special_node(*self.desk.both, kind, self._pos())[0]

    def _remove(self):
        keep = self.chance.random() < 0.5
        return edits.remove_nodes(*self.desk.both, self._some(), keep_links=keep)

    def _move(self):
        return edits.move_nodes(*self.desk.both, {key: self._pos() for key in self._some()})

    def _resize(self):
        for key in self._some():
            return edits.resize_node(*self.desk.both, key, (300.5, 200.0), self._pos())
        return ()

    def _connect(self):
        nodes = self.desk.bound.nodes
        ends = [(k, i) for k, n in nodes.items() for i in range(len(n.outputs))]
        if not ends:
            return ()
        origin, output = self.chance.choice(ends)
        kind = nodes[origin].outputs[output].type
        targets = [
            (key, place)
            for key in nodes
            if key != origin
            and (place := edits.first_fitting_input(self.desk.bound, kind, key)) is not None
        ]
        if not targets:
            return ()
        return edits.connect(*self.desk.both, origin, output, *self.chance.choice(targets))

    def _cut(self):
        links = list(self.desk.bound.links)
        return edits.remove_links(*self.desk.both, self.chance.sample(links, min(2, len(links))))

    def _cut_output(self):
        for key in self._some():
            if self.desk.bound.nodes[key].outputs:
                return edits.disconnect_output(*self.desk.both, key, 0)
        return ()

    def _widget(self):
        for key in self._some():
            widgets = self.desk.bound.nodes[key].widgets
            if widgets:
                widget = self.chance.choice(widgets)
                options = [1, 2.5, "text", True, None, [1, 2], *(widget.choices or ())[:3]]
                value = self.chance.choice(options)
                return edits.set_widget(*self.desk.both, key, widget.name, value)
        return ()

    def _title(self):
        for key in self._some():
            return edits.set_title(*self.desk.both, key, self.chance.choice([None, "A", "B"]))
        return ()

    def _mode(self):
        return edits.set_mode(*self.desk.both, self._some(), self.chance.choice([0, 2, 4]))

    def _collapse(self):
        is_on = self.chance.random() < 0.5
        if self.chance.random() < 0.5:
            return edits.set_pinned(*self.desk.both, self._some(), is_on)
        return edits.set_collapsed(*self.desk.both, self._some(), is_on)

    def _colors(self):
        color = self.chance.choice([None, "#123"])
        return edits.set_colors(*self.desk.both, self._some(), color, "#456")

    def _property(self):
        for key in self._some():
            return edits.set_property(*self.desk.both, key, "mine", self.chance.random())
        return ()

    def _slot(self):
        for key in self._some():
            if self.desk.bound.nodes[key].inputs:
                label = self.chance.choice([None, "renamed"])
                return edits.rename_slot(*self.desk.both, key, 0, label)
        return ()

    def _raise(self):
        return edits.raise_nodes(*self.desk.both, self._some())

    def _group(self):
        return edits.add_group(*self.desk.both, (*self._pos(), 300.0, 200.0), "Group")[0]

    def _regroup(self):
        groups = list(self.desk.workflow.graph(self.desk.graph_id).groups)
        if not groups:
            return ()
        key = self.chance.choice(groups)
        if self.chance.random() < 0.5:
            return edits.remove_groups(*self.desk.both, [key])
        box = (*self._pos(), 50.0, 60.0)
        return edits.set_group(*self.desk.both, key, title="G", bounding=box, color=None)

    def _reroute(self):
        links = list(self.desk.bound.links)
        if not links:
            return ()
        index = self.chance.choice([None, 0])
        link = self.chance.choice(links)
        return edits.add_reroute(*self.desk.both, link, self._pos(), index=index)[0]

    def _reroutes(self) -> list[str]:
        return list(self.desk.workflow.graph(self.desk.graph_id).reroutes)

    def _unroute(self):
        keys = self._reroutes()
        return edits.remove_reroutes(*self.desk.both, keys[:1])

    def _move_reroute(self):
        return edits.move_reroutes(*self.desk.both, {key: self._pos() for key in self._reroutes()})

    def _paste(self):
        graph = self.desk.workflow.graph(self.desk.graph_id)
        clip = clipboard.copy(*self.desk.both, self._some(), list(graph.groups)[:1])
        clip = clipboard.from_text(clipboard.to_text(clip))
        assert clip is not None
        keep = self.chance.random() < 0.5
        where = self._pos()
        return clipboard.paste(
            *self.desk.both, self.desk.definitions, clip, where, keep_inputs=keep
        )[0]

    def _targets(self, origin, output):
        kind = self.desk.bound.nodes[origin].outputs[output].type
        return [
            (key, place)
            for key in self.desk.bound.nodes
            if key != origin
            and (place := edits.first_fitting_input(self.desk.bound, kind, key)) is not None
        ]

    def _branch(self):
        """Lead a link from a reroute to an input that fits."""
        for reroute in self.chance.sample(self._reroutes(), len(self._reroutes())):
            source = edits.source_of_reroute(*self.desk.both, reroute)
            targets = source and self._targets(*source)
            if targets:
                end = self.chance.choice(targets)
                return edits.connect(*self.desk.both, *source, *end, parent=reroute)
        return ()

    def _feed(self):
        """Let a reroute come from any output, or from another reroute."""
        nodes = self.desk.bound.nodes
        ends = [(k, i) for k, n in nodes.items() for i in range(len(n.outputs))]
        if not ends or not self._reroutes():
            return ()
        reroute, parent = self.chance.choice(self._reroutes()), None
        source = self.chance.choice(ends)
        if self.chance.random() < 0.4:
            parent = self.chance.choice(self._reroutes())
            source = edits.source_of_reroute(*self.desk.both, parent)
        if source is None:
            return ()
        if any(item.node == source[0] for item in edits.fed_by_reroute(*self.desk.both, reroute)):
            return ()
        return edits.feed_reroute(*self.desk.both, reroute, *source, parent=parent)

    def _move_end(self):
        links = list(self.desk.bound.links)
        if not links:
            return ()
        link = self.chance.choice(links)
        moved = self.desk.bound.links[link]
        targets = self._targets(moved.origin, moved.origin_slot)
        return (
            edits.move_end(*self.desk.both, link, *self.chance.choice(targets)) if targets else ()
        )

    def _pull_off(self):
        links = list(self.desk.bound.links)
        keep = self.chance.choice(["output", "input"])
        chosen = self.chance.sample(links, min(1, len(links)))
        return edits.remove_links(*self.desk.both, chosen, keep=keep)

    def _move_links(self):
        nodes = self.desk.bound.nodes
        ends = [(k, i) for k, n in nodes.items() for i in range(len(n.outputs))]
        links = list(self.desk.bound.links)
        if not ends or not links:
            return ()
        return edits.move_links(*self.desk.both, links[:2], *self.chance.choice(ends))


def _walk(desk: Desk, seed: int, count: int) -> None:
    start = content(desk.workflow)
    hand = _Hand(desk, seed)
    for _ in range(count):
        hand.edit()
    assert desk.differences() == []
    edited = content(desk.workflow)
    done = len(desk.inverses)
    while desk.inverses:
        desk.undo()
    assert done
    assert desk.differences() == []
    assert content(desk.workflow) == start
    assert edited != start


@pytest.mark.parametrize("name", _SAMPLES)
def test_undoing_random_edits_gives_the_first_bytes_back(name):
    workflow = read_sample(name)
    for index, graph_id in enumerate([ROOT, *workflow.subgraphs]):
        _walk(Desk(workflow, graph_id=graph_id), seed=index, count=40)


@pytest.mark.parametrize("name", ["adv_reroutes", "adv_version1", "adv_primitives"])
def test_the_binding_equals_a_fresh_one_after_every_random_edit(name):
    desk = Desk(read_sample(name))
    hand = _Hand(desk, 7)
    for step in range(60):
        hand.edit()
        assert desk.differences() == [], step


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(5, 60))
def test_edits_from_an_empty_workflow_undo_to_the_start(seed, count):
    desk = Desk(new_workflow())
    desk.do(edits.add_special_node(*desk.both, "Note", (0, 0))[0])
    desk.inverses.clear()
    _walk_any(desk, seed, count)


def _walk_any(desk: Desk, seed: int, count: int) -> None:
    start = content(desk.workflow)
    hand = _Hand(desk, seed)
    for _ in range(count):
        hand.edit()
    assert desk.differences() == []
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start
    assert desk.differences() == []


def test_a_thousand_edits_undo_and_redo_to_the_same_bytes():
    raw = raw_sample("adv_subgraph_instances")
    desk = Desk(build_workflow(raw))
    start = content(desk.workflow)
    hand = _Hand(desk, 11)
    for _ in range(1000):
        hand.edit()
    end = content(desk.workflow)

    while desk.inverses:
        desk.undo()

    assert content(desk.workflow) == start
    assert end != start
    assert desk.differences() == []


_WITH_REROUTES = ["adv_reroutes", "adv_version1", "video_wan_vace_14B_ref2v"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", _WITH_REROUTES)
def test_u082_chains_of_reroutes_stay_whole_under_random_edits(name, seed):
    desk = Desk(read_sample(name))
    assert chain_problems(desk.workflow) == []
    start = content(desk.workflow)
    hand = _Hand(desk, seed)
    done = []
    for _ in range(3):
        patch = hand._reroute()
        if patch:
            desk.do(patch)
            done.append(patch)
    kinds = ["branch", "feed", "move_end", "pull_off", "reroute", "unroute", "cut", "cut_output",
             "move_links", "connect", "remove", "paste", "add"]  # fmt: skip
    for step in range(80):
        kind = hand.chance.choice(kinds)
        before = content(desk.workflow)
        patch = getattr(hand, f"_{kind}")()
        assert content(desk.workflow) == before, "a question changed the document"
        if patch:
            desk.do(patch)
            done.append(patch)
        assert chain_problems(desk.workflow) == [], (step, kind)
        assert desk.differences() == [], (step, kind)
    edited = content(desk.workflow)
    assert content(read_workflow(edited)) == edited
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start
    assert desk.differences() == []
    for patch in done:
        desk.do(patch)
    assert content(desk.workflow) == edited
