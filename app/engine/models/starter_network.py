"""The network of the starter model: a small denoiser of 64 by 64 pictures.

It sees pixels, not latents of an autoencoder, and predicts the clean picture (x-prediction under
flow matching; Li and He 2025, "Back to Basics: Let Denoising Generative Models Denoise",
arXiv:2511.13720). Convolutions work at a quarter of the side, transformer blocks with attention
to the words of the prompt at an eighth; a few convolutions at full size remove the seams between
patches. Modulation by the noise level is shared between blocks (PixArt-alpha, arXiv:2310.00426).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.ops import Conv2d, GroupNorm, LayerNorm, Linear
from app.engine.models.wrappers import DIFFUSION_MODEL, WrapperExecutor, all_wrappers

PATCH: Final = 4
"""Pixels of a picture that one place of the convolutions stands for, along each side."""
_HEAD_SIZE: Final = 64
_GROUPS: Final = 8
_TIME_FREQUENCIES: Final = 128


@dataclass(frozen=True, slots=True)
class StarterShape:
    """Sizes of a starter network.

    Attributes:
        channels: Channels of the convolutions.
        width: Width of a token of the transformer blocks, a multiple of 64.
        depth: Number of transformer blocks.
        text_width: Width of a word vector.
        places: Side, in tokens, of the square that positions were learned for.
        tail: Channels of the convolutions at full size.
        conv_blocks: Residual blocks on each side of the transformer.
    """

    channels: int = 96
    width: int = 192
    depth: int = 6
    text_width: int = 160
    places: int = 8
    tail: int = 16
    conv_blocks: int = 2

    @classmethod
    def of(cls, shapes: Mapping[str, tuple[int, ...]]) -> StarterShape:
        """Read the sizes from the shapes of a file's tensors."""

        def count(stem: str) -> int:
            return 1 + max(
                int(name.removeprefix(stem).split(".")[0])
                for name in shapes
                if name.startswith(stem)
            )

        return cls(
            channels=shapes["patch_in.weight"][0],
            width=shapes["tokens_in.weight"][0],
            depth=count("blocks."),
            text_width=shapes["blocks.0.to_kv_text.weight"][1],
            places=math.isqrt(shapes["positions"][1]),
            tail=shapes["patch_out.weight"][0] // PATCH**2,
            conv_blocks=count("down."),
        )


class ConvBlock(nn.Module):
    """Two convolutions around a modulation by the noise level, with a way past them."""

    def __init__(self, channels: int, level_width: int) -> None:
        super().__init__()
        self.norm1 = GroupNorm(_GROUPS, channels)
        self.conv1 = Conv2d(channels, channels, 3, padding=1)
        self.level = Linear(level_width, 2 * channels)
        self.norm2 = GroupNorm(_GROUPS, channels)
        self.conv2 = Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, channels, h, w)``."""
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.level(level)[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (1 + scale) + shift
        result: torch.Tensor = x + self.conv2(F.silu(h))
        return result


class TextBlock(nn.Module):
    """Attention to the picture, attention to the words, and a two-layer network."""

    def __init__(self, width: int, text_width: int) -> None:
        super().__init__()
        self.heads = width // _HEAD_SIZE
        self.modulation = nn.Parameter(torch.empty(6, width))
        self.to_qkv = Linear(width, 3 * width, bias=False)
        self.q_norm = LayerNorm(_HEAD_SIZE)
        self.k_norm = LayerNorm(_HEAD_SIZE)
        self.to_out = Linear(width, width)
        self.text_norm = LayerNorm(width)
        self.to_q_text = Linear(width, width, bias=False)
        self.to_kv_text = Linear(text_width, 2 * width, bias=False)
        self.text_q_norm = LayerNorm(_HEAD_SIZE)
        self.text_k_norm = LayerNorm(_HEAD_SIZE)
        self.to_out_text = Linear(width, width)
        self.mlp_in = Linear(width, 4 * width)
        self.mlp_out = Linear(4 * width, width)

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = x.shape
        return x.view(batch, tokens, self.heads, -1).transpose(1, 2)

    def forward(self, x: torch.Tensor, level: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, tokens, width)``.

        Args:
            x: Tokens of the picture.
            level: Shared modulation ``(batch, 6, width)``.
            context: Word vectors ``(batch, words, text_width)``.
        """
        modulation = (level + self.modulation.to(level.dtype)).unsqueeze(2)
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.unbind(1)
        width = x.shape[-1:]
        h = F.layer_norm(x, width) * (1 + scale1) + shift1
        q, k, v = (self._split(part) for part in self.to_qkv(h).chunk(3, dim=-1))
        h = F.scaled_dot_product_attention(self.q_norm(q), self.k_norm(k), v)
        x = x + gate1 * self.to_out(h.transpose(1, 2).flatten(2))
        q = self._split(self.to_q_text(self.text_norm(x)))
        k, v = (self._split(part) for part in self.to_kv_text(context).chunk(2, dim=-1))
        h = F.scaled_dot_product_attention(self.text_q_norm(q), self.text_k_norm(k), v)
        x = x + self.to_out_text(h.transpose(1, 2).flatten(2))
        h = F.layer_norm(x, width) * (1 + scale2) + shift2
        result: torch.Tensor = x + gate2 * self.mlp_out(F.gelu(self.mlp_in(h), approximate="tanh"))
        return result


