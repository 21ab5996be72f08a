"""Lists of noise levels for a model: the schedulers of the menu, and KSampler's cuts.

Every list is float32 on the CPU, falls, and ends in 0. The rules are D-020 to D-031; lists that
depend on no model are in :mod:`app.engine.diffusion.sigmas`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from app.engine.diffusion.sigmas import exponential_sigmas, karras_sigmas
from app.engine.models.sigma_tables import SigmaTable

Scheduler = Callable[[SigmaTable, int], torch.Tensor]
"""From a model's table and a number of steps (at least 1) to a falling list."""

_NEARLY_ZERO = 1e-5


def _ended(sigmas: list[float]) -> torch.Tensor:
    return torch.tensor([*sigmas, 0.0])


def _check(steps: int) -> None:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")


def simple_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Take every n-th level from the top (D-021)."""
    levels = table.sigmas
    count = len(levels)
    return _ended([float(levels[-(1 + int(i * count / steps))]) for i in range(steps)])


def normal_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Space timesteps evenly, both ends included (D-022)."""
    start, end = _timestep_bounds(table)
    if abs(_sigma_at(table, end)) < _NEARLY_ZERO:
        return table.sigma(torch.linspace(start, end, steps + 1)).float()
    sigmas = table.sigma(torch.linspace(start, end, steps)).float()
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def sgm_uniform_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Space timesteps evenly, without the last (D-023)."""
    start, end = _timestep_bounds(table)
    sigmas = table.sigma(torch.linspace(start, end, steps + 1)[:-1]).float()
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _timestep_bounds(table: SigmaTable) -> tuple[float, float]:
    return float(table.timestep(table.sigma_max)), float(table.timestep(table.sigma_min))


def _sigma_at(table: SigmaTable, timestep: float) -> float:
    return float(table.sigma(torch.tensor(timestep)))


def karras_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Space levels evenly in their seventh root (D-024)."""
    return karras_sigmas(steps, float(table.sigma_min), float(table.sigma_max))


