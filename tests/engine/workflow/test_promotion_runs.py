"""Promoted widgets on their whole way: saved, copied, unpacked, and run by a real engine (U-196).

The other family, :mod:`test_promotion_widgets`, looks at one step each; this one goes through all
of them in a row, because the web editor loses values between them.
"""

from __future__ import annotations

import copy
import json

import pytest
from subgraph_tools import DEFINITIONS, KINDS, kind_flow, last_part, nest, prompt_of
from workflow_tools import Desk, content, definition

from app.engine import Engine
from app.engine.workflow import clipboard, edits
from app.engine.workflow.edits.unpacking import unpack_subgraph
from app.engine.workflow.reader import new_workflow, read_workflow
from app.engine.workflow.to_prompt import convert

LEVELS = (1, 2, 3)


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture(params=LEVELS)
def levels(request):
    return request.param


def changed(kind, levels):
    """A host ``levels`` deep whose promoted widget has been given another value."""
    desk = Desk(kind_flow(kind), DEFINITIONS)
    host = nest(desk, "2", levels)
    desk.do(edits.set_widget(*desk.both, host, "value", KINDS[kind][3]))
    return desk, host


def reopened(desk):
    """The same document after a save and an open."""
    return Desk(read_workflow(content(desk.workflow)), DEFINITIONS)


def pasted(desk, host):
    """The host alone in a new document, and its key there."""
    clip = clipboard.from_text(clipboard.to_text(clipboard.copy(*desk.both, [host])))
    other = Desk(new_workflow(), DEFINITIONS)
    patch, (key,), _ = clipboard.paste(*other.both, DEFINITIONS, clip, (0, 0))
    other.do(patch)
    return other, key


def unpacked(desk, host, levels):
    """The key of the node that all levels held."""
    for _ in range(levels):
        patch, (host,), _ = unpack_subgraph(*desk.both, host)
        desk.do(patch)
    return host


def values(desk):
    """What the prompt gives to the nodes that use the widget."""
    return [inputs["value"] for name, inputs in prompt_of(desk).values() if name.startswith("Use")]


def test_u196_saved_opened_copied_saved_unpacked_saved(kind, levels):
    wanted = KINDS[kind][3]
    desk, host = changed(kind, levels)
    desk = reopened(desk)
    other, key = pasted(desk, host)
    other = reopened(other)
    assert values(other) == [wanted]
    node = unpacked(other, key, levels)
    other = reopened(other)
    assert other.bound.nodes[node].widget("value").value == wanted
    assert values(other) == values(desk) == [wanted]
    assert other.workflow.subgraphs == {}


def test_u196_a_copy_is_unpacked_beside_its_original(kind, levels):
    _, _, first, second = KINDS[kind]
    desk, host = changed(kind, levels)
    clip = clipboard.copy(*desk.both, [host])
    patch, (twin,), _ = clipboard.paste(*desk.both, DEFINITIONS, clip, (0, 500))
    desk.do(patch)
    desk.do(edits.set_widget(*desk.both, twin, "value", first))
    node = unpacked(desk, twin, levels)
    assert desk.bound.nodes[host].widget("value").value == second
    assert desk.bound.nodes[node].widget("value").value == first
    assert sorted(map(str, values(desk))) == sorted(map(str, [first, second]))


def test_u196_a_host_that_is_unpacked_and_packed_again_runs_the_same(kind, levels):
    desk, host = changed(kind, levels)
    before = prompt_of(desk, last_part)
    node = unpacked(desk, host, levels)
    nest(desk, node, levels)
    again = prompt_of(desk, last_part)
    assert values(desk) == [KINDS[kind][3]]
    assert len(again) == len(before) == 3


def node_class(kind, seen):
    """A node with one widget of a kind; it notes what it is called with."""
    declared = KINDS[kind][0]

    class Use:
        RETURN_TYPES = ("IMAGE",)
        FUNCTION = "run"

        @classmethod
        def INPUT_TYPES(cls):
            made = copy.deepcopy(declared)
            # The files of the widget that uploads are not there.
            if len(made) > 1:
                made[1].pop("image_upload", None)
            return {"required": {"source": ("IMAGE",), "value": tuple(made)}}

        def run(self, source, value):
            seen.append(value)
            return (source,)

    return Use


