"""Stable Diffusion 2.x, noise and velocity prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

from app.engine.models.detect import is_v_prediction
from app.engine.models.families.base import Family, Sampling, classic_unet, unet_matcher
from app.engine.models.latent_formats import SD15
from app.engine.models.predictions import ModelType
from app.engine.models.text_encoding import SD2_TEXT
from app.engine.models.unet import HeadRule


def _sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    """Only the spread of one bias tells which of the two a file is (D-052)."""
    plain = tensors["input_blocks.0.0.weight"].shape[1] == 4
    velocity = plain and is_v_prediction(tensors)
    return (ModelType.V_PREDICTION if velocity else ModelType.EPS), {}


FAMILY: Final = Family(
    name="SD20",
    title="Stable Diffusion 2.x",
    matches=unet_matcher(
        lambda facts: (
            facts.context_dim == 1024
            and facts.model_channels == 320
            and facts.use_linear
            and facts.adm_in_channels is None
        )
    ),
    make_network=classic_unet(HeadRule(count=-1, size=64)),
    sampling=_sampling,
    latent_format=SD15,
    text=SD2_TEXT,
    text_prefixes={
        "h": (
            "cond_stage_model.model.",
            "conditioner.embedders.0.model.",
            "cond_stage_model.clip_h.transformer.",
            "cond_stage_model.transformer.",
        )
    },
    attention_float32=True,
)
