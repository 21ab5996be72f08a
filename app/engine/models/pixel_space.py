"""The VAE of models that work on pixels: it only changes the range of the values."""

from __future__ import annotations

from typing import Final

import torch
from torch import nn

NAME: Final = "pixel_space"
"""What menus call it."""

MARK: Final = "pixel_space_vae"
"""Name of the only tensor of such a VAE."""


class PixelSpaceAutoencoder(nn.Module):
    """Hands pictures on as latents.

    Attributes:
        latent_channels: Red, green and blue.
        downscale: A latent cell is a pixel.
    """

    latent_channels = 3
    downscale = 1

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer(MARK, torch.ones(1))

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the picture itself, ``(batch, 3, height, width)`` in -1..1."""
        return pixels

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return the latent itself."""
        return latents
