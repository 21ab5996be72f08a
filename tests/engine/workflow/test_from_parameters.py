"""Settings texts of other programs, and the workflows made of them."""

from __future__ import annotations

import pytest
from workflow_tools import sample_definitions

from app.engine.workflow.from_parameters import prompt_from_parameters
from app.engine.workflow.from_prompt import workflow_from_prompt
from app.engine.workflow.to_prompt import convert

_TEXT = """a castle, <lora:mood:0.8> at night
by the sea <lora:sharp>
Negative prompt: blurry, text
Steps: 30, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 123456789012345, \
Size: 832x1216, Model hash: abc, Model: dream_v8, Clip skip: 2, Lora hashes: "mood: 1, sharp: 2", \
Version: v1.9"""


def test_every_setting_reaches_its_node():
    prompt = prompt_from_parameters(_TEXT)

    by_type = {entry["class_type"]: entry["inputs"] for entry in prompt.values()}
    sampler = by_type["KSampler"]
    assert {key: sampler[key] for key in ("seed", "steps", "cfg", "sampler_name", "scheduler")} == {
        "seed": 123456789012345, "steps": 30, "cfg": 6.5,
        "sampler_name": "dpmpp_2m", "scheduler": "karras",
    }  # fmt: skip
    assert by_type["CheckpointLoaderSimple"]["ckpt_name"] == "dream_v8.safetensors"
    assert (by_type["EmptyLatentImage"]["width"], by_type["EmptyLatentImage"]["height"]) == (
        832,
        1216,
    )
    assert by_type["CLIPSetLastLayer"]["stop_at_clip_layer"] == -2
    assert prompt["3"]["inputs"]["text"] == "a castle,  at night\nby the sea"
    assert prompt["4"]["inputs"]["text"] == "blurry, text"
    assert sampler["model"] == ["101", 0]
    assert prompt["100"]["inputs"]["strength_model"] == 0.8
    assert prompt["101"]["inputs"]["lora_name"] == "sharp.safetensors"


def test_the_workflow_converts_back_to_the_same_prompt():
    prompt = prompt_from_parameters(_TEXT.replace("Clip skip: 2, ", ""))

    workflow = workflow_from_prompt(prompt, sample_definitions())

    converted = convert(workflow, sample_definitions(), first_choice=True).prompt
    assert {key: entry["inputs"] for key, entry in converted.items()} == {
        key: entry["inputs"] for key, entry in prompt.items()
    }


@pytest.mark.parametrize(
    "text", ["", "a cat", "Negative prompt: Steps", "Sampler: x", "x" * 2_000_000]
)
def test_other_texts_are_no_settings(text):
    assert prompt_from_parameters(text) is None


@pytest.mark.parametrize(
    ("line", "node", "name", "expected"),
    [
        ("Steps: 5, Sampler: Euler a", "KSampler", "sampler_name", "euler_ancestral"),
        ("Steps: 5, Sampler: DPM++ SDE Karras", "KSampler", "scheduler", "karras"),
        ("Steps: 5, Sampler: Strange", "KSampler", "sampler_name", "euler"),
        ("Steps: x, Sampler: Euler", "KSampler", "steps", 20),
        ("Steps: 5, Seed: -1", "KSampler", "seed", 0),
        ("Steps: 5, CFG scale: nan", "KSampler", "cfg", 7.0),
        ("Steps: 5, Size: wide", "EmptyLatentImage", "width", 512),
        ("Steps: 5, Model: a.ckpt", "CheckpointLoaderSimple", "ckpt_name", "a.ckpt"),
    ],
)
def test_odd_settings_become_usable_values(line, node, name, expected):
    prompt = prompt_from_parameters(f"cat\n{line}")

    found = next(entry for entry in prompt.values() if entry["class_type"] == node)
    assert found["inputs"][name] == expected
