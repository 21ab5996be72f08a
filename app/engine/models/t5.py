"""The T5 text encoder, in the layout of transformers.

Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified
Text-to-Text Transformer" (arXiv:1910.10683), with the gated layers of version 1.1. Widths, depth
and heads are read from the shapes of the tensors.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.ops import Embedding, Linear
from app.engine.models.unet import Shapes
from app.engine.models.weights import StateDict

MAX_DISTANCE: Final = 128
"""Tokens further apart than this share one bias."""

_EPSILON: Final = 1e-6
_MARK: Final = "encoder.block.0.layer.0.SelfAttention.q.weight"
_BIAS: Final = "layer.0.SelfAttention.relative_attention_bias.weight"
_BLOCK: Final = re.compile(r"^encoder\.block\.(\d+)\.")
_PREFIXES: Final = ("t5xxl.transformer.", "transformer.", "text_encoders.t5xxl.transformer.")


def _linear(shapes: Shapes, stem: str) -> Linear:
    rows, columns = shapes[stem + ".weight"]
    return Linear(columns, rows, bias=False)


class T5LayerNorm(nn.Module):
    """Scales tokens to a mean square of one; nothing is taken off."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        variance = x.float().pow(2).mean(dim=-1, keepdim=True)
        return self.weight * (x * torch.rsqrt(variance + _EPSILON).to(x.dtype))


