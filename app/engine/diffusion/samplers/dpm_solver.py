"""DPM-Solver with its own choice of steps: DPM-Solver-fast and the adaptive DPM-Solver-12/23.

Source: Lu et al. 2022, "DPM-Solver: A Fast ODE Solver for Diffusion Probabilistic Model
Sampling in Around 10 Steps" (arXiv:2206.00927). Time is ``t = -log(sigma)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch

from app.engine.diffusion.samplers.denoiser import Denoiser
from app.engine.diffusion.samplers.levels import ancestral_split


def _level(t: torch.Tensor) -> torch.Tensor:
    return t.neg().exp()


@dataclass(slots=True)
class _Solver:
    """One step of order 1 to 3, remembering the noise estimates of the step."""

    denoiser: Denoiser
    estimates: dict[str, torch.Tensor] = field(default_factory=dict)

    def estimate(self, name: str, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        """Return the noise in ``x`` at time ``t``; each name is computed once a step."""
        if name not in self.estimates:
            sigma = _level(t)
            self.estimates[name] = (x - self.denoiser(x, sigma)) / sigma
        return self.estimates[name]

    def first(self, x: torch.Tensor, t: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Do a step of order 1 (equation 3.7)."""
        return x - _level(end) * (end - t).expm1() * self.estimate("start", x, t)

    def second(
        self, x: torch.Tensor, t: torch.Tensor, end: torch.Tensor, r1: float = 1 / 2
    ) -> torch.Tensor:
        """Do a step of order 2 (algorithm 1)."""
        h = end - t
        eps = self.estimate("start", x, t)
        middle = t + r1 * h
        x1 = x - _level(middle) * (r1 * h).expm1() * eps
        eps1 = self.estimate("third", x1, middle)
        base = x - _level(end) * h.expm1() * eps
        return base - _level(end) / (2 * r1) * h.expm1() * (eps1 - eps)

    def third(self, x: torch.Tensor, t: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
        """Do a step of order 3 (algorithm 2)."""
        r1, r2 = 1 / 3, 2 / 3
        h = end - t
        eps = self.estimate("start", x, t)
        time1, time2 = t + r1 * h, t + r2 * h
        x1 = x - _level(time1) * (r1 * h).expm1() * eps
        eps1 = self.estimate("third", x1, time1)
        bend = (r2 * h).expm1() / (r2 * h) - 1
        x2 = x - _level(time2) * (r2 * h).expm1() * eps
        x2 = x2 - _level(time2) * (r2 / r1) * bend * (eps1 - eps)
        eps2 = self.estimate("two thirds", x2, time2)
        base = x - _level(end) * h.expm1() * eps
        return base - _level(end) / r2 * (h.expm1() / h - 1) * (eps2 - eps)


def _time_range(sigmas: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    last = sigmas[-1] if float(sigmas[-1]) > 0 else sigmas[-2]
    return sigmas[0].log().neg(), last.log().neg()


def _split_times(
    t: torch.Tensor, end: torch.Tensor, limit: torch.Tensor, eta: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the time to step to and the noise to add there, for ``eta`` new noise."""
    if not eta:
        return end, torch.zeros_like(end)
    down, _ = ancestral_split(_level(t), _level(end), eta)
    target = torch.minimum(limit, down.log().neg())
    return target, (_level(end) ** 2 - _level(target) ** 2) ** 0.5


def sample_dpm_fast(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Spend as many model calls as the list has steps, on steps of order 3, then 2 and 1.

    Of the list only the first and the smallest level above 0 count, and the result keeps the
    noise of that last one (D-118).
    """
    if len(sigmas) <= 1:
        return x
    calls = len(sigmas) - 1
    start, limit = _time_range(sigmas)
    segments = calls // 3 + 1
    times = torch.linspace(float(start), float(limit), segments + 1)
    ending = [calls % 3] if calls % 3 else [2, 1]
    orders = [3] * (segments - len(ending)) + ending
    noise = denoiser.step_noise(x)
    for i, order in enumerate(orders):
        t = times[i]
        target, up = _split_times(t, times[i + 1], limit, eta)
        solver = _Solver(denoiser)
        eps = solver.estimate("start", x, t)
        denoiser.report(i, x, x - eps * _level(t), _level(t))
        x = (solver.first, solver.second, solver.third)[order - 1](x, t, target)
        if eta:
            x = x + noise(_level(t), _level(times[i + 1])) * (up * s_noise)
    return x


@dataclass(slots=True)
class _StepSize:
    """A PID controller of the step's length (Söderlind 2003)."""

    h: float
    order: int
    pcoeff: float
    icoeff: float
    dcoeff: float
    accept_safety: float
    errors: list[float] = field(default_factory=list)

    def accepts(self, error: float) -> bool:
        """Tell whether a step with this error counts, and set the next length."""
        inverse = 1 / (error + 1e-8)
        if not self.errors:
            self.errors = [inverse] * 3
        self.errors[0] = inverse
        powers = (
            (self.pcoeff + self.icoeff + self.dcoeff) / self.order,
            -(self.pcoeff + 2 * self.dcoeff) / self.order,
            self.dcoeff / self.order,
        )
        product = math.prod(e**power for e, power in zip(self.errors, powers, strict=True))
        factor = 1 + math.atan(product - 1)
        accepted = factor >= self.accept_safety
        if accepted:
            self.errors[2], self.errors[1] = self.errors[1], self.errors[0]
        self.h *= factor
        return accepted


def sample_dpm_adaptive(
    denoiser: Denoiser,
    x: torch.Tensor,
    sigmas: torch.Tensor,
    order: int = 3,
    rtol: float = 0.05,
    atol: float = 0.0078,
    h_init: float = 0.05,
    pcoeff: float = 0.0,
    icoeff: float = 1.0,
    dcoeff: float = 0.0,
    accept_safety: float = 0.81,
    eta: float = 0.0,
    s_noise: float = 1.0,
) -> torch.Tensor:
    """Choose the steps' lengths by the difference of two orders (D-119).

    Of the list only the first and the smallest level above 0 count.

    Raises:
        ValueError: ``order`` is neither 2 nor 3.
    """
    if len(sigmas) <= 1:
        return x
    if order not in (2, 3):
        raise ValueError(f"order must be 2 or 3, got {order}.")
    t, limit = _time_range(sigmas)
    noise = denoiser.step_noise(x)
    size = _StepSize(h_init, 1 if eta else order, pcoeff, icoeff, dcoeff, accept_safety)
    accepted_low = x
    attempt = 0
    while float(t) < float(limit) - 1e-5:
        end = torch.minimum(limit, t + size.h)
        target, up = _split_times(t, end, limit, eta)
        solver = _Solver(denoiser)
        eps = solver.estimate("start", x, t)
        denoiser.report(attempt, x, x - eps * _level(t), _level(t))
        if order == 2:
            low, high = solver.first(x, t, target), solver.second(x, t, target)
        else:
            low, high = solver.second(x, t, target, r1=1 / 3), solver.third(x, t, target)
        scale = (rtol * torch.maximum(low.abs(), accepted_low.abs())).clamp(min=atol)
        error = torch.linalg.vector_norm((low - high) / scale) / x.numel() ** 0.5
        if size.accepts(float(error)):
            accepted_low = low
            x = high
            if eta:
                x = x + noise(_level(t), _level(end)) * (up * s_noise)
            t = end
        attempt += 1
    return x
