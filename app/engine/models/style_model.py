"""Style models: a picture's meaning as further words of a prompt."""

from __future__ import annotations

import os
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models import memory
from app.engine.models.attention import optimized_attention
from app.engine.models.detect import describe
from app.engine.models.ops import LayerNorm, Linear, empty, fill
from app.engine.models.patcher import ModelPatcher
from app.engine.models.unet import Shapes, shapes_of
from app.engine.models.weights import read_weights

_HEADS = 8


class _Attention(nn.Module):
    """Self-attention with one matrix for queries, keys and values."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape as ``(batch, tokens, width)``."""
        q, k, v = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        result: torch.Tensor = self.out_proj(optimized_attention(q, k, v, _HEADS))
        return result


class _Feed(nn.Module):
    """Two layers with the quick form of GELU."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = Linear(width, 4 * width)
        self.c_proj = Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        inner = self.c_fc(x)
        result: torch.Tensor = self.c_proj(inner * torch.sigmoid(1.702 * inner))
        return result


class ResidualAttentionBlock(nn.Module):
    """A layer of CLIP, with its joint projection in one piece."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = _Attention(width)
        self.ln_1 = LayerNorm(width)
        self.mlp = _Feed(width)
        self.ln_2 = LayerNorm(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        x = x + self.attn(self.ln_1(x))
        result: torch.Tensor = x + self.mlp(self.ln_2(x))
        return result


class StyleAdapter(nn.Module):
    """The style adapter of T2I-Adapter: eight words from what CLIP sees in a picture.

    Source: Mou et al. 2023, "T2I-Adapter" (arXiv:2302.08453).
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        _, tokens, width = shapes["style_embedding"]
        layers = 1 + max(
            int(name.split(".")[1]) for name in shapes if name.startswith("transformer_layes.")
        )
        # The published files misspell this name.
        self.transformer_layes = nn.Sequential(
            *(ResidualAttentionBlock(width) for _ in range(layers))
        )
        self.style_embedding = nn.Parameter(torch.empty(1, tokens, width))
        self.ln_post = LayerNorm(width)
        self.ln_pre = LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(shapes["proj"]))

    def forward(self, picture: Any) -> torch.Tensor:
        """Return ``(batch, words, context width)`` for the output of a picture encoder."""
        x = picture.last_hidden_state.to(self.proj)
        style = self.style_embedding.expand(x.shape[0], -1, -1)
        x = self.transformer_layes(self.ln_pre(torch.cat([x, style], dim=1)))
        result: torch.Tensor = self.ln_post(x[:, -style.shape[1] :]) @ self.proj
        return result


class ReduxEncoder(nn.Module):
    """Flux Redux: what SigLIP sees in a picture as words of T5's width."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        inner, width = shapes["redux_up.weight"]
        self.redux_up = Linear(width, inner)
        self.redux_down = Linear(inner, shapes["redux_down.weight"][0])

    def forward(self, picture: Any) -> torch.Tensor:
        """Return ``(batch, words, context width)`` for the output of a picture encoder."""
        states = picture.last_hidden_state.to(self.redux_up.weight)
        result: torch.Tensor = self.redux_down(F.silu(self.redux_up(states)))
        return result


class StyleModel:
    """A style model with its memory, as nodes use it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.patcher = ModelPatcher(model, memory.get_torch_device(), memory.offload_device())

    @torch.no_grad()
    def get_cond(self, input: Any) -> torch.Tensor:
        """Return the words ``(batch, words, context width)`` of an encoded picture.

        Raises:
            ValueError: The picture was read by another kind of encoder.
        """
        memory.load_models_gpu([self.patcher])
        try:
            words: torch.Tensor = self.model(input)
        except RuntimeError as error:
            raise ValueError(
                "This style model does not go with that picture encoder: load the encoder that "
                "it was made for with Load CLIP Vision."
            ) from error
        return words.cpu().float()


def load_style_model(path: str | os.PathLike[str]) -> StyleModel:
    """Load a style model.

    Raises:
        ModelFileError: The file cannot be read, or holds none.
    """
    tensors = read_weights(path).tensors
    shapes = shapes_of(tensors)
    network: Any
    if "style_embedding" in tensors:
        network = empty(lambda: StyleAdapter(shapes))
    elif "redux_down.weight" in tensors:
        network = empty(lambda: ReduxEncoder(shapes))
    else:
        name = os.path.basename(os.fspath(path))
        raise ModelFileError(f'"{name}" is not a style model: it looks like {describe(tensors)}.')
    fill(network, tensors, "style model")
    return StyleModel(network)
