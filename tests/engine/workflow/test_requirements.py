"""What a workflow needs and the install lacks: node types, packs, models."""

from __future__ import annotations

import json

import pytest
from workflow_tools import content, definition, flow, node, subgraph

from app.engine.workflow.bind import bind_graph
from app.engine.workflow.patch import apply_patch
from app.engine.workflow.requirements import (
    MissingModel,
    NodePlace,
    missing_models,
    missing_node_types,
    missing_packs,
    similar_names,
    use_model,
)

_LOADER = definition(
    "Load", {"a": [["x.safetensors"], {}], "b": [["x.safetensors"], {}]}, None, ("MODEL",)
)
_KNOWN = {"Load": _LOADER}
_MODEL = {
    "name": "big.safetensors", "url": "https://example.org/big", "directory": "loras",
    "hash": "abc", "hash_type": "SHA256",
}  # fmt: skip


def _no_files(kind):
    return ()


def test_missing_types_are_named_with_pack_version_and_places():
    workflow = flow(
        [
            node(1, "Load"),
            node(2, "Nope", properties={}),
            node(3, "Nope", properties={"cnr_id": "nope-pack", "ver": "1.2.0"}),
            node(4, "Odd", properties={"aux_id": "someone/odd-nodes", "ver": "abc123"}),
            node(5, "Lost"),
            *(node(n, kind) for n, kind in enumerate(("Note", "Reroute", "PrimitiveNode"), 6)),
        ]
    )

    found = missing_node_types(workflow, _KNOWN)

    assert [(item.type, item.source, item.version) for item in found] == [
        ("Nope", "nope-pack", "1.2.0"), ("Odd", "someone/odd-nodes", "abc123"), ("Lost", "", ""),
    ]  # fmt: skip
    assert found[0].nodes == (NodePlace("", "2"), NodePlace("", "3"))
    assert [(pack.name, pack.version, len(pack.types)) for pack in missing_packs(found)] == [
        ("nope-pack", "1.2.0", 1), ("someone/odd-nodes", "abc123", 1), ("", "", 1),
    ]  # fmt: skip


def test_only_subgraphs_that_are_used_count():
    inner = subgraph("used", [node(1, "Deep")], [])
    unused = subgraph("unused", [node(1, "Never")], [])

    workflow = flow([node(1, "used")], definitions={"subgraphs": [inner, unused]})

    assert [(item.type, item.nodes) for item in missing_node_types(workflow, {})] == [
        ("Deep", (NodePlace("used", "1"),))
    ]


def test_types_inside_legacy_group_nodes_count_and_the_group_does_not():
    groups = {"G": {"nodes": [{"type": "Inner", "index": 0}], "links": [], "external": []}}

    workflow = flow([node(1, "workflow>G"), node(2, "workflow>Gone")], extra={"groupNodes": groups})

    found = {item.type: item.nodes for item in missing_node_types(workflow, {})}
    assert found == {"workflow>Gone": (NodePlace("", "2"),), "Inner": ()}


