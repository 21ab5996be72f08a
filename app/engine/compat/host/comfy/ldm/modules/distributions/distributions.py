"""``comfy.ldm.modules.distributions.distributions``: what an encoder of pictures gives."""

from __future__ import annotations

import torch

__all__ = ["DiagonalGaussianDistribution"]


class DiagonalGaussianDistribution:
    """A normal distribution for each number of a latent.

    Args:
        parameters: ``(batch, 2 * channels, ...)``: means, then logarithms of variances.
        deterministic: Whether samples are the means.
    """

    def __init__(self, parameters: torch.Tensor, deterministic: bool = False) -> None:
        self.parameters = parameters
        self.deterministic = deterministic
        self.mean, logvar = parameters.chunk(2, dim=1)
        self.logvar = logvar.clamp(-30.0, 20.0)
        spread = torch.zeros_like(self.mean)
        self.std = spread if deterministic else (0.5 * self.logvar).exp()
        self.var = spread if deterministic else self.logvar.exp()

    def sample(self) -> torch.Tensor:
        """Return a sample from the global generator."""
        return self.mean + self.std * torch.randn(self.mean.shape).to(self.mean)

    def mode(self) -> torch.Tensor:
        """Return the means."""
        return self.mean
