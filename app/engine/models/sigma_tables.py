"""The noise levels that models were trained on, and the timesteps their networks are told.

Everything lies on the CPU in float32; methods that take tensors answer on the device of their
argument. The rules are D-040 to D-046.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

BEFORE_FIRST_SIGMA = 999999999.9
"""A sigma above every schedule: where "0 percent of the run" lies (D-042)."""


def settings_of(given: Any) -> Mapping[str, Any]:
    """Return the settings of a table from a mapping, None, or a model's configuration."""
    settings: Mapping[str, Any] = getattr(given, "sampling_settings", given) or {}
    return settings


class SigmaTable:
    """The noise levels of a model.

    Attributes:
        sigmas: Rising, ``(count,)`` float32 on the CPU; schedules pick from them.
    """

    sigmas: torch.Tensor

    @property
    def sigma_min(self) -> torch.Tensor:
        """Return the lowest noise level, zero-dimensional."""
        return self.sigmas[0]

    @property
    def sigma_max(self) -> torch.Tensor:
        """Return the highest noise level, zero-dimensional."""
        return self.sigmas[-1]

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return what the network is told at ``sigma``, in the shape of ``sigma``."""
        raise NotImplementedError

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """Return the noise level of ``timestep``, in its shape."""
        raise NotImplementedError

    def percent_to_sigma(self, percent: float) -> float:
        """Return the noise level after ``percent`` (0..1) of a run's timesteps (D-042)."""
        raise NotImplementedError


class DiscreteTable(SigmaTable):
    """The levels of a discrete diffusion process, as SD 1, SD 2 and SDXL have (D-040).

    Args:
        settings: May hold ``beta_schedule`` ("linear", or "sqrt_linear"), ``linear_start``,
            ``linear_end``, ``timesteps`` and ``zsnr``; or ``betas``, numbers in place of the first
            four.
        zsnr: Whether the last level is raised to nearly pure noise, where ``settings`` does
            not say (Lin et al. 2023, arXiv:2305.08891; D-041).
    """

    def __init__(self, settings: Mapping[str, Any] | None = None, zsnr: bool | None = None) -> None:
        settings = settings_of(settings)
        start = float(settings.get("linear_start", 0.00085))
        end = float(settings.get("linear_end", 0.012))
        count = int(settings.get("timesteps", 1000))
        schedule = settings.get("beta_schedule", "linear")
        if settings.get("betas") is not None:
            betas = torch.tensor(settings["betas"], dtype=torch.float64)
        elif schedule == "linear":
            betas = torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
        elif schedule == "sqrt_linear":
            betas = torch.linspace(start, end, count, dtype=torch.float64)
        else:
            raise ValueError(f'Unknown beta schedule "{schedule}".')
        cumulated = torch.cumprod(1.0 - betas, dim=0)
        sigmas = ((1 - cumulated) / cumulated) ** 0.5
        if zsnr if zsnr is not None else bool(settings.get("zsnr", False)):
            sigmas = rescale_zero_terminal_snr(sigmas)
        self.set_sigmas(sigmas)

    def set_sigmas(self, sigmas: torch.Tensor) -> None:
        """Use other levels; ``(count,)`` rising, float64 keeps their logarithms exact."""
        self.sigmas = sigmas.float()
        self.log_sigmas = sigmas.log().float()
        self.num_timesteps = sigmas.shape[0]

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return the number of the level whose logarithm is nearest, int64."""
        distances = sigma.log().reshape(-1) - self.log_sigmas.to(sigma.device)[:, None]
        return distances.abs().argmin(dim=0).reshape(sigma.shape)

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """Interpolate the logarithms of the levels around ``timestep``."""
        return _interpolate_log(self.log_sigmas, timestep.float())

    def percent_to_sigma(self, percent: float) -> float:
        """See :meth:`SigmaTable.percent_to_sigma`."""
        if percent <= 0.0:
            return BEFORE_FIRST_SIGMA
        if percent >= 1.0:
            return 0.0
        return float(self.sigma(torch.tensor((1.0 - percent) * 999.0)))


def _interpolate_log(log_sigmas: torch.Tensor, position: torch.Tensor) -> torch.Tensor:
    table = log_sigmas.to(position.device)
    position = position.clamp(0, table.shape[0] - 1)
    low, high = position.floor().long(), position.ceil().long()
    weight = position.frac()
    return ((1 - weight) * table[low] + weight * table[high]).exp()


def rescale_zero_terminal_snr(sigmas: torch.Tensor) -> torch.Tensor:
    """Stretch levels so that the last one is nearly pure noise (D-041).

    Source: Lin et al. 2023, "Common Diffusion Noise Schedules and Sample Steps are Flawed",
    algorithm 1 (arXiv:2305.08891), with a tiny signal left at the end to stay finite.
    """
    signal = (1.0 / (sigmas**2 + 1.0)).sqrt()
    first, last = signal[0].clone(), signal[-1].clone()
    signal = (signal - last) * (first / (first - last))
    kept = signal**2
    kept[-1] = 4.8973451890853435e-08
    return ((1 - kept) / kept) ** 0.5


class DistilledTable(DiscreteTable):
    """The fifty levels of a latent consistency model (D-050)."""

    COUNT = 50

    def __init__(self, settings: Mapping[str, Any] | None = None, zsnr: bool | None = None) -> None:
        super().__init__(settings, zsnr)
        self.skip = self.num_timesteps // self.COUNT
        self.set_sigmas(self.sigmas.flip(0)[:: self.skip][: self.COUNT].flip(0))

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return the number that the nearest level has in the full table."""
        return super().timestep(sigma) * self.skip + (self.skip - 1)

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        return super().sigma((timestep.float() - (self.skip - 1)) / self.skip)


