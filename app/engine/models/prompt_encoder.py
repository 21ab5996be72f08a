"""Which text encoder reads a prompt, found in the graph: quick, and without torch.

The prompt editor asks before anything has run, so only names of nodes, chosen files and a file's
header tell.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.engine.models.starter_words import StarterWords, read_words

FindFile = Callable[[str, str], str | None]
"""From a kind of model (``checkpoints``) and a chosen name to the file, or None."""

_CLIP_INPUTS: Final = ("clip", "clip1", "clip_1")
"""Inputs that a text encoder comes through; of two that are merged the first counts."""
_CHECKPOINT_INPUT: Final = "ckpt_name"
_TYPE_INPUT: Final = "type"
_T5_TYPES: Final = frozenset({"flux"})
"""Types of text encoder loaders whose sequence is T5's alone."""


class EncoderKind(enum.Enum):
    """How a prompt is cut."""

    CLIP = "clip"  # rows of 75 tokens
    T5 = "t5"  # one row without end
    STARTER = "starter"  # rows of 12 words


@dataclass(frozen=True, slots=True)
class PromptEncoder:
    """A text encoder, as far as counting needs it.

    Attributes:
        kind: How it cuts a prompt.
        words: The vocabulary of the starter model; None for the others.
    """

    kind: EncoderKind = EncoderKind.CLIP
    words: StarterWords | None = None


CLIP_ENCODER: Final = PromptEncoder()
"""What is taken where nothing is known."""


def encoder_of(prompt: Mapping[str, Any], node: str, find_file: FindFile) -> PromptEncoder:
    """Return the encoder that reads the texts of a node; CLIP where the graph does not tell.

    Args:
        prompt: Nodes by id with ``class_type`` and ``inputs``, subgraphs and reroutes resolved.
        node: Id of the node that encodes.
        find_file: Finds the file of a checkpoint.
    """
    inputs = _loader_inputs(prompt, node)
    checkpoint = inputs.get(_CHECKPOINT_INPUT)
    if isinstance(checkpoint, str):
        path = find_file("checkpoints", checkpoint)
        words = read_words(path) if path is not None else None
        if words is not None:
            return PromptEncoder(EncoderKind.STARTER, words)
    elif str(inputs.get(_TYPE_INPUT)) in _T5_TYPES:  # a linked one is a list
        return PromptEncoder(EncoderKind.T5)
    return CLIP_ENCODER


def _loader_inputs(prompt: Mapping[str, Any], node: str) -> Mapping[str, Any]:
    """Follow the text encoder's link up to the node that loads it; return that node's inputs."""
    seen: set[str] = set()
    start = node
    while node not in seen:
        seen.add(node)
        inputs: Mapping[str, Any] = prompt.get(node, {}).get("inputs", {})
        source = next((inputs[name] for name in _CLIP_INPUTS if name in inputs), None)
        if not isinstance(source, (list, tuple)) or not source:
            return {} if node == start else inputs
        node = str(source[0])
    return {}
