"""Promoted widgets: every kind of widget, 1 to 3 levels deep, saved, copied, unpacked, run (U-196).

These are the cases in which the web editor loses values most often.
"""

from __future__ import annotations

import random

import pytest
from subgraph_tools import (
    DEFINITIONS,
    KINDS,
    inside,
    kind_flow,
    last_part,
    nest,
    prompt_of,
)
from workflow_tools import Desk, content, flow, node, subgraph

from app.engine.workflow import clipboard, edits
from app.engine.workflow.edits.subgraphs import move_input, promote, unpack_subgraph
from app.engine.workflow.reader import new_workflow, read_workflow
from app.engine.workflow.seeds import step_seeds

_LEVELS = (1, 2, 3)


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture(params=_LEVELS)
def levels(request):
    return request.param


def _nested(kind: str, levels: int) -> tuple[Desk, str]:
    desk = Desk(kind_flow(kind), DEFINITIONS)
    return desk, nest(desk, "2", levels)


def _hosts(desk: Desk, key: str) -> list[str]:
    """Return the keys of a host and of all hosts inside it."""
    keys = []
    graph = desk.workflow.root
    while graph.nodes[key].type in desk.workflow.subgraphs:
        keys.append(key)
        graph = desk.workflow.subgraphs[graph.nodes[key].type]
        key = next(iter(graph.nodes))
    return keys


def _inputs(desk: Desk) -> dict[str, object]:
    (inputs,) = [i for type_name, i in prompt_of(desk).values() if type_name.startswith("Use")]
    return inputs


def test_u196_promoting_keeps_the_prompt(kind, levels):
    before = prompt_of(Desk(kind_flow(kind), DEFINITIONS))

    desk, host = _nested(kind, levels)

    assert len(_hosts(desk, host)) == levels
    assert prompt_of(desk, last_part) == before
    assert desk.differences() == []


def test_u196_the_host_shows_the_widget_as_it_is_inside(kind, levels):
    plain = Desk(kind_flow(kind), DEFINITIONS).bound.nodes["2"].widget("value")

    desk, host = _nested(kind, levels)

    shown = desk.bound.nodes[host].widget("value")
    for name in ("type", "value", "default", "options", "choices", "label"):
        assert getattr(shown, name) == getattr(plain, name)


def test_u196_a_value_set_on_the_host_runs(kind, levels):
    desk, host = _nested(kind, levels)

    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))

    assert _inputs(desk)["value"] == KINDS[kind][3]


def test_u196_save_and_open_keep_the_value(kind, levels):
    desk, host = _nested(kind, levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))

    again = Desk(read_workflow(content(desk.workflow)), DEFINITIONS)

    assert content(again.workflow) == content(desk.workflow)
    assert again.bound.nodes[host].widget("value").value == KINDS[kind][3]
    assert prompt_of(again) == prompt_of(desk)


def test_u196_copies_have_values_of_their_own(kind, levels):
    desk, host = _nested(kind, levels)
    clip = clipboard.from_text(clipboard.to_text(clipboard.copy(*desk.both, [host])))
    patch, (copy,), _ = clipboard.paste(*desk.both, DEFINITIONS, clip, (0, 500))
    desk.do(patch)
    count = len(desk.workflow.subgraphs)

    desk.do(edits.set_widget(*desk.both, copy, "value", KINDS[kind][3]))

    values = [i["value"] for name, i in prompt_of(desk).values() if name.startswith("Use")]
    assert values == [KINDS[kind][2], KINDS[kind][3]]
    assert count == levels


def test_u196_a_copy_in_another_document_runs_with_its_value(kind, levels):
    desk, host = _nested(kind, levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))
    clip = clipboard.from_text(clipboard.to_text(clipboard.copy(*desk.both, [host])))
    other = Desk(new_workflow(), DEFINITIONS)

    patch, (copy,), _ = clipboard.paste(*other.both, DEFINITIONS, clip, (0, 0))
    other.do(patch)

    assert other.bound.nodes[copy].widget("value").value == KINDS[kind][3]
    assert _inputs(other)["value"] == KINDS[kind][3]


