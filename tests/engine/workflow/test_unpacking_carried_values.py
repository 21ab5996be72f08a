"""Unpacking where a host's value also feeds what cannot hold a value: a node carries it on.

A prompt before and after has to mean the same: what a carrying node outputs counts as its value.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from subgraph_tools import apply_as_window, inside, last_part, prompt_of
from workflow_tools import (
    Desk,
    content,
    definition,
    flow,
    node,
    out,
    sample_definitions,
    slot,
    subgraph,
)

from app.engine.workflow.edits import set_widget
from app.engine.workflow.edits.subgraphs import move_input, unpack_subgraph
from app.engine.workflow.model import Mode, Workflow
from app.engine.workflow.reader import open_workflow
from app.engine.workflow.seeds import step_seeds

CARRIERS = ("PrimitiveInt", "PrimitiveFloat", "PrimitiveBoolean", "PrimitiveStringMultiline")


def _folder() -> Path | None:
    spec = importlib.util.find_spec("comfyui_workflow_templates_json")
    folders = (spec.submodule_search_locations if spec is not None else None) or []
    return next((Path(folder, "templates") for folder in folders), None)


def _meaning(desk: Desk, carriers: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the prompt by node key, with the values of carrying nodes where they go to."""
    prompt = prompt_of(desk, last_part)
    values = {key: prompt.pop(key)[1]["value"] for key in carriers}

    def resolved(given: Any) -> Any:
        is_carried = isinstance(given, tuple) and given[1] in values
        return values[given[1]] if is_carried else given

    return {
        key: (kind, {name: resolved(value) for name, value in inputs.items()})
        for key, (kind, inputs) in prompt.items()
    }


def _unpacked(desk: Desk, host: str) -> tuple[str, ...]:
    """Unpack a host as the window does; return the keys of the nodes that carry values."""
    before = {key for key, item in desk.bound.nodes.items() if item.node.type in CARRIERS}
    former = {
        key
        for graph in desk.workflow.subgraphs.values()
        for key, item in graph.nodes.items()
        if item.type in CARRIERS
    }
    patch, came, _ = unpack_subgraph(*desk.both, host)
    apply_as_window(desk, patch)
    assert desk.differences() == []
    made = [
        key for key in came if desk.bound.nodes[key].node.type in CARRIERS and key not in former
    ]
    assert not before.intersection(made)
    return tuple(made)


@pytest.mark.skipif(_folder() is None, reason="the template package is not installed")
@pytest.mark.parametrize(
    ("name", "host", "count"),
    [
        ("image_ernie_image", "88", 2),
        ("image_qwen_image_2_1_t2i", "459", 5),
        ("video_wan21_scail2_character_replacement", "213", 1),
        ("image_ideogram4_t2i", "98", 1),
    ],
)
def test_w046_templates_keep_their_prompt_when_a_shared_value_is_unpacked(name, host, count):
    folder = _folder()
    assert folder is not None
    desk = Desk(open_workflow(folder / f"{name}.json"))
    start, before = content(desk.workflow), _meaning(desk)

    carriers = _unpacked(desk, host)

    assert len(carriers) == count
    after = _meaning(desk, carriers)
    for key, (kind, inputs) in before.items():
        if kind is None:
            # No link brings a choice to a missing type: it stands among the stored values.
            stored = [v for name, v in after[key][1].items() if name.startswith("UNKNOWN")]
            for name in inputs.keys() - after[key][1].keys():
                assert inputs.pop(name) in stored
    assert after == before
    desk.undo()
    assert content(desk.workflow) == start


SAVED: dict[str, tuple[Any, Any, str]] = {
    "INT": (["INT", {"default": 1}], 768, "PrimitiveInt"),
    "FLOAT": (["FLOAT", {"default": 1.0}], 0.25, "PrimitiveFloat"),
    "BOOLEAN": (["BOOLEAN", {}], True, "PrimitiveBoolean"),
    "STRING": (["STRING", {"multiline": True}], "a fox,\nat dawn", "PrimitiveStringMultiline"),
}


def _definitions() -> dict[str, Any]:
    made = {
        f"Use {kind}": definition(f"Use {kind}", {"value": declared}, outputs=(kind,))
        for kind, (declared, *_) in SAVED.items()
    }
    plain = {
        f"Plain {kind}": definition(
            f"Plain {kind}", {"value": [kind, {"forceInput": True}]}, outputs=(kind,)
        )
        for kind in SAVED
    }
    return {**sample_definitions(), **made, **plain}


