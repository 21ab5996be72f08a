"""The networks that steer a UNet: ControlNet and T2I-Adapter (arXiv:2302.05543, 2302.08453)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.diffusers_unet import unet_skeleton
from app.engine.models.lora import diffusers_names
from app.engine.models.ops import Conv2d
from app.engine.models.unet import HeadRule, Shapes, UNetParts, check_inputs, context_width
from app.engine.models.unet_blocks import TimestepEmbedSequential, timestep_embedding
from app.engine.models.union_control import PARTS as UNION_PARTS
from app.engine.models.union_control import UnionParts
from app.engine.models.weights import StateDict

Residuals = dict[str, list["torch.Tensor | None"]]


def _hint_block(shapes: Shapes) -> TimestepEmbedSequential:
    """Return the convolutions over the hint; those that widen it in between halve its size."""
    pattern = re.compile(r"^input_hint_block\.(\d+)\.weight$")
    numbers = sorted(int(found[1]) for name in shapes if (found := pattern.match(name)))
    layers: list[nn.Module] = []
    for index in range(numbers[-1] + 1):
        shape = shapes.get(f"input_hint_block.{index}.weight")
        if shape is None:
            layers.append(nn.SiLU())
            continue
        halves = shape[0] != shape[1] and index not in (numbers[0], numbers[-1])
        layers.append(Conv2d(shape[1], shape[0], shape[2], stride=2 if halves else 1, padding=1))
    return TimestepEmbedSequential(*layers)


class ControlNetModel(nn.Module):
    """The first half of a UNet whose outputs are added to another UNet (D-204).

    Raises:
        ModelFileError: The tensors do not make a ControlNet.
    """

    def __init__(self, shapes: Shapes, heads: HeadRule) -> None:
        super().__init__()
        parts = UNetParts(shapes, heads)
        try:
            self.model_channels, self.in_channels = shapes["input_blocks.0.0.weight"][:2]
            self.time_embed = parts.time_embed()
            label_embed = parts.label_embed()
            if label_embed is not None:
                self.label_emb = label_embed
            self.input_hint_block = _hint_block(shapes)
            count = parts.count("input_blocks.")
            self.input_blocks = nn.ModuleList(
                parts.sequence(f"input_blocks.{index}.") for index in range(count)
            )
            self.zero_convs = nn.ModuleList(
                parts.sequence(f"zero_convs.{index}.") for index in range(count)
            )
            self.middle_block = parts.sequence("middle_block.")
            self.middle_block_out = parts.sequence("middle_block_out.")
            if "task_embedding" in shapes:
                self.union = UnionParts(shapes)
        except (KeyError, IndexError) as error:
            raise ModelFileError(f"The ControlNet is not complete: {error} is missing.") from None
        self.context_width = context_width(shapes)
        self.dtype = torch.float32

    def forward(
        self,
        x: torch.Tensor,
        hint: torch.Tensor,
        timesteps: torch.Tensor,
        context: torch.Tensor | None,
        y: torch.Tensor | None = None,
        control_type: Sequence[int] = (),
    ) -> Residuals:
        """Return what is added to a UNet.

        Args:
            x: Scaled latent ``(batch, 4, height, width)``.
            hint: Picture ``(batch or 1, 3, 8 * height, 8 * width)`` in 0..1.
            timesteps: ``(batch,)``.
            context: Text ``(batch, tokens, width)``.
            y: Vector condition ``(batch, width)``, for networks that have one.
            control_type: Number of the hint's kind, for nets of several kinds.

        Returns:
            ``middle`` with one value and ``output`` with one for each skip connection.
        """
        check_inputs(x, self.in_channels, context, self.context_width, "this ControlNet")
        emb = self.time_embed(timestep_embedding(timesteps, self.model_channels).to(x.dtype))
        if hasattr(self, "label_emb") and y is not None:
            emb = emb + self.label_emb(y)
        if hasattr(self, "union"):
            self.union.check(control_type)
            emb = emb + self.union.control_add_embedding(control_type, emb)
        guide: torch.Tensor | None = self.input_hint_block(hint, emb)
        if hasattr(self, "union") and guide is not None:
            guide = self.union.guide(guide, control_type)
        outputs: list[torch.Tensor | None] = []
        h = x
        for block, zero in zip(self.input_blocks, self.zero_convs, strict=True):
            h = block(h, emb, context)
            if guide is not None:
                h = h + guide
                guide = None
            outputs.append(zero(h, emb))
        h = self.middle_block(h, emb, context)
        return {"middle": [self.middle_block_out(h, emb)], "output": outputs}


def controlnet_tensors(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return the tensors of a ControlNet under our names, from any layout it is stored in.

    Raises:
        ModelFileError: They belong to no ControlNet for a classic UNet.
    """
    for prefix in ("control_model.", "controlnet."):
        inside = {
            name.removeprefix(prefix): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefix)
        }
        if inside:
            return inside
    if "controlnet_cond_embedding.conv_in.weight" in tensors:
        return _from_diffusers(tensors)
    if "zero_convs.0.0.weight" in tensors:
        return dict(tensors)
    raise ModelFileError("These are not the weights of a ControlNet that is known here.")


