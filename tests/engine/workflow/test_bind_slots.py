"""Slots, links and widgets of nodes from files (workflow-format chapters 2 and 3)."""

from __future__ import annotations

import json

import pytest
from workflow_tools import Desk, definition, flow, node, out, read_sample, slot, subgraph

from app.engine.workflow.binding import WidgetRole
from app.engine.workflow.reader import read_workflow

_SOURCE = definition("Source", outputs=("IMAGE", "MASK"))
_SINK = definition(
    "Sink",
    {"image": ["IMAGE"], "amount": ["INT", {"default": 3}], "mask": ["MASK"]},
    {"mode": [["a", "b"]]},
)
_ALL = {"Source": _SOURCE, "Sink": _SINK}


def _values(desk: Desk, key: str) -> dict:
    return {widget.name: widget.value for widget in desk.bound.nodes[key].widgets}


def _fed_by(desk: Desk, key: str) -> dict:
    bound = desk.bound
    return {
        item.name: (bound.links[item.link].origin, bound.links[item.link].origin_slot)
        for item in bound.nodes[key].inputs
        if item.link is not None
    }


def test_stored_slots_merge_by_name_and_unknown_ones_follow():
    stored = [slot("gone", "LATENT"), slot("mask", "MASK", label="renamed"), slot("image", "IMAGE")]
    desk = Desk(flow([node(1, "Sink", inputs=stored)]), _ALL)

    inputs = desk.bound.nodes["1"].inputs

    assert [(item.name, item.stored) for item in inputs] == [
        ("image", 2), ("mask", 1), ("amount", None), ("mode", None), ("gone", 0),
    ]  # fmt: skip
    assert inputs[1].label == "renamed"
    assert [item.name for item in desk.bound.nodes["1"].sockets] == ["image", "mask", "gone"]


def test_outputs_merge_by_position_and_surplus_ones_stay():
    stored = [out("other"), out("MASK"), out("extra", "LATENT")]
    desk = Desk(flow([node(1, "Source", outputs=stored)]), _ALL)

    assert [(item.name, item.type) for item in desk.bound.nodes["1"].outputs] == [
        ("IMAGE", "IMAGE"), ("MASK", "MASK"), ("extra", "LATENT"),
    ]  # fmt: skip


def test_links_attach_by_name_whatever_the_slot_number_says():
    stored = [slot("mask", "MASK", 8), slot("image", "IMAGE", 7)]
    links = [[7, 1, 0, 2, 0, "IMAGE"], [8, 1, 1, 2, 0, "MASK"]]
    desk = Desk(flow([node(1, "Source"), node(2, "Sink", inputs=stored)], links), _ALL)

    assert _fed_by(desk, "2") == {"image": ("1", 0), "mask": ("1", 1)}


def test_a_link_that_no_slot_names_takes_its_number_if_free():
    links = [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 1, 2, 0, "MASK"], [3, 1, 1, 2, 1, "MASK"],
             [4, 1, 0, 2, 99, "IMAGE"]]  # fmt: skip
    desk = Desk(flow([node(1, "Source"), node(2, "Sink")], links), _ALL)

    assert _fed_by(desk, "2") == {"image": ("1", 0), "mask": ("1", 1)}
    assert set(desk.bound.links) == {"1", "3"}


def test_of_two_links_the_one_that_the_slot_names_wins():
    stored = [slot("image", "IMAGE", 2)]
    links = [[1, 1, 0, 3, 0, "IMAGE"], [2, 2, 0, 3, 0, "IMAGE"]]
    nodes = [node(1, "Source"), node(2, "Source"), node(3, "Sink", inputs=stored)]

    assert _fed_by(Desk(flow(nodes, links), _ALL), "3") == {"image": ("2", 0)}


@pytest.mark.parametrize(
    "link",
    [
        None,
        7,
        [],
        [1],
        [1, 1, 0, 99, 0, "IMAGE"],
        [1, 99, 0, 2, 0, "IMAGE"],
        [1, 1, 9, 2, 0, "IMAGE"],
        [1, 1, -1, 2, 0, "IMAGE"],
        [1, None, None, None, None, None],
        {"id": 1},
        {"id": 1, "origin_id": 1, "origin_slot": "x", "target_id": 2, "target_slot": 0},
    ],
    ids=str,
)
def test_a_broken_link_has_no_effect_and_stays_in_the_file(link):
    workflow = flow([node(1, "Source"), node(2, "Sink")], [link])

    assert Desk(workflow, _ALL).bound.links == {}
    assert workflow.raw["links"] == [link]


