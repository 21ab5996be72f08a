"""Lists of noise levels (sigmas) that do not depend on a model.

Every list is float32 on the CPU, falls, and unless said otherwise ends in exactly 0. The rules
are D-024, D-025, D-032 and D-033.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import torch


def _ended(sigmas: torch.Tensor) -> torch.Tensor:
    return torch.cat([sigmas, sigmas.new_zeros(1)])


def _check(steps: int, sigma_min: float, sigma_max: float) -> None:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    if sigma_min <= 0 or sigma_max <= 0:
        raise ValueError(f"sigma_min {sigma_min} and sigma_max {sigma_max} must be above 0.")


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> torch.Tensor:
    """Space noise levels evenly in ``sigma ** (1 / rho)``.

    Source: Karras et al. 2022, "Elucidating the Design Space of Diffusion-Based Generative
    Models", equation 5 (arXiv:2206.00364).

    Args:
        steps: Number of denoising steps, at least 1.
        sigma_min: Lowest noise level before 0, above 0.
        sigma_max: Highest noise level, above 0.
        rho: Curvature, not 0; larger values put more steps near ``sigma_min``.

    Returns:
        ``(steps + 1,)``.

    Raises:
        ValueError: A value is out of range.
    """
    _check(steps, sigma_min, sigma_max)
    if rho == 0:
        raise ValueError("rho must not be 0.")
    ramp = torch.linspace(0, 1, steps)
    high, low = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    return _ended((high + ramp * (low - high)) ** rho)


def exponential_sigmas(steps: int, sigma_min: float, sigma_max: float) -> torch.Tensor:
    """Space noise levels evenly in their logarithm; see :func:`karras_sigmas`."""
    _check(steps, sigma_min, sigma_max)
    return _ended(torch.linspace(math.log(sigma_max), math.log(sigma_min), steps).exp())


def polyexponential_sigmas(
    steps: int, sigma_min: float, sigma_max: float, rho: float = 1.0
) -> torch.Tensor:
    """Space logarithms along a power curve; ``rho`` 1 is :func:`exponential_sigmas`."""
    _check(steps, sigma_min, sigma_max)
    ramp = torch.linspace(1, 0, steps) ** rho
    low, high = math.log(sigma_min), math.log(sigma_max)
    return _ended((ramp * (high - low) + low).exp())


def laplace_sigmas(
    steps: int, sigma_min: float, sigma_max: float, mu: float = 0.0, beta: float = 0.5
) -> torch.Tensor:
    """Draw noise levels from the quantiles of a Laplace distribution of log sigma.

    Source: Hang et al. 2024, "Improved Noise Schedule for Diffusion Training"
    (arXiv:2407.03297).

    Args:
        steps: Number of levels, at least 1.
        sigma_min: Levels below are raised to it.
        sigma_max: Levels above are lowered to it.
        mu: Middle of the distribution.
        beta: Its width.

    Returns:
        ``(steps,)``; there is no final 0.

    Raises:
        ValueError: A value is out of range.
    """
    _check(steps, sigma_min, sigma_max)
    x = torch.linspace(0, 1, steps)
    offset = 0.5 - x
    levels = mu - beta * torch.sign(offset) * torch.log(1 - 2 * offset.abs() + 1e-5)
    return levels.exp().clamp(sigma_min, sigma_max)


def vp_sigmas(
    steps: int, beta_d: float = 19.9, beta_min: float = 0.1, eps_s: float = 1e-3
) -> torch.Tensor:
    """Follow the variance-preserving process.

    Source: Song et al. 2021, "Score-Based Generative Modeling through Stochastic Differential
    Equations" (arXiv:2011.13456).

    Args:
        steps: Number of steps, at least 1.
        beta_d: Growth of the noise rate.
        beta_min: Noise rate at the beginning.
        eps_s: Time of the last level before 0.

    Returns:
        ``(steps + 1,)``.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    t = torch.linspace(1, eps_s, steps)
    return _ended(torch.sqrt(torch.special.expm1(beta_d * t**2 / 2 + beta_min * t)))


