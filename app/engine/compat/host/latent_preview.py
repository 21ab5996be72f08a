"""``latent_preview``: pictures of the work so far while sampling (D-174).

Video packs derive from these classes and replace these functions, so everything is looked
up through the module when it is used.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import comfy.utils
import folder_paths
import torch
from comfy.cli_args import LatentPreviewMethod, args
from PIL import Image

from app.engine.errors import EaselError
from app.engine.models.taesd import TinyDecoder, find_decoder_file, tiny_decoder

__all__ = [
    "Latent2RGBPreviewer",
    "LatentPreviewMethod",
    "LatentPreviewer",
    "TAESDPreviewerImpl",
    "decode_latent_to_preview_image",
    "get_previewer",
    "prepare_callback",
    "preview_to_image",
    "set_default_preview_method",
    "set_preview_method",
]

log = logging.getLogger("easel.models")

PREVIEW_SHARE = 0.1
"""Part of the time of sampling that previews may take."""

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


class TAESDPreviewerImpl(LatentPreviewer):
    """Decodes latents with a small network of the artist's.

    Args:
        taesd: The decoder; anything with ``decode``.
        fallback: Used for latents that the decoder is not made for, or None.
    """

    def __init__(self, taesd: Any, fallback: LatentPreviewer | None = None) -> None:
        self.taesd = taesd
        self.fallback = fallback

    def decode_latent_to_preview(self, x0: torch.Tensor) -> Image.Image:
        """Return a picture of the first item, and of its first frame."""
        if self.fallback is not None and not self.taesd.accepts(x0):
            return self.fallback.decode_latent_to_preview(x0)
        return preview_to_image(self.taesd.decode(x0))


def get_previewer(device: Any, latent_format: Any) -> LatentPreviewer | None:
    """Return what makes previews of latents of a format, or None when they are off.

    A small decoder is used when the artist has its file, unless the matrix is chosen.
    """
    method = args.preview_method
    if method is LatentPreviewMethod.NoPreviews:
        return None
    matrix = _matrix_previewer(latent_format)
    if method is LatentPreviewMethod.Latent2RGB:
        return matrix
    decoder = _tiny_decoder(device, latent_format, is_wanted=method is LatentPreviewMethod.TAESD)
    return matrix if decoder is None else TAESDPreviewerImpl(decoder, matrix)


def _tiny_decoder(device: Any, latent_format: Any, *, is_wanted: bool) -> TinyDecoder | None:
    """Return the artist's decoder for a format, or None; says why where one is wanted."""
    name = getattr(latent_format, "taesd_decoder_name", None)
    file = find_decoder_file(name, folder_paths.get_filename_list("vae_approx"))
    if file is None:
        if is_wanted and name:
            log.warning("Previews are coarse: there is no %s in models/vae_approx.", name)
        return None
    path = folder_paths.get_full_path("vae_approx", file)
    try:
        return None if path is None else tiny_decoder(path, device)
    except (EaselError, RuntimeError, MemoryError) as error:
        log.warning("Previews are coarse: %s", error)
        return None


def _matrix_previewer(latent_format: Any) -> Latent2RGBPreviewer | None:
    factors = getattr(latent_format, "latent_rgb_factors", None)
    if factors is None:
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

    Steps without a preview come between where previews would take too long.

    Args:
        model: The patched model that is sampled.
        steps: Steps in all.
        x0_output_dict: Gets the newest estimate under ``"x0"``.
    """
    previewer = sys.modules[__name__].get_previewer(model.load_device, model.model.latent_format)
    bar = comfy.utils.ProgressBar(steps)
    next_at = 0.0

    def callback(step: int, x0: torch.Tensor, x: torch.Tensor, total_steps: int) -> None:
        nonlocal next_at
        if x0_output_dict is not None:
            x0_output_dict["x0"] = x0
        preview = None
        started = time.monotonic()
        if previewer is not None and (started >= next_at or step + 1 >= total_steps):
            preview = previewer.decode_latent_to_preview_image("JPEG", x0)
            taken = time.monotonic() - started
            next_at = started + taken / PREVIEW_SHARE
        bar.update_absolute(step + 1, total_steps, preview)

    return callback


def set_preview_method(override: str | None = None) -> None:
    """Use another preview method for the next prompt; None or ``"default"`` ends that."""
    method = LatentPreviewMethod.from_string(override) if override else None
    args.preview_method = method if method is not None else _default_method


def set_default_preview_method(name: str) -> None:
    """Use another preview method from now on, unless a prompt names its own.

    Args:
        name: ``"auto"``, ``"latent2rgb"``, ``"taesd"`` or ``"none"``; others change nothing.
    """
    global _default_method
    method = LatentPreviewMethod.from_string(name)
    if method is not None:
        _default_method = args.preview_method = method
