"""Stable Diffusion 1.x, its inpainting and its picture-editing variants."""

from typing import Final

from app.engine.models.families.base import (
    Family,
    classic_unet,
    noise_prediction,
    unet_matcher,
)
from app.engine.models.latent_formats import SD15
from app.engine.models.text_encoding import SD1_TEXT
from app.engine.models.unet import HeadRule

FAMILY: Final = Family(
    name="SD15",
    title="Stable Diffusion 1.x",
    matches=unet_matcher(
        lambda facts: (
            facts.context_dim == 768
            and facts.model_channels == 320
            and not facts.use_linear
            and facts.adm_in_channels is None
        )
    ),
    make_network=classic_unet(HeadRule(count=8)),
    sampling=noise_prediction,
    latent_format=SD15,
    text=SD1_TEXT,
    text_prefixes={
        "l": (
            "cond_stage_model.transformer.",
            "cond_stage_model.clip_l.transformer.",
            "conditioner.embedders.0.transformer.",
            "cond_stage_model.model.",
        )
    },
)
