"""The parts of the UNet of Stable Diffusion, named as in its files (rules D-230 to D-235)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.attention import optimized_attention
from app.engine.models.ops import Conv2d, GroupNorm, LayerNorm, Linear

Options = dict[str, Any]


def timestep_embedding(
    timesteps: torch.Tensor, width: int, max_period: float = 10000
) -> torch.Tensor:
    """Return ``(batch, width)``: cosines, then sines, of falling frequencies (D-231)."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float32, device=timesteps.device)
    frequencies = torch.exp(-math.log(max_period) * steps / half)
    angles = timesteps[:, None].float() * frequencies[None]
    waves = torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)
    return F.pad(waves, (0, width - 2 * half)) if width % 2 else waves


class ResBlock(nn.Module):
    """Two convolutions with the time added between them (D-232)."""

    def __init__(self, channels: int, out_channels: int, time_width: int) -> None:
        super().__init__()
        self.channels = channels
        self.out_channels = out_channels
        self.in_layers = nn.Sequential(
            GroupNorm(32, channels, eps=1e-5),
            nn.SiLU(),
            Conv2d(channels, out_channels, 3, padding=1),
        )
        self.emb_layers = nn.Sequential(nn.SiLU(), Linear(time_width, out_channels))
        self.out_layers = nn.Sequential(
            GroupNorm(32, out_channels, eps=1e-5),
            nn.SiLU(),
            nn.Identity(),
            Conv2d(out_channels, out_channels, 3, padding=1),
        )
        self.skip_connection: nn.Module = (
            nn.Identity() if channels == out_channels else Conv2d(channels, out_channels, 1)
        )

    def forward(self, x: torch.Tensor, emb: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, out_channels, height, width)``."""
        h = self.in_layers[2](F.silu(self.in_layers[0](x), inplace=True))
        h += self.emb_layers(emb)[:, :, None, None]
        h = self.out_layers[3](F.silu(self.out_layers[0](h), inplace=True))
        h += self.skip_connection(x)
        result: torch.Tensor = h
        return result


class Downsample(nn.Module):
    """Halves the size with a convolution."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.op = Conv2d(channels, out_channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the smaller picture; odd sizes round up."""
        result: torch.Tensor = self.op(x)
        return result


class Upsample(nn.Module):
    """Enlarges to a given size, or to twice the size, and convolves."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.conv = Conv2d(channels, out_channels, 3, padding=1)

    def forward(self, x: torch.Tensor, output_shape: Sequence[int] | None = None) -> torch.Tensor:
        """Return the larger picture; ``output_shape`` ends in its height and width."""
        size = (x.shape[2] * 2, x.shape[3] * 2) if output_shape is None else output_shape[2:]
        result: torch.Tensor = self.conv(F.interpolate(x, size=tuple(size), mode="nearest"))
        return result


class CrossAttention(nn.Module):
    """Attention from tokens to themselves or to a text."""

    def __init__(self, width: int, context_width: int, heads: int, head_size: int) -> None:
        super().__init__()
        inner = heads * head_size
        self.heads = heads
        self.dim_head = head_size
        self.attn_precision: torch.dtype | None = None
        self.to_q = Linear(width, inner, bias=False)
        self.to_k = Linear(context_width, inner, bias=False)
        self.to_v = Linear(context_width, inner, bias=False)
        self.to_out = nn.Sequential(Linear(inner, width), nn.Identity())

    def forward(
        self,
        x: torch.Tensor,
        context: torch.Tensor | None = None,
        value: torch.Tensor | None = None,
        mask: torch.Tensor | None = None,
        transformer_options: Options | None = None,
    ) -> torch.Tensor:
        """Return ``(batch, tokens, width)``; keys come from ``context``, values from ``value``."""
        q = self.to_q(x)
        context = x if context is None else context
        k = self.to_k(context)
        v = self.to_v(context if value is None else value)
        out = optimized_attention(
            q, k, v, self.heads, mask, self.attn_precision, transformer_options=transformer_options
        )
        result: torch.Tensor = self.to_out(out)
        return result


class GatedGelu(nn.Module):
    """Half of a projection gates the other half."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.proj = Linear(width, out_width * 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, tokens, out_width)``."""
        value, gate = self.proj(x).chunk(2, dim=-1)
        result: torch.Tensor = value * F.gelu(gate)
        return result


