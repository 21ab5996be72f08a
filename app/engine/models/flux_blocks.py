"""The blocks of Flux, named as in the files of its makers."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.transformer_parts import (
    BlockArguments,
    Mlp,
    RMSNorm,
    linear,
    modulated,
    to_heads,
    turned,
    within_half_precision,
)
from app.engine.models.unet import Shapes

Options = dict[str, Any]
Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Shift, scale and gate, each ``(batch, 1, width)``."""


def rotary_axes(head_size: int) -> tuple[int, int, int]:
    """Return how many channels of a head tell the picture, the row and the column.

    Flux has heads of 128 channels: 16, 56 and 56. Smaller heads are divided in the same way.

    Raises:
        ModelFileError: A head of that size cannot be divided so.
    """
    if head_size % 32:
        raise ModelFileError(f"A Flux model with heads of {head_size} channels is not known here.")
    side = head_size * 7 // 16
    return head_size - 2 * side, side, side


class MLPEmbedder(nn.Module):
    """Two layers that turn a time, a guidance or a pooled text into a vector."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.in_layer = linear(shapes, stem + "in_layer")
        self.out_layer = linear(shapes, stem + "out_layer")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, width)``."""
        result: torch.Tensor = self.out_layer(F.silu(self.in_layer(x)))
        return result


class Modulation(nn.Module):
    """Turns the vector into one or two sets of shift, scale and gate."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.lin = linear(shapes, stem + "lin")

    def forward(self, vec: torch.Tensor) -> list[Parts]:
        """Return the sets for ``(batch, width)``."""
        out: torch.Tensor = self.lin(F.silu(vec))[:, None]
        parts = out.chunk(out.shape[-1] // vec.shape[-1], dim=-1)
        return [(parts[i], parts[i + 1], parts[i + 2]) for i in range(0, len(parts), 3)]


class QKNorm(nn.Module):
    """Norms of queries and keys."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.query_norm = RMSNorm(size, "scale")
        self.key_norm = RMSNorm(size, "scale")


class FluxAttention(nn.Module):
    """The weights of one stream's attention."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.qkv = linear(shapes, stem + "qkv")
        self.norm = QKNorm(shapes[stem + "norm.key_norm.scale"][0])
        self.proj = linear(shapes, stem + "proj")

    def queries(
        self, x: torch.Tensor, heads: int
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return normed queries and keys, and values, ``(batch, heads, tokens, size)``."""
        q, k, v = to_heads(self.qkv(x), heads)
        return self.norm.query_norm(q), self.norm.key_norm(k), v


class DoubleStreamBlock(nn.Module):
    """Text and picture with weights of their own, which attend to each other."""

    def __init__(self, shapes: Shapes, stem: str, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.img_mod = Modulation(shapes, stem + "img_mod.")
        self.img_attn = FluxAttention(shapes, stem + "img_attn.")
        self.img_mlp = Mlp(shapes, stem + "img_mlp.")
        self.txt_mod = Modulation(shapes, stem + "txt_mod.")
        self.txt_attn = FluxAttention(shapes, stem + "txt_attn.")
        self.txt_mlp = Mlp(shapes, stem + "txt_mlp.")

    def forward(
        self,
        img: torch.Tensor,
        txt: torch.Tensor,
        vec: torch.Tensor,
        pe: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        transformer_options: Options | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return picture and text tokens."""
        (shift, scale, img_gate), img_after = self.img_mod(vec)
        img_parts = self.img_attn.queries(modulated(img, shift, scale), self.num_heads)
        (shift, scale, txt_gate), txt_after = self.txt_mod(vec)
        txt_parts = self.txt_attn.queries(modulated(txt, shift, scale), self.num_heads)

        q, k, v = (torch.cat(pair, dim=2) for pair in zip(txt_parts, img_parts, strict=True))
        seen = optimized_attention(
            turned(q, pe), turned(k, pe), v, self.num_heads, attn_mask,
            skip_reshape=True, transformer_options=transformer_options,
        )  # fmt: skip
        length = txt.shape[1]
        img = img + img_gate * self.img_attn.proj(seen[:, length:])
        txt = txt + txt_gate * self.txt_attn.proj(seen[:, :length])

        shift, scale, gate = img_after
        img = img + gate * self.img_mlp(modulated(img, shift, scale))
        shift, scale, gate = txt_after
        txt = txt + gate * self.txt_mlp(modulated(txt, shift, scale))
        return img, within_half_precision(txt)

    def run(self, args: BlockArguments) -> BlockArguments:
        """Return ``img`` and ``txt`` for arguments by name."""
        img, txt = self(
            args["img"], args["txt"], args["vec"], args["pe"], args.get("attn_mask"),
            args.get("transformer_options"),
        )  # fmt: skip
        return {"img": img, "txt": txt}


class SingleStreamBlock(nn.Module):
    """All tokens in one row, with attention and feed-forward side by side."""

    def __init__(self, shapes: Shapes, stem: str, heads: int) -> None:
        super().__init__()
        self.num_heads = heads
        self.modulation = Modulation(shapes, stem + "modulation.")
        self.linear1 = linear(shapes, stem + "linear1")
        self.linear2 = linear(shapes, stem + "linear2")
        self.norm = QKNorm(shapes[stem + "norm.key_norm.scale"][0])
        self.hidden_size = shapes[stem + "linear2.weight"][0]

    def forward(
        self,
        x: torch.Tensor,
        vec: torch.Tensor,
        pe: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        transformer_options: Options | None = None,
    ) -> torch.Tensor:
        """Return a tensor of the same shape."""
        ((shift, scale, gate),) = self.modulation(vec)
        inner = self.linear1(modulated(x, shift, scale))
        width = 3 * self.hidden_size
        qkv, mlp = inner[..., :width], inner[..., width:]
        q, k, v = to_heads(qkv, self.num_heads)
        q, k = self.norm.query_norm(q), self.norm.key_norm(k)
        seen = optimized_attention(
            turned(q, pe), turned(k, pe), v, self.num_heads, attn_mask,
            skip_reshape=True, transformer_options=transformer_options,
        )  # fmt: skip
        out = self.linear2(torch.cat([seen, F.gelu(mlp, approximate="tanh")], dim=-1))
        return within_half_precision(x + gate * out)

    def run(self, args: BlockArguments) -> BlockArguments:
        """Return ``img``, which holds the text too, for arguments by name."""
        img = self(
            args["img"], args["vec"], args["pe"], args.get("attn_mask"),
            args.get("transformer_options"),
        )  # fmt: skip
        return {"img": img}


class LastLayer(nn.Module):
    """Picture tokens to patches of the latent."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.linear = linear(shapes, stem + "linear")
        self.adaLN_modulation = nn.Sequential(
            nn.SiLU(), linear(shapes, stem + "adaLN_modulation.1")
        )

    def forward(self, x: torch.Tensor, vec: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, tokens, channels * 4)``."""
        shift, scale = self.adaLN_modulation(vec)[:, None].chunk(2, dim=-1)
        result: torch.Tensor = self.linear(modulated(x, shift, scale))
        return result
