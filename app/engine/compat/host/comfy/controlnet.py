"""``comfy.controlnet``: nets that steer a run."""

from __future__ import annotations

from typing import Any

from app.engine.models import controlnet as _nets
from app.engine.models.controlnet import (
    ControlBase,
    ControlNet,
    StrengthType,
    T2IAdapter,
    broadcast_image_to,
)

__all__ = [
    "ControlBase",
    "ControlNet",
    "StrengthType",
    "T2IAdapter",
    "broadcast_image_to",
    "load_controlnet",
]


def load_controlnet(
    ckpt_path: str, model: Any = None, model_options: dict[str, Any] | None = None
) -> ControlNet | T2IAdapter:
    """Load a ControlNet or a T2I-Adapter.

    Args:
        ckpt_path: The file.
        model: The diffusion model, for files that hold a difference to it; unused.
        model_options: For packs.

    Raises:
        ModelFileError: The file cannot be read, or is neither.
    """
    return _nets.load_controlnet(ckpt_path)