def _shared(kind: str, value: Any, other: dict[str, Any], **more: Any) -> Workflow:
    """Return a host (1) whose input feeds a widget (5) and then another node (6) inside."""
    widget = node(5, f"Use {kind}", inputs=[slot("value", kind, 1, widget={"name": "value"})],
                  outputs=[out(kind, kind)], widgets_values=[SAVED[kind][1]])  # fmt: skip
    inner = subgraph(
        "s", [widget, other], [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)], inputs=(("value", kind),)
    )
    host_slot = slot("value", kind, None, widget={"name": "value"})
    host = node(1, "s", inputs=[host_slot], widgets_values=[value], **more)
    return flow([host], definitions={"subgraphs": [inner]})


def _host_value(kind: str) -> Any:
    return {"INT": 91, "FLOAT": 7.5, "BOOLEAN": False, "STRING": "{a|b} // c"}[kind]


@pytest.mark.parametrize("kind", SAVED)
@pytest.mark.parametrize("target", ["plain", "any", "missing"])
def test_w046_a_value_that_also_feeds_what_cannot_hold_it_is_carried(kind, target):
    other = {
        "plain": node(6, f"Plain {kind}", inputs=[slot("value", kind, 2)]),
        "any": node(6, "PreviewAny", inputs=[slot("source", "*", 2)]),
        "missing": node(6, "Of No Pack", widgets_values=[1, "kept"],
                        inputs=[slot("amount", kind, 2, widget={"name": "amount"})]),
    }[target]  # fmt: skip
    desk = Desk(_shared(kind, _host_value(kind), other), _definitions())
    start, before = content(desk.workflow), _meaning(desk)
    assert _host_value(kind) in before["6"][1].values()

    carriers = _unpacked(desk, "1")

    (carrier,) = carriers
    made = desk.bound.nodes[carrier]
    assert (made.node.type, made.title) == (SAVED[kind][2], "value")
    assert _meaning(desk, carriers) == before
    unknown = [widget.value for widget in desk.bound.nodes["6"].widgets]
    assert unknown == ([1, "kept"] if target == "missing" else [])
    desk.undo()
    assert content(desk.workflow) == start


def test_w046_one_change_of_the_carried_value_reaches_all_that_the_host_fed():
    other = node(6, "PreviewAny", inputs=[slot("source", "*", 2)])
    desk = Desk(_shared("INT", 91, other), _definitions())
    (carrier,) = _unpacked(desk, "1")

    desk.do(set_widget(*desk.both, carrier, "value", 17))

    after = _meaning(desk, (carrier,))
    assert (after["5"][1]["value"], after["6"][1]["source"]) == (17, 17)
    assert desk.bound.nodes["5"].widget("value").value == 91


def test_w046_a_value_that_widgets_alone_share_needs_no_node():
    other = node(6, "Use INT", inputs=[slot("value", "INT", 2, widget={"name": "value"})],
                 widgets_values=[3])  # fmt: skip
    desk = Desk(_shared("INT", 91, other), _definitions())
    before = _meaning(desk)

    assert _unpacked(desk, "1") == ()
    assert _meaning(desk) == before
    assert len(desk.bound.nodes) == 2


def test_w046_a_choice_stays_in_its_widget_while_a_text_carries_it_on():
    definitions = {
        **_definitions(),
        "Pick": definition("Pick", {"value": [["one", "two"]]}, outputs=("INT",)),
    }
    inner = subgraph(
        "s",
        [
            node(5, "Pick", inputs=[slot("value", "COMBO", 1, widget={"name": "value"})],
                 widgets_values=["one"]),
            node(6, "PreviewAny", inputs=[slot("source", "*", 2)]),
        ],
        [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)], inputs=(("value", "COMBO"),),
    )  # fmt: skip
    host = node(1, "s", inputs=[slot("value", "COMBO", widget={"name": "value"})],
                widgets_values=["two"])  # fmt: skip
    desk = Desk(flow([host], definitions={"subgraphs": [inner]}), definitions)
    before = _meaning(desk)

    carriers = _unpacked(desk, "1")

    # A text cannot be linked to a choice: the engine refuses such a prompt.
    assert desk.bound.nodes["5"].inputs[0].link is None
    assert desk.bound.nodes["5"].widget("value").value == "two"
    assert _meaning(desk, carriers) == before


def test_w046_a_number_beyond_the_limits_of_the_node_is_left_to_the_widget():
    other = node(6, "PreviewAny", inputs=[slot("source", "*", 2)])
    desk = Desk(_shared("INT", 2**64 - 1, other), _definitions())

    assert _unpacked(desk, "1") == ()
    assert _meaning(desk)["5"][1] == {"value": 2**64 - 1}


@pytest.mark.parametrize("mode", [Mode.MUTED, Mode.BYPASSED])
def test_w012_a_host_that_is_off_leaves_a_carrying_node_that_is_off(mode):
    other = node(6, "PreviewAny", inputs=[slot("source", "*", 2)])
    desk = Desk(_shared("INT", 91, other, mode=int(mode)), _definitions())
    assert _meaning(desk) == {}

    patch, came, _ = unpack_subgraph(*desk.both, "1")
    desk.do(patch)

    assert len(came) == 3
    assert {desk.bound.nodes[key].node.mode for key in came} == {mode}
    assert _meaning(desk) == {}