class Load:
    RETURN_TYPES = ("IMAGE", "INT")
    FUNCTION = "run"

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"amount": ("INT", {"default": 3})}}

    def run(self, amount):
        return ("picture", amount)


class Save:
    RETURN_TYPES = ()
    FUNCTION = "run"
    OUTPUT_NODE = True

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"images": ("IMAGE",)}, "optional": {"note": ("STRING", {})}}

    def run(self, images, note=""):
        return {"ui": {"images": [images]}}


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    seen = {kind: [] for kind in KINDS}
    # Kept results of an earlier run would leave nothing to see.
    with Engine(tmp_path_factory.mktemp("engine"), cache="none") as engine:
        made = {f"Use {kind}": node_class(kind, seen[kind]) for kind in KINDS}
        engine.registry.classes.update(**made, Load=Load, Save=Save)
        yield engine, seen


def test_u196_the_engine_gets_the_value_of_the_host(engine, kind, levels):
    runs, seen = engine
    desk, host = changed(kind, levels)
    for wanted in (KINDS[kind][3], KINDS[kind][2]):
        desk.do(edits.set_widget(*desk.both, host, "value", wanted))
        prompt = convert(reopened(desk).workflow, DEFINITIONS, first_choice=True).prompt
        seen[kind].clear()
        result = runs.run(prompt).raise_if_failed()
        assert result.status == "success"
        assert [(type(value), value) for value in seen[kind]] == [(type(wanted), wanted)]


SIZES = {
    "options": [
        {"key": "one", "inputs": {"required": {"side": ["INT", {"default": 1}]}}},
        {
            "key": "two",
            "inputs": {
                "required": {"wide": ["INT", {"default": 2}], "high": ["INT", {"default": 3}]}
            },
        },
    ]
}
"""A choice that brings inputs of its own."""

WITH_CHOICE = {
    **DEFINITIONS,
    "Use size": definition(
        "Use size",
        {"source": ["IMAGE"], "value": ["COMFY_DYNAMICCOMBO_V3", SIZES]},
        outputs=("IMAGE",),
    ),
}


@pytest.fixture
def chooser(levels):
    """A promoted choice that brings inputs of its own, and the key of the outermost host."""
    raw = kind_flow("int").raw
    (used,) = (item for item in raw["nodes"] if item["id"] == 2)
    used["type"], used["widgets_values"] = "Use size", ["one", 7]
    desk = Desk(read_workflow(json.dumps(raw)), WITH_CHOICE)
    return desk, nest(desk, "2", levels)


def sent(desk):
    ((_, inputs),) = [
        entry for entry in prompt_of(desk).values() if str(entry[0]).startswith("Use")
    ]
    return {name: value for name, value in inputs.items() if name.startswith("value")}


def test_u196_a_promoted_choice_brings_the_inputs_of_the_option_that_the_host_chose(chooser):
    desk, host = chooser
    assert sent(desk) == {"value": "one", "value.side": 7}
    desk.do(edits.set_widget(*desk.both, host, "value", "two"))
    assert desk.bound.nodes[host].widget("value").value == "two"
    assert sent(desk) == {"value": "two", "value.wide": 2, "value.high": 3}
    desk.do(edits.set_widget(*desk.both, host, "value", "one"))
    assert sent(desk) == {"value": "one", "value.side": 7}
    assert desk.differences() == []


def test_u196_a_promoted_choice_survives_save_and_unpacking(chooser, levels):
    desk, host = chooser
    desk.do(edits.set_widget(*desk.both, host, "value", "two"))
    desk = Desk(read_workflow(content(desk.workflow)), WITH_CHOICE)
    before = sent(desk)
    unpacked(desk, host, levels)
    assert sent(desk) == before