class T5Attention(nn.Module):
    """Attention with a bias for the distance between tokens, and without any scale.

    Attributes:
        heads: Number of heads.
    """

    def __init__(self, shapes: Shapes, stem: str, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = _linear(shapes, stem + "q")
        self.k = _linear(shapes, stem + "k")
        self.v = _linear(shapes, stem + "v")
        self.o = _linear(shapes, stem + "o")
        table = shapes.get(stem + "relative_attention_bias.weight")
        if table is not None:
            self.relative_attention_bias = Embedding(table[0], table[1])

    def bias(self, length: int, device: torch.device, dtype: torch.dtype) -> torch.Tensor | None:
        """Return ``(1, heads, length, length)``, or None when another layer has the table."""
        if not hasattr(self, "relative_attention_bias"):
            return None
        places = torch.arange(length, device=device)
        buckets = self.relative_attention_bias.num_embeddings
        rows = self.relative_attention_bias.rows(
            distance_buckets(places[None] - places[:, None], buckets), dtype
        )
        return rows.permute(2, 0, 1)[None]

    def forward(self, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        """Return ``(batch, tokens, width)``."""
        q, k, v = self.q(x), self.k(x), self.v(x)
        # The shared attention divides by the root of the head's size; T5 does not.
        k = k * (k.shape[-1] / self.heads) ** 0.5
        result: torch.Tensor = self.o(optimized_attention(q, k, v, self.heads, bias))
        return result


def distance_buckets(distance: torch.Tensor, buckets: int) -> torch.Tensor:
    """Return the number of the bias for each distance, in the shape of ``distance``.

    Half of the numbers are for tokens behind; of each half, half are for single distances and
    half grow with the logarithm up to :data:`MAX_DISTANCE`.
    """
    half = buckets // 2
    exact = half // 2
    far = distance.abs().clamp(min=1).float()
    steps = torch.log(far / exact) / math.log(MAX_DISTANCE / exact) * (half - exact)
    grown = (exact + steps.long()).clamp(max=half - 1)
    near = distance.abs()
    return torch.where(near < exact, near, grown) + (distance > 0).long() * half


class T5FeedForward(nn.Module):
    """The layers behind attention: gated with GELU, or plain with ReLU in the first version."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.gated = stem + "wi_0.weight" in shapes
        if self.gated:
            self.wi_0 = _linear(shapes, stem + "wi_0")
            self.wi_1 = _linear(shapes, stem + "wi_1")
        else:
            self.wi = _linear(shapes, stem + "wi")
        self.wo = _linear(shapes, stem + "wo")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        if self.gated:
            h = F.gelu(self.wi_0(x), approximate="tanh") * self.wi_1(x)
        else:
            h = F.relu(self.wi(x))
        result: torch.Tensor = self.wo(h)
        return result


class _AttentionLayer(nn.Module):
    def __init__(self, shapes: Shapes, stem: str, heads: int) -> None:
        super().__init__()
        self.SelfAttention = T5Attention(shapes, stem + "SelfAttention.", heads)
        self.layer_norm = T5LayerNorm(shapes[stem + "layer_norm.weight"][0])


class _FeedForwardLayer(nn.Module):
    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.DenseReluDense = T5FeedForward(shapes, stem + "DenseReluDense.")
        self.layer_norm = T5LayerNorm(shapes[stem + "layer_norm.weight"][0])


class T5Block(nn.Module):
    """Attention, then the feed-forward layers."""

    def __init__(self, shapes: Shapes, stem: str, heads: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(
            [
                _AttentionLayer(shapes, stem + "layer.0.", heads),
                _FeedForwardLayer(shapes, stem + "layer.1."),
            ]
        )

    def forward(
        self, x: torch.Tensor, bias: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the tokens, and the bias for the blocks that have none of their own."""
        attention: Any = self.layer[0]
        forward: Any = self.layer[1]
        own = attention.SelfAttention.bias(x.shape[1], x.device, x.dtype)
        bias = bias if own is None else own
        x = x + attention.SelfAttention(attention.layer_norm(x), bias)
        x = x + forward.DenseReluDense(forward.layer_norm(x))
        return x, bias


class _T5Stack(nn.Module):
    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        heads = shapes["encoder.block.0." + _BIAS][1]
        count = 1 + max(int(found[1]) for name in shapes if (found := _BLOCK.match(name)))
        self.block = nn.ModuleList(
            T5Block(shapes, f"encoder.block.{index}.", heads) for index in range(count)
        )
        self.final_layer_norm = T5LayerNorm(shapes["encoder.final_layer_norm.weight"][0])


class T5Encoder(nn.Module):
    """The encoder half of T5.

    Args:
        shapes: Shapes of its tensors, named as transformers does.

    Raises:
        ModelFileError: The tensors do not make a T5 encoder.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.vocabulary_size, self.width = shapes["shared.weight"]
            self.shared = Embedding(self.vocabulary_size, self.width)
            self.encoder = _T5Stack(shapes)
        except (KeyError, ValueError) as error:
            raise ModelFileError(f"The T5 text encoder is not complete: {error}.") from None

    @property
    def num_layers(self) -> int:
        """How many blocks there are."""
        return len(self.encoder.block)

    def forward(self, embeds: torch.Tensor, layer: int | None = None) -> torch.Tensor:
        """Return the normalised tokens ``(batch, tokens, width)``.

        Args:
            embeds: Rows of the vocabulary's table for each token, ``(batch, tokens, width)``.
            layer: Block whose output is taken, from the end; None is the last.
        """
        x = embeds
        bias: torch.Tensor | None = None
        blocks = list(self.encoder.block)
        if layer is not None and 1 <= -layer <= len(blocks):
            blocks = blocks[: len(blocks) + layer + 1]
        for block in blocks:
            x, bias = block(x, bias)
        result: torch.Tensor = self.encoder.final_layer_norm(x)
        return result


def is_t5(tensors: Mapping[str, Any]) -> bool:
    """Tell whether names are those of a T5 encoder, with or without a checkpoint's prefix."""
    return any(prefix + _MARK in tensors for prefix in ("", *_PREFIXES))


def t5_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the tensors of a T5 encoder under the names that we use.

    Raises:
        ModelFileError: They belong to no T5 encoder.
    """
    prefix = next((part for part in ("", *_PREFIXES) if part + _MARK in tensors), None)
    if prefix is None:
        raise ModelFileError("These are not the weights of a T5 text encoder.")
    result = {
        name[len(prefix) :]: tensor
        for name, tensor in tensors.items()
        if name.startswith(prefix) and not name.startswith(prefix + "decoder.")
    }
    table = result.pop("encoder.embed_tokens.weight", None)
    if table is not None:
        result.setdefault("shared.weight", table)
    return result