ALIGN_YOUR_STEPS = {
    "SD1": (
        14.6146412293, 6.4745760956, 3.8636745985, 2.6946151520, 1.8841921177, 1.3943805092,
        0.9642583904, 0.6523686016, 0.3977456272, 0.1515232662, 0.0291671582,
    ),
    "SDXL": (
        14.6146412293, 6.3184485287, 3.7681790315, 2.1811480769, 1.3405244945, 0.8620721141,
        0.5550693289, 0.3798540708, 0.2332364134, 0.1114188177, 0.0291671582,
    ),
    "SVD": (
        700.00, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002,
    ),
}  # fmt: skip
"""Levels for ten steps by model family, from Sabour et al. 2024, "Align Your Steps:
Optimizing Sampling Schedules in Diffusion Models" (arXiv:2404.14507)."""


def align_your_steps_sigmas(family: str, steps: int) -> torch.Tensor:
    """Return the levels optimised for a model family, interpolated for other step numbers.

    Args:
        family: A key of :data:`ALIGN_YOUR_STEPS`.
        steps: Number of steps, at least 1.

    Returns:
        ``(steps + 1,)``; the last level is set to 0.
    """
    levels = torch.tensor(ALIGN_YOUR_STEPS[family], dtype=torch.float64)
    position = torch.linspace(0, levels.numel() - 1, steps + 1, dtype=torch.float64)
    low = position.floor().long().clamp(max=levels.numel() - 2)
    logs = levels.log()
    sigmas = (logs[low] + (logs[low + 1] - logs[low]) * (position - low)).exp()
    sigmas[-1] = 0
    return sigmas.float()


def flux2_sigmas(steps: int, width: int, height: int) -> torch.Tensor:
    """Return the levels that Flux 2 was tuned with, which depend on the size of the picture.

    The shift grows with the number of 16 x 16 patches; below 4,300 patches it also falls in a
    line with the number of steps, through its fitted values at 10 and 200 steps.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    patches = round(width * height / 256)
    at_200 = 0.00016927 * patches + 0.45666666
    if patches > 4300:
        mu = at_200
    else:
        at_10 = 8.73809524e-05 * patches + 1.89833333
        slope = (at_200 - at_10) / 190.0
        mu = at_200 + slope * (steps - 200)
    t = torch.linspace(1, 0, steps + 1)
    return math.exp(mu) / (math.exp(mu) + (1 / t - 1))


def split_by_denoise(sigmas: torch.Tensor, denoise: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Split a list so that the second part does ``denoise`` (0..1) of the steps."""
    steps = max(sigmas.shape[-1] - 1, 0)
    kept = round(steps * denoise)
    return sigmas[: sigmas.shape[-1] - kept] if kept else sigmas[:0], sigmas[-(kept + 1) :]


def flip_sigmas(sigmas: torch.Tensor) -> torch.Tensor:
    """Reverse a list, for going from a picture back to noise; a leading 0 becomes 0.0001."""
    if sigmas.numel() == 0:
        return sigmas
    flipped = sigmas.flip(0)
    if flipped[0] == 0:
        flipped[0] = 0.0001
    return flipped


_SPACINGS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "linear": lambda x: x,
    "cosine": lambda x: torch.sin(x * math.pi / 2),
    "sine": lambda x: 1 - torch.cos(x * math.pi / 2),
}

SPACINGS = tuple(_SPACINGS)
"""Ways to place levels between two others."""


def extend_sigmas(
    sigmas: torch.Tensor, steps: int, start: float, end: float, spacing: str
) -> torch.Tensor:
    """Insert levels where a list lies between ``start`` and ``end``.

    Args:
        sigmas: The list.
        steps: How many steps one step becomes.
        start: Highest level after which to insert; below 0 means from the beginning.
        end: Lowest level after which to insert.
        spacing: One of :data:`SPACINGS`.
    """
    highest = math.inf if start < 0 else start
    between = _SPACINGS[spacing](torch.linspace(0, 1, steps + 1)[1:-1])
    extended: list[float] = []
    for current, following in zip(sigmas[:-1].tolist(), sigmas[1:].tolist(), strict=True):
        extended.append(current)
        if end <= current <= highest:
            extended.extend((between * (following - current) + current).tolist())
    extended.extend(sigmas[-1:].tolist())
    return torch.tensor(extended, dtype=torch.float32)


def parse_sigmas(text: str) -> torch.Tensor:
    """Return every number of a text, in order; exponents are not understood.

    Raises:
        ValueError: Something that begins like a number is none.
    """
    numbers: list[float] = []
    for number in re.findall(r"[-+]?(?:\d*\.*\d+)", text):
        try:
            numbers.append(float(number))
        except ValueError as error:
            raise ValueError(f'"{number}" is not a number.') from error
    return torch.tensor(numbers, dtype=torch.float32)
