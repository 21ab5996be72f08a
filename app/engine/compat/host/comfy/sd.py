"""``comfy.sd``: models from files as packs load them."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from typing import Any

import comfy.model_detection as model_detection
from comfy.controlnet import load_controlnet

from app.engine.compat.standins import NotSupportedHereError
from app.engine.models import loading
from app.engine.models.text_encoder import CLIP
from app.engine.models.vae import VAE

__all__ = [
    "CLIP",
    "VAE",
    "CLIPType",
    "load_checkpoint",
    "load_checkpoint_guess_config",
    "load_clip",
    "load_controlnet",
    "load_diffusion_model",
    "load_diffusion_model_state_dict",
    "load_lora_for_models",
    "load_state_dict_guess_config",
    "load_unet",
    "load_unet_state_dict",
    "model_detection",
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


def load_checkpoint(
    config_path: str | None = None,
    ckpt_path: str | None = None,
    output_vae: bool = True,
    output_clip: bool = True,
    embedding_directory: Any = None,
    state_dict: Any = None,
    config: Any = None,
) -> tuple[Any, Any, Any]:
    """Return model, text encoder and VAE of a checkpoint; its tensors say what it is.

    Args:
        config_path: For packs; not read.
        ckpt_path: The file.
        output_vae: Whether the VAE is wanted.
        output_clip: Whether the text encoder is wanted.
        embedding_directory: Folders where prompts look for embeddings.
        state_dict: Tensors in the place of a file, or None.
        config: For packs; not read.

    Raises:
        ModelFileError: The file cannot be read, or is no checkpoint.
        ValueError: There is neither a file nor tensors.
    """
    folders = _folders(embedding_directory)
    if state_dict is not None:
        found = loading.checkpoint_from_tensors(
            state_dict, folders, output_clip=output_clip, output_vae=output_vae
        )
    elif ckpt_path is not None:
        found = loading.load_checkpoint(
            ckpt_path, folders, output_clip=output_clip, output_vae=output_vae
        )
    else:
        raise ValueError("load_checkpoint needs ckpt_path or state_dict.")
    return (found.model, found.clip, found.vae)


def load_state_dict_guess_config(
    sd: Mapping[str, Any],
    output_vae: bool = True,
    output_clip: bool = True,
    output_clipvision: bool = False,
    embedding_directory: Any = None,
    output_model: bool = True,
    model_options: Any = None,
    te_model_options: Any = None,
    metadata: Any = None,
) -> tuple[Any, Any, Any, Any]:
    """Return what :func:`load_checkpoint_guess_config` does, from tensors.

    Raises:
        NotSupportedHereError: The vision encoder of a checkpoint is wanted.
    """
    if output_clipvision:
        raise NotSupportedHereError("the vision encoder inside a checkpoint")
    found = loading.checkpoint_from_tensors(
        sd,
        _folders(embedding_directory),
        output_model=output_model,
        output_clip=output_clip,
        output_vae=output_vae,
    )
    return (found.model, found.clip, found.vae, None)


def load_diffusion_model_state_dict(
    sd: Mapping[str, Any], model_options: Any = None, metadata: Any = None
) -> Any:
    """Return a diffusion model from its tensors.

    Raises:
        ModelFileError: They are of no known family.
    """
    return loading.diffusion_model_from_tensors(sd, (model_options or {}).get("dtype"))


def load_unet_state_dict(sd: Mapping[str, Any], dtype: Any = None) -> Any:
    """Return a diffusion model from its tensors; see :func:`load_diffusion_model_state_dict`."""
    return loading.diffusion_model_from_tensors(sd, dtype)


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
