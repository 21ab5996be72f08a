"""The families of diffusion models: one module each, and a table of them."""

from __future__ import annotations

from typing import Final

from app.engine.models.families import flux, sd1, sd2, sd2_unclip, sd3, sdxl, sdxl_refiner, starter
from app.engine.models.families.base import Family
from app.engine.models.unet import Shapes

FAMILIES: Final[tuple[Family, ...]] = (
    sd1.FAMILY,
    sd2.FAMILY,
    sd2_unclip.FAMILY_L,
    sd2_unclip.FAMILY_H,
    sdxl.FAMILY,
    sdxl_refiner.FAMILY,
    sd3.FAMILY,
    flux.FAMILY,
    flux.SCHNELL,
    starter.FAMILY,
)
"""The first family that matches a file is taken."""


def find_family(shapes: Shapes) -> Family | None:
    """Return the family of a diffusion model by the shapes of its tensors, or None."""
    return next((family for family in FAMILIES if family.matches(shapes)), None)
