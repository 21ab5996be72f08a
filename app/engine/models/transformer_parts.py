"""Parts that diffusion transformers share: time, norms, modulation, rotary places.

Sources: Peebles and Xie 2022, "Scalable Diffusion Models with Transformers" (arXiv:2212.09748)
for the modulation; Su et al. 2021, "RoFormer" (arXiv:2104.09864) for the rotations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.errors import ModelFileError
from app.engine.models.ops import Linear
from app.engine.models.unet import Shapes

BlockArguments = dict[str, Any]
"""What a block takes and gives by name, as packs that replace blocks see it."""

EPSILON: Final = 1e-6
PATCH: Final = 2
"""Latent cells a token is wide and high."""


def linear(shapes: Shapes, stem: str) -> Linear:
    """Return a fully connected layer of the size that its tensors have.

    Raises:
        KeyError: There are no such tensors.
    """
    rows, columns = shapes[stem + ".weight"]
    return Linear(columns, rows, bias=stem + ".bias" in shapes)


def count_blocks(shapes: Shapes, stem: str) -> int:
    """Return how many numbered blocks lie below ``stem``.

    Raises:
        ModelFileError: A number in between is missing.
    """
    pattern = re.compile(re.escape(stem) + r"(\d+)\.")
    numbers = {int(found[1]) for name in shapes if (found := pattern.match(name))}
    if numbers != set(range(len(numbers))):
        missing = min(set(range(max(numbers))) - numbers)
        raise ModelFileError(
            f'The diffusion model is not complete: its part "{stem}{missing}" is missing.'
        )
    return len(numbers)


class RMSNorm(nn.Module):
    """Scales the last axis to a mean square of one.

    Args:
        size: Length of the axis.
        name: Name that the file has for the factors.
    """

    def __init__(self, size: int, name: str = "weight") -> None:
        super().__init__()
        self._name = name
        self.register_parameter(name, nn.Parameter(torch.empty(size)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return a tensor of the same shape."""
        factors = self._parameters[self._name]
        assert factors is not None
        return F.rms_norm(x, factors.shape, factors.to(x), EPSILON)


def plain_norm(x: torch.Tensor) -> torch.Tensor:
    """Return ``x`` with mean 0 and variance 1 along the last axis."""
    return F.layer_norm(x, x.shape[-1:], eps=EPSILON)


def modulated(x: torch.Tensor, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return ``norm(x) * (1 + scale) + shift``; both are ``(batch, 1, width)``."""
    return torch.addcmul(shift, plain_norm(x), 1 + scale)


class Mlp(nn.Sequential):
    """Two layers with the fast form of GELU between them, numbered 0 and 2."""

    def __init__(self, shapes: Shapes, stem: str) -> None:
        super().__init__(
            linear(shapes, stem + "0"), nn.GELU(approximate="tanh"), linear(shapes, stem + "2")
        )


def to_heads(qkv: torch.Tensor, heads: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Split ``(batch, tokens, 3 * width)`` into three ``(batch, heads, tokens, size)``."""
    batch, tokens, _ = qkv.shape
    q, k, v = qkv.view(batch, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
    return q, k, v


def rotations(places: torch.Tensor, axes: tuple[int, ...], theta: float = 10000) -> torch.Tensor:
    """Return the cosines and sines by which heads are turned for each token's place.

    Args:
        places: ``(batch, tokens, len(axes))``.
        axes: How many channels of a head are turned by each of the places; even numbers.
        theta: Ratio of the longest to the shortest wave.

    Returns:
        ``(batch, 1, tokens, channels / 2, 2)`` float32.
    """
    parts = []
    for axis, size in enumerate(axes):
        steps = torch.arange(0, size, 2, dtype=torch.float64) / size
        frequencies = (1.0 / theta**steps).to(places.device)
        angles = places[..., axis, None].double() * frequencies
        parts.append(torch.stack([angles.cos(), angles.sin()], dim=-1))
    return torch.cat(parts, dim=-2).float()[:, None]


def turned(x: torch.Tensor, waves: torch.Tensor) -> torch.Tensor:
    """Turn neighbouring channels of ``(batch, heads, tokens, size)`` by :func:`rotations`."""
    pairs = x.float().view(*x.shape[:-1], -1, 2)
    cos, sin = waves[..., 0], waves[..., 1]
    even, odd = pairs[..., 0], pairs[..., 1]
    result = torch.stack([even * cos - odd * sin, even * sin + odd * cos], dim=-1)
    return result.flatten(-2).to(x.dtype)


def pad_to_patches(latent: torch.Tensor) -> torch.Tensor:
    """Fill odd sides of ``(batch, channels, height, width)`` up, going on at the other side."""
    height, width = latent.shape[-2:]
    if height % PATCH == 0 and width % PATCH == 0:
        return latent
    return F.pad(latent, (0, width % PATCH, 0, height % PATCH), mode="circular")


def within_half_precision(x: torch.Tensor) -> torch.Tensor:
    """Keep float16 values finite; large networks run over there."""
    if x.dtype != torch.float16:
        return x
    return torch.nan_to_num(x, nan=0.0, posinf=65504, neginf=-65504)


def run_block(
    run: Callable[[BlockArguments], BlockArguments], replacement: Any, arguments: BlockArguments
) -> BlockArguments:
    """Run a block, or what a pack put in its place.

    Args:
        run: The block itself.
        replacement: Called with the arguments and ``{"original_block": run}``; None for none.
        arguments: ``img``, ``txt``, ``vec`` and others.

    Returns:
        ``img``, and ``txt`` where the block has text of its own.
    """
    if replacement is None:
        return run(arguments)
    changed: BlockArguments = replacement(arguments, {"original_block": run})
    return changed
