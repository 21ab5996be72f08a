"""``comfy.float``: numbers in small types."""

from __future__ import annotations

import torch

_SMALL = (torch.float8_e4m3fn, torch.float8_e5m2)


def stochastic_rounding(value: torch.Tensor, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    """Return ``value`` in another type.

    For 8-bit types a number between two neighbours goes to one of them by chance, nearer ones
    more often, so that the mean is kept. Other types round to the nearest.

    Args:
        value: Numbers.
        dtype: The type wanted.
        seed: Of the chances.
    """
    if dtype not in _SMALL:
        return value.to(dtype)
    generator = torch.Generator(device=value.device).manual_seed(seed)
    exact = value.float()
    limit = torch.finfo(dtype).max
    near = exact.clamp(-limit, limit).to(dtype)
    error = exact - near.float()
    # The neighbour on the other side of the exact number, one step of the type's bits away.
    away = torch.sign(error) * torch.sign(near.float() + (near == 0) * error)
    bits = near.view(torch.uint8).to(torch.int16) + away.to(torch.int16)
    start = torch.where(error < 0, 0x81, 0x01).to(torch.int16)
    bits = torch.where((near.float() == 0) & (error != 0), start, bits)
    other = bits.to(torch.uint8).view(dtype)
    gap = (other.float() - near.float()).abs()
    chance = torch.rand(value.shape, generator=generator, device=value.device)
    moves = (error != 0) & (chance * gap < error.abs()) & other.float().isfinite()
    return torch.where(moves, other.view(torch.uint8), near.view(torch.uint8)).view(dtype)
