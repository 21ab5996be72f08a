"""A union ControlNet follows the kind of picture that it is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).parents[1] / "engine" / "models"))

import random_models


@pytest.fixture(scope="module")
def net_file(base_dir, engine):
    """Write a small ControlNet with the further parts of a union of four kinds."""
    tensors = random_models.build("cnet_tiny")
    prefix = "control_model." if any(n.startswith("control_model.") for n in tensors) else ""
    width, inner = 320, 1280
    shapes = {
        "task_embedding": (4, width),
        "spatial_ch_projs.weight": (width, width),
        "spatial_ch_projs.bias": (width,),
        "control_add_embedding.linear_1.weight": (inner, 4 * 256),
        "control_add_embedding.linear_1.bias": (inner,),
        "control_add_embedding.linear_2.weight": (inner, inner),
        "control_add_embedding.linear_2.bias": (inner,),
        "transformer_layes.0.attn.in_proj_weight": (3 * width, width),
        "transformer_layes.0.attn.in_proj_bias": (3 * width,),
        "transformer_layes.0.attn.out_proj.weight": (width, width),
        "transformer_layes.0.attn.out_proj.bias": (width,),
        "transformer_layes.0.mlp.c_fc.weight": (4 * width, width),
        "transformer_layes.0.mlp.c_fc.bias": (4 * width,),
        "transformer_layes.0.mlp.c_proj.weight": (width, 4 * width),
        "transformer_layes.0.mlp.c_proj.bias": (width,),
    }
    for part in ("ln_1", "ln_2"):
        shapes[f"transformer_layes.0.{part}.weight"] = (width,)
        shapes[f"transformer_layes.0.{part}.bias"] = (width,)
    for name, shape in shapes.items():
        tensors[prefix + name] = random_models.gaussian(name, shape).half() * 0.05
    folder = base_dir / "models" / "controlnet"
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "union.safetensors")
    return "union.safetensors"


def outputs(net):
    """Return the middle value of the network for a fixed call."""
    from app.engine.models.memory import load_models_gpu

    load_models_gpu(net.get_models())
    with torch.no_grad():
        found = net.control_model(
            random_models.wave_latent((1, 4, 8, 8)),
            random_models.wave_image((1, 64, 64, 3)).movedim(-1, 1),
            torch.tensor([500.0]),
            random_models.wave_text(1),
            **net._kind(),
        )
    return found["middle"][0]


def test_the_kind_of_picture_changes_what_a_union_net_adds(net_file, call):
    (plain,) = call("ControlNetLoader", control_net_name=net_file)
    (depth,) = call("SetUnionControlNetType", control_net=plain, type="depth")
    (pose,) = call("SetUnionControlNetType", control_net=plain, type="openpose")
    (auto,) = call("SetUnionControlNetType", control_net=depth, type="auto")

    values = [outputs(net) for net in (plain, depth, pose, auto)]

    assert not torch.allclose(values[1], values[0], rtol=1e-3)
    assert not torch.allclose(values[1], values[2], rtol=1e-3)
    torch.testing.assert_close(values[3], values[0])


def test_a_kind_that_the_net_does_not_know_is_refused(net_file, call):
    (plain,) = call("ControlNetLoader", control_net_name=net_file)
    (tile,) = call("SetUnionControlNetType", control_net=plain, type="tile")

    with pytest.raises(ValueError, match="knows 4 kinds"):
        outputs(tile)
