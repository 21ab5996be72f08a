"""``comfy.k_diffusion.utils``: shapes of tensors."""

from __future__ import annotations

import torch

__all__ = ["FolderOfImages", "append_dims"]


def append_dims(x: torch.Tensor, target_dims: int) -> torch.Tensor:
    """Return a view with axes of length 1 appended.

    Raises:
        ValueError: There are more axes already.
    """
    missing = target_dims - x.ndim
    if missing < 0:
        raise ValueError(f"input has {x.ndim} dims but target_dims is {target_dims}")
    return x[(...,) + (None,) * missing]


class FolderOfImages:
    """Endings of picture files; packs list folders with them."""

    IMG_EXTENSIONS = {
        ".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp",
    }  # fmt: skip
