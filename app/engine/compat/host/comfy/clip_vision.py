"""``comfy.clip_vision``: picture encoders."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from app.engine.models.clip_vision import (
    ClipVisionModel,
    Output,
    clip_preprocess,
    load_clip_vision,
)
from app.engine.models.weights import take_prefix

__all__ = ["ClipVisionModel", "Output", "clip_preprocess", "load", "load_clipvision_from_sd"]


def load(ckpt_path: str) -> ClipVisionModel:
    """Load a picture encoder.

    Raises:
        ModelFileError: The file cannot be read, or holds none.
    """
    return load_clip_vision(ckpt_path)


def load_clipvision_from_sd(
    sd: Mapping[str, torch.Tensor], prefix: str = "", convert_keys: bool = False
) -> ClipVisionModel:
    """Return a picture encoder from tensors, whose names may begin with ``prefix``.

    Raises:
        ModelFileError: They belong to none.
    """
    return ClipVisionModel(take_prefix(sd, prefix) if prefix else sd)
