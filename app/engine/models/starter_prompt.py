"""Prompts of the starter model: words of a small vocabulary to numbers, numbers to vectors."""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch

from app.engine.models.encoder_part import EncoderPart
from app.engine.models.ops import empty, fill
from app.engine.models.starter_text import WORDS, StarterTextModel
from app.engine.models.text_encoder import CLIP
from app.engine.models.text_encoding import TextModel
from app.engine.models.tokenizer import MultiTokenizer, PromptTokenizer, Row, parse_weights
from app.engine.models.unet import shapes_of
from app.engine.models.weights import take_prefix

log = logging.getLogger("easel.models")

KEY: Final = "starter"
PREFIX: Final = "cond_stage_model.starter."
VOCABULARY: Final = "vocabulary"
"""Tensor of bytes: the words in UTF-8, one a line; the first, empty one means no word."""

_WORD: Final = re.compile(r"[a-z0-9]+")
_FILLERS: Final = frozenset(
    {"a", "an", "the", "of", "with", "and", "in", "on", "at", "to", "picture", "photo", "image",
     "drawing", "painting", "style", "very", "really", "nice", "beautiful", "cute"}
)  # fmt: skip
"""Words that are left out without a warning, unless the model knows them."""


class StarterTokenizer(PromptTokenizer):
    """Makes rows of word numbers; what the model does not know is left out and named.

    Args:
        words: The vocabulary in order.
    """

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__()
        self._numbers = {word: number for number, word in enumerate(words) if word}
        self._names = list(words)

    def encode(self, text: str) -> list[int]:
        """Return the numbers of the known words of ``text``."""
        numbers, unknown = [], []
        for word in _WORD.findall(text.lower()):
            number = self._number(word)
            if number is not None:
                numbers.append(number)
            elif word not in _FILLERS:
                unknown.append(word)
        for word in unknown:
            near = difflib.get_close_matches(word, self._numbers, 1, 0.75)
            hint = f' Did you mean "{near[0]}"?' if near else ""
            log.warning(
                'The starter model does not know the word "%s"; it is left out.%s', word, hint
            )
        return numbers

    def _number(self, word: str) -> int | None:
        """Return the number of a word, or of its singular."""
        for form in (word, word.removesuffix("s"), word.removesuffix("es")):
            if form in self._numbers:
                return self._numbers[form]
        return None

    def groups(self, text: str) -> list[tuple[list[Any], float]]:
        """See :meth:`PromptTokenizer.groups`; there are no embeddings."""
        return [(list(self.encode(part)), weight) for part, weight in parse_weights(text)]

    def untokenize(self, rows: Sequence[Row]) -> list[list[tuple[tuple[Any, ...], str]]]:
        """See :meth:`PromptTokenizer.untokenize`."""
        return [[(place, self._names[place[0]]) for place in row] for row in rows]

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
    words = bytes(stored.tolist()).decode("utf-8").split("\n")
    network: StarterTextModel = empty(lambda: StarterTextModel(shapes_of(inside)))
    fill(network, inside, "text encoder")
    model = TextModel({KEY: StarterEncoderPart(network)}, KEY)
    return CLIP(model, MultiTokenizer({KEY: StarterTokenizer(words)}))
