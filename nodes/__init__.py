"""The built-in node pack, written as a third party would write one.

The engine imports this package at run time under the name ``nodes`` and takes its mappings as
the registry. Packs do ``from nodes import SaveImage, MAX_RESOLUTION`` and derive from the
classes here, so class, method and parameter names are part of the interface.
"""

from __future__ import annotations

import comfy.model_management

from . import (
    animation,
    attention_weights,
    compositing,
    conditioning,
    conditioning_flags,
    controlnet_nodes,
    custom_sampling,
    diffusers_loader,
    drawing,
    flux_nodes,
    guidance_nodes,
    guiders,
    hook_nodes,
    image,
    image_batch,
    image_export,
    image_filters,
    image_io,
    image_transform,
    landscape,
    latent,
    latent_batch,
    latent_io,
    latent_math,
    latent_operations,
    loaders,
    logic,
    lora_nodes,
    mask,
    model_merging,
    model_sampling,
    model_saving,
    model_schedules,
    perturbed_guidance,
    picture_conditioning,
    preview,
    primitives,
    prompt_properties,
    resize_node,
    sampler_nodes,
    sampler_variants,
    sampling,
    score_nodes,
    sd3_nodes,
    sigmas,
    soft_inpainting,
    special_loaders,
    step_cache_nodes,
    style_nodes,
    text,
    text_encoding,
    text_patterns,
    unet_patches,
    upscale_models,
    vae_nodes,
)
from .sampling import common_ksampler
from .value_types import MAX_RESOLUTION

_MODULES = (
    image_io, image, image_batch, image_transform, resize_node, image_filters, image_export,
    animation, drawing, landscape, mask, compositing, latent, latent_io, latent_batch,
    latent_math, latent_operations, conditioning, conditioning_flags, sigmas, text, text_patterns,
    primitives, logic, preview, loaders, text_encoding, sampling, vae_nodes, lora_nodes,
    controlnet_nodes, model_sampling, custom_sampling, sampler_nodes, upscale_models,
    attention_weights, guidance_nodes, guiders, model_merging, model_schedules,
    perturbed_guidance, unet_patches, flux_nodes, sd3_nodes, picture_conditioning, model_saving,
    special_loaders, soft_inpainting, sampler_variants, style_nodes, hook_nodes,
    prompt_properties, score_nodes, diffusers_loader, step_cache_nodes,
)  # fmt: skip

NODE_CLASS_MAPPINGS: dict[str, type] = {}
"""Node classes by the name that prompts and workflow files use."""

NODE_DISPLAY_NAME_MAPPINGS: dict[str, str] = {}
"""Titles of V1 nodes; V3 nodes carry theirs in the schema."""

EXTENSION_WEB_DIRS: dict[str, str] = {}
"""Script folders of packs by pack name; the engine fills it."""

LOADED_MODULE_DIRS: dict[str, str] = {}
"""Folders of loaded packs by pack name; the engine fills it."""

for _module in _MODULES:
    NODE_CLASS_MAPPINGS.update(_module.NODE_CLASS_MAPPINGS)
    NODE_DISPLAY_NAME_MAPPINGS.update(getattr(_module, "NODE_DISPLAY_NAME_MAPPINGS", {}))

# Packs import the classes by their Python names.
globals().update({cls.__name__: cls for cls in NODE_CLASS_MAPPINGS.values()})


def interrupt_processing(value: bool = True) -> None:
    """Ask the running prompt to stop, or take the wish back."""
    comfy.model_management.interrupt_current_processing(value)


def before_node_execution() -> None:
    """Raise when the artist has asked to stop; the engine also checks by itself."""
    comfy.model_management.throw_exception_if_processing_interrupted()


__all__ = [
    "EXTENSION_WEB_DIRS",
    "LOADED_MODULE_DIRS",
    "MAX_RESOLUTION",
    "NODE_CLASS_MAPPINGS",
    "NODE_DISPLAY_NAME_MAPPINGS",
    "before_node_execution",
    "common_ksampler",
    "interrupt_processing",
]
