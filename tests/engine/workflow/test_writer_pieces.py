"""JSON made in pieces is the JSON made at once, and no piece is large."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from workflow_tools import read_sample

from app.engine.workflow.reader import new_workflow
from app.engine.workflow.writer import dump_json, serialize, snapshot

_LEAVES = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(
    allow_nan=False, allow_infinity=False
)  # fmt: skip
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, min_size=40, max_size=60)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(_VALUES)
def test_pieces_join_to_the_same_bytes(value):
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        expected = text.encode()
    except UnicodeEncodeError:
        expected = json.dumps(value, separators=(",", ":")).encode()

    assert dump_json(value) == expected


def test_infinities_become_null_and_half_surrogates_escapes():
    many = [{"a": 1.5}] * 100
    assert dump_json({"nodes": many, "b": float("inf")}).endswith(b'"b":null}')
    assert dump_json({"nodes": many, "b": "\ud83d"}).endswith(b'"b":"\\ud83d"}')


def test_the_keys_of_other_mappings_are_texts():
    assert dump_json({1: {"a": []}, "b": {}}) == b'{"1":{"a":[]},"b":{}}'


def test_no_piece_holds_more_than_a_few_nodes(monkeypatch):
    largest = []
    encode = json.JSONEncoder.encode

    def note(self, value):
        text = encode(self, value)
        largest.append(len(text))
        return text

    workflow = new_workflow()
    workflow.raw["nodes"] = [{"id": n, "type": "A", "inputs": [{}] * 4} for n in range(4000)]
    definition = {"id": "x", "nodes": list(workflow.raw["nodes"]), "links": []}
    workflow.raw["definitions"] = {"subgraphs": [definition, definition]}
    monkeypatch.setattr(json.JSONEncoder, "encode", note)

    whole = serialize(snapshot(workflow))

    assert max(largest) < len(whole) / 100


def test_a_sample_reads_back_as_it_was_written():
    workflow = read_sample("adv_subgraph_instances")

    assert json.loads(serialize(snapshot(workflow))) == workflow.raw
