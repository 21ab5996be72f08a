"""Random edits on every level of a document, those of subgraphs among them, undone and redone.

Subgraphs are made, entered, edited, copied, shown, hidden and unpacked between ordinary edits, as
an artist would in one sitting. Undoing all of it gives the first bytes back, redoing the last.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_edits_random import _Hand
from workflow_tools import Desk, content, raw_sample, sample_definitions, sample_names

from app.engine.errors import SubgraphError
from app.engine.workflow import clipboard, edits
from app.engine.workflow.edits import subgraphs as edit
from app.engine.workflow.model import ROOT, Workflow
from app.engine.workflow.patch import Patch, apply_patch
from app.engine.workflow.promotion import with_hosts
from app.engine.workflow.reader import build_workflow, new_workflow
from app.engine.workflow.subgraphs import is_host, promotable_widgets, recursion_reason
from app.engine.workflow.to_prompt import convert

_SAMPLES = [name for name in sample_names() if name.startswith("adv_")]
_MOST_NODES = 400
_STEPS = int(os.environ.get("EASEL_RANDOM_EDITS", "25"))


class _Sitting:
    """One artist at one document: a shown level, and a stack of what was done."""

    def __init__(self, workflow: Workflow, seed: int) -> None:
        self.workflow = workflow
        self.chance = random.Random(seed)
        self.done: list[Patch] = []
        self.kinds = Counter[str]()
        self.clip: dict[str, object] | None = None
        self._enter(ROOT)

    def _enter(self, graph_id: str) -> None:
        self.desk = Desk(self.workflow, graph_id=graph_id)
        self.desk.do = self._do  # type: ignore[method-assign]
        self.hand = _Hand(self.desk, self.chance.randrange(1 << 30))

    def _do(self, patch: Patch) -> None:
        full = with_hosts(self.workflow, self.desk.definitions, patch)
        self.done.append(apply_patch(self.workflow, full))
        if self.desk.graph_id not in (ROOT, *self.workflow.subgraphs):
            self._enter(ROOT)
        else:
            self.desk._follow(full)

    def step(self) -> None:
        """Make one edit, or go to another level."""
        ways = (self._ordinary, self._ordinary, self._go, self._pack, self._unpack, self._host,
                self._unique, self._words, self._add_slot, self._change_slot, self._promote,
                self._demote, self._convert, self._carry)  # fmt: skip
        way = self.chance.choice(ways)
        before = len(self.done)
        with suppress(SubgraphError):
            way()
        if len(self.done) > before:
            self.kinds[way.__name__] += 1
        assert self.desk.differences() == [], way.__name__

    @property
    def both(self):
        return self.desk.both

    def _small_enough(self) -> bool:
        graphs = list(self.workflow.graphs())
        return sum(len(graph.nodes) for graph in graphs) < _MOST_NODES

    def _nodes(self) -> list[str]:
        return [key for key, node in self.desk.bound.nodes.items() if not node.boundary]

    def _some(self) -> list[str]:
        nodes = self._nodes()
        return self.chance.sample(nodes, min(len(nodes), self.chance.randint(1, 4)))

    def _hosts(self) -> list[str]:
        nodes = self.desk.bound.nodes.items()
        return [key for key, node in nodes if is_host(self.workflow, node.node)]

    def _apply(self, patch: Patch) -> None:
        if patch:
            self.desk.do(patch)

    def _ordinary(self) -> None:
        if self._small_enough():
            self.hand.edit()

    def _go(self) -> None:
        self._enter(self.chance.choice([ROOT, *self.workflow.subgraphs]))

    def _pack(self) -> None:
        if self._nodes():
            self._apply(edit.create_subgraph(*self.both, self._some())[0])

    def _unpack(self) -> None:
        hosts = self._hosts()
        if hosts and self._small_enough():
            self._apply(edit.unpack_subgraph(*self.both, self.chance.choice(hosts))[0])

    def _host(self) -> None:
        kinds = [
            kind
            for kind in self.workflow.subgraphs
            if not recursion_reason(self.workflow, self.desk.graph_id, kind)
        ]
        if kinds and len(self._hosts()) < 3:
            self._apply(edit.add_host(*self.both, self.chance.choice(kinds), (7.0, 8.0))[0])

    def _unique(self) -> None:
        hosts = self._hosts()
        if hosts and self._small_enough():
            self._apply(edit.make_unique(*self.both, self.chance.choice(hosts))[0])

    def _words(self) -> None:
        if not self.workflow.subgraphs:
            return
        kind = self.chance.choice(list(self.workflow.subgraphs))
        if self.chance.random() < 0.5:
            self._apply(edit.rename_subgraph(self.workflow, kind, self.chance.choice("ABC")))
        else:
            words = self.chance.choice(["", "what it does"])
            self._apply(edit.describe_subgraph(self.workflow, kind, description=words))

    def _add_slot(self) -> None:
        if self.desk.graph_id == ROOT:
            return
        for key in self._some():
            node = self.desk.bound.nodes[key]
            if self.chance.random() < 0.5 and node.inputs:
                place = self.chance.randrange(len(node.inputs))
                self._apply(edit.add_input(*self.both, key, place))
            elif node.outputs:
                place = self.chance.randrange(len(node.outputs))
                self._apply(edit.add_output(*self.both, key, place))
            return

    def _change_slot(self) -> None:
        kinds = list(self.workflow.subgraphs)
        if not kinds:
            return
        kind = self.chance.choice(kinds)
        side = self.chance.choice(["input", "output"])
        count = len(self.workflow.subgraphs[kind].raw.get(f"{side}s") or [])
        if not count:
            return
        index = self.chance.randrange(count)
        way: Callable[..., Patch]
        if self.chance.random() < 0.4:
            way = edit.remove_input if side == "input" else edit.remove_output
            self._apply(way(*self.both, index, subgraph=kind))
        elif self.chance.random() < 0.5:
            way = edit.move_input if side == "input" else edit.move_output
            self._apply(way(*self.both, index, self.chance.randrange(count), subgraph=kind))
        else:
            way = edit.rename_input if side == "input" else edit.rename_output
            self._apply(way(*self.both, index, self.chance.choice(["", "L"]), subgraph=kind))

    def _widgets(self, *, shown: bool) -> tuple[str, list[tuple[str, str]]]:
        kind = self.chance.choice(list(self.workflow.subgraphs))
        bound = Desk(self.workflow, graph_id=kind).bound
        found = [
            (each.node_key, each.widget)
            for each in promotable_widgets(bound)
            if (each.input_index is not None) is shown and (shown or not each.reason)
        ]
        return kind, self.chance.sample(found, min(len(found), 2))

    def _promote(self) -> None:
        if self.workflow.subgraphs:
            kind, widgets = self._widgets(shown=False)
            self._apply(edit.promote(*self.both, widgets, subgraph=kind) if widgets else ())

    def _demote(self) -> None:
        if self.workflow.subgraphs:
            kind, widgets = self._widgets(shown=True)
            self._apply(edit.demote(*self.both, widgets, subgraph=kind) if widgets else ())

    def _convert(self) -> None:
        self._apply(edit.convert_group_nodes(*self.both))

    def _carry(self) -> None:
        """Copy on one level and paste on another."""
        if self.clip is None:
            if self._nodes():
                self.clip = clipboard.from_text(
                    clipboard.to_text(clipboard.copy(*self.both, self._some()))
                )
            return
        if self._small_enough():
            patch = clipboard.paste(*self.both, self.desk.definitions, self.clip, (1.0, 2.0))[0]
            self._apply(patch)
        self.clip = None

    def take_back(self) -> list[Patch]:
        """Undo everything; return the patches that do it again, the last one first."""
        again = [apply_patch(self.workflow, patch) for patch in reversed(self.done)]
        self.done.clear()
        return again


def _sit(workflow: Workflow, seed: int, count: int) -> Counter[str]:
    start = content(workflow)
    sitting = _Sitting(workflow, seed)
    for _ in range(count):
        sitting.step()
    end = content(workflow)
    convert(workflow, sample_definitions(), first_choice=True)
    assert content(workflow) == end

    again = sitting.take_back()
    assert content(workflow) == start
    for patch in reversed(again):
        sitting.done.append(apply_patch(workflow, patch))
    assert content(workflow) == end
    sitting.take_back()
    assert content(workflow) == start
    return sitting.kinds


@pytest.mark.parametrize("name", _SAMPLES)
def test_edits_on_all_levels_undo_to_the_first_bytes_and_redo_to_the_last(name):
    _sit(build_workflow(raw_sample(name)), seed=3, count=_STEPS)


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(_SAMPLES), seed=st.integers(0, 2**32))
def test_random_sittings_undo_to_the_first_bytes(name, seed):
    _sit(build_workflow(raw_sample(name)), seed, count=12)


def test_a_long_sitting_from_an_empty_workflow_makes_every_kind_of_edit():
    workflow = new_workflow()
    desk = Desk(workflow)
    for kind in ("CheckpointLoaderSimple", "CLIPTextEncode", "KSampler", "VAEDecode"):
        desk.do(edits.add_node(*desk.both, sample_definitions()[kind], (0, 0))[0])

    kinds = _sit(workflow, seed=5, count=250)

    wanted = {"_ordinary", "_pack", "_unpack", "_host", "_unique", "_words", "_add_slot",
              "_change_slot", "_promote", "_demote", "_carry"}  # fmt: skip
    assert wanted <= kinds.keys()


def test_a_definition_that_holds_itself_shows_its_new_name_inside():
    workflow = build_workflow(raw_sample("adv_recursive_subgraph"))
    (kind,) = workflow.subgraphs
    desk = Desk(workflow, graph_id=kind)
    start = content(workflow)

    desk.do(with_hosts(workflow, desk.definitions, edit.rename_subgraph(workflow, kind, "New")))

    assert [node.title for node in desk.bound.nodes.values() if node.subgraph] == ["New"]
    assert desk.differences() == []
    desk.undo()
    assert desk.differences() == []
    assert content(workflow) == start
