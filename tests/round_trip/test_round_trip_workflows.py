"""Every sample file is opened, saved and compared as data, with its key order."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.bind import bind_graph
from app.engine.workflow.reader import open_workflow, read_workflow
from app.engine.workflow.to_prompt import convert
from app.engine.workflow.writer import save_workflow, serialize, snapshot

_FOLDER = Path(__file__).resolve().parents[1] / "data" / "workflows"
_FILES = sorted(
    path
    for path in (_FOLDER / "open").iterdir()
    if ".json" in path.name and ".prompt." not in path.name
)


def _spelled(data: bytes) -> str:
    """Return JSON in one spelling: key order and number classes kept, NaN as null."""
    return json.dumps(json.loads(data, parse_constant=lambda _: None))


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


@pytest.fixture(scope="module")
def definitions() -> dict[str, NodeDefinition]:
    entries = json.loads(gzip.decompress((_FOLDER / "object_info.json.gz").read_bytes()))
    return {name: NodeDefinition.from_object_info(name, info) for name, info in entries.items()}


def test_all_88_samples_are_there():
    assert len(_FILES) == 88


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_an_untouched_file_is_saved_as_it_was(path, tmp_path):
    target = tmp_path / "saved.json"

    save_workflow(target, snapshot(open_workflow(path)))

    assert _spelled(target.read_bytes()) == _spelled(_content(path))


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.name)
def test_showing_and_converting_a_file_leaves_it_as_it_was(path, definitions):
    workflow = open_workflow(path)

    for graph in workflow.graphs():
        bind_graph(workflow, graph, definitions)
    convert(workflow, definitions, first_choice=True)

    assert _spelled(serialize(snapshot(workflow))) == _spelled(_content(path))


def test_numbers_keep_their_class_and_unicode_its_letters():
    text = (
        '{"nodes":[],"a":1,"b":1.0,"c":-0.0,"d":12345678901234567890,"e":"é 漢 \\ud83d","f":1e400}'
    )

    saved = serialize(snapshot(read_workflow(text)))

    assert json.loads(saved) == {
        "nodes": [], "a": 1, "b": 1.0, "c": -0.0, "d": 12345678901234567890, "e": "é 漢 \ud83d",
        "f": None,
    }  # fmt: skip
    assert b'"a":1,"b":1.0,"c":-0.0' in saved
