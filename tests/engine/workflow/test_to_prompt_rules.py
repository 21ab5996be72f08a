"""The rules of conversion one by one (workflow-format chapter 8)."""

from __future__ import annotations

from datetime import datetime

import pytest
from workflow_tools import content, definition, flow, node, out, slot, subgraph

from app.engine.workflow.binding import BoundInput, BoundNode, BoundOutput
from app.engine.workflow.model import Node
from app.engine.workflow.prompt_scopes import bypass_input
from app.engine.workflow.prompt_text import choose_first, expand_choices, replace_text
from app.engine.workflow.to_prompt import convert
from app.engine.workflow.type_match import types_fit

_ALL = {
    "Source": definition("Source", outputs=("IMAGE", "MASK")),
    "Through": definition("Through", {"mask": ["MASK"], "image": ["IMAGE"]}, outputs=("IMAGE",)),
    "Sink": definition(
        "Sink", {"image": ["IMAGE"], "amount": ["INT", {"default": 3}]}, outputs=("IMAGE",)
    ),
    "Text": definition("Text", {"text": ["STRING", {"dynamicPrompts": True}]}, outputs=("X",)),
    "SaveImage": definition("SaveImage", {"images": ["IMAGE"], "filename_prefix": ["STRING"]}),
    "KSampler": definition("KSampler", {"sampler_name": [["euler", "ddim"]]}),
    "Curve": definition("Curve", {"curve": ["CURVE"]}),
    "Combo": definition("Combo", {"model": [[]]}),
}
_REROUTE = {"inputs": [slot("")], "outputs": [out("")]}
_NOW = datetime(2024, 3, 5, 7, 8, 9)


def _convert(workflow, **more):
    return convert(workflow, _ALL, first_choice=True, now=_NOW, **more)


def _prompt(nodes, links=None, **more):
    return _convert(flow(nodes, links, **more)).prompt


def test_w010_ids_that_are_numbers_come_first_in_order():
    prompt = _prompt([node(10, "Source"), node("x", "Source"), node(9, "Source")])

    assert list(prompt) == ["9", "10", "x"]


@pytest.mark.parametrize("mode", [2, 4])
def test_w011_muted_and_bypassed_nodes_are_left_out(mode):
    assert _prompt([node(1, "Source", mode=mode)]) == {}


@pytest.mark.parametrize("mode", [0, 1, 3, 7, None, "x"])
def test_w014_every_other_node_appears(mode):
    assert list(_prompt([node(1, "Source", mode=mode)])) == ["1"]


@pytest.mark.parametrize("kind", ["Note", "MarkdownNote", "Reroute", "PrimitiveNode"])
def test_w011_editor_only_nodes_are_left_out(kind):
    assert _prompt([node(1, kind)]) == {}


def _nested(mode_root: int, mode_nested: int):
    inner = subgraph("inner", [node(3, "Source")], [])
    outer = subgraph("outer", [node(2, "inner", mode=mode_nested), node(4, "Source")], [])
    return flow([node(1, "outer", mode=mode_root)], definitions={"subgraphs": [outer, inner]})


@pytest.mark.parametrize("mode", [2, 4])
def test_w012_a_root_host_that_is_off_hides_its_interior(mode):
    assert _convert(_nested(mode, 0)).prompt == {}


@pytest.mark.parametrize("mode", [0, 2, 4])
def test_w013_a_nested_host_that_is_off_does_not(mode):
    assert set(_convert(_nested(0, mode)).prompt) == {"1:2:3", "1:4"}


def test_w015_sources_tell_the_path_of_every_id():
    assert _convert(_nested(0, 0)).sources == {"1:2:3": ("1", "2", "3"), "1:4": ("1", "4")}


def test_w016_a_missing_type_sends_its_values_as_unknown():
    values = ["t", None, {"a": 1}, [1, 2], True]
    raw = node(1, "Nope", widgets_values=values, properties={"cnr_id": "some-pack"})

    conversion = _convert(flow([raw]))

    assert conversion.prompt["1"]["inputs"] == {
        "UNKNOWN": "t", "UNKNOWN_1": "null", "UNKNOWN_2": '{"a":1}', "UNKNOWN_3": "[1,2]",
        "UNKNOWN_4": True,
    }  # fmt: skip
    assert "class_type" not in conversion.prompt["1"]
    assert conversion.problems[0].message == (
        'The node type "Nope" is not installed. It comes from the pack "some-pack".'
    )


