"""Find edges."""

from __future__ import annotations

import torch
from torch.nn import functional

# Offsets (down, right) of the neighbour in the direction of 0, 45, ... 315 degrees, y downwards.
_NEIGHBOURS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))


def canny(image: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """Return the edges of a picture, one pixel wide.

    Source: Canny 1986, "A Computational Approach to Edge Detection": a bell of 5 px and
    standard deviation 1, Sobel gradients, thinning across the edge, and two thresholds. A weak
    edge counts when it touches a strong one, directly or over other weak ones.

    Args:
        image: ``(batch, height, width, channels)``, values 0..1; colour is made grey first.
        low: Strength from which a pixel may be an edge.
        high: Strength from which it surely is one.

    Returns:
        ``(batch, 1, height, width)`` of zeros and ones.
    """
    strength, direction = _gradient(_gray(image))
    strength = _thin(strength, direction)
    weak, strong = strength > low, strength > high
    return _connect(weak, strong).to(image.dtype)


def _gray(image: torch.Tensor) -> torch.Tensor:
    samples = image.movedim(-1, 1)
    if samples.shape[1] < 3:
        return samples[:, :1]
    red, green, blue = samples[:, 0:1], samples[:, 1:2], samples[:, 2:3]
    return 0.299 * red + 0.587 * green + 0.114 * blue


def _gradient(gray: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the strength of the slope and its direction in eighths of a turn."""
    position = torch.arange(-2, 3, device=gray.device, dtype=gray.dtype)
    line = torch.exp(-(position**2) / 2)
    line = line / line.sum()
    mode = "reflect" if min(gray.shape[-2:]) > 2 else "replicate"
    blurred = functional.conv2d(
        functional.pad(gray, (2, 2, 0, 0), mode=mode), line.view(1, 1, 1, 5)
    )
    blurred = functional.conv2d(
        functional.pad(blurred, (0, 0, 2, 2), mode=mode), line.view(1, 1, 5, 1)
    )
    sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).to(gray)
    kernels = torch.stack([sobel, sobel.T]).unsqueeze(1)
    slopes = functional.conv2d(functional.pad(blurred, (1, 1, 1, 1), mode="replicate"), kernels)
    across, down = slopes[:, 0:1], slopes[:, 1:2]
    strength = torch.sqrt(across * across + down * down + 1e-6)
    degrees = torch.rad2deg(torch.atan2(down, across))
    return strength, torch.round(degrees / 45).long() % 8


def _neighbours(samples: torch.Tensor) -> torch.Tensor:
    """Return ``(batch, 8, height, width)``: the eight neighbours, 0 outside."""
    height, width = samples.shape[-2:]
    padded = functional.pad(samples, (1, 1, 1, 1))
    return torch.cat(
        [padded[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width] for y, x in _NEIGHBOURS], dim=1
    )


def _thin(strength: torch.Tensor, direction: torch.Tensor) -> torch.Tensor:
    """Keep only what is stronger than both neighbours along the slope."""
    around = _neighbours(strength)
    ahead = around.gather(1, direction)
    behind = around.gather(1, (direction + 4) % 8)
    return strength * ((strength > ahead) & (strength > behind))


def _connect(weak: torch.Tensor, strong: torch.Tensor) -> torch.Tensor:
    """Let strong edges spread over weak ones until nothing changes."""
    while True:
        grown = functional.max_pool2d(strong.float(), 3, stride=1, padding=1).bool()
        spread = strong | (weak & grown)
        if torch.equal(spread, strong):
            return strong
        strong = spread
