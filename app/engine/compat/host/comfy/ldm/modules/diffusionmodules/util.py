"""``comfy.ldm.modules.diffusionmodules.util``: what networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from app.engine.models import unet_blocks

__all__ = ["checkpoint", "make_beta_schedule", "timestep_embedding", "zero_module"]

Module = TypeVar("Module", bound=nn.Module)


def timestep_embedding(
    timesteps: torch.Tensor, dim: int, max_period: float = 10000, repeat_only: bool = False
) -> torch.Tensor:
    """Return ``(batch, dim)``: cosines, then sines, of falling frequencies (D-231)."""
    if repeat_only:
        return timesteps[:, None].expand(-1, dim)
    return unet_blocks.timestep_embedding(timesteps, dim, max_period)


def zero_module(module: Module) -> Module:
    """Set all parameters of a network to 0, in place, and return it."""
    for parameter in module.parameters():
        parameter.detach().zero_()
    return module


def checkpoint(func: Callable[..., Any], inputs: Sequence[Any], params: Any, flag: bool) -> Any:
    """Call a function; nothing is trained here, so nothing has to be kept."""
    return func(*inputs)


def make_beta_schedule(
    schedule: str,
    n_timestep: int,
    linear_start: float = 1e-4,
    linear_end: float = 2e-2,
    cosine_s: float = 8e-3,
) -> Any:
    """Return the noise added at each training step, ``(n_timestep,)`` float64.

    Raises:
        ValueError: The schedule is unknown.
    """
    if schedule == "linear":
        return np.linspace(linear_start**0.5, linear_end**0.5, n_timestep) ** 2
    if schedule == "sqrt_linear":
        return np.linspace(linear_start, linear_end, n_timestep)
    if schedule == "sqrt":
        return np.linspace(linear_start, linear_end, n_timestep) ** 0.5
    if schedule == "cosine":
        # Nichol and Dhariwal 2021, equation 17 (arXiv:2102.09672).
        time = (np.arange(n_timestep + 1) / n_timestep + cosine_s) / (1 + cosine_s)
        kept = np.cos(time * np.pi / 2) ** 2
        return np.clip(1 - kept[1:] / kept[:-1], 0, 0.999)
    raise ValueError(f'Unknown beta schedule "{schedule}".')
