"""The network of Stable Diffusion 3 and 3.5, in the key layout of its makers.

Text and picture have weights of their own in every block and attend to each other. Depth,
width and the largest picture are read from the shapes of the tensors; a head has 64 channels.

Source: Esser et al. 2024, "Scaling Rectified Flow Transformers" (arXiv:2403.03206); rule D-214.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.flux_blocks import LastLayer
from app.engine.models.ops import Conv2d
from app.engine.models.transformer_parts import (
    PATCH,
    BlockArguments,
    RMSNorm,
    count_blocks,
    linear,
    modulated,
    pad_to_patches,
    run_block,
    to_heads,
    within_half_precision,
)
from app.engine.models.unet import Shapes, check_inputs
from app.engine.models.unet_blocks import timestep_embedding
from app.engine.models.wrappers import DIFFUSION_MODEL, WrapperExecutor, all_wrappers

Options = dict[str, Any]

HEAD_SIZE: Final = 64
_TIME_WAVES: Final = 256


class Embedder(nn.Module):
    """Two layers that turn a time or a pooled text into a vector."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            linear(shapes, stem + "mlp.0"), nn.SiLU(), linear(shapes, stem + "mlp.2")
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, width)``."""
        result: torch.Tensor = self.mlp(x)
        return result


class JointAttention(nn.Module):
    """The weights of one stream's attention; the last text stream gives nothing back."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.qkv = linear(shapes, stem + "qkv")
        self.heads = shapes[stem + "qkv.weight"][1] // HEAD_SIZE
        if stem + "proj.weight" in shapes:
            self.proj = linear(shapes, stem + "proj")
        self.normalises = stem + "ln_q.weight" in shapes
        if self.normalises:
            self.ln_q = RMSNorm(shapes[stem + "ln_q.weight"][0])
            self.ln_k = RMSNorm(shapes[stem + "ln_k.weight"][0])

    def queries(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return queries, keys and values, ``(batch, heads, tokens, size)``."""
        q, k, v = to_heads(self.qkv(x), self.heads)
        if self.normalises:
            q, k = self.ln_q(q), self.ln_k(k)
        return q, k, v


class FeedForward(nn.Module):
    """Two layers behind attention."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.fc1 = linear(shapes, stem + "fc1")
        self.fc2 = linear(shapes, stem + "fc2")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        result: torch.Tensor = self.fc2(F.gelu(self.fc1(x), approximate="tanh"))
        return result


class StreamBlock(nn.Module):
    """One stream of a block: norms and modulation, attention, feed-forward.

    Attributes:
        pre_only: Whether nothing comes back, as for the text of the last block.
        dual: Whether the picture also attends to itself alone (SD 3.5 medium).
    """

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.attn = JointAttention(shapes, stem + "attn.")
        self.pre_only = stem + "mlp.fc1.weight" not in shapes
        self.dual = stem + "attn2.qkv.weight" in shapes
        if self.dual:
            self.attn2 = JointAttention(shapes, stem + "attn2.")
        if not self.pre_only:
            self.mlp = FeedForward(shapes, stem + "mlp.")
        self.adaLN_modulation = nn.Sequential(
            nn.SiLU(), linear(shapes, stem + "adaLN_modulation.1")
        )

    def modulation(self, c: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return shifts, scales and gates, each ``(batch, 1, width)``."""
        out: torch.Tensor = self.adaLN_modulation(c)[:, None]
        return out.chunk(out.shape[-1] // c.shape[-1], dim=-1)


class JointBlock(nn.Module):
    """Both streams of a block."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        self.context_block = StreamBlock(shapes, stem + "context_block.")
        self.x_block = StreamBlock(shapes, stem + "x_block.")

    def forward(
        self, context: torch.Tensor, x: torch.Tensor, c: torch.Tensor, options: Options | None
    ) -> tuple[torch.Tensor | None, torch.Tensor]:
        """Return text tokens, or None behind the last block, and picture tokens."""
        text, picture = self.context_block, self.x_block
        text_parts, parts = text.modulation(c), picture.modulation(c)
        text_qkv = text.attn.queries(modulated(context, text_parts[0], text_parts[1]))
        qkv = picture.attn.queries(modulated(x, parts[0], parts[1]))
        length, heads = context.shape[1], picture.attn.heads
        q, k, v = (torch.cat(pair, dim=2) for pair in zip(text_qkv, qkv, strict=True))
        seen = optimized_attention(q, k, v, heads, skip_reshape=True, transformer_options=options)

        after = x + parts[2] * picture.attn.proj(seen[:, length:])
        if picture.dual:
            q, k, v = picture.attn2.queries(modulated(x, parts[6], parts[7]))
            alone = optimized_attention(
                q, k, v, heads, skip_reshape=True, transformer_options=options
            )
            after = after + parts[8] * picture.attn2.proj(alone)
        x = after + parts[5] * picture.mlp(modulated(after, parts[3], parts[4]))
        if text.pre_only:
            return None, within_half_precision(x)
        context = context + text_parts[2] * text.attn.proj(seen[:, :length])
        context = context + text_parts[5] * text.mlp(
            modulated(context, text_parts[3], text_parts[4])
        )
        return within_half_precision(context), within_half_precision(x)

    def run(self, args: BlockArguments) -> BlockArguments:
        """Return ``img`` and ``txt`` for arguments by name."""
        txt, img = self(args["txt"], args["img"], args["vec"], args.get("transformer_options"))
        return {"txt": txt, "img": img}


class _PatchEmbed(nn.Module):
    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__()
        width, channels = shapes[stem + "proj.weight"][:2]
        self.proj = Conv2d(channels, width, PATCH, stride=PATCH)


class MMDiT(nn.Module):
    """Stable Diffusion 3.

    Args:
        shapes: Shapes of its tensors.

    Attributes:
        in_channels: Channels of the latent.
        out_channels: The same.
        context_dim: Width of a text token.
        largest: Tokens that the picture may be wide and high.

    Raises:
        ModelFileError: The tensors do not make such a network.
    """

    pos_embed: torch.Tensor

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.hidden_size, self.in_channels = shapes["x_embedder.proj.weight"][:2]
            self.out_channels = shapes["final_layer.linear.weight"][0] // PATCH**2
            self.context_dim = shapes["context_embedder.weight"][1]
            self.adm_in_channels = shapes["y_embedder.mlp.0.weight"][1]
            self.x_embedder = _PatchEmbed(shapes, "x_embedder.")
            self.largest = math.isqrt(shapes["pos_embed"][1])
            self.register_buffer("pos_embed", torch.empty(shapes["pos_embed"]))
            self.t_embedder = Embedder(shapes, "t_embedder.")
            self.y_embedder = Embedder(shapes, "y_embedder.")
            self.context_embedder = linear(shapes, "context_embedder")
            self.joint_blocks = nn.ModuleList(
                JointBlock(shapes, f"joint_blocks.{index}.")
                for index in range(count_blocks(shapes, "joint_blocks."))
            )
            self.final_layer = LastLayer(shapes, "final_layer.")
        except (KeyError, ValueError) as error:
            raise ModelFileError(
                f"The diffusion model is not complete: {error} is missing."
            ) from None
        self.patch_size = PATCH
        self.dtype = torch.float32

    @property
    def config(self) -> dict[str, Any]:
        """Return what packs know the network's shape by."""
        return {
            "image_model": "sd3",
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "patch_size": PATCH,
            "depth": self.hidden_size // HEAD_SIZE,
            "num_blocks": len(self.joint_blocks),
            "adm_in_channels": self.adm_in_channels,
            "pos_embed_max_size": self.largest,
        }

    def forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None = None,
        y: torch.Tensor | None = None,
        control: dict[str, list[torch.Tensor | None]] | None = None,
        transformer_options: Options | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the velocity ``(batch, out_channels, height, width)``.

        Args:
            x: Latent ``(batch, in_channels, height, width)``.
            timesteps: 0 to 1000, ``(batch,)``.
            context: Text ``(batch, tokens, context_dim)``.
            y: Pooled text ``(batch, width)``.
            control: ``output`` list to add to the picture's tokens.
            transformer_options: Hooks of packs.
            kwargs: Extra inputs that wrappers may read.

        Raises:
            ValueError: The picture is larger than the network knows places for.
        """
        options = {} if transformer_options is None else transformer_options
        executor = WrapperExecutor.new_class_executor(
            self._forward, self, all_wrappers(DIFFUSION_MODEL, options)
        )
        result: torch.Tensor = executor.execute(
            x, timesteps, context, y, control, options, **kwargs
        )
        return result

    def _forward(
        self,
        x: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor,
        y: torch.Tensor,
        control: dict[str, list[torch.Tensor | None]] | None = None,
        transformer_options: Options | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        check_inputs(x, self.in_channels, context, self.context_dim, "this model")
        options = {} if transformer_options is None else transformer_options
        height, width = x.shape[-2:]
        patches = self.x_embedder.proj(pad_to_patches(x))
        rows, columns = patches.shape[-2:]
        h = patches.flatten(2).transpose(1, 2) + self.cropped_places(rows, columns).to(x)
        waves = timestep_embedding(timesteps, _TIME_WAVES).to(x.dtype)
        c = self.t_embedder(waves) + self.y_embedder(y)
        text: torch.Tensor | None = self.context_embedder(context)
        replaced = options.get("patches_replace", {}).get("dit", {})
        options["total_blocks"] = len(self.joint_blocks)
        options["block_type"] = "double"
        for index, block in enumerate(cast(Iterable[JointBlock], self.joint_blocks)):
            options["block_index"] = index
            args = {"img": h, "txt": text, "vec": c, "transformer_options": options}
            changed = run_block(block.run, replaced.get(("double_block", index)), args)
            text, h = changed["txt"], changed["img"]
            values = (control or {}).get("output") or []
            value = values[index] if index < len(values) else None
            if value is not None:
                h = h + value
        out: torch.Tensor = self.final_layer(h, c)
        out = out.view(out.shape[0], rows, columns, PATCH, PATCH, -1).permute(0, 5, 1, 3, 2, 4)
        return out.reshape(out.shape[0], -1, rows * PATCH, columns * PATCH)[..., :height, :width]

    def cropped_places(self, rows: int, columns: int) -> torch.Tensor:
        """Return the vectors of the middle ``rows`` x ``columns`` places, ``(1, tokens, width)``.

        Raises:
            ValueError: There are fewer places.
        """
        if max(rows, columns) > self.largest:
            side = self.largest * PATCH * 8
            raise ValueError(
                f"This model makes pictures of at most {side} x {side} pixels; "
                f"{columns * PATCH * 8} x {rows * PATCH * 8} was asked for. Make it smaller and "
                "enlarge the result."
            )
        top, left = (self.largest - rows) // 2, (self.largest - columns) // 2
        places = self.pos_embed.view(1, self.largest, self.largest, -1)
        return places[:, top : top + rows, left : left + columns].flatten(1, 2)
