import re

import torch
from random_models import layouts

from app.engine.models.clip import clip_kind, clip_tensors
from app.engine.models.vae import vae_tensors


def to_diffusers(name):
    """Return the name that diffusers gives to a tensor of an autoencoder."""
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
    attention = {
        "norm": "group_norm",
        "q": "to_q",
        "k": "to_k",
        "v": "to_v",
        "proj_out": "to_out.0",
    }
    found = re.match(r"(.+)\.mid\.attn_1\.(\w+)\.(\w+)$", name)
    if found:
        name = f"{found[1]}.mid_block.attentions.0.{attention[found[2]]}.{found[3]}"
    return name


def test_d216_a_vae_with_diffusers_names_loads_as_ours():
    shapes = {
        name.removeprefix("first_stage_model."): shape for name, shape in layouts()["vae"].items()
    }
    theirs = {}
    for name, shape in shapes.items():
        linear = ".mid.attn_1." in name and len(shape) == 4
        theirs[to_diffusers(name)] = torch.empty(shape[:2] if linear else shape, device="meta")

    ours = vae_tensors(theirs)

    assert {name: list(tensor.shape) for name, tensor in ours.items()} == shapes


def test_d215_open_clip_names_become_ours_and_joint_projections_are_split():
    width = 4
    tensors = {
        "positional_embedding": torch.zeros(77, width),
        "token_embedding.weight": torch.zeros(10, width),
        "ln_final.weight": torch.ones(width),
        "ln_final.bias": torch.ones(width),
        "text_projection": torch.arange(16.0).reshape(4, 4),
        "logit_scale": torch.ones(()),
        "transformer.resblocks.0.attn.in_proj_weight": torch.arange(48.0).reshape(12, 4),
        "transformer.resblocks.0.attn.in_proj_bias": torch.arange(12.0),
        "transformer.resblocks.0.mlp.c_fc.weight": torch.zeros(16, width),
    }

    ours = clip_tensors(tensors)

    stem = "text_model.encoder.layers.0."
    assert torch.equal(ours[stem + "self_attn.k_proj.bias"], torch.arange(4.0, 8.0))
    assert torch.equal(ours[stem + "self_attn.v_proj.weight"][0], torch.arange(32.0, 36.0))
    assert torch.equal(ours["text_projection.weight"], tensors["text_projection"].T)
    assert clip_kind(ours) == "l"
    assert "logit_scale" not in ours
