"""The UNet of SD1, SD2, SDXL and their relatives, built from the shapes of its tensors.

Every block is what its tensors say: channel counts, depths and widths are read from their
shapes, so that a file with fewer or narrower blocks is a valid network too (rule D-212).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.ops import Conv2d, GroupNorm, Linear
from app.engine.models.unet_blocks import (
    Downsample,
    Options,
    ResBlock,
    SpatialTransformer,
    TimestepEmbedSequential,
    Upsample,
    timestep_embedding,
)
from app.engine.models.wrappers import DIFFUSION_MODEL, WrapperExecutor, all_wrappers

log = logging.getLogger("easel.models")

Shapes = Mapping[str, tuple[int, ...]]


def shapes_of(tensors: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def context_width(shapes: Shapes) -> int:
    """Return how wide the texts are that a network attends to; 0 when it attends to none."""
    widths = (shape[1] for name, shape in shapes.items() if name.endswith("attn2.to_k.weight"))
    return next(widths, 0)


def check_inputs(x: torch.Tensor, channels: int, context: Any, width: int, what: str) -> None:
    """Refuse latents and texts that belong to another kind of model, in words.

    Args:
        x: Latent ``(batch, channels, height, width)``.
        channels: Channels that the network takes.
        context: Text ``(batch, tokens, width)``; anything else is not looked at.
        width: Width that the network takes, or 0.
        what: Words for the network.

    Raises:
        ValueError: They do not fit.
    """
    if x.shape[1] != channels:
        raise ValueError(
            f"These latents have {x.shape[1]} channels, and {what} takes {channels}. They belong "
            "to another kind of model: use the VAE that goes with this one."
        )
    if width and isinstance(context, torch.Tensor) and context.shape[-1] != width:
        raise ValueError(
            f"The prompt was encoded for another kind of model: its values are "
            f"{context.shape[-1]} wide, and {what} takes {width}. Models, text encoders and "
            "ControlNets have to be of the same kind."
        )


@dataclass(frozen=True, slots=True)
class HeadRule:
    """How many heads an attention layer has.

    Attributes:
        count: Heads in every layer, or -1 when ``size`` rules.
        size: Channels of one head, or -1 when ``count`` rules.
    """

    count: int = 8
    size: int = -1

    def heads(self, width: int) -> tuple[int, int]:
        """Return number and size of the heads of a layer ``width`` wide."""
        if self.size > 0:
            return width // self.size, self.size
        return self.count, width // self.count


class UNetParts:
    """Builds blocks from the shapes below a prefix.

    Args:
        shapes: Shapes of all tensors of a network.
        heads: How attention is split.
    """

    def __init__(self, shapes: Shapes, heads: HeadRule) -> None:
        self.shapes = shapes
        self.heads = heads

    def count(self, stem: str) -> int:
        """Return how many numbered parts lie below ``stem``, counted from 0."""
        pattern = re.compile(re.escape(stem) + r"(\d+)\.")
        numbers = {int(found[1]) for name in self.shapes if (found := pattern.match(name))}
        return max(numbers) + 1 if numbers else 0

    def sequence(self, stem: str) -> TimestepEmbedSequential:
        """Return the layers ``stem``0, ``stem``1, ... in a row."""
        parts = [self.layer(f"{stem}{index}.") for index in range(self.count(stem))]
        return TimestepEmbedSequential(*parts)

    def layer(self, stem: str) -> nn.Module:
        """Return the layer whose tensors begin with ``stem``.

        Raises:
            ModelFileError: Its tensors are those of no layer we know.
        """
        shapes = self.shapes
        if stem + "in_layers.2.weight" in shapes:
            out_channels, channels = shapes[stem + "in_layers.2.weight"][:2]
            return ResBlock(channels, out_channels, shapes[stem + "emb_layers.1.weight"][1])
        if stem + "proj_in.weight" in shapes:
            return self._transformer(stem)
        for name, kind in (("op.weight", Downsample), ("conv.weight", Upsample)):
            if stem + name in shapes:
                out_channels, channels = shapes[stem + name][:2]
                return kind(channels, out_channels)
        if len(shapes.get(stem + "weight", ())) == 4:
            out_channels, channels, size = shapes[stem + "weight"][:3]
            return Conv2d(channels, out_channels, size, padding=size // 2)
        raise ModelFileError(
            f'The network has a part that is not known here: "{stem.rstrip(".")}".'
        )

    def _transformer(self, stem: str) -> SpatialTransformer:
        shapes = self.shapes
        block = stem + "transformer_blocks.0."
        width, channels = shapes[stem + "proj_in.weight"][:2]
        heads, size = self.heads.heads(width)
        return SpatialTransformer(
            channels,
            shapes[block + "attn2.to_k.weight"][1],
            heads,
            size,
            shapes[block + "ff.net.2.weight"][1],
            self.count(stem + "transformer_blocks."),
            len(shapes[stem + "proj_in.weight"]) == 2,
        )

    def time_embed(self) -> nn.Sequential:
        """Return the two layers that make the time's vector."""
        inner, channels = self.shapes["time_embed.0.weight"]
        return nn.Sequential(
            Linear(channels, inner),
            nn.SiLU(),
            Linear(inner, self.shapes["time_embed.2.weight"][0]),
        )

    def label_embed(self) -> nn.Sequential | None:
        """Return the layers for the vector condition, or None when there is none."""
        first = self.shapes.get("label_emb.0.0.weight")
        if first is None:
            return None
        second = self.shapes["label_emb.0.2.weight"]
        layers = nn.Sequential(Linear(first[1], first[0]), nn.SiLU(), Linear(second[1], second[0]))
        return nn.Sequential(layers)