class StarterNetwork(nn.Module):
    """Denoises pictures of any size that is a multiple of 8; trained on 64 by 64.

    Args:
        shape: Its sizes.

    Attributes:
        in_channels: Channels of the picture: red, green, blue.
        dtype: Type it computes in.
    """

    in_channels: int = 3
    out_channels: int = 3

    def __init__(self, shape: StarterShape) -> None:
        super().__init__()
        self.shape = shape
        channels, width = shape.channels, shape.width
        self.dtype = torch.float32
        self.level_in = Linear(2 * _TIME_FREQUENCIES, width)
        self.level_out = Linear(width, width)
        self.text_in = Linear(shape.text_width, width)
        self.level_blocks = Linear(width, 6 * width)
        self.patch_in = Conv2d(3 * PATCH**2, channels, 3, padding=1)
        self.down = nn.ModuleList(ConvBlock(channels, width) for _ in range(shape.conv_blocks))
        self.tokens_in = Linear(4 * channels, width)
        self.positions = nn.Parameter(torch.empty(1, shape.places**2, width))
        self.blocks = nn.ModuleList(TextBlock(width, shape.text_width) for _ in range(shape.depth))
        self.tokens_norm = LayerNorm(width)
        self.tokens_out = Linear(width, 4 * channels)
        self.join = Conv2d(2 * channels, channels, 1)
        self.up = nn.ModuleList(ConvBlock(channels, width) for _ in range(shape.conv_blocks))
        self.out_norm = GroupNorm(_GROUPS, channels)
        self.patch_out = Conv2d(channels, shape.tail * PATCH**2, 1)
        self.tail_in = Conv2d(shape.tail + 3, shape.tail + 8, 3, padding=1)
        self.tail_out = Conv2d(shape.tail + 8, 3, 3, padding=1)

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        control: Any = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the clean picture ``(batch, 3, h, w)`` in -1..1.

        Args:
            x: Noisy picture ``(batch, 3, h, w)``.
            timesteps: Noise level times 1,000, ``(batch,)``.
            context: Word vectors ``(batch, words, text_width)``.
            control: Unused; the network takes no ControlNet.
            transformer_options: Hooks of packs and nodes; wrappers around the network count.
            kwargs: Unused.
        """
        options = {} if transformer_options is None else transformer_options
        executor = WrapperExecutor.new_class_executor(
            self._forward, self, all_wrappers(DIFFUSION_MODEL, options)
        )
        result: torch.Tensor = executor.execute(x, timesteps, context, control, options, **kwargs)
        return result

    def _forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        control: Any = None,
        transformer_options: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        height, width = x.shape[-2:]
        if height % (2 * PATCH) or width % (2 * PATCH):
            fill = (-width % (2 * PATCH), -height % (2 * PATCH))
            x = F.pad(x, (0, fill[0], 0, fill[1]), mode="replicate")
        if context is None:
            context = x.new_zeros(x.shape[0], 1, self.shape.text_width)
        level = self._level(timesteps, x.dtype) + self.text_in(context.mean(1))
        level = F.silu(level)
        h = self.patch_in(F.pixel_unshuffle(x, PATCH))
        for block in self.down:
            h = block(h, level)
        beside = h
        h = self.join(torch.cat([self._tokens(h, level, context), beside], dim=1))
        for block in self.up:
            h = block(h, level)
        h = F.pixel_shuffle(self.patch_out(F.silu(self.out_norm(h))), PATCH)
        picture: torch.Tensor = self.tail_out(F.silu(self.tail_in(torch.cat([h, x], dim=1))))
        return picture[..., :height, :width]

    def _level(self, timesteps: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        rates = torch.exp(
            torch.arange(_TIME_FREQUENCIES, device=timesteps.device, dtype=torch.float32)
            * (-math.log(10000.0) / _TIME_FREQUENCIES)
        )
        angles = timesteps.float()[:, None] * rates
        waves = torch.cat([angles.cos(), angles.sin()], dim=-1).to(dtype)
        result: torch.Tensor = self.level_out(F.silu(self.level_in(waves)))
        return result

    def _tokens(self, h: torch.Tensor, level: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        rows, columns = h.shape[-2] // 2, h.shape[-1] // 2
        tokens = self.tokens_in(F.pixel_unshuffle(h, 2).flatten(2).transpose(1, 2))
        tokens = tokens + self._positions(rows, columns).to(tokens.dtype)
        shared = self.level_blocks(level).view(level.shape[0], 6, -1)
        for block in self.blocks:
            tokens = block(tokens, shared, context)
        tokens = self.tokens_out(self.tokens_norm(tokens))
        return F.pixel_shuffle(tokens.transpose(1, 2).reshape(len(tokens), -1, rows, columns), 2)

    def _positions(self, rows: int, columns: int) -> torch.Tensor:
        places = self.shape.places
        if (rows, columns) == (places, places):
            return self.positions
        square = self.positions.transpose(1, 2).reshape(1, -1, places, places).float()
        fitted = F.interpolate(square, (rows, columns), mode="bilinear", align_corners=False)
        return fitted.flatten(2).transpose(1, 2)