def test_slot_numbers_may_be_text_and_ids_compare_as_text():
    links = [{"id": "5", "origin_id": "1", "origin_slot": "1", "target_id": 2.0,
              "target_slot": "1", "type": "MASK"}]  # fmt: skip

    assert _fed_by(Desk(flow([node(1, "Source"), node("2", "Sink")], links), _ALL), "2") == {
        "mask": ("1", 1)
    }


def test_of_duplicate_ids_the_first_keeps_id_and_links():
    links = [[1, 1, 0, 2, 0, "IMAGE"]]
    nodes = [node(1, "Source"), node(2, "Sink"), node(2, "Sink")]
    workflow = flow(nodes, links, last_node_id=7)
    desk = Desk(workflow, _ALL)

    assert list(desk.bound.nodes) == ["1", "2", "8"]
    assert _fed_by(desk, "2") == {"image": ("1", 0)}
    assert _fed_by(desk, "8") == {}
    assert workflow.root.nodes["8"].raw["id"] == 2


def test_a_duplicate_inside_a_definition_is_not_shown():
    inner = subgraph("s", [node(1, "Source"), node(1, "Sink")], [])
    workflow = flow([], definitions={"subgraphs": [inner]})

    assert list(workflow.subgraphs["s"].nodes) == ["1"]


def test_widget_values_fill_in_order_and_missing_ones_keep_defaults():
    desk = Desk(flow([node(1, "Sink", widgets_values=[9]), node(2, "Sink")]), _ALL)

    assert _values(desk, "1") == {"amount": 9, "mode": "a"}
    assert _values(desk, "2") == {"amount": 3, "mode": "a"}


def test_values_of_the_wrong_type_stay_and_null_takes_the_first_choice():
    desk = Desk(flow([node(1, "Sink", widgets_values=["many", None])]), _ALL)

    assert _values(desk, "1") == {"amount": "many", "mode": "a"}


@pytest.mark.parametrize(
    ("stored", "slots"),
    [
        ({"mode": "b", "amount": 5}, ["amount", "mode"]),
        ({"0": 5, "1": "b", "length": 2}, ["0", "1"]),
        ([5, "b", "surplus"], [0, 1]),
    ],
)
def test_values_as_list_object_and_numbered_object(stored, slots):
    desk = Desk(flow([node(1, "Sink", widgets_values=stored)]), _ALL)

    assert _values(desk, "1") == {"amount": 5, "mode": "b"}
    assert [widget.slot for widget in desk.bound.nodes["1"].widgets] == slots


def test_old_entries_of_forced_inputs_are_passed_over():
    forced = definition(
        "Forced",
        {"a": ["INT"], "b": ["INT", {"forceInput": True}], "c": ["INT"]},
    )
    nodes = [node(1, "Forced", widgets_values=[1, 2, 3]), node(2, "Forced", widgets_values=[1, 3])]
    desk = Desk(flow(nodes), {"Forced": forced})

    assert _values(desk, "1") == {"a": 1, "c": 3}
    assert _values(desk, "2") == {"a": 1, "c": 3}
    assert [widget.slot for widget in desk.bound.nodes["1"].widgets] == [0, 2]


@pytest.mark.parametrize(
    ("option", "name", "default"),
    [
        ({"control_after_generate": True}, "control_after_generate", "randomize"),
        ({"control_after_generate": "increment"}, "control_after_generate", "increment"),
        ({"control_after_generate": "step"}, "step", "randomize"),
        (
            {"control_after_generate": True, "control_prefix": "noise"},
            "noise control_after_generate",
            "randomize",
        ),
    ],
)
def test_control_widgets_follow_their_number(option, name, default):
    seeded = definition("Seeded", {"n": ["INT", option], "after": ["INT"]})
    desk = Desk(flow([node(1, "Seeded")]), {"Seeded": seeded})

    shown = desk.bound.nodes["1"].widgets

    assert [(w.name, w.role, w.is_sent) for w in shown] == [
        ("n", WidgetRole.VALUE, True),
        (name, WidgetRole.CONTROL, False),
        ("after", WidgetRole.VALUE, True),
    ]
    assert shown[1].value == default


