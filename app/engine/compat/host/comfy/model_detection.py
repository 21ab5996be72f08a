"""``comfy.model_detection``: what a file's tensors are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from app.engine.models.detect import diffusion_prefix, unet_facts
from app.engine.models.families import find_family
from app.engine.models.model_config import ModelConfig
from app.engine.models.unet import shapes_of
from app.engine.models.weights import take_prefix

__all__ = [
    "count_blocks",
    "detect_unet_config",
    "model_config_from_unet",
    "unet_prefix_from_state_dict",
]


def count_blocks(state_dict_keys: Iterable[str], prefix_string: str) -> int:
    """Return how many numbers from 0 on are used in names such as ``"blocks.{}."``."""
    pattern = re.compile(re.escape(prefix_string).replace(r"\{\}", r"(\d+)"))
    numbers = {int(hit[1]) for name in state_dict_keys if (hit := pattern.match(name))}
    count = 0
    while count in numbers:
        count += 1
    return count


def unet_prefix_from_state_dict(state_dict: Mapping[str, Any]) -> str:
    """Return what the names of the diffusion model begin with in a checkpoint (D-211)."""
    return diffusion_prefix(state_dict)


def detect_unet_config(
    state_dict: Mapping[str, torch.Tensor], key_prefix: str, metadata: Any = None
) -> dict[str, Any] | None:
    """Return the shape of a network, or None where its family is not known here."""
    config = model_config_from_unet(state_dict, key_prefix)
    return None if config is None else config.unet_config


def model_config_from_unet(
    state_dict: Mapping[str, torch.Tensor],
    unet_key_prefix: str,
    use_base_if_no_match: bool = False,
    metadata: Any = None,
) -> ModelConfig | None:
    """Return a model's configuration from its tensors, or None where it is not known here."""
    tensors = take_prefix(state_dict, unet_key_prefix) if unet_key_prefix else dict(state_dict)
    shapes = shapes_of(tensors)
    family = find_family(shapes)
    if family is None or (family.ldm_unet and unet_facts(shapes) is None):
        return None
    return ModelConfig(family, family.sampling(tensors)[1], family.make_network(tensors))
