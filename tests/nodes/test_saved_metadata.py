"""What saving nodes write into their files is found by opening them, or not there if unwanted."""

from __future__ import annotations

import importlib
import inspect
import itertools
import json
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from app.engine.engine import Engine
from app.engine.workflow.metadata import read_file_texts
from app.engine.workflow.reader import open_workflow

_NEEDLE = b"a sentence about"
_LONG = "a sentence about the picture. " * 5_000
_WORKFLOW = {
    "version": 0.4,
    "nodes": [{"id": 1, "type": "Note", "widgets_values": ["é " + _LONG]}],
    "links": [],
}


def _format(name: str, depth: str = "8-bit") -> dict[str, Any]:
    return {"format": name, "format.bit_depth": depth, "format.input_color_space": "sRGB"}


def _run(engine: Engine, base_dir: Path, kind: str, inputs: dict[str, Any], key: str) -> Path:
    if kind not in _WITHOUT_NAME:
        inputs = {"filename_prefix": f"meta/{kind}", **inputs}
    fresh = next(_FRESH)  # What was not changed would not be saved again.
    prompt = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 2, "color": fresh},
        },
        "2": {"class_type": "EmptyLatentImage",
              "inputs": {"width": 16, "height": 16, "batch_size": 1 + fresh}},
        "4": {"class_type": "SolidMask",
              "inputs": {"value": 1 / (1 + fresh), "width": 8, "height": 8}},
        "3": {"class_type": kind, "inputs": inputs},
    }  # fmt: skip
    result = engine.run(prompt, extra_data={"extra_pnginfo": {"workflow": _WORKFLOW}})
    assert result.error is None, result.node_errors
    saved = result.outputs["3"][key][0]
    return base_dir / saved["type"] / saved["subfolder"] / saved["filename"]


_PICTURES = {"images": ["1", 0]}
_FRESH = itertools.count()
_WITHOUT_NAME = ("PreviewImage", "ImageCompare", "MaskPreview")
_CASES = [
    ("SaveImage", _PICTURES, "images"),
    ("PreviewImage", _PICTURES, "images"),
    ("ImageCompare", {"image_b": ["1", 0]}, "b_images"),
    ("MaskPreview", {"mask": ["4", 0]}, "images"),
    ("SaveImageAdvanced", {**_PICTURES, **_format("png")}, "images"),
    ("SaveImageAdvanced", {**_PICTURES, **_format("png", "16-bit")}, "images"),
    ("SaveImageAdvanced", {**_PICTURES, **_format("jpg")}, "images"),
    ("SaveImageAdvanced", {**_PICTURES, **_format("webp")}, "images"),
    ("SaveAnimatedPNG", {**_PICTURES, "fps": 6.0, "compress_level": 4}, "images"),
    (
        "SaveAnimatedWEBP",
        {**_PICTURES, "fps": 6.0, "lossless": True, "quality": 80, "method": "default"},
        "images",
    ),
    ("SaveLatent", {"samples": ["2", 0]}, "latents"),
]
_CASES_WITHOUT_READER = [
    ("SaveImageAdvanced", {**_PICTURES, **_format("exr", "32-bit float")}, "images"),
]


def _name(case: Any) -> str:
    if isinstance(case, dict):
        return "-".join(str(value) for value in case.values() if isinstance(value, str))
    return str(case)


@pytest.mark.parametrize(("kind", "inputs", "key"), _CASES, ids=_name)
def test_a_saved_file_opens_as_the_workflow_that_made_it(engine, base_dir, kind, inputs, key):
    path = _run(engine, base_dir, kind, inputs, key)

    assert open_workflow(path).raw == _WORKFLOW
    texts = read_file_texts(path)
    assert json.loads(texts["prompt"])["3"]["class_type"] == kind


@pytest.mark.parametrize(("kind", "inputs", "key"), [*_CASES, *_CASES_WITHOUT_READER], ids=_name)
def test_with_metadata_switched_off_no_file_carries_anything(
    engine, base_dir, monkeypatch, kind, inputs, key
):
    assert _NEEDLE in _run(engine, base_dir, kind, inputs, key).read_bytes()
    monkeypatch.setattr(importlib.import_module("comfy.cli_args").args, "disable_metadata", True)

    path = _run(engine, base_dir, kind, inputs, key)

    assert not read_file_texts(path)
    data = path.read_bytes()
    assert all(word not in data for word in (_NEEDLE, b"workflow", b"class_type"))


