"""``comfy.sampler_helpers``: loading a model for a run, and letting go of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import comfy.model_management
import torch

from app.engine.diffusion.conditioning import to_entries
from app.engine.diffusion.inpainting import prepare_noise_mask
from app.engine.models.wrappers import PREPARE_SAMPLING, WrapperExecutor, all_wrappers

__all__ = [
    "cleanup_additional_models",
    "cleanup_models",
    "convert_cond",
    "get_additional_models",
    "get_additional_models_from_model_options",
    "get_models_from_cond",
    "prepare_mask",
    "prepare_sampling",
]


def prepare_mask(noise_mask: torch.Tensor, shape: torch.Size, device: torch.device) -> torch.Tensor:
    """Return a mask in the shape of the latent, 1 where it may change (D-085)."""
    return prepare_noise_mask(noise_mask, torch.Size(shape), device)


def convert_cond(cond: Any) -> list[dict[str, Any]]:
    """Return the entries of a node's conditioning (D-063)."""
    entries = to_entries(cond)
    return [] if entries is None else entries


def get_models_from_cond(cond: Iterable[Mapping[str, Any]], model_type: str) -> list[Any]:
    """Return what entries hold under a key: a model, or a list of them."""
    found: list[Any] = []
    for entry in cond:
        held = entry.get(model_type)
        if isinstance(held, list):
            found += held
        elif held is not None:
            found.append(held)
    return found


def get_additional_models(conds: Mapping[str, Any], dtype: torch.dtype) -> tuple[list[Any], float]:
    """Return the models that prompts bring along, and the working memory they need in bytes."""
    controls: list[Any] = []
    models: list[Any] = []
    for entries in conds.values():
        controls += get_models_from_cond(entries or (), "control")
        models += [held[1] for held in get_models_from_cond(entries or (), "gligen")]
        models += get_models_from_cond(entries or (), "additional_models")
    memory = 0.0
    for control in dict.fromkeys(controls):
        models += control.get_models()
        memory += control.inference_memory_requirements(dtype)
    return models, memory


def get_additional_models_from_model_options(
    model_options: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Return the patchers that hooks hold: those that have a ``models()``."""
    transformer = (model_options or {}).get("transformer_options", {})
    tables = (transformer.get("patches", {}), transformer.get("patches_replace", {}))
    groups = [group for table in tables for group in table.values()]
    hooks = [h for g in groups for h in (g.values() if isinstance(g, dict) else g)]
    return [model for hook in hooks if hasattr(hook, "models") for model in hook.models()]


def cleanup_additional_models(models: Iterable[Any]) -> None:
    """Let go of what a run left in models and ControlNets."""
    for model in models:
        if hasattr(model, "cleanup"):
            model.cleanup()


def prepare_sampling(
    model: Any,
    noise_shape: Sequence[int],
    conds: dict[str, Any],
    model_options: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Any, dict[str, Any], list[Any]]:
    """Load a model and what its prompts need.

    Args:
        model: The patched model.
        noise_shape: Shape of the latent batch.
        conds: Entries by role.
        model_options: Hooks; wrappers of ``prepare_sampling`` among them are run.
        options: For packs.

    Returns:
        The network, the entries, and the further models that were loaded.
    """
    wrappers = all_wrappers(PREPARE_SAMPLING, (model_options or {}).get("transformer_options"))
    executor = WrapperExecutor.new_executor(_prepare_sampling, wrappers)
    prepared: tuple[Any, dict[str, Any], list[Any]] = executor.execute(
        model, noise_shape, conds, model_options, **options
    )
    return prepared


def _prepare_sampling(
    model: Any,
    noise_shape: Sequence[int],
    conds: dict[str, Any],
    model_options: dict[str, Any] | None = None,
    **options: Any,
) -> tuple[Any, dict[str, Any], list[Any]]:
    models, extra = get_additional_models(conds, model.model_dtype())
    models += get_additional_models_from_model_options(model_options)
    # Two prompts are computed at once where memory allows, one where it does not.
    whole = model.memory_required([noise_shape[0] * 2, *noise_shape[1:]])
    half = model.memory_required(list(noise_shape))
    comfy.model_management.load_models_gpu(
        [model, *models],
        memory_required=whole + extra,
        minimum_memory_required=half + extra,
    )
    return model.model, conds, models


def cleanup_models(conds: Mapping[str, Any], models: Iterable[Any]) -> None:
    """Let go of what a run left in models and in the ControlNets of its prompts."""
    cleanup_additional_models(models)
    controls = [c for entries in conds.values() for c in get_models_from_cond(entries, "control")]
    cleanup_additional_models(dict.fromkeys(controls))
