"""The starter workflow and the templates: they fit the nodes, run, and lie tidily."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.engine.engine import Engine
from app.engine.node_types.definition import NodeDefinition
from app.engine.workflow.reader import open_workflow
from app.engine.workflow.to_prompt import convert

RESOURCES = Path(__file__).parents[2] / "resources"
INDEX: list[dict[str, Any]] = json.loads((RESOURCES / "templates" / "index.json").read_text())[
    "templates"
]
FILES = [RESOURCES / "default_workflow.json"] + [
    RESOURCES / "templates" / entry["file"] for entry in INDEX
]
TITLE_HEIGHT = 30
WINDOW_ONLY = ("MarkdownNote", "Reroute")


def _id(path: Path) -> str:
    return path.stem


@pytest.fixture(scope="module")
def known(definitions: dict[str, dict[str, Any]]) -> dict[str, NodeDefinition]:
    return {k: NodeDefinition.from_object_info(k, v) for k, v in definitions.items()}


def test_the_index_names_every_template_once() -> None:
    listed = sorted(entry["file"] for entry in INDEX)
    present = sorted(p.name for p in (RESOURCES / "templates").glob("*.json"))

    assert listed == [name for name in present if name != "index.json"]
    assert all(entry["title"] and entry["description"].endswith(".") for entry in INDEX)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_it_runs_and_saves_a_picture(
    path: Path, engine: Engine, known: dict[str, NodeDefinition], base_dir: Path
) -> None:
    Image.new("RGB", (48, 32), (200, 120, 80)).save(base_dir / "input" / "photo.png")
    conversion = convert(open_workflow(path, definitions=known), known)
    assert conversion.problems == []
    for node in conversion.prompt.values():
        _make_small(node, picture="photo.png")

    result = engine.run(conversion.prompt)

    assert result.error is None
    assert result.node_errors == {}
    assert any("images" in (ui or {}) for ui in result.outputs.values())


def _make_small(node: dict[str, Any], *, picture: str) -> None:
    """Keep the test quick, and give the nodes that load a picture one."""
    inputs = node["inputs"]
    if node["class_type"] == "LoadImage":
        inputs["image"] = picture
    if node["class_type"] == "ResolutionSelector":
        inputs["megapixels"] = 0.1
    for side in ("width", "height"):
        if isinstance(inputs.get(side), int):
            inputs[side] = min(inputs[side], 64)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_slots_and_widgets_are_those_of_the_node_types(
    path: Path, known: dict[str, NodeDefinition]
) -> None:
    for node in json.loads(path.read_text())["nodes"]:
        if node["type"] in WINDOW_ONLY:
            continue
        definition = known[node["type"]]
        assert [o["name"] for o in node["outputs"]] == [o.name for o in definition.outputs]
        names = {i["name"].partition(".")[0] for i in node["inputs"]}
        assert names == set(definition.input_by_name)


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_links_agree_with_the_slots_they_name(path: Path) -> None:
    document = json.loads(path.read_text())
    nodes = {node["id"]: node for node in document["nodes"]}

    for link_id, source, slot, target, place, kind in document["links"]:
        output = nodes[source]["outputs"][slot]
        assert link_id in output["links"]
        assert output["type"] == kind
        assert nodes[target]["inputs"][place]["link"] == link_id


@pytest.mark.parametrize("path", FILES, ids=_id)
def test_no_two_nodes_overlap(path: Path) -> None:
    boxes = [
        (n["pos"][0], n["pos"][1] - TITLE_HEIGHT, n["pos"][0] + n["size"][0],
         n["pos"][1] + n["size"][1])
        for n in json.loads(path.read_text())["nodes"]
    ]  # fmt: skip

    clashes = [
        (a, b)
        for index, a in enumerate(boxes)
        for b in boxes[index + 1 :]
        if a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
    ]

    assert clashes == []
