"""Prompts of the starter model: words of a small vocabulary to numbers, numbers to vectors."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from app.engine.models.encoder_part import EncoderPart
from app.engine.models.ops import empty, fill
from app.engine.models.starter_text import StarterTextModel
from app.engine.models.starter_words import (
    PREFIX,
    VOCABULARY,
    WORDS,
    StarterWords,
    unpack_words,
)
from app.engine.models.text_encoder import CLIP
from app.engine.models.text_encoding import TextModel
from app.engine.models.tokenizer import MultiTokenizer, PromptTokenizer, Row, parse_weights
from app.engine.models.unet import shapes_of
from app.engine.models.weights import take_prefix

log = logging.getLogger("easel.models")

KEY: Final = "starter"


class StarterTokenizer(PromptTokenizer):
    """Makes rows of word numbers; what the model does not know is left out and named.

    Args:
        words: The vocabulary in order.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self._words = StarterWords(words)

    def encode(self, text: str) -> list[int]:
        """Return the numbers of the known words of ``text``."""
        for item in self._words.unknown(text):
            hint = f' Did you mean "{item.near}"?' if item.near else ""
            log.warning(
                'The starter model does not know the word "%s"; it is left out.%s', item.word, hint
            )
        return self._words.numbers(text)

    def groups(self, text: str) -> list[tuple[list[Any], float]]:
        """See :meth:`PromptTokenizer.groups`; there are no embeddings."""
        return [(list(self.encode(part)), weight) for part, weight in parse_weights(text)]

    def untokenize(self, rows: Sequence[Row]) -> list[list[tuple[tuple[Any, ...], str]]]:
        """See :meth:`PromptTokenizer.untokenize`."""
        return [[(place, self._words.words[place[0]]) for place in row] for row in rows]

    def _fill_rows(self, groups: Sequence[tuple[list[Any], float]]) -> list[Row]:
        places = [
            (token, weight, number)
            for number, (tokens, weight) in enumerate(groups, start=1)
            for token in tokens
        ]
        rows: list[Row] = []
        for start in range(0, max(1, len(places)), WORDS):
            row: Row = list(places[start : start + WORDS])
            row.extend([(0, 1.0, 0)] * (WORDS - len(row)))
            rows.append(row)
        return rows


class StarterEncoderPart(EncoderPart):
    """The text encoder as one part of a text model."""

    transformer: StarterTextModel

    def __init__(self, transformer: StarterTextModel) -> None:
        super().__init__(transformer, pad_token=0)

    @property
    def num_layers(self) -> int:
        """Always 1."""
        return 1

    @property
    def width(self) -> int:
        """Width of a word vector."""
        return self.transformer.width

    def empty_row(self, length: int) -> list[int]:
        """See :meth:`EncoderPart.empty_row`."""
        return [0] * length

    def encode(self, rows: Sequence[Sequence[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """See :meth:`EncoderPart.encode`; the pooled vector is the mean of the words."""
        device = self.execution_device or self.transformer.final_norm.weight.device
        words = torch.tensor(self.fitting_rows(rows), dtype=torch.long, device=device)
        out = self.transformer(words).float()
        return out, out.mean(1)


def make_starter_clip(tensors: Mapping[str, torch.Tensor]) -> CLIP | None:
    """Return the text encoder of a checkpoint, or None when it has none."""
    inside = take_prefix(tensors, PREFIX)
    stored = inside.pop(VOCABULARY, None)
    if stored is None:
        return None
    words = unpack_words(bytes(stored.tolist()))
    network: StarterTextModel = empty(lambda: StarterTextModel(shapes_of(inside)))
    fill(network, inside, "text encoder")
    model = TextModel({KEY: StarterEncoderPart(network)}, KEY)
    return CLIP(model, MultiTokenizer({KEY: StarterTokenizer(words)}))
