"""``comfy.lora``: weight patches from files, and what they do to weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from app.engine.models import lora as _lora
from app.engine.models import lora_math as _lora_math

__all__ = [
    "calculate_weight",
    "load_lora",
    "model_lora_keys_clip",
    "model_lora_keys_unet",
    "pad_tensor_to_shape",
]

KeyMap = dict[str, Any]

# Loading calls what packs put here; theirs may call ours, which never looks back.
_calculate_weight: Any = _lora_math.calculate_weight.__wrapped__  # type: ignore[attr-defined]


def load_lora(
    lora: Mapping[str, torch.Tensor], to_load: Mapping[str, Any], log_missing: bool = True
) -> dict[Any, Any]:
    """Return the patches of a LoRA by weight.

    Args:
        lora: The tensors of the file.
        to_load: From names in LoRA files to weights, as the functions below give it.
        log_missing: Whether entries for other models are logged.
    """
    return _lora.load_lora(_lora.convert_lora(lora), dict(to_load), log_missing)


def model_lora_keys_unet(model: Any, key_map: KeyMap | None = None) -> KeyMap:
    """Return names in LoRA files with the weights of a diffusion model (D-190)."""
    return _lora.model_lora_keys_unet(model, key_map)


def model_lora_keys_clip(model: Any, key_map: KeyMap | None = None) -> KeyMap:
    """Return names in LoRA files with the weights of text encoders (D-190)."""
    return _lora.model_lora_keys_clip(model, key_map)


def calculate_weight(
    patches: Sequence[Any],
    weight: torch.Tensor,
    key: str,
    intermediate_dtype: torch.dtype = torch.float32,
    original_weights: Any = None,
) -> torch.Tensor:
    """Return a weight with patches applied, in order (D-195)."""
    changed: torch.Tensor = _calculate_weight(patches, weight, key, intermediate_dtype)
    return changed


def pad_tensor_to_shape(tensor: torch.Tensor, new_shape: Sequence[int]) -> torch.Tensor:
    """Return a tensor of zeros of another shape with ``tensor`` at its beginning.

    Raises:
        ValueError: The new shape is smaller, or has another number of axes.
    """
    if len(new_shape) != tensor.ndim or any(
        new < old for new, old in zip(new_shape, tensor.shape, strict=True)
    ):
        raise ValueError(f"{tuple(tensor.shape)} does not fit into {tuple(new_shape)}")
    padded = tensor.new_zeros(tuple(new_shape))
    padded[tuple(slice(0, side) for side in tensor.shape)] = tensor
    return padded
