"""The network of Flux, in the key layout of its makers.

Tokens of text and picture run through double blocks, in which each has its own weights and both
attend to all, and then through single blocks, in which they share one set of weights. Depth,
widths and heads are read from the shapes of the tensors. Rules D-045, D-160, D-214.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, cast

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.attention import optimized_attention
from app.engine.models.transformer_parts import (
    PATCH,
    BlockArguments,
    Mlp,
    RMSNorm,
    count_blocks,
    linear,
    modulated,
    pad_to_patches,
    rotations,
    run_block,
    to_heads,
    turned,
    within_half_precision,
)
from app.engine.models.unet import Shapes, check_inputs
from app.engine.models.unet_blocks import timestep_embedding
from app.engine.models.wrappers import DIFFUSION_MODEL, WrapperExecutor, all_wrappers

Options = dict[str, Any]
Control = dict[str, list[torch.Tensor | None]]
Parts = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""Shift, scale and gate, each ``(batch, 1, width)``."""

_TIME_WAVES: Final = 256
_TIME_FACTOR: Final = 1000.0
"""Time and guidance run to 1000 in the waves that describe them."""


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


class FluxNetwork(nn.Module):
    """Flux.

    Args:
        shapes: Shapes of its tensors.

    Attributes:
        in_channels: Channels that go in, those laid beside the latent included.
        out_channels: Channels of the latent.
        context_dim: Width of a text token.
        vec_in_dim: Width of the pooled text.
        has_guidance: Whether it was distilled with a guidance value.

    Raises:
        ModelFileError: The tensors do not make a Flux network.
    """

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            self.hidden_size, tokens = shapes["img_in.weight"]
            self.in_channels = tokens // PATCH**2
            self.out_channels = shapes["final_layer.linear.weight"][0] // PATCH**2
            self.context_dim = shapes["txt_in.weight"][1]
            self.vec_in_dim = shapes["vector_in.in_layer.weight"][1]
            head_size = shapes["double_blocks.0.img_attn.norm.key_norm.scale"][0]
            self.num_heads = self.hidden_size // head_size
            self.axes = rotary_axes(head_size)
            self.img_in = linear(shapes, "img_in")
            self.txt_in = linear(shapes, "txt_in")
            self.time_in = MLPEmbedder(shapes, "time_in.")
            self.vector_in = MLPEmbedder(shapes, "vector_in.")
            self.has_guidance = "guidance_in.in_layer.weight" in shapes
            if self.has_guidance:
                self.guidance_in = MLPEmbedder(shapes, "guidance_in.")
            self.double_blocks = nn.ModuleList(
                DoubleStreamBlock(shapes, f"double_blocks.{index}.", self.num_heads)
                for index in range(count_blocks(shapes, "double_blocks."))
            )
            self.single_blocks = nn.ModuleList(
                SingleStreamBlock(shapes, f"single_blocks.{index}.", self.num_heads)
                for index in range(count_blocks(shapes, "single_blocks."))
            )
            self.final_layer = LastLayer(shapes, "final_layer.")
        except (KeyError, ValueError) as error:
            raise ModelFileError(
                f"The diffusion model is not complete: {error} is missing."
            ) from None
        self.patch_size = PATCH
        self.dtype = torch.float32

    def forward(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        y: torch.Tensor | None = None,
        guidance: torch.Tensor | None = None,
        ref_latents: Sequence[torch.Tensor] | None = None,
        control: Control | None = None,
        transformer_options: Options | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Return the velocity ``(batch, out_channels, height, width)``.

        Args:
            x: Latent ``(batch, in_channels, height, width)``, any size.
            timestep: Noise level 0 to 1 of each item ``(batch,)``.
            context: Text ``(batch, tokens, context_dim)``.
            y: Pooled text ``(batch, vec_in_dim)``; zeros when None.
            guidance: ``(batch,)``; None leaves it out.
            ref_latents: Pictures to edit, as latents of any size.
            control: ``input`` and ``output`` lists to add to the picture's tokens after double
                and single blocks.
            transformer_options: Hooks of packs (rule D-235).
            kwargs: Extra inputs that wrappers may read; ``ref_latents_method`` says how further
                pictures are placed.
        """
        options = {} if transformer_options is None else transformer_options
        executor = WrapperExecutor.new_class_executor(
            self._forward, self, all_wrappers(DIFFUSION_MODEL, options)
        )
        result: torch.Tensor = executor.execute(
            x, timestep, context, y, guidance, ref_latents, control, options, **kwargs
        )
        return result

    def _forward(
        self,
        x: torch.Tensor,
        timestep: torch.Tensor,
        context: torch.Tensor,
        y: torch.Tensor | None = None,
        guidance: torch.Tensor | None = None,
        ref_latents: Sequence[torch.Tensor] | None = None,
        control: Control | None = None,
        transformer_options: Options | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        check_inputs(x, self.in_channels, context, self.context_dim, "Flux")
        height, width = x.shape[-2:]
        img, img_ids = self.process_img(x)
        tokens = img.shape[1]
        for latent, place in place_references(
            ref_latents or (), height, width, kwargs.get("ref_latents_method", "offset")
        ):
            more, ids = self.process_img(latent.to(x), *place)
            img = torch.cat([img, more.expand(img.shape[0], -1, -1)], dim=1)
            img_ids = torch.cat([img_ids, ids.expand(img_ids.shape[0], -1, -1)], dim=1)
        txt_ids = img_ids.new_zeros(x.shape[0], context.shape[1], 3)
        out = self.forward_orig(
            img, img_ids, context, txt_ids, timestep, y, guidance, control,
            transformer_options=transformer_options, attn_mask=kwargs.get("attention_mask"),
        )[:, :tokens]  # fmt: skip
        rows, columns = -(-height // PATCH), -(-width // PATCH)
        out = out.view(out.shape[0], rows, columns, -1, PATCH, PATCH).permute(0, 3, 1, 4, 2, 5)
        return out.reshape(out.shape[0], -1, rows * PATCH, columns * PATCH)[..., :height, :width]

    def process_img(
        self, x: torch.Tensor, index: int = 0, h_offset: int = 0, w_offset: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return patches ``(batch, tokens, channels * 4)`` and their places ``(.., .., 3)``.

        Args:
            x: Latent.
            index: Which picture it is.
            h_offset: First row in latent cells.
            w_offset: First column in latent cells.
        """
        x = pad_to_patches(x)
        batch, channels, height, width = x.shape
        rows, columns = height // PATCH, width // PATCH
        patches = x.reshape(batch, channels, rows, PATCH, columns, PATCH)
        tokens = patches.permute(0, 2, 4, 1, 3, 5).reshape(batch, rows * columns, -1)
        ids = torch.zeros(rows, columns, 3, device=x.device)
        ids[..., 0] = index
        first_row, first_column = (h_offset + 1) // PATCH, (w_offset + 1) // PATCH
        ids[..., 1] += first_row + torch.arange(rows, device=x.device)[:, None]
        ids[..., 2] += first_column + torch.arange(columns, device=x.device)[None]
        return tokens, ids.view(1, -1, 3).expand(batch, -1, -1)

    def vector(
        self,
        timesteps: torch.Tensor,
        y: torch.Tensor | None,
        guidance: torch.Tensor | None,
        kind: torch.dtype,
    ) -> torch.Tensor:
        """Return what all blocks are modulated by, ``(batch, hidden_size)``."""
        vec = self.time_in(timestep_embedding(timesteps * _TIME_FACTOR, _TIME_WAVES).to(kind))
        if self.has_guidance and guidance is not None:
            waves = timestep_embedding(guidance * _TIME_FACTOR, _TIME_WAVES)
            vec = vec + self.guidance_in(waves.to(kind))
        if y is None:
            y = vec.new_zeros(timesteps.shape[0], self.vec_in_dim)
        result: torch.Tensor = vec + self.vector_in(y[:, : self.vec_in_dim].to(kind))
        return result

    def forward_orig(
        self,
        img: torch.Tensor,
        img_ids: torch.Tensor,
        txt: torch.Tensor,
        txt_ids: torch.Tensor,
        timesteps: torch.Tensor,
        y: torch.Tensor | None,
        guidance: torch.Tensor | None = None,
        control: Control | None = None,
        transformer_options: Options | None = None,
        attn_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return patches of the velocity for patches of the latent; packs wrap this method."""
        options = {} if transformer_options is None else transformer_options
        patches = options.get("patches", {})
        img = self.img_in(img)
        vec = self.vector(timesteps, y, guidance, img.dtype)
        txt = self.txt_in(txt)
        for patch in patches.get("post_input", ()):
            given = {"img": img, "txt": txt, "img_ids": img_ids, "txt_ids": txt_ids,
                     "transformer_options": options}  # fmt: skip
            changed = patch(given)
            img, txt = changed["img"], changed["txt"]
            img_ids, txt_ids = changed["img_ids"], changed["txt_ids"]
        pe = rotations(torch.cat([txt_ids, img_ids], dim=1), self.axes)
        shared = {"vec": vec, "pe": pe, "attn_mask": attn_mask, "transformer_options": options}
        img, txt = self._run_doubles(img, txt, shared, control)
        img = self._run_singles(img, txt, shared, control)
        result: torch.Tensor = self.final_layer(img, vec)
        return result

    def _run_doubles(
        self, img: torch.Tensor, txt: torch.Tensor, shared: BlockArguments, control: Control | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        options = shared["transformer_options"]
        replaced = options.get("patches_replace", {}).get("dit", {})
        options["total_blocks"] = len(self.double_blocks)
        options["block_type"] = "double"
        for index, block in enumerate(cast(Iterable[DoubleStreamBlock], self.double_blocks)):
            options["block_index"] = index
            arguments = {"img": img, "txt": txt, **shared}
            out = run_block(block.run, replaced.get(("double_block", index)), arguments)
            img, txt = out["img"], out["txt"]
            for patch in options.get("patches", {}).get("double_block", ()):
                out = patch({"img": img, "txt": txt, "x": img, "block_index": index,
                             "transformer_options": options})  # fmt: skip
                img, txt = out["img"], out["txt"]
            img = _with_control(img, control, "input", index)
        return img, txt

    def _run_singles(
        self, img: torch.Tensor, txt: torch.Tensor, shared: BlockArguments, control: Control | None
    ) -> torch.Tensor:
        """Return the picture's tokens only."""
        options = shared["transformer_options"]
        replaced = options.get("patches_replace", {}).get("dit", {})
        length = txt.shape[1]
        both = within_half_precision(torch.cat([txt, img], dim=1))
        options["total_blocks"] = len(self.single_blocks)
        options["block_type"] = "single"
        options["img_slice"] = [length, both.shape[1]]
        for index, block in enumerate(cast(Iterable[SingleStreamBlock], self.single_blocks)):
            options["block_index"] = index
            arguments = {"img": both, **shared}
            both = run_block(block.run, replaced.get(("single_block", index)), arguments)["img"]
            for patch in options.get("patches", {}).get("single_block", ()):
                both = patch({"img": both, "x": both, "block_index": index,
                              "transformer_options": options})["img"]  # fmt: skip
            if control:
                picture = _with_control(both[:, length:], control, "output", index)
                both = torch.cat([both[:, :length], picture], dim=1)
        return both[:, length:]


def place_references(
    latents: Sequence[torch.Tensor], height: int, width: int, method: str
) -> list[tuple[torch.Tensor, tuple[int, int, int]]]:
    """Return pictures to edit with their number, first row and first column.

    Args:
        latents: The pictures.
        height: Of the picture that is made, in latent cells.
        width: The same.
        method: ``offset`` lays them side by side as picture 1, ``index`` numbers them, ``uxo``
            lays them beyond the right lower corner of the new picture.
    """
    placed = []
    right = bottom = 0
    for number, latent in enumerate(latents, start=1):
        rows, columns = latent.shape[-2:]
        if method.startswith("index"):
            place = (number, 0, 0)
        elif method == "uxo":
            place = (0, height + height % PATCH + bottom, width + width % PATCH + right)
            bottom, right = bottom + rows, right + columns
        else:
            beside = rows + bottom > columns + right
            place = (1, 0, right) if beside else (1, bottom, 0)
            bottom, right = max(bottom, rows + place[1]), max(right, columns + place[2])
        placed.append((latent, place))
    return placed


def _with_control(
    img: torch.Tensor,
    control: Control | None,
    name: str,
    index: int,
) -> torch.Tensor:
    """Add what a ControlNet has for a block to the first tokens of the picture."""
    values = (control or {}).get(name) or []
    value = values[index] if index < len(values) else None
    if value is None:
        return img
    img = img.clone()
    img[:, : value.shape[1]] += value
    return img
