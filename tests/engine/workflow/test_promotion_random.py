"""Ordinary edits inside a subgraph, applied as the window does: hosts keep up, undo is exact."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subgraph_tools import inside
from test_edits_random import _Hand
from workflow_tools import Desk, content, read_sample, sample_names

from app.engine.workflow import edits
from app.engine.workflow.patch import apply_patch
from app.engine.workflow.promotion import with_hosts
from app.engine.workflow.subgraphs import hosts_of

_SAMPLES = [
    name
    for name in sample_names()
    if read_sample(name).subgraphs and name != "adv_recursive_subgraph"
]


def _shown(desk: Desk, subgraph: str, *, stored: bool = False) -> list[dict[str, object]]:
    """Return the values that hosts in the root show, by input identity.

    With ``stored`` only those that the file holds: others follow the widget inside.
    """
    slots = desk.workflow.subgraphs[subgraph].raw.get("inputs") or []
    ids = {slot["name"]: slot.get("id") for slot in slots}
    bound = desk.bind()
    shown = []
    for graph, item in hosts_of(desk.workflow, subgraph):
        values = item.raw.get("widgets_values") or []
        if graph is desk.workflow.root:
            shown.append(
                {
                    str(ids[w.name]): w.value
                    for w in bound.nodes[item.key].widgets
                    if w.name in ids
                    and (not stored or (w.slot < len(values) and values[w.slot] is not None))
                }
            )
    return shown


@settings(max_examples=30, deadline=None)
@given(name=st.sampled_from(_SAMPLES), seed=st.integers(0, 10_000), which=st.integers(0, 3))
def test_hosts_keep_values_while_their_subgraph_is_edited_at_random(name, seed, which):
    root = Desk(read_sample(name))
    kinds = list(root.workflow.subgraphs)
    kind = kinds[which % len(kinds)]
    start = content(root.workflow)
    level = inside(root, kind)
    hand = _Hand(level, seed)
    level.do = lambda patch: Desk.do(level, with_hosts(level.workflow, level.definitions, patch))
    before = _shown(root, kind, stored=True)

    for _ in range(8):
        hand.edit()
        # A widget that is hidden for a while comes back with the value it has inside.
        now = _shown(root, kind)
        before = [
            {key: value for key, value in old.items() if key in new}
            for old, new in zip(before, now, strict=True)
        ]
        assert [
            {key: new[key] for key in old} for old, new in zip(before, now, strict=True)
        ] == before

    assert level.differences() == []
    while level.inverses:
        level.undo()
    assert content(level.workflow) == start


@pytest.mark.parametrize("name", _SAMPLES)
def test_completing_an_edit_never_changes_the_document_itself(name):
    desk = Desk(read_sample(name))
    start = content(desk.workflow)

    for kind, graph in desk.workflow.subgraphs.items():
        level = inside(desk, kind)
        keys = list(graph.nodes)[:1]
        patch = with_hosts(desk.workflow, desk.definitions, edits.remove_nodes(*level.both, keys))
        assert content(desk.workflow) == start
        inverse = apply_patch(desk.workflow, patch)
        apply_patch(desk.workflow, inverse)
        assert content(desk.workflow) == start
