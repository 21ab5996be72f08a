"""Names of a classic UNet's weights in files of diffusers; ``comfy.utils`` offers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_ENDS: Final = (".weight", ".bias")
_SINGLE: Final = {
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "class_embedding.linear_1",
    "label_emb.0.2": "class_embedding.linear_2",
}
_ADDED: Final = {
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
}
_RESNET: Final = {
    "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
}  # fmt: skip
_WITH_BIAS: Final = (
    "norm1", "norm2", "norm3", "attn1.to_out.0", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2",
)  # fmt: skip

UNET_MAP_ATTENTIONS: Final = {
    part + end for part in ("norm", "proj_in", "proj_out") for end in _ENDS
}
"""Weights around the blocks of a transformer; both call them the same."""

TRANSFORMER_BLOCKS: Final = {part + end for part in _WITH_BIAS for end in _ENDS} | {
    f"attn{number}.to_{letter}.weight" for number in (1, 2) for letter in "qkv"
}
"""Weights of a transformer block; both call them the same."""

UNET_MAP_RESNET: Final = {
    ours + end: theirs + end for ours, theirs in _RESNET.items() for end in _ENDS
}
"""Weights of a residual block: our name to theirs."""

UNET_MAP_BASIC: Final = {
    (ours + end, theirs + end)
    for table in (_SINGLE, _ADDED)
    for ours, theirs in table.items()
    for end in _ENDS
}
"""Weights that stand alone: our name and theirs. Packs add to it."""


def unet_to_diffusers(unet_config: Mapping[str, Any]) -> dict[str, str]:
    """Return all weights of a UNet: name in files of diffusers to our name.

    Args:
        unet_config: ``num_res_blocks`` and ``channel_mult`` by level; ``transformer_depth`` and
            ``transformer_depth_output`` by residual block; ``transformer_depth_middle``.
    """
    if "num_res_blocks" not in unet_config:
        return {}
    counts = list(unet_config["num_res_blocks"])
    down = list(unet_config["transformer_depth"])
    up = list(unet_config["transformer_depth_output"])
    middle = unet_config.get("transformer_depth_middle")
    names: dict[str, str] = {}

    def add_res(theirs: str, ours: str) -> None:
        for own, part in UNET_MAP_RESNET.items():
            names[f"{theirs}.{part}"] = f"{ours}.{own}"

    def add_transformer(theirs: str, ours: str, depth: int) -> None:
        for part in UNET_MAP_ATTENTIONS:
            names[f"{theirs}.{part}"] = f"{ours}.{part}"
        for block in range(depth):
            for part in TRANSFORMER_BLOCKS:
                tail = f"transformer_blocks.{block}.{part}"
                names[f"{theirs}.{tail}"] = f"{ours}.{tail}"

    place = 1
    for level, count in enumerate(counts):
        for block in range(count):
            add_res(f"down_blocks.{level}.resnets.{block}", f"input_blocks.{place}.0")
            depth = down.pop(0)
            if depth > 0:
                theirs = f"down_blocks.{level}.attentions.{block}"
                add_transformer(theirs, f"input_blocks.{place}.1", depth)
            place += 1
        for end in _ENDS:
            names[f"down_blocks.{level}.downsamplers.0.conv{end}"] = (
                f"input_blocks.{place}.0.op{end}"
            )
        place += 1

    depth = (down[-1] if down else 0) if middle is None else middle
    if depth >= -1:
        add_res("mid_block.resnets.0", "middle_block.0")
        if depth >= 0:
            add_transformer("mid_block.attentions.0", "middle_block.1", depth)
            add_res("mid_block.resnets.1", "middle_block.2")

    place = 0
    for level, count in enumerate(reversed(counts)):
        for block in range(count + 1):
            add_res(f"up_blocks.{level}.resnets.{block}", f"output_blocks.{place}.0")
            depth = up.pop()
            layers = 1
            if depth > 0:
                theirs = f"up_blocks.{level}.attentions.{block}"
                add_transformer(theirs, f"output_blocks.{place}.1", depth)
                layers = 2
            if block == count:
                for end in _ENDS:
                    names[f"up_blocks.{level}.upsamplers.0.conv{end}"] = (
                        f"output_blocks.{place}.{layers}.conv{end}"
                    )
            place += 1

    names.update({theirs: ours for ours, theirs in UNET_MAP_BASIC})
    return names