def test_a_seed_without_the_option_has_a_control_and_one_with_false_has_none():
    nodes = {
        "Named": definition("Named", {"seed": ["INT", {}]}),
        "Off": definition("Off", {"seed": ["INT", {"control_after_generate": False}]}),
    }
    desk = Desk(flow([node(1, "Named"), node(2, "Off")]), nodes)

    assert [w.name for w in desk.bound.nodes["1"].widgets] == ["seed", "control_after_generate"]
    assert [w.name for w in desk.bound.nodes["2"].widgets] == ["seed"]


def test_a_dynamic_combo_brings_the_widgets_of_its_option():
    sizes = definition(
        "Sizes",
        {
            "how": [
                "COMFY_DYNAMICCOMBO_V3",
                {
                    "options": [
                        {"key": "by", "inputs": {"required": {"factor": ["FLOAT"]}}},
                        {
                            "key": "to",
                            "inputs": {
                                "required": {"width": ["INT"], "match": ["IMAGE"]},
                                "optional": {"height": ["INT"]},
                            },
                        },
                    ]
                },
            ],
            "last": ["INT"],
        },
    )
    desk = Desk(flow([node(1, "Sizes", widgets_values=["to", 640, 480, 7])]), {"Sizes": sizes})

    assert _values(desk, "1") == {"how": "to", "how.width": 640, "how.height": 480, "last": 7}
    assert [item.name for item in desk.bound.nodes["1"].sockets] == ["how.match"]


@pytest.mark.parametrize(
    ("linked", "count"), [((), 3), ((0,), 3), ((1,), 3), ((2,), 4), ((0, 4), 6), ((6,), 7)]
)
def test_growing_inputs_keep_one_free_slot_after_the_last_link(linked, count):
    grow = definition(
        "Grow",
        {
            "images": [
                "COMFY_AUTOGROW_V3",
                {
                    "template": {
                        "input": {"required": {"image": ["IMAGE", {}]}},
                        "prefix": "image",
                        "min": 2,
                        "max": 7,
                    }
                },
            ]
        },
    )
    stored = [slot(f"images.image{i}", "IMAGE", i + 1) for i in linked]
    links = [[i + 1, 1, 0, 2, n, "IMAGE"] for n, i in enumerate(linked)]
    nodes = [node(1, "Source"), node(2, "Grow", inputs=stored)]
    desk = Desk(flow(nodes, links), {"Grow": grow, "Source": _SOURCE})

    names = [item.name for item in desk.bound.nodes["2"].inputs]

    assert names == [f"images.image{i}" for i in range(count)]
    assert set(_fed_by(desk, "2")) == {f"images.image{i}" for i in linked}


def test_matched_outputs_follow_the_connected_type():
    template = {"template_id": "t", "allowed_types": "IMAGE,MASK"}
    match = definition(
        "Match",
        {"value": ["COMFY_MATCHTYPE_V3", {"template": template}]},
        outputs=("COMFY_MATCHTYPE_V3",),
        output_matchtypes=["t"],
    )
    links = [[1, 1, 1, 2, 0, "MASK"]]
    desk = Desk(flow([node(1, "Source"), node(2, "Match")], links), {**_ALL, "Match": match})

    assert desk.bound.nodes["2"].inputs[0].type == "IMAGE,MASK"
    assert desk.bound.nodes["2"].outputs[0].type == "MASK"


def test_reroutes_take_the_type_from_above_or_else_from_below():
    reroute = {"inputs": [slot("", "*")], "outputs": [out("", "*")]}
    nodes = [node(1, "Source"), *(node(i, "Reroute", **reroute) for i in (2, 3, 4, 5)),
             node(6, "Sink")]  # fmt: skip
    links = [[1, 1, 1, 2, 0, "*"], [2, 2, 0, 3, 0, "*"], [3, 4, 0, 5, 0, "*"],
             [4, 5, 0, 6, 0, "*"]]  # fmt: skip
    desk = Desk(flow(nodes, links), _ALL)

    types = {key: desk.bound.nodes[key].outputs[0].type for key in "2345"}

    assert types == {"2": "MASK", "3": "MASK", "4": "IMAGE", "5": "IMAGE"}
    assert {key: link.type for key, link in desk.bound.links.items()} == {
        "1": "MASK", "2": "MASK", "3": "IMAGE", "4": "IMAGE",
    }  # fmt: skip


