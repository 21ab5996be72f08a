"""Steps of a run as functions: noise levels, and prompts on their way to the network.

``comfy.samplers`` offers them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from app.engine.diffusion import cond_batch, schedules
from app.engine.diffusion import conditioning as conditions_of

Options = dict[str, Any]


def simple_scheduler(model_sampling: Any, steps: int) -> torch.Tensor:
    """Pick levels of the table at even distances (D-021)."""
    return schedules.simple_scheduler(model_sampling, steps)


def ddim_scheduler(model_sampling: Any, steps: int) -> torch.Tensor:
    """Take every n-th level from the bottom (D-026)."""
    return schedules.ddim_uniform_scheduler(model_sampling, steps)


def normal_scheduler(
    model_sampling: Any, steps: int, sgm: bool = False, floor: bool = False
) -> torch.Tensor:
    """Space timesteps evenly; with ``sgm`` without the last (D-022, D-023)."""
    spaced = schedules.sgm_uniform_scheduler if sgm else schedules.normal_scheduler
    return spaced(model_sampling, steps)


def beta_scheduler(
    model_sampling: Any, steps: int, alpha: float = 0.6, beta: float = 0.6
) -> torch.Tensor:
    """Place timesteps at the quantiles of a beta distribution (D-027)."""
    return schedules.beta_scheduler(model_sampling, steps, alpha, beta)


def linear_quadratic_schedule(
    model_sampling: Any,
    steps: int,
    threshold_noise: float = 0.025,
    linear_steps: int | None = None,
) -> torch.Tensor:
    """Fall slowly and evenly first, then along a parabola (D-028)."""
    return schedules.linear_quadratic_scheduler(
        model_sampling, steps, threshold_noise, linear_steps
    )


def kl_optimal_scheduler(n: int, sigma_min: float, sigma_max: float) -> torch.Tensor:
    """Space the arc tangents of ``n`` levels evenly and end in 0 (D-029)."""
    bounds: Any = SimpleNamespace(sigma_min=sigma_min, sigma_max=sigma_max)
    return schedules.kl_optimal_scheduler(bounds, n)


def get_area_and_mult(
    conds: Options, x_in: torch.Tensor, timestep_in: torch.Tensor
) -> cond_batch.CondItem | None:
    """Return an entry cut out for a call, or None where it does not run."""
    return cond_batch.make_item(conds, 0, x_in, float(timestep_in[0]))


def can_concat_cond(c1: Any, c2: Any) -> bool:
    """Tell whether two entries of :func:`get_area_and_mult` fit into one call (D-070)."""
    return bool(c1.fits(c2))


def cond_cat(c_list: Sequence[Mapping[str, Any]]) -> Options:
    """Return the network's inputs for several entries in one call."""
    first, *others = c_list
    return {name: cond.concat([other[name] for other in others]) for name, cond in first.items()}


def encode_model_conds(
    model_function: Any,
    conds: Sequence[Options],
    noise: torch.Tensor,
    device: torch.device,
    prompt_type: str,
    **kwargs: Any,
) -> list[Options]:
    """Return entries with the network's inputs that ``model_function`` makes of them (D-063)."""

    class _Encoder:
        extra_conds = staticmethod(model_function)

    encoder: Any = _Encoder()
    return conditions_of.encode_entries(encoder, conds, noise, device, prompt_type, kwargs)


def process_conds(
    model: Any,
    noise: torch.Tensor,
    conds: dict[str, Any],
    device: torch.device,
    latent_image: torch.Tensor | None = None,
    denoise_mask: torch.Tensor | None = None,
    seed: int | None = None,
    latent_shapes: Any = None,
) -> dict[str, Any]:
    """Return the prompts of a run, ready to be evaluated (D-063)."""
    return conditions_of.prepare_conds(
        model, noise, conds, device, latent_image, denoise_mask, seed
    )


def resolve_areas_and_cond_masks_multidim(
    conditions: list[Options], dims: Sequence[int], device: torch.device
) -> None:
    """Bring areas and masks of entries to a latent's size, in place (D-074, D-075)."""
    conditions[:] = conditions_of.resolve_areas(conditions, dims, device)


def resolve_areas_and_cond_masks(
    conditions: list[Options], h: int, w: int, device: torch.device
) -> None:
    """Bring areas and masks of entries to the size of a picture's latent, in place."""
    resolve_areas_and_cond_masks_multidim(conditions, [h, w], device)


def calculate_start_end_timesteps(model: Any, conds: list[Options]) -> None:
    """Turn parts of the run into noise levels, in place (D-076)."""
    conds[:] = conditions_of.resolve_ranges(conds, model.model_sampling.percent_to_sigma)


def pre_run_control(model: Any, conds: Sequence[Options]) -> None:
    """Get the ControlNets of entries ready for a run."""
    for entry in conds:
        if entry.get("control") is not None:
            entry["control"].pre_run(model, model.model_sampling.percent_to_sigma)


def create_cond_with_same_area_if_none(conds: list[Options], c: Options) -> None:
    """Add to a list what answers on the area of another list's entry, in place (D-077)."""
    if c.get("area") is None:
        return
    partner = conditions_of.find_area_partner(conds, c)
    if partner is not None:
        conds.append(partner)


def cast_to_load_options(
    model_options: Options, device: torch.device | None = None, dtype: torch.dtype | None = None
) -> None:
    """Bring what packs hang on the hooks to a device, where it can be brought there."""
    for hook in model_options.get("to_load_options", ()):
        hook.to(device=device, dtype=dtype)


def cast_transformer_options(
    transformer_options: Options,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
) -> None:
    """Bring patches that hold tensors to a device."""
    tables: list[Any] = [transformer_options.get("patches", {})]
    tables.append(transformer_options.get("patches_replace", {}))
    for table in tables:
        for group in table.values():
            for patch in group.values() if isinstance(group, dict) else group:
                if hasattr(patch, "to"):
                    patch.to(device if dtype is None else dtype)
