"""Quick pictures of a latent while it is sampled (D-174)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from app.engine.models.latent_formats import LatentFormat

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def latent_to_rgb(latent: torch.Tensor, latent_format: LatentFormat) -> NDArray[np.uint8] | None:
    """Return a picture of the first item, one pixel a cell.

    Args:
        latent: ``(batch, channels, height, width)`` in the sampler's scale, or with a frame
            axis before the height, of which the first frame counts.
        latent_format: Tells the colours of the channels.

    Returns:
        ``(height, width, 3)``, or None where the format knows no colours or the latent has
        another number of channels.
    """
    factors = latent_format.latent_rgb_factors
    if factors is None or latent.ndim not in (4, 5):
        return None
    first = latent[:1, :, 0] if latent.ndim == 5 else latent[:1]
    if latent_format.latent_rgb_factors_reshape is not None:
        first = latent_format.latent_rgb_factors_reshape(first)
    if first.shape[1] != len(factors):
        return None
    bias = latent_format.latent_rgb_factors_bias
    values = torch.nn.functional.linear(
        first[0].movedim(0, -1).float(),
        torch.tensor(factors, device=latent.device).T,
        None if bias is None else torch.tensor(bias, device=latent.device),
    )
    pixels: NDArray[np.uint8] = picture_bytes(values).numpy()
    return pixels


def picture_bytes(values: torch.Tensor) -> torch.Tensor:
    """Return uint8 on the CPU for values from -1 to 1; what lies outside is cut off."""
    return (((values + 1.0) / 2.0).clamp(0, 1) * 255).to(device="cpu", dtype=torch.uint8)
