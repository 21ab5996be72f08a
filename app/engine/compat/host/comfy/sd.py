"""``comfy.sd``: models from files as packs load them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

from app.engine.compat.standins import NotSupportedHereError
from app.engine.models import loading
from app.engine.models.text_encoder import CLIP
from app.engine.models.vae import VAE

__all__ = [
    "CLIP",
    "VAE",
    "CLIPType",
    "load_checkpoint_guess_config",
    "load_clip",
    "load_diffusion_model",
    "load_lora_for_models",
    "load_unet",
]


class CLIPType(enum.Enum):
    """What text encoders are for; the files themselves decide."""

    STABLE_DIFFUSION = 1
    STABLE_CASCADE = 2
    SD3 = 3
    STABLE_AUDIO = 4
    HUNYUAN_DIT = 5
    FLUX = 6
    MOCHI = 7
    LTXV = 8
    HUNYUAN_VIDEO = 9
    PIXART = 10
    COSMOS = 11
    LUMINA2 = 12
    WAN = 13
    HIDREAM = 14
    CHROMA = 15
    ACE = 16
    OMNIGEN2 = 17
    QWEN_IMAGE = 18
    HUNYUAN_IMAGE = 19


def _folders(embedding_directory: Any) -> list[str]:
    if embedding_directory is None:
        return []
    if isinstance(embedding_directory, str):
        return [embedding_directory]
    return list(embedding_directory)


def load_checkpoint_guess_config(
    ckpt_path: str,
    output_vae: bool = True,
    output_clip: bool = True,
    output_clipvision: bool = False,
    embedding_directory: Any = None,
    output_model: bool = True,
    model_options: Any = None,
    te_model_options: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """Return model, text encoder, VAE and vision encoder of a file; None for what it lacks.

    Raises:
        NotSupportedHereError: The vision encoder of a checkpoint is wanted.
    """
    if output_clipvision:
        raise NotSupportedHereError("the vision encoder inside a checkpoint")
    found = loading.load_checkpoint(
        ckpt_path,
        _folders(embedding_directory),
        output_model=output_model,
        output_clip=output_clip,
        output_vae=output_vae,
    )
    return (found.model, found.clip, found.vae, None)


def load_clip(
    ckpt_paths: Sequence[str],
    embedding_directory: Any = None,
    clip_type: CLIPType = CLIPType.STABLE_DIFFUSION,
    model_options: Any = None,
) -> CLIP:
    """Return text encoders from one file or several."""
    return loading.load_clip(ckpt_paths, _folders(embedding_directory), clip_type.name.lower())


def load_diffusion_model(unet_path: str, model_options: Any = None) -> Any:
    """Return a diffusion model."""
    return loading.load_diffusion_model(unet_path, (model_options or {}).get("dtype"))


load_unet = load_diffusion_model


def load_lora_for_models(
    model: Any, clip: Any, lora: Any, strength_model: float, strength_clip: float
) -> tuple[Any, Any]:
    """Return clones of a model and a text encoder with a LoRA on them."""
    return loading.apply_lora(model, clip, lora, strength_model, strength_clip)