def test_w020_widgets_come_first_and_w021_slots_replace_in_place():
    stored = [slot("image", "IMAGE", 1), slot("amount", "INT", 2, widget={"name": "amount"})]
    nodes = [node(1, "Source"), node(2, "Sink", inputs=stored)]

    prompt = _prompt(nodes, [[1, 1, 0, 2, 0, "IMAGE"], [2, 1, 1, 2, 1, "INT"]])

    assert list(prompt["2"]["inputs"].items()) == [("amount", ["1", 1]), ("image", ["1", 0])]


def test_w022_lists_and_curves_are_wrapped():
    prompt = _prompt([
        node(1, "Sink", widgets_values=[[1, 2]]), node(2, "Curve", widgets_values=[{"p": 1}]),
    ])  # fmt: skip

    assert prompt["1"]["inputs"] == {"amount": {"__value__": [1, 2]}}
    assert prompt["2"]["inputs"] == {"curve": {"__type__": "CURVE", "__value__": {"p": 1}}}


def test_w023_no_value_is_absent_and_null_is_null():
    prompt = _prompt([
        node(1, "Combo"), node(2, "Combo", widgets_values=[None]),
        node(3, "Sink", widgets_values=[None]),
    ])  # fmt: skip

    assert [prompt[key]["inputs"] for key in "123"] == [{}, {"model": None}, {"amount": None}]


def test_w024_a_widget_stays_when_its_link_leads_nowhere():
    stored = [slot("amount", "INT", 1, widget={"name": "amount"})]
    nodes = [node(1, "Source", mode=2), node(2, "Sink", inputs=stored, widgets_values=[8])]

    assert _prompt(nodes, [[1, 1, 0, 2, 1, "INT"]])["2"]["inputs"] == {"amount": 8}


def test_w030_choices_are_made_in_the_prompt_and_w061_not_in_the_file():
    workflow = flow([node(1, "Text", widgets_values=["a {b|c}"])])
    before = content(workflow)

    assert _convert(workflow).prompt["1"]["inputs"] == {"text": "a b"}
    assert content(workflow) == before


def test_w031_file_names_are_filled_in():
    nodes = [
        node(1, "SaveImage", widgets_values=["%date:yyyy-MM-dd%_%Alias.amount%_%width%_%A.b.c%"]),
        node(2, "Sink", widgets_values=[5], properties={"Node name for S&R": "Alias"}),
    ]

    assert _prompt(nodes)["1"]["inputs"] == {"filename_prefix": "2024-03-05_5_%width%_%A.b.c%"}


def test_w032_a_value_from_a_host_is_sent_raw():
    inner = subgraph(
        "s",
        [node(5, "Text", inputs=[slot("text", "STRING", 1, widget={"name": "text"})])],
        [(1, -10, 0, 5, 0)],
        (("text", "STRING"),),
    )
    workflow = flow([node(1, "s", widgets_values=["{a|b}"])], definitions={"subgraphs": [inner]})

    assert _convert(workflow).prompt["1:5"]["inputs"] == {"text": "{a|b}"}


def test_old_sampler_names_lose_their_prefix():
    assert _prompt([node(1, "KSampler", widgets_values=["sample_ddim"])])["1"]["inputs"] == {
        "sampler_name": "ddim"
    }


def test_w042_a_muted_origin_gives_nothing_and_w025_no_dead_link_stays():
    nodes = [node(1, "Source", mode=2), node(2, "Sink")]

    assert _prompt(nodes, [[1, 1, 0, 2, 0, "IMAGE"]])["2"]["inputs"] == {"amount": 3}


def test_w043_a_bypassed_node_passes_a_fitting_input_on():
    nodes = [node(1, "Source"), node(2, "Through", mode=4), node(3, "Sink")]
    links = [[1, 1, 1, 2, 0, "MASK"], [2, 1, 0, 2, 1, "IMAGE"], [3, 2, 0, 3, 0, "IMAGE"]]

    assert _prompt(nodes, links)["3"]["inputs"]["image"] == ["1", 0]