def test_every_node_that_is_given_the_workflow_asks_for_it_where_the_switch_is(engine):
    mappings = importlib.import_module("nodes").NODE_CLASS_MAPPINGS
    modules = {sys.modules[cls.__module__] for cls in mappings.values()}
    sources = {module.__name__: inspect.getsource(module) for module in modules}
    given = {name: text for name, text in sources.items() if "extra_pnginfo" in text}

    # The helper of packs is tried below, with the switch off too.
    ways = ("metadata_texts(", "ui.PreviewMask(")
    assert len(given) >= 5
    assert [name for name, text in given.items() if not any(way in text for way in ways)] == []


@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("CheckpointSave", {"model": None, "clip": None, "vae": None}),
        ("ImageOnlyCheckpointSave", {"model": None, "clip_vision": None, "vae": None}),
        ("CLIPSave", {"clip": None}),
        ("VAESave", {"vae": SimpleNamespace(get_sd=lambda: {"w": torch.zeros(2)})}),
        ("ModelSave", {"model": None}),
    ],
    ids=_name,
)
def test_a_saved_model_carries_its_workflow_unless_that_is_switched_off(
    engine, base_dir, monkeypatch, kind, parts, is_off
):
    module = importlib.import_module("nodes.model_saving")
    tensors = {"w": torch.zeros(2)}
    monkeypatch.setattr(module.saving, "checkpoint_tensors", lambda *_: tensors)
    monkeypatch.setattr(module.saving, "network_tensors", lambda *_: tensors)
    monkeypatch.setattr(module.saving, "text_encoder_parts", lambda *_: {"l": tensors})
    monkeypatch.setattr(module, "_description", lambda *_: {"title": "t"})
    monkeypatch.setattr(importlib.import_module("comfy.cli_args").args, "disable_metadata", is_off)
    folder = base_dir / "output" / "models" / f"{kind}{is_off}"

    getattr(module, kind)().save(
        **parts, filename_prefix=f"models/{kind}{is_off}/m", prompt={"1": {}},
        extra_pnginfo={"workflow": _WORKFLOW},
    )  # fmt: skip

    (path,) = folder.iterdir()
    if is_off:
        assert read_file_texts(path).keys() & {"prompt", "workflow"} == set()
        assert _NEEDLE not in path.read_bytes()
    else:
        assert open_workflow(path).raw == _WORKFLOW


@pytest.mark.parametrize("is_off", [False, True])
def test_a_drawing_carries_its_workflow_unless_that_is_switched_off(
    engine, base_dir, monkeypatch, is_off
):
    node = importlib.import_module("nodes").NODE_CLASS_MAPPINGS["SaveSVGNode"]
    hidden = SimpleNamespace(prompt={"1": {}}, extra_pnginfo={"workflow": _WORKFLOW})
    monkeypatch.setattr(node, "hidden", hidden, raising=False)
    monkeypatch.setattr(importlib.import_module("comfy.cli_args").args, "disable_metadata", is_off)
    drawing = b"<svg><g/></svg>"

    saved = node.execute(SimpleNamespace(data=[BytesIO(drawing)])).ui["images"][0]

    path = base_dir / "output" / saved["subfolder"] / saved["filename"]
    if is_off:
        assert path.read_bytes() == drawing
    else:
        assert open_workflow(path).raw == _WORKFLOW


@pytest.mark.parametrize("is_off", [False, True])
@pytest.mark.parametrize("way", ["save_images", "save_animated_png", "save_animated_webp"])
def test_what_packs_save_with_carries_the_workflow_unless_that_is_switched_off(
    engine, base_dir, monkeypatch, way, is_off
):
    ui = importlib.import_module("comfy_api.latest").ui
    hidden = SimpleNamespace(prompt={"1": {}}, extra_pnginfo={"workflow": _WORKFLOW})
    monkeypatch.setattr(importlib.import_module("comfy.cli_args").args, "disable_metadata", is_off)
    more = {
        "save_images": (),
        "save_animated_png": (6.0, 4),
        "save_animated_webp": (6.0, True, 80, 4),
    }[way]

    saved = getattr(ui.ImageSaveHelper, way)(
        torch.zeros(2, 8, 8, 3), f"pack/{way}", ui.FolderType.output,
        SimpleNamespace(hidden=hidden), *more,
    )  # fmt: skip

    saved = saved[0] if isinstance(saved, list) else saved
    path = base_dir / "output" / saved.subfolder / saved.filename
    if is_off:
        assert read_file_texts(path) == {}
        assert _NEEDLE not in path.read_bytes()
    else:
        assert open_workflow(path).raw == _WORKFLOW
