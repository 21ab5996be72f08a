"""``latent_preview``: pictures of the work so far while sampling (D-174).

Video packs derive from these classes and replace these functions, so everything is looked
up through the module when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import comfy.utils
import torch
from comfy.cli_args import LatentPreviewMethod, args
from PIL import Image

__all__ = [
    "Latent2RGBPreviewer",
    "LatentPreviewMethod",
    "LatentPreviewer",
    "decode_latent_to_preview_image",
    "get_previewer",
    "prepare_callback",
    "preview_to_image",
    "set_preview_method",
]

MAX_PREVIEW_RESOLUTION = args.preview_size

_default_method = args.preview_method

StepCallback = Callable[[int, torch.Tensor, torch.Tensor, int], None]


def preview_to_image(latent_image: torch.Tensor, do_scale: bool = True) -> Image.Image:
    """Make a picture of ``(height, width, 3)`` values.

    Args:
        latent_image: The values.
        do_scale: Whether they range from -1 to 1 instead of from 0 to 1.
    """
    values = (latent_image + 1.0) / 2.0 if do_scale else latent_image
    pixels = (values.clamp(0, 1) * 255).to(device="cpu", dtype=torch.uint8)
    return Image.fromarray(pixels.numpy())


class LatentPreviewer:
    """Base of everything that makes a picture of a latent."""

    def decode_latent_to_preview(self, x0: torch.Tensor) -> Image.Image:
        """Return a picture of the first item of ``(batch, channels, height, width)``."""
        raise NotImplementedError

    def decode_latent_to_preview_image(
        self, preview_format: str, x0: torch.Tensor
    ) -> tuple[str, Image.Image, int]:
        """Return what a progress bar takes as preview: format, picture and largest side."""
        return ("JPEG", self.decode_latent_to_preview(x0), MAX_PREVIEW_RESOLUTION)


class Latent2RGBPreviewer(LatentPreviewer):
    """Maps a latent's channels to red, green and blue by a matrix.

    Args:
        latent_rgb_factors: One row of three factors a channel.
        latent_rgb_factors_bias: Three numbers to add, or None.
        latent_rgb_factors_reshape: Called with the latent first, or None.
    """

    def __init__(
        self,
        latent_rgb_factors: Sequence[Sequence[float]],
        latent_rgb_factors_bias: Sequence[float] | None = None,
        latent_rgb_factors_reshape: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> None:
        self.latent_rgb_factors = torch.tensor(latent_rgb_factors).transpose(0, 1)
        self.latent_rgb_factors_bias = (
            None if latent_rgb_factors_bias is None else torch.tensor(latent_rgb_factors_bias)
        )
        self.latent_rgb_factors_reshape = latent_rgb_factors_reshape

    def decode_latent_to_preview(self, x0: torch.Tensor) -> Image.Image:
        """Return a picture of the first item, and of its first frame."""
        if self.latent_rgb_factors_reshape is not None:
            x0 = self.latent_rgb_factors_reshape(x0)
        planes = x0[0, :, 0] if x0.ndim == 5 else x0[0]
        factors = self.latent_rgb_factors.to(planes)
        bias = self.latent_rgb_factors_bias
        offset = None if bias is None else bias.to(planes)
        return preview_to_image(torch.nn.functional.linear(planes.movedim(0, -1), factors, offset))


def get_previewer(device: Any, latent_format: Any) -> LatentPreviewer | None:
    """Return what makes previews of latents of a format, or None when they are off."""
    factors = getattr(latent_format, "latent_rgb_factors", None)
    if args.preview_method is LatentPreviewMethod.NoPreviews or factors is None:
        return None
    return Latent2RGBPreviewer(
        factors,
        getattr(latent_format, "latent_rgb_factors_bias", None),
        getattr(latent_format, "latent_rgb_factors_reshape", None),
    )


def decode_latent_to_preview_image(
    previewer: LatentPreviewer, preview_format: str, x0: torch.Tensor
) -> tuple[str, Image.Image, int]:
    """Return what a progress bar takes as preview."""
    return previewer.decode_latent_to_preview_image(preview_format, x0)


def prepare_callback(
    model: Any, steps: int, x0_output_dict: dict[str, Any] | None = None
) -> StepCallback:
    """Return what a sampler calls after each step; it reports progress with a preview.

    Args:
        model: The patched model that is sampled.
        steps: Steps in all.
        x0_output_dict: Gets the newest estimate under ``"x0"``.
    """
    previewer = sys.modules[__name__].get_previewer(model.load_device, model.model.latent_format)
    bar = comfy.utils.ProgressBar(steps)

    def callback(step: int, x0: torch.Tensor, x: torch.Tensor, total_steps: int) -> None:
        if x0_output_dict is not None:
            x0_output_dict["x0"] = x0
        preview = previewer.decode_latent_to_preview_image("JPEG", x0) if previewer else None
        bar.update_absolute(step + 1, total_steps, preview)

    return callback


def set_preview_method(override: str | None = None) -> None:
    """Use another preview method for the next prompt; None or ``"default"`` ends that."""
    method = LatentPreviewMethod.from_string(override) if override else None
    args.preview_method = method if method is not None else _default_method
