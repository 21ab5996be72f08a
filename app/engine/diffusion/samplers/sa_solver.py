"""SA-Solver: stochastic Adams predictor and corrector.

Source: Xue et al. 2023, "SA-Solver: Stochastic Adams Solver for Fast Sampling of Diffusion
Models" (arXiv:2309.05019). Time is the half log signal-to-noise ratio, called lambda.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import (
    below_pure_noise,
    half_log_snr,
    is_zero,
    signal_of,
)

Tau = Callable[[float], float]
"""From a noise level to how stochastic the step to it is; 0 is not at all."""


def tau_between(start_sigma: float, end_sigma: float, eta: float = 1.0) -> Tau:
    """Return ``eta`` between two levels, both included, and 0 elsewhere."""
    return lambda sigma: eta if end_sigma <= sigma <= start_sigma else 0.0


def adams_weights(nodes: Sequence[float], start: float, end: float, tau: float) -> list[float]:
    """Return the weight of the estimate at each of ``nodes`` (equations 14 and 17).

    The weights integrate, exactly for polynomials through the nodes,
    ``(1 + tau^2) * exp((1 + tau^2) * (lambda - end))`` from ``start`` to ``end``.
    """
    rate = 1 + tau**2
    h = end - start
    moments = [-math.expm1(-rate * h)]
    for power in range(1, len(nodes)):
        # By parts, with lambda measured from the end of the step.
        moments.append(-((-h) ** power) * math.exp(-rate * h) - power / rate * moments[-1])
    powers = torch.tensor(
        [[(node - end) ** power for node in nodes] for power in range(len(nodes))],
        dtype=torch.float64,
    )
    solved: list[float] = torch.linalg.solve(
        powers, torch.tensor(moments, dtype=torch.float64)
    ).tolist()
    return solved


def simple_second_order_weights(
    nodes: Sequence[float], start: float, end: float, tau: float, corrects: bool
) -> list[float]:
    """Return the cheaper weights of order 2 (appendix D of the paper).

    Args:
        nodes: Lambdas of two estimates, the older first.
        start: Lambda where the step begins.
        end: Lambda where it ends.
        tau: How stochastic the step is.
        corrects: Whether the newer estimate is that of the step's end.
    """
    rate = 1 + tau**2
    h = end - start
    whole = -math.expm1(-rate * h)
    if corrects:
        newer = 0.5 * rate * h
        return [whole - newer, newer]
    older = 0.5 * rate * h**2 / (nodes[0] - start)
    return [older, whole - older]


@dataclass(slots=True)
class _Step:
    """What a step needs to be done again with a newer estimate."""

    x: torch.Tensor
    sigma: torch.Tensor
    sigma_next: torch.Tensor
    lam: float
    lam_next: float
    alpha_next: torch.Tensor
    tau: float
    noise: torch.Tensor | None

    def to_end(self, weights: Sequence[float], estimates: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the latent at the step's end."""
        decay = math.exp(-(self.tau**2) * (self.lam_next - self.lam))
        moved = self.sigma_next / self.sigma * decay * self.x
        for weight, estimate in zip(weights, estimates, strict=True):
            moved = moved + self.alpha_next * weight * estimate
        return moved if self.noise is None else moved + self.noise


def sample_sa_solver(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    tau_func: Tau | None = None,
    s_noise: float = 1.0,
    predictor_order: int = 3,
    corrector_order: int = 4,
    use_pece: bool = False,
    simple_order_2: bool = False,
) -> torch.Tensor:
    """Predict each step from the estimates before, and correct it with its own (D-138).

    Args:
        denoiser: The model.
        x: The first latent.
        sigmas: The levels.
        tau_func: How stochastic each step is; None is 1 between 20 and 80 percent of the run.
        s_noise: Factor of the new noise.
        predictor_order: Estimates that the prediction uses, at least 1.
        corrector_order: Estimates that the correction uses; 0 is no correction.
        use_pece: Whether to estimate again after each correction.
        simple_order_2: Whether to take the cheaper weights where the order is 2.
    """
    if len(sigmas) <= 1:
        return x
    noise = denoiser.step_noise(x)
    sigmas = below_pure_noise(denoiser, sigmas)
    table = denoiser.model_sampling
    tau = tau_func or tau_between(table.percent_to_sigma(0.2), table.percent_to_sigma(0.8))
    half_logs = half_log_snr(sigmas, denoiser.is_flow)
    lambdas = half_logs.tolist()
    ends_clean = is_zero(sigmas[-1])
    estimates: list[torch.Tensor] = []
    step: _Step | None = None
    last = len(sigmas) - 2

    def order_of(wanted: int, left: int) -> int:
        order = min(wanted, len(estimates))
        return min(order, left) if ends_clean else order

    def weights_of(order: int, newest: int, taken: _Step, corrects: bool) -> list[float]:
        nodes = lambdas[newest + 1 - order : newest + 1]
        if order == 2 and simple_order_2:
            return simple_second_order_weights(
                nodes, taken.lam, taken.lam_next, taken.tau, corrects
            )
        return adams_weights(nodes, taken.lam, taken.lam_next, taken.tau)

    for i in range(len(sigmas) - 1):
        sigma, following = sigmas[i], sigmas[i + 1]
        denoised = denoiser(x, sigma)
        denoiser.report(i, x, denoised, sigma)
        estimates = [*estimates, denoised][-max(predictor_order, corrector_order) :]
        corrects = step is not None and corrector_order > 0 and (use_pece or not is_zero(following))
        if corrects and step is not None:
            order = order_of(corrector_order, last + 1 - i)
            if order:
                x = step.to_end(weights_of(order, i, step, True), estimates[-order:])
                if use_pece:
                    estimates[-1] = denoiser(x, sigma)
        if is_zero(following):
            x = estimates[-1]
            continue
        step = _Step(
            x=x,
            sigma=sigma,
            sigma_next=following,
            lam=lambdas[i],
            lam_next=lambdas[i + 1],
            alpha_next=signal_of(following, half_logs[i + 1]),
            tau=tau(float(following)),
            noise=None,
        )
        if step.tau > 0 and s_noise > 0:
            spread = math.sqrt(-math.expm1(-2 * step.tau**2 * (step.lam_next - step.lam)))
            step.noise = noise(sigma, following) * (following * spread * s_noise)
        order = order_of(predictor_order, last - i)
        x = step.to_end(weights_of(order, i, step, False), estimates[-order:])
    return x


def sample_sa_solver_pece(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    tau_func: Tau | None = None,
    s_noise: float = 1.0,
    predictor_order: int = 3,
    corrector_order: int = 4,
    simple_order_2: bool = False,
) -> torch.Tensor:
    """Do :func:`sample_sa_solver` with a second estimate after each correction (D-138)."""
    return sample_sa_solver(
        denoiser,
        x,
        sigmas,
        tau_func,
        s_noise,
        predictor_order,
        corrector_order,
        True,
        simple_order_2,
    )