def test_w055_a_chosen_input_without_link_gives_nothing():
    nodes = [node(1, "Source"), node(2, "Through", mode=4), node(3, "Sink")]
    links = [[1, 1, 1, 2, 0, "MASK"], [3, 2, 0, 3, 0, "IMAGE"]]

    assert "image" not in _prompt(nodes, links)["3"]["inputs"]


def test_w044_reroutes_are_followed():
    nodes = [node(1, "Source"), node(2, "Reroute", **_REROUTE), node(3, "Reroute", **_REROUTE),
             node(4, "Sink")]  # fmt: skip
    links = [[1, 1, 0, 2, 0, "*"], [2, 2, 0, 3, 0, "*"], [3, 3, 0, 4, 0, "*"]]

    assert _prompt(nodes, links)["4"]["inputs"]["image"] == ["1", 0]


def _driven(value, kind="Sink", name="amount", **more):
    stored = [slot(name, "X", 1, widget={"name": name})]
    place = 1 if kind == "Sink" else 0
    return flow(
        [
            node(1, "PrimitiveNode", outputs=[out("x", "X", (1,))], widgets_values=[value], **more),
            node(2, kind, inputs=stored),
        ],
        [[1, 1, 0, 2, place, "X"]],
    )


def test_w002_w045_a_primitive_writes_its_value_into_the_widget():
    assert _convert(_driven(42)).prompt["2"]["inputs"] == {"amount": 42}


def test_w003_a_primitive_may_fill_in_text():
    workflow = _driven(
        "at %date:hh%", "Text", "text", properties={"Run widget replace on values": True}
    )

    assert _convert(workflow).prompt["2"]["inputs"] == {"text": "at 07"}


def test_w047_links_out_of_a_host_end_at_the_interior_node():
    inner = subgraph("s", [node(5, "Source")], [(1, 5, 1, -20, 0)], outputs=(("picture", "IMAGE"),))
    workflow = flow(
        [node(1, "s"), node(2, "Sink")], [[1, 1, 0, 2, 0, "IMAGE"]],
        definitions={"subgraphs": [inner]},
    )  # fmt: skip

    assert _convert(workflow).prompt["2"]["inputs"]["image"] == ["1:5", 1]


def test_w046_links_into_a_host_reach_the_interior_node_at_any_depth():
    count = 60
    subgraphs = []
    for level in range(count):
        kind = "Sink" if level == count - 1 else f"s{level + 1}"
        subgraphs.append(
            subgraph(
                f"s{level}",
                [node(7, kind, inputs=[slot("image", "IMAGE", 1)])],
                [(1, -10, 0, 7, 0)],
                (("image", "IMAGE"),),
            )
        )
    workflow = flow(
        [node(1, "Source"), node(2, "s0")], [[1, 1, 0, 2, 0, "IMAGE"]],
        definitions={"subgraphs": subgraphs},
    )  # fmt: skip

    prompt = _convert(workflow).prompt

    assert prompt[":".join(["2"] + ["7"] * count)]["inputs"]["image"] == ["1", 0]


def test_subgraphs_that_multiply_without_end_are_refused():
    subgraphs = [
        subgraph(f"s{level}", [node(1, f"s{level + 1}"), node(2, f"s{level + 1}")], [])
        for level in range(40)
    ]
    subgraphs.append(subgraph("s40", [node(1, "Source")], []))
    workflow = flow([node(1, "s0")], definitions={"subgraphs": subgraphs})

    conversion = _convert(workflow)

    assert conversion.prompt == {}
    assert "too many times" in conversion.problems[0].message


def test_an_ordinary_cycle_converts_and_is_left_to_the_engine():
    nodes = [node(1, "Sink"), node(2, "Sink")]
    prompt = _prompt(nodes, [[1, 1, 0, 2, 0, "IMAGE"], [2, 2, 0, 1, 0, "IMAGE"]])

    assert prompt["1"]["inputs"]["image"] == ["2", 0]
    assert prompt["2"]["inputs"]["image"] == ["1", 0]


