"""The starter model that comes with the program; how it was made: ``tools/train_starter_model.py``.

Three networks in one checkpoint: a denoiser of small pictures, a text encoder over a vocabulary
of about a thousand words, and an enlargement in the place of a VAE. A latent is the picture at an
eighth of its side, so that ``EmptyLatentImage`` of 512 by 512 gives the 64 by 64 it was trained on.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import nn

from app.engine.models.families.base import Family, Sampling
from app.engine.models.latent_formats import STARTER
from app.engine.models.ops import empty, fill
from app.engine.models.predictions import ModelType
from app.engine.models.starter_network import StarterNetwork, StarterShape
from app.engine.models.starter_prompt import make_starter_clip
from app.engine.models.unet import Shapes, shapes_of

_MARKS: Final = ("patch_in.weight", "tokens_in.weight", "blocks.0.to_kv_text.weight")
SHIFT: Final = "flow_x0_shift"
"""Tensor that names the kind of prediction; its value is the shift of the noise levels."""


def _matches(shapes: Shapes) -> bool:
    return all(name in shapes for name in _MARKS)


def _make_network(tensors: Mapping[str, torch.Tensor]) -> nn.Module:
    network: nn.Module = empty(lambda: StarterNetwork(StarterShape.of(shapes_of(tensors))))
    fill(network, tensors, "diffusion model")
    return network


def _sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    shift = tensors.get(SHIFT)
    return ModelType.FLOW_X0, {"shift": 1.0 if shift is None else float(shift)}


FAMILY: Final = Family(
    name="EaselStarter",
    title="Easel's starter model",
    matches=_matches,
    make_network=_make_network,
    sampling=_sampling,
    latent_format=STARTER,
    make_clip=make_starter_clip,
    memory_factor=0.2,
    ldm_unet=False,
)