@pytest.mark.parametrize("mode", ["fixed", "increment"])
def test_w084_a_carried_seed_steps_as_the_host_stepped_it(mode):
    definitions = {
        **_definitions(),
        "Seeded": definition("Seeded", {"seed": ["INT", {"max": 2**64 - 1}]}, outputs=("INT",)),
    }
    inner = subgraph(
        "s",
        [
            node(5, "Seeded", inputs=[slot("seed", "INT", 1, widget={"name": "seed"})],
                 widgets_values=[1, mode]),
            node(6, "PreviewAny", inputs=[slot("source", "*", 2)]),
        ],
        [(1, -10, 0, 5, 0), (2, -10, 0, 6, 0)], inputs=(("seed", "INT"),),
    )  # fmt: skip
    host = node(1, "s", inputs=[slot("seed", "INT", widget={"name": "seed"})],
                widgets_values=[40])  # fmt: skip
    desk = Desk(flow([host], definitions={"subgraphs": [inner]}), definitions)
    desk.do(step_seeds(desk.workflow, definitions, when="after"))
    stepped = _meaning(desk)
    desk.undo()

    carriers = _unpacked(desk, "1")
    desk.do(step_seeds(desk.workflow, definitions, when="after"))

    assert _meaning(desk, carriers) == stepped
    assert stepped["6"][1]["source"] == (41 if mode == "increment" else 40)


def test_w044_a_value_reaches_plain_sockets_behind_reroutes_and_straight_through_the_host():
    reroute = node(7, "Reroute", inputs=[slot("", "*", 2)], outputs=[out("", "*", (3,))])
    inner = subgraph(
        "s",
        [
            node(5, "Use INT", inputs=[slot("value", "INT", 1, widget={"name": "value"})],
                 widgets_values=[3]),
            reroute,
            node(6, "PreviewAny", inputs=[slot("source", "*", 3)]),
        ],
        [(1, -10, 0, 5, 0), (2, -10, 0, 7, 0), (3, 7, 0, 6, 0), (4, -10, 0, -20, 0)],
        inputs=(("value", "INT"),), outputs=(("value", "INT"),),
    )  # fmt: skip
    host = node(1, "s", inputs=[slot("value", "INT", widget={"name": "value"})],
                outputs=[out("value", "INT", (9,))], widgets_values=[91])  # fmt: skip
    view = node(8, "PreviewAny", inputs=[slot("source", "*", 9)])
    desk = Desk(
        flow([host, view], [[9, 1, 0, 8, 0, "INT"]], definitions={"subgraphs": [inner]}),
        _definitions(),
    )
    start, before = content(desk.workflow), _meaning(desk)
    assert before["6"][1] == before["8"][1] == {"source": 91}

    carriers = _unpacked(desk, "1")

    assert _meaning(desk, carriers) == before
    desk.undo()
    assert content(desk.workflow) == start


def test_w046_a_nested_host_unpacked_inside_a_subgraph_keeps_its_value():
    other = node(6, "PreviewAny", inputs=[slot("source", "*", 2)])
    nested = _shared("INT", 91, other).root.raw
    outer = subgraph("t", nested["nodes"], [])
    definitions = {"subgraphs": [outer, *nested["definitions"]["subgraphs"]]}
    desk = Desk(flow([node(2, "t")], definitions=definitions), _definitions())
    start, before = content(desk.workflow), _meaning(desk)
    shown = inside(desk, "t")

    carriers = _unpacked(shown, "1")

    assert len(carriers) == 1
    root = Desk(shown.workflow, shown.definitions)
    assert _meaning(root, carriers) == before
    shown.undo()
    assert content(shown.workflow) == start


def _with_missing(first: str, **more: Any) -> Workflow:
    """Return a host (1) of four inputs; those of the missing node lie between known ones."""
    inner = subgraph(
        "s",
        [
            node(5, "EmptyLatentImage", outputs=[out("LATENT", "LATENT")],
                 widgets_values=[64, 64, 1],
                 inputs=[slot("width", "INT", 1, widget={"name": "width"}),
                         slot("height", "INT", 4, widget={"name": "height"})]),
            node(6, "Of No Pack", widgets_values=["inside", 3],
                 inputs=[slot("words", "STRING", 2, widget={"name": "words"}),
                         slot("amount", "INT", 3, widget={"name": "amount"})]),
            node(7, "PreviewAny", inputs=[slot("source", "*", 5)]),
        ],
        [(1, -10, 0, 5, 0), (5, -10, 1, 7, 0), (2, -10, 1, 6, 0), (3, -10, 2, 6, 1),
         (4, -10, 3, 5, 1)],
        inputs=(("width", "INT"), ("words", "STRING"), ("amount", "INT"), ("height", "INT")),
    )  # fmt: skip
    inner["inputs"][1]["linkIds"] = [5, 2] if first == "plain" else [2, 5]
    slots = [slot(name, kind, None, widget={"name": name})
             for name, kind in (("width", "INT"), ("words", "STRING"), ("amount", "INT"),
                                ("height", "INT"))]  # fmt: skip
    host = node(1, "s", inputs=slots, widgets_values=[768, "a fox", 8, 512], **more)
    return flow([host], definitions={"subgraphs": [inner]})


