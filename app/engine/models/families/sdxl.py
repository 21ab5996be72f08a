"""Stable Diffusion XL and models distilled from it with the same text encoders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch

from app.engine.models.families.base import Family, Sampling, classic_unet, unet_matcher
from app.engine.models.families.vectors import sdxl_vector
from app.engine.models.latent_formats import SDXL
from app.engine.models.predictions import ModelType
from app.engine.models.text_encoding import SDXL_TEXT
from app.engine.models.unet import HeadRule


def _sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    """Marks in the file say what it predicts (D-052)."""
    if "edm_mean" in tensors and "edm_std" in tensors:
        return ModelType.EDM, {"sigma_data": 0.5, "sigma_max": 80.0, "sigma_min": 0.002}
    if "edm_vpred.sigma_max" in tensors:
        settings = {"sigma_max": float(tensors["edm_vpred.sigma_max"])}
        if "edm_vpred.sigma_min" in tensors:
            settings["sigma_min"] = float(tensors["edm_vpred.sigma_min"])
        return ModelType.V_PREDICTION_EDM, settings
    if "v_pred" in tensors:
        return ModelType.V_PREDICTION, {"zsnr": True} if "ztsnr" in tensors else {}
    return ModelType.EPS, {}


FAMILY: Final = Family(
    name="SDXL",
    title="Stable Diffusion XL",
    matches=unet_matcher(
        lambda facts: (
            facts.context_dim == 2048
            and facts.model_channels == 320
            and facts.use_linear
            and facts.adm_in_channels == 2816
        )
    ),
    make_network=classic_unet(HeadRule(count=-1, size=64)),
    sampling=_sampling,
    latent_format=SDXL,
    text=SDXL_TEXT,
    text_prefixes={
        "l": ("conditioner.embedders.0.transformer.", "cond_stage_model.clip_l.transformer."),
        "g": ("conditioner.embedders.1.model.", "cond_stage_model.clip_g.transformer."),
    },
    vector=sdxl_vector,
    memory_factor=0.8,
)