class UNetModel(nn.Module):
    """Predicts the noise in a latent.

    Attributes:
        model_channels: Channels of the first block; also the width of the time's waves.
        in_channels: Channels that go in, concatenated conditions included.
        out_channels: Channels that come out.
        num_classes: ``"sequential"`` with a vector condition, else None.
        dtype: Type that inputs are converted to.

    Attributes:
        in_channels: Channels that go in, those laid beside the latent included.
        out_channels: Channels that come out.
        context_dim: Width of a text token, or None without attention to text.

    Raises:
        ModelFileError: The tensors do not make a UNet.
    """

    def __init__(self, shapes: Shapes, heads: HeadRule) -> None:
        super().__init__()
        parts = UNetParts(shapes, heads)
        try:
            self.model_channels, self.in_channels = shapes["input_blocks.0.0.weight"][:2]
            self.out_channels = shapes["out.2.weight"][0]
            self.context_dim = next(
                (s[1] for name, s in shapes.items() if name.endswith("0.attn2.to_k.weight")), None
            )
            self.time_embed = parts.time_embed()
            label_embed = parts.label_embed()
            if label_embed is not None:
                self.label_emb = label_embed
            self.num_classes = None if label_embed is None else "sequential"
            self.input_blocks = nn.ModuleList(
                parts.sequence(f"input_blocks.{index}.")
                for index in range(parts.count("input_blocks."))
            )
            has_middle = parts.count("middle_block.") > 0
            self.middle_block = parts.sequence("middle_block.") if has_middle else None
            self.output_blocks = nn.ModuleList(
                parts.sequence(f"output_blocks.{index}.")
                for index in range(parts.count("output_blocks."))
            )
            last = shapes["out.2.weight"][1]
            self.out = nn.Sequential(
                GroupNorm(32, last, eps=1e-5),
                nn.SiLU(),
                Conv2d(last, self.out_channels, 3, padding=1),
            )
        except KeyError as error:
            raise ModelFileError(
                f"The diffusion model is not complete: {error} is missing."
            ) from None
        self.dtype = torch.float32

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
        """Return the prediction ``(batch, out_channels, height, width)``.

        Args:
            x: Scaled latent ``(batch, in_channels, height, width)``, any size.
            timesteps: ``(batch,)``.
            context: Text ``(batch, tokens, width)``.
            y: Vector condition ``(batch, width)``, for networks that have one.
            control: ``input``, ``middle`` and ``output`` lists to add; taken from their ends.
            transformer_options: Hooks of packs (rule D-235).
            kwargs: Extra inputs that wrappers may read.
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
        context: torch.Tensor | None = None,
        y: torch.Tensor | None = None,
        control: dict[str, list[torch.Tensor | None]] | None = None,
        transformer_options: Options | None = None,
        **kwargs: Any,
    ) -> torch.Tensor:
        check_inputs(x, self.in_channels, context, self.context_dim or 0, "this model")
        options = {} if transformer_options is None else transformer_options
        options["original_shape"] = list(x.shape)
        options["transformer_index"] = 0
        patches = options.get("patches", {})

        emb = self.time_embed(timestep_embedding(timesteps, self.model_channels).to(x.dtype))
        for patch in patches.get("emb_patch", ()):
            emb = patch(emb, self.model_channels, options)
        if self.num_classes is not None:
            if y is None or y.shape[0] != x.shape[0]:
                raise ValueError("This model needs a vector condition for each latent.")
            emb = emb + self.label_emb(y)

        h = x
        skips = []
        for index, block in enumerate(self.input_blocks):
            options["block"] = ("input", index)
            h = block(h, emb, context, options)
            h = add_control(h, control, "input")
            for patch in patches.get("input_block_patch", ()):
                h = patch(h, options)
            skips.append(h)
            for patch in patches.get("input_block_patch_after_skip", ()):
                h = patch(h, options)

        options["block"] = ("middle", 0)
        if self.middle_block is not None:
            h = self.middle_block(h, emb, context, options)
        h = add_control(h, control, "middle")
        for patch in patches.get("middle_block_after_patch", ()):
            h = patch({"h": h, "x": x, "emb": emb, "context": context, "y": y,
                       "timesteps": timesteps, "transformer_options": options})["h"]  # fmt: skip

        for index, block in enumerate(self.output_blocks):
            options["block"] = ("output", index)
            skip = add_control(skips.pop(), control, "output")
            for patch in patches.get("output_block_patch", ()):
                h, skip = patch(h, skip, options)
            h = torch.cat([h, skip], dim=1)
            del skip
            h = block(h, emb, context, options, skips[-1].shape if skips else None)
        h = h.to(x.dtype)
        result: torch.Tensor = self.out[2](F.silu(self.out[0](h), inplace=True))
        return result


def add_control(
    h: torch.Tensor, control: dict[str, list[torch.Tensor | None]] | None, name: str
) -> torch.Tensor:
    """Add the last value of a control's list and take it away (rule D-203)."""
    values = (control or {}).get(name)
    if not values:
        return h
    value = values.pop()
    if value is None:
        return h
    if value.shape[1:] != h.shape[1:]:
        log.warning(
            "A ControlNet does not fit this model: %s meets %s; this part is left out.",
            tuple(value.shape), tuple(h.shape),
        )  # fmt: skip
        return h
    return h + value