def _bypassed(inputs: list[str], outputs: list[str]) -> BoundNode:
    return BoundNode(
        "1",
        Node("1", {}),
        None,
        "",
        [BoundInput(f"in{i}", "", kind) for i, kind in enumerate(inputs)],
        [BoundOutput(f"out{i}", "", kind) for i, kind in enumerate(outputs)],
        [],
    )


@pytest.mark.parametrize(
    ("rule", "inputs", "outputs", "output", "wanted", "chosen"),
    [
        ("W-050", ["A", "B"], ["X", "Y"], 1, "*", "in1"),
        ("W-050", ["A"], ["X", "Y"], 1, "*", "in0"),
        ("W-050", ["A", "B"], ["X", "Y"], 1, "", "in1"),
        ("W-051", ["B", "A", "A"], ["B", "A"], 1, "A", "in1"),
        ("W-051", ["A", "*"], ["X", "A"], 1, "A", "in1"),
        ("W-052", ["B", "*", "A"], ["A"], 0, "A", "in2"),
        ("W-053", ["B", "A,B"], ["A"], 0, "A", "in1"),
        ("W-053", ["B", "a"], ["A"], 0, "A", "in1"),
        ("W-043", ["B", "C"], ["A"], 0, "A", None),
        ("W-043", [], ["A"], 0, "*", None),
    ],
)
def test_bypass_chooses_an_input_by_type(rule, inputs, outputs, output, wanted, chosen):
    found = bypass_input(_bypassed(inputs, outputs), output, wanted)

    assert (found.name if found else None) == chosen, rule


@pytest.mark.parametrize(
    ("first", "second", "fits"),
    [
        ("A", "A", True),
        ("A", "*", True),
        ("", "A", True),
        ("A", "0", True),
        ("image", "IMAGE", True),
        ("IMAGE,MASK", "mask", True),
        ("A,B", "B,C", True),
        ("A,B", "C,D", False),
        ("A", "AB", False),
    ],
)
def test_w054_compatible_types(first, second, fits):
    assert types_fit(first, second) is fits
    assert types_fit(second, first) is fits


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{a|b|c}", "a"),
        ("x {a} y", "x a y"),
        ("{|b}!", "!"),
        ("{{a|b}|c} d", "a d"),
        ("{a|b", "a"),
        ("a } | b", "a } | b"),
        (r"\{a|b\}", "{a|b}"),
        (r"{a\|b|c}", "a|b"),
        (r"\x \\", r"\x \\"),
        ("end\\", "end\\"),
        ("a /* {b|c} */ d", "a  d"),
        ("a // b\nc", "a \nc"),
        ("http://x.y\nz", "http:\nz"),
        ("{a{b|c}d|e}", "abd"),
        ("", ""),
    ],
)
def test_w060_dynamic_prompts(text, expected):
    assert expand_choices(text, choose_first) == expected


def test_w060_braces_in_braces_take_no_recursion():
    assert expand_choices("{" * 2000 + "a", choose_first) == "a"


def test_w060_a_text_of_nothing_but_braces_ends_in_bounded_time():
    text = "{" * 200_000

    assert set(expand_choices(text, choose_first)) <= {"{"}


def test_w060_every_option_is_asked_for_once():
    asked = []

    def choose(options):
        asked.append(list(options))
        return options[-1]

    assert expand_choices("{a|b{c|d}}", choose) == "bd"
    assert asked == [["a", "b{c|d}"], ["c", "d"]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%date:d-dd-M-MM-h-hh-m-mm-s-ss-yy-yyyy%", "5-05-3-03-7-07-8-08-9-09-24-2024"),
        ("%date:x%", "x"),
        ("%N.w%", "a_b"),
        ("%N.unknown% %M.w%", "%N.unknown% %M.w%"),
        ("%width% %batch_num%", "%width% %batch_num%"),
        ("100%", "100%"),
        ("%a.b.c%", "%a.b.c%"),
    ],
)
def test_w070_text_replacement(text, expected):
    def look_up(name, widget):
        return "a/b" if (name, widget) == ("N", "w") else None

    assert replace_text(text, _NOW, look_up) == expected
