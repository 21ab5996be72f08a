"""The CLIP text encoders, in the layout of transformers and of OpenCLIP (D-156, D-161, D-215)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.ops import Embedding, LayerNorm, Linear
from app.engine.models.unet import Shapes
from app.engine.models.weights import StateDict

HEAD_SIZE: Final = 64
QUICK_GELU_WIDTH: Final = 768
"""Only the smallest encoder was trained with the quick form of GELU."""

_LAYER: Final = re.compile(r"^text_model\.encoder\.layers\.(\d+)\.")


class ClipAttention(nn.Module):
    """Attention of tokens to themselves."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = Linear(width, width)
        self.k_proj = Linear(width, width)
        self.v_proj = Linear(width, width)
        self.out_proj = Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return ``(batch, tokens, width)``."""
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        result: torch.Tensor = self.out_proj(optimized_attention(q, k, v, self.heads, mask))
        return result


class ClipMlp(nn.Module):
    """The two-layer network behind attention."""

    def __init__(self, width: int, inner: int, quick: bool) -> None:
        super().__init__()
        self.quick = quick
        self.fc1 = Linear(width, inner)
        self.fc2 = Linear(inner, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        h = self.fc1(x)
        h = h * torch.sigmoid(1.702 * h) if self.quick else F.gelu(h)
        result: torch.Tensor = self.fc2(h)
        return result


class ClipLayer(nn.Module):
    """Attention and network, each behind a normalisation."""

    def __init__(self, width: int, heads: int, inner: int, quick: bool) -> None:
        super().__init__()
        self.layer_norm1 = LayerNorm(width)
        self.self_attn = ClipAttention(width, heads)
        self.layer_norm2 = LayerNorm(width)
        self.mlp = ClipMlp(width, inner, quick)

    def forward(self, x: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Return a tensor of the same shape."""
        x = x + self.self_attn(self.layer_norm1(x), mask)
        result: torch.Tensor = x + self.mlp(self.layer_norm2(x))
        return result