def test_u194_unpacking_level_by_level_keeps_prompt_and_values(kind, levels):
    desk, host = _nested(kind, levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))
    before = prompt_of(desk, last_part)

    for _ in range(levels):
        patch, (host,), _ = unpack_subgraph(*desk.both, host)
        desk.do(patch)
        assert prompt_of(desk, last_part) == before
        assert desk.differences() == []

    assert desk.bound.nodes[host].widget("value").value == KINDS[kind][3]
    assert desk.workflow.subgraphs == {}


def test_all_of_it_is_undone_to_equal_bytes(kind, levels):
    desk = Desk(kind_flow(kind), DEFINITIONS)
    start = content(desk.workflow)
    host = nest(desk, "2", levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))
    desk.do(unpack_subgraph(*desk.both, host)[0])

    while desk.inverses:
        desk.undo()

    assert content(desk.workflow) == start
    assert desk.differences() == []


def test_a_link_to_the_host_reaches_the_widget(levels):
    desk, host = _nested("int", levels)

    desk.do(edits.connect(*desk.both, "1", 1, host, desk.bound.nodes[host].input_index("value")))

    assert _inputs(desk)["value"] == ("link", "1", 1)
    assert desk.bound.nodes[host].widget("value").is_linked
    before = prompt_of(desk, last_part)
    desk.do(unpack_subgraph(*desk.both, host)[0])
    assert prompt_of(desk, last_part) == before


def test_w084_a_promoted_seed_steps_on_the_host(levels):
    desk, host = _nested("seed", levels)
    kind = desk.bound.nodes[_hosts(desk, host)[0]].subgraph
    for _ in range(levels - 1):
        level = inside(desk, kind)
        kind = next(n.subgraph for n in level.bound.nodes.values() if n.subgraph)
    innermost = inside(desk, kind)
    innermost.do(edits.set_widget(*innermost.both, "2", "control_after_generate", "increment"))
    desk.bound = desk.bind()

    desk.do(step_seeds(desk.workflow, DEFINITIONS, when="after", chance=random.Random(1)))

    assert desk.bound.nodes[host].widget("value").value == 43
    assert _inputs(desk)["value"] == 43


def test_two_hosts_keep_their_own_values_through_another_promotion():
    desk, host = _nested("int", 1)
    clip = clipboard.copy(*desk.both, [host])
    patch, (copy,), _ = clipboard.paste(*desk.both, DEFINITIONS, clip, (0, 500))
    desk.do(patch)
    desk.do(edits.set_widget(*desk.both, host, "value", 11))
    desk.do(edits.set_widget(*desk.both, copy, "value", 22))
    level = inside(desk, desk.bound.nodes[host].subgraph)

    patch, load = edits.add_node(*level.both, DEFINITIONS["Load"], (0, 300))
    level.do(patch)
    level.do(promote(*level.both, [(load, "amount")]))
    level.do(move_input(*level.both, 2, 0))
    desk.bound = desk.bind()

    shown = [[(w.name, w.value) for w in desk.bound.nodes[key].widgets] for key in (host, copy)]
    assert shown == [
        [("amount", 3), ("value", 11)],
        [("amount", 3), ("value", 22)],
    ]


def test_a_control_that_an_older_file_promoted_decides_how_the_seed_steps():
    inner = node(5, "Use seed", widgets_values=[1, "fixed"])
    host = node(
        9, "sub", widgets_values=[7, "increment"],
        properties={"proxyWidgets": [["5", "value"], ["5", "control_after_generate"]]},
    )  # fmt: skip
    workflow = flow([host], definitions={"subgraphs": [subgraph("sub", [inner], [])]})
    desk = Desk(workflow, DEFINITIONS)

    desk.do(step_seeds(desk.workflow, DEFINITIONS, when="after"))

    assert [w.value for w in desk.bound.nodes["9"].widgets] == [8, "increment"]
    level = inside(desk, "sub")
    patch, load = edits.add_node(*level.both, DEFINITIONS["Load"], (0, 300))
    level.do(patch)
    level.do(promote(*level.both, [(load, "amount")]))
    desk.bound = desk.bind()
    assert [w.value for w in desk.bound.nodes["9"].widgets] == [8, 3]
    assert inside(desk, "sub").bound.nodes["5"].widget("control_after_generate").value == (
        "increment"
    )