def test_a_primitive_has_widgets_only_while_it_drives_something():
    stored = [slot("amount", "INT", 1, widget={"name": "amount"})]
    nodes = [
        node(
            1, "PrimitiveNode", outputs=[out("INT", "INT", (1,))], widgets_values=[42, "increment"]
        ),
        node(2, "PrimitiveNode", outputs=[out("x")], widgets_values=[7]),
        node(3, "Sink", inputs=stored),
    ]
    desk = Desk(flow(nodes, [[1, 1, 0, 3, 0, "INT"]]), _ALL)

    driving = desk.bound.nodes["1"]

    assert [(w.name, w.type, w.value) for w in driving.widgets] == [
        ("value", "INT", 42),
        ("control_after_generate", "COMBO", "increment"),
    ]
    assert (driving.outputs[0].name, driving.outputs[0].type) == ("amount", "INT")
    assert desk.bound.nodes["2"].widgets == []
    assert desk.bound.nodes["3"].widget("amount").is_linked


def test_a_missing_type_shows_its_slots_and_values_from_the_file():
    stored = [
        slot("in", ["IMAGE", "MASK"]),
        slot("any", -1),
        slot("text", "STRING", widget={"name": "text"}),
    ]
    raw = node(1, "Nope", inputs=stored, outputs=[out("o", "X")], widgets_values=["t", 5])
    desk = Desk(flow([raw]), {})

    missing = desk.bound.nodes["1"]

    assert missing.is_missing
    assert [(item.name, item.type) for item in missing.sockets] == [
        ("in", "IMAGE,MASK"),
        ("any", "*"),
    ]
    assert [(w.name, w.value, w.role) for w in missing.widgets] == [
        ("UNKNOWN", "t", WidgetRole.UNKNOWN),
        ("UNKNOWN_1", 5, WidgetRole.UNKNOWN),
    ]


@pytest.mark.parametrize(("kind", "widget"), [("Note", "STRING"), ("MarkdownNote", "MARKDOWN")])
def test_notes_have_one_text(kind, widget):
    desk = Desk(flow([node(1, kind, widgets_values=["words"])]), {})

    shown = desk.bound.nodes["1"]

    assert [(w.name, w.type, w.value) for w in shown.widgets] == [("text", widget, "words")]
    assert shown.is_virtual


def _host_flow(host: dict, definitions: list | None = None):
    inner = subgraph(
        "sub",
        [node(5, "Sink", widgets_values=[11, "b"], inputs=[
            slot("amount", "INT", 1, widget={"name": "amount"}), slot("image", "IMAGE", 2),
            slot("mode", "COMBO", 3, widget={"name": "mode"})])],
        [(1, -10, 0, 5, 0), (2, -10, 1, 5, 1), (3, -10, 2, 5, 2)],
        (("n", "INT"), ("picture", "IMAGE"), ("kind", "COMBO")),
    )  # fmt: skip
    return flow([host], definitions={"subgraphs": definitions or [inner]})


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, {"n": 11, "kind": "b"}),
        ([], {"n": 11, "kind": "b"}),
        ([20], {"n": 20, "kind": "b"}),
        ([20, "a", "surplus"], {"n": 20, "kind": "a"}),
        ([None, "a"], {"n": 11, "kind": "a"}),
        ({"kind": "a"}, {"n": 11, "kind": "a"}),
    ],
)
def test_a_host_shows_promoted_widgets_with_its_own_values(values, expected):
    desk = Desk(_host_flow(node(1, "sub", widgets_values=values)), _ALL)

    host = desk.bound.nodes["1"]

    assert _values(desk, "1") == expected
    assert host.subgraph == "sub"
    assert [item.name for item in host.inputs] == ["n", "picture", "kind"]
    assert [item.name for item in host.sockets] == ["picture"]
    assert host.widgets[0].source == ("sub", "5", "amount")
    assert host.title == "Sub sub"


def test_proxy_widgets_decide_which_value_goes_where():
    host = node(
        1, "sub", widgets_values=["a", 20],
        properties={"proxyWidgets": [["5", "mode"], [5, "amount"], ["9", "x"], ["5", "$$look"]]},
    )  # fmt: skip

    assert _values(Desk(_host_flow(host), _ALL), "1") == {"n": 20, "kind": "a"}


def test_a_widget_promoted_by_proxy_only_is_shown_too():
    inner = subgraph("sub", [node(5, "Sink", widgets_values=[11, "b"])], [])
    host = node(1, "sub", widgets_values=[99], properties={"proxyWidgets": [["5", "5: amount"]]})

    assert _values(Desk(_host_flow(host, [inner]), _ALL), "1") == {"amount": 99}


