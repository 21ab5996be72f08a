"""``--set NODE.INPUT=VALUE``."""

from __future__ import annotations

from typing import Any

import pytest

from app.cli.assignments import AssignmentError, apply_assignment

DECLARED = {"KSampler": ["seed", "steps", "model"], "Batch": ["images.image0"]}


def declared(name: str) -> list[str]:
    return DECLARED.get(name, [])


@pytest.fixture
def prompt() -> dict[str, Any]:
    return {
        "3": {"class_type": "KSampler", "inputs": {"seed": 1, "model": ["4", 0]}},
        "57:8": {
            "class_type": "CLIPTextEncode",
            "inputs": {"text": "a cat"},
            "_meta": {"title": "Positive v1.5"},
        },
        "9": {"class_type": "CLIPTextEncode", "inputs": {"text": "blur"}},
        "12": {"class_type": "Batch", "inputs": {}},
    }


@pytest.mark.parametrize(
    ("text", "node_id", "name", "value"),
    [
        ("3.seed=42", "3", "seed", 42),
        ("3.seed=0.5", "3", "seed", 0.5),
        ("3.seed=true", "3", "seed", True),
        ("3.seed=null", "3", "seed", None),
        ("3.seed=word", "3", "seed", "word"),
        ('3.seed="42"', "3", "seed", "42"),
        ("3.steps=20", "3", "steps", 20),
        ("KSampler.steps=20", "3", "steps", 20),
        ('3.model=["9", 0]', "3", "model", ["9", 0]),
        ("3.seed=[1, 2, 3]", "3", "seed", {"__value__": [1, 2, 3]}),
        ("57:8.text=42", "57:8", "text", "42"),
        ("9.text=a=b.c", "9", "text", "a=b.c"),
        ("9.text=", "9", "text", ""),
        ("Positive v1.5.text=dog", "57:8", "text", "dog"),
        ("12.images.image0=5", "12", "images.image0", 5),
    ],
)
def test_an_assignment_sets_one_input(prompt, text, node_id, name, value):
    apply_assignment(prompt, text, declared)

    assert prompt[node_id]["inputs"][name] == value
    assert type(prompt[node_id]["inputs"][name]) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("3.seed", "write it as NODE.INPUT=VALUE"),
        ("seed=3", "write it as NODE.INPUT=VALUE"),
        ("4.seed=3", 'no node "4"'),
        ("KSamplr.seed=3", 'Did you mean "KSampler"?'),
        ("3.sed=3", 'Did you mean "seed"?'),
        ("3.zzz=3", "It has: seed, steps"),
        ("CLIPTextEncode.text=a", r"several nodes: use an id \(57:8, 9\)"),
    ],
)
def test_an_assignment_that_fits_nothing_says_what_would(prompt, text, message):
    with pytest.raises(AssignmentError, match=message):
        apply_assignment(prompt, text, declared)


def test_a_node_without_inputs_can_be_given_one():
    prompt: dict[str, Any] = {"1": {"class_type": "KSampler"}}

    apply_assignment(prompt, "1.seed=5", declared)

    assert prompt["1"]["inputs"] == {"seed": 5}