@pytest.mark.parametrize("first", ["plain", "missing"])
def test_w046_values_of_a_host_stay_with_their_inputs_when_a_type_inside_is_missing(first):
    desk = Desk(_with_missing(first))
    start, before = content(desk.workflow), _meaning(desk)

    shown = {widget.name: (widget.type, widget.value) for widget in desk.bound.nodes["1"].widgets}
    assert shown == {
        "width": ("INT", 768), "words": ("STRING", "a fox"),
        "amount": ("INT", 8), "height": ("INT", 512),
    }  # fmt: skip
    assert (before["5"][1]["width"], before["5"][1]["height"]) == (768, 512)
    assert (before["6"][1]["words"], before["6"][1]["amount"]) == ("a fox", 8)
    assert before["7"][1] == {"source": "a fox"}

    desk.do(set_widget(*desk.both, "1", "words", "a cat"))
    assert desk.bound.nodes["1"].node.raw["widgets_values"] == [768, "a cat", 8, 512]
    desk.undo()
    carriers = _unpacked(desk, "1")
    assert _meaning(desk, carriers) == before
    assert desk.bound.nodes["6"].node.raw["widgets_values"] == ["inside", 3]
    desk.undo()
    assert content(desk.workflow) == start


def test_w046_older_lists_of_promoted_widgets_name_those_of_missing_types_too():
    entries = [["5", "height"], ["6", "words"], ["5", "width"], ["6", "amount"]]
    workflow = _with_missing("missing", properties={"proxyWidgets": entries})
    workflow.root.nodes["1"].raw["widgets_values"] = [512, "a fox", 768, 8]
    desk = Desk(workflow)

    shown = {widget.name: widget.value for widget in desk.bound.nodes["1"].widgets}
    assert shown == {"width": 768, "words": "a fox", "amount": 8, "height": 512}
    before = _meaning(desk)
    assert _meaning(desk, _unpacked(desk, "1")) == before


def test_w046_a_slot_added_beside_values_of_missing_types_moves_none_of_them():
    desk = Desk(_with_missing("missing"))
    before = _meaning(desk)

    desk.do(move_input(*desk.both, 0, 3, subgraph="s"))

    assert _meaning(desk) == before
    assert desk.bound.nodes["1"].node.raw["widgets_values"] == ["a fox", 8, 512, 768]


@pytest.mark.skipif(_folder() is None, reason="the template package is not installed")
def test_w046_a_template_with_missing_types_shows_each_value_at_its_widget():
    folder = _folder()
    assert folder is not None
    desk = Desk(open_workflow(folder / "image_qwen_image_2_1_image_edit.json"))

    shown = {widget.name: widget.value for widget in desk.bound.nodes["459"].widgets}
    assert shown["prompt"] == "Replace costumes for the character"
    assert (shown["cfg"], shown["steps"], shown["width"], shown["height"]) == (1, 25, 1024, 1024)
    assert (shown["scheduler"], shown["scheduler_1"]) == ("euler", "simple")
    assert isinstance(shown["seed"], int)


def test_w046_a_choice_for_a_missing_type_is_written_where_the_file_tells_its_place():
    inner = subgraph(
        "s",
        [node(6, "Of No Pack", widgets_values=["cpu", 3],
              inputs=[slot("device", "COMBO", 1, widget={"name": "device"}),
                      slot("amount", "INT", None, widget={"name": "amount"})])],
        [(1, -10, 0, 6, 0)], inputs=(("device", "COMBO"),),
    )  # fmt: skip
    host = node(1, "s", inputs=[slot("device", "COMBO", widget={"name": "device"})],
                widgets_values=["gpu"])  # fmt: skip
    desk = Desk(flow([host], definitions={"subgraphs": [inner]}), _definitions())
    start = content(desk.workflow)

    assert _unpacked(desk, "1") == ()

    assert desk.bound.nodes["6"].node.raw["widgets_values"] == ["gpu", 3]
    desk.undo()
    assert content(desk.workflow) == start