def test_promotion_reaches_through_nested_hosts():
    leaf = subgraph(
        "leaf",
        [node(5, "Sink", widgets_values=[11, "b"],
              inputs=[slot("amount", "INT", 1, widget={"name": "amount"})])],
        [(1, -10, 0, 5, 0)],
        (("n", "INT"),),
    )  # fmt: skip
    outer = subgraph(
        "outer",
        [node(6, "leaf", inputs=[slot("n", "INT", 1, widget={"name": "n"})], widgets_values=[12])],
        [(1, -10, 0, 6, 0)],
        (("deep", "INT"),),
    )
    workflow = flow([node(1, "outer")], definitions={"subgraphs": [outer, leaf]})

    assert _values(Desk(workflow, _ALL), "1") == {"deep": 12}


def test_a_subgraph_in_itself_is_shown_with_a_problem():
    desk = Desk(read_sample("adv_recursive_subgraph"))

    problems = [node.problem for node in desk.bound.nodes.values() if node.subgraph]

    assert problems == ["This subgraph contains itself, so it cannot run."]


def test_a_legacy_group_node_is_one_node_with_the_inner_widgets():
    desk = Desk(read_sample("adv_group_node"))

    group = desk.bound.nodes["10"]

    assert group.title == "enc"
    assert [item.name for item in group.sockets] == ["clip"]
    assert [item.name for item in group.outputs] == ["CONDITIONING"]
    assert _values(desk, "10") == {"text": "from group"}


def test_inside_a_subgraph_the_two_boxes_are_nodes():
    desk = Desk(_host_flow(node(1, "sub")), _ALL, "sub")

    box = desk.bound.nodes["-10"]

    assert box.boundary == "inputs"
    assert box.node.pos == (-200.0, 0.0)
    assert [item.name for item in box.outputs] == ["n", "picture", "kind"]
    assert desk.bound.links["2"].origin == "-10"


def test_positions_saved_at_1_2_times_are_shown_at_their_size():
    nodes = [node(1, "Source", pos=[100, 50], size=[240, 120]), node(2, "Sink", pos=[340, 290])]
    workflow = flow(
        nodes,
        groups=[{"title": "g", "bounding": [100, 50, 120, 60]}],
        extra={"workflowRendererVersion": "Vue"},
    )

    shown = workflow.root.nodes

    assert (shown["1"].pos, shown["1"].size) == ((100, 50), (200, 100))
    assert shown["2"].pos == (300, 250)
    assert workflow.root.groups["0"].bounding == (100, 50, 100, 50)


def test_native_reroutes_give_links_a_path_and_loops_end():
    raw = {
        "version": 0.4,
        "nodes": [node(1, "Source"), node(2, "Sink")],
        "links": [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 1, 2, 1, "MASK"]],
        "extra": {
            "reroutes": [
                {"id": 1, "pos": [0, 0], "linkIds": [1]},
                {"id": 2, "parentId": 1, "pos": [5, 5], "linkIds": [1]},
                {"id": 3, "parentId": 4, "pos": [5, 5], "linkIds": [2]},
                {"id": 4, "parentId": 3, "pos": [5, 5], "linkIds": [2]},
            ],
            "linkExtensions": [{"id": 1, "parentId": 2}, {"id": 2, "parentId": 4}],
        },
    }
    bound = Desk(read_workflow(json.dumps(raw)), _ALL).bound

    assert bound.links["1"].reroutes == ("1", "2")
    assert bound.links["2"].reroutes == ("3", "4")


def test_ids_of_any_kind_are_kept_and_a_new_node_gets_a_usable_one():
    from app.engine.workflow import edits

    desk = Desk(read_sample("adv_huge_ids"))

    patch, key = edits.add_special_node(*desk.both, "Note", (0, 0))
    desk.do(patch)

    assert 0 < int(key) < 2**53
    assert desk.workflow.root.nodes[key].raw["id"] == int(key)


@pytest.mark.parametrize("last", ["text", None, -4, 10**30, 2**53, 1.5, [], True])
def test_a_damaged_counter_does_not_matter(last):
    from app.engine.workflow import edits

    desk = Desk(flow([node(4, "Source")], last_node_id=last), _ALL)

    patch, key = edits.add_node(*desk.both, _SOURCE, (0, 0))
    desk.do(patch)

    assert key == "5"
    assert desk.workflow.raw["last_node_id"] == 5