def exponential_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Space levels evenly in their logarithm (D-025)."""
    return exponential_sigmas(steps, float(table.sigma_min), float(table.sigma_max))


def ddim_uniform_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Take every n-th level from the bottom; the list may be longer than asked (D-026)."""
    levels = table.sigmas
    starts_at_zero = abs(float(levels[1])) < _NEARLY_ZERO
    stride = max(len(levels) // (steps + 1 if starts_at_zero else steps), 1)
    picked = levels[1::stride].flip(0)
    return picked if starts_at_zero else torch.cat([picked, picked.new_zeros(1)])


def beta_scheduler(
    table: SigmaTable, steps: int, alpha: float = 0.6, beta: float = 0.6
) -> torch.Tensor:
    """Place timesteps at the quantiles of a beta distribution (D-027).

    Source: Lee et al. 2024, "Beta Sampling is All You Need" (arXiv:2407.12173). Levels that
    would come twice come once, so the list may be shorter than asked.
    """
    import numpy as np
    from scipy import stats

    last = len(table.sigmas) - 1
    quantiles = 1 - np.linspace(0, 1, steps, endpoint=False)
    picks = np.rint(stats.beta.ppf(quantiles, alpha, beta) * last).astype(int).tolist()
    distinct = [pick for i, pick in enumerate(picks) if i == 0 or pick != picks[i - 1]]
    return _ended([float(table.sigmas[pick]) for pick in distinct])


def linear_quadratic_scheduler(
    table: SigmaTable, steps: int, threshold: float = 0.025, linear_steps: int | None = None
) -> torch.Tensor:
    """Fall slowly and evenly first, then along a parabola (D-028).

    Source: the sampling schedule of Mochi 1 (Genmo 2024).
    """
    highest = float(table.sigma_max)
    if steps == 1:
        return torch.tensor([highest, 0.0])
    linear = steps // 2 if linear_steps is None else linear_steps
    rest = steps - linear
    excess = linear - threshold * steps
    squared = excess / (linear * rest**2)
    slope = threshold / linear - 2 * excess / rest**2
    progress = [i * threshold / linear for i in range(linear)]
    progress += [squared * i**2 + slope * i + squared * linear**2 for i in range(linear, steps)]
    return torch.tensor([1.0 - value for value in [*progress, 1.0]]) * highest


def kl_optimal_scheduler(table: SigmaTable, steps: int) -> torch.Tensor:
    """Space the arc tangents of levels evenly (D-029).

    Source: Sabour et al. 2024, "Align Your Steps", equation for the KL-optimal schedule of a
    Gaussian (arXiv:2404.14507). A single step has no spacing: its first level is NaN.
    """
    position = torch.arange(steps) / torch.tensor(float(steps - 1))
    low, high = math.atan(table.sigma_min), math.atan(table.sigma_max)
    sigmas = (position * low + (1 - position) * high).tan()
    return torch.cat([sigmas, sigmas.new_zeros(1)])


SCHEDULERS: dict[str, Scheduler] = {
    "simple": simple_scheduler,
    "sgm_uniform": sgm_uniform_scheduler,
    "karras": karras_scheduler,
    "exponential": exponential_scheduler,
    "ddim_uniform": ddim_uniform_scheduler,
    "beta": beta_scheduler,
    "normal": normal_scheduler,
    "linear_quadratic": linear_quadratic_scheduler,
    "kl_optimal": kl_optimal_scheduler,
}
"""Schedulers by name, in the order of the menu (D-020)."""

DROPS_PENULTIMATE_SIGMA = frozenset({"dpm_2", "dpm_2_ancestral", "uni_pc", "uni_pc_bh2"})
"""Samplers that KSampler gives lists without the last level before 0 (D-031)."""


def calculate_sigmas(table: SigmaTable, scheduler: str, steps: int) -> torch.Tensor:
    """Return the list of a scheduler.

    Args:
        table: The model's sampling rules.
        scheduler: A key of :data:`SCHEDULERS`.
        steps: Number of steps, at least 1.

    Returns:
        Usually ``(steps + 1,)``; ddim_uniform and beta may give other lengths.

    Raises:
        ValueError: The scheduler is unknown, or there are no steps.
    """
    _check(steps)
    if scheduler not in SCHEDULERS:
        known = ", ".join(SCHEDULERS)
        raise ValueError(f'Unknown scheduler "{scheduler}"; known are {known}.')
    return SCHEDULERS[scheduler](table, steps)


def sigmas_for_denoise(
    table: SigmaTable, scheduler: str, steps: int, denoise: float = 1.0
) -> torch.Tensor:
    """Return the last part of a longer list, as BasicScheduler does (D-030).

    Args:
        table: The model's sampling rules.
        scheduler: A key of :data:`SCHEDULERS`.
        steps: Number of steps to be done, at least 1.
        denoise: Share of a full run; 1 is all of it, 0 or less is an empty list.
    """
    if denoise >= 1.0:
        return calculate_sigmas(table, scheduler, steps)
    if denoise <= 0.0:
        return torch.zeros(0)
    return calculate_sigmas(table, scheduler, int(steps / denoise))[-(steps + 1) :]


def ksampler_sigmas(
    table: SigmaTable, scheduler: str, steps: int, sampler: str, denoise: float = 1.0
) -> torch.Tensor:
    """Return the list that KSampler works through (D-020, D-030, D-031).

    Args:
        table: The model's sampling rules.
        scheduler: A key of :data:`SCHEDULERS`; an unknown one means the first.
        steps: Number of steps to be done, at least 1.
        sampler: Name of the sampler, since some leave out a level.
        denoise: Share of a full run; 0 or less is an empty list.
    """
    if denoise <= 0.0:
        return torch.zeros(0)
    if scheduler not in SCHEDULERS:
        scheduler = next(iter(SCHEDULERS))
    total = steps if denoise > 0.9999 else int(steps / denoise)
    if sampler in DROPS_PENULTIMATE_SIGMA:
        sigmas = calculate_sigmas(table, scheduler, total + 1)
        sigmas = torch.cat([sigmas[:-2], sigmas[-1:]])
    else:
        sigmas = calculate_sigmas(table, scheduler, total)
    return sigmas if denoise > 0.9999 else sigmas[-(steps + 1) :]


TURBO_STEPS = 10
"""Steps that the turbo models were distilled for."""


def turbo_sigmas(table: SigmaTable, steps: int, denoise: float = 1.0) -> torch.Tensor:
    """Return levels for SD Turbo and SDXL Turbo (D-032).

    Source: Sauer et al. 2023, "Adversarial Diffusion Distillation" (arXiv:2311.17042).

    Args:
        table: The model's noise levels, of a thousand timesteps.
        steps: Number of steps, 1 to 10; fewer are left where ``denoise`` is low.
        denoise: Share of a full run.
    """
    first = TURBO_STEPS - int(TURBO_STEPS * denoise)
    timesteps = torch.arange(999, 0, -100)[first : first + steps]
    sigmas = table.sigma(timesteps).float()
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def cut_sigmas(
    sigmas: torch.Tensor, start: int | None, end: int | None, leftover_noise: bool
) -> torch.Tensor | None:
    """Return the part of a list that KSamplerAdvanced does (D-060).

    Args:
        sigmas: The whole list.
        start: First step to do, from 0; None is the first.
        end: Step to stop before; None or a large number is the last.
        leftover_noise: Whether the result keeps the noise of an early end.

    Returns:
        A copy, or None when nothing is left to do.
    """
    sigmas = sigmas.clone()
    if end is not None and end < len(sigmas) - 1:
        sigmas = sigmas[: end + 1]
        if not leftover_noise:
            sigmas[-1] = 0
    if start is not None:
        if start >= len(sigmas) - 1:
            return None
        sigmas = sigmas[start:]
    return sigmas