class FeedForward(nn.Module):
    """The two-layer network behind attention."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.net = nn.Sequential(GatedGelu(width, inner), nn.Identity(), Linear(inner, width))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        result: torch.Tensor = self.net(x)
        return result


class BasicTransformerBlock(nn.Module):
    """Self-attention, attention to the text, feed-forward, with the places packs hook into."""

    def __init__(
        self, width: int, context_width: int, heads: int, head_size: int, inner: int
    ) -> None:
        super().__init__()
        self.n_heads = heads
        self.d_head = head_size
        self.attn1 = CrossAttention(width, width, heads, head_size)
        self.attn2 = CrossAttention(width, context_width, heads, head_size)
        self.ff = FeedForward(width, inner)
        self.norm1 = LayerNorm(width)
        self.norm2 = LayerNorm(width)
        self.norm3 = LayerNorm(width)

    def forward(
        self,
        x: torch.Tensor,
        context: torch.Tensor | None = None,
        transformer_options: Options | None = None,
    ) -> torch.Tensor:
        """Return a tensor of the same shape as ``x`` ``(batch, tokens, width)``."""
        options = transformer_options or {}
        patches = options.get("patches", {})
        extra = {
            key: value
            for key, value in options.items()
            if key not in ("patches", "patches_replace")
        }
        extra["n_heads"] = self.n_heads
        extra["dim_head"] = self.d_head
        extra["attn_precision"] = self.attn1.attn_precision

        normed = self.norm1(x)
        x = x + self._attend("attn1", normed, normed, options, patches, extra)
        for patch in patches.get("middle_patch", ()):
            x = patch(x, extra)
        x = x + self._attend("attn2", self.norm2(x), context, options, patches, extra)
        result: torch.Tensor = x + self.ff(self.norm3(x))
        return result

    def _attend(
        self,
        name: str,
        query: torch.Tensor,
        context: torch.Tensor | None,
        options: Options,
        patches: dict[str, Any],
        extra: Options,
    ) -> torch.Tensor:
        attention: CrossAttention = getattr(self, name)
        context = query if context is None else context
        value = context
        for patch in patches.get(f"{name}_patch", ()):
            query, context, value = patch(query, context, value, extra)
        replacement = _replacement(name, options)
        if replacement is None:
            out = attention(query, context, value, transformer_options=options)
        else:
            out = replacement(
                attention.to_q(query), attention.to_k(context), attention.to_v(value), extra
            )
            out = attention.to_out(out)
        for patch in patches.get(f"{name}_output_patch", ()):
            out = patch(out, extra)
        result: torch.Tensor = out
        return result


def _replacement(name: str, options: Options) -> Any:
    """Return the function that stands for an attention here, for its block, or None."""
    table = options.get("patches_replace", {}).get(name, {})
    block = options.get("block")
    if not table or block is None:
        return None
    exact = (block[0], block[1], options.get("block_index", 0))
    return table.get(exact, table.get(tuple(block)))


class SpatialTransformer(nn.Module):
    """Transformer blocks over the pixels of a latent (D-233)."""

    def __init__(
        self,
        channels: int,
        context_width: int,
        heads: int,
        head_size: int,
        inner: int,
        depth: int,
        linear: bool,
    ) -> None:
        super().__init__()
        width = heads * head_size
        self.use_linear = linear
        self.in_channels = channels
        self.norm = GroupNorm(32, channels, eps=1e-6)
        self.proj_in: nn.Module = Linear(channels, width) if linear else Conv2d(channels, width, 1)
        self.transformer_blocks = nn.ModuleList(
            BasicTransformerBlock(width, context_width, heads, head_size, inner)
            for _ in range(depth)
        )
        self.proj_out: nn.Module = Linear(width, channels) if linear else Conv2d(width, channels, 1)

    def forward(
        self,
        x: torch.Tensor,
        context: Any = None,
        transformer_options: Options | None = None,
    ) -> torch.Tensor:
        """Return a tensor of the same shape.

        Args:
            x: ``(batch, channels, height, width)``.
            context: ``(batch, tokens, width)``, or a list with one for each block.
            transformer_options: Hooks; ``block_index`` and ``activations_shape`` are set.
        """
        options = {} if transformer_options is None else transformer_options
        options["activations_shape"] = list(x.shape)
        height, width = x.shape[2:]
        h = self.norm(x)
        if self.use_linear:
            h = self.proj_in(h.flatten(2).transpose(1, 2).contiguous())
        else:
            h = self.proj_in(h).flatten(2).transpose(1, 2).contiguous()
        for index, block in enumerate(self.transformer_blocks):
            options["block_index"] = index
            own = context[index] if isinstance(context, (list, tuple)) else context
            h = block(h, own, options)
        if self.use_linear:
            h = self.proj_out(h)
        h = h.transpose(1, 2).reshape(x.shape[0], -1, height, width)
        if not self.use_linear:
            h = self.proj_out(h)
        result: torch.Tensor = h + x
        return result


class TimestepEmbedSequential(nn.Sequential):
    """Layers in a row, each given what its kind needs."""

    def forward(  # type: ignore[override]  # more inputs than a plain sequence
        self,
        x: torch.Tensor,
        emb: torch.Tensor,
        context: Any = None,
        transformer_options: Options | None = None,
        output_shape: Sequence[int] | None = None,
    ) -> torch.Tensor:
        """Return the result of the last layer."""
        options = {} if transformer_options is None else transformer_options
        for layer in self:
            if isinstance(layer, ResBlock):
                x = layer(x, emb)
            elif isinstance(layer, SpatialTransformer):
                x = layer(x, context, options)
                options["transformer_index"] = options.get("transformer_index", 0) + 1
            elif isinstance(layer, Upsample):
                x = layer(x, output_shape)
            else:
                x = _foreign(layer, x, emb, context, options, output_shape)
        return x


def _foreign(
    layer: nn.Module,
    x: torch.Tensor,
    emb: torch.Tensor,
    context: Any,
    options: Options,
    output_shape: Sequence[int] | None,
) -> torch.Tensor:
    """Run a layer that a pack may have put here, by the pack's handler for its class."""
    handlers = options.get("patches", {}).get("forward_timestep_embed_patch", ())
    for kind, handler in handlers:
        if isinstance(layer, kind):
            found: torch.Tensor = handler(
                layer, x, emb, context, options, output_shape, None, None, None
            )
            return found
    result: torch.Tensor = layer(x)
    return result
