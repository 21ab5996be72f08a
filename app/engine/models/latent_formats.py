"""How the latents between nodes relate to the latents that samplers work on.

Nodes hand latents around as the encoder of images makes them; networks were trained on scaled
ones. A format tells the scale, the number of channels and how a quick picture is made of a
latent. Data of D-170 and D-174.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from app.engine.models import latent_rgb

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class LatentFormat:
    """Scale, channels and preview colours of one kind of latent.

    Attributes:
        name: Short name.
        latent_channels: Channels.
        latent_dimensions: Axes after the channels: 2 for pictures, 3 for video, 1 for sound.
        scale_factor: Factor from the nodes' scale to the sampler's.
        shift_factor: What is taken off before scaling.
        means: What is taken off each channel before scaling.
        stds: What each channel is divided by before scaling.
        latent_rgb_factors: One row a channel, or None where no preview is known.
        latent_rgb_factors_bias: What is added to red, green and blue.
        latent_rgb_factors_reshape: Called with the latent before the matrix.
        taesd_decoder_name: Begin of the file name of its small decoder, or None.
        spacial_downscale_ratio: Pixels a latent cell is wide.
    """

    name: str
    latent_channels: int = 4
    latent_dimensions: int = 2
    scale_factor: float = 1.0
    shift_factor: float = 0.0
    means: tuple[float, ...] = ()
    stds: tuple[float, ...] = ()
    latent_rgb_factors: tuple[Rgb, ...] | None = None
    latent_rgb_factors_bias: Rgb | None = None
    latent_rgb_factors_reshape: Callable[[torch.Tensor], torch.Tensor] | None = None
    taesd_decoder_name: str | None = None
    spacial_downscale_ratio: int = 8

    def process_in(self, latent: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, channels, ...)`` in the sampler's scale."""
        if self.means:
            mean, std = self._channel_values(latent)
            return (latent - mean) * (self.scale_factor / std)
        if self.shift_factor:
            return (latent - self.shift_factor) * self.scale_factor
        return latent * self.scale_factor

    def process_out(self, latent: torch.Tensor) -> torch.Tensor:
        """Return ``(batch, channels, ...)`` in the nodes' scale; undoes :meth:`process_in`."""
        if self.means:
            mean, std = self._channel_values(latent)
            return latent * (std / self.scale_factor) + mean
        if self.shift_factor:
            return latent / self.scale_factor + self.shift_factor
        return latent / self.scale_factor

    def _channel_values(self, latent: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (1, -1) + (1,) * (latent.ndim - 2)
        return latent.new_tensor(self.means).reshape(shape), latent.new_tensor(self.stds).reshape(
            shape
        )


def unpack_patches(latent: torch.Tensor) -> torch.Tensor:
    """Spread channels that hold 2 x 2 patches over a picture twice as wide and high."""
    batch, channels, height, width = latent.shape
    patches = latent.reshape(batch, channels // 4, 2, 2, height, width)
    return patches.permute(0, 1, 4, 2, 5, 3).reshape(batch, channels // 4, height * 2, width * 2)


SD15 = LatentFormat(
    "sd15",
    scale_factor=0.18215,
    latent_rgb_factors=latent_rgb.SD15,
    taesd_decoder_name="taesd_decoder",
)
"""SD 1 and SD 2."""

SDXL = LatentFormat(
    "sdxl",
    scale_factor=0.13025,
    latent_rgb_factors=latent_rgb.SDXL,
    taesd_decoder_name="taesdxl_decoder",
)

SDXL_PLAYGROUND_2_5 = LatentFormat(
    "sdxl_playground_2_5",
    scale_factor=0.5,
    means=(-1.6574, 1.886, -1.383, 2.5155),
    stds=(8.4927, 5.9022, 6.5498, 5.2299),
    latent_rgb_factors=latent_rgb.PLAYGROUND,
    taesd_decoder_name="taesdxl_decoder",
)

SD_X4 = LatentFormat(
    "sd_x4",
    scale_factor=0.08333,
    spacial_downscale_ratio=4,
)

CASCADE_PRIOR = LatentFormat(
    "cascade_prior",
    latent_channels=16,
    latent_rgb_factors=latent_rgb.CASCADE_PRIOR,
    spacial_downscale_ratio=42,
)

CASCADE_B = LatentFormat(
    "cascade_b",
    scale_factor=1.0 / 0.43,
    latent_rgb_factors=latent_rgb.CASCADE_B,
    spacial_downscale_ratio=4,
)

SD3 = LatentFormat(
    "sd3",
    latent_channels=16,
    scale_factor=1.5305,
    shift_factor=0.0609,
    latent_rgb_factors=latent_rgb.SD3,
    taesd_decoder_name="taesd3_decoder",
)

FLUX = LatentFormat(
    "flux",
    latent_channels=16,
    scale_factor=0.3611,
    shift_factor=0.1159,
    latent_rgb_factors=latent_rgb.FLUX,
    taesd_decoder_name="taef1_decoder",
)

FLUX2 = LatentFormat(
    "flux2",
    latent_channels=128,
    latent_rgb_factors=latent_rgb.FLUX2,
    latent_rgb_factors_bias=(-0.0329, -0.0718, -0.0851),
    latent_rgb_factors_reshape=unpack_patches,
    spacial_downscale_ratio=16,
)

HUNYUAN_VIDEO = LatentFormat(
    "hunyuan_video",
    latent_channels=16,
    latent_dimensions=3,
    scale_factor=0.476986,
    latent_rgb_factors=latent_rgb.HUNYUAN_VIDEO,
    latent_rgb_factors_bias=(0.0259, -0.0192, -0.0761),
    taesd_decoder_name="taehv",
)

HUNYUAN_IMAGE = LatentFormat(
    "hunyuan_image",
    latent_channels=64,
    scale_factor=0.75289,
    latent_rgb_factors=latent_rgb.HUNYUAN_IMAGE,
    latent_rgb_factors_bias=(0.0007, -0.0256, -0.0206),
    spacial_downscale_ratio=32,
)

STABLE_AUDIO = LatentFormat("stable_audio", latent_channels=64, latent_dimensions=1)

PIXELS = LatentFormat(
    "pixels",
    latent_channels=3,
    latent_rgb_factors=((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    spacial_downscale_ratio=1,
)
"""Pictures themselves, from -1 to 1."""

STARTER = replace(PIXELS, name="starter", spacial_downscale_ratio=8)
"""Small pictures, from -1 to 1, that a decoder enlarges eight times."""
