"""What stands in for a VAE in the starter model: a learned enlargement of small pictures.

A "latent" is the picture itself at an eighth of the side, in -1..1. Encoding averages; decoding
enlarges four times with a small network (sub-pixel convolution, Shi et al. 2016,
arXiv:1609.05158) that learned the same pictures, then twice by interpolation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
import torch.nn.functional as F  # noqa: N812 - the customary name
from torch import nn

from app.engine.models.ops import Conv2d

LEARNED: Final = 4
"""Times that the network itself enlarges."""


class StarterUpscaler(nn.Module):
    """Enlarges pictures four times.

    Args:
        channels: Channels of its convolutions.
        depth: Number of residual pairs of convolutions.
    """

    def __init__(self, channels: int = 48, depth: int = 4) -> None:
        super().__init__()
        self.first = Conv2d(3, channels, 3, padding=1)
        self.body = nn.ModuleList(
            nn.ModuleList(Conv2d(channels, channels, 3, padding=1) for _ in range(2))
            for _ in range(depth)
        )
        self.last = Conv2d(channels, 3 * LEARNED**2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, 3, 4 h, 4 w)`` for ``(batch, 3, h, w)``, both in -1..1."""
        h = self.first(x)
        for pair in self.body:
            assert isinstance(pair, nn.ModuleList)
            h = h + pair[1](F.silu(pair[0](F.silu(h))))
        detail = F.pixel_shuffle(self.last(F.silu(h)), LEARNED)
        plain = F.interpolate(x, scale_factor=LEARNED, mode="bilinear", align_corners=False)
        return plain + detail


class StarterAutoencoder(nn.Module):
    """Pictures to pictures of an eighth of the side, and back.

    Args:
        shapes: Shapes of a file's tensors.

    Attributes:
        latent_channels: Always 3.
        downscale: Always 8.
    """

    latent_channels: int = 3
    downscale: int = 8

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        depth = len({name.split(".")[2] for name in shapes if name.startswith("upscaler.body.")})
        self.upscaler = StarterUpscaler(shapes["upscaler.first.weight"][0], depth)

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, 3, h / 8, w / 8)`` for ``(batch, 3, h, w)`` in -1..1."""
        return F.avg_pool2d(pixels, self.downscale)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, 3, 8 h, 8 w)`` for ``(batch, 3, h, w)`` in -1..1."""
        large: torch.Tensor = self.upscaler(latents.clamp(-1.0, 1.0))
        factor = self.downscale // LEARNED
        return F.interpolate(large, scale_factor=factor, mode="bicubic", align_corners=False)
