"""Definitions that travel with copied hosts: shared, renamed, refused (U-125, U-198)."""

from __future__ import annotations

import pytest
from subgraph_tools import DEFINITIONS, KINDS, inside, kind_flow, nest, prompt_of
from workflow_tools import Desk, content, flow, node, read_sample, subgraph

from app.engine.workflow import clipboard, edits
from app.engine.workflow.edits.subgraphs import rename_subgraph
from app.engine.workflow.reader import new_workflow, read_workflow


def _paste(desk: Desk, clip, **more) -> list[str]:
    patch, keys, _ = clipboard.paste(*desk.both, desk.definitions, clip, (0, 0), **more)
    desk.do(patch)
    return keys


def _clip(desk: Desk, *keys: str):
    return clipboard.from_text(clipboard.to_text(clipboard.copy(*desk.both, keys)))


def _nested(levels: int = 2) -> tuple[Desk, str]:
    desk = Desk(kind_flow("text"), DEFINITIONS)
    return desk, nest(desk, "2", levels)


def test_equal_definitions_are_shared_and_pasting_again_adds_none():
    desk, host = _nested()
    clip = _clip(desk, host)
    other = Desk(new_workflow(), DEFINITIONS)

    first = _paste(other, clip)
    second = _paste(other, clip)

    kinds = {other.bound.nodes[key].subgraph for key in (*first, *second)}
    assert len(kinds) == 1
    assert len(other.workflow.subgraphs) == 2


def test_a_change_deep_inside_gives_every_level_above_a_new_id():
    desk, host = _nested(3)
    clip = _clip(desk, host)
    outer = desk.bound.nodes[host].subgraph
    innermost = next(k for k, g in desk.workflow.subgraphs.items() if "2" in g.nodes)
    level = inside(desk, innermost)
    level.do(edits.set_widget(*level.both, "2", "value", "changed later"))
    desk.bound = desk.bind()

    (copy,) = _paste(desk, clip)

    assert desk.bound.nodes[copy].subgraph != outer
    assert len(desk.workflow.subgraphs) == 6
    desk.do(edits.set_widget(*desk.both, copy, "value", None))
    texts = {i["value"] for name, i in prompt_of(desk).values() if name == "Use text"}
    assert texts == {KINDS["text"][2]}


def test_a_definition_that_differs_is_found_again_by_its_content():
    desk, host = _nested()
    clip = _clip(desk, host)
    desk.do(rename_subgraph(desk.workflow, desk.bound.nodes[host].subgraph, "Other"))

    first = _paste(desk, clip)
    second = _paste(desk, clip)

    assert desk.bound.nodes[first[0]].subgraph == desk.bound.nodes[second[0]].subgraph
    assert len(desk.workflow.subgraphs) == 3


def test_undoing_a_paste_takes_the_definitions_away():
    desk, host = _nested()
    other = Desk(new_workflow(), DEFINITIONS)
    before = content(other.workflow)

    _paste(other, _clip(desk, host))
    other.undo()

    assert content(other.workflow) == before


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_subgraph_is_not_pasted_into_itself(levels):
    desk, host = _nested(levels)
    clip = _clip(desk, host, "1")
    outer = desk.bound.nodes[host].subgraph
    innermost = next(k for k, g in desk.workflow.subgraphs.items() if "2" in g.nodes)

    for kind in {outer, innermost}:
        level = inside(desk, kind)
        keys = _paste(level, clip)

        assert "cannot be pasted into" in clipboard.paste_problem(*level.both, clip)
        assert [level.bound.nodes[key].node.type for key in keys] == ["Load"]
        level.undo()
    assert clipboard.paste_problem(*desk.both, clip) == ""


def test_a_foreign_definition_that_holds_this_one_is_not_pasted_into_it():
    inner = subgraph("inner", [node(5, "Load")], [])
    outer = subgraph("outer", [node(6, "inner")], [])
    source = Desk(flow([node(1, "outer")], definitions={"subgraphs": [inner, outer]}), DEFINITIONS)
    target = Desk(flow([node(1, "inner")], definitions={"subgraphs": [inner]}), DEFINITIONS)
    level = inside(target, "inner")

    keys = _paste(level, _clip(source, "1"))

    assert keys == []
    assert set(target.workflow.subgraphs) == {"inner"}


@pytest.mark.parametrize(
    ("source_mark", "target_mark"), [("Vue", "LG"), ("LG", "Vue"), (None, "Vue")]
)
def test_definitions_keep_their_sizes_between_scaled_and_plain_documents(source_mark, target_mark):
    inner = subgraph("inner", [node(5, "Load", pos=[120, 240]), node(6, "Load", pos=[0, 0])], [])
    extra = {} if source_mark is None else {"workflowRendererVersion": source_mark}
    raw = flow([node(1, "inner")], definitions={"subgraphs": [inner]}, extra=extra)
    source = Desk(raw, DEFINITIONS)
    shown = {key: item.pos for key, item in raw.subgraphs["inner"].nodes.items()}
    marked = {"workflowRendererVersion": target_mark}
    target = Desk(flow([node(9, "Load")], extra=marked), DEFINITIONS)

    _paste(target, _clip(source, "1"))

    again = read_workflow(content(target.workflow))
    for workflow in (target.workflow, again):
        assert {k: n.pos for k, n in workflow.subgraphs["inner"].nodes.items()} == shown


def test_hosts_of_a_real_file_run_the_same_in_another_document():
    source = Desk(read_sample("flux1_dev_uso_reference_image_gen"))
    hosts = [key for key, item in source.bound.nodes.items() if item.subgraph]
    other = Desk(new_workflow())

    keys = _paste(other, _clip(source, *hosts))

    def values(desk: Desk, names: list[str]):
        return [[(w.name, w.value) for w in desk.bound.nodes[key].widgets] for key in names]

    order = [key for key in source.workflow.root.nodes if key in hosts]
    assert values(other, keys) == values(source, order)
