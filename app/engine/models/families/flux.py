"""Flux.1: dev, schnell and their variants for filling, lines, depth and editing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import torch

from app.engine.imaging.batches import resize_to_batch_size
from app.engine.imaging.resize import common_upscale
from app.engine.models.conds import Cond, CondConstant, CondList, CondNoiseShape
from app.engine.models.diffusers_names import flux_places_of
from app.engine.models.families.base import Family, Sampling, check_prompt, own_network
from app.engine.models.families.vectors import pooled_vector
from app.engine.models.flux import FluxNetwork
from app.engine.models.latent_formats import FLUX
from app.engine.models.predictions import ModelType
from app.engine.models.text_encoding import FLUX_TEXT
from app.engine.models.unet import Shapes

DEFAULT_GUIDANCE: Final = 3.5
_MARKS: Final = (
    "img_in.weight", "txt_in.weight", "vector_in.in_layer.weight",
    "double_blocks.0.img_attn.norm.key_norm.scale", "double_blocks.0.img_mod.lin.weight",
    "single_blocks.0.modulation.lin.weight",
)  # fmt: skip
_GUIDANCE_MARK: Final = "guidance_in.in_layer.weight"
_CELL: Final = 8
"""Pixels of a mask that each latent cell carries along a side."""


def _is_flux(shapes: Shapes) -> bool:
    return all(name in shapes for name in _MARKS)


def _dev_sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    return ModelType.FLUX, {"shift": 1.15}


def _schnell_sampling(tensors: Mapping[str, torch.Tensor]) -> Sampling:
    return ModelType.FLOW, {"shift": 1.0, "multiplier": 1.0}


def _conditions(model: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return text, guidance, pictures to edit, and what is laid beside the latent (D-160)."""
    conds: dict[str, Any] = {}
    text = values.get("cross_attn")
    check_prompt(model, text)
    if text is not None:
        conds["c_crossattn"] = Cond(text)
    guidance = values.get("guidance", DEFAULT_GUIDANCE)
    if guidance is not None:
        conds["guidance"] = Cond(torch.tensor([float(guidance)]))
    references = values.get("reference_latents")
    if references:
        conds["ref_latents"] = CondList([model.process_latent_in(one) for one in references])
        method = values.get("reference_latents_method")
        if method is not None:
            conds["ref_latents_method"] = CondConstant(method)
    beside = _beside(model, values)
    if beside is not None:
        conds["c_concat"] = CondNoiseShape(beside)
    return conds


def _beside(model: Any, values: Mapping[str, Any]) -> torch.Tensor | None:
    """Return picture and mask for networks that take them, ``(batch, channels, h, w)``."""
    own = model.latent_format.latent_channels
    extra = model.diffusion_model.in_channels - own
    if extra <= 0:
        return None
    noise: torch.Tensor = values["noise"]
    device = values.get("device", noise.device)
    height, width = noise.shape[-2:]
    image = values.get("concat_latent_image")
    if image is None:
        image = torch.zeros_like(noise)
    else:
        image = common_upscale(image, width, height, "bilinear", "center")
        image = torch.cat(
            [model.process_latent_in(part) for part in torch.split(image, own, 1)], dim=1
        )
        image = resize_to_batch_size(image, noise.shape[0])
    if extra <= own:
        return image.to(device)
    mask = values.get("concat_mask", values.get("denoise_mask"))
    if mask is None:
        mask = torch.ones(noise.shape[0], 1, height * _CELL, width * _CELL)
    else:
        mask = mask.reshape(-1, 1, *mask.shape[-2:]) if mask.ndim < 4 else mask
        mask = mask.mean(dim=1, keepdim=True)
        mask = common_upscale(mask, width * _CELL, height * _CELL, "bilinear", "center")
    cells = mask.reshape(-1, height, _CELL, width, _CELL).permute(0, 2, 4, 1, 3)
    cells = resize_to_batch_size(cells.reshape(-1, _CELL**2, height, width), noise.shape[0])
    return torch.cat([image, cells.to(image)], dim=1).to(device)


FAMILY: Final = Family(
    name="Flux",
    title="Flux",
    matches=lambda shapes: _is_flux(shapes) and _GUIDANCE_MARK in shapes,
    make_network=own_network(FluxNetwork),
    sampling=_dev_sampling,
    latent_format=FLUX,
    text=FLUX_TEXT,
    text_prefixes={
        "t5xxl": ("text_encoders.t5xxl.transformer.",),
        "l": ("text_encoders.clip_l.transformer.",),
    },
    text_hint="CLIP-L and T5 with DualCLIPLoader, type flux",
    vector=pooled_vector,
    conditions=_conditions,
    places=flux_places_of,
    dtypes=(torch.bfloat16, torch.float16),
    memory_factor=3.1,
    ldm_unet=False,
)

SCHNELL: Final = replace(
    FAMILY,
    name="FluxSchnell",
    title="Flux schnell",
    matches=_is_flux,
    sampling=_schnell_sampling,
)
"""Distilled to few steps; it takes no guidance and its noise levels are not shifted."""