class ClipEncoder(nn.Module):
    """The layers in a row."""

    def __init__(self, layers: int, width: int, heads: int, inner: int, quick: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList(ClipLayer(width, heads, inner, quick) for _ in range(layers))

    def forward(
        self, x: torch.Tensor, mask: torch.Tensor | None, keep: int | None
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the last layer's output and that of layer ``keep``, if asked for."""
        kept = None
        for index, layer in enumerate(self.layers):
            x = layer(x, mask)
            if index == keep:
                kept = x
        return x, kept


class ClipEmbeddings(nn.Module):
    """Vectors of tokens and places."""

    def __init__(self, vocabulary: int, width: int, places: int) -> None:
        super().__init__()
        self.token_embedding = Embedding(vocabulary, width)
        self.position_embedding = Embedding(places, width)

    def forward(self, tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """Return ``(batch, tokens, width)`` without the places."""
        return self.token_embedding.rows(tokens, dtype)

    def add_places(self, x: torch.Tensor) -> torch.Tensor:
        """Add the vector of its place to each token."""
        places = torch.arange(x.shape[1], device=x.device)
        return x + self.position_embedding.rows(places, x.dtype)


class ClipTextTransformer(nn.Module):
    """Tokens to hidden states."""

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        vocabulary, width = shapes["text_model.embeddings.token_embedding.weight"]
        places = shapes["text_model.embeddings.position_embedding.weight"][0]
        inner = shapes["text_model.encoder.layers.0.mlp.fc1.weight"][0]
        self.num_layers = 1 + max(int(found[1]) for name in shapes if (found := _LAYER.match(name)))
        self.width = width
        self.embeddings = ClipEmbeddings(vocabulary, width, places)
        self.encoder = ClipEncoder(
            self.num_layers, width, max(1, width // HEAD_SIZE), inner, width == QUICK_GELU_WIDTH
        )
        self.final_layer_norm = LayerNorm(width)

    def forward(
        self,
        embeds: torch.Tensor,
        ends: Sequence[int],
        layer: int | None = None,
        norm_layer: bool = True,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Encode token vectors.

        Args:
            embeds: ``(batch, tokens, width)``, without places.
            ends: Place of the first end token of each row.
            layer: Which layer's output is wanted as well, from the end: -1 is the last.
            norm_layer: Whether that output goes through the final normalisation.

        Returns:
            The last layer's normalised output, that of ``layer`` or None, and the pooled
            ``(batch, width)`` vector.
        """
        x = self.embeddings.add_places(embeds)
        length = x.shape[1]
        mask = torch.full((length, length), float("-inf"), device=x.device, dtype=x.dtype)
        keep = None if layer is None else self.num_layers + layer
        x, kept = self.encoder(x, mask.triu_(1), keep)
        x = self.final_layer_norm(x)
        if kept is not None and norm_layer:
            kept = self.final_layer_norm(kept)
        rows = torch.arange(x.shape[0], device=x.device)
        return x, kept, x[rows, torch.tensor(ends, device=x.device)]


class CLIPTextModel(nn.Module):
    """A CLIP text encoder, with a projection of the pooled vector when the file has one.

    Raises:
        ModelFileError: The tensors do not make a CLIP text encoder.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.text_model = ClipTextTransformer(shapes)
        except (KeyError, ValueError) as error:
            raise ModelFileError(f"The text encoder is not complete: {error}.") from None
        projection = shapes.get("text_projection.weight")
        if projection is not None:
            self.text_projection = Linear(projection[1], projection[0], bias=False)

    @property
    def num_layers(self) -> int:
        """How many layers there are."""
        return self.text_model.num_layers

    def project(self, pooled: torch.Tensor) -> torch.Tensor:
        """Return the projected pooled vector, or ``pooled`` when there is no projection."""
        if not hasattr(self, "text_projection"):
            return pooled
        result: torch.Tensor = self.text_projection(pooled)
        return result


_OPEN_CLIP_NAMES: Final = (
    ("positional_embedding", "text_model.embeddings.position_embedding.weight"),
    ("token_embedding.weight", "text_model.embeddings.token_embedding.weight"),
    ("ln_final.weight", "text_model.final_layer_norm.weight"),
    ("ln_final.bias", "text_model.final_layer_norm.bias"),
)
_OPEN_CLIP_PARTS: Final = {
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
    "attn.out_proj": "self_attn.out_proj",
}


def from_open_clip(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Rename the tensors of an OpenCLIP text encoder; joint projections are split, not copied.

    Args:
        tensors: Names such as ``transformer.resblocks.0.attn.in_proj_weight``.
    """
    result: StateDict = {}
    for old, new in _OPEN_CLIP_NAMES:
        if old in tensors:
            result[new] = tensors[old]
    if "text_projection" in tensors:
        result["text_projection.weight"] = tensors["text_projection"].transpose(0, 1)
    elif "text_projection.weight" in tensors:
        result["text_projection.weight"] = tensors["text_projection.weight"]
    block = re.compile(r"^transformer\.resblocks\.(\d+)\.(.+)$")
    for name, tensor in tensors.items():
        found = block.match(name)
        if found is None:
            continue
        stem = f"text_model.encoder.layers.{found[1]}."
        part, _, kind = found[2].rpartition(".")
        if part in _OPEN_CLIP_PARTS:
            result[f"{stem}{_OPEN_CLIP_PARTS[part]}.{kind}"] = tensor
        elif found[2].startswith("attn.in_proj_"):
            kind = found[2].removeprefix("attn.in_proj_")
            for letter, third in zip("qkv", tensor.chunk(3), strict=True):
                result[f"{stem}self_attn.{letter}_proj.{kind}"] = third
    return result


def clip_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the tensors of one CLIP text encoder under the names that we use.

    Args:
        tensors: As transformers names them, with or without ``text_model.``, or as OpenCLIP does.

    Raises:
        ModelFileError: They belong to no CLIP text encoder.
    """
    if any(name.startswith("transformer.resblocks.") for name in tensors):
        result = from_open_clip(tensors)
    else:
        stem = "" if any(name.startswith("text_model.") for name in tensors) else "text_model."
        result = {
            name if name.startswith("text_projection") else stem + name: tensor
            for name, tensor in tensors.items()
            if not name.endswith("position_ids")
        }
        if "text_projection" in result:
            result["text_projection.weight"] = result.pop("text_projection").transpose(0, 1)
    known = ("text_model.", "text_projection.weight")
    result = {name: tensor for name, tensor in result.items() if name.startswith(known)}
    if "text_model.embeddings.token_embedding.weight" not in result:
        raise ModelFileError("These are not the weights of a CLIP text encoder.")
    return result


def clip_kind(tensors: Mapping[str, Any]) -> str:
    """Return ``l``, ``h`` or ``g`` by the number of layers, or an empty text (D-161)."""
    for last, kind in ((30, "g"), (22, "h"), (0, "l")):
        if f"text_model.encoder.layers.{last}.mlp.fc1.weight" in tensors:
            return kind
    return ""
