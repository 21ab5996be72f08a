"""The text encoder of the starter model: one vector a word, mixed by one transformer layer."""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.ops import Embedding, LayerNorm, Linear
from app.engine.models.starter_words import WORDS as WORDS
from app.engine.models.unet import Shapes

_HEAD_SIZE: Final = 32


class StarterTextModel(nn.Module):
    """Word numbers to word vectors.

    Args:
        shapes: Shapes of a file's tensors.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        vocabulary, width = shapes["word_embedding.weight"]
        places = shapes["place_embedding.weight"][0]
        self.width = width
        self.heads = width // _HEAD_SIZE
        self.word_embedding = Embedding(vocabulary, width)
        self.place_embedding = Embedding(places, width)
        self.norm1 = LayerNorm(width)
        self.to_qkv = Linear(width, 3 * width)
        self.to_out = Linear(width, width)
        self.norm2 = LayerNorm(width)
        self.mlp_in = Linear(width, 4 * width)
        self.mlp_out = Linear(4 * width, width)
        self.final_norm = LayerNorm(width)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, places, width)`` for word numbers ``(batch, places)``."""
        places = torch.arange(words.shape[1], device=words.device)
        dtype = self.norm1.weight.dtype
        x = self.word_embedding.rows(words, dtype) + self.place_embedding.rows(places, dtype)
        batch, count, _ = x.shape
        q, k, v = (
            part.view(batch, count, self.heads, -1).transpose(1, 2)
            for part in self.to_qkv(self.norm1(x)).chunk(3, dim=-1)
        )
        h = F.scaled_dot_product_attention(q, k, v)
        x = x + self.to_out(h.transpose(1, 2).flatten(2))
        x = x + self.mlp_out(F.gelu(self.mlp_in(self.norm2(x)), approximate="tanh"))
        result: torch.Tensor = self.final_norm(x)
        return result
