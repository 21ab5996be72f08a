"""Prompt text to the one long row of tokens of the T5 text encoder (D-159)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from app.engine.errors import ModelFileError
from app.engine.models.tokenizer import EmbeddingLoader, PromptTokenizer, Row, RowRules
from app.engine.models.unigram import UnigramVocabulary, t5_vocabulary

PAD_TOKEN: Final = 0
END_TOKEN: Final = 1
VOCABULARY_NAME: Final = "spiece_model"
"""Tensor of bytes in which a text encoder's file may carry its vocabulary."""
_VOCABULARY_SIZES: Final = range(32_000, 32_129)
"""Rows of the token tables of all T5 encoders that share the shipped vocabulary."""


@dataclass(frozen=True, slots=True)
class T5Rules:
    """What is taken from a T5 encoder.

    Attributes:
        min_length: Places of a row that are filled with padding at least.
    """

    min_length: int = 77


def vocabulary_of(
    tensors: Mapping[str, torch.Tensor],
) -> Callable[[], UnigramVocabulary]:
    """Return a function that gives the vocabulary of a T5 encoder, read at its first call.

    Args:
        tensors: Of the encoder; its own vocabulary is taken where the file carries one.

    Raises:
        ModelFileError: The encoder has another vocabulary than the shipped one, and none of
            its own.
    """
    own = tensors.get(VOCABULARY_NAME)
    if own is not None:
        content = own.to(torch.uint8).cpu().numpy().tobytes()
        cached: list[UnigramVocabulary] = []

        def read() -> UnigramVocabulary:
            if not cached:
                cached.append(UnigramVocabulary(content))
            return cached[0]

        return read
    size = tensors["shared.weight"].shape[0]
    if size not in _VOCABULARY_SIZES:
        raise ModelFileError(
            f"This T5 text encoder has a vocabulary of its own with {size} words, and the file "
            "does not carry it. Use the T5 encoder that goes with Flux and SD3 (t5xxl)."
        )
    return t5_vocabulary


class T5PromptTokenizer(PromptTokenizer):
    """Makes the one row of a T5 encoder out of a prompt.

    Args:
        rules: Shortest length.
        vocabulary: Gives the vocabulary when the first prompt comes.
        load_embedding: Finds embeddings by name; None finds none.
    """

    def __init__(
        self,
        rules: T5Rules | None = None,
        vocabulary: Callable[[], UnigramVocabulary] = t5_vocabulary,
        load_embedding: EmbeddingLoader | None = None,
    ) -> None:
        self.t5_rules = rules or T5Rules()
        super().__init__(RowRules(PAD_TOKEN, self.t5_rules.min_length), load_embedding)
        self._vocabulary = vocabulary

    def encode(self, text: str) -> list[int]:
        """Return the token ids of a segment."""
        return self._vocabulary().encode(text)

    def tokenize(
        self,
        text: str,
        return_word_ids: bool = False,
        tokenizer_options: Mapping[str, Any] | None = None,
    ) -> list[Row]:
        """Return the row of a prompt; see :meth:`PromptTokenizer.tokenize`.

        Args:
            text: The prompt.
            return_word_ids: Whether each place carries the number of its group.
            tokenizer_options: ``t5xxl_min_length`` and ``t5xxl_min_padding`` of a node.
        """
        options = tokenizer_options or {}
        shortest = int(options.get("t5xxl_min_length", self.t5_rules.min_length))
        padding = int(options.get("t5xxl_min_padding", 0))
        row: Row = [
            (token, weight, number)
            for number, (tokens, weight) in enumerate(self.groups(text), start=1)
            for token in tokens
        ]
        row.append((END_TOKEN, 1.0, 0))
        missing = max(padding, shortest - len(row))
        row.extend([(PAD_TOKEN, 1.0, 0)] * missing)
        return [row if return_word_ids else [place[:2] for place in row]]

    def count(self, text: str) -> tuple[int, int]:
        """Return how many tokens a prompt has; it always fills one row."""
        return sum(len(tokens) for tokens, _ in self.groups(text)), 1

    def untokenize(self, rows: Sequence[Row]) -> list[list[tuple[tuple[Any, ...], str]]]:
        """Return every place of ``rows`` together with its piece of text, for packs."""
        pieces = self._vocabulary().pieces
        return [
            [
                (place, pieces[place[0]] if place[0] < len(pieces) else "")
                for place in row
                if isinstance(place[0], int)
            ]
            for row in rows
        ]
