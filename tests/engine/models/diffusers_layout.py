"""Names that diffusers gives to weights, worked out from ours by the arithmetic of the levels."""

import json
import re

import torch
from safetensors.torch import save_file

UNET = "model.diffusion_model."
SINGLE = {
    "time_embed.0": "time_embedding.linear_1",
    "time_embed.2": "time_embedding.linear_2",
    "label_emb.0.0": "add_embedding.linear_1",
    "label_emb.0.2": "add_embedding.linear_2",
    "input_blocks.0.0": "conv_in",
    "out.0": "conv_norm_out",
    "out.2": "conv_out",
    "middle_block.0": "mid_block.resnets.0",
    "middle_block.1": "mid_block.attentions.0",
    "middle_block.2": "mid_block.resnets.1",
}
RESNET = {
    "in_layers.0": "norm1", "in_layers.2": "conv1", "emb_layers.1": "time_emb_proj",
    "out_layers.0": "norm2", "out_layers.3": "conv2", "skip_connection": "conv_shortcut",
}  # fmt: skip


def block_names(per_level, levels):
    """Return diffusers' names by ours, from the arithmetic of a UNet's regular levels."""
    names = dict(SINGLE)
    for level in range(levels):
        first = 1 + level * (per_level + 1)
        for place in range(per_level):
            names[f"input_blocks.{first + place}.0"] = f"down_blocks.{level}.resnets.{place}"
            names[f"input_blocks.{first + place}.1"] = f"down_blocks.{level}.attentions.{place}"
        down = f"down_blocks.{level}.downsamplers.0.conv"
        names[f"input_blocks.{first + per_level}.0.op"] = down
        first = level * (per_level + 1)
        for place in range(per_level + 1):
            names[f"output_blocks.{first + place}.0"] = f"up_blocks.{level}.resnets.{place}"
            names[f"output_blocks.{first + place}.1"] = f"up_blocks.{level}.attentions.{place}"
        last = first + per_level
        for part in (1, 2):
            names[f"output_blocks.{last}.{part}.conv"] = f"up_blocks.{level}.upsamplers.0.conv"
    return names


def unet_to_diffusers(tensors, per_level, levels):
    names = block_names(per_level, levels)
    result = {}
    for name, tensor in tensors.items():
        best = max((ours for ours in names if name.startswith(ours + ".")), key=len)
        rest = name.removeprefix(best + ".")
        theirs = names[best]
        if ".resnets." in theirs:
            part, _, last = rest.rpartition(".")
            rest = f"{RESNET[part]}.{last}"
        result[f"{theirs}.{rest}"] = tensor
    assert len(result) == len(tensors)
    return result


def vae_to_diffusers(tensors):
    result = {}
    for name, tensor in tensors.items():
        name = re.sub(r"\.down\.(\d)\.block\.", r".down_blocks.\1.resnets.", name)
        name = re.sub(r"\.down\.(\d)\.downsample\.", r".down_blocks.\1.downsamplers.0.", name)
        for kind, theirs in (("block", "resnets"), ("upsample", "upsamplers.0")):
            name = re.sub(
                rf"\.up\.(\d)\.{kind}\.",
                lambda found, t=theirs: f".up_blocks.{3 - int(found[1])}.{t}.",
                name,
            )
        name = name.replace("nin_shortcut", "conv_shortcut").replace("norm_out", "conv_norm_out")
        name = name.replace("mid.block_1", "mid_block.resnets.0")
        name = name.replace("mid.block_2", "mid_block.resnets.1")
        if ".mid.attn_1." in name:
            head, _, tail = name.partition(".mid.attn_1.")
            part, _, last = tail.rpartition(".")
            part = {"norm": "group_norm", "proj_out": "to_out.0"}.get(part, f"to_{part}")
            name = f"{head}.mid_block.attentions.0.{part}.{last}"
            tensor = tensor.flatten(1) if tensor.ndim == 4 else tensor
        result[name] = tensor
    return result


def part_of(tensors, prefix):
    return {
        name.removeprefix(prefix): tensor.contiguous()
        for name, tensor in tensors.items()
        if name.startswith(prefix)
    }


def parts_of(checkpoint):
    """Return the files of a folder with the weights of an SD1 checkpoint, by folder and stem."""
    return {
        "unet/diffusion_pytorch_model": unet_to_diffusers(part_of(checkpoint, UNET), 1, 2),
        "vae/diffusion_pytorch_model": vae_to_diffusers(part_of(checkpoint, "first_stage_model.")),
        "text_encoder/model": part_of(checkpoint, "cond_stage_model.transformer."),
    }


def write(folder, parts, ending=".safetensors"):
    folder.mkdir(parents=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": "StableDiffusionPipeline"}))
    for name, tensors in parts.items():
        path = folder / (name + ending)
        path.parent.mkdir(exist_ok=True)
        if ending.endswith(".bin"):
            torch.save(tensors, str(path).replace("/model.", "/pytorch_model."))
        else:
            save_file(tensors, path)
    return folder
