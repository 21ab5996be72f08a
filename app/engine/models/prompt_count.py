"""How long a prompt is, for the prompt editor: quick, and without torch.

Any thread may count; the first count reads the vocabulary, which takes about a tenth of a second.
"""

from __future__ import annotations

import functools
import json
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from app.engine.models.prompt_encoder import CLIP_ENCODER, EncoderKind, PromptEncoder
from app.engine.models.starter_words import WORDS, UnknownWord
from app.engine.models.tokenizer import ROW_LENGTH, PromptTokenizer, parse_weights
from app.engine.models.unigram import t5_vocabulary

ROW_ROOM: Final = ROW_LENGTH - 2
"""Tokens of a prompt that fit into one row, without its start and end."""

_LARGEST_HEADER: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class PromptCount:
    """The length of a prompt.

    Attributes:
        tokens: Tokens, or words, without padding.
        rows: Rows of the text encoder that it fills; an empty prompt fills one.
        kind: Which encoder has counted.
        unknown: Words that the encoder leaves out.
    """

    tokens: int
    rows: int
    kind: EncoderKind = EncoderKind.CLIP
    unknown: tuple[UnknownWord, ...] = ()

    @property
    def room(self) -> int | None:
        """Tokens that fit into as many rows; None where a row has no end."""
        return None if self.kind is EncoderKind.T5 else self.rows * _ROOMS[self.kind]


_ROOMS: Final = {EncoderKind.CLIP: ROW_ROOM, EncoderKind.STARTER: WORDS}


def count_prompt(
    text: str,
    embeddings: Mapping[str, str] | None = None,
    encoder: PromptEncoder = CLIP_ENCODER,
    caret: int | None = None,
) -> PromptCount:
    """Count the tokens of a prompt as its text encoder does.

    Args:
        text: The prompt with weights and ``embedding:name``.
        embeddings: Paths of the embeddings by file name; one that is not there counts nothing.
        encoder: What reads the prompt: the CLIP encoders of Stable Diffusion, T5, or the starter
            model's.
        caret: Where the artist is typing; half a word there is not called unknown.
    """
    if encoder.words is not None:
        words, rows = encoder.words.count(text)
        unknown = encoder.words.unknown_of(text, caret)
        return PromptCount(words, rows, EncoderKind.STARTER, tuple(unknown))
    if encoder.kind is EncoderKind.T5:
        vocabulary = t5_vocabulary()
        count = sum(len(vocabulary.encode(part)) for part, _ in parse_weights(text))
        return PromptCount(count, 1, EncoderKind.T5)
    known = embeddings or {}

    def rows_of(name: str) -> list[int] | None:
        path = known.get(name) or next(
            (path for file, path in known.items() if os.path.splitext(file)[0] == name), None
        )
        return None if path is None else [0] * embedding_length(path)

    # Writers are half-way through a name most of the time; that is no reason for a warning.
    tokenizer = PromptTokenizer(load_embedding=lambda name: rows_of(name) or [])
    tokens, rows = tokenizer.count(text)
    return PromptCount(tokens, rows)


@functools.lru_cache(maxsize=256)
def embedding_length(path: str) -> int:
    """Return how many tokens an embedding stands for; 1 where only loading it would tell.

    Args:
        path: A safetensors file, of which the header is read, or any other.
    """
    try:
        with open(path, "rb") as stream:
            (size,) = struct.unpack("<Q", stream.read(8))
            if not path.lower().endswith(".safetensors") or size > _LARGEST_HEADER:
                return 1
            header = json.loads(stream.read(size))
        shapes = [entry["shape"] for name, entry in header.items() if name != "__metadata__"]
    except (OSError, ValueError, struct.error, KeyError, TypeError, AttributeError):
        return 1
    return next((int(shape[0]) for shape in shapes if len(shape) == 2), 1)
