"""Inputs and outputs of a subgraph edited; hosts in every graph keep links and values (U-195)."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from subgraph_tools import DEFINITIONS, apply_as_window, inside, kind_flow, nest, prompt_of
from workflow_tools import (
    Desk,
    content,
    definition,
    flow,
    node,
    out,
    read_sample,
    sample_names,
    slot,
    subgraph,
)

from app.engine.errors import SubgraphError
from app.engine.workflow import edits
from app.engine.workflow.bind import update_binding
from app.engine.workflow.edits.subgraphs import (
    add_input,
    add_output,
    demote,
    move_input,
    move_output,
    promote,
    remove_input,
    remove_output,
    rename_input,
    rename_output,
)
from app.engine.workflow.patch import apply_patch
from app.engine.workflow.promotion import with_hosts
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.subgraphs import breadcrumb, host_path, promotable_widgets

_THREE = definition(
    "Three",
    {
        "source": ["IMAGE"],
        "a": ["INT", {"default": 1}],
        "b": ["INT", {"default": 2}],
        "c": ["STRING", {"default": "c"}],
    },
    outputs=("IMAGE", "INT"),
)
_DEFS = {**DEFINITIONS, "Three": _THREE}


def _desk() -> Desk:
    """Return two hosts (10, 11) of one subgraph with inputs source, a, b, c and two outputs."""
    inner = node(
        5, "Three",
        inputs=[slot("source", "IMAGE", 1), *(slot(name, kind, link, widget={"name": name})
                for name, kind, link in (("a", "INT", 2), ("b", "INT", 3), ("c", "STRING", 4)))],
        outputs=[out("IMAGE", "IMAGE", (5,)), out("INT", "INT", (6,))],
        widgets_values=[1, 2, "c"],
    )  # fmt: skip
    sub = subgraph(
        "sub",
        [inner],
        [(1, -10, 0, 5, 0), (2, -10, 1, 5, 1), (3, -10, 2, 5, 2), (4, -10, 3, 5, 3),
         (5, 5, 0, -20, 0), (6, 5, 1, -20, 1)],
        (("source", "IMAGE"), ("a", "INT"), ("b", "INT"), ("c", "STRING")),
        (("IMAGE", "IMAGE"), ("INT", "INT")),
    )  # fmt: skip

    def host(number: int, values: list[object], links: tuple[int, int, int]):
        return node(
            number, "sub",
            inputs=[slot("source", "IMAGE", links[0]), slot("a", "INT", widget={"name": "a"}),
                    slot("b", "INT", widget={"name": "b"}),
                    slot("c", "STRING", widget={"name": "c"})],
            outputs=[out("IMAGE", "IMAGE", (links[1],)), out("INT", "INT", (links[2],))],
            widgets_values=values,
        )  # fmt: skip

    nodes = [
        node(1, "Load", outputs=[out("IMAGE", "IMAGE", (1, 2)), out("INT", "INT")]),
        host(10, [11, 12, "ten"], (1, 3, 4)),
        host(11, [21, 22, "eleven"], (2, 5, 6)),
        *(node(20 + i, "Use int", inputs=[slot("source", "IMAGE", 3 + 2 * i),
               slot("value", "INT", 4 + 2 * i, widget={"name": "value"})],
               outputs=[out("IMAGE", "IMAGE")], widgets_values=[0]) for i in range(2)),
    ]  # fmt: skip
    links = [
        [1, 1, 0, 10, 0, "IMAGE"], [2, 1, 0, 11, 0, "IMAGE"], [3, 10, 0, 20, 0, "IMAGE"],
        [4, 10, 1, 20, 1, "INT"], [5, 11, 0, 21, 0, "IMAGE"], [6, 11, 1, 21, 1, "INT"],
    ]  # fmt: skip
    return Desk(flow(nodes, links, definitions={"subgraphs": [sub]}), _DEFS)


def _values(desk: Desk, *hosts: str) -> list[dict[str, object]]:
    bound = desk.bind()
    return [{w.name: w.value for w in bound.nodes[key].widgets} for key in hosts]


_BOTH = ("10", "11")


def test_u195_moving_an_input_keeps_links_values_and_prompt():
    desk = _desk()
    before = prompt_of(desk)

    desk.do(move_input(*desk.both, 2, 0, subgraph="sub"))

    names = [item.name for item in desk.bound.nodes["10"].inputs]
    assert names == ["b", "source", "a", "c"]
    assert [slot["name"] for slot in desk.bound.nodes["10"].node.inputs] == names
    assert [w.name for w in desk.bound.nodes["10"].widgets] == ["b", "a", "c"]
    assert desk.bound.nodes["10"].node.raw["widgets_values"] == [12, 11, "ten"]
    assert prompt_of(desk) == before
    assert desk.workflow.root.links["1"].target_slot == 1
    assert desk.differences() == []


def test_u195_moving_an_output_keeps_links_and_prompt():
    desk = _desk()
    before = prompt_of(desk)

    desk.do(move_output(*desk.both, 0, 1, subgraph="sub"))

    assert [item.name for item in desk.bound.nodes["11"].outputs] == ["INT", "IMAGE"]
    assert prompt_of(desk) == before
    assert desk.differences() == []


def test_u195_removing_an_input_leaves_the_other_values_where_they_belong():
    desk = _desk()

    desk.do(remove_input(*desk.both, 1, subgraph="sub"))

    assert _values(desk, *_BOTH) == [{"b": 12, "c": "ten"}, {"b": 22, "c": "eleven"}]
    assert prompt_of(desk)["10:5"][1]["a"] == 1


def test_u195_removing_a_linked_input_and_an_output_removes_links_at_all_hosts():
    desk = _desk()

    desk.do(remove_input(*desk.both, 0, subgraph="sub"))
    desk.do(remove_output(*desk.both, 0, subgraph="sub"))

    prompt = prompt_of(desk)
    assert "source" not in prompt["10:5"][1]
    assert "source" not in prompt["20"][1]
    assert prompt["20"][1]["value"] == ("link", "10:5", 1)
    assert sorted(desk.workflow.root.links) == ["4", "6"]
    assert desk.differences() == []


def test_u196_a_value_that_all_hosts_agree_on_stays_inside_when_it_is_hidden():
    desk = _desk()
    for key in _BOTH:
        desk.do(edits.set_widget(*desk.both, key, "a", 99))

    desk.do(demote(*desk.both, [("5", "a")], subgraph="sub"))

    assert _values(desk, *_BOTH) == [{"b": 12, "c": "ten"}, {"b": 22, "c": "eleven"}]
    assert [prompt_of(desk)[f"{key}:5"][1]["a"] for key in _BOTH] == [99, 99]
    assert len(desk.workflow.subgraphs["sub"].raw["inputs"]) == 3


def test_u196_hidden_widgets_are_shown_again_with_the_inner_value():
    desk = _desk()
    desk.do(demote(*desk.both, [("5", "a"), ("5", "c")], subgraph="sub"))

    desk.do(promote(*desk.both, [("5", "c"), ("5", "a"), ("5", "b")], subgraph="sub"))

    assert _values(desk, *_BOTH) == [{"b": 12, "c": "c", "a": 1}, {"b": 22, "c": "c", "a": 1}]
    assert desk.differences() == []


def test_u196_one_of_two_widgets_behind_an_input_is_hidden_alone():
    desk = _desk()
    level = inside(desk, "sub")
    patch, extra = edits.add_node(*level.both, _THREE, (0, 400))
    level.do(patch)
    place = level.bound.nodes[extra].input_index("a")
    apply_as_window(level, edits.connect(*level.both, "-10", 1, extra, place))

    level.do(demote(*level.both, [("5", "a")]))

    assert _values(desk, *_BOTH) == [
        {"a": 11, "b": 12, "c": "ten"}, {"a": 21, "b": 22, "c": "eleven"},
    ]  # fmt: skip
    desk.bound = desk.bind()
    assert prompt_of(desk)[f"10:{extra}"][1]["a"] == 11
    assert prompt_of(desk)["10:5"][1]["a"] == 1


def test_u196_rows_of_the_widget_list():
    desk = _desk()
    desk.do(demote(*desk.both, [("5", "b")], subgraph="sub"))
    level = inside(desk, "sub")

    rows = promotable_widgets(level.bound)

    assert [(row.widget, row.input_index, row.reason) for row in rows] == [
        ("a", 1, ""), ("c", 2, ""), ("b", None, ""),
    ]  # fmt: skip


def test_u196_a_control_after_generate_cannot_be_promoted_and_says_so():
    desk = Desk(kind_flow("seed"), _DEFS)
    host = nest(desk, "2", 1)
    level = inside(desk, desk.bound.nodes[host].subgraph)

    row = next(r for r in promotable_widgets(level.bound) if r.widget == "control_after_generate")

    assert "no input socket" in row.reason
    with pytest.raises(SubgraphError, match="no input socket"):
        promote(*level.both, [("2", "control_after_generate")])


def test_u195_add_an_input_and_an_output_by_dragging_to_the_strips():
    desk = _desk()
    level = inside(desk, "sub")
    patch, load = edits.add_node(*level.both, DEFINITIONS["Use text"], (0, 400))
    level.do(patch)

    level.do(add_input(*level.both, load, 0))
    level.do(add_output(*level.both, load, 0))

    desk.bound = desk.bind()
    host = desk.bound.nodes["10"]
    assert [item.name for item in host.inputs] == ["source", "a", "b", "c", "source_1"]
    assert [item.name for item in host.outputs] == ["IMAGE", "INT", "IMAGE_1"]
    raw = desk.workflow.subgraphs["sub"].raw
    assert len(raw["inputs"][4]["linkIds"]) == len(raw["outputs"][2]["linkIds"]) == 1
    assert raw["inputNode"]["bounding"][3] == 5 * 20 + 40
    assert raw["inputs"][4]["pos"][1] == raw["inputNode"]["bounding"][1] + 20 + 4 * 20


def test_u195_slots_are_edited_inside_a_subgraph_only():
    desk = _desk()

    with pytest.raises(SubgraphError, match="inside a subgraph"):
        add_input(*desk.both, "20", 0)
    with pytest.raises(IndexError):
        remove_input(*desk.both, 9, subgraph="sub")


def test_u195_a_new_label_shows_on_hosts_that_have_none_of_their_own():
    desk = _desk()
    desk.do(edits.rename_slot(*desk.both, "11", 1, "mine"))

    desk.do(rename_input(*desk.both, 1, "Amount", subgraph="sub"))
    desk.do(rename_output(*desk.both, 0, "Picture", subgraph="sub"))

    labels = [desk.bound.nodes[key].inputs[1].label for key in _BOTH]
    assert labels == ["Amount", "mine"]
    assert desk.bound.nodes["10"].outputs[0].label == "Picture"
    desk.do(rename_input(*desk.both, 1, "", subgraph="sub"))
    assert desk.bound.nodes["10"].inputs[1].label == "a"
    assert _values(desk, "10") == [{"a": 11, "b": 12, "c": "ten"}]


def test_promoting_by_a_plain_link_gives_every_host_the_value():
    desk = _desk()
    level = inside(desk, "sub")
    apply_as_window(level, edits.disconnect_input(*level.both, "5", 1))
    assert _values(desk, *_BOTH) == [{"b": 12, "c": "ten"}, {"b": 22, "c": "eleven"}]

    apply_as_window(level, edits.connect(*level.both, "-10", 1, "5", 1))

    assert _values(desk, *_BOTH) == [
        {"a": 1, "b": 12, "c": "ten"}, {"a": 1, "b": 22, "c": "eleven"},
    ]  # fmt: skip


def test_removing_the_node_behind_a_promoted_widget_does_not_shift_values():
    desk = _desk()
    start = content(desk.workflow)
    level = inside(desk, "sub")
    patch, extra = edits.add_node(*level.both, _THREE, (0, 400))
    level.do(patch)
    level.do(promote(*level.both, [(extra, "c")]))
    level.do(move_input(*level.both, 4, 0))
    desk.bound = desk.bind()
    desk.do(edits.set_widget(*desk.both, "10", "c_1", "first"))

    level = Desk(desk.workflow, _DEFS, "sub")
    apply_as_window(level, edits.remove_nodes(*level.both, [extra]))

    assert _values(desk, *_BOTH) == [
        {"a": 11, "b": 12, "c": "ten"}, {"a": 21, "b": 22, "c": "eleven"},
    ]  # fmt: skip
    assert content(desk.workflow) != start


def test_an_edit_that_hosts_do_not_care_for_is_left_as_it_is():
    desk = _desk()
    level = inside(desk, "sub")
    move = edits.move_nodes(*level.both, {"5": (10.0, 20.0)})
    connect = edits.disconnect_input(*desk.both, "20", 0)

    assert with_hosts(desk.workflow, _DEFS, move) is move
    assert with_hosts(desk.workflow, _DEFS, connect) is connect


def test_a_change_two_levels_down_reaches_the_outermost_hosts():
    desk = Desk(kind_flow("text"), _DEFS)
    host = nest(desk, "2", 3)
    desk.do(edits.set_widget(*desk.both, host, "value", "kept"))
    kinds = list(desk.workflow.subgraphs)
    innermost = next(key for key in kinds if "2" in desk.workflow.subgraphs[key].nodes)
    level = inside(desk, innermost)
    patch, load = edits.add_node(*level.both, DEFINITIONS["Load"], (0, 300))
    level.do(patch)

    level.do(promote(*level.both, [(load, "amount")]))
    level.do(move_input(*level.both, 2, 0))

    desk.bound = desk.bind()
    assert desk.bound.nodes[host].widget("value").value == "kept"
    assert "kept" in [i.get("value") for _, i in prompt_of(desk).values()]
    again = Desk(read_workflow(content(desk.workflow)), _DEFS)
    assert prompt_of(again) == prompt_of(desk)


def test_proxy_widgets_become_inputs_when_slots_are_edited():
    desk = Desk(read_sample("adv_proxy_widgets"))
    before = prompt_of(desk)
    start = content(desk.workflow)
    (kind,) = desk.workflow.subgraphs

    desk.do(move_output(*desk.both, 0, 1, subgraph=kind))

    host = desk.bound.nodes["2"]
    assert [(item.name, item.widget) for item in host.inputs] == [
        ("clip", None), ("text", "text"), ("sampler_name", "sampler_name"),
    ]  # fmt: skip
    assert host.node.raw["widgets_values"] == ["host text", "ddim"]
    assert "proxyWidgets" not in host.node.properties
    aside = host.node.properties["proxyWidgetErrorQuarantine"]
    assert [(entry["originalEntry"], entry["reason"]) for entry in aside] == [
        (["99", "gone"], "missingSourceNode"),
        (["70", "no_widget"], "missingSourceNode"),
    ]
    assert prompt_of(desk) == before
    desk.undo()
    assert content(desk.workflow) == start


_WITH_PROXIES = [
    name
    for name in sample_names()
    if any(
        "proxyWidgets" in item.properties and item.type in workflow.subgraphs
        for workflow in [read_sample(name)]
        for graph in workflow.graphs()
        for item in graph.nodes.values()
    )
]


@pytest.mark.parametrize("name", _WITH_PROXIES)
def test_settling_the_proxy_widgets_of_a_sample_keeps_its_prompt(name):
    desk = Desk(read_sample(name))
    before = prompt_of(desk)
    start = content(desk.workflow)

    for kind in list(desk.workflow.subgraphs):
        count = len(desk.workflow.subgraphs[kind].raw.get("outputs") or [])
        if count:
            desk.do(move_output(*desk.both, 0, count - 1, subgraph=kind))
            desk.do(move_input(*desk.both, 0, 1, subgraph=kind))

    assert prompt_of(desk) == before
    assert desk.differences() == []
    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


class _Hand:
    """Makes random edits of the slots of random subgraphs; none of them changes the prompt."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)

    def edit(self) -> None:
        """Make one edit."""
        desk, chance = self.desk, self.chance
        kind = chance.choice(list(desk.workflow.subgraphs))
        raw = desk.workflow.subgraphs[kind].raw
        level = inside(desk, kind)
        inputs, outputs = len(raw.get("inputs") or []), len(raw.get("outputs") or [])
        rows = promotable_widgets(level.bound)
        hidden = [r for r in rows if r.input_index is None and not r.reason]
        name = chance.choice(["move_input", "move_output", "promote", "label"])
        if name == "move_input" and inputs:
            places = chance.randrange(inputs), chance.randrange(inputs)
            desk.do(move_input(*desk.both, *places, subgraph=kind))
        elif name == "move_output" and outputs:
            places = chance.randrange(outputs), chance.randrange(outputs)
            desk.do(move_output(*desk.both, *places, subgraph=kind))
        elif name == "promote" and hidden:
            row = chance.choice(hidden)
            desk.do(promote(*desk.both, [(row.node_key, row.widget)], subgraph=kind))
        elif inputs:
            index = chance.randrange(inputs)
            desk.do(rename_input(*desk.both, index, chance.choice(["", "L"]), subgraph=kind))


