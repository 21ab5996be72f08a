"""Blur and sharpen (rule D-241)."""

from __future__ import annotations

import torch
from torch.nn import functional


def gaussian_kernel(
    kernel_size: int, sigma: float, device: torch.device | str | None = None
) -> torch.Tensor:
    """Return a square bell of ``kernel_size`` px that sums to 1.

    Args:
        kernel_size: Side in pixels; odd, so that there is a middle.
        sigma: Width of the bell on a grid from -1 to 1, so it is relative to the radius.
        device: Where the kernel lies.

    Returns:
        ``(kernel_size, kernel_size)`` float32.
    """
    line = _gaussian_line(kernel_size, sigma, device)
    return line[:, None] * line[None, :]


def _gaussian_line(
    size: int, sigma: float, device: torch.device | str | None = None
) -> torch.Tensor:
    if sigma <= 0:
        raise ValueError(f"sigma must be above 0, got {sigma}.")
    position = torch.linspace(-1, 1, size, device=device)
    line = torch.exp(-(position**2) / (2.0 * sigma * sigma))
    return line / line.sum()


def gaussian_blur(samples: torch.Tensor, radius: int, sigma: float) -> torch.Tensor:
    """Blur every channel of ``(batch, channels, height, width)``; borders are mirrored.

    The bell is the product of a row and a column, so it is applied one axis after the other.

    Args:
        samples: Float tensor.
        radius: Reach in pixels; 0 changes nothing.
        sigma: Width of the bell relative to ``radius``, above 0.

    Raises:
        ValueError: ``radius`` is below 0 or ``sigma`` not above 0.
    """
    if radius < 0:
        raise ValueError(f"The blur radius must be at least 0, got {radius}.")
    if radius == 0:
        return samples
    line = _gaussian_line(2 * radius + 1, sigma, samples.device).to(samples.dtype)
    batch, channels, height, width = samples.shape
    planes = samples.reshape(batch * channels, 1, height, width)
    planes = functional.conv2d(_mirror(planes, 3, radius), line.reshape(1, 1, 1, -1))
    planes = functional.conv2d(_mirror(planes, 2, radius), line.reshape(1, 1, -1, 1))
    return planes.reshape(batch, channels, height, width)


def sharpen(samples: torch.Tensor, radius: int, sigma: float, alpha: float) -> torch.Tensor:
    """Push every pixel away from the blurred picture, ``10 * alpha`` times the difference.

    Returns:
        ``(batch, channels, height, width)``, not cut to 0..1.
    """
    if radius == 0:
        return samples
    amount = 10.0 * alpha
    return samples * (1.0 + amount) - gaussian_blur(samples, radius, sigma) * amount


def _mirror(samples: torch.Tensor, axis: int, radius: int) -> torch.Tensor:
    """Extend ``axis`` by ``radius`` mirrored lines a side, also beyond its own length."""
    size = samples.shape[axis]
    position = torch.arange(-radius, size + radius, device=samples.device)
    period = max(2 * (size - 1), 1)
    folded = position % period
    folded = torch.where(folded >= size, period - folded, folded)
    return samples.index_select(axis, folded.clamp(0, size - 1))
