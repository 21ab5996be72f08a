"""Damaged files open or are refused with a sentence; an open one is never lossy or fatal."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from workflow_tools import Desk, content, raw_sample, sample_definitions, sample_names

from app.engine.errors import WorkflowFileError
from app.engine.workflow import clipboard, edits
from app.engine.workflow.model import Workflow
from app.engine.workflow.reader import read_workflow
from app.engine.workflow.seeds import step_seeds
from app.engine.workflow.to_prompt import convert

_SMALL = [name for name in sample_names() if name.startswith("adv_")]
_JUNK: list[Any] = [
    None, True, False, 0, -1, 1, 2**53, 2**80, 1.5, 1e308, -0.0, "", "x", "1", "-10", "-20", "0",
    [], {}, [1], [None], {"0": 1}, {"a": [1]}, ["*"], "*", "IMAGE,MASK", [[1, 2]], "\ud800",
]  # fmt: skip


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        items = holder.items() if isinstance(holder, dict) else enumerate(holder)
        for key, child in items:
            found.append((holder, key))
            if isinstance(child, (dict, list)) and child:
                waiting.append(child)
    return found


def _damage(raw: Any, chance: random.Random) -> None:
    for _ in range(chance.choice([1, 2, 5, 20])):
        places = _places(raw)
        if not places:
            return
        holder, key = chance.choice(places)
        how = chance.random()
        if how < 0.6:
            holder[key] = chance.choice(_JUNK)
        elif how < 0.8:
            del holder[key]
        else:
            other, place = chance.choice(places)
            holder[key] = json.loads(json.dumps(other[place]))


def _use(workflow: Workflow) -> None:
    """Do with a document what the window does, and end with what it began with."""
    before = content(workflow)
    for graph in list(workflow.graphs()):
        desk = Desk(workflow, graph_id=graph.id)
        desk.do(edits.remove_nodes(*desk.both, list(desk.bound.nodes)[:3], keep_links=True))
        assert desk.differences() == []
        desk.undo()
        clip = clipboard.copy(*desk.both, list(desk.bound.nodes), list(graph.groups))
        clip = clipboard.from_text(clipboard.to_text(clip))
        assert clip is not None
        desk.do(clipboard.paste(*desk.both, desk.definitions, clip, (0, 0))[0])
        desk.undo()
    convert(workflow, sample_definitions(), first_choice=True, exact_ids=True)
    step_seeds(workflow, sample_definitions(), when="after")
    assert content(workflow) == before


@pytest.mark.parametrize("name", _SMALL)
def test_damaged_samples_open_or_are_refused(name):
    for seed in range(8):
        raw = raw_sample(name)
        _damage(raw, random.Random(seed))
        text = json.dumps(raw)
        try:
            workflow = read_workflow(text)
        except WorkflowFileError:
            continue
        assert json.dumps(json.loads(content(workflow))) == text
        _use(workflow)


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5), st.sampled_from(["1", "-10", "KSampler", "Reroute", "PrimitiveNode"]),
)  # fmt: skip
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
_NODES = st.fixed_dictionaries(
    {
        "id": st.one_of(st.integers(0, 5), _SCALARS),
        "type": st.sampled_from(["KSampler", "Reroute", "PrimitiveNode", "LoadImage", "Note", "s",
                                 "CLIPTextEncode", "Nope", "ComfySwitchNode", "BatchImagesNode"]),
    },
    optional={
        "inputs": st.one_of(
            st.lists(
                st.fixed_dictionaries(
                    {"name": st.sampled_from(["model", "seed", "", "images.image0", "text"])},
                    optional={"link": st.integers(0, 6), "type": _VALUES, "widget": _VALUES},
                ),
                max_size=4,
            ),
            _VALUES,
        ),
        "outputs": _VALUES, "widgets_values": _VALUES, "properties": _VALUES, "flags": _VALUES,
        "mode": st.one_of(st.sampled_from([0, 2, 4]), _VALUES), "pos": _VALUES, "size": _VALUES,
        "title": _VALUES,
    },
)  # fmt: skip
_LINKS = st.one_of(
    st.tuples(*[st.integers(-20, 6)] * 5, st.just("*")).map(list),
    st.fixed_dictionaries(
        {
            "id": st.integers(0, 6), "origin_id": st.integers(0, 5),
            "origin_slot": st.integers(0, 2), "target_id": st.integers(0, 5),
            "target_slot": st.integers(0, 5),
        },
        optional={"parentId": st.integers(0, 3)},
    ),
    _VALUES,
)  # fmt: skip
_GRAPHS = st.fixed_dictionaries(
    {"nodes": st.lists(st.one_of(_NODES, _VALUES), max_size=6)},
    optional={
        "links": st.one_of(st.lists(_LINKS, max_size=8), _VALUES), "groups": _VALUES,
        "extra": _VALUES, "version": st.sampled_from([0.4, 1, "x"]), "state": _VALUES,
        "reroutes": _VALUES, "last_node_id": _VALUES, "inputs": _VALUES, "outputs": _VALUES,
        "config": _VALUES,
    },
)  # fmt: skip
_FILES = st.builds(
    lambda graph, inner: {**graph, "definitions": {"subgraphs": [{**inner, "id": "s"}]}},
    _GRAPHS,
    _GRAPHS,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=_FILES)
def test_random_documents_survive_open_use_and_save(raw):
    text = json.dumps(raw)

    workflow = read_workflow(text)

    assert json.dumps(json.loads(content(workflow))) == text
    _use(workflow)


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_random_bytes_are_refused_with_a_sentence(data):
    messages = []
    for head in (b"", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBP", b"\x1f\x8b", b'{"nodes": ['):
        try:
            read_workflow(head + data, name="x")
        except WorkflowFileError as error:
            messages.append(str(error))

    assert messages
    assert all(message.startswith('Cannot open "x": ') for message in messages)