_WITH_SUBGRAPHS = [
    name
    for name in sample_names()
    if read_sample(name).subgraphs and name != "adv_recursive_subgraph"
]


@settings(max_examples=25, deadline=None)
@given(name=st.sampled_from(_WITH_SUBGRAPHS), seed=st.integers(0, 10_000))
def test_random_edits_of_slots_keep_the_prompt_and_undo_to_equal_bytes(name, seed):
    desk = Desk(read_sample(name))
    start = content(desk.workflow)
    before = prompt_of(desk)
    hand = _Hand(desk, seed)

    for _ in range(6):
        hand.edit()
        assert prompt_of(desk) == before
    assert desk.differences() == []

    while desk.inverses:
        desk.undo()
    assert content(desk.workflow) == start


def test_u193_the_breadcrumb_names_every_level():
    desk = Desk(kind_flow("int"), _DEFS)
    host = nest(desk, "2", 2)
    desk.do(edits.set_title(*desk.both, host, "Mine"))
    (inner,) = desk.workflow.subgraphs[desk.bound.nodes[host].subgraph].nodes

    levels = breadcrumb(desk.workflow, [host, inner])

    assert [(level.host_key, level.title) for level in levels] == [
        ("", ""), (host, "Mine"), (inner, "New Subgraph"),
    ]  # fmt: skip
    assert [level.graph_id for level in levels][1:] == [
        desk.bound.nodes[host].subgraph,
        desk.workflow.subgraphs[levels[1].graph_id].nodes[inner].type,
    ]
    assert host_path(desk.workflow, levels[2].graph_id) == (host, inner)
    assert host_path(desk.workflow, "nowhere") is None


def test_u193_a_path_that_an_undo_cut_short_gives_what_is_left():
    desk = Desk(kind_flow("int"), _DEFS)
    host = nest(desk, "2", 1)
    level = inside(desk, desk.bound.nodes[host].subgraph)
    inverse = [*desk.inverses]

    for patch in reversed(inverse):
        apply_patch(level.workflow, patch)
        change = update_binding(level.workflow, level.bound, level.definitions, patch)

    assert change.is_reset
    assert [item.graph_id for item in breadcrumb(level.workflow, [host])] == [""]
