"""Names for the values that travel between nodes, and limits that many nodes share."""

from __future__ import annotations

from typing import Any

MAX_RESOLUTION = 16384
"""Longest side of a picture that a node offers, in pixels."""

InputTypes = dict[str, Any]
"""What ``INPUT_TYPES`` answers."""

Latent = dict[str, Any]
"""``samples`` and, as needed, ``noise_mask`` and ``batch_index``."""

Conditioning = list[Any]
"""A list of ``[tensor, options]`` pairs."""

UPSCALE_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "lanczos"]
"""Ways to resize pictures, as menus list them."""

LATENT_UPSCALE_METHODS = ["nearest-exact", "bilinear", "area", "bicubic", "bislerp"]
"""Ways to resize latents, as menus list them."""

CROP_METHODS = ["disabled", "center"]
"""What to do when a new size has another aspect."""

METHOD_TOOLTIP = (
    "How new pixels are computed. nearest-exact keeps hard pixels, area is best for making "
    "pictures smaller, bicubic and lanczos keep the most detail when making them larger."
)
LATENT_METHOD_TOOLTIP = (
    "How new latent pixels are computed. bislerp turns neighbouring values into each other and "
    "keeps contrast; nearest-exact repeats them; the others average."
)
CROP_TOOLTIP = "center cuts off what does not fit the new shape; disabled stretches instead."
