"""The network of Flux, in the key layout of its makers.

Tokens of text and picture run through double blocks, in which each has its own weights and both
attend to all, and then through single blocks, in which they share one set of weights. Depth,
widths and heads are read from the shapes of the tensors. Rules D-045, D-160, D-214.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any, Final, cast

import torch
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.flux_blocks import (
    DoubleStreamBlock,
    LastLayer,
    MLPEmbedder,
    Options,
    SingleStreamBlock,
    rotary_axes,
)
from app.engine.models.transformer_parts import (
    PATCH,
    BlockArguments,
    count_blocks,
    linear,
    pad_to_patches,
    rotations,
    run_block,
    within_half_precision,
)
from app.engine.models.unet import Shapes, check_inputs
from app.engine.models.unet_blocks import timestep_embedding
from app.engine.models.wrappers import DIFFUSION_MODEL, WrapperExecutor, all_wrappers

Control = dict[str, list[torch.Tensor | None]]

_TIME_WAVES: Final = 256
_TIME_FACTOR: Final = 1000.0
"""Time and guidance run to 1000 in the waves that describe them."""


class FluxNetwork(nn.Module):
    """Flux.

    Args:
        shapes: Shapes of its tensors.

    Attributes:
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
            self.hidden_size = shapes["img_in.weight"][0]
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

    @property
    def in_channels(self) -> int:
        """Return the channels that go in now: a LoRA may widen the network for a picture."""
        return int(self.img_in.weight.shape[1]) // PATCH**2

    @property
    def config(self) -> dict[str, Any]:
        """Return what packs know the network's shape by."""
        return {
            "image_model": "flux" if self.has_guidance else "flux_schnell",
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "patch_size": PATCH,
            "vec_in_dim": self.vec_in_dim,
            "context_in_dim": self.context_dim,
            "hidden_size": self.hidden_size,
            "num_heads": self.num_heads,
            "depth": len(self.double_blocks),
            "depth_single_blocks": len(self.single_blocks),
            "axes_dim": list(self.axes),
            "theta": 10000,
            "qkv_bias": True,
            "guidance_embed": self.has_guidance,
        }

    @property
    def params(self) -> SimpleNamespace:
        """Return :attr:`config` as attributes."""
        return SimpleNamespace(**self.config)

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