class ContinuousEdmTable(SigmaTable):
    """Levels spaced evenly in their logarithm (D-043).

    Args:
        settings: May hold ``sigma_min``, ``sigma_max`` and ``sigma_data``.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        settings = settings_of(settings)
        self.set_parameters(
            float(settings.get("sigma_min", 0.002)),
            float(settings.get("sigma_max", 120.0)),
            float(settings.get("sigma_data", 1.0)),
        )

    def set_parameters(self, sigma_min: float, sigma_max: float, sigma_data: float) -> None:
        """Use other bounds and another standard deviation of clean latents."""
        self.sigma_data = sigma_data
        self.sigmas = torch.linspace(math.log(sigma_min), math.log(sigma_max), 1000).exp()

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return a quarter of the logarithm."""
        return 0.25 * sigma.log()

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        return (timestep / 0.25).exp()

    def percent_to_sigma(self, percent: float) -> float:
        """See :meth:`SigmaTable.percent_to_sigma`."""
        if percent <= 0.0:
            return BEFORE_FIRST_SIGMA
        if percent >= 1.0:
            return 0.0
        low, high = math.log(self.sigma_min), math.log(self.sigma_max)
        return math.exp((high - low) * (1.0 - percent) + low)


class ContinuousVTable(ContinuousEdmTable):
    """The same levels, told to the network as an angle (D-043)."""

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return the angle as a share of a quarter turn."""
        return sigma.atan() / math.pi * 2

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        return (timestep * math.pi / 2).tan()


class CosmosFlowTable(ContinuousEdmTable):
    """The same levels, told to a flow network as its time (D-043)."""

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return ``sigma / (sigma + 1)``."""
        return sigma / (sigma + 1)

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`; times beyond the last level give the last level."""
        highest = self.sigma_max.to(timestep)
        beyond = timestep >= highest / (highest + 1)
        return torch.where(beyond, highest, timestep / (1 - timestep))


def shift_time(shift: float, time: Any) -> Any:
    """Move flow times (0..1, numbers or tensors) towards noise for ``shift`` above 1 (D-044).

    Source: Esser et al. 2024, "Scaling Rectified Flow Transformers", equation 23
    (arXiv:2403.03206).
    """
    if shift == 1.0:
        return time
    return shift * time / (1 + (shift - 1) * time)


def shift_time_exponentially(mu: float, time: Any) -> Any:
    """Move flow times (0..1, above 0 for tensors) as Flux does, by ``exp(mu)`` (D-045)."""
    return math.exp(mu) / (math.exp(mu) + (1 / time - 1))


def flux_shift(
    width_px: float, height_px: float, max_shift: float = 1.15, base_shift: float = 0.5
) -> float:
    """Return the shift of Flux for a picture's size (D-045).

    It lies on the line through ``base_shift`` at 256 patches of 16 x 16 px and ``max_shift`` at
    4096.
    """
    slope = (max_shift - base_shift) / (4096 - 256)
    return slope * (width_px * height_px / 256) + base_shift - slope * 256


class FlowTable(SigmaTable):
    """A thousand levels of a rectified flow (D-044).

    Args:
        settings: May hold ``shift`` and ``multiplier``, the timestep of level 1.
    """

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        settings = settings_of(settings)
        self.set_parameters(settings.get("shift", 1.0), settings.get("multiplier", 1000))

    def set_parameters(self, shift: float = 1.0, multiplier: float = 1000) -> None:
        """Use another shift and timestep of level 1."""
        self.shift = shift
        self.multiplier = multiplier
        self.sigmas = self.sigma(torch.arange(1, 1001) / 1000 * multiplier)

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return ``sigma`` times the multiplier."""
        return sigma * self.multiplier

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        shifted: torch.Tensor = shift_time(self.shift, timestep / self.multiplier)
        return shifted

    def percent_to_sigma(self, percent: float) -> float:
        """See :meth:`SigmaTable.percent_to_sigma`."""
        if percent <= 0.0:
            return 1.0
        if percent >= 1.0:
            return 0.0
        return float(shift_time(self.shift, 1.0 - percent))


class FluxTable(FlowTable):
    """Ten thousand levels of Flux and LTXV, which are told to the network as they are (D-045).

    Args:
        settings: May hold ``shift``, the exponent of the shift.
    """

    COUNT = 10000

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.set_parameters(settings_of(settings).get("shift", 1.15))

    def set_parameters(self, shift: float = 1.15, multiplier: float = 1.0) -> None:
        """Use another shift; the multiplier is always 1."""
        self.shift = shift
        self.multiplier = 1.0
        self.sigmas = self.sigma(torch.arange(1, self.COUNT + 1) / self.COUNT)

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        shifted: torch.Tensor = shift_time_exponentially(self.shift, timestep)
        return shifted

    def percent_to_sigma(self, percent: float) -> float:
        """See :meth:`SigmaTable.percent_to_sigma`."""
        if percent <= 0.0:
            return 1.0
        if percent >= 1.0:
            return 0.0
        return float(shift_time_exponentially(self.shift, 1.0 - percent))


class CascadeTable(SigmaTable):
    """The cosine schedule of Stable Cascade (Nichol and Dhariwal 2021; D-046).

    Args:
        settings: May hold ``shift``.
    """

    OFFSET = 8e-3
    COUNT = 10000

    def __init__(self, settings: Mapping[str, Any] | None = None) -> None:
        self.set_parameters(settings_of(settings).get("shift", 1.0))

    def set_parameters(self, shift: float = 1.0) -> None:
        """Use another shift of the signal-to-noise ratio."""
        self.shift = shift
        # In float32, because the arc cosine in timestep() magnifies its last digit.
        start = torch.tensor(self.OFFSET / (1 + self.OFFSET))
        self._initial = torch.cos(start * math.pi * 0.5) ** 2
        self.sigmas = self.sigma(torch.arange(1, self.COUNT + 1) / self.COUNT)

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """Return the time (0..1) of the unshifted schedule."""
        kept = (1 / (sigma**2 + 1)).clamp(0, 1.0)
        angle = ((kept * self._initial) ** 0.5).acos()
        return angle / (math.pi / 2) * (1 + self.OFFSET) - self.OFFSET

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """See :meth:`SigmaTable.sigma`."""
        angle = (timestep + self.OFFSET) / (1 + self.OFFSET) * (math.pi / 2)
        kept = torch.cos(angle) ** 2 / self._initial
        if self.shift != 1.0:
            kept = torch.sigmoid(torch.logit(kept) + 2 * math.log(1.0 / self.shift))
        kept = kept.clamp(0.0001, 0.9999)
        return ((1 - kept) / kept) ** 0.5

    def percent_to_sigma(self, percent: float) -> float:
        """See :meth:`SigmaTable.percent_to_sigma`."""
        if percent <= 0.0:
            return BEFORE_FIRST_SIGMA
        if percent >= 1.0:
            return 0.0
        return float(self.sigma(torch.tensor(1.0 - percent)))
