"""Promises that every built-in node keeps, and the facts that files rely on."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.engine.node_types.definition import NodeDefinition

DATA = Path(__file__).parents[1] / "data" / "nodes"
RECORDED: dict[str, Any] = json.loads((DATA / "object_info.json").read_text())
CATALOGUE: dict[str, Any] = json.loads((DATA / "catalogue.json").read_text())
SHIPPED = ["easel_starter.safetensors"]
"""Model files that come with the program; the recordings know none."""
OWN_WORDS = {"description", "output_tooltips", "python_module", "search_aliases"}


def _without_tooltips(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_tooltips(v) for k, v in value.items() if k != "tooltip"}
    if isinstance(value, (list, tuple)):
        return [_without_tooltips(item) for item in value if item not in SHIPPED]
    return value


def _comparable(info: dict[str, Any]) -> dict[str, Any]:
    """Drop our own words, and write an input without options as one with empty options."""
    facts = _without_tooltips({k: v for k, v in info.items() if k not in OWN_WORDS})
    for section in ("required", "optional"):
        for declared in facts["input"].get(section, {}).values():
            if len(declared) == 1:
                declared.append({})
    return facts


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_definition_equals_the_recorded_one(
    name: str, definitions: dict[str, dict[str, Any]]
) -> None:
    actual = json.loads(json.dumps(definitions[name]))

    assert _comparable(actual) == _comparable(RECORDED[name])


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_definition_agrees_with_the_catalogue(
    name: str, definitions: dict[str, dict[str, Any]]
) -> None:
    expected = CATALOGUE[name]
    info = definitions[name]
    definition = NodeDefinition.from_object_info(name, info)

    assert definition.display_name == expected["display"]
    assert definition.category == expected["category"]
    flags = {
        "o": definition.output_node,
        "d": definition.deprecated,
        "x": definition.experimental,
        "l": any(output.is_list for output in definition.outputs),
    }
    assert sorted(key for key, is_set in flags.items() if is_set) == expected["flags"]
    assert {item.name for item in definition.inputs} == {i["name"] for i in expected["inputs"]}
    for item in expected["inputs"]:
        _check_input(definition, item)
    assert len(definition.outputs) == len(expected["outputs"])
    for output, text in zip(definition.outputs, expected["outputs"], strict=True):
        output_name, _, kind = text.rpartition(":")
        assert not output_name or output.name == output_name
        assert kind == "any" or output.type == kind


SPECIAL_TYPES = {
    "autogrow": "COMFY_AUTOGROW_V3",
    "matchtype": "COMFY_MATCHTYPE_V3",
    "dynamiccombo": "COMFY_DYNAMICCOMBO_V3",
}


def _check_input(definition: NodeDefinition, expected: dict[str, Any]) -> None:
    item = definition.input_by_name[expected["name"]]
    count = re.fullmatch(r"COMBO\((\d+)\)", expected["type"])
    if count:
        assert item.type == "COMBO"
        assert len([c for c in item.choices or () if c not in SHIPPED]) == int(count[1])
    else:
        assert item.type == SPECIAL_TYPES.get(expected["type"], expected["type"])
    assert item.required is not expected["optional"]
    assert bool(item.options.get("lazy")) is expected["lazy"]
    if expected["default"] is not None:
        shown = item.options["default"]
        assert str(shown) == expected["default"].strip('"')


def test_every_input_type_answers(nodes: ModuleType, definitions: dict[str, Any]) -> None:
    assert set(definitions) == set(nodes.NODE_CLASS_MAPPINGS)


def _every_input(info: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return names and options of inputs, also of those inside dynamic ones."""
    found = []
    for section in ("required", "optional"):
        for name, declared in info.get("input", info).get(section, {}).items():
            options = declared[1] if len(declared) > 1 else {}
            found.append((name, options))
            for option in options.get("options", ()):
                if isinstance(option, dict):
                    found += _every_input(option["inputs"])
            found += _every_input(options.get("template", {}).get("input", {}))
    return found


def test_every_node_has_a_description_that_ends_as_a_sentence(
    definitions: dict[str, dict[str, Any]],
) -> None:
    silent = [
        n for n, info in definitions.items() if not re.search(r"\w.*\.$", info["description"])
    ]

    assert silent == []


def test_every_input_has_a_tooltip(definitions: dict[str, dict[str, Any]]) -> None:
    silent = [
        f"{node}.{name}"
        for node, info in definitions.items()
        for name, options in _every_input(info)
        if not options.get("tooltip")
    ]

    assert silent == []


def test_every_output_has_a_type_and_a_name(definitions: dict[str, dict[str, Any]]) -> None:
    for node, info in definitions.items():
        counts = {len(info[key]) for key in ("output", "output_name", "output_is_list")}
        assert len(counts) == 1, node


def test_every_default_lies_in_its_own_range(definitions: dict[str, dict[str, Any]]) -> None:
    outside = [
        f"{node}.{name}"
        for node, info in definitions.items()
        for name, options in _every_input(info)
        if isinstance(options.get("default"), (int, float))
        and not options.get("min", -1e30) <= options["default"] <= options.get("max", 1e30)
    ]

    assert outside == []


def test_every_default_choice_is_offered(definitions: dict[str, dict[str, Any]]) -> None:
    wrong = [
        f"{node}.{name}"
        for node, info in definitions.items()
        for name, options in _every_input(info)
        if options.get("options")
        and "default" in options
        and options["default"] not in options["options"]
    ]

    assert wrong == []


def test_packs_find_the_names_they_import(nodes: ModuleType) -> None:
    assert nodes.MAX_RESOLUTION == 16384
    assert issubclass(nodes.PreviewImage, nodes.SaveImage)
    assert nodes.NODE_CLASS_MAPPINGS["ImageScale"] is nodes.ImageScale


def test_a_node_that_derives_from_save_image_may_set_the_attributes_itself(
    nodes: ModuleType, base_dir: Path
) -> None:
    import torch

    class Keep(nodes.SaveImage):  # type: ignore[misc]
        def __init__(self) -> None:
            self.output_dir = str(base_dir / "elsewhere")
            self.type = "output"
            self.prefix_append = "_kept"
            self.compress_level = 1

    (base_dir / "elsewhere").mkdir(exist_ok=True)
    result = Keep().save_images(torch.zeros(1, 8, 8, 3), "mine")

    assert result["ui"]["images"][0]["filename"] == "mine_kept_00001_.png"