def network_names(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    """Return tensors as the network holds them: those of the union lie in a part of their own."""
    if "task_embedding" not in tensors:
        return dict(tensors)
    return {
        f"union.{name}" if name.startswith(UNION_PARTS) else name: tensor
        for name, tensor in tensors.items()
    }


def _from_diffusers(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    layers = diffusers_names(unet_skeleton(tensors))
    result: StateDict = {}
    hints = {"conv_in": "0", "conv_out": str(2 + 2 * _hint_convs(tensors))}
    for name, tensor in tensors.items():
        bare, _, last = name.rpartition(".")
        if bare.startswith("controlnet_down_blocks."):
            new = f"zero_convs.{bare.rpartition('.')[2]}.0"
        elif bare == "controlnet_mid_block":
            new = "middle_block_out.0"
        elif bare.startswith("controlnet_cond_embedding."):
            part = bare.removeprefix("controlnet_cond_embedding.")
            if part.startswith("blocks."):
                new = f"input_hint_block.{2 + 2 * int(part.removeprefix('blocks.'))}"
            else:
                new = f"input_hint_block.{hints[part]}"
        elif bare in layers:
            new = layers[bare]
        elif name.startswith(UNION_PARTS):
            result[name] = tensor
            continue
        else:
            continue
        result[f"{new}.{last}"] = tensor
    return result


def _hint_convs(tensors: Mapping[str, torch.Tensor]) -> int:
    stem = "controlnet_cond_embedding.blocks."
    return len({name.split(".")[2] for name in tensors if name.startswith(stem)})


class _AdapterBlock(nn.Module):
    """Two convolutions with a shortcut, perhaps smaller and wider than what comes in."""

    in_conv: Conv2d
    block1: Conv2d
    block2: Conv2d
    skep: Conv2d

    def __init__(self, shapes: Shapes, stem: str, shrinks: bool) -> None:
        super().__init__()
        self.shrinks = shrinks
        for name in ("in_conv", "block1", "block2", "skep"):
            shape = shapes.get(f"{stem}{name}.weight")
            if shape is not None:
                setattr(self, name, Conv2d(shape[1], shape[0], shape[2], padding=shape[2] // 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, out channels, height, width)``."""
        if self.shrinks:
            x = F.avg_pool2d(x, 2)
        if hasattr(self, "in_conv"):
            x = self.in_conv(x)
        h = self.block2(F.relu(self.block1(x)))
        result: torch.Tensor = h + (self.skep(x) if hasattr(self, "skep") else x)
        return result


class AdapterModel(nn.Module):
    """The T2I-Adapter: features of a hint, added on the way down.

    Attributes:
        unshuffle_amount: Hint px of one feature cell at the first level.
        input_channels: Channels of the hint.

    Raises:
        ModelFileError: The tensors do not make an adapter.
    """

    BLOCKS_PER_LEVEL = 2

    def __init__(self, shapes: Shapes) -> None:
        super().__init__()
        try:
            out_channels, channels, size = shapes["conv_in.weight"][:3]
        except KeyError as error:
            raise ModelFileError(f"The adapter is not complete: {error} is missing.") from None
        self.unshuffle_amount = 16 if channels in (256, 768) else 8
        self.input_channels = channels // self.unshuffle_amount**2
        self.xl = self.unshuffle_amount == 16
        self.conv_in = Conv2d(channels, out_channels, size, padding=size // 2)
        count = 1 + max(int(name.split(".")[1]) for name in shapes if name.startswith("body."))
        step = self.BLOCKS_PER_LEVEL
        shrinking = (2 * step,) if self.xl else (step, 2 * step, 3 * step)
        self.body = nn.ModuleList(
            _AdapterBlock(shapes, f"body.{index}.", index in shrinking) for index in range(count)
        )

    def forward(self, hint: torch.Tensor) -> list[torch.Tensor | None]:
        """Return a value or None for each input block of the UNet, the first one last."""
        h = self.conv_in(F.pixel_unshuffle(hint, self.unshuffle_amount))
        features: list[torch.Tensor | None] = []
        step = self.BLOCKS_PER_LEVEL
        for level in range(len(self.body) // step):
            for block in list(self.body)[level * step : (level + 1) * step]:
                h = block(h)
            features += [None, None, h]
        return features[::-1]
