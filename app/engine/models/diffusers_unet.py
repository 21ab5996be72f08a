"""Classic UNets in diffusers' layout: the same weights, counted by level instead of in a row."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import torch

from app.engine.models.diffusers_names import own_layout as own_transformer_layout
from app.engine.models.lora import diffusers_names
from app.engine.models.weights import StateDict

_MARKS: Final = (
    "conv_in.weight", "down_blocks.0.resnets.0.norm1.weight", "up_blocks.0.resnets.0.norm1.weight",
    "conv_out.weight",
)  # fmt: skip
_BLOCK: Final = re.compile(
    r"^(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\."
)

_Levels = dict[int, dict[str, set[int]]]
"""Level -> kind of part -> numbers of the parts of that kind."""


def own_layout(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """Return a diffusion model's tensors under our names; others are returned as they are.

    Raises:
        ModelFileError: A part of a weight is missing.
    """
    if all(name in tensors for name in _MARKS):
        return _classic_layout(tensors)
    return own_transformer_layout(tensors)


def _classic_layout(tensors: Mapping[str, torch.Tensor]) -> StateDict:
    layers = diffusers_names(unet_skeleton(tensors))
    result: StateDict = {}
    for name, tensor in tensors.items():
        bare, _, last = name.rpartition(".")
        if bare in layers:
            result[f"{layers[bare]}.{last}"] = tensor
    return result


def unet_skeleton(tensors: Mapping[str, torch.Tensor]) -> set[str]:
    """Return names, as ours, that tell :func:`diffusers_names` how many blocks there are.

    Args:
        tensors: A UNet in diffusers' layout, or a half of one such as a ControlNet.
    """
    names: set[str] = set()
    index = 1
    for level, parts in sorted(_levels(tensors, "down").items()):
        for place in sorted(parts["resnets"]):
            has_text = place in parts["attentions"]
            stem = f"down_blocks.{level}.attentions.{place}."
            names |= _block(tensors, stem if has_text else None, f"input_blocks.{index}.")
            index += 1
        if parts["downsamplers"]:
            names.add(f"input_blocks.{index}.0.op.weight")
            index += 1
    index = 0
    for level, parts in sorted(_levels(tensors, "up").items()):
        has_text = False
        for place in sorted(parts["resnets"]):
            has_text = place in parts["attentions"]
            stem = f"up_blocks.{level}.attentions.{place}."
            names |= _block(tensors, stem if has_text else None, f"output_blocks.{index}.")
            index += 1
        if parts["upsamplers"]:
            # It is the last part of the level's last block, behind the attention where there is.
            names.add(f"output_blocks.{index - 1}.{2 if has_text else 1}.conv.weight")
    return names | _transformer_blocks(tensors, "mid_block.attentions.0.", "middle_block.1.")


def _levels(tensors: Mapping[str, torch.Tensor], side: str) -> _Levels:
    kinds = ("resnets", "attentions", "downsamplers", "upsamplers")
    levels: _Levels = {}
    for name in tensors:
        found = _BLOCK.match(name)
        if found is not None and found[1] == side:
            level = levels.setdefault(int(found[2]), {kind: set() for kind in kinds})
            level[found[3]].add(int(found[4]))
    return levels


def _block(tensors: Mapping[str, torch.Tensor], attention: str | None, ours: str) -> set[str]:
    names = {f"{ours}0.in_layers.0.weight"}
    if attention is not None:
        names.add(f"{ours}1.proj_in.weight")
        names |= _transformer_blocks(tensors, attention, f"{ours}1.")
    return names


def _transformer_blocks(tensors: Mapping[str, torch.Tensor], theirs: str, ours: str) -> set[str]:
    pattern = re.compile(re.escape(theirs) + r"transformer_blocks\.(\d+)\.")
    found = {match[1] for name in tensors if (match := pattern.match(name))}
    return {f"{ours}transformer_blocks.{number}.norm1.weight" for number in found}
