"""Rows of tokens to the conditioning of the T5 text encoder (D-159)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from app.engine.models.encoder_part import EncoderPart
from app.engine.models.t5 import T5Encoder
from app.engine.models.t5_tokenizer import END_TOKEN, PAD_TOKEN


class T5EncoderPart(EncoderPart):
    """A T5 encoder and its rules; packs know it as ``T5XXLModel``."""

    transformer: T5Encoder
    shortest_row = 1

    def __init__(self, transformer: T5Encoder) -> None:
        super().__init__(transformer, PAD_TOKEN)

    @property
    def num_layers(self) -> int:
        """How many blocks the network has."""
        return self.transformer.num_layers

    @property
    def width(self) -> int:
        """Width of a token."""
        return self.transformer.width

    def empty_row(self, length: int) -> list[int]:
        """Return the row of an empty prompt."""
        return [END_TOKEN, *[PAD_TOKEN] * (length - 1)]

    def encode(self, rows: Sequence[Sequence[Any]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode rows of equal length.

        Args:
            rows: Token ids and embedding rows.

        Returns:
            ``(rows, tokens, width)`` float32, and nothing ``(rows, 0)`` for the pooled vector.
        """
        network = self.transformer
        device = self.execution_device or network.encoder.final_layer_norm.weight.device
        embeds = self.embed(self.fitting_rows(rows), device, network.shared)
        out = network(embeds, self.layer_idx)
        return out.float(), out.new_zeros(out.shape[0], 0)
