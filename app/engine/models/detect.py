"""What a file's tensors are: names and shapes to a family (rules D-211 to D-216)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch

from app.engine.models.unet import Shapes

UNET_PREFIXES: Final = ("model.diffusion_model.", "model.model.", "net.")
FALLBACK_PREFIX: Final = "model."
_ENOUGH_KEYS: Final = 5


@dataclass(frozen=True, slots=True)
class UNetFacts:
    """What the shapes of a classic UNet say.

    Attributes:
        model_channels: Channels of the first block.
        in_channels: Channels that go in.
        out_channels: Channels that come out.
        adm_in_channels: Width of the vector condition, or None.
        context_dim: Width of a text token, or None without attention to text.
        use_linear: Whether projections around attention are linear.
        channel_mult: Channels of each level in units of ``model_channels``.
        num_res_blocks: Residual blocks of each level.
        transformer_depth: Transformer blocks behind each residual block on the way down.
        transformer_depth_output: The same on the way up, seen from the last block.
        transformer_depth_middle: Blocks in the middle; -1 without a transformer there, -2
            without a middle.
        temporal: Whether it has layers over time (video).
    """

    model_channels: int
    in_channels: int
    out_channels: int
    adm_in_channels: int | None
    context_dim: int | None
    use_linear: bool
    channel_mult: tuple[int, ...]
    num_res_blocks: tuple[int, ...]
    transformer_depth: tuple[int, ...]
    transformer_depth_output: tuple[int, ...]
    transformer_depth_middle: int
    temporal: bool = False


def diffusion_prefix(tensors: Mapping[str, Any]) -> str:
    """Return what the names of the diffusion model begin with in a checkpoint (D-211)."""
    counts = {prefix: sum(name.startswith(prefix) for name in tensors) for prefix in UNET_PREFIXES}
    best = max(counts, key=lambda prefix: counts[prefix])
    return best if counts[best] > _ENOUGH_KEYS else FALLBACK_PREFIX


def _count(shapes: Shapes, stem: str) -> int:
    pattern = re.compile(re.escape(stem) + r"(\d+)\.")
    return len({found[1] for name in shapes if (found := pattern.match(name))})


def _depth(shapes: Shapes, stem: str) -> int:
    return _count(shapes, stem + "transformer_blocks.")


def unet_facts(shapes: Shapes) -> UNetFacts | None:
    """Read a classic UNet from the shapes of its tensors, or None when it is none (D-212)."""
    first = shapes.get("input_blocks.0.0.weight")
    last = shapes.get("out.2.weight")
    if first is None or last is None or len(first) != 4:
        return None
    adm = shapes.get("label_emb.0.0.weight")
    mults: list[int] = []
    res_blocks: list[int] = []
    depths: list[int] = []
    mult = blocks = 0
    for index in range(1, _count(shapes, "input_blocks.")):
        stem = f"input_blocks.{index}."
        if stem + "0.op.weight" in shapes:
            mults.append(mult)
            res_blocks.append(blocks)
            blocks = 0
            continue
        conv = shapes.get(stem + "0.out_layers.3.weight")
        if conv is not None:
            mult = conv[0] // first[0]
            blocks += 1
            depths.append(_depth(shapes, stem + "1."))
    mults.append(mult)
    res_blocks.append(blocks)
    outputs = [
        _depth(shapes, f"output_blocks.{index}.1.")
        for index in range(_count(shapes, "output_blocks."))
    ]
    if "middle_block.1.proj_in.weight" in shapes:
        middle = _depth(shapes, "middle_block.1.")
    else:
        middle = -1 if "middle_block.0.in_layers.0.weight" in shapes else -2
    context = next(
        (shape[1] for name, shape in shapes.items() if name.endswith("0.attn2.to_k.weight")), None
    )
    projection = next(
        (shape for name, shape in shapes.items() if name.endswith(".proj_in.weight")), ()
    )
    return UNetFacts(
        model_channels=first[0],
        in_channels=first[1],
        out_channels=last[0],
        adm_in_channels=None if adm is None else adm[1],
        context_dim=context,
        use_linear=len(projection) == 2,
        channel_mult=tuple(mults),
        num_res_blocks=tuple(res_blocks),
        transformer_depth=tuple(depths),
        transformer_depth_output=tuple(reversed(outputs)),
        transformer_depth_middle=middle,
        temporal=any(".time_stack." in name for name in shapes),
    )


def describe(tensors: Mapping[str, Any]) -> str:
    """Return in words what kind of model a file holds, for messages about wrong choices."""
    for words, marks in _KINDS:
        if any(mark in name for name in tensors for mark in marks):
            return words
    return "a kind of model that is not known here"


_KINDS: Final = (
    ("a LoRA", ("lora_up", "lora_down", "lora_A", "lora_B", "hada_w1", "lokr_w", ".lora.")),
    ("a ControlNet", ("control_model.", "zero_convs.", "controlnet_cond_embedding.",
                      "controlnet_down_blocks.", "controlnet_blocks.")),
    ("an embedding", ("emb_params", "string_to_param")),
    ("a checkpoint", ("model.diffusion_model.",)),
    ("a VAE", ("decoder.conv_in.", "taesd_decoder.", "first_stage_model.")),
    ("a diffusion model", ("input_blocks.", "down_blocks.", "double_blocks.", "joint_blocks.",
                           "transformer_blocks.")),
    ("a CLIP vision model", ("vision_model.", "visual.transformer.")),
    ("a text encoder", ("text_model.", "transformer.resblocks.", "encoder.block.0.layer.0")),
    ("an upscaling model", ("conv_first.", "RRDB", "body.0.", "model.1.sub.")),
)  # fmt: skip


def is_v_prediction(tensors: Mapping[str, torch.Tensor], threshold: float = 0.09) -> bool:
    """Tell an SD2 model that predicts velocity from one that predicts noise (D-052)."""
    bias = tensors.get("output_blocks.11.1.transformer_blocks.0.norm1.bias")
    return bias is not None and float(bias.float().std(unbiased=False)) > threshold
