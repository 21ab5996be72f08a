"""Multi-step methods of the Adams-Bashforth kind on the derivative: LMS, iPNDM and DEIS."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import derivative, is_zero

ADAMS_WEIGHTS = (
    (1.0,),
    (3 / 2, -1 / 2),
    (23 / 12, -16 / 12, 5 / 12),
    (55 / 24, -59 / 24, 37 / 24, -9 / 24),
)
"""Adams-Bashforth weights for equal steps by order, the newest derivative first."""


def lagrange_integrals(nodes: Sequence[float], start: float, end: float) -> list[float]:
    """Integrate from ``start`` to ``end`` each polynomial that is 1 at one node, 0 at others."""
    integrals = []
    for j, node in enumerate(nodes):
        basis = np.poly1d([1.0])
        for k, other in enumerate(nodes):
            if k != j:
                basis = basis * np.poly1d([1.0, -other]) / (node - other)
        area = basis.integ()
        integrals.append(float(area(end) - area(start)))
    return integrals


def _add_weighted(
    x: torch.Tensor, weights: Sequence[float], history: Sequence[torch.Tensor]
) -> torch.Tensor:
    """Add derivatives, the newest of ``history`` with the first of ``weights``."""
    for weight, d in zip(weights, reversed(history), strict=False):
        x = x + weight * d
    return x


def sample_lms(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, order: int = 4
) -> torch.Tensor:
    """Integrate the polynomial through the last derivatives exactly (D-117).

    Source: linear multi-step of Karras et al. 2022, as Katherine Crowson used it with their
    schedule (arXiv:2206.00364).
    """
    levels = sigmas.tolist()
    history: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        history = [*history, derivative(x, sigmas[i], denoised)][-order:]
        if is_zero(sigmas[i + 1]):
            x = denoised
            continue
        nodes = [levels[i - j] for j in range(len(history))]
        x = _add_weighted(x, lagrange_integrals(nodes, levels[i], levels[i + 1]), history)
    return x


def sample_ipndm(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, max_order: int = 4
) -> torch.Tensor:
    """Use Adams-Bashforth weights as if all steps were equal (D-129).

    Source: Zhang and Chen 2022, "Fast Sampling of Diffusion Models with Exponential
    Integrator" (arXiv:2204.13902), after Liu et al. 2022 (arXiv:2202.09778).
    """
    history: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        if is_zero(sigmas[i + 1]):
            x = denoised
            continue
        history = [*history, derivative(x, sigmas[i], denoised)][-max_order:]
        step = float(sigmas[i + 1] - sigmas[i])
        weights = [step * weight for weight in ADAMS_WEIGHTS[len(history) - 1]]
        x = _add_weighted(x, weights, history)
    return x


def variable_step_weights(lengths: Sequence[float]) -> list[float]:
    """Return weights for unequal steps, the newest derivative first (D-140).

    Args:
        lengths: One to four: the length of the step to be done, then those of the steps
            before, the newest first.
    """
    order = len(lengths)
    if order == 1:
        return [1.0]
    h, h1, h2, h3 = [*lengths, 1.0, 1.0][:4]
    half, back = h / h1 / 2, h1 / h2
    if order == 2:
        return [1 + half, -half]
    third = (1 - h / (3 * (h + h1)) * (h * (h + h1)) / (h1 * (h1 + h2))) / 2
    if order == 3:
        return [1 + half + third, -half - (1 + back) * third, third * back]
    reach = h * (h + h1) * (h + h1 + h2) / (h1 * (h1 + h2) * (h1 + h2 + h3))
    inner = (1 - h / (3 * (h + h1))) / 2
    outer = (1 - h / (2 * (h + h1))) * h / (6 * (h + h1 + h2))
    # Exact integration asks for the difference; everyone's pictures are made with the sum.
    fourth = (inner + outer) * reach
    ratio = h1 * (h1 + h2) / (h2 * (h2 + h3))
    return [
        1 + half + third + fourth,
        -half - (1 + back) * third - (1 + back + ratio) * fourth,
        third * back + (back + ratio * (1 + h2 / h3)) * fourth,
        -fourth * ratio * h1 / h2,
    ]


def sample_ipndm_v(
    denoiser: Denoiser, x: torch.Tensor, sigmas: torch.Tensor, max_order: int = 4
) -> torch.Tensor:
    """Do :func:`sample_ipndm` with weights for unequal steps (D-130)."""
    levels = sigmas.tolist()
    history: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        if is_zero(sigmas[i + 1]):
            x = denoised
            continue
        history = [*history, derivative(x, sigmas[i], denoised)][-max_order:]
        order = len(history)
        lengths = [levels[i + 1 - j] - levels[i - j] for j in range(order)]
        weights = variable_step_weights(lengths)
        x = _add_weighted(x, [lengths[0] * weight for weight in weights], history)
    return x


def _vp_times(sigmas: torch.Tensor) -> tuple[torch.Tensor, float, float]:
    """Return the time of each level in a variance-preserving process, and its two rates."""
    low, high, eps = math.log(0.002**2 + 1), math.log(80.0**2 + 1), 1e-3
    slope = 2 * (low / eps - high) / (eps - 1)
    base = high - slope / 2
    levels = sigmas.double()
    times = ((base**2 + 2 * slope * (levels**2 + 1).log()).sqrt() - base) / slope
    return times, slope, base


def _deis_weights(
    times: Sequence[float], start: float, end: float, slope: float, base: float
) -> list[float]:
    """Integrate the exponential integrator's kernel with each Lagrange polynomial (D-141)."""
    points = torch.linspace(start, end, 10000, dtype=torch.float64)
    kept = (-0.5 * points**2 * slope - points * base).exp()
    kernel = 0.5 * (slope * points + base) / (kept * (1 - kept)).sqrt()
    weights = []
    for j, node in enumerate(times):
        values = kernel
        for k, other in enumerate(times):
            if k != j:
                values = values * (points - other) / (node - other)
        weights.append(float(values.sum()) * (end - start) / 10000)
    return weights


def sample_deis(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    max_order: int = 3,
    deis_mode: str = "tab",
) -> torch.Tensor:
    """Integrate the polynomial through the last derivatives over the VP process (D-131).

    Source: Zhang and Chen 2022 (arXiv:2204.13902), tAB-DEIS; with ``deis_mode`` "rhoab" the
    polynomial is in sigma.
    """
    if deis_mode not in ("tab", "rhoab"):
        raise ValueError(f'Unknown deis_mode "{deis_mode}"; known are tab, rhoab.')
    levels = sigmas.tolist()
    time_tensor, slope, base = _vp_times(sigmas)
    times = time_tensor.tolist()
    history: list[torch.Tensor] = []
    for i in range(len(sigmas) - 1):
        denoised = denoiser(x, sigmas[i])
        denoiser.report(i, x, denoised, sigmas[i])
        history = [*history, derivative(x, sigmas[i], denoised)][-max_order:]
        order = len(history) if levels[i + 1] > 0 else 1
        if order == 1:
            weights = [levels[i + 1] - levels[i]]
        elif deis_mode == "tab":
            nodes = [times[i - j] for j in range(order)]
            weights = _deis_weights(nodes, times[i], times[i + 1], slope, base)
        else:
            nodes = [levels[i - j] for j in range(order)]
            weights = lagrange_integrals(nodes, levels[i], levels[i + 1])
        x = _add_weighted(x, weights, history[-order:])
    return x
