"""What the saving nodes write into their files is what opening them finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.engine.engine import Engine
from app.engine.workflow.metadata import read_file_texts
from app.engine.workflow.reader import open_workflow

_LONG = "a sentence about the picture. " * 5_000
_WORKFLOW = {
    "version": 0.4,
    "nodes": [{"id": 1, "type": "Note", "widgets_values": ["é " + _LONG]}],
    "links": [],
}


def _format(name: str, depth: str = "8-bit") -> dict[str, Any]:
    return {"format": name, "format.bit_depth": depth, "format.input_color_space": "sRGB"}


def _run(engine: Engine, base_dir: Path, kind: str, inputs: dict[str, Any], key: str) -> Path:
    prompt = {
        "1": {
            "class_type": "EmptyImage",
            "inputs": {"width": 8, "height": 8, "batch_size": 1, "color": 0x336699},
        },
        "2": {"class_type": "EmptyLatentImage",
              "inputs": {"width": 64, "height": 64, "batch_size": 1}},
        "3": {"class_type": kind, "inputs": {"filename_prefix": f"meta/{kind}", **inputs}},
    }  # fmt: skip
    result = engine.run(prompt, extra_data={"extra_pnginfo": {"workflow": _WORKFLOW}})
    assert result.error is None, result.node_errors
    saved = result.outputs["3"][key][0]
    return base_dir / "output" / saved["subfolder"] / saved["filename"]


@pytest.mark.parametrize(
    ("kind", "inputs", "key"),
    [
        ("SaveImage", {"images": ["1", 0]}, "images"),
        ("SaveImageAdvanced", {"images": ["1", 0], **_format("png")}, "images"),
        ("SaveImageAdvanced", {"images": ["1", 0], **_format("png", "16-bit")}, "images"),
        ("SaveImageAdvanced", {"images": ["1", 0], **_format("jpg")}, "images"),
        ("SaveImageAdvanced", {"images": ["1", 0], **_format("webp")}, "images"),
        ("SaveAnimatedPNG", {"images": ["1", 0], "fps": 6.0, "compress_level": 4}, "images"),
        ("SaveAnimatedWEBP", {"images": ["1", 0], "fps": 6.0, "lossless": True, "quality": 80,
                              "method": "default"}, "images"),
        ("SaveLatent", {"samples": ["2", 0]}, "latents"),
    ],
)  # fmt: skip
def test_a_saved_file_opens_as_the_workflow_that_made_it(engine, base_dir, kind, inputs, key):
    path = _run(engine, base_dir, kind, inputs, key)

    assert open_workflow(path).raw == _WORKFLOW
    texts = read_file_texts(path)
    assert json.loads(texts["prompt"])["3"]["class_type"] == kind


def test_with_metadata_switched_off_a_file_carries_nothing(engine, base_dir, monkeypatch):
    from comfy.cli_args import args

    monkeypatch.setattr(args, "disable_metadata", True)

    path = _run(engine, base_dir, "SaveImage", {"images": ["1", 0]}, "images")

    assert read_file_texts(path) == {}
