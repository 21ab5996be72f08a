"""The refiner of Stable Diffusion XL."""

from typing import Final

from app.engine.models.families.base import (
    Family,
    classic_unet,
    noise_prediction,
    unet_matcher,
)
from app.engine.models.families.vectors import refiner_vector
from app.engine.models.latent_formats import SDXL
from app.engine.models.text_encoding import SDXL_REFINER_TEXT
from app.engine.models.unet import HeadRule

FAMILY: Final = Family(
    name="SDXLRefiner",
    title="Stable Diffusion XL refiner",
    matches=unet_matcher(
        lambda facts: (
            facts.context_dim == 1280
            and facts.model_channels == 384
            and facts.use_linear
            and facts.adm_in_channels == 2560
        )
    ),
    make_network=classic_unet(HeadRule(count=-1, size=64)),
    sampling=noise_prediction,
    latent_format=SDXL,
    text=SDXL_REFINER_TEXT,
    text_prefixes={
        "g": ("conditioner.embedders.0.model.", "cond_stage_model.clip_g.transformer."),
    },
    vector=refiner_vector,
)
