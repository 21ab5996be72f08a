"""Stable Diffusion 3 and 3.5."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch

from app.engine.models.conds import Cond
from app.engine.models.diffusers_names import mmdit_places_of
from app.engine.models.families.base import Family, Sampling, check_prompt, own_network
from app.engine.models.families.vectors import pooled_vector
from app.engine.models.latent_formats import SD3
from app.engine.models.mmdit import MMDiT
from app.engine.models.predictions import ModelType
from app.engine.models.text_encoding import SD3_TEXT

_MARKS: Final = (
    "joint_blocks.0.context_block.attn.qkv.weight", "x_embedder.proj.weight", "pos_embed",
    "y_embedder.mlp.0.weight",
)  # fmt: skip


def _sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    return ModelType.FLOW, {"shift": 3.0, "multiplier": 1000}


def _conditions(model: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the text, which is never repeated, and the pooled text, which must fit.

    Raises:
        ValueError: The pooled text is that of another kind of model.
    """
    conds: dict[str, Any] = {}
    text, pooled = values.get("cross_attn"), values.get("pooled_output")
    check_prompt(model, text)
    if text is not None:
        conds["c_crossattn"] = Cond(text)
    expected = model.diffusion_model.adm_in_channels
    if pooled is None:
        conds["y"] = Cond(torch.zeros(1, expected))
    elif pooled.shape[-1] != expected:
        raise ValueError(
            f"The prompt was encoded for another kind of model: its summary is "
            f"{pooled.shape[-1]} wide, and {FAMILY.title} takes {expected}. Load the text encoders "
            f"that belong to {FAMILY.title}: {FAMILY.text_hint}."
        )
    return conds


FAMILY: Final = Family(
    name="SD3",
    title="Stable Diffusion 3",
    matches=lambda shapes: all(name in shapes for name in _MARKS),
    make_network=own_network(MMDiT),
    sampling=_sampling,
    latent_format=SD3,
    text=SD3_TEXT,
    text_prefixes={
        "l": ("text_encoders.clip_l.transformer.",),
        "g": ("text_encoders.clip_g.transformer.",),
        "t5xxl": ("text_encoders.t5xxl.transformer.",),
    },
    text_hint="CLIP-L, CLIP-G and perhaps T5 with TripleCLIPLoader, or DualCLIPLoader of type sd3",
    vector=pooled_vector,
    conditions=_conditions,
    places=mmdit_places_of,
    memory_factor=1.2,
    ldm_unet=False,
)