def test_missing_models_carry_all_the_file_tells():
    workflow = flow(
        [
            node(
                1, "Load", widgets_values=["big.safetensors", "x"], properties={"models": [_MODEL]}
            ),
            node(2, "Load", widgets_values=["big.safetensors"], properties={"models": [_MODEL]}),
        ],
        models=[{"name": "whole.ckpt", "directory": "checkpoints", "url": "u"}],
    )

    found = missing_models(workflow, _no_files)

    assert found == (
        MissingModel(
            "big.safetensors", "loras", "https://example.org/big", "abc", "SHA256",
            (NodePlace("", "1"), NodePlace("", "2")),
        ),
        MissingModel("whole.ckpt", "checkpoints", "u"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "there", ["big.safetensors", "flux/big.safetensors", "flux\\big.safetensors"]
)
def test_a_model_in_a_folder_inside_is_there(there):
    workflow = flow([node(1, "Load", properties={"models": [_MODEL]})])

    assert missing_models(workflow, lambda kind: [there] if kind == "loras" else []) == ()


def test_a_model_that_no_value_names_any_more_is_not_wanted():
    workflow = flow(
        [node(1, "Load", widgets_values=["other.safetensors"], properties={"models": [_MODEL]})]
    )

    assert missing_models(workflow, _no_files) == ()


def test_similar_files_are_offered_best_first():
    names = ["sub/BIG_v2.safetensors", "small.safetensors", "big.ckpt", "unlike.bin"]

    assert similar_names("big.safetensors", names)[0] == "sub/BIG_v2.safetensors"
    assert "unlike.bin" not in similar_names("big.safetensors", names)


def test_each_kind_of_folder_is_listed_once():
    asked = []
    models = [{**_MODEL, "name": f"m{n}.safetensors"} for n in range(3)]

    missing_models(flow([], models=models), lambda kind: asked.append(kind) or ())

    assert asked == ["loras"]


def test_mapping_a_model_changes_every_value_that_names_it_and_can_be_taken_back():
    inner = subgraph("s", [node(1, "Load", widgets_values=["f\\big.safetensors", "x"])], [])
    workflow = flow(
        [
            node(1, "Load", widgets_values=["f/big.safetensors", "f/big.safetensors"],
                 widgets_values_named={"a": "f/big.safetensors", "b": "f/big.safetensors"}),
            node(2, "Load", widgets_values=["x", "y"]),
            node(3, "Nope", widgets_values=["f/big.safetensors"]),
            node(4, "s"),
        ],
        definitions={"subgraphs": [inner]},
    )  # fmt: skip
    before = content(workflow)

    patch = use_model(workflow, _KNOWN, MissingModel("f/big.safetensors", "loras"), "mine.ckpt")
    inverse = apply_patch(workflow, patch)

    values = {key: item.get("widgets_values") for key, item in workflow.root.nodes.items()}
    assert values["1"] == ["mine.ckpt", "mine.ckpt"]
    assert workflow.root.nodes["1"].get("widgets_values_named") == {
        "a": "mine.ckpt", "b": "mine.ckpt",
    }  # fmt: skip
    assert values["2"] == ["x", "y"]
    assert values["3"] == ["f/big.safetensors"]
    assert workflow.subgraphs["s"].nodes["1"].get("widgets_values") == ["mine.ckpt", "x"]
    assert bind_graph(workflow, workflow.root, _KNOWN).nodes["1"].widgets[0].value == "mine.ckpt"
    apply_patch(workflow, inverse)
    assert content(workflow) == before


@pytest.mark.parametrize(
    "models", [None, 3, "x", [None, 5, {}, {"name": 4}, {"url": "u"}], {"0": {"name": "a"}}]
)
def test_damaged_lists_hold_no_models(models):
    workflow = flow([node(1, "Load", properties={"models": models})], models=models)

    assert missing_models(workflow, _no_files) == ()
    assert json.loads(content(workflow))["models"] == models


@pytest.mark.parametrize(
    ("value", "files", "expected"),
    [
        ("big.safetensors", ["flux/big.safetensors"], ("flux/big.safetensors",)),
        ("old\\big.safetensors", ["big.safetensors"], ("big.safetensors",)),
        ("big.safetensors", ["big.safetensors", "flux/big.safetensors"], None),
        ("flux\\big.safetensors", ["flux/big.safetensors"], None),
    ],
)
def test_a_file_in_another_folder_than_a_node_says_is_missing_for_that_node(value, files, expected):
    workflow = flow([node(1, "Load", widgets_values=[value, "x"], properties={"models": [_MODEL]})])

    found = missing_models(workflow, lambda kind: files, _KNOWN)

    assert [(each.nodes, each.similar) for each in found] == (
        [] if expected is None else [((NodePlace("", "1"),), expected)]
    )


def test_sizes_are_read_from_either_key_and_nonsense_is_none():
    entries = [
        {"name": f"{number}.ckpt", "directory": "checkpoints", **size}
        for number, size in enumerate(
            [{"size": 5}, {"size_bytes": 6}, {"size": "big"}, {"size": -1}, {"size": True}]
        )
    ]

    found = missing_models(flow([], models=entries), _no_files)

    assert [each.size_bytes for each in found] == [5, 6, 0, 0, 0]


def test_use_model_replaces_a_file_whatever_folder_a_node_says():
    workflow = flow(
        [
            node(1, "Load", widgets_values=["big.safetensors", "deep\\big.safetensors"]),
            node(2, "Load", widgets_values=["bigger.safetensors", "x"]),
        ]
    )

    apply_patch(
        workflow,
        use_model(
            workflow, _KNOWN, MissingModel("big.safetensors", "loras"), "flux/big.safetensors"
        ),
    )

    values = [each.raw["widgets_values"] for each in workflow.root.nodes.values()]
    assert values == [["flux/big.safetensors"] * 2, ["bigger.safetensors", "x"]]
