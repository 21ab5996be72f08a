"""U-244, U-245: the window counts prompts and suggests embeddings and LoRAs."""

from __future__ import annotations

import asyncio

import pytest
from PySide6.QtCore import QObject

from app.engine.node_types.definition import NodeDefinition
from app.ui.prompt_help import PromptHelp, length_in_words


class Work:
    """Stands for the window's background: runs what it is given at once."""

    def run(self, work):
        asyncio.run(work)


class Window(QObject):
    def __init__(self, loras):
        super().__init__()
        self.background = Work()
        info = {
            "input": {"required": {"lora_name": [loras, {}]}},
            "output": [], "output_name": [], "output_is_list": [], "name": "LoraLoader",
            "display_name": "Load LoRA", "description": "", "category": "loaders",
        }  # fmt: skip
        self.definitions = {"LoraLoader": NodeDefinition.from_object_info("LoraLoader", info)}


@pytest.fixture
def window(qapp):
    return Window(["styles/ink_v2.safetensors"])


@pytest.fixture
def prompt_help(window):
    helper = PromptHelp(window)
    helper.take_embeddings({"easynegative.safetensors": "/nowhere/easynegative.safetensors"})
    return helper


def names(found):
    return [match.item.name for match in found.matches]


def test_u244_embeddings_and_loras_are_suggested(prompt_help):
    assert names(prompt_help.complete("a cat, easyn", 12)) == ["embedding:easynegative"]
    assert names(prompt_help.complete("ink", 3)) == ["styles/ink_v2"]
    assert prompt_help.complete("nothing of the kind", 19) is None


def test_u244_new_files_are_suggested_at_once(prompt_help, window):
    assert prompt_help.complete("glow", 4) is None

    prompt_help.take_embeddings({"glow.pt": "/nowhere/glow.pt"})

    assert names(prompt_help.complete("glow", 4)) == ["embedding:glow"]


def test_u245_a_prompt_is_counted_in_words(prompt_help):
    told = []

    prompt_help.count("a photo of a cat", told.append)

    assert told == ["5 / 75 tokens"]
    assert length_in_words(" ".join(["cat"] * 80), {}) == "80 / 150 tokens"
